//! What wraps a user's future, and what its spawner holds of it.

use std::fmt;
use std::future::Future;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use fragile::Fragile;
use futures::future::FusedFuture;
use pin_project_lite::pin_project;

use crate::contain::{contain, discard, message, shield};
use crate::id::TaskId;
use crate::limit::{Refusal, Rejected};
use crate::mailbox::Until;
use crate::meta::{Cause, Door, Label, Message, Meta, Runnable};
use crate::root::Root;
use crate::scopes::Key;
use crate::turn::{self, Ended, Turn, Unjoined};

/// Why a task has no output.
///
/// ```
/// use stillpoint::JoinError;
///
/// assert_eq!(JoinError::Aborted.to_string(), "the task was aborted");
/// ```
#[non_exhaustive]
pub enum JoinError {
    /// It was aborted: by its join handle, by a later task under its key, or with its scope, into which it may have
    /// come too late. Whoever closes a scope ends tasks as `abort` does, and whoever joins them need not know which it
    /// was.
    Aborted,
    /// It panicked with this payload, in a poll or in its future's destructor.
    Panicked(Box<dyn std::any::Any + Send>),
    /// Its executor was torn down or dropped.
    TornDown,
    /// It never was: its executor had as many tasks as [`Builder::max_tasks`](crate::Builder::max_tasks) allows.
    Full,
}

impl JoinError {
    /// Whether the task was aborted.
    ///
    /// ```
    /// use stillpoint::Executor;
    ///
    /// let mut executor = Executor::<()>::new();
    /// let task = executor.spawn(std::future::pending::<()>());
    /// task.abort();
    /// executor.run_until_stalled();
    /// assert!(futures::executor::block_on(task).unwrap_err().is_aborted());
    /// ```
    #[must_use]
    pub fn is_aborted(&self) -> bool {
        matches!(self, Self::Aborted)
    }

    /// Whether the task panicked.
    ///
    /// ```
    /// use std::panic::resume_unwind;
    /// use stillpoint::{Executor, JoinError};
    ///
    /// let mut executor = Executor::<()>::new();
    /// let task = executor.spawn(async { resume_unwind(Box::new("no such page")) });
    /// executor.run_until_stalled();
    /// let error: JoinError = futures::executor::block_on(task).map(|never: ()| never).unwrap_err();
    /// assert!(error.is_panicked());
    /// assert_eq!(error.to_string(), "the task panicked: no such page");
    /// ```
    #[must_use]
    pub fn is_panicked(&self) -> bool {
        matches!(self, Self::Panicked(_))
    }

    /// Whether the executor came to its end before the task.
    ///
    /// ```
    /// use stillpoint::Executor;
    ///
    /// let mut executor = Executor::<()>::new();
    /// let task = executor.spawn(std::future::pending::<()>());
    /// drop(executor);
    /// assert!(futures::executor::block_on(task).unwrap_err().is_torn_down());
    /// ```
    #[must_use]
    pub fn is_torn_down(&self) -> bool {
        matches!(self, Self::TornDown)
    }

    /// Whether the executor had too many tasks to take this one.
    ///
    /// ```
    /// use stillpoint::Executor;
    ///
    /// let mut executor: Executor<()> = Executor::builder().max_tasks(1).build();
    /// executor.spawn(std::future::pending::<()>());
    /// let refused = executor.spawn(async {});
    /// assert!(refused.is_finished());
    /// assert!(futures::executor::block_on(refused).unwrap_err().is_full());
    /// ```
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full)
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aborted => f.write_str("the task was aborted"),
            Self::Panicked(payload) => write!(f, "the task panicked: {}", message(payload)),
            Self::TornDown => f.write_str("the executor was torn down before the task ended"),
            Self::Full => f.write_str("the executor takes no more tasks for now"),
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aborted => f.write_str("Aborted"),
            Self::Panicked(payload) => f.debug_tuple("Panicked").field(&message(payload)).finish(),
            Self::TornDown => f.write_str("TornDown"),
            Self::Full => f.write_str("Full"),
        }
    }
}

impl std::error::Error for JoinError {}

/// How a task ended.
enum End<T> {
    Done(T),
    Panicked(Unjoined),
    Stopped(Cause),
}

/// How a task ended, in its allocation until somebody joins. Dropping it contains what the output's destructor throws.
pub(crate) struct Outcome<T>(Option<End<T>>);

