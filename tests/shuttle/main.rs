//! Random schedules of everything at once, of the shipped code: `RUSTFLAGS="--cfg shuttle" cargo test --release --test
//! shuttle`. One thread drives. Four others spawn, wake, answer, abort, feed, tell and let go, as chance has it, of one
//! stock; in the midst of it the executor may be torn down or dropped. Where `tests/loom.rs` explores every interleaving
//! of two or three threads, this draws from the far larger number of those of five.
//!
//! shuttle sees what loom sees: the gate, the bell, a task's flags, a stream's room and the mailbox (as a queue behind a
//! lock). What lies inside crossbeam and async-task it does not see, nor an `Arc`'s count, and it takes every atomic for
//! sequentially consistent: those are for ThreadSanitizer, miri and loom.
//!
//! The schedule of a failure is printed as a string. `STILLPOINT_SCHEDULE=<string>` plays it again, given with the name of
//! the test that failed. The schedules are the same in each run: `SHUTTLE_RANDOM_SEED=<number>` chooses others, and
//! `STILLPOINT_SCHEDULES=<number>` how many a test makes in each of its two ways.
#![cfg(shuttle)]

mod core;
mod outside;
mod world;

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::task::{Context, Poll, Waker};

use futures::channel::mpsc;
use futures::{FutureExt, StreamExt};
use shuttle::rand::{Rng, thread_rng};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Runner, future, thread};
use stillpoint::{Emitted, Executor, Outstanding, Teardown};

use crate::core::Core;
use crate::world::{Done, Effect, Held, World};

/// Those that act from outside, beside the one that drives.
const THREADS: usize = 4;

/// One more than the preemptions in a schedule of the second way.
const DEPTH: usize = 5;

const SEED: u64 = 0x5eed;

fn below(end: usize) -> usize {
    thread_rng().gen_range(0..end)
}

/// Runs a model under many schedules: in one way any thread may be next at each step, in the other few steps, chosen at
/// random, take the turn from a thread that could go on. Each finds what the other seldom does.
fn explore(has_bell: bool, drive: Driver) {
    let model = move || play(has_bell, drive);
    let mut config = shuttle::Config::new();
    config.stack_size = 0x4_0000;
    config.silence_warnings = true;
    if let Ok(schedule) = std::env::var("STILLPOINT_SCHEDULE") {
        let scheduler = shuttle::scheduler::ReplayScheduler::new_from_encoded(schedule.trim());
        Runner::new(scheduler, config).run(model);
        return;
    }
    let count = std::env::var("STILLPOINT_SCHEDULES").map_or(10_000, |count| {
        count.parse().expect("STILLPOINT_SCHEDULES is a number")
    });
    let any = RandomScheduler::new_from_seed(SEED, count);
    Runner::new(any, config.clone()).run(model);
    let few = PctScheduler::new_from_seed(SEED, DEPTH, count);
    Runner::new(few, config).run(model);
}

/// What a driver hears that has a bell. It goes by a channel that shuttle does not see: nothing of the model is ordered by
/// it but a driver that waits.
enum Event {
    Rung,
    /// A thread has done all that it does.
    Done,
}

/// What a driver is given.
struct Stage {
    executor: Executor<Effect>,
    world: Arc<World>,
    events: mpsc::UnboundedReceiver<Event>,
    threads: Vec<thread::JoinHandle<()>>,
}

/// Drives the executor to its end, and waits for the threads. Gives the report, if there is one.
type Driver = fn(Stage) -> Option<Teardown<Effect>>;

fn play(has_bell: bool, drive: Driver) {
    let world = Arc::new(World::default());
    let (tell, events) = mpsc::unbounded();
    let told = Arc::clone(&world);
    let mut builder = Executor::builder().on_panic(move |panic| {
        let task: &usize = panic.payload.downcast_ref().unwrap();
        told.books(|books| books.tasks[*task].told_of_panic += 1);
    });
    if has_bell {
        let (ring, world) = (tell.clone(), Arc::clone(&world));
        builder = builder.on_ready(move || {
            world.books(|books| {
                books.rings += 1;
                // Once for the beginning, and once for each turn that has ended.
                books.rang_too_often |= books.rings > books.turns + 1;
            });
            let _ = ring.unbounded_send(Event::Rung);
        });
    }
    if below(3) == 0 {
        // Of the outbox there is no limit: what is told there is what the books go by.
        builder = builder.max_tasks(2 + below(6)).max_requests(1 + below(3));
    }
    let mut executor = builder.build();
    let core = Core {
        world: Arc::clone(&world),
        spawner: executor.spawner(),
        shell: executor.shell(),
    };
    // So that there is a stock to begin with.
    (0..below(4)).for_each(|_| outside::spawn(&core));
    if below(2) == 0 {
        turn(&world, &mut executor);
    }
    let threads = (0..THREADS)
        .map(|from| {
            let (core, tell) = (core.clone(), tell.clone());
            thread::spawn(move || {
                let acts = 1 + below(4);
                (0..acts).for_each(|number| outside::act(&core, from, number));
                // Without a bell by the executor, since whatever else woke the driver would make up for a lost wake.
                if has_bell {
                    let _ = tell.unbounded_send(Event::Done);
                } else {
                    core.shell.notify(Done).unwrap_or_else(|_| unreachable!());
                }
            })
        })
        .collect();
    drop(core);
    let mut report = drive(Stage {
        executor,
        world: Arc::clone(&world),
        events,
        threads,
    });

    join_tasks(&world);
    drop(world.stock(std::mem::take));
    if let Some(report) = &mut report {
        for emitted in std::mem::take(&mut report.emitted) {
            world.take_in(emitted, false);
        }
        report.assert_baseline();
        assert!(report.is_unloadable(), "something is out: {report:?}");
    }
    world.check(report.map(|report| report.totals));
}

