//! Rules 16 to 20 and P1: coming to rest, and what is left.

mod support;

use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use futures::future::join_all;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use stillpoint::{
    Emitted, Executor, JoinHandle, LocalExecutor, Outstanding, Reason, RequestError, Resolver,
    Shell, Spawner, Teardown,
};
use support::*;

/// As [`rounds`], of which miri takes seconds for each.
const fn long_rounds(release: usize, debug: usize) -> usize {
    if cfg!(miri) {
        4
    } else {
        rounds(release, debug)
    }
}

fn unseen(report: &Teardown<Effect>) -> Vec<String> {
    report.emitted.iter().map(describe).collect()
}

/// Spawns a task that holds a thing for ever, and runs it to its first rest.
fn holding(executor: &mut Executor<Effect>, thing: Thing) -> JoinHandle<()> {
    let task = executor.spawner().spawn(poll_fn(move |_| {
        let _ = &thing;
        Poll::Pending
    }));
    run(executor);
    task
}

// --- rule 16 ---

#[test]
fn rule_16_every_future_is_dropped_every_entry_freed_and_the_shell_gets_its_notices() {
    let trace = Trace::new();
    let mut executor = Executor::<Effect>::new();
    for (number, name) in ["a", "b", "c"].into_iter().enumerate() {
        let (shell, held) = (executor.shell(), Thing::probe(&trace, name));
        drop(executor.spawner().spawn(async move {
            let _held = held;
            let _ = shell.request(Ask(number as u32)).await;
        }));
    }
    run(&mut executor);
    let taken = [ask(&mut executor), ask(&mut executor)];
    let shell = executor.shell();
    shell.notify(Say("waiting")).unwrap();
    let report = executor.teardown();
    report.assert_baseline();
    assert_eq!(trace.take(), ["drop a", "drop b", "drop c"]);
    assert_eq!((report.tasks, report.requests, report.messages), (3, 3, 1));
    let ids: Vec<_> = report
        .emitted
        .iter()
        .filter_map(|emitted| match emitted {
            Emitted::Cancelled(id) => Some(*id),
            Emitted::Effect(_) => None,
        })
        .collect();
    assert_eq!(ids, taken.each_ref().map(|request| request.id()));
    assert_eq!(
        unseen(&report),
        ["say waiting", "cancelled", "cancelled"],
        "no untaken effect"
    );
}

#[test]
fn rule_16_spawning_and_asking_are_closed_and_what_was_rejected_is_given_back() {
    let executor = Executor::<Effect>::new();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    executor.teardown().assert_baseline();
    assert_eq!(
        spawner
            .try_spawn(async { 4 })
            .unwrap_err()
            .into_inner()
            .now_or_never(),
        Some(4)
    );
    let rejected = shell.notify(Say("late")).unwrap_err();
    assert!(rejected.is_closed());
    assert_eq!(rejected.into_inner(), Say("late"));
    assert_eq!(
        shell.request(Ask(1)).now_or_never(),
        Some(Err(RequestError::Closed))
    );
    assert_eq!(
        format!("{spawner:?} {shell:?}"),
        "Spawner(closed) Shell(closed)"
    );
}

#[test]
fn rule_16_a_destructor_is_heard_until_the_last_future_is_dropped() {
    let mut executor = Executor::<Effect>::new();
    for word in ["close a", "close b"] {
        let shell = executor.shell();
        let close = Thing::new(move || shell.notify(Say(word)).unwrap());
        drop(holding(&mut executor, close));
    }
    let report = executor.teardown();
    assert_eq!(unseen(&report), ["say close a", "say close b"]);
}

#[test]
fn rule_16_a_destructor_on_another_thread_is_heard_too() {
    let mut executor = Executor::<Effect>::new();
    let shell = executor.shell();
    let close = Thing::new(move || {
        std::thread::spawn(move || shell.notify(Say("close")).unwrap())
            .join()
            .unwrap();
    });
    drop(holding(&mut executor, close));
    assert_eq!(unseen(&executor.teardown()), ["say close"]);
}

#[test]
fn rule_16_a_future_that_was_never_polled_is_dropped_and_heard() {
    let executor = Executor::<Effect>::new();
    let shell = executor.shell();
    let close = Thing::new(move || shell.notify(Say("close")).unwrap());
    let task = executor.spawner().spawn(async move { drop(close) });
    let report = executor.teardown();
    assert_eq!(
        (report.tasks, unseen(&report)),
        (1, vec!["say close".to_string()])
    );
    assert_eq!(end(task), "TornDown");
}

