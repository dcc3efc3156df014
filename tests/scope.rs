//! Scopes: what is closed ends, with all that is in it, wherever it is closed and whatever is under way.

mod support;

use std::future::{pending, poll_fn};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread;

use futures::{FutureExt, StreamExt};
use stillpoint::{
    Emitted, Executor, JoinError, Key, LocalExecutor, LocalSpawner, Scope, ScopeReport, Shell,
    Spawner,
};
use support::*;

/// Asks for ever.
async fn asking(shell: Shell<Effect>, probe: Thing) {
    let _probe = probe;
    loop {
        let _ = shell.request(Ask(0)).await;
    }
}

/// What a report counts: tasks, requests and scopes that were cancelled; completed, panicked and aborted before.
fn counts(report: ScopeReport) -> [usize; 6] {
    [
        report.tasks,
        report.requests,
        report.scopes,
        report.completed,
        report.panicked,
        report.aborted,
    ]
}

fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    future.now_or_never()
}

/// Nothing is left, and nobody holds anything.
fn comes_to_rest(executor: Executor<Effect>) {
    let report = executor.teardown();
    report.assert_baseline();
    assert_eq!((report.tasks, report.requests), (0, 0));
    assert!(report.is_unloadable(), "{report:?}");
}

// --- closing ---

#[test]
fn rule_07_a_scope_that_is_dropped_ends_its_tasks_by_the_next_turn_and_no_other() {
    let (mut executor, trace) = (Executor::<Effect>::new(), Trace::new());
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let scope = spawner.scope();
    let within = [
        scope.spawn(asking(shell.clone(), Thing::probe(&trace, "first"))),
        scope.spawn(asking(shell.clone(), Thing::probe(&trace, "second"))),
    ];
    let other = spawner.spawn(asking(shell, Thing::probe(&trace, "other")));
    run(&mut executor);
    let requests = asks(&mut executor);
    assert_eq!(requests.len(), 3);

    drop(scope);
    assert_eq!(trace.take(), [""; 0], "nothing happens between turns");
    let settled = executor.run_until_stalled();
    assert_eq!(
        (settled.aborted, settled.pending, settled.polled),
        (2, 1, 2)
    );
    assert_eq!(trace.take(), ["drop first", "drop second"]);
    let cancelled: Vec<_> = executor.drain().collect();
    let ids = [requests[0].id(), requests[1].id()];
    assert!(
        matches!(cancelled[..], [Emitted::Cancelled(one), Emitted::Cancelled(two)] if [one, two] == ids)
    );
    assert_eq!(within.map(end), ["Aborted", "Aborted"]);
    other.abort();
    run(&mut executor);
    drop((requests, other, spawner));
    assert_eq!(drained(&mut executor), ["cancelled"]);
    comes_to_rest(executor);
}

#[test]
fn rule_07_a_scope_that_is_closed_in_a_turn_ends_its_tasks_in_the_same_turn() {
    let (mut executor, trace) = (Executor::<Effect>::new(), Trace::new());
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let scope = spawner.scope();
    drop(scope.spawn(asking(shell.clone(), Thing::probe(&trace, "task"))));
    let told = trace.clone();
    let closing = spawner.spawn(async move {
        let _ = shell.request(Ask(1)).await;
        let closing = scope.close();
        told.push("closed");
        let report = closing.await;
        told.push("reported");
        counts(report)
    });
    run(&mut executor);
    let mut asks = asks(&mut executor);
    executor.resolve(asks.remove(1).resolver, 0).unwrap();
    run(&mut executor);
    assert_eq!(trace.take(), ["closed", "drop task", "reported"]);
    assert_eq!(end(closing), "[1, 1, 0, 0, 0, 0]");
    drop((asks, spawner));
    drained(&mut executor);
    comes_to_rest(executor);
}

#[test]
fn rule_07_all_that_is_nested_ends_in_the_same_turn_as_the_outermost() {
    let (mut executor, trace) = (Executor::<Effect>::new(), Trace::new());
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let outer = spawner.scope();
    let (left, right) = (outer.scope(), outer.scope());
    let inner = left.scope();
    for (scope, name) in [
        (&inner, "inner"),
        (&right, "right"),
        (&outer, "outer"),
        (&left, "left"),
    ] {
        drop(scope.spawn(asking(shell.clone(), Thing::probe(&trace, name))));
    }
    run(&mut executor);
    let _requests = asks(&mut executor);
    let closing = outer.close();
    assert_eq!(
        [&left, &right, &inner].map(|scope| scope.is_closed()),
        [true; 3],
        "at once"
    );
    assert_eq!(executor.run_until_stalled().aborted, 4);
    assert_eq!(
        trace.take(),
        ["drop outer", "drop left", "drop inner", "drop right"],
        "each before those within it, in the order in which they were made"
    );
    assert_eq!(counts(now(closing).unwrap()), [4, 4, 3, 0, 0, 0]);
    drop((left, right, inner));
}

