//! An answer whose type is known to those who send and await it, and to nobody in between.

use std::any::{Any, TypeId};

use stack_dst::Value;
use stack_dst::buffers::ConstArrayBuf;

use crate::contain::discard;

/// A value of a type that is erased until it is taken. Dropping it drops the value, and contains what that throws:
/// several may be dropped together.
///
/// Up to four words lie in the answer itself; what is larger, or aligned to more than a word, lies in a box.
pub(crate) struct Answer(Value<dyn Any + Send, ConstArrayBuf<usize, WORDS>>);

/// Four words of a value, one for whether it is still there, and one for its type.
const WORDS: usize = 6;

/// What lies in an answer: a value until it is taken.
struct Held<T>(Option<T>);

impl<T> Held<T> {
    /// Whether it may lie in the answer itself.
    const FITS: bool = size_of::<Self>() <= (WORDS - 1) * size_of::<usize>()
        && align_of::<Self>() <= align_of::<usize>();
}

impl<T> Drop for Held<T> {
    fn drop(&mut self) {
        if let Some(value) = self.0.take() {
            discard(value);
        }
    }
}

// Nothing in it is ever pinned.
impl Unpin for Answer {}

/// Whether answers of this type lie in boxes of their own.
pub(crate) const fn is_large<T>() -> bool {
    !Held::<T>::FITS
}

impl Answer {
    pub(crate) fn new<T: Send + 'static>(value: T) -> Self {
        if const { Held::<T>::FITS } {
            Self::hold(value)
        } else {
            Self::hold(Box::new(value))
        }
    }

    /// The value, or the answer itself where the value is of another type.
    pub(crate) fn take<T: Send + 'static>(self) -> Result<T, Self> {
        if const { Held::<T>::FITS } {
            self.release()
        } else {
            self.release::<Box<T>>().map(|value| *value)
        }
    }

    fn hold<T: Send + 'static>(value: T) -> Self {
        match Value::new_stable(Held(Some(value)), |held| held as _) {
            Ok(held) => Self(held),
            Err(_) => unreachable!("what is too large lies in a box"),
        }
    }

    fn release<T: Send + 'static>(mut self) -> Result<T, Self> {
        let held = self.0.downcast_mut::<Held<T>>();
        held.and_then(|held| held.0.take()).ok_or(self)
    }
}

/// What kind of thing an entry waits for: one constant for each operation and shape.
pub(crate) struct Kind {
    pub(crate) operation: fn() -> TypeId,
    pub(crate) name: fn() -> &'static str,
    pub(crate) shape: Shape,
}

/// How many answers a request takes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn four_words_lie_in_an_answer_and_more_in_a_box() {
        let fit = [
            Held::<()>::FITS,
            Held::<String>::FITS,
            Held::<[usize; 4]>::FITS,
            Held::<[usize; 5]>::FITS,
        ];
        assert_eq!(fit, [true, true, true, false]);
        let large = Answer::new([7usize; 5]);
        let large = large.take::<[usize; 4]>().unwrap_err();
        assert_eq!(large.take::<[usize; 5]>().ok(), Some([7; 5]));
    }

    #[test]
    fn what_a_dropped_answer_throws_ends_there() {
        /// Too large for an answer.
        struct Bomb(Arc<AtomicUsize>, [usize; 4]);
        impl Drop for Bomb {
            fn drop(&mut self) {
                self.0.fetch_add(self.1.len(), Ordering::Relaxed);
                panic!("as it should");
            }
        }
        let dropped = Arc::new(AtomicUsize::new(0));
        let bomb = || Bomb(Arc::clone(&dropped), [0; 4]);
        drop([Answer::new(bomb()), Answer::new(vec![bomb()])]);
        assert_eq!(dropped.load(Ordering::Relaxed), 8);
    }
}
