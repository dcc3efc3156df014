//! Rule 5: panics end where they happen.

mod support;

use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use futures::task::{LocalSpawn, Spawn};
use futures::{FutureExt, StreamExt};
use stillpoint::{Executor, JoinHandle, LocalExecutor, Overflow};
use support::*;

/// An executor that traces what `on_panic` is told.
fn told() -> (Executor<Effect>, Trace) {
    let trace = Trace::new();
    let log = trace.clone();
    let executor = Executor::builder()
        .on_panic(move |panic| log.push(format!("told {}", panic.message())))
        .build();
    (executor, trace)
}

/// It still does all that an executor does.
fn assert_goes_on(mut executor: Executor<Effect>) {
    let shell = executor.shell();
    let task = executor
        .spawner()
        .spawn(async move { shell.request(Ask(1)).await });
    run(&mut executor);
    while let Some(emitted) = executor.drain().next() {
        if let stillpoint::Emitted::Effect(Effect::Ask(request)) = emitted {
            request.resolve(2).unwrap();
        }
    }
    run(&mut executor);
    assert_eq!(end(task), "Ok(2)");
    executor.teardown().assert_baseline();
}

#[test]
fn rule_05_a_panic_in_a_poll_ends_that_task_alone() {
    let (mut executor, trace) = told();
    let spawner = executor.spawner();
    let (before, log) = (spawner.spawn(async { 1 }), trace.clone());
    let held = Thing::probe(&trace, "future");
    let bad = spawner.spawn(async move {
        let _held = held;
        log.push("poll");
        panic!("bad");
    });
    let after = spawner.spawn(async { 2 });
    let settled = executor.run_until_stalled();
    assert_eq!((settled.panicked, settled.completed), (1, 2));
    assert_eq!(trace.take(), ["poll", "drop future"]);
    let bad: JoinHandle<()> = bad;
    assert_eq!(
        [end(before), end(bad), end(after)],
        ["1", "panicked bad", "2"]
    );
    run(&mut executor);
    assert_eq!(trace.take(), [""; 0], "its joiner learnt of it");
    assert_goes_on(executor);
}

#[test]
fn rule_05_a_panic_that_nobody_joins_is_told_with_name_and_place() {
    let trace = Trace::new();
    let log = trace.clone();
    let mut executor: Executor<Effect> = Executor::builder()
        .on_panic(move |panic| {
            log.push(format!(
                "{:?} {} {}",
                panic.name,
                panic.place.line(),
                panic.message()
            ));
            log.push(panic.to_string());
            log.push(format!("{panic:?}"));
        })
        .build();
    let spawner = executor.spawner();
    let bad = async { panic!("text {}", 1) };
    let line = line!() + 1;
    drop(spawner.name("bad").spawn(bad));
    drop(spawner.spawn(async { panic_any(5) }));
    run(&mut executor);
    let (file, next) = (file!(), line + 1);
    let texts = [
        format!("task 0.1 \"bad\" ({file}:{line}:30) panicked: text 1"),
        format!("task 1.1 ({file}:{next}:18) panicked: a value that is no text"),
    ];
    assert_eq!(
        trace.take(),
        [
            format!("Some(\"bad\") {line} text 1"),
            texts[0].clone(),
            format!("TaskPanic({})", texts[0]),
            format!("None {next} a value that is no text"),
            texts[1].clone(),
            format!("TaskPanic({})", texts[1]),
        ]
    );
}

#[test]
fn rule_05_a_panic_whose_handle_is_dropped_later_is_told_by_the_next_turn() {
    for within in [false, true] {
        let (mut executor, trace) = told();
        let bad: JoinHandle<()> = executor.spawner().spawn(async { panic!("bad") });
        run(&mut executor);
        assert_eq!(trace.take(), [""; 0]);
        if within {
            drop(executor.spawner().spawn(async move { drop(bad) }));
        } else {
            std::thread::spawn(move || drop(bad)).join().unwrap();
        }
        run(&mut executor);
        assert_eq!(trace.take(), ["told bad"]);
    }
}

