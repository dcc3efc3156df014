//! Why a call had no effect.

use std::error::Error;
use std::fmt;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::entry::Reason;
use crate::id::RequestId;
use crate::portable::Kind;

/// Why a call of a bridge had no effect.
///
/// Nothing is lost by one: the bridge goes on, and where the request was pending it still is. Dropping it does nothing.
///
/// ```
/// use stillpoint::RequestId;
/// use stillpoint::bridge::BridgeError;
///
/// let error = BridgeError::Unknown(RequestId::from_u64(7));
/// assert_eq!(error.code(), "unknown");
/// assert_eq!(error.to_string(), "the shell was never given the request 7");
/// ```
///
/// It is [`Serialize`], so that a binding can hand it to its language as docs/WIRE.md has it:
///
/// ```
/// use stillpoint::RequestId;
/// use stillpoint::bridge::{BridgeError, Format, Json};
///
/// let mut bytes = Vec::new();
/// Json.write(&BridgeError::Stale(RequestId::from_u64(16777216)), &mut bytes).unwrap();
/// let text = r#"{"code":"stale","id":16777216,"message":"nobody awaits the request 16777216 any more"}"#;
/// assert_eq!(String::from_utf8(bytes).unwrap(), text);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BridgeError {
    /// No batch has had this id.
    Unknown(RequestId),
    /// Nobody awaits it any more: it was cancelled, be it before any batch had it, or its answer has been taken.
    Stale(RequestId),
    /// It has its answer or its end already, and the task has not yet looked.
    AlreadyAnswered(RequestId),
    /// A stream was resolved, or a request was sent an item or ended.
    WrongKind {
        /// The request.
        id: RequestId,
        /// The variant of its effect.
        effect: &'static str,
        /// What it is.
        kind: Kind,
    },
    /// The stream holds as many items as it may: send this one again when the core has taken some.
    Full(RequestId),
    /// The answer does not decode. The right one can still come.
    Undecodable {
        /// The request.
        id: RequestId,
        /// The variant of its effect.
        effect: &'static str,
        /// Where in the answer, such as `user.ages[2]`; empty for all of it.
        path: String,
        /// What is wrong.
        message: String,
    },
    /// The answer is longer than [`Limits::bytes`](super::Limits::bytes).
    TooLarge {
        /// How long it is, in bytes.
        bytes: usize,
        /// How long it may be.
        limit: usize,
    },
    /// Code of the core's that reads answers, or of the format's, panicked. After an answer, the right one can still
    /// come.
    Panicked {
        /// The panic's message.
        message: String,
    },
    /// A [`Format`](super::Format) of your own cannot write what the bridge itself says, and nothing was taken.
    Format {
        /// Why.
        message: String,
    },
    /// The bridge is torn down.
    TornDown,
}

impl BridgeError {
    /// Of what the executor says.
    pub(super) fn refused(id: RequestId, reason: Reason, effect: &'static str, kind: Kind) -> Self {
        match reason {
            Reason::Stale => Self::Stale(id),
            Reason::AlreadyAnswered => Self::AlreadyAnswered(id),
            Reason::Full => Self::Full(id),
            Reason::WrongType => Self::WrongKind { id, effect, kind },
            Reason::TornDown => Self::TornDown,
            Reason::Unknown | Reason::Foreign => Self::Unknown(id),
        }
    }

    /// Its name, which does not change from one version to the next: what a binding hands to its language.
    ///
    /// ```
    /// use stillpoint::bridge::BridgeError;
    ///
    /// let error = BridgeError::TooLarge { bytes: 65, limit: 64 };
    /// let name = match error.code() {
    ///     "tooLarge" => "TooLarge", // an exception's name in the other language
    ///     _ => "Other",
    /// };
    /// assert_eq!(name, "TooLarge");
    /// ```
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "unknown",
            Self::Stale(_) => "stale",
            Self::AlreadyAnswered(_) => "alreadyAnswered",
            Self::WrongKind { .. } => "wrongKind",
            Self::Full(_) => "full",
            Self::Undecodable { .. } => "undecodable",
            Self::TooLarge { .. } => "tooLarge",
            Self::Panicked { .. } => "panicked",
            Self::Format { .. } => "format",
            Self::TornDown => "tornDown",
        }
    }

    /// The request that it names, where it names one: what is too large or panicked is known by its call.
    ///
    /// ```
    /// use stillpoint::RequestId;
    /// use stillpoint::bridge::BridgeError;
    ///
    /// let id = RequestId::from_u64(16777216);
    /// assert_eq!(BridgeError::Full(id).id(), Some(id));
    /// assert_eq!(BridgeError::TornDown.id(), None);
    /// ```
    #[must_use]
    pub fn id(&self) -> Option<RequestId> {
        match self {
            Self::Unknown(id) | Self::Stale(id) | Self::AlreadyAnswered(id) | Self::Full(id) => {
                Some(*id)
            }
            Self::WrongKind { id, .. } | Self::Undecodable { id, .. } => Some(*id),
            Self::TooLarge { .. }
            | Self::Panicked { .. }
            | Self::Format { .. }
            | Self::TornDown => None,
        }
    }
}

/// Requests are named by the number that the shell knows.
impl fmt::Display for BridgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(id) => write!(f, "the shell was never given the request {}", id.to_u64()),
            Self::Stale(id) => write!(f, "nobody awaits the request {} any more", id.to_u64()),
            Self::AlreadyAnswered(id) => {
                write!(f, "the request {} is already answered", id.to_u64())
            }
            Self::WrongKind { id, effect, kind } => {
                let (is, remedy) = match kind {
                    Kind::Stream => ("stream", "`send` and `end` it"),
                    Kind::Request | Kind::Notify => ("request", "`resolve` or `fail` it"),
                };
                write!(f, "`{effect}` {} is a {is}: {remedy}", id.to_u64())
            }
            Self::Full(id) => write!(f, "the stream {} is full", id.to_u64()),
            Self::Undecodable {
                id,
                effect,
                path,
                message,
            } => {
                write!(
                    f,
                    "the answer to `{effect}` {} does not decode",
                    id.to_u64()
                )?;
                if !path.is_empty() {
                    write!(f, " at `{path}`")?;
                }
                write!(f, ": {message}")
            }
            Self::TooLarge { bytes, limit } => {
                write!(f, "an answer of {bytes} bytes is longer than {limit}")
            }
            Self::Panicked { message } => write!(f, "panicked: {message}"),
            Self::Format { message } => write!(f, "the bridge's format: {message}"),
            Self::TornDown => f.write_str("the bridge is torn down"),
        }
    }
}

/// As a shell is handed it: the [`code`](BridgeError::code), the number of the request or null, and the text.
impl Serialize for BridgeError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut error = serializer.serialize_struct("BridgeError", 3)?;
        error.serialize_field("code", self.code())?;
        error.serialize_field("id", &self.id().map(RequestId::to_u64))?;
        error.serialize_field("message", &format_args!("{self}"))?;
        error.end()
    }
}

impl Error for BridgeError {}
