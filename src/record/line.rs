//! A line of a record.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::bridge::BridgeError;

/// What the first line says.
#[derive(Serialize, Deserialize)]
pub(super) struct Header {
    /// Always [`MAGIC`], so that nothing else is taken for a record.
    pub(super) stillpoint: String,
    pub(super) version: u32,
    #[serde(default)]
    pub(super) start: Value,
}

pub(super) const MAGIC: &str = "record";

/// A call, and what came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) call: Call,
    pub(super) outcome: Value,
    /// What was replaced, as JSON pointers into this line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) redacted: Vec<String>,
}

/// What the shell did.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Call {
    Run { budget: u64 },
    Drain,
    Resolve(Answer),
    Send(Answer),
    Fail { id: u64, message: String },
    End { id: u64 },
    Snapshot,
    Host { what: String, with: Value },
    Teardown,
}

impl Call {
    /// As it stands in the file.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Run { .. } => "run",
            Self::Drain => "drain",
            Self::Resolve(_) => "resolve",
            Self::Send(_) => "send",
            Self::Fail { .. } => "fail",
            Self::End { .. } => "end",
            Self::Snapshot => "snapshot",
            Self::Host { .. } => "host",
            Self::Teardown => "teardown",
        }
    }
}

/// An answer to a request, or an item for a stream.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) id: u64,
    /// The very text, since a value has fewer: a key that comes twice, or a number of 128 bits, is not in it.
    #[serde(
        default,
        deserialize_with = "also_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) answer: Option<Box<RawValue>>,
    /// Of bytes that are no JSON, or too many, how many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) unreadable: Option<usize>,
}

/// The most bytes that a replay makes for an answer that was not written.
pub(super) const MOST_UNREADABLE: usize = 1 << 28;

impl Answer {
    /// `result` is what came of it. Bytes that are not UTF-8 can have an effect only where nobody reads them.
    pub(super) fn new(id: u64, bytes: &[u8], result: &Result<(), BridgeError>) -> Self {
        let text = match result {
            Ok(()) => Some(String::from_utf8_lossy(bytes).into_owned()),
            // By its length, which a text without the white space around it has not.
            Err(BridgeError::TooLarge { .. }) => None,
            Err(_) => str::from_utf8(bytes).ok().map(str::to_owned),
        };
        let answer = text.and_then(|text| serde_json::from_str::<Box<RawValue>>(&text).ok());
        // In what is JSON, a line break can only be white space.
        let answer = answer.map(|answer| answer.get().replace(['\n', '\r'], " "));
        match answer.and_then(|answer| RawValue::from_string(answer).ok()) {
            Some(answer) => Self {
                id,
                answer: Some(answer),
                unreadable: None,
            },
            None => Self::unreadable(id, bytes.len()),
        }
    }

    pub(super) fn unreadable(id: u64, length: usize) -> Self {
        Self {
            id,
            answer: None,
            unreadable: Some(length.min(MOST_UNREADABLE)),
        }
    }

    /// What a replay hands to the bridge.
    pub(super) fn bytes(&self) -> Vec<u8> {
        match &self.answer {
            Some(answer) => answer.get().as_bytes().to_vec(),
            None => vec![b'?'; self.unreadable.unwrap_or(0)],
        }
    }
}

fn also_null<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Box<RawValue>>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}
