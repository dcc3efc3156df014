//! Tokens: out, back, cloned, and what is said of those that are missing.

use std::panic::Location;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::pending;
use stillpoint::testing::{RefProbe, Token};
use stillpoint::{Emitted, Executor, LocalExecutor, Operation, Request};

use super::{assert_has, failure};

struct Keep(#[expect(dead_code, reason = "it is held, that is all")] Token);

impl Operation for Keep {
    type Output = Token;
}

/// `tests/testing/probe.rs:7`, so many lines from here.
#[track_caller]
fn line(offset: i64) -> String {
    let here = Location::caller();
    format!("{}:{}:", here.file(), i64::from(here.line()) + offset)
}

#[test]
fn tokens_that_are_back_are_no_failure() {
    let probe = RefProbe::new();
    let first = probe.token("first");
    let second = first.clone();
    drop((first, second));
    assert!(probe.missing().is_empty());
    probe.assert_back();
}

#[test]
fn a_missing_token_is_told_with_its_label_and_place() {
    let probe = RefProbe::new();
    let back = probe.token("back");
    let out = probe.token(format!("out {}", 1));
    drop(back);
    let text = failure(|| probe.assert_back());
    let place = line(-3);
    assert_has(
        &text,
        &["1 token is not back:", "\"out 1\", handed out at ", &place],
    );
    assert!(!text.contains("\"back\""), "{text}");
    drop(out);
    probe.assert_back();
}

#[test]
fn each_clone_has_to_come_back_and_is_told_with_its_own_place() {
    let probe = RefProbe::new();
    let first = probe.token("shared");
    let second = first.clone();
    let third = second.clone();
    let [handed_out, cloned, again] = [line(-3), line(-2), line(-1)].map(|place| place.clone());
    drop(second);
    let text = failure(|| probe.assert_back());
    assert_has(
        &text,
        &["2 tokens", &handed_out, &handed_out, "cloned at ", &again],
    );
    assert!(!text.contains(&cloned), "{text}");
    drop(first);
    let text = failure(|| probe.assert_back());
    assert_has(
        &text,
        &["1 token is", "\"shared\"", &handed_out, "cloned", &again],
    );
    drop(third);
    probe.assert_back();
}

#[test]
fn with_a_snapshot_it_says_which_tasks_are_alive_and_what_they_wait_for() {
    let probe = RefProbe::new();
    let mut executor = Executor::<Request<Keep>>::new();
    let shell = executor.shell();
    let (held, asked) = (probe.token("in the task"), probe.token("in the operation"));
    let task = executor.spawner().name("keeper").spawn(async move {
        let _held = held;
        shell.request(Keep(asked)).await
    });
    executor.spawner().spawn(pending::<()>());
    executor.run_until_stalled();
    let text = failure(|| probe.assert_back_in(&executor.snapshot()));
    assert_has(
        &text,
        &[
            "2 tokens are not back:",
            "\"in the task\"",
            "\"in the operation\"",
            "2 tasks are alive:",
            "\"keeper\" (tests/testing/probe.rs:",
            "which waits for Keep (tests/testing/probe.rs:",
            "task 1.1 (tests/testing/probe.rs:",
        ],
    );
    task.abort();
    executor.run_until_stalled();
    probe.assert_back_in(&executor.snapshot());
    let text = failure(|| {
        let _out = probe.token("x");
        probe.assert_back_in(&Executor::<()>::new().snapshot());
    });
    assert_has(&text, &["no task is alive"]);
}

#[test]
fn an_answer_that_nobody_reads_comes_back_and_so_does_what_a_thread_held() {
    let probe = RefProbe::new();
    let mut executor = LocalExecutor::<Request<Keep>>::new();
    let shell = executor.shell();
    let asked = probe.token("operation");
    let task = executor.spawn_local(async move { shell.request(Keep(asked)).await });
    executor.run_until_stalled();
    let Some(Emitted::Effect(request)) = executor.drain().next() else {
        unreachable!()
    };
    let answer = probe.token("answer");
    std::thread::spawn(move || request.resolve(answer).unwrap())
        .join()
        .unwrap();
    assert_eq!(probe.missing()[0].label, "answer");
    task.abort();
    executor.run_until_stalled();
    probe.assert_back_in(&executor.snapshot());
    assert!(task.now_or_never().is_some());
}

#[test]
fn after_a_teardown_it_says_whose_waker_is_out() {
    let probe = RefProbe::new();
    let token = probe.token("beside the waker");
    let mut executor = Executor::<()>::new();
    let kept = Arc::new(std::sync::Mutex::new(None));
    let keep = Arc::clone(&kept);
    executor
        .spawner()
        .name("leaky")
        .spawn(std::future::poll_fn(move |cx| {
            *keep.lock().unwrap() = Some((cx.waker().clone(), token.clone()));
            std::task::Poll::<()>::Pending
        }));
    executor.run_until_stalled();
    let report = executor.teardown();
    let text = failure(|| probe.assert_back_after(&report));
    assert_has(
        &text,
        &[
            "beside the waker",
            "cloned at",
            "a waker of task 0.1 \"leaky\"",
        ],
    );
    drop(kept.lock().unwrap().take());
    probe.assert_back_after(&report);
    report.assert_baseline();
}

#[test]
fn a_probe_may_go_before_its_tokens() {
    let probe = RefProbe::new();
    let token = probe.token("late");
    assert_eq!(format!("{probe:?}"), "RefProbe { out: 1 }");
    drop(probe);
    let debug = format!("{token:?}");
    assert_has(&debug, &["Token(\"late\", handed out at "]);
    drop(token.clone());
    drop(token);
}

/// A report is read by people: of a million tokens the first ones are enough.
#[test]
fn of_many_that_are_missing_the_first_are_told() {
    let probe = RefProbe::new();
    let many: Vec<_> = (0..100)
        .map(|number| probe.token(number.to_string()))
        .collect();
    let text = failure(|| probe.assert_back());
    assert_has(&text, &["100 tokens", "\"19\"", "and 80 more"]);
    assert!(!text.contains("\"20\""), "{text}");
    drop(many);
}
