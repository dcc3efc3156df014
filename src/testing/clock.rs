//! Virtual time: it passes when a test says so.

use std::any::Any;
use std::collections::HashMap;
use std::time::Duration;

use super::scripted::{Held, Key, Kind, look};
use crate::request::{Operation, Resolver};

/// The time since the shell was made, and which operations are sleeps.
#[derive(Default)]
pub(super) struct Clock {
    pub(super) now: Duration,
    sleeps: HashMap<Key, Box<dyn Sleeps>>,
}

/// How a sleep of one type is read and answered.
trait Sleeps {
    fn time(&mut self, operation: &dyn Held) -> Option<Duration>;
    fn wake(&mut self, operation: &dyn Held, resolver: Box<dyn Any + Send>);
}

struct Reader<Op, R, W> {
    read: R,
    wake: W,
    operation: std::marker::PhantomData<fn(&Op)>,
}

impl<Op, R, W> Sleeps for Reader<Op, R, W>
where
    Op: Operation,
    R: FnMut(&Op) -> Duration,
    W: FnMut(&Op) -> Op::Output,
{
    fn time(&mut self, operation: &dyn Held) -> Option<Duration> {
        Some((self.read)(look(operation)?))
    }

    fn wake(&mut self, operation: &dyn Held, resolver: Box<dyn Any + Send>) {
        if let (Some(operation), Ok(resolver)) =
            (look(operation), resolver.downcast::<Resolver<Op>>())
        {
            // Where it is cancelled by now, there is nobody to wake.
            let _ = resolver.resolve((self.wake)(operation));
        }
    }
}

impl Clock {
    pub(super) fn add<Op: Operation>(
        &mut self,
        read: impl FnMut(&Op) -> Duration + 'static,
        wake: impl FnMut(&Op) -> Op::Output + 'static,
    ) -> Key {
        let key = Key::of::<Op>(Kind::Request);
        let reader = Reader {
            read,
            wake,
            operation: std::marker::PhantomData,
        };
        self.sleeps.insert(key, Box::new(reader));
        key
    }

    /// When a sleep is over, if it is one. What is too far away is never over.
    pub(super) fn deadline(&mut self, key: Key, operation: &dyn Held) -> Option<Duration> {
        let time = self.sleeps.get_mut(&key)?.time(operation)?;
        Some(self.now.saturating_add(time))
    }

    pub(super) fn wake(&mut self, key: Key, operation: &dyn Held, resolver: Box<dyn Any + Send>) {
        if let Some(sleeps) = self.sleeps.get_mut(&key) {
            sleeps.wake(operation, resolver);
        }
    }
}
