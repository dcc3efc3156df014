//! Rules 2 to 4 and P2: wakes, turns and budgets.

mod support;

use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use stillpoint::{Emitted, Executor, JoinHandle, Request, Spawner};
use support::*;

/// A task that leaves its waker in the slot at each poll and counts its polls.
fn sleeper(spawner: &Spawner) -> (JoinHandle<()>, Arc<Mutex<Option<Waker>>>, Arc<AtomicUsize>) {
    let (slot, polls) = (Arc::new(Mutex::new(None)), Arc::new(AtomicUsize::new(0)));
    let (leave, count) = (Arc::clone(&slot), Arc::clone(&polls));
    let task = spawner.spawn(poll_fn(move |cx| {
        count.fetch_add(1, Ordering::SeqCst);
        *leave.lock().unwrap() = Some(cx.waker().clone());
        Poll::Pending
    }));
    (task, slot, polls)
}

#[test]
fn rule_02_any_number_of_wakes_before_a_poll_is_one_poll() {
    let mut executor = Executor::<Effect>::new();
    let (_task, slot, polls) = sleeper(&executor.spawner());
    run(&mut executor);
    let waker = slot.lock().unwrap().clone().unwrap();
    for _ in 0..10 {
        waker.wake_by_ref();
    }
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let waker = waker.clone();
            scope.spawn(move || {
                waker.wake_by_ref();
                waker.wake();
            });
        }
    });
    assert_eq!(executor.run_until_stalled().polled, 1);
    assert_eq!(polls.load(Ordering::SeqCst), 2);
}

#[test]
fn rule_02_wakes_from_within_a_turn_and_from_outside_are_one_poll_together() {
    let mut executor = Executor::<Effect>::new();
    let spawner = executor.spawner();
    let (_task, slot, polls) = sleeper(&spawner);
    run(&mut executor);
    let waker = slot.lock().unwrap().clone().unwrap();
    waker.wake_by_ref();
    drop(spawner.spawn(async move {
        waker.wake_by_ref();
        std::thread::spawn({
            let waker = waker.clone();
            move || waker.wake()
        })
        .join()
        .unwrap();
        waker.wake();
    }));
    // The first wake, which came before the spawn, is a poll of its own.
    assert_eq!(executor.run_until_stalled().polled, 3);
    assert_eq!(polls.load(Ordering::SeqCst), 3);
}

#[test]
fn rule_02_a_wake_of_a_finished_task_does_nothing() {
    let mut executor = Executor::<Effect>::new();
    let (slot, leave) = {
        let slot = Arc::new(Mutex::new(None::<Waker>));
        (Arc::clone(&slot), slot)
    };
    let task = executor.spawner().spawn(poll_fn(move |cx| {
        *leave.lock().unwrap() = Some(cx.waker().clone());
        // A wake during the poll that ends it is a wake of a finished task.
        cx.waker().wake_by_ref();
        Poll::Ready(1)
    }));
    assert_eq!(executor.run_until_stalled().polled, 1);
    let waker = slot.lock().unwrap().take().unwrap();
    waker.wake_by_ref();
    std::thread::spawn(move || waker.wake()).join().unwrap();
    let settled = executor.run_until_stalled();
    assert_eq!((settled.polled, settled.pending), (0, 0));
    assert_eq!(end(task), "1");
    executor.teardown().assert_baseline();
}

#[test]
fn rule_02_a_wake_after_teardown_does_nothing() {
    let mut executor = Executor::<Effect>::new();
    let (task, slot, polls) = sleeper(&executor.spawner());
    run(&mut executor);
    let waker = slot.lock().unwrap().take().unwrap();
    let report = executor.teardown();
    waker.wake_by_ref();
    let clone = waker.clone();
    std::thread::spawn(move || clone.wake()).join().unwrap();
    waker.wake();
    assert_eq!(polls.load(Ordering::SeqCst), 1);
    assert_eq!(end(task), "TornDown");
    assert!(report.is_baseline());
}

