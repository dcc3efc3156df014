//! What an executor takes on: tasks, requests and effects beyond its limits.

mod support;

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Waker};

use futures::executor::block_on;
use futures::future::{join_all, select};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use stillpoint::{
    Builder, Emitted, Executor, JoinError, JoinHandle, LocalExecutor, Notification, Overflow,
    Reason, Request, RequestError, RequestState, Subscription, WhenFull,
};
use support::*;

fn builder() -> Builder<Effect> {
    Executor::builder()
}

thread_local! {
    /// What this test's shell has taken and never answers.
    static TAKEN: RefCell<Vec<Emitted<Effect>>> = RefCell::default();
}

/// Takes what the shell would see, and answers nothing.
fn seen(executor: &mut Executor<Effect>) -> Vec<String> {
    let see = |emitted: Emitted<Effect>| {
        let said = describe(&emitted);
        TAKEN.with_borrow_mut(|taken| taken.push(emitted));
        said
    };
    executor.drain().map(see).collect()
}

/// Answers what is asked until nothing is, and gives the questions in order, with how many waited meanwhile.
fn serve(executor: &mut Executor<Effect>) -> Vec<(u32, usize)> {
    let mut asked = Vec::new();
    loop {
        let settled = executor.run_until_stalled();
        let Some(emitted) = executor.drain().next() else {
            return asked;
        };
        let Emitted::Effect(Effect::Ask(request)) = emitted else {
            panic!("not an ask: {emitted:?}");
        };
        asked.push((request.operation.0, settled.waiting));
        let answer = request.operation.0 * 2;
        executor.resolve(request.resolver, answer).unwrap();
    }
}

/// So many tasks, each of which asks for its number, from 1 on.
fn ask_each(executor: &mut Executor<Effect>, tasks: u32) -> Vec<JoinHandle<u32>> {
    let shell = executor.shell();
    let ask = |number| {
        let shell = shell.clone();
        executor.spawn(async move { shell.request(Ask(number)).await.unwrap() })
    };
    (1..=tasks).map(ask).collect()
}

// --- tasks ---

#[test]
fn a_task_too_many_is_given_back_from_wherever_it_is_spawned() {
    let mut executor: Executor<Effect> = builder().max_tasks(2).build();
    let spawner = executor.spawner();
    let first = executor.spawn(std::future::pending::<()>());
    let second = spawner.spawn(std::future::pending::<()>());
    let by_host = executor.try_spawn(async { 3 }).unwrap_err();
    assert!(by_host.is_full() && !by_host.is_closed());
    assert_eq!(by_host.to_string(), "the executor takes no more for now");
    assert_eq!(by_host.into_inner().now_or_never(), Some(3));
    let outside = std::thread::scope(|scope| {
        let spawned = scope.spawn(|| spawner.try_spawn(async { 4 }).unwrap_err().into_inner());
        spawned.join().unwrap()
    });
    assert_eq!(outside.now_or_never(), Some(4));
    assert!(spawner.name("named").try_spawn(async {}).is_err());
    assert!(matches!(
        block_on(spawner.spawn(async {})),
        Err(JoinError::Full)
    ));
    let refused = executor.spawn(async {});
    assert!(refused.is_finished());
    assert!(block_on(refused).unwrap_err().is_full());
    let settled = executor.run_until_stalled();
    assert_eq!((settled.refused, settled.pending), (5, 2));
    assert_eq!(executor.run_until_stalled().refused, 0);

    // A place is free when a task has ended, in whatever way.
    first.abort();
    executor.run_until_stalled();
    let third = spawner.try_spawn(async { panic!("third") }).unwrap();
    assert!(spawner.try_spawn(async {}).is_err());
    executor.run_until_stalled();
    assert!(block_on(third).unwrap_err().is_panicked());
    let (inner, (tell, told)) = (spawner.clone(), mpsc::channel());
    let fourth = spawner.spawn(async move {
        tell.send(inner.try_spawn(async {}).is_err()).unwrap();
    });
    executor.run_until_stalled();
    assert_eq!(end(fourth), "()");
    assert!(
        told.recv().unwrap(),
        "it is a task itself, and the second is there"
    );
    drop(second);
    executor.teardown().assert_baseline();
    assert!(spawner.try_spawn(async {}).unwrap_err().is_closed());
}

#[test]
fn a_task_that_is_spawned_in_a_turn_has_a_place_as_any() {
    let mut executor: Executor<Effect> = builder().max_tasks(2).build();
    let spawner = executor.spawner();
    let task = executor.spawn(async move {
        let second = spawner.try_spawn(std::future::pending::<()>());
        let third = spawner.try_spawn(async { 3 });
        (second.is_ok(), third.unwrap_err().into_inner().await)
    });
    assert_eq!(executor.run_until_stalled().refused, 1);
    assert_eq!(end(task), "(true, 3)");
}

