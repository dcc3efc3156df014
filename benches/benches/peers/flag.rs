//! The waker of a peer that is itself a future, polled by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

/// Whether it was woken since it was last polled.
pub struct Flag {
    woken: Arc<Woken>,
    waker: Waker,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

impl Flag {
    pub fn new() -> Self {
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        Self {
            waker: Arc::clone(&woken).into(),
            woken,
        }
    }

    /// Polls until it says that it is done, or waits and was not woken.
    pub fn poll_until_stalled(&self, mut poll: impl FnMut(&mut Context<'_>) -> Polled) {
        let mut context = Context::from_waker(&self.waker);
        loop {
            self.woken.0.store(false, Ordering::Relaxed);
            match poll(&mut context) {
                Polled::Done => return,
                Polled::OneDone => {}
                Polled::Waits if self.woken.0.load(Ordering::Acquire) => {}
                Polled::Waits => return,
            }
        }
    }
}

/// What a poll came to.
pub enum Polled {
    /// No task is left.
    Done,
    /// One of the tasks has ended; there may be more to do.
    OneDone,
    /// Tasks wait.
    Waits,
}
