//! The loop and the teardown.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::FusedFuture;

use crate::answer::{Answer, Shape};
use crate::contain::{discard, shield};
use crate::entry::{Reason, RequestError};
use crate::id::RequestId;
use crate::mailbox;
use crate::meta::{Door, Message, TaskPanic};
use crate::outbox::{Emitted, Outbox};
use crate::report::{Count, Outstanding, Remaining, Settled, Teardown, Totals};
use crate::request::{Feed, Operation, ResolveError, Resolver};
use crate::shell::Shell;
use crate::shim::{self, Receiver};
use crate::snapshot::Snapshot;
use crate::spawner::{LocalSpawner, Root, Spawner};
use crate::turn::{Ended, Turn};

/// How often a long turn looks into its mailbox, in polls: an abort from outside reaches tasks that keep each other busy.
const POLLS_BETWEEN_LOOKS: usize = 64;

/// How many messages such a look takes in, and how many count as one poll of a turn's budget, after those that were
/// there when the turn began.
const MESSAGES_A_LOOK: usize = 64;

/// The most polls that one poll of [`Next`] makes before it lets the host's other futures run.
const POLLS_BEFORE_YIELD: usize = 1024;

type OnPanic = Box<dyn Fn(TaskPanic) + Send + Sync>;

/// Sets up an executor. Dropping it makes none.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use stillpoint::Executor;
///
/// let rings = Arc::new(AtomicUsize::new(0));
/// let bell = Arc::clone(&rings);
/// let mut executor: Executor<()> = Executor::builder()
///     .on_ready(move || {
///         bell.fetch_add(1, Ordering::SeqCst);
///     })
///     .on_panic(|panic| eprintln!("{panic}"))
///     .build();
/// executor.spawner().spawn(async {});
/// executor.spawner().spawn(async {});
/// assert_eq!(rings.load(Ordering::SeqCst), 1, "once for both");
/// assert_eq!(executor.run_until_stalled().completed, 2);
/// ```
#[must_use = "call `build`, or `build_local`"]
pub struct Builder<E> {
    on_ready: Option<Arc<dyn Fn() + Send + Sync>>,
    on_panic: Option<OnPanic>,
    effect: PhantomData<fn() -> E>,
}

impl<E: Send + 'static> Builder<E> {
    fn new() -> Self {
        Self {
            on_ready: None,
            on_panic: None,
            effect: PhantomData,
        }
    }

    /// Rings this bell once when work arrives at an idle executor: a spawn, a wake, an answer, an abort, a notification.
    ///
    /// It is called after the work is queued, on the thread that brought it, under no lock, and again only after a turn
    /// has ended. It may do anything but drive the executor; usually it schedules a turn. Its panics end where it is
    /// called. Who drives in a loop needs none.
    pub fn on_ready(mut self, bell: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_ready = Some(Arc::new(bell));
        self
    }

    /// Tells of panics that nobody learns by joining: of a task whose handle was dropped, and in destructors. It is
    /// called by the turn, on the host's thread; its own panics end there.
    pub fn on_panic(mut self, handler: impl Fn(TaskPanic) + Send + Sync + 'static) -> Self {
        self.on_panic = Some(Box::new(handler));
        self
    }

    /// Makes an executor that takes `Send` futures and may move between threads.
    pub fn build(self) -> Executor<E> {
        Executor {
            core: Core::new(self),
        }
    }

    /// Makes an executor that also takes futures that are bound to this thread, and stays on it.
    pub fn build_local(self) -> LocalExecutor<E> {
        LocalExecutor {
            core: Core::new(self),
            bound: PhantomData,
        }
    }
}

impl<E> fmt::Debug for Builder<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("on_ready", &self.on_ready.is_some())
            .field("on_panic", &self.on_panic.is_some())
            .finish()
    }
}

