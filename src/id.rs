//! Names: what everybody outside the executor holds instead of a pointer.
//!
//! An id is a slot's index and the slot's generation at the time it was given out. The generation moves on each time
//! that a slot is freed, so an id names one thing for ever: a late one finds nothing rather than somebody else's. A
//! slot whose generations are used up is retired, never reused.

use std::fmt;
use std::ops::Range;

use slab::Slab;

/// Names a request or a subscription, for the life of its executor.
///
/// It is given out when the request is first polled, never twice by one executor, and is [`Copy`]: dropping it does
/// nothing. It is a name and no proof: whoever has the number can answer by it.
///
/// ```
/// use stillpoint::RequestId;
///
/// let id = RequestId::from_u64(7);
/// assert_eq!(id.to_u64(), 7);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(u64);

impl RequestId {
    /// Given to nobody: generations begin at 1.
    pub(crate) const NONE: Self = Self(0);

    /// The id, unless it is [`NONE`](Self::NONE).
    pub(crate) fn some(self) -> Option<Self> {
        (self != Self::NONE).then_some(self)
    }

    /// The id as a number below 2^53, which JavaScript and JSON hold exactly: a 24-bit index and a 29-bit generation.
    ///
    /// ```
    /// # use stillpoint::{Emitted, Executor, Operation, Request};
    /// # struct Ask;
    /// # impl Operation for Ask {
    /// #     type Output = u32;
    /// # }
    /// # let mut executor = Executor::<Request<Ask>>::new();
    /// # let shell = executor.shell();
    /// executor.spawn(async move { shell.request(Ask).await });
    /// executor.run_until_stalled();
    /// let Some(Emitted::Effect(request)) = executor.drain().next() else { unreachable!() };
    /// let number = request.id().to_u64();
    /// assert_eq!(number, 1 << 24, "index 0, generation 1");
    /// assert_eq!(number as f64 as u64, number, "and a number of JavaScript's");
    /// ```
    #[must_use]
    pub const fn to_u64(self) -> u64 {
        self.0
    }

    /// The id that [`to_u64`](Self::to_u64) gave as this number.
    ///
    /// Any number makes an id; one that no executor gave out is answered with
    /// [`Reason::Unknown`](crate::Reason::Unknown).
    ///
    /// ```
    /// # use stillpoint::{Executor, Operation, Reason, RequestId};
    /// # struct Ask;
    /// # impl Operation for Ask {
    /// #     type Output = u32;
    /// # }
    /// let mut executor = Executor::<()>::new();
    /// let made_up = RequestId::from_u64(u64::MAX);
    /// let error = executor.resolve_id::<Ask>(made_up, 42).unwrap_err();
    /// assert_eq!(error.reason(), Reason::Unknown);
    /// ```
    #[must_use]
    pub const fn from_u64(number: u64) -> Self {
        Self(number)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({self} = {})", self.0)
    }
}

/// Index, a full stop, generation: `3.1`, for people. It is one word, where [`to_u64`](RequestId::to_u64) is what a
/// bridge writes and a shell knows: the generation, times 2^24, plus the index. `Debug` has both.
impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (index, generation) = Requests::<()>::split(self.0);
        write!(f, "{index}.{generation}")
    }
}

/// Names a task in reports, for the life of its executor. It is [`Copy`]: dropping it does nothing.
///
/// ```
/// use stillpoint::Executor;
///
/// let mut executor = Executor::<()>::new();
/// executor.spawn(async {});
/// executor.run_until_stalled();
/// executor.spawn(std::future::pending::<()>());
/// executor.run_until_stalled();
/// let second = executor.snapshot().tasks[0].id;
/// assert_eq!(second.to_string(), "0.2", "the place of the first, and another id");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(u64);

impl TaskId {
    /// Not yet in any table: a task that was spawned from outside and not taken in.
    pub(crate) const NONE: Self = Self(0);

    /// The id as a number.
    ///
    /// ```
    /// use stillpoint::Executor;
    ///
    /// let mut executor = Executor::<()>::new();
    /// for _ in 0..2 {
    ///     executor.spawn(std::future::pending::<()>());
    /// }
    /// executor.run_until_stalled();
    /// let ids: Vec<_> = executor.snapshot().tasks.iter().map(|task| task.id.to_u64()).collect();
    /// assert_eq!(ids.len(), 2);
    /// assert_ne!(ids[0], ids[1]);
    /// ```
    #[must_use]
    pub const fn to_u64(self) -> u64 {
        self.0
    }

