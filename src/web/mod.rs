//! The web host: an executor in a page or a worker, with a JavaScript function for each effect.
//!
//! [`Host`] is what a page gets. It takes turns in microtasks when the executor's bell rings, hands effects to the
//! page's handlers, and their answers to the executor.
//!
//! ```text
//!   registry (of this thread) ══▶ host ══▶ Executor ══▶ the core's tasks
//!                                   ╚════▶ what is under way at the handlers ══▶ resolvers, feeds, AbortControllers
//!
//!   the page's object, promises' callbacks, the bell ┄┄▶ a number, which finds the host or nothing
//! ```
//!
//! The Rust side, in a crate of type `cdylib`:
//!
//! ```no_run
//! use serde::Serialize;
//! use stillpoint::web::Host;
//! use stillpoint::{LocalExecutor, Operation, effects};
//! use wasm_bindgen::prelude::*;
//!
//! #[derive(Serialize)]
//! pub struct Get {
//!     url: String,
//! }
//! impl Operation for Get {
//!     type Output = String;
//! }
//!
//! #[derive(Serialize)]
//! pub struct Ticks {
//!     every_ms: u32,
//! }
//! impl Operation for Ticks {
//!     type Output = f64;
//! }
//!
//! #[derive(Serialize)]
//! pub struct Render(String);
//!
//! effects! {
//!     pub enum Effect {
//!         Http => request Get,
//!         Ticks => stream Ticks,
//!         Render => notify Render,
//!     }
//! }
//!
//! #[wasm_bindgen]
//! pub fn start(handlers: JsValue) -> Result<Host, JsValue> {
//!     let executor = LocalExecutor::<Effect>::new();
//!     // `local_spawner()` is for futures that are not `Send`.
//!     let (spawner, shell) = (executor.spawner(), executor.shell());
//!     let host = Host::new(executor, handlers)?;
//!     spawner.spawn(async move {
//!         let page = shell.request(Get { url: "/".to_owned() }).await;
//!         shell.notify(Render(page.unwrap_or_else(|error| error.to_string()))).ok();
//!     });
//!     Ok(host)
//! }
//! # fn main() {}
//! ```
//!
//! The page's:
//!
//! ```js
//! import init, { start } from "./pkg/app.js";
//!
//! await init();
//! const host = start({
//!     Http: async ({ url }, { signal }) => (await fetch(url, { signal })).text(),
//!     Ticks: async function* ({ every_ms }, { signal }) {
//!         while (!signal.aborted) {
//!             await new Promise(go => setTimeout(go, every_ms));
//!             yield performance.now();
//!         }
//!     },
//!     Render: text => { document.body.textContent = text; },
//! });
//! addEventListener("pagehide", event => {
//!     if (!event.persisted) console.log(host.close()?.text); // a page that is kept for "back" goes on
//! });
//! ```
//!
//! What else a page may do to the core is yours to export: a `#[wasm_bindgen]` struct with the host and a
//! [`JoinHandle`](crate::JoinHandle), say, and a method that aborts it.
//!
//! # Building it
//!
//! `Cargo.toml` has `crate-type = ["cdylib"]`, this crate with the feature `web`, `serde` with `derive`, and
//! `wasm-bindgen`. Its command-line tool must be of the very version that `Cargo.lock` has:
//!
//! ```sh
//! rustup target add wasm32-unknown-unknown
//! cargo install wasm-bindgen-cli --version VERSION
//! cargo build --release --target wasm32-unknown-unknown
//! wasm-bindgen --target web --out-dir pkg target/wasm32-unknown-unknown/release/app.wasm
//! ```
//!
//! Serve the folder by HTTP: a page from `file://` loads no module.
//!
//! # Handlers
//!
//! A handler is called with the operation and, where something is awaited of it, with `{ id, signal }`.
//!
//! - Of a *request*, what it returns is the answer, or a promise of it. A throw or a rejection is
//!   [`RequestError::Failed`](crate::RequestError::Failed) with the error's message, and so is an answer that does not
//!   decode, with the effect's name and the place in the answer, or that throws when it is read.
//! - Of a *stream*, it returns an (async) iterable or a `ReadableStream`, or a promise of one. One item is pulled after
//!   the other; where the stream is full, by [`Overflow::Reject`](crate::Overflow::Reject), the next is pulled when the
//!   core has taken one. Other streams, and that is what they are where nothing is said, are pulled from as fast as
//!   they give. A throw, a rejection or an item that does not decode ends the stream: its `next()` gives `None`, and
//!   [`ended_by`](crate::ShellStream::ended_by) the error.
//! - Of a *notification*, what it returns is of no interest; where it throws or rejects, `console.error` says so.
//!
//! When the core has no use for an answer any more, `signal` is aborted, also where the answer is given and unread; its
//! `reason` is an `AbortError` that says why. An iterator is told to `return()`, which a generator hears at its next
//! `yield`: let what it awaits end by the signal. A `ReadableStream` is cancelled. What the handler gives afterwards is
//! ignored.
//!
//! Events of the page are a stream:
//!
//! ```js
//! Clicks: (_, { signal }) => new ReadableStream({
//!     start(items) {
//!         button.addEventListener("click", event => items.enqueue({ x: event.clientX }), { signal });
//!     },
//! }),
//! ```
//!
//! # Turns
//!
//! A turn is taken in a microtask after work has come, one for any number of rings. After 1024 polls, effects and items
//! the host lets the page do its work, and goes on in a task of its own: by a `MessageChannel`, or a timer where there
//! is none. A core that is always busy slows a page down, and never freezes it.
//!
//! A handler may call whatever it likes, the host's `close()` too, which takes effect at once. What it does to the core
//! is seen by the next turn. The core's own code, which a turn runs, cannot look at its host, and closes it at the
//! turn's end.
//!
//! # The end
//!
//! `close()`, or `using host = start(handlers)`, tears the executor down: it aborts the signals of all handlers that
//! are under way, delivers the last notifications, and gives the [report](crate::Teardown) as a plain object. From then
//! on every call throws an error. A page that loses a host without closing it is warned on the console; the core runs
//! on.
//!
//! A panic cannot unwind in wasm: it is a trap, after which nothing in the module can be trusted. So every call of
//! every host, and the making of others, throws an error with the panic's message from then on. The first host sets a
//! panic hook for that, before whatever hook there was; where another is set later that does not call it, and for other
//! traps, the error says that the core has trapped.
//!
//! # Values
//!
//! | in Rust | a handler gets | a handler may give |
//! | --- | --- | --- |
//! | numbers of up to 32 bits, floats | `number` | `number` |
//! | 64-bit integers | `number`; where one of the operation's is beyond 2^53, all of its are `bigint` | either |
//! | 128-bit integers | `bigint` | `bigint` |
//! | `Option`, `()`, unit structs | the value, `null` | the value, `null` or `undefined` |
//! | structs; newtypes | objects; what is in them | the same |
//! | maps | objects; where a key is no text, all of the operation's are `Map`s | either |
//! | sequences, tuples | `Array` | iterables |
//! | bytes, by the crate serde_bytes | `Uint8Array` | `Uint8Array`, `ArrayBuffer`, `Array` |
//! | enums | `"Variant"`, `{ Variant: value }`, or what their serde attributes say | the same |
//! | dates | what their type writes: a text, for most | the same: `date.toISOString()` |
//!
//! A map's entry with the key `__proto__` is lost, since an object takes it for its prototype; a sequence of pairs keeps
//! it.
//!
//! A `Vec<u8>` without serde_bytes is a sequence of numbers. An `Uint8Array` is read into it all the same, but number
//! by number, which takes a thousand times as long.
//!
//! With the feature `typescript`, [`typescript`](crate::typescript) writes the handlers' types from the Rust ones.
//!
//! # Threads
//!
//! A host belongs to the thread that made it. In a module with several, a wake on another thread is not heard.

mod answers;
mod core;
mod event_loop;
mod fence;
mod guard;
mod handlers;
mod host;
mod hostable;
mod js;
mod performer;
mod registry;
mod stream;
mod values;

pub use host::Host;
pub use hostable::Hostable;
