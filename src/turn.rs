//! The state that a turn lends to what it polls: task table, ready queue, request slab, outbox.
//!
//! All of it is the executor's alone. For the length of a turn, and of the host's other calls, a reference to it lies in
//! a thread-local, where whatever runs on this thread finds it: a first poll, a wake, a spawn, a drop act on it without
//! an atomic. Between turns the thread-local is empty; it has no destructor. Outside a turn the same acts are messages,
//! and [`Turn::accept`] carries them out.
//!
//! Every borrow of a field ends before anybody else's code runs: move out, then act.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::panic::Location;
use std::sync::Arc;
use std::task::{Poll, Waker};

use crate::answer::{Answer, Kind, is_large};
use crate::contain::{Payload, discard, shield};
use crate::entry::{Emission, Notice, Overflow, Reason, RequestError};
use crate::id::{RequestId, TaskId};
use crate::limit::{Arrival, Limits, Line, Places};
use crate::mailbox::Until;
use crate::meta::{Cause, Door, Label, Message, Meta, Runnable, TaskPanic};
#[cfg(feature = "testing")]
use crate::order::Order;
use crate::outbox::{AnyOutbox, Outbox};
use crate::report::{Remaining, Totals};
#[cfg(feature = "bridge")]
use crate::request_table::Standing;
use crate::request_table::{Found, Poller, RequestTable, Wake};
use crate::room::Room;
use crate::shim;
use crate::snapshot::{Snapshot, TaskSnapshot, TaskState};
use crate::task_table::TaskTable;
use crate::trace::{self, Answered};

mod scopes;

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
}

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

/// Why an answer had no effect, if it had none.
fn refusal<W, A>(outcome: &Result<W, (Reason, A)>) -> Option<Reason> {
    outcome.as_ref().err().map(|(reason, _)| *reason)
}

pub(crate) struct Turn {
    pub(crate) door: Arc<Door>,
    /// How many turns have begun.
    number: Cell<u64>,
    tasks: RefCell<TaskTable>,
    ready: RefCell<VecDeque<Runnable>>,
    /// Who picks among the ready tasks, if it is not the first that is next.
    #[cfg(feature = "testing")]
    order: Option<Box<dyn Order>>,
    /// A task that the host has made, until its next call or the turn takes it in. Most hosts drop the join handle at once:
    /// before the task has an id, nobody needs to be told.
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

    // --- tasks ---

    /// Keeps a task that the host has made. The one before was taken in.
    pub(crate) fn welcome(&self, runnable: Runnable, label: Label) {
        *self.newcomer.borrow_mut() = Some((runnable, label));
    }

    /// Takes in what the host has made.
    #[inline]
    pub(crate) fn adopt_newcomer(&self) {
        if self.newcomer.borrow().is_some() {
            let newcomer = self.newcomer.take();
            newcomer
                .into_iter()
                .for_each(|(runnable, label)| self.adopt(runnable, label));
        }
    }

    /// Takes in a task that was made outside, and is ready.
    fn adopt(&self, runnable: Runnable, label: Label) {
        self.enroll_runnable(&runnable, label);
        self.make_ready(runnable);
    }

    /// Gives a task that was made outside its id.
    fn enroll_runnable(&self, runnable: &Runnable, label: Label) -> TaskId {
        let id = self.enroll(label);
        if runnable.metadata().set_id(id).is_detached() {
            self.detached(id);
        }
        id
    }

    /// Gives a new task its id.
    pub(crate) fn enroll(&self, label: Label) -> TaskId {
        let id = self.tasks.borrow_mut().insert(label, self.now());
        trace::spawned(id, label);
        id
    }

    pub(crate) fn make_ready(&self, runnable: Runnable) {
        self.ready.borrow_mut().push_back(runnable);
    }

    pub(crate) fn next_ready(&self) -> Option<Runnable> {
        #[cfg(feature = "testing")]
        if let Some(order) = &self.order {
            return self.pick_ready(&**order);
        }
        self.ready.borrow_mut().pop_front()
    }

