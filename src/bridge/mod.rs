//! An executor behind bytes, for a shell in another language: what it asks goes out as batches, answers come in by an
//! id.
//!
//! The shell holds numbers and nothing else, and calls a [`Bridge`] (or a [`LocalBridge`], for futures that stay on
//! their thread): run, drain, perform, resolve. What crosses is written by a [`Format`]; docs/WIRE.md has the form of
//! everything that does, and `tests/bridge/vectors` of the repository has it as examples.
//!
//! ```text
//!     core                          bridge                                 shell, in any language
//!   request(op).await ──▶ executor ──▶ drain ──── batch: items ──────────▶ performs them
//!          ▲                  ▲                                                   │
//!          └──── answer ──────┴── commits ◀── decodes ◀── id, bytes ◀── resolve ──┘
//! ```
//!
//! ```
//! use stillpoint::bridge::Bridge;
//! use stillpoint::{Executor, Operation, RequestId, effects};
//!
//! #[derive(serde::Serialize)]
//! struct ReadLine;
//! impl Operation for ReadLine {
//!     type Output = String;
//! }
//! effects! { enum Effect { ReadLine => request ReadLine, Print => notify String } }
//!
//! let mut executor = Executor::<Effect>::new();
//! let shell = executor.shell();
//! drop(executor.spawn(async move {
//!     while let Ok(line) = shell.request(ReadLine).await {
//!         shell.notify(line.to_uppercase()).unwrap();
//!     }
//! }));
//!
//! let (mut bridge, mut printed) = (Bridge::new(executor), Vec::new());
//! while printed.len() < 3 {
//!     bridge.run(1000)?;
//!     let batch: serde_json::Value = serde_json::from_slice(&bridge.drain()?).unwrap();
//!     for item in batch["items"].as_array().unwrap() {
//!         match item["type"].as_str() {
//!             Some("request") => {
//!                 let id = RequestId::from_u64(item["id"].as_u64().unwrap());
//!                 bridge.resolve(id, br#""hello""#)?;
//!             }
//!             _ => printed.push(item["operation"].clone()),
//!         }
//!     }
//! }
//! assert_eq!(printed, ["HELLO"; 3]);
//! # Ok::<(), stillpoint::bridge::BridgeError>(())
//! ```
//!
//! # What always holds
//!
//! - An answer is decoded first, with nothing of the executor's borrowed, and committed then. One that does not decode
//!   is an error that says where, and the request stays pending: the right answer can still come.
//! - An id that is unknown, stale, answered already, or of the other kind is an [error](BridgeError) of its own, and
//!   has no other effect.
//! - An operation that cannot be written is an item that says so, and its request fails; every other item is there.
//! - Nothing unwinds out of it. A panic that a task ends by is an item of the next batch unless somebody joins the
//!   task; one in code that reads or writes values is an error, or an item. On targets that cannot unwind, a panic is a
//!   trap. A stack that overflows is none: [`Limits::depth`] keeps bytes from causing one, as long as every
//!   `Deserialize` passes on the errors of its deserializer.
//! - Beside the batches nothing is allocated for a round trip: what is pending lies in the executor's own table.
//!
//! # The end
//!
//! [`Bridge::teardown`] gives the last batch: the notices and notifications that the shell has not seen, and the
//! report. From then on every call is [`BridgeError::TornDown`]. Dropping a bridge drops its executor: that frees the
//! same, and tells nobody.

mod batch;
mod error;
mod format;
mod live;
mod nesting;

use std::fmt;
use std::marker::PhantomData;

use crate::answer::Shape;
use crate::contain::{contain, discard};
use crate::engine::Engine;
use crate::executor::{Executor, LocalExecutor};
use crate::id::RequestId;
use crate::portable::Portable;
use crate::report::{Settled, Teardown};
use live::{Live, panicked};

pub use batch::VERSION;
pub use error::BridgeError;
#[cfg(feature = "messagepack")]
pub use format::MessagePack;
pub use format::{Count, Format, Frame, Json, Malformed};