    pub(crate) const fn from_u64(number: u64) -> Self {
        Self(number)
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskId({self})")
    }
}

/// Index, a full stop, generation: `3.1`.
impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (index, generation) = Tasks::<()>::split(self.0);
        write!(f, "{index}.{generation}")
    }
}

/// A type that is a name of an [`Arena`]'s slots.
pub(crate) trait Name: Copy {
    fn from_number(number: u64) -> Self;
    fn number(self) -> u64;
}

impl Name for RequestId {
    fn from_number(number: u64) -> Self {
        Self(number)
    }
    fn number(self) -> u64 {
        self.0
    }
}

impl Name for TaskId {
    fn from_number(number: u64) -> Self {
        Self(number)
    }
    fn number(self) -> u64 {
        self.0
    }
}

/// Requests: 2^24 at a time, and 53 bits in all.
pub(crate) type Requests<T> = Arena<RequestId, T, 24, { (1 << 29) - 1 }>;

/// Tasks: as many as memory holds, in 62 bits.
pub(crate) type Tasks<T> = Arena<TaskId, T, 32, { (1 << 30) - 1 }>;

/// A slab whose keys are never given out twice.
pub(crate) struct Arena<N, T, const INDEX_BITS: u32, const LAST_GENERATION: u32> {
    /// `None` is a retired slot, which stays taken so that the slab does not give its index out again.
    slots: Slab<Option<T>>,
    /// By index, the generation of the slot's present or next occupant. Generations begin at 1, so no id is 0.
    generations: Vec<u32>,
    retired: usize,
    name: std::marker::PhantomData<fn() -> N>,
}

impl<N, T, const INDEX_BITS: u32, const LAST_GENERATION: u32> Default
    for Arena<N, T, INDEX_BITS, LAST_GENERATION>
{
    fn default() -> Self {
        Self {
            slots: Slab::new(),
            generations: Vec::new(),
            retired: 0,
            name: std::marker::PhantomData,
        }
    }
}

