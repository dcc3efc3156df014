//! How tasks are made.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

use futures::task::{FutureObj, LocalFutureObj, LocalSpawn, Spawn, SpawnError};

use crate::contain::discard;
use crate::limit::Rejected;
use crate::meta::Label;
use crate::root::Root;
use crate::scopes::Key;
use crate::task::{self, JoinHandle, LocalJoinHandle};

/// Makes tasks, from any thread and from within tasks.
///
/// It holds a way to send to its executor and nothing else: dropping it, or keeping it for ever, changes nothing for
/// the executor or its tasks. [`Clone`] gives another one of the same executor.
///
/// Tasks that are spawned from one turn, or from one thread outside, are first polled in the order of their spawns.
///
/// ```
/// use stillpoint::Executor;
///
/// let mut executor = Executor::<()>::new();
/// let spawner = executor.spawner();
/// let task = spawner.name("adder").spawn(async { 1 + 1 });
/// assert!(!task.is_finished(), "nothing runs before the executor is driven");
/// assert_eq!(executor.run_until_stalled().completed, 1);
/// ```
#[derive(Clone)]
pub struct Spawner {
    pub(crate) root: Arc<Root>,
}

impl Spawner {
    pub(crate) fn new(root: Arc<Root>) -> Self {
        Self { root }
    }

    /// Spawns a task. Where the executor is torn down, the future is dropped and the handle gives
    /// [`JoinError::TornDown`](crate::JoinError::TornDown), where the spawner's scope is closed
    /// [`Aborted`](crate::JoinError::Aborted), and beyond [`Builder::max_tasks`](crate::Builder::max_tasks)
    /// [`Full`](crate::JoinError::Full); [`try_spawn`](Self::try_spawn) gives it back instead.
    ///
    /// ```
    /// use stillpoint::Executor;
    ///
    /// let mut executor = Executor::<()>::new();
    /// let spawner = executor.spawner();
    /// let task = std::thread::spawn(move || spawner.spawn(async { "from another thread" })).join().unwrap();
    /// executor.run_until_stalled();
    /// assert_eq!(futures::executor::block_on(task).unwrap(), "from another thread");
    /// ```
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.try_spawn(future).unwrap_or_else(JoinHandle::refused)
    }

    /// Spawns a task.
    ///
    /// ```
    /// use stillpoint::Executor;
    ///
    /// let executor = Executor::<()>::new();
    /// let spawner = executor.spawner();
    /// executor.teardown();
    /// let rejected = spawner.try_spawn(async { "not lost" }).unwrap_err();
    /// assert!(rejected.is_closed());
    /// assert_eq!(futures::executor::block_on(rejected.into_inner()), "not lost");
    /// ```
    ///
    /// # Errors
    ///
    /// Gives the future back, unpolled, where the executor is torn down or has as many tasks as it may, or the
    /// spawner's scope is closed.
    #[track_caller]
    pub fn try_spawn<F>(&self, future: F) -> Result<JoinHandle<F::Output>, Rejected<F>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.spawn_labelled(None, future, Label::here(None))
    }

    pub(crate) fn spawn_labelled<F>(
        &self,
        key: Option<Key>,
        future: F,
        label: Label,
    ) -> Result<JoinHandle<F::Output>, Rejected<F>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        task::spawn(&self.root, key, future, label)
    }

    /// Names the next task or scope, for reports. It costs no allocation.
    ///
    /// ```
    /// use stillpoint::Executor;
    ///
    /// let mut executor = Executor::<()>::new();
    /// executor.spawner().name("clock").spawn(std::future::pending::<()>());
    /// executor.run_until_stalled();
    /// assert_eq!(executor.snapshot().tasks[0].name, Some("clock"));
    /// ```
    pub fn name<'a>(&'a self, name: &'static str) -> Named<'a, Self> {
        Named {
            spawner: self,
            name,
        }
    }

    /// Whether the executor takes no more tasks, or the scope that this spawner is of.
    ///
    /// ```
    /// use stillpoint::Executor;
    ///
    /// let executor = Executor::<()>::new();
    /// let screen = executor.spawner().scope();
    /// let inside = screen.spawner();
    /// drop(screen);
    /// assert!(inside.is_closed());
    /// assert!(!executor.spawner().is_closed());
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.root.is_closed()
    }
}

/// `Spawner(open)`, `(closing)` or `(closed)`; of a scope that is closed, `(closed)`.
impl fmt::Debug for Spawner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Spawner").field(&self.root).finish()
    }
}

fn status(is_closed: bool) -> Result<(), SpawnError> {
    if is_closed {
        Err(SpawnError::shutdown())
    } else {
        Ok(())
    }
}

