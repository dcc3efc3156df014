//! The bell: how a session tells its shell that there is something to do.
//!
//! An executor rings while it is being called, so under the session's lock. The shell must not hear it there: a
//! callback that calls back in would wait for itself. So what rings during a call is kept until the lock is free, and
//! a thread that is in a callback is known, and refused.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{PoisonError, RwLock};

use uniffi::UnexpectedUniFFICallbackError;

/// What a session calls when work has come to it and nobody is driving: the shell takes a turn then, soon.
///
/// It is called on whichever thread brought the work, before that call returns. It must not drive: calls of a session
/// from within it are refused, as [`SessionError::WithinBell`](crate::SessionError::WithinBell). It should post an
/// event to the shell's own loop and return; a teardown on another thread waits until it has.
#[uniffi::export(callback_interface)]
pub trait Bell: Send + Sync {
    /// Posts an event, after which the shell takes a turn.
    ///
    /// # Errors
    ///
    /// What it throws ends here: the next call rings again, and the next turn tells of it, as
    /// [`Turn::bell_failure`](crate::Turn::bell_failure).
    fn ring(&self) -> Result<(), BellError>;
}

/// What a bell throws.
#[derive(Debug, uniffi::Error)]
pub enum BellError {
    /// Anything.
    Failed {
        /// What it says of itself.
        reason: String,
    },
}

impl std::fmt::Display for BellError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self::Failed { reason } = self;
        f.write_str(reason)
    }
}

impl std::error::Error for BellError {}

/// An exception of the foreign language's own. Without this it would be a panic.
impl From<UnexpectedUniFFICallbackError> for BellError {
    fn from(error: UnexpectedUniFFICallbackError) -> Self {
        Self::Failed {
            reason: error.reason,
        }
    }
}

/// Where a thread stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stand {
    Outside,
    /// In a call of a session, during which its bell has rung or not.
    InCall {
        rung: bool,
    },
    InBell,
}

thread_local! {
    /// It has no destructor, and between calls it holds nothing.
    static STAND: Cell<Stand> = const { Cell::new(Stand::Outside) };
}

/// Puts back where the thread stood.
struct Return(Stand);

impl Return {
    fn from(now: Stand) -> Self {
        Self(STAND.replace(now))
    }
}

impl Drop for Return {
    fn drop(&mut self) {
        STAND.set(self.0);
    }
}

/// Does something in a call, and says whether a bell has rung by it. `None` where this thread is in a bell.
pub(crate) fn in_call<R>(act: impl FnOnce() -> R) -> Option<(R, bool)> {
    (!is_ringing()).then(|| unrung(act))
}

/// Does something for which no bell is to ring yet, also where this thread is in one, and says whether one would have.
pub(crate) fn unrung<R>(act: impl FnOnce() -> R) -> (R, bool) {
    let _return = Return::from(Stand::InCall { rung: false });
    let result = act();
    let rung = STAND.get() == Stand::InCall { rung: true };
    (result, rung)
}

/// Whether this thread is in a bell.
fn is_ringing() -> bool {
    STAND.get() == Stand::InBell
}

/// A session's bell, until it is taken down.
pub(crate) struct Tower {
    /// Who rings reads, several at once. Who writes waits for them, so that nobody is in it once it is taken down.
    bell: RwLock<Option<Box<dyn Bell>>>,
    failure: RwLock<Option<String>>,
}

impl Tower {
    pub(crate) fn new(bell: Option<Box<dyn Bell>>) -> Self {
        Self {
            bell: RwLock::new(bell),
            failure: RwLock::default(),
        }
    }

    /// Hears the executor: now, or when the call that this thread is in has let go of its lock.
    pub(crate) fn hear(&self) {
        match STAND.get() {
            Stand::InCall { .. } => STAND.set(Stand::InCall { rung: true }),
            Stand::Outside | Stand::InBell => self.ring(),
        }
    }

    /// Calls the shell. Not under a lock of the session's.
    pub(crate) fn ring(&self) {
        let _return = Return::from(Stand::InBell);
        let bell = self.bell.read().unwrap_or_else(PoisonError::into_inner);
        let Some(bell) = bell.as_deref() else { return };
        let failed = match catch_unwind(AssertUnwindSafe(|| bell.ring())) {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(payload) => {
                std::mem::forget(payload); // its own destructor may panic
                "it panicked".to_owned()
            }
        };
        let mut failure = self.failure.write().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert(failed);
    }

    /// Whether it has thrown something that no turn has told of.
    pub(crate) fn has_failed(&self) -> bool {
        let failure = self.failure.read().unwrap_or_else(PoisonError::into_inner);
        failure.is_some()
    }

    /// What it threw first since this was asked last.
    pub(crate) fn take_failure(&self) -> Option<String> {
        let mut failure = self.failure.write().unwrap_or_else(PoisonError::into_inner);
        failure.take()
    }

    /// Waits until nobody is in it, and lets go of it. Says `false`, and does nothing, where this thread is in a bell,
    /// and would wait for itself.
    #[must_use]
    pub(crate) fn take_down(&self) -> bool {
        if is_ringing() {
            return false;
        }
        let bell = self
            .bell
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // What the shell does when it is let go of may call back in.
        drop(bell);
        true
    }
}