impl<N: Name, T, const INDEX_BITS: u32, const LAST_GENERATION: u32>
    Arena<N, T, INDEX_BITS, LAST_GENERATION>
{
    const fn split(number: u64) -> (usize, u64) {
        (
            (number & ((1 << INDEX_BITS) - 1)) as usize,
            number >> INDEX_BITS,
        )
    }

    fn join(index: usize, generation: u32) -> N {
        N::from_number((u64::from(generation) << INDEX_BITS) + index as u64)
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.retired
    }

    pub(crate) fn is_full(&self) -> bool {
        (self.slots.vacant_key() as u64) >> INDEX_BITS != 0
    }

    /// Stores what `make` returns for its new id; gives `None` without calling it where every index is in use.
    pub(crate) fn insert_with(&mut self, make: impl FnOnce(N) -> T) -> Option<N> {
        if self.is_full() {
            return None;
        }
        let vacant = self.slots.vacant_entry();
        let index = vacant.key();
        if index == self.generations.len() {
            self.generations.push(1);
        }
        let id = Self::join(index, self.generations[index]);
        vacant.insert(Some(make(id)));
        Some(id)
    }

    fn index_of(&self, id: N) -> Option<usize> {
        let (index, generation) = Self::split(id.number());
        (self.generations.get(index).copied().map(u64::from) == Some(generation)).then_some(index)
    }

    pub(crate) fn get(&self, id: N) -> Option<&T> {
        self.slots.get(self.index_of(id)?)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, id: N) -> Option<&mut T> {
        let index = self.index_of(id)?;
        self.slots.get_mut(index)?.as_mut()
    }

    pub(crate) fn remove(&mut self, id: N) -> Option<T> {
        let index = self.index_of(id)?;
        if !self.slots.contains(index) {
            return None;
        }
        if self.generations[index] == LAST_GENERATION {
            let value = self.slots[index].take();
            self.retired += usize::from(value.is_some());
            value
        } else {
            self.generations[index] += 1;
            self.slots.remove(index)
        }
    }

    /// Whether this id was given out at some time and names nothing any more.
    pub(crate) fn is_stale(&self, id: N) -> bool {
        let (index, generation) = Self::split(id.number());
        let next = self.generations.get(index).copied().map_or(0, u64::from);
        generation != 0
            && (generation < next
                || (generation == next && matches!(self.slots.get(index), Some(None))))
    }

    /// What is stored, by index.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (N, &T)> {
        self.slots.iter().filter_map(|(index, slot)| {
            Some((Self::join(index, self.generations[index]), slot.as_ref()?))
        })
    }

    /// What is stored at indices of a range, and whether there are indices after it.
    pub(crate) fn range(&self, indices: Range<usize>) -> (impl Iterator<Item = &T>, bool) {
        let end = indices.end;
        let stored = indices.filter_map(|index| self.slots.get(index)?.as_ref());
        (stored, end < self.generations.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Small = Arena<RequestId, &'static str, 24, 3>;

    #[test]
    fn an_id_names_one_thing_for_ever() {
        let mut arena = Small::default();
        let a = arena.insert_with(|_| "a").unwrap();
        assert_eq!(arena.remove(a), Some("a"));
        let b = arena.insert_with(|_| "b").unwrap();
        assert_eq!((arena.get(a), arena.get(b)), (None, Some(&"b")));
        assert_eq!(arena.remove(a), None);
        assert_eq!((arena.is_stale(a), arena.is_stale(b)), (true, false));
        assert_eq!(RequestId::from_u64(b.to_u64()), b);
    }

    #[test]
    fn a_slot_is_retired_after_its_last_generation() {
        let mut arena = Small::default();
        let mut ids = Vec::new();
        for _ in 0..3 {
            let id = arena.insert_with(|_| "x").unwrap();
            arena.remove(id).unwrap();
            ids.push(id);
        }
        assert_eq!((ids[2].to_string(), arena.len()), ("0.3".into(), 0));
        let next = arena.insert_with(|_| "y").unwrap();
        assert_eq!((next.to_string(), arena.len()), ("1.1".into(), 1));
        assert!(ids.iter().all(|id| arena.is_stale(*id)
            && arena.get(*id).is_none()
            && arena.remove(*id).is_none()));
        assert_eq!((arena.len(), arena.iter().count()), (1, 1));
    }

    #[test]
    fn what_was_never_given_out_is_not_stale() {
        let mut arena = Small::default();
        let id = arena.insert_with(|_| "x").unwrap();
        for number in [0, 1, 1 << 24 | 1, 2 << 24, u64::MAX] {
            let unknown = RequestId::from_u64(number);
            assert!(
                arena.get(unknown).is_none() && arena.get_mut(unknown).is_none(),
                "{number}"
            );
            assert!(
                arena.remove(unknown).is_none() && !arena.is_stale(unknown),
                "{number}"
            );
        }
        assert!(!arena.is_stale(id));
        // Nor is the next id of a place that is free.
        arena.remove(id).unwrap();
        let next = RequestId::from_u64(id.to_u64() + (1 << 24));
        assert!(arena.remove(next).is_none() && arena.get(next).is_none() && !arena.is_stale(next));
    }

    impl<N, T, const INDEX_BITS: u32, const LAST_GENERATION: u32>
        Arena<N, T, INDEX_BITS, LAST_GENERATION>
    {
        /// The greatest number that it may give out.
        const LAST: u64 = ((LAST_GENERATION as u64) << INDEX_BITS) | ((1 << INDEX_BITS) - 1);
    }

    #[test]
    fn a_request_has_53_bits_and_a_task_62() {
        assert_eq!(Requests::<()>::LAST, (1 << 53) - 1);
        assert_eq!(Tasks::<()>::LAST, (1 << 62) - 1);
    }

    #[test]
    fn a_range_is_what_is_stored_there_and_whether_there_is_more() {
        let mut arena = Small::default();
        let ids = ["a", "b", "c"].map(|name| arena.insert_with(|_| name).unwrap());
        arena.remove(ids[1]);
        let range = |indices| {
            let (stored, is_more) = arena.range(indices);
            (stored.copied().collect::<String>(), is_more)
        };
        assert_eq!(range(0..2), ("a".to_owned(), true));
        assert_eq!(range(1..3), ("c".to_owned(), false));
        assert_eq!(range(2..9), ("c".to_owned(), false));
        assert_eq!(range(9..10), (String::new(), false));
    }

    #[test]
    fn a_full_arena_makes_nothing() {
        let mut arena = Arena::<RequestId, u8, 2, 9>::default();
        let ids: Vec<_> = (0..4).map(|n| arena.insert_with(|_| n).unwrap()).collect();
        assert_eq!(
            (arena.insert_with(|_| unreachable!()), arena.is_full()),
            (None, true)
        );
        arena.remove(ids[2]);
        assert_eq!(arena.insert_with(|_| 7).unwrap().to_u64(), 2 << 2 | 2);
    }
}