/// Drops what was refused.
fn refused<F>(rejected: Rejected<F>) -> SpawnError {
    discard(rejected);
    SpawnError::shutdown()
}

impl Spawn for Spawner {
    #[track_caller]
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.try_spawn(future).map(drop).map_err(refused)
    }

    fn status(&self) -> Result<(), SpawnError> {
        status(self.is_closed())
    }
}

/// A spawner with a name for the task or the scope that it makes. Dropping it does nothing.
///
/// ```
/// use stillpoint::Executor;
///
/// let executor = Executor::<()>::new();
/// let spawner = executor.spawner();
/// let checker = spawner.name("checker");
/// assert_eq!(format!("{checker:?}"), r#"Named { spawner: Spawner(open), name: "checker" }"#);
/// ```
#[must_use = "it spawns nothing until `spawn` is called"]
pub struct Named<'a, S> {
    pub(crate) spawner: &'a S,
    pub(crate) name: &'static str,
}

impl Named<'_, Spawner> {
    /// Spawns a task of this name, as [`Spawner::spawn`] does.
    ///
    /// ```
    /// use stillpoint::Executor;
    ///
    /// let mut executor = Executor::<()>::new();
    /// let spawner = executor.spawner();
    /// let tasks = ["one", "two"].map(|name| spawner.name(name).spawn(async move { name.len() }));
    /// executor.run_until_stalled();
    /// assert_eq!(tasks.map(|task| futures::executor::block_on(task).unwrap()), [3, 3]);
    /// ```
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.try_spawn(future).unwrap_or_else(JoinHandle::refused)
    }

    /// Spawns a task of this name, as [`Spawner::try_spawn`] does.
    ///
    /// ```
    /// use stillpoint::Executor;
    ///
    /// let executor: Executor<()> = Executor::builder().max_tasks(1).build();
    /// let spawner = executor.spawner();
    /// let _only = spawner.name("only").spawn(std::future::pending::<()>());
    /// assert!(spawner.name("second").try_spawn(async {}).unwrap_err().is_full());
    /// ```
    ///
    /// # Errors
    ///
    /// Gives the future back, unpolled, where the executor is torn down or has as many tasks as it may, or the
    /// spawner's scope is closed.
    #[track_caller]
    pub fn try_spawn<F>(&self, future: F) -> Result<JoinHandle<F::Output>, Rejected<F>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.spawner
            .spawn_labelled(None, future, Label::here(Some(self.name)))
    }
}

impl Named<'_, LocalSpawner> {
    /// Spawns a task of this name, as [`LocalSpawner::spawn`] does.
    ///
    /// ```
    /// use std::rc::Rc;
    /// use stillpoint::LocalExecutor;
    ///
    /// let mut executor = LocalExecutor::<()>::new();
    /// let page = Rc::new("index");
    /// let painting = executor.local_spawner().name("paint").spawn(async move { page.to_uppercase() });
    /// executor.run_until_stalled();
    /// assert_eq!(futures::executor::block_on(painting).unwrap(), "INDEX");
    /// ```
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> LocalJoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.try_spawn(future)
            .unwrap_or_else(LocalJoinHandle::refused)
    }

    /// Spawns a task of this name, as [`LocalSpawner::try_spawn`] does.
    ///
    /// ```
    /// use std::rc::Rc;
    /// use stillpoint::LocalExecutor;
    ///
    /// let executor = LocalExecutor::<()>::new();
    /// let (spawner, page) = (executor.local_spawner(), Rc::new("index"));
    /// drop(executor);
    /// let rejected = spawner.name("paint").try_spawn(async move { page.len() }).unwrap_err();
    /// assert_eq!(futures::executor::block_on(rejected.into_inner()), 5);
    /// ```
    ///
    /// # Errors
    ///
    /// Gives the future back, unpolled, where the executor is torn down or has as many tasks as it may, or the
    /// spawner's scope is closed.
    #[track_caller]
    pub fn try_spawn<F>(&self, future: F) -> Result<LocalJoinHandle<F::Output>, Rejected<F>>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.spawner
            .spawn_labelled(None, future, Label::here(Some(self.name)))
    }
}

impl<S: fmt::Debug> fmt::Debug for Named<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Named")
            .field("spawner", self.spawner)
            .field("name", &self.name)
            .finish()
    }
}

