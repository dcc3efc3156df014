//! Rules 7, 11 and 12: abort, cancellation, abandonment.

mod support;

use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use futures::future::join_all;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use stillpoint::{Emitted, Executor, JoinHandle, RequestError};
use support::*;

#[test]
fn rule_07_abort_is_enough_by_itself() {
    let trace = Trace::new();
    let mut executor = Executor::<Effect>::new();
    let shell = executor.shell();
    let held = Thing::probe(&trace, "future");
    let task = executor.spawner().spawn(async move {
        let _held = held;
        let _ = shell.request(Ask(1)).await;
    });
    run(&mut executor);
    let request = ask(&mut executor);
    let log = trace.clone();
    let joiner = executor.spawner().spawn(async move {
        task.abort();
        log.push("aborted");
        let end = task.await;
        log.push(format!("{end:?}"));
    });
    let settled = executor.run_until_stalled();
    assert_eq!(
        (settled.aborted, settled.completed, settled.pending),
        (1, 1, 0)
    );
    assert_eq!(trace.take(), ["aborted", "drop future", "Err(Aborted)"]);
    assert!(matches!(executor.drain().next(), Some(Emitted::Cancelled(id)) if id == request.id()));
    assert_eq!(executor.drain().count(), 0);
    assert_eq!(end(joiner), "()");
}

#[test]
fn rule_07_abort_from_outside_drops_the_future_by_the_next_turn() {
    for on_a_thread in [false, true] {
        let trace = Trace::new();
        let mut executor = Executor::<Effect>::new();
        let held = Thing::probe(&trace, "future");
        let task = executor.spawner().spawn(async move {
            let _held = held;
            pending::<()>().await
        });
        run(&mut executor);
        if on_a_thread {
            std::thread::scope(|scope| {
                scope.spawn(|| task.abort());
            });
        } else {
            task.abort();
        }
        assert!(!task.is_finished(), "it ends in a turn");
        trace.push("aborted");
        assert_eq!(executor.run_for(1).aborted, 1);
        assert_eq!(trace.take(), ["aborted", "drop future"]);
        assert_eq!(end(task), "Aborted");
    }
}

#[test]
fn rule_07_a_task_that_is_aborted_before_its_first_poll_is_never_polled() {
    for drive_between in [false, true] {
        let trace = Trace::new();
        let mut executor = Executor::<Effect>::new();
        let spawner = executor.spawner();
        let (log, held) = (trace.clone(), Thing::probe(&trace, "future"));
        let task = spawner.spawn(async move {
            let _held = &held;
            log.push("poll");
        });
        if drive_between {
            // It is taken in, but not polled.
            let _ = executor.run_for(0);
        }
        task.abort();
        run(&mut executor);
        assert_eq!(trace.take(), ["drop future"]);
        assert_eq!(end(task), "Aborted");
    }
}

#[test]
fn rule_07_a_task_that_is_ready_when_it_is_aborted_is_not_polled_again() {
    let trace = Trace::new();
    let mut executor = Executor::<Effect>::new();
    let shell = executor.shell();
    let log = trace.clone();
    let task = executor.spawner().spawn(async move {
        let answer = shell.request(Ask(1)).await;
        log.push(format!("{answer:?}"));
    });
    run(&mut executor);
    ask(&mut executor).resolve(1).unwrap();
    task.abort();
    run(&mut executor);
    assert_eq!((trace.take(), end(task)), (vec![], "Aborted".into()));
    assert_eq!(drained(&mut executor), ["cancelled"], "answered and unread");
}

#[test]
fn rule_07_a_task_may_abort_itself_and_goes_no_further_than_its_poll() {
    let trace = Trace::new();
    let mut executor = Executor::<Effect>::new();
    let own = Arc::new(Mutex::new(None::<JoinHandle<()>>));
    let (within, log) = (Arc::clone(&own), trace.clone());
    *own.lock().unwrap() = Some(executor.spawner().spawn(async move {
        within.lock().unwrap().as_ref().unwrap().abort();
        log.push("still in its poll");
        futures::pending!();
        log.push("never");
    }));
    let settled = executor.run_until_stalled();
    assert_eq!((settled.polled, settled.aborted), (2, 1));
    assert_eq!(trace.take(), ["still in its poll"]);
    assert_eq!(end(own.lock().unwrap().take().unwrap()), "Aborted");
}

