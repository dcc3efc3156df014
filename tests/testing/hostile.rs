//! What a core, a test and a body may do to the kit: it says what is wrong, once, and takes nobody with it.

use std::cell::{Cell, RefCell};
use std::ffi::OsStr;
use std::process::Command;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::pending;
use stillpoint::testing::{RefProbe, Reply, Schedule, Simulation, TestShell};
use stillpoint::{Executor, Notification, Operation, Request, Shell};

use super::shell::{Effect, Get, Hold, Keys, Say, Sleep, secs, stage};
use super::{assert_has, failure};

/// It panics when it is dropped.
struct Spiteful(Rc<Cell<u32>>);

impl Drop for Spiteful {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
        panic!("in a destructor");
    }
}

#[test]
fn a_future_whose_destructor_panics_fails_the_test_as_a_panic_does() {
    struct Thrower;
    impl Drop for Thrower {
        fn drop(&mut self) {
            panic!("no rest");
        }
    }
    let mut test = stage();
    let thrower = Thrower;
    drop(test.spawner().name("thrower").spawn(async move {
        let _held = thrower;
        pending::<()>().await;
    }));
    test.run();
    test.teardown();
    let text = failure(|| test.finish());
    assert_has(
        &text,
        &["panicked, and not joined:", "\"thrower\"", "no rest"],
    );
}

#[test]
fn a_failing_test_drops_what_panics_in_destructors_and_the_process_lives() {
    let text = failure(|| {
        let mut test = stage();
        for _ in 0..3 {
            let shell = test.shell();
            drop(test.spawn(async move {
                struct Thrower(Shell<Effect>);
                impl Drop for Thrower {
                    fn drop(&mut self) {
                        self.0.notify(Say("last")).ok();
                        panic!("while it unwinds");
                    }
                }
                let _held = Thrower(shell);
                pending::<()>().await;
            }));
        }
        test.expect::<Get>(|_| true).resolve(1);
    });
    assert_has(&text, &["a request Get that matches", "3 tasks are alive"]);
}

#[test]
fn a_handler_that_is_dropped_with_its_shell_may_panic_in_it() {
    let drops = Rc::new(Cell::new(0));
    let spiteful = Spiteful(Rc::clone(&drops));
    let text = failure(|| {
        let mut test = stage();
        test.on::<Get>(move |_| {
            let _ = &spiteful;
            1
        });
        test.finish();
    });
    assert_eq!((text.as_str(), drops.get()), ("in a destructor", 1));
}

#[test]
fn a_handler_may_ask_and_spawn_and_answer_others() {
    let mut test = stage();
    let (spawner, shell) = (test.spawner(), test.shell());
    let left = Cell::new(3);
    test.on::<Get>(move |get| {
        if left.get() > 0 {
            left.set(left.get() - 1);
            let shell = shell.clone();
            drop(spawner.spawn(async move { shell.request(Get("more")).await.is_ok() }));
        }
        get.0.len() as u32
    });
    let shell = test.shell();
    let task = test.spawn(async move { shell.request(Get("first")).await });
    assert_eq!(test.join(task).unwrap(), Ok(5));
    assert_eq!(test.waiting::<Get>(), 0);
    test.finish();
}

#[test]
fn ten_thousand_requests_are_expected_answered_and_forgotten() {
    let probe = RefProbe::new();
    let mut test = stage();
    test.on::<Hold>({
        let answers = RefProbe::new();
        move |_| answers.token("answer")
    });
    for _ in 0..5_000 {
        let (shell, token) = (test.shell(), probe.token("asked"));
        drop(test.spawn(async move {
            shell.request(Get("x")).await.unwrap();
            drop(shell.request(Hold(token)).await);
        }));
    }
    test.expect::<Get>(|_| true).times(5_000).resolve(1);
    test.run();
    probe.assert_back_in(&test.snapshot());
    test.finish();
}

#[test]
fn shells_are_driven_inside_each_other() {
    let mut outer = stage();
    let task = outer.spawn(async {
        let mut inner = TestShell::new(Executor::<Request<Get>>::new());
        let shell = inner.shell();
        let task = inner.spawn(async move { shell.request(Get("inner")).await });
        inner.expect::<Get>(|_| true).resolve(1);
        let answer = inner.join(task).unwrap();
        inner.finish();
        answer
    });
    assert_eq!(outer.join(task).unwrap(), Ok(1));
    outer.finish();
}

