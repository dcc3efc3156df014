//! Crux, issue 577: liveness was inferred from a count beside a flag, and a wake between the two reads evicted a live
//! task.

use std::collections::VecDeque;
use std::future::{pending, poll_fn};
use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;

use stillpoint::Executor;

use crate::broken::live_task_eviction as broken;
use crate::support::*;

/// Wakers that tasks have handed out, and those that were used.
#[derive(Default)]
struct Hands {
    wakers: Mutex<VecDeque<Waker>>,
    handed: AtomicUsize,
    woken: AtomicUsize,
    is_over: AtomicBool,
}

impl Hands {
    fn hand_out(&self, wakers: impl IntoIterator<Item = Waker>) {
        let mut queue = self.wakers.lock().unwrap();
        for waker in wakers {
            queue.push_back(waker);
            self.handed.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Wakes in each way that there is, until it is over.
    fn wake(&self) {
        let mut turn = 0;
        while !self.is_over.load(Ordering::SeqCst) {
            let waker = self.wakers.lock().unwrap().pop_front();
            let Some(waker) = waker else {
                thread::yield_now();
                continue;
            };
            turn += 1;
            match turn % 3 {
                0 => waker.wake(),
                1 => {
                    waker.wake_by_ref();
                    drop(waker);
                }
                _ => {
                    let clone = waker.clone();
                    drop(waker);
                    clone.wake();
                }
            }
            self.woken.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[test]
fn wakes_that_race_with_the_end_of_a_poll_from_many_threads_evict_no_live_task() {
    const TASKS: usize = 8;
    let polls = rounds(20_000, 2_000);
    let hands = Arc::new(Hands::default());
    let mut executor = Executor::<Effect>::new();
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (hands, mut polled) = (Arc::clone(&hands), 0);
            executor.spawner().spawn(poll_fn(move |cx| {
                polled += 1;
                if polled >= polls {
                    return Poll::Ready(task);
                }
                let copies = 1 + polled % 3;
                hands.hand_out((0..copies).map(|_| cx.waker().clone()));
                // So that wakes come before its end, at it and after it.
                (0..polled % 64).for_each(|_| spin_loop());
                Poll::Pending
            }))
        })
        .collect();
    let left = thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| hands.wake());
        }
        loop {
            let woken = hands.woken.load(Ordering::SeqCst);
            let left = executor.run_until_stalled().pending;
            // All wakers that are out were used before that turn, so that it polled whom they wake.
            let is_stuck = hands.handed.load(Ordering::SeqCst) == woken;
            if left == 0 || is_stuck {
                hands.is_over.store(true, Ordering::SeqCst);
                break left;
            }
            thread::yield_now();
        }
    });
    if left > 0 {
        // Its drop would wait for them.
        std::mem::forget(executor);
        panic!("{left} live tasks were woken and not polled");
    }
    let ends: Vec<_> = tasks.into_iter().map(end).collect();
    assert_eq!(ends, (0..TASKS).map(|n| n.to_string()).collect::<Vec<_>>());
    hands.wakers.lock().unwrap().clear();
    executor.teardown().assert_baseline();
}

/// A task that gives its waker away at its first poll and is done at its second.
fn sleeper(trace: &Trace) -> (impl Future<Output = ()> + use<>, Arc<Mutex<Option<Waker>>>) {
    let place = Arc::new(Mutex::new(None));
    let (given, held, trace) = (
        Arc::clone(&place),
        Thing::probe(trace, "task"),
        trace.clone(),
    );
    let mut is_first = true;
    let future = poll_fn(move |cx| {
        let _held = &held;
        trace.push("poll");
        if std::mem::take(&mut is_first) {
            *given.lock().unwrap() = Some(cx.waker().clone());
            Poll::Pending
        } else {
            trace.push("done");
            Poll::Ready(())
        }
    });
    (future, place)
}

/// Uses the waker up on another thread, if it is there.
fn wake_elsewhere(place: &Mutex<Option<Waker>>) {
    thread::scope(|scope| {
        scope.spawn(|| {
            let waker = place.lock().unwrap().take();
            if let Some(waker) = waker {
                waker.wake();
            }
        });
    });
}

#[test]
fn a_wake_between_a_flag_and_a_count_evicts_the_models_live_task() {
    let trace = Trace::new();
    let (future, waker) = sleeper(&trace);
    let mut executor = broken::Executor::default();
    executor.spawn(future);
    executor.run(|| wake_elsewhere(&waker));
    assert_eq!(trace.take(), ["poll", "drop task"], "the model evicts it");
}

#[test]
fn a_wake_after_the_count_does_not() {
    let trace = Trace::new();
    let (future, waker) = sleeper(&trace);
    let mut executor = broken::Executor::default();
    executor.spawn(future);
    executor.run(|| {});
    wake_elsewhere(&waker);
    executor.run(|| {});
    assert_eq!(trace.take(), ["poll", "poll", "done", "drop task"]);
}

#[test]
fn the_same_wake_at_the_end_of_a_poll_wakes_the_task_here() {
    let trace = Trace::new();
    let (future, waker) = sleeper(&trace);
    let mut future = Box::pin(future);
    let mut executor = Executor::<Effect>::new();
    let task = executor.spawner().spawn(poll_fn(move |cx| {
        let polled = future.as_mut().poll(cx);
        // The last that happens in the poll: the waker is used up, and there is no other.
        wake_elsewhere(&waker);
        polled
    }));
    run(&mut executor);
    assert_eq!(trace.take(), ["poll", "poll", "done", "drop task"]);
    assert_eq!(end(task), "()");
    executor.teardown().assert_baseline();
}

#[test]
fn a_task_that_nobody_can_wake_lives_until_somebody_ends_it() {
    let trace = Trace::new();
    let mut executor = Executor::<Effect>::new();
    let held = Thing::probe(&trace, "task");
    let task = executor.spawner().spawn(async move {
        let _held = held;
        pending::<()>().await;
    });
    for _ in 0..3 {
        assert_eq!(executor.run_until_stalled().pending, 1);
    }
    assert_eq!(trace.take(), [""; 0]);
    task.abort();
    assert_eq!(executor.run_until_stalled().pending, 0);
    assert_eq!(trace.take(), ["drop task"]);
    assert_eq!(end(task), "Aborted");
}