/// What both executors are.
struct Core<E: Send + 'static> {
    turn: Turn,
    mailbox: Receiver<Message>,
    spawners: Arc<Root>,
    shells: Arc<Root>,
    on_panic: Option<OnPanic>,
    has_bell: bool,
    at_rest: bool,
    effect: PhantomData<fn() -> E>,
}

impl<E: Send + 'static> Core<E> {
    fn new(builder: Builder<E>) -> Self {
        let has_bell = builder.on_ready.is_some();
        let (door, mailbox) = mailbox::Door::new(builder.on_ready);
        Self {
            mailbox,
            spawners: Arc::new(Root {
                door: Arc::clone(&door),
            }),
            shells: Arc::new(Root {
                door: Arc::clone(&door),
            }),
            turn: Turn::new(door, Box::new(Outbox::<E>::new())),
            on_panic: builder.on_panic,
            has_bell,
            at_rest: false,
            effect: PhantomData,
        }
    }

    fn door(&self) -> &Arc<Door> {
        &self.turn.door
    }

    /// Carries out what has come in by now; senders that keep sending do not keep it. Inside [`Turn::lend`].
    fn take_in(&self) {
        self.take_some(self.mailbox.len());
    }

    /// Carries out at most so many messages. Gives how many there were.
    fn take_some(&self, most: usize) -> usize {
        for taken in 0..most {
            let Ok(message) = self.mailbox.try_recv() else {
                return taken;
            };
            self.turn.accept(message);
        }
        most
    }

    /// Looks into the mailbox in the midst of a turn.
    fn look(&self) -> usize {
        match self.mailbox.is_empty() {
            true => 0,
            false => self.take_some(MESSAGES_A_LOOK),
        }
    }

    /// Drops what was buried and reports what panicked, until there is neither. Inside [`Turn::lend`].
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

    /// Does one of the host's own acts, after what the mailbox holds.
    fn act<R>(&self, act: impl FnOnce(&Turn) -> R) -> R {
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
    fn run(&mut self, budget: usize) -> Settled {
        let mut settled = Settled::default();
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
            if settled.budget_spent || self.mailbox.is_empty() || !self.door().disarm() {
                break;
            }
        }
        settled.pending = self.turn.live();
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
            if !self.turn.has_ready() && self.mailbox.is_empty() {
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

    fn pop(&mut self) -> Option<(Option<RequestId>, Emitted<E>)> {
        self.act(|turn| {
            self.sweep();
            let (id, emitted) = turn.with_outbox(|outbox: &mut Outbox<E>| outbox.pop())?;
            turn.taken(id, matches!(emitted, Emitted::Effect(_)));
            Some((id, emitted))
        })
    }

    /// The next emission and its request; otherwise whoever polls is woken when there may be one.
    fn poll_next(&mut self, cx: &Context<'_>) -> Poll<(Option<RequestId>, Emitted<E>)> {
        loop {
            if let Some(emitted) = self.pop() {
                return Poll::Ready(emitted);
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
            if self.mailbox.is_empty() || !door.disarm() {
                return Poll::Pending;
            }
            door.set_waker(None);
        }
    }

    /// Ends every task and every request, again until destructors cause no more of either. Inside [`Turn::lend`].
    fn stop_all(&self) {
        loop {
            self.take_in();
            self.turn.wake_all();
            let mut idle = true;
            while let Some(runnable) = self.turn.next_ready() {
                idle = false;
                self.turn.poll_task(runnable);
            }
            self.sweep();
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

    /// Comes to rest: see rules 16 and 17 of the design.
    fn rest(&mut self) -> Count {
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
            // The last that came in, and what its destructors do.
            while !self.mailbox.is_empty() || self.turn.has_ready() || self.turn.is_unswept() {
                self.stop_all();
            }
            found
        });
        door.silence();
        self.at_rest = true;
        let tally = turn.tally();
        let mut join_handles = 0;
        turn.for_each_task(|_, task| join_handles += usize::from(task.joined));
        let outstanding = Outstanding {
            spawners: Arc::strong_count(&self.spawners) - 1,
            shells: Arc::strong_count(&self.shells) - 1,
            join_handles,
            resolvers: tally.resolvers,
            feeds: tally.feeds,
        };
        Count {
            tasks,
            requests,
            messages,
            totals: turn.totals(),
            outstanding,
        }
    }

    fn teardown(mut self) -> Teardown<E> {
        let count = self.rest();
        let emitted = self.turn.with_outbox(|outbox: &mut Outbox<E>| {
            std::iter::from_fn(|| outbox.pop())
                .map(|(_, emitted)| emitted)
                .collect()
        });
        let mut remaining = Vec::new();
        self.turn.for_each_task(|task, state| {
            remaining.push(Remaining {
                task,
                label: state.label,
                joined: state.joined,
            })
        });
        let (door, mailbox) = (Arc::clone(self.door()), self.mailbox.clone());
        // Gives up the executor's own part in what is counted.
        drop(self);
        Teardown::new(count, emitted, remaining, door, mailbox)
    }
}

impl<E: Send + 'static> Drop for Core<E> {
    fn drop(&mut self) {
        if !self.at_rest {
            let _ = self.rest();
        }
        // What nobody will take: its destructors run here, and what they throw ends here.
        while let Some((_, emitted)) = self.turn.with_outbox(|outbox: &mut Outbox<E>| outbox.pop())
        {
            discard(emitted);
        }
        discard(self.on_panic.take());
    }
}

impl<E: Send + 'static> fmt::Debug for Core<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor")
            .field("tasks", &self.turn.live())
            .field("requests", &self.turn.pending_requests())
            .field("emitted", &self.turn.emitted())
            .field("messages", &self.mailbox.len())
            .finish()
    }
}