/// What a bridge takes of a shell that errs, or means harm. Plain data: dropping it does nothing.
///
/// ```
/// use stillpoint::bridge::Limits;
///
/// let limits = Limits { bytes: 4096, ..Limits::default() };
/// assert_eq!(limits.depth, 100);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of one answer: 16 MiB, unless you say otherwise.
    pub bytes: usize,
    /// How deeply an answer's lists and maps are nested at most: 100, unless you say otherwise, and 127 whatever you
    /// say. With 1 a list of numbers is read, and a list of lists is not.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 16 << 20,
            depth: 100,
        }
    }
}

/// What both bridges are.
struct Core<E: Portable, F: Format> {
    /// `None` once it is torn down.
    live: Option<Live<E, F>>,
    report: Option<Teardown<E>>,
}

impl<E: Portable, F: Format> Core<E, F> {
    fn new(engine: Engine<E>, format: F) -> Self {
        Self {
            live: Some(Live::new(engine, format)),
            report: None,
        }
    }

    /// Acts, unless it is torn down. What panics ends here.
    fn with<R>(
        &mut self,
        act: impl FnOnce(&mut Live<E, F>) -> Result<R, BridgeError>,
    ) -> Result<R, BridgeError> {
        let live = self.live.as_mut().ok_or(BridgeError::TornDown)?;
        contain(|| act(live)).unwrap_or_else(|payload| Err(panicked(payload)))
    }

    /// The same, for who writes: an error leaves nothing of what was begun.
    fn write<R>(
        &mut self,
        into: &mut Vec<u8>,
        act: impl FnOnce(&mut Live<E, F>, &mut Vec<u8>) -> Result<R, BridgeError>,
    ) -> Result<R, BridgeError> {
        let before = into.len();
        let written = self.with(|live| act(live, into));
        if written.is_err() {
            into.truncate(before);
        }
        written
    }

    fn teardown(&mut self) -> Result<Vec<u8>, BridgeError> {
        let live = self.live.take().ok_or(BridgeError::TornDown)?;
        let mut bytes = Vec::new();
        let (report, told) = live.teardown(&mut bytes);
        self.report = Some(report);
        told.map(|()| bytes)
    }
}

/// What it holds is other people's as well: what their destructors throw ends here.
impl<E: Portable, F: Format> Drop for Core<E, F> {
    fn drop(&mut self) {
        discard(self.live.take());
        discard(self.report.take());
    }
}

