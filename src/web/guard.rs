//! Who is at work: the core, or JavaScript that it has called.

use std::cell::Cell;

/// Whether Rust code of the core's is under way, which must not be called back into.
#[derive(Default)]
pub(super) struct Guard {
    inside: Cell<bool>,
}

impl Guard {
    /// Runs the core's code, unless some of it is under way.
    pub(super) fn enter<R>(&self, act: impl FnOnce() -> R) -> Option<R> {
        if self.inside.replace(true) {
            return None;
        }
        let result = act();
        self.inside.set(false);
        Some(result)
    }

    /// Calls JavaScript, which may call back.
    pub(super) fn outside<R>(&self, call: impl FnOnce() -> R) -> R {
        let before = self.inside.replace(false);
        let result = call();
        self.inside.set(before);
        result
    }
}
