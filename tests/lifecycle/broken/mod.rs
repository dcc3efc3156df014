//! Small models of the designs that failed, each with the one property that made it fail.

pub mod arc_cycle;
pub mod close_on_drop;
pub mod interest_isolation;
pub mod live_task_eviction;
pub mod stale_registration;
