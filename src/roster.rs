//! The task table: every task, from its spawn until its allocation is gone.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::Location;
use std::task::Waker;

use crate::id::{TaskId, Tasks};
use crate::meta::Label;
use crate::snapshot::TaskSnapshot;

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
    /// Whether it was woken by that since its last poll, and so is ready.
    is_called: Cell<bool>,
    has_ended: bool,
    /// Whether its join handle is out.
    is_joined: bool,
}

impl Roster {
    /// Takes in a new task.
    pub(crate) fn insert(&mut self, label: Label) -> TaskId {
        let id = self.tasks.insert_with(|_| Task {
            place: label.place,
            waker: None,
            is_called: Cell::new(false),
            has_ended: false,
            is_joined: true,
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

    /// Its waker, if it has waited before, and whether it was woken by that since its last poll.
    pub(crate) fn waker(&self, id: TaskId) -> Option<(&Waker, &Cell<bool>)> {
        let task = self.tasks.get(id)?;
        Some((task.waker.as_ref()?, &task.is_called))
    }

    /// It waits, by this waker. Gives whether it is for the first time.
    pub(crate) fn pend(&mut self, id: TaskId, waker: &Waker) -> bool {
        let Some(task) = self.tasks.get_mut(id) else {
            return false;
        };
        task.is_called.set(false);
        let is_first = task.waker.is_none();
        if is_first {
            task.waker = Some(waker.clone());
        }
        is_first
    }

    /// It has ended. Gives its waker, to be dropped outside the borrow: it may be the last that holds the allocation.
    #[must_use = "it is dropped outside the borrow"]
    pub(crate) fn end(&mut self, id: TaskId) -> Option<Waker> {
        self.live -= 1;
        let task = self.tasks.get_mut(id)?;
        task.has_ended = true;
        task.waker.take()
    }

    /// Its join handle is gone.
    pub(crate) fn detach(&mut self, id: TaskId) {
        if let Some(task) = self.tasks.get_mut(id) {
            task.is_joined = false;
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

    pub(crate) fn snapshot(&self) -> Vec<TaskSnapshot> {
        let live = self.tasks.iter().filter(|(_, task)| !task.has_ended);
        let describe = |(id, task): (TaskId, &Task)| TaskSnapshot {
            id,
            name: self.label_of(id, task).name,
            place: task.place,
        };
        live.map(describe).collect()
    }

    /// Every task whose allocation is there, and whether its join handle is out.
    pub(crate) fn remaining(&self) -> impl Iterator<Item = (TaskId, Label, bool)> {
        self.tasks
            .iter()
            .map(|(id, task)| (id, self.label_of(id, task), task.is_joined))
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
        let id = roster.insert(Label { name, place });
        assert!(roster.waker(id).is_none());
        assert!(roster.pend(id, Waker::noop()) && roster.waker(id).is_some());
        assert!(!roster.pend(id, Waker::noop()));
        assert!(roster.end(id).is_some() && roster.waker(id).is_none());
        roster.remove(id);
        assert!(!roster.pend(id, Waker::noop()) && roster.remaining().count() == 0);
        assert!(roster.names.is_empty());
    }
}