#[test]
fn a_task_that_a_closed_scope_refuses_has_looked_for_no_place() {
    let mut executor: Executor<Effect> = builder().max_tasks(1).build();
    let scope = executor.spawner().scope();
    let spawner = scope.spawner();
    drop(scope);
    executor.run_until_stalled();
    drop(executor.spawn(std::future::pending::<()>()));
    assert!(spawner.try_spawn(async {}).unwrap_err().is_closed());
    assert_eq!(executor.run_until_stalled().refused, 0);
}

#[test]
fn a_local_task_too_many_is_given_back() {
    let mut executor: LocalExecutor<Effect> = builder().max_tasks(0).build_local();
    let one = executor.spawn_local(std::future::pending::<()>());
    let rejected = executor.try_spawn_local(async { 2 }).unwrap_err();
    assert!(rejected.is_full());
    assert_eq!(rejected.into_inner().now_or_never(), Some(2));
    let rejected = executor.local_spawner().try_spawn(async { 3 }).unwrap_err();
    assert_eq!(rejected.into_inner().now_or_never(), Some(3));
    assert!(
        block_on(executor.spawn_local(async {}))
            .unwrap_err()
            .is_full()
    );
    one.abort();
    assert_eq!(executor.run_until_stalled().refused, 3);
    assert!(executor.try_spawn_local(async {}).is_ok());
    executor.teardown().assert_baseline();
}

// --- notifications ---

#[test]
fn a_notification_too_many_is_given_back_until_the_shell_takes_one() {
    let mut executor: Executor<Effect> = builder().outbox_capacity(2).build();
    let shell = executor.shell();
    shell.notify(Say("one")).unwrap();
    executor.run_until_stalled();
    shell.notify(Say("two")).unwrap();
    let rejected = shell.notify(Say("three")).unwrap_err();
    assert!(rejected.is_full());
    assert_eq!(rejected.into_inner(), Say("three"));
    let inside = shell.clone();
    let task = executor.spawn(async move { inside.notify(Say("four")).unwrap_err().is_full() });
    assert_eq!(executor.run_until_stalled().refused, 2);
    assert_eq!(end(task), "true");
    let first = executor.drain().next();
    assert!(matches!(first, Some(Emitted::Effect(Effect::Say(say))) if say.operation.0 == "one"));
    shell.notify(Say("five")).unwrap();
    assert!(shell.notify(Say("six")).is_err());
    assert_eq!(seen(&mut executor), ["say two", "say five"]);
}

#[test]
fn what_destructors_say_in_a_teardown_is_heard_beyond_the_limit() {
    let mut executor: Executor<Effect> = builder().outbox_capacity(1).build();
    let shell = executor.shell();
    for _ in 0..3 {
        let shell = shell.clone();
        let last = Thing::new(move || shell.notify(Say("last")).unwrap());
        drop(executor.spawn(async move {
            let _last = last;
            std::future::pending::<()>().await;
        }));
    }
    executor.run_until_stalled();
    shell.notify(Say("before")).unwrap();
    let report = executor.teardown();
    report.assert_baseline();
    assert_eq!(report.emitted.len(), 4);
    assert!(shell.notify(Say("after")).unwrap_err().is_closed());
}

/// A notification whose effect cannot be made.
struct Unmakable;

enum Odd {
    Say(Notification<Say>),
    Other(#[expect(dead_code, reason = "it is only held")] Request<Other>),
}

impl From<Request<Other>> for Odd {
    fn from(other: Request<Other>) -> Self {
        Self::Other(other)
    }
}

impl From<Notification<Say>> for Odd {
    fn from(say: Notification<Say>) -> Self {
        Self::Say(say)
    }
}

impl From<Notification<Unmakable>> for Odd {
    fn from(_: Notification<Unmakable>) -> Self {
        drop(MEANWHILE.take());
        panic!("no such effect");
    }
}

impl From<Request<Ask>> for Odd {
    fn from(_: Request<Ask>) -> Self {
        panic!("no such effect");
    }
}

#[test]
fn an_effect_that_cannot_be_made_has_no_place() {
    let mut executor: Executor<Odd> = Executor::builder().outbox_capacity(1).build();
    let shell = executor.shell();
    let notify = || shell.notify(Unmakable);
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(notify)).is_err());
    let inside = shell.clone();
    let task = executor.spawn(async move { inside.notify(Unmakable).is_ok() });
    assert_eq!(executor.run_until_stalled().panicked, 1);
    drop(task);
    let inside = shell.clone();
    drop(executor.spawn(async move { inside.request(Ask(1)).await.is_ok() }));
    assert_eq!(executor.run_until_stalled().panicked, 1);
    shell.notify(Say("the only one")).unwrap();
    assert!(shell.notify(Say("too many")).is_err());
    let Some(Emitted::Effect(Odd::Say(say))) = executor.drain().next() else {
        panic!("nothing was said");
    };
    assert_eq!(say.operation, Say("the only one"));
    executor.teardown().assert_baseline();
}

