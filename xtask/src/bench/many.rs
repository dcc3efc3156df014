//! Many executors, and many requests in one.

use std::path::Path;
use std::process::Command;

use super::Options;
use super::programs::build_bench;
use crate::files::output;
use crate::run::Stop;

/// How many executors: two, some, and too many for the caches.
const EXECUTORS: [&str; 3] = ["2", "1000", "100000"];

/// Those whose executors may move between threads.
const MOVABLE: [&str; 4] = [
    "stillpoint",
    "stillpoint-mailbox",
    "async-executor",
    "floor",
];

/// How many requests wait in one executor.
const TASKS: usize = 10_000_000;

/// How many are spawned between two turns: as a host does that runs now and then, and as one that begins with all.
const BATCHES: [usize; 2] = [1_000, TASKS];

/// Prints what the program says, of each peer in a process of its own: the most memory is a process's.
pub(super) fn print(options: &Options) -> Result<(), Stop> {
    let program = build_bench("many")?;
    let ours = ["stillpoint".to_owned()];
    let peers = match &options.peers[..] {
        [] => &ours[..],
        peers => peers,
    };
    executors(&program)?;
    for peer in peers {
        for batch in BATCHES {
            let sizes = [TASKS, batch].map(|size| size.to_string());
            let pending = output(Command::new(&program).arg("pending").args(sizes).arg(peer))?;
            println!("{pending}");
        }
    }
    Ok(())
}

fn executors(program: &Path) -> Result<(), Stop> {
    println!(
        "| round trips on | by one thread, ns of CPU each | by two | throughput of two, by the clock | by CPU time |\n\
         | --- | ---: | ---: | ---: | ---: |"
    );
    print!("{}", output(Command::new(program).arg("control"))?);
    for executors in EXECUTORS {
        for peer in MOVABLE {
            let arguments = ["executors", executors, peer];
            print!("{}", output(Command::new(program).args(arguments))?);
        }
    }
    println!(
        "\nMedians of rounds in which one thread and two do as much by turns; of two, each drives half of the \
         executors. To begin one is to make it, with a task, and to have that ask; its bytes are resident. By CPU \
         time is what two cores would give that did nothing else: twice the CPU time of one thread's round trip, to \
         that of one of two.\n"
    );
    Ok(())
}
