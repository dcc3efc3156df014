//! Tokio's ScheduledIo on Windows' named pipes: a registration was released while the driver still held a pointer to it,
//! and a peer that disconnected had it used.

use std::fmt::Debug;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::thread;

use futures::FutureExt;
use stillpoint::{
    Emitted, Executor, JoinHandle, Reason, Request, RequestError, RequestId, ResolveError,
    Resolver, ShellRequest,
};

use crate::broken::stale_registration as broken;
use crate::random::Random;
use crate::support::*;

/// An answer that no request may ever get.
const WRONG: u32 = 666;

/// A request that a task polls, and that lies where others can drop it.
type Parked = Arc<Mutex<Option<ShellRequest<Ask, Effect>>>>;

/// How far a request has come when it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Point {
    /// Emitted, and not taken.
    Untaken,
    /// Taken, and not answered.
    Taken,
    /// Answered, and not read.
    Answered,
    /// Answered and read.
    Read,
    /// Dropped before the shell took it.
    DroppedUntaken,
    /// Dropped after the shell took it.
    DroppedTaken,
    /// Dropped on another thread, which the executor has not heard of yet.
    DroppedElsewhere,
    /// Its task is aborted by another thread, which the executor has not heard of yet: the future lives until it has.
    AbortedElsewhere,
    /// Dropped after its answer came.
    DroppedAnswered,
    /// The executor is gone.
    TornDown,
}

/// How it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Host,
    HostFails,
    ById,
    ByIdTwice,
    FailedById,
    AsAnotherOperation,
    AsAStream,
    ByAnUnknownId,
    ByAForeignExecutor,
    Resolver,
    ResolverFails,
    ResolverElsewhere,
    Abandoned,
}

/// One request that is answered at some point of its life, and another one beside it that is not.
struct Scene {
    /// `None` once it is torn down.
    executor: Option<Executor<Effect>>,
    id: RequestId,
    /// `None` where the shell has not taken the effect.
    resolver: Option<Resolver<Ask>>,
    victim: JoinHandle<Result<u32, RequestError>>,
    bystander: JoinHandle<Result<u32, RequestError>>,
}

impl Scene {
    fn new(point: Point) -> Self {
        let mut executor = Executor::<Effect>::new();
        let (spawner, shell) = (executor.spawner(), executor.shell());
        let asking = |number| {
            let shell = shell.clone();
            async move { shell.request(Ask(number)).await }
        };
        let parked: Parked = Arc::default();
        let victim = if point == Point::DroppedElsewhere {
            *parked.lock().unwrap() = Some(shell.request(Ask(1)));
            let polled = Arc::clone(&parked);
            spawner.spawn(poll_fn(move |cx| match &mut *polled.lock().unwrap() {
                Some(request) => request.poll_unpin(cx),
                None => Poll::Pending,
            }))
        } else {
            spawner.spawn(asking(1))
        };
        run(&mut executor);
        let id = executor.snapshot().requests[0].id;
        let resolver = match point {
            Point::Untaken | Point::DroppedUntaken => None,
            _ => Some(ask(&mut executor).resolver),
        };
        match point {
            Point::Untaken | Point::Taken | Point::TornDown => {}
            Point::Answered => executor.resolve_id::<Ask>(id, 1).unwrap(),
            Point::Read => {
                executor.resolve_id::<Ask>(id, 1).unwrap();
                run(&mut executor);
            }
            Point::DroppedUntaken | Point::DroppedTaken => {
                victim.abort();
                run(&mut executor);
            }
            Point::DroppedElsewhere => thread::scope(|scope| {
                scope.spawn(|| drop(parked.lock().unwrap().take()));
            }),
            Point::AbortedElsewhere => thread::scope(|scope| {
                scope.spawn(|| victim.abort());
            }),
            Point::DroppedAnswered => {
                executor.resolve_id::<Ask>(id, 1).unwrap();
                victim.abort();
                run(&mut executor);
            }
        }
        let bystander = spawner.spawn(asking(2));
        let is_to_be_heard_of = matches!(
            point,
            Point::Answered | Point::DroppedElsewhere | Point::AbortedElsewhere
        );
        if !is_to_be_heard_of {
            // It has the slot of the first where that is free.
            run(&mut executor);
        }
        let executor = match point {
            Point::TornDown => {
                executor.teardown().assert_baseline();
                None
            }
            _ => Some(executor),
        };
        Self {
            executor,
            id,
            resolver,
            victim,
            bystander,
        }
    }

