//! The state that a turn lends to what it polls: task table, ready queue, request slab, outbox.
//!
//! All of it is the executor's alone. For the length of a turn, and of the host's other calls, a reference to it lies in
//! a thread-local, where whatever runs on this thread finds it: a first poll, a wake, a spawn, a drop act on it without
//! an atomic. Between turns the thread-local is empty; it has no destructor. Outside a turn the same acts are messages,
//! and [`Turn::accept`] carries them out.
//!
//! Every borrow of a field ends before anybody else's code runs: move out, then act.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::panic::Location;
use std::sync::Arc;
use std::task::Waker;

use crate::answer::{Answer, Kind};
use crate::contain::{Payload, discard, shield};
use crate::entry::{
    Delivered, Entry, Found, Notice, Origin, Reason, Refused, Remains, RequestError, Stream, Wake,
};
use crate::id::{RequestId, Requests, TaskId, Tasks};
use crate::mailbox::Until;
use crate::meta::{Cause, Door, Label, Message, Meta, Runnable, TaskPanic};
use crate::outbox::{AnyOutbox, Outbox};
use crate::report::Totals;
use crate::shim;
use crate::snapshot::{Snapshot, TaskSnapshot};

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
                None => self.door.post_quietly(Message::Freed(id)),
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

/// The fate of the task that is being polled, as the task's wrapper finds it. Tasks are polled in turns only.
pub(crate) fn fate() -> Option<Cause> {
    TURN.with(|turn| turn.fate.get())
}

/// Says that the task that is being polled has ended.
pub(crate) fn ended(how: Ended) {
    TURN.with(|turn| turn.ended.set(Some(how)));
}

/// Reports what the polled task panicked with, and nobody will learn by joining it.
pub(crate) fn tell(payload: Payload) {
    TURN.with(|turn| turn.report(turn.describe(payload)));
}

/// What the polled task panicked with, for its join handle, or for whoever is told when there is none.
pub(crate) fn unjoined(payload: Payload) -> Unjoined {
    TURN.with(|turn| Unjoined {
        door: Arc::clone(&turn.door),
        panic: Some(turn.describe(payload)),
    })
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

/// A task, from its spawn until its allocation is gone.
pub(crate) struct Task {
    pub(crate) label: Label,
    /// `None` once the task has ended.
    waker: Option<Waker>,
    /// Whether its join handle is out.
    pub(crate) joined: bool,
}

/// Tasks and answers on their way, for the report.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// Resolvers that exist, in the outbox or with the shell.
    pub(crate) resolvers: usize,
    /// Subscriptions of which a feed exists.
    pub(crate) feeds: usize,
}

pub(crate) struct Turn {
    pub(crate) door: Arc<Door>,
    tasks: RefCell<Tasks<Task>>,
    live: Cell<usize>,
    ready: RefCell<VecDeque<Runnable>>,
    requests: RefCell<Requests<Entry>>,
    outbox: RefCell<Box<dyn AnyOutbox>>,
    panics: RefCell<Vec<TaskPanic>>,
    /// Senders that were given back: the next one that is needed costs no atomic.
    spare: RefCell<Vec<Arc<Door>>>,
    /// Whether something waits for [`take_panics`](Self::take_panics), or in the outbox's grave.
    unswept: Cell<bool>,
    tally: Cell<Tally>,
    totals: Cell<Totals>,
    /// Teardown has begun: spawning and asking are refused.
    closing: Cell<bool>,
    /// The task that is being polled.
    current: Cell<Option<TaskId>>,
    /// Whether it is polled only to be stopped.
    fate: Cell<Option<Cause>>,
    /// How it has ended, if it has.
    ended: Cell<Option<Ended>>,
}