#[test]
fn what_the_executor_has_not_polled_ends_unpolled() {
    let (mut executor, trace) = (Executor::<Effect>::new(), Trace::new());
    let spawner = executor.spawner();
    let scope = spawner.scope();
    let told = trace.clone();
    let probe = Thing::probe(&trace, "future");
    let task = scope.spawn(async move {
        let _probe = probe;
        told.push("polled");
    });
    let closing = scope.close();
    run(&mut executor);
    assert_eq!(
        (trace.take(), end(task)),
        (vec!["drop future".to_owned()], "Aborted".to_owned())
    );
    assert_eq!(counts(now(closing).unwrap()), [1, 0, 0, 0, 0, 0]);
    drop(spawner);
    comes_to_rest(executor);
}

#[test]
fn tasks_that_are_ready_end_before_they_are_polled_again() {
    let (mut executor, trace) = (Executor::<Effect>::new(), Trace::new());
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let scope = spawner.scope();
    let told = trace.clone();
    let task = scope.spawn(async move {
        let _ = shell.request(Ask(0)).await;
        told.push("has its answer");
    });
    run(&mut executor);
    let request = ask(&mut executor);
    executor.resolve(request.resolver, 1).unwrap();
    drop(scope);
    run(&mut executor);
    assert_eq!((trace.take(), end(task)), (vec![], "Aborted".to_owned()));
    assert_eq!(
        drained(&mut executor),
        ["cancelled"],
        "it was answered, and nobody read it"
    );
    drop(spawner);
    comes_to_rest(executor);
}

#[test]
fn a_scope_that_is_dropped_in_its_own_task_ends_it_after_the_poll() {
    let (mut executor, trace) = (Executor::<Effect>::new(), Trace::new());
    let spawner = executor.spawner();
    for (way, ends) in [
        ("waits", "Aborted"),
        ("returns", "()"),
        ("panics", "Aborted"),
    ] {
        let scope = spawner.scope();
        let (told, probe) = (trace.clone(), Thing::probe(&trace, way));
        let shared: Arc<Mutex<Option<Scope>>> = Arc::default();
        let own = Arc::clone(&shared);
        let task = scope.spawn(async move {
            let _probe = probe;
            drop(own.lock().unwrap().take());
            told.push("goes on");
            match way {
                "waits" => pending().await,
                "panics" => std::panic::resume_unwind(Box::new(())),
                _ => {}
            }
        });
        *shared.lock().unwrap() = Some(scope);
        run(&mut executor);
        assert_eq!(trace.take(), ["goes on".to_owned(), format!("drop {way}")]);
        assert_eq!(end(task), ends);
    }
    drop(spawner);
    comes_to_rest(executor);
}

#[test]
fn a_task_that_awaits_the_close_of_its_own_scope_ends_with_the_others() {
    let (mut executor, trace) = (Executor::<Effect>::new(), Trace::new());
    let spawner = executor.spawner();
    let scope = spawner.scope();
    let within = scope.spawner();
    let probe = Thing::probe(&trace, "it");
    let task = within.spawn(async move {
        let _probe = probe;
        counts(scope.close().await)
    });
    let other = within.spawn(pending::<()>());
    let settled = executor.run_until_stalled();
    assert_eq!((settled.aborted, settled.pending), (2, 0));
    assert_eq!(trace.take(), ["drop it"]);
    assert_eq!(
        (end(task), end(other)),
        ("Aborted".into(), "Aborted".into())
    );
    drop((within, spawner));
    comes_to_rest(executor);
}

#[test]
fn a_scope_may_be_owned_by_a_task_of_the_scope_around_it() {
    let (mut executor, trace) = (Executor::<Effect>::new(), Trace::new());
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let outer = spawner.scope();
    let inner = outer.scope();
    drop(inner.spawn(asking(shell, Thing::probe(&trace, "inner"))));
    let probe = Thing::probe(&trace, "outer");
    drop(outer.spawn(async move {
        let _own = (inner, probe);
        pending::<()>().await;
    }));
    run(&mut executor);
    let closing = outer.close();
    run(&mut executor);
    assert_eq!(trace.take(), ["drop outer", "drop inner"]);
    assert_eq!(counts(now(closing).unwrap()), [2, 1, 1, 0, 0, 0]);
    drop(spawner);
    comes_to_rest(executor);
}

#[test]
fn an_inner_scope_goes_without_the_outer_one() {
    let mut executor = Executor::<Effect>::new();
    let outer = executor.spawner().scope();
    let inner = outer.scope();
    let (one, two) = (outer.spawn(pending::<()>()), inner.spawn(pending::<()>()));
    run(&mut executor);
    drop(inner);
    run(&mut executor);
    assert_eq!((one.is_finished(), end(two)), (false, "Aborted".into()));
    assert!(!outer.is_closed());
    let closing = outer.close();
    run(&mut executor);
    assert_eq!(
        counts(now(closing).unwrap()),
        [1, 0, 0, 0, 0, 1],
        "what ended before is no part of what the close has cancelled"
    );
    assert!(end(one) == "Aborted");
    comes_to_rest(executor);
}

#[test]
fn a_leaked_scope_is_closed_with_the_one_around_it_and_with_its_executor() {
    let mut executor = Executor::<Effect>::new();
    let spawner = executor.spawner();
    let outer = spawner.scope();
    let inner = outer.scope();
    let kept = inner.spawner();
    let task = inner.spawn(pending::<()>());
    let other = spawner.scope();
    let last = other.spawn(pending::<()>());
    // Until all is over: as good as leaked.
    let _leaked = (inner, other);
    run(&mut executor);
    drop(outer);
    run(&mut executor);
    assert_eq!((end(task), kept.is_closed()), ("Aborted".into(), true));
    let report = executor.teardown();
    assert_eq!((report.tasks, end(last)), (1, "TornDown".into()));
    report.assert_baseline();
}

