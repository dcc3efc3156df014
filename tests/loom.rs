//! Every interleaving of what threads share, of the shipped code: `RUSTFLAGS="--cfg loom" cargo test --release --test
//! loom`. Each model drives on one thread and acts from outside on one or two others. Where that is too many to explore,
//! a model says how many preemptions it stops at.
//!
//! loom sees the gate, the bell, a task's flags, a stream's room and the mailbox (as a queue behind a lock); what lies
//! inside crossbeam and async-task is for ThreadSanitizer and miri.
#![cfg(loom)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize as Plain, Ordering};
use std::task::{Context, Poll, Waker};

use futures::{FutureExt, StreamExt};
use loom::sync::atomic::AtomicUsize;
use loom::thread;
use stillpoint::{
    Builder, Emitted, Executor, JoinError, JoinHandle, Operation, Overflow, Reason, Resolver,
    effects,
};

struct Ask;

impl Operation for Ask {
    type Output = Probe;
}

struct Ticks;

impl Operation for Ticks {
    type Output = u32;
}

struct Close;

effects! {
    enum Effect {
        Ask => request Ask,
        Ticks => stream Ticks,
        Close => notify Close,
    }
}

/// Counts how many of its kind there are. The count is none of the model's business, so loom does not see it.
struct Probe(Arc<Plain>);