#[test]
fn a_request_that_is_polled_again_after_its_making_panicked_gives_its_place_back() {
    let mut executor: Executor<Odd> = Executor::builder().outbox_capacity(1).build();
    let shell = executor.shell();
    let asking = shell.clone();
    let task = executor.spawn(async move {
        let mut broken = asking.request(Ask(1));
        poll_fn(|cx| {
            let poll = || broken.poll_unpin(cx);
            assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(poll)).is_err());
            Poll::Ready(())
        })
        .await;
        broken.await
    });
    executor.run_until_stalled();
    assert_eq!(block_on(task).unwrap(), Err(RequestError::Abandoned));
    shell.notify(Say("the only one")).unwrap();
    assert!(shell.notify(Say("too many")).is_err());
}

thread_local! {
    /// What is done while an `Unmakable` is not made.
    static MEANWHILE: RefCell<Option<Thing>> = const { RefCell::new(None) };
}

#[test]
fn a_place_that_a_notification_could_not_use_goes_to_who_waited_meanwhile() {
    let rings = Rings::new();
    let bell = rings.clone();
    let mut executor: Executor<Odd> = Executor::builder()
        .outbox_capacity(1)
        .on_ready(move || bell.ring())
        .build();
    let shell = executor.shell();
    let asking = shell.clone();
    drop(executor.spawn(async move { asking.request(Other).await.ok() }));
    let driven = Arc::new(Mutex::new(executor));
    let host = Arc::clone(&driven);
    let meanwhile = Thing::new(move || {
        assert_eq!(host.lock().unwrap().run_until_stalled().waiting, 1);
    });
    MEANWHILE.set(Some(meanwhile));
    let notify = || shell.notify(Unmakable);
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(notify)).is_err());
    assert_eq!(rings.count(), 2, "for the spawn, and for the place");
    let mut executor = driven.lock().unwrap();
    assert_eq!(executor.run_until_stalled().waiting, 0);
    assert!(executor.drain().next().is_some());
    shell.notify(Say("there is a place again")).unwrap();
    assert!(shell.notify(Say("and no other")).is_err());
}

/// The same in a turn, where the effect's own making asks for something, and so has it wait.
#[test]
fn a_place_that_a_notification_of_a_turn_could_not_use_goes_to_who_waited_meanwhile() {
    let mut executor: Executor<Odd> = Executor::builder().outbox_capacity(1).build();
    let shell = executor.shell();
    drop(executor.spawn(async move {
        let asking = shell.clone();
        let asked = Arc::new(Mutex::new(shell.request(Other)));
        let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        let meanwhile = Arc::clone(&asked);
        MEANWHILE.set(Some(Thing::new(move || {
            let polled = meanwhile
                .lock()
                .unwrap()
                .poll_unpin(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
        })));
        let notify = || asking.notify(Unmakable);
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(notify)).is_err());
        poll_fn(|cx| asked.lock().unwrap().poll_unpin(cx))
            .await
            .ok();
    }));
    assert_eq!(executor.run_until_stalled().waiting, 0);
    assert!(executor.drain().next().is_some());
    executor.teardown().assert_baseline();
}

// --- requests ---

#[test]
fn requests_beyond_the_outbox_wait_their_turn_in_order() {
    let mut executor: Executor<Effect> = builder().outbox_capacity(2).build();
    let tasks = ask_each(&mut executor, 5);
    assert_eq!(executor.run_until_stalled().waiting, 3);
    assert_eq!(executor.snapshot().requests.len(), 5);
    // Each that is taken makes a place for the next.
    assert_eq!(seen(&mut executor), ["ask 1", "ask 2"]);
    let settled = executor.run_until_stalled();
    assert_eq!((settled.polled, settled.waiting), (2, 1));
    assert_eq!(seen(&mut executor), ["ask 3", "ask 4"]);
    assert_eq!(executor.run_until_stalled().waiting, 0);
    assert_eq!(seen(&mut executor), ["ask 5"]);
    drop(tasks);
    executor.teardown().assert_baseline();
}

