//! What is shared between threads, by the names that the crate uses: the standard library's and crossbeam's, or, under
//! `--cfg loom` and `--cfg shuttle`, stand-ins that the model checker of that name sees into. Nothing else in the crate
//! differs in a model.

#[cfg(not(any(loom, shuttle)))]
mod real {
    pub(crate) use std::sync::Mutex;
    pub(crate) use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
    pub(crate) use std::thread::yield_now;

    pub(crate) use crossbeam_channel::{Receiver, Sender, unbounded};
    pub(crate) use scoped_tls::scoped_thread_local as turn_local;
}

#[cfg(not(any(loom, shuttle)))]
pub(crate) use real::*;

#[cfg(any(loom, shuttle))]
mod model {
    use std::cell::Cell;
    use std::collections::VecDeque;
    use std::sync::{Arc, PoisonError};
    use std::thread::LocalKey;

    #[cfg(loom)]
    use loom as checker;
    #[cfg(shuttle)]
    use shuttle as checker;

    pub(crate) use checker::sync::Mutex;
    pub(crate) use checker::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
    pub(crate) use checker::thread::{ThreadId, current, yield_now};

    /// A channel as a model checker can follow it: a queue behind one of its locks.
    struct Channel<T>(Mutex<VecDeque<T>>);

    impl<T> Channel<T> {
        /// A model's threads share one thread of the system: who holds it while another unwinds leaves it poisoned.
        fn lock(&self) -> checker::sync::MutexGuard<'_, VecDeque<T>> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    pub(crate) struct Sender<T>(Arc<Channel<T>>);
    pub(crate) struct Receiver<T>(Arc<Channel<T>>);

    impl<T> Clone for Receiver<T> {
        fn clone(&self) -> Self {
            Self(Arc::clone(&self.0))
        }
    }

    pub(crate) fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
        let channel = Arc::new(Channel(Mutex::new(VecDeque::new())));
        (Sender(Arc::clone(&channel)), Receiver(channel))
    }

    impl<T> Sender<T> {
        pub(crate) fn send(&self, message: T) -> Result<(), T> {
            self.0.lock().push_back(message);
            Ok(())
        }
    }

    impl<T> Receiver<T> {
        pub(crate) fn try_recv(&self) -> Result<T, ()> {
            self.0.lock().pop_front().ok_or(())
        }

        pub(crate) fn len(&self) -> usize {
            self.0.lock().len()
        }

        pub(crate) fn is_empty(&self) -> bool {
            self.len() == 0
        }
    }

    /// A model's threads all run on one thread of the system: a scoped thread-local that asks which of them it is on.
    /// One of them drives in each model.
    pub(crate) struct TurnLocal<T: 'static> {
        pub(crate) scoped: &'static scoped_tls::ScopedKey<T>,
        pub(crate) driver: &'static LocalKey<Cell<Option<ThreadId>>>,
    }

    impl<T> TurnLocal<T> {
        pub(crate) fn set<R>(&'static self, value: &T, act: impl FnOnce() -> R) -> R {
            let before = self.driver.replace(Some(current().id()));
            let result = self.scoped.set(value, act);
            self.driver.set(before);
            result
        }

        pub(crate) fn is_set(&'static self) -> bool {
            self.scoped.is_set() && self.driver.get() == Some(current().id())
        }

        pub(crate) fn with<R>(&'static self, act: impl FnOnce(&T) -> R) -> R {
            self.scoped.with(act)
        }
    }

    macro_rules! turn_local {
        (static $name:ident: $type:ty) => {
            static $name: crate::shim::TurnLocal<$type> = {
    scoped_tls::scoped_thread_local!(static SCOPED: $type);
                thread_local! {
                    static DRIVER: std::cell::Cell<Option<crate::shim::ThreadId>> =
                        const { std::cell::Cell::new(None) };
                }
                crate::shim::TurnLocal {
                    scoped: &SCOPED,
                    driver: &DRIVER,
                }
            };
        };
    }
    pub(crate) use turn_local;
}

#[cfg(any(loom, shuttle))]
pub(crate) use model::*;