#[test]
fn rule_07_what_is_aborted_before_a_spawn_is_dropped_first_unless_it_spawns_itself() {
    for by_itself in [false, true] {
        let trace = Trace::new();
        let mut executor = Executor::<Effect>::new();
        let own = Arc::new(Mutex::new(None::<JoinHandle<()>>));
        let (within, spawner, log) = (Arc::clone(&own), executor.spawner(), trace.clone());
        let replace = move || {
            within.lock().unwrap().as_ref().unwrap().abort();
            let log = log.clone();
            drop(spawner.spawn(async move { log.push("poll later") }));
        };
        let (held, mut act) = (
            Thing::probe(&trace, "earlier"),
            by_itself.then(|| replace.clone()),
        );
        *own.lock().unwrap() = Some(executor.spawn(poll_fn(move |_| {
            let _ = &held;
            act.take().into_iter().for_each(|act| act());
            Poll::Pending
        })));
        run(&mut executor);
        let order = match by_itself {
            true => ["poll later", "drop earlier"],
            false => {
                replace();
                run(&mut executor);
                ["drop earlier", "poll later"]
            }
        };
        assert_eq!(trace.take(), order);
    }
}

#[test]
fn rule_07_aborting_what_has_ended_does_nothing() {
    let mut executor = Executor::<Effect>::new();
    let spawner = executor.spawner();
    let (done, panicked) = (
        spawner.spawn(async { 1 }),
        spawner.spawn(async { panic!("oh") as u8 }),
    );
    run(&mut executor);
    for _ in 0..3 {
        done.abort();
        panicked.abort();
    }
    assert_eq!(executor.run_until_stalled().polled, 0);
    let torn_down = spawner.spawn(pending::<()>());
    executor.teardown().assert_baseline();
    torn_down.abort();
    let refused = spawner.spawn(async {});
    refused.abort();
    assert_eq!(
        [end(done), end(panicked), end(torn_down), end(refused)],
        ["1", "panicked oh", "TornDown", "TornDown"]
    );
}

#[test]
fn rule_07_aborting_twice_is_aborting_once() {
    let mut executor = Executor::<Effect>::new();
    let task = executor.spawner().spawn(pending::<()>());
    run(&mut executor);
    task.abort();
    std::thread::scope(|scope| {
        scope.spawn(|| task.abort());
    });
    let settled = executor.run_until_stalled();
    assert_eq!((settled.polled, settled.aborted), (1, 1));
    task.abort();
    assert_eq!(executor.run_until_stalled().polled, 0);
}

#[test]
fn rule_07_a_handle_that_aborts_and_is_dropped_has_aborted() {
    let trace = Trace::new();
    let mut executor = Executor::<Effect>::new();
    let held = Thing::probe(&trace, "future");
    let task = executor.spawner().spawn(async move {
        let _held = held;
        pending::<()>().await
    });
    run(&mut executor);
    task.abort();
    drop(task);
    run(&mut executor);
    assert_eq!(trace.take(), ["drop future"]);
    executor.teardown().assert_baseline();
}

#[test]
fn rule_07_aborts_race_with_the_executor_taking_the_task_in() {
    let count = rounds(100_000, 10_000);
    let mut executor = Executor::<Effect>::new();
    let spawner = executor.spawner();
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || {
            for _ in 0..count {
                let task = spawner.spawn(pending::<()>());
                task.abort();
            }
        });
        while !thread.is_finished() {
            run(&mut executor);
        }
    });
    assert_eq!(executor.run_until_stalled().pending, 0);
    assert_eq!(executor.totals().tasks, count as u64);
}

// --- rule 11 ---

/// A task that makes a request, and drops it at the second poll, in which it goes on.
fn dropping(
    executor: &mut Executor<Effect>,
    trace: &Trace,
) -> futures::channel::oneshot::Sender<()> {
    let (drop_it, mut dropped) = futures::channel::oneshot::channel();
    let (shell, trace) = (executor.shell(), trace.clone());
    drop(executor.spawner().spawn(async move {
        let mut request = shell.request(Ask(1));
        futures::select_biased! {
            _ = dropped => trace.push("dropped"),
            answer = request => trace.push(format!("{answer:?}")),
        }
        drop(request);
        pending::<()>().await;
    }));
    run(executor);
    drop_it
}

