//! What the tests share: a trace, an effect of every kind, destructors and wakers that do what a test tells them.
#![allow(dead_code)]

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};

use futures::FutureExt;
use stillpoint::{
    Emitted, Executor, JoinError, JoinHandle, Operation, Request, Subscription, effects,
};

/// What happened, in order.
#[derive(Clone, Default, Debug)]
pub struct Trace(Arc<Mutex<Vec<String>>>);

impl Trace {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn push(&self, event: impl Into<String>) {
        self.0.lock().unwrap().push(event.into());
    }

    /// What happened since the last look.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// One number in, one number out.
#[derive(Debug, PartialEq, Eq)]
pub struct Ask(pub u32);

impl Operation for Ask {
    type Output = u32;
}

/// The same answer as `Ask`'s, another operation.
#[derive(Debug, PartialEq, Eq)]
pub struct Other;

impl Operation for Other {
    type Output = u32;
}

/// A generic operation: it carries a value, and is answered by one of the same type.
#[derive(Debug)]
pub struct Swap<T>(pub T);

impl<T: Send + 'static> Operation for Swap<T> {
    type Output = T;
}

#[derive(Debug, PartialEq, Eq)]
pub struct Ticks(pub u32);

impl Operation for Ticks {
    type Output = u32;
}

/// A stream of values with destructors.
#[derive(Debug)]
pub struct Flow;

impl Operation for Flow {
    type Output = Thing;
}

#[derive(Debug, PartialEq, Eq)]
pub struct Say(pub &'static str);

effects! {
    /// Every kind of effect.
    #[derive(Debug)]
    pub enum Effect {
        Ask => request Ask,
        Other => request Other,
        /// A generic operation, with its argument given.
        Swap => request Swap<Thing>,
        Ticks => stream Ticks,
        Flow => stream Flow,
        Say => notify Say,
        Tell => notify Thing,
    }
}

/// Calls a closure when it is dropped.
#[must_use]
pub struct Thing(Option<Box<dyn FnOnce() + Send>>);

impl Thing {
    pub fn new(act: impl FnOnce() + Send + 'static) -> Self {
        Self(Some(Box::new(act)))
    }

    pub fn quiet() -> Self {
        Self(None)
    }

    /// Traces `drop name`.
    pub fn probe(trace: &Trace, name: &'static str) -> Self {
        let trace = trace.clone();
        Self::new(move || trace.push(format!("drop {name}")))
    }

    pub fn bomb(message: &'static str) -> Self {
        Self::new(move || panic!("{message}"))
    }

    /// Traces `drop name`, and panics.
    pub fn loud_bomb(trace: &Trace, name: &'static str) -> Self {
        let trace = trace.clone();
        Self::new(move || {
            trace.push(format!("drop {name}"));
            panic!("{name}");
        })
    }
}

impl Drop for Thing {
    fn drop(&mut self) {
        if let Some(act) = self.0.take() {
            act();
        }
    }
}

impl std::fmt::Debug for Thing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Thing")
    }
}

/// Counts its wakes.
#[derive(Default)]
pub struct Rings(pub AtomicUsize);

