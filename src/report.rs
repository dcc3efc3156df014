//! What an executor says of itself: plain data.

use std::collections::BTreeSet;
use std::fmt;
use std::panic::Location;
use std::sync::{Arc, PoisonError};

use crate::contain::discard;
use crate::explain::write_leak;
use crate::id::TaskId;
use crate::meta::{Door, Label, Message};
use crate::outbox::Emitted;
use crate::shim::{Mutex, Receiver};

/// What a turn did.
///
/// ```
/// use stillpoint::Executor;
///
/// let mut executor = Executor::<()>::new();
/// executor.spawn(async {});
/// executor.spawn(std::future::pending::<()>());
/// let settled = executor.run_until_stalled();
/// assert_eq!((settled.polled, settled.completed, settled.pending), (2, 1, 1));
/// assert!(!settled.budget_spent);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settled {
    /// Polls made.
    pub polled: usize,
    /// Tasks that ended with an output.
    pub completed: usize,
    /// Tasks that ended by a panic.
    pub panicked: usize,
    /// Tasks that were aborted.
    pub aborted: usize,
    /// Tasks that are alive.
    pub pending: usize,
    /// Whether the turn ended because its budget was spent, with work left.
    pub budget_spent: bool,
    /// Requests that wait for a place by now: see [`Builder::max_requests`](crate::Builder::max_requests) and
    /// [`Builder::outbox_capacity`](crate::Builder::outbox_capacity). Take what was emitted, and they go on.
    pub waiting: usize,
    /// Spawns, notifications and requests that a limit refused since the turn before had ended, from whatever thread.
    pub refused: usize,
}

/// What an executor has seen since it was made.
///
/// ```
/// # use stillpoint::{Emitted, Executor, Operation, Request};
/// # struct Ask;
/// # impl Operation for Ask {
/// #     type Output = u32;
/// # }
/// # let mut executor = Executor::<Request<Ask>>::new();
/// # let shell = executor.shell();
/// let task = executor.spawn(async move { futures::join!(shell.request(Ask), shell.request(Ask)) });
/// executor.run_until_stalled();
/// assert_eq!(executor.drain().count(), 2);
/// task.abort();
/// let totals = executor.teardown().totals;
/// assert_eq!((totals.requests, totals.effects, totals.peak_requests), (2, 2, 2));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Tasks taken in.
    pub tasks: u64,
    /// Requests and subscriptions made.
    pub requests: u64,
    /// Requests and subscriptions whose future was dropped before it had its answer.
    pub cancelled: u64,
    /// Effects that the shell took, notifications among them.
    pub effects: u64,
    /// The most tasks that were alive at one time.
    pub peak_tasks: usize,
    /// The most requests and subscriptions that were pending at one time.
    pub peak_requests: usize,
}

/// A task allocation that somebody holds who should not: a waker of an ended task is out.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use stillpoint::Executor;
///
/// let timer = Arc::new(Mutex::new(None)); // keeps a waker, and nobody empties it
/// let mut executor = Executor::<()>::new();
/// let kept = Arc::clone(&timer);
/// drop(executor.spawner().name("sleeper").spawn(std::future::poll_fn(move |cx| {
///     *kept.lock().unwrap() = Some(cx.waker().clone());
///     std::task::Poll::<()>::Pending
/// })));
/// executor.run_until_stalled();
/// let report = executor.teardown();
/// assert_eq!(report.leaks[0].name, Some("sleeper"));
/// assert!(report.leaks[0].to_string().starts_with("a waker of task 0.1 \"sleeper\" ("));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leak {
    /// The task.
    pub task: TaskId,
    /// Its name, if it was given one.
    pub name: Option<&'static str>,
    /// The place that spawned it.
    pub place: &'static Location<'static>,
}

/// `a waker of task 3.1 "checker" (src/core.rs:41:9) is out`
impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_leak(f, self.task, self.name, self.place)
    }
}

