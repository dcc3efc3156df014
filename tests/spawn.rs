//! Rules 1, 6 and 8: how tasks begin, in which order, and how they end.

mod support;

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn, ready};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures::FutureExt;
use futures::future::FusedFuture;
use futures::task::{LocalSpawn, LocalSpawnExt, Spawn, SpawnExt};
use stillpoint::{Executor, JoinError, LocalExecutor, Spawner};
use support::*;

fn executor() -> Executor<Effect> {
    Executor::new()
}

#[test]
fn rule_01_nothing_runs_before_the_executor_is_driven() {
    let trace = Trace::new();
    let mut executor = executor();
    let poll = trace.clone();
    let task = executor.spawner().spawn(async move { poll.push("poll") });
    trace.push("spawned");
    let _ = (
        executor.snapshot(),
        executor.totals(),
        executor.drain().count(),
    );
    trace.push("looked");
    assert!(!task.is_finished());
    let settled = executor.run_until_stalled();
    assert_eq!(trace.take(), ["spawned", "looked", "poll"]);
    assert_eq!(
        (settled.polled, settled.completed, settled.pending),
        (1, 1, 0)
    );
    assert!(task.is_finished());
}

#[test]
fn rule_01_spawning_on_an_idle_executor_makes_it_busy_again() {
    let mut executor = executor();
    for _ in 0..3 {
        assert_eq!(executor.run_until_stalled().polled, 0);
        executor.spawner().spawn(async {}).detach_by_drop();
        assert_eq!(executor.run_until_stalled().completed, 1);
    }
}

trait DetachByDrop: Sized {
    fn detach_by_drop(self) {}
}
impl<T> DetachByDrop for T {}

#[test]
fn rule_01_an_answer_by_the_host_polls_nothing() {
    let trace = Trace::new();
    let mut executor = executor();
    let (shell, poll) = (executor.shell(), trace.clone());
    drop(executor.spawner().spawn(async move {
        let _ = shell.request(Ask(1)).await;
        poll.push("answered");
    }));
    run(&mut executor);
    let request = ask(&mut executor);
    executor.resolve(request.resolver, 1).unwrap();
    trace.push("resolved");
    let _ = executor.drain().next();
    trace.push("drained");
    run(&mut executor);
    assert_eq!(trace.take(), ["resolved", "drained", "answered"]);
}

#[test]
fn rule_06_every_end_completes_the_join_handle_with_its_reason() {
    let mut executor = executor();
    let spawner = executor.spawner();
    let done = spawner.spawn(async { 7 });
    let panicked = spawner.spawn(async { panic!("oh") as () });
    let aborted = spawner.spawn(pending::<()>());
    let torn_down = spawner.spawn(pending::<()>());
    let never_polled = {
        aborted.abort();
        run(&mut executor);
        spawner.spawn(async {})
    };
    executor.teardown().assert_baseline();
    let refused = spawner.spawn(async {});
    assert!(refused.is_finished());
    assert_eq!(
        [
            end(done),
            end(panicked),
            end(aborted),
            end(torn_down),
            end(never_polled),
            end(refused)
        ],
        [
            "7",
            "panicked oh",
            "Aborted",
            "TornDown",
            "TornDown",
            "TornDown"
        ]
    );
}

#[test]
fn rule_06_a_reason_is_one_of_three() {
    let reasons = [
        JoinError::Aborted,
        JoinError::Panicked(Box::new("oh")),
        JoinError::TornDown,
    ];
    assert_eq!(
        reasons.map(|reason| [
            reason.is_aborted(),
            reason.is_panicked(),
            reason.is_torn_down()
        ]),
        [
            [true, false, false],
            [false, true, false],
            [false, false, true]
        ]
    );
}

