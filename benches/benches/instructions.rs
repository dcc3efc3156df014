//! Does one workload with one peer, for callgrind: `workload/peer` is the argument, and `--list` says which there are.
//! Apart from `counts.rs`, whose allocator has atomics of its own.

mod peers;

use stillpoint_benches::workload::{self, Measured};
use stillpoint_benches::{Marked, Peer, Visit, Workload};

/// The most operations: callgrind is fifty times slower than the machine.
const MOST: usize = 100_000;

fn main() {
    // What else cargo's runner says is not for this.
    let argument = std::env::args().skip(1).find(|arg| arg != "--bench");
    peers::each(&mut Once {
        pair: argument.expect("a workload and a peer, or `--list`"),
    });
}

struct Once {
    pair: String,
}

impl Visit for Once {
    fn visit<P: Peer>(&mut self, peer: &str) {
        let counts = |workload: &&Workload| {
            !matches!(workload.measured, Measured::ByTime | Measured::OnDemand)
                && workload.suits::<P>()
        };
        for workload in workload::ALL.iter().filter(counts) {
            let pair = format!("{}/{peer}", workload.name);
            let workload = workload.at_most(MOST);
            if self.pair == "--list" {
                println!("{pair}: {}", workload.operations);
            } else if self.pair == pair {
                workload.go::<P>(&mut Marked);
            }
        }
    }
}
