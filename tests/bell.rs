//! Rule 4's bell, and `next()`, which is the same thing as a future.

mod support;

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use futures::future::FusedFuture;
use futures::{FutureExt, StreamExt, select};
use stillpoint::{Emitted, Executor, Overflow, Reason};
use support::*;

fn belled() -> (Executor<Effect>, Arc<Rings>) {
    let rings = Rings::new();
    let bell = Arc::clone(&rings);
    let executor = Executor::builder().on_ready(move || bell.ring()).build();
    (executor, rings)
}

#[test]
fn rule_04_the_bell_rings_once_however_much_work_is_brought() {
    let (mut executor, rings) = belled();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    assert_eq!(rings.count(), 0);
    for _ in 0..3 {
        drop(spawner.spawn(pending::<()>()));
        let _ = shell.notify(Say("x"));
    }
    assert_eq!(rings.count(), 1);
    run(&mut executor);
    assert_eq!(rings.count(), 1);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| drop(spawner.spawn(async {})));
        }
    });
    assert_eq!(rings.count(), 2);
    run(&mut executor);
    run(&mut executor);
    assert_eq!(rings.count(), 2, "turns ring nothing");
    for _ in 0..3 {
        drop(executor.spawn(pending::<()>()));
    }
    assert_eq!(rings.count(), 3, "the host's own spawns ring as well");
}

#[test]
fn rule_04_every_kind_of_work_rings_an_idle_executor() {
    let (mut executor, rings) = belled();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let slot = Arc::new(Mutex::new(None::<Waker>));
    let leave = Arc::clone(&slot);
    let sleeper = spawner.spawn(poll_fn(move |cx| {
        *leave.lock().unwrap() = Some(cx.waker().clone());
        Poll::<()>::Pending
    }));
    for number in 0..7 {
        let shell = shell.clone();
        drop(spawner.spawn(async move {
            let _ = shell.request(Ask(number)).await;
        }));
    }
    run(&mut executor);
    let mut requests = asks(&mut executor).into_iter();
    let asking = shell.clone();
    drop(spawner.spawn(async move { asking.subscribe(Ticks(0)).for_each(|_| async {}).await }));
    run(&mut executor);
    let feed = ticks(&mut executor).feed;

    let mut trace = Vec::new();
    let mut step = |executor: &mut Executor<Effect>, name: &str, rang: usize| {
        trace.push(format!("{name} {rang}"));
        run(executor);
    };
    let mut last = rings.count();
    macro_rules! rings {
        ($name:literal, $act:expr) => {{
            $act;
            let rang = rings.count() - last;
            last += rang;
            step(&mut executor, $name, rang);
            assert_eq!(rings.count(), last);
        }};
    }
    rings!("spawn", drop(spawner.spawn(async {})));
    rings!("wake", slot.lock().unwrap().clone().unwrap().wake());
    rings!("resolve", requests.next().unwrap().resolve(1).unwrap());
    rings!(
        "fail",
        requests.next().unwrap().resolver.fail("no").unwrap()
    );
    rings!("abandon", drop(requests.next()));
    let resolver = requests.next().unwrap().resolver;
    rings!("host resolves", executor.resolve(resolver, 1).unwrap());
    let id = requests.next().unwrap().resolver;
    let number = id.id();
    rings!(
        "host resolves by id",
        executor.resolve_id::<Ask>(number, 1).unwrap()
    );
    let _answered = id;
    let resolver = requests.next().unwrap().resolver;
    rings!("host fails", executor.fail(resolver, "no").unwrap());
    let id = requests.next().unwrap();
    rings!("host fails by id", executor.fail_id(id.id(), "no").unwrap());
    let _failed = id;
    rings!("send", feed.send(1).unwrap());
    rings!("host sends", executor.send(&feed, 2).unwrap());
    rings!("host ends", executor.end(&feed).unwrap());
    rings!("notify", shell.notify(Say("x")).unwrap());
    rings!("abort", sleeper.abort());
    rings!("nothing", executor.drain().count());
    assert_eq!(
        trace,
        [
            "spawn 1",
            "wake 1",
            "resolve 1",
            "fail 1",
            "abandon 1",
            "host resolves 1",
            "host resolves by id 1",
            "host fails 1",
            "host fails by id 1",
            "send 1",
            "host sends 1",
            "host ends 1",
            "notify 1",
            "abort 1",
            "nothing 0"
        ]
    );
}