#[test]
fn rule_11_dropped_before_it_is_taken_neither_effect_nor_notice_is_delivered() {
    let trace = Trace::new();
    let mut executor = Executor::<Effect>::new();
    let drop_it = dropping(&mut executor, &trace);
    drop_it.send(()).unwrap();
    run(&mut executor);
    assert_eq!(trace.take(), ["dropped"]);
    assert_eq!(drained(&mut executor), [""; 0]);
    assert_eq!(executor.snapshot().requests, []);
}

#[test]
fn rule_11_dropped_after_it_is_taken_one_notice_is_delivered_after_the_effect() {
    let trace = Trace::new();
    let mut executor = Executor::<Effect>::new();
    let drop_it = dropping(&mut executor, &trace);
    let request = ask(&mut executor);
    drop_it.send(()).unwrap();
    run(&mut executor);
    let notices: Vec<_> = executor.drain().collect();
    assert!(matches!(notices[..], [Emitted::Cancelled(id)] if id == request.id()));
    run(&mut executor);
    assert_eq!(executor.drain().count(), 0);
    assert_eq!(executor.totals().cancelled, 1);
    executor.teardown().assert_baseline();
}

#[test]
fn rule_11_answered_but_unread_is_cancelled_and_the_answer_is_dropped() {
    for by_host in [false, true] {
        let trace = Trace::new();
        let mut executor = Executor::<Effect>::new();
        let shell = executor.shell();
        let task = executor.spawner().spawn(async move {
            let _ = shell.request(Swap(Thing::quiet())).await;
        });
        run(&mut executor);
        let request = swap(&mut executor);
        let id = request.id();
        let answer = Thing::probe(&trace, "answer");
        task.abort();
        if by_host {
            executor.resolve(request.resolver, answer).unwrap();
        } else {
            request.resolve(answer).unwrap();
        }
        run(&mut executor);
        assert_eq!(trace.take(), ["drop answer"]);
        let notices: Vec<_> = executor.drain().collect();
        assert!(matches!(notices[..], [Emitted::Cancelled(cancelled)] if cancelled == id));
        assert_eq!(executor.totals().cancelled, 1);
    }
}

#[test]
fn rule_11_where_the_shell_failed_or_abandoned_it_there_is_no_notice() {
    for fail in [false, true] {
        let mut executor = Executor::<Effect>::new();
        let shell = executor.shell();
        let task = executor
            .spawner()
            .spawn(async move { shell.request(Ask(1)).await });
        run(&mut executor);
        let request = ask(&mut executor);
        if fail {
            request.resolver.fail("no").unwrap();
        } else {
            drop(request);
        }
        task.abort();
        run(&mut executor);
        assert_eq!(end(task), "Aborted");
        assert_eq!(drained(&mut executor), [""; 0]);
        assert_eq!(executor.snapshot().requests, []);
    }
}

#[test]
fn rule_11_a_stream_that_the_shell_ended_has_no_notice_and_one_with_items_has() {
    for (end, notices) in [(false, 1), (true, 0)] {
        let mut executor = Executor::<Effect>::new();
        let shell = executor.shell();
        let task = executor
            .spawner()
            .spawn(async move { shell.subscribe(Ticks(0)).next().await });
        run(&mut executor);
        let feed = ticks(&mut executor).feed;
        feed.send(1).unwrap();
        feed.send(2).unwrap();
        if end {
            feed.clone().end().unwrap();
        }
        task.abort();
        run(&mut executor);
        assert_eq!(drained(&mut executor).len(), notices);
        drop(feed);
    }
}

#[test]
fn rule_11_a_future_that_has_its_answer_leaves_no_notice() {
    let trace = Trace::new();
    let mut executor = Executor::<Effect>::new();
    let _drop_it = dropping(&mut executor, &trace);
    ask(&mut executor).resolve(4).unwrap();
    run(&mut executor);
    assert_eq!(trace.take(), ["Ok(4)"]);
    assert_eq!(drained(&mut executor), [""; 0]);
    assert_eq!(executor.totals().cancelled, 0);
}

