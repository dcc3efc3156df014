//! How what crosses is written down.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::nesting;

/// A way to write values down as bytes: [`Json`], [`MessagePack`] with that feature, or one of your own.
///
/// A batch is written item by item, so that one which cannot be written costs no other: by [`open`](Self::open), then
/// each item by [`write`](Self::write) with [`separate`](Self::separate) between them, then [`close`](Self::close). It has
/// to be able to write structs of numbers, texts and options, which is what the bridge's own items are. What it panics
/// with ends in the bridge.
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
    /// Appends one value. What it appends before an error is taken away again.
    ///
    /// # Errors
    ///
    /// Says why the value cannot be written.
    fn write<T: Serialize + ?Sized>(&self, value: &T, into: &mut Vec<u8>) -> Result<(), String>;

    /// Reads the one value that these bytes are, nested at most so deeply. It is called under no borrow and no lock.
    ///
    /// # Errors
    ///
    /// Says why they are none, and where.
    fn read<T: DeserializeOwned>(&self, bytes: &[u8], depth: usize) -> Result<T, Malformed>;

    /// Appends the beginning of a batch of this version.
    fn open(&self, version: u32, into: &mut Vec<u8>);

    /// Appends what stands between two items.
    fn separate(&self, _into: &mut Vec<u8>) {}

    /// Appends the end of the batch that begins at this place, with so many items.
    fn close(&self, begin: usize, items: u32, into: &mut Vec<u8>);
}

/// What is wrong with bytes that are no value of the type that is wanted.
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json;

impl Format for Json {
    fn write<T: Serialize + ?Sized>(&self, value: &T, into: &mut Vec<u8>) -> Result<(), String> {
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

    fn open(&self, version: u32, into: &mut Vec<u8>) {
        into.extend_from_slice(b"{\"version\":");
        // A number is always written.
        let _ = self.write(&version, into);
        into.extend_from_slice(b",\"items\":[");
    }

    fn separate(&self, into: &mut Vec<u8>) {
        into.push(b',');
    }

    fn close(&self, _begin: usize, _items: u32, into: &mut Vec<u8>) {
        into.extend_from_slice(b"]}");
    }
}

/// MessagePack, by `rmp-serde`: structs are maps with the names of their fields. Its depth is at most 127.
#[cfg(feature = "messagepack")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessagePack;

#[cfg(feature = "messagepack")]
impl MessagePack {
    /// A map of two.
    const HEAD: &[u8] = b"\x82\xa7version\xce";
    /// Its second key, and an array whose length is four bytes.
    const ITEMS: &[u8] = b"\xa5items\xdd";
    /// Where those four bytes lie.
    const COUNT: usize = Self::HEAD.len() + 4 + Self::ITEMS.len();
}

#[cfg(feature = "messagepack")]
impl Format for MessagePack {
    fn write<T: Serialize + ?Sized>(&self, value: &T, into: &mut Vec<u8>) -> Result<(), String> {
        rmp_serde::encode::write_named(into, value).map_err(|error| error.to_string())
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

    fn open(&self, version: u32, into: &mut Vec<u8>) {
        into.extend_from_slice(Self::HEAD);
        into.extend_from_slice(&version.to_be_bytes());
        into.extend_from_slice(Self::ITEMS);
        into.extend_from_slice(&[0; 4]);
    }

    fn close(&self, begin: usize, items: u32, into: &mut Vec<u8>) {
        let count = begin + Self::COUNT;
        into[count..count + 4].copy_from_slice(&items.to_be_bytes());
    }
}