/// Tasks are made ready for their end by the thousand.
#[test]
fn rule_16_many_tasks_end_in_the_order_of_their_spawns_and_their_notices_are_in_that_order() {
    const MANY: u32 = if cfg!(miri) { 1_030 } else { 3_000 };
    let ended = Arc::new(Mutex::new(Vec::new()));
    let mut executor = Executor::<Effect>::new();
    for number in 0..MANY {
        let (shell, ended) = (executor.shell(), Arc::clone(&ended));
        drop(executor.spawn(async move {
            let _held = Thing::new(move || ended.lock().unwrap().push(number));
            let _ = shell.request(Ask(number)).await;
        }));
    }
    run(&mut executor);
    let taken = asks(&mut executor);
    let ids: Vec<_> = taken.iter().map(|request| request.id()).collect();
    let report = executor.teardown();
    report.assert_baseline();
    assert_eq!((report.tasks, report.requests), (MANY as usize, ids.len()));
    assert!(ended.lock().unwrap().iter().copied().eq(0..MANY));
    let cancelled = report.emitted.iter().map(|emitted| match emitted {
        Emitted::Cancelled(id) => *id,
        Emitted::Effect(_) => panic!("the shell has all of them"),
    });
    assert!(cancelled.eq(ids));
}

#[test]
fn rule_16_it_repeats_until_drops_cause_no_more() {
    let trace = Trace::new();
    let mut executor = Executor::<Effect>::new();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    // A destructor drops the request of a future outside every task, whose operation's destructor notifies.
    let slot = Arc::new(Mutex::new(None));
    let (park, asking, telling) = (Arc::clone(&slot), shell.clone(), shell.clone());
    let log = trace.clone();
    let operation = Thing::new(move || {
        log.push("operation");
        telling.notify(Say("from an operation")).unwrap();
    });
    drop(spawner.spawn(async move {
        let mut request = asking.request(Swap(operation));
        let _ = futures::poll!(&mut request);
        *park.lock().unwrap() = Some(request);
    }));
    run(&mut executor);
    let last = Thing::new(move || drop(slot.lock().unwrap().take()));
    drop(holding(&mut executor, last));
    let report = executor.teardown();
    assert_eq!(trace.take(), ["operation"]);
    assert_eq!(unseen(&report), ["say from an operation"]);
    report.assert_baseline();
    assert!(!report.is_unloadable());
    drop((spawner, shell));
    assert!(report.is_unloadable());
}

#[test]
fn rule_16_what_a_destructor_asks_in_a_teardown_is_closed() {
    let trace = Trace::new();
    let mut executor = Executor::<Effect>::new();
    let (spawner, shell, log) = (executor.spawner(), executor.shell(), trace.clone());
    let thing = Thing::new(move || {
        log.push(format!("{:?}", shell.request(Ask(1)).now_or_never()));
        let mut stream = shell.subscribe(Ticks(1));
        log.push(format!("{:?}", stream.next().now_or_never()));
        log.push(format!("{:?}", stream.ended_by()));
        log.push(format!("{} {}", spawner.is_closed(), shell.is_closed()));
        log.push(format!("{spawner:?} {shell:?}"));
        log.push(format!("{:?}", spawner.try_spawn(async {}).map(drop)));
        log.push(end(spawner.spawn(async {})));
    });
    drop(holding(&mut executor, thing));
    let report = executor.teardown();
    assert_eq!(
        trace.take(),
        [
            "Some(Err(Closed))",
            "Some(None)",
            "Some(Err(Closed))",
            "true true",
            "Spawner(closing) Shell(closing)",
            "Err(Rejected(Closed))",
            "TornDown"
        ]
    );
    assert_eq!(unseen(&report), [""; 0]);
    report.assert_baseline();
}

// --- rule 17 ---

#[test]
fn rule_17_a_destructor_that_wakes_resolves_aborts_and_joins_does_no_harm() {
    for teardown in [true, false] {
        let trace = Trace::new();
        let mut executor = Executor::<Effect>::new();
        let (spawner, shell) = (executor.spawner(), executor.shell());
        let slot = Arc::new(Mutex::new(None::<Waker>));
        let leave = Arc::clone(&slot);
        let sleeper = spawner.spawn(poll_fn(move |cx| {
            *leave.lock().unwrap() = Some(cx.waker().clone());
            Poll::<()>::Pending
        }));
        let answered = {
            let shell = shell.clone();
            spawner.spawn(async move { shell.request(Ask(1)).await })
        };
        let ended = spawner.spawn(async move { shell.subscribe(Ticks(1)).next().await });
        run(&mut executor);
        let (request, feed) = (ask(&mut executor), ticks(&mut executor).feed);
        let log = trace.clone();
        let thing = Thing::new(move || {
            let waker = slot.lock().unwrap().take().unwrap();
            waker.wake_by_ref();
            std::thread::spawn(move || waker.wake()).join().unwrap();
            log.push(format!(
                "{:?}",
                request.resolve(3).map_err(|e| (e.reason(), e.into_inner()))
            ));
            log.push(format!(
                "{:?}",
                feed.send(4).map_err(|e| (e.reason(), e.into_inner()))
            ));
            log.push(format!("{:?}", feed.end().map_err(|e| e.reason())));
            let _ = sleeper.now_or_never();
            panic!("and panics");
        });
        // It is dropped first, while the others are alive.
        let mut thing = Some(thing);
        let first = spawner.spawn(poll_fn(move |_| {
            let _ = &mut thing;
            Poll::<()>::Pending
        }));
        run(&mut executor);
        if teardown {
            let report = executor.teardown();
            report.assert_baseline();
            assert_eq!(unseen(&report).len(), 2);
        } else {
            drop(executor);
        }
        assert_eq!(
            trace.take(),
            ["Err((TornDown, 3))", "Err((TornDown, 4))", "Err(TornDown)"]
        );
        assert_eq!([end(first), end(answered), end(ended)], ["TornDown"; 3]);
    }
}

