//! What becomes of scopes in a turn.

use std::sync::Arc;

use futures::channel::oneshot;

use super::{DOOMED, Ended, Turn};
use crate::contain::shield;
use crate::id::TaskId;
use crate::limit::Refusal;
use crate::meta::{Cause, Label, ScopeMessage};
use crate::scopes::{Done, Key, Left, ScopeReport, Slot, Token};
use crate::task_table::Ties;
use crate::trace;

impl Turn {
    /// Carries out what a scope was told from outside.
    #[cold]
    #[inline(never)]
    #[expect(
        clippy::boxed_local,
        reason = "whoever calls it is in a loop that has no room for it"
    )]
    pub(super) fn accept_for_scope(&self, message: Box<ScopeMessage>) {
        match *message {
            ScopeMessage::Open(token) => {
                self.tasks.borrow_mut().scopes().open(&token);
                token.arrived();
                let parent = token.parent().inspect(|parent| parent.arrived());
                // Either may have been closed meanwhile, and may have waited for this alone.
                let both = [Some(&token), parent];
                self.settle(both.into_iter().flatten().filter_map(|token| token.slot()));
            }
            ScopeMessage::Spawn(token, key, runnable, label) => {
                let id = self.enroll_runnable(&runnable, label);
                self.tie(id, token.as_ref(), key);
                if let Some(token) = &token {
                    token.arrived();
                }
                self.make_ready(runnable);
            }
            ScopeMessage::Close(token, waiting, is_first) => {
                self.end_scope(&token, waiting, is_first)
            }
        }
    }

    /// Takes in a task that is made in this turn, in a scope, or in none, under a key or under none. `Err` says why it
    /// is refused.
    #[inline]
    pub(crate) fn admit(
        &self,
        scope: Option<&Arc<Token>>,
        key: Option<Key>,
        label: Label,
    ) -> Result<TaskId, Refusal> {
        if self.is_closing() {
            return Err(Refusal::Closed);
        }
        if scope.is_some_and(|token| token.is_closed()) {
            return Err(Refusal::Scope);
        }
        let place = self.door.place_for_task().ok_or(Refusal::Full)?;
        let id = self.enroll(label);
        if scope.is_some() || key.is_some() {
            self.tie(id, scope, key);
        }
        place.keep();
        // A subscriber may close the scope: by now the task is in it.
        trace::spawned(id, label);
        Ok(id)
    }

    #[cold]
    #[inline(never)]
    fn tie(&self, id: TaskId, scope: Option<&Arc<Token>>, key: Option<Key>) {
        self.has_ties.set(true);
        let (ends, before) = {
            let mut tasks = self.tasks.borrow_mut();
            let slot = scope.map(|token| tasks.scopes().open(token));
            tasks.tie(id, slot, key)
        };
        if let Some(before) = before {
            self.doom(before);
        }
        if ends {
            self.doom(id);
        }
    }

    /// Takes a scope in that is made in this turn. Gives whether it is open.
    pub(crate) fn open_scope(&self, token: &Arc<Token>) -> bool {
        let is_refused =
            self.is_closing() || token.parent().is_some_and(|parent| parent.is_closed());
        if !is_refused {
            self.tasks.borrow_mut().scopes().open(token);
        }
        !is_refused
    }

    /// Ends what is in a scope, for its owner, who has closed its token.
    pub(crate) fn close_scope(
        &self,
        token: &Arc<Token>,
        waiting: Option<oneshot::Sender<ScopeReport>>,
    ) {
        self.end_scope(token, waiting, !self.is_closing());
    }

    /// The same, where it came first or after a teardown.
    fn end_scope(
        &self,
        token: &Arc<Token>,
        waiting: Option<oneshot::Sender<ScopeReport>>,
        is_first: bool,
    ) {
        let (doomed, closed) = {
            let mut tasks = self.tasks.borrow_mut();
            let scopes = tasks.scopes();
            let slot = scopes.open(token);
            scopes.close(slot, waiting)
        };
        if is_first {
            doomed.into_iter().for_each(|id| self.doom(id));
        }
        self.settle(closed);
    }

    /// Marks a task for its end, and wakes it for that.
    fn doom(&self, id: TaskId) {
        if !self.tasks.borrow_mut().doom(id) {
            return;
        }
        self.alarm.set(self.alarm.get() | DOOMED);
        if self.current.get() == Some(id) {
            // For a poll under way that panics: this came first.
            self.fate.set(Some(Cause::Aborted));
            self.count_cancelled();
        }
        self.wake(id);
    }

    /// Whether a task is polled only to be stopped, and why: the cause that came first.
    #[cold]
    #[inline(never)]
    pub(super) fn fate_of(&self, id: TaskId, is_aborted: bool) -> Option<Cause> {
        let is_doomed = self.alarm.get() & DOOMED != 0 && self.tasks.borrow().is_doomed(id);
        let fate = match is_aborted || is_doomed {
            true => Some(Cause::Aborted),
            false => self.is_closing().then_some(Cause::TornDown),
        };
        if fate.is_some() {
            self.count_cancelled();
        }
        fate
    }

    /// Notes how many requests were cancelled by now.
    fn count_cancelled(&self) {
        let cancelled = self.requests.borrow().cancelled;
        self.tasks.borrow_mut().scopes().cancelled_before = Some(cancelled);
    }

    /// A task that may have ties has ended.
    #[cold]
    #[inline(never)]
    pub(super) fn end_with_ties(&self, id: TaskId, how: Ended) {
        let ties = self.tasks.borrow_mut().ties(id);
        if ties.scope.is_some() || ties.is_doomed {
            self.untie(ties, how);
        }
        self.leave_table(id, how);
        self.settle(ties.scope);
    }

    fn untie(&self, ties: Ties, how: Ended) {
        let cancelled = self.requests.borrow().cancelled;
        let left_doomed = {
            let mut tasks = self.tasks.borrow_mut();
            let before = tasks.scopes().cancelled_before.take().unwrap_or(cancelled);
            let how = match how {
                Ended::Done => Left::Completed,
                Ended::Panicked => Left::Panicked,
                Ended::Stopped => Left::Stopped((cancelled - before) as usize),
            };
            tasks.untie(ties, how)
        };
        if left_doomed == 0 {
            self.alarm.set(self.alarm.get() & !DOOMED);
        }
    }

    /// Sees whether these scopes are at rest, and tells who waits for that.
    fn settle(&self, scopes: impl IntoIterator<Item = Slot>) {
        let mut done: Vec<Done> = Vec::new();
        {
            let mut tasks = self.tasks.borrow_mut();
            for slot in scopes {
                tasks.scopes().settle(slot, &mut done);
            }
        }
        // Who waits is woken by it, by a waker of his own.
        for (waiting, report) in done {
            shield(|| {
                // Where nobody waits any more, nobody is told.
                let _ = waiting.send(report);
            });
        }
    }
}