/// Each way in which a task may wake itself within a poll.
#[test]
#[expect(clippy::waker_clone_wake, reason = "it is one of the ways")]
fn rule_03_a_task_that_wakes_itself_is_polled_again_whatever_it_did_with_its_waker() {
    type Way = (&'static str, fn(&Waker));
    let ways: [Way; 6] = [
        ("by reference", |waker| waker.wake_by_ref()),
        ("by a clone", |waker| waker.clone().wake()),
        ("by a clone, others dropped", |waker| {
            drop(waker.clone());
            waker.clone().wake();
            drop(waker.clone());
        }),
        ("on a thread, joined", |waker| {
            let waker = waker.clone();
            std::thread::spawn(move || waker.wake()).join().unwrap();
        }),
        ("on a thread, left", |waker| {
            let waker = waker.clone();
            drop(std::thread::spawn(move || waker.wake()));
        }),
        ("many times", |waker| {
            (0..100).for_each(|_| waker.wake_by_ref())
        }),
    ];
    for (name, way) in ways {
        let mut executor = Executor::<Effect>::new();
        let mut polls = 0;
        let task = executor.spawner().spawn(poll_fn(move |cx| {
            polls += 1;
            if polls == 4 {
                return Poll::Ready(polls);
            }
            way(cx.waker());
            Poll::Pending
        }));
        let mut polled = 0;
        while !task.is_finished() {
            polled += executor.run_until_stalled().polled;
        }
        assert_eq!((name, polled, end(task)), (name, 4, "4".into()));
        assert!(executor.teardown().is_unloadable() || name == "on a thread, left");
    }
}

#[test]
fn rule_03_a_task_that_was_woken_and_answers_itself_in_that_poll_is_polled_again() {
    let mut executor = Executor::<Request<Ask>>::new();
    let shell = executor.shell();
    let (hand, taken) = std::sync::mpsc::channel::<Request<Ask>>();
    let task = executor.spawn(async move {
        let (own, shell) = (shell.request(Ask(1)), &shell);
        let other = async move {
            shell.request(Ask(2)).await.unwrap();
            // The other branch has been polled in this poll, and waits.
            taken.recv().unwrap().resolve(7).unwrap();
        };
        futures::join!(own, other).0
    });
    executor.run_until_stalled();
    for emitted in executor.drain() {
        match emitted {
            Emitted::Effect(request) if request.operation == Ask(1) => hand.send(request).unwrap(),
            Emitted::Effect(request) => request.resolve(0).unwrap(),
            Emitted::Cancelled(_) => unreachable!(),
        }
    }
    assert_eq!(executor.run_until_stalled().completed, 1);
    assert_eq!(end(task), "Ok(7)");
}

#[test]
fn rule_03_two_wakes_racing_with_the_end_of_a_poll_lose_no_live_task() {
    let wakes = rounds(500_000, 50_000);
    let mut executor = Executor::<Effect>::new();
    let (asked, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let waker = Arc::new(Mutex::new(None::<Waker>));
    let task = {
        let (asked, seen, waker) = (Arc::clone(&asked), Arc::clone(&seen), Arc::clone(&waker));
        executor.spawner().spawn(poll_fn(move |cx| {
            if waker.lock().unwrap().is_none() {
                *waker.lock().unwrap() = Some(cx.waker().clone());
            }
            seen.store(asked.load(Ordering::SeqCst), Ordering::SeqCst);
            Poll::<()>::Pending
        }))
    };
    run(&mut executor);
    let waker = waker.lock().unwrap().take().unwrap();
    let done = AtomicUsize::new(0);
    let mut polls = 0;
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let (asked, waker, done) = (Arc::clone(&asked), waker.clone(), &done);
            scope.spawn(move || {
                for _ in 0..wakes {
                    asked.fetch_add(1, Ordering::SeqCst);
                    waker.wake_by_ref();
                }
                done.fetch_add(1, Ordering::SeqCst);
            });
        }
        while done.load(Ordering::SeqCst) < 2 {
            let settled = executor.run_until_stalled();
            polls += settled.polled;
            assert_eq!(settled.pending, 1, "the task is alive");
        }
    });
    polls += executor.run_until_stalled().polled;
    assert_eq!(
        seen.load(Ordering::SeqCst),
        2 * wakes,
        "after {polls} polls"
    );
    drop(waker);
    assert!(!task.is_finished());
    executor.teardown().assert_baseline();
}