/// Writes what both bridges can do.
macro_rules! bridge {
    ($Bridge:ident, $Executor:ident, { $($marker:ident)? }) => {
        impl<E: Portable> $Bridge<E> {
            /// A bridge that speaks JSON. Take spawners and shells of the executor before.
            ///
            /// ```
            /// # use serde::Serialize;
            /// # use stillpoint::bridge::{Bridge};
            /// # use stillpoint::{Executor, Operation, effects};
            /// # #[derive(Serialize)]
            /// # struct Ask;
            /// # impl Operation for Ask {
            /// #     type Output = u32;
            /// # }
            /// # #[derive(Serialize)]
            /// # struct Keys;
            /// # impl Operation for Keys {
            /// #     type Output = char;
            /// # }
            /// # effects! { enum Effect { Ask => request Ask, Keys => stream Keys, Say => notify String } }
            /// # let mut executor = Executor::<Effect>::new();
            /// # let shell = executor.shell();
            /// let mut bridge = Bridge::new(executor);
            /// shell.notify("hello".to_owned()).unwrap(); // a shell that was taken before still tells
            /// let batch = String::from_utf8(bridge.drain()?).unwrap();
            /// assert!(batch.contains(r#""operation":"hello""#));
            /// # Ok::<(), stillpoint::bridge::BridgeError>(())
            /// ```
            #[must_use]
            pub fn new(executor: $Executor<E>) -> Self {
                Self::with_format(executor, Json)
            }
        }

        impl<E: Portable, F: Format> $Bridge<E, F> {
            /// A bridge that speaks another format.
            ///
            /// ```
            /// # #[cfg(feature = "messagepack")] {
            /// use stillpoint::Executor;
            /// use stillpoint::bridge::{Bridge, MessagePack};
            /// # use stillpoint::effects;
            /// # effects! { enum Effect { Say => notify String } }
            ///
            /// let executor = Executor::<Effect>::new();
            /// executor.shell().notify("hello".to_owned()).unwrap();
            /// let mut bridge = Bridge::with_format(executor, MessagePack);
            /// let batch = bridge.drain()?;
            /// assert!(batch.starts_with(b"\x82\xa7version"), "a map of two");
            /// # }
            /// # Ok::<(), stillpoint::bridge::BridgeError>(())
            /// ```
            #[must_use]
            pub fn with_format(executor: $Executor<E>, format: F) -> Self {
                Self {
                    core: Core::new(executor.engine, format),
                    $($marker: PhantomData,)?
                }
            }

            /// Sets what it takes at most.
            ///
            /// ```
            /// # use serde::Serialize;
            /// # use stillpoint::bridge::{Bridge, BridgeError, Limits};
            /// # use stillpoint::{Executor, Operation, RequestId, effects};
            /// # #[derive(Serialize)]
            /// # struct Ask;
            /// # impl Operation for Ask {
            /// #     type Output = u32;
            /// # }
            /// # #[derive(Serialize)]
            /// # struct Keys;
            /// # impl Operation for Keys {
            /// #     type Output = char;
            /// # }
            /// # effects! { enum Effect { Ask => request Ask, Keys => stream Keys, Say => notify String } }
            /// # let mut executor = Executor::<Effect>::new();
            /// # let shell = executor.shell();
            /// let limits = Limits { bytes: 64, ..Limits::default() };
            /// drop(executor.spawn(async move { shell.request(Ask).await }));
            /// let mut bridge = Bridge::new(executor).limits(limits);
            /// bridge.run(1000)?;
            /// bridge.drain()?; // has the request, with its id
            /// let id = RequestId::from_u64(16777216);
            ///
            /// let long = bridge.resolve(id, &[b' '; 65]).unwrap_err();
            /// assert_eq!(long, BridgeError::TooLarge { bytes: 65, limit: 64 });
            /// bridge.resolve(id, b"42")?; // the request still waits for its answer
            /// # Ok::<(), stillpoint::bridge::BridgeError>(())
            /// ```
            #[must_use]
            pub fn limits(mut self, limits: Limits) -> Self {
                if let Some(live) = &mut self.core.live {
                    live.limits = limits;
                }
                self
            }

            /// Takes a turn of the executor, with at most so many polls; [`Settled::budget_spent`] says that work is
            /// left.
            ///
            /// ```
            /// # use serde::Serialize;
            /// # use stillpoint::bridge::{Bridge};
            /// # use stillpoint::{Executor, Operation, effects};
            /// # #[derive(Serialize)]
            /// # struct Ask;
            /// # impl Operation for Ask {
            /// #     type Output = u32;
            /// # }
            /// # #[derive(Serialize)]
            /// # struct Keys;
            /// # impl Operation for Keys {
            /// #     type Output = char;
            /// # }
            /// # effects! { enum Effect { Ask => request Ask, Keys => stream Keys, Say => notify String } }
            /// # let mut executor = Executor::<Effect>::new();
            /// # let shell = executor.shell();
            /// drop(executor.spawn(std::future::poll_fn(|cx| {
            ///     cx.waker().wake_by_ref(); // always busy
            ///     std::task::Poll::<()>::Pending
            /// })));
            /// let mut bridge = Bridge::new(executor);
            /// let settled = bridge.run(100)?;
            /// assert_eq!((settled.polled, settled.budget_spent), (100, true));
            /// # Ok::<(), stillpoint::bridge::BridgeError>(())
            /// ```
            ///
            /// # Errors
            ///
            /// [`BridgeError::TornDown`].
            pub fn run(&mut self, budget: usize) -> Result<Settled, BridgeError> {
                self.core.with(|live| Ok(live.run(budget)))
            }

            /// Takes what was emitted as a batch: the effects and the cancel notices in the order in which they were
            /// emitted, then the panics in theirs. What is emitted while it is written is for the next one.
            ///
            /// ```
            /// # use serde::Serialize;
            /// # use stillpoint::bridge::{Bridge};
            /// # use stillpoint::{Executor, Operation, effects};
            /// # #[derive(Serialize)]
            /// # struct Ask;
            /// # impl Operation for Ask {
            /// #     type Output = u32;
            /// # }
            /// # #[derive(Serialize)]
            /// # struct Keys;
            /// # impl Operation for Keys {
            /// #     type Output = char;
            /// # }
            /// # effects! { enum Effect { Ask => request Ask, Keys => stream Keys, Say => notify String } }
            /// # let mut executor = Executor::<Effect>::new();
            /// # let shell = executor.shell();
            /// shell.notify("hello".to_owned()).unwrap();
            /// let mut bridge = Bridge::new(executor);
            /// let item = r#"{"type":"notify","effect":"Say","operation":"hello"}"#;
            /// assert_eq!(String::from_utf8(bridge.drain()?).unwrap(), format!(r#"{{"version":1,"items":[{item}]}}"#));
            /// assert_eq!(bridge.drain()?, br#"{"version":1,"items":[]}"#, "each comes once");
            /// # Ok::<(), stillpoint::bridge::BridgeError>(())
            /// ```
            ///
            /// # Errors
            ///
            /// [`BridgeError::TornDown`]; [`BridgeError::Format`] where a [`Format`] of your own cannot write what the
            /// bridge itself has to say first. Nothing is taken then, and nothing lost.
            pub fn drain(&mut self) -> Result<Vec<u8>, BridgeError> {
                let mut bytes = Vec::new();
                self.drain_into(&mut bytes).map(|()| bytes)
            }

            /// The same, appended to a buffer that is kept for it.
            ///
            /// ```
            /// # use serde::Serialize;
            /// # use stillpoint::bridge::{Bridge};
            /// # use stillpoint::{Executor, Operation, effects};
            /// # #[derive(Serialize)]
            /// # struct Ask;
            /// # impl Operation for Ask {
            /// #     type Output = u32;
            /// # }
            /// # #[derive(Serialize)]
            /// # struct Keys;
            /// # impl Operation for Keys {
            /// #     type Output = char;
            /// # }
            /// # effects! { enum Effect { Ask => request Ask, Keys => stream Keys, Say => notify String } }
            /// # let mut executor = Executor::<Effect>::new();
            /// # let shell = executor.shell();
            /// let mut bridge = Bridge::new(executor);
            /// let mut buffer = Vec::with_capacity(4096);
            /// for text in ["one", "two"] {
            ///     shell.notify(text.to_owned()).unwrap();
            ///     buffer.clear(); // and its memory is used again
            ///     bridge.drain_into(&mut buffer)?;
            ///     assert!(buffer.windows(3).any(|window| window == text.as_bytes()));
            /// }
            /// # Ok::<(), stillpoint::bridge::BridgeError>(())
            /// ```
            ///
            /// # Errors
            ///
            /// As for [`drain`](Self::drain); the buffer is as it was then.
            pub fn drain_into(&mut self, buffer: &mut Vec<u8>) -> Result<(), BridgeError> {
                self.drain_up_to(usize::MAX, buffer).map(drop)
            }

            /// The same for who wants batches of bounded size: takes nothing further once the batch has so many bytes,
            /// its beginning counted. So it is longer by one item and the batch's end at most, and has one item at
            /// least where there is any. Gives whether there is more: that waits, in its order.
            ///
            /// ```
            /// use stillpoint::bridge::Bridge;
            /// use stillpoint::{Executor, effects};
            ///
            /// effects! {
            ///     enum Effect {
            ///         Say => notify String,
            ///     }
            /// }
            ///
            /// let executor = Executor::<Effect>::new();
            /// for word in ["one", "two"] {
            ///     executor.shell().notify(word.to_owned()).unwrap();
            /// }
            /// let mut bridge = Bridge::new(executor);
            /// let mut batch = Vec::new();
            /// assert!(bridge.drain_up_to(40, &mut batch)?, "there is more");
            /// assert!(batch.ends_with(br#""operation":"one"}]}"#));
            /// batch.clear();
            /// assert!(!bridge.drain_up_to(40, &mut batch)?);
            /// assert!(batch.ends_with(br#""operation":"two"}]}"#));
            /// # Ok::<(), stillpoint::bridge::BridgeError>(())
            /// ```
            ///
            /// # Errors
            ///
            /// As for [`drain_into`](Self::drain_into).
            pub fn drain_up_to(
                &mut self,
                bytes: usize,
                buffer: &mut Vec<u8>,
            ) -> Result<bool, BridgeError> {
                self.core.write(buffer, |live, buffer| live.drain(buffer, bytes))
            }

            /// Answers a request with an output that is written in the bridge's format.
            ///
            /// ```
            /// # use serde::Serialize;
            /// # use stillpoint::bridge::{Bridge, BridgeError};
            /// # use stillpoint::{Executor, Operation, RequestId, effects};
            /// # #[derive(Serialize)]
            /// # struct Ask;
            /// # impl Operation for Ask {
            /// #     type Output = u32;
            /// # }
            /// # #[derive(Serialize)]
            /// # struct Keys;
            /// # impl Operation for Keys {
            /// #     type Output = char;
            /// # }
            /// # effects! { enum Effect { Ask => request Ask, Keys => stream Keys, Say => notify String } }
            /// # let mut executor = Executor::<Effect>::new();
            /// # let shell = executor.shell();
            /// drop(executor.spawn(async move { shell.request(Ask).await }));
            /// let mut bridge = Bridge::new(executor);
            /// bridge.run(1000)?;
            /// bridge.drain()?; // has the request, with its id
            /// let id = RequestId::from_u64(16777216);
            ///
            /// let wrong = bridge.resolve(id, b"forty-two").unwrap_err();
            /// assert_eq!(wrong.code(), "undecodable");
            /// bridge.resolve(id, b"42")?; // the right one can still come
            /// assert_eq!(bridge.resolve(id, b"43"), Err(BridgeError::AlreadyAnswered(id)));
            /// # Ok::<(), stillpoint::bridge::BridgeError>(())
            /// ```
            ///
            /// # Errors
            ///
            /// Says why it has no effect; the request is as it was: [`BridgeError::Unknown`], [`BridgeError::Stale`],
            /// [`BridgeError::AlreadyAnswered`], [`BridgeError::WrongKind`] of a stream, [`BridgeError::TooLarge`],
            /// [`BridgeError::Undecodable`], [`BridgeError::Panicked`] in its decoding, [`BridgeError::TornDown`].
            pub fn resolve(&mut self, id: RequestId, answer: &[u8]) -> Result<(), BridgeError> {
                self.core.with(|live| live.answer(id, answer, Shape::One))
            }

            /// Fails a request, or a stream after what was sent.
            ///
            /// ```
            /// # use serde::Serialize;
            /// # use stillpoint::bridge::{Bridge};
            /// # use stillpoint::{Executor, Operation, RequestId, effects};
            /// # #[derive(Serialize)]
            /// # struct Ask;
            /// # impl Operation for Ask {
            /// #     type Output = u32;
            /// # }
            /// # #[derive(Serialize)]
            /// # struct Keys;
            /// # impl Operation for Keys {
            /// #     type Output = char;
            /// # }
            /// # effects! { enum Effect { Ask => request Ask, Keys => stream Keys, Say => notify String } }
            /// # let mut executor = Executor::<Effect>::new();
            /// # let shell = executor.shell();
            /// let task = executor.spawn(async move { shell.request(Ask).await });
            /// let mut bridge = Bridge::new(executor);
            /// bridge.run(1000)?;
            /// bridge.drain()?;
            /// bridge.fail(RequestId::from_u64(16777216), "this shell cannot do that")?;
            /// bridge.run(1000)?;
            /// let error = futures::executor::block_on(task).unwrap().unwrap_err();
            /// assert_eq!(error.to_string(), "the shell failed it: this shell cannot do that");
            /// # Ok::<(), stillpoint::bridge::BridgeError>(())
            /// ```
            ///
            /// # Errors
            ///
            /// [`BridgeError::Unknown`], [`BridgeError::Stale`], [`BridgeError::AlreadyAnswered`],
            /// [`BridgeError::TornDown`].
            pub fn fail(
                &mut self,
                id: RequestId,
                message: impl Into<String>,
            ) -> Result<(), BridgeError> {
                let message = message.into();
                self.core.with(|live| live.fail(id, message))
            }

            /// Sends an item to a stream, written in the bridge's format.
            ///
            /// ```
            /// # use serde::Serialize;
            /// # use stillpoint::bridge::{Bridge, BridgeError};
            /// # use stillpoint::{Executor, Operation, Overflow, RequestId, effects};
            /// # #[derive(Serialize)]
            /// # struct Ask;
            /// # impl Operation for Ask {
            /// #     type Output = u32;
            /// # }
            /// # #[derive(Serialize)]
            /// # struct Keys;
            /// # impl Operation for Keys {
            /// #     type Output = char;
            /// # }
            /// # effects! { enum Effect { Ask => request Ask, Keys => stream Keys, Say => notify String } }
            /// # let mut executor = Executor::<Effect>::new();
            /// # let shell = executor.shell();
            /// use futures::StreamExt;
            ///
            /// drop(executor.spawn(async move {
            ///     let keys = shell.subscribe(Keys).overflow(Overflow::Reject(1));
            ///     keys.collect::<String>().await
            /// }));
            /// let mut bridge = Bridge::new(executor);
            /// bridge.run(1000)?;
            /// bridge.drain()?;
            /// let id = RequestId::from_u64(16777216);
            /// bridge.send(id, br#""a""#)?;
            /// assert_eq!(bridge.send(id, br#""b""#), Err(BridgeError::Full(id)));
            /// bridge.run(1000)?; // takes the first
            /// bridge.send(id, br#""b""#)?;
            /// # Ok::<(), stillpoint::bridge::BridgeError>(())
            /// ```
            ///
            /// # Errors
            ///
            /// As for [`resolve`](Self::resolve), with [`BridgeError::WrongKind`] of a request, and
            /// [`BridgeError::Full`]: the item can be sent again once the core has taken some.
            pub fn send(&mut self, id: RequestId, item: &[u8]) -> Result<(), BridgeError> {
                self.core.with(|live| live.answer(id, item, Shape::Many))
            }

            /// Ends a stream, after what was sent.
            ///
            /// ```
            /// # use serde::Serialize;
            /// # use stillpoint::bridge::{Bridge};
            /// # use stillpoint::{Executor, Operation, RequestId, effects};
            /// # #[derive(Serialize)]
            /// # struct Ask;
            /// # impl Operation for Ask {
            /// #     type Output = u32;
            /// # }
            /// # #[derive(Serialize)]
            /// # struct Keys;
            /// # impl Operation for Keys {
            /// #     type Output = char;
            /// # }
            /// # effects! { enum Effect { Ask => request Ask, Keys => stream Keys, Say => notify String } }
            /// # let mut executor = Executor::<Effect>::new();
            /// # let shell = executor.shell();
            /// use futures::StreamExt;
            ///
            /// let task = executor.spawn(async move { shell.subscribe(Keys).collect::<String>().await });
            /// let mut bridge = Bridge::new(executor);
            /// bridge.run(1000)?;
            /// bridge.drain()?; // has the stream, with its id
            /// let id = RequestId::from_u64(16777216);
            ///
            /// bridge.send(id, br#""a""#)?;
            /// bridge.end(id)?;
            /// bridge.run(1000)?;
            /// assert_eq!(futures::executor::block_on(task).unwrap(), "a");
            /// # Ok::<(), stillpoint::bridge::BridgeError>(())
            /// ```
            ///
            /// # Errors
            ///
            /// As for [`fail`](Self::fail), and [`BridgeError::WrongKind`] of a request.
            pub fn end(&mut self, id: RequestId) -> Result<(), BridgeError> {
                self.core.with(|live| live.end(id))
            }

            /// Takes a look at the tasks and requests that it holds, as far as the mailbox is taken in. A request's
            /// `effect` is null until a batch has had one of its variant.
            ///
            /// ```
            /// # use serde::Serialize;
            /// # use stillpoint::bridge::{Bridge};
            /// # use stillpoint::{Executor, Operation, RequestId, effects};
            /// # #[derive(Serialize)]
            /// # struct Ask;
            /// # impl Operation for Ask {
            /// #     type Output = u32;
            /// # }
            /// # #[derive(Serialize)]
            /// # struct Keys;
            /// # impl Operation for Keys {
            /// #     type Output = char;
            /// # }
            /// # effects! { enum Effect { Ask => request Ask, Keys => stream Keys, Say => notify String } }
            /// # let mut executor = Executor::<Effect>::new();
            /// # let shell = executor.shell();
            /// drop(executor.spawner().name("asker").spawn(async move { shell.request(Ask).await }));
            /// let mut bridge = Bridge::new(executor);
            /// bridge.run(1000)?;
            /// bridge.drain()?; // has the request, with its id
            ///
            /// let snapshot: serde_json::Value = serde_json::from_slice(&bridge.snapshot()?).unwrap();
            /// assert_eq!(snapshot["tasks"][0]["name"], "asker");
            /// let request = &snapshot["requests"][0];
            /// assert!(request["effect"] == "Ask" && request["state"] == "taken");
            /// # let _ = RequestId::from_u64;
            /// # Ok::<(), stillpoint::bridge::BridgeError>(())
            /// ```
            ///
            /// # Errors
            ///
            /// [`BridgeError::TornDown`]; [`BridgeError::Format`] where a [`Format`] of your own cannot write it.
            pub fn snapshot(&mut self) -> Result<Vec<u8>, BridgeError> {
                let mut bytes = Vec::new();
                let look = |live: &mut Live<E, F>, bytes: &mut Vec<u8>| live.snapshot(bytes);
                self.core.write(&mut bytes, look).map(|()| bytes)
            }

            /// Comes to rest, as the executor's teardown does, and gives the last batch: the notices and notifications
            /// that the shell has not seen, panics, and the report as its last item. It is as long as that takes: who
            /// wants batches of bounded size drains before.
            ///
            /// ```
            /// # use serde::Serialize;
            /// # use stillpoint::bridge::{Bridge, BridgeError};
            /// # use stillpoint::{Executor, Operation, RequestId, effects};
            /// # #[derive(Serialize)]
            /// # struct Ask;
            /// # impl Operation for Ask {
            /// #     type Output = u32;
            /// # }
            /// # #[derive(Serialize)]
            /// # struct Keys;
            /// # impl Operation for Keys {
            /// #     type Output = char;
            /// # }
            /// # effects! { enum Effect { Ask => request Ask, Keys => stream Keys, Say => notify String } }
            /// # let mut executor = Executor::<Effect>::new();
            /// # let shell = executor.shell();
            /// drop(executor.spawn(async move { shell.request(Ask).await }));
            /// let mut bridge = Bridge::new(executor);
            /// bridge.run(1000)?;
            /// bridge.drain()?; // has the request, with its id
            /// let id = RequestId::from_u64(16777216);
            ///
            /// let last: serde_json::Value = serde_json::from_slice(&bridge.teardown()?).unwrap();
            /// let (cancelled, report) = (&last["items"][0], &last["items"][1]);
            /// assert!(cancelled["type"] == "cancelled" && cancelled["id"] == id.to_u64());
            /// assert!(report["type"] == "report" && report["isBaseline"] == true);
            /// assert_eq!(bridge.resolve(id, b"42"), Err(BridgeError::TornDown));
            /// # Ok::<(), stillpoint::bridge::BridgeError>(())
            /// ```
            ///
            /// # Errors
            ///
            /// [`BridgeError::TornDown`] where it is so already; [`BridgeError::Format`] where a [`Format`] of your own
            /// cannot write what the bridge itself says. It is torn down then all the same, and the
            /// [report](Self::report) has what the shell was not told.
            pub fn teardown(&mut self) -> Result<Vec<u8>, BridgeError> {
                self.core.teardown()
            }

            /// The report of its teardown, of which some can be asked at any later time, such as
            /// [`is_unloadable`](Teardown::is_unloadable). Its `emitted` is empty: it was in the last batch, unless a
            /// [`Format`] of your own would not write that.
            ///
            /// ```
            /// # use serde::Serialize;
            /// # use stillpoint::bridge::{Bridge};
            /// # use stillpoint::{Executor, Operation, effects};
            /// # #[derive(Serialize)]
            /// # struct Ask;
            /// # impl Operation for Ask {
            /// #     type Output = u32;
            /// # }
            /// # #[derive(Serialize)]
            /// # struct Keys;
            /// # impl Operation for Keys {
            /// #     type Output = char;
            /// # }
            /// # effects! { enum Effect { Ask => request Ask, Keys => stream Keys, Say => notify String } }
            /// # let mut executor = Executor::<Effect>::new();
            /// # let shell = executor.shell();
            /// let mut bridge = Bridge::new(executor);
            /// assert!(bridge.report().is_none());
            /// bridge.teardown()?;
            /// let report = bridge.report().unwrap();
            /// assert!(report.is_baseline() && !report.is_unloadable(), "a shell is out");
            /// drop(shell);
            /// assert!(report.is_unloadable(), "so a host that frees the bridge now may unload the library");
            /// # Ok::<(), stillpoint::bridge::BridgeError>(())
            /// ```
            #[must_use]
            pub fn report(&self) -> Option<&Teardown<E>> {
                self.core.report.as_ref()
            }
        }

        /// Counts of what its executor holds, or that it is torn down.
        impl<E: Portable, F: Format> fmt::Debug for $Bridge<E, F> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut bridge = f.debug_tuple(stringify!($Bridge));
                match &self.core.live {
                    Some(live) => bridge.field(live.engine()).finish(),
                    None => bridge.field(&format_args!("torn down")).finish(),
                }
            }
        }
    };
}

