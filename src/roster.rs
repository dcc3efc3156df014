//! The task table: every task, from its spawn until its allocation is gone.

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::Location;
use std::task::Waker;

use crate::id::{TaskId, Tasks};
use crate::meta::Label;
use crate::snapshot::{TaskSnapshot, TaskState};

#[derive(Default)]
pub(crate) struct Roster {
    tasks: Tasks<Task>,
    /// Of those that were given one.
    names: BTreeMap<TaskId, &'static str>,
    live: usize,
    /// The most of them at one time.
    pub(crate) peak: usize,
    /// All that were ever taken in.
    pub(crate) seen: u64,
}

struct Task {
    place: &'static Location<'static>,
    /// From its first poll that is pending until it ends: until then it is ready, or being polled.
    waker: Option<Waker>,
    /// The turn that took it in, modulo 2^32.
    since: u32,
    polls: Polls,
    life: Life,
}

/// Whether a task has ended, and whether its join handle is out: in one byte, of which one value serves the slab.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    Joined,
    Detached,
    EndedJoined,
    EndedDetached,
}

impl Life {
    fn has_ended(self) -> bool {
        matches!(self, Self::EndedJoined | Self::EndedDetached)
    }

    fn is_joined(self) -> bool {
        matches!(self, Self::Joined | Self::EndedJoined)
    }

    fn ended(self) -> Self {
        match self.is_joined() {
            true => Self::EndedJoined,
            false => Self::EndedDetached,
        }
    }

    fn detached(self) -> Self {
        match self.has_ended() {
            true => Self::EndedDetached,
            false => Self::Detached,
        }
    }
}

/// A count that stays at its most: of three bytes, since a task has no more to spare.
#[derive(Clone, Copy, Default)]
struct Polls {
    low: [u8; 2],
    high: u8,
}

impl Polls {
    #[inline]
    fn increment(&mut self) {
        let (low, is_over) = u16::from_ne_bytes(self.low).overflowing_add(1);
        if is_over {
            match self.high.checked_add(1) {
                Some(high) => self.high = high,
                None => return,
            }
        }
        self.low = low.to_ne_bytes();
    }

    fn get(self) -> u32 {
        u32::from(u16::from_ne_bytes(self.low)) | u32::from(self.high) << u16::BITS
    }
}

/// What there may be millions of: see `asserted`.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Option<Task>>() == 32);

impl Roster {
    /// Takes in a new task, in this turn.
    pub(crate) fn insert(&mut self, label: Label, turn: u32) -> TaskId {
        let id = self.tasks.insert_with(|_| Task {
            place: label.place,
            waker: None,
            since: turn,
            polls: Polls::default(),
            life: Life::Joined,
        });
        let id = id.expect("2^32 tasks need more memory than there is");
        if let Some(name) = label.name {
            self.names.insert(id, name);
        }
        self.seen += 1;
        self.live += 1;
        self.peak = self.peak.max(self.live);
        id
    }

    /// How many have not ended.
    pub(crate) fn live(&self) -> usize {
        self.live
    }

    pub(crate) fn waker(&self, id: TaskId) -> Option<&Waker> {
        self.tasks.get(id)?.waker.as_ref()
    }

    /// It was polled, and waits. Gives whether that is for the first time, and its waker is to be kept.
    #[must_use = "its waker may have to be kept"]
    pub(crate) fn waits(&mut self, id: TaskId) -> bool {
        self.tasks.get_mut(id).is_some_and(|task| {
            task.polls.increment();
            task.waker.is_none()
        })
    }

    pub(crate) fn keep_waker(&mut self, id: TaskId, waker: Waker) {
        if let Some(task) = self.tasks.get_mut(id) {
            task.waker = Some(waker);
        }
    }

    /// It has ended, in a poll or without one. Gives its waker, to be dropped outside the borrow: it may be the last that
    /// holds the allocation.
    #[must_use = "it is dropped outside the borrow"]
    pub(crate) fn end(&mut self, id: TaskId, was_polled: bool) -> Option<Waker> {
        self.live -= 1;
        let task = self.tasks.get_mut(id)?;
        if was_polled {
            task.polls.increment();
        }
        task.life = task.life.ended();
        task.waker.take()
    }