// --- spawning ---

#[test]
fn nobody_spawns_in_a_closed_scope_or_in_one_within_it() {
    let mut executor = Executor::<Effect>::new();
    let outer = executor.spawner().scope();
    let inner = outer.scope();
    let (left, within) = (outer.spawner(), inner.spawner());
    drop(outer);
    for spawner in [&left, &within] {
        assert!(spawner.is_closed());
        let rejected = spawner.try_spawn(async { 7 }).unwrap_err();
        assert!(rejected.is_closed() && !rejected.is_full());
        assert_eq!(rejected.to_string(), "the scope is closed");
        assert_eq!(now(rejected.into_inner()), Some(7));
        assert_eq!(end(spawner.spawn(async {})), "Aborted");
        assert_eq!(end(spawner.latest("key").spawn(async {})), "Aborted");
        let late = spawner.scope();
        assert!(late.is_closed());
        assert!(late.try_spawn(async {}).is_err());
        assert_eq!(counts(now(late.close()).unwrap()), [0; 6]);
    }
    // The same in a turn, in which the executor has not heard of it and in one in which it has.
    for _ in 0..2 {
        let spawners = [left.clone(), within.clone()];
        let task = executor.spawn(async move {
            spawners.map(|spawner| {
                let late = spawner.scope();
                [
                    spawner.try_spawn(async {}).is_err(),
                    late.try_spawn(async {}).is_err(),
                    late.close().now_or_never().is_some(),
                ]
            })
        });
        run(&mut executor);
        assert_eq!(now(task).unwrap().unwrap(), [[true; 3]; 2]);
    }
    drop((left, within, inner));
    run(&mut executor);
    assert_eq!(executor.totals().tasks, 2);
    comes_to_rest(executor);
}

#[test]
fn an_executor_that_is_torn_down_says_so_and_not_that_a_scope_is_closed() {
    let executor = Executor::<Effect>::new();
    let scope = executor.spawner().scope();
    executor.teardown().assert_baseline();
    let rejected = scope.try_spawn(async {}).unwrap_err();
    assert_eq!(rejected.to_string(), "the executor is torn down");
    assert_eq!(end(scope.spawn(async {})), "TornDown");
    assert!(scope.is_closed() && scope.scope().is_closed());
}

#[test]
fn a_scopes_spawners_do_not_close_it_and_may_outlive_it() {
    let mut executor = Executor::<Effect>::new();
    let scope = executor.spawner().scope();
    let spawner = scope.spawner();
    drop(spawner.clone());
    let task = spawner.spawn(async { 1 });
    run(&mut executor);
    assert_eq!(end(task), "1");
    assert!(!spawner.is_closed());
    let closing = scope.close();
    run(&mut executor);
    assert_eq!(counts(now(closing).unwrap()), [0, 0, 0, 1, 0, 0]);
    assert_eq!(format!("{spawner:?}"), "Spawner(closed)");
    drop(spawner);
    comes_to_rest(executor);
}

#[test]
fn a_scope_takes_local_futures_where_its_spawner_does() {
    let (mut executor, trace) = (LocalExecutor::<Effect>::new(), Trace::new());
    let spawner: LocalSpawner = executor.local_spawner();
    let scope: Scope<LocalSpawner> = spawner.name("screen").scope();
    let inner = scope.scope();
    let (rc, told) = (std::rc::Rc::new(Thing::probe(&trace, "rc")), trace.clone());
    let task = inner.name("local").spawn(async move {
        let _rc = rc;
        told.push("polled");
        pending::<()>().await;
    });
    let old = scope.latest(1).name("old").spawn(pending::<()>());
    let new = scope.latest(1).spawn(async { std::rc::Rc::new(2) });
    let _ = executor.run_until_stalled();
    assert!(old.is_finished() && *now(new).unwrap().unwrap() == 2);
    let closing = scope.close();
    let _ = executor.run_until_stalled();
    assert_eq!(trace.take(), ["polled", "drop rc"]);
    assert!(now(task).unwrap().unwrap_err().is_aborted());
    let report = now(closing).unwrap();
    assert_eq!(
        (report.name, counts(report)),
        (Some("screen"), [1, 0, 1, 1, 0, 1])
    );
    assert!(
        now(inner.spawn(async {}))
            .unwrap()
            .unwrap_err()
            .is_aborted()
    );
    executor.teardown().assert_baseline();
}

// --- awaiting the end ---

#[test]
fn who_awaits_a_close_may_be_on_another_executor_or_another_thread() {
    let mut executor = Executor::<Effect>::new();
    let (here, there) = (executor.spawner().scope(), executor.spawner().scope());
    for scope in [&here, &there] {
        drop(scope.spawn(pending::<()>()));
    }
    run(&mut executor);
    let mut other = Executor::<Effect>::new();
    let awaiting = other.spawn(async move { counts(here.close().await) });
    let waits = thread::spawn(move || counts(futures::executor::block_on(there.close())));
    run(&mut other);
    assert!(!awaiting.is_finished());
    while !waits.is_finished() {
        run(&mut executor);
        thread::yield_now();
    }
    run(&mut other);
    assert_eq!(waits.join().unwrap(), [1, 0, 0, 0, 0, 0]);
    assert_eq!(end(awaiting), "[1, 0, 0, 0, 0, 0]");
    comes_to_rest(executor);
    comes_to_rest(other);
}

