//! The task table: every task, from its spawn until its allocation is gone.

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::Location;
use std::task::Waker;

use crate::id::{TaskId, Tasks};
use crate::meta::Label;
use crate::scopes::{Key, Left, Scopes, Slot};
use crate::snapshot::{TaskSnapshot, TaskState};

#[derive(Default)]
pub(crate) struct TaskTable {
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
    /// Of the tasks that were given one.
    names: BTreeMap<TaskId, &'static str>,
    /// The scope of each task that is in one.
    members: BTreeMap<TaskId, Slot>,
    scopes: Scopes,
    /// The ties of a task whose allocation went with its last poll, as that of a detached one does: they are asked for
    /// when the poll is over.
    parting: Option<Ties>,
}

struct Task {
    place: &'static Location<'static>,
    /// From its first poll that is pending until it ends: until then it is ready, or being polled.
    waker: Option<Waker>,
    /// The turn that took it in, modulo 2^32.
    since: u32,
    /// Stays at its most.
    polls: u16,
    has_ended: bool,
    marks: Marks,
}

/// What else is so of a task.
#[derive(Clone, Copy, Default)]
struct Marks(u8);

/// Its join handle is gone.
const DETACHED: u8 = 1;
/// It was woken by its waker since its last poll, and so is ready.
const WOKEN: u8 = 2;
/// It is to end though nobody has aborted it by its handle.
const DOOMED: u8 = 4;

impl Marks {
    fn has(self, mark: u8) -> bool {
        self.0 & mark != 0
    }

    /// Gives whether it was so before.
    fn set(&mut self, mark: u8) -> bool {
        let before = *self;
        self.0 |= mark;
        before.has(mark)
    }

    fn clear(&mut self, mark: u8) {
        self.0 &= !mark;
    }

    fn is_joined(self) -> bool {
        !self.has(DETACHED)
    }
}

/// What ties a task to others.
#[derive(Clone, Copy, Default)]
pub(crate) struct Ties {
    pub(crate) scope: Option<Slot>,
    pub(crate) is_doomed: bool,
}

/// What there may be millions of: with a value of its own for a retired place, and one for a free one.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Option<Option<Task>>>() == 32);

