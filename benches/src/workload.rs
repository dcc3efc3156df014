//! The workloads.

use std::hint::spin_loop;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::meter::Meter;
use crate::peer::Peer;
use crate::task::{Task, tasks};

/// A workload of one size. Its name is what it is asked for by.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// Its name.
    pub name: &'static str,
    /// What one operation is.
    pub operation: &'static str,
    /// Operations in one go.
    pub operations: usize,
    /// How it is measured.
    pub measured: Measured,
    kind: Kind,
}

/// How a workload is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measured {
    /// By the clock, and by what it allocates.
    ByTimeAndCounts,
    /// By the clock alone: two threads do not count alike twice.
    ByTime,
    /// By what it allocates alone.
    ByCounts,
    /// By both, on demand alone: some peers take a gigabyte and a minute.
    OnDemand,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    RoundTrip,
    FanOut,
    Stream { batch: usize },
    Pending,
    Teardown(Order),
    Spawn,
    Wake,
    FromAfar,
    Idle,
}

#[derive(Clone, Copy, Debug)]
enum Order {
    ExecutorEffects,
    EffectsExecutor,
    EffectsTurnExecutor,
}

/// How often a task of `wake` wakes itself.
const WAKES: usize = 100;

/// All workloads.
pub const ALL: &[Workload] = &[
    Workload {
        name: "round-trip",
        operation: "one task asks, is answered and goes on",
        operations: 10_000,
        measured: Measured::ByTimeAndCounts,
        kind: Kind::RoundTrip,
    },
    Workload {
        name: "fan-out-10k",
        operation: "of 10,000 tasks, one is made, asks, waits beside the rest, and is answered in random order",
        operations: 10_000,
        measured: Measured::ByTimeAndCounts,
        kind: Kind::FanOut,
    },
    Workload {
        name: "fan-out-100k",
        operation: "the same of 100,000",
        operations: 100_000,
        measured: Measured::ByTimeAndCounts,
        kind: Kind::FanOut,
    },
    Workload {
        name: "fan-out-1m",
        operation: "the same of 1,000,000",
        operations: 1_000_000,
        measured: Measured::OnDemand,
        kind: Kind::FanOut,
    },
    Workload {
        name: "stream",
        operation: "a stream gets an item, and its task a turn",
        operations: 102_400,
        measured: Measured::ByTimeAndCounts,
        kind: Kind::Stream { batch: 1 },
    },
    Workload {
        name: "stream-1024",
        operation: "a stream gets an item, and its task a turn for every 1,024",
        operations: 102_400,
        measured: Measured::ByTimeAndCounts,
        kind: Kind::Stream { batch: 1024 },
    },
    Workload {
        name: "drop-executor-first",
        operation: "of 100,000 tasks that wait, one is dropped: the executor, then the effects",
        operations: 100_000,
        measured: Measured::ByTimeAndCounts,
        kind: Kind::Teardown(Order::ExecutorEffects),
    },
    Workload {
        name: "drop-effects-first",
        operation: "the same: the effects, then the executor",
        operations: 100_000,
        measured: Measured::ByTimeAndCounts,
        kind: Kind::Teardown(Order::EffectsExecutor),
    },
    Workload {
        name: "drop-effects-and-run",
        operation: "the same: the effects, then a turn, then the executor",
        operations: 100_000,
        measured: Measured::ByTimeAndCounts,
        kind: Kind::Teardown(Order::EffectsTurnExecutor),
    },
    Workload {
        name: "spawn",
        operation: "a task is made, runs and ends",
        operations: 10_000,
        measured: Measured::ByTimeAndCounts,
        kind: Kind::Spawn,
    },
    Workload {
        name: "wake",
        operation: "one of 10,000 tasks wakes itself and is polled again",
        operations: 10_000 * WAKES,
        measured: Measured::ByTimeAndCounts,
        kind: Kind::Wake,
    },
    Workload {
        name: "from-afar",
        operation: "of 100,000 tasks that wait, one is answered from another thread, on the executor's thread",
        operations: 100_000,
        measured: Measured::ByTime,
        kind: Kind::FromAfar,
    },
    Workload {
        name: "idle",
        operation: "an executor is made",
        operations: 1_000,
        measured: Measured::ByTimeAndCounts,
        kind: Kind::Idle,
    },
    Workload {
        name: "pending-100k",
        operation: "one of 100,000 tasks waits for its answer",
        operations: 100_000,
        measured: Measured::ByCounts,
        kind: Kind::Pending,
    },
    Workload {
        name: "pending-1m",
        operation: "one of 1,000,000 tasks waits for its answer",
        operations: 1_000_000,
        measured: Measured::OnDemand,
        kind: Kind::Pending,
    },
];