#[test]
fn rule_04_work_within_a_turn_rings_nothing_and_what_comes_after_it_rings_again() {
    let (mut executor, rings) = belled();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let inner = spawner.clone();
    drop(spawner.spawn(async move {
        for _ in 0..3 {
            drop(inner.spawn(async {}));
            let _ = shell.notify(Say("x"));
        }
        // By the mailbox, while the executor is busy.
        std::thread::spawn(move || drop(inner.spawn(async {})))
            .join()
            .unwrap();
        let mut yielded = false;
        poll_fn(|cx| {
            cx.waker().wake_by_ref();
            if std::mem::replace(&mut yielded, true) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }));
    assert_eq!(rings.count(), 1);
    assert_eq!(executor.run_until_stalled().completed, 5);
    assert_eq!(rings.count(), 1);
    drop(spawner.spawn(async {}));
    assert_eq!(rings.count(), 2);
}

#[test]
fn rule_04_the_bell_is_rearmed_when_the_budget_is_spent() {
    let (mut executor, rings) = belled();
    let spawner = executor.spawner();
    let spinner = spawner.spawn(poll_fn(|cx| {
        cx.waker().wake_by_ref();
        Poll::<()>::Pending
    }));
    for turn in 1..4 {
        assert_eq!(rings.count(), turn);
        assert!(executor.run_for(5).budget_spent);
        assert_eq!(rings.count(), turn, "the turn itself rings nothing");
        drop(spawner.spawn(async {}));
        drop(spawner.spawn(async {}));
    }
    spinner.abort();
}

#[test]
fn rule_04_work_that_comes_while_a_turn_is_on_rings_nothing_though_nobody_had_rung_for_it() {
    let (mut executor, rings) = belled();
    let (spawner, mut polls) = (executor.spawner(), 0);
    drop(executor.spawner().spawn(poll_fn(move |cx| {
        polls += 1;
        if polls == 2 {
            let spawner = spawner.clone();
            std::thread::spawn(move || drop(spawner.spawn(async {})))
                .join()
                .unwrap();
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })));
    assert!(executor.run_for(1).budget_spent);
    assert_eq!(rings.count(), 1);
    // The bell is armed, and the host comes by itself.
    assert_eq!(executor.run_until_stalled().completed, 2);
    assert_eq!(rings.count(), 1);
}

#[test]
fn rule_04_what_brings_no_work_rings_nothing() {
    let (mut executor, rings) = belled();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let done = spawner.spawn(async {});
    drop(spawner.spawn(async move {
        let mut stream = shell.subscribe(Ticks(0)).overflow(Overflow::Reject(1));
        assert_eq!(stream.next().await, Some(1));
        pending::<()>().await;
        drop(stream);
    }));
    run(&mut executor);
    let feed = ticks(&mut executor).feed;
    feed.send(1).unwrap();
    run(&mut executor);
    executor.send(&feed, 2).unwrap();
    run(&mut executor);
    let before = rings.count();
    done.abort();
    assert_eq!(rings.count(), before, "an abort of what has ended");
    let _ = (spawner.clone(), executor.shell());
    assert_eq!(rings.count(), before, "a clone");
    assert_eq!(feed.send(3).unwrap_err().reason(), Reason::Full);
    assert_eq!(rings.count(), before, "an item that was refused");
}

#[test]
fn rule_04_the_bell_is_rung_after_the_push_and_on_the_thread_that_brought_the_work() {
    // The driver turns only when it is rung for.
    let count = rounds(200_000, 20_000);
    let (mut executor, rings) = belled();
    let (spawner, over) = (executor.spawner(), AtomicBool::new(false));
    let completed = std::thread::scope(|scope| {
        let driver = scope.spawn(|| {
            let (mut answered, mut completed) = (0, 0);
            loop {
                let is_over = over.load(Ordering::SeqCst);
                let rung = rings.count();
                if rung > answered {
                    answered = rung;
                    completed += executor.run_until_stalled().completed;
                } else if is_over {
                    return completed;
                } else {
                    std::hint::spin_loop();
                }
            }
        });
        for number in 0..count {
            drop(spawner.spawn(async {}));
            if number % 16 == 0 {
                std::thread::yield_now();
            }
        }
        over.store(true, Ordering::SeqCst);
        driver.join().unwrap()
    });
    assert_eq!(completed, count, "after {} rings", rings.count());
}

/// Work that comes as a turn ends is done by it, or rung for.
#[test]
fn rule_04_work_that_races_with_the_end_of_a_turn_is_done_or_rung_for() {
    let count = rounds(100_000, 10_000);
    let (mut executor, rings) = belled();
    let spawner = executor.spawner();
    let (round, sent) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1..=count {
                while round.load(Ordering::SeqCst) < number {
                    std::thread::yield_now();
                }
                (0..number % 61).for_each(|_| std::hint::spin_loop());
                drop(spawner.spawn(async {}));
                sent.store(number, Ordering::SeqCst);
            }
        });
        for number in 1..=count {
            // It is idle, and its bell is armed.
            let before = rings.count();
            round.store(number, Ordering::SeqCst);
            (0..number % 7).for_each(|_| std::hint::spin_loop());
            let done = executor.run_until_stalled().completed;
            while sent.load(Ordering::SeqCst) < number {
                std::thread::yield_now();
            }
            assert!(done == 1 || rings.count() > before, "round {number}");
            run(&mut executor);
            assert!(rings.count() <= before + 1, "never twice: round {number}");
        }
    });
}

