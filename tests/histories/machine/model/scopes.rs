//! What becomes of scopes.

use super::super::event::{End, Event, Number};
use super::super::ops::{How, Pick, Step};
use super::{Message, Model, Phase, take};

#[derive(Debug, Default)]
pub struct Scope {
    parent: Option<Number>,
    /// Closed for whoever spawns.
    is_shut: bool,
    /// Whether its owner may still close it.
    is_open: bool,
    /// Whether the executor has heard of it.
    is_known: bool,
    /// Closed for the executor.
    is_closed: bool,
    with_parent: bool,
    is_at_rest: bool,
    /// What was accepted and is on its way.
    coming: usize,
    live: usize,
    tasks: Vec<Number>,
    children: Vec<Number>,
    report: [usize; 6],
    is_awaited: bool,
    awaited_by: Option<Number>,
    pub result: Option<[usize; 6]>,
    pub is_owned: bool,
    pub spawners: usize,
}

impl Model {
    fn chain(&self, scope: Option<Number>) -> Vec<Number> {
        std::iter::successors(scope, |scope| self.scopes[*scope].parent).collect()
    }

    fn is_shut(&self, scope: Option<Number>) -> bool {
        self.chain(scope)
            .iter()
            .any(|scope| self.scopes[*scope].is_shut)
    }

    pub(super) fn refuses(&self, scope: Option<Number>) -> bool {
        self.is_closing() || self.is_shut(scope)
    }

    fn within(&self, pick: Pick) -> Option<Number> {
        let index = pick as usize % (self.scope_spawners.len() + 1);
        self.scope_spawners.get(index.checked_sub(1)?).copied()
    }

    pub(super) fn open_scope(&mut self, pick: Pick) {
        let (parent, number) = (self.within(pick), self.scopes.len());
        let is_taken = !self.refuses(parent);
        self.scopes.push(Scope {
            parent,
            is_shut: !is_taken,
            is_open: is_taken,
            is_owned: true,
            spawners: 1,
            ..Scope::default()
        });
        if is_taken && self.turn {
            self.know(number);
        } else if is_taken {
            self.scopes[number].coming = 1;
            if let Some(parent) = parent {
                self.scopes[parent].coming += 1;
            }
            // News for the books: nobody is rung for it.
            self.mailbox.push_back(Message::Open(number));
        }
        self.owned.push(number);
        self.scope_spawners.push(number);
        let is_closed = self.refuses(Some(number));
        self.say(Event::Opened(number, is_closed));
    }

    /// The executor hears of a scope, by the news of its making or because somebody uses it.
    fn know(&mut self, scope: Number) {
        for scope in self.chain(Some(scope)).into_iter().rev() {
            if std::mem::replace(&mut self.scopes[scope].is_known, true) {
                continue;
            }
            if let Some(parent) = self.scopes[scope].parent {
                self.scopes[parent].children.push(scope);
                if self.scopes[parent].is_closed {
                    let scope = &mut self.scopes[scope];
                    (scope.is_closed, scope.is_shut, scope.with_parent) = (true, true, true);
                }
            }
        }
    }

    pub(super) fn opened(&mut self, scope: Number) {
        self.know(scope);
        self.scopes[scope].coming -= 1;
        let parent = self.scopes[scope].parent;
        if let Some(parent) = parent {
            self.scopes[parent].coming -= 1;
        }
        self.settle_scope(scope);
        parent
            .into_iter()
            .for_each(|parent| self.settle_scope(parent));
    }

    pub(super) fn spawn_in(
        &mut self,
        pick: Pick,
        key: Option<u8>,
        script: Vec<Step>,
        how: How,
    ) -> Number {
        let scope = self.within(pick);
        if let Some(scope) = scope {
            let is_closed = self.refuses(Some(scope));
            self.say(Event::IsClosed(scope, is_closed));
        }
        self.spawn(scope, key, script, how)
    }

    /// A task is on its way into a scope.
    pub(super) fn coming(&mut self, scope: Option<Number>) {
        if let Some(scope) = scope {
            self.scopes[scope].coming += 1;
        }
    }

    pub(super) fn arrived(&mut self, scope: Option<Number>) {
        if let Some(scope) = scope {
            self.scopes[scope].coming -= 1;
        }
    }

    /// Puts a new task into its scope and under its key.
    pub(super) fn tie(&mut self, task: Number, scope: Option<Number>, key: Option<u8>) {
        let mut ends = false;
        if let Some(scope) = scope {
            self.know(scope);
            self.tasks[task].scope = Some(scope);
            let scope = &mut self.scopes[scope];
            scope.live += 1;
            ends = scope.is_closed;
            if !ends {
                scope.tasks.push(task);
            }
        }
        if let Some(key) = key
            && let Some(before) = self.latest.insert((scope, key), task)
        {
            self.doom(before);
        }
        if ends {
            self.tasks[task].doomed = true;
        }
    }

    /// Ends a task, as if it were aborted.
    fn doom(&mut self, number: Number) {
        let task = &mut self.tasks[number];
        if task.doomed || !task.is_live() {
            return;
        }
        task.doomed = true;
        if self.running == Some(number) {
            self.cancelled_before = self.totals.cancelled;
        }
        self.wake(number);
    }

