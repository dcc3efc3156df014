//! Many executors in one process, by one thread and by two; and many requests that wait in one executor.
//!
//! Each run is one row or table of what `cargo xtask bench --many` prints, in a process of its own, whose memory is
//! measured.

mod peers;

use std::sync::Barrier;
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;
use peers::async_executor::Shared;
use peers::sketch::Floor;
use stillpoint_benches::workload::shuffle;
use stillpoint_benches::{ByTheHost, ByTheMailbox, Peer, Stillpoint, Task, Visit};

fn main() {
    // What else cargo's runner says is not for this.
    let arguments: Vec<String> = std::env::args().filter(|arg| arg != "--bench").collect();
    let words: Vec<&str> = arguments.iter().skip(1).map(String::as_str).collect();
    match words[..] {
        ["control"] => control(),
        ["executors", executors, peer] => {
            let executors = executors.parse().expect("how many executors");
            match peer {
                "stillpoint" => on::<Stillpoint<ByTheHost>>(peer, executors),
                "stillpoint-mailbox" => on::<Stillpoint<ByTheMailbox>>(peer, executors),
                "async-executor" => on::<Shared>(peer, executors),
                "floor" => on::<Floor>(peer, executors),
                _ => panic!("`{peer}` is none whose executors may move between threads"),
            }
        }
        ["pending", tasks, batch, peer] => peers::each(&mut Pending {
            tasks: tasks.parse().expect("how many tasks"),
            batch: batch.parse().expect("how many of them between two turns"),
            peer: peer.to_owned(),
        }),
        _ => panic!("`control`, `executors EXECUTORS PEER` or `pending TASKS BATCH PEER`"),
    }
}

/// How often one thread and two take turns.
const ROUNDS: usize = 9;

/// Round trips of a round, and steps of the control for one of them.
const TRIPS: usize = 400_000;
const STEPS: u64 = 200;

/// What the machine gives two threads that share nothing.
fn control() {
    let (mut one, mut other) = (1_u64, 2_u64);
    let work = |state: &mut u64, trips: usize| {
        for _ in 0..trips as u64 * STEPS {
            *state = state.wrapping_mul(6_364_136_223_846_793_005).rotate_left(7);
        }
        std::hint::black_box(state);
    };
    measure("arithmetic, for control", &mut one, &mut other, work);
}

/// So many executors, with a task each that asks for ever.
fn on<P: Peer + Send + 'static>(name: &str, executors: usize) {
    let before = Memory::now();
    let start = ThreadTime::now();
    let mut one = begun::<P>(executors / 2);
    let made = start.elapsed().as_nanos() / (executors as u128 / 2);
    // By a thread of its own, so that the halves share no cache line.
    let other = std::thread::spawn(move || begun::<P>(executors / 2));
    let mut other = other.join().expect("it has no reason to panic");
    let kept = before.grown() / executors as u64;
    let what = match executors {
        // Of two, pages are all that is seen.
        ..=2 => format!("{executors} {name}"),
        _ => format!("{executors} {name}, begun in {made} ns and {kept} bytes each"),
    };
    measure(&what, &mut one, &mut other, |half, trips| {
        for trip in 0..trips {
            let at = trip % half.len();
            let peer = &mut half[at];
            let effect = peer.take().expect("it has asked");
            let answer = P::question(&effect) + 1;
            peer.answer(effect, answer);
            peer.run();
        }
    });
}

fn begun<P: Peer>(executors: usize) -> Vec<P> {
    let begin = |_| {
        let mut peer = P::new();
        peer.spawn(Task::AskOften(u64::MAX));
        peer.run();
        peer
    };
    (0..executors).map(begin).collect()
}

