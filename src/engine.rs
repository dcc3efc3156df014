//! The loop and the teardown.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::answer::Shape;
use crate::contain::{discard, shield};
use crate::entry::Reason;
use crate::id::{RequestId, TaskId};
use crate::limit::{Limits, Refusal, Rejected};
use crate::mailbox;
use crate::meta::{Door, Label, Mailbox, TaskPanic};
use crate::outbox::{Emitted, Outbox};
use crate::report::{Found, Outstanding, Rest, Settled, Teardown};
use crate::request::{Feed, Operation, ResolveError, Resolver};
use crate::root::Root;
use crate::shell;
use crate::shim;
use crate::snapshot::Snapshot;
use crate::task::{self, JoinHandle};
use crate::trace;
use crate::turn::{Ended, Turn};

/// How often a long turn looks into its mailbox, in polls: an abort from outside reaches tasks that keep each other
/// busy.
const POLLS_BETWEEN_LOOKS: usize = 64;

/// How many messages such a look takes in, and how many count as one poll of a turn's budget, after those that were
/// there when the turn began.
const MESSAGES_A_LOOK: usize = 64;

/// The most polls that one poll of `Executor::next` makes before it lets the host's other futures run.
const POLLS_BEFORE_YIELD: usize = 1024;

/// How many tasks a teardown makes ready at once: the queue of many would be memory in addition to theirs.
const TASKS_AT_ONCE: usize = 1024;

pub(crate) type OnReady = Arc<dyn Fn() + Send + Sync>;
pub(crate) type OnPanic = Box<dyn Fn(TaskPanic) + Send + Sync>;

/// What both executors are.
pub(crate) struct Engine<E: Send + 'static> {
    pub(crate) turn: Turn,
    mailbox: Mailbox,
    pub(crate) spawners: Arc<Root>,
    pub(crate) shells: Arc<shell::Root>,
    on_panic: Option<OnPanic>,
    has_bell: bool,
    at_rest: bool,
    effect: PhantomData<fn() -> E>,
}