#[test]
fn rule_11_freed_at_once_in_a_turn() {
    let mut executor = Executor::<Effect>::new();
    let shell = executor.shell();
    let task = executor.spawner().spawn(async move {
        for number in 0..1_000 {
            let mut request = shell.request(Ask(number));
            let _ = futures::poll!(&mut request);
        }
    });
    run(&mut executor);
    assert_eq!(end(task), "()");
    assert_eq!(executor.totals().peak_requests, 1);
    assert_eq!(drained(&mut executor), [""; 0]);
}

#[test]
fn rule_11_freed_from_outside_when_the_mailbox_is_next_taken_in() {
    type Request = stillpoint::ShellRequest<Ask, Effect>;
    for (taken, by_turn) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut executor = Executor::<Effect>::new();
        let shell = executor.shell();
        let slot = Arc::new(Mutex::new(None::<Request>));
        let park = Arc::clone(&slot);
        drop(executor.spawner().spawn(async move {
            let mut request = shell.request(Ask(1));
            let _ = futures::poll!(&mut request);
            *park.lock().unwrap() = Some(request);
        }));
        run(&mut executor);
        let request = taken.then(|| ask(&mut executor));
        let moved = slot.lock().unwrap().take();
        std::thread::spawn(move || drop(moved)).join().unwrap();
        if by_turn {
            run(&mut executor);
            assert_eq!(executor.snapshot().requests, []);
        }
        assert_eq!(drained(&mut executor).len(), usize::from(taken));
        assert_eq!(executor.snapshot().requests, []);
        drop(request);
    }
}

#[test]
fn rule_11_what_a_dead_untaken_effect_held_is_dropped_by_the_next_turn_or_drain() {
    for by_turn in [false, true] {
        let trace = Trace::new();
        let mut executor = Executor::<Effect>::new();
        let shell = executor.shell();
        let thing = Thing::probe(&trace, "operation");
        let task = executor
            .spawner()
            .spawn(async move { shell.request(Swap(thing)).await.is_ok() });
        run(&mut executor);
        task.abort();
        assert_eq!(trace.take(), [""; 0]);
        if by_turn {
            run(&mut executor);
            assert_eq!(trace.take(), ["drop operation"]);
        } else {
            // The turn that carries out the abort is the one that drops it; a drain after it finds nothing.
            let _ = executor.run_for(1);
            assert_eq!(drained(&mut executor), [""; 0]);
            assert_eq!(trace.take(), ["drop operation"]);
        }
    }
}

#[test]
fn rule_11_life_is_checked_when_an_effect_is_yielded() {
    let mut executor = Executor::<Effect>::new();
    let shell = executor.shell();
    let slot = Arc::new(Mutex::new(None));
    let park = Arc::clone(&slot);
    drop(executor.spawner().spawn(async move {
        let mut requests: Vec<_> = (0..3).map(|number| shell.request(Ask(number))).collect();
        for request in &mut requests {
            let _ = futures::poll!(request);
        }
        *park.lock().unwrap() = Some(requests);
    }));
    run(&mut executor);
    let mut drain = executor.drain();
    let first = drain.next().unwrap();
    let mut requests = slot.lock().unwrap().take().unwrap();
    drop(requests.remove(1));
    let next = drain.next().unwrap();
    assert_eq!(
        (describe(&first), describe(&next)),
        ("ask 0".into(), "ask 2".into())
    );
    drop(requests);
    assert_eq!(
        drain.map(|emitted| describe(&emitted)).collect::<Vec<_>>(),
        ["cancelled", "cancelled"]
    );
}

#[test]
fn rule_11_cancel_then_shell_drops_its_resolver_and_nothing_more_happens() {
    let trace = Trace::new();
    let mut executor = Executor::<Effect>::new();
    let drop_it = dropping(&mut executor, &trace);
    let request = ask(&mut executor);
    drop_it.send(()).unwrap();
    run(&mut executor);
    drop(request);
    assert_eq!(executor.run_until_stalled().polled, 0);
    assert_eq!(drained(&mut executor), ["cancelled"]);
}