#[test]
fn rule_17_a_destructor_that_spawns_what_has_such_a_destructor_does_no_harm() {
    struct Hydra(Spawner, Trace, u32);
    impl Drop for Hydra {
        fn drop(&mut self) {
            self.1.push(format!("head {}", self.2));
            if self.2 < 3 {
                let next = Hydra(self.0.clone(), self.1.clone(), self.2 + 1);
                let task = self.0.spawn(poll_fn(move |_| {
                    let _ = &next;
                    Poll::<()>::Pending
                }));
                assert_eq!(end(task), "TornDown");
            }
        }
    }
    let trace = Trace::new();
    let mut executor = Executor::<Effect>::new();
    let hydra = Hydra(executor.spawner(), trace.clone(), 0);
    drop(executor.spawner().spawn(poll_fn(move |_| {
        let _ = &hydra;
        Poll::<()>::Pending
    })));
    run(&mut executor);
    executor.teardown().assert_baseline();
    assert_eq!(trace.take(), ["head 0", "head 1", "head 2", "head 3"]);
}

#[test]
fn rule_17_a_destructor_that_tears_another_executor_down_does_no_harm() {
    let trace = Trace::new();
    let mut outer = Executor::<Effect>::new();
    let mut inner = Executor::<Effect>::new();
    let (shell, log) = (outer.shell(), trace.clone());
    drop(holding(
        &mut inner,
        Thing::new(move || {
            log.push("inner");
            // From a turn of the inner one into the outer one, by its mailbox.
            shell.notify(Say("from the inner one")).unwrap();
        }),
    ));
    let log = trace.clone();
    drop(holding(
        &mut outer,
        Thing::new(move || {
            inner.teardown().assert_baseline();
            log.push("outer");
        }),
    ));
    let report = outer.teardown();
    assert_eq!(trace.take(), ["inner", "outer"]);
    assert_eq!(unseen(&report), ["say from the inner one"]);
}

#[test]
fn rule_17_no_future_is_dropped_after_it_has_returned_while_others_wake() {
    for _ in 0..long_rounds(3_000, 300) {
        let returned = Arc::new(AtomicBool::new(false));
        let dropped = Arc::new(AtomicUsize::new(0));
        let mut executor = Executor::<Effect>::new();
        let wakers = Arc::new(Mutex::new(Vec::new()));
        for _ in 0..8 {
            let (returned, dropped) = (Arc::clone(&returned), Arc::clone(&dropped));
            let thing = Thing::new(move || {
                assert!(!returned.load(Ordering::SeqCst));
                dropped.fetch_add(1, Ordering::SeqCst);
            });
            let wakers = Arc::clone(&wakers);
            drop(executor.spawner().spawn(poll_fn(move |cx| {
                let _ = &thing;
                let mut wakers = wakers.lock().unwrap();
                if wakers.len() < 8 {
                    wakers.push(cx.waker().clone());
                }
                Poll::<()>::Pending
            })));
        }
        run(&mut executor);
        let wakers = std::mem::take(&mut *wakers.lock().unwrap());
        let go = AtomicBool::new(false);
        let report = std::thread::scope(|scope| {
            for _ in 0..2 {
                let wakers = wakers.clone();
                let (go, returned) = (&go, &returned);
                scope.spawn(move || {
                    while !returned.load(Ordering::SeqCst) {
                        go.store(true, Ordering::SeqCst);
                        wakers.iter().for_each(Waker::wake_by_ref);
                    }
                });
            }
            while !go.load(Ordering::SeqCst) {
                std::hint::spin_loop();
            }
            let report = executor.teardown();
            returned.store(true, Ordering::SeqCst);
            report
        });
        assert_eq!(dropped.load(Ordering::SeqCst), 8);
        assert!(!report.is_baseline(), "the wakers are out");
        drop(wakers);
        report.assert_baseline();
        assert!(report.is_unloadable());
    }
}

/// A value that was accepted is gone when the teardown has returned; one that was rejected is the sender's.
fn accepted(returned: &Arc<AtomicBool>, late: &Arc<AtomicUsize>) -> (Thing, Arc<AtomicBool>) {
    let rejected = Arc::new(AtomicBool::new(false));
    let (returned, late, ours) = (
        Arc::clone(returned),
        Arc::clone(late),
        Arc::clone(&rejected),
    );
    let thing = Thing::new(move || {
        if returned.load(Ordering::SeqCst) && !ours.load(Ordering::SeqCst) {
            late.fetch_add(1, Ordering::SeqCst);
        }
    });
    (thing, rejected)
}