impl Workload {
    /// Whether a peer can do it at all.
    pub fn suits<P: Peer>(&self) -> bool {
        match self.kind {
            Kind::RoundTrip => true,
            _ if P::ONLY_ROUND_TRIPS => false,
            Kind::FromAfar => P::ANSWER_FROM_AFAR.is_some(),
            Kind::Wake => P::WAKERS && !P::RUNS_AT_ONCE,
            Kind::Stream { .. } => P::STREAMS,
            Kind::FanOut | Kind::Pending => self.operations <= P::MOST_TASKS,
            _ => true,
        }
    }

    /// Whether what it keeps allocated is of interest: the executors, or the tasks that wait.
    pub fn keeps(&self) -> bool {
        matches!(self.kind, Kind::Pending | Kind::Idle)
    }

    /// The same with at most so many operations.
    pub fn at_most(mut self, operations: usize) -> Self {
        self.operations = self.operations.min(operations);
        self
    }

    /// Does it once, with a new peer.
    pub fn go<P: Peer>(&self, meter: &mut impl Meter) {
        let n = self.operations;
        tasks::forget_ended();
        match self.kind {
            Kind::RoundTrip => round_trip::<P>(n, meter),
            Kind::FanOut => fan_out::<P>(n, meter),
            Kind::Stream { batch } => stream::<P>(n, batch, meter),
            Kind::Pending => drop(pending::<P>(n, meter)),
            Kind::Teardown(order) => teardown::<P>(n, order, meter),
            Kind::Spawn => spawn::<P>(n, meter),
            Kind::Wake => wake::<P>(n / WAKES, meter),
            Kind::FromAfar => from_afar::<P>(n, meter),
            Kind::Idle => idle::<P>(n, meter),
        }
    }
}

fn round_trip<P: Peer>(n: usize, meter: &mut impl Meter) {
    let mut peer = P::new();
    peer.spawn(Task::AskOften(n as u64));
    peer.run();
    meter.measure(|| {
        for _ in 0..n {
            let effect = peer.take().expect("it has asked");
            let answer = P::question(&effect) + 1;
            peer.answer(effect, answer);
            peer.run();
        }
    });
    meter.crossed(peer.crossed());
    assert_eq!(tasks::forget_ended(), (1, sum_to(n)));
}

fn fan_out<P: Peer>(n: usize, meter: &mut impl Meter) {
    let (mut peer, mut effects) = pending::<P>(n, meter);
    shuffle(&mut effects);
    meter.measure(|| {
        for effect in effects.drain(..) {
            let answer = P::question(&effect) + 1;
            peer.answer(effect, answer);
            peer.run();
        }
    });
    assert_eq!(tasks::forget_ended(), (n as u64, sum_to(n)));
}

/// Tasks that all wait, and what they have asked. The room for that is the harness's, and not measured.
fn pending<P: Peer>(n: usize, meter: &mut impl Meter) -> (P, Vec<P::Effect>) {
    let mut peer = P::new();
    let mut effects = Vec::with_capacity(n);
    meter.measure(|| {
        for question in 0..n as u64 {
            peer.spawn(Task::Ask(question));
        }
        peer.run();
        while let Some(effect) = peer.take() {
            effects.push(effect);
        }
    });
    assert_eq!(effects.len(), n);
    (peer, effects)
}