impl Turn {
    pub(crate) fn new(door: Arc<Door>, outbox: Box<dyn AnyOutbox>) -> Self {
        Self {
            door,
            tasks: RefCell::new(Tasks::new()),
            live: Cell::new(0),
            ready: RefCell::default(),
            requests: RefCell::new(Requests::new()),
            outbox: RefCell::new(outbox),
            panics: RefCell::default(),
            spare: RefCell::default(),
            unswept: Cell::new(false),
            tally: Cell::default(),
            totals: Cell::default(),
            closing: Cell::new(false),
            current: Cell::new(None),
            fate: Cell::new(None),
            ended: Cell::new(None),
        }
    }

    /// Makes this state the one that code on this thread finds, while `act` runs.
    pub(crate) fn lend<R>(&self, act: impl FnOnce() -> R) -> R {
        TURN.set(self, act)
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
            // Where whom they were meant for is gone, answers are dropped: the shell has its notice.
            Message::Answer(id, answer) => {
                self.resolver_gone(None);
                discard(self.answer(id, answer));
            }
            Message::Fail(id, error) => {
                self.resolver_gone(None);
                let _ = self.end(id, Err(error));
            }
            Message::ResolverGone => self.resolver_gone(None),
            Message::Item(id, item) => discard(self.item(id, item)),
            Message::End(id, end) => {
                let _ = self.end(id, end);
            }
            Message::FeedGone(id) => self.feed_gone(id),
            Message::Dropped(id) => self.cancel(id),
            Message::Notify(effect) => {
                let refused = self.outbox.borrow_mut().accept(effect);
                discard(refused);
            }
        }
    }

    // --- tasks ---

    /// Takes in a new task, which is ready.
    pub(crate) fn adopt(&self, runnable: Runnable, label: Label) {
        let waker = runnable.waker();
        let id = self.tasks.borrow_mut().insert_with(|id| {
            let before = runnable.metadata().set_id(id);
            Task {
                label,
                waker: Some(waker),
                joined: !before.is_detached(),
            }
        });
        debug_assert!(id.is_some(), "2^32 tasks need more memory than there is");
        self.live.set(self.live.get() + 1);
        self.count(|totals| {
            totals.tasks += 1;
            totals.peak_tasks = totals.peak_tasks.max(self.live.get());
        });
        self.ready.borrow_mut().push_back(runnable);
    }

    pub(crate) fn next_ready(&self) -> Option<Runnable> {
        self.ready.borrow_mut().pop_front()
    }

    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.borrow().is_empty()
    }

    pub(crate) fn live(&self) -> usize {
        self.live.get()
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.get()
    }

    pub(crate) fn begin_closing(&self) {
        self.closing.set(true);
    }

    /// Polls a task once. Gives how it ended, if it did.
    pub(crate) fn poll_task(&self, runnable: Runnable) -> Option<Ended> {
        let status = runnable.metadata().status();
        let id = status.id().unwrap_or(TaskId::NONE);
        let fate = match status.is_aborted() {
            true => Some(Cause::Aborted),
            false if self.closing.get() => Some(Cause::TornDown),
            false => None,
        };
        self.current.set(Some(id));
        self.fate.set(fate);
        runnable.run();
        self.current.set(None);
        self.fate.set(None);
        let ended = self.ended.take();
        if ended.is_some() {
            self.live.set(self.live.get() - 1);
            let waker = self
                .tasks
                .borrow_mut()
                .get_mut(id)
                .and_then(|task| task.waker.take());
            // May be the last that holds the allocation: see `Meta`.
            drop(waker);
        }
        ended
    }

    /// Wakes every live task, as is enough for one that is to end.
    pub(crate) fn wake_all(&self) {
        let ids: Vec<_> = self
            .tasks
            .borrow()
            .iter()
            .filter(|(_, task)| task.waker.is_some())
            .map(|(id, _)| id)
            .collect();
        for id in ids {
            self.wake(&Wake::Task(id));
        }
    }

    /// Visits every task whose allocation is there.
    pub(crate) fn for_each_task(&self, mut visit: impl FnMut(TaskId, &Task)) {
        for (id, task) in self.tasks.borrow().iter() {
            visit(id, task);
        }
    }

    /// What is there, for people.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let tasks = self.tasks.borrow();
        let live = tasks.iter().filter(|(_, task)| task.waker.is_some());
        Snapshot {
            tasks: live
                .map(|(id, task)| TaskSnapshot {
                    id,
                    name: task.label.name,
                    place: task.label.place,
                })
                .collect(),
            requests: self
                .requests
                .borrow()
                .iter()
                .map(|(id, entry)| entry.snapshot(id))
                .collect(),
        }
    }

    /// Ends a task, which has been marked for it.
    pub(crate) fn abort(&self, id: TaskId) {
        if self.current.get() == Some(id) {
            // For a poll under way that panics: the abort came first.
            self.fate.set(Some(Cause::Aborted));
        }
        self.wake(&Wake::Task(id));
    }

    pub(crate) fn detached(&self, id: TaskId) {
        if let Some(task) = self.tasks.borrow_mut().get_mut(id) {
            task.joined = false;
        }
    }

    fn freed(&self, id: TaskId) {
        let task = self.tasks.borrow_mut().remove(id);
        drop(task);
    }

    fn describe(&self, payload: Payload) -> TaskPanic {
        let id = self.current.get().unwrap_or(TaskId::NONE);
        let label = self.tasks.borrow().get(id).map(|task| task.label);
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

    pub(crate) fn is_unswept(&self) -> bool {
        self.unswept.get()
    }

    /// Whether there is something to sweep, once.
    pub(crate) fn take_unswept(&self) -> bool {
        self.unswept.replace(false)
    }

    /// The panics that nobody joins, for the host to report.
    pub(crate) fn take_panics(&self) -> Vec<TaskPanic> {
        self.panics.take()
    }

    // --- wakes ---

    /// Wakes whom a transition names.
    pub(crate) fn wake(&self, wake: &Wake) {
        match wake {
            Wake::Nobody => {}
            Wake::Task(id) => {
                let waker = self
                    .tasks
                    .borrow_mut()
                    .get_mut(*id)
                    .and_then(|task| task.waker.take());
                let Some(waker) = waker else { return };
                waker.wake_by_ref();
                if let Some(task) = self.tasks.borrow_mut().get_mut(*id) {
                    task.waker = Some(waker);
                }
            }
            // A waker of somebody's own making: what it throws is not the answerer's.
            Wake::Other(waker) => shield(|| waker.wake_by_ref()),
        }
    }

    /// The task that is being polled, if this is its own waker.
    fn current_if_owner(&self, waker: &Waker) -> Option<TaskId> {
        let id = self.current.get()?;
        let tasks = self.tasks.borrow();
        tasks
            .get(id)?
            .waker
            .as_ref()?
            .will_wake(waker)
            .then_some(id)
    }

    // --- requests ---

    /// Makes an entry, and emits the effect that `make` returns for its id.
    pub(crate) fn open<E: Send + 'static>(
        &self,
        kind: &'static Kind,
        place: &'static Location<'static>,
        waker: &Waker,
        stream: Option<Stream>,
        id: &mut Option<RequestId>,
        make: impl FnOnce(RequestId) -> E,
    ) -> Result<(), RequestError> {
        if self.closing.get() {
            return Err(RequestError::Closed);
        }
        if self.requests.borrow().is_full() {
            return Err(RequestError::Exhausted);
        }
        let wake = Wake::new(self.current_if_owner(waker), waker);
        let origin = Origin {
            task: self.current.get().unwrap_or(TaskId::NONE),
            place,
            kind,
        };
        let opened = self.requests.borrow_mut().insert_with(|_| match stream {
            None => Entry::request(origin, wake),
            Some(stream) => Entry::stream(origin, wake, stream),
        });
        let Some(opened) = opened else {
            return Err(RequestError::Exhausted);
        };
        self.count(|totals| {
            totals.requests += 1;
            totals.peak_requests = totals.peak_requests.max(self.pending_requests());
        });
        // From here on the future's own drop frees the entry, whatever `make` does.
        *id = Some(opened);
        let effect = make(opened);
        let number = self.with_outbox(|outbox: &mut Outbox<E>| outbox.push(Some(opened), effect));
        if let Some(entry) = self.requests.borrow_mut().get_mut(opened) {
            entry.emitted(number);
        }
        Ok(())
    }

    /// What a future finds that polls its entry.
    pub(crate) fn poll_request(&self, id: RequestId, waker: &Waker) -> Found {
        let task = self.current_if_owner(waker);
        let (found, freed, register) = {
            let mut requests = self.requests.borrow_mut();
            let Some(entry) = requests.get_mut(id) else {
                return Found::End(Err(RequestError::Closed));
            };
            match entry.poll() {
                Found::Nothing => (Found::Nothing, None, !entry.is_registered(task, waker)),
                Found::Item(item) => (Found::Item(item), None, false),
                found => (found, requests.remove(id), false),
            }
        };
        if register {
            let wake = Wake::new(task, waker);
            let old = self
                .requests
                .borrow_mut()
                .get_mut(id)
                .map(|entry| entry.register(wake));
            discard(old);
        }
        if let Some(entry) = freed {
            self.clear_away(id, entry.finish());
        }
        found
    }

    /// A request's future is dropped before it had its answer.
    pub(crate) fn cancel(&self, id: RequestId) {
        let entry = self.requests.borrow_mut().remove(id);
        if let Some(entry) = entry {
            self.count(|totals| totals.cancelled += 1);
            self.clear_away(id, entry.cancel());
        }
    }

    /// Tells the shell what it must hear of an entry that is freed, and drops what is left.
    fn clear_away(&self, id: RequestId, remains: Remains) {
        match remains.notice {
            Notice::None => {}
            Notice::Cancelled => self.outbox.borrow_mut().cancelled(id),
            Notice::Bury(number) => {
                self.outbox.borrow_mut().bury(number);
                self.unswept.set(true);
            }
        }
        discard(remains);
    }

    /// Cancels what is left when every future is gone: requests whose futures live outside every task.
    pub(crate) fn cancel_all(&self) {
        let ids: Vec<_> = self.requests.borrow().iter().map(|(id, _)| id).collect();
        for id in ids {
            self.cancel(id);
        }
    }

    pub(crate) fn pending_requests(&self) -> usize {
        self.requests.borrow().len()
    }

    /// An emission is in the shell's hands.
    pub(crate) fn taken(&self, id: Option<RequestId>, is_effect: bool) {
        if !is_effect {
            return;
        }
        self.count(|totals| totals.effects += 1);
        let mut requests = self.requests.borrow_mut();
        if let Some(entry) = id.and_then(|id| requests.get_mut(id)) {
            entry.take_effect();
        }
    }

    fn refusal(requests: &Requests<Entry>, id: RequestId) -> Reason {
        if requests.is_stale(id) {
            Reason::Stale
        } else {
            Reason::Unknown
        }
    }

    /// Whether the id names a pending request of this kind.
    pub(crate) fn check(
        &self,
        id: RequestId,
        is_kind: impl FnOnce(&Kind) -> bool,
    ) -> Result<(), Reason> {
        let requests = self.requests.borrow();
        match requests.get(id) {
            Some(entry) if is_kind(entry.origin.kind) => Ok(()),
            Some(_) => Err(Reason::WrongType),
            None => Err(Self::refusal(&requests, id)),
        }
    }

    /// Applies a transition to an entry, and does what it asks for.
    fn deliver(
        &self,
        id: RequestId,
        answer: Answer,
        transition: impl FnOnce(&mut Entry, Answer) -> Result<Delivered, Refused>,
    ) -> Result<(), Refused> {
        let Delivered { wake, displaced } = {
            let mut requests = self.requests.borrow_mut();
            match requests.get_mut(id) {
                Some(entry) => transition(entry, answer)?,
                None => return Err((Self::refusal(&requests, id), answer)),
            }
        };
        self.wake_for_entry(id, wake);
        if let Some(displaced) = displaced {
            discard(displaced);
        }
        Ok(())
    }

    /// Wakes who awaits this entry, and lets the entry keep the registration: its consumer may leave the next item for
    /// later without a poll that registers again.
    fn wake_for_entry(&self, id: RequestId, wake: Wake) {
        self.wake(&wake);
        if !matches!(wake, Wake::Other(_)) {
            return;
        }
        let unneeded = match self.requests.borrow_mut().get_mut(id) {
            Some(entry) => entry.keep(wake),
            None => wake,
        };
        discard(unneeded);
    }

    pub(crate) fn answer(&self, id: RequestId, answer: Answer) -> Result<(), Refused> {
        self.deliver(id, answer, Entry::answer)
    }

    /// Delivers an item whose sender has a place in the stream's room, if the stream has one.
    pub(crate) fn item(&self, id: RequestId, item: Answer) -> Result<(), Refused> {
        self.deliver(id, item, Entry::item)
    }

    /// Delivers an item of the host's own.
    pub(crate) fn host_item(&self, id: RequestId, item: Answer) -> Result<(), Refused> {
        let room = self
            .requests
            .borrow()
            .get(id)
            .and_then(|entry| entry.room().cloned());
        match room {
            Some(room) if !room.take() => Err((Reason::Full, item)),
            Some(room) => self.item(id, item).inspect_err(|_| room.give()),
            None => self.item(id, item),
        }
    }

    /// Fails a request, or a stream; gives the text back where that has no effect.
    pub(crate) fn fail(&self, id: RequestId, text: String) -> Result<(), (Reason, String)> {
        self.end(id, Err(RequestError::Failed(text.clone())))
            .map_err(|reason| (reason, text))
    }

    pub(crate) fn end(&self, id: RequestId, end: Result<(), RequestError>) -> Result<(), Reason> {
        let wake = {
            let mut requests = self.requests.borrow_mut();
            match requests.get_mut(id) {
                Some(entry) => entry.end(end)?,
                None => return Err(Self::refusal(&requests, id)),
            }
        };
        self.wake_for_entry(id, wake);
        Ok(())
    }

    // --- counts for the reports ---

    fn count(&self, change: impl FnOnce(&mut Totals)) {
        let mut totals = self.totals.get();
        change(&mut totals);
        self.totals.set(totals);
    }

    pub(crate) fn totals(&self) -> Totals {
        self.totals.get()
    }

    pub(crate) fn tally(&self) -> Tally {
        self.tally.get()
    }

    pub(crate) fn resolver_made(&self) {
        let tally = self.tally.get();
        self.tally.set(Tally {
            resolvers: tally.resolvers + 1,
            ..tally
        });
    }

    /// A resolver is used up, and its sender with it.
    pub(crate) fn resolver_gone(&self, sender: Option<Arc<Door>>) {
        let tally = self.tally.get();
        self.tally.set(Tally {
            resolvers: tally.resolvers.saturating_sub(1),
            ..tally
        });
        if let Some(sender) = sender {
            self.give_back(sender);
        }
    }

    pub(crate) fn feed_made(&self) {
        let tally = self.tally.get();
        self.tally.set(Tally {
            feeds: tally.feeds + 1,
            ..tally
        });
    }

    /// The last feed of a stream is gone: where it was not ended, it is abandoned.
    pub(crate) fn feed_gone(&self, id: RequestId) {
        let _ = self.end(id, Err(RequestError::Abandoned));
        let tally = self.tally.get();
        self.tally.set(Tally {
            feeds: tally.feeds.saturating_sub(1),
            ..tally
        });
    }

    // --- the outbox ---

    /// Calls `act` with the outbox. It must not call anybody else's code.
    pub(crate) fn with_outbox<E: Send + 'static, R>(
        &self,
        act: impl FnOnce(&mut Outbox<E>) -> R,
    ) -> R {
        let mut outbox = self.outbox.borrow_mut();
        let outbox = outbox
            .as_any()
            .downcast_mut()
            .expect("a shell is made by the executor whose effect it has");
        act(outbox)
    }

    pub(crate) fn emitted(&self) -> usize {
        self.outbox.borrow().len()
    }
}
