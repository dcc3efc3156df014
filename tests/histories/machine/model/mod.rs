//! The executor as plain data: no threads, no wakers, no futures, and nothing of the crate.
//!
//! It follows the design's rules; where these leave a choice that a history can see (the order in which a teardown stops
//! its tasks), it is told what the crate chose.

mod acts;
mod host;
mod limits;
mod requests;
mod scopes;
mod strictness;
mod tasks;

use std::collections::{HashMap, HashSet, VecDeque};

use super::event::{Alive, Emission, Event, Holdings, Lack, Number, Totals, name};
use super::ops::{Limits, Pick, Policy};
use requests::{Answer, Request};
use scopes::Scope;
use strictness::THE_BELL_IS_QUIET_DURING_TEARDOWN;
use tasks::Task;

/// How far the executor is in its life.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub enum Phase {
    Open,
    Resting,
    Closed,
}

/// What waits at the door.
#[derive(Debug)]
pub enum Message {
    Run(Number),
    Spawn(Number),
    Abort(Number),
    Panicked(Number),
    Answer(Number, Answer),
    Fail(Number, Lack),
    Item(Number, Answer),
    End(Number, Result<(), Lack>),
    FeedGone(Number),
    Dropped(Number),
    Notify(Number),
    /// A scope was made.
    Open(Number),
    /// A task was made in a scope, or under a key.
    SpawnIn(Number, Option<Number>, Option<u8>),
    /// A scope was closed; whether its report is wanted, and whether that was before a teardown.
    CloseScope(Number, bool, bool),
}

pub struct Model {
    limits: Limits,
    /// Places that are taken, of tasks and in the outbox.
    tasks_held: usize,
    emissions_held: usize,
    /// Requests that wait for a place, in order.
    line: VecDeque<Number>,
    /// Whether there has been one.
    pub had_line: bool,
    /// What found no place since the last turn.
    refused: usize,
    pub log: Vec<Event>,
    /// What `on_panic` was told.
    pub reported: Vec<Number>,
    pub rings: usize,
    /// The bell may have rung once more: work is left of which the host was told by `budget_spent`.
    may_ring: bool,
    /// How often it may have rung so and was armed again since.
    may_have_rung: usize,
    /// Whether the last turn may say that its budget is spent, though it did all that there was.
    pub may_be_spent: bool,
    pub phase: Phase,
    /// Whether what happens now happens in a turn of this executor.
    turn: bool,
    running: Option<Number>,
    /// Whether this thread unwinds.
    unwinding: bool,
    armed: bool,
    /// Whether a task became ready in this call of the host, by no message.
    brought: bool,
    tasks: Vec<Task>,
    live: usize,
    ready: VecDeque<Number>,
    pub mailbox: VecDeque<Message>,
    /// Made by the host, and not taken in.
    newcomer: Option<Number>,
    requests: Vec<Request>,
    outbox: VecDeque<Emission>,
    grave: Vec<Emission>,
    panics: Vec<Number>,
    serials: Number,
    told: Number,
    totals: Totals,
    handles: Vec<Number>,
    locals: Vec<Number>,
    resolvers: Vec<Number>,
    feeds: Vec<Number>,
    wakers: Vec<Number>,
    parked: Vec<Number>,
    scopes: Vec<Scope>,
    /// Scopes whose owner lies where anybody finds it; likewise their spawners, and reports that are to come.
    owned: Vec<Number>,
    scope_spawners: Vec<Number>,
    closings: Vec<Number>,
    latest: HashMap<(Option<Number>, u8), Number>,
    /// How many requests were cancelled when the poll began that stops a task.
    cancelled_before: u64,
    forgotten: usize,
    spawners: usize,
    shells: usize,
    unread: usize,
    outputs: usize,
    /// Bookkeeping messages that may be in the mailbox, at most.
    pub quiet: usize,
}

