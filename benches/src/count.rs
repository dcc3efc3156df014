//! Allocations and bytes; and, under callgrind, instructions.

use std::alloc::System;

use serde_json::json;
use stats_alloc::{Region, StatsAlloc};

use crate::meter::Meter;
use crate::peer::{Peer, Visit};
use crate::workload::{self, Measured, Workload};

/// The most operations where every count is to be had soon: callgrind is fifty times slower than the machine.
const FEW: usize = 10_000;

/// Counts what each peer does in each workload, and prints a line of JSON for each.
///
/// The arguments pick workloads by name, or one peer in one workload by `workload/peer`; `--few` makes them small. Those
/// on demand are to be picked. With `--list` it says what all are instead.
pub fn report(allocator: &'static StatsAlloc<System>, each_peer: impl FnOnce(&mut Report)) {
    let (flags, picked): (Vec<_>, Vec<_>) = std::env::args()
        .skip(1)
        .partition(|arg| arg.starts_with('-'));
    let has = |name: &str| flags.iter().any(|flag| flag == name);
    if has("--list") {
        for workload in workload::ALL {
            println!("{}: {}", workload.name, workload.operation);
        }
        return;
    }
    each_peer(&mut Report {
        allocator,
        picked,
        few: has("--few"),
    });
}

/// Visits peers, to count what they do.
pub struct Report {
    allocator: &'static StatsAlloc<System>,
    picked: Vec<String>,
    few: bool,
}

impl Report {
    fn wants(&self, workload: &Workload, peer: &str) -> bool {
        let named = || {
            let both = format!("{}/{peer}", workload.name);
            self.picked
                .iter()
                .any(|picked| *picked == both || picked == workload.name)
        };
        match workload.measured {
            Measured::ByTime => false,
            Measured::OnDemand => named(),
            Measured::ByTimeAndCounts | Measured::ByCounts => self.picked.is_empty() || named(),
        }
    }
}

impl Visit for Report {
    fn visit<P: Peer>(&mut self, name: &str) {
        for &workload in workload::ALL {
            if !workload.suits::<P>() || !self.wants(&workload, name) {
                continue;
            }
            let workload = if self.few {
                workload.at_most(FEW)
            } else {
                workload
            };
            let mut counts = Counts {
                allocator: self.allocator,
                allocations: 0,
                bytes: 0,
                crossed: 0,
            };
            workload.go::<P>(&mut counts);
            println!(
                "{}",
                json!({
                    "workload": workload.name,
                    "peer": name,
                    "operations": workload.operations,
                    "allocations": counts.allocations,
                    "bytes": workload.keeps().then_some(counts.bytes),
                    "crossed": (counts.crossed > 0).then_some(counts.crossed),
                })
            );
        }
    }
}

struct Counts {
    allocator: &'static StatsAlloc<System>,
    /// Made and moved.
    allocations: usize,
    /// Allocated and not yet freed.
    bytes: isize,
    /// Written to be read on the other side of a bridge.
    crossed: u64,
}

impl Meter for Counts {
    fn measure<R>(&mut self, part: impl FnOnce() -> R) -> R {
        let region = Region::new(self.allocator);
        let result = measured(part);
        let change = region.change();
        self.allocations += change.allocations + change.reallocations;
        self.bytes += change.bytes_allocated as isize - change.bytes_deallocated as isize;
        result
    }

    fn crossed(&mut self, bytes: u64) {
        self.crossed += bytes;
    }
}

/// Counts nothing itself: callgrind does.
pub struct Marked;

impl Meter for Marked {
    fn measure<R>(&mut self, part: impl FnOnce() -> R) -> R {
        measured(part)
    }
}

/// A function of its own, by whose name callgrind knows when to count.
#[inline(never)]
fn measured<R>(part: impl FnOnce() -> R) -> R {
    part()
}
