//! What a subscriber of tracing is told, by which names.
#![cfg(feature = "tracing")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};
use std::future::pending;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures::StreamExt;
use stillpoint::{Emitted, Executor, Operation, RequestId, effects};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber, subscriber::with_default};

struct Fetch;
impl Operation for Fetch {
    type Output = u32;
}

struct Ticks;
impl Operation for Ticks {
    type Output = u32;
}

struct Say;

effects! {
    enum Effect {
        Fetch => request Fetch,
        Ticks => stream Ticks,
        Say => notify Say,
    }
}

/// Writes down what it is told.
#[derive(Clone, Default)]
struct Log(Arc<Inner>);

/// Whether it is a span, at which level, with which fields.
type Shape = (bool, Level, BTreeSet<&'static str>);

type Then = Arc<dyn Fn(&str) + Send + Sync>;

#[derive(Default)]
struct Inner {
    lines: Mutex<Vec<String>>,
    /// By name.
    seen: Mutex<BTreeMap<&'static str, Shape>>,
    spans: Mutex<BTreeMap<u64, String>>,
    last: AtomicU64,
    /// Called with each event's name.
    then: Mutex<Option<Then>>,
}

impl Log {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lines.lock().unwrap())
    }

    fn push(&self, line: String) {
        self.0.lines.lock().unwrap().push(line);
    }

    fn saw(&self, metadata: &'static Metadata<'static>) {
        assert_eq!(metadata.target(), "stillpoint");
        let fields = metadata.fields().iter().map(|field| field.name());
        let fields = fields.filter(|name| *name != "message").collect();
        let what = (metadata.is_span(), *metadata.level(), fields);
        self.0.seen.lock().unwrap().insert(metadata.name(), what);
    }
}

/// Fields in order, without those whose value another run would not have.
struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let value = match field.name() {
            "message" => return,
            "place" => {
                assert!(format!("{value:?}").starts_with(file!()), "{value:?}");
                "here".to_owned()
            }
            _ => format!("{value:?}")
                .replace("\"", "")
                .replace("tracing::", ""),
        };
        write!(self.0, " {}={value}", field.name()).unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "stillpoint"
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.saw(span.metadata());
        let mut fields = Fields(span.metadata().name().to_owned());
        span.record(&mut fields);
        let id = 1 + self.0.last.fetch_add(1, Ordering::Relaxed);
        self.0.spans.lock().unwrap().insert(id, fields.0);
        Id::from_u64(id)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.saw(event.metadata());
        let mut fields = Fields(event.metadata().name().to_owned());
        event.record(&mut fields);
        self.push(fields.0);
        let then = self.0.then.lock().unwrap().clone();
        if let Some(then) = then {
            then(event.metadata().name());
        }
    }

    fn enter(&self, span: &Id) {
        let span = self.0.spans.lock().unwrap()[&span.into_u64()].clone();
        self.push(format!("> {span}"));
    }

    fn exit(&self, _: &Id) {
        self.push("<".to_owned());
    }
}

/// One executor's life with everything in it that is told.
fn life() -> Executor<Effect> {
    let mut executor = Executor::<Effect>::new();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let (ask, late) = (shell.clone(), shell.clone());
    drop(spawner.name("asker").spawn(async move {
        let _ = ask.request(Fetch).await;
        let _ = ask.notify(Say);
        panic!("on purpose");
    }));
    drop(spawner.spawn(async move {
        let mut ticks = shell.subscribe(Ticks);
        while ticks.next().await.is_some() {}
    }));
    let aborted = spawner.spawn(async move { late.request(Fetch).await });
    executor.run_until_stalled();
    let mut effects = executor.drain();
    let (
        Some(Emitted::Effect(Effect::Fetch(fetch))),
        Some(Emitted::Effect(Effect::Ticks(ticks))),
        Some(Emitted::Effect(Effect::Fetch(never))),
    ) = (effects.next(), effects.next(), effects.next())
    else {
        panic!("not these effects")
    };
    executor.send(&ticks.feed, 1).unwrap();
    executor.end(&ticks.feed).unwrap();
    drop(ticks);
    executor.resolve(fetch.resolver, 1).unwrap();
    aborted.abort();
    executor.run_until_stalled();
    assert!(executor.resolve(never.resolver, 1).is_err());
    while executor.drain().next().is_some() {}
    executor
}

#[test]
fn a_subscriber_is_told_of_a_whole_life_in_order() {
    let log = Log::default();
    with_default(log.clone(), || {
        let executor = life();
        assert_eq!(
            log.take(),
            [
                "task.spawn task=0.1 name=asker place=here",
                "task.spawn task=1.1 place=here",
                "task.spawn task=2.1 place=here",
                "> task.poll task=0.1 name=asker",
                "request.emit request=0.1 operation=Fetch kind=request task=0.1",
                "<",
                "> task.poll task=1.1",
                "request.emit request=1.1 operation=Ticks kind=stream task=1.1",
                "<",
                "> task.poll task=2.1",
                "request.emit request=2.1 operation=Fetch kind=request task=2.1",
                "<",
                "request.take request=0.1",
                "request.take request=1.1",
                "request.take request=2.1",
                "request.answer request=1.1 how=item",
                "request.answer request=1.1 how=end",
                "request.answer request=0.1 how=answer",
                "> task.poll task=1.1",
                "<",
                "task.end task=1.1 how=done",
                "> task.poll task=0.1 name=asker",
                "notify operation=Say",
                "<",
                "task.end task=0.1 how=panicked",
                "> task.poll task=2.1",
                "request.cancel request=2.1 told=true",
                "<",
                "task.end task=2.1 how=aborted",
                "request.refused request=2.1 reason=nobody awaits it any more",
            ]
        );
        let spawner = executor.spawner();
        drop(spawner.spawn(pending::<()>()));
        executor.teardown().assert_baseline();
        assert_eq!(
            log.take(),
            [
                "task.spawn task=2.2 place=here",
                "> task.poll task=2.2",
                "<",
                "task.end task=2.2 how=torn down",
                "teardown tasks=1 requests=0 messages=3",
            ]
        );
    });
}