/// Writes what both executors can do.
macro_rules! executor {
    ($Executor:ident, $build:ident) => {
        impl<E: Send + 'static> $Executor<E> {
            /// Makes an executor with no bell. It has no thread, and does nothing until it is driven.
            #[must_use]
            pub fn new() -> Self {
                Self::builder().$build()
            }

            /// Sets up an executor; `build` and `build_local` say which of the two it becomes.
            pub fn builder() -> Builder<E> {
                Builder::new()
            }

            /// A way to make tasks, of futures that are [`Send`].
            #[must_use]
            pub fn spawner(&self) -> Spawner {
                Spawner::new(Arc::clone(&self.core.spawners))
            }

            /// A way to ask, for tasks.
            #[must_use]
            pub fn shell(&self) -> Shell<E> {
                Shell::new(Arc::clone(&self.core.shells))
            }

            /// Polls every task that is ready, and those that become so by it, until none is and the mailbox is empty.
            ///
            /// A task that wakes itself for ever, or threads that send faster than it takes in, keep it from returning:
            /// see [`run_for`](Self::run_for).
            pub fn run_until_stalled(&mut self) -> Settled {
                self.core.run(usize::MAX)
            }

            /// The same, with at most `polls` polls; of the messages that come during the turn, 64 count as one.
            /// [`Settled::budget_spent`] says that work is left.
            #[must_use = "`budget_spent` says whether work is left"]
            pub fn run_for(&mut self, polls: usize) -> Settled {
                self.core.run(polls)
            }

            /// Takes what was emitted, oldest first. What is not pulled stays for later, and an effect whose request is
            /// cancelled by then is never seen.
            ///
            /// A `for` over it borrows the executor; to answer by [`resolve`](Self::resolve) in between, pull with
            /// `while let Some(emitted) = executor.drain().next()`.
            pub fn drain(&mut self) -> Drain<'_, E> {
                Drain {
                    core: &mut self.core,
                }
            }

            /// Awaits the next emission, running tasks as they wake: the asynchronous way to drive.
            ///
            /// It is woken by whatever would ring the bell. Dropping it loses nothing, and forgets the waker. It waits
            /// for ever where no task is left and nobody spawns one; await it beside what ends your program, as
            /// `select!` does.
            #[expect(
                clippy::should_implement_trait,
                reason = "it is a future's name, as `StreamExt::next` is"
            )]
            pub fn next(&mut self) -> Next<'_, E> {
                Next {
                    core: &mut self.core,
                    finished: false,
                    registered: false,
                }
            }

            /// Answers a request, at once. Its task goes on with the next turn.
            ///
            /// # Errors
            ///
            /// Says why it has no effect, and gives the answer back: [`Reason::Foreign`], [`Reason::Stale`], or
            /// [`Reason::AlreadyAnswered`] where it was answered by its id before. The resolver is used up in any case.
            pub fn resolve<Op: Operation>(
                &mut self,
                resolver: Resolver<Op>,
                output: Op::Output,
            ) -> Result<(), ResolveError<Op::Output>> {
                self.core.resolve(resolver, output)
            }

            /// Fails a request, at once.
            ///
            /// # Errors
            ///
            /// As for [`resolve`](Self::resolve).
            pub fn fail<Op: Operation>(
                &mut self,
                resolver: Resolver<Op>,
                reason: impl Into<String>,
            ) -> Result<(), ResolveError<String>> {
                self.core.fail(resolver, reason.into())
            }

            /// Sends an item to a stream, at once, after what the mailbox holds.
            ///
            /// # Errors
            ///
            /// Says why it has no effect, and gives the item back: [`Reason::Foreign`], [`Reason::Stale`],
            /// [`Reason::AlreadyAnswered`] after its end, or [`Reason::Full`].
            pub fn send<Op: Operation>(
                &mut self,
                feed: &Feed<Op>,
                item: Op::Output,
            ) -> Result<(), ResolveError<Op::Output>> {
                if !feed.belongs_to(self.core.door()) {
                    return Err(ResolveError::new(Reason::Foreign, item));
                }
                self.send_id::<Op>(feed.id(), item)
            }

            /// Ends a stream, at once, after what the mailbox holds.
            ///
            /// # Errors
            ///
            /// As for [`send`](Self::send), with nothing to give back.
            pub fn end<Op: Operation>(&mut self, feed: &Feed<Op>) -> Result<(), ResolveError<()>> {
                if !feed.belongs_to(self.core.door()) {
                    return Err(ResolveError::new(Reason::Foreign, ()));
                }
                self.end_id(feed.id())
            }

            /// Answers a request by its id alone, for shells that hold no Rust object.
            ///
            /// # Errors
            ///
            /// Says why it has no effect, and gives the answer back: [`Reason::Unknown`], [`Reason::Stale`],
            /// [`Reason::WrongType`] or [`Reason::AlreadyAnswered`].
            pub fn resolve_id<Op: Operation>(
                &mut self,
                id: RequestId,
                output: Op::Output,
            ) -> Result<(), ResolveError<Op::Output>> {
                self.core.resolve_id::<Op>(id, output)
            }

            /// Sends an item to a stream by its id alone.
            ///
            /// # Errors
            ///
            /// As for [`resolve_id`](Self::resolve_id), and [`Reason::Full`].
            pub fn send_id<Op: Operation>(
                &mut self,
                id: RequestId,
                item: Op::Output,
            ) -> Result<(), ResolveError<Op::Output>> {
                self.core.send_id::<Op>(id, item)
            }

            /// Fails a request, or a stream after what was sent, by its id alone.
            ///
            /// # Errors
            ///
            /// As for [`resolve_id`](Self::resolve_id).
            pub fn fail_id(
                &mut self,
                id: RequestId,
                reason: impl Into<String>,
            ) -> Result<(), ResolveError<String>> {
                self.core.fail_id(id, reason.into())
            }

            /// Ends a stream, after what was sent, by its id alone.
            ///
            /// # Errors
            ///
            /// As for [`resolve_id`](Self::resolve_id), with nothing to give back.
            pub fn end_id(&mut self, id: RequestId) -> Result<(), ResolveError<()>> {
                self.core
                    .act(|turn| {
                        turn.check(id, |kind| kind.shape == Shape::Many)?;
                        turn.end(id, Ok(()))
                    })
                    .map_err(|reason| ResolveError::new(reason, ()))
            }

            /// What this executor has seen since it was made.
            #[must_use]
            pub fn totals(&self) -> Totals {
                self.core.turn.totals()
            }

            /// The tasks and requests that it holds now, as far as the mailbox is taken in.
            #[must_use]
            pub fn snapshot(&self) -> Snapshot {
                self.core.turn.snapshot()
            }

            /// Comes to rest, and says what it found and what is left.
            ///
            /// It closes spawning and asking, aborts every task, drops every future, again until drops cause no more,
            /// and frees every request. Notifications are taken until the last future is dropped. Where a wake is under
            /// way on another thread it waits, yielding: no future is dropped after it has returned. What is still out
            /// afterwards, anywhere, can do no more than be refused.
            pub fn teardown(self) -> Teardown<E> {
                self.core.teardown()
            }
        }

        impl<E: Send + 'static> Default for $Executor<E> {
            fn default() -> Self {
                Self::new()
            }
        }

        /// Counts of tasks, requests, untaken emissions and untaken messages.
        impl<E: Send + 'static> fmt::Debug for $Executor<E> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.core.fmt(f)
            }
        }
    };
}