impl<T> Outcome<T> {
    fn read(mut self) -> Result<T, JoinError> {
        match self.0.take() {
            Some(End::Done(output)) => Ok(output),
            Some(End::Panicked(unjoined)) => Err(unjoined
                .join()
                .map_or(JoinError::TornDown, JoinError::Panicked)),
            Some(End::Stopped(Cause::Aborted)) => Err(JoinError::Aborted),
            Some(End::Stopped(Cause::TornDown)) | None => Err(JoinError::TornDown),
        }
    }
}

impl<T> Drop for Outcome<T> {
    fn drop(&mut self) {
        discard(self.0.take());
    }
}

pin_project! {
    /// A user's future as async-task gets it: neither its polls nor its destructor panic, and it ends when its task is
    /// to end. Without it a destructor's panic would abort the process.
    struct Contained<F> {
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for Contained<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut future = this.project().future;
            shield(|| future.set(None));
        }
    }
}

impl<F: Future> Future for Contained<F> {
    type Output = Outcome<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        turn::here(|turn| self.poll_in(turn, cx))
    }
}

impl<F: Future> Contained<F> {
    fn poll_in(
        self: Pin<&mut Self>,
        turn: &Turn,
        cx: &mut Context<'_>,
    ) -> Poll<Outcome<F::Output>> {
        let mut slot = self.project().future;
        let end = match (turn.begin_poll(cx.waker()), slot.as_mut().as_pin_mut()) {
            (Some(cause), _) => Ok(End::Stopped(cause)),
            (None, Some(future)) => match contain(|| future.poll(cx)) {
                Ok(Poll::Pending) => {
                    turn.pend(cx.waker());
                    return Poll::Pending;
                }
                Ok(Poll::Ready(output)) => Ok(End::Done(output)),
                Err(payload) => Err(payload),
            },
            (None, None) => unreachable!("async-task polls no task after its end"),
        };
        let dropped = contain(|| slot.set(None)).err();
        let end = match (end, dropped) {
            (Ok(End::Done(output)), Some(payload)) => {
                discard(output);
                End::Panicked(turn.unjoined(payload))
            }
            (Ok(end), dropped) => {
                // Its joiners learn the cause that came first; what its destructor threw is for `on_panic`.
                dropped.into_iter().for_each(|payload| turn.tell(payload));
                end
            }
            (Err(payload), dropped) => {
                let end = match turn.fate() {
                    // It was aborted in this very poll, before it panicked.
                    Some(cause) => {
                        turn.tell(payload);
                        End::Stopped(cause)
                    }
                    None => End::Panicked(turn.unjoined(payload)),
                };
                dropped.into_iter().for_each(|payload| turn.tell(payload));
                end
            }
        };
        turn.end_task(match &end {
            End::Done(_) => Ended::Done,
            End::Panicked(_) => Ended::Panicked,
            End::Stopped(_) => Ended::Stopped,
        });
        Poll::Ready(Outcome(Some(end)))
    }
}

/// Makes a task of this id, or of [`TaskId::NONE`] until the executor takes it in.
pub(crate) fn make<F>(door: &Arc<Door>, future: F, id: TaskId) -> (Runnable, JoinHandle<F::Output>)
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let (runnable, task) = async_task::Builder::new()
        .metadata(Meta::new(Arc::clone(door), id))
        .spawn(
            |_| Contained {
                future: Some(future),
            },
            turn::schedule,
        );
    let handle = JoinHandle {
        task: Some(task),
        refusal: Refusal::Closed,
        finished: false,
    };
    (runnable, handle)
}

/// Makes a task and hands it to its executor, in a scope or in none, under a key or under none; gives the future back
/// where the executor, or the scope, takes no more.
pub(crate) fn spawn<F>(
    root: &Root,
    key: Option<Key>,
    future: F,
    label: Label,
) -> Result<JoinHandle<F::Output>, Rejected<F>>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let door = &root.door;
    turn::with(door, |turn| match turn {
        Some(turn) => {
            let id = match turn.admit(root.scope(), key, label) {
                Ok(id) => id,
                Err(why) => return Err(Rejected::new(why, future)),
            };
            let (runnable, handle) = make(door, future, id);
            turn.make_ready(runnable);
            Ok(handle)
        }
        None => {
            if root.is_closed() {
                return Err(Rejected::new(root.refusal(), future));
            }
            // Whoever has passed a scope's count sends, so that the place comes first.
            let Some(place) = door.place_for_task() else {
                return Err(Rejected::new(Refusal::Full, future));
            };
            let Some(inside) = root.enter() else {
                return Err(Rejected::new(root.refusal(), future));
            };
            let (runnable, handle) = make(door, future, TaskId::NONE);
            place.keep();
            inside.send(root.message(key, runnable, label));
            Ok(handle)
        }
    })
}