impl Probe {
    fn new(alive: &Arc<Plain>) -> Self {
        alive.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(alive))
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn alive(count: &Plain) -> usize {
    count.load(Ordering::SeqCst)
}

/// Explores every interleaving, whatever the environment says of a bound.
fn explore(model: impl Fn() + Send + Sync + 'static) {
    explore_within(None, model);
}

/// Explores every interleaving with at most so many preemptions.
fn explore_within(preemptions: Option<usize>, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    builder.check(model);
}

/// An executor whose bell counts its rings.
fn with_bell() -> (Executor<Effect>, Arc<AtomicUsize>) {
    built_with_bell(Executor::builder())
}

fn built_with_bell(builder: Builder<Effect>) -> (Executor<Effect>, Arc<AtomicUsize>) {
    let rings = Arc::new(AtomicUsize::new(0));
    let bell = Arc::clone(&rings);
    let executor = builder
        .on_ready(move || {
            bell.fetch_add(1, Ordering::SeqCst);
        })
        .build();
    (executor, rings)
}

fn result<T>(mut task: JoinHandle<T>) -> Option<Result<T, JoinError>> {
    match task.poll_unpin(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    }
}

/// A task that waits for one answer, with the shell's end of it.
fn asking(
    executor: &mut Executor<Effect>,
    alive: &Arc<Plain>,
) -> (JoinHandle<bool>, Resolver<Ask>) {
    let shell = executor.shell();
    let held = Probe::new(alive);
    let task = executor.spawner().spawn(async move {
        let answer = shell.request(Ask).await;
        drop(held);
        answer.is_ok()
    });
    executor.run_until_stalled();
    match executor.drain().next() {
        Some(Emitted::Effect(Effect::Ask(request))) => (task, request.resolver),
        _ => unreachable!(),
    }
}

#[test]
fn work_that_arrives_as_a_turn_ends_is_run_or_rung_for() {
    explore(|| {
        let (mut executor, rings) = with_bell();
        let spawner = executor.spawner();
        let other = thread::spawn(move || spawner.spawn(async {}));
        let mut done = executor.run_until_stalled().completed;
        let task = other.join().unwrap();
        let heard = rings.load(Ordering::SeqCst);
        assert!(heard <= 1, "one spawn rang {heard} times");
        if done == 0 {
            assert_eq!(heard, 1, "the task waits and nobody was told");
            done = executor.run_until_stalled().completed;
        }
        assert_eq!(done, 1);
        drop(task);
    });
}

#[test]
fn two_senders_ring_an_idle_executor_once() {
    explore(|| {
        let (mut executor, rings) = with_bell();
        let senders: Vec<_> = (0..2)
            .map(|_| {
                let spawner = executor.spawner();
                thread::spawn(move || drop(spawner.spawn(async {})))
            })
            .collect();
        for sender in senders {
            sender.join().unwrap();
        }
        assert_eq!(rings.load(Ordering::SeqCst), 1);
        assert_eq!(executor.run_until_stalled().completed, 2);
        drop(executor.spawner().spawn(async {}));
        assert_eq!(rings.load(Ordering::SeqCst), 2, "it is armed again");
    });
}

#[test]
fn who_awaits_the_next_emission_is_woken_for_it() {
    explore(|| {
        let mut executor = Executor::<Effect>::new();
        let shell = executor.shell();
        let other = thread::spawn(move || shell.notify(Close).is_ok());
        let emitted = loom::future::block_on(executor.next());
        assert!(matches!(emitted, Emitted::Effect(Effect::Close(_))));
        assert!(other.join().unwrap());
    });
}

#[test]
fn a_spawn_against_a_teardown_is_refused_or_dropped_by_it() {
    explore(|| {
        let count = Arc::new(Plain::new(0));
        let executor = Executor::<Effect>::new();
        let spawner = executor.spawner();
        let held = Probe::new(&count);
        let other = thread::spawn(move || spawner.try_spawn(async move { drop(held) }));
        let report = executor.teardown();
        let in_core = alive(&count);
        match other.join().unwrap() {
            Ok(task) => {
                assert!(alive(&count) == 0 && result(task).unwrap().unwrap_err().is_torn_down());
                assert_eq!(
                    in_core, 0,
                    "its future was dropped after the teardown had returned"
                );
            }
            Err(rejected) => {
                assert_eq!(alive(&count), 1);
                drop(rejected.into_inner());
                assert_eq!(alive(&count), 0);
            }
        }
        report.assert_baseline();
        assert!(report.is_unloadable());
    });
}

#[test]
fn a_notification_against_a_teardown_is_delivered_or_given_back() {
    explore(|| {
        let executor = Executor::<Effect>::new();
        let shell = executor.shell();
        let other = thread::spawn(move || shell.notify(Close).is_ok());
        let report = executor.teardown();
        let accepted = other.join().unwrap();
        assert_eq!(report.emitted.len(), usize::from(accepted));
        report.assert_baseline();
    });
}

#[test]
fn an_answer_against_a_teardown_is_given_back_or_dropped_by_it() {
    explore(|| {
        let (futures, answers) = (Arc::new(Plain::new(0)), Arc::new(Plain::new(0)));
        let mut executor = Executor::<Effect>::new();
        let (task, resolver) = asking(&mut executor, &futures);
        let answer = Probe::new(&answers);
        let other = thread::spawn(move || resolver.resolve(answer));
        let report = executor.teardown();
        let (futures_left, answers_left) = (alive(&futures), alive(&answers));
        assert_eq!(futures_left, 0);
        match other.join().unwrap() {
            Ok(()) => assert_eq!(answers_left, 0, "an accepted answer outlived the teardown"),
            Err(error) => assert_eq!((error.reason(), alive(&answers)), (Reason::TornDown, 1)),
        }
        assert!(
            matches!(report.emitted[..], [Emitted::Cancelled(_)]),
            "the shell must hear of it"
        );
        report.assert_baseline();
        drop(task);
    });
}

#[test]
fn an_answer_against_an_abort_ends_the_task_in_one_way() {
    explore(|| {
        let (futures, answers) = (Arc::new(Plain::new(0)), Arc::new(Plain::new(0)));
        let mut executor = Executor::<Effect>::new();
        let (task, resolver) = asking(&mut executor, &futures);
        let answer = Probe::new(&answers);
        let other = thread::spawn(move || resolver.resolve(answer).is_ok());
        task.abort();
        executor.run_until_stalled();
        assert!(other.join().unwrap());
        executor.run_until_stalled();
        assert!(task.is_finished() && result(task).unwrap().unwrap_err().is_aborted());
        assert_eq!((alive(&futures), alive(&answers)), (0, 0));
        assert_eq!(executor.drain().count(), 1, "one notice");
        executor.teardown().assert_baseline();
    });
}

#[test]
fn a_resolver_dropped_against_a_teardown_harms_nothing() {
    explore(|| {
        let futures = Arc::new(Plain::new(0));
        let mut executor = Executor::<Effect>::new();
        let (task, resolver) = asking(&mut executor, &futures);
        let other = thread::spawn(move || drop(resolver));
        let report = executor.teardown();
        assert_eq!(alive(&futures), 0);
        other.join().unwrap();
        drop(task);
        report.assert_baseline();
        assert!(report.is_unloadable());
    });
}

#[test]
fn a_wake_against_a_teardown_is_waited_for() {
    explore(|| {
        let count = Arc::new(Plain::new(0));
        let mut executor = Executor::<Effect>::new();
        let (tell, told) = std::sync::mpsc::channel();
        let held = Probe::new(&count);
        let task = executor.spawner().spawn(async move {
            let _held = held;
            std::future::poll_fn(|cx| {
                let _ = tell.send(cx.waker().clone());
                Poll::<()>::Pending
            })
            .await;
        });
        executor.run_until_stalled();
        let waker = told.recv().unwrap();
        // loom does not see the task's own state; this lets it begin the wake before the teardown as well as after.
        let begun = Arc::new(AtomicUsize::new(0));
        let begin = Arc::clone(&begun);
        let other = thread::spawn(move || {
            begin.store(1, Ordering::SeqCst);
            waker.wake();
        });
        begun.load(Ordering::SeqCst);
        let report = executor.teardown();
        assert_eq!(
            alive(&count),
            0,
            "a future was dropped after the teardown had returned"
        );
        other.join().unwrap();
        assert!(result(task).unwrap().unwrap_err().is_torn_down());
        report.assert_baseline();
        assert!(report.is_unloadable());
    });
}

/// A wake under way has the task in its hands, and no turn waits for it: the task ends by the turn for which it rings.
#[test]
fn an_abort_against_a_wake_ends_the_task_by_the_turn_that_takes_the_wake_in() {
    explore(|| {
        let count = Arc::new(Plain::new(0));
        let (mut executor, rings) = with_bell();
        let (tell, told) = std::sync::mpsc::channel();
        let held = Probe::new(&count);
        let task = executor.spawner().spawn(async move {
            let _held = held;
            std::future::poll_fn(|cx| {
                let _ = tell.send(cx.waker().clone());
                Poll::<()>::Pending
            })
            .await;
        });
        executor.run_until_stalled();
        let waker = told.recv().unwrap();
        // As in `a_wake_against_a_teardown_is_waited_for`.
        let begun = Arc::new(AtomicUsize::new(0));
        let begin = Arc::clone(&begun);
        let other = thread::spawn(move || {
            begin.store(1, Ordering::SeqCst);
            waker.wake();
        });
        begun.load(Ordering::SeqCst);
        task.abort();
        let rung = rings.load(Ordering::SeqCst);
        executor.run_until_stalled();
        let is_left = alive(&count) > 0;
        other.join().unwrap();
        if is_left {
            assert!(
                rings.load(Ordering::SeqCst) > rung,
                "nobody is told of what is left"
            );
            executor.run_until_stalled();
        }
        assert_eq!(alive(&count), 0);
        assert!(result(task).unwrap().unwrap_err().is_aborted());
    });
}

#[test]
fn an_abort_against_the_intake_of_its_task_is_never_lost() {
    explore(|| {
        let mut executor = Executor::<Effect>::new();
        let spawner = executor.spawner();
        let other = thread::spawn(move || {
            let task = spawner.spawn(std::future::pending::<()>());
            task.abort();
            task
        });
        executor.run_until_stalled();
        let task = other.join().unwrap();
        executor.run_until_stalled();
        assert!(
            result(task)
                .expect("the abort was lost")
                .unwrap_err()
                .is_aborted()
        );
    });
}

#[test]
fn a_detach_against_the_intake_of_its_task_is_never_lost() {
    explore(|| {
        let mut executor = Executor::<Effect>::new();
        let spawner = executor.spawner();
        let (tell, told) = std::sync::mpsc::channel();
        let other = thread::spawn(move || {
            drop(spawner.name("stray").spawn(std::future::poll_fn(move |cx| {
                let _ = tell.send(cx.waker().clone());
                Poll::Ready(())
            })));
        });
        executor.run_until_stalled();
        other.join().unwrap();
        executor.run_until_stalled();
        let waker = told.recv().unwrap();
        let report = executor.teardown();
        assert_eq!(
            report.leaks.len(),
            1,
            "a waker is out and no join handle is: {report}"
        );
        drop(waker);
        report.assert_baseline();
    });
}

#[test]
fn two_feeds_of_one_stream_share_its_room() {
    explore(|| {
        let mut executor = Executor::<Effect>::new();
        let shell = executor.shell();
        let task = executor.spawner().spawn(async move {
            shell
                .subscribe(Ticks)
                .overflow(Overflow::Reject(1))
                .collect::<Vec<_>>()
                .await
        });
        executor.run_until_stalled();
        let Some(Emitted::Effect(Effect::Ticks(ticks))) = executor.drain().next() else {
            unreachable!()
        };
        let feed = ticks.feed.clone();
        let other = thread::spawn(move || feed.send(1).is_ok());
        let mine = ticks.feed.send(2).is_ok();
        let theirs = other.join().unwrap();
        assert!(
            mine != theirs,
            "room for one, and {mine} and {theirs} were taken"
        );
        drop(ticks);
        executor.run_until_stalled();
        assert_eq!(result(task).unwrap().unwrap(), [if mine { 2 } else { 1 }]);
        executor.teardown().assert_baseline();
    });
}

#[test]
fn two_feeds_that_end_one_stream_end_it_after_what_was_sent() {
    // Two senders of two messages against two turns: without a bound it takes longer than anybody waits.
    explore_within(Some(3), || {
        let mut executor = Executor::<Effect>::new();
        let shell = executor.shell();
        let task = executor
            .spawner()
            .spawn(async move { shell.subscribe(Ticks).collect::<Vec<_>>().await });
        executor.run_until_stalled();
        let Some(Emitted::Effect(Effect::Ticks(ticks))) = executor.drain().next() else {
            unreachable!()
        };
        let feed = ticks.feed.clone();
        let other = thread::spawn(move || {
            feed.send(1).unwrap();
        });
        ticks.feed.send(2).unwrap();
        drop(ticks);
        executor.run_until_stalled();
        other.join().unwrap();
        executor.run_until_stalled();
        let mut items = result(task).expect("the last feed is gone").unwrap();
        items.sort_unstable();
        assert_eq!(items, [1, 2]);
    });
}

/// A spawn from another thread against a close: the token's word decides, and whoever waits for the close waits for what
/// was accepted before it.
#[test]
fn a_spawn_against_a_close_is_refused_or_ends_by_it_and_is_waited_for() {
    explore(|| {
        let futures = Arc::new(Plain::new(0));
        let mut executor = Executor::<Effect>::new();
        let scope = executor.spawner().scope();
        let spawner = scope.spawner();
        executor.run_until_stalled();
        let held = Probe::new(&futures);
        let other = thread::spawn(move || {
            spawner
                .try_spawn(async move {
                    let _held = held;
                    std::future::pending::<()>().await;
                })
                .ok()
        });
        // In a turn, so that the close overtakes what is in the mailbox.
        let closing = executor.spawn(async move { scope.close().await.tasks });
        executor.run_until_stalled();
        let was_over = closing.is_finished();
        let alive_then = alive(&futures);
        let task = other.join().unwrap();
        executor.run_until_stalled();
        let tasks = result(closing).expect("the close is over").unwrap();
        assert_eq!(tasks, usize::from(task.is_some()));
        if let Some(task) = task {
            assert!(!was_over || alive_then == 0, "it was not waited for");
            assert!(
                result(task)
                    .expect("it has ended")
                    .unwrap_err()
                    .is_aborted()
            );
        }
        assert_eq!(alive(&futures), 0);
        executor.teardown().assert_baseline();
    });
}

/// The news of a scope and the close of the one around it, from two threads.
#[test]
fn a_scope_that_is_made_against_the_close_of_the_one_around_it_is_closed_with_it() {
    explore(|| {
        let mut executor = Executor::<Effect>::new();
        let outer = executor.spawner().scope();
        let spawner = outer.spawner();
        executor.run_until_stalled();
        let other = thread::spawn(move || spawner.scope());
        let closing = executor.spawn(async move { outer.close().await.scopes });
        executor.run_until_stalled();
        let inner = other.join().unwrap();
        assert!(inner.is_closed() && inner.try_spawn(async {}).is_err());
        executor.run_until_stalled();
        assert!(result(closing).expect("the close is over").is_ok());
        drop(inner);
        executor.run_until_stalled();
        let report = executor.teardown();
        report.assert_baseline();
        assert!(report.is_unloadable());
    });
}

/// The same where the host comes by the bell alone: whoever awaits the close waits for the scope's news too.
#[test]
fn a_scope_that_is_made_against_the_close_of_the_one_around_it_is_rung_for() {
    explore(|| {
        let (mut executor, rings) = with_bell();
        let outer = executor.spawner().scope();
        let spawner = outer.spawner();
        executor.run_until_stalled();
        let other = thread::spawn(move || spawner.scope());
        let closing = executor.spawn(async move { outer.close().await.scopes });
        let heard = rings.load(Ordering::SeqCst);
        executor.run_until_stalled();
        let inner = other.join().unwrap();
        if !closing.is_finished() {
            assert!(rings.load(Ordering::SeqCst) > heard, "nobody was rung for");
            executor.run_until_stalled();
        }
        assert!(result(closing).expect("the close is over").is_ok());
        drop(inner);
    });
}

/// A notification against the host's takes, while a request waits for a place in the outbox: whoever has not got the place
/// is told at once, or rung for when it is free.
#[test]
fn a_notification_against_a_request_that_waits_loses_neither_a_place_nor_a_ring() {
    // Each place that is handed on is a turn more: without a bound it takes minutes.
    explore_within(Some(3), || {
        let (mut executor, rings) = built_with_bell(Executor::builder().outbox_capacity(1));
        let shell = executor.shell();
        drop(executor.spawn({
            let shell = shell.clone();
            async move {
                futures::join!(shell.request(Ask), shell.request(Ask))
                    .0
                    .is_ok()
            }
        }));
        let told = shell.clone();
        let other = thread::spawn(move || told.notify(Close).is_ok());
        let (mut served, mut asked, mut closed) = (0, 0, 0);
        // By the bell alone: a look where nothing was rung for would make up for a ring that was lost.
        let mut serve = |executor: &mut Executor<Effect>| {
            loop {
                let heard = rings.load(Ordering::SeqCst);
                if std::mem::replace(&mut served, heard) == heard {
                    return (asked, closed);
                }
                executor.run_until_stalled();
                while let Some(emitted) = executor.drain().next() {
                    match emitted {
                        Emitted::Effect(Effect::Ask(request)) => {
                            asked += 1;
                            std::mem::forget(request);
                        }
                        Emitted::Effect(Effect::Close(_)) => closed += 1,
                        _ => unreachable!(),
                    }
                }
            }
        };
        serve(&mut executor);
        let was_told = other.join().unwrap();
        assert_eq!(serve(&mut executor), (2, usize::from(was_told)));
        assert!(shell.notify(Close).is_ok(), "a place is lost");
        assert!(shell.notify(Close).is_err(), "there is one too many");
    });
}