/// What was out when an executor had come to rest, and may be: each can do no more than be refused.
///
/// ```
/// use stillpoint::Executor;
///
/// let executor = Executor::<()>::new();
/// let (spawner, shell) = (executor.spawner(), executor.shell());
/// let report = executor.teardown();
/// assert_eq!((report.outstanding.spawners, report.outstanding.shells), (1, 1));
/// report.assert_baseline(); // they are no leaks
/// # drop((spawner, shell));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outstanding {
    /// Spawners; a scope counts as one, with all spawners into it.
    pub spawners: usize,
    /// Shells.
    pub shells: usize,
    /// Join handles; each holds its task's allocation, without the future.
    pub join_handles: usize,
    /// Resolvers with the shell.
    pub resolvers: usize,
    /// Subscriptions of which the shell has a feed.
    pub feeds: usize,
}

/// A task whose allocation is still there.
pub(crate) struct Remaining {
    pub(crate) task: TaskId,
    pub(crate) label: Label,
    pub(crate) joined: bool,
}

/// What a teardown found, and what it left.
///
/// Dropping it drops the emissions that the shell has not seen: take them out of [`emitted`](Self::emitted) first.
///
/// ```
/// use stillpoint::Executor;
///
/// let mut executor = Executor::<()>::new();
/// let spawner = executor.spawner();
/// let task = spawner.spawn(std::future::pending::<()>());
/// executor.run_until_stalled();
///
/// let report = executor.teardown();
/// report.assert_baseline();
/// assert_eq!((report.tasks, report.outstanding.join_handles), (1, 1));
/// assert!(!report.is_unloadable());
/// drop((task, spawner));
/// assert!(report.is_unloadable());
/// ```
#[must_use = "it holds the notices that the shell has not seen"]
#[non_exhaustive]
pub struct Teardown<E> {
    /// Tasks that were alive.
    pub tasks: usize,
    /// Requests and subscriptions that were pending.
    pub requests: usize,
    /// Messages that were waiting in the mailbox.
    pub messages: usize,
    /// What the shell has not seen: cancel notices and notifications, in order.
    pub emitted: Vec<Emitted<E>>,
    /// What should be gone and was not, when the teardown returned; [`is_baseline`](Self::is_baseline) says how it is
    /// now. A task whose join handle is out is not among them, since the handle may hold its allocation: drop or await
    /// the handles first to see every waker that is out.
    pub leaks: Vec<Leak>,
    /// What was out then, and may be.
    pub outstanding: Outstanding,
    /// What the executor had seen in its life.
    pub totals: Totals,
    rest: Rest,
}

/// What can still change after a teardown.
pub(crate) struct Rest {
    door: Arc<Door>,
    /// Told of allocations that go later.
    mailbox: Receiver<Message>,
    remaining: Mutex<Vec<Remaining>>,
}

impl Rest {
    pub(crate) fn new(
        door: Arc<Door>,
        mailbox: Receiver<Message>,
        remaining: Vec<Remaining>,
    ) -> Self {
        Self {
            door,
            mailbox,
            remaining: Mutex::new(remaining),
        }
    }

    /// The leaks as they are now: a thread that was dropping a waker while the executor came to rest may be done.
    fn leaks(&self) -> Vec<Leak> {
        let mut remaining = self
            .remaining
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (mut gone, mut detached) = (BTreeSet::new(), BTreeSet::new());
        while let Ok(message) = self.mailbox.try_recv() {
            match message {
                Message::Freed(task) => drop(gone.insert(task)),
                Message::Detached(task) => drop(detached.insert(task)),
                // Such as the news that a request's future is gone.
                other => discard(other),
            }
        }
        remaining.retain_mut(|left| {
            left.joined &= !detached.contains(&left.task);
            !gone.contains(&left.task)
        });
        remaining
            .iter()
            .filter(|left| !left.joined)
            .map(|left| Leak {
                task: left.task,
                name: left.label.name,
                place: left.label.place,
            })
            .collect()
    }
}