#[test]
fn rule_11_the_untaken_effects_of_many_requests_are_buried_each_by_its_own() {
    let mut executor = Executor::<Effect>::new();
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let shell = executor.shell();
            executor.spawner().spawn(async move {
                let _ = shell.notify(Say("kept"));
                let _ = shell.request(Ask(number)).await;
            })
        })
        .collect();
    run(&mut executor);
    let first = executor.drain().take(6).collect::<Vec<_>>();
    for task in tasks.iter().skip(1).step_by(2) {
        task.abort();
    }
    run(&mut executor);
    let rest: Vec<_> = executor.drain().collect();
    let asked = |emitted: &[Emitted<Effect>]| {
        emitted
            .iter()
            .map(describe)
            .filter(|what| what.starts_with("ask"))
            .collect::<Vec<_>>()
    };
    assert_eq!(asked(&first), ["ask 0", "ask 1", "ask 2"]);
    assert_eq!(
        asked(&rest),
        (4..20)
            .step_by(2)
            .map(|n| format!("ask {n}"))
            .collect::<Vec<_>>()
    );
    assert_eq!(
        rest.iter().filter(|e| describe(e) == "say kept").count(),
        17
    );
    assert_eq!(
        rest.iter().filter(|e| describe(e) == "cancelled").count(),
        1
    );
}

// --- rule 12 ---

fn abandoned(
    task: impl FnOnce(stillpoint::Shell<Effect>) -> Pin<Box<dyn Future<Output = Vec<String>> + Send>>,
) -> Vec<String> {
    let mut executor = Executor::<Effect>::new();
    let task = executor.spawner().spawn(task(executor.shell()));
    run(&mut executor);
    let requests = asks(&mut executor);
    assert!(!requests.is_empty() && !task.is_finished());
    // One at a time, the last asked first, with a turn for each.
    for request in requests.into_iter().rev() {
        drop(request);
        run(&mut executor);
    }
    let ends = task.now_or_never().expect("it learnt of it").unwrap();
    assert_eq!(executor.snapshot().requests, []);
    assert_eq!(drained(&mut executor), [""; 0]);
    executor.teardown().assert_baseline();
    ends
}

fn text(end: Result<u32, RequestError>) -> String {
    format!("{end:?}")
}

#[test]
fn rule_12_abandonment_reaches_a_request_alone() {
    let ends = abandoned(|shell| Box::pin(async move { vec![text(shell.request(Ask(1)).await)] }));
    assert_eq!(ends, ["Err(Abandoned)"]);
}

#[test]
fn rule_12_abandonment_reaches_join() {
    let ends = abandoned(|shell| {
        Box::pin(async move {
            let (a, b, c) = futures::join!(
                shell.request(Ask(1)),
                shell.request(Ask(2)),
                shell.request(Ask(3))
            );
            [a, b, c].map(text).into()
        })
    });
    assert_eq!(ends, ["Err(Abandoned)"; 3]);
}

#[test]
fn rule_12_abandonment_reaches_select() {
    let ends = abandoned(|shell| {
        Box::pin(async move {
            let (mut a, mut b) = (shell.request(Ask(1)), shell.request(Ask(2)));
            let mut ends = Vec::new();
            loop {
                futures::select! {
                    end = a => ends.push(format!("a {}", text(end))),
                    end = b => ends.push(format!("b {}", text(end))),
                    complete => break ends,
                }
            }
        })
    });
    assert_eq!(ends, ["b Err(Abandoned)", "a Err(Abandoned)"]);
}

#[test]
fn rule_12_abandonment_reaches_futures_unordered() {
    let ends = abandoned(|shell| {
        Box::pin(async move {
            let requests: FuturesUnordered<_> = (0..10)
                .map(|n| shell.request(Ask(n)).map(move |end| (n, end)))
                .collect();
            requests
                .map(|(n, end)| format!("{n} {}", text(end)))
                .collect()
                .await
        })
    });
    assert_eq!(
        ends,
        (0..10)
            .rev()
            .map(|n| format!("{n} Err(Abandoned)"))
            .collect::<Vec<_>>()
    );
}