impl Rings {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    pub fn ring(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Wake for Rings {
    fn wake(self: Arc<Self>) {
        self.ring();
    }
}

/// A waker that calls closures.
pub struct Calls {
    pub on_wake: Box<dyn Fn() + Send + Sync>,
    pub on_drop: Mutex<Option<Thing>>,
}

impl Wake for Calls {
    fn wake(self: Arc<Self>) {
        (self.on_wake)();
    }
}

pub fn waker_that(on_wake: impl Fn() + Send + Sync + 'static) -> Waker {
    Waker::from(Arc::new(Calls {
        on_wake: Box::new(on_wake),
        on_drop: Mutex::new(None),
    }))
}

/// A waker with a destructor of its own.
pub fn waker_with(thing: Thing, on_wake: impl Fn() + Send + Sync + 'static) -> Waker {
    Waker::from(Arc::new(Calls {
        on_wake: Box::new(on_wake),
        on_drop: Mutex::new(Some(thing)),
    }))
}

/// How a finished task ended, as text.
pub fn end<T: std::fmt::Debug>(task: JoinHandle<T>) -> String {
    match task.now_or_never() {
        None => "unfinished".into(),
        Some(Ok(output)) => format!("{output:?}"),
        Some(Err(JoinError::Panicked(payload))) => format!(
            "panicked {}",
            payload
                .downcast_ref::<&str>()
                .map(ToString::to_string)
                .or_else(|| payload.downcast_ref::<String>().cloned())
                .unwrap_or_default()
        ),
        Some(Err(error)) => format!("{error:?}"),
    }
}

/// What an emission is, without its id.
pub fn describe(emitted: &Emitted<Effect>) -> String {
    match emitted {
        Emitted::Effect(Effect::Ask(request)) => format!("ask {}", request.operation.0),
        Emitted::Effect(Effect::Other(_)) => "other".into(),
        Emitted::Effect(Effect::Swap(_)) => "swap".into(),
        Emitted::Effect(Effect::Ticks(ticks)) => format!("ticks {}", ticks.operation.0),
        Emitted::Effect(Effect::Flow(_)) => "flow".into(),
        Emitted::Effect(Effect::Say(say)) => format!("say {}", say.operation.0),
        Emitted::Effect(Effect::Tell(_)) => "tell".into(),
        Emitted::Cancelled(_) => "cancelled".into(),
    }
}

/// Drains and drops; every effect is abandoned by it.
pub fn drained(executor: &mut Executor<Effect>) -> Vec<String> {
    executor.drain().map(|emitted| describe(&emitted)).collect()
}

pub fn run(executor: &mut Executor<Effect>) {
    let _ = executor.run_until_stalled();
}

/// The next emission, which must be an `Ask`.
pub fn ask(executor: &mut Executor<Effect>) -> Request<Ask> {
    match executor.drain().next() {
        Some(Emitted::Effect(Effect::Ask(request))) => request,
        other => panic!("not an ask: {other:?}"),
    }
}

/// All that are emitted now.
pub fn asks(executor: &mut Executor<Effect>) -> Vec<Request<Ask>> {
    executor
        .drain()
        .map(|emitted| match emitted {
            Emitted::Effect(Effect::Ask(request)) => request,
            other => panic!("not an ask: {other:?}"),
        })
        .collect()
}

pub fn swap(executor: &mut Executor<Effect>) -> Request<Swap<Thing>> {
    match executor.drain().next() {
        Some(Emitted::Effect(Effect::Swap(request))) => request,
        other => panic!("not a swap: {other:?}"),
    }
}

pub fn ticks(executor: &mut Executor<Effect>) -> Subscription<Ticks> {
    match executor.drain().next() {
        Some(Emitted::Effect(Effect::Ticks(subscription))) => subscription,
        other => panic!("not ticks: {other:?}"),
    }
}

pub fn flow(executor: &mut Executor<Effect>) -> Subscription<Flow> {
    match executor.drain().next() {
        Some(Emitted::Effect(Effect::Flow(subscription))) => subscription,
        other => panic!("not a flow: {other:?}"),
    }
}

/// How many rounds a race is run for.
pub const fn rounds(release: usize, debug: usize) -> usize {
    if cfg!(miri) {
        let few = debug / 2_000;
        if few < 20 { 20 } else { few }
    } else if cfg!(debug_assertions) {
        debug
    } else {
        release
    }
}

/// Runs a test in a process of its own, where its failure would end the process. `name` is the test's own.
pub fn in_own_process(name: &str, test: impl FnOnce()) {
    const CHILD: &str = "STILLPOINT_TEST_CHILD";
    if cfg!(miri) {
        return;
    }
    if std::env::var(CHILD).as_deref() == Ok(name) {
        return test();
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(CHILD, name)
        .output()
        .unwrap();
    // Where no test has this name, none is run, which is a success.
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && told.contains(" 1 passed;"),
        "{}\n{told}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}
