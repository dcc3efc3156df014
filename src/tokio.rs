//! The tokio driver: an executor on a runtime that the caller owns.
//!
//! [`Driver`] spawns one task, which drives the executor and performs its effects: each by a handler of its own, which
//! is a task as well. It creates no runtime, no thread and no static; its lifetime is an object's lifetime.
//!
//! ```text
//!   Driver ══▶ pump (a tokio task) ══▶ Executor ══▶ the core's tasks
//!                    ║
//!                    ╚═══▶ handlers (a JoinSet) ══▶ Request, Subscription
//! ```
//!
//! ```
//! use stillpoint::tokio::Driver;
//! use stillpoint::{effects, Executor, Operation};
//!
//! struct Add(u32, u32);
//! impl Operation for Add {
//!     type Output = u32;
//! }
//!
//! effects! {
//!     enum Effect {
//!         Add => request Add,
//!     }
//! }
//!
//! let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
//! runtime.block_on(async {
//!     let executor = Executor::new();
//!     let (spawner, shell) = (executor.spawner(), executor.shell());
//!     let driver = Driver::new(executor, |effect| async move {
//!         match effect {
//!             Effect::Add(request) => {
//!                 let Add(a, b) = request.operation;
//!                 request.resolver.resolve(a + b).ok();
//!             }
//!         }
//!     });
//!     let sum = spawner.spawn(async move { shell.request(Add(1, 2)).await });
//!     assert_eq!(sum.await.unwrap(), Ok(3));
//!     driver.shutdown().await.assert_baseline();
//! });
//! ```

use std::collections::HashMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, Id, JoinHandle, JoinSet, yield_now};

use crate::contain::{contain, discard, shield};
use crate::engine::Engine;
use crate::executor::Executor;
use crate::id::RequestId;
use crate::outbox::Emitted;
use crate::report::Teardown;
use crate::snapshot::Snapshot;

/// Starts a [`Driver`]. Dropping it drops its executor.
///
/// ```
/// # use stillpoint::tokio::Driver;
/// # use stillpoint::{Executor, effects};
/// # effects! { enum Effect { Say => notify String } }
/// let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// let driver = Driver::builder(Executor::<Effect>::new())
///     .runtime(runtime.handle().clone())
///     .on_cancelled(|id| println!("{id} is not wanted any more"))
///     .start(|effect| async move {
///         let Effect::Say(say) = effect;
///         println!("{}", say.operation);
///     });
/// runtime.block_on(driver.shutdown()).assert_baseline();
/// ```
#[must_use = "nothing is driven until `start`"]
pub struct Builder<E: Send + 'static> {
    executor: Executor<E>,
    runtime: Option<Handle>,
    on_cancelled: Box<dyn FnMut(RequestId) + Send>,
}