    /// What the answer's sender is told; `None` where there is nothing to answer with.
    fn answer(&mut self, how: How) -> Option<String> {
        fn told<T: PartialEq + Debug>(result: Result<(), ResolveError<T>>, given: &T) -> String {
            match result {
                Ok(()) => "sent".into(),
                Err(error) => {
                    let reason = error.reason();
                    assert_eq!(error.into_inner(), *given, "the answer is given back");
                    format!("{reason:?}")
                }
            }
        }
        let text = String::from("wrong");
        let id = self.id;
        match how {
            How::Resolver => return Some(told(self.resolver.take()?.resolve(WRONG), &WRONG)),
            How::ResolverFails => return Some(told(self.resolver.take()?.fail("wrong"), &text)),
            How::ResolverElsewhere => {
                let resolver = self.resolver.take()?;
                let answering = thread::spawn(move || told(resolver.resolve(WRONG), &WRONG));
                return Some(answering.join().unwrap());
            }
            How::Abandoned => {
                drop(self.resolver.take()?);
                return Some("dropped".into());
            }
            How::ByAForeignExecutor => {
                let mut foreign = Executor::<Effect>::new();
                return Some(told(foreign.resolve(self.resolver.take()?, WRONG), &WRONG));
            }
            _ => {}
        }
        let executor = self.executor.as_mut()?;
        Some(match how {
            How::Host => told(executor.resolve(self.resolver.take()?, WRONG), &WRONG),
            How::HostFails => told(executor.fail(self.resolver.take()?, "wrong"), &text),
            How::ById => told(executor.resolve_id::<Ask>(id, WRONG), &WRONG),
            How::ByIdTwice => {
                let _ = executor.resolve_id::<Ask>(id, WRONG);
                told(executor.resolve_id::<Ask>(id, WRONG), &WRONG)
            }
            How::FailedById => told(executor.fail_id(id, "wrong"), &text),
            How::AsAnotherOperation => told(executor.resolve_id::<Other>(id, WRONG), &WRONG),
            How::AsAStream => told(executor.send_id::<Ask>(id, WRONG), &WRONG),
            How::ByAnUnknownId => {
                let far = RequestId::from_u64(id.to_u64() + (1 << 40));
                told(executor.resolve_id::<Ask>(far, WRONG), &WRONG)
            }
            _ => unreachable!("without the executor"),
        })
    }

    /// The other request has had no answer and gets its own; the first has what it was sent while it lived.
    fn assert_each_gets_its_own(mut self, is_live: bool, case: &str) {
        let Some(mut executor) = self.executor.take() else {
            assert_eq!(end(self.bystander), "TornDown", "{case}");
            return;
        };
        run(&mut executor);
        assert!(!self.bystander.is_finished(), "{case}");
        let own = executor.drain().find_map(|emitted| match emitted {
            Emitted::Effect(Effect::Ask(request)) if request.operation == Ask(2) => Some(request),
            _ => None,
        });
        executor.resolve(own.expect(case).resolver, 2).unwrap();
        run(&mut executor);
        assert_eq!(end(self.bystander), "Ok(2)", "{case}");
        let got = end(self.victim);
        assert!(is_live || got != format!("Ok({WRONG})"), "{case}: {got}");
        executor.teardown().assert_baseline();
    }
}

/// What rule 13 says: the reason, wherever it is known.
fn expected(point: Point, how: How) -> &'static str {
    let here = match point {
        Point::Untaken | Point::Taken | Point::AbortedElsewhere => "sent",
        Point::Answered => "AlreadyAnswered",
        Point::Read
        | Point::DroppedUntaken
        | Point::DroppedTaken
        | Point::DroppedElsewhere
        | Point::DroppedAnswered => "Stale",
        Point::TornDown => "TornDown",
    };
    match how {
        How::Host | How::HostFails | How::ById | How::FailedById => here,
        How::ByIdTwice if here == "sent" => "AlreadyAnswered",
        How::ByIdTwice => here,
        How::AsAnotherOperation | How::AsAStream if here == "Stale" => here,
        How::AsAnotherOperation | How::AsAStream => "WrongType",
        How::ByAnUnknownId => "Unknown",
        How::ByAForeignExecutor => "Foreign",
        How::Resolver | How::ResolverFails | How::ResolverElsewhere => {
            if point == Point::TornDown {
                "TornDown"
            } else {
                "sent"
            }
        }
        How::Abandoned => "dropped",
    }
}