/// Makes tasks that are bound to their thread, for a [`LocalExecutor`](crate::LocalExecutor).
///
/// It is a [`Spawner`] whose futures and outputs need not be [`Send`], and which therefore stays on its thread.
///
/// ```
/// use std::rc::Rc;
/// use stillpoint::LocalExecutor;
///
/// let mut executor = LocalExecutor::<()>::new();
/// let spawner = executor.local_spawner();
/// let name = Rc::new("local");
/// let task = spawner.spawn(async move { name.len() });
/// executor.run_until_stalled();
/// assert_eq!(futures::executor::block_on(task).unwrap(), 5);
/// ```
///
/// ```compile_fail,E0277
/// let executor = stillpoint::LocalExecutor::<()>::new();
/// let spawner = executor.local_spawner();
/// std::thread::spawn(move || drop(spawner)); // it is bound to its thread
/// ```
#[derive(Clone)]
pub struct LocalSpawner {
    pub(crate) root: Arc<Root>,
    bound: PhantomData<*const ()>,
}

impl LocalSpawner {
    pub(crate) fn new(root: Arc<Root>) -> Self {
        Self {
            root,
            bound: PhantomData,
        }
    }

    /// Spawns a task that stays on this thread. Where the executor is torn down, the future is dropped and the handle
    /// gives [`JoinError::TornDown`](crate::JoinError::TornDown), or, where the spawner's scope is closed,
    /// [`Aborted`](crate::JoinError::Aborted).
    ///
    /// ```
    /// use std::rc::Rc;
    /// use stillpoint::LocalExecutor;
    ///
    /// let mut executor = LocalExecutor::<()>::new();
    /// let task = executor.local_spawner().spawn(async { Rc::new("its output need not be Send") });
    /// executor.run_until_stalled();
    /// let text: Rc<&str> = futures::executor::block_on(task).unwrap();
    /// assert_eq!(text.len(), 27);
    /// ```
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> LocalJoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.try_spawn(future)
            .unwrap_or_else(LocalJoinHandle::refused)
    }

    /// Spawns a task that stays on this thread.
    ///
    /// ```
    /// use stillpoint::LocalExecutor;
    ///
    /// let executor = LocalExecutor::<()>::new();
    /// let screen = executor.local_spawner().scope();
    /// let inside = screen.spawner();
    /// drop(screen);
    /// assert!(inside.try_spawn(async {}).unwrap_err().is_closed(), "its scope is");
    /// ```
    ///
    /// # Errors
    ///
    /// Gives the future back, unpolled, where the executor is torn down or has as many tasks as it may, or the
    /// spawner's scope is closed.
    #[track_caller]
    pub fn try_spawn<F>(&self, future: F) -> Result<LocalJoinHandle<F::Output>, Rejected<F>>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.spawn_labelled(None, future, Label::here(None))
    }

    pub(crate) fn spawn_labelled<F>(
        &self,
        key: Option<Key>,
        future: F,
        label: Label,
    ) -> Result<LocalJoinHandle<F::Output>, Rejected<F>>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        task::spawn_local(&self.root, key, future, label)
    }

    /// Names the next task or scope, for reports. It costs no allocation.
    ///
    /// ```
    /// use stillpoint::LocalExecutor;
    ///
    /// let mut executor = LocalExecutor::<()>::new();
    /// executor.local_spawner().name("painter").spawn(std::future::pending::<()>());
    /// executor.run_until_stalled();
    /// assert_eq!(executor.snapshot().tasks[0].name, Some("painter"));
    /// ```
    pub fn name<'a>(&'a self, name: &'static str) -> Named<'a, Self> {
        Named {
            spawner: self,
            name,
        }
    }

    /// Whether the executor takes no more tasks, or the scope that this spawner is of.
    ///
    /// ```
    /// use stillpoint::LocalExecutor;
    ///
    /// let executor = LocalExecutor::<()>::new();
    /// let spawner = executor.local_spawner();
    /// assert!(!spawner.is_closed());
    /// drop(executor);
    /// assert!(spawner.is_closed());
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.root.is_closed()
    }
}

/// `LocalSpawner(open)`, `(closing)` or `(closed)`; of a scope that is closed, `(closed)`.
impl fmt::Debug for LocalSpawner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LocalSpawner").field(&self.root).finish()
    }
}

impl Spawn for LocalSpawner {
    #[track_caller]
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.try_spawn(future).map(drop).map_err(refused)
    }

    fn status(&self) -> Result<(), SpawnError> {
        status(self.is_closed())
    }
}

impl LocalSpawn for LocalSpawner {
    #[track_caller]
    fn spawn_local_obj(&self, future: LocalFutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.try_spawn(future).map(drop).map_err(refused)
    }

    fn status_local(&self) -> Result<(), SpawnError> {
        status(self.is_closed())
    }
}
