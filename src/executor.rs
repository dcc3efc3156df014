//! Who drives: what the host holds of an engine.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::FusedFuture;

use crate::answer::Shape;
use crate::engine::{Engine, OnPanic, OnReady};
use crate::entry::{Overflow, Reason};
use crate::id::RequestId;
use crate::limit::{Limits, Rejected, WhenFull};
use crate::meta::{Label, TaskPanic};
use crate::outbox::Emitted;
use crate::report::{Settled, Teardown, Totals};
use crate::request::{Feed, Operation, ResolveError, Resolver};
use crate::shell::Shell;
use crate::snapshot::Snapshot;
use crate::spawner::{LocalSpawner, Spawner};
use crate::task::{JoinHandle, Local, LocalJoinHandle};

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
    on_ready: Option<OnReady>,
    on_panic: Option<OnPanic>,
    limits: Limits,
    effect: PhantomData<fn() -> E>,
}

impl<E: Send + 'static> Builder<E> {
    fn new() -> Self {
        Self {
            on_ready: None,
            on_panic: None,
            limits: Limits::default(),
            effect: PhantomData,
        }
    }

    /// Rings this bell once when work arrives at an idle executor: a spawn, a wake, an answer, an abort, a
    /// notification.
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

    /// Lets at most so many tasks be alive at one time, those among them that were spawned from outside and not taken
    /// in yet. A spawn beyond that is [`Rejected`] with its future, and [`Settled::refused`] counts it. There is no
    /// limit where none is set; 0 counts as 1.
    pub fn max_tasks(mut self, tasks: usize) -> Self {
        self.limits.tasks = Some(tasks);
        self
    }

    /// Lets at most so many requests and subscriptions be pending at one time. One beyond that waits its turn, after
    /// those that came before it, unless [`when_full`](Self::when_full) says otherwise; [`Settled::waiting`] says how
    /// many do. It has its turn when another is answered and read, or cancelled. There is no limit but 2^24 where none
    /// is set; 0 counts as 1.
    ///
    /// A subscription has a place as long as it lasts. Where a task holds on to one request until it has the answer of
    /// another, and there is a place for one, both wait for ever.
    pub fn max_requests(mut self, requests: usize) -> Self {
        self.limits.requests = Some(requests);
        self
    }

    /// Lets at most so many effects wait for a shell that does not take them, notifications from other threads that are
    /// on their way among them. So a shell that stops draining cannot make memory grow: a notification beyond that is
    /// [`Rejected`] with its value, and a request waits its turn, as with [`max_requests`](Self::max_requests), until
    /// the shell takes an effect. There is no limit where none is set; 0 counts as 1.
    ///
    /// Notices of cancelled requests are never refused: there is at most one for each effect that the shell has taken.
    /// From the beginning of a teardown on no notification is refused, so that what destructors say is heard.
    pub fn outbox_capacity(mut self, effects: usize) -> Self {
        self.limits.outbox = Some(effects);
        self
    }

    /// What a request does that finds no place: waits its turn, where nothing else is said, or fails at once.
    pub fn when_full(mut self, when_full: WhenFull) -> Self {
        self.limits.when_full = when_full;
        self
    }

    /// What streams do with items that come faster than they are taken, where
    /// [`ShellStream::overflow`](crate::ShellStream::overflow) says nothing else: [`Overflow::Unbounded`] where this is
    /// not said.
    pub fn stream_overflow(mut self, overflow: Overflow) -> Self {
        self.limits.overflow = overflow;
        self
    }

    /// Makes an executor that takes `Send` futures and may move between threads.
    pub fn build(self) -> Executor<E> {
        Executor {
            engine: Engine::new(self.on_ready, self.on_panic, &self.limits),
        }
    }

    /// Makes an executor that also takes futures that are bound to this thread, and stays on it.
    pub fn build_local(self) -> LocalExecutor<E> {
        LocalExecutor {
            engine: Engine::new(self.on_ready, self.on_panic, &self.limits),
            bound: PhantomData,
        }
    }
}