impl<E: Send + 'static> Core<E> {
    fn resolve<Op: Operation>(
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
            turn.answer(id, Answer::new(output))
                .map_err(ResolveError::refused)
        })
    }

    fn fail<Op: Operation>(
        &self,
        resolver: Resolver<Op>,
        reason: String,
    ) -> Result<(), ResolveError<String>> {
        if !resolver.belongs_to(self.door()) {
            return Err(ResolveError::new(Reason::Foreign, reason));
        }
        let (id, door) = resolver.spend();
        self.act(|turn| turn.resolver_gone(door));
        self.fail_id(id, reason)
    }

    fn resolve_id<Op: Operation>(
        &self,
        id: RequestId,
        output: Op::Output,
    ) -> Result<(), ResolveError<Op::Output>> {
        self.act(
            |turn| match turn.check(id, |kind| kind.is::<Op>(Shape::One)) {
                Ok(()) => turn
                    .answer(id, Answer::new(output))
                    .map_err(ResolveError::refused),
                Err(reason) => Err(ResolveError::new(reason, output)),
            },
        )
    }

    fn send_id<Op: Operation>(
        &self,
        id: RequestId,
        item: Op::Output,
    ) -> Result<(), ResolveError<Op::Output>> {
        self.act(
            |turn| match turn.check(id, |kind| kind.is::<Op>(Shape::Many)) {
                Ok(()) => turn
                    .host_item(id, Answer::new(item))
                    .map_err(ResolveError::refused),
                Err(reason) => Err(ResolveError::new(reason, item)),
            },
        )
    }

    fn fail_id(&self, id: RequestId, reason: String) -> Result<(), ResolveError<String>> {
        self.act(|turn| turn.end(id, Err(RequestError::Failed(reason.clone()))))
            .map_err(|why| ResolveError::new(why, reason))
    }
}