#[test]
fn rule_17_a_burst_from_other_threads_is_taken_or_given_back_and_nothing_is_left() {
    let some = |count: usize| if cfg!(miri) { count / 100 } else { count };
    for round in 0..long_rounds(600, 60) {
        let (returned, late) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicUsize::new(0)),
        );
        let mut executor = Executor::<Effect>::new();
        let (spawner, shell) = (executor.spawner(), executor.shell());
        let asking = shell.clone();
        drop(spawner.spawn(async move {
            let answers = (0..some(200)).map(|_| asking.request(Swap(Thing::quiet())));
            let answers = answers.collect::<FuturesUnordered<_>>();
            answers.for_each(|_| async {}).await;
        }));
        let asking = shell.clone();
        drop(spawner.spawn(async move { asking.subscribe(Flow).for_each(|_| async {}).await }));
        run(&mut executor);
        let (mut requests, mut feed) = (Vec::new(), None);
        for emitted in executor.drain() {
            match emitted {
                Emitted::Effect(Effect::Swap(request)) => requests.push(request),
                Emitted::Effect(Effect::Flow(flow)) => feed = Some(flow.feed),
                other => panic!("{other:?}"),
            }
        }
        let feed = feed.unwrap();
        let (told, started) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let (report, drained) = std::thread::scope(|scope| {
            let (returned_, late_, told, started) = (&returned, &late, &told, &started);
            scope.spawn(move || {
                for _ in 0..some(4_000) {
                    started.fetch_add(1, Ordering::SeqCst);
                    match shell.notify(Say("told")) {
                        Ok(()) => told.fetch_add(1, Ordering::SeqCst),
                        Err(rejected) => {
                            assert!(rejected.is_closed());
                            break;
                        }
                    };
                }
            });
            scope.spawn(move || {
                for _ in 0..some(2_000) {
                    let (thing, rejected) = accepted(returned_, late_);
                    let spawned = spawner.try_spawn(async move {
                        let _thing = thing;
                        pending::<()>().await
                    });
                    if let Err(refused) = spawned {
                        rejected.store(true, Ordering::SeqCst);
                        drop(refused);
                        break;
                    }
                }
            });
            scope.spawn(move || {
                for request in requests {
                    let (thing, rejected) = accepted(returned_, late_);
                    if let Err(error) = request.resolve(thing) {
                        rejected.store(true, Ordering::SeqCst);
                        assert_eq!(error.reason(), Reason::TornDown);
                    }
                }
                for _ in 0..some(4_000) {
                    let (thing, rejected) = accepted(returned_, late_);
                    if let Err(error) = feed.send(thing) {
                        rejected.store(true, Ordering::SeqCst);
                        assert_eq!(error.reason(), Reason::TornDown);
                        break;
                    }
                }
            });
            while started.load(Ordering::SeqCst) == 0 {
                std::thread::yield_now();
            }
            let mut drained = 0;
            for _ in 0..round % 4 {
                let _ = executor.run_for(50);
                drained += executor.drain().take(10).count();
            }
            let report = executor.teardown();
            returned.store(true, Ordering::SeqCst);
            (report, drained)
        });
        assert_eq!(
            late.load(Ordering::SeqCst),
            0,
            "dropped after it had returned"
        );
        let in_report = unseen(&report)
            .iter()
            .filter(|what| *what == "say told")
            .count();
        assert_eq!(
            drained + in_report,
            told.load(Ordering::SeqCst),
            "each is delivered"
        );
        report.assert_baseline();
        assert!(report.is_unloadable());
    }
}

/// Notifications are taken until the last future is dropped: a sender that never stops does not put that off. Here each
/// message that is taken in makes another thread send the next.
#[test]
fn rule_17_senders_that_never_stop_do_not_keep_a_teardown() {
    const HANDLES: usize = 100;
    type Hands = (Vec<JoinHandle<()>>, Option<Shell<Effect>>);
    let hands: Arc<Mutex<Hands>> = Arc::default();
    let taken = Rings::new();
    let (handed, counts) = (Arc::clone(&hands), Arc::clone(&taken));
    let mut executor: Executor<Effect> = Executor::builder()
        .on_panic(move |_| {
            let (next, shell) = {
                let mut hands = handed.lock().unwrap();
                (hands.0.pop(), hands.1.clone().unwrap())
            };
            let counts = Arc::clone(&counts);
            let sender = std::thread::spawn(move || {
                if shell.notify(Say("more")).is_ok() {
                    counts.ring();
                }
                // Its panic is the next message.
                drop(next);
            });
            sender.join().unwrap();
        })
        .build();
    let spawner = executor.spawner();
    let tasks = (0..HANDLES).map(|_| spawner.spawn(async { panic!("kept") }));
    *hands.lock().unwrap() = (tasks.collect(), Some(executor.shell()));
    run(&mut executor);
    drop(holding(&mut executor, Thing::bomb("the first")));
    let report = executor.teardown();
    let taken = taken.count();
    assert!(
        taken < HANDLES,
        "it took in messages until there were no more"
    );
    assert_eq!(unseen(&report), vec!["say more"; taken]);
    *hands.lock().unwrap() = (Vec::new(), None);
    report.assert_baseline();
}