    pub(super) fn drop_scope(&mut self, pick: Pick) {
        if let Some(scope) = take(&mut self.owned, pick) {
            self.close_scope(scope, false);
        }
    }

    pub(super) fn close_scope_for_later(&mut self, pick: Pick) {
        if let Some(scope) = take(&mut self.owned, pick) {
            self.close_scope(scope, true);
            self.closings.push(scope);
        }
    }

    /// The owner goes, or waits for a report.
    pub(super) fn close_scope(&mut self, scope: Number, wants_report: bool) {
        self.scopes[scope].is_owned = false;
        self.scopes[scope].is_shut = true;
        let was_open = std::mem::take(&mut self.scopes[scope].is_open);
        if was_open && self.turn {
            let is_first = !self.is_closing();
            self.scope_closed(scope, wants_report, is_first);
        } else if was_open && self.phase == Phase::Open {
            self.post(Message::CloseScope(scope, wants_report, true));
        } else if was_open && wants_report && self.phase < Phase::Closed {
            self.post(Message::CloseScope(scope, wants_report, false));
        } else if wants_report {
            self.scopes[scope].result = Some([0; 6]);
        }
    }

    /// The executor closes a scope and all within it.
    pub(super) fn scope_closed(&mut self, scope: Number, wants_report: bool, is_first: bool) {
        self.know(scope);
        self.scopes[scope].is_awaited = wants_report;
        let (mut doomed, mut closed) = (Vec::new(), Vec::new());
        self.collect(scope, scope, &mut doomed, &mut closed);
        if is_first {
            doomed.into_iter().for_each(|task| self.doom(task));
        }
        closed
            .into_iter()
            .rev()
            .for_each(|scope| self.settle_scope(scope));
    }

    fn collect(
        &mut self,
        scope: Number,
        outermost: Number,
        doomed: &mut Vec<Number>,
        closed: &mut Vec<Number>,
    ) {
        closed.push(scope);
        let within = &mut self.scopes[scope];
        if std::mem::replace(&mut within.is_closed, true) {
            return;
        }
        (within.is_shut, within.with_parent) = (true, scope != outermost);
        doomed.append(&mut within.tasks);
        for child in within.children.clone() {
            self.collect(child, outermost, doomed, closed);
        }
    }

    /// A task has ended. In its scope it is counted by how.
    pub(super) fn untie(&mut self, task: Number, end: End) {
        let Some(number) = self.tasks[task].scope else {
            return;
        };
        let requests = (self.totals.cancelled - self.cancelled_before) as usize;
        let scope = &mut self.scopes[number];
        scope.live -= 1;
        match end {
            End::Done(_) => scope.report[3] += 1,
            End::Panicked(_) => scope.report[4] += 1,
            End::Aborted | End::TornDown | End::Full if scope.is_closed => {
                scope.report[0] += 1;
                scope.report[1] += requests;
            }
            End::Aborted | End::TornDown | End::Full => scope.report[5] += 1,
        }
        self.settle_scope(number);
    }

    fn settle_scope(&mut self, number: Number) {
        let scope = &mut self.scopes[number];
        let is_empty = scope.live == 0 && scope.children.is_empty() && scope.coming == 0;
        if !scope.is_closed || !is_empty {
            return;
        }
        let (report, with_parent) = (scope.report, scope.with_parent);
        let is_news = !std::mem::replace(&mut scope.is_at_rest, true);
        let parent = scope.parent.filter(|_| is_news);
        let mut woken = None;
        if std::mem::take(&mut scope.is_awaited) {
            scope.result = Some(report);
            woken = scope.awaited_by.take();
        }
        if let Some(parent) = parent {
            let around = &mut self.scopes[parent];
            around.children.retain(|child| *child != number);
            if with_parent {
                around.report[0] += report[0];
                around.report[1] += report[1];
                around.report[2] += report[2] + 1;
            } else {
                around.report[5] += report[0];
            }
            (3..6).for_each(|at| around.report[at] += report[at]);
            self.settle_scope(parent);
        }
        if let Some(task) = woken {
            self.wake(task);
        }
    }

    /// Looks whether a scope is at rest, for a task.
    pub(super) fn look_at_scope(&mut self, scope: Number, me: Option<Number>) -> bool {
        let Some(report) = self.scopes[scope].result else {
            self.scopes[scope].awaited_by = me;
            return false;
        };
        self.say(Event::Report(scope, report));
        true
    }

    /// Nobody awaits it any more.
    pub(super) fn forget_scope(&mut self, scope: Number) {
        self.scopes[scope].awaited_by = None;
    }

    pub(super) fn poll_closing(&mut self, pick: Pick) {
        if let Some(scope) = take(&mut self.closings, pick)
            && !self.look_at_scope(scope, None)
        {
            self.closings.push(scope);
            self.say(Event::Unclosed(scope));
        }
    }

    pub(super) fn drop_scope_spawner(&mut self, pick: Pick) {
        if let Some(scope) = take(&mut self.scope_spawners, pick) {
            self.scopes[scope].spawners -= 1;
        }
    }

    /// Scopes of which an owner or a spawner is out.
    pub(super) fn scopes_out(&self) -> usize {
        let is_out = |scope: &&Scope| scope.is_owned || scope.spawners > 0;
        self.scopes.iter().filter(is_out).count()
    }
}