fn stream<P: Peer>(n: usize, batch: usize, meter: &mut impl Meter) {
    let mut peer = P::new();
    peer.spawn(Task::Subscribe(n as u64));
    peer.run();
    let mut effect = peer.take().expect("it has asked");
    meter.measure(|| {
        for item in 1..=n {
            peer.send(&mut effect, item as u64);
            if item % batch == 0 || item == n {
                peer.run();
            }
        }
    });
    assert_eq!(tasks::forget_ended(), (1, sum_to(n)));
}

fn teardown<P: Peer>(n: usize, order: Order, meter: &mut impl Meter) {
    let (mut peer, effects) = pending::<P>(n, &mut Unmeasured);
    match order {
        Order::ExecutorEffects => meter.measure(|| {
            drop(peer);
            drop(effects);
        }),
        Order::EffectsExecutor => meter.measure(|| {
            drop(effects);
            drop(peer);
        }),
        Order::EffectsTurnExecutor => meter.measure(|| {
            drop(effects);
            peer.run_after_drops();
            drop(peer);
        }),
    }
}

fn spawn<P: Peer>(n: usize, meter: &mut impl Meter) {
    let mut peer = P::new();
    meter.measure(|| {
        for value in 1..=n as u64 {
            peer.spawn(Task::End(value));
            peer.run();
        }
    });
    assert_eq!(tasks::forget_ended(), (n as u64, sum_to(n)));
}

fn wake<P: Peer>(n: usize, meter: &mut impl Meter) {
    let mut peer = P::new();
    for _ in 0..n {
        peer.spawn(Task::Wake(WAKES as u32));
    }
    meter.measure(|| peer.run());
    assert_eq!(tasks::forget_ended(), (n as u64, 0));
}

/// What the other thread spends is not measured: it has a core of its own.
fn from_afar<P: Peer>(n: usize, meter: &mut impl Meter) {
    let answer_from_afar = P::ANSWER_FROM_AFAR.expect("only those that can are asked");
    let (mut peer, mut effects) = pending::<P>(n, &mut Unmeasured);
    shuffle(&mut effects);
    let answered = AtomicU64::new(0); // tells the executor's thread when to look
    let start = Barrier::new(2);
    thread::scope(|threads| {
        threads.spawn(|| {
            start.wait();
            for (so_far, effect) in effects.into_iter().enumerate() {
                let answer = P::question(&effect) + 1;
                answer_from_afar(effect, answer);
                answered.store(so_far as u64 + 1, Ordering::Release);
            }
        });
        start.wait();
        meter.measure(|| {
            let mut seen = 0;
            while tasks::count_ended() < n as u64 {
                seen = wait_beyond(seen, &answered);
                peer.run();
            }
        });
    });
    assert_eq!(tasks::forget_ended(), (n as u64, sum_to(n)));
}

/// Waits until a number that only grows has grown. Gives the core away now and then, since the other thread may need it.
fn wait_beyond(seen: u64, number: &AtomicU64) -> u64 {
    let mut looks = 0_u32;
    loop {
        let now = number.load(Ordering::Acquire);
        if now > seen {
            return now;
        }
        looks += 1;
        if looks.is_multiple_of(1024) {
            thread::yield_now();
        } else {
            spin_loop();
        }
    }
}

fn idle<P: Peer>(n: usize, meter: &mut impl Meter) {
    let mut peers = Vec::with_capacity(n);
    meter.measure(|| {
        for _ in 0..n {
            peers.push(P::new());
        }
    });
}

struct Unmeasured;
impl Meter for Unmeasured {
    fn measure<R>(&mut self, part: impl FnOnce() -> R) -> R {
        part()
    }
}

/// 1 + 2 + … + n: what the answers and the items add up to.
fn sum_to(n: usize) -> u64 {
    (1..=n as u64).sum()
}

/// Shuffles alike each time (Fisher and Yates, by Marsaglia's xorshift).
pub fn shuffle<T>(items: &mut [T]) {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for last in (1..items.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        items.swap(last, (state % (last as u64 + 1)) as usize);
    }
}