/// Owns tasks and everything that they wait for, and runs them when it is driven.
///
/// `E` is the effect: what its tasks ask of the shell. It takes `Send` futures and is `Send` itself; it owns no thread
/// and no static. Dropping it drops every future and every request, and discards what the shell has not seen; a shell
/// that holds resources calls [`teardown`](Self::teardown) and looks through the notices.
///
/// ```
/// use stillpoint::{Emitted, Executor, Operation, Request};
///
/// struct Name;
/// impl Operation for Name {
///     type Output = &'static str;
/// }
///
/// let mut executor = Executor::<Request<Name>>::new();
/// let shell = executor.shell();
/// let task = executor.spawner().spawn(async move { format!("hello, {}", shell.request(Name).await.unwrap()) });
///
/// while !task.is_finished() {
///     executor.run_until_stalled();
///     while let Some(emitted) = executor.drain().next() {
///         if let Emitted::Effect(request) = emitted {
///             executor.resolve(request.resolver, "world").unwrap();
///         }
///     }
/// }
/// assert_eq!(futures::executor::block_on(task).unwrap(), "hello, world");
/// executor.teardown().assert_baseline();
/// ```
pub struct Executor<E: Send + 'static> {
    core: Core<E>,
}

executor!(Executor, build);

impl<E: Send + 'static> Executor<E> {
    /// For drivers that keep what they do by request.
    #[cfg(feature = "tokio")]
    pub(crate) fn poll_next_with_id(
        &mut self,
        cx: &Context<'_>,
    ) -> Poll<(Option<RequestId>, Emitted<E>)> {
        self.core.poll_next(cx)
    }
}

