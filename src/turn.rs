//! The state that a turn lends to what it polls: task table, ready queue, request slab, outbox.
//!
//! All of it is the executor's alone. For the length of a turn, and of the host's other calls, a reference to it lies
//! in a thread-local, where whatever runs on this thread finds it: a first poll, a wake, a spawn, a drop act on it
//! without an atomic. Between turns the thread-local is empty; it has no destructor. Outside a turn the same acts are
//! messages, and [`Turn::accept`] carries them out.
//!
//! Every borrow of a field ends before anybody else's code runs: move out, then act.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
#[cfg(feature = "testing")]
use std::panic::Location;
use std::sync::Arc;
use std::task::Waker;

use crate::contain::{Payload, discard};
use crate::entry::{Overflow, RequestError};
use crate::id::{RequestId, TaskId};
use crate::limit::{Limits, Line};
use crate::mailbox::Until;
use crate::meta::{Cause, Door, Label, Message, Meta, Runnable, TaskPanic};
#[cfg(feature = "testing")]
use crate::order::Order;
use crate::outbox::{AnyOutbox, Outbox};
use crate::report::Totals;
use crate::request_table::RequestTable;
use crate::shim;
use crate::snapshot::{Snapshot, TaskSnapshot, TaskState};
use crate::task_table::TaskTable;

mod requests;
mod scopes;
mod tasks;

shim::turn_local!(static TURN: Turn);

/// How many senders are kept for the next request.
const SPARE_SENDERS: usize = 64;

/// Calls `act` with the turn of this door's executor, if this thread is in one. Where turns nest, the innermost counts.
pub(crate) fn with<R>(door: &Arc<Door>, act: impl FnOnce(Option<&Turn>) -> R) -> R {
    innermost(|turn| act(turn.filter(|turn| turn.is_of(door))))
}

/// Calls `act` with the innermost turn on this thread, whosever it is.
pub(crate) fn innermost<R>(act: impl FnOnce(Option<&Turn>) -> R) -> R {
    if TURN.is_set() {
        TURN.with(|turn| act(Some(turn)))
    } else {
        act(None)
    }
}

/// What becomes of a runnable when its task is woken: the schedule function of every task.
pub(crate) fn schedule(runnable: Runnable) {
    innermost(|turn| match turn {
        Some(turn) if turn.is_of(&runnable.metadata().door) => {
            turn.ready.borrow_mut().push_back(runnable);
        }
        _ => {
            // Once it is sent, another thread may free the task, and this reference to the door with it.
            let door = Arc::clone(&runnable.metadata().door);
            door.post(Message::Run(runnable));
        }
    });
}

/// The task's allocation is gone.
impl Drop for Meta {
    fn drop(&mut self) {
        if let Some(id) = self.status().id() {
            with(&self.door, |turn| match turn {
                Some(turn) => turn.freed(id),
                None => self.door.post_quietly(Until::Ever, Message::Freed(id)),
            });
        }
    }
}

/// What the wrapper of the polled task says of its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Done,
    Panicked,
    Stopped,
}

impl Ended {
    /// The word for it, for people.
    fn word(self, fate: Option<Cause>) -> &'static str {
        match (self, fate) {
            (Self::Done, _) => "done",
            (Self::Panicked, _) => "panicked",
            (Self::Stopped, Some(Cause::TornDown)) => "torn down",
            (Self::Stopped, _) => "aborted",
        }
    }
}

/// What tells two wakers apart: [`Waker::will_wake`] compares the same, and this needs no waker to be kept.
fn address(waker: &Waker) -> (usize, usize) {
    (
        waker.data().addr(),
        std::ptr::from_ref(waker.vtable()).addr(),
    )
}

/// Calls `act` with the turn in which a task is being polled, for the task's wrapper: tasks are polled in turns only.
pub(crate) fn here<R>(act: impl FnOnce(&Turn) -> R) -> R {
    TURN.with(act)
}

/// A panic that its task's join handle may still ask for. Dropping it hands it to the executor's `on_panic`.
pub(crate) struct Unjoined {
    door: Arc<Door>,
    /// `None` once somebody has it.
    panic: Option<TaskPanic>,
    /// Goes with it, for who wants to know that it is there.
    #[cfg(feature = "testing")]
    _witness: Option<Witness>,
}

