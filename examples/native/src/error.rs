//! Why a call had no effect, as foreign languages see it.

use std::fmt;

use stillpoint::bridge::BridgeError;

/// Why a call of a session had no effect. Nothing is lost by one: what was pending still is.
///
/// The variants are the codes of docs/WIRE.md, and three that only a binding has. The text says more, and is for
/// people.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Error)]
#[uniffi(flat_error)]
pub enum SessionError {
    /// No batch has had this id.
    Unknown(String),
    /// Nobody awaits it any more.
    Stale(String),
    /// It has its answer or its end, which the task has not read yet.
    AlreadyAnswered(String),
    /// A stream was resolved, or a request was sent an item or ended.
    WrongKind(String),
    /// The stream holds as many items as it may: send this one again after a turn.
    Full(String),
    /// The answer is no value of the type that is wanted; the text names the place. The right one can still come.
    Undecodable(String),
    /// The answer is longer than it may be.
    TooLarge(String),
    /// Code of the core's panicked.
    Panicked(String),
    /// The session is torn down.
    TornDown(String),
    /// The call was made from within a bell: post an event, and call from there.
    WithinBell(String),
    /// What the call was given besides an answer is wrong: a setting, a pointer, a text that is not UTF-8.
    BadArgument(String),
    /// A code of a later version of the wire form.
    Other(String),
}

impl SessionError {
    pub(crate) fn within_bell() -> Self {
        Self::WithinBell("a bell may not drive: post an event, and call from there".to_owned())
    }

    /// What it says, for people.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Self::Unknown(message)
            | Self::Stale(message)
            | Self::AlreadyAnswered(message)
            | Self::WrongKind(message)
            | Self::Full(message)
            | Self::Undecodable(message)
            | Self::TooLarge(message)
            | Self::Panicked(message)
            | Self::TornDown(message)
            | Self::WithinBell(message)
            | Self::BadArgument(message)
            | Self::Other(message) => message,
        }
    }
}

impl From<BridgeError> for SessionError {
    fn from(error: BridgeError) -> Self {
        let message = error.to_string();
        match error {
            BridgeError::Unknown(_) => Self::Unknown(message),
            BridgeError::Stale(_) => Self::Stale(message),
            BridgeError::AlreadyAnswered(_) => Self::AlreadyAnswered(message),
            BridgeError::WrongKind { .. } => Self::WrongKind(message),
            BridgeError::Full(_) => Self::Full(message),
            BridgeError::Undecodable { .. } => Self::Undecodable(message),
            BridgeError::TooLarge { .. } => Self::TooLarge(message),
            BridgeError::Panicked { .. } => Self::Panicked(message),
            BridgeError::TornDown => Self::TornDown(message),
            _ => Self::Other(message),
        }
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for SessionError {}