// --- rule 18 ---

static STASH: Mutex<Option<Waker>> = Mutex::new(None);

#[test]
fn rule_18_a_waker_in_a_static_is_a_leak_named_with_its_task_and_place() {
    let mut executor = Executor::<Effect>::new();
    let spawner = executor.spawner();
    let future = poll_fn(|cx| {
        *STASH.lock().unwrap() = Some(cx.waker().clone());
        Poll::<()>::Pending
    });
    drop(spawner.name("sound").spawn(pending::<()>()));
    let line = line!() + 1;
    drop(spawner.name("stasher").spawn(future));
    drop(spawner);
    run(&mut executor);
    let id = executor.snapshot().tasks[1].id;
    let report = executor.teardown();
    let [leak] = report.leaks[..] else {
        panic!("{report:?}")
    };
    assert_eq!(
        (leak.task, leak.name, leak.place.file(), leak.place.line()),
        (id, Some("stasher"), file!(), line)
    );
    let named = format!("a waker of task {id} \"stasher\" ({}) is out", leak.place);
    assert_eq!(leak.to_string(), named);
    let panic = catch_unwind(AssertUnwindSafe(|| {
        report.assert_baseline();
    }))
    .unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.contains(&named), "{text}");
    assert!(report.to_string().contains(&named), "{report}");
    assert!(!report.is_baseline() && !report.is_unloadable());

    let waker = STASH.lock().unwrap().take().unwrap();
    waker.wake_by_ref();
    std::thread::spawn(move || drop(waker)).join().unwrap();
    report.assert_baseline();
    assert!(report.is_unloadable());
    assert_eq!(report.leaks.len(), 1, "what was found is not rewritten");
}

#[test]
fn rule_18_a_waker_of_a_finished_task_is_a_leak_too() {
    for by_panic in [false, true] {
        let mut executor = Executor::<Effect>::new();
        let slot = Arc::new(Mutex::new(None::<Waker>));
        let leave = Arc::clone(&slot);
        drop(executor.spawner().spawn(poll_fn(move |cx| {
            *leave.lock().unwrap() = Some(cx.waker().clone());
            assert!(!by_panic);
            Poll::Ready(())
        })));
        run(&mut executor);
        let report = executor.teardown();
        assert_eq!((report.tasks, report.leaks.len()), (0, 1));
        *slot.lock().unwrap() = None;
        report.assert_baseline();
    }
}

#[test]
fn rule_18_a_waker_beside_a_join_handle_is_found_when_the_handle_goes() {
    let mut executor = Executor::<Effect>::new();
    let slot = Arc::new(Mutex::new(None::<Waker>));
    let leave = Arc::clone(&slot);
    let task = executor.spawner().spawn(poll_fn(move |cx| {
        *leave.lock().unwrap() = Some(cx.waker().clone());
        Poll::<()>::Pending
    }));
    run(&mut executor);
    let report = executor.teardown();
    report.assert_baseline();
    drop(task);
    assert!(!report.is_baseline());
    drop(slot.lock().unwrap().take());
    assert!(report.is_baseline());
}

#[test]
fn rule_18_a_join_handle_of_a_finished_task_is_no_leak() {
    let mut executor = Executor::<Effect>::new();
    let spawner = executor.spawner();
    let ends = [
        spawner.spawn(async {}),
        spawner.spawn(async { panic!("oh") }),
        spawner.spawn(pending()),
    ];
    run(&mut executor);
    drop(spawner);
    let report = executor.teardown();
    report.assert_baseline();
    assert_eq!((report.tasks, report.outstanding.join_handles), (1, 3));
    assert!(!report.is_unloadable());
    assert_eq!(ends.map(end), ["()", "panicked oh", "TornDown"]);
    assert!(report.is_unloadable());
}

#[test]
fn rule_18_what_is_out_is_listed_and_is_no_leak() {
    let mut executor = Executor::<Effect>::new();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let task = {
        let shell = shell.clone();
        spawner.spawn(async move {
            let mut stream = shell.subscribe(Ticks(0));
            let _ = futures::join!(
                join_all((0..3).map(|n| shell.request(Ask(n)))),
                stream.next()
            );
        })
    };
    run(&mut executor);
    let mut requests: Vec<_> = (0..3).map(|_| ask(&mut executor)).collect();
    let feed = ticks(&mut executor).feed;
    drop(requests.pop());
    requests.pop().unwrap().resolve(1).unwrap();
    let feeds = (feed.clone(), feed);
    let spawners = (spawner.clone(), spawner);
    let report = executor.teardown();
    report.assert_baseline();
    let out = report.outstanding;
    assert_eq!(
        (
            out.spawners,
            out.shells,
            out.join_handles,
            out.resolvers,
            out.feeds
        ),
        (2, 1, 1, 1, 1)
    );
    // One after the other goes, and only with the last is nothing out.
    let mut trace = Vec::new();
    let mut look = |what: &str| trace.push(format!("{what} {}", report.is_unloadable()));
    look("all");
    drop(spawners);
    look("spawners");
    drop(shell);
    look("shell");
    drop(task);
    look("task");
    drop(requests);
    look("requests");
    drop(feeds.0);
    look("feed");
    std::thread::spawn(move || drop(feeds.1)).join().unwrap();
    look("feeds");
    assert_eq!(
        trace,
        [
            "all false",
            "spawners false",
            "shell false",
            "task false",
            "requests false",
            "feed false",
            "feeds true"
        ]
    );
}