#[cfg(feature = "testing")]
pub(crate) type Witness = Box<dyn Any + Send + Sync>;

/// Makes what goes with a panic until somebody joins it, or is told of it.
#[cfg(feature = "testing")]
type Witnessing = Box<dyn Fn(&TaskPanic) -> Witness + Send>;

impl Unjoined {
    /// The payload, for who joins.
    pub(crate) fn join(mut self) -> Option<Payload> {
        self.panic.take().map(|panic| panic.payload)
    }
}

impl Drop for Unjoined {
    fn drop(&mut self) {
        if let Some(panic) = self.panic.take() {
            with(&self.door, |turn| match turn {
                Some(turn) => turn.report(panic),
                None => match self.door.enter(Until::Closed) {
                    Some(inside) => inside.send(Message::Panicked(panic)),
                    // Nobody is left to be told.
                    None => discard(panic),
                },
            });
        }
    }
}

/// Teardown has begun: spawning and asking are refused.
const CLOSING: u8 = 1;
/// A task is doomed, and has not ended.
const DOOMED: u8 = 2;

pub(crate) struct Turn {
    pub(crate) door: Arc<Door>,
    /// How many turns have begun.
    number: Cell<u64>,
    tasks: RefCell<TaskTable>,
    ready: RefCell<VecDeque<Runnable>>,
    /// Who picks among the ready tasks, if it is not the first that is next.
    #[cfg(feature = "testing")]
    order: Option<Box<dyn Order>>,
    #[cfg(feature = "testing")]
    witness: Option<Witnessing>,
    /// A task that the host has made, until its next call or the turn takes it in. Most hosts drop the join handle at
    /// once: before the task has an id, nobody needs to be told.
    newcomer: RefCell<Option<(Runnable, Label)>>,
    requests: RefCell<RequestTable>,
    outbox: RefCell<Box<dyn AnyOutbox>>,
    panics: RefCell<Vec<TaskPanic>>,
    /// Where requests or emissions have a limit: who waits.
    line: Option<Line>,
    /// Of streams that choose none.
    pub(crate) overflow: Overflow,
    /// Senders that were given back: the next one that is needed costs no atomic.
    spare: RefCell<Vec<Arc<Door>>>,
    /// Whether something waits for [`take_panics`](Self::take_panics), or in the outbox's grave.
    unswept: Cell<bool>,
    /// Resolvers that exist, in the outbox or with the shell.
    resolvers: Cell<usize>,
    /// Subscriptions of which a feed exists.
    feeds: Cell<usize>,
    /// Effects that the shell took.
    effects: Cell<u64>,
    /// [`CLOSING`] and [`DOOMED`]: 0 as long as every task may be polled that is not aborted.
    alarm: Cell<u8>,
    /// Whether there has been a task with ties.
    has_ties: Cell<bool>,
    /// The task that is being polled.
    current: Cell<Option<TaskId>>,
    /// Its own waker's [`address`].
    own_waker: Cell<Option<(usize, usize)>>,
    /// Whether it was woken by its id in its first poll, before its waker was kept.
    was_woken: Cell<bool>,
    /// Whether it is polled only to be stopped.
    fate: Cell<Option<Cause>>,
    /// How it has ended, if it has.
    ended: Cell<Option<Ended>>,
}

impl Turn {
    pub(crate) fn new(door: Arc<Door>, outbox: Box<dyn AnyOutbox>, limits: &Limits) -> Self {
        Self {
            line: limits.line(),
            overflow: limits.overflow,
            door,
            number: Cell::new(0),
            tasks: RefCell::default(),
            ready: RefCell::default(),
            #[cfg(feature = "testing")]
            order: None,
            #[cfg(feature = "testing")]
            witness: None,
            newcomer: RefCell::default(),
            requests: RefCell::default(),
            outbox: RefCell::new(outbox),
            panics: RefCell::default(),
            spare: RefCell::default(),
            unswept: Cell::new(false),
            resolvers: Cell::new(0),
            feeds: Cell::new(0),
            effects: Cell::new(0),
            alarm: Cell::new(0),
            has_ties: Cell::new(false),
            current: Cell::new(None),
            own_waker: Cell::new(None),
            was_woken: Cell::new(false),
            fate: Cell::new(None),
            ended: Cell::new(None),
        }
    }