/// Each wake takes the only waker outside the executor and uses it up, at the moment when the poll that left it ends.
#[test]
fn rule_03_p2_a_wake_by_value_that_races_with_the_end_of_a_poll_evicts_no_live_task() {
    let wakes = rounds(1_000_000, 100_000);
    let mut executor = Executor::<Effect>::new();
    let slots: [Arc<Mutex<Option<Waker>>>; 2] = Default::default();
    let polls = Arc::new(AtomicUsize::new(0));
    let task = {
        let (slots, polls) = (slots.clone(), Arc::clone(&polls));
        executor.spawner().spawn(poll_fn(move |cx| {
            polls.fetch_add(1, Ordering::SeqCst);
            for slot in &slots {
                let old = slot.lock().unwrap().replace(cx.waker().clone());
                drop(old);
            }
            Poll::<()>::Pending
        }))
    };
    let stop = AtomicBool::new(false);
    let woken = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for slot in &slots {
            scope.spawn(|| {
                while !stop.load(Ordering::SeqCst) {
                    let waker = slot.lock().unwrap().take();
                    match waker {
                        Some(waker) => {
                            waker.wake();
                            woken.fetch_add(1, Ordering::SeqCst);
                        }
                        None => std::thread::yield_now(),
                    }
                }
            });
        }
        let mut turns = 0_usize;
        while polls.load(Ordering::SeqCst) < wakes && turns < wakes {
            assert_eq!(executor.run_until_stalled().pending, 1);
            turns += 1;
        }
        stop.store(true, Ordering::SeqCst);
    });
    // Whatever is left in a slot is a waker of a live task.
    let before = polls.load(Ordering::SeqCst);
    for slot in &slots {
        if let Some(waker) = slot.lock().unwrap().take() {
            waker.wake();
        }
    }
    run(&mut executor);
    assert!(polls.load(Ordering::SeqCst) > before, "it still wakes");
    assert!(!task.is_finished() && woken.load(Ordering::SeqCst) > 0);
    executor.teardown().assert_baseline();
}

/// A wake that returned before a turn began has been polled for when the turn ends.
#[test]
fn rule_03_a_wake_that_has_returned_is_seen_by_the_next_turn() {
    let turns = rounds(200_000, 30_000);
    let mut executor = Executor::<Effect>::new();
    let (woken, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (_task, slot, _) = {
        let (woken, seen) = (Arc::clone(&woken), Arc::clone(&seen));
        let slot = Arc::new(Mutex::new(None));
        let leave = Arc::clone(&slot);
        let task = executor.spawner().spawn(poll_fn(move |cx| {
            *leave.lock().unwrap() = Some(cx.waker().clone());
            seen.store(woken.load(Ordering::SeqCst), Ordering::SeqCst);
            Poll::<()>::Pending
        }));
        (task, slot, ())
    };
    run(&mut executor);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let waker = slot.lock().unwrap().clone().unwrap();
        let (woken, stop) = (&woken, &stop);
        scope.spawn(move || {
            while !stop.load(Ordering::SeqCst) {
                woken.fetch_add(1, Ordering::SeqCst);
                waker.wake_by_ref();
            }
        });
        for _ in 0..turns {
            // The last but one has returned, whether or not the last has.
            let returned = woken.load(Ordering::SeqCst).saturating_sub(1);
            run(&mut executor);
            assert!(seen.load(Ordering::SeqCst) >= returned);
        }
        stop.store(true, Ordering::SeqCst);
    });
}

#[test]
fn rule_04_a_turn_takes_in_what_other_threads_send_before_it_ends() {
    let mut executor = Executor::<Effect>::new();
    let spawner = executor.spawner();
    let trace = Trace::new();
    let (outer, log) = (spawner.clone(), trace.clone());
    drop(spawner.spawn(async move {
        std::thread::spawn(move || {
            drop(outer.spawn(async move { log.push("spawned by a thread") }))
        })
        .join()
        .unwrap();
    }));
    assert_eq!(executor.run_until_stalled().completed, 2);
    assert_eq!(trace.take(), ["spawned by a thread"]);
}

fn spin_for_ever(spawner: &Spawner) -> JoinHandle<()> {
    spawner.spawn(poll_fn(|cx| {
        cx.waker().wake_by_ref();
        Poll::<()>::Pending
    }))
}