/// Takes a turn, and in what comes of it. It does not look where there is nothing: a look takes messages in, and so would
/// make up for a ring that was lost.
fn turn(world: &World, executor: &mut Executor<Effect>) {
    world.books(|books| books.turns += 1);
    let settled = executor.run_until_stalled();
    let has_emitted = world.books(|books| {
        // Who waited may have had a place by this turn.
        let has_waited = std::mem::replace(&mut books.waiting, settled.waiting) > 0;
        std::mem::take(&mut books.has_emitted) || has_waited
    });
    if has_emitted {
        drain(world, executor);
    }
}

fn drain(world: &World, executor: &mut Executor<Effect>) {
    while let Some(emitted) = executor.drain().next() {
        world.take_in(emitted, true);
    }
}

/// Joins the tasks that are in stock, each of which has ended by now.
fn join_tasks(world: &World) {
    let tasks = world.stock(|stock| std::mem::take(&mut stock.tasks));
    for Held {
        number, mut handle, ..
    } in tasks
    {
        match handle.poll_unpin(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(end) => world.joined(number, &end),
            Poll::Pending => panic!("task {number} has no end"),
        }
    }
}

fn join(threads: Vec<thread::JoinHandle<()>>) {
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
}

/// The end of a model in which every task was let run to its end.
fn end_at_rest(stage: Stage) -> Option<Teardown<Effect>> {
    let Stage {
        mut executor,
        world,
        threads,
        ..
    } = stage;
    join(threads);
    join_tasks(&world);
    let polled = executor.run_until_stalled().polled;
    assert_eq!(polled, 0, "a task was not rung for");
    drain(&world, &mut executor);
    world.books(|books| books.is_at_rest = true);
    let report = executor.teardown();
    world.is_over.store(true, SeqCst);
    assert_eq!(
        (report.tasks, report.requests, report.emitted.len()),
        (0, 0, 0)
    );
    assert_eq!(report.outstanding, Outstanding::default());
    Some(report)
}

/// A few turns while the threads are at it, and some of what comes of them.
fn begin(stage: &mut Stage) {
    for _ in 0..below(5) {
        turn(&stage.world, &mut stage.executor);
    }
}

#[test]
fn who_turns_when_the_bell_rings_brings_everything_to_its_end() {
    explore(true, |mut stage| {
        let (mut done, world) = (0, Arc::clone(&stage.world));
        while done < THREADS || world.is_busy() {
            if done == THREADS {
                outside::settle(&world);
            }
            // Where a ring was lost, nothing ever comes, which shuttle reports.
            match future::block_on(stage.events.next()).unwrap() {
                Event::Rung => turn(&world, &mut stage.executor),
                Event::Done => done += 1,
            }
        }
        outside::settle(&world);
        end_at_rest(stage)
    });
}

#[test]
fn who_awaits_the_next_emission_brings_everything_to_its_end() {
    explore(false, |mut stage| {
        let (mut done, world) = (0, Arc::clone(&stage.world));
        while done < THREADS || world.is_busy() {
            if done == THREADS {
                outside::settle(&world);
            }
            let emitted = future::block_on(stage.executor.next());
            done += usize::from(matches!(emitted, Emitted::Effect(Effect::Done(_))));
            world.take_in(emitted, true);
        }
        outside::settle(&world);
        end_at_rest(stage)
    });
}

#[test]
fn a_teardown_in_the_midst_of_it_releases_everything_that_was_accepted() {
    explore(true, |mut stage| {
        begin(&mut stage);
        let report = stage.executor.teardown();
        stage.world.is_over.store(true, SeqCst);
        join(stage.threads);
        Some(report)
    });
}

#[test]
fn a_drop_in_the_midst_of_it_releases_everything_that_was_accepted() {
    explore(true, |mut stage| {
        begin(&mut stage);
        drop(stage.executor);
        stage.world.is_over.store(true, SeqCst);
        join(stage.threads);
        None
    });
}