impl<E: Send + 'static> Builder<E> {
    /// Runs on this runtime, instead of the one that [`start`](Self::start) is called in.
    ///
    /// ```
    /// # use stillpoint::tokio::Driver;
    /// # use stillpoint::{Executor, Operation, effects};
    /// # struct Ask;
    /// # impl Operation for Ask {
    /// #     type Output = u32;
    /// # }
    /// # effects! { enum Effect { Ask => request Ask, Say => notify String } }
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    /// let executor = Executor::new();
    /// let (spawner, shell) = (executor.spawner(), executor.shell());
    /// // This thread is in no runtime, where `Driver::new` would panic.
    /// let driver = Driver::builder(executor).runtime(runtime.handle().clone()).start(|effect| async move {
    ///     if let Effect::Ask(request) = effect {
    ///         request.resolve(42).ok();
    ///     }
    /// });
    /// let answer = runtime.block_on(spawner.spawn(async move { shell.request(Ask).await }));
    /// assert_eq!(answer.unwrap(), Ok(42));
    /// # runtime.block_on(driver.shutdown());
    /// ```
    pub fn runtime(mut self, runtime: Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Hears of each cancelled request, after its handler is aborted: also of one whose handler has answered and whose
    /// answer nobody read, so that what the answer stood for can be released. Its panics end there.
    ///
    /// ```
    /// # use stillpoint::tokio::Driver;
    /// # use stillpoint::{Executor, Operation, effects};
    /// # struct Ask;
    /// # impl Operation for Ask {
    /// #     type Output = u32;
    /// # }
    /// # effects! { enum Effect { Ask => request Ask, Say => notify String } }
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    /// use tokio::sync::mpsc;
    ///
    /// let (tell, mut told) = mpsc::unbounded_channel();
    /// runtime.block_on(async {
    ///     let executor = Executor::<Effect>::new();
    ///     let (spawner, shell) = (executor.spawner(), executor.shell());
    ///     let driver = Driver::builder(executor)
    ///         .on_cancelled(move |id| tell.send(id).unwrap())
    ///         .start(|effect| async move {
    ///             let _never_answered = effect;
    ///             std::future::pending::<()>().await
    ///         });
    ///     let task = spawner.spawn(async move { shell.request(Ask).await });
    ///     while driver.snapshot().await.unwrap().requests.iter().all(|request| !request.taken) {
    ///         tokio::task::yield_now().await;
    ///     }
    ///     task.abort();
    ///     assert_eq!(told.recv().await.unwrap().to_string(), "0.1");
    /// #   driver.shutdown().await;
    /// });
    /// ```
    pub fn on_cancelled(mut self, told: impl FnMut(RequestId) + Send + 'static) -> Self {
        self.on_cancelled = Box::new(told);
        self
    }

    /// Starts to drive. `handler` is called with one effect after the other, in order; the future that it returns
    /// performs the effect, beside all others.
    ///
    /// So what must keep the effects' order, such as painting, belongs before the `async` block:
    ///
    /// ```
    /// # use stillpoint::tokio::Driver;
    /// # use stillpoint::{effects, Executor, Operation};
    /// # struct Fetch;
    /// # impl Operation for Fetch {
    /// #     type Output = u32;
    /// # }
    /// # struct Paint(&'static str);
    /// # effects! { enum Effect { Fetch => request Fetch, Paint => notify Paint } }
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// # let _entered = runtime.enter();
    /// # let executor = Executor::new();
    /// let driver = Driver::new(executor, |effect| {
    ///     if let Effect::Paint(paint) = &effect {
    ///         println!("{}", paint.operation.0);
    ///     }
    ///     async move {
    ///         if let Effect::Fetch(request) = effect {
    ///             request.resolve(7).ok();
    ///         }
    ///     }
    /// });
    /// # drop(driver);
    /// ```
    ///
    /// The handler of a subscription lives as long as it feeds the stream: where it ends, its feed is dropped.
    ///
    /// A handler that panics, or that drops its request unanswered, abandons the request. A handler whose request is
    /// cancelled is aborted at its next `await`.
    ///
    /// # Panics
    ///
    /// Where it is called outside a runtime, and [`runtime`](Self::runtime) named none.
    pub fn start<H, F>(self, handler: H) -> Driver<E>
    where
        H: FnMut(E) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let (looks, asked) = mpsc::unbounded_channel();
        let pump = Pump {
            handler: Theirs(Some(handler)),
            handlers: Handlers::new(self.on_cancelled),
            asked,
        };
        let runtime = self.runtime.unwrap_or_else(Handle::current);
        Driver {
            looks,
            pump: runtime.spawn(pump.run(self.executor.engine)),
        }
    }
}

impl<E: Send + 'static> fmt::Debug for Builder<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("executor", &self.executor)
            .finish_non_exhaustive()
    }
}

/// An executor that runs on a tokio runtime, and the handlers that perform its effects.
///
/// Dropping it does in the background what [`shutdown`](Self::shutdown) does, as long as the runtime lives; where the
/// runtime goes first, the executor and the handlers are dropped with it, and what the shell had not seen is lost.
///
/// ```
/// # use stillpoint::tokio::Driver;
/// # use stillpoint::{Executor, Operation, effects};
/// # struct Ask;
/// # impl Operation for Ask {
/// #     type Output = u32;
/// # }
/// # effects! { enum Effect { Ask => request Ask, Say => notify String } }
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
/// runtime.block_on(async {
///     let executor = Executor::new();
///     let (spawner, shell) = (executor.spawner(), executor.shell());
///     let driver = Driver::new(executor, |effect| async move {
///         if let Effect::Ask(request) = effect {
///             tokio::time::sleep(std::time::Duration::from_millis(1)).await;
///             request.resolve(42).ok();
///         }
///     });
///     let answers = [shell.clone(), shell].map(|shell| spawner.spawn(async move { shell.request(Ask).await }));
///     for answer in answers {
///         assert_eq!(answer.await.unwrap(), Ok(42)); // their handlers run beside each other
///     }
///     driver.shutdown().await.assert_baseline();
/// });
/// ```
#[must_use = "dropping it shuts it down: keep it, and call `shutdown`"]
pub struct Driver<E: Send + 'static> {
    /// Where snapshots are asked for. Dropping it stops the pump.
    looks: mpsc::UnboundedSender<Look>,
    pump: JoinHandle<Teardown<E>>,
}