#[test]
fn rule_12_abandonment_reaches_join_all_of_forty() {
    let ends = abandoned(|shell| {
        Box::pin(async move {
            join_all((0..40).map(|n| shell.request(Ask(n))))
                .await
                .into_iter()
                .map(text)
                .collect()
        })
    });
    assert_eq!(ends, ["Err(Abandoned)"; 40]);
}

#[test]
fn rule_12_abandonment_reaches_shared() {
    let ends = abandoned(|shell| {
        Box::pin(async move {
            let shared = shell.request(Ask(1)).shared();
            let (a, b) = futures::join!(shared.clone(), shared.clone());
            [a, b, shared.await].map(text).into()
        })
    });
    assert_eq!(ends, ["Err(Abandoned)"; 3]);
}

#[test]
fn rule_12_abandonment_reaches_shared_in_several_tasks() {
    let mut executor = Executor::<Effect>::new();
    let shared = executor.shell().request(Ask(1)).shared();
    let tasks: Vec<_> = (0..5)
        .map(|_| executor.spawner().spawn(shared.clone()))
        .collect();
    run(&mut executor);
    // The task that polled it first is gone when the shell abandons it.
    tasks[0].abort();
    run(&mut executor);
    drop(asks(&mut executor));
    run(&mut executor);
    let ends: Vec<_> = tasks.into_iter().map(end).collect();
    assert_eq!(
        ends,
        [
            "Aborted",
            "Err(Abandoned)",
            "Err(Abandoned)",
            "Err(Abandoned)",
            "Err(Abandoned)"
        ]
    );
}

#[test]
fn rule_12_abandonment_on_another_thread_reaches_them_too() {
    let mut executor = Executor::<Effect>::new();
    let shell = executor.shell();
    let task = executor.spawner().spawn(async move {
        join_all((0..40).map(|n| shell.request(Ask(n))))
            .await
            .into_iter()
            .map(text)
            .collect::<Vec<_>>()
    });
    run(&mut executor);
    let mut requests = asks(&mut executor);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let mine: Vec<_> = requests.drain(..10).collect();
            scope.spawn(move || drop(mine));
        }
        while !task.is_finished() {
            run(&mut executor);
        }
    });
    assert_eq!(
        task.now_or_never().unwrap().unwrap(),
        ["Err(Abandoned)"; 40]
    );
}

#[test]
fn rule_12_the_drain_that_is_not_kept_abandons() {
    let mut executor = Executor::<Effect>::new();
    let shell = executor.shell();
    let task = executor
        .spawner()
        .spawn(async move { shell.request(Ask(1)).await });
    run(&mut executor);
    assert_eq!(executor.drain().count(), 1);
    run(&mut executor);
    assert_eq!(end(task), "Err(Abandoned)");
}

#[test]
fn an_aborted_tasks_destructor_may_do_anything() {
    let trace = Trace::new();
    let mut executor = Executor::<Effect>::new();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let bystander = spawner.spawn(pending::<()>());
    let request = {
        let shell = shell.clone();
        let asker = spawner.spawn(async move { shell.request(Ask(9)).await });
        run(&mut executor);
        (asker, ask(&mut executor))
    };
    let (asker, request) = request;
    let (inner, log) = (spawner.clone(), trace.clone());
    let held = Thing::new(move || {
        log.push("drop begins");
        shell.notify(Say("dying")).unwrap();
        let log2 = log.clone();
        drop(inner.spawn(async move { log2.push("spawned by a destructor") }));
        log.push(format!("{:?}", shell.request(Ask(8)).now_or_never()));
        request.resolve(5).unwrap();
        bystander.abort();
        drop(bystander);
        log.push("drop ends");
    });
    let task = spawner.spawn(poll_fn(move |_| {
        let _ = &held;
        Poll::<()>::Pending
    }));
    run(&mut executor);
    task.abort();
    let settled = executor.run_until_stalled();
    assert_eq!(
        (settled.aborted, settled.completed, settled.pending),
        (2, 2, 0)
    );
    assert_eq!(
        trace.take(),
        [
            "drop begins",
            "None",
            "drop ends",
            "spawned by a destructor"
        ]
    );
    assert_eq!((end(task), end(asker)), ("Aborted".into(), "Ok(5)".into()));
    assert_eq!(drained(&mut executor), ["say dying"]);
    executor.teardown().assert_baseline();
}