#[test]
fn rule_05_done_with_a_panicking_destructor_is_panicked() {
    let (mut executor, trace) = told();
    let bomb = Thing::bomb("destructor");
    let mut output = Some(Thing::probe(&trace, "output"));
    let task = executor.spawner().spawn(poll_fn(move |_| {
        let _ = &bomb;
        Poll::Ready(output.take())
    }));
    let settled = executor.run_until_stalled();
    assert_eq!((settled.panicked, settled.completed), (1, 0));
    assert_eq!(trace.take(), ["drop output"]);
    assert_eq!(end(task), "panicked destructor");
    assert_goes_on(executor);
}

/// A future whose destructor panics, pending for ever.
fn with_bomb(bomb: Thing) -> impl Future<Output = ()> + Send {
    poll_fn(move |_| {
        let _ = &bomb;
        Poll::Pending
    })
}

#[test]
fn rule_05_a_panicking_destructor_of_an_aborted_future_is_told() {
    let (mut executor, trace) = told();
    let task = executor
        .spawner()
        .spawn(with_bomb(Thing::loud_bomb(&trace, "bomb")));
    run(&mut executor);
    task.abort();
    let settled = executor.run_until_stalled();
    assert_eq!((settled.aborted, settled.panicked), (1, 0));
    assert_eq!(trace.take(), ["drop bomb", "told bomb"]);
    assert_eq!(end(task), "Aborted", "the first cause");
    assert_goes_on(executor);
}

#[test]
fn rule_05_a_panic_in_the_poll_and_one_in_the_destructor_are_both_known() {
    let (mut executor, trace) = told();
    let bomb = Thing::loud_bomb(&trace, "second");
    let task = executor.spawner().spawn(poll_fn(move |_| -> Poll<()> {
        let _ = &bomb;
        panic!("first")
    }));
    assert_eq!(executor.run_until_stalled().panicked, 1);
    assert_eq!(trace.take(), ["drop second", "told second"]);
    assert_eq!(end(task), "panicked first");
    assert_goes_on(executor);
}

#[test]
fn rule_05_panicking_destructors_at_teardown_and_at_drop_are_contained() {
    for teardown in [true, false] {
        let (mut executor, trace) = told();
        let spawner = executor.spawner();
        let tasks: Vec<_> = ["a", "b", "c"]
            .map(|name| spawner.spawn(with_bomb(Thing::loud_bomb(&trace, name))))
            .into();
        run(&mut executor);
        drop(spawner.spawn(with_bomb(Thing::loud_bomb(&trace, "unpolled"))));
        if teardown {
            executor.teardown().assert_baseline();
        } else {
            drop(executor);
        }
        let events = trace.take();
        for name in ["a", "b", "c", "unpolled"] {
            assert!(events.contains(&format!("drop {name}")), "{events:?}");
            assert!(events.contains(&format!("told {name}")), "{events:?}");
        }
        assert_eq!(
            tasks.into_iter().map(end).collect::<Vec<_>>(),
            ["TornDown"; 3]
        );
    }
}

#[test]
fn rule_05_a_panicking_destructor_of_a_future_that_is_refused_is_contained() {
    let trace = Trace::new();
    let mut executor: LocalExecutor<Effect> = Executor::builder().max_tasks(1).build_local();
    let (spawner, local) = (executor.spawner(), executor.local_spawner());
    let scope = spawner.scope();
    let inside = scope.spawner();
    drop(scope);
    let future = |name| {
        let held = Thing::loud_bomb(&trace, name);
        async move { drop(held) }
    };
    assert_eq!(end(inside.spawn(future("closed"))), "Aborted");
    drop(executor.spawn(pending::<()>()));
    assert_eq!(end(executor.spawn(future("host"))), "Full");
    assert_eq!(end(spawner.name("named").spawn(future("named"))), "Full");
    assert_eq!(end(spawner.latest(1).spawn(future("latest"))), "Full");
    let refused = local.spawn(future("local")).now_or_never().unwrap();
    assert!(refused.unwrap_err().is_full());
    executor.teardown().assert_baseline();
    assert_eq!(end(spawner.spawn(future("late"))), "TornDown");
    assert!(
        spawner
            .spawn_obj(Box::new(future("object")).into())
            .is_err()
    );
    assert!(
        local
            .spawn_local_obj(Box::new(future("local object")).into())
            .is_err()
    );
    let dropped = [
        "drop closed",
        "drop host",
        "drop named",
        "drop latest",
        "drop local",
        "drop late",
        "drop object",
        "drop local object",
    ];
    assert_eq!(trace.take(), dropped);
}

