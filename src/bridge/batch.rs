//! What a batch is made of.

use serde::Serialize;

use super::Format;
use crate::contain::{contain, discard, message};
use crate::meta::TaskPanic;
use crate::plain::PlainReport;

/// The version of the wire form, which every batch and snapshot bears: see docs/WIRE.md.
pub const VERSION: u32 = 1;

/// One thing that the shell is told.
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
    Cancelled {
        id: u64,
    },
    Panic(&'a Panicked),
    /// An operation that could not be written.
    Unwritable {
        id: Option<u64>,
        effect: Option<&'static str>,
        message: &'a str,
    },
    Report(&'a PlainReport),
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
}

impl<'a, F: Format> Batch<'a, F> {
    pub(super) fn open(format: &'a F, bytes: &'a mut Vec<u8>) -> Self {
        let begin = bytes.len();
        format.open(VERSION, bytes);
        Self {
            format,
            bytes,
            begin,
            items: 0,
        }
    }

    /// Writes one item whole, or says why it cannot be written and writes nothing.
    pub(super) fn put<T: Serialize>(&mut self, item: &Item<'_, T>) -> Result<(), String> {
        let before = self.bytes.len();
        let written = contain(|| {
            if self.items > 0 {
                self.format.separate(self.bytes);
            }
            self.format.write(item, self.bytes)
        });
        let written = written.unwrap_or_else(|payload| {
            let text = format!("panicked: {}", message(&payload));
            discard(payload);
            Err(text)
        });
        match &written {
            Ok(()) => self.items += 1,
            Err(_) => self.bytes.truncate(before),
        }
        written
    }

    /// Writes one of the bridge's own items, which every format can.
    pub(super) fn tell(&mut self, item: &Item<'_, ()>) {
        let written = self.put(item);
        debug_assert_eq!(written, Ok(()), "a format can write the bridge's own items");
    }

    pub(super) fn close(self) {
        self.format.close(self.begin, self.items, self.bytes);
    }
}