#[test]
fn so_many_requests_are_pending_and_no_more() {
    let mut executor: Executor<Effect> = builder().max_requests(2).build();
    let shell = executor.shell();
    let task = executor
        .spawn(async move { join_all((1..=5).map(|number| shell.request(Ask(number)))).await });
    assert_eq!(
        serve(&mut executor),
        [(1, 3), (2, 2), (3, 1), (4, 0), (5, 0)]
    );
    assert_eq!(block_on(task).unwrap(), [2, 4, 6, 8, 10].map(Ok));
    executor.teardown().assert_baseline();
}

#[test]
fn a_request_too_many_fails_where_it_is_not_to_wait() {
    let mut executor: Executor<Effect> =
        builder().max_requests(1).when_full(WhenFull::Fail).build();
    let shell = executor.shell();
    let task = executor.spawn(async move {
        let mut first = pin!(shell.request(Ask(1)));
        assert!(futures::poll!(&mut first).is_pending());
        let second = shell.request(Ask(2)).await;
        let mut ticks = shell.subscribe(Ticks(3));
        assert_eq!(ticks.next().await, None);
        let third = ticks.ended_by().map(|end| end.unwrap_err().clone());
        (first.await, second, third)
    });
    assert_eq!(executor.run_until_stalled().refused, 2);
    assert_eq!(serve(&mut executor), [(1, 0)]);
    assert_eq!(
        block_on(task).unwrap(),
        (Ok(2), Err(RequestError::Full), Some(RequestError::Full))
    );
    assert_eq!(
        RequestError::Full.to_string(),
        "the executor takes no more requests for now"
    );
    executor.teardown().assert_baseline();
}

#[test]
fn what_is_refused_lets_go_of_its_sender_though_it_is_kept() {
    let mut executor: Executor<Effect> =
        builder().max_requests(1).when_full(WhenFull::Fail).build();
    let shell = executor.shell();
    let task = executor.spawn(async move {
        let mut first = pin!(shell.request(Ask(1)));
        assert!(futures::poll!(&mut first).is_pending());
        let (mut ask, mut ticks) = (shell.request(Ask(2)), shell.subscribe(Ticks(3)));
        assert_eq!((&mut ask).await, Err(RequestError::Full));
        assert_eq!(ticks.next().await, None);
        (ask, ticks)
    });
    executor.run_until_stalled();
    let _kept = block_on(task).unwrap();
    assert!(executor.teardown().is_unloadable());
}

#[test]
fn a_request_that_is_cancelled_while_it_waits_is_never_heard_of_and_lets_the_next_pass() {
    let mut executor: Executor<Effect> = builder().max_requests(1).build();
    let tasks = ask_each(&mut executor, 4);
    assert_eq!(executor.run_until_stalled().waiting, 3);
    tasks[1].abort();
    assert_eq!(executor.run_until_stalled().waiting, 2);
    // The first is read, which admits the third; that one is cancelled before it is polled.
    let first = ask(&mut executor);
    assert_eq!(first.operation, Ask(1));
    executor.resolve(first.resolver, 0).unwrap();
    let (third, fourth) = (&tasks[2], &tasks[3]);
    assert_eq!(executor.run_for(1).polled, 1);
    third.abort();
    executor.run_until_stalled();
    assert!(third.is_finished() && !fourth.is_finished());
    let last = ask(&mut executor);
    assert_eq!(last.operation, Ask(4));
    assert!(executor.drain().next().is_none());
    assert_eq!(executor.totals().cancelled, 2);
    drop(last);
    executor.teardown().assert_baseline();
}

#[test]
fn a_place_that_is_given_up_unused_goes_to_the_next_in_line() {
    let mut executor: Executor<Effect> = builder().outbox_capacity(1).build();
    let tasks = ask_each(&mut executor, 3);
    executor.run_until_stalled();
    // It is in the outbox, and buried there.
    tasks[0].abort();
    assert_eq!(executor.run_for(1).aborted, 1);
    // The second has its place by now, and gives it up before it is polled.
    tasks[1].abort();
    executor.run_until_stalled();
    assert_eq!(seen(&mut executor), ["ask 3"]);
    assert!(
        executor
            .shell()
            .notify(Say("there is a place again"))
            .is_ok()
    );
    assert!(executor.shell().notify(Say("and no other")).is_err());
    executor.teardown().assert_baseline();
}

#[test]
fn nobody_overtakes_who_waits() {
    let mut executor: Executor<Effect> = builder().outbox_capacity(1).build();
    let shell = executor.shell();
    let spawn = |executor: &mut Executor<Effect>, number| {
        let shell = shell.clone();
        drop(executor.spawn(async move { shell.request(Ask(number)).await.unwrap() }));
    };
    spawn(&mut executor, 1);
    spawn(&mut executor, 2);
    executor.run_until_stalled();
    // The place that is free by this take is the second's, though nobody has polled it yet.
    assert_eq!(seen(&mut executor), ["ask 1"]);
    assert!(shell.notify(Say("me first")).unwrap_err().is_full());
    spawn(&mut executor, 3);
    executor.run_until_stalled();
    assert_eq!(seen(&mut executor), ["ask 2"]);
    executor.run_until_stalled();
    assert_eq!(seen(&mut executor), ["ask 3"]);
}