#[test]
fn whatever_is_told_is_in_the_table_of_the_page_with_its_fields() {
    let log = Log::default();
    with_default(log.clone(), || drop(life()));
    let seen = log.0.seen.lock().unwrap().clone();
    let page = include_str!("../docs/INSPECTION.md");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let words = |cell: &'static str| cell.split('`').skip(1).step_by(2).collect::<BTreeSet<_>>();
    let documented: BTreeMap<_, _> = rows
        .map(|row| {
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            let level = cells[3].parse::<Level>().unwrap();
            (
                cells[1].trim_matches('`'),
                (cells[2] == "span", level, words(cells[4])),
            )
        })
        .collect();
    assert_eq!(seen, documented);
}

#[test]
fn failing_and_abandoning_are_answers_and_letting_go_of_what_is_over_is_nothing() {
    let log = Log::default();
    with_default(log.clone(), || {
        let mut executor = Executor::<Effect>::new();
        let shell = executor.shell();
        let task = executor.spawn(async move { while shell.request(Fetch).await.is_err() {} });
        let mut next = || {
            executor.run_until_stalled();
            let Some(Emitted::Effect(Effect::Fetch(fetch))) = executor.drain().next() else {
                panic!("not this effect")
            };
            fetch
        };
        next().fail("no").unwrap();
        drop(next());
        let last = next();
        task.abort();
        executor.run_until_stalled();
        drop(last);
        executor.run_until_stalled();
        let stranger = RequestId::from_u64(0);
        assert!(executor.fail_id(stranger, "no").is_err());
        assert!(executor.resolve_id::<Fetch>(stranger, 1).is_err());
    });
    let mut told = log.take();
    told.retain(|line| line.starts_with("request.answer") || line.starts_with("request.refused"));
    assert_eq!(
        told,
        [
            "request.answer request=0.1 how=fail",
            "request.answer request=0.2 how=abandon",
            "request.refused request=0.0 reason=no request has had this id",
            "request.refused request=0.0 reason=no request has had this id",
        ]
    );
}

#[test]
fn a_subscriber_may_spawn_and_ask_and_throw() {
    let log = Log::default();
    let mut executor = Executor::<Effect>::new();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let ask = shell.clone();
    drop(spawner.spawn(async move { ask.request(Fetch).await }));
    let spawned = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&spawned);
    *log.0.then.lock().unwrap() = Some(Arc::new(move |name| {
        match name {
            // Itself told of while this is under way, and not again.
            "request.emit" => drop(spawner.spawn(async {})),
            "request.take" => drop(shell.notify(Say)),
            _ => {}
        }
        count.fetch_add(1, Ordering::Relaxed);
        std::panic::resume_unwind(Box::new("thrown by a subscriber"));
    }));
    with_default(log.clone(), || {
        let settled = executor.run_until_stalled();
        assert_eq!((settled.panicked, settled.pending), (0, 1));
        let Some(Emitted::Effect(Effect::Fetch(fetch))) = executor.drain().next() else {
            panic!("not this effect")
        };
        assert!(matches!(
            executor.drain().next(),
            Some(Emitted::Effect(Effect::Say(_)))
        ));
        executor.resolve(fetch.resolver, 1).unwrap();
        assert_eq!(executor.run_until_stalled().completed, 1);
        executor.teardown().assert_baseline();
    });
    assert!(spawned.load(Ordering::Relaxed) > 5);
}

/// A subscriber that gives up a request while it is told of another.
#[test]
fn a_subscriber_may_cancel_among_those_that_wait() {
    let log = Log::default();
    let mut executor: Executor<Effect> = Executor::builder()
        .max_requests(1)
        .outbox_capacity(1)
        .build();
    let shell = executor.shell();
    let first = Arc::new(Mutex::new(None));
    let given_up = Arc::clone(&first);
    *log.0.then.lock().unwrap() = Some(Arc::new(move |name| {
        if name == "request.cancel" {
            drop(given_up.lock().unwrap().take());
        }
    }));
    drop(executor.spawn(async move {
        let [mut admitted, mut second, mut third] = [(); 3].map(|()| shell.request(Fetch));
        for request in [&mut admitted, &mut second, &mut third] {
            assert!(futures::poll!(request).is_pending());
        }
        *first.lock().unwrap() = Some(admitted);
        drop(second);
        third.await
    }));
    with_default(log.clone(), || {
        assert_eq!(executor.run_until_stalled().waiting, 0);
        assert_eq!(executor.drain().count(), 1, "the third has the place");
    });
}

#[test]
fn a_subscriber_may_close_the_scope_of_the_task_that_it_is_told_of() {
    let log = Log::default();
    let mut executor = Executor::<Effect>::new();
    let scope = executor.spawner().scope();
    let inside = scope.spawner();
    let open = Mutex::new(None);
    drop(executor.spawn(async move { inside.spawn(pending::<()>()).await.ok() }));
    let taken_in = executor.run_for(0);
    assert!(taken_in.budget_spent);
    *open.lock().unwrap() = Some(scope);
    *log.0.then.lock().unwrap() = Some(Arc::new(move |name| {
        if name == "task.spawn" {
            drop(open.lock().unwrap().take());
        }
    }));
    with_default(log.clone(), || {
        let settled = executor.run_until_stalled();
        assert_eq!((settled.aborted, settled.pending), (1, 0));
    });
}