#[test]
fn rule_06_an_executor_that_is_dropped_completes_them_too() {
    let mut executor = executor();
    let spawner = executor.spawner();
    let (first, done) = (spawner.spawn(pending::<()>()), spawner.spawn(async { 1 }));
    run(&mut executor);
    let second = spawner.spawn(pending::<()>());
    drop(executor);
    assert_eq!(
        [end(first), end(second), end(done)],
        ["TornDown", "TornDown", "1"]
    );
}

#[test]
fn rule_06_a_poll_that_returned_ready_wins_over_an_abort_within_it() {
    let mut executor = executor();
    let own = Arc::new(std::sync::Mutex::new(None::<stillpoint::JoinHandle<u32>>));
    let within = Arc::clone(&own);
    *own.lock().unwrap() = Some(executor.spawner().spawn(async move {
        within.lock().unwrap().as_ref().unwrap().abort();
        5
    }));
    let settled = executor.run_until_stalled();
    assert_eq!((settled.completed, settled.aborted), (1, 0));
    assert_eq!(end(own.lock().unwrap().take().unwrap()), "5");
}

#[test]
fn rule_06_the_first_cause_wins_an_abort_before_the_teardown() {
    let mut executor = executor();
    let task = executor.spawner().spawn(pending::<()>());
    run(&mut executor);
    task.abort();
    executor.teardown().assert_baseline();
    assert_eq!(end(task), "Aborted");
}

#[test]
fn rule_06_the_first_cause_wins_a_teardown_before_an_abort_from_a_destructor() {
    let mut executor = executor();
    let spawner = executor.spawner();
    let handle = Arc::new(std::sync::Mutex::new(None::<stillpoint::JoinHandle<()>>));
    let for_drop = Arc::clone(&handle);
    let held = Thing::new(move || {
        if let Some(task) = &*for_drop.lock().unwrap() {
            task.abort();
        }
    });
    drop(spawner.spawn(async move {
        let _held = held;
        pending::<()>().await
    }));
    *handle.lock().unwrap() = Some(spawner.spawn(pending::<()>()));
    run(&mut executor);
    executor.teardown().assert_baseline();
    let task = handle.lock().unwrap().take().unwrap();
    assert_eq!(end(task), "TornDown", "the teardown had begun before");
}

#[test]
fn rule_06_the_first_cause_wins_an_abort_before_a_panic_in_the_same_poll() {
    let told = Trace::new();
    let tell = told.clone();
    let mut executor: Executor<Effect> = Executor::builder()
        .on_panic(move |panic| tell.push(panic.message()))
        .build();
    let own = Arc::new(std::sync::Mutex::new(None::<stillpoint::JoinHandle<()>>));
    let within = Arc::clone(&own);
    *own.lock().unwrap() = Some(executor.spawner().spawn(async move {
        within.lock().unwrap().as_ref().unwrap().abort();
        panic!("after the abort");
    }));
    run(&mut executor);
    let task = own.lock().unwrap().take().unwrap();
    assert_eq!(
        end(task),
        "Aborted",
        "the abort came first, no poll returned ready"
    );
    run(&mut executor);
    assert_eq!(told.take(), ["after the abort"]);
}

#[test]
fn rule_06_an_output_waits_for_its_handle_and_is_given_once() {
    let trace = Trace::new();
    let mut executor = executor();
    let thing = Thing::probe(&trace, "output");
    let mut task = executor.spawner().spawn(async move { thing });
    run(&mut executor);
    assert_eq!(trace.take(), [""; 0]);
    assert!(!task.is_terminated());
    let output = (&mut task).now_or_never().unwrap().unwrap();
    assert!(task.is_terminated() && task.is_finished());
    drop(output);
    assert_eq!(trace.take(), ["drop output"]);
    drop(task);
    executor.teardown().assert_baseline();
}

#[test]
fn rule_06_a_detached_tasks_output_is_dropped_where_it_ends() {
    let trace = Trace::new();
    let mut executor = executor();
    let (thing, poll) = (Thing::probe(&trace, "output"), trace.clone());
    drop(executor.spawner().spawn(async move {
        poll.push("poll");
        thing
    }));
    run(&mut executor);
    trace.push("settled");
    assert_eq!(trace.take(), ["poll", "drop output", "settled"]);
}