#[test]
fn a_close_is_over_only_when_everything_is_dropped() {
    let (mut executor, trace) = (Executor::<Effect>::new(), Trace::new());
    let spawner = executor.spawner();
    let outer = spawner.scope();
    let inner = outer.scope();
    let (first, second) = (
        Thing::probe(&trace, "first"),
        Thing::probe(&trace, "second"),
    );
    drop(outer.spawn(async move {
        let _first = first;
        pending::<()>().await;
    }));
    drop(inner.spawn(async move {
        let _second = second;
        pending::<()>().await;
    }));
    run(&mut executor);
    let mut closing = outer.close();
    for expected in [vec!["drop first"], vec!["drop second"]] {
        assert!((&mut closing).now_or_never().is_none());
        assert_eq!(executor.run_for(1).polled, 1);
        assert_eq!(trace.take(), expected);
    }
    assert!(now(closing).is_some());
}

#[test]
fn a_close_that_nobody_awaits_any_more_closes_all_the_same() {
    let mut executor = Executor::<Effect>::new();
    let scope = executor.spawner().scope();
    let task = scope.spawn(pending::<()>());
    run(&mut executor);
    let mut closing = scope.close();
    assert!((&mut closing).now_or_never().is_none());
    drop(closing);
    run(&mut executor);
    assert_eq!(end(task), "Aborted");
    comes_to_rest(executor);
}

#[test]
#[should_panic(expected = "polled after it gave its report")]
fn a_close_gives_one_report() {
    let executor = Executor::<Effect>::new();
    let scope = executor.spawner().scope();
    drop(executor);
    let mut closing = scope.close();
    assert!((&mut closing).now_or_never().is_some());
    assert!(futures::future::FusedFuture::is_terminated(&closing));
    let _ = closing.now_or_never();
}

#[test]
fn a_waker_that_panics_when_a_scope_is_at_rest_harms_nobody() {
    let mut executor = Executor::<Effect>::new();
    let scope = executor.spawner().scope();
    drop(scope.spawn(pending::<()>()));
    let mut closing = scope.close();
    let waker = waker_that(|| std::panic::resume_unwind(Box::new(())));
    let polled = closing.poll_unpin(&mut std::task::Context::from_waker(&waker));
    assert!(polled.is_pending());
    run(&mut executor);
    assert_eq!(now(closing).unwrap().tasks, 1);
    drop(waker);
    comes_to_rest(executor);
}

#[test]
fn an_empty_scope_is_at_rest_at_once_in_a_turn_and_by_the_next_turn_outside() {
    let mut executor = Executor::<Effect>::new();
    let spawner = executor.spawner();
    let within = spawner.clone();
    let task = executor.spawn(async move { within.scope().close().now_or_never().is_some() });
    let mut closing = spawner.scope().close();
    assert!((&mut closing).now_or_never().is_none());
    run(&mut executor);
    assert_eq!(
        (end(task), counts(now(closing).unwrap())),
        ("true".into(), [0; 6])
    );
    drop(spawner);
    comes_to_rest(executor);
}

#[test]
fn a_scope_that_was_closed_with_the_one_around_it_still_gives_its_own_report() {
    let mut executor = Executor::<Effect>::new();
    let outer = executor.spawner().scope();
    let inner = outer.name("inner").scope();
    drop(inner.spawn(pending::<()>()));
    drop(outer.spawn(async {}));
    run(&mut executor);
    let closing = outer.close();
    run(&mut executor);
    let mut late = inner.close();
    run(&mut executor);
    let report = now(&mut late).unwrap();
    assert_eq!(
        (report.name, counts(report)),
        (Some("inner"), [1, 0, 0, 0, 0, 0])
    );
    assert_eq!(counts(now(closing).unwrap()), [1, 0, 1, 1, 0, 0]);
    comes_to_rest(executor);
}

// --- the report ---

#[test]
fn a_report_counts_every_way_in_which_a_task_can_end() {
    let mut executor = Executor::<Effect>::new();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let place = line!() + 1;
    let scope = spawner.name("all").scope();
    drop(scope.spawn(async {}));
    drop(scope.spawn(async { std::panic::resume_unwind(Box::new(())) }));
    scope.spawn(pending::<()>()).abort();
    drop(scope.latest("key").spawn(pending::<()>()));
    drop(scope.latest("key").spawn(pending::<()>()));
    let both = shell.clone();
    drop(scope.spawn(async move {
        let mut ticks = both.subscribe(Ticks(0));
        futures::join!(both.request(Ask(0)), both.request(Ask(1)), ticks.next())
            .0
            .is_ok()
    }));
    let inner = scope.scope();
    drop(inner.spawn(asking(shell.clone(), Thing::quiet())));
    let other = spawner.spawn(asking(shell, Thing::quiet()));
    run(&mut executor);
    let closing = scope.close();
    run(&mut executor);
    let report = now(closing).unwrap();
    assert_eq!(counts(report), [3, 4, 1, 1, 1, 2]);
    assert_eq!((report.place.file(), report.place.line()), (file!(), place));
    let (file, text) = (file!(), report.to_string());
    assert!(
        text.starts_with(&format!("scope \"all\" ({file}:{place}:"))
            && text.ends_with(
                "cancelled 3 tasks, 4 requests and 1 scopes; before, 1 tasks completed, 1 panicked and 2 were aborted"
            ),
        "{text}"
    );
    assert!(!other.is_finished());
}

