//! The scripted shell: what passes, and of what fails, what is said.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::{Either, join, join_all, pending, select};
use stillpoint::testing::{Event, RefProbe, Reply, TestShell, Token, What};
use stillpoint::{
    Executor, LocalExecutor, Operation, Overflow, Request, RequestError, Shell, effects,
};

use super::{assert_has, failure};

#[derive(Debug, PartialEq)]
pub(crate) struct Get(pub(crate) &'static str);
impl Operation for Get {
    type Output = u32;
}

/// It has no `Debug`.
pub(crate) struct Quiet;
impl Operation for Quiet {
    type Output = ();
}

#[derive(Debug)]
pub(crate) struct Sleep(pub(crate) u64);
impl Operation for Sleep {
    type Output = ();
}

#[derive(Debug)]
pub(crate) struct Keys;
impl Operation for Keys {
    type Output = char;
}

#[derive(Debug)]
pub(crate) struct Hold(#[expect(dead_code, reason = "it is held, that is all")] pub(crate) Token);
impl Operation for Hold {
    type Output = Token;
}

#[derive(Debug, PartialEq)]
pub(crate) struct Say(pub(crate) &'static str);

effects! {
    pub(crate) enum Effect {
        Get => request Get,
        Quiet => request Quiet,
        Sleep => request Sleep,
        Keys => stream Keys,
        Hold => request Hold,
        Say => notify Say,
    }
}

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn stage() -> TestShell<Effect> {
    let mut test = TestShell::new(Executor::new());
    test.clock::<Sleep>(|sleep| secs(sleep.0));
    test
}

async fn get(shell: Shell<Effect>, what: &'static str) -> Result<u32, RequestError> {
    shell.request(Get(what)).await
}

#[test]
fn requests_are_answered_failed_and_abandoned() {
    let mut test = stage();
    let (one, two, three, four) = (
        test.spawn(get(test.shell(), "one")),
        test.spawn(get(test.shell(), "two")),
        test.spawn(get(test.shell(), "three")),
        test.spawn(get(test.shell(), "four")),
    );
    test.expect::<Get>(|get| get.0 == "one").resolve(1);
    test.expect::<Get>(|get| get.0 == "two").fail("no");
    test.expect::<Get>(|get| get.0 == "three").abandon();
    test.expect::<Get>(|_| true)
        .respond(|get| get.0.len() as u32);
    assert_eq!(test.join(one).unwrap(), Ok(1));
    assert_eq!(
        test.join(two).unwrap(),
        Err(RequestError::Failed("no".into()))
    );
    assert_eq!(test.join(three).unwrap(), Err(RequestError::Abandoned));
    assert_eq!(test.join(four).unwrap(), Ok(4));
    let report = test.teardown();
    assert!(report.is_unloadable(), "{report:?}");
    test.finish();
}

#[test]
fn an_answer_may_come_later_and_from_another_thread() {
    let mut test = stage();
    let task = test.spawn(get(test.shell(), "later"));
    let resolver = test.expect::<Get>(|_| true).take();
    test.expect_nothing();
    std::thread::spawn(move || resolver.resolve(7).unwrap())
        .join()
        .unwrap();
    assert_eq!(test.join(task).unwrap(), Ok(7));
    test.finish();
}

#[test]
fn what_comes_next_has_to_be_what_is_expected() {
    let mut test = stage();
    drop(
        test.spawner()
            .name("asker")
            .spawn(get(test.shell(), "first")),
    );
    drop(test.spawn(get(test.shell(), "second")));
    let text = failure(|| test.expect::<Get>(|get| get.0 == "second").resolve(2));
    assert_has(
        &text,
        &[
            "a request Get that matches is expected at tests/testing/shell.rs:",
            "but next is",
            "request Get(\"first\"), made at tests/testing/shell.rs:",
            "by task 0.1 \"asker\" (tests/testing/shell.rs:",
            "in this turn",
            "not expected:",
            "Get(\"second\")",
            "2 tasks are alive",
            "which waits for Get (tests/testing/shell.rs:",
        ],
    );
    test.expect::<Get>(|get| get.0 == "second")
        .in_any_order()
        .resolve(2);
    test.expect::<Get>(|get| get.0 == "first").resolve(1);
    test.finish();
}

#[test]
fn another_operation_is_not_what_is_expected() {
    let mut test = stage();
    let shell = test.shell();
    drop(test.spawn(async move {
        shell.notify(Say("hello")).unwrap();
        shell.request(Quiet).await
    }));
    let text = failure(|| test.expect::<Quiet>(|_| true).resolve(()));
    assert_has(
        &text,
        &[
            "a request Quiet that matches",
            "but next is\n  notification Say(\"hello\")",
        ],
    );
    assert_eq!(test.expect_notify::<Say>(|_| true).take(), Say("hello"));
    let text = failure(|| drop(test.expect_stream::<Keys>(|_| true).take()));
    assert_has(
        &text,
        &[
            "a stream Keys that matches",
            "but next is\n  request Quiet, made at ",
        ],
    );
    test.expect::<Quiet>(|_| true).resolve(());
    let text = failure(|| test.expect::<Quiet>(|_| true).resolve(()));
    assert_has(&text, &["but the core has asked nothing more"]);
    test.finish();
}

#[test]
fn a_matcher_that_accepts_nothing_or_panics_takes_nothing() {
    let mut test = stage();
    let task = test.spawn(get(test.shell(), "here"));
    let text = failure(|| test.expect::<Get>(|_| false).in_any_order().resolve(0));
    assert_has(
        &text,
        &["but nothing that was asked is one", "Get(\"here\")"],
    );
    assert_eq!(
        failure(|| test.expect::<Get>(|_| panic!("a matcher")).resolve(0)),
        "a matcher"
    );
    test.expect::<Get>(|_| true).resolve(3);
    assert_eq!(test.join(task).unwrap(), Ok(3));
    test.finish();
}

#[test]
fn what_nobody_expected_is_a_failure_at_the_end() {
    let mut test = stage();
    let shell = test.shell();
    drop(test.spawn(async move { shell.notify(Say("unheard")).is_ok() }));
    let text = failure(|| test.finish());
    assert_has(
        &text,
        &[
            "not expected:\n  notification Say(\"unheard\"), in this turn",
            "of the test shell made at tests/testing/shell.rs:",
        ],
    );
    assert!(
        !text.contains("alive") && !text.contains("not answered"),
        "{text}"
    );
}

#[test]
fn what_nobody_answers_is_a_failure_at_the_end_with_its_place_and_age() {
    let mut test = stage();
    drop(
        test.spawner()
            .name("asker")
            .spawn(get(test.shell(), "lost")),
    );
    let resolver = test.expect::<Get>(|_| true).take();
    for _ in 0..3 {
        drop(test.spawn(async {}));
        test.advance(secs(1));
    }
    let text = failure(|| test.finish());
    assert_has(
        &text,
        &[
            "not answered:\n  request Get(\"lost\"), made at tests/testing/shell.rs:",
            "by task 0.1 \"asker\"",
            "3 turns and 3s ago",
            "1 task is alive",
        ],
    );
    assert!(!text.contains("not expected"), "{text}");
    drop(resolver);
}

#[test]
fn a_task_that_is_not_finished_is_a_failure_at_the_end() {
    let test = stage();
    drop(test.spawner().name("endless").spawn(pending::<()>()));
    let text = failure(|| test.finish());
    assert_has(
        &text,
        &["1 task is alive:\n  task 0.1 \"endless\" (tests/testing/shell.rs:"],
    );
}

#[test]
fn a_panic_that_nobody_joins_is_a_failure_at_the_end() {
    let test = stage();
    drop(
        test.spawner()
            .name("faulty")
            .spawn(async { panic!("no such page") }),
    );
    let text = failure(|| test.finish());
    assert_has(
        &text,
        &[
            "panicked, and not joined:\n  task 0.1 \"faulty\"",
            "panicked: no such page",
        ],
    );
    let mut test = stage();
    let kept = test
        .spawner()
        .name("kept")
        .spawn(async { panic!("no such page") });
    test.run();
    assert!(kept.is_finished());
    test.teardown();
    let text = failure(|| test.finish());
    assert_has(
        &text,
        &[
            "panicked, and not joined:\n  task 0.1 \"kept\"",
            "panicked: no such page",
        ],
    );
    drop(kept);
    let mut test = stage();
    test.allow_panics();
    let kept = test.spawn(async { panic!("no such page") });
    drop(test.spawn(async { panic!("no such page") }));
    test.finish();
    drop(kept);
    let mut test = stage();
    let task = test.spawn(async { panic!("joined") });
    assert!(test.join(task).is_err());
    test.finish();
}

#[test]
fn a_test_that_forgets_to_finish_is_as_exhaustive() {
    let text = failure(|| {
        let mut test = stage();
        drop(test.spawn(pending::<()>()));
    });
    assert_has(&text, &["1 task is alive"]);
    drop(stage());
}

#[test]
fn a_test_that_fails_fails_once() {
    let probe = RefProbe::new();
    let text = failure(|| {
        let mut test = stage();
        let (shell, token) = (test.shell(), probe.token("held"));
        drop(test.spawn(async move { shell.request(Hold(token)).await.is_ok() }));
        test.run();
        assert_eq!(1, 2, "the test's own");
    });
    assert_has(&text, &["the test's own"]);
    probe.assert_back();
}

#[test]
fn what_is_allowed_is_no_failure() {
    let mut test = stage();
    test.allow_unhandled();
    let shell = test.shell();
    let task = test.spawn(async move {
        shell.notify(Say("unheard")).unwrap();
        shell.request(Get("wanted")).await
    });
    test.expect::<Get>(|_| true).resolve(1);
    assert_eq!(test.join(task).unwrap(), Ok(1));
    test.finish();

    let mut test = stage();
    test.allow_unfinished();
    drop(test.spawn(get(test.shell(), "held")));
    let held = test.expect::<Get>(|_| true).take();
    test.finish();
    drop(held);

    let mut test = stage();
    test.allow_unfinished();
    drop(test.spawn(get(test.shell(), "unexpected")));
    assert_has(
        &failure(|| test.finish()),
        &["not expected:\n  request Get(\"unexpected\")"],
    );
}

#[test]
fn several_are_expected_one_after_the_other() {
    let mut test = stage();
    let shell = test.shell();
    let task = test.spawn(async move {
        let gets = ["a", "bb", "ccc", "d", "e", "f"].map(|what| get(shell.clone(), what));
        join_all(gets).await
    });
    test.expect::<Get>(|_| true)
        .times(2)
        .respond(|get| get.0.len() as u32);
    test.expect::<Get>(|_| true).times(1).resolve(9);
    test.expect::<Get>(|_| true).times(1).fail("no");
    let taken = test.expect::<Get>(|_| true).times(2).take();
    taken
        .into_iter()
        .for_each(|resolver| resolver.resolve(7).unwrap());
    let no = Err(RequestError::Failed("no".into()));
    assert_eq!(
        test.join(task).unwrap(),
        [Ok(1), Ok(2), Ok(9), no, Ok(7), Ok(7)]
    );
    let text = failure(|| test.expect::<Get>(|_| true).times(2).abandon());
    assert_has(&text, &["but the core has asked nothing more"]);
    test.finish();
}

#[test]
fn streams_are_fed_ended_and_abandoned() {
    let mut test = stage();
    let typed = |shell: Shell<Effect>| async move {
        let mut keys = shell.subscribe(Keys).overflow(Overflow::Reject(2));
        let mut text = String::new();
        while let Some(key) = keys.next().await {
            text.push(key);
        }
        (text, keys.ended_by().unwrap().is_ok())
    };
    let task = test.spawn(typed(test.shell()));
    let feed = test.expect_stream::<Keys>(|_| true).take();
    feed.send('a').unwrap();
    test.run();
    feed.send('b').unwrap();
    assert_eq!(test.waiting::<Keys>(), 1);
    feed.end().unwrap();
    assert_eq!(test.join(task).unwrap(), ("ab".to_owned(), true));
    assert_eq!(test.waiting::<Keys>(), 0);

    let task = test.spawn(typed(test.shell()));
    test.expect_stream::<Keys>(|_| true).send_all("cd".chars());
    assert_eq!(test.join(task).unwrap(), ("cd".to_owned(), true));

    let task = test.spawn(typed(test.shell()));
    test.expect_stream::<Keys>(|_| true).abandon();
    assert_eq!(test.join(task).unwrap(), (String::new(), false));

    let task = test.spawn(typed(test.shell()));
    let text = failure(|| test.expect_stream::<Keys>(|_| true).send_all("efg".chars()));
    assert_has(
        &text,
        &["of a stream that is expected at tests/testing/shell.rs:"],
    );
    assert_eq!(test.join(task).unwrap().0, "ef");

    drop(test.spawn(typed(test.shell())));
    let feed = test.expect_stream::<Keys>(|_| true).take();
    let text = failure(|| test.finish());
    assert_has(&text, &["not answered:\n  stream Keys, made at"]);
    drop(feed);
}

#[test]
fn a_cancellation_is_expected_like_everything_else() {
    let mut test = stage();
    let task = test.spawn(get(test.shell(), "unwanted"));
    let held = test.expect::<Get>(|_| true).take();
    task.abort();
    assert!(test.join(task).is_err());
    let text = failure(|| test.expect_nothing());
    assert_has(
        &text,
        &[
            "not expected:\n  request Get(\"unwanted\"), made at",
            ": cancelled in this turn",
        ],
    );
    let text = failure(|| {
        test.expect_cancelled::<Get>(|get| get.0 == "other").take();
    });
    assert_has(
        &text,
        &["the cancellation of Get that matches is expected at"],
    );
    assert_eq!(
        test.expect_cancelled::<Get>(|get| get.0 == "unwanted")
            .take(),
        held.id()
    );
    test.finish();
}

#[test]
fn a_cancellation_that_nobody_expected_is_a_failure_also_of_what_was_answered() {
    let mut test = stage();
    let task = test.spawn(get(test.shell(), "answered"));
    test.expect::<Get>(|_| true).resolve(1);
    task.abort();
    let text = failure(|| test.finish());
    assert_has(
        &text,
        &[
            "not expected:\n  request Get(\"answered\")",
            ": cancelled in this turn",
        ],
    );
    drop(task);
}

#[test]
fn what_was_cancelled_before_it_was_expected_cannot_be_answered_and_says_so() {
    let mut test = stage();
    let tasks = ["a", "b", "c"].map(|name| test.spawn(get(test.shell(), name)));
    test.run();
    tasks.iter().for_each(|task| task.abort());
    test.run();
    let text = failure(|| test.expect::<Get>(|_| true).resolve(1));
    assert_has(
        &text,
        &[
            "Get(\"a\")",
            "cannot be answered: it was cancelled in this turn",
        ],
    );
    let text = failure(|| test.expect::<Get>(|_| true).respond(|_| 1));
    assert_has(&text, &["Get(\"b\")", "cannot be answered"]);
    drop(test.expect::<Get>(|get| get.0 == "c").take());
    let of = test.expect_cancelled::<Get>(|_| true).times(3).take();
    assert_eq!(of.len(), 3);
    test.finish();
}

#[test]
fn sleeps_end_in_the_order_of_their_ends_and_then_of_their_requests() {
    let mut test = stage();
    let ended = Rc::new(RefCell::new(Vec::new()));
    let note = Rc::clone(&ended);
    test.on_notify::<Say>(move |say| note.borrow_mut().push(say.0));
    for (name, time) in [("late", 9), ("b", 3), ("a", 2), ("c", 3)] {
        let shell = test.shell();
        drop(test.spawn(async move {
            shell.request(Sleep(time)).await.unwrap();
            shell.notify(Say(name)).unwrap();
        }));
    }
    test.run();
    assert_eq!(test.waiting::<Sleep>(), 4);
    test.advance(Duration::ZERO);
    assert!(ended.borrow().is_empty());
    test.advance(secs(3));
    assert_eq!((*ended.borrow()).as_slice(), ["a", "b", "c"]);
    assert_eq!(test.now(), secs(3));
    let text = failure(|| test.expect::<Sleep>(|_| true).resolve(()));
    assert_has(
        &text,
        &[
            "not answered",
            "request Sleep(9)",
            "and 3s ago: its time comes in 6s",
        ],
    );
    test.play();
    assert_eq!(
        (ended.borrow().last(), test.now()),
        (Some(&"late"), secs(9))
    );
    test.finish();
}

#[test]
fn a_sleep_that_is_made_on_the_way_ends_at_its_own_time() {
    let mut test = stage();
    let shell = test.shell();
    let task = test.spawn(async move {
        for _ in 0..3 {
            shell.request(Sleep(2)).await.unwrap();
        }
    });
    test.advance(secs(5));
    assert!(!task.is_finished());
    test.advance(secs(1));
    assert!(task.is_finished());
    drop(task);
    test.finish();
}

#[test]
fn a_sleep_that_is_cancelled_vanishes_and_one_too_long_never_ends() {
    let mut test = TestShell::new(Executor::<Effect>::new());
    test.clock::<Sleep>(|sleep| Duration::from_secs(sleep.0));
    let shell = test.shell();
    let task = test.spawn(async move {
        match select(shell.request(Get("page")), shell.request(Sleep(u64::MAX))).await {
            Either::Left((page, _)) => page.ok(),
            Either::Right(_) => None,
        }
    });
    test.advance(secs(1));
    test.expect::<Get>(|_| true).resolve(1);
    assert_eq!(test.join(task).unwrap(), Some(1));
    assert_eq!(test.waiting::<Sleep>(), 0);
    test.play();
    assert_eq!(test.now(), secs(1));
    test.finish();
}

#[test]
fn what_is_there_when_a_handler_comes_is_the_handlers() {
    let mut test = TestShell::new(Executor::<Effect>::new());
    let shell = test.shell();
    let task = test.spawn(async move {
        shell.notify(Say("early")).unwrap();
        let (get, sleep) = join(shell.request(Get("early")), shell.request(Sleep(1))).await;
        (get, sleep)
    });
    test.run();
    let said = Rc::new(Cell::new(false));
    let note = Rc::clone(&said);
    test.on_notify::<Say>(move |_| note.set(true));
    test.on::<Get>(|_| 5);
    test.clock::<Sleep>(|sleep| secs(sleep.0));
    test.play();
    assert!(said.get());
    assert_eq!(test.join(task).unwrap(), (Ok(5), Ok(())));
    test.finish();
}

#[test]
fn a_handler_may_fail_abandon_and_put_off() {
    let mut test = stage();
    let tries = Rc::new(Cell::new(0));
    let count = Rc::clone(&tries);
    test.reply::<Get>(move |get| match get.0 {
        "fail" => Reply::Fail("no".into()),
        "abandon" => Reply::Abandon,
        "later" => {
            count.set(count.get() + 1);
            if count.get() < 3 {
                Reply::Later
            } else {
                Reply::Resolve(1)
            }
        }
        _ => Reply::Later,
    });
    let [fail, abandon, later, hang] =
        ["fail", "abandon", "later", "hang"].map(|what| test.spawn(get(test.shell(), what)));
    assert_eq!(
        test.join(fail).unwrap(),
        Err(RequestError::Failed("no".into()))
    );
    assert_eq!(test.join(abandon).unwrap(), Err(RequestError::Abandoned));
    while test.step() {}
    assert_eq!(test.join(later).unwrap(), Ok(1));
    let text = failure(|| drop(test.join(hang)));
    assert_has(
        &text,
        &[
            "the task is not finished",
            "Get(\"hang\")",
            ": its handler says `Later`",
        ],
    );
    test.teardown();
    test.finish();
}

#[test]
fn who_watches_is_told_of_asking_and_cancelling() {
    let mut test = stage();
    let trace = Rc::new(RefCell::new(Vec::new()));
    let note = Rc::clone(&trace);
    test.watch::<Get>(
        move |get,
              Event {
                  what, turn, now, ..
              }| {
            note.borrow_mut().push((get.0, what, turn, now.as_secs()));
        },
    );
    test.reply::<Get>(|_| Reply::Later);
    let task = test.spawn(get(test.shell(), "page"));
    test.run();
    test.advance(secs(2));
    task.abort();
    test.run();
    assert_eq!(
        (*trace.borrow()).as_slice(),
        [
            ("page", What::Emitted, 1, 0),
            ("page", What::Cancelled, 2, 2)
        ]
    );
    drop(task);
    test.finish();
}

struct LastWords(Shell<Effect>);

impl Drop for LastWords {
    fn drop(&mut self) {
        self.0.notify(Say("last")).ok();
    }
}

#[test]
fn what_a_teardown_brings_is_to_be_expected_too() {
    let start = |test: &mut TestShell<Effect>| {
        let last = LastWords(test.shell());
        drop(test.spawn(async move {
            let shell = last.0.clone();
            let _last = last;
            shell.request(Get("open")).await
        }));
        test.expect::<Get>(|_| true).take()
    };
    let mut test = stage();
    let held = start(&mut test);
    assert_eq!(test.teardown().tasks, 1);
    assert_eq!(test.expect_notify::<Say>(|_| true).take(), Say("last"));
    assert_eq!(test.expect_cancelled::<Get>(|_| true).take(), held.id());
    test.finish();

    let mut test = stage();
    let held = start(&mut test);
    test.allow_unfinished();
    let text = failure(|| test.finish());
    assert_has(
        &text,
        &[
            "the teardown leaves something",
            "not expected:\n  notification Say(\"last\")",
        ],
    );
    drop(held);

    let mut test = stage();
    let held = start(&mut test);
    test.teardown();
    test.on_notify::<Say>(|_| {});
    test.finish();
    drop(held);
}

#[test]
fn a_core_without_an_end_is_a_failure_and_not_for_ever() {
    let mut test = stage();
    test.limit_polls(100).allow_unfinished();
    drop(
        test.spawner()
            .name("busy")
            .spawn(std::future::poll_fn(|cx| {
                cx.waker().wake_by_ref();
                std::task::Poll::<()>::Pending
            })),
    );
    let text = failure(|| test.run());
    assert_has(
        &text,
        &[
            "the core does not come to rest: this took 100 polls",
            "\"busy\"",
        ],
    );
    let text = failure(|| test.finish());
    assert_has(&text, &["the core does not come to rest"]);

    let mut test = stage();
    test.limit_polls(100).on::<Get>(|_| 0);
    let shell = test.shell();
    drop(test.spawn(async move { while get(shell.clone(), "more").await.is_ok() {} }));
    assert_has(&failure(|| test.run()), &["this took 100 polls"]);
    test.teardown();
    test.finish();

    let mut test = stage();
    test.limit_polls(100);
    let shell = test.shell();
    drop(test.spawn(async move { while shell.request(Sleep(1)).await.is_ok() {} }));
    assert_has(&failure(|| test.play()), &["this took 100 polls"]);
    test.play_until(|| true);
    test.teardown();
    test.finish();
}

#[test]
fn it_plays_until_something_is_so_or_says_that_it_never_was() {
    let mut test = stage();
    let turns = Rc::new(Cell::new(0));
    let count = Rc::clone(&turns);
    test.on_notify::<Say>(move |_| count.set(count.get() + 1));
    let shell = test.shell();
    drop(test.spawn(async move {
        for _ in 0..5 {
            shell.request(Sleep(1)).await.unwrap();
            shell.notify(Say("tick")).unwrap();
        }
    }));
    let seen = Rc::clone(&turns);
    test.play_until(|| seen.get() == 3);
    assert_eq!(test.now(), secs(3));
    let text = failure(|| test.play_until(|| turns.get() == 7));
    assert_has(
        &text,
        &["the core came to rest before what the test waits for"],
    );
    test.finish();
}

#[test]
fn a_local_executor_is_driven_as_well() {
    let executor = LocalExecutor::<Request<Get>>::new();
    let (spawner, shell) = (executor.local_spawner(), executor.shell());
    let mut test = TestShell::new(executor);
    let held = Rc::new(2);
    let task = spawner.spawn(async move { shell.request(Get("local")).await.unwrap() * *held });
    test.expect::<Get>(|_| true).resolve(4);
    assert_eq!(test.join(task).unwrap(), 8);
    test.finish();
}

#[test]
fn it_keeps_nothing_of_what_is_over() {
    let probe = RefProbe::new();
    let mut test = stage();
    let shell = test.shell();
    let (asked, answer) = (probe.token("operation"), probe.token("answer"));
    let task = test.spawn(async move { drop(shell.request(Hold(asked)).await) });
    test.expect::<Hold>(|_| true).resolve(answer);
    test.run();
    probe.assert_back_in(&test.snapshot());
    drop(task);
    let shell = test.shell();
    let (asked, held) = (probe.token("operation"), probe.token("handler"));
    test.reply::<Hold>(move |_| {
        let _held = &held;
        Reply::Later
    });
    let task = test.spawn(async move { drop(shell.request(Hold(asked)).await) });
    test.run();
    assert_eq!(probe.missing().len(), 2);
    task.abort();
    test.run();
    assert_eq!(probe.missing().len(), 1, "the handler's own");
    drop(task);
    test.finish();
    probe.assert_back();
}

#[test]
fn a_handler_that_panics_fails_the_test_and_the_rest_can_be_torn_down() {
    let mut test = stage();
    test.on::<Get>(|_| panic!("a handler"));
    let task = test.spawn(get(test.shell(), "page"));
    assert_eq!(failure(|| test.run()), "a handler");
    assert_eq!(test.join(task).unwrap(), Err(RequestError::Abandoned));
    assert_eq!(test.waiting::<Get>(), 0);
    test.finish();
}

/// Where a test fails is the line of the test, as with any assertion.
#[test]
fn a_failure_is_at_the_line_of_the_test_that_made_it() {
    thread_local! {
        static LINE: Cell<(bool, u32)> = const { Cell::new((false, 0)) };
    }
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panicked| {
        if !LINE.get().0 {
            return before(panicked);
        }
        let place = panicked.location().unwrap();
        let is_here = place.file().ends_with("tests/testing/shell.rs");
        LINE.set((true, if is_here { place.line() } else { 0 }));
    }));
    let line = |act: &mut dyn FnMut()| {
        LINE.set((true, 0));
        let text = failure(act);
        let (_, line) = LINE.replace((false, 0));
        assert!(line > 0, "{text}");
        line
    };
    let mut test = stage();
    test.allow_unfinished();
    drop(test.spawn(pending::<()>()));
    let lines = [
        line(&mut || test.expect::<Get>(|_| true).resolve(1)),
        line(&mut || test.expect::<Get>(|_| true).respond(|_| 1)),
        line(&mut || test.expect::<Get>(|_| true).fail("")),
        line(&mut || test.expect::<Get>(|_| true).abandon()),
        line(&mut || drop(test.expect::<Get>(|_| true).take())),
        line(&mut || assert_eq!(test.expect_notify::<Say>(|_| true).take(), Say(""))),
        line(&mut || drop(test.expect_notify::<Say>(|_| true).times(2).take())),
        line(&mut || drop(test.expect_stream::<Keys>(|_| true).take())),
        line(&mut || {
            test.expect_cancelled::<Get>(|_| true).take();
        }),
        line(&mut || test.play_until(|| false)),
        line(&mut || test.join(pending::<()>())),
        line(&mut || {
            let probe = RefProbe::new();
            let _token = probe.token("out");
            probe.assert_back();
        }),
        line(&mut || {
            let test = stage();
            drop(test.spawner().spawn(pending::<()>()));
            test.finish();
        }),
    ];
    assert!(lines.is_sorted(), "{lines:?}");
    test.finish();
}

/// A handler brings work by whatever it holds: the next of a stream, another task. The core is not at rest then.
#[test]
fn what_a_handler_brings_is_done_before_the_core_is_said_to_be_at_rest() {
    let mut test = stage();
    let keys = Rc::new(RefCell::new(None));
    let feed = Rc::clone(&keys);
    test.on_stream::<Keys>(move |_, keys| {
        keys.send('c').unwrap();
        *feed.borrow_mut() = Some(keys);
    });
    let feed = Rc::clone(&keys);
    test.on_notify::<Say>(move |_| match feed.borrow_mut().take() {
        Some(keys) => keys.send('d').unwrap(),
        None => unreachable!("it says one thing more when it has ended"),
    });
    let (spawner, more) = (test.spawner(), test.shell());
    test.watch::<Sleep>(move |_, event| {
        let more = more.clone();
        if event.what == What::Emitted {
            drop(spawner.spawn(async move { more.request(Quiet).await.unwrap() }));
        }
    });
    test.on::<Quiet>(|_| ());
    let shell = test.shell();
    let typed = test.spawn(async move {
        let mut keys = shell.subscribe(Keys);
        let first = keys.next().await;
        shell.notify(Say("one")).unwrap();
        let second = keys.next().await;
        let end = keys.next().await;
        shell.request(Sleep(1)).await.unwrap();
        (first, second, end)
    });
    test.run();
    assert_eq!((test.waiting::<Sleep>(), test.waiting::<Quiet>()), (1, 0));
    assert_eq!(test.snapshot().tasks.len(), 1, "the other one is done");
    test.play();
    assert_eq!(test.join(typed).unwrap(), (Some('c'), Some('d'), None));
    test.finish();
}

#[test]
fn a_handler_that_brings_work_for_ever_is_stopped() {
    let mut test = stage();
    test.limit_polls(100);
    let (spawner, shell) = (test.spawner(), test.shell());
    let say = move |spawner: &stillpoint::Spawner| {
        let shell = shell.clone();
        drop(spawner.spawn(async move { shell.notify(Say("again")).unwrap() }));
    };
    say(&spawner);
    test.on_notify::<Say>(move |_| say(&spawner));
    assert_has(&failure(|| test.run()), &["this took 100 polls"]);
    test.teardown();
    test.finish();
}