#[test]
fn rule_06_a_joiner_is_woken_by_every_end() {
    let mut executor = executor();
    let spawner = executor.spawner();
    let trace = Trace::new();
    let ends = [
        spawner.spawn(async {}),
        spawner.spawn(async { panic!("oh") }),
        spawner.spawn(pending()),
    ];
    ends[2].abort();
    for (index, task) in ends.into_iter().enumerate() {
        let trace = trace.clone();
        drop(spawner.spawn(async move {
            let end = task.await;
            trace.push(format!("{index} {end:?}"));
        }));
    }
    run(&mut executor);
    assert_eq!(
        trace.take(),
        ["0 Ok(())", "1 Err(Panicked(\"oh\"))", "2 Err(Aborted)"]
    );
}

#[test]
fn rule_06_tasks_that_join_each_other_come_to_rest() {
    let mut executor = executor();
    let spawner = executor.spawner();
    let (give, take) = futures::channel::oneshot::channel();
    let a = spawner.spawn(async move {
        let b: stillpoint::JoinHandle<()> = take.await.unwrap();
        let _ = b.await;
    });
    let b = spawner.spawn(async move {
        let _ = a.await;
    });
    assert!(give.send(b).is_ok());
    assert_eq!(executor.run_until_stalled().pending, 2);
    let report = executor.teardown();
    report.assert_baseline();
    assert_eq!((report.tasks, report.outstanding.join_handles), (2, 0));
}

#[test]
fn rule_06_a_join_handle_is_awaited_on_another_thread() {
    let mut executor = executor();
    let task = executor.spawner().spawn(async { 9 });
    let joiner = std::thread::spawn(move || futures::executor::block_on(task).unwrap());
    while !joiner.is_finished() {
        run(&mut executor);
    }
    assert_eq!(joiner.join().unwrap(), 9);
}

#[test]
fn rule_08_spawn_order_is_first_poll_order_outside_a_turn() {
    let trace = Trace::new();
    let mut executor = executor();
    let spawner = executor.spawner();
    for name in ["a", "b", "c", "d"] {
        let trace = trace.clone();
        drop(spawner.clone().spawn(async move { trace.push(name) }));
    }
    run(&mut executor);
    assert_eq!(trace.take(), ["a", "b", "c", "d"]);
}

#[test]
fn rule_08_spawn_order_is_first_poll_order_in_a_turn_and_the_queue_is_first_in_first_out() {
    let trace = Trace::new();
    let mut executor = executor();
    let spawner = executor.spawner();
    let (inner, log) = (spawner.clone(), trace.clone());
    drop(spawner.spawn(async move {
        log.push("parent 1");
        for name in ["x", "y", "z"] {
            let log = log.clone();
            drop(inner.spawn(async move {
                log.push(format!("{name} 1"));
                yield_once().await;
                log.push(format!("{name} 2"));
            }));
        }
        yield_once().await;
        log.push("parent 2");
    }));
    let log = trace.clone();
    drop(spawner.spawn(async move { log.push("sibling") }));
    run(&mut executor);
    assert_eq!(
        trace.take(),
        [
            "parent 1", "sibling", "x 1", "y 1", "z 1", "parent 2", "x 2", "y 2", "z 2"
        ]
    );
}

async fn yield_once() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[test]
fn rule_08_each_threads_spawns_keep_their_order() {
    const EACH: usize = if cfg!(miri) { 20 } else { 200 };
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut executor = executor();
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (spawner, order) = (executor.spawner(), Arc::clone(&order));
            scope.spawn(move || {
                for number in 0..EACH {
                    let order = Arc::clone(&order);
                    drop(spawner.spawn(async move {
                        order.lock().unwrap().push((thread, number));
                    }));
                }
            });
        }
        while executor.totals().tasks < 3 * EACH as u64 {
            run(&mut executor);
        }
    });
    let order = order.lock().unwrap();
    for thread in 0..3 {
        let own: Vec<_> = order
            .iter()
            .filter(|(t, _)| *t == thread)
            .map(|(_, n)| *n)
            .collect();
        assert_eq!(own, (0..EACH).collect::<Vec<_>>());
    }
}