#[test]
fn requests_that_others_hold_are_not_cancelled_and_not_counted() {
    let mut executor = Executor::<Effect>::new();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let scope = spawner.scope();
    let (give, take) = std::sync::mpsc::channel();
    drop(scope.spawn(async move {
        let mut request = shell.request(Ask(0));
        poll_fn(|cx| Poll::Ready(request.poll_unpin(cx).is_pending())).await;
        give.send(request).unwrap();
        pending::<()>().await;
    }));
    run(&mut executor);
    let taken = spawner.spawn(take.recv().unwrap());
    run(&mut executor);
    let request = ask(&mut executor);
    let closing = scope.close();
    run(&mut executor);
    assert_eq!(counts(now(closing).unwrap()), [1, 0, 0, 0, 0, 0]);
    executor.resolve(request.resolver, 5).unwrap();
    run(&mut executor);
    assert_eq!(end(taken), "Ok(5)");
    drop(spawner);
    comes_to_rest(executor);
}

// --- the latest of a key ---

#[test]
fn a_later_task_under_a_key_ends_the_one_before() {
    let (mut executor, trace) = (Executor::<Effect>::new(), Trace::new());
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let search = |name: &'static str| {
        spawner
            .latest("search")
            .name(name)
            .spawn(asking(shell.clone(), Thing::probe(&trace, name)))
    };
    let first = search("first");
    run(&mut executor);
    let second = search("second");
    let bystander = spawner.latest("other").spawn(pending::<()>());
    assert_eq!(trace.take(), [""; 0]);
    run(&mut executor);
    assert_eq!(
        (trace.take(), end(first)),
        (vec!["drop first".to_owned()], "Aborted".to_owned())
    );
    assert_eq!(
        drained(&mut executor),
        ["ask 0"],
        "the first one's effect was not taken, and is gone"
    );
    assert!(!bystander.is_finished() && !second.is_finished());
    second.abort();
    run(&mut executor);
    let third = search("third");
    run(&mut executor);
    assert!(
        !third.is_finished(),
        "nobody is ended twice, and nobody for one that has ended"
    );
    assert_eq!(executor.teardown().tasks, 2);
}

#[test]
fn the_one_before_is_dropped_before_the_later_one_is_polled() {
    let (mut executor, trace) = (Executor::<Effect>::new(), Trace::new());
    let spawner = executor.spawner();
    let before = Thing::probe(&trace, "before");
    drop(spawner.latest(1).spawn(async move {
        let _before = before;
        pending::<()>().await;
    }));
    run(&mut executor);
    let (within, told) = (spawner.clone(), trace.clone());
    drop(spawner.spawn(async move {
        within.latest(1).spawn(async move { told.push("later") });
    }));
    run(&mut executor);
    assert_eq!(trace.take(), ["drop before", "later"]);
}

#[test]
fn a_task_that_spawns_its_own_successor_goes_on_to_the_end_of_its_poll() {
    let (mut executor, trace) = (Executor::<Effect>::new(), Trace::new());
    let spawner = executor.spawner();
    let (within, told) = (spawner.clone(), trace.clone());
    let task = spawner.latest("key").spawn(async move {
        let tell = told.clone();
        drop(
            within
                .latest("key")
                .spawn(async move { tell.push("successor") }),
        );
        told.push("goes on");
        pending::<()>().await;
    });
    run(&mut executor);
    assert_eq!(trace.take(), ["goes on", "successor"]);
    assert_eq!(end(task), "Aborted");
}

#[test]
fn a_key_is_of_its_scope_and_of_its_kind() {
    let mut executor = Executor::<Effect>::new();
    let spawner = executor.spawner();
    let (one, two) = (spawner.scope(), spawner.scope());
    let spawners: [Spawner; 4] = [
        spawner.clone(),
        one.spawner(),
        two.spawner(),
        one.scope().spawner(),
    ];
    let keys: [Key; 5] = [
        "1".into(),
        1.into(),
        ("", 1).into(),
        ("1", 1).into(),
        ("1", 2).into(),
    ];
    let tasks: Vec<_> = spawners[..3]
        .iter()
        .flat_map(|spawner| {
            keys.clone()
                .map(|key| spawner.latest(key).spawn(pending::<()>()))
        })
        .collect();
    run(&mut executor);
    assert_eq!(tasks.iter().filter(|task| task.is_finished()).count(), 0);
    let again: Vec<_> = (spawners[1..2].iter())
        .flat_map(|spawner| {
            keys.clone()
                .map(|key| spawner.latest(key).spawn(pending::<()>()))
        })
        .collect();
    run(&mut executor);
    let ended: Vec<_> = (0..15).filter(|task| tasks[*task].is_finished()).collect();
    assert_eq!(ended, [5, 6, 7, 8, 9]);
    assert_eq!(Key::from("a".to_owned()), Key::from("a"));
    assert_eq!(Key::from(("a".to_owned(), 1)), Key::from(("a", 1)));
    drop(again);
}