    #[cfg(feature = "testing")]
    pub(crate) fn set_order(&mut self, order: Box<dyn Order>) {
        self.order = Some(order);
    }

    #[cfg(feature = "testing")]
    fn pick_ready(&self, order: &dyn Order) -> Option<Runnable> {
        let of = self.ready.borrow().len();
        let task = |index: usize| {
            let ready = self.ready.borrow();
            let id = ready
                .get(index)
                .and_then(|task| task.metadata().status().id());
            let id = id.unwrap_or(TaskId::NONE);
            (id, self.tasks.borrow().label(id))
        };
        let index = order.pick(of, &task);
        self.ready.borrow_mut().remove(index)
    }

    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.borrow().is_empty()
    }

    pub(crate) fn live(&self) -> usize {
        self.tasks.borrow().live()
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.alarm.get() & CLOSING != 0
    }

    pub(crate) fn begin_closing(&self) {
        self.alarm.set(self.alarm.get() | CLOSING);
    }

    /// Polls a task once. Gives how it ended, if it did.
    pub(crate) fn poll_task(&self, runnable: Runnable) -> Option<Ended> {
        let status = runnable.metadata().status();
        let id = status.id().unwrap_or(TaskId::NONE);
        let fate = match status.is_aborted() || self.alarm.get() != 0 {
            false => None,
            true if self.has_ties.get() => self.fate_of(id, status.is_aborted()),
            true if status.is_aborted() => Some(Cause::Aborted),
            true => Some(Cause::TornDown),
        };
        self.current.set(Some(id));
        self.fate.set(fate);
        let polling = trace::polling(id, || self.tasks.borrow().label(id));
        runnable.run();
        polling.end();
        self.current.set(None);
        self.own_waker.set(None);
        let fate = self.fate.take();
        self.was_woken.set(false);
        let ended = self.ended.take();
        if let Some(how) = ended {
            if let Some(places) = &self.door.places {
                places.give_task();
            }
            match self.has_ties.get() {
                true => self.end_with_ties(id, how),
                false => self.leave_table(id, how),
            }
            trace::ended(id, how.word(fate));
        }
        ended
    }

    #[inline]
    fn leave_table(&self, id: TaskId, how: Ended) {
        let waker = self.tasks.borrow_mut().end(id, how != Ended::Stopped);
        // May be the last that holds the allocation: see `Meta`.
        drop(waker);
    }

    /// The task that is being polled has this waker. Gives whether it is polled only to be stopped.
    pub(crate) fn begin_poll(&self, waker: &Waker) -> Option<Cause> {
        self.own_waker.set(Some(address(waker)));
        self.fate.get()
    }

    /// Whether the task that is being polled is to end, by now.
    pub(crate) fn fate(&self) -> Option<Cause> {
        self.fate.get()
    }

    /// The task that is being polled waits; its own waker is this.
    #[inline]
    pub(crate) fn pend(&self, waker: &Waker) {
        let Some(id) = self.current.get() else { return };
        let is_first = self.tasks.borrow_mut().pend(id, waker);
        if is_first && self.was_woken.get() {
            waker.wake_by_ref();
        }
    }

    /// The task that is being polled has ended.
    pub(crate) fn end_task(&self, how: Ended) {
        self.ended.set(Some(how));
    }

    /// Reports what the polled task panicked with, and nobody will learn by joining it.
    pub(crate) fn tell(&self, payload: Payload) {
        self.report(self.describe(payload));
    }

    /// What the polled task panicked with, for its join handle, or for whoever is told when there is none.
    pub(crate) fn unjoined(&self, payload: Payload) -> Unjoined {
        Unjoined {
            door: Arc::clone(&self.door),
            panic: Some(self.describe(payload)),
        }
    }

    /// Wakes those that wait of the tasks of a range, as is enough for one that is to end: under the borrow, as in
    /// [`wake`](Self::wake). Gives whether there are tasks after it.
    pub(crate) fn wake_range(&self, indices: Range<usize>) -> bool {
        let tasks = self.tasks.borrow();
        let (waiting, is_more) = tasks.waiting(indices);
        waiting.for_each(Waker::wake_by_ref);
        is_more
    }

    /// Frees what tasks and requests lay in, once all have ended.
    pub(crate) fn free_tables(&self) {
        self.tasks.take();
        self.requests.take();
        self.ready.take();
    }

    /// Every task whose allocation is there.
    pub(crate) fn remaining(&self) -> Vec<Remaining> {
        let tasks = self.tasks.borrow();
        let remaining = tasks.remaining();
        remaining
            .map(|(task, label, joined)| Remaining {
                task,
                label,
                joined,
            })
            .collect()
    }

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

    /// Ends a task, which has been marked for it.
    pub(crate) fn abort(&self, id: TaskId) {
        if self.current.get() == Some(id) {
            // For a poll under way that panics: the abort came first.
            self.fate.set(Some(Cause::Aborted));
        }
        self.wake(id);
    }

    pub(crate) fn detached(&self, id: TaskId) {
        self.tasks.borrow_mut().detach(id);
    }

    fn freed(&self, id: TaskId) {
        self.tasks.borrow_mut().remove(id);
    }

    fn describe(&self, payload: Payload) -> TaskPanic {
        let id = self.current.get().unwrap_or(TaskId::NONE);
        let label = self.tasks.borrow().label(id);
        TaskPanic {
            task: id,
            name: label.and_then(|label| label.name),
            place: label.map_or(Location::caller(), |label| label.place),
            payload,
        }
    }

    fn report(&self, panic: TaskPanic) {
        self.panics.borrow_mut().push(panic);
        self.unswept.set(true);
    }

    /// Whether there is something to sweep.
    pub(crate) fn is_unswept(&self) -> bool {
        self.unswept.get()
    }

    /// The same, once.
    pub(crate) fn take_unswept(&self) -> bool {
        self.unswept.replace(false)
    }

    /// The panics that nobody joins, for the host to report.
    pub(crate) fn take_panics(&self) -> Vec<TaskPanic> {
        self.panics.take()
    }

    // --- wakes ---

    /// Wakes a task by its own waker: under the borrow, since that calls nobody but [`schedule`], which does not look
    /// into the table.
    fn wake(&self, id: TaskId) {
        let is_polled = self.current.get() == Some(id);
        match self.tasks.borrow_mut().mark_woken(id) {
            // Where it was woken and not polled since, it is ready: one atomic saved for each item of a burst. In its
            // very poll it is to be polled once more, whatever it was woken for before.
            Some((_, true)) if !is_polled => {}
            Some((waker, _)) => waker.wake_by_ref(),
            // It is ready, unless it is in its first poll: see `pend`.
            None if is_polled => self.was_woken.set(true),
            None => {}
        }
    }

    /// Whoever polls with this waker.
    fn poller<'a>(&self, waker: &'a Waker) -> Poller<'a> {
        Poller {
            task: self.current.get().unwrap_or(TaskId::NONE),
            waker,
            is_own: self.own_waker.get() == Some(address(waker)),
        }
    }

    // --- requests ---

    /// Makes an entry, by `insert`, where there is none yet. Gives whether its effect is to be emitted now; otherwise it
    /// waits for a place.
    pub(crate) fn open(
        &self,
        waker: &Waker,
        id: &mut RequestId,
        insert: impl FnOnce(&mut RequestTable, Poller<'_>) -> Option<RequestId>,
    ) -> Result<bool, RequestError> {
        if self.is_closing() {
            return Err(RequestError::Closed);
        }
        if let Some(line) = &self.line {
            return self.open_bounded(line, waker, id, insert);
        }
        let poller = self.poller(waker);
        // A foreign waker's clone is somebody else's code, and before there is an entry it can spoil none.
        let wake = (!poller.is_own).then(|| poller.wake());
        let opened = insert(&mut self.requests.borrow_mut(), poller);
        let opened = opened.ok_or(RequestError::Exhausted)?;
        // From here on the future's own drop frees the entry, whatever others do.
        *id = opened;
        if let Some(wake) = wake {
            self.listen(opened, poller.task, wake);
        }
        Ok(true)
    }

    /// The same where requests or emissions have a limit.
    #[inline(never)]
    fn open_bounded(
        &self,
        line: &Line,
        waker: &Waker,
        id: &mut RequestId,
        insert: impl FnOnce(&mut RequestTable, Poller<'_>) -> Option<RequestId>,
    ) -> Result<bool, RequestError> {
        let poller = self.poller(waker);
        if id.some().is_some() {
            return match self.look(waker, *id, RequestTable::poll_line) {
                Poll::Pending => Ok(false),
                Poll::Ready(Err(error)) => Err(error),
                Poll::Ready(Ok(())) => {
                    // Whoever listened was woken for its place, and this one is to hear of its answer.
                    self.listen(*id, poller.task, poller.wake());
                    Ok(true)
                }
            };
        }
        let wake = poller.wake();
        let arrival = line.arrive(self.places(), self.pending_requests());
        if arrival == Arrival::Refused {
            return Err(RequestError::Full);
        }
        let opened = insert(&mut self.requests.borrow_mut(), poller);
        let Some(opened) = opened else {
            if arrival == Arrival::Admitted {
                self.vacate(1);
            }
            return Err(RequestError::Exhausted);
        };
        *id = opened;
        if arrival == Arrival::Waits {
            let mut requests = self.requests.borrow_mut();
            requests.set_emission(opened, Emission::WAITING);
            line.push(opened, |id| requests.waits(id));
        }
        self.listen(opened, poller.task, wake);
        Ok(arrival == Arrival::Admitted)
    }

    /// What is counted together with senders.
    fn places(&self) -> &Places {
        let places = self.door.places.as_deref();
        places.expect("who has a line has places")
    }

    /// Whether requests or emissions have a limit.
    pub(crate) fn is_bounded(&self) -> bool {
        self.line.is_some()
    }

    /// How many requests wait for a place.
    pub(crate) fn waiting(&self) -> usize {
        self.line.as_ref().map_or(0, Line::waiting)
    }

    /// So many places in the outbox are free, or one among the requests: who waits has them, in order. Each that is
    /// admitted is woken; its effect is made when it is polled.
    pub(crate) fn vacate(&self, mut places: usize) {
        let Some(line) = &self.line else { return };
        loop {
            let admitted = {
                let requests = self.requests.borrow();
                line.admit(self.places(), requests.len(), &mut places, |id| {
                    requests.waits(id)
                })
            };
            let Some(id) = admitted else { break };
            let wake = self.requests.borrow_mut().admit(id);
            self.wake_for_entry(id, wake);
        }
        (0..places).for_each(|_| self.places().give_emission());
    }

    /// How many items a subscription may have on their way, if that is bounded.
    pub(crate) fn room(&self, id: RequestId) -> Option<Arc<Room>> {
        self.requests.borrow().room(id)
    }

    /// Emits a request's effect.
    #[inline(never)]
    pub(crate) fn emit<E: Send + 'static>(&self, id: RequestId, effect: E) {
        let number = self.with_outbox(|outbox: &mut Outbox<E>| outbox.push(id, effect));
        self.requests.borrow_mut().emitted(id, number, self.now());
        trace::emitted(id, || self.requests.borrow().waiter(id));
    }

    /// Registers who polls.
    fn listen(&self, id: RequestId, task: TaskId, wake: Wake) {
        let listens = self.requests.borrow_mut().listen(id, task, wake);
        match listens {
            Ok(before) => discard(before),
            // Its clone is somebody else's code, which has brought what is awaited.
            Err(wake) => self.wake_for_entry(id, wake),
        }
    }

    /// What the future of a request finds that polls its entry.
    pub(crate) fn poll_one<T: Send + 'static>(
        &self,
        id: RequestId,
        waker: &Waker,
    ) -> Poll<Result<T, RequestError>> {
        if const { is_large::<T>() } {
            let polled = self.look(waker, id, RequestTable::poll_one::<Box<T>>);
            polled.map_ok(|answer| *answer)
        } else {
            self.look(waker, id, RequestTable::poll_one::<T>)
        }
    }

    /// What a stream finds that polls its entry.
    pub(crate) fn poll_stream<T: Send + 'static>(
        &self,
        id: RequestId,
        waker: &Waker,
    ) -> Poll<Result<T, Result<(), RequestError>>> {
        if const { is_large::<T>() } {
            let polled = self.look(waker, id, RequestTable::poll_stream::<Box<T>>);
            polled.map_ok(|item| *item)
        } else {
            self.look(waker, id, RequestTable::poll_stream::<T>)
        }
    }

    fn look<R>(
        &self,
        waker: &Waker,
        id: RequestId,
        look: impl FnOnce(&mut RequestTable, RequestId, Poller<'_>) -> Found<R>,
    ) -> Poll<R> {
        let poller = self.poller(waker);
        let found = look(&mut self.requests.borrow_mut(), id, poller);
        match found {
            Found::Nothing => Poll::Pending,
            Found::NotListening => {
                self.listen(id, poller.task, poller.wake());
                Poll::Pending
            }
            Found::Item(item) => Poll::Ready(item),
            Found::Last(last, notice) => {
                self.conclude(id, notice);
                Poll::Ready(last)
            }
        }
    }

    /// A request's future is dropped before it had its answer.
    pub(crate) fn cancel(&self, id: RequestId) {
        let remains = self.requests.borrow_mut().cancel(id);
        if let Some(remains) = remains {
            trace::cancelled(id, remains.notice == Notice::Cancelled);
            self.conclude(id, remains.notice);
            discard(remains.rest);
        }
    }

    /// Does what there is to do for an entry that is freed.
    fn conclude(&self, id: RequestId, notice: Notice) {
        match notice {
            Notice::None | Notice::Vacate => {}
            Notice::Cancelled => self.outbox.borrow_mut().cancelled(id),
            Notice::Bury(number) => {
                self.outbox.borrow_mut().bury(number);
                self.unswept.set(true);
            }
            Notice::Leave => self.line.iter().for_each(Line::left),
        }
        if self.line.is_some() {
            let has_place = matches!(notice, Notice::Bury(_) | Notice::Vacate);
            self.vacate(usize::from(has_place));
        }
    }

    /// Cancels what is left when every future is gone: requests whose futures live outside every task.
    pub(crate) fn cancel_all(&self) {
        let ids = self.requests.borrow().ids();
        for id in ids {
            self.cancel(id);
        }
    }

    pub(crate) fn pending_requests(&self) -> usize {
        self.requests.borrow().len()
    }

    /// An effect is in the shell's hands.
    pub(crate) fn taken(&self, id: RequestId) {
        self.effects.set(self.effects.get() + 1);
        self.requests.borrow_mut().taken(id);
    }

    /// Whether the id names a pending request of this kind, for who answers by it.
    pub(crate) fn check(
        &self,
        id: RequestId,
        is_kind: impl FnOnce(&Kind) -> bool,
    ) -> Result<(), Reason> {
        let checked = self.requests.borrow().check(id, is_kind);
        if let Err(reason) = checked {
            trace::refused(id, reason);
        }
        checked
    }

    /// Whether the id names a pending request.
    #[cfg(any(feature = "testing", feature = "web"))]
    pub(crate) fn holds(&self, id: RequestId) -> bool {
        self.requests.borrow().check(id, |_| true).is_ok()
    }

    /// How a pending request stands, for who answers by its id.
    #[cfg(feature = "bridge")]
    pub(crate) fn standing(&self, id: RequestId) -> Result<Standing, Reason> {
        let standing = self.requests.borrow().standing(id);
        if let Err(reason) = &standing {
            trace::refused(id, *reason);
        }
        standing
    }

    /// Wakes who awaits this entry.
    fn wake_for_entry(&self, id: RequestId, wake: Wake) {
        match wake {
            Wake::Nobody => {}
            Wake::Task(task) => self.wake(task),
            Wake::Other(waker) => {
                // A waker of somebody's own making: what it throws is not the answerer's.
                shield(|| waker.wake_by_ref());
                let unneeded = self.requests.borrow_mut().keep(id, waker);
                discard(unneeded);
            }
        }
    }

    pub(crate) fn answer<T: Send + 'static>(
        &self,
        id: RequestId,
        answer: T,
    ) -> Result<(), (Reason, T)> {
        if const { is_large::<T>() } {
            self.deliver(id, Box::new(answer))
                .map_err(|(reason, answer)| (reason, *answer))
        } else {
            self.deliver(id, answer)
        }
    }

    fn deliver<T: Send + 'static>(&self, id: RequestId, answer: T) -> Result<(), (Reason, T)> {
        let answered = self.requests.borrow_mut().answer(id, answer);
        self.conclude_answer(id, answered)
    }

    fn answer_erased(&self, id: RequestId, answer: Answer) -> Result<(), (Reason, Answer)> {
        let answered = self.requests.borrow_mut().answer_erased(id, answer);
        self.conclude_answer(id, answered)
    }

    fn conclude_answer<A>(
        &self,
        id: RequestId,
        answered: Result<Wake, (Reason, A)>,
    ) -> Result<(), (Reason, A)> {
        trace::answered(id, Answered::Answer, || refusal(&answered));
        self.wake_for_entry(id, answered?);
        Ok(())
    }

    /// Delivers an item at once, if the stream has a place for it.
    pub(crate) fn item<T: Send + 'static>(
        &self,
        id: RequestId,
        item: T,
    ) -> Result<(), (Reason, T)> {
        if const { is_large::<T>() } {
            self.enqueue(id, Box::new(item))
                .map_err(|(reason, item)| (reason, *item))
        } else {
            self.enqueue(id, item)
        }
    }

    fn enqueue<T: Send + 'static>(&self, id: RequestId, item: T) -> Result<(), (Reason, T)> {
        let queued = self.requests.borrow_mut().item(id, item);
        self.conclude_item(id, queued)
    }

    /// Delivers an item whose sender has taken a place in the stream's room, if the stream has one.
    fn item_erased(&self, id: RequestId, item: Answer) -> Result<(), (Reason, Answer)> {
        let queued = self.requests.borrow_mut().item_erased(id, item);
        self.conclude_item(id, queued)
    }

    fn conclude_item<A>(
        &self,
        id: RequestId,
        queued: Result<(Wake, Option<A>), (Reason, A)>,
    ) -> Result<(), (Reason, A)> {
        trace::answered(id, Answered::Item, || refusal(&queued));
        let (wake, displaced) = queued?;
        self.wake_for_entry(id, wake);
        discard(displaced);
        Ok(())
    }

    /// Fails a request, or a stream; gives the text back where that has no effect.
    pub(crate) fn fail(&self, id: RequestId, text: String) -> Result<(), (Reason, String)> {
        self.end(id, Err(RequestError::Failed(text.clone())))
            .map_err(|reason| (reason, text))
    }

    pub(crate) fn end(&self, id: RequestId, end: Result<(), RequestError>) -> Result<(), Reason> {
        let how = Answered::by(&end);
        let wake = self.requests.borrow_mut().end(id, end);
        trace::answered(id, how, || wake.as_ref().err().copied());
        let wake = wake?;
        self.wake_for_entry(id, wake);
        Ok(())
    }

    // --- counts for the reports ---

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