#[test]
fn rule_08_answers_wake_tasks_in_the_order_of_the_answers() {
    let trace = Trace::new();
    let mut executor = executor();
    for number in 0..4 {
        let (shell, trace) = (executor.shell(), trace.clone());
        drop(executor.spawner().spawn(async move {
            let _ = shell.request(Ask(number)).await;
            trace.push(number.to_string());
        }));
    }
    run(&mut executor);
    let mut requests: Vec<_> = asks(&mut executor).into_iter().map(Some).collect();
    for (at, direct) in [(2, false), (0, true), (3, true), (1, false)] {
        let request = requests[at].take().unwrap();
        if direct {
            executor.resolve(request.resolver, 0).unwrap();
        } else {
            request.resolve(0).unwrap();
        }
    }
    run(&mut executor);
    assert_eq!(trace.take(), ["2", "0", "3", "1"]);
}

#[test]
fn a_rejected_spawn_gives_the_future_back_unpolled() {
    let trace = Trace::new();
    let executor = executor();
    let spawner = executor.spawner();
    assert!(!spawner.is_closed());
    executor.teardown().assert_baseline();
    assert!(spawner.is_closed());
    let poll = trace.clone();
    let rejected = spawner
        .try_spawn(async move {
            poll.push("poll");
            3
        })
        .unwrap_err();
    assert!(rejected.is_closed() && !rejected.is_full());
    assert_eq!(rejected.into_inner().now_or_never(), Some(3));
    let thing = Thing::probe(&trace, "named");
    assert!(
        spawner
            .name("late")
            .try_spawn(async move { drop(thing) })
            .is_err()
    );
    assert_eq!(trace.take(), ["poll", "drop named"]);
}

#[test]
fn names_and_places_are_in_the_snapshot() {
    let mut executor = executor();
    let spawner = executor.spawner();
    let line = line!() + 1;
    drop(spawner.name("checker").spawn(pending::<()>()));
    drop(spawner.spawn(pending::<()>()));
    run(&mut executor);
    let tasks = executor.snapshot().tasks;
    assert_eq!(
        tasks
            .iter()
            .map(|task| (task.name, task.place.file(), task.place.line()))
            .collect::<Vec<_>>(),
        [(Some("checker"), file!(), line), (None, file!(), line + 1)]
    );
}

#[test]
fn the_futures_traits_spawn() {
    fn by_trait(spawn: &impl Spawn, trace: &Trace) {
        let (a, b) = (trace.clone(), trace.clone());
        spawn.spawn(async move { a.push("spawn") }).unwrap();
        let handle = spawn
            .spawn_with_handle(async move { b.push("with handle") })
            .unwrap();
        handle.forget();
        spawn.status().unwrap();
    }
    let trace = Trace::new();
    let mut executor = executor();
    let spawner = executor.spawner();
    by_trait(&spawner, &trace);
    assert_eq!(executor.run_until_stalled().completed, 2);
    drop(executor);
    assert!(spawner.status().unwrap_err().is_shutdown());
    assert!(
        SpawnExt::spawn(&spawner, async {})
            .unwrap_err()
            .is_shutdown()
    );

    let mut local = LocalExecutor::<Effect>::new();
    let spawner = local.local_spawner();
    by_trait(&spawner, &trace);
    let (rc, log) = (Rc::new(()), trace.clone());
    spawner
        .spawn_local(async move {
            log.push(format!("local {}", Rc::strong_count(&rc)));
        })
        .unwrap();
    spawner.status_local().unwrap();
    assert_eq!(local.run_until_stalled().completed, 3);
    drop(local);
    assert!(spawner.status_local().unwrap_err().is_shutdown());
    assert!(Spawn::status(&spawner).unwrap_err().is_shutdown());
    assert!(spawner.spawn_local(async {}).unwrap_err().is_shutdown());
    assert_eq!(
        trace.take(),
        ["spawn", "with handle", "spawn", "with handle", "local 1"]
    );
}

