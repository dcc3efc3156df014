//! Seeded schedules: what they vary, that they replay, and what is left of one that fails.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use futures::future::{Either, select};
use stillpoint::testing::{Choices, RefProbe, Reply, Schedule, Simulation};
use stillpoint::{LocalExecutor, Shell};

use super::shell::{Effect, Get, Hold, Say, Sleep, secs};
use super::{assert_has, failure};

/// The order in which three tasks run that are ready at once.
fn order(schedule: &Schedule) -> String {
    let mut executor = schedule.executor::<()>();
    let order = Arc::new(Mutex::new(String::new()));
    for name in ["a", "b", "c"] {
        let order = Arc::clone(&order);
        drop(executor.spawn(async move { order.lock().unwrap().push_str(name) }));
    }
    executor.run_until_stalled();
    order.lock().unwrap().clone()
}

#[test]
fn every_order_of_the_ready_queue_is_tried_and_without_a_choice_it_is_the_first_in_first_out() {
    let seen = RefCell::new(BTreeSet::new());
    let explored = Simulation::new().seeds(100).run(|schedule| {
        seen.borrow_mut().insert(order(schedule));
    });
    let all = ["abc", "acb", "bac", "bca", "cab", "cba"];
    assert!(seen.borrow().iter().eq(all), "{seen:?}");
    assert_eq!(
        (explored.runs, explored.choices, explored.distinct()),
        (100, 2, 6)
    );
    Simulation::new()
        .choices(Choices::default())
        .run(|schedule| assert_eq!(order(schedule), "abc"));
    Simulation::new()
        .choices("0=2".parse().unwrap())
        .run(|schedule| assert_eq!(order(schedule), "cab"));
}

/// The order in which three requests are answered, and whether the core went on between.
fn answers(schedule: &Schedule) -> String {
    let mut test = schedule.shell::<Effect>();
    let trace = Rc::new(RefCell::new(String::new()));
    let (asked, told) = (Rc::clone(&trace), Rc::clone(&trace));
    test.on::<Get>(move |get| {
        asked.borrow_mut().push_str(get.0);
        0
    });
    test.on_notify::<Say>(move |_| told.borrow_mut().push('.'));
    for name in ["a", "b", "c"] {
        let shell = test.shell();
        drop(test.spawn(async move {
            shell.request(Get(name)).await.unwrap();
            shell.notify(Say("told")).unwrap();
        }));
    }
    test.run();
    test.finish();
    trace.take()
}

#[test]
fn every_order_of_the_answers_is_tried_and_so_is_every_pause_between_them() {
    let seen = RefCell::new(BTreeSet::new());
    Simulation::new().seeds(2_000).run(|schedule| {
        seen.borrow_mut().insert(answers(schedule));
    });
    let seen = seen.into_inner();
    for order in ["abc", "acb", "bac", "bca", "cab", "cba"] {
        let [x, y, z] = [0, 1, 2].map(|at| &order[at..=at]);
        for trace in [
            format!("{x}.{y}.{z}."),
            format!("{x}{y}..{z}."),
            format!("{x}.{y}{z}.."),
            format!("{x}{y}{z}..."),
        ] {
            assert!(seen.contains(&trace), "{trace} of {seen:?}");
        }
    }
    assert_eq!(seen.len(), 24);
    Simulation::new()
        .choices(Choices::default())
        .run(|schedule| assert_eq!(answers(schedule), "a.b.c."));
}

async fn with_timeout(shell: Shell<Effect>) -> bool {
    match select(shell.request(Get("page")), shell.request(Sleep(9))).await {
        Either::Left(_) => true,
        Either::Right(_) => false,
    }
}

#[test]
fn time_may_pass_before_an_answer() {
    let run = |schedule: &Schedule| {
        let mut test = schedule.shell::<Effect>();
        test.clock::<Sleep>(|sleep| secs(sleep.0));
        test.on::<Get>(|_| 1);
        let task = test.spawn(with_timeout(test.shell()));
        test.play();
        test.join(task).unwrap()
    };
    let seen = RefCell::new(BTreeSet::new());
    Simulation::new().seeds(20).run(|schedule| {
        seen.borrow_mut().insert(run(schedule));
    });
    assert_eq!(seen.borrow().len(), 2);
    let failure = Simulation::new()
        .explore(|schedule| assert!(run(schedule)))
        .unwrap_err();
    assert_eq!(failure.shrunk.to_string(), "0=1");
    assert_eq!(failure.notes, ["choice 0, of 2: time passes to 9s"]);
}

