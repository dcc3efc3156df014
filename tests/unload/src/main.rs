//! Loads a library, uses it, tears it down and unloads it, round after round, and complains of what it leaves behind.
//!
//! `unload PATH ROUNDS` uses the library from this thread; `unload PATH ROUNDS burst` tears it down while other threads
//! answer. Each line that it prints names one thing that did not stay as it was.

mod complaints;
mod library;
mod process;

use std::path::Path;
use std::sync::Barrier;
use std::thread;

use complaints::Complaints;
use library::Library;
use process::Process;

/// How many rounds what the system keeps for itself has to settle: stacks, heaps, tables.
const WARM_UP: usize = 100;

/// Threads that answer in a burst: as many as a library has lines.
const LINES: usize = 2;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (path, rounds, is_burst) = match arguments.as_slice() {
        [path, rounds] => (path, rounds, false),
        [path, rounds, burst] if burst == "burst" => (path, rounds, true),
        _ => panic!("usage: unload PATH ROUNDS [burst]"),
    };
    let path = Path::new(path);
    let rounds: usize = rounds.parse().expect("ROUNDS is a number");
    let mut complaints = Complaints::default();
    let process = Process::of_this();
    let (threads, descriptors) = (process.threads(), process.descriptors());
    let mut settled = None;
    for round in 0..rounds {
        let library = Library::load(path);
        if is_burst {
            burst(&library, &mut complaints);
        } else {
            use_alone(&library, &mut complaints);
        }
        complaints.compare("threads", process.threads(), threads);
        complaints.compare("descriptors", process.descriptors(), descriptors);
        library.unload();
        if process.is_mapped(path) {
            complaints.add("mapped", || "it is still there".to_owned());
        }
        if round == WARM_UP {
            settled = Some((process.mappings(), process.resident()));
        }
    }
    if let Some((mappings, resident)) = settled {
        complaints.bound("mappings", process.mappings(), mappings + 8);
        complaints.bound("resident bytes", process.resident(), resident + (1 << 20));
    }
    complaints.print();
}

/// Answers some of what is asked, and leaves the rest pending.
fn use_alone(library: &Library, complaints: &mut Complaints) {
    let mut core = library.begin();
    let mut line = core.line();
    for _ in 0..3 {
        if !line.answer() {
            complaints.add("refused", || "an answer before the teardown".to_owned());
        }
        core.drive();
    }
    let report = core.tear_down();
    if !report.is_baseline() || report.is_unloadable() {
        complaints.add("report", || "with a line out".to_owned());
    }
    line.hang_up();
    if !report.is_unloadable() {
        complaints.add("report", || "not unloadable".to_owned());
    }
}

/// Tears it down while threads answer, which they do until they are refused.
fn burst(library: &Library, complaints: &mut Complaints) {
    let mut core = library.begin();
    let lines: Vec<_> = (0..LINES).map(|_| core.line()).collect();
    let (under_way, torn_down) = (Barrier::new(LINES + 1), Barrier::new(LINES + 1));
    let report = thread::scope(|scope| {
        let (under_way, torn_down) = (&under_way, &torn_down);
        let answering: Vec<_> = lines
            .into_iter()
            .map(|mut line| {
                scope.spawn(move || {
                    let mut is_accepted = line.answer();
                    under_way.wait();
                    while is_accepted {
                        is_accepted = line.answer();
                    }
                    torn_down.wait();
                    line.hang_up();
                })
            })
            .collect();
        under_way.wait();
        core.drive();
        let report = core.tear_down();
        if !report.is_baseline() || report.is_unloadable() {
            complaints.add("report", || "with lines out".to_owned());
        }
        torn_down.wait();
        // The scope's own end waits for what the threads do, not for the threads.
        for thread in answering {
            thread.join().expect("a thread that answers does not panic");
        }
        report
    });
    if !report.is_unloadable() {
        complaints.add("report", || "not unloadable".to_owned());
    }
}
