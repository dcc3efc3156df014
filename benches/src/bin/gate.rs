//! Counts what stillpoint does: the regression gate's program.

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    stillpoint_benches::report(ALLOCATOR, stillpoint_benches::each_stillpoint);
}
