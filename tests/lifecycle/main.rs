//! The lifecycle failures of other systems: the shape of each on this crate, which holds, and on a small model of the
//! design that was broken, which is seen to fail. The last one, unloading, has a package of its own beside this.

mod arc_cycle;
mod broken;
mod close_on_drop;
mod interest_isolation;
mod live_task_eviction;
mod random;
mod stale_registration;
#[path = "../support/mod.rs"]
mod support;
