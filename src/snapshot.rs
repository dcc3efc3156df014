//! What an executor holds at one moment: plain data.

use std::panic::Location;

use crate::id::{RequestId, TaskId};

/// A live task, as [`Executor::snapshot`](crate::Executor::snapshot) found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskSnapshot {
    /// The task.
    pub id: TaskId,
    /// Its name, if it was given one.
    pub name: Option<&'static str>,
    /// The place that spawned it.
    pub place: &'static Location<'static>,
}

/// A pending request or subscription, as [`Executor::snapshot`](crate::Executor::snapshot) found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestSnapshot {
    /// The request.
    pub id: RequestId,
    /// The operation's type.
    pub operation: &'static str,
    /// The task that waits for it, or waited last.
    pub task: TaskId,
    /// The place that made it.
    pub place: &'static Location<'static>,
    /// Whether it is a subscription.
    pub is_stream: bool,
    /// Whether the shell has taken its effect.
    pub taken: bool,
    /// Answers that are here and unread.
    pub queued: usize,
}

/// What an executor holds at one moment. Plain data: dropping it does nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// The live tasks.
    pub tasks: Vec<TaskSnapshot>,
    /// The pending requests and subscriptions.
    pub requests: Vec<RequestSnapshot>,
}