/// A hundred tasks, of which the last two are expected in order.
fn buggy(schedule: &Schedule) {
    let mut test = schedule.shell::<Effect>();
    let order = Rc::new(RefCell::new(Vec::new()));
    let note = Rc::clone(&order);
    test.on_notify::<Say>(move |say| note.borrow_mut().push(say.0));
    let names = std::iter::repeat_n("noise", 20).chain(["write", "close"]);
    for name in names {
        let shell = test.shell();
        drop(test.spawner().name(name).spawn(async move {
            shell.notify(Say(name)).unwrap();
        }));
    }
    test.run();
    let at = |name| order.borrow().iter().position(|said| *said == name);
    assert!(at("write") < at("close"), "closed before it was written");
    test.finish();
}

#[test]
fn a_failure_is_shrunk_told_and_replayed() {
    let found = Simulation::new().explore(buggy).unwrap_err();
    assert!(found.choices.len() > 10, "{found}");
    assert_eq!(found.shrunk.len(), 1, "{found}");
    // Of twenty-two tasks the last is polled first.
    assert_eq!(found.shrunk.to_string(), "0=21");
    let text = found.to_string();
    assert_has(
        &text,
        &[
            &format!(
                "the seed {} fails: closed before it was written",
                found.seed.unwrap()
            ),
            "choices that are not the first to 1, in ",
            "choice 0, of 22: polled first: task 21.1 \"close\" (tests/testing/simulation.rs:",
            ", before task 0.1 \"noise\"",
            &format!("STILLPOINT_SEED={} cargo test", found.seed.unwrap()),
            "STILLPOINT_CHOICES=\"0=21\" cargo test, or `.choices(\"0=21\".parse().unwrap())`",
        ],
    );
    let seed = found.seed.unwrap();
    let again = Simulation::new().seed(seed).explore(buggy).unwrap_err();
    assert_eq!((again.seed, &again.choices), (Some(seed), &found.choices));
    let again = Simulation::new()
        .choices(found.shrunk.clone())
        .explore(buggy)
        .unwrap_err();
    assert_eq!((again.seed, again.message), (None, found.message.clone()));
    assert_eq!(again.notes, found.notes);
    for seed in 0..seed {
        Simulation::new().seed(seed).run(buggy);
    }
    let text = failure(|| drop(Simulation::new().run(buggy)));
    assert_has(
        &text,
        &[
            "in the simulation at tests/testing/simulation.rs:",
            "the seed ",
        ],
    );
}

#[test]
fn a_body_that_depends_on_something_else_is_told_so() {
    let runs = std::cell::Cell::new(0);
    let body = |_: &Schedule| {
        runs.set(runs.get() + 1);
        assert!(runs.get() != 5, "the fifth");
    };
    let failure = Simulation::new().explore(body).unwrap_err();
    assert_eq!((failure.seed, failure.is_reproduced), (Some(4), false));
    assert_has(
        &failure.to_string(),
        &["the seed 4 fails: the fifth", "depends on something else"],
    );
}

#[test]
fn the_body_may_choose_for_itself() {
    let failure = Simulation::new()
        .explore(|schedule| {
            let (one, two) = (schedule.choose(10), schedule.choose(10));
            assert!(
                schedule.choose(1) == 0 && (one < 9 || two < 3),
                "{one} and {two}"
            );
        })
        .unwrap_err();
    assert_eq!(failure.shrunk.to_string(), "0=9 1=3");
    assert_has(
        &failure.notes[1],
        &[
            "choice 1, of 10: at tests/testing/simulation.rs:",
            ": 3 of 10",
        ],
    );
    assert_eq!(failure.message, "9 and 3");
}

