//! What a task carries with it from its spawn to the end of its allocation.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::contain::{Payload, message};
use crate::explain::write_task;
use crate::id::TaskId;
use crate::mailbox;
use crate::scopes;
use crate::shim::{AtomicU64, Ordering};

/// A task that is to be polled.
pub(crate) type Runnable = async_task::Runnable<Meta>;
/// The one way into an executor.
pub(crate) type Door = mailbox::Door<Runnable, Label, TaskPanic, Box<ScopeMessage>>;
/// Where it leads.
pub(crate) type Mailbox = mailbox::Mailbox<Runnable, Label, TaskPanic, Box<ScopeMessage>>;
/// What comes in by it.
pub(crate) type Message = mailbox::Message<Runnable, Label, TaskPanic, Box<ScopeMessage>>;
/// Who has passed its gate.
pub(crate) type Inside<'a> = mailbox::Inside<'a, Runnable, Label, TaskPanic, Box<ScopeMessage>>;
/// What a scope is told from outside.
pub(crate) type ScopeMessage = scopes::ScopeMessage<Runnable, Label>;

/// Who spawned a task, for reports.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Label {
    pub(crate) name: Option<&'static str>,
    pub(crate) place: &'static Location<'static>,
}

impl Label {
    /// Of a task that is spawned by the caller.
    #[track_caller]
    pub(crate) fn here(name: Option<&'static str>) -> Self {
        Self {
            name,
            place: Location::caller(),
        }
    }
}

/// A panic that nobody will learn of by joining its task: what [`Builder::on_panic`](crate::Builder::on_panic) is told.
///
/// Dropping it drops the payload.
///
/// ```
/// use std::panic::resume_unwind;
/// use stillpoint::{Executor, TaskPanic};
///
/// let report = |panic: TaskPanic| {
///     let line = panic.to_string(); // for a log
///     assert!(line.starts_with("task 0.1 \"checker\" (") && line.ends_with(" panicked: no such page"));
/// };
/// let mut executor: Executor<()> = Executor::builder().on_panic(report).build();
/// drop(executor.spawner().name("checker").spawn(async { resume_unwind(Box::new("no such page")) }));
/// assert_eq!(executor.run_until_stalled().panicked, 1);
/// ```
#[non_exhaustive]
pub struct TaskPanic {
    /// The task that ended by it.
    pub task: TaskId,
    /// The task's name, if it was given one.
    pub name: Option<&'static str>,
    /// The place that spawned the task.
    pub place: &'static Location<'static>,
    /// What the panic carried.
    pub payload: Payload,
}

impl TaskPanic {
    /// The panic's message, or a stand-in where it carried no text.
    ///
    /// ```
    /// use std::panic::resume_unwind;
    /// use std::sync::mpsc;
    /// use stillpoint::Executor;
    ///
    /// let (tell, told) = mpsc::channel();
    /// let mut executor: Executor<()> =
    ///     Executor::builder().on_panic(move |panic| tell.send(panic.message().to_owned()).unwrap()).build();
    /// drop(executor.spawn(async { resume_unwind(Box::new(format!("page {}", 7))) }));
    /// executor.run_until_stalled();
    /// assert_eq!(told.try_iter().collect::<Vec<_>>(), ["page 7"]);
    /// ```
    #[must_use]
    pub fn message(&self) -> &str {
        message(&self.payload)
    }
}

/// `task 3.1 "checker" (src/core.rs:41:9) panicked: no such page`.
impl fmt::Display for TaskPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_task(f, self.task, self.name, self.place)?;
        write!(f, " panicked: {}", self.message())
    }
}

impl fmt::Debug for TaskPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskPanic({self})")
    }
}

/// Why a task is to end before it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Aborted,
    TornDown,
}

/// Metadata of a task's allocation. Dropping it tells the executor that the allocation is gone.
pub(crate) struct Meta {
    pub(crate) door: Arc<Door>,
    /// The id, above the two flags: one word, so that who sets a flag learns whether there was an id by which to tell
    /// the executor, and the executor, which sets the id, learns whether there was a flag that it was not told of.
    state: AtomicU64,
}

/// It is to end.
const ABORTED: u64 = 1;
/// Its join handle is gone.
const DETACHED: u64 = 2;
const ID: u32 = 2;

/// What a task's metadata said at one moment.
#[derive(Clone, Copy)]
pub(crate) struct Status(u64);

impl Status {
    /// The id, once the executor has taken the task in.
    pub(crate) fn id(self) -> Option<TaskId> {
        Some(self.0 >> ID)
            .filter(|number| *number != 0)
            .map(TaskId::from_u64)
    }

    pub(crate) fn is_aborted(self) -> bool {
        self.0 & ABORTED != 0
    }

    pub(crate) fn is_detached(self) -> bool {
        self.0 & DETACHED != 0
    }
}

impl Meta {
    /// Of a task that has this id, or [`TaskId::NONE`] until the executor takes it in.
    pub(crate) fn new(door: Arc<Door>, id: TaskId) -> Self {
        Self {
            door,
            state: AtomicU64::new(id.to_u64() << ID),
        }
    }

    pub(crate) fn status(&self) -> Status {
        // Takes over what whoever set a flag had done before.
        Status(self.state.load(Ordering::Acquire))
    }

    /// Takes the task in. Gives the flags that were set before, of which the executor is not told.
    #[must_use = "a flag may have been set already"]
    pub(crate) fn set_id(&self, id: TaskId) -> Status {
        // Tells the id to who sets a flag later, and takes over what who set one earlier had done.
        Status(self.state.fetch_or(id.to_u64() << ID, Ordering::AcqRel))
    }

    /// Marks it for its end. Where there was an id already, the executor must be told.
    #[must_use = "the executor may have to be told"]
    pub(crate) fn abort(&self) -> Option<TaskId> {
        Status(self.state.fetch_or(ABORTED, Ordering::AcqRel)).id()
    }

    /// Marks that its join handle is gone. Where there was an id already, the executor must be told.
    #[must_use = "the executor may have to be told"]
    pub(crate) fn detach(&self) -> Option<TaskId> {
        Status(self.state.fetch_or(DETACHED, Ordering::AcqRel)).id()
    }
}