/// Prints what one thread and two take for the same work on both halves of something.
fn measure<T: Send>(what: &str, one: &mut T, other: &mut T, work: impl Fn(&mut T, usize) + Sync) {
    let mut rounds = Vec::new();
    // The first is to warm up.
    for _ in 0..=ROUNDS {
        let start = (Instant::now(), ThreadTime::now());
        work(one, TRIPS / 2);
        work(other, TRIPS / 2);
        let by_one = (start.0.elapsed(), start.1.elapsed());

        let begin = Barrier::new(2);
        let half = |half: &mut T| {
            begin.wait();
            let start = (Instant::now(), ThreadTime::now());
            work(half, TRIPS / 2);
            (start.0, Instant::now(), start.1.elapsed())
        };
        let (one, other) = std::thread::scope(|threads| {
            let other = threads.spawn(|| half(other));
            (half(one), other.join().expect("it has no reason to panic"))
        });
        let by_two = (one.1.max(other.1) - one.0.min(other.0), one.2 + other.2);
        rounds.push((by_one, by_two));
    }
    rounds.remove(0);
    let each = |time: Duration| time.as_nanos() as f64 / TRIPS as f64;
    println!(
        "| {what} | {:.0} | {:.0} | {:.2} | {:.2} |",
        median(&rounds, |(one, _)| each(one.1)),
        median(&rounds, |(_, two)| each(two.1)),
        median(&rounds, |(one, two)| one.0.as_secs_f64()
            / two.0.as_secs_f64()),
        median(&rounds, |(one, two)| 2.0 * one.1.as_secs_f64()
            / two.1.as_secs_f64()),
    );
}

fn median<T: Copy>(rounds: &[T], of: impl Fn(T) -> f64) -> f64 {
    let mut numbers: Vec<f64> = rounds.iter().copied().map(of).collect();
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

struct Pending {
    tasks: usize,
    /// How many are spawned between two turns, after each of which the shell takes what was asked.
    batch: usize,
    peer: String,
}

impl Visit for Pending {
    fn visit<P: Peer>(&mut self, name: &str) {
        if name != self.peer {
            return;
        }
        let n = self.tasks;
        let each = size_of::<P::Effect>();
        println!(
            "| {n} tasks of {name}, {} a turn | s | MiB then | MiB at most |",
            self.batch
        );
        println!("| --- | ---: | ---: | ---: |");
        let mut stage = Stage::begin();
        let mut effects: Vec<P::Effect> = Vec::with_capacity(n);
        let mut peer = P::new();
        let mut made = 0;
        while made < n {
            let end = n.min(made + self.batch);
            for question in made..end {
                peer.spawn(Task::Ask(question as u64));
            }
            made = end;
            peer.run();
            while let Some(effect) = peer.take() {
                effects.push(effect);
            }
        }
        assert_eq!(effects.len(), n);
        stage.end("all wait, and the shell has what they ask");

        shuffle(&mut effects);
        stage.end("(shuffled)");
        for effect in effects.drain(n - n / 10..) {
            let answer = P::question(&effect) + 1;
            peer.answer(effect, answer);
            peer.run();
        }
        stage.end("a tenth is answered, in random order");
        peer.rest();
        stage.end("torn down");
        drop(effects);
        stage.end("the shell has dropped what it had");
        println!(
            "\nOf this the shell's own part, {each} bytes a request, is {} MiB. At most: {} MiB.",
            (n * each) >> 20,
            stage.most
        );
    }
}

/// Prints what each stage takes: seconds of CPU, and resident memory, where Linux says it.
struct Stage {
    start: ThreadTime,
    most: u64,
}

impl Stage {
    fn begin() -> Self {
        Self {
            start: ThreadTime::now(),
            most: 0,
        }
    }

    fn end(&mut self, what: &str) {
        let spent = self.start.elapsed().as_secs_f64();
        let [now, most] = ["VmRSS:", "VmHWM:"].map(|name| resident(name) >> 10);
        println!("| {what} | {spent:.2} | {now} | {most} |");
        self.most = self.most.max(most);
        // Has the kernel begin anew with the most: each stage has its own.
        std::fs::write("/proc/self/clear_refs", "5").ok();
        self.start = ThreadTime::now();
    }
}

/// Resident memory.
struct Memory(u64);

impl Memory {
    fn now() -> Self {
        Self(resident("VmRSS:"))
    }

    /// By how many bytes there is more by now.
    fn grown(&self) -> u64 {
        resident("VmRSS:").saturating_sub(self.0) << 10
    }
}

/// Kibibytes.
fn resident(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
    number.unwrap_or_default()
}
