//! Scopes: tasks that end together, and tasks of which only the latest is wanted.

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::channel::oneshot;
use futures::future::FusedFuture;

use crate::limit::Rejected;
use crate::mailbox::Until;
use crate::meta::{Door, Label, Message, ScopeMessage};
use crate::root::Root;
use crate::scopes::{Key, ScopeReport};
use crate::spawner::{LocalSpawner, Named, Spawner};
use crate::task::{JoinHandle, LocalJoinHandle};
use crate::turn;

/// Owns tasks that end together: those of a screen that may go away, of a connection, of one run.
///
/// It is a spawner of its own, by [`Deref`]: what is spawned with it, or with a clone of
/// [`spawner()`](Self::spawner), is in the scope. When the scope is closed, or dropped, all its tasks end, with all
/// tasks of the scopes within it: each future is dropped by the next turn at the latest, without any other event, its
/// requests are cancelled, and its join handle gives [`JoinError::Aborted`](crate::JoinError::Aborted), as if each had
/// been aborted. A task that has ended, or whose poll under way ends it, stays as it is. From then on spawns are
/// [`Rejected`], here and in every scope within; what another thread spawned before, and the executor has not taken in,
/// ends unpolled.
///
/// Dropping it closes it, wherever that is: between turns, in a turn, in one of its own tasks, on another thread,
/// during a teardown or after. [`close`](Self::close) closes it and says when all is gone, and what there was. A scope
/// that is leaked by [`std::mem::forget`] is closed with the one around it, or with its executor.
///
/// A request is cancelled with the task that holds its future; one that was moved to a task outside the scope goes on.
///
/// Closing one takes time in proportion to what is in it. To spawn in one, or to make one in it, takes a look at each
/// scope around it: some are nothing, and thousands within each other are slow.
///
/// It has no clone, since it has one owner; `scope.clone()` gives what [`spawner()`](Self::spawner) does.
///
/// Like a spawner, a scope is a way to send and a number. It owns no task and keeps nothing alive; the executor does.
///
/// ```
/// use stillpoint::{Emitted, Executor, Operation, Request};
///
/// struct Load(&'static str);
/// impl Operation for Load {
///     type Output = String;
/// }
///
/// let mut executor = Executor::<Request<Load>>::new();
/// let shell = executor.shell();
/// let screen = executor.spawner().name("details").scope();
/// for part in ["text", "picture"] {
///     let shell = shell.clone();
///     screen.spawn(async move { shell.request(Load(part)).await });
/// }
/// executor.run_until_stalled();
/// let in_flight: Vec<_> = executor.drain().collect();
/// assert_eq!(in_flight.len(), 2);
///
/// drop(screen); // the user goes back
/// assert_eq!(executor.run_until_stalled().aborted, 2);
/// assert!(executor.drain().all(|emitted| matches!(emitted, Emitted::Cancelled(_))));
/// ```
///
/// Scopes nest, and closing the outer one closes the inner ones, all in the same turn:
///
/// ```
/// use stillpoint::Executor;
///
/// let mut executor = Executor::<()>::new();
/// let app = executor.spawner().scope();
/// let dialog = app.scope();
/// let task = dialog.spawn(std::future::pending::<()>());
/// executor.run_until_stalled();
///
/// drop(app);
/// assert!(dialog.is_closed());
/// executor.run_until_stalled();
/// assert!(task.is_finished());
/// ```
#[must_use = "dropping it closes it; keep it as long as its tasks are wanted"]
pub struct Scope<S = Spawner> {
    spawner: S,
    root: Arc<Root>,
    /// Whether the executor knows of it, or will, and has not been told that it is closed.
    is_open: bool,
}