impl<E> fmt::Debug for Builder<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("on_ready", &self.on_ready.is_some())
            .field("on_panic", &self.on_panic.is_some())
            .field("limits", &self.limits)
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
                Spawner::new(Arc::clone(&self.engine.spawners))
            }

            /// A way to ask, for tasks.
            #[must_use]
            pub fn shell(&self) -> Shell<E> {
                Shell::new(Arc::clone(&self.engine.shells))
            }

            /// Spawns a task, which the next turn polls first after what was spawned before. A [`Spawner`] does the
            /// same from anywhere, and takes the way through the mailbox for it.
            ///
            /// Beyond [`Builder::max_tasks`] the future is dropped, and the handle gives
            /// [`JoinError::Full`](crate::JoinError::Full).
            #[track_caller]
            pub fn spawn<F>(&mut self, future: F) -> JoinHandle<F::Output>
            where
                F: Future + Send + 'static,
                F::Output: Send + 'static,
            {
                self.try_spawn(future).unwrap_or_else(JoinHandle::refused)
            }

            /// The same, where there may be a limit.
            ///
            /// # Errors
            ///
            /// Gives the future back, unpolled, beyond [`Builder::max_tasks`].
            #[track_caller]
            pub fn try_spawn<F>(&mut self, future: F) -> Result<JoinHandle<F::Output>, Rejected<F>>
            where
                F: Future + Send + 'static,
                F::Output: Send + 'static,
            {
                self.engine.try_spawn(future, Label::here(None))
            }

            /// Polls every task that is ready, and those that become so by it, until none is and the mailbox is empty.
            ///
            /// A task that wakes itself for ever, or threads that send faster than it takes in, keep it from returning:
            /// see [`run_for`](Self::run_for).
            pub fn run_until_stalled(&mut self) -> Settled {
                self.engine.run(usize::MAX)
            }

            /// The same, with at most `polls` polls; of the messages that come during the turn, 64 count as one.
            /// [`Settled::budget_spent`] says that work is left.
            #[must_use = "`budget_spent` says whether work is left"]
            pub fn run_for(&mut self, polls: usize) -> Settled {
                self.engine.run(polls)
            }

            /// Takes what was emitted, oldest first. What is not pulled stays for later, and an effect whose request is
            /// cancelled by then is never seen.
            ///
            /// A `for` over it borrows the executor; to answer by [`resolve`](Self::resolve) in between, pull with
            /// `while let Some(emitted) = executor.drain().next()`.
            pub fn drain(&mut self) -> Drain<'_, E> {
                Drain {
                    engine: &mut self.engine,
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
                    engine: &mut self.engine,
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
                self.engine.resolve(resolver, output)
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
                self.engine.fail(resolver, reason.into())
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
                self.engine.send(feed, item)
            }

            /// Ends a stream, at once, after what the mailbox holds.
            ///
            /// # Errors
            ///
            /// As for [`send`](Self::send), with nothing to give back.
            pub fn end<Op: Operation>(&mut self, feed: &Feed<Op>) -> Result<(), ResolveError<()>> {
                if !feed.belongs_to(self.engine.door()) {
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
                self.engine.resolve_id::<Op>(id, output)
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
                self.engine.send_id::<Op>(id, item)
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
                self.engine.fail_id(id, reason.into())
            }

            /// Ends a stream, after what was sent, by its id alone.
            ///
            /// # Errors
            ///
            /// As for [`resolve_id`](Self::resolve_id), with nothing to give back.
            pub fn end_id(&mut self, id: RequestId) -> Result<(), ResolveError<()>> {
                self.engine
                    .act(|turn| {
                        turn.check(id, |kind| kind.shape == Shape::Many)?;
                        turn.end(id, Ok(()))
                    })
                    .map_err(|reason| ResolveError::new(reason, ()))
            }

            /// What this executor has seen since it was made.
            #[must_use]
            pub fn totals(&self) -> Totals {
                self.engine.turn.totals()
            }

            /// The tasks and requests that it holds now, as far as the mailbox is taken in.
            #[must_use]
            pub fn snapshot(&self) -> Snapshot {
                self.engine.snapshot()
            }

            /// Comes to rest, and says what it found and what is left.
            ///
            /// It closes spawning and asking, aborts every task, drops every future, again until drops cause no more,
            /// and frees every request. Notifications are taken until the last future is dropped. Where a wake is under
            /// way on another thread it waits, yielding: no future is dropped after it has returned. What is still out
            /// afterwards, anywhere, can do no more than be refused.
            pub fn teardown(self) -> Teardown<E> {
                self.engine.teardown()
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
                self.engine.fmt(f)
            }
        }
    };
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
    /// Drivers take it out, and drive that.
    pub(crate) engine: Engine<E>,
}