#[test]
fn rule_18_a_request_that_is_out_keeps_the_code_and_nothing_else() {
    let mut executor = Executor::<Effect>::new();
    let shell = executor.shell();
    let request = shell.request(Ask(1));
    let stream = shell.subscribe(Ticks(1));
    drop(shell);
    run(&mut executor);
    let report = executor.teardown();
    report.assert_baseline();
    assert!(!report.is_unloadable());
    drop(request);
    assert!(!report.is_unloadable());
    drop(stream);
    assert!(report.is_unloadable());
}

#[test]
fn rule_18_a_resolver_that_goes_during_the_teardown_is_not_listed() {
    let mut executor = Executor::<Effect>::new();
    let shell = executor.shell();
    drop(executor.spawner().spawn(async move {
        let mut stream = shell.subscribe(Ticks(1));
        let _ = futures::join!(
            shell.request(Ask(1)),
            shell.request(Ask(2)),
            shell.request(Ask(3)),
            stream.next()
        );
    }));
    run(&mut executor);
    let (a, b, c) = (ask(&mut executor), ask(&mut executor), ask(&mut executor));
    let feed = ticks(&mut executor).feed;
    drop(holding(
        &mut executor,
        Thing::new(move || {
            std::thread::spawn(move || {
                drop(a);
                let _ = b.resolve(1);
                let _ = c.resolver.fail("x");
                drop(feed);
            })
            .join()
            .unwrap();
        }),
    ));
    let report = executor.teardown();
    let out = report.outstanding;
    assert!(report.is_unloadable());
    assert_eq!((out.resolvers, out.feeds), (0, 0));
}

#[test]
fn rule_18_join_handles_that_are_being_dropped_elsewhere_are_no_leaks() {
    const TASKS: usize = if cfg!(miri) { 8 } else { 64 };
    for _ in 0..long_rounds(2_000, 300) {
        let mut executor = Executor::<Effect>::new();
        let spawner = executor.spawner();
        let tasks: Vec<_> = (0..TASKS).map(|_| spawner.spawn(async {})).collect();
        run(&mut executor);
        let begun = AtomicBool::new(false);
        let report = std::thread::scope(|scope| {
            scope.spawn(|| {
                for task in tasks {
                    drop(task);
                    begun.store(true, Ordering::SeqCst);
                }
            });
            while !begun.load(Ordering::SeqCst) {
                std::hint::spin_loop();
            }
            let report = executor.teardown();
            assert_eq!(report.leaks, [], "no waker was ever out");
            report
        });
        report.assert_baseline();
    }
}

#[test]
fn rule_18_a_payload_goes_with_its_join_handle_though_the_report_is_held() {
    let trace = Trace::new();
    let mut executor = Executor::<Effect>::new();
    let payload = Thing::probe(&trace, "payload");
    let task: JoinHandle<()> = executor.spawner().spawn(async move { panic_any(payload) });
    run(&mut executor);
    let report = executor.teardown();
    assert_eq!(trace.take(), [""; 0]);
    drop(task);
    assert_eq!(trace.take(), ["drop payload"]);
    drop(report);
}

#[test]
fn rule_18_a_report_that_is_dropped_contains_what_came_late() {
    let trace = Trace::new();
    let mut executor = Executor::<Effect>::new();
    let payload = Thing::loud_bomb(&trace, "payload");
    let task: JoinHandle<()> = executor.spawner().spawn(async move { panic_any(payload) });
    run(&mut executor);
    let report = executor.teardown();
    drop(task);
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(report)));
    assert!(dropped.is_ok());
    assert_eq!(trace.take(), ["drop payload"]);
}

#[test]
fn rule_18_a_payload_may_ask_the_report() {
    let trace = Trace::new();
    let mut executor = Executor::<()>::new();
    let slot: Arc<Mutex<Option<Arc<Teardown<()>>>>> = Arc::default();
    let (later, log) = (Arc::clone(&slot), trace.clone());
    let payload = Thing::new(move || {
        let report = later.lock().unwrap().take();
        log.push(format!("{:?}", report.map(|report| report.is_baseline())));
    });
    let task: JoinHandle<()> = executor.spawner().spawn(async move { panic_any(payload) });
    let _ = executor.run_until_stalled();
    let report = Arc::new(executor.teardown());
    *slot.lock().unwrap() = Some(Arc::clone(&report));
    drop(task);
    // Where the report still had the payload, its next question would drop it under a lock, and hang.
    assert_eq!(trace.take(), ["Some(true)"]);
    assert!(report.is_baseline());
}

