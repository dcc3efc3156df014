//! What a batch is made of.

use serde::Serialize;

use super::Format;
use super::format::{Count, Pieces};
use crate::contain::{contain, discard, message};
use crate::meta::TaskPanic;
use crate::plain::PlainReport;
use crate::portable::Kind;

/// The version of the wire form, which every batch and snapshot bears: see docs/WIRE.md.
///
/// ```
/// use stillpoint::bridge::{Format, Json, VERSION};
///
/// let begin = format!(r#"{{"version":{VERSION},"items":["#);
/// assert_eq!(Json::FRAME.before, begin.as_bytes());
/// ```
pub const VERSION: u32 = 1;

/// What is asked of the shell, or told to it, by the core.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub(super) enum Item<'a, T> {
    Request {
        id: u64,
        effect: &'static str,
        operation: &'a T,
    },
    Stream {
        id: u64,
        effect: &'static str,
        operation: &'a T,
    },
    Notify {
        effect: &'static str,
        operation: &'a T,
    },
}

impl<T: Serialize> Item<'_, T> {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Request { .. } => Kind::Request,
            Self::Stream { .. } => Kind::Stream,
            Self::Notify { .. } => Kind::Notify,
        }
    }

    /// As the format would, which knows most of it. `naming` is what it says of the effect's name.
    fn write_by<F: Format>(
        &self,
        pieces: &Pieces,
        naming: &[u8],
        format: &F,
        into: &mut Vec<u8>,
    ) -> Result<(), String> {
        let (begin, id, operation) = match *self {
            Self::Request { id, operation, .. } => (pieces.request, Some(id), operation),
            Self::Stream { id, operation, .. } => (pieces.stream, Some(id), operation),
            Self::Notify { operation, .. } => (pieces.notify, None, operation),
        };
        into.extend_from_slice(begin);
        if let Some(id) = id {
            format.write(&id, &mut *into)?;
        }
        into.extend_from_slice(naming);
        format.write(operation, &mut *into)?;
        into.extend_from_slice(pieces.end);
        Ok(())
    }
}

/// What stands between the id of what is asked and its operation, where the format says so beforehand: it is the same
/// for each of an effect.
pub(super) fn naming<F: Format>(format: &F, effect: &str, kind: Kind) -> Option<Box<[u8]>> {
    let pieces = F::__ITEM?;
    let mut naming = match kind {
        Kind::Notify => Vec::new(),
        Kind::Request | Kind::Stream => pieces.effect.to_vec(),
    };
    contained(|| format.write(effect, &mut naming)).ok()?;
    naming.extend_from_slice(pieces.operation);
    Some(naming.into())
}

/// What the bridge itself says.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub(super) enum Own {
    Cancelled {
        id: u64,
    },
    Panic(Panicked),
    /// An operation that could not be written.
    Unwritable {
        id: Option<u64>,
        effect: Option<&'static str>,
        message: String,
    },
    Report(Box<PlainReport>),
}

/// A panic that nobody learns of by joining its task.
#[derive(Serialize)]
pub(super) struct Panicked {
    task: String,
    name: Option<&'static str>,
    place: String,
    message: String,
}

impl Panicked {
    pub(super) fn new(panic: &TaskPanic) -> Self {
        Self {
            task: panic.task.to_string(),
            name: panic.name,
            place: panic.place.to_string(),
            message: panic.message().to_owned(),
        }
    }
}

/// A batch that is being written.
pub(super) struct Batch<'a, F> {
    format: &'a F,
    bytes: &'a mut Vec<u8>,
    begin: usize,
    items: u32,
    /// It takes no further item once it has so many bytes.
    enough: usize,
    /// What the bridge has to say and the format would not write: the batch takes nothing more, since all has its
    /// order.
    untold: Option<Box<Untold>>,
}

/// What the bridge has to say, and why the format would not write it.
pub(super) struct Untold {
    pub(super) own: Own,
    pub(super) why: String,
}

impl<'a, F: Format> Batch<'a, F> {
    pub(super) fn open(format: &'a F, bytes: &'a mut Vec<u8>, enough: usize) -> Self {
        let begin = bytes.len();
        bytes.extend_from_slice(F::FRAME.before);
        if let Some(count) = F::FRAME.count {
            count.put(0, bytes);
        }
        Self {
            format,
            bytes,
            begin,
            items: 0,
            enough,
            untold: None,
        }
    }

    /// Whether it takes another item.
    pub(super) fn has_room(&self) -> bool {
        let is_begun = self.items > 0;
        let is_full = is_begun && self.bytes.len() - self.begin >= self.enough;
        !is_full && self.untold.is_none() && self.items < u32::MAX
    }