    /// Makes this state the one that code on this thread finds, while `act` runs.
    pub(crate) fn lend<R>(&self, act: impl FnOnce() -> R) -> R {
        TURN.set(self, act)
    }

    /// A turn begins.
    pub(crate) fn begin_turn(&self) {
        self.number.set(self.number.get() + 1);
    }

    /// The turn's number, as it is kept by tasks and requests.
    fn now(&self) -> u32 {
        self.number.get() as u32
    }

    /// Whether this is the turn of the door's executor.
    pub(crate) fn is_of(&self, door: &Arc<Door>) -> bool {
        Arc::ptr_eq(&self.door, door)
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.alarm.get() & CLOSING != 0
    }

    pub(crate) fn begin_closing(&self) {
        self.alarm.set(self.alarm.get() | CLOSING);
    }

    /// A way to send, for who is outside.
    pub(crate) fn sender(&self) -> Arc<Door> {
        let spare = self.spare.borrow_mut().pop();
        spare.unwrap_or_else(|| Arc::clone(&self.door))
    }

    /// Takes a sender of this executor back.
    pub(crate) fn give_back(&self, sender: Arc<Door>) {
        let mut spare = self.spare.borrow_mut();
        if spare.len() < SPARE_SENDERS {
            spare.push(sender);
        }
    }

    /// Carries out what was sent from outside.
    pub(crate) fn accept(&self, message: Message) {
        match message {
            Message::Run(runnable) => self.ready.borrow_mut().push_back(runnable),
            Message::Spawn(runnable, label) => self.adopt(runnable, label),
            Message::Abort(task) => self.abort(task),
            Message::Detached(task) => self.detached(task),
            Message::Freed(task) => self.freed(task),
            Message::Panicked(panic) => self.report(panic),
            Message::Scope(message) => self.accept_for_scope(message),
            // Where whom they were meant for is gone, answers are dropped: the shell has its notice.
            Message::Answer(id, answer) => {
                self.resolver_gone(None);
                discard(self.answer_erased(id, answer));
            }
            Message::Fail(id, error) => {
                self.resolver_gone(None);
                let _ = self.end(id, Err(error));
            }
            Message::ResolverGone => self.resolver_gone(None),
            Message::Item(id, item) => discard(self.item_erased(id, item)),
            Message::End(id, end) => {
                self.arrived(id);
                let _ = self.end(id, end);
            }
            Message::FeedGone(id) => self.feed_gone(id),
            Message::Dropped(id) => self.cancel(id),
            Message::Notify(effect) => {
                let refused = self.outbox.borrow_mut().accept(effect);
                discard(refused);
            }
            Message::Vacated => self.vacate(1),
        }
    }

    // --- what is there ---

    /// What is there, for people, beside so many messages.
    pub(crate) fn snapshot(&self, messages: usize) -> Snapshot {
        let (mut tasks, ended) = self.tasks.borrow().snapshot(self.now());
        let requests = self.requests.borrow().snapshot(self.now());
        let by_id = |(index, task): (usize, &TaskSnapshot)| (task.id, index);
        let index_of: HashMap<TaskId, usize> = tasks.iter().enumerate().map(by_id).collect();
        for request in &requests {
            if let Some(index) = index_of.get(&request.task) {
                tasks[*index].awaits.push(request.id);
            }
        }
        for runnable in self.ready.borrow().iter() {
            let id = runnable.metadata().status().id();
            if let Some(index) = id.and_then(|id| index_of.get(&id)) {
                tasks[*index].state = TaskState::Ready;
            }
        }
        Snapshot {
            turn: self.number.get(),
            messages: messages + usize::from(self.newcomer.borrow().is_some()),
            tasks,
            requests,
            ended,
        }
    }

    /// The place that made a request, and the task that waits for it.
    #[cfg(feature = "testing")]
    pub(crate) fn origin(
        &self,
        id: RequestId,
    ) -> Option<(&'static Location<'static>, TaskId, Option<Label>)> {
        let (place, task) = self.requests.borrow().origin(id)?;
        Some((place, task, self.tasks.borrow().label(task)))
    }

