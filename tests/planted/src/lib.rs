//! A copy of linkcheck's core, made when it is built, in which bugs can be planted.
//!
//! Each depends on an order that nobody promised: which answer comes first, and which task runs first. A run in the
//! order in which things were asked finds none of them.

use std::cell::Cell;

include!(concat!(env!("OUT_DIR"), "/modules.rs"));

/// A bug that can be planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// What a look has shown replaces what was read meanwhile.
    LateLook,
    /// Targets are asked before all is known that is wanted of them.
    EarlyAsking,
    /// The walk goes on while a document waits that it has brought.
    HastyWalk,
}

thread_local! {
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::LateLook, Self::EarlyAsking, Self::HastyWalk];

    /// Has this thread's cores have this bug from now on, or none.
    pub fn plant(bug: Option<Self>) {
        PLANTED.set(bug);
    }

    pub(crate) fn is_planted(self) -> bool {
        PLANTED.get() == Some(self)
    }
}