#[test]
fn rule_04_a_budget_bounds_a_turn_and_says_that_work_is_left() {
    let mut executor = Executor::<Effect>::new();
    let spinner = spin_for_ever(&executor.spawner());
    for polls in [0, 1, 2, 63, 64, 65, 1_000] {
        let settled = executor.run_for(polls);
        assert_eq!(
            (settled.polled, settled.budget_spent, settled.pending),
            (polls, true, 1)
        );
    }
    spinner.abort();
    let settled = executor.run_for(1);
    assert_eq!(
        (settled.polled, settled.aborted, settled.budget_spent),
        (1, 1, false)
    );
    assert_eq!(executor.run_for(0), executor.run_for(5), "nothing is left");
}

#[test]
fn rule_04_a_budget_that_is_just_enough_is_not_spent() {
    let mut executor = Executor::<Effect>::new();
    let spawner = executor.spawner();
    for _ in 0..3 {
        drop(spawner.spawn(async {}));
    }
    let settled = executor.run_for(2);
    assert_eq!((settled.completed, settled.budget_spent), (2, true));
    let settled = executor.run_for(1);
    assert_eq!((settled.completed, settled.budget_spent), (1, false));
    drop(spawner.spawn(async {}));
    assert!(
        executor.run_for(0).budget_spent,
        "what the mailbox holds is work"
    );
}

/// What another thread sends while a turn is on is taken in by 64, and 64 are as much as a poll.
#[test]
fn rule_04_sixty_four_messages_that_come_in_a_turn_are_one_poll_of_its_budget() {
    // Polls of a task in whose first one 640 notifications come, the turn's budget, and how many of them it takes in.
    for (polls, budget, taken) in [(1, 1, 0), (1, 4, 192), (64, 65, 64), (64, 66, 128)] {
        let mut executor = Executor::<Effect>::new();
        let shell = executor.shell();
        let mut polled = 0;
        let task = executor.spawner().spawn(poll_fn(move |cx| {
            polled += 1;
            if polled == 1 {
                let send = || (0..640).for_each(|_| shell.notify(Say("now")).unwrap());
                std::thread::scope(|scope| scope.spawn(send).join().unwrap());
            }
            if polled < polls {
                cx.waker().wake_by_ref();
            }
            Poll::<()>::Pending
        }));
        let settled = executor.run_for(budget);
        assert_eq!((settled.polled, settled.budget_spent), (polls, true));
        let held = format!("emitted: {taken}, messages: {}", 640 - taken);
        assert!(format!("{executor:?}").contains(&held), "{executor:?}");
        let settled = executor.run_until_stalled();
        assert_eq!((settled.polled, settled.budget_spent), (0, false));
        assert_eq!(drained(&mut executor).len(), 640);
        drop(task);
    }
}

#[test]
fn rule_04_a_budget_is_fair_to_the_others_of_a_task_that_wakes_itself() {
    let mut executor = Executor::<Effect>::new();
    let spawner = executor.spawner();
    let spinner = spin_for_ever(&spawner);
    let other = spawner.spawn(async { 3 });
    assert!(executor.run_for(3).budget_spent);
    assert_eq!(end(other), "3");
    let late = spawner.spawn(async { 4 });
    assert!(executor.run_for(3).budget_spent);
    assert_eq!(end(late), "4");
    spinner.abort();
    run(&mut executor);
}

#[test]
fn rule_04_an_abort_from_another_thread_reaches_tasks_in_a_long_running_turn() {
    let mut executor = Executor::<Effect>::new();
    let spawner = executor.spawner();
    let started = Arc::new(AtomicBool::new(false));
    let start = Arc::clone(&started);
    let tasks = [
        spawner.spawn(poll_fn(move |cx| {
            start.store(true, Ordering::SeqCst);
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        })),
        spin_for_ever(&spawner),
    ];
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !started.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            tasks.iter().for_each(JoinHandle::abort);
        });
        let settled = executor.run_until_stalled();
        assert_eq!((settled.aborted, settled.pending), (2, 0));
    });
}