#[test]
fn who_waits_in_a_combinator_is_woken_by_its_waker() {
    let mut executor: Executor<Effect> = builder().max_requests(3).outbox_capacity(2).build();
    let shell = executor.shell();
    let task = executor.spawn(async move {
        let all: FuturesUnordered<_> = (0..100).map(|number| shell.request(Ask(number))).collect();
        let answers: Vec<u32> = all.map(Result::unwrap).collect().await;
        answers.into_iter().sum::<u32>()
    });
    assert_eq!(serve(&mut executor).len(), 100);
    assert_eq!(end(task), (99 * 100).to_string());
    executor.teardown().assert_baseline();
}

#[test]
fn a_request_that_waits_can_be_given_up_for_another() {
    let mut executor: Executor<Effect> = builder().max_requests(1).build();
    let shell = executor.shell();
    let task = executor.spawn(async move {
        let first = shell.request(Ask(1));
        let second = shell.request(Ask(2));
        match select(first, second).await {
            futures::future::Either::Left((answer, waiting)) => {
                drop(waiting);
                (answer, shell.request(Ask(3)).await)
            }
            futures::future::Either::Right(_) => unreachable!("it waits"),
        }
    });
    assert_eq!(serve(&mut executor), [(1, 1), (3, 0)]);
    assert_eq!(block_on(task).unwrap(), (Ok(2), Ok(6)));
    executor.teardown().assert_baseline();
}

#[test]
fn an_id_that_the_shell_was_not_given_is_unknown() {
    let mut executor: Executor<Effect> = builder().max_requests(1).build();
    let shell = executor.shell();
    for number in [1, 2] {
        let shell = shell.clone();
        drop(executor.spawn(async move { shell.request(Ask(number)).await.unwrap() }));
    }
    executor.run_until_stalled();
    let snapshot = executor.snapshot();
    assert_eq!(snapshot.requests[0].state(), RequestState::Untaken);
    assert_eq!(snapshot.requests[1].state(), RequestState::Waiting);
    let text = snapshot.requests[1].to_string();
    assert!(text.ends_with(", waiting for a place"), "{text}");
    assert!(!text.contains("ago") && snapshot.requests[1].age == 0);
    assert_eq!(snapshot.mermaid().matches("0 turns old").count(), 1);
    let waiting = snapshot.requests[1].id;
    let refused = executor.resolve_id::<Ask>(waiting, 7).unwrap_err();
    assert_eq!(refused.reason(), Reason::Unknown);
    let refused = executor.fail_id(waiting, "no").unwrap_err();
    assert_eq!(refused.reason(), Reason::Unknown);
    let refused = executor.send_id::<Ticks>(waiting, 7).unwrap_err();
    assert_eq!(refused.reason(), Reason::Unknown);
    let refused = executor.end_id(waiting).unwrap_err();
    assert_eq!(refused.reason(), Reason::Unknown);
    assert_eq!(serve(&mut executor), [(1, 1), (2, 0)]);
    executor.teardown().assert_baseline();
}

#[test]
fn a_waiting_request_that_is_polled_elsewhere_gives_its_turn_up() {
    let mut executor: Executor<Effect> = builder().max_requests(1).build();
    let shell = executor.shell();
    let (hand, taken) = mpsc::channel();
    drop(executor.spawn(async move {
        let first = shell.request(Ask(1));
        let mut second = shell.request(Ask(2));
        let third = shell.request(Ask(3));
        let mut first = pin!(first);
        assert!(futures::poll!(&mut first).is_pending());
        assert!(futures::poll!(&mut second).is_pending());
        hand.send(second).unwrap();
        futures::join!(first, third)
    }));
    assert_eq!(executor.run_until_stalled().waiting, 2);
    let mut second = taken.recv().unwrap();
    let polled = second.poll_unpin(&mut Context::from_waker(Waker::noop()));
    assert_eq!(polled, Poll::Ready(Err(RequestError::Outside)));
    assert_eq!(serve(&mut executor), [(1, 1), (3, 0)]);
    executor.teardown().assert_baseline();
}