impl<E: Send + 'static> Engine<E> {
    pub(crate) fn new(
        on_ready: Option<OnReady>,
        on_panic: Option<OnPanic>,
        limits: &Limits,
    ) -> Self {
        let has_bell = on_ready.is_some();
        let (door, mailbox) = mailbox::Door::new(on_ready, limits.places());
        Self {
            mailbox,
            spawners: Arc::new(Root::new(Arc::clone(&door))),
            shells: Arc::new(shell::Root {
                door: Arc::clone(&door),
            }),
            turn: Turn::new(door, Box::new(Outbox::<E>::new()), limits),
            on_panic,
            has_bell,
            at_rest: false,
            effect: PhantomData,
        }
    }

    pub(crate) fn door(&self) -> &Arc<Door> {
        &self.turn.door
    }

    /// Has panics told to this one as well, first.
    #[cfg(any(feature = "bridge", feature = "testing"))]
    pub(crate) fn listen_to_panics(
        &mut self,
        listener: impl Fn(&TaskPanic) + Send + Sync + 'static,
    ) {
        let on_panic = self.on_panic.take();
        self.on_panic = Some(Box::new(move |panic| {
            listener(&panic);
            match &on_panic {
                Some(on_panic) => on_panic(panic),
                None => discard(panic),
            }
        }));
    }

    fn has_mail(&self) -> bool {
        !self.mailbox.is_empty(self.door())
    }

    /// Carries out what has come in by now; senders that keep sending do not keep it. Inside [`Turn::lend`].
    #[inline]
    fn take_in(&self) {
        self.turn.adopt_newcomer();
        let waiting = self.mailbox.waiting(self.door());
        if waiting > 0 {
            self.take_some(waiting);
        }
    }

    /// Carries out at most so many messages. Gives how many there were.
    fn take_some(&self, most: usize) -> usize {
        for taken in 0..most {
            let Some(message) = self.mailbox.take() else {
                return taken;
            };
            self.turn.accept(message);
        }
        most
    }

    /// Looks into the mailbox in the midst of a turn.
    fn look(&self) -> usize {
        match self.has_mail() {
            true => self.take_some(MESSAGES_A_LOOK),
            false => 0,
        }
    }

    /// Drops what was buried and reports what panicked, until there is neither. Inside [`Turn::lend`].
    #[inline]
    fn sweep(&self) {
        while self.turn.take_unswept() {
            let grave = self
                .turn
                .with_outbox(|outbox: &mut Outbox<E>| outbox.take_grave());
            grave.into_iter().for_each(discard);
            for panic in self.turn.take_panics() {
                match &self.on_panic {
                    Some(on_panic) => shield(|| on_panic(panic)),
                    None => discard(panic),
                }
            }
        }
    }

    /// What it holds now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.turn.snapshot(self.mailbox.len())
    }

    /// Does one of the host's own acts, after what the mailbox holds.
    pub(crate) fn act<R>(&self, act: impl FnOnce(&Turn) -> R) -> R {
        let result = self.turn.lend(|| {
            self.take_in();
            act(&self.turn)
        });
        if self.turn.has_ready() {
            self.door().ring_if_armed();
        }
        result
    }

    /// Polls what is ready, until nothing is or the budget is spent.
    pub(crate) fn run(&mut self, budget: usize) -> Settled {
        let mut settled = Settled::default();
        self.turn.begin_turn();
        if self.has_bell {
            self.door().disarm();
        }
        loop {
            self.turn.lend(|| self.poll_ready(budget, &mut settled));
            if !self.has_bell {
                break;
            }
            self.door().arm();
            // Whoever sent after this look sees the bell armed; whoever sent before it is seen, unless the budget is
            // spent, when the host comes again anyway. Where the bell has rung by now, the host comes again too.
            if settled.budget_spent || !self.has_mail() || !self.door().disarm() {
                break;
            }
        }
        settled.pending = self.turn.live();
        if let Some(places) = &self.door().places {
            settled.waiting = self.turn.waiting();
            settled.refused = places.take_refused();
        }
        settled
    }

    fn poll_ready(&self, budget: usize, settled: &mut Settled) {
        self.take_in();
        let mut messages = 0;
        loop {
            while settled.polled < budget {
                let Some(runnable) = self.turn.next_ready() else {
                    break;
                };
                settled.polled += 1;
                match self.turn.poll_task(runnable) {
                    None => {}
                    Some(Ended::Done) => settled.completed += 1,
                    Some(Ended::Panicked) => settled.panicked += 1,
                    Some(Ended::Stopped) => settled.aborted += 1,
                }
                if settled.polled.is_multiple_of(POLLS_BETWEEN_LOOKS) {
                    messages += self.look();
                }
            }
            self.sweep();
            if !self.turn.has_ready() && !self.has_mail() {
                return;
            }
            // Senders that never pause are work as well.
            if settled.polled + messages / MESSAGES_A_LOOK >= budget {
                settled.budget_spent = true;
                return;
            }
            messages += self.look();
        }
    }

    /// The next emission, which goes to the shell. What is dead by now is not it.
    pub(crate) fn pop(&mut self) -> Option<Emitted<E>> {
        self.tidy();
        self.take_front()
    }

    /// The same as far as the mailbox is taken in.
    pub(crate) fn take_front(&self) -> Option<Emitted<E>> {
        let mut taken = None;
        let emitted = self.turn.with_outbox(|outbox: &mut Outbox<E>| {
            outbox.pop(|id| {
                self.turn.taken(id);
                taken = Some(id);
            })
        });
        if let Some(id) = taken {
            trace::taken(id);
            if self.turn.is_bounded() {
                self.hand_on();
            }
        }
        emitted
    }

    /// An effect's place in the outbox is free.
    #[inline(never)]
    fn hand_on(&self) {
        self.turn.lend(|| self.turn.vacate(1));
        if self.turn.has_ready() {
            self.door().ring_if_armed();
        }
    }

    /// The request of the next emission, or [`RequestId::NONE`] where it has none.
    fn front(&self) -> Option<RequestId> {
        self.tidy();
        self.turn
            .with_outbox(|outbox: &mut Outbox<E>| outbox.front())
    }

    /// Sees to what may have ended an untaken effect's life, and drops what died untaken.
    #[inline]
    pub(crate) fn tidy(&self) {
        match self.has_mail() || self.turn.is_unswept() {
            true => self.act(|_| self.sweep()),
            false => self.turn.adopt_newcomer(),
        }
    }

    /// The next emission and its request; otherwise whoever polls is woken when there may be one.
    pub(crate) fn poll_next(&mut self, cx: &Context<'_>) -> Poll<(RequestId, Emitted<E>)> {
        loop {
            if let Some(id) = self.front()
                && let Some(emitted) = self.take_front()
            {
                return Poll::Ready((id, emitted));
            }
            let settled = self.run(POLLS_BEFORE_YIELD);
            if self.turn.emitted() > 0 {
                continue;
            }
            if settled.budget_spent {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let door = self.door();
            door.set_waker(Some(cx.waker().clone()));
            door.arm();
            // As at the end of a turn.
            if !self.has_mail() || !door.disarm() {
                return Poll::Pending;
            }
            door.set_waker(None);
        }
    }

    /// Ends every task and every request, again until destructors cause no more of either. Inside [`Turn::lend`].
    fn stop_all(&self) {
        loop {
            self.take_in();
            let mut idle = true;
            for some in 0.. {
                let first = some * TASKS_AT_ONCE;
                let is_more = self.turn.wake_range(first..first + TASKS_AT_ONCE);
                while let Some(runnable) = self.turn.next_ready() {
                    idle = false;
                    self.turn.poll_task(runnable);
                }
                self.sweep();
                if !is_more {
                    break;
                }
            }
            if self.turn.live() > 0 {
                if idle {
                    // A task is alive and not ready though it was woken: its runnable is on its way, by a wake on
                    // another thread.
                    shim::yield_now();
                }
                continue;
            }
            if self.turn.pending_requests() == 0 {
                return;
            }
            // Their futures live outside every task.
            self.turn.cancel_all();
        }
    }

    /// Comes to rest: closes the door, ends everything, and waits for who is still at it.
    fn rest(&mut self) -> Found {
        let turn = &self.turn;
        let door = self.door();
        door.begin_closing();
        turn.begin_closing();
        let messages = self.mailbox.len();
        let (tasks, requests) = turn.lend(|| {
            self.take_in();
            let found = (turn.live(), turn.pending_requests());
            self.stop_all();
            // Destructors may notify until here.
            door.close();
            while !door.is_empty() {
                shim::yield_now();
            }
            // The last that came in, and what its destructors send.
            while self.has_mail() {
                self.stop_all();
            }
            found
        });
        // What the callbacks hold goes with them, and is out no more when what is out is counted.
        let on_panic = self.on_panic.take();
        self.turn.lend(|| {
            self.door().silence();
            discard(on_panic);
            self.sweep();
        });
        trace::torn_down(tasks, requests, messages);
        self.at_rest = true;
        Found {
            tasks,
            requests,
            messages,
        }
    }

    pub(crate) fn teardown(mut self) -> Teardown<E> {
        let found = self.rest();
        let remaining = self.turn.remaining();
        let outstanding = Outstanding {
            spawners: Arc::strong_count(&self.spawners) - 1,
            shells: Arc::strong_count(&self.shells) - 1,
            join_handles: remaining.iter().filter(|task| task.joined).count(),
            resolvers: self.turn.resolvers(),
            feeds: self.turn.feeds(),
        };
        let totals = self.turn.totals();
        let unseen = self.turn.emitted();
        if unseen > 0 {
            // The report of many is large as well, and need not lie beside them.
            self.turn.free_tables();
        }
        let mut emitted = Vec::with_capacity(unseen);
        self.turn.with_outbox(|outbox: &mut Outbox<E>| {
            emitted.extend(std::iter::from_fn(|| outbox.pop(|_| {})));
        });
        let (door, mailbox) = (Arc::clone(self.door()), self.mailbox.receiver());
        // Gives up the executor's own part in what is counted.
        drop(self);
        let rest = Rest::new(door, mailbox, remaining);
        Teardown::new(found, emitted, outstanding, totals, rest)
    }
}

