//! Times every peer in every workload: `cargo xtask bench` runs each pair in a process of its own; by hand it is a
//! benchmark of criterion like any other.

mod peers;

use std::time::Duration;

use cpu_time::ThreadTime;
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, Throughput};
use stillpoint_benches::workload::{self, Measured};
use stillpoint_benches::{Meter, Peer, Visit};

fn main() {
    // A go is long, and the rounds of `cargo xtask bench` are what is averaged: few resamplings, little patience.
    let mut criterion = Criterion::default()
        .with_measurement(CpuTime)
        .sample_size(10)
        .nresamples(1_000)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    peers::each(&mut Timed(&mut criterion));
}

struct Timed<'a>(&'a mut Criterion<CpuTime>);

impl Visit for Timed<'_> {
    fn visit<P: Peer>(&mut self, name: &str) {
        for workload in workload::ALL {
            if workload.measured == Measured::ByCounts || !workload.suits::<P>() {
                continue;
            }
            let mut group = self.0.benchmark_group(workload.name);
            group.throughput(Throughput::Elements(workload.operations as u64));
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|goes| {
                    let mut clock = Clock::default();
                    for _ in 0..goes {
                        workload.go::<P>(&mut clock);
                    }
                    clock.spent
                });
            });
            group.finish();
        }
    }
}

/// Adds up what the parts take.
#[derive(Default)]
struct Clock {
    spent: Duration,
}

impl Meter for Clock {
    fn measure<R>(&mut self, part: impl FnOnce() -> R) -> R {
        let start = ThreadTime::now();
        let result = part();
        self.spent += start.elapsed();
        result
    }
}

/// The CPU time of the thread: what other programs take of the machine does not count.
struct CpuTime;

impl Measurement for CpuTime {
    type Intermediate = ThreadTime;
    type Value = Duration;

    fn start(&self) -> ThreadTime {
        ThreadTime::now()
    }

    fn end(&self, start: ThreadTime) -> Duration {
        start.elapsed()
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}
