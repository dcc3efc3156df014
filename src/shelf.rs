//! Answers that are here and unread, each kept as what it is; what is [large](is_large) is kept as its box.
//!
//! There is a shelf for each type of answer. A request knows its shelf from its first poll, so that an answer finds its
//! place without a search.

use std::any::{Any, TypeId};
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use slab::Slab;

use crate::answer::{Answer, is_large};
use crate::contain::discard;

/// Which of the [`Shelves`].
pub(crate) type ShelfId = u32;

/// Where on its shelf an answer lies.
pub(crate) type Place = u32;

#[derive(Default)]
pub(crate) struct Shelves {
    by_type: HashMap<TypeId, ShelfId, BuildHasherDefault<AsItIs>>,
    /// What was asked for last, which is often asked for again.
    last: Option<(TypeId, ShelfId)>,
    shelves: Vec<Box<dyn AnyShelf>>,
}

impl Shelves {
    /// The shelf for answers to be awaited as this type, put up where there is none.
    pub(crate) fn of<T: Send + 'static>(&mut self) -> ShelfId {
        match const { is_large::<T>() } {
            true => self.exactly_of(TypeId::of::<Box<T>>(), Shelf::<Box<T>>::boxed),
            false => self.exactly_of(TypeId::of::<T>(), Shelf::<T>::boxed),
        }
    }

    fn exactly_of(&mut self, of: TypeId, make: fn() -> Box<dyn AnyShelf>) -> ShelfId {
        match self.last {
            Some((last, id)) if last == of => id,
            _ => self.find(of, make),
        }
    }

    /// Whatever was asked for last. It is not generic, and seldom needed: one piece of code is enough.
    #[inline(never)]
    fn find(&mut self, of: TypeId, make: fn() -> Box<dyn AnyShelf>) -> ShelfId {
        let next = self.shelves.len() as ShelfId;
        let id = *self.by_type.entry(of).or_insert(next);
        if id == next {
            self.shelves.push(make());
        }
        self.last = Some((of, id));
        id
    }

    /// Puts an answer on the shelf of its type; gives back what is not of that type.
    pub(crate) fn put<T: Send + 'static>(&mut self, shelf: ShelfId, answer: T) -> Result<Place, T> {
        match self.shelf(shelf) {
            Some(Shelf(answers)) => Ok(answers.insert(answer) as Place),
            None => Err(answer),
        }
    }

    /// Puts an erased answer on the shelf of its type; gives back what is not of that type.
    pub(crate) fn put_erased(&mut self, shelf: ShelfId, answer: Answer) -> Result<Place, Answer> {
        self.shelves[shelf as usize].put(answer)
    }

    pub(crate) fn take<T: Send + 'static>(&mut self, shelf: ShelfId, place: Place) -> Option<T> {
        self.shelf::<T>(shelf)?.remove(place)
    }

    pub(crate) fn take_erased(&mut self, shelf: ShelfId, place: Place) -> Option<Answer> {
        self.shelves[shelf as usize].take(place)
    }

    fn shelf<T: Send + 'static>(&mut self, shelf: ShelfId) -> Option<&mut Shelf<T>> {
        let shelf: &mut dyn Any = &mut *self.shelves[shelf as usize];
        shelf.downcast_mut()
    }
}

struct Shelf<T>(Slab<T>);

/// How many bytes an empty shelf keeps.
const KEPT: usize = 1 << 16;

impl<T: Send + 'static> Shelf<T> {
    fn boxed() -> Box<dyn AnyShelf> {
        Box::new(Self(Slab::new()))
    }
}

impl<T> Shelf<T> {
    fn remove(&mut self, place: Place) -> Option<T> {
        let Self(answers) = self;
        let answer = answers.try_remove(place as usize);
        if answers.capacity() * size_of::<T>() > KEPT && answers.is_empty() {
            *answers = Slab::new();
        }
        answer
    }
}

trait AnyShelf: Any + Send {
    fn put(&mut self, answer: Answer) -> Result<Place, Answer>;
    fn take(&mut self, place: Place) -> Option<Answer>;
}

impl<T: Send + 'static> AnyShelf for Shelf<T> {
    fn put(&mut self, answer: Answer) -> Result<Place, Answer> {
        Ok(self.0.insert(answer.take()?) as Place)
    }

    fn take(&mut self, place: Place) -> Option<Answer> {
        self.remove(place).map(Answer::new)
    }
}