impl<S> Scope<S> {
    /// Closes the scope, at once, and gives a future of what was in it, which is ready when all of that is dropped:
    /// every task of the scope and of the scopes within it. It may be awaited anywhere: in a task of the same executor,
    /// of another, or on another thread. A task of the scope itself that awaits it ends with the others.
    ///
    /// ```
    /// use stillpoint::Executor;
    ///
    /// let mut executor = Executor::<()>::new();
    /// let spawner = executor.spawner();
    /// let run = spawner.scope();
    /// run.spawn(std::future::pending::<()>());
    /// let closing = spawner.spawn(async move { run.close().await });
    /// executor.run_until_stalled();
    /// assert_eq!(futures::executor::block_on(closing).unwrap().tasks, 1);
    /// ```
    pub fn close(mut self) -> Close {
        let nothing = match self.root.scope() {
            Some(token) => ScopeReport::of_nothing(token),
            None => unreachable!("a scope's root has a scope"),
        };
        Close {
            report: self.end(true),
            nothing,
            door: Some(Arc::clone(&self.root.door)),
        }
    }

    /// Closes it, if it is open. Gives the report that is to come, where it is wanted and there will be one.
    fn end(&mut self, wants_report: bool) -> Option<oneshot::Receiver<ScopeReport>> {
        let token = self.root.scope()?;
        token.close();
        if !std::mem::take(&mut self.is_open) {
            return None;
        }
        let (waiting, report) = match wants_report {
            true => {
                let (waiting, report) = oneshot::channel();
                (Some(waiting), Some(report))
            }
            false => (None, None),
        };
        let door = &self.root.door;
        turn::with(door, |turn| match turn {
            Some(turn) => turn.close_scope(token, waiting),
            None => {
                let message = |is_first| ScopeMessage::Close(Arc::clone(token), waiting, is_first);
                if let Some(inside) = door.enter(Until::Closing) {
                    inside.send(Message::Scope(Box::new(message(true))));
                } else if wants_report && let Some(inside) = door.enter(Until::Closed) {
                    // The teardown under way ends the tasks, and says when.
                    inside.send(Message::Scope(Box::new(message(false))));
                }
            }
        });
        report
    }
}

impl<S: Clone> Scope<S> {
    /// A spawner into this scope, which can be cloned and does not close it when it is dropped. It may outlive the
    /// scope: it is refused then.
    ///
    /// ```
    /// use stillpoint::{Executor, Spawner};
    ///
    /// fn open(spawner: Spawner) { // as for any other spawner
    ///     spawner.spawn(std::future::pending::<()>());
    /// }
    ///
    /// let mut executor = Executor::<()>::new();
    /// let screen = executor.spawner().scope();
    /// open(screen.spawner());
    /// executor.run_until_stalled();
    /// drop(screen);
    /// assert_eq!(executor.run_until_stalled().aborted, 1);
    /// ```
    #[must_use]
    pub fn spawner(&self) -> S {
        self.spawner.clone()
    }
}

impl<S> Deref for Scope<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.spawner
    }
}

impl<S> Drop for Scope<S> {
    fn drop(&mut self) {
        self.end(false);
    }
}

/// Its spawner: `Scope(Spawner(open))`.
impl<S: fmt::Debug> fmt::Debug for Scope<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Scope").field(&self.spawner).finish()
    }
}

/// Awaits what a scope had in it. Made by [`Scope::close`]. Dropping it leaves the scope closed.
///
/// Where the executor was torn down before the scope was closed, nothing is known any more: all counts are 0.
///
/// ```
/// use stillpoint::Executor;
///
/// let mut executor = Executor::<()>::new();
/// let connection = executor.spawner().scope();
/// connection.spawn(std::future::pending::<()>());
/// executor.run_until_stalled();
///
/// let mut closed = connection.close();
/// assert!(futures::FutureExt::now_or_never(&mut closed).is_none(), "its task is still to be dropped");
/// executor.run_until_stalled();
/// assert_eq!(futures::executor::block_on(closed).tasks, 1);
/// ```
///
/// # Panics
///
/// Polling it again after it gave its report panics.
#[must_use = "the scope is closed without it; to close one and wait for nothing, drop it"]
pub struct Close {
    /// `None` where there is nobody to send one.
    report: Option<oneshot::Receiver<ScopeReport>>,
    nothing: ScopeReport,
    /// What says, as long as it is out, that code of this crate is still to run. `None` once it gave its report.
    door: Option<Arc<Door>>,
}