impl<E: Send + 'static> Driver<E> {
    /// Drives an executor on the runtime that this is called in; see [`Builder::start`].
    ///
    /// ```
    /// # use stillpoint::tokio::Driver;
    /// # use stillpoint::{Executor, Operation, effects};
    /// # struct Ask;
    /// # impl Operation for Ask {
    /// #     type Output = u32;
    /// # }
    /// # effects! { enum Effect { Ask => request Ask, Say => notify String } }
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    /// runtime.block_on(async {
    ///     let executor = Executor::<Effect>::new();
    ///     let (spawner, shell) = (executor.spawner(), executor.shell());
    ///     let driver = Driver::new(executor, |effect| async move {
    ///         drop(effect); // abandons whatever is asked
    ///     });
    ///     let answer = spawner.spawn(async move { shell.request(Ask).await }).await.unwrap();
    ///     assert_eq!(answer, Err(stillpoint::RequestError::Abandoned));
    ///     driver.shutdown().await.assert_baseline();
    /// });
    /// ```
    ///
    /// # Panics
    ///
    /// Where it is called outside a runtime.
    pub fn new<H, F>(executor: Executor<E>, handler: H) -> Self
    where
        H: FnMut(E) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        Self::builder(executor).start(handler)
    }

    /// Sets up a driver.
    ///
    /// ```
    /// # use stillpoint::tokio::Driver;
    /// # use stillpoint::{Executor, Operation, effects};
    /// # struct Ask;
    /// # impl Operation for Ask {
    /// #     type Output = u32;
    /// # }
    /// # effects! { enum Effect { Ask => request Ask, Say => notify String } }
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    /// let driver = Driver::builder(Executor::<Effect>::new())
    ///     .runtime(runtime.handle().clone())
    ///     .start(|effect| async move { drop(effect) });
    /// # runtime.block_on(driver.shutdown());
    /// ```
    pub fn builder(executor: Executor<E>) -> Builder<E> {
        Builder {
            executor,
            runtime: None,
            on_cancelled: Box::new(|_| {}),
        }
    }

    /// What the executor holds, between two of its turns; see [`Executor::snapshot`].
    ///
    /// `None` where the runtime was shut down. Dropping the future changes nothing.
    ///
    /// ```
    /// # use stillpoint::tokio::Driver;
    /// # use stillpoint::{Executor, Operation, effects};
    /// # struct Ask;
    /// # impl Operation for Ask {
    /// #     type Output = u32;
    /// # }
    /// # effects! { enum Effect { Ask => request Ask, Say => notify String } }
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    /// runtime.block_on(async {
    ///     let executor = Executor::<Effect>::new();
    ///     let spawner = executor.spawner();
    ///     let driver = Driver::new(executor, |effect| async move { drop(effect) });
    ///     drop(spawner.name("stuck").spawn(std::future::pending::<()>()));
    ///     tokio::task::yield_now().await; // so that it takes the task in
    ///     let snapshot = driver.snapshot().await.unwrap();
    ///     assert_eq!(snapshot.tasks[0].name, Some("stuck"));
    ///     driver.shutdown().await.assert_baseline();
    /// });
    /// ```
    pub async fn snapshot(&self) -> Option<Snapshot> {
        let (look, seen) = oneshot::channel();
        self.looks.send(look).ok()?;
        seen.await.ok()
    }

    /// Tears the executor down, delivers the last notices, aborts and joins every handler that it started, and returns
    /// the report.
    ///
    /// Notifications are delivered to their end: a handler of one is awaited, not aborted. Afterwards nothing of this
    /// driver runs on the runtime any more.
    ///
    /// ```
    /// # use stillpoint::tokio::Driver;
    /// # use stillpoint::{Executor, Operation, effects};
    /// # struct Ask;
    /// # impl Operation for Ask {
    /// #     type Output = u32;
    /// # }
    /// # effects! { enum Effect { Ask => request Ask, Say => notify String } }
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    /// use std::sync::{Arc, Mutex};
    ///
    /// let said = Arc::new(Mutex::new(Vec::new()));
    /// runtime.block_on(async {
    ///     let executor = Executor::<Effect>::new();
    ///     let (shell, log) = (executor.shell(), Arc::clone(&said));
    ///     let driver = Driver::new(executor, move |effect| {
    ///         if let Effect::Say(say) = effect {
    ///             log.lock().unwrap().push(say.operation);
    ///         }
    ///         std::future::ready(())
    ///     });
    ///     shell.notify("the last thing".to_owned()).unwrap();
    ///     driver.shutdown().await.assert_baseline();
    /// });
    /// assert_eq!(*said.lock().unwrap(), ["the last thing"], "it was delivered");
    /// ```
    ///
    /// # Panics
    ///
    /// Where the runtime was shut down before it: there is no report then.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses the report alone; the shutdown goes on in the background.
    pub async fn shutdown(self) -> Teardown<E> {
        let Self { looks, pump } = self;
        drop(looks);
        pump.await
            .expect("the runtime was shut down before its driver")
    }
}