#[test]
fn spawn_ext_works_through_a_trait_object() {
    let mut executor = executor();
    let spawner: Box<dyn Spawn> = Box::new(executor.spawner());
    let handle = spawner.spawn_with_handle(ready(4)).unwrap();
    run(&mut executor);
    assert_eq!(handle.now_or_never(), Some(4));
    let _: &Spawner = &executor.spawner();
}

#[test]
fn a_local_executor_runs_both_kinds_in_order_and_its_wakers_work_from_anywhere() {
    let order = Rc::new(RefCell::new(Vec::new()));
    let mut executor = LocalExecutor::<Effect>::new();
    let (give, take) = futures::channel::oneshot::channel::<u32>();
    let (shell, log) = (executor.shell(), Rc::clone(&order));
    let local = executor.local_spawner().name("local").spawn(async move {
        log.borrow_mut().push("local");
        let got = take.await.unwrap();
        log.borrow_mut().push("local again");
        let _ = shell.notify(Say("hello"));
        Rc::new(got)
    });
    let sent = executor.spawner().spawn(async { 1 });
    assert_eq!(executor.run_until_stalled().pending, 1);
    std::thread::spawn(move || give.send(8).unwrap())
        .join()
        .unwrap();
    assert_eq!(executor.run_until_stalled().completed, 1);
    assert_eq!(*local.now_or_never().unwrap().unwrap(), 8);
    assert_eq!(end(sent), "1");
    assert_eq!(*order.borrow(), ["local", "local again"]);
    assert_eq!(
        executor.drain().map(|e| describe(&e)).collect::<Vec<_>>(),
        ["say hello"]
    );
    executor.teardown().assert_baseline();
    assert_eq!(Rc::strong_count(&order), 1);
}

