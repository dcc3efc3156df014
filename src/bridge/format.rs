//! How what crosses is written down.

use std::io::Write;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::nesting;

/// A way to write values down as bytes: [`Json`], [`MessagePack`] with that feature, or one of your own.
///
/// A batch is written item by item, so that one which cannot be written costs no other: the [frame](Self::FRAME) is
/// data, and each item goes through [`write`](Self::write), which can only append. What either method panics with ends
/// in the bridge. A format has to be able to write structs of numbers, texts, options and lists, which is what the
/// bridge's own items are. Where it refuses one nothing is lost: the batch ends before it, and the next one begins with
/// it.
///
/// ```
/// use stillpoint::bridge::{Format, Json};
///
/// let mut bytes = Vec::new();
/// Json.write(&("a", 1), &mut bytes).unwrap();
/// assert_eq!(bytes, br#"["a",1]"#);
///
/// let error = Json.read::<Vec<u32>>(b"[1,true]", 10).unwrap_err();
/// assert_eq!(error.path, "[1]");
/// assert!(Json.read::<Vec<Vec<u32>>>(b"[[]]", 1).unwrap_err().message.contains("deeper than 1"));
/// ```
pub trait Format: Send + 'static {
    /// What stands around the items of a batch.
    const FRAME: Frame;

    /// What stands around the values of an effect's item, where that is known beforehand.
    #[doc(hidden)]
    const __ITEM: Option<Pieces> = None;

    /// Appends one value. What it appends before an error is taken away again.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use stillpoint::bridge::{Format, Json};
    ///
    /// let unwritable = BTreeMap::from([(vec![1], "JSON has no keys but texts")]);
    /// let error = Json.write(&unwritable, &mut Vec::new()).unwrap_err();
    /// assert_eq!(error, "key must be a string");
    /// ```
    ///
    /// # Errors
    ///
    /// Says why the value cannot be written.
    fn write<T: Serialize + ?Sized>(&self, value: &T, into: impl Write) -> Result<(), String>;

    /// Reads the one value that these bytes are, nested at most so deeply. It is called under no borrow and no lock.
    ///
    /// [`Json`] and [`MessagePack`] read bytes that err a second time, to find the place: whoever errs pays for that,
    /// and nobody else. A `Deserialize` that does more than read does it twice then.
    ///
    /// ```
    /// use stillpoint::bridge::{Format, Json};
    ///
    /// assert_eq!(Json.read::<Vec<Vec<u32>>>(b"[[1], [2, 3]]", 2).unwrap(), [vec![1], vec![2, 3]]);
    /// assert!(Json.read::<Vec<Vec<u32>>>(b"[[1], [2, 3]]", 1).is_err(), "it is nested too deeply");
    /// assert!(Json.read::<u32>(b"1 2", 1).is_err(), "it is two values");
    /// ```
    ///
    /// # Errors
    ///
    /// Says why they are none, and where.
    fn read<T: DeserializeOwned>(&self, bytes: &[u8], depth: usize) -> Result<T, Malformed>;
}

/// What stands around the items of a batch: `before`, then how many they are where a format has to say so first, then
/// the items with `between` between them, then `after`. It is data and no code, so that a batch which is begun is
/// always ended. It says the [`VERSION`](super::VERSION) as well.
///
/// ```
/// use stillpoint::bridge::{Count, Frame};
///
/// // A map of two, `version` and `items`, as CBOR has it: a list there needs no count, if a byte ends it.
/// const CBOR: Frame = Frame {
///     before: b"\xa2\x67version\x01\x65items\x9f",
///     count: None,
///     between: b"",
///     after: b"\xff",
/// };
/// // A number of four bytes, then a list, as bincode has it: the list begins with its length.
/// const BINCODE: Frame = Frame {
///     before: &1u32.to_le_bytes(),
///     count: Some(Count::LittleEndian64),
///     between: b"",
///     after: b"",
/// };
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What a batch begins with.
    pub before: &'static [u8],
    /// How the number of items is written, after `before`; `None` where it is not.
    pub count: Option<Count>,
    /// What stands between two items.
    pub between: &'static [u8],
    /// What a batch ends with.
    pub after: &'static [u8],
}

/// What an effect's item is written with but its values: most of it, and always the same.
#[derive(Clone, Copy)]
pub struct Pieces {
    /// Up to the id; of a notification, up to the name of the effect.
    pub(super) request: &'static [u8],
    pub(super) stream: &'static [u8],
    pub(super) notify: &'static [u8],
    /// Between the id and the name.
    pub(super) effect: &'static [u8],
    /// Between the name and the operation.
    pub(super) operation: &'static [u8],
    pub(super) end: &'static [u8],
}

/// How many items a batch has, as a number of a fixed width: it is written over once they are known.
///
/// ```
/// # #[cfg(feature = "messagepack")] {
/// use stillpoint::bridge::{Count, Format, Json, MessagePack};
///
/// assert_eq!(Json::FRAME.count, None, "a list of JSON ends where it ends");
/// assert_eq!(MessagePack::FRAME.count, Some(Count::BigEndian32));
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Count {
    /// Four bytes, the highest first.
    BigEndian32,
    /// Four bytes, the lowest first.
    LittleEndian32,
    /// Eight bytes, the highest first.
    BigEndian64,
    /// Eight bytes, the lowest first.
    LittleEndian64,
}