/// An [`Executor`] that also takes futures that are bound to its thread, and stays on that thread itself.
///
/// ```
/// use std::rc::Rc;
/// use stillpoint::LocalExecutor;
///
/// let mut executor = LocalExecutor::<()>::new();
/// let shared = Rc::new(1);
/// let task = executor.local_spawner().spawn({
///     let shared = Rc::clone(&shared);
///     async move { *shared + 1 }
/// });
/// assert_eq!(executor.run_until_stalled().completed, 1);
/// assert_eq!(futures::executor::block_on(task).unwrap(), 2);
/// ```
pub struct LocalExecutor<E: Send + 'static> {
    core: Core<E>,
    bound: PhantomData<*const ()>,
}

executor!(LocalExecutor, build_local);

impl<E: Send + 'static> LocalExecutor<E> {
    /// A way to make tasks that are bound to this thread.
    #[must_use]
    pub fn local_spawner(&self) -> LocalSpawner {
        LocalSpawner::new(Arc::clone(&self.core.spawners))
    }
}

/// Takes emissions, oldest first. Made by [`Executor::drain`]. Dropping it leaves the rest where it is.
#[must_use = "what is not pulled stays"]
pub struct Drain<'a, E: Send + 'static> {
    core: &'a mut Core<E>,
}

impl<E: Send + 'static> Iterator for Drain<'_, E> {
    type Item = Emitted<E>;

    fn next(&mut self) -> Option<Self::Item> {
        self.core.pop().map(|(_, emitted)| emitted)
    }
}

impl<E: Send + 'static> fmt::Debug for Drain<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain")
            .field("emitted", &self.core.turn.emitted())
            .finish()
    }
}

/// Awaits the next emission. Made by [`Executor::next`]. Dropping it loses nothing, and forgets the host's waker.
#[must_use = "nothing runs until it is awaited"]
pub struct Next<'a, E: Send + 'static> {
    core: &'a mut Core<E>,
    finished: bool,
    /// Whether the bell has a waker of its own.
    registered: bool,
}

impl<E: Send + 'static> Future for Next<'_, E> {
    type Output = Emitted<E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = self.core.poll_next(cx);
        self.finished = polled.is_ready();
        self.registered = polled.is_pending();
        polled.map(|(_, emitted)| emitted)
    }
}

impl<E: Send + 'static> FusedFuture for Next<'_, E> {
    fn is_terminated(&self) -> bool {
        self.finished
    }
}

impl<E: Send + 'static> Drop for Next<'_, E> {
    fn drop(&mut self) {
        if self.registered {
            self.core.door().set_waker(None);
        }
    }
}

impl<E: Send + 'static> fmt::Debug for Next<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next")
            .field("emitted", &self.core.turn.emitted())
            .finish()
    }
}