impl Future for Close {
    type Output = ScopeReport;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<ScopeReport> {
        assert!(
            self.door.is_some(),
            "a closing scope was polled after it gave its report"
        );
        let report = match &mut self.report {
            Some(report) => match Pin::new(report).poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(report) => report.ok(),
            },
            None => None,
        };
        self.door = None;
        Poll::Ready(report.unwrap_or(self.nothing))
    }
}

impl FusedFuture for Close {
    fn is_terminated(&self) -> bool {
        self.door.is_none()
    }
}

// It lends nobody what a panic could have left half made: a report is copied out, once.
impl UnwindSafe for Close {}
impl RefUnwindSafe for Close {}

/// Whether it is finished.
impl fmt::Debug for Close {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Close")
            .field("finished", &self.door.is_none())
            .finish()
    }
}

/// Writes what both spawners can do.
macro_rules! scoped {
    ($Spawner:ident, $JoinHandle:ident, $($send:ident)?) => {
        impl $Spawner {
            /// Makes a scope within this spawner's, or within the executor. Where that is closed, so is the scope.
            ///
            /// ```
            /// use stillpoint::Executor;
            ///
            /// let mut executor = Executor::<()>::new();
            /// let spawner = executor.spawner();
            /// let (page, panel) = (spawner.scope(), spawner.scope());
            /// page.spawn(std::future::pending::<()>());
            /// panel.spawn(std::future::pending::<()>());
            /// executor.run_until_stalled();
            /// drop(page);
            /// let settled = executor.run_until_stalled();
            /// assert_eq!((settled.aborted, settled.pending), (1, 1));
            /// # drop(panel);
            /// ```
            #[track_caller]
            pub fn scope(&self) -> Scope<Self> {
                self.open(None, Location::caller())
            }

            /// Makes the next task the latest under this key: the one that was, if it has not ended, ends as if it were
            /// aborted. Keys are of a scope, or of the executor: the same key in another scope is another.
            ///
            /// The earlier task's future is dropped before the later one is first polled, unless the earlier one spawns
            /// the later one itself, or is being woken on another thread meanwhile. Where several threads spawn under
            /// one key, the one whose spawn the executor takes in last is the latest. One that is refused replaces
            /// nothing: the earlier one goes on, and keeps its place among the
            /// [tasks that there may be](crate::Builder::max_tasks).
            ///
            /// ```
            /// use stillpoint::Executor;
            ///
            /// let mut executor = Executor::<()>::new();
            /// let spawner = executor.spawner();
            /// let typed = ["s", "se", "sea"].map(|text| spawner.latest("search").spawn(async move { text }));
            /// executor.run_until_stalled();
            /// let found = typed.map(|search| futures::executor::block_on(search).ok());
            /// assert_eq!(found, [None, None, Some("sea")]);
            /// ```
            pub fn latest(&self, key: impl Into<Key>) -> Latest<'_, Self> {
                Latest {
                    spawner: self,
                    key: key.into(),
                    name: None,
                }
            }

            fn open(
                &self,
                name: Option<&'static str>,
                place: &'static Location<'static>,
            ) -> Scope<Self> {
                let (root, is_open) = self.root.open(name, place);
                Scope {
                    spawner: Self::new(Arc::clone(&root)),
                    root,
                    is_open,
                }
            }
        }

        impl Named<'_, $Spawner> {
            /// Makes a scope of this name.
            ///
            /// ```
            /// use stillpoint::Executor;
            ///
            /// let mut executor = Executor::<()>::new();
            /// let closed = executor.spawner().name("details").scope().close();
            /// executor.run_until_stalled();
            /// assert_eq!(futures::executor::block_on(closed).name, Some("details"));
            /// ```
            #[track_caller]
            pub fn scope(&self) -> Scope<$Spawner> {
                self.spawner.open(Some(self.name), Location::caller())
            }
        }

        impl Latest<'_, $Spawner> {
            /// Spawns the task. Where it is refused the future is dropped, and the handle says why, as that of
            #[doc = concat!("[`", stringify!($Spawner), "::spawn`] does;")]
            /// [`try_spawn`](Self::try_spawn) gives it back.
            ///
            /// ```
            /// use stillpoint::Executor;
            ///
            /// let mut executor = Executor::<()>::new();
            /// let spawner = executor.spawner();
            /// let rows = [1, 2].map(|row| spawner.latest(("row", row)).spawn(std::future::pending::<()>()));
            /// let again = spawner.latest(("row", 1)).spawn(async {});
            /// executor.run_until_stalled();
            /// assert_eq!(rows.each_ref().map(|task| task.is_finished()), [true, false]);
            /// assert!(again.is_finished());
            /// ```
            #[track_caller]
            pub fn spawn<F>(self, future: F) -> $JoinHandle<F::Output>
            where
                F: Future + 'static $(+ $send)?,
                F::Output: 'static $(+ $send)?,
            {
                self.try_spawn(future).unwrap_or_else($JoinHandle::refused)
            }

            /// Spawns the task.
            ///
            /// ```
            /// use stillpoint::Executor;
            ///
            /// let mut executor: Executor<()> = Executor::builder().max_tasks(1).build();
            /// let spawner = executor.spawner();
            /// let first = spawner.latest("search").spawn(std::future::pending::<()>());
            /// let second = spawner.latest("search").try_spawn(async {});
            /// assert!(second.unwrap_err().is_full());
            /// executor.run_until_stalled();
            /// assert!(!first.is_finished(), "what is refused replaces nothing");
            /// ```
            ///
            /// # Errors
            ///
            /// Gives the future back, unpolled, where the executor is torn down or has as many tasks as it may, or the
            /// spawner's scope is closed.
            #[track_caller]
            pub fn try_spawn<F>(self, future: F) -> Result<$JoinHandle<F::Output>, Rejected<F>>
            where
                F: Future + 'static $(+ $send)?,
                F::Output: 'static $(+ $send)?,
            {
                self.spawner
                    .spawn_labelled(Some(self.key), future, Label::here(self.name))
            }
        }
    };
}