#[test]
fn rule_18_what_the_callbacks_held_is_out_no_more() {
    type Held = (JoinHandle<()>, Spawner, Shell<Effect>, Resolver<Ask>);
    let [bell, on_panic]: [Arc<Mutex<Option<Held>>>; 2] = Default::default();
    let (rings, told) = (Arc::clone(&bell), Arc::clone(&on_panic));
    let mut executor: Executor<Effect> = Executor::builder()
        .on_ready(move || drop(rings.try_lock()))
        .on_panic(move |_| drop(told.try_lock()))
        .build();
    for held in [bell, on_panic] {
        let shell = executor.shell();
        drop(executor.spawn(async move { shell.request(Ask(1)).await.ok() }));
        let task = executor.spawn(pending());
        run(&mut executor);
        let resolver = ask(&mut executor).resolver;
        *held.lock().unwrap() = Some((task, executor.spawner(), executor.shell(), resolver));
    }
    let report = executor.teardown();
    assert_eq!(report.outstanding, Outstanding::default());
    assert!(report.assert_baseline().is_unloadable());
}

#[test]
fn rule_18_what_was_found_is_counted() {
    let mut executor = Executor::<Effect>::new();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    for number in 0..3 {
        let shell = shell.clone();
        drop(spawner.spawn(async move { shell.request(Ask(number)).await }));
    }
    run(&mut executor);
    let request = ask(&mut executor);
    request.resolve(1).unwrap();
    drop(spawner.spawn(async {}));
    let report = executor.teardown();
    assert_eq!((report.tasks, report.requests, report.messages), (4, 3, 2));
    let totals = report.totals;
    assert_eq!(
        (
            totals.tasks,
            totals.requests,
            totals.cancelled,
            totals.effects,
            totals.peak_requests
        ),
        (4, 3, 3, 1, 3)
    );
    assert_eq!(
        unseen(&report),
        ["cancelled"],
        "it was answered, and nobody read it"
    );
}

// --- rule 19, 20 and P1 ---

#[test]
fn rule_19_dropping_the_executor_frees_the_same_and_discards_the_rest() {
    let trace = Trace::new();
    let mut executor = Executor::<Effect>::new();
    let shell = executor.shell();
    let (held, operation) = (
        Thing::probe(&trace, "future"),
        Thing::probe(&trace, "operation"),
    );
    let log = trace.clone();
    let telling = shell.clone();
    drop(executor.spawner().spawn(async move {
        let _held = held;
        let _told = Thing::new(move || {
            log.push(format!("{:?}", telling.notify(Say("dying"))));
        });
        let _ = shell.request(Swap(operation)).await;
    }));
    run(&mut executor);
    executor
        .shell()
        .notify(Thing::probe(&trace, "notification"))
        .unwrap();
    trace.push("dropping");
    drop(executor);
    let mut events = trace.take();
    assert_eq!(events.remove(0), "dropping");
    events.sort();
    assert_eq!(
        events,
        [
            "Ok(())",
            "drop future",
            "drop notification",
            "drop operation"
        ]
    );
}

#[test]
fn rule_20_what_outlives_the_executor_is_harmless() {
    for teardown in [true, false] {
        let held = Arc::new(());
        let mut executor = Executor::<Effect>::new();
        let (spawner, shell) = (executor.spawner(), executor.shell());
        let slot = Arc::new(Mutex::new(None::<Waker>));
        let (leave, in_task, asking) = (Arc::clone(&slot), Arc::clone(&held), shell.clone());
        let task = spawner.spawn(async move {
            let _in_task = in_task;
            poll_fn(|cx| {
                *leave.lock().unwrap() = Some(cx.waker().clone());
                Poll::Ready(())
            })
            .await;
            let mut stream = asking.subscribe(Ticks(0));
            let _ = futures::join!(asking.request(Ask(1)), stream.next());
        });
        run(&mut executor);
        let (request, feed) = (ask(&mut executor), ticks(&mut executor).feed);
        if teardown {
            let _ = executor.teardown();
        } else {
            drop(executor);
        }
        assert_eq!(Arc::strong_count(&held), 1, "the future is gone");
        let all = std::thread::spawn(move || {
            let waker = slot.lock().unwrap().take().unwrap();
            waker.wake_by_ref();
            waker.wake();
            task.abort();
            assert!(spawner.try_spawn(async {}).unwrap_err().is_closed());
            assert!(shell.notify(Say("x")).unwrap_err().is_closed());
            assert_eq!(request.resolve(1).unwrap_err().reason(), Reason::TornDown);
            assert_eq!(feed.clone().send(1).unwrap_err().reason(), Reason::TornDown);
            drop(feed);
            end(task)
        });
        assert_eq!(all.join().unwrap(), "TornDown");
    }
}