pin_project! {
    /// A future that stays on its thread, as `Send` as async-task wants it. It lies in a box from its first poll on.
    pub(crate) struct Local<F> {
        #[pin]
        future: Fragile<F>,
    }
}

impl<F: Future> Future for Local<F> {
    type Output = Fragile<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().future.poll(cx).map(Fragile::new)
    }
}

impl<F> Local<F> {
    pub(crate) fn new(future: F) -> Self {
        Self {
            future: Fragile::new(future),
        }
    }

    /// What was refused.
    pub(crate) fn into_inner(self) -> F {
        self.future.into_inner()
    }
}

/// Makes a task of a future that is bound to this thread, on which its executor lives.
pub(crate) fn spawn_local<F>(
    root: &Root,
    key: Option<Key>,
    future: F,
    label: Label,
) -> Result<LocalJoinHandle<F::Output>, Rejected<F>>
where
    F: Future + 'static,
    F::Output: 'static,
{
    spawn(root, key, Local::new(future), label)
        .map(LocalJoinHandle::new)
        .map_err(|rejected| rejected.map(Local::into_inner))
}

/// The right to a task's output. Awaiting it gives `Result<T, JoinError>`.
///
/// Dropping it detaches the task, which goes on, and its output is dropped where it ends. A panic that nobody joins is
/// told to [`Builder::on_panic`](crate::Builder::on_panic).
///
/// Every end of a task completes it: done, aborted, panicked, or torn down with its executor, during or after which it
/// may be awaited, on any thread. It fits any executor's `await`.
///
/// ```
/// use stillpoint::{Executor, JoinError};
///
/// let mut executor = Executor::<()>::new();
/// let task = executor.spawner().spawn(async { 6 * 7 });
/// let other = executor.spawner().spawn(std::future::pending::<()>());
/// other.abort();
/// executor.run_until_stalled();
/// assert_eq!(futures::executor::block_on(task).unwrap(), 42);
/// assert!(futures::executor::block_on(other).unwrap_err().is_aborted());
/// ```
///
/// # Panics
///
/// Polling it again after it gave its result panics. A waker of the caller's own making that panics when it is woken
/// ends the process, as in async-task, which keeps it.
///
/// # Cancel safety
///
/// Nothing is lost when it is awaited by `&mut` and that await is dropped: the output stays.
pub struct JoinHandle<T> {
    /// `None` where the spawn was refused.
    task: Option<async_task::Task<Outcome<T>, Meta>>,
    /// Why it did, if it did.
    refusal: Refusal,
    finished: bool,
}

impl<T> JoinHandle<T> {
    /// The handle of a task that never was.
    pub(crate) fn refused<F>(rejected: Rejected<F>) -> Self {
        let refusal = rejected.why();
        discard(rejected);
        Self {
            task: None,
            refusal,
            finished: false,
        }
    }

    /// Ends the task: its future is dropped by the next turn at the latest, without any other event, its requests are
    /// cancelled, and this handle gives [`JoinError::Aborted`]. A task that has ended, or whose poll under way ends it,
    /// stays as it is.
    ///
    /// It may be called from anywhere, also from the task itself, which goes on to the end of its poll. What was
    /// aborted before a spawn, in the same turn or on the same thread outside, is dropped before the spawned task is
    /// first polled, unless it spawns that itself, or is being woken on another thread meanwhile.
    ///
    /// ```
    /// # use stillpoint::{Emitted, Executor, Operation, Request};
    /// # struct Ask;
    /// # impl Operation for Ask {
    /// #     type Output = u32;
    /// # }
    /// # let mut executor = Executor::<Request<Ask>>::new();
    /// # let shell = executor.shell();
    /// let task = executor.spawn(async move { shell.request(Ask).await });
    /// executor.run_until_stalled();
    /// let in_flight = executor.drain().next();
    /// task.abort();
    /// let settled = executor.run_until_stalled();
    /// assert_eq!((settled.aborted, settled.pending), (1, 0), "though nobody answers");
    /// assert!(matches!(executor.drain().next(), Some(Emitted::Cancelled(_))));
    /// # drop(in_flight);
    /// ```
    pub fn abort(&self) {
        let Some(task) = &self.task else { return };
        let meta = task.metadata();
        if task.is_finished() || meta.door.is_closing() {
            return;
        }
        if let Some(id) = meta.abort() {
            turn::with(&meta.door, |turn| match turn {
                Some(turn) => turn.abort(id),
                None => meta.door.post(Message::Abort(id)),
            });
        }
    }