#[test]
fn rule_05_a_panicking_destructor_of_an_output_is_contained() {
    let (mut executor, trace) = told();
    let spawner = executor.spawner();
    let detached = Thing::loud_bomb(&trace, "detached");
    drop(spawner.spawn(async move { detached }));
    let held = Thing::loud_bomb(&trace, "held");
    let handle = spawner.spawn(async move { held });
    let other = Thing::loud_bomb(&trace, "in a turn");
    let in_turn = spawner.spawn(async move { other });
    assert_eq!(executor.run_until_stalled().completed, 3);
    drop(handle);
    drop(spawner.spawn(async move { drop(in_turn) }));
    run(&mut executor);
    assert_eq!(
        trace.take(),
        ["drop detached", "drop held", "drop in a turn"]
    );
    assert_goes_on(executor);
}

#[test]
fn rule_05_a_panicking_destructor_of_a_payload_is_contained() {
    // Where nobody is told, the executor drops the payload.
    let trace = Trace::new();
    let mut executor = Executor::<Effect>::new();
    let bomb = Thing::loud_bomb(&trace, "payload");
    drop(executor.spawner().spawn(async move { panic_any(bomb) }));
    run(&mut executor);
    assert_eq!(trace.take(), ["drop payload"]);
    // Where the handle is dropped.
    let bomb = Thing::loud_bomb(&trace, "payload of a handle");
    let task: JoinHandle<()> = executor.spawner().spawn(async move { panic_any(bomb) });
    run(&mut executor);
    drop(task);
    run(&mut executor);
    assert_eq!(trace.take(), ["drop payload of a handle"]);
    // A payload of the panic of a payload.
    let log = trace.clone();
    let bomb = Thing::new(move || {
        log.push("outer");
        panic_any(Thing::bomb("inner"))
    });
    drop(executor.spawner().spawn(async move { panic_any(bomb) }));
    run(&mut executor);
    assert_eq!(trace.take(), ["outer"]);
    assert_goes_on(executor);
}

#[test]
fn rule_05_a_panicking_destructor_of_a_payload_at_teardown_is_contained() {
    let trace = Trace::new();
    let mut executor = Executor::<Effect>::new();
    let bomb = Thing::loud_bomb(&trace, "payload");
    let task: JoinHandle<()> = executor.spawner().spawn(async move { panic_any(bomb) });
    run(&mut executor);
    drop(task);
    executor.teardown().assert_baseline();
    assert_eq!(trace.take(), ["drop payload"]);
}

#[test]
fn rule_05_a_payload_that_is_let_go_of_after_teardown_breaks_no_report() {
    let trace = Trace::new();
    let mut executor = Executor::<Effect>::new();
    let bomb = Thing::loud_bomb(&trace, "payload");
    let task: JoinHandle<()> = executor.spawner().spawn(async move { panic_any(bomb) });
    run(&mut executor);
    let report = executor.teardown();
    drop(task);
    assert!(report.is_baseline() && report.is_unloadable());
    assert_eq!(trace.take(), ["drop payload"]);
}

