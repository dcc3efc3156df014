//! The bridge, as a shell in another language sees it: bytes in, bytes out.
#![cfg(feature = "bridge")]

mod errors;
mod faults;
mod flow;
mod hostile;
mod machine;
mod random;
mod shapes;
mod vectors;
mod wire;

use std::sync::{Arc, Mutex};

use serde::de::{Deserializer, Error as _};
use serde::ser::{Error as _, SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;
#[cfg(feature = "messagepack")]
use stillpoint::bridge::MessagePack;
use stillpoint::bridge::{Bridge, BridgeError, Format, Json};
use stillpoint::{Executor, Operation, RequestId, Shell, effects};

#[derive(Serialize)]
pub(crate) struct Ask(pub(crate) u32);
impl Operation for Ask {
    type Output = u32;
}

#[derive(Serialize)]
pub(crate) struct Find {
    pub(crate) name: &'static str,
}
impl Operation for Find {
    type Output = Person;
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) ages: Vec<u8>,
}

#[derive(Serialize)]
pub(crate) struct Ticks;
impl Operation for Ticks {
    type Output = u32;
}

#[derive(Serialize)]
pub(crate) struct Say(pub(crate) String);

/// An operation whose writing goes wrong.
#[derive(Clone, Copy)]
pub(crate) enum Odd {
    Fails,
    FailsHalfway,
    Panics,
}
impl Operation for Odd {
    type Output = u32;
}
impl Serialize for Odd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Fails => Err(S::Error::custom("as it should")),
            Self::FailsHalfway => {
                let mut list = serializer.serialize_seq(Some(2))?;
                list.serialize_element("written")?;
                Err(S::Error::custom("in the midst of it"))
            }
            Self::Panics => panic!("as it should"),
        }
    }
}

/// The same as a notification.
pub(crate) struct OddSay(pub(crate) Odd);
impl Serialize for OddSay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// An operation whose answers panic when they are read as 13.
#[derive(Serialize)]
pub(crate) struct Touch;
impl Operation for Touch {
    type Output = Touchy;
}
pub(crate) struct Touchy(pub(crate) u32);
impl<'de> Deserialize<'de> for Touchy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            13 => panic!("of all numbers"),
            14 => Err(D::Error::custom("nor that one")),
            number => Ok(Self(number)),
        }
    }
}

/// Nested as deeply as one likes, as an enum is.
#[derive(Serialize)]
pub(crate) struct Dig;
impl Operation for Dig {
    type Output = Hole;
}
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Hole {
    Bottom,
    Deeper(Box<Hole>),
}

effects! {
    pub(crate) enum Effect {
        Ask => request Ask,
        Find => request Find,
        Ticks => stream Ticks,
        Say => notify Say,
        Odd => request Odd,
        OddSay => notify OddSay,
        Touch => request Touch,
        Dig => request Dig,
    }
}

/// What the core saw, in order.
#[derive(Clone, Default)]
pub(crate) struct Trace(Arc<Mutex<Vec<String>>>);

impl Trace {
    pub(crate) fn push(&self, event: impl Into<String>) {
        self.0.lock().unwrap().push(event.into());
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A bridge with what a test looks at.
pub(crate) struct Scene<F: Format> {
    pub(crate) bridge: Bridge<Effect, F>,
    pub(crate) format: F,
    pub(crate) trace: Trace,
}

impl<F: Format + Copy> Scene<F> {
    /// `build` spawns the core's tasks.
    pub(crate) fn new(
        format: F,
        build: impl FnOnce(&mut Executor<Effect>, Shell<Effect>, Trace),
    ) -> Self {
        let mut executor = Executor::new();
        let (shell, trace) = (executor.shell(), Trace::default());
        build(&mut executor, shell, trace.clone());
        Self {
            bridge: Bridge::with_format(executor, format),
            format,
            trace,
        }
    }

    /// Takes a turn, and what it emitted.
    pub(crate) fn turn(&mut self) -> Vec<Value> {
        self.bridge.run(1000).unwrap();
        self.drain()
    }

    pub(crate) fn drain(&mut self) -> Vec<Value> {
        let bytes = self.bridge.drain().unwrap();
        items(self.format, &bytes)
    }

    pub(crate) fn write(&self, value: impl Serialize) -> Vec<u8> {
        write(self.format, value)
    }

    pub(crate) fn snapshot(&mut self) -> Value {
        let bytes = self.bridge.snapshot().unwrap();
        self.format.read(&bytes, 127).unwrap()
    }

    /// Tears down at its baseline.
    pub(crate) fn teardown(mut self) -> Vec<Value> {
        let bytes = self.bridge.teardown().unwrap();
        let report = self.bridge.report().unwrap();
        report.assert_baseline();
        assert_eq!(
            (report.outstanding.resolvers, report.outstanding.feeds),
            (0, 0)
        );
        items(self.format, &bytes)
    }
}

pub(crate) fn write(format: impl Format, value: impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    format.write(&value, &mut bytes).unwrap();
    bytes
}

/// The items of a batch of this version.
pub(crate) fn items(format: impl Format, batch: &[u8]) -> Vec<Value> {
    #[derive(Deserialize)]
    struct Batch {
        version: u32,
        items: Vec<Value>,
    }
    let batch: Batch = format.read(batch, 127).unwrap();
    assert_eq!(batch.version, stillpoint::bridge::VERSION);
    batch.items
}

/// `request Ask`, `cancelled`: each item in short.
pub(crate) fn short(items: &[Value]) -> Vec<String> {
    let short = |item: &Value| match item["effect"].as_str() {
        Some(effect) => format!("{} {effect}", item["type"].as_str().unwrap()),
        None => item["type"].as_str().unwrap().to_owned(),
    };
    items.iter().map(short).collect()
}

/// The id of an item.
pub(crate) fn id(item: &Value) -> RequestId {
    RequestId::from_u64(item["id"].as_u64().unwrap())
}

/// Writes a test once for each format.
macro_rules! in_each_format {
    ($( $(#[$attribute:meta])* fn $name:ident($format:ident) $body:block )*) => { $(
        $(#[$attribute])*
        fn $name() {
            fn act<F: Format + Copy>($format: F) $body
            act(Json);
            #[cfg(feature = "messagepack")]
            act(MessagePack);
        }
    )* };
}
pub(crate) use in_each_format;