impl Model {
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            tasks_held: 0,
            emissions_held: 0,
            line: VecDeque::new(),
            had_line: false,
            refused: 0,
            log: Vec::new(),
            reported: Vec::new(),
            rings: 0,
            may_ring: false,
            may_have_rung: 0,
            may_be_spent: false,
            phase: Phase::Open,
            turn: false,
            running: None,
            unwinding: false,
            armed: true,
            brought: false,
            tasks: Vec::new(),
            live: 0,
            ready: VecDeque::new(),
            mailbox: VecDeque::new(),
            newcomer: None,
            requests: Vec::new(),
            outbox: VecDeque::new(),
            grave: Vec::new(),
            panics: Vec::new(),
            serials: 0,
            told: 0,
            totals: Totals::default(),
            handles: Vec::new(),
            locals: Vec::new(),
            resolvers: Vec::new(),
            feeds: Vec::new(),
            wakers: Vec::new(),
            parked: Vec::new(),
            scopes: Vec::new(),
            owned: Vec::new(),
            scope_spawners: Vec::new(),
            closings: Vec::new(),
            latest: HashMap::new(),
            cancelled_before: 0,
            forgotten: 0,
            spawners: 0,
            shells: 0,
            unread: 0,
            outputs: 0,
            quiet: 0,
        }
    }

    fn say(&mut self, event: Event) {
        self.log.push(event);
    }

    /// Brings something to the door from outside.
    fn post(&mut self, message: Message) {
        self.mailbox.push_back(message);
        match self.phase {
            Phase::Open if self.armed => {
                self.armed = false;
                self.rings += 1;
            }
            Phase::Resting if !THE_BELL_IS_QUIET_DURING_TEARDOWN => self.may_ring = true,
            _ => {}
        }
    }

    /// Takes over how often the crate has rung, where it had the choice.
    pub fn heard(&mut self, rings: usize) {
        let more = rings.saturating_sub(self.rings);
        let most = std::mem::take(&mut self.may_have_rung);
        if more > most && self.may_ring {
            self.armed = false;
            self.rings += 1;
        }
        self.rings += more.min(most);
        self.may_ring = false;
    }

    fn take_in(&mut self) {
        self.quiet = 0;
        self.adopt_newcomer();
        for _ in 0..self.mailbox.len() {
            let Some(message) = self.mailbox.pop_front() else {
                break;
            };
            let before = self.brought;
            match message {
                Message::Run(task) => self.ready.push_back(task),
                Message::Spawn(task) => self.adopt(task),
                Message::Abort(task) => self.wake(task),
                Message::Panicked(number) => self.panics.push(number),
                Message::Answer(request, answer) => {
                    if let Err((_, answer)) = self.deliver(request, answer) {
                        self.drop_answer(answer);
                    }
                }
                Message::Fail(request, lack) => drop(self.end(request, Err(lack))),
                Message::Item(request, item) => {
                    if let Err((_, item)) = self.item(request, item) {
                        self.drop_answer(item);
                    }
                }
                Message::End(request, end) => drop(self.end(request, end)),
                Message::FeedGone(request) => drop(self.end(request, Err(Lack::Abandoned))),
                Message::Dropped(request) => self.cancel(request),
                Message::Open(scope) => self.opened(scope),
                Message::SpawnIn(task, scope, key) => {
                    self.take_up(task);
                    self.tie(task, scope, key);
                    self.arrived(scope);
                    self.ready.push_back(task);
                }
                Message::CloseScope(scope, wants_report, is_first) => {
                    self.scope_closed(scope, wants_report, is_first);
                }
                Message::Notify(number) => self.outbox.push_back(Emission::Say(number)),
            }
            // Who sent it has rung.
            self.brought = before;
        }
    }

    /// Drops what was buried and tells of panics, until there is neither.
    fn sweep(&mut self) {
        while !self.grave.is_empty() || !self.panics.is_empty() {
            for operation in std::mem::take(&mut self.grave) {
                self.drop_operation(operation);
            }
            let panics = std::mem::take(&mut self.panics);
            self.reported.extend(panics);
        }
    }

    pub fn alive(&self) -> (Alive, usize) {
        let is_effect = |emission: &&Emission| !matches!(emission, Emission::Cancelled(_));
        let told = self
            .mailbox
            .iter()
            .filter(|message| matches!(message, Message::Notify(_)))
            .count();
        let alive = Alive {
            futures: self.tasks.iter().filter(|task| task.has_future).count(),
            answers: self.unread,
            operations: self.outbox.iter().filter(is_effect).count() + told + self.unasked(),
            outputs: self.outputs,
        };
        (alive, self.grave.len())
    }

    pub fn totals(&self) -> Totals {
        self.totals
    }

    pub fn holdings(&self) -> Holdings {
        let tasks = self.tasks.iter().enumerate();
        let live = tasks.filter(|(_, task)| task.is_live());
        let requests = self.requests.iter().enumerate();
        let mut holdings = Holdings {
            tasks: live
                .map(|(number, task)| task.named.then(|| name(number)))
                .collect(),
            requests: requests
                .filter_map(|(number, request)| request.holding(number))
                .collect(),
        };
        holdings.tasks.sort_unstable();
        holdings.requests.sort_unstable();
        holdings
    }

    /// Tasks whose allocation nobody may hold any more and somebody does.
    pub fn leaks(&self) -> Vec<Option<&'static str>> {
        let out: HashSet<_> = self.wakers.iter().copied().collect();
        let mut leaks: Vec<_> = out
            .into_iter()
            .filter(|task| !self.tasks[*task].joined && self.tasks[*task].was_adopted)
            .map(|task| self.tasks[task].named.then(|| name(task)))
            .collect();
        leaks.sort_unstable();
        leaks
    }

    /// Spawners, shells, join handles, resolvers and feeds that are out.
    pub fn outstanding(&self) -> [usize; 5] {
        let feeds: HashSet<_> = self.feeds.iter().collect();
        let handles = self.handles.iter().chain(&self.locals);
        [
            self.spawners + self.scopes_out(),
            self.shells,
            handles
                .filter(|task| self.tasks[**task].was_adopted)
                .count(),
            self.resolvers.len() + self.forgotten,
            feeds.len(),
        ]
    }
}

fn pick_of(length: usize, pick: Pick) -> Option<usize> {
    (length > 0).then(|| pick as usize % length)
}

fn take(from: &mut Vec<Number>, pick: Pick) -> Option<Number> {
    pick_of(from.len(), pick).map(|index| from.remove(index))
}

fn peek(from: &[Number], pick: Pick) -> Option<Number> {
    pick_of(from.len(), pick).map(|index| from[index])
}