#[test]
fn rule_05_panicking_destructors_of_operations_are_contained() {
    let trace = Trace::new();
    for by_drain in [false, true] {
        let mut executor = Executor::<Effect>::new();
        let slot = Arc::new(Mutex::new(None));
        for name in ["a", "b"] {
            let (shell, bomb, park) = (
                executor.shell(),
                Thing::loud_bomb(&trace, name),
                Arc::clone(&slot),
            );
            drop(executor.spawner().spawn(async move {
                let mut request = shell.request(Swap(bomb));
                let _ = futures::poll!(&mut request);
                park.lock()
                    .unwrap()
                    .get_or_insert_with(Vec::new)
                    .push(request);
            }));
        }
        run(&mut executor);
        drop(slot.lock().unwrap().take());
        assert_eq!(trace.take(), [""; 0]);
        if by_drain {
            assert_eq!(drained(&mut executor), [""; 0]);
        } else {
            run(&mut executor);
        }
        assert_eq!(trace.take(), ["drop a", "drop b"]);
        assert_goes_on(executor);
    }
}

#[test]
fn rule_05_panicking_destructors_of_answers_are_contained() {
    let trace = Trace::new();
    let mut executor = Executor::<Effect>::new();
    let shell = executor.shell();
    let mut requests = Vec::new();
    let task = executor.spawner().spawn(async move {
        let _ = futures::join!(
            shell.request(Swap(Thing::quiet())),
            shell.request(Swap(Thing::quiet())),
            shell.request(Swap(Thing::quiet())),
            shell.request(Ask(1))
        );
    });
    run(&mut executor);
    for _ in 0..3 {
        requests.push(swap(&mut executor));
    }
    let mut requests = requests.into_iter();
    // Unread when it is cancelled; on its way when it is cancelled; after it was cancelled.
    let first = requests.next().unwrap();
    executor
        .resolve(first.resolver, Thing::loud_bomb(&trace, "unread"))
        .unwrap();
    task.abort();
    requests
        .next()
        .unwrap()
        .resolve(Thing::loud_bomb(&trace, "on its way"))
        .unwrap();
    run(&mut executor);
    requests
        .next()
        .unwrap()
        .resolve(Thing::loud_bomb(&trace, "late"))
        .unwrap();
    run(&mut executor);
    let mut events = trace.take();
    events.sort();
    assert_eq!(events, ["drop late", "drop on its way", "drop unread"]);
    assert_goes_on(executor);
}

#[test]
fn rule_05_a_panicking_destructor_of_a_displaced_item_is_not_the_senders() {
    let trace = Trace::new();
    let mut executor = Executor::<Effect>::new();
    let shell = executor.shell();
    let task = executor.spawner().spawn(async move {
        let mut stream = shell.subscribe(Flow).overflow(Overflow::Latest);
        let _ = futures::poll!(stream.next());
        pending::<()>().await;
        drop(stream);
    });
    run(&mut executor);
    let feed = flow(&mut executor).feed;
    executor.send(&feed, Thing::loud_bomb(&trace, "a")).unwrap();
    executor.send(&feed, Thing::loud_bomb(&trace, "b")).unwrap();
    feed.send(Thing::probe(&trace, "c")).unwrap();
    run(&mut executor);
    assert_eq!(trace.take(), ["drop a", "drop b"]);
    task.abort();
    run(&mut executor);
    assert_eq!(trace.take(), ["drop c"]);
    assert_goes_on(executor);
}

#[test]
#[cfg_attr(miri, ignore = "it starts a program")]
fn a_process_of_its_own_that_runs_no_test_is_no_success() {
    let ran = catch_unwind(|| in_own_process("no_test_has_this_name", || {}));
    assert!(ran.is_err());
}