#[test]
fn at_every_point_of_a_requests_life_an_answer_is_its_own_or_an_error_that_gives_it_back() {
    let points = [
        Point::Untaken,
        Point::Taken,
        Point::Answered,
        Point::Read,
        Point::DroppedUntaken,
        Point::DroppedTaken,
        Point::DroppedElsewhere,
        Point::AbortedElsewhere,
        Point::DroppedAnswered,
        Point::TornDown,
    ];
    let ways = [
        How::Host,
        How::HostFails,
        How::ById,
        How::ByIdTwice,
        How::FailedById,
        How::AsAnotherOperation,
        How::AsAStream,
        How::ByAnUnknownId,
        How::ByAForeignExecutor,
        How::Resolver,
        How::ResolverFails,
        How::ResolverElsewhere,
        How::Abandoned,
    ];
    for (row, point) in points.into_iter().enumerate() {
        for (column, how) in ways.into_iter().enumerate() {
            // For miri a third of them, in which each point and each way is.
            if cfg!(miri) && (row + column) % 3 != 0 {
                continue;
            }
            let case = format!("{point:?}, {how:?}");
            let mut scene = Scene::new(point);
            if let Some(told) = scene.answer(how) {
                assert_eq!(told, expected(point, how), "{case}");
            }
            let is_live = matches!(point, Point::Untaken | Point::Taken);
            scene.assert_each_gets_its_own(is_live, &case);
        }
    }
}

#[test]
fn a_request_that_is_dropped_before_its_first_poll_has_no_id_and_is_never_emitted() {
    let mut executor = Executor::<Effect>::new();
    drop(executor.shell().request(Ask(1)));
    let shell = executor.shell();
    drop(executor.spawner().spawn(async move {
        drop(shell.request(Ask(2)));
        shell.request(Ask(3)).await
    }));
    run(&mut executor);
    let only = ask(&mut executor);
    assert_eq!((only.operation.0, only.id().to_string()), (3, "0.1".into()));
    assert_eq!(executor.totals().requests, 1);
}

#[test]
fn a_request_that_is_dropped_during_its_answer_is_cancelled_and_nobody_else_is_answered() {
    for by_the_host in [true, false] {
        let trace = Trace::new();
        let mut executor = Executor::<Effect>::new();
        let parked: Parked = Arc::new(Mutex::new(Some(executor.shell().request(Ask(1)))));
        let (polled, dropped, log) = (Arc::clone(&parked), Arc::clone(&parked), trace.clone());
        let waker = waker_that(move || {
            let request = dropped.lock().unwrap().take();
            log.push(format!("drop during the answer: {}", request.is_some()));
        });
        drop(executor.spawner().spawn(poll_fn(move |_| {
            if let Some(request) = &mut *polled.lock().unwrap() {
                let _ = request.poll_unpin(&mut Context::from_waker(&waker));
            }
            Poll::<()>::Pending
        })));
        let shell = executor.shell();
        let bystander = executor
            .spawner()
            .spawn(async move { shell.request(Ask(2)).await });
        run(&mut executor);
        let [first, second] = <[_; 2]>::try_from(asks(&mut executor)).unwrap();
        let id = first.id();
        if by_the_host {
            executor.resolve(first.resolver, WRONG).unwrap();
        } else {
            first.resolve(WRONG).unwrap();
            run(&mut executor);
        }
        assert_eq!(trace.take(), ["drop during the answer: true"]);
        assert!(matches!(executor.drain().next(), Some(Emitted::Cancelled(told)) if told == id));
        let late = executor.resolve_id::<Ask>(id, WRONG).unwrap_err();
        assert_eq!((late.reason(), late.into_inner()), (Reason::Stale, WRONG));
        run(&mut executor);
        assert!(!bystander.is_finished());
        executor.resolve(second.resolver, 2).unwrap();
        run(&mut executor);
        assert_eq!(end(bystander), "Ok(2)");
        executor.teardown().assert_baseline();
    }
}

#[test]
fn drops_and_answers_that_race_on_several_threads_answer_nobody_elses_request() {
    const REQUESTS: u32 = if cfg!(miri) { 16 } else { 64 };
    let mut executor = Executor::<Effect>::new();
    let shell = executor.shell();
    let seeds = if cfg!(miri) { 2 } else { rounds(400, 100) };
    for seed in 0..seeds as u64 {
        let mut random = Random::seeded(seed);
        let mut tasks: Vec<_> = (0..REQUESTS)
            .map(|number| {
                let shell = shell.clone();
                let task = executor
                    .spawner()
                    .spawn(async move { shell.request(Ask(number)).await });
                (number, task)
            })
            .collect();
        run(&mut executor);
        let requests: Vec<Request<Ask>> = executor
            .drain()
            .filter_map(|emitted| match emitted {
                Emitted::Effect(Effect::Ask(request)) => Some(request),
                _ => None,
            })
            .collect();
        let ids: Vec<_> = requests.iter().map(Request::id).collect();
        let mut order: Vec<_> = (0..tasks.len()).collect();
        let aborted: Vec<_> = (0..tasks.len() / 2)
            .map(|_| random.take(&mut order))
            .collect();
        thread::scope(|scope| {
            scope.spawn(|| {
                for request in requests {
                    let number = request.operation.0;
                    let _ = request.resolve(number);
                }
            });
            scope.spawn(|| aborted.iter().for_each(|index| tasks[*index].1.abort()));
            for (index, id) in ids.iter().enumerate() {
                run(&mut executor);
                // New requests come into the slots that are free by now.
                let shell = shell.clone();
                drop(executor.spawner().spawn(async move {
                    let got = shell.request(Ask(WRONG)).await;
                    assert_ne!(got, Ok(WRONG), "another request's answer");
                }));
                if index % 4 == 0 {
                    let _ = executor.resolve_id::<Ask>(*id, index as u32);
                }
            }
        });
        run(&mut executor);
        assert_eq!(executor.snapshot().requests.len(), ids.len());
        for (number, task) in tasks.drain(..) {
            let end = end(task);
            let own = format!("Ok({number})");
            assert!(
                end == own || end == "Aborted",
                "{number}: {end}, seed {seed}"
            );
        }
        // Abandons the new ones.
        drop(executor.drain().collect::<Vec<_>>());
        assert_eq!(executor.run_until_stalled().panicked, 0);
        drop(executor.drain().collect::<Vec<_>>());
        assert_eq!(executor.snapshot().requests, []);
    }
    drop(shell);
    executor.teardown().assert_baseline();
}

