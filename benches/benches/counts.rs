//! Counts what every peer does. Apart from `time.rs`, since counting takes time.

mod peers;

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    stillpoint_benches::report(ALLOCATOR, peers::each);
}