executor!(Executor, build);

#[cfg(any(feature = "testing", feature = "web"))]
impl<E: Send + 'static> Executor<E> {
    /// Binds it to this thread, for drivers that stay on theirs and take either.
    pub(crate) fn into_local(self) -> LocalExecutor<E> {
        LocalExecutor {
            engine: self.engine,
            bound: PhantomData,
        }
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
    /// Whoever takes it out stays on this thread with it.
    pub(crate) engine: Engine<E>,
    bound: PhantomData<*const ()>,
}

executor!(LocalExecutor, build_local);

impl<E: Send + 'static> LocalExecutor<E> {
    /// A way to make tasks that are bound to this thread.
    #[must_use]
    pub fn local_spawner(&self) -> LocalSpawner {
        LocalSpawner::new(Arc::clone(&self.engine.spawners))
    }

    /// Spawns a task that stays on this thread, as [`spawn`](Self::spawn) does.
    #[track_caller]
    pub fn spawn_local<F>(&mut self, future: F) -> LocalJoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.try_spawn_local(future)
            .unwrap_or_else(LocalJoinHandle::refused)
    }

    /// The same, where there may be a limit.
    ///
    /// # Errors
    ///
    /// Gives the future back, unpolled, beyond [`Builder::max_tasks`].
    #[track_caller]
    pub fn try_spawn_local<F>(
        &mut self,
        future: F,
    ) -> Result<LocalJoinHandle<F::Output>, Rejected<F>>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let spawned = self.engine.try_spawn(Local::new(future), Label::here(None));
        spawned
            .map(LocalJoinHandle::new)
            .map_err(|rejected| rejected.map(Local::into_inner))
    }
}

/// Takes emissions, oldest first. Made by [`Executor::drain`]. Dropping it leaves the rest where it is.
#[must_use = "what is not pulled stays"]
pub struct Drain<'a, E: Send + 'static> {
    engine: &'a mut Engine<E>,
}

impl<E: Send + 'static> Iterator for Drain<'_, E> {
    type Item = Emitted<E>;

    fn next(&mut self) -> Option<Self::Item> {
        self.engine.pop()
    }
}

impl<E: Send + 'static> fmt::Debug for Drain<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain")
            .field("emitted", &self.engine.turn.emitted())
            .finish()
    }
}

/// Awaits the next emission. Made by [`Executor::next`]. Dropping it loses nothing, and forgets the host's waker.
#[must_use = "nothing runs until it is awaited"]
pub struct Next<'a, E: Send + 'static> {
    engine: &'a mut Engine<E>,
    finished: bool,
    /// Whether the bell has a waker of its own.
    registered: bool,
}

impl<E: Send + 'static> Future for Next<'_, E> {
    type Output = Emitted<E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = self.engine.poll_next(cx);
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
            self.engine.door().set_waker(None);
        }
    }
}

impl<E: Send + 'static> fmt::Debug for Next<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next")
            .field("emitted", &self.engine.turn.emitted())
            .finish()
    }
}
