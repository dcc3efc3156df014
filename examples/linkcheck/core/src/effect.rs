//! Everything that the core asks of its shell.

use std::{fmt, time::Duration};

use stillpoint::{Operation, effects};

use crate::{
    report::Unread,
    target::Resource,
    web::{Answer, Failure},
};

effects! {
    /// What a shell of linkcheck performs.
    pub enum Effect {
        /// Go one step further in the walk.
        NextDocument => request NextDocument,
        /// Read a file.
        Read => request Read,
        /// Look what stands at a path.
        Look => request Look,
        /// Ask a web address, once.
        Probe => request Probe,
        /// Let time pass.
        Sleep => request Sleep,
        /// Answer when the user wants to stop.
        Interrupt => request Interrupt,
        /// Show how far the run is.
        Progress => notify Progress,
    }
}

/// Asks for the next document to check; `None` is the end of them.
///
/// The walk goes on only when the core asks, and the core asks only when it has room. So neither holds more names than
/// it works on, however many documents there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "portable", derive(serde::Serialize))]
pub struct NextDocument;

impl Operation for NextDocument {
    type Output = Option<Found>;
}

/// A step of the walk.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "portable", derive(serde::Deserialize))]
pub enum Found {
    /// A document to check.
    Document {
        /// Where it is.
        resource: Resource,
        /// The directory that a leading slash in its links means.
        root: String,
    },
    /// Something that should have led to documents, and cannot be read.
    Unread(Unread),
}

/// Asks for the bytes of the file at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "portable", derive(serde::Serialize))]
pub struct Read(pub String);

impl Operation for Read {
    type Output = Result<Vec<u8>, Absence>;
}

/// Asks what stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "portable", derive(serde::Serialize))]
pub struct Look(pub String);

impl Operation for Look {
    type Output = Result<Standing, Absence>;
}

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "portable", derive(serde::Deserialize))]
pub enum Standing {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A device, a pipe or a socket: it is there, and not to be read.
    Other,
}

/// Why a path gives nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "portable", derive(serde::Deserialize))]
pub enum Absence {
    /// Nothing is there.
    Missing,
    /// Something is there, and cannot be read, with the reason.
    Unreadable(String),
}

impl fmt::Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("no such file or directory"),
            Self::Unreadable(reason) => f.write_str(reason),
        }
    }
}

/// Asks a web address, once: the core itself watches the time, and tries again.
///
/// A shell that is told that it is cancelled gives the connection up.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "portable", derive(serde::Serialize))]
pub struct Probe {
    /// The address, without a fragment.
    pub address: String,
    /// Says whether the page itself is wanted, where it is a document.
    pub wants_page: bool,
}

impl Operation for Probe {
    type Output = Result<Answer, Failure>;
}

/// Asks to be answered after this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "portable", derive(serde::Serialize))]
pub struct Sleep(pub Duration);

impl Operation for Sleep {
    type Output = ();
}

/// Asks to be answered when the user wants to stop; a shell without such a user keeps it, or drops it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "portable", derive(serde::Serialize))]
pub struct Interrupt;

impl Operation for Interrupt {
    type Output = ();
}

/// How far the run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "portable", derive(serde::Serialize))]
pub struct Progress {
    /// Targets of which all is known that was asked so far.
    pub done: usize,
    /// Targets found so far.
    pub known: usize,
    /// Documents read so far.
    pub documents: usize,
    /// Broken links found so far.
    pub broken: usize,
}
