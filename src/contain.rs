//! Other people's code that panics: it ends where it was called.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a panic carries.
pub(crate) type Payload = Box<dyn Any + Send>;

/// Calls `act`, and gives what it panicked with.
///
/// Unwind safety: `act` is a poll, a destructor or a callback of the user's, after whose panic nothing of it is used
/// again but its destructor.
pub(crate) fn contain<R>(act: impl FnOnce() -> R) -> Result<R, Payload> {
    catch_unwind(AssertUnwindSafe(act))
}

/// Calls `act`, and lets go of what it panics with.
pub(crate) fn shield(act: impl FnOnce()) {
    if let Err(payload) = contain(act) {
        discard(payload);
    }
}

/// Drops a value whose destructor may panic, and what it panics with.
pub(crate) fn discard<T>(value: T) {
    if !std::mem::needs_drop::<T>() {
        return;
    }
    let mut thrown = contain(move || drop(value)).err();
    for _ in 0..PAYLOADS {
        let Some(payload) = thrown else { return };
        thrown = contain(move || drop(payload)).err();
    }
    std::mem::forget(thrown);
}

/// How many payloads are dropped that a destructor throws, each from the one before; a further one is kept for ever,
/// since there has to be an end.
const PAYLOADS: usize = 8;

/// The message of a panic, where it has one.
pub(crate) fn message(payload: &Payload) -> &str {
    payload
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a value that is no text")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    static HEADS: AtomicUsize = AtomicUsize::new(0);

    /// Its destructor throws another, for ever. It has no size, so that the one that is kept takes no memory.
    struct Hydra;

    impl Drop for Hydra {
        fn drop(&mut self) {
            HEADS.fetch_add(1, Ordering::Relaxed);
            std::panic::resume_unwind(Box::new(Hydra));
        }
    }

    #[test]
    fn payloads_that_throw_payloads_come_to_an_end() {
        discard(Hydra);
        assert_eq!(HEADS.load(Ordering::Relaxed), 1 + PAYLOADS);
    }
}