#[test]
fn a_local_executor_follows_a_schedule_and_simulations_nest() {
    let outer = RefCell::new(BTreeSet::new());
    Simulation::new().seeds(20).run(|schedule| {
        let mut executor: LocalExecutor<()> = schedule.local_executor();
        let order = Rc::new(RefCell::new(String::new()));
        for name in ["a", "b"] {
            let order = Rc::clone(&order);
            drop(executor.spawn_local(async move { order.borrow_mut().push_str(name) }));
        }
        executor.run_until_stalled();
        outer.borrow_mut().insert(order.take());
        let inner = Simulation::new()
            .explore(|schedule| assert_eq!(self::order(schedule), "abc"))
            .unwrap_err();
        assert_eq!(inner.shrunk.to_string(), "0=1");
    });
    assert_eq!(outer.borrow().len(), 2);
}

#[test]
fn a_body_that_has_no_end_fails_with_a_clear_word() {
    let failure = Simulation::new()
        .limit_choices(1_000)
        .explore(|schedule| {
            let mut executor = schedule.executor::<()>();
            for _ in 0..2 {
                drop(executor.spawn(std::future::poll_fn(|cx| {
                    cx.waker().wake_by_ref();
                    std::task::Poll::<()>::Pending
                })));
            }
            executor.run_until_stalled();
        })
        .unwrap_err();
    assert_has(
        &failure.message,
        &["the body has made 1000 choices, and does not end"],
    );
}

#[test]
fn what_a_failed_run_held_is_back() {
    let probe = RefProbe::new();
    let failure = Simulation::new()
        .explore(|schedule| {
            let mut test = schedule.shell::<Effect>();
            test.reply::<Hold>(|_| Reply::Later);
            for _ in 0..3 {
                let (shell, token) = (test.shell(), probe.token("held"));
                drop(test.spawn(async move { shell.request(Hold(token)).await.is_ok() }));
            }
            test.finish();
        })
        .unwrap_err();
    assert_has(
        &failure.message,
        &["the test ends with something left", "3 tasks are alive"],
    );
    assert_eq!(failure.shrunk, Choices::default());
    probe.assert_back();
}

/// A seed that somebody has written down is to mean the same for ever.
#[test]
fn a_seed_means_what_it_always_meant() {
    let choices = RefCell::new(String::new());
    Simulation::new().seed(2026).run(|schedule| {
        for of in [2, 3, 10, 100, 1_000_000] {
            choices
                .borrow_mut()
                .push_str(&format!("{} ", schedule.choose(of)));
        }
    });
    assert_eq!(choices.take(), "1 1 6 38 791604 ");
}

#[test]
fn the_last_seed_there_is_is_tried_as_any() {
    let runs = RefCell::new(Vec::new());
    let run = |simulation: Simulation| {
        let explored =
            simulation.explore(|schedule| runs.borrow_mut().push(schedule.choose(1_000)));
        explored.unwrap().runs
    };
    assert_eq!(run(Simulation::new().seed(u64::MAX)), 1);
    assert_eq!(run(Simulation::new().seed(u64::MAX).seeds(2)), 2);
    assert_eq!(run(Simulation::new().seeds(1)), 1);
    let runs = runs.into_inner();
    assert_eq!((runs[1], runs[2]), (runs[0], runs[3]), "after it comes 0");
}

#[test]
fn choices_that_are_given_are_told_as_far_as_there_are_such() {
    let given = "0=4294967295 7=1 18446744073709551615=1";
    let failure = Simulation::new()
        .choices(given.parse().unwrap())
        .explore(|schedule| assert_eq!(schedule.choose(3), 0))
        .unwrap_err();
    assert_eq!(failure.choices.to_string(), "0=2");
    assert_has(&failure.to_string(), &["STILLPOINT_CHOICES=\"0=2\""]);
}

#[test]
fn what_fails_in_the_usual_order_is_said_to() {
    let failure = Simulation::new()
        .explore(|schedule| panic!("{}", schedule.choose(2)))
        .unwrap_err();
    assert!(failure.shrunk.is_empty());
    let text = "in 1 runs: it fails in the usual order\nto replay it:";
    assert_has(&failure.to_string(), &[text]);
}