// --- teardown ---

#[test]
fn a_scope_that_outlives_its_executor_is_harmless() {
    for by_teardown in [true, false] {
        let mut executor = Executor::<Effect>::new();
        let (dropped, closed) = (executor.spawner().scope(), executor.spawner().scope());
        let within = closed.scope();
        let task = within.spawn(pending::<()>());
        run(&mut executor);
        let report = by_teardown.then(|| executor.teardown());
        assert_eq!(end(task), "TornDown");
        assert_eq!(
            report
                .as_ref()
                .map_or(2, |report| report.outstanding.spawners),
            if by_teardown { 3 } else { 2 }
        );
        drop(dropped);
        assert_eq!(counts(now(closed.close()).unwrap()), [0; 6]);
        assert!(report.as_ref().is_none_or(|report| !report.is_unloadable()));
        drop(within);
        assert!(report.is_none_or(|report| report.is_baseline() && report.is_unloadable()));
    }
}

#[test]
fn a_scope_that_goes_with_a_future_during_a_teardown_harms_nothing() {
    let (mut executor, trace) = (Executor::<Effect>::new(), Trace::new());
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let scope = spawner.scope();
    let task = scope.spawn(asking(shell, Thing::probe(&trace, "within")));
    let late = Arc::new(Mutex::new(None));
    let (keep, within) = (Arc::clone(&late), scope.spawner());
    drop(spawner.spawn(async move {
        let _guard = Thing::new(move || {
            let refused = within.try_spawn(async {}).is_err();
            let inner = within.scope();
            let closing = scope.close();
            *keep.lock().unwrap() = Some((refused, inner.is_closed(), closing, inner));
        });
        pending::<()>().await;
    }));
    run(&mut executor);
    drop(spawner);
    let report = executor.teardown();
    assert_eq!(
        (report.tasks, end(task)),
        (2, "TornDown".into()),
        "the teardown came first"
    );
    assert_eq!(trace.take(), ["drop within"]);
    let (refused, is_closed, closing, inner) = late.lock().unwrap().take().unwrap();
    assert!(refused && is_closed);
    assert_eq!(
        now(closing).map(|report| report.scopes),
        Some(0),
        "it does not wait for ever"
    );
    drop(inner);
    report.assert_baseline();
    assert!(report.is_unloadable());
}

#[test]
fn a_close_that_a_teardown_overtakes_is_over_when_the_teardown_is() {
    for by_teardown in [true, false] {
        let mut executor = Executor::<Effect>::new();
        let (spawner, shell) = (executor.spawner(), executor.shell());
        let scope = spawner.scope();
        let tasks = [
            scope.spawn(asking(shell.clone(), Thing::quiet())),
            scope.scope().spawn(pending::<()>()),
        ];
        run(&mut executor);
        let late = scope.spawn(pending::<()>());
        let closing = scope.close();
        match by_teardown {
            true => executor.teardown().assert_baseline().emitted.len(),
            false => {
                drop(executor);
                0
            }
        };
        assert_eq!(
            tasks.map(end),
            ["Aborted", "Aborted"],
            "the close came first"
        );
        assert_eq!(end(late), "Aborted");
        assert_eq!(counts(now(closing).unwrap()), [2, 1, 0, 0, 0, 1]);
    }
}

#[test]
fn a_close_under_way_on_another_thread_meets_a_teardown() {
    for _ in 0..rounds(2_000, 300) {
        let mut executor = Executor::<Effect>::new();
        let scope = executor.spawner().scope();
        let task = scope.spawn(asking(executor.shell(), Thing::quiet()));
        run(&mut executor);
        let other = thread::spawn(move || futures::executor::block_on(scope.close()));
        let report = executor.teardown();
        let scope = other.join().unwrap();
        match end(task).as_str() {
            "Aborted" => assert_eq!((scope.tasks, scope.requests), (1, 1)),
            "TornDown" => assert!(scope.tasks <= 1),
            other => panic!("{other}"),
        }
        report.assert_baseline();
        assert!(report.is_unloadable());
    }
}

#[test]
fn scopes_that_are_out_are_listed_with_the_spawners() {
    let executor = Executor::<Effect>::new();
    let scope = executor.spawner().scope();
    let inner = scope.scope();
    let within = inner.spawner();
    let report = executor.teardown();
    assert_eq!(
        report.outstanding.spawners, 2,
        "each scope once, with its spawners"
    );
    drop((scope, inner));
    assert!(!report.is_unloadable());
    drop(within);
    assert!(report.is_unloadable());
}

#[test]
fn a_close_that_is_out_is_code_that_is_still_to_run() {
    for by_poll in [true, false] {
        let executor = Executor::<Effect>::new();
        let mut closing = executor.spawner().scope().close();
        let report = executor.teardown();
        assert!(report.is_baseline() && !report.is_unloadable());
        match by_poll {
            true => assert!((&mut closing).now_or_never().is_some()),
            false => drop(closing),
        }
        assert!(report.is_unloadable());
    }
}