/// An [`Executor`] behind bytes; the [module](self) says what always holds.
///
/// Dropping it drops the executor, and with it every future and every request; what the shell has not seen is
/// discarded.
///
/// ```
/// use serde::Serialize;
/// use stillpoint::bridge::{Bridge, BridgeError};
/// use stillpoint::{effects, Executor, Operation, RequestId};
///
/// #[derive(Serialize)]
/// struct HttpGet {
///     url: &'static str,
/// }
/// impl Operation for HttpGet {
///     type Output = Vec<u32>;
/// }
/// #[derive(Serialize)]
/// struct Render(u32);
///
/// effects! {
///     enum Effect {
///         Http => request HttpGet,
///         Render => notify Render,
///     }
/// }
///
/// let mut executor = Executor::<Effect>::new();
/// let shell = executor.shell();
/// drop(executor.spawn(async move {
///     let numbers = shell.request(HttpGet { url: "/" }).await.unwrap();
///     shell.notify(Render(numbers.iter().sum())).unwrap();
/// }));
///
/// let mut bridge = Bridge::new(executor);
/// bridge.run(1000)?;
/// let batch = String::from_utf8(bridge.drain()?).unwrap();
/// assert_eq!(
///     batch,
///     r#"{"version":1,"items":[{"type":"request","id":16777216,"effect":"Http","operation":{"url":"/"}}]}"#
/// );
/// let id = RequestId::from_u64(16777216);
/// let wrong = bridge.resolve(id, br#"[1, "2"]"#).unwrap_err();
/// assert!(wrong.to_string().starts_with("the answer to `Http` 16777216 does not decode at `[1]`: "));
/// bridge.resolve(id, b"[1, 2]")?;
///
/// bridge.run(1000)?;
/// let batch = String::from_utf8(bridge.drain()?).unwrap();
/// assert_eq!(batch, r#"{"version":1,"items":[{"type":"notify","effect":"Render","operation":3}]}"#);
///
/// bridge.teardown()?;
/// bridge.report().unwrap().assert_baseline();
/// assert_eq!(bridge.run(1000), Err(BridgeError::TornDown));
/// # Ok::<(), BridgeError>(())
/// ```
pub struct Bridge<E: Portable, F: Format = Json> {
    core: Core<E, F>,
}