impl<E: Send + 'static> fmt::Debug for Driver<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("running", &!self.pump.is_finished())
            .finish()
    }
}

/// How many emissions the driver's task takes before it lets others run: a core that emits without a pause would keep
/// its own handlers from running on a runtime of one thread.
const EMISSIONS_BEFORE_YIELD: usize = 64;

/// What the driver's task does.
struct Pump<H> {
    handler: Theirs<H>,
    handlers: Handlers,
    /// Closed when the driver is dropped.
    asked: mpsc::UnboundedReceiver<Look>,
}

/// A closure of the caller's. What its destructor throws ends there: neither is the report lost by it, nor does it meet
/// another's that unwinds, where the runtime drops the pump.
struct Theirs<T>(Option<T>);

impl<T> Theirs<T> {
    fn get(&mut self) -> &mut T {
        self.0.as_mut().expect("it is there until it is dropped")
    }
}

impl<T> Drop for Theirs<T> {
    fn drop(&mut self) {
        discard(self.0.take());
    }
}

/// Where a snapshot is to go.
type Look = oneshot::Sender<Snapshot>;

impl<H> Pump<H> {
    async fn run<E, F>(mut self, mut engine: Engine<E>) -> Teardown<E>
    where
        E: Send + 'static,
        H: FnMut(E) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        let mut taken = 0usize;
        while let Some((id, emitted)) = poll_fn(|cx| self.poll_event(&mut engine, cx)).await {
            self.perform(id, emitted);
            taken = taken.wrapping_add(1);
            if taken.is_multiple_of(EMISSIONS_BEFORE_YIELD) {
                yield_now().await;
            }
        }
        let mut report = engine.teardown();
        for emitted in std::mem::take(&mut report.emitted) {
            self.perform(None, emitted);
        }
        self.handlers.abort_all();
        while poll_fn(|cx| self.handlers.poll_join(cx)).await {}
        report
    }

    /// The next emission, or `None` when the driver is to stop.
    fn poll_event<E: Send + 'static>(
        &mut self,
        engine: &mut Engine<E>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<(Option<RequestId>, Emitted<E>)>> {
        while let Poll::Ready(asked) = self.asked.poll_recv(cx) {
            match asked {
                // Whoever has asked may have gone.
                Some(look) => drop(look.send(engine.snapshot())),
                None => return Poll::Ready(None),
            }
        }
        while self.handlers.poll_join(cx) == Poll::Ready(true) {}
        let polled = engine.poll_next(cx);
        polled.map(|(id, emitted)| Some((id.some(), emitted)))
    }

    fn perform<E, F>(&mut self, id: Option<RequestId>, emitted: Emitted<E>)
    where
        H: FnMut(E) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        match emitted {
            Emitted::Effect(effect) => match contain(|| self.handler.get()(effect)) {
                Ok(future) => self.handlers.start(id, future),
                // The effect went with it, and its resolver has abandoned the request.
                Err(payload) => discard(payload),
            },
            Emitted::Cancelled(id) => self.handlers.cancel(id),
        }
    }
}

/// The handlers that were started and are not joined.
struct Handlers {
    set: JoinSet<()>,
    /// Those that a cancel notice may name.
    by_request: HashMap<RequestId, AbortHandle>,
    requests: HashMap<Id, RequestId>,
    on_cancelled: Theirs<Box<dyn FnMut(RequestId) + Send>>,
}

impl Handlers {
    fn new(on_cancelled: Box<dyn FnMut(RequestId) + Send>) -> Self {
        Self {
            set: JoinSet::new(),
            by_request: HashMap::new(),
            requests: HashMap::new(),
            on_cancelled: Theirs(Some(on_cancelled)),
        }
    }

    fn start(&mut self, id: Option<RequestId>, handler: impl Future<Output = ()> + Send + 'static) {
        let handle = self.set.spawn(handler);
        if let Some(id) = id {
            self.requests.insert(handle.id(), id);
            self.by_request.insert(id, handle);
        }
    }

    fn cancel(&mut self, id: RequestId) {
        if let Some(handler) = self.by_request.get(&id) {
            handler.abort();
        }
        shield(|| self.on_cancelled.get()(id));
    }

    fn abort_all(&mut self) {
        self.by_request.values().for_each(AbortHandle::abort);
    }

    /// Joins one handler that has ended: `true` where there was one, `false` where none is left.
    fn poll_join(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        self.set.poll_join_next_with_id(cx).map(|joined| {
            let Some(joined) = joined else { return false };
            let id = match joined {
                Ok((id, ())) => id,
                Err(error) => {
                    let id = error.id();
                    discard(error);
                    id
                }
            };
            if let Some(request) = self.requests.remove(&id) {
                self.by_request.remove(&request);
            }
            true
        })
    }
}