    /// Frees what tasks and requests lay in, once all have ended.
    pub(crate) fn free_tables(&self) {
        self.tasks.take();
        self.requests.take();
        self.ready.take();
    }

    pub(crate) fn totals(&self) -> Totals {
        let (tasks, requests) = (self.tasks.borrow(), self.requests.borrow());
        Totals {
            tasks: tasks.seen,
            requests: requests.seen,
            cancelled: requests.cancelled,
            effects: self.effects.get(),
            peak_tasks: tasks.peak,
            peak_requests: requests.peak,
        }
    }

    /// Resolvers that exist, in the outbox or with the shell.
    pub(crate) fn resolvers(&self) -> usize {
        self.resolvers.get()
    }

    /// Subscriptions of which a feed exists.
    pub(crate) fn feeds(&self) -> usize {
        self.feeds.get()
    }

    pub(crate) fn resolver_made(&self) {
        self.resolvers.set(self.resolvers.get() + 1);
    }

    /// A resolver is used up, and its sender with it.
    pub(crate) fn resolver_gone(&self, sender: Option<Arc<Door>>) {
        self.resolvers.set(self.resolvers.get().saturating_sub(1));
        if let Some(sender) = sender {
            self.give_back(sender);
        }
    }

    pub(crate) fn feed_made(&self) {
        self.feeds.set(self.feeds.get() + 1);
    }

    /// The last feed of a stream is gone: where it was not ended, it is abandoned.
    pub(crate) fn feed_gone(&self, id: RequestId) {
        let _ = self.end(id, Err(RequestError::Abandoned));
        self.feeds.set(self.feeds.get().saturating_sub(1));
    }

    /// The last feed of a stream is given up, and the stream goes on.
    #[cfg(feature = "bridge")]
    pub(crate) fn feed_given_up(&self) {
        self.feeds.set(self.feeds.get().saturating_sub(1));
    }

    // --- the outbox ---

    /// Calls `act` with the outbox. It must not call anybody else's code.
    pub(crate) fn with_outbox<E: Send + 'static, R>(
        &self,
        act: impl FnOnce(&mut Outbox<E>) -> R,
    ) -> R {
        let mut outbox = self.outbox.borrow_mut();
        let outbox: &mut dyn Any = &mut **outbox;
        let outbox = outbox
            .downcast_mut()
            .expect("a shell is made by the executor whose effect it has");
        act(outbox)
    }

    pub(crate) fn emitted(&self) -> usize {
        self.outbox.borrow().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Executor;
    use std::future::poll_fn;
    use std::task::Poll;

    fn turn() -> Turn {
        let (door, _mailbox) = Door::new(None, None);
        Turn::new(door, Box::new(Outbox::<()>::new()), &Limits::default())
    }

    /// Nobody outside can tell; but a round trip would cost two atomics more.
    #[test]
    fn a_sender_that_is_given_back_is_the_next_one_and_so_many_are_kept() {
        let turn = turn();
        let out = |turn: &Turn| Arc::strong_count(&turn.door);
        turn.give_back(turn.sender());
        assert_eq!(out(&turn), 2);
        let again = turn.sender();
        assert_eq!((out(&turn), turn.spare.borrow().len()), (2, 0));
        drop(again);
        let many: Vec<_> = (0..2 * SPARE_SENDERS).map(|_| turn.sender()).collect();
        many.into_iter().for_each(|sender| turn.give_back(sender));
        assert_eq!(out(&turn), 1 + SPARE_SENDERS);
    }

    /// Nobody outside can tell; but each request of a task would clone its waker.
    #[test]
    #[cfg_attr(miri, ignore = "miri gives one vtable several addresses")]
    fn a_tasks_own_waker_is_known_from_others() {
        let mut executor = Executor::<()>::new();
        drop(executor.spawner().spawn(poll_fn(|cx| {
            let is_own = |waker: &Waker| {
                innermost(|turn| turn.is_some_and(|turn| turn.poller(waker).is_own))
            };
            assert!(is_own(cx.waker()) && is_own(&cx.waker().clone()));
            assert!(!is_own(Waker::noop()));
            Poll::Ready(())
        })));
        assert_eq!(executor.run_until_stalled().completed, 1);
    }
}