/// Everything that a future, a waker or the shell can hold, held in every way that could be a cycle.
#[test]
fn p1_whatever_holds_whatever_every_count_returns_to_its_baseline() {
    for teardown in [true, false] {
        let held = Arc::new(());
        let mut executor = Executor::<Effect>::new();
        let (spawner, shell) = (executor.spawner(), executor.shell());
        let own: Arc<Mutex<Vec<Waker>>> = Arc::default();

        // Its own waker, its own join handle, spawner and shell.
        let handle = Arc::new(Mutex::new(None));
        let keep = (
            Arc::clone(&held),
            spawner.clone(),
            shell.clone(),
            Arc::clone(&own),
            Arc::clone(&handle),
        );
        let task = spawner.spawn(poll_fn(move |cx| {
            keep.3.lock().unwrap().push(cx.waker().clone());
            let _ = (&keep.0, &keep.1, &keep.2, &keep.4);
            Poll::<()>::Pending
        }));
        *handle.lock().unwrap() = Some(task);
        // A combinator that keeps wakers in wakers, with requests that the shell holds.
        let (in_task, asking) = (Arc::clone(&held), shell.clone());
        drop(spawner.spawn(async move {
            let requests = (0..10).map(|n| asking.request(Ask(n)).shared());
            let _ = requests
                .collect::<FuturesUnordered<_>>()
                .collect::<Vec<_>>()
                .await;
            drop(in_task);
        }));
        // An operation and an answer that hold the task's things.
        let (in_operation, asking) = (Arc::clone(&held), shell.clone());
        drop(spawner.spawn(async move {
            let operation = Thing::new(move || drop(in_operation));
            let _ = asking.request(Swap(operation)).await;
        }));
        run(&mut executor);
        let mut shells = Vec::new();
        for emitted in executor.drain() {
            shells.push(emitted);
        }
        let Some(Emitted::Effect(Effect::Swap(request))) = shells.pop() else {
            panic!()
        };
        let answer = (Arc::clone(&held), request.resolver.id());
        let stillpoint::Request {
            operation,
            resolver,
        } = request;
        drop(operation);
        resolver.resolve(Thing::new(move || drop(answer))).unwrap();
        // A notification in the mailbox, a spawned future in the mailbox.
        let told = Arc::clone(&held);
        shell.notify(Thing::new(move || drop(told))).unwrap();
        let in_mailbox = Arc::clone(&held);
        drop(spawner.spawn(async move { drop(in_mailbox) }));
        assert!(Arc::strong_count(&held) > 5);

        drop(handle);
        own.lock().unwrap().clear();
        if teardown {
            let report = executor.teardown();
            report.assert_baseline();
            assert_eq!(
                Arc::strong_count(&held),
                2,
                "the notification is the shell's now"
            );
            drop(report);
        } else {
            drop(executor);
        }
        assert_eq!(Arc::strong_count(&held), 1);
        drop((spawner, shell, shells));
    }
}

#[test]
fn p1_crux_268_the_future_goes_with_the_executor_though_effects_and_wakers_are_held() {
    let held = Arc::new(());
    let mut executor = Executor::<Effect>::new();
    let shell: Shell<Effect> = executor.shell();
    let in_task = Arc::clone(&held);
    drop(executor.spawner().spawn(async move {
        let _ = shell.request(Ask(1)).await;
        drop(in_task);
    }));
    run(&mut executor);
    let effects: Vec<_> = executor.drain().collect();
    assert_eq!((effects.len(), Arc::strong_count(&held)), (1, 2));
    drop(executor);
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn a_local_executor_comes_to_rest_in_the_same_way() {
    let trace = Trace::new();
    let mut executor = LocalExecutor::<Effect>::new();
    let (spawner, shell, held) = (
        executor.local_spawner(),
        executor.shell(),
        std::rc::Rc::new(()),
    );
    let (in_task, close) = (std::rc::Rc::clone(&held), Thing::probe(&trace, "future"));
    let task = spawner.spawn(async move {
        let _held = (in_task, close);
        let _ = shell.request(Ask(1)).await;
    });
    let _ = executor.run_until_stalled();
    let effect = executor.drain().next();
    let unpolled = {
        let held = std::rc::Rc::clone(&held);
        spawner.spawn(async move { drop(held) })
    };
    let report = executor.teardown();
    assert_eq!(std::rc::Rc::strong_count(&held), 1);
    assert_eq!(trace.take(), ["drop future"]);
    assert_eq!(
        (report.tasks, unseen(&report)),
        (2, vec!["cancelled".to_string()])
    );
    report.assert_baseline();
    drop((task, unpolled, spawner, effect));
    assert!(report.is_unloadable());
}

#[test]
fn three_thousand_executors_come_and_go() {
    let held = Arc::new(());
    for round in 0..rounds(3_000, 3_000) {
        let mut executor = Executor::<Effect>::new();
        let shell = executor.shell();
        let in_task = Arc::clone(&held);
        drop(executor.spawner().spawn(async move {
            let _ = shell.request(Ask(1)).await;
            drop(in_task);
        }));
        run(&mut executor);
        if round % 2 == 0 {
            assert!(executor.teardown().is_unloadable());
        }
    }
    assert_eq!(Arc::strong_count(&held), 1);
}