#[test]
fn what_waits_is_gone_with_its_executor() {
    let trace = Trace::new();
    let waiting = |trace: &Trace| {
        let mut executor: Executor<Effect> = builder().outbox_capacity(1).build();
        for name in ["first", "second"] {
            let (shell, thing) = (executor.shell(), Thing::probe(trace, name));
            drop(executor.spawn(async move {
                let _thing = thing;
                shell.request(Ask(0)).await.ok();
            }));
        }
        assert_eq!(executor.run_until_stalled().waiting, 1);
        executor
    };
    let report = waiting(&trace).teardown();
    report.assert_baseline();
    assert_eq!((report.requests, report.emitted.len()), (2, 0));
    assert_eq!(trace.take(), ["drop first", "drop second"]);
    drop(waiting(&trace));
    assert_eq!(trace.take(), ["drop first", "drop second"]);
}

/// Of a request that is polled in the drop of another task's future, in a teardown.
#[test]
fn a_waiting_request_that_is_polled_in_a_teardown_is_closed() {
    let mut executor: Executor<Effect> = builder().max_requests(1).build();
    let shell = executor.shell();
    let (tell, told) = mpsc::channel();
    drop(executor.spawn(async move {
        let mut first = pin!(shell.request(Ask(1)));
        let mut second = shell.request(Ask(2));
        assert!(futures::poll!(&mut first).is_pending());
        assert!(futures::poll!(&mut second).is_pending());
        let _at_the_end = Thing::new(move || {
            let polled = second.poll_unpin(&mut Context::from_waker(Waker::noop()));
            tell.send(polled).unwrap();
        });
        std::future::pending::<()>().await;
    }));
    assert_eq!(executor.run_until_stalled().waiting, 1);
    executor.teardown().assert_baseline();
    assert_eq!(told.recv().unwrap(), Poll::Ready(Err(RequestError::Closed)));
}

// --- who drives ---

#[test]
fn taking_an_effect_rings_for_who_waited() {
    let rings = Rings::new();
    let bell = rings.clone();
    let mut executor: Executor<Effect> = builder()
        .outbox_capacity(1)
        .on_ready(move || bell.ring())
        .build();
    for number in [1, 2] {
        let shell = executor.shell();
        drop(executor.spawn(async move { shell.request(Ask(number)).await.unwrap() }));
    }
    assert_eq!(rings.count(), 1);
    executor.run_until_stalled();
    assert_eq!(seen(&mut executor), ["ask 1"]);
    assert_eq!(rings.count(), 2);
    executor.run_until_stalled();
    assert_eq!(seen(&mut executor), ["ask 2"]);
    assert_eq!(rings.count(), 2, "nobody waited for that place");
}

#[test]
fn next_gives_what_waited_as_well() {
    let mut executor: Executor<Effect> = builder().outbox_capacity(1).build();
    let shell = executor.shell();
    drop(
        executor
            .spawn(async move { join_all((0..10).map(|number| shell.request(Ask(number)))).await }),
    );
    for expected in 0..10 {
        let Emitted::Effect(Effect::Ask(request)) = block_on(executor.next()) else {
            panic!("no `Ask`");
        };
        assert_eq!(request.operation.0, expected);
        request.resolve(0).unwrap();
    }
    executor.teardown().assert_baseline();
}

#[test]
fn whoever_waits_is_served_where_its_executor_goes_to_another_thread() {
    let mut executor: Executor<Effect> = builder().max_requests(2).outbox_capacity(1).build();
    let shell = executor.shell();
    let task = executor.spawn(async move {
        join_all((0..20).map(|number| shell.request(Ask(number))))
            .await
            .len()
    });
    executor.run_until_stalled();
    let mut asked = 0;
    while !task.is_finished() {
        (executor, asked) = std::thread::scope(|scope| {
            let there = scope.spawn(move || {
                executor.run_until_stalled();
                let asked = asked + executor.drain().count();
                (executor, asked)
            });
            there.join().unwrap()
        });
    }
    assert_eq!((asked, end(task)), (20, "20".to_owned()));
    executor.teardown().assert_baseline();
}

#[test]
fn tasks_that_are_bound_to_a_thread_wait_as_others_do() {
    let mut executor: LocalExecutor<Effect> =
        builder().max_requests(1).outbox_capacity(1).build_local();
    let order = Rc::new(RefCell::new(Vec::new()));
    for number in 0..3 {
        let (shell, order) = (executor.shell(), Rc::clone(&order));
        drop(executor.spawn_local(async move {
            let answer = shell.request(Ask(number)).await;
            order.borrow_mut().push((number, answer));
        }));
    }
    for waiting in [2, 1, 0] {
        assert_eq!(executor.run_until_stalled().waiting, waiting);
        let Some(Emitted::Effect(Effect::Ask(request))) = executor.drain().next() else {
            panic!("no `Ask`");
        };
        executor.resolve(request.resolver, waiting as u32).unwrap();
    }
    executor.run_until_stalled();
    assert_eq!(*order.borrow(), [(0, Ok(2)), (1, Ok(1)), (2, Ok(0))]);
    executor.teardown().assert_baseline();
}