#[test]
fn rule_04_an_answer_and_a_spawn_from_another_thread_reach_a_long_running_turn() {
    let mut executor = Executor::<Effect>::new();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let (stop, stopped) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicBool::new(false)),
    );
    let (stop_it, until) = (Arc::clone(&stop), Arc::clone(&stop));
    drop(spawner.spawn(async move {
        let answer = shell.request(Ask(1)).await;
        assert_eq!(answer, Ok(2));
        stop_it.store(true, Ordering::SeqCst);
    }));
    run(&mut executor);
    let request = ask(&mut executor);
    let spinning = Arc::clone(&stopped);
    drop(spawner.spawn(poll_fn(move |cx| {
        spinning.store(true, Ordering::SeqCst);
        if until.load(Ordering::SeqCst) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })));
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            request.resolve(2).unwrap();
        });
        assert_eq!(executor.run_until_stalled().completed, 2);
    });
}

/// An effect whose request is answered while it is made: the most synchronous shell that there is.
struct AtOnce;

impl From<Request<Ask>> for AtOnce {
    fn from(request: Request<Ask>) -> Self {
        let answer = request.operation.0 + 1;
        request.resolve(answer).unwrap();
        Self
    }
}

#[test]
fn rule_04_a_million_synchronous_answers_need_no_stack() {
    let count = rounds(1_000_000, 100_000) as u32;
    let mut executor = Executor::<AtOnce>::new();
    let shell = executor.shell();
    let task = executor.spawner().spawn(async move {
        let mut number = 0;
        while number < count {
            number = shell.request(Ask(number)).await.unwrap();
        }
        number
    });
    assert_eq!(executor.run_until_stalled().polled, count as usize + 1);
    assert_eq!(end(task), count.to_string());
    assert_eq!(
        executor.drain().count(),
        0,
        "answered and read before they were taken"
    );
}

#[test]
fn rule_04_a_million_answers_by_the_host_in_a_loop_need_no_stack_and_no_room() {
    let count = rounds(1_000_000, 100_000) as u32;
    let mut executor = Executor::<Effect>::new();
    let shell = executor.shell();
    let task = executor.spawner().spawn(async move {
        let mut number = 0;
        while number < count {
            number = shell.request(Ask(number)).await.unwrap();
        }
        number
    });
    while !task.is_finished() {
        run(&mut executor);
        while let Some(emitted) = executor.drain().next() {
            let Emitted::Effect(Effect::Ask(request)) = emitted else {
                unreachable!()
            };
            let answer = request.operation.0 + 1;
            executor.resolve(request.resolver, answer).unwrap();
        }
    }
    assert_eq!(end(task), count.to_string());
    assert_eq!(executor.totals().peak_requests, 1);
}

#[test]
fn rule_04_settled_counts_what_the_turn_did() {
    let mut executor = Executor::<Effect>::new();
    let spawner = executor.spawner();
    let aborted = spawner.spawn(pending::<()>());
    aborted.abort();
    drop(spawner.spawn(async {}));
    drop(spawner.spawn(async { panic!("counted") }));
    drop(spawner.spawn(pending::<()>()));
    let settled = executor.run_until_stalled();
    assert_eq!(
        (
            settled.polled,
            settled.completed,
            settled.panicked,
            settled.aborted,
            settled.pending,
            settled.budget_spent
        ),
        (4, 1, 1, 1, 1, false)
    );
    let totals = executor.totals();
    assert_eq!((totals.tasks, totals.peak_tasks), (4, 4));
}

#[test]
fn turns_nest_and_each_has_its_own_tasks() {
    let trace = Trace::new();
    let mut outer = Executor::<Effect>::new();
    let (spawner, log) = (outer.spawner(), trace.clone());
    let (_task, slot, polls) = sleeper(&spawner);
    run(&mut outer);
    let waker = slot.lock().unwrap().clone().unwrap();
    let inner_spawner = spawner.clone();
    drop(spawner.spawn(async move {
        let mut inner = Executor::<Effect>::new();
        let (spawner, outer_log) = (inner.spawner(), log.clone());
        drop(spawner.spawn(async move {
            outer_log.push("inner");
            // Of the outer executor, in a turn of the inner one.
            waker.wake();
            let log = outer_log.clone();
            drop(inner_spawner.spawn(async move { log.push("outer again") }));
        }));
        assert_eq!(inner.run_until_stalled().completed, 1);
        log.push("outer");
        inner.teardown().assert_baseline();
    }));
    assert_eq!(outer.run_until_stalled().completed, 2);
    assert_eq!(trace.take(), ["inner", "outer", "outer again"]);
    assert_eq!(polls.load(Ordering::SeqCst), 2);
}