/// What a teardown found.
pub(crate) struct Found {
    pub(crate) tasks: usize,
    pub(crate) requests: usize,
    pub(crate) messages: usize,
}

impl<E> Teardown<E> {
    pub(crate) fn new(
        found: Found,
        emitted: Vec<Emitted<E>>,
        outstanding: Outstanding,
        totals: Totals,
        rest: Rest,
    ) -> Self {
        Self {
            tasks: found.tasks,
            requests: found.requests,
            messages: found.messages,
            emitted,
            leaks: rest.leaks(),
            outstanding,
            totals,
            rest,
        }
    }

    /// Whether nothing is left *now* but what may be: no future, no request, no message, and no task allocation but
    /// those that a join handle holds. A waker that is out beside its task's join handle shows once the handle is gone.
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    /// use std::task::Waker;
    /// use stillpoint::Executor;
    ///
    /// let timer = Arc::new(Mutex::new(None::<Waker>));
    /// let mut executor = Executor::<()>::new();
    /// let kept = Arc::clone(&timer);
    /// drop(executor.spawn(std::future::poll_fn(move |cx| {
    ///     *kept.lock().unwrap() = Some(cx.waker().clone());
    ///     std::task::Poll::<()>::Pending
    /// })));
    /// executor.run_until_stalled();
    /// let report = executor.teardown();
    /// assert!(!report.is_baseline(), "the timer has a waker");
    /// timer.lock().unwrap().take();
    /// assert!(report.is_baseline());
    /// ```
    #[must_use]
    pub fn is_baseline(&self) -> bool {
        self.rest.leaks().is_empty()
    }

    /// Panics unless [everything is back at its baseline](Self::is_baseline), and says which tasks' wakers are out.
    ///
    /// ```
    /// use stillpoint::Executor;
    ///
    /// let mut executor = Executor::<()>::new();
    /// executor.spawn(std::future::pending::<()>());
    /// executor.run_until_stalled();
    /// println!("{}", executor.teardown().assert_baseline());
    /// ```
    ///
    /// # Panics
    ///
    /// Where something is left that should not be.
    #[track_caller]
    pub fn assert_baseline(&self) -> &Self {
        let leaks = self.rest.leaks();
        assert!(
            leaks.is_empty(),
            "the executor came to rest, but {}",
            leaks
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; ")
        );
        self
    }

    /// Whether nothing at all is out *now* that could call into this crate on the executor's behalf: no spawner, shell,
    /// join handle, resolver, feed, request, closing scope or waker. Only then may the code itself go, as when a shared
    /// library is unloaded.
    ///
    /// ```
    /// use stillpoint::Executor;
    ///
    /// let executor = Executor::<()>::new();
    /// let shell = executor.shell();
    /// let report = executor.teardown();
    /// assert!(report.is_baseline() && !report.is_unloadable(), "a shell is out");
    /// drop(shell);
    /// assert!(report.is_unloadable());
    /// ```
    #[must_use]
    pub fn is_unloadable(&self) -> bool {
        self.rest.leaks();
        Arc::strong_count(&self.rest.door) == 1
    }
}

/// One line, as a log would have it; leaks are those of now.
impl<E> fmt::Display for Teardown<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "torn down with {} tasks, {} requests and {} messages; {} emissions unseen; ",
            self.tasks,
            self.requests,
            self.messages,
            self.emitted.len()
        )?;
        match self.rest.leaks().as_slice() {
            [] => f.write_str("every count is back at its baseline"),
            leaks => {
                write!(f, "{} leaks", leaks.len())?;
                leaks.iter().try_for_each(|leak| write!(f, "; {leak}"))
            }
        }
    }
}

impl<E> fmt::Debug for Teardown<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Teardown")
            .field("tasks", &self.tasks)
            .field("requests", &self.requests)
            .field("messages", &self.messages)
            .field("emitted", &self.emitted.len())
            .field("leaks", &self.leaks)
            .field("outstanding", &self.outstanding)
            .field("totals", &self.totals)
            .finish_non_exhaustive()
    }
}