#[test]
fn rule_05_two_panicking_destructors_in_one_stream_do_not_end_the_process() {
    in_own_process(
        "rule_05_two_panicking_destructors_in_one_stream_do_not_end_the_process",
        || {
            let trace = Trace::new();
            let mut executor = Executor::<Effect>::new();
            let shell = executor.shell();
            let task = executor.spawner().spawn(async move {
                let mut stream = shell.subscribe(Flow);
                let _ = futures::poll!(stream.next());
                pending::<()>().await;
                drop(stream);
            });
            run(&mut executor);
            let feed = flow(&mut executor).feed;
            for name in ["a", "b", "c"] {
                feed.send(Thing::loud_bomb(&trace, name)).unwrap();
            }
            run(&mut executor);
            task.abort();
            run(&mut executor);
            assert_eq!(trace.take(), ["drop a", "drop b", "drop c"]);
            assert_goes_on(executor);
        },
    );
}

#[test]
fn rule_05_panicking_destructors_of_notifications_are_contained_at_drop() {
    let trace = Trace::new();
    let executor = Executor::<Effect>::new();
    let shell = executor.shell();
    for name in ["a", "b"] {
        shell.notify(Thing::loud_bomb(&trace, name)).unwrap();
    }
    drop(executor);
    assert_eq!(trace.take(), ["drop a", "drop b"]);
}

#[test]
fn rule_05_a_bell_that_panics_is_contained() {
    let rings = Rings::new();
    let bell = Arc::clone(&rings);
    let mut executor: Executor<Effect> = Executor::builder()
        .on_ready(move || {
            bell.ring();
            panic!("bell");
        })
        .build();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let task = spawner.spawn(async move { shell.request(Ask(1)).await });
    run(&mut executor);
    let request = ask(&mut executor);
    executor.resolve(request.resolver, 3).unwrap();
    run(&mut executor);
    assert_eq!((end(task), rings.count()), ("Ok(3)".into(), 2));
    std::thread::spawn(move || drop(spawner.spawn(async {})))
        .join()
        .unwrap();
    assert_eq!(rings.count(), 3);
    assert_goes_on(executor);
}

#[test]
fn rule_05_a_bell_whose_payload_panics_too_is_contained() {
    let mut executor: Executor<Effect> = Executor::builder()
        .on_ready(|| panic_any(Thing::bomb("payload")))
        .build();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let rung = catch_unwind(AssertUnwindSafe(|| spawner.spawn(async { 1 })));
    let task = rung.expect("spawning does not panic");
    run(&mut executor);
    assert_eq!(end(task), "1");
    let asker = spawner.spawn(async move { shell.request(Ask(1)).await });
    run(&mut executor);
    let request = ask(&mut executor);
    let answered = catch_unwind(AssertUnwindSafe(|| request.resolve(4)));
    assert!(answered.is_ok(), "answering never panics");
    run(&mut executor);
    assert_eq!(end(asker), "Ok(4)");
}

#[test]
fn rule_05_a_bell_with_a_panicking_destructor_is_contained() {
    for payload_panics_too in [false, true] {
        let bomb = Thing::new(move || {
            if payload_panics_too {
                panic_any(Thing::bomb("payload"))
            }
            panic!("bell's own")
        });
        let bomb = Mutex::new(bomb);
        let executor: Executor<Effect> = Executor::builder()
            .on_ready(move || {
                let _ = &bomb;
            })
            .build();
        let torn_down = catch_unwind(AssertUnwindSafe(|| executor.teardown().is_unloadable()));
        assert!(
            torn_down.is_ok_and(|unloadable| unloadable),
            "{payload_panics_too}"
        );
    }
}