impl TaskTable {
    /// Takes in a new task, in this turn.
    pub(crate) fn insert(&mut self, label: Label, turn: u32) -> TaskId {
        let id = self.tasks.insert_with(|_| Task {
            place: label.place,
            waker: None,
            since: turn,
            polls: 0,
            has_ended: false,
            marks: Marks::default(),
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

    /// Its waker, if it has waited before, and whether it was woken by that since its last poll, as it is from now on.
    pub(crate) fn mark_woken(&mut self, id: TaskId) -> Option<(&Waker, bool)> {
        let task = self.tasks.get_mut(id)?;
        Some((task.waker.as_ref()?, task.marks.set(WOKEN)))
    }

    /// It was polled, and waits, by this waker. Gives whether it is for the first time.
    pub(crate) fn pend(&mut self, id: TaskId, waker: &Waker) -> bool {
        let Some(task) = self.tasks.get_mut(id) else {
            return false;
        };
        task.polls = task.polls.saturating_add(1);
        task.marks.clear(WOKEN);
        let is_first = task.waker.is_none();
        if is_first {
            task.waker = Some(waker.clone());
        }
        is_first
    }

    /// It has ended, in a poll or without one. Gives its waker, to be dropped outside the borrow: it may be the last
    /// that holds the allocation.
    #[must_use = "it is dropped outside the borrow"]
    pub(crate) fn end(&mut self, id: TaskId, was_polled: bool) -> Option<Waker> {
        self.live -= 1;
        let task = self.tasks.get_mut(id)?;
        if was_polled {
            task.polls = task.polls.saturating_add(1);
        }
        task.has_ended = true;
        task.waker.take()
    }

    /// Its join handle is gone.
    pub(crate) fn detach(&mut self, id: TaskId) {
        if let Some(task) = self.tasks.get_mut(id) {
            task.marks.set(DETACHED);
        }
    }

    /// Its allocation is gone.
    pub(crate) fn remove(&mut self, id: TaskId) {
        let task = self.tasks.remove(id);
        if let Some(rare) = &mut self.rare {
            rare.names.remove(&id);
            let scope = rare.members.remove(&id);
            if let Some(task) = task
                && !task.has_ended
            {
                let is_doomed = task.marks.has(DOOMED);
                rare.parting = Some(Ties { scope, is_doomed });
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

    /// Puts a new task into a scope, or into none, under a key. Gives whether it is to end at once, and the task that
    /// was the latest under that key.
    pub(crate) fn tie(
        &mut self,
        id: TaskId,
        scope: Option<Slot>,
        key: Option<Key>,
    ) -> (bool, Option<TaskId>) {
        let tasks = &self.tasks;
        let Rare {
            members, scopes, ..
        } = &mut **self.rare.get_or_insert_default();
        members.extend(scope.map(|slot| (id, slot)));
        let ends = scope.is_some_and(|slot| scopes.enter(slot, id));
        let before = key.and_then(|key| scopes.replace(scope, key, id, |id| is_live(tasks, id)));
        (ends, before)
    }

    /// Marks a task for its end. Gives whether that is news.
    pub(crate) fn doom(&mut self, id: TaskId) -> bool {
        let Some(task) = self.tasks.get_mut(id) else {
            return false;
        };
        let is_news = !task.has_ended && !task.marks.set(DOOMED);
        if is_news {
            self.scopes().doomed += 1;
        }
        is_news
    }

    pub(crate) fn is_doomed(&self, id: TaskId) -> bool {
        self.tasks
            .get(id)
            .is_some_and(|task| task.marks.has(DOOMED))
    }

    /// What ties a task to others that has ended by this very poll.
    pub(crate) fn ties(&mut self, id: TaskId) -> Ties {
        let is_doomed = self.tasks.get(id).map(|task| task.marks.has(DOOMED));
        let rare = self.rare();
        match is_doomed {
            Some(is_doomed) => Ties {
                scope: rare.members.get(&id).copied(),
                is_doomed,
            },
            None => rare.parting.take().unwrap_or_default(),
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

    /// Every task whose allocation is there, as of this turn: the live ones, and those that have ended. What a live one
    /// awaits, and whether it is ready, the table does not know.
    pub(crate) fn snapshot(&self, turn: u32) -> (Vec<TaskSnapshot>, Vec<TaskSnapshot>) {
        let describe = |(id, task): (TaskId, &Task)| TaskSnapshot {
            id,
            name: self.label_of(id, task).name,
            place: task.place,
            state: match task.has_ended {
                true => TaskState::Ended,
                false => TaskState::Waiting,
            },
            polls: task.polls.into(),
            age: turn.wrapping_sub(task.since),
            is_joined: task.marks.is_joined(),
            awaits: Vec::new(),
        };
        let all = self.tasks.iter().map(describe);
        all.partition(|task| task.state != TaskState::Ended)
    }

    /// Every task whose allocation is there, and whether its join handle is out.
    pub(crate) fn remaining(&self) -> impl Iterator<Item = (TaskId, Label, bool)> {
        self.tasks
            .iter()
            .map(|(id, task)| (id, self.label_of(id, task), task.marks.is_joined()))
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
        let mut table = TaskTable::default();
        let place = Location::caller();
        let name = Some("checker");
        let id = table.insert(Label { name, place }, 0);
        let woken = |table: &mut TaskTable| table.mark_woken(id).map(|(_, was_woken)| was_woken);
        assert_eq!(woken(&mut table), None);
        assert!(table.pend(id, Waker::noop()) && woken(&mut table) == Some(false));
        assert_eq!(woken(&mut table), Some(true));
        assert!(!table.pend(id, Waker::noop()) && woken(&mut table) == Some(false));
        assert!(table.end(id, true).is_some() && woken(&mut table).is_none());
        table.remove(id);
        assert!(!table.pend(id, Waker::noop()) && table.remaining().count() == 0);
        assert!(table.rare().names.is_empty());
    }

    #[test]
    fn polls_are_counted_to_their_most_and_stay_there() {
        let mut table = TaskTable::default();
        let place = Location::caller();
        let id = table.insert(Label { name: None, place }, 0);
        let polls = |table: &TaskTable| table.snapshot(0).0[0].polls;
        for number in 1..=3 {
            table.pend(id, Waker::noop());
            assert_eq!(polls(&table), number);
        }
        table.tasks.get_mut(id).unwrap().polls = u16::MAX - 1;
        for _ in 0..3 {
            table.pend(id, Waker::noop());
            assert_eq!(polls(&table), 65_535);
        }
    }

    #[test]
    fn marks_are_told_apart() {
        let mut marks = Marks::default();
        assert!(marks.is_joined() && !marks.has(DOOMED));
        assert!(!marks.set(WOKEN) && marks.set(WOKEN));
        assert!(!marks.set(DETACHED) && !marks.set(DOOMED));
        assert!(!marks.is_joined() && marks.has(DOOMED));
        marks.clear(WOKEN);
        assert!(!marks.set(WOKEN) && marks.has(DOOMED));
    }

    #[test]
    fn an_age_is_counted_over_the_end_of_the_turns_numbers() {
        let mut table = TaskTable::default();
        let (name, place) = (None, Location::caller());
        let id = table.insert(Label { name, place }, u32::MAX);
        let (live, _) = table.snapshot(2);
        assert_eq!((live[0].id, live[0].age), (id, 3));
    }
}