#[test]
fn after_a_teardown_it_drives_nothing_and_says_so() {
    let mut test = stage();
    let shell = test.shell();
    assert_eq!(test.teardown().tasks, 0);
    assert_eq!(test.teardown().tasks, 0);
    test.run();
    test.play();
    test.advance(secs(1));
    assert!(!test.step());
    assert!(shell.notify(Say("late")).is_err());
    test.expect_nothing();
    assert_has(
        &failure(|| drop(test.spawn(async {}))),
        &["an executor that is not torn down"],
    );
    assert_has(
        &failure(|| test.expect::<Get>(|_| true).resolve(1)),
        &["has asked nothing more"],
    );
    assert!(test.snapshot().tasks.is_empty());
    test.finish();
}

#[test]
fn a_stream_that_is_ended_or_dropped_by_its_reader_is_seen_as_it_is() {
    use futures::StreamExt;
    let mut test = stage();
    let shell = test.shell();
    let task = test.spawn(async move { shell.subscribe(Keys).next().await });
    let feed = test.expect_stream::<Keys>(|_| true).take();
    feed.send('a').unwrap();
    assert_eq!(test.join(task).unwrap(), Some('a'));
    assert_eq!(test.expect_cancelled::<Keys>(|_| true).take(), feed.id());
    feed.send('b').unwrap();
    test.finish();
}

#[test]
fn an_operation_whose_matcher_is_of_another_type_is_none() {
    /// The same shape as `Get`, and another type.
    struct Got;
    impl Operation for Got {
        type Output = u32;
    }
    let mut test = stage();
    let shell = test.shell();
    let task = test.spawn(async move { shell.request(Get("x")).await });
    assert_has(
        &failure(|| test.expect::<Got>(|_| true).resolve(1)),
        &["a request Got", "next is\n  request Get"],
    );
    assert_has(
        &failure(|| assert_eq!(test.expect_notify::<Get>(|_| true).take(), Get(""))),
        &["a notification Get"],
    );
    test.expect::<Get>(|_| true).resolve(2);
    assert_eq!(test.join(task).unwrap(), Ok(2));
    test.finish();
}

#[test]
fn a_clock_that_overflows_stands_still() {
    let mut test = stage();
    let shell = test.shell();
    test.advance(secs(1));
    let task = test.spawn(async move { shell.request(Sleep(u64::MAX)).await });
    test.advance(std::time::Duration::MAX);
    test.advance(std::time::Duration::MAX);
    assert_eq!(test.advance_to_next(), None);
    assert!(!task.is_finished());
    task.abort();
    drop(task);
    test.finish();
}

#[test]
fn a_notification_alone_is_an_effect_and_may_come_from_a_thread() {
    let mut test = TestShell::new(Executor::<Notification<u32>>::new());
    let shell = test.shell();
    std::thread::spawn(move || shell.notify(7).unwrap())
        .join()
        .unwrap();
    assert_eq!(test.expect_notify::<u32>(|_| true).take(), 7);
    test.finish();
}

/// A run that fails in the midst of a turn, with others' tasks half done, is followed by the next run as if nothing were.
#[test]
fn a_body_that_fails_anywhere_leaves_the_next_run_alone() {
    let runs = Cell::new(0);
    let probe = RefProbe::new();
    let failure = Simulation::new()
        .explore(|schedule: &Schedule| {
            runs.set(runs.get() + 1);
            let mut test = schedule.shell::<Effect>();
            test.reply::<Get>(|_| Reply::Resolve(1));
            let order = Arc::new(Mutex::new(Vec::new()));
            let tasks: Vec<_> = (0..4)
                .map(|number| {
                    let (shell, order, token) =
                        (test.shell(), Arc::clone(&order), probe.token("held"));
                    test.spawn(async move {
                        let _held = token;
                        shell.request(Get("x")).await.unwrap();
                        order.lock().unwrap().push(number);
                        assert!(
                            order.lock().unwrap().len() < 2 || order.lock().unwrap()[0] < 3,
                            "in a task"
                        );
                    })
                })
                .collect();
            test.run();
            drop(tasks);
            test.finish();
        })
        .unwrap_err();
    assert_has(&failure.message, &["panicked, and not joined", "in a task"]);
    assert!(failure.is_reproduced && runs.get() > 3);
    probe.assert_back();
}

#[test]
fn a_choice_of_nothing_is_a_panic_of_the_tests_own() {
    let failure = Simulation::new()
        .explore(|schedule| drop(schedule.choose(0).to_string()))
        .unwrap_err();
    assert_eq!(failure.message, "there is nothing to choose from");
}

