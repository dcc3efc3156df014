//! A queueing executor whose tasks ask a *shell* to do their I/O, and which always comes to rest.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod answer;
mod contain;
mod effects;
mod entry;
mod executor;
mod id;
mod mailbox;
mod meta;
mod outbox;
mod report;
mod request;
mod shell;
mod spawner;
mod task;
#[cfg(feature = "tokio")]
pub mod tokio;
mod turn;

pub use entry::{Overflow, Reason, RequestError};
pub use executor::{Builder, Drain, Executor, LocalExecutor, Next};
pub use id::{RequestId, TaskId};
pub use meta::TaskPanic;
pub use outbox::Emitted;
pub use report::{
    Leak, Outstanding, RequestSnapshot, Settled, Snapshot, TaskSnapshot, Teardown, Totals,
};
pub use request::{
    Feed, Operation, Request, ResolveError, Resolver, ShellRequest, ShellStream, Subscription,
};
pub use shell::{Notification, Shell};
pub use spawner::{LocalSpawner, Named, Rejected, Spawner};
pub use task::{JoinError, JoinHandle, LocalJoinHandle};