impl<E: Send + 'static> Drop for Engine<E> {
    fn drop(&mut self) {
        if !self.at_rest {
            let _ = self.rest();
        }
        // What nobody will take: its destructors run here, and what they throw ends here.
        while let Some(emitted) = self
            .turn
            .with_outbox(|outbox: &mut Outbox<E>| outbox.pop(|_| {}))
        {
            discard(emitted);
        }
    }
}

impl<E: Send + 'static> fmt::Debug for Engine<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor")
            .field("tasks", &self.turn.live())
            .field("requests", &self.turn.pending_requests())
            .field("emitted", &self.turn.emitted())
            .field("messages", &self.mailbox.len())
            .finish()
    }
}

impl<E: Send + 'static> Engine<E> {
    pub(crate) fn try_spawn<F>(
        &self,
        future: F,
        label: Label,
    ) -> Result<JoinHandle<F::Output>, Rejected<F>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let Some(place) = self.door().place_for_task() else {
            return Err(Rejected::new(Refusal::Full, future));
        };
        // What was spawned before is first.
        match self.has_mail() {
            true => self.act(|_| {}),
            false => self.turn.adopt_newcomer(),
        }
        let (runnable, handle) = task::make(self.door(), future, TaskId::NONE);
        place.keep();
        self.turn.welcome(runnable, label);
        self.door().ring_if_armed();
        Ok(handle)
    }

    /// Gives up a resolver: its request is answered by its id alone. `None` where it is another executor's.
    #[cfg(feature = "bridge")]
    pub(crate) fn give_up_resolver<Op: Operation>(
        &self,
        resolver: Resolver<Op>,
    ) -> Option<RequestId> {
        if !resolver.belongs_to(self.door()) {
            return None;
        }
        let (id, door) = resolver.spend();
        self.turn.resolver_gone(door);
        Some(id)
    }

    /// Gives up a feed: its stream goes on, and is answered by its id alone. `None` where it is another executor's.
    #[cfg(feature = "bridge")]
    pub(crate) fn give_up_feed<Op: Operation>(&self, feed: Feed<Op>) -> Option<RequestId> {
        if !feed.belongs_to(self.door()) {
            return None;
        }
        let (id, was_last) = feed.into_id();
        if was_last {
            self.turn.feed_given_up();
        }
        Some(id)
    }

    pub(crate) fn resolve<Op: Operation>(
        &self,
        resolver: Resolver<Op>,
        output: Op::Output,
    ) -> Result<(), ResolveError<Op::Output>> {
        if !resolver.belongs_to(self.door()) {
            return Err(ResolveError::new(Reason::Foreign, output));
        }
        let (id, door) = resolver.spend();
        self.act(|turn| {
            turn.resolver_gone(door);
            turn.answer(id, output).map_err(ResolveError::given_back)
        })
    }

    pub(crate) fn fail<Op: Operation>(
        &self,
        resolver: Resolver<Op>,
        reason: String,
    ) -> Result<(), ResolveError<String>> {
        if !resolver.belongs_to(self.door()) {
            return Err(ResolveError::new(Reason::Foreign, reason));
        }
        let (id, door) = resolver.spend();
        self.act(|turn| {
            turn.resolver_gone(door);
            turn.fail(id, reason).map_err(ResolveError::given_back)
        })
    }

    pub(crate) fn resolve_id<Op: Operation>(
        &self,
        id: RequestId,
        output: Op::Output,
    ) -> Result<(), ResolveError<Op::Output>> {
        self.act(
            |turn| match turn.check(id, |kind| kind.is::<Op>(Shape::One)) {
                Ok(()) => turn.answer(id, output).map_err(ResolveError::given_back),
                Err(reason) => Err(ResolveError::new(reason, output)),
            },
        )
    }

    pub(crate) fn send<Op: Operation>(
        &self,
        feed: &Feed<Op>,
        item: Op::Output,
    ) -> Result<(), ResolveError<Op::Output>> {
        if !feed.belongs_to(self.door()) {
            return Err(ResolveError::new(Reason::Foreign, item));
        }
        self.act(|turn| turn.item(feed.id(), item).map_err(ResolveError::given_back))
    }

    pub(crate) fn send_id<Op: Operation>(
        &self,
        id: RequestId,
        item: Op::Output,
    ) -> Result<(), ResolveError<Op::Output>> {
        self.act(
            |turn| match turn.check(id, |kind| kind.is::<Op>(Shape::Many)) {
                Ok(()) => turn.item(id, item).map_err(ResolveError::given_back),
                Err(reason) => Err(ResolveError::new(reason, item)),
            },
        )
    }

    pub(crate) fn fail_id(
        &self,
        id: RequestId,
        reason: String,
    ) -> Result<(), ResolveError<String>> {
        self.act(|turn| match turn.check(id, |_| true) {
            Ok(()) => turn.fail(id, reason).map_err(ResolveError::given_back),
            Err(why) => Err(ResolveError::new(why, reason)),
        })
    }
}
