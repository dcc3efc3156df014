//! What a task carries with it from its spawn to the end of its allocation.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::contain::{Payload, message};
use crate::id::TaskId;
use crate::mailbox;

/// A task that is to be polled.
pub(crate) type Runnable = async_task::Runnable<Meta>;
/// The one way into an executor.
pub(crate) type Door = mailbox::Door<Runnable, Label, TaskPanic>;
/// What comes in by it.
pub(crate) type Message = mailbox::Message<Runnable, Label, TaskPanic>;

/// Who spawned a task, for reports.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Label {
    pub(crate) name: Option<&'static str>,
    pub(crate) place: &'static Location<'static>,
}

/// A panic that nobody will learn of by joining its task: what [`Builder::on_panic`](crate::Builder::on_panic) is told.
///
/// Dropping it drops the payload.
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

/// `task 3.1 "checker" (src/core.rs:41:9)`, the one way in which a task is named in text.
pub(crate) fn write_task(
    f: &mut fmt::Formatter<'_>,
    task: TaskId,
    name: Option<&'static str>,
    place: &'static Location<'static>,
) -> fmt::Result {
    write!(f, "task {task} ")?;
    if let Some(name) = name {
        write!(f, "{name:?} ")?;
    }
    write!(f, "({place})")
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
    id: AtomicU64,
    aborted: AtomicBool,
    detached: AtomicBool,
}

impl Meta {
    pub(crate) fn new(door: Arc<Door>) -> Self {
        Self {
            door,
            id: AtomicU64::new(TaskId::NONE.to_u64()),
            aborted: AtomicBool::new(false),
            detached: AtomicBool::new(false),
        }
    }

    /// The task's id, or [`TaskId::NONE`] until the executor has taken it in.
    pub(crate) fn id(&self) -> TaskId {
        // With `abort` and `detach`: see there.
        TaskId::from_u64(self.id.load(Ordering::SeqCst))
    }

    /// Takes the task in. Every later look at the flags sees what was written by one who still saw no id.
    pub(crate) fn set_id(&self, id: TaskId) {
        self.id.store(id.to_u64(), Ordering::SeqCst);
    }

    /// Marks it for its end. Gives the id by which the executor is told; where there is none yet, the executor will see
    /// the mark: both sides write, then read, in one total order.
    pub(crate) fn abort(&self) -> Option<TaskId> {
        self.aborted.store(true, Ordering::SeqCst);
        Some(self.id()).filter(|id| *id != TaskId::NONE)
    }

    pub(crate) fn is_aborted(&self) -> bool {
        self.aborted.load(Ordering::SeqCst)
    }

    /// Marks that its join handle is gone, in the same way.
    pub(crate) fn detach(&self) -> Option<TaskId> {
        self.detached.store(true, Ordering::SeqCst);
        Some(self.id()).filter(|id| *id != TaskId::NONE)
    }

    pub(crate) fn is_detached(&self) -> bool {
        self.detached.load(Ordering::SeqCst)
    }
}