#[test]
fn rule_04_senders_that_come_at_once_ring_once() {
    let count = rounds(20_000, 2_000);
    let (mut executor, rings) = belled();
    let round = AtomicUsize::new(0);
    let sent = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let (spawner, round, sent) = (executor.spawner(), &round, &sent);
            scope.spawn(move || {
                for number in 1..=count {
                    while round.load(Ordering::SeqCst) < number {
                        std::thread::yield_now();
                    }
                    drop(spawner.spawn(async {}));
                    sent.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for number in 1..=count {
            round.store(number, Ordering::SeqCst);
            while sent.load(Ordering::SeqCst) < 2 * number {
                std::thread::yield_now();
            }
            assert_eq!(rings.count(), number);
            run(&mut executor);
        }
    });
}

#[test]
fn rule_04_a_callback_may_do_anything_but_drive() {
    let trace = Trace::new();
    type Hands = Option<(stillpoint::Spawner, stillpoint::Shell<Effect>)>;
    let hand: Arc<Mutex<Hands>> = Arc::default();
    let (log, hands) = (trace.clone(), Arc::clone(&hand));
    let mut executor: Executor<Effect> = Executor::builder()
        .on_ready(move || {
            log.push("ring");
            if let Some((spawner, shell)) = hands.lock().unwrap().take() {
                let log = log.clone();
                drop(spawner.spawn(async move { log.push("from the bell") }));
                shell.notify(Say("from the bell")).unwrap();
            }
        })
        .build();
    *hand.lock().unwrap() = Some((executor.spawner(), executor.shell()));
    drop(executor.spawner().spawn(async {}));
    assert_eq!(executor.run_until_stalled().completed, 2);
    assert_eq!(trace.take(), ["ring", "from the bell"]);
    assert_eq!(drained(&mut executor), ["say from the bell"]);
}

#[test]
fn the_bell_is_let_go_of_with_the_executor_though_senders_are_out() {
    let held = Arc::new(());
    for teardown in [true, false] {
        let in_bell = Arc::clone(&held);
        let executor: Executor<Effect> = Executor::builder()
            .on_ready(move || drop(Arc::clone(&in_bell)))
            .build();
        let out = (executor.spawner(), executor.shell());
        assert_eq!(Arc::strong_count(&held), 2);
        if teardown {
            executor.teardown().assert_baseline();
        } else {
            drop(executor);
        }
        assert_eq!(Arc::strong_count(&held), 1);
        drop(out);
    }
}

#[test]
fn a_refused_sender_rings_nothing_after_teardown() {
    let (executor, rings) = belled();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    executor.teardown().assert_baseline();
    assert!(spawner.try_spawn(async {}).is_err());
    assert!(shell.notify(Say("x")).is_err());
    assert_eq!(rings.count(), 0);
}

// --- next ---

#[test]
fn next_gives_what_is_emitted_in_order_running_tasks_as_they_wake() {
    let mut executor = Executor::<Effect>::new();
    let shell = executor.shell();
    let task = executor.spawner().spawn(async move {
        let _ = shell.notify(Say("first"));
        shell.request(Ask(1)).await
    });
    assert_eq!(
        describe(&executor.next().now_or_never().unwrap()),
        "say first"
    );
    let Some(Emitted::Effect(Effect::Ask(request))) = executor.next().now_or_never() else {
        panic!()
    };
    request.resolve(4).unwrap();
    assert!(executor.next().now_or_never().is_none());
    assert_eq!(end(task), "Ok(4)");
}

#[test]
fn next_is_woken_once_by_whatever_rings_the_bell() {
    for with_bell in [false, true] {
        let (mut executor, bell) = if with_bell {
            belled()
        } else {
            (Executor::new(), Rings::new())
        };
        let (spawner, shell) = (executor.spawner(), executor.shell());
        let rings = Rings::new();
        let waker = Waker::from(Arc::clone(&rings));
        let mut next = pin!(executor.next());
        assert!(
            next.as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        assert_eq!((rings.count(), bell.count()), (0, 0));
        drop(spawner.spawn(async {}));
        drop(spawner.spawn(async {}));
        assert_eq!((rings.count(), bell.count()), (1, usize::from(with_bell)));
        assert!(
            next.as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        assert_eq!(rings.count(), 1);
        std::thread::spawn(move || shell.notify(Say("x")).unwrap())
            .join()
            .unwrap();
        assert_eq!(
            (rings.count(), bell.count()),
            (2, 2 * usize::from(with_bell))
        );
        assert!(!next.is_terminated());
        let Poll::Ready(emitted) = next.as_mut().poll(&mut Context::from_waker(&waker)) else {
            panic!()
        };
        assert_eq!(describe(&emitted), "say x");
        assert!(next.is_terminated());
    }
}

#[test]
fn next_wakes_the_last_waker_that_polled_it() {
    let mut executor = Executor::<Effect>::new();
    let spawner = executor.spawner();
    let (first, second) = (Rings::new(), Rings::new());
    let mut next = pin!(executor.next());
    for rings in [&first, &second] {
        let waker = Waker::from(Arc::clone(rings));
        assert!(
            next.as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
    }
    drop(spawner.spawn(async {}));
    assert_eq!((first.count(), second.count()), (0, 1));
    assert_eq!(Arc::strong_count(&first), 1, "forgotten");
}

#[test]
fn next_forgets_the_hosts_waker_when_it_is_dropped() {
    for with_bell in [false, true] {
        let mut executor = if with_bell {
            belled().0
        } else {
            Executor::new()
        };
        let spawner = executor.spawner();
        let rings = Rings::new();
        let waker = Waker::from(Arc::clone(&rings));
        {
            let mut next = pin!(executor.next());
            assert!(
                next.as_mut()
                    .poll(&mut Context::from_waker(&waker))
                    .is_pending()
            );
        }
        drop(waker);
        assert_eq!(Arc::strong_count(&rings), 1);
        drop(spawner.spawn(async {}));
        assert_eq!(rings.count(), 0);
    }
}

#[test]
fn next_forgets_the_hosts_waker_though_it_was_ready() {
    let mut executor = Executor::<Effect>::new();
    let shell = executor.shell();
    let rings = Rings::new();
    let waker = Waker::from(Arc::clone(&rings));
    {
        let mut next = pin!(executor.next());
        let cx = &mut Context::from_waker(&waker);
        assert!(next.as_mut().poll(cx).is_pending());
        let _ = shell.notify(Say("x"));
        assert!(next.as_mut().poll(cx).is_ready());
    }
    drop(waker);
    assert_eq!(Arc::strong_count(&rings), 1);
}

#[test]
fn next_loses_nothing_when_it_is_dropped() {
    let mut executor = Executor::<Effect>::new();
    let shell = executor.shell();
    drop(executor.spawner().spawn(async move {
        for word in ["a", "b"] {
            let _ = shell.notify(Say(word));
        }
    }));
    drop(executor.next());
    assert_eq!(describe(&executor.next().now_or_never().unwrap()), "say a");
    assert_eq!(drained(&mut executor), ["say b"]);
}

#[test]
fn next_lets_others_run_beside_a_task_that_wakes_itself() {
    let mut executor = Executor::<Effect>::new();
    let spinner = executor.spawner().spawn(poll_fn(|cx| {
        cx.waker().wake_by_ref();
        Poll::<()>::Pending
    }));
    let rings = Rings::new();
    let waker = Waker::from(Arc::clone(&rings));
    let mut next = pin!(executor.next());
    for polled in 1..4 {
        assert!(
            next.as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        assert_eq!(rings.count(), polled, "it asks to be polled again");
    }
    spinner.abort();
}

#[test]
fn next_fits_select() {
    let mut executor = Executor::<Effect>::new();
    let shell = executor.shell();
    let (stop, mut stopped) = futures::channel::oneshot::channel::<()>();
    drop(executor.spawner().spawn(async move {
        for word in ["a", "b"] {
            let _ = shell.notify(Say(word));
        }
        let _ = stop.send(());
        pending::<()>().await
    }));
    let mut trace = Vec::new();
    futures::executor::block_on(async {
        loop {
            let mut next = executor.next();
            futures::select_biased! {
                emitted = next => trace.push(describe(&emitted)),
                _ = stopped => break,
            }
        }
    });
    assert_eq!(trace, ["say a", "say b"]);
}

#[test]
fn next_drives_while_other_threads_bring_work() {
    let count = rounds(100_000, 10_000);
    let mut executor = Executor::<Effect>::new();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let seen = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let (spawner, shell) = (spawner.clone(), shell.clone());
            scope.spawn(move || {
                for _ in 0..count {
                    let shell = shell.clone();
                    drop(spawner.spawn(async move {
                        let _ = shell.notify(Say("x"));
                    }));
                }
            });
        }
        futures::executor::block_on(async {
            while seen.load(Ordering::SeqCst) < 2 * count {
                let _ = executor.next().await;
                seen.fetch_add(1, Ordering::SeqCst);
            }
        });
    });
    executor.teardown().assert_baseline();
}

#[test]
fn next_in_the_select_macro_is_fused() {
    let mut executor = Executor::<Effect>::new();
    let _ = executor.shell().notify(Say("x"));
    let mut next = executor.next();
    let mut trace = Vec::new();
    futures::executor::block_on(async {
        for _ in 0..2 {
            select! {
                emitted = next => trace.push(describe(&emitted)),
                complete => trace.push("complete".into()),
            }
        }
    });
    assert_eq!(trace, ["say x", "complete"]);
}
