//! An answer whose type is known to those who send and await it, and to nobody in between.

use std::any::{Any, TypeId};
use std::fmt;

use crate::contain::discard;

/// A value of a type that is erased until it is taken. Dropping it drops the value, and contains what that throws:
/// several may be dropped together.
pub(crate) struct Answer(Option<Box<dyn Any + Send>>);

impl Answer {
    pub(crate) fn new<T: Send + 'static>(value: T) -> Self {
        Self(Some(Box::new(value)))
    }

    /// The value, or the answer itself where the value is of another type.
    pub(crate) fn take<T: Send + 'static>(mut self) -> Result<T, Self> {
        match self.0.take().map(<Box<dyn Any + Send>>::downcast) {
            Some(Ok(value)) => Ok(*value),
            Some(Err(value)) => Err(Self(Some(value))),
            None => Err(self),
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        discard(self.0.take());
    }
}

/// What kind of thing an entry waits for: one constant for each operation and shape.
pub(crate) struct Kind {
    pub(crate) operation: fn() -> TypeId,
    pub(crate) name: fn() -> &'static str,
    pub(crate) shape: Shape,
}

/// How many answers a request takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    One,
    Many,
}

impl Kind {
    /// The kind of a request for `Op`.
    pub(crate) const fn one<Op: 'static>() -> &'static Self {
        const {
            &Self {
                operation: TypeId::of::<Op>,
                name: std::any::type_name::<Op>,
                shape: Shape::One,
            }
        }
    }

    /// The kind of a subscription to `Op`.
    pub(crate) const fn many<Op: 'static>() -> &'static Self {
        const {
            &Self {
                operation: TypeId::of::<Op>,
                name: std::any::type_name::<Op>,
                shape: Shape::Many,
            }
        }
    }

    pub(crate) fn is<Op: 'static>(&self, shape: Shape) -> bool {
        self.shape == shape && (self.operation)() == TypeId::of::<Op>()
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str((self.name)())
    }
}