// --- who wakes ---

/// What is admitted is told by its own waker, which may throw, and may ask for more.
#[test]
fn a_waker_that_asks_and_throws_when_its_request_is_admitted_overtakes_nobody() {
    let mut executor: Executor<Effect> = builder().max_requests(1).build();
    let shell = executor.shell();
    let (tell, told) = mpsc::channel();
    let own = poll_fn(|cx| Poll::Ready(cx.waker().clone()));
    let task = executor.spawn(async move {
        let own = own.await;
        let late = Arc::new(Mutex::new(shell.request(Ask(4))));
        let (asks, wakes) = (Arc::clone(&late), own.clone());
        let odd = waker_that(move || {
            let polled = asks
                .lock()
                .unwrap()
                .poll_unpin(&mut Context::from_waker(&wakes));
            tell.send(polled.is_pending()).unwrap();
            wakes.wake_by_ref();
            panic!("as it should");
        });
        let mut first = shell.request(Ask(1));
        let mut second = shell.request(Ask(2));
        let mut third = shell.request(Ask(3));
        assert!(futures::poll!(&mut first).is_pending());
        assert!(
            second
                .poll_unpin(&mut Context::from_waker(&odd))
                .is_pending()
        );
        assert!(futures::poll!(&mut third).is_pending());
        let last = poll_fn(|cx| late.lock().unwrap().poll_unpin(cx));
        // In the poll that finds it, and has it make room for the second.
        let first = first.await;
        let (second, third, last) = futures::join!(second, third, last);
        (first, second, third, last)
    });
    let order: Vec<_> = serve(&mut executor)
        .into_iter()
        .map(|(asked, _)| asked)
        .collect();
    assert_eq!(order, [1, 2, 3, 4]);
    assert_eq!(told.try_iter().collect::<Vec<_>>(), [true]);
    assert_eq!(block_on(task).unwrap(), (Ok(2), Ok(4), Ok(6), Ok(8)));
    executor.teardown().assert_baseline();
}

/// The waker of the one that is admitted gives it up, and the place goes on.
#[test]
fn a_waker_that_gives_up_what_was_admitted_passes_the_place_on() {
    let mut executor: Executor<Effect> = builder().outbox_capacity(1).build();
    let shell = executor.shell();
    drop(executor.spawn(async move {
        let held = Arc::new(Mutex::new(None));
        let mut first = shell.request(Ask(1));
        let mut second = shell.request(Ask(2));
        let mut third = shell.request(Ask(3));
        let gives_up = Arc::clone(&held);
        let odd = waker_that(move || drop(gives_up.lock().unwrap().take()));
        assert!(futures::poll!(&mut first).is_pending());
        assert!(
            second
                .poll_unpin(&mut Context::from_waker(&odd))
                .is_pending()
        );
        *held.lock().unwrap() = Some(second);
        assert!(futures::poll!(&mut third).is_pending());
        futures::join!(first, third)
    }));
    assert_eq!(executor.run_until_stalled().waiting, 2);
    assert_eq!(seen(&mut executor), ["ask 1"]);
    assert_eq!(executor.run_until_stalled().waiting, 0);
    assert_eq!(seen(&mut executor), ["ask 3"]);
    assert!(
        executor
            .shell()
            .notify(Say("there is a place again"))
            .is_ok()
    );
    assert!(executor.shell().notify(Say("and no other")).is_err());
    executor.teardown().assert_baseline();
}

#[test]
fn a_request_that_waits_and_is_polled_in_another_executors_turn_lets_the_next_pass() {
    let mut executor: Executor<Effect> = builder().max_requests(1).build();
    let shell = executor.shell();
    let task = executor.spawn(async move {
        let mut first = pin!(shell.request(Ask(1)));
        let mut second = shell.request(Ask(2));
        let mut third = pin!(shell.request(Ask(3)));
        assert!(futures::poll!(&mut first).is_pending());
        assert!(futures::poll!(&mut second).is_pending());
        assert!(futures::poll!(&mut third).is_pending());
        let mut other = Executor::<()>::new();
        let there = other.spawn(second);
        other.run_until_stalled();
        let there = there.now_or_never().unwrap().unwrap();
        (there, futures::join!(first, third))
    });
    // The second has given up by the end of its turn.
    assert_eq!(serve(&mut executor), [(1, 1), (3, 0)]);
    assert_eq!(
        block_on(task).unwrap(),
        (Err(RequestError::Outside), (Ok(2), Ok(6)))
    );
    executor.teardown().assert_baseline();
}

// --- streams ---