#[test]
fn what_is_printed_says_whether_it_is_open() {
    let executor = LocalExecutor::<Effect>::new();
    let scope = executor.spawner().scope();
    let local = executor.local_spawner().scope();
    assert_eq!(
        format!("{scope:?} {local:?}"),
        "Scope(Spawner(open)) Scope(LocalSpawner(open))"
    );
    assert!(format!("{:?}", scope.latest("a").name("b")).contains("\"b\""));
    let inner = scope.scope();
    let closing = scope.close();
    assert_eq!(
        format!("{inner:?} {closing:?}"),
        "Scope(Spawner(closed)) Close { finished: false }"
    );
}

// --- between threads ---

#[test]
fn a_scope_may_be_made_used_and_closed_on_other_threads() {
    let mut executor = Executor::<Effect>::new();
    let spawner = executor.spawner();
    let (scope, _inner, tasks) = thread::spawn(move || {
        let scope = spawner.scope();
        let inner = scope.scope();
        let tasks = [scope.spawn(pending::<()>()), inner.spawn(pending::<()>())];
        (scope, inner, tasks)
    })
    .join()
    .unwrap();
    run(&mut executor);
    assert!(!tasks.iter().any(stillpoint::JoinHandle::is_finished));
    let closing = thread::spawn(move || scope.close()).join().unwrap();
    run(&mut executor);
    assert_eq!(tasks.map(end), ["Aborted", "Aborted"]);
    assert_eq!(counts(now(closing).unwrap()), [2, 0, 1, 0, 0, 0]);
}

#[test]
fn a_task_uses_a_scope_that_the_executor_has_not_heard_of() {
    // Made outside while a turn is under way, of which the mailbox still holds the news.
    for way in 0..4 {
        let mut executor = Executor::<Effect>::new();
        let (spawner, outside) = (executor.spawner(), executor.spawner());
        let task = spawner.spawn(async move {
            let (outer, inner) = thread::spawn(move || {
                let outer = outside.scope();
                let inner = outer.scope();
                (outer, inner)
            })
            .join()
            .unwrap();
            match way {
                0 => {
                    let task = inner.spawn(pending::<()>());
                    drop(outer);
                    (
                        task.await.unwrap_err().is_aborted(),
                        inner.close().await.tasks,
                    )
                }
                1 => {
                    drop(outer);
                    (inner.is_closed(), inner.close().await.tasks)
                }
                2 => {
                    drop(inner);
                    (
                        outer.spawn(async {}).await.is_ok(),
                        outer.close().await.scopes,
                    )
                }
                _ => {
                    let task = inner.spawn(pending::<()>());
                    let report = outer.close().await;
                    (
                        task.is_finished(),
                        report.tasks + report.scopes + usize::from(inner.is_closed()),
                    )
                }
            }
        });
        run(&mut executor);
        let expected = ["(true, 1)", "(true, 0)", "(true, 0)", "(true, 3)"][way];
        assert_eq!(end(task), expected, "{way}");
        drop(spawner);
        comes_to_rest(executor);
    }
}

#[test]
fn spawns_that_race_with_a_close_are_refused_or_end_by_it_and_are_waited_for() {
    for round in 0..rounds(3_000, 300) {
        let (mut executor, alive) = (Executor::<Effect>::new(), Arc::new(()));
        let outer = executor.spawner().scope();
        let inner = outer.scope();
        let polled = Arc::new(Mutex::new(false));
        run(&mut executor);
        let spawning: Vec<_> = [outer.spawner(), inner.spawner()]
            .into_iter()
            .map(|spawner| {
                let (alive, polled) = (Arc::clone(&alive), Arc::clone(&polled));
                thread::spawn(move || {
                    let mut tasks = Vec::new();
                    for _ in 0..4 {
                        let (alive, polled) = (Arc::clone(&alive), Arc::clone(&polled));
                        let late = spawner.scope();
                        let spawned = late.latest("key").try_spawn(async move {
                            let _alive = alive;
                            assert!(!*polled.lock().unwrap(), "polled after the report");
                            pending::<()>().await;
                        });
                        tasks.extend(spawned);
                        tasks.extend(spawner.latest("key").try_spawn(pending::<()>()));
                    }
                    tasks
                })
            })
            .collect();
        let report = if round % 2 == 0 {
            let closing = thread::spawn(move || futures::executor::block_on(outer.close()));
            while !closing.is_finished() {
                run(&mut executor);
            }
            closing.join().unwrap()
        } else {
            let (tell, told) = std::sync::mpsc::channel();
            drop(executor.spawn(async move {
                let _ = tell.send(outer.close().await);
            }));
            loop {
                run(&mut executor);
                if let Ok(report) = told.try_recv() {
                    break report;
                }
            }
        };
        *polled.lock().unwrap() = true;
        let mut accepted = 0;
        for thread in spawning {
            for task in thread.join().unwrap() {
                assert_eq!(
                    end(task),
                    "Aborted",
                    "what was accepted has ended by the report"
                );
                accepted += 1;
            }
        }
        assert_eq!(report.tasks + report.aborted, accepted);
        assert_eq!(Arc::strong_count(&alive), 1);
        drop(inner);
        run(&mut executor);
        comes_to_rest(executor);
    }
}

