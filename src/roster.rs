//! The task table: every task, from its spawn until its allocation is gone.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::Location;
use std::task::Waker;

use crate::id::{TaskId, Tasks};
use crate::meta::Label;
use crate::scopes::{Key, Left, Scopes, Slot};
use crate::snapshot::TaskSnapshot;

#[derive(Default)]
pub(crate) struct Roster {
    tasks: Tasks<Task>,
    /// What not every executor has a use for.
    rare: Option<Box<Rare>>,
    live: usize,
    /// The most of them at one time.
    pub(crate) peak: usize,
    /// All that were ever taken in.
    pub(crate) seen: u64,
}

#[derive(Default)]
struct Rare {
    /// Of those that were given one.
    names: BTreeMap<TaskId, &'static str>,
    scopes: Scopes,
    /// Of a task whose allocation went with its last poll, as one's does that nobody joins.
    parting: Option<Ties>,
}

struct Task {
    place: &'static Location<'static>,
    /// From its first poll that is pending until it ends: until then it is ready, or being polled.
    waker: Option<Waker>,
    /// The scope that it is in.
    scope: Option<Slot>,
    /// Whether it was woken by that since its last poll, and so is ready.
    is_called: Cell<bool>,
    has_ended: bool,
    /// Whether its join handle is out.
    is_joined: bool,
    /// Whether it is to end though nobody has aborted it by its handle.
    is_doomed: bool,
}

impl Task {
    fn ties(&self) -> Ties {
        Ties {
            scope: self.scope,
            is_doomed: self.is_doomed,
        }
    }
}

/// What ties a task to others.
#[derive(Clone, Copy, Default)]
pub(crate) struct Ties {
    pub(crate) scope: Option<Slot>,
    pub(crate) is_doomed: bool,
}

impl Roster {
    /// Takes in a new task.
    pub(crate) fn insert(&mut self, label: Label) -> TaskId {
        let id = self.tasks.insert_with(|_| Task {
            place: label.place,
            waker: None,
            scope: None,
            is_called: Cell::new(false),
            has_ended: false,
            is_joined: true,
            is_doomed: false,
        });
        let id = id.expect("2^32 tasks need more memory than there is");
        if let Some(name) = label.name {
            self.rare().names.insert(id, name);
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
        let task = self.tasks.remove(id);
        if let Some(rare) = &mut self.rare {
            rare.names.remove(&id);
            if let Some(task) = task
                && !task.has_ended
            {
                rare.parting = Some(task.ties());
            }
        }
    }

    pub(crate) fn label(&self, id: TaskId) -> Option<Label> {
        let task = self.tasks.get(id)?;
        Some(self.label_of(id, task))
    }

    fn label_of(&self, id: TaskId, task: &Task) -> Label {
        Label {
            name: self
                .rare
                .as_ref()
                .and_then(|rare| rare.names.get(&id).copied()),
            place: task.place,
        }
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    // --- scopes ---

    pub(crate) fn scopes(&mut self) -> &mut Scopes {
        &mut self.rare().scopes
    }

    /// Puts a new task into a scope, or into none, under a key. Gives whether it is to end at once, and the task that was
    /// the latest under that key.
    pub(crate) fn tie(
        &mut self,
        id: TaskId,
        scope: Option<Slot>,
        key: Option<Key>,
    ) -> (bool, Option<TaskId>) {
        if let Some(task) = self.tasks.get_mut(id) {
            task.scope = scope;
        }
        let tasks = &self.tasks;
        let scopes = &mut self.rare.get_or_insert_default().scopes;
        let ends = scope.is_some_and(|slot| scopes.enter(slot, id));
        let before = key.and_then(|key| scopes.replace(scope, key, id, |id| is_live(tasks, id)));
        (ends, before)
    }

    /// Marks a task for its end. Gives whether that is news.
    pub(crate) fn doom(&mut self, id: TaskId) -> bool {
        let Some(task) = self.tasks.get_mut(id) else {
            return false;
        };
        let is_news = !task.has_ended && !task.is_doomed;
        if is_news {
            task.is_doomed = true;
            self.scopes().doomed += 1;
        }
        is_news
    }

    pub(crate) fn is_doomed(&self, id: TaskId) -> bool {
        self.tasks.get(id).is_some_and(|task| task.is_doomed)
    }

    /// What ties a task to others that has ended by this very poll.
    pub(crate) fn ties(&mut self, id: TaskId) -> Ties {
        match self.tasks.get(id) {
            Some(task) => task.ties(),
            None => self.rare().parting.take().unwrap_or_default(),
        }
    }

    /// A task with ties is ending. Gives how many doomed ones are left.
    pub(crate) fn untie(&mut self, ties: Ties, how: Left) -> usize {
        let tasks = &self.tasks;
        let scopes = &mut self.rare.get_or_insert_default().scopes;
        scopes.doomed -= usize::from(ties.is_doomed);
        if let Some(slot) = ties.scope {
            scopes.leave(slot, how, |id| is_live(tasks, id));
        }
        scopes.doomed
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

fn is_live(tasks: &Tasks<Task>, id: TaskId) -> bool {
    tasks.get(id).is_some_and(|task| !task.has_ended)
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
        assert!(roster.rare().names.is_empty());
    }

    /// A task costs as much as before there were scopes.
    #[test]
    #[cfg(target_pointer_width = "64")]
    fn a_place_in_the_table_takes_four_words() {
        assert_eq!(size_of::<Option<Task>>(), 32);
    }
}
