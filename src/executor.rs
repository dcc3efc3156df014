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
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use stillpoint::Executor;
    ///
    /// let (post, events) = mpsc::channel();
    /// let mut executor: Executor<()> = Executor::builder().on_ready(move || post.send("a turn").unwrap()).build();
    /// executor.spawn(async {});
    /// executor.spawn(async {});
    /// assert_eq!(events.try_iter().count(), 1, "it is rung for the first, while nobody has looked");
    /// executor.run_until_stalled();
    /// executor.spawn(async {});
    /// assert_eq!(events.try_iter().count(), 1);
    /// ```
    pub fn on_ready(mut self, bell: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_ready = Some(Arc::new(bell));
        self
    }

    /// Tells of panics that nobody learns by joining: of a task whose handle was dropped, and in the destructors of
    /// futures; what outputs, answers and effects throw when they are dropped is told to nobody. It is called by the
    /// turn, on the host's thread; its own panics end there.
    ///
    /// ```
    /// use std::panic::resume_unwind;
    /// use std::sync::mpsc;
    /// use stillpoint::Executor;
    ///
    /// let (tell, told) = mpsc::channel();
    /// let mut executor: Executor<()> = Executor::builder().on_panic(move |panic| tell.send(panic).unwrap()).build();
    /// drop(executor.spawner().name("checker").spawn(async { resume_unwind(Box::new("no such page")) }));
    /// let joined = executor.spawn(async { resume_unwind(Box::new("this one is joined")) });
    /// executor.run_until_stalled();
    /// let panics: Vec<_> = told.try_iter().map(|panic| (panic.name, panic.message().to_owned())).collect();
    /// assert_eq!(panics, [(Some("checker"), "no such page".to_owned())]);
    /// # let _: stillpoint::JoinHandle<()> = joined;
    /// ```
    pub fn on_panic(mut self, handler: impl Fn(TaskPanic) + Send + Sync + 'static) -> Self {
        self.on_panic = Some(Box::new(handler));
        self
    }

    /// Lets at most so many tasks be alive at one time, those among them that were spawned from outside and not taken
    /// in yet. A spawn beyond that is [`Rejected`] with its future, and [`Settled::refused`] counts it. There is no
    /// limit where none is set; 0 counts as 1.
    ///
    /// ```
    /// use stillpoint::Executor;
    ///
    /// let mut executor: Executor<()> = Executor::builder().max_tasks(1).build();
    /// let first = executor.spawn(async {});
    /// assert!(executor.try_spawn(async {}).unwrap_err().is_full());
    /// executor.run_until_stalled();
    /// assert!(first.is_finished());
    /// assert!(executor.try_spawn(async {}).is_ok(), "there is a place again");
    /// ```
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
    ///
    /// ```
    /// # use stillpoint::{Emitted, Executor, Operation, Request};
    /// # struct Fetch(u32);
    /// # impl Operation for Fetch {
    /// #     type Output = ();
    /// # }
    /// let mut executor: Executor<Request<Fetch>> = Executor::builder().max_requests(2).build();
    /// let shell = executor.shell();
    /// let pages = futures::future::join_all((1..=5).map(|page| shell.request(Fetch(page))));
    /// executor.spawn(pages);
    /// assert_eq!(executor.run_until_stalled().waiting, 3);
    /// let fetches: Vec<_> = executor.drain().collect();
    /// assert_eq!(fetches.len(), 2, "the core asks for five, and the shell sees two at a time");
    /// ```
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
    ///
    /// ```
    /// use stillpoint::{Executor, Notification};
    ///
    /// let mut executor: Executor<Notification<u32>> = Executor::builder().outbox_capacity(2).build();
    /// let shell = executor.shell();
    /// assert!(shell.notify(1).is_ok() && shell.notify(2).is_ok());
    /// let rejected = shell.notify(3).unwrap_err();
    /// assert_eq!((rejected.is_full(), rejected.into_inner()), (true, 3));
    /// assert_eq!(executor.drain().count(), 2);
    /// assert!(shell.notify(3).is_ok());
    /// ```
    pub fn outbox_capacity(mut self, effects: usize) -> Self {
        self.limits.outbox = Some(effects);
        self
    }

    /// What a request does that finds no place: waits its turn, where nothing else is said, or fails at once.
    ///
    /// ```
    /// use stillpoint::{Executor, Operation, Request, RequestError, WhenFull};
    /// # struct Ask;
    /// # impl Operation for Ask {
    /// #     type Output = ();
    /// # }
    ///
    /// let mut executor: Executor<Request<Ask>> =
    ///     Executor::builder().max_requests(1).when_full(WhenFull::Fail).build();
    /// let shell = executor.shell();
    /// let task = executor.spawn(async move { futures::join!(shell.request(Ask), shell.request(Ask)) });
    /// executor.run_until_stalled();
    /// drop(executor.drain().next()); // abandons the first one
    /// executor.run_until_stalled();
    /// let (first, second) = futures::executor::block_on(task).unwrap();
    /// assert_eq!((first, second), (Err(RequestError::Abandoned), Err(RequestError::Full)));
    /// ```
    pub fn when_full(mut self, when_full: WhenFull) -> Self {
        self.limits.when_full = when_full;
        self
    }

    /// What streams do with items that come faster than they are taken, where
    /// [`ShellStream::overflow`](crate::ShellStream::overflow) says nothing else: [`Overflow::Unbounded`] where this is
    /// not said.
    ///
    /// ```
    /// # use futures::StreamExt;
    /// # use stillpoint::{Emitted, Executor, Operation, Overflow, Subscription};
    /// # struct Size;
    /// # impl Operation for Size {
    /// #     type Output = u32;
    /// # }
    /// let mut executor: Executor<Subscription<Size>> =
    ///     Executor::builder().stream_overflow(Overflow::Latest).build();
    /// let shell = executor.shell();
    /// let task = executor.spawn(async move { shell.subscribe(Size).collect::<Vec<_>>().await });
    /// executor.run_until_stalled();
    /// let Some(Emitted::Effect(sizes)) = executor.drain().next() else { unreachable!() };
    /// for size in [800, 801, 802] {
    ///     executor.send(&sizes.feed, size).unwrap();
    /// }
    /// executor.end(&sizes.feed).unwrap();
    /// executor.run_until_stalled();
    /// assert_eq!(futures::executor::block_on(task).unwrap(), [802]);
    /// ```
    pub fn stream_overflow(mut self, overflow: Overflow) -> Self {
        self.limits.overflow = overflow;
        self
    }

    /// Makes an executor that takes `Send` futures and may move between threads.
    ///
    /// ```
    /// use stillpoint::Executor;
    ///
    /// let mut executor = Executor::<()>::builder().build();
    /// executor.spawn(async {});
    /// let settled = std::thread::spawn(move || executor.run_until_stalled()).join().unwrap();
    /// assert_eq!(settled.completed, 1);
    /// ```
    pub fn build(self) -> Executor<E> {
        Executor {
            engine: Engine::new(self.on_ready, self.on_panic, &self.limits),
        }
    }

    /// Makes an executor that also takes futures that are bound to this thread, and stays on it.
    ///
    /// ```
    /// use std::rc::Rc;
    /// use stillpoint::LocalExecutor;
    ///
    /// let mut executor = LocalExecutor::<()>::builder().max_tasks(10).build_local();
    /// let shared = Rc::new(());
    /// executor.spawn_local({
    ///     let shared = Rc::clone(&shared);
    ///     async move { drop(shared) }
    /// });
    /// executor.run_until_stalled();
    /// assert_eq!(Rc::strong_count(&shared), 1);
    /// ```
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
            ///
            /// ```
            /// use stillpoint::Executor;
            ///
            /// let executor = Executor::<()>::new();
            /// assert_eq!(executor.snapshot().tasks, []);
            /// executor.teardown().assert_baseline();
            /// ```
            #[must_use]
            pub fn new() -> Self {
                Self::builder().$build()
            }

            /// Sets up an executor; `build` and `build_local` say which of the two it becomes.
            ///
            /// ```
            /// use stillpoint::{Executor, Overflow};
            ///
            /// let executor: Executor<()> = Executor::builder()
            ///     .on_ready(|| println!("take a turn"))
            ///     .max_tasks(10_000)
            ///     .stream_overflow(Overflow::DropOldest(100))
            ///     .build();
            /// # drop(executor);
            /// ```
            pub fn builder() -> Builder<E> {
                Builder::new()
            }

            /// A way to make tasks, of futures that are [`Send`].
            ///
            /// ```
            /// use stillpoint::Executor;
            ///
            /// let mut executor = Executor::<()>::new();
            /// let spawner = executor.spawner();
            /// let sum = executor.spawn(async move {
            ///     let one = spawner.spawn(async { 1 });
            ///     one.await.unwrap() + 1
            /// });
            /// executor.run_until_stalled();
            /// assert_eq!(futures::executor::block_on(sum).unwrap(), 2);
            /// ```
            #[must_use]
            pub fn spawner(&self) -> Spawner {
                Spawner::new(Arc::clone(&self.engine.spawners))
            }

            /// A way to ask, for tasks.
            ///
            /// ```
            /// use stillpoint::{Emitted, Executor, Notification};
            ///
            /// let mut executor = Executor::<Notification<&str>>::new();
            /// let shell = executor.shell();
            /// executor.spawn(async move { shell.notify("hello").unwrap() });
            /// executor.run_until_stalled();
            /// let Some(Emitted::Effect(said)) = executor.drain().next() else { unreachable!() };
            /// assert_eq!(said.operation, "hello");
            /// ```
            #[must_use]
            pub fn shell(&self) -> Shell<E> {
                Shell::new(Arc::clone(&self.engine.shells))
            }

            /// Spawns a task, which the next turn polls first after what was spawned before. A [`Spawner`] does the
            /// same from anywhere, and takes the way through the mailbox for it.
            ///
            /// Beyond [`Builder::max_tasks`] the future is dropped, and the handle gives
            /// [`JoinError::Full`](crate::JoinError::Full).
            ///
            /// ```
            /// use stillpoint::Executor;
            ///
            /// let mut executor = Executor::<()>::new();
            /// let task = executor.spawn(async { 6 * 7 });
            /// assert!(!task.is_finished(), "nothing runs before a turn");
            /// executor.run_until_stalled();
            /// assert_eq!(futures::executor::block_on(task).unwrap(), 42);
            /// ```
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
            /// ```
            /// use stillpoint::Executor;
            ///
            /// let mut executor: Executor<()> = Executor::builder().max_tasks(1).build();
            /// executor.spawn(async {});
            /// let rejected = executor.try_spawn(async { "later" }).unwrap_err();
            /// executor.run_until_stalled();
            /// let task = executor.try_spawn(rejected.into_inner()).unwrap();
            /// executor.run_until_stalled();
            /// assert_eq!(futures::executor::block_on(task).unwrap(), "later");
            /// ```
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
            ///
            /// ```
            /// use futures::channel::oneshot;
            /// use stillpoint::Executor;
            ///
            /// let mut executor = Executor::<()>::new();
            /// let (send, receive) = oneshot::channel();
            /// executor.spawn(receive); // waits for the task below, which wakes it in the same turn
            /// executor.spawn(async { send.send("done") });
            /// let settled = executor.run_until_stalled();
            /// assert_eq!((settled.polled, settled.completed, settled.pending), (3, 2, 0));
            /// ```
            pub fn run_until_stalled(&mut self) -> Settled {
                self.engine.run(usize::MAX)
            }

            /// The same, with at most `polls` polls; of the messages that come during the turn, 64 count as one.
            /// [`Settled::budget_spent`] says that work is left.
            ///
            /// ```
            /// use std::task::Poll;
            /// use stillpoint::Executor;
            ///
            /// let mut executor = Executor::<()>::new();
            /// executor.spawn(std::future::poll_fn(|cx| {
            ///     cx.waker().wake_by_ref(); // always busy
            ///     Poll::<()>::Pending
            /// }));
            /// let settled = executor.run_for(100);
            /// assert_eq!((settled.polled, settled.budget_spent), (100, true));
            /// ```
            #[must_use = "`budget_spent` says whether work is left"]
            pub fn run_for(&mut self, polls: usize) -> Settled {
                self.engine.run(polls)
            }

            /// Takes what was emitted, oldest first. What is not pulled stays for later, and an effect whose request is
            /// cancelled by then is never seen.
            ///
            /// A `for` over it borrows the executor; to answer by [`resolve`](Self::resolve) in between, pull with
            /// `while let Some(emitted) = executor.drain().next()`.
            ///
            /// ```
            /// use stillpoint::{Emitted, Executor, Notification};
            ///
            /// let mut executor = Executor::<Notification<u32>>::new();
            /// let shell = executor.shell();
            /// for number in 1..=3 {
            ///     shell.notify(number).unwrap();
            /// }
            /// executor.run_until_stalled();
            /// assert!(executor.drain().next().is_some());
            /// assert_eq!(executor.drain().count(), 2, "what was not pulled is still there");
            /// ```
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
            ///
            /// It gives way to the host's other futures after 1,024 polls. As long as something was emitted it is ready
            /// at once, so a loop over it alone keeps a thread for itself while a core emits without a pause.
            ///
            /// ```
            /// use futures::select_biased;
            /// use stillpoint::{Emitted, Executor, Notification};
            ///
            /// let mut executor = Executor::<Notification<&str>>::new();
            /// let shell = executor.shell();
            /// let mut task = executor.spawn(async move { shell.notify("hello").is_ok() });
            /// let mut said = Vec::new();
            /// futures::executor::block_on(async {
            ///     loop {
            ///         select_biased! {
            ///             emitted = executor.next() => if let Emitted::Effect(say) = emitted {
            ///                 said.push(say.operation);
            ///             },
            ///             joined = &mut task => return joined,
            ///         }
            ///     }
            /// }).unwrap();
            /// assert_eq!(said, ["hello"]);
            /// ```
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
            /// ```
            /// # use stillpoint::{Emitted, Executor, Operation, Reason, Request, RequestError};
            /// # struct Ask;
            /// # impl Operation for Ask {
            /// #     type Output = u32;
            /// # }
            /// # let mut executor = Executor::<Request<Ask>>::new();
            /// # let shell = executor.shell();
            /// let task = executor.spawn(async move { shell.request(Ask).await });
            /// executor.run_until_stalled();
            /// let Some(Emitted::Effect(request)) = executor.drain().next() else { unreachable!() };
            /// task.abort();
            /// executor.run_until_stalled();
            /// let late = executor.resolve(request.resolver, 42).unwrap_err();
            /// assert_eq!((late.reason(), late.into_inner()), (Reason::Stale, 42));
            /// ```
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
            /// ```
            /// # use stillpoint::{Emitted, Executor, Operation, Reason, Request, RequestError};
            /// # struct Ask;
            /// # impl Operation for Ask {
            /// #     type Output = u32;
            /// # }
            /// # let mut executor = Executor::<Request<Ask>>::new();
            /// # let shell = executor.shell();
            /// let task = executor.spawn(async move { shell.request(Ask).await });
            /// executor.run_until_stalled();
            /// let Some(Emitted::Effect(request)) = executor.drain().next() else { unreachable!() };
            /// executor.fail(request.resolver, "no network").unwrap();
            /// executor.run_until_stalled();
            /// let answer = futures::executor::block_on(task).unwrap();
            /// assert_eq!(answer, Err(RequestError::Failed("no network".to_owned())));
            /// ```
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
            /// ```
            /// # use futures::StreamExt;
            /// # use stillpoint::{Emitted, Executor, Operation, Overflow, Reason, RequestError, Subscription};
            /// # struct Keys;
            /// # impl Operation for Keys {
            /// #     type Output = char;
            /// # }
            /// # let mut executor = Executor::<Subscription<Keys>>::new();
            /// # let shell = executor.shell();
            /// let task = executor.spawn(async move {
            ///     let mut keys = shell.subscribe(Keys).overflow(Overflow::Reject(1));
            ///     (keys.next().await, keys.next().await)
            /// });
            /// executor.run_until_stalled();
            /// let Some(Emitted::Effect(keys)) = executor.drain().next() else { unreachable!() };
            /// executor.send(&keys.feed, 'a').unwrap();
            /// let refused = executor.send(&keys.feed, 'b').unwrap_err();
            /// assert_eq!(refused.reason(), Reason::Full);
            /// executor.run_until_stalled(); // takes the first one
            /// executor.send(&keys.feed, refused.into_inner()).unwrap();
            /// executor.run_until_stalled();
            /// assert_eq!(futures::executor::block_on(task).unwrap(), (Some('a'), Some('b')));
            /// ```
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
            /// ```
            /// # use futures::StreamExt;
            /// # use stillpoint::{Emitted, Executor, Operation, Overflow, Reason, RequestError, Subscription};
            /// # struct Keys;
            /// # impl Operation for Keys {
            /// #     type Output = char;
            /// # }
            /// # let mut executor = Executor::<Subscription<Keys>>::new();
            /// # let shell = executor.shell();
            /// let task = executor.spawn(async move { shell.subscribe(Keys).collect::<String>().await });
            /// executor.run_until_stalled();
            /// let Some(Emitted::Effect(keys)) = executor.drain().next() else { unreachable!() };
            /// executor.send(&keys.feed, 'a').unwrap();
            /// executor.end(&keys.feed).unwrap();
            /// assert_eq!(executor.send(&keys.feed, 'b').unwrap_err().reason(), Reason::AlreadyAnswered);
            /// executor.run_until_stalled();
            /// assert_eq!(futures::executor::block_on(task).unwrap(), "a");
            /// ```
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
            /// ```
            /// # use stillpoint::{Emitted, Executor, Operation, Reason, Request, RequestId};
            /// # struct Ask;
            /// # impl Operation for Ask {
            /// #     type Output = u32;
            /// # }
            /// # let mut executor = Executor::<Request<Ask>>::new();
            /// # let shell = executor.shell();
            /// let task = executor.spawn(async move { shell.request(Ask).await });
            /// executor.run_until_stalled();
            /// let Some(Emitted::Effect(request)) = executor.drain().next() else { unreachable!() };
            /// let number = request.id().to_u64(); // all that a shell in another language has
            ///
            /// let id = RequestId::from_u64(number);
            /// executor.resolve_id::<Ask>(id, 42).unwrap();
            /// let again = executor.resolve_id::<Ask>(id, 43).unwrap_err();
            /// assert_eq!(again.reason(), Reason::AlreadyAnswered);
            /// executor.run_until_stalled();
            /// assert_eq!(futures::executor::block_on(task).unwrap(), Ok(42));
            /// ```
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
            /// ```
            /// # use futures::StreamExt;
            /// # use stillpoint::{Emitted, Executor, Operation, Overflow, Reason, RequestError, Subscription};
            /// # struct Keys;
            /// # impl Operation for Keys {
            /// #     type Output = char;
            /// # }
            /// # let mut executor = Executor::<Subscription<Keys>>::new();
            /// # let shell = executor.shell();
            /// let task = executor.spawn(async move { shell.subscribe(Keys).next().await });
            /// executor.run_until_stalled();
            /// let Some(Emitted::Effect(keys)) = executor.drain().next() else { unreachable!() };
            /// executor.send_id::<Keys>(keys.id(), 'a').unwrap();
            /// executor.run_until_stalled();
            /// assert_eq!(futures::executor::block_on(task).unwrap(), Some('a'));
            /// let late = executor.send_id::<Keys>(keys.id(), 'b').unwrap_err();
            /// assert_eq!((late.reason(), late.into_inner()), (Reason::Stale, 'b'));
            /// ```
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
            /// ```
            /// # use stillpoint::{Emitted, Executor, Operation, Reason, Request, RequestId};
            /// # struct Ask;
            /// # impl Operation for Ask {
            /// #     type Output = u32;
            /// # }
            /// # let mut executor = Executor::<Request<Ask>>::new();
            /// # let shell = executor.shell();
            /// let task = executor.spawn(async move { shell.request(Ask).await });
            /// executor.run_until_stalled();
            /// let Some(Emitted::Effect(request)) = executor.drain().next() else { unreachable!() };
            /// executor.fail_id(request.id(), "no network").unwrap();
            /// executor.run_until_stalled();
            /// let error = futures::executor::block_on(task).unwrap().unwrap_err();
            /// assert_eq!(error.to_string(), "the shell failed it: no network");
            ///
            /// let unknown = executor.fail_id(RequestId::from_u64(7), "no network").unwrap_err();
            /// assert_eq!(unknown.reason(), Reason::Unknown);
            /// ```
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
            /// ```
            /// # use futures::StreamExt;
            /// # use stillpoint::{Emitted, Executor, Operation, Overflow, Reason, RequestError, Subscription};
            /// # struct Keys;
            /// # impl Operation for Keys {
            /// #     type Output = char;
            /// # }
            /// # let mut executor = Executor::<Subscription<Keys>>::new();
            /// # let shell = executor.shell();
            /// let task = executor.spawn(async move {
            ///     let mut keys = shell.subscribe(Keys);
            ///     let text: String = keys.by_ref().collect().await;
            ///     (text, keys.ended_by() == Some(Ok(())))
            /// });
            /// executor.run_until_stalled();
            /// let Some(Emitted::Effect(keys)) = executor.drain().next() else { unreachable!() };
            /// executor.send_id::<Keys>(keys.id(), 'a').unwrap();
            /// executor.end_id(keys.id()).unwrap();
            /// executor.run_until_stalled();
            /// assert_eq!(futures::executor::block_on(task).unwrap(), ("a".to_owned(), true));
            /// ```
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
            ///
            /// ```
            /// use stillpoint::Executor;
            ///
            /// let mut executor = Executor::<()>::new();
            /// for _ in 0..3 {
            ///     executor.spawn(async {});
            ///     executor.run_until_stalled();
            /// }
            /// let totals = executor.totals();
            /// assert_eq!((totals.tasks, totals.peak_tasks), (3, 1));
            /// ```
            #[must_use]
            pub fn totals(&self) -> Totals {
                self.engine.turn.totals()
            }

            /// The tasks and requests that it holds now, as far as the mailbox is taken in.
            ///
            /// ```
            /// use stillpoint::{Executor, TaskState};
            ///
            /// let mut executor = Executor::<()>::new();
            /// executor.spawner().name("stuck").spawn(std::future::pending::<()>());
            /// executor.run_until_stalled();
            /// let snapshot = executor.snapshot();
            /// assert_eq!((snapshot.tasks[0].name, snapshot.tasks[0].state), (Some("stuck"), TaskState::Waiting));
            /// println!("{snapshot}");
            /// ```
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
            ///
            /// ```
            /// use stillpoint::{Emitted, Executor, Notification, Shell};
            ///
            /// struct File(Shell<Notification<&'static str>>);
            /// impl Drop for File {
            ///     fn drop(&mut self) {
            ///         self.0.notify("close the file").ok();
            ///     }
            /// }
            ///
            /// let mut executor = Executor::new();
            /// let file = File(executor.shell());
            /// executor.spawn(async move {
            ///     let _open = file;
            ///     std::future::pending::<()>().await
            /// });
            /// executor.run_until_stalled();
            ///
            /// let mut report = executor.teardown();
            /// let Some(Emitted::Effect(last)) = report.emitted.pop() else { unreachable!() };
            /// assert_eq!((report.tasks, last.operation), (1, "close the file"));
            /// report.assert_baseline();
            /// ```
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
    ///
    /// ```
    /// use std::cell::Cell;
    /// use std::rc::Rc;
    /// use stillpoint::LocalExecutor;
    ///
    /// let mut executor = LocalExecutor::<()>::new();
    /// let (spawner, count) = (executor.local_spawner(), Rc::new(Cell::new(0)));
    /// for _ in 0..3 {
    ///     let count = Rc::clone(&count);
    ///     spawner.spawn(async move { count.set(count.get() + 1) });
    /// }
    /// executor.run_until_stalled();
    /// assert_eq!(count.get(), 3);
    /// ```
    #[must_use]
    pub fn local_spawner(&self) -> LocalSpawner {
        LocalSpawner::new(Arc::clone(&self.engine.spawners))
    }

    /// Spawns a task that stays on this thread, as [`spawn`](Self::spawn) does.
    ///
    /// ```
    /// use std::rc::Rc;
    /// use stillpoint::LocalExecutor;
    ///
    /// let mut executor = LocalExecutor::<()>::new();
    /// let text = Rc::new("not Send");
    /// let task = executor.spawn_local(async move { text.len() });
    /// executor.run_until_stalled();
    /// assert_eq!(futures::executor::block_on(task).unwrap(), 8);
    /// ```
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
    /// ```
    /// use std::rc::Rc;
    /// use stillpoint::LocalExecutor;
    ///
    /// let mut executor: LocalExecutor<()> = LocalExecutor::builder().max_tasks(1).build_local();
    /// executor.spawn_local(std::future::pending::<()>());
    /// let kept = Rc::new(());
    /// let rejected = executor.try_spawn_local({
    ///     let kept = Rc::clone(&kept);
    ///     async move { drop(kept) }
    /// }).unwrap_err();
    /// assert!(rejected.is_full());
    /// assert_eq!(Rc::strong_count(&kept), 2, "the future is in what was given back");
    /// ```
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
///
/// ```
/// use stillpoint::{Emitted, Executor, Notification};
///
/// let mut executor = Executor::<Notification<&str>>::new();
/// for word in ["one", "two"] {
///     executor.shell().notify(word).unwrap();
/// }
/// executor.run_until_stalled();
/// let words = executor.drain().filter_map(|emitted| match emitted {
///     Emitted::Effect(said) => Some(said.into_inner()),
///     Emitted::Cancelled(_) => None,
/// });
/// assert_eq!(words.collect::<Vec<_>>(), ["one", "two"]);
/// ```
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
///
/// ```
/// use futures::FutureExt;
/// use stillpoint::{Executor, Notification};
///
/// let mut executor = Executor::<Notification<&str>>::new();
/// assert!(executor.next().now_or_never().is_none(), "nothing is wanted yet");
/// executor.shell().notify("hello").unwrap();
/// assert!(executor.next().now_or_never().is_some(), "and nothing was lost by giving up");
/// ```
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
