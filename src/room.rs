//! Places that several threads take and give back: for the items of a stream of
//! [`Overflow::Reject`](crate::Overflow::Reject), which its feeds and its entry count together, and for the tasks and
//! the emissions of an executor that has limits.
//!
//! The count guards no other memory, so its operations are relaxed: the message or the call that a place is for orders
//! what matters.

use crate::shim::{AtomicUsize, Ordering};

/// A capacity, and how much of it is taken.
pub(crate) struct Room {
    held: AtomicUsize,
    capacity: usize,
}

/// Its stream is gone: what is sent to nobody needs no room.
const UNBOUNDED: usize = 1 << (usize::BITS - 1);

impl Room {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            held: AtomicUsize::new(0),
            capacity: capacity.clamp(1, UNBOUNDED - 1),
        }
    }

    /// Takes a place, if one is free.
    #[allow(deprecated, reason = "the oldest Rust does not know `try_update`")]
    pub(crate) fn take(&self) -> bool {
        self.held
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
                match held & UNBOUNDED {
                    0 => (held < self.capacity).then_some(held + 1),
                    _ => Some(held),
                }
            })
            .is_ok()
    }

    /// Gives a place back.
    pub(crate) fn give(&self) {
        self.held.fetch_sub(1, Ordering::Relaxed);
    }

    /// From here on there is always a place.
    pub(crate) fn unbound(&self) {
        self.held.fetch_or(UNBOUNDED, Ordering::Relaxed);
    }
}