#[test]
fn choices_that_are_none_are_told() {
    for (text, word) in [
        ("1", "`1`"),
        ("1=", "`1=`"),
        ("=1", "`=1`"),
        ("0=1 x=2", "`x=2`"),
        ("0=99999999999", "`0=9"),
    ] {
        let error = text.parse::<stillpoint::testing::Choices>().unwrap_err();
        assert_has(&error.to_string(), &[word, "is no choice"]);
    }
}

/// What the environment says is for `run`. It is run by the next test alone.
#[test]
#[ignore = "another test runs it, in an environment of its own"]
fn as_the_environment_says() {
    let seen = RefCell::new(Vec::new());
    Simulation::new().run(|schedule| seen.borrow_mut().push(schedule.choose(1_000)));
    let seen = seen.into_inner();
    println!("seen {} of {:?}", seen.len(), seen.first().unwrap());
}

/// What that test says in an environment with this variable.
fn run_in(name: &str, value: &OsStr) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "hostile::as_the_environment_says",
            "--ignored",
            "--nocapture",
        ])
        .env(name, value)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&text).into_owned()
}

#[test]
#[cfg_attr(miri, ignore = "it starts a program")]
fn a_run_is_replayed_by_the_environment() {
    let run = |name: &str, value: &str| run_in(name, value.as_ref());
    let first = |seed| {
        let chosen = Cell::new(0);
        Simulation::new()
            .seed(seed)
            .run(|schedule| chosen.set(schedule.choose(1_000)));
        chosen.get()
    };
    assert_has(
        &run("STILLPOINT_SEED", "77"),
        &[&format!("seen 1 of {}\n", first(77))],
    );
    assert_has(&run("STILLPOINT_CHOICES", "0=123"), &["seen 1 of 123\n"]);
    assert_has(&run("STILLPOINT_CHOICES", ""), &["seen 1 of 0\n"]);
    assert_has(
        &run("STILLPOINT_SEEDS", "17"),
        &[&format!("seen 17 of {}\n", first(0))],
    );
    assert_has(
        &run("STILLPOINT_SEED", "many"),
        &["STILLPOINT_SEED=\"many\": invalid digit"],
    );
}

#[cfg(unix)]
#[test]
#[cfg_attr(miri, ignore = "it starts a program")]
fn what_the_environment_says_in_no_unicode_is_not_overlooked() {
    use std::os::unix::ffi::OsStrExt;
    for name in ["STILLPOINT_SEED", "STILLPOINT_SEEDS", "STILLPOINT_CHOICES"] {
        let said = run_in(name, OsStr::from_bytes(b"7\xFF"));
        assert_has(&said, &[name, "not valid unicode"]);
    }
}

#[test]
fn the_same_task_may_be_joined_once_it_is_done_and_not_before() {
    let mut test = stage();
    test.allow_unfinished();
    let mut task = test.spawn(pending::<()>());
    assert_has(
        &failure(|| drop(test.join(&mut task))),
        &["the task is not finished"],
    );
    assert!(task.now_or_never().is_none());
    test.finish();
}

/// It is run by the next test alone.
#[test]
#[ignore = "another test runs it, to read what it prints"]
fn half_of_all_runs_fail() {
    let failure =
        Simulation::new().explore(|schedule| assert_eq!(schedule.choose(2), 0, "the word"));
    println!("{}", failure.unwrap_err());
}

/// It is run by the next test alone.
#[test]
#[ignore = "another test runs it, where no simulation was before"]
fn a_destructor_explores_while_its_thread_panics() {
    struct Explores;
    impl Drop for Explores {
        fn drop(&mut self) {
            let explored = Simulation::new().seeds(3).explore(|_| {}).unwrap();
            println!("explored {}", explored.runs);
        }
    }
    let _explores = Explores;
    panic!("the word");
}

#[test]
#[cfg_attr(miri, ignore = "it starts a program")]
fn a_simulation_in_a_thread_that_panics_does_not_end_the_process() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "hostile::a_destructor_explores_while_its_thread_panics",
            "--ignored",
            "--nocapture",
        ])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert_has(&told, &["explored 3", "1 failed"]);
}

#[test]
#[cfg_attr(miri, ignore = "it starts a program")]
fn of_all_runs_that_fail_the_last_one_alone_is_heard() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "hostile::half_of_all_runs_fail",
            "--ignored",
            "--nocapture",
        ])
        .output()
        .unwrap();
    let heard = String::from_utf8_lossy(&output.stderr);
    assert_eq!(heard.matches("the word").count(), 1, "{heard}");
    let told = String::from_utf8_lossy(&output.stdout);
    assert_has(&told, &["the seed ", "the word", "in 1 runs:"]);
}
