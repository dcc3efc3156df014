//! Who may move between threads and through panics, what prints and what is an error: asserted both ways.

use std::error::Error;
use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;

use futures::Stream;
use futures::future::FusedFuture;
use futures::stream::FusedStream;
use futures::task::{LocalSpawn, Spawn};
use static_assertions::{assert_impl_all, assert_not_impl_any, assert_obj_safe};
use stillpoint::*;

struct Op;

impl Operation for Op {
    type Output = std::cell::Cell<u8>;
}

/// Send, not Sync, not Debug, not UnwindSafe: the least that an effect may be.
#[expect(dead_code, reason = "its fields are there for its bounds")]
struct Effect(std::cell::Cell<u8>, Box<dyn FnMut() + Send>);

impl From<Request<Op>> for Effect {
    fn from(_: Request<Op>) -> Self {
        unreachable!()
    }
}

impl From<Subscription<Op>> for Effect {
    fn from(_: Subscription<Op>) -> Self {
        unreachable!()
    }
}

type Value = std::cell::Cell<u8>;

// Executors.
assert_impl_all!(Executor<Effect>: Send, Debug, Default);
assert_not_impl_any!(Executor<Effect>: Sync, Clone);
assert_impl_all!(LocalExecutor<Effect>: Debug, Default);
assert_not_impl_any!(LocalExecutor<Effect>: Send, Sync, Clone);
assert_impl_all!(Builder<Effect>: Send, Sync, Debug);
assert_not_impl_any!(Builder<Effect>: Clone);
assert_impl_all!(Drain<'static, Effect>: Send, Iterator<Item = Emitted<Effect>>, Debug);
assert_not_impl_any!(Drain<'static, Effect>: Sync, Clone);
assert_impl_all!(Next<'static, Effect>: Send, FusedFuture<Output = Emitted<Effect>>, Unpin, Debug);
assert_not_impl_any!(Next<'static, Effect>: Sync, Clone);

// Spawning.
assert_impl_all!(Spawner: Send, Sync, UnwindSafe, RefUnwindSafe, Clone, Debug, Spawn, Unpin);
assert_not_impl_any!(Spawner: LocalSpawn);
assert_impl_all!(LocalSpawner: UnwindSafe, RefUnwindSafe, Clone, Debug, Spawn, LocalSpawn);
assert_not_impl_any!(LocalSpawner: Send, Sync);
assert_impl_all!(Named<'static, Spawner>: Send, Sync, Debug);
assert_not_impl_any!(Named<'static, LocalSpawner>: Send, Sync);
assert_impl_all!(Rejected<Value>: Send, Error, Debug, Display);
assert_not_impl_any!(Rejected<Value>: Sync);
assert_not_impl_any!(Rejected<Rc<u8>>: Send);
assert_impl_all!(Rejected<Rc<u8>>: Error);
assert_impl_all!(JoinHandle<Value>: Send, Sync, UnwindSafe, RefUnwindSafe, Unpin, Debug, FusedFuture<Output = Result<Value, JoinError>>);
assert_not_impl_any!(JoinHandle<Value>: Clone);
assert_not_impl_any!(JoinHandle<Rc<u8>>: Send);
assert_impl_all!(LocalJoinHandle<Rc<u8>>: Unpin, Debug, FusedFuture<Output = Result<Rc<u8>, JoinError>>);
assert_not_impl_any!(LocalJoinHandle<u8>: Send, Sync, Clone);
assert_impl_all!(JoinError: Send, Error, Debug, Display);
assert_impl_all!(TaskPanic: Send, Debug, Display);
assert_impl_all!(TaskId: Send, Sync, UnwindSafe, RefUnwindSafe, Copy, Eq, Ord, Hash, Debug, Display);

// Asking.
assert_impl_all!(Shell<Effect>: Send, Sync, UnwindSafe, RefUnwindSafe, Clone, Debug, Unpin);
assert_impl_all!(Shell<Rc<u8>>: Send, Sync);
assert_impl_all!(ShellRequest<Op, Effect>: Send, UnwindSafe, Unpin, Debug, FusedFuture<Output = Result<Value, RequestError>>);
assert_not_impl_any!(ShellRequest<Op, Effect>: Clone);
assert_impl_all!(ShellStream<Op, Effect>: Send, UnwindSafe, Unpin, Debug, Stream<Item = Value>, FusedStream);
assert_not_impl_any!(ShellStream<Op, Effect>: Clone);
assert_impl_all!(Notification<Value>: Send, Clone, Debug, PartialEq);
assert_not_impl_any!(Notification<Value>: Sync);
assert_impl_all!(RequestError: Send, Sync, UnwindSafe, RefUnwindSafe, Error, Clone, Eq, Debug, Display);
assert_impl_all!(Overflow: Send, Sync, Copy, Eq, Debug, Default);

// Answering. What it answers with need not be Sync.
assert_impl_all!(Request<Op>: Send, UnwindSafe);
assert_not_impl_any!(Request<Op>: Clone);
assert_impl_all!(Resolver<Op>: Send, Sync, UnwindSafe, RefUnwindSafe, Debug, Unpin);
assert_not_impl_any!(Resolver<Op>: Clone);
assert_impl_all!(Subscription<Op>: Send, UnwindSafe);
assert_impl_all!(Feed<Op>: Send, Sync, UnwindSafe, RefUnwindSafe, Clone, Debug, Unpin);
assert_impl_all!(ResolveError<Value>: Send, Error, Debug, Display);
assert_not_impl_any!(ResolveError<Value>: Sync);
assert_impl_all!(Reason: Send, Sync, UnwindSafe, RefUnwindSafe, Copy, Eq, Hash, Debug, Display);
assert_impl_all!(RequestId: Send, Sync, UnwindSafe, RefUnwindSafe, Copy, Eq, Ord, Hash, Debug, Display);
assert_impl_all!(Emitted<Effect>: Send);
assert_not_impl_any!(Emitted<Effect>: Sync, Clone);
assert_impl_all!(Emitted<u8>: Sync, Debug);

// Reports.
assert_impl_all!(Settled: Send, Sync, UnwindSafe, RefUnwindSafe, Copy, Eq, Debug, Default);
assert_impl_all!(Totals: Send, Sync, UnwindSafe, RefUnwindSafe, Copy, Eq, Debug, Default);
assert_impl_all!(Snapshot: Send, Sync, UnwindSafe, RefUnwindSafe, Clone, Eq, Debug, Display, Default);
assert_impl_all!(TaskSnapshot: Send, Sync, UnwindSafe, RefUnwindSafe, Clone, Eq, Debug, Display);
assert_impl_all!(TaskState: Send, Sync, UnwindSafe, RefUnwindSafe, Copy, Eq, Hash, Debug);
assert_impl_all!(RequestState: Send, Sync, UnwindSafe, RefUnwindSafe, Copy, Eq, Hash, Debug);
assert_impl_all!(RequestSnapshot: Send, Sync, UnwindSafe, RefUnwindSafe, Copy, Eq, Debug, Display);
assert_impl_all!(Leak: Send, Sync, UnwindSafe, RefUnwindSafe, Copy, Eq, Debug, Display);
assert_impl_all!(Outstanding: Send, Sync, UnwindSafe, RefUnwindSafe, Copy, Eq, Debug, Default);
assert_impl_all!(Teardown<u8>: Send, Sync, UnwindSafe, RefUnwindSafe, Debug, Display);
assert_impl_all!(Teardown<Effect>: Send, Debug, Display);
assert_not_impl_any!(Teardown<Effect>: Sync, Clone);

assert_obj_safe!(Spawn, LocalSpawn);

#[test]
fn ids_are_small_and_so_are_futures() {
    assert_eq!(size_of::<RequestId>(), 8);
    assert_eq!(size_of::<Spawner>(), size_of::<usize>());
    assert_eq!(size_of::<Shell<Effect>>(), size_of::<usize>());
    assert!(size_of::<Resolver<Op>>() <= 16);
    assert!(size_of::<ShellRequest<Op, Effect>>() <= 48);
}

#[test]
fn debug_never_blocks_and_says_something() {
    let mut executor = Executor::<Effect>::builder()
        .on_ready(|| {})
        .on_panic(drop)
        .build();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let task = spawner.spawn(async {});
    let texts = [
        format!("{:?}", Executor::<Effect>::builder()),
        format!("{executor:?}"),
        format!("{:?}", executor.drain()),
        format!("{:?}", executor.next()),
        format!("{spawner:?}"),
        format!("{:?}", spawner.name("x")),
        format!("{shell:?}"),
        format!("{:?}", shell.request(Op)),
        format!("{:?}", shell.subscribe(Op)),
        format!("{task:?}"),
        format!("{:?}", executor.snapshot()),
        format!("{:?}", executor.totals()),
        format!("{:?}", LocalExecutor::<Effect>::new().local_spawner()),
    ];
    assert_eq!(
        [format!("{spawner:?}"), format!("{shell:?}")],
        ["Spawner(open)", "Shell(open)"]
    );
    let report = executor.teardown();
    assert!(texts.iter().all(|text| text.len() > 5), "{texts:?}");
    assert_eq!(
        [format!("{spawner:?}"), format!("{shell:?}")],
        ["Spawner(closed)", "Shell(closed)"]
    );
    assert!(format!("{report:?}").contains("leaks: []"));
    assert_eq!(
        report.to_string(),
        "torn down with 1 tasks, 0 requests and 1 messages; 0 emissions unseen; every count is back at its baseline"
    );
    let _ = Effect(Value::new(0), Box::new(|| {}));
}

/// As the style of the standard library has it, and so that a log tells one from the other.
#[test]
fn every_error_says_in_lower_case_what_it_is_and_no_two_say_the_same() {
    let requests = [
        RequestError::Failed("404".into()),
        RequestError::Abandoned,
        RequestError::Closed,
        RequestError::Outside,
        RequestError::Exhausted,
        RequestError::Full,
    ];
    let reasons = [
        Reason::Foreign,
        Reason::Unknown,
        Reason::Stale,
        Reason::AlreadyAnswered,
        Reason::WrongType,
        Reason::Full,
        Reason::TornDown,
    ];
    let joins = [
        JoinError::Aborted,
        JoinError::Panicked(Box::new("no such page")),
        JoinError::TornDown,
    ];
    let texts: [Vec<String>; 4] = [
        requests.iter().map(ToString::to_string).collect(),
        reasons.iter().map(ToString::to_string).collect(),
        joins.iter().map(ToString::to_string).collect(),
        joins.iter().map(|error| format!("{error:?}")).collect(),
    ];
    for texts in texts {
        for (at, text) in texts.iter().enumerate() {
            assert!(text.len() > 5 && !text.ends_with('.'), "{text:?}");
            assert!(!texts[..at].contains(text), "{text:?} says nothing new");
        }
    }
    assert!(joins[1].to_string().ends_with(": no such page"));
    assert!(requests[0].to_string().ends_with(": 404"));
}

#[test]
fn an_id_is_printed_by_its_index_and_its_generation() {
    let request = RequestId::from_u64(2 << 24 | 3);
    assert_eq!(request.to_string(), "3.2");
    assert_eq!(format!("{request:?}"), "RequestId(3.2 = 33554435)");

    let mut executor = Executor::<Effect>::new();
    let spawner = executor.spawner();
    let first = spawner.spawn(async {});
    drop(spawner.spawn(std::future::pending::<()>()));
    let _ = executor.run_until_stalled();
    drop(first);
    drop(spawner.spawn(std::future::pending::<()>()));
    let _ = executor.run_until_stalled();
    let tasks: Vec<_> = executor
        .snapshot()
        .tasks
        .iter()
        .map(|task| task.id)
        .collect();
    assert_eq!([tasks[0].to_string(), tasks[1].to_string()], ["0.2", "1.1"]);
    assert_eq!(format!("{:?}", tasks[1]), "TaskId(1.1)");
}

/// A log shows what it is about, and never the answer or the future itself, which need not be printable.
#[test]
fn what_a_shell_and_a_core_hold_is_printed_by_operation_id_and_reason() {
    effects! {
        enum Effect {
            Op => request Op,
            Items => stream Op,
        }
    }
    let mut executor = LocalExecutor::<Effect>::new();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let pending = executor.local_spawner().spawn(std::future::pending::<()>());
    drop(spawner.spawn(async move {
        let mut items = shell.subscribe(Op);
        let _ = futures::join!(shell.request(Op), futures::StreamExt::next(&mut items));
    }));
    let _ = executor.run_until_stalled();
    let Some(Emitted::Effect(Effect::Op(request))) = executor.drain().next() else {
        unreachable!()
    };
    let Some(Emitted::Effect(Effect::Items(items))) = executor.drain().next() else {
        unreachable!()
    };
    let named = |text: String, id: RequestId| {
        assert!(text.contains("Op"), "{text}");
        assert!(text.contains(&format!("{id:?}")), "{text}");
    };
    named(format!("{:?}", request.resolver), request.id());
    named(format!("{:?}", items.feed), items.id());
    assert_eq!(
        format!("{pending:?}"),
        "LocalJoinHandle { finished: false }"
    );
    drop(executor);
    assert_eq!(format!("{pending:?}"), "LocalJoinHandle { finished: true }");

    let refused = request.resolve(Value::new(1)).unwrap_err();
    assert_eq!(format!("{refused:?}"), "ResolveError(TornDown)");
    assert!(
        refused.to_string().ends_with(&Reason::TornDown.to_string()),
        "{refused}"
    );
    let rejected = spawner.try_spawn(async {}).unwrap_err();
    assert_eq!(format!("{rejected:?}"), "Rejected(Closed)");
    assert_eq!(rejected.to_string(), Reason::TornDown.to_string());
}
