//! A queueing executor for an app's core logic, whose tasks ask a *shell* to do their I/O, and which always comes to
//! rest: a teardown drops every future and every request, and reports what others still hold of a task.
//!
//! An app that runs in a terminal, on a server, in a web page and on a phone has its logic once, if that logic does no
//! I/O. So it is written as tasks that await `shell.request(operation)`. The *shell* is whatever surrounds them: it
//! drives the executor, takes the *effects* that the tasks emit, performs them and resolves them, and the tasks go on.
//!
//! Executors of this kind leak where they share: a waker owns a task that owns the waker, a channel keeps a future alive
//! for as long as the other side has an end of it, and an aborted task waits for an answer that nobody will give. Here
//! [the executor alone owns](#who-owns-what), and everybody else has a number and a way to send. The executor owns
//! no thread, no reactor and no static, and compiles for wasm. (In a page, the [`web`] host keeps a table of its thread's
//! hosts.)
//!
//! ```
//! use stillpoint::{Emitted, Executor, Operation, effects};
//!
//! /// What the core may ask.
//! struct ReadLine;
//! impl Operation for ReadLine {
//!     type Output = String;
//! }
//! /// What it may tell.
//! struct Print(String);
//!
//! effects! {
//!     enum Effect {
//!         ReadLine => request ReadLine,
//!         Print => notify Print,
//!     }
//! }
//!
//! let mut executor = Executor::new();
//! let shell = executor.shell();
//! // The core: no I/O in here.
//! let core = executor.spawn(async move {
//!     while let Ok(line) = shell.request(ReadLine).await {
//!         let _ = shell.notify(Print(line.to_uppercase()));
//!     }
//! });
//!
//! // The shell: no logic in here.
//! let mut input = ["hello".to_string(), "world".to_string()].into_iter();
//! let mut output = Vec::new();
//! while !core.is_finished() {
//!     executor.run_until_stalled();
//!     while let Some(emitted) = executor.drain().next() {
//!         match emitted {
//!             Emitted::Effect(Effect::ReadLine(request)) => match input.next() {
//!                 Some(line) => executor.resolve(request.resolver, line).unwrap(),
//!                 None => executor.fail(request.resolver, "end of input").unwrap(),
//!             },
//!             Emitted::Effect(Effect::Print(print)) => output.push(print.operation.0),
//!             Emitted::Cancelled(_) => {}
//!         }
//!     }
//! }
//! assert_eq!(output, ["HELLO", "WORLD"]);
//! executor.teardown().assert_baseline();
//! ```
//!
//! # The way of a request
//!
//! ```text
//!            core                         executor                          shell
//!   ┌───────────────────────┐   ┌──────────────────────────┐   ┌──────────────────────────────┐
//!   │ Spawner::spawn ───────┼──▶│ ready queue              │   │                              │
//!   │                       │   │    │ run_until_stalled   │◀──┼── on_ready rings, or a loop  │
//!   │ request(op).await  ◀──┼───┼────┘ polls               │   │                              │
//!   │      │ first poll     │   │                          │   │                              │
//!   │      └────────────────┼──▶│ request slab, outbox ────┼──▶│ drain: Effect(request)       │
//!   │                       │   │                          │   │      │ performs it           │
//!   │ answer ◀──────────────┼───┼─ slab ◀── mailbox ◀──────┼───┼── request.resolver.resolve   │
//!   └───────────────────────┘   └──────────────────────────┘   └──────────────────────────────┘
//! ```
//!
//! # Who owns what
//!
//! The executor alone owns, and there is one door to it: its mailbox. Double lines own, dotted ones can only send.
//!
//! ```text
//!   Executor ══▶ task table ══▶ waker ══▶ task ══▶ future ┄┄▶ Spawner, Shell, ShellRequest: an id and a sender
//!      ║══════▶ ready queue ══▶ runnable ══▶ task             the task's schedule function: a sender
//!      ║══════▶ request slab ══▶ waker ══▶ task
//!      ║══════▶ outbox ══▶ effect ══▶ Resolver, Feed          an id and a sender
//!      ║══════▶ scope table ══▶ numbers of tasks ┄┄▶ Scope   an id and a sender
//!      ╚══════▶ mailbox ══▶ messages: run, spawn, abort, answer, abandon, dropped, notify, close a scope
//! ```
//!
//! A request's waker lies in the executor's slab under the request's id, and in nothing that a task, a future or the
//! shell can hold. So no reference cycle can be made; whatever the shell keeps, drop the [`Executor`] and every future
//! is gone. [`Executor::teardown`] also hands over what the shell has not seen, and its [report](Teardown) names
//! whatever still holds on to a task.
//!
//! # Where to begin
//!
//! With [a tutorial of ten minutes](guide::tutorial), and then [the guide](guide), a page for each topic:
//! [driving it](guide::driving), [cancellation](guide::cancellation), [streams and limits](guide::limits),
//! [teardown and leak hunting](guide::teardown), [testing a core](guide::testing),
//! [looking into an executor](guide::inspection), [a run as a file](guide::record),
//! [embedding in a shared library](guide::embedding), [coming from Crux](guide::crux), [what always
//! holds](guide::promises) and [the wire form](guide::wire).
//!
//! Of the items:
//!
//! - [`Executor`], or [`LocalExecutor`] for futures that are not [`Send`]; [`Executor::builder`] gives it a bell.
//! - [`Operation`] and [`effects!`] say what the core asks; [`Shell`] asks it.
//! - [`Executor::spawn`] makes tasks, and a [`Spawner`] does from anywhere; [`JoinHandle`] awaits or aborts them.
//! - A [`Scope`] owns tasks that end together, and [`Spawner::latest`] those of which only the latest is wanted.
//! - [`Snapshot`] says what an executor holds, and who waits for what.
//! - [`Request`] and [`Resolver`], [`Subscription`] and [`Feed`], [`Notification`] are what the shell gets.
//!
//! # Features
//!
//! - `bridge`: the byte [`bridge`], for shells in other languages: effects and answers as JSON.
//! - `messagepack`: the same as MessagePack.
//! - `record`: a [`record`] of a run as a file, which replays into the same core.
//! - `serde`: [`portable`] effects, which a shell that shares no types with the core can perform.
//! - `testing`: the [`testing`] kit, for the tests of cores: a scripted shell, probes, seeded schedules.
//! - `tokio`: the [`tokio`] driver, which runs an executor on a runtime of yours with a handler for each effect.
//! - `tracing`: spans and events of that crate, by [names that stay](guide::inspection#events).
//! - `typescript`: the [`typescript`] types of the handlers of an effect.
//! - `web`: the [`web`] host, which runs an executor in a page or a worker with a JavaScript handler for each effect.
//!
//! The examples also use the crate `futures`, for `StreamExt`, `join!` and `select!`, which fit these futures as any.
#![cfg_attr(docsrs, feature(doc_cfg))]
// The list of features leads to modules which are there with those features alone.
#![cfg_attr(
    not(all(
        feature = "messagepack",
        feature = "record",
        feature = "testing",
        feature = "tokio",
        feature = "tracing",
        feature = "typescript",
        feature = "web"
    )),
    allow(rustdoc::broken_intra_doc_links)
)]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod answer;
mod asserted;
#[cfg(feature = "bridge")]
pub mod bridge;
mod contain;
mod effects;
mod engine;
mod entry;
mod executor;
mod explain;
mod graph;
#[cfg(doc)]
#[macro_use]
mod links;
#[cfg(doc)]
pub mod guide;
mod id;
mod limit;
mod mailbox;
mod meta;
#[cfg(feature = "testing")]
mod order;
mod outbox;
#[cfg(feature = "serde")]
mod plain;
#[cfg(feature = "serde")]
pub mod portable;
#[cfg(feature = "record")]
pub mod record;
mod report;
mod request;
mod request_table;
mod room;
mod root;
mod scope;
mod scopes;
mod shelf;
mod shell;
mod shim;
mod snapshot;
mod spawner;
mod task;
mod task_table;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "tokio")]
pub mod tokio;
mod trace;
mod turn;
#[cfg(feature = "typescript")]
pub mod typescript;
#[cfg(feature = "web")]
pub mod web;

pub use entry::{Overflow, Reason, RequestError};
pub use executor::{Builder, Drain, Executor, LocalExecutor, Next};
pub use id::{RequestId, TaskId};
pub use limit::{Rejected, WhenFull};
pub use meta::TaskPanic;
pub use outbox::Emitted;
pub use report::{Leak, Outstanding, Settled, Teardown, Totals};
pub use request::{
    Feed, Operation, Request, ResolveError, Resolver, ShellRequest, ShellStream, Subscription,
};
pub use scope::{Close, Latest, Scope};
pub use scopes::{Key, ScopeReport};
pub use shell::{Notification, Shell};
pub use snapshot::{RequestSnapshot, RequestState, Snapshot, TaskSnapshot, TaskState};
pub use spawner::{LocalSpawner, Named, Spawner};
pub use task::{JoinError, JoinHandle, LocalJoinHandle};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