#[test]
fn a_subscription_waits_as_a_request_does_and_keeps_its_bound() {
    let mut executor: Executor<Effect> = builder().max_requests(1).build();
    let shell = executor.shell();
    let task = executor.spawn(async move {
        let mut stream = shell.subscribe(Ticks(1)).overflow(Overflow::Reject(1));
        let mut asked = shell.request(Ask(0));
        assert!(futures::poll!(&mut asked).is_pending());
        let (first, _) = futures::join!(stream.next(), asked);
        first
    });
    assert_eq!(executor.run_until_stalled().waiting, 1);
    let asked = ask(&mut executor);
    executor.resolve(asked.resolver, 0).unwrap();
    executor.run_until_stalled();
    let Subscription { feed, .. } = ticks(&mut executor);
    feed.send(7).unwrap();
    let refused = feed.send(8).unwrap_err();
    assert_eq!((refused.reason(), refused.into_inner()), (Reason::Full, 8));
    executor.run_until_stalled();
    assert_eq!(end(task), "Some(7)");
}

#[test]
fn streams_that_choose_no_policy_have_the_executors() {
    let mut executor: Executor<Effect> = builder().stream_overflow(Overflow::Latest).build();
    let shell = executor.shell();
    let task = executor.spawn(async move {
        let latest = shell.subscribe(Ticks(1));
        let all = shell.subscribe(Ticks(2)).overflow(Overflow::Unbounded);
        futures::join!(latest.collect::<Vec<_>>(), all.collect::<Vec<_>>())
    });
    executor.run_until_stalled();
    for _ in 0..2 {
        let Subscription { feed, .. } = ticks(&mut executor);
        (1..=3).for_each(|tick| executor.send(&feed, tick).unwrap());
        executor.end(&feed).unwrap();
    }
    executor.run_until_stalled();
    assert_eq!(end(task), "([3], [1, 2, 3])");
}

// --- memory ---

/// What this process has of memory, in kilobytes.
#[cfg(target_os = "linux")]
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn a_shell_that_stops_draining_holds_memory_where_it_is() {
    in_own_process(
        "a_shell_that_stops_draining_holds_memory_where_it_is",
        || {
            let mut executor: Executor<Effect> = builder()
                .outbox_capacity(1_000)
                .max_requests(200)
                .max_tasks(40)
                .build();
            let (spawner, shell) = (executor.spawner(), executor.shell());
            let rounds = rounds(5_000, 500);
            let mut before = 0;
            let mut refused = 0;
            for round in 0..rounds {
                // Tasks that tell, tasks that ask and wait, and some that give up, and another thread that tells as well.
                std::thread::scope(|scope| {
                    scope.spawn(|| (0..1_000).for_each(|_| drop(shell.notify(Say("outside")))));
                });
                for number in 0..10 {
                    let shell = shell.clone();
                    drop(spawner.try_spawn(async move {
                        (0..90).for_each(|_| drop(shell.notify(Say("inside"))));
                        let asked = (0..10).map(|_| shell.request(Ask(number)));
                        let mut asked = join_all(asked);
                        let _ = futures::poll!(&mut asked);
                        if number == 0 && round < 30 {
                            asked.await;
                        }
                    }));
                }
                refused += executor.run_until_stalled().refused;
                if round == rounds / 10 {
                    before = resident();
                }
            }
            let grown = resident().saturating_sub(before);
            assert!(
                grown < 1_024,
                "{before} kB have grown by {grown} in {rounds} rounds"
            );
            let (totals, emitted) = (executor.totals(), executor.drain().count());
            assert_eq!((totals.effects, emitted), (0, 1_000));
            // What did not find a place, and what did and was given up: all of 2,000 emissions a round.
            assert!(
                refused + totals.cancelled as usize > rounds * 1_900,
                "{refused} and {totals:?}"
            );
            executor.teardown().assert_baseline();
        },
    );
}

/// Else what is refused would end what it was to replace.
#[test]
fn a_task_that_is_refused_replaces_none() {
    let mut executor: Executor<Effect> = builder().max_tasks(1).build();
    let (screen, shell) = (executor.spawner().scope(), executor.shell());
    let first = screen
        .latest("search")
        .spawn(async move { shell.request(Ask(1)).await });
    executor.run_until_stalled();
    let second = screen.latest("search").try_spawn(async {});
    assert!(second.unwrap_err().is_full());
    let third = screen.latest("search").spawn(async {});
    assert!(block_on(third).unwrap_err().is_full());
    assert_eq!(serve(&mut executor), [(1, 0)]);
    assert_eq!(block_on(first).unwrap(), Ok(2));
    assert!(screen.latest("search").try_spawn(async {}).is_ok());
    drop(screen);
    executor.teardown().assert_baseline();
}