    /// Writes an effect whole, or says why it cannot be written and writes nothing. `naming` is its [`naming`].
    pub(super) fn put<T: Serialize>(
        &mut self,
        item: &Item<'_, T>,
        naming: Option<&[u8]>,
    ) -> Result<(), String> {
        self.append(|format, into| match (&F::__ITEM, naming) {
            (Some(pieces), Some(naming)) => item.write_by(pieces, naming, format, into),
            _ => format.write(item, into),
        })
    }

    fn append(
        &mut self,
        write: impl FnOnce(&F, &mut Vec<u8>) -> Result<(), String>,
    ) -> Result<(), String> {
        let before = self.bytes.len();
        if self.items > 0 {
            self.bytes.extend_from_slice(F::FRAME.between);
        }
        let written = contained(|| write(self.format, self.bytes));
        match &written {
            Ok(()) => self.items += 1,
            Err(_) => self.bytes.truncate(before),
        }
        written
    }

    /// Says something of the bridge's own, or keeps it, where the format is one of somebody's own that cannot write it.
    pub(super) fn tell(&mut self, own: Own) {
        if let Err(why) = self.append(|format, into| format.write(&own, into)) {
            self.untold = Some(Box::new(Untold { own, why }));
        }
    }

    /// Ends it. Gives what is kept to be told, and why it was not.
    #[must_use]
    pub(super) fn close(self) -> Closed {
        if let Some(count) = F::FRAME.count {
            let at = self.begin + F::FRAME.before.len();
            count.set(self.items.into(), &mut self.bytes[at..]);
        }
        self.bytes.extend_from_slice(F::FRAME.after);
        Closed {
            is_empty: self.items == 0,
            untold: self.untold,
        }
    }
}

/// Writes, and makes an error of what that panics with.
pub(super) fn contained(write: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    contain(write).unwrap_or_else(|payload| {
        let text = format!("panicked: {}", message(&payload));
        discard(payload);
        Err(text)
    })
}

/// What a batch leaves.
pub(super) struct Closed {
    pub(super) is_empty: bool,
    pub(super) untold: Option<Box<Untold>>,
}

impl Count {
    fn put(self, number: u64, into: &mut Vec<u8>) {
        let at = into.len();
        into.resize(at + self.width(), 0);
        self.set(number, &mut into[at..]);
    }

    /// Writes the number over what these bytes begin with.
    fn set(self, number: u64, bytes: &mut [u8]) {
        let width = self.width();
        let (big, little) = (number.to_be_bytes(), number.to_le_bytes());
        bytes[..width].copy_from_slice(match self {
            Self::BigEndian32 | Self::BigEndian64 => &big[8 - width..],
            Self::LittleEndian32 | Self::LittleEndian64 => &little[..width],
        });
    }

    fn width(self) -> usize {
        match self {
            Self::BigEndian32 | Self::LittleEndian32 => 4,
            Self::BigEndian64 | Self::LittleEndian64 => 8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Json;
    use super::*;

    fn is_as_serde_has_it<F: Format>(format: F) {
        let operation = &("a", 1);
        for id in [0, 1 << 24, 1 << 33] {
            for effect in [
                "Http",
                "\"é\\\n",
                "an effect whose name is longer than thirty-two bytes are",
            ] {
                for item in [
                    Item::Request {
                        id,
                        effect,
                        operation,
                    },
                    Item::Stream {
                        id,
                        effect,
                        operation,
                    },
                    Item::Notify { effect, operation },
                ] {
                    let (mut whole, mut pieces) = (Vec::new(), Vec::new());
                    format.write(&item, &mut whole).unwrap();
                    let naming = naming(&format, effect, item.kind()).unwrap();
                    item.write_by(&F::__ITEM.unwrap(), &naming, &format, &mut pieces)
                        .unwrap();
                    assert_eq!(pieces, whole);
                }
            }
        }
    }

    #[test]
    fn an_item_by_its_pieces_is_what_serde_writes() {
        is_as_serde_has_it(Json);
        #[cfg(feature = "messagepack")]
        is_as_serde_has_it(super::super::MessagePack);
    }

    #[test]
    fn a_count_is_written_in_its_width_and_order() {
        let written = |count: Count| {
            let mut bytes = vec![9];
            count.put(0x0102_0304, &mut bytes);
            bytes
        };
        assert_eq!(written(Count::BigEndian32), [9, 1, 2, 3, 4]);
        assert_eq!(written(Count::LittleEndian32), [9, 4, 3, 2, 1]);
        assert_eq!(written(Count::BigEndian64), [9, 0, 0, 0, 0, 1, 2, 3, 4]);
        assert_eq!(written(Count::LittleEndian64), [9, 4, 3, 2, 1, 0, 0, 0, 0]);
    }
}