    /// Whether the task has ended, in whatever way.
    ///
    /// ```
    /// use stillpoint::Executor;
    ///
    /// let mut executor = Executor::<()>::new();
    /// let task = executor.spawn(async { 42 });
    /// while !task.is_finished() {
    ///     executor.run_until_stalled(); // a host's loop: take a turn, then perform what is asked
    /// }
    /// assert_eq!(futures::executor::block_on(task).unwrap(), 42);
    /// ```
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.task.as_ref().is_none_or(async_task::Task::is_finished)
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        assert!(
            !self.finished,
            "a join handle was polled after it gave its result"
        );
        let result = match &mut self.task {
            Some(task) => match Pin::new(task).poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(outcome) => outcome.read(),
            },
            None => Err(match self.refusal {
                Refusal::Closed => JoinError::TornDown,
                Refusal::Scope => JoinError::Aborted,
                Refusal::Full => JoinError::Full,
            }),
        };
        self.finished = true;
        Poll::Ready(result)
    }
}

impl<T> FusedFuture for JoinHandle<T> {
    fn is_terminated(&self) -> bool {
        self.finished
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        let Some(task) = self.task.take() else { return };
        let meta = task.metadata();
        let told = meta.detach().and_then(|id| {
            turn::with(&meta.door, |turn| match turn {
                Some(turn) => {
                    turn.detached(id);
                    None
                }
                None => Some((id, Arc::clone(&meta.door))),
            })
        });
        task.detach();
        // Only now, when the allocation may be gone: told before, a teardown could take the handle's own hold on it for
        // a leak.
        if let Some((id, door)) = told {
            door.post_quietly(Until::Ever, Message::Detached(id));
        }
    }
}

// It lends nobody what a panic could have left half made: a result is moved out, once.
impl<T> UnwindSafe for JoinHandle<T> {}
impl<T> RefUnwindSafe for JoinHandle<T> {}

/// Whether it is finished.
impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("finished", &self.is_finished())
            .finish()
    }
}

/// The right to the output of a task that is bound to its thread, as [`LocalSpawner`](crate::LocalSpawner) gives it.
///
/// It is a [`JoinHandle`] in all but this: it stays on its thread, and so its output need not be [`Send`]. Dropping it
/// detaches the task.
///
/// ```
/// use std::rc::Rc;
/// use stillpoint::LocalExecutor;
///
/// let mut executor = LocalExecutor::<()>::new();
/// let task = executor.local_spawner().spawn(async { Rc::new(42) });
/// executor.run_until_stalled();
/// assert_eq!(*futures::executor::block_on(task).unwrap(), 42);
/// ```
pub struct LocalJoinHandle<T> {
    handle: JoinHandle<Fragile<T>>,
    bound: std::marker::PhantomData<*const ()>,
}

impl<T> LocalJoinHandle<T> {
    pub(crate) fn new(handle: JoinHandle<Fragile<T>>) -> Self {
        Self {
            handle,
            bound: std::marker::PhantomData,
        }
    }

    /// The handle of a task that never was.
    pub(crate) fn refused<F>(rejected: Rejected<F>) -> Self {
        Self::new(JoinHandle::refused(rejected))
    }

    /// Ends the task, as [`JoinHandle::abort`] does.
    ///
    /// ```
    /// use std::rc::Rc;
    /// use stillpoint::LocalExecutor;
    ///
    /// let mut executor = LocalExecutor::<()>::new();
    /// let held = Rc::new(());
    /// let task = executor.spawn_local({
    ///     let held = Rc::clone(&held);
    ///     async move {
    ///         std::future::pending::<()>().await;
    ///         drop(held);
    ///     }
    /// });
    /// executor.run_until_stalled();
    /// task.abort();
    /// executor.run_until_stalled();
    /// assert_eq!(Rc::strong_count(&held), 1);
    /// ```
    pub fn abort(&self) {
        self.handle.abort();
    }

    /// Whether the task has ended, in whatever way.
    ///
    /// ```
    /// use stillpoint::LocalExecutor;
    ///
    /// let mut executor = LocalExecutor::<()>::new();
    /// let task = executor.spawn_local(async {});
    /// assert!(!task.is_finished());
    /// executor.run_until_stalled();
    /// assert!(task.is_finished());
    /// ```
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }
}

impl<T> Future for LocalJoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.handle)
            .poll(cx)
            .map_ok(Fragile::into_inner)
    }
}

impl<T> Unpin for LocalJoinHandle<T> {}

impl<T> FusedFuture for LocalJoinHandle<T> {
    fn is_terminated(&self) -> bool {
        self.handle.is_terminated()
    }
}

/// Whether it is finished.
impl<T> fmt::Debug for LocalJoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalJoinHandle")
            .field("finished", &self.is_finished())
            .finish()
    }
}