#[test]
fn a_local_task_ends_in_every_way_too() {
    let mut executor = LocalExecutor::<Effect>::new();
    let spawner = executor.local_spawner();
    let held = Rc::new(Cell::new(0));
    let future = |held: &Rc<Cell<u32>>| {
        let held = Rc::clone(held);
        async move {
            held.set(held.get() + 1);
            pending::<Rc<()>>().await
        }
    };
    let aborted = spawner.spawn(future(&held));
    let panicked = spawner.spawn(async { panic!("oh") as Rc<()> });
    let torn_down = spawner.spawn(future(&held));
    let _ = executor.run_until_stalled();
    aborted.abort();
    let _ = executor.run_until_stalled();
    assert_eq!(Rc::strong_count(&held), 2);
    assert!(aborted.is_finished() && panicked.is_finished() && !torn_down.is_finished());
    executor.teardown().assert_baseline();
    assert_eq!(Rc::strong_count(&held), 1);
    assert!(aborted.now_or_never().unwrap().unwrap_err().is_aborted());
    assert!(panicked.now_or_never().unwrap().unwrap_err().is_panicked());
    assert!(
        torn_down
            .now_or_never()
            .unwrap()
            .unwrap_err()
            .is_torn_down()
    );
    let rejected = spawner.try_spawn(future(&held)).unwrap_err();
    assert_eq!(Rc::strong_count(&held), 2);
    let mut given_back = Box::pin(rejected.into_inner());
    assert!(
        given_back
            .as_mut()
            .poll_unpin(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    );
    assert_eq!(held.get(), 3);
    assert!(
        spawner
            .spawn(async {})
            .now_or_never()
            .unwrap()
            .unwrap_err()
            .is_torn_down()
    );
}

#[test]
fn a_local_join_handle_is_fused_and_a_local_spawner_knows_when_it_is_closed() {
    let mut executor = LocalExecutor::<Effect>::new();
    let spawner = executor.local_spawner();
    let mut task = spawner.spawn(async { Rc::new(5) });
    assert!(!spawner.is_closed() && !task.is_finished() && !task.is_terminated());
    let _ = executor.run_until_stalled();
    assert!(task.is_finished() && !task.is_terminated());
    assert_eq!(*(&mut task).now_or_never().unwrap().unwrap(), 5);
    assert!(task.is_terminated());
    drop(executor);
    assert!(spawner.is_closed());
}

#[test]
fn an_executor_may_be_driven_on_one_thread_after_another() {
    let mut executor = executor();
    let shell = executor.shell();
    let task = executor
        .spawner()
        .spawn(async move { shell.request(Ask(1)).await });
    let mut executor = std::thread::spawn(move || {
        run(&mut executor);
        executor
    })
    .join()
    .unwrap();
    ask(&mut executor).resolve(2).unwrap();
    let executor = std::thread::spawn(move || {
        run(&mut executor);
        executor
    })
    .join()
    .unwrap();
    assert_eq!(end(task), "Ok(2)");
    std::thread::spawn(move || executor.teardown().assert_baseline().is_unloadable())
        .join()
        .map(|unloadable| assert!(unloadable))
        .unwrap();
}

#[test]
fn a_hundred_thousand_tasks_that_join_each_other_need_no_stack() {
    let count = rounds(100_000, 100_000);
    for torn_down in [false, true] {
        let mut executor = executor();
        let spawner = executor.spawner();
        let (give, take) = futures::channel::oneshot::channel::<()>();
        let mut last = spawner.spawn(async move {
            let _ = take.await;
        });
        for _ in 0..count {
            last = spawner.spawn(async move {
                let _ = last.await;
            });
        }
        assert_eq!(executor.run_until_stalled().pending, count + 1);
        if torn_down {
            executor.teardown().assert_baseline();
            assert_eq!(end(last), "TornDown");
        } else {
            give.send(()).unwrap();
            assert_eq!(executor.run_until_stalled().completed, count + 1);
            assert_eq!(end(last), "()");
        }
    }
}

#[test]
fn rule_08_what_the_host_spawns_itself_is_polled_in_the_order_of_its_calls() {
    let (trace, mut executor) = (Trace::new(), executor());
    let spawner = executor.spawner();
    let says = |text: &'static str| {
        let trace = trace.clone();
        async move { trace.push(text) }
    };
    drop(spawner.spawn(says("spawner")));
    let kept = executor.spawn(says("executor"));
    drop(executor.spawn(says("executor again")));
    drop(spawner.spawn(says("spawner again")));
    assert!(trace.take().is_empty());
    assert_eq!(executor.run_until_stalled().completed, 4);
    assert_eq!(
        trace.take(),
        ["spawner", "executor", "executor again", "spawner again"]
    );
    assert!(kept.is_finished());
    executor.teardown().assert_baseline();
}

#[test]
fn what_the_host_spawns_itself_is_known_by_its_place_and_ends_with_its_executor() {
    let mut executor = LocalExecutor::<Effect>::new();
    let token = Rc::new(());
    let (first, second) = (Rc::clone(&token), token.clone());
    let local = executor.spawn_local(async move { pending::<Rc<()>>().await.eq(&first) });
    let last = executor.spawn(pending::<()>());
    drop(executor.spawn_local(async move { drop(second) }));
    assert_eq!(
        executor.snapshot().tasks.len(),
        2,
        "the third is not taken in"
    );
    let report = executor.teardown();
    assert_eq!((report.tasks, report.messages), (3, 0));
    assert!(report.is_baseline() && Rc::strong_count(&token) == 1);
    assert!(local.now_or_never().unwrap().unwrap_err().is_torn_down());
    assert!(last.now_or_never().unwrap().unwrap_err().is_torn_down());
}
