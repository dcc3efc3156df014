//! What stillpoint costs, beside its peers.
//!
//! Each [workload] and each [task](Task) of one is written once, for whatever is a [`Peer`]. Two programs
//! measure them: `benches/time.rs` the time, of every peer, and [`report`], in `benches/counts.rs` and `src/bin/gate.rs`,
//! what a machine's mood cannot change: allocations, bytes, and instructions under callgrind.
//!
//! Stillpoint lives here and its peers in `benches/peers`, so that the gate builds none of them.

mod count;
mod meter;
mod peer;
mod stillpoint;
mod task;
pub mod workload;

pub use count::{Marked, report};
pub use meter::Meter;
pub use peer::{Peer, Visit};
pub use stillpoint::{Answers, ByTheHost, ByTheMailbox, Effect, Stillpoint, each_stillpoint};
pub use task::{Asks, Task, tasks};
pub use workload::Workload;