bridge!(Bridge, Executor, {});

/// A [`LocalExecutor`] behind bytes: a [`Bridge`] whose tasks stay on their thread, as it does itself.
///
/// Dropping it drops the executor, and with it every future and every request; what the shell has not seen is
/// discarded.
///
/// ```
/// use std::rc::Rc;
/// use stillpoint::bridge::LocalBridge;
/// use stillpoint::{effects, LocalExecutor};
///
/// effects! {
///     enum Effect {
///         Say => notify String,
///     }
/// }
///
/// let mut executor = LocalExecutor::<Effect>::new();
/// let (shell, text) = (executor.shell(), Rc::new("hello"));
/// drop(executor.spawn_local(async move { shell.notify(text.to_string()).unwrap() }));
///
/// let mut bridge = LocalBridge::new(executor);
/// bridge.run(1000)?;
/// let batch = String::from_utf8(bridge.drain()?).unwrap();
/// assert_eq!(batch, r#"{"version":1,"items":[{"type":"notify","effect":"Say","operation":"hello"}]}"#);
/// # Ok::<(), stillpoint::bridge::BridgeError>(())
/// ```
pub struct LocalBridge<E: Portable, F: Format = Json> {
    core: Core<E, F>,
    bound: PhantomData<*const ()>,
}

bridge!(LocalBridge, LocalExecutor, { bound });