scoped!(Spawner, JoinHandle, Send);
scoped!(LocalSpawner, LocalJoinHandle,);

/// A spawner with a key of which it makes the latest task. Dropping it does nothing.
///
/// ```
/// use stillpoint::Executor;
///
/// let mut executor = Executor::<()>::new();
/// let spawner = executor.spawner();
/// let old = spawner.latest("preview").spawn(std::future::pending::<()>());
/// drop(spawner.latest("preview")); // spawns nothing, and so ends nothing
/// executor.run_until_stalled();
/// assert!(!old.is_finished());
/// ```
#[must_use = "it spawns nothing until `spawn` is called"]
pub struct Latest<'a, S> {
    spawner: &'a S,
    key: Key,
    name: Option<&'static str>,
}

impl<S> Latest<'_, S> {
    /// Names the task, for reports. It costs no allocation.
    ///
    /// ```
    /// use stillpoint::Executor;
    ///
    /// let mut executor = Executor::<()>::new();
    /// let spawner = executor.spawner();
    /// drop(spawner.latest(7).name("row 7").spawn(std::future::pending::<()>()));
    /// executor.run_until_stalled();
    /// assert_eq!(executor.snapshot().tasks[0].name, Some("row 7"));
    /// ```
    pub fn name(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }
}

impl<S: fmt::Debug> fmt::Debug for Latest<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Latest")
            .field("spawner", self.spawner)
            .field("key", &self.key)
            .field("name", &self.name)
            .finish()
    }
}