    /// Its join handle is gone.
    pub(crate) fn detach(&mut self, id: TaskId) {
        if let Some(task) = self.tasks.get_mut(id) {
            task.life = task.life.detached();
        }
    }

    /// Its allocation is gone.
    pub(crate) fn remove(&mut self, id: TaskId) {
        self.tasks.remove(id);
        self.names.remove(&id);
    }

    pub(crate) fn label(&self, id: TaskId) -> Option<Label> {
        let task = self.tasks.get(id)?;
        Some(self.label_of(id, task))
    }

    fn label_of(&self, id: TaskId, task: &Task) -> Label {
        Label {
            name: self.names.get(&id).copied(),
            place: task.place,
        }
    }

    /// The wakers of those that wait, at indices of a range, and whether there are indices after it.
    pub(crate) fn waiting(&self, indices: Range<usize>) -> (impl Iterator<Item = &Waker>, bool) {
        let (tasks, is_more) = self.tasks.range(indices);
        (tasks.filter_map(|task| task.waker.as_ref()), is_more)
    }

    /// Every task whose allocation is there, as of this turn: the live ones, and those that have ended. What a live one
    /// awaits, and whether it is ready, the table does not know.
    pub(crate) fn snapshot(&self, turn: u32) -> (Vec<TaskSnapshot>, Vec<TaskSnapshot>) {
        let describe = |(id, task): (TaskId, &Task)| TaskSnapshot {
            id,
            name: self.label_of(id, task).name,
            place: task.place,
            state: match task.life.has_ended() {
                true => TaskState::Ended,
                false => TaskState::Waiting,
            },
            polls: task.polls.get(),
            age: turn.wrapping_sub(task.since),
            is_joined: task.life.is_joined(),
            awaits: Vec::new(),
        };
        let all = self.tasks.iter().map(describe);
        all.partition(|task| task.state != TaskState::Ended)
    }

    /// Every task whose allocation is there, and whether its join handle is out.
    pub(crate) fn remaining(&self) -> impl Iterator<Item = (TaskId, Label, bool)> {
        self.tasks
            .iter()
            .map(|(id, task)| (id, self.label_of(id, task), task.life.is_joined()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nobody outside can tell; but each pending poll would clone the task's waker.
    #[test]
    fn a_waker_is_kept_once_from_the_first_wait_to_the_end_and_a_name_to_the_last() {
        let mut roster = Roster::default();
        let place = Location::caller();
        let name = Some("checker");
        let id = roster.insert(Label { name, place }, 0);
        assert!(roster.waits(id) && roster.waker(id).is_none());
        roster.keep_waker(id, Waker::noop().clone());
        assert!(!roster.waits(id) && roster.waker(id).is_some());
        assert!(roster.end(id, true).is_some() && roster.waker(id).is_none());
        roster.remove(id);
        assert!(!roster.waits(id) && roster.remaining().count() == 0);
        assert!(roster.names.is_empty());
    }

    #[test]
    fn polls_are_counted_to_their_most_and_stay_there() {
        let mut polls = Polls::default();
        for number in 1..=70_000 {
            polls.increment();
            assert_eq!(polls.get(), number);
        }
        polls.high = u8::MAX;
        polls.low = (u16::MAX - 1).to_ne_bytes();
        for _ in 0..3 {
            polls.increment();
            assert_eq!(polls.get(), (1 << 24) - 1);
        }
    }

    #[test]
    fn the_end_and_the_join_handle_are_told_apart() {
        let all = |life: Life| (life.has_ended(), life.is_joined());
        assert_eq!(all(Life::Joined), (false, true));
        assert_eq!(all(Life::Joined.ended()), (true, true));
        assert_eq!(all(Life::Joined.detached()), (false, false));
        assert_eq!(all(Life::Joined.detached().ended()), (true, false));
        assert_eq!(all(Life::Joined.ended().detached()), (true, false));
    }

    #[test]
    fn an_age_is_counted_over_the_end_of_the_turns_numbers() {
        let mut roster = Roster::default();
        let (name, place) = (None, Location::caller());
        let id = roster.insert(Label { name, place }, u32::MAX);
        let (live, _) = roster.snapshot(2);
        assert_eq!((live[0].id, live[0].age), (id, 3));
    }
}