#[test]
fn what_a_close_in_a_turn_overtakes_ends_unpolled_and_is_waited_for() {
    let (mut executor, trace) = (Executor::<Effect>::new(), Trace::new());
    let scope = executor.spawner().scope();
    run(&mut executor);
    let (within, told) = (scope.spawner(), trace.clone());
    let probe = Thing::probe(&trace, "late");
    let closing = executor.spawn(async move {
        let tell = told.clone();
        let spawn = move || {
            within.spawn(async move {
                let _probe = probe;
                tell.push("polled");
                pending::<()>().await;
            })
        };
        let late = thread::spawn(spawn).join().unwrap();
        let report = scope.close().await;
        told.push("closed");
        (report.tasks, late.await.unwrap_err().is_aborted())
    });
    run(&mut executor);
    assert_eq!(trace.take(), ["drop late", "closed"]);
    assert_eq!(end(closing), "(1, true)");
    comes_to_rest(executor);
}

#[test]
fn latest_tasks_of_several_threads_leave_one() {
    for _ in 0..rounds(1_000, 200) {
        let mut executor = Executor::<Effect>::new();
        let scope = executor.spawner().scope();
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let spawner = scope.spawner();
                thread::spawn(move || {
                    [(); 3].map(|()| spawner.latest("key").spawn(pending::<()>()))
                })
            })
            .collect();
        while threads.iter().any(|thread| !thread.is_finished()) {
            run(&mut executor);
        }
        run(&mut executor);
        let tasks = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap());
        assert_eq!(tasks.filter(|task| !task.is_finished()).count(), 1);
        assert_eq!(executor.teardown().tasks, 1);
    }
}

// --- many, and deep ---

#[test]
fn a_scope_of_many_and_many_scopes_of_one_close_in_linear_time() {
    let count = if cfg!(miri) { 100 } else { 20_000 };
    let mut executor = Executor::<Effect>::new();
    let spawner = executor.spawner();
    let one = spawner.scope();
    let task = executor.spawn(async move {
        // Ready and never polled, each closed by itself: to look for one among the others would take minutes.
        let many: Vec<_> = (0..count).map(|_| spawner.scope()).collect();
        for scope in &many {
            drop(scope.spawn(pending::<()>()));
            drop(one.spawn(pending::<()>()));
        }
        drop(many);
        for _ in 0..count {
            drop(one.latest("key").spawn(pending::<()>()));
        }
        one.close().await
    });
    let settled = executor.run_until_stalled();
    assert_eq!(settled.aborted, 3 * count);
    assert_eq!(
        counts(now(task).unwrap().unwrap()),
        [2 * count, 0, 0, 0, 0, 0],
        "all of them were ready when it was closed, also those that a later one has ended"
    );
    comes_to_rest(executor);
}

#[test]
fn scopes_nest_as_deep_as_there_is_memory() {
    let depth = if cfg!(miri) { 50 } else { 10_000 };
    let mut executor = Executor::<Effect>::new();
    let spawner = executor.spawner();
    let task = executor.spawn(async move {
        let mut scopes = vec![spawner.scope()];
        for _ in 1..depth {
            let inner = scopes[scopes.len() - 1].scope();
            scopes.push(inner);
        }
        let innermost = scopes[depth - 1].spawner();
        drop(innermost.spawn(pending::<()>()));
        let outermost = scopes.swap_remove(0);
        let report = outermost.close().await;
        drop(scopes);
        (counts(report), innermost)
    });
    run(&mut executor);
    let (report, innermost) = now(task).unwrap().unwrap();
    assert_eq!(report, [1, 0, depth - 1, 0, 0, 0]);
    assert!(innermost.is_closed());
    drop(innermost);
    comes_to_rest(executor);
}

// --- destructors ---

#[test]
fn a_destructor_that_spawns_closes_and_panics_ends_with_its_scope() {
    let (mut executor, trace) = (Executor::<Effect>::new(), Trace::new());
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let outer = spawner.scope();
    let inner = outer.scope();
    let other = spawner.scope();
    let victim = other.spawn(asking(shell.clone(), Thing::probe(&trace, "victim")));
    let (within, told) = (outer.spawner(), trace.clone());
    drop(outer.spawn(async move {
        let _guard = Thing::new(move || {
            told.push(format!("spawn {}", within.try_spawn(async {}).is_ok()));
            let _ = shell.notify(Say("bye"));
            drop((inner, other));
            panic!("in a destructor");
        });
        pending::<()>().await;
    }));
    run(&mut executor);
    drained(&mut executor);
    let closing = outer.close();
    let unwound = std::panic::catch_unwind(AssertUnwindSafe(|| run(&mut executor)));
    assert!(unwound.is_ok());
    assert_eq!(trace.take(), ["spawn false", "drop victim"]);
    assert_eq!(drained(&mut executor), ["say bye"]);
    assert_eq!(counts(now(closing).unwrap()), [1, 0, 1, 0, 0, 0]);
    assert!(matches!(now(victim), Some(Err(JoinError::Aborted))));
    drop(spawner);
    comes_to_rest(executor);
}