/// A type's id is a hash already.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

/// The items of one stream. Dropping it drops them, and contains what each throws.
struct Items<T>(VecDeque<T>);

/// The same without its type.
pub(crate) trait AnyItems: Any + Send {
    fn push(&mut self, item: Answer) -> Result<(), Answer>;
    fn pop(&mut self) -> Option<Answer>;
    fn len(&self) -> usize;
}

/// No items yet of those that are awaited as this type.
pub(crate) fn items<T: Send + 'static>() -> Box<dyn AnyItems> {
    match const { is_large::<T>() } {
        true => Box::new(Items(VecDeque::<Box<T>>::new())),
        false => Box::new(Items(VecDeque::<T>::new())),
    }
}

/// The queue of a stream whose items are of this type.
pub(crate) fn queue<T: Send + 'static>(items: &mut Box<dyn AnyItems>) -> Option<&mut VecDeque<T>> {
    let items: &mut dyn Any = &mut **items;
    let Items(queue) = items.downcast_mut()?;
    Some(queue)
}

impl<T: Send + 'static> AnyItems for Items<T> {
    fn push(&mut self, item: Answer) -> Result<(), Answer> {
        self.0.push_back(item.take()?);
        Ok(())
    }

    fn pop(&mut self) -> Option<Answer> {
        self.0.pop_front().map(Answer::new)
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

impl<T> Drop for Items<T> {
    fn drop(&mut self) {
        while let Some(item) = self.0.pop_front() {
            discard(item);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_comes_out_as_what_went_in() {
        let mut shelves = Shelves::default();
        let (numbers, texts) = (shelves.of::<u64>(), shelves.of::<String>());
        assert_eq!(
            (shelves.of::<u64>(), shelves.of::<String>()),
            (numbers, texts)
        );
        let seven = shelves.put(numbers, 7u64).unwrap();
        let erased = shelves.put_erased(texts, Answer::new("text".to_string()));
        let text = erased.unwrap_or_else(|_| unreachable!());
        assert_eq!(shelves.take::<u64>(numbers, seven), Some(7));
        assert_eq!(shelves.take::<u64>(numbers, seven), None);
        let taken = shelves.take_erased(texts, text).unwrap();
        assert_eq!(taken.take::<String>().ok().as_deref(), Some("text"));
    }

    #[test]
    fn an_empty_shelf_gives_back_what_a_burst_needed() {
        type Four = [usize; 4];
        let mut shelves = Shelves::default();
        let shelf = shelves.of::<Four>();
        let room = |shelves: &mut Shelves| shelves.shelf::<Four>(shelf).unwrap().0.capacity();
        for (burst, is_kept) in [(100, true), (KEPT / size_of::<Four>() + 1, false)] {
            let places: Vec<_> = (0..burst)
                .map(|number| shelves.put(shelf, [number; 4]).unwrap())
                .collect();
            assert!(room(&mut shelves) >= burst);
            for (number, place) in (0..).zip(places) {
                assert_eq!(shelves.take::<Four>(shelf, place), Some([number; 4]));
            }
            assert_eq!(room(&mut shelves) > 0, is_kept, "{burst}");
        }
    }

    #[test]
    fn what_is_large_is_kept_in_its_box() {
        type Large = [usize; 5];
        let mut shelves = Shelves::default();
        let large = shelves.of::<Large>();
        let sent = shelves
            .put_erased(large, Answer::new([7usize; 5]))
            .unwrap_or_else(|_| panic!("its type"));
        assert_eq!(
            shelves.take::<Box<Large>>(large, sent),
            Some(Box::new([7; 5]))
        );
        assert_eq!(shelves.put::<Large>(large, [7; 5]), Err([7; 5]));
    }

    #[test]
    fn a_shelf_takes_its_own_type_only() {
        let mut shelves = Shelves::default();
        let numbers = shelves.of::<u64>();
        assert_eq!(shelves.put(numbers, "text"), Err("text"));
        let refused = shelves
            .put_erased(numbers, Answer::new("text"))
            .unwrap_err();
        assert_eq!(refused.take::<&str>().ok(), Some("text"));
    }
}