#[test]
fn where_a_token_names_a_place_a_late_answer_reaches_the_places_new_tenant() {
    let mut registry = broken::Registry::default();
    let late = registry.register("first");
    registry.deregister(late);
    let second = registry.register("second");
    registry.answer(late, WRONG);
    let tenant = registry.get(second).unwrap();
    assert_eq!(
        (tenant.name, tenant.answer),
        ("second", Some(WRONG)),
        "the model answers nobody"
    );
}

#[test]
fn the_same_history_here_is_stale_though_the_place_is_the_same() {
    let mut executor = Executor::<Effect>::new();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let asking = |number| {
        let shell = shell.clone();
        spawner.spawn(async move { shell.request(Ask(number)).await })
    };
    let first = asking(1);
    run(&mut executor);
    let late = ask(&mut executor);
    first.abort();
    run(&mut executor);
    let second = asking(2);
    run(&mut executor);
    let place = |id: RequestId| id.to_u64() & ((1 << 24) - 1);
    let tenant = executor.snapshot().requests[0].id;
    assert_eq!(place(tenant), place(late.id()));
    let refused = executor.resolve(late.resolver, WRONG).unwrap_err();
    assert_eq!(
        (refused.reason(), refused.into_inner()),
        (Reason::Stale, WRONG)
    );
    run(&mut executor);
    assert!(!second.is_finished());
}

/// The id of the latest request, as its effect is made.
static LATEST: AtomicU64 = AtomicU64::new(0);

struct Counted(#[expect(dead_code, reason = "a shell would perform it")] Request<Ask>);

impl From<Request<Ask>> for Counted {
    fn from(request: Request<Ask>) -> Self {
        LATEST.store(request.id().to_u64(), Ordering::Relaxed);
        Self(request)
    }
}

/// Half a billion requests, one after the other in the same slot.
#[test]
#[ignore = "soak"]
fn a_slot_whose_generations_are_used_up_is_retired() {
    const LAST: u64 = (1 << 29) - 1;
    const A_TURN: u64 = 1 << 14;
    let mut executor = Executor::<Counted>::new();
    let shell = executor.shell();
    let mut left = LAST;
    drop(executor.spawner().spawn(poll_fn(move |cx| {
        let now = left.min(A_TURN);
        for _ in 0..now {
            assert!(shell.request(Ask(0)).poll_unpin(cx).is_pending());
        }
        left -= now;
        if left == 0 {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })));
    // What a turn's requests leave behind goes when the turn ends.
    while executor.run_for(1).pending > 0 {}
    let last = RequestId::from_u64(LATEST.load(Ordering::Relaxed));
    assert_eq!(last.to_string(), format!("0.{LAST}"));
    assert!(last.to_u64() < 1 << 53);

    let shell = executor.shell();
    let next = executor
        .spawner()
        .spawn(async move { shell.request(Ask(1)).await });
    let _ = executor.run_until_stalled();
    let id = RequestId::from_u64(LATEST.load(Ordering::Relaxed));
    assert_eq!(id.to_string(), "1.1", "the next slot");
    for old in [RequestId::from_u64(1 << 24), last] {
        let refused = executor.resolve_id::<Ask>(old, WRONG).unwrap_err();
        assert_eq!(refused.reason(), Reason::Stale);
    }
    executor.resolve_id::<Ask>(id, 1).unwrap();
    let _ = executor.run_until_stalled();
    assert_eq!(end(next), "Ok(1)");
}