#[test]
fn rule_05_a_waker_of_next_that_panics_is_contained() {
    let mut executor = Executor::<Effect>::new();
    let spawner = executor.spawner();
    let waker = waker_that(|| panic!("waker"));
    {
        let mut next = pin!(executor.next());
        assert!(
            next.as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        drop(spawner.spawn(async {}));
    }
    assert_goes_on(executor);
}

#[test]
fn rule_05_a_panic_in_on_panic_is_contained() {
    let rings = Rings::new();
    let calls = Arc::clone(&rings);
    let mut executor: Executor<Effect> = Executor::builder()
        .on_panic(move |panic| {
            calls.ring();
            if calls.count() == 1 {
                panic!("handler of {}", panic.message());
            }
            panic_any(Thing::bomb("payload of the handler"));
        })
        .build();
    for _ in 0..3 {
        drop(executor.spawner().spawn(async { panic!("task") }));
    }
    assert_eq!(executor.run_until_stalled().panicked, 3);
    assert_eq!(rings.count(), 3);
    assert_goes_on(executor);
}

#[test]
fn rule_05_an_on_panic_that_lets_go_of_another_panic_is_told_of_it() {
    let trace = Trace::new();
    let kept = Arc::new(Mutex::new(None::<JoinHandle<()>>));
    let (log, handle) = (trace.clone(), Arc::clone(&kept));
    let mut executor: Executor<Effect> = Executor::builder()
        .on_panic(move |panic| {
            log.push(panic.message());
            let handle = handle.lock().unwrap().take();
            drop(handle);
        })
        .build();
    *kept.lock().unwrap() = Some(executor.spawner().spawn(async { panic!("joined") }));
    drop(executor.spawner().spawn(async { panic!("detached") }));
    run(&mut executor);
    assert_eq!(trace.take(), ["detached", "joined"]);
}

#[test]
fn rule_05_and_it_is_told_of_it_at_teardown_where_no_turn_follows() {
    let trace = Trace::new();
    let kept = Arc::new(Mutex::new(None::<JoinHandle<()>>));
    let (log, handle) = (trace.clone(), Arc::clone(&kept));
    let mut executor: Executor<Effect> = Executor::builder()
        .on_panic(move |panic| {
            log.push(panic.message());
            let handle = handle.lock().unwrap().take();
            drop(handle);
        })
        .build();
    *kept.lock().unwrap() = Some(executor.spawner().spawn(async { panic!("joined") }));
    run(&mut executor);
    drop(
        executor
            .spawner()
            .spawn(with_bomb(Thing::bomb("destructor"))),
    );
    executor.teardown().assert_baseline();
    assert_eq!(trace.take(), ["destructor", "joined"]);
}

#[test]
fn rule_05_an_on_panic_with_a_panicking_destructor_spoils_no_teardown() {
    for teardown in [true, false] {
        let bomb = Mutex::new(Thing::bomb("handler's own"));
        let executor: Executor<Effect> = Executor::builder()
            .on_panic(move |_| {
                let _ = &bomb;
            })
            .build();
        let ended = catch_unwind(AssertUnwindSafe(|| match teardown {
            true => executor.teardown().is_unloadable(),
            false => {
                drop(executor);
                true
            }
        }));
        assert!(
            ended.is_ok_and(|unloadable| unloadable),
            "teardown: {teardown}"
        );
    }
}

#[test]
fn rule_05_on_panic_may_spawn_and_notify() {
    let trace = Trace::new();
    type Hands = Arc<Mutex<Option<(stillpoint::Spawner, stillpoint::Shell<Effect>)>>>;
    let hands: Hands = Arc::default();
    let (log, with) = (trace.clone(), Arc::clone(&hands));
    let mut executor: Executor<Effect> = Executor::builder()
        .on_panic(move |_| {
            let hands = with.lock().unwrap();
            let (spawner, shell) = hands.as_ref().unwrap();
            let log = log.clone();
            drop(spawner.spawn(async move { log.push("spawned") }));
            shell.notify(Say("panicked")).unwrap();
        })
        .build();
    *hands.lock().unwrap() = Some((executor.spawner(), executor.shell()));
    drop(executor.spawner().spawn(async { panic!() }));
    assert_eq!(executor.run_until_stalled().completed, 1);
    assert_eq!(trace.take(), ["spawned"]);
    assert_eq!(drained(&mut executor), ["say panicked"]);
    *hands.lock().unwrap() = None;
    executor.teardown().assert_baseline();
}

#[test]
fn rule_05_a_combinators_waker_that_panics_is_not_the_answerers() {
    let mut executor = Executor::<Effect>::new();
    let shell = executor.shell();
    let task = executor.spawner().spawn(async move {
        let mut request = shell.request(Ask(1));
        let mut stream = shell.subscribe(Ticks(1));
        {
            let waker = waker_with(Thing::bomb("waker's destructor"), || panic!("waker"));
            let cx = &mut Context::from_waker(&waker);
            assert!(request.poll_unpin(cx).is_pending());
            assert!(stream.poll_next_unpin(cx).is_pending());
        }
        pending::<()>().await;
        drop((request, stream));
    });
    run(&mut executor);
    let (request, feed) = (ask(&mut executor), ticks(&mut executor).feed);
    executor.resolve(request.resolver, 2).unwrap();
    executor.send(&feed, 3).unwrap();
    feed.send(4).unwrap();
    assert_eq!(executor.run_until_stalled().pending, 1);
    task.abort();
    run(&mut executor);
    assert_eq!(end(task), "Aborted");
    assert_goes_on(executor);
}

#[test]
fn rule_05_an_executor_that_is_dropped_by_a_panic_contains_its_futures() {
    in_own_process(
        "rule_05_an_executor_that_is_dropped_by_a_panic_contains_its_futures",
        || {
            let trace = Trace::new();
            let log = trace.clone();
            let outer = catch_unwind(AssertUnwindSafe(move || {
                let mut executor = Executor::<Effect>::new();
                drop(
                    executor
                        .spawner()
                        .spawn(with_bomb(Thing::loud_bomb(&log, "polled"))),
                );
                run(&mut executor);
                drop(
                    executor
                        .spawner()
                        .spawn(with_bomb(Thing::loud_bomb(&log, "unpolled"))),
                );
                executor
                    .shell()
                    .notify(Thing::loud_bomb(&log, "notification"))
                    .unwrap();
                panic!("the host");
            }));
            assert!(outer.is_err());
            let mut events = trace.take();
            events.sort();
            assert_eq!(
                events,
                ["drop notification", "drop polled", "drop unpolled"]
            );
        },
    );
}

#[test]
fn rule_05_local_tasks_are_contained_as_well() {
    let trace = Trace::new();
    let log = trace.clone();
    let mut executor: LocalExecutor<Effect> = Executor::builder()
        .on_panic(move |panic| log.push(format!("told {}", panic.message())))
        .build_local();
    let spawner = executor.local_spawner();
    let bad = spawner.spawn(async { panic!("bad") as std::rc::Rc<()> });
    drop(spawner.spawn(async { panic!("detached") as std::rc::Rc<()> }));
    let aborted = spawner.spawn(with_bomb(Thing::bomb("destructor")));
    let output = Thing::bomb("output");
    drop(spawner.spawn(async move { output }));
    assert_eq!(executor.run_until_stalled().panicked, 2);
    aborted.abort();
    let _ = executor.run_until_stalled();
    assert_eq!(trace.take(), ["told detached", "told destructor"]);
    assert!(bad.now_or_never().unwrap().unwrap_err().is_panicked());
    drop(spawner.spawn(with_bomb(Thing::bomb("at teardown"))));
    executor.teardown().assert_baseline();
    assert_eq!(trace.take(), ["told at teardown"]);
}

#[test]
fn rule_05_a_panicking_decoder_of_the_users_in_a_task_leaves_its_requests_freed() {
    let mut executor = Executor::<Effect>::new();
    let shell = executor.shell();
    let task = executor.spawner().spawn(async move {
        let mut other = shell.request(Ask(2));
        let _ = futures::poll!(&mut other);
        let answer = shell.request(Ask(1)).await;
        assert!(answer.is_err(), "decoding");
    });
    run(&mut executor);
    let (other, request) = (ask(&mut executor), ask(&mut executor));
    request.resolve(1).unwrap();
    run(&mut executor);
    assert_eq!(end(task), "panicked decoding");
    assert_eq!(drained(&mut executor), ["cancelled"]);
    drop(other);
    assert_goes_on(executor);
}