/// What is wrong with bytes that are no value of the type that is wanted.
///
/// ```
/// use stillpoint::bridge::{Format, Json};
///
/// let error = Json.read::<Vec<(u32, String)>>(br#"[[1, "one"], [2, 3]]"#, 10).unwrap_err();
/// assert_eq!(error.path, "[1][1]");
/// assert!(error.message.starts_with("invalid type: integer `3`, expected a string"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Where, such as `user.ages[2]`; empty for all of it.
    pub path: String,
    /// What.
    pub message: String,
}

impl Malformed {
    fn whole(message: impl Into<String>) -> Self {
        Self {
            path: String::new(),
            message: message.into(),
        }
    }

    fn too_deep(limit: usize) -> Self {
        Self::whole(format!("nested deeper than {limit}"))
    }

    /// Reads once more to find the place: only who errs pays for it.
    fn located<'de, T, D>(message: String, deserializer: D) -> Self
    where
        T: DeserializeOwned,
        D: serde::Deserializer<'de>,
    {
        let again = serde_path_to_error::deserialize::<_, T>(deserializer);
        let path = match again {
            Err(error) if error.path().iter().next().is_some() => error.path().to_string(),
            _ => String::new(),
        };
        Self { path, message }
    }
}

/// JSON, by `serde_json`. Its depth is at most 127.
///
/// ```
/// use stillpoint::bridge::{Format, Json};
///
/// #[derive(serde::Serialize)]
/// struct HttpGet {
///     url: &'static str,
///     retries: Option<u32>,
/// }
///
/// let mut bytes = Vec::new();
/// Json.write(&HttpGet { url: "/", retries: None }, &mut bytes).unwrap();
/// assert_eq!(bytes, br#"{"url":"/","retries":null}"#);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json;

impl Format for Json {
    const FRAME: Frame = Frame {
        before: b"{\"version\":1,\"items\":[",
        count: None,
        between: b",",
        after: b"]}",
    };

    const __ITEM: Option<Pieces> = Some(Pieces {
        request: br#"{"type":"request","id":"#,
        stream: br#"{"type":"stream","id":"#,
        notify: br#"{"type":"notify","effect":"#,
        effect: br#","effect":"#,
        operation: br#","operation":"#,
        end: b"}",
    });

    fn write<T: Serialize + ?Sized>(&self, value: &T, into: impl Write) -> Result<(), String> {
        serde_json::to_writer(into, value).map_err(|error| error.to_string())
    }

    fn read<T: DeserializeOwned>(&self, bytes: &[u8], depth: usize) -> Result<T, Malformed> {
        let depth = depth.min(nesting::DEEPEST);
        if !nesting::json(bytes, depth) {
            return Err(Malformed::too_deep(depth));
        }
        serde_json::from_slice(bytes).map_err(|error| {
            let mut again = serde_json::Deserializer::from_slice(bytes);
            Malformed::located::<T, _>(error.to_string(), &mut again)
        })
    }
}

/// MessagePack, by `rmp-serde`: structs are maps with the names of their fields. Its depth is at most 127.
///
/// ```
/// use stillpoint::bridge::{Format, MessagePack};
///
/// let mut bytes = Vec::new();
/// MessagePack.write(&f64::NAN, &mut bytes).unwrap();
/// assert_eq!(bytes.len(), 9);
/// assert!(MessagePack.read::<f64>(&bytes, 1).unwrap().is_nan(), "which JSON cannot hold");
/// ```
#[cfg(feature = "messagepack")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessagePack;

#[cfg(feature = "messagepack")]
impl Format for MessagePack {
    /// A map of two: the version as a number of four bytes, and a list whose length has four as well.
    const FRAME: Frame = Frame {
        before: b"\x82\xa7version\xce\x00\x00\x00\x01\xa5items\xdd",
        count: Some(Count::BigEndian32),
        between: b"",
        after: b"",
    };

    const __ITEM: Option<Pieces> = Some(Pieces {
        request: b"\x84\xa4type\xa7request\xa2id",
        stream: b"\x84\xa4type\xa6stream\xa2id",
        notify: b"\x83\xa4type\xa6notify\xa6effect",
        effect: b"\xa6effect",
        operation: b"\xa9operation",
        end: b"",
    });

    fn write<T: Serialize + ?Sized>(&self, value: &T, into: impl Write) -> Result<(), String> {
        // As `write_named` does, with a configuration that is known to the compiler.
        let mut serializer = rmp_serde::Serializer::new(into).with_struct_map();
        let written = value.serialize(&mut serializer);
        written.map_err(|error| error.to_string())
    }

    fn read<T: DeserializeOwned>(&self, bytes: &[u8], depth: usize) -> Result<T, Malformed> {
        let depth = depth.min(nesting::DEEPEST);
        match nesting::messagepack(bytes, depth) {
            nesting::Nesting::TooDeep => return Err(Malformed::too_deep(depth)),
            nesting::Nesting::Within(length) if length < bytes.len() => {
                return Err(Malformed::whole("there are bytes after the value"));
            }
            // Nothing counts the depth of what is not read as it was measured.
            nesting::Nesting::Broken => return Err(Malformed::whole("it is not one whole value")),
            nesting::Nesting::Within(_) => {}
        }
        rmp_serde::from_slice(bytes).map_err(|error| {
            let mut again = rmp_serde::Deserializer::from_read_ref(bytes);
            Malformed::located::<T, _>(error.to_string(), &mut again)
        })
    }
}
