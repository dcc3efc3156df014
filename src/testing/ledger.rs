//! What was emitted, and what became of it.
//!
//! ```text
//!             ┌──▶ Stubbed   a standing handler is to answer it ──────────▶ Handled
//!   emitted ──┼──▶ Sleeping  it is answered when its time has come ───────▶ Handled
//!             └──▶ Queued    the test has to expect it ───▶ Taken
//! ```
//!
//! An entry goes when its executor holds its request no more, and nobody has to expect its cancellation.

use std::any::Any;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::panic::Location;
use std::time::Duration;

use super::scripted::{Held, Key, Kind, Opened, shown};
use super::text::Task;
use crate::id::{RequestId, TaskId};
use crate::snapshot::Snapshot;

/// The place of an emission among all: its entry's key.
pub(super) type Number = u64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Queued,
    Stubbed,
    Sleeping(Duration),
    Taken,
    Handled,
}

/// When something was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct When {
    pub(super) turn: u64,
    pub(super) time: Duration,
}

pub(super) struct Entry {
    pub(super) key: Key,
    name: &'static str,
    pub(super) id: Option<RequestId>,
    pub(super) operation: Box<dyn Held>,
    /// Until somebody answers.
    pub(super) answer: Option<Box<dyn Any + Send>>,
    pub(super) state: State,
    when: When,
    asked: Option<Asked>,
    cancelled: Option<When>,
    /// Whether its cancellation lies in the queue.
    is_noticed: bool,
}

/// Who asked.
struct Asked {
    place: &'static Location<'static>,
    task: Option<(TaskId, Option<&'static str>, &'static Location<'static>)>,
}

/// What a test has to expect, in the order in which it was emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Effect(Number),
    /// A notice, and whether a test need not expect it: a teardown cancels all.
    Cancelled(Number, bool),
}

#[derive(Default)]
pub(super) struct Ledger {
    next: Number,
    pub(super) entries: BTreeMap<Number, Entry>,
    by_id: HashMap<RequestId, Number>,
    pub(super) queue: VecDeque<Item>,
}

impl Ledger {
    pub(super) fn add(&mut self, opened: Opened, when: When) -> Number {
        let number = self.next;
        self.next += 1;
        if let Some(id) = opened.id {
            self.by_id.insert(id, number);
        }
        let entry = Entry {
            key: opened.key,
            name: opened.name,
            id: opened.id,
            operation: opened.operation,
            answer: Some(opened.answer),
            state: State::Queued,
            when,
            asked: None,
            cancelled: None,
            is_noticed: false,
        };
        self.entries.insert(number, entry);
        number
    }

    /// Learns who asked, from when it has just been asked.
    pub(super) fn learn(&mut self, snapshot: &Snapshot) {
        for request in &snapshot.requests {
            let entry = self
                .by_id
                .get(&request.id)
                .and_then(|number| self.entries.get_mut(number));
            let Some(entry) = entry.filter(|entry| entry.asked.is_none()) else {
                continue;
            };
            let task = snapshot.tasks.iter().find(|task| task.id == request.task);
            entry.asked = Some(Asked {
                place: request.place,
                task: task.map(|task| (task.id, task.name, task.place)),
            });
        }
    }

    /// Notes a cancellation, which a test has to expect if it has had the effect. Gives the entry, for who watches.
    pub(super) fn cancel(
        &mut self,
        id: RequestId,
        when: When,
        is_teardown: bool,
    ) -> Option<&Entry> {
        let number = self.by_id.remove(&id)?;
        let entry = self.entries.get_mut(&number)?;
        entry.cancelled = Some(when);
        match entry.state {
            State::Queued | State::Taken => {
                entry.is_noticed = true;
                self.queue.push_back(Item::Cancelled(number, is_teardown));
            }
            State::Stubbed | State::Sleeping(_) | State::Handled => entry.state = State::Handled,
        }
        Some(entry)
    }

    /// Lets go of what can have no consequence any more.
    pub(super) fn prune(&mut self, holds: impl Fn(RequestId) -> bool) {
        let Self { entries, by_id, .. } = self;
        entries.retain(|_, entry| {
            let is_dead = entry.cancelled.is_some() || !entry.id.is_some_and(&holds);
            let is_kept = match entry.state {
                State::Queued => true,
                _ => entry.is_noticed || !is_dead,
            };
            if let Some(id) = entry.id.filter(|_| !is_kept) {
                by_id.remove(&id);
            }
            is_kept
        });
    }

    /// The first of the queue that `is_it` accepts, which leaves it. In order, none that has to be expected may be before
    /// it.
    pub(super) fn pick(
        &mut self,
        in_order: bool,
        mut is_it: impl FnMut(Item, &Entry) -> bool,
    ) -> Option<Number> {
        for index in 0..self.queue.len() {
            let item = self.queue[index];
            let (Item::Effect(number) | Item::Cancelled(number, _)) = item;
            let Some(entry) = self.entries.get_mut(&number) else {
                continue;
            };
            if is_it(item, entry) {
                match item {
                    Item::Effect(_) => entry.state = State::Taken,
                    Item::Cancelled(..) => entry.is_noticed = false,
                }
                self.queue.remove(index);
                return Some(number);
            }
            if in_order && !matches!(item, Item::Cancelled(_, true)) {
                return None;
            }
        }
        None
    }

    /// What a test has to expect.
    pub(super) fn unexpected(&self, now: When) -> Vec<String> {
        let must = self
            .queue
            .iter()
            .filter(|item| !matches!(item, Item::Cancelled(_, true)));
        must.filter_map(|item| match *item {
            Item::Effect(number) => Some(self.entries.get(&number)?.text(now)),
            Item::Cancelled(number, _) => {
                let entry = self.entries.get(&number)?;
                let when = entry.cancelled.unwrap_or(now);
                Some(format!("{}: cancelled {}", entry.text(now), ago(when, now)))
            }
        })
        .collect()
    }

    /// What somebody awaits and nobody has answered, but for what is not expected yet.
    pub(super) fn unanswered(&self, snapshot: &Snapshot, now: When) -> Vec<String> {
        let pending = snapshot
            .requests
            .iter()
            .filter(|request| request.taken && request.queued == 0);
        let mut numbers: Vec<_> = pending
            .filter_map(|request| self.by_id.get(&request.id))
            .collect();
        numbers.sort();
        let entries = numbers
            .into_iter()
            .filter_map(|number| self.entries.get(number));
        entries
            .filter(|entry| entry.state != State::Queued)
            .map(|entry| match entry.state {
                State::Sleeping(end) if end > now.time => {
                    format!(
                        "{}: its time comes in {:?}",
                        entry.text(now),
                        end - now.time
                    )
                }
                State::Stubbed => format!("{}: its handler says `Later`", entry.text(now)),
                _ => entry.text(now),
            })
            .collect()
    }

    /// What stands here, oldest first, of those in a state.
    pub(super) fn in_state(&self, is_it: impl Fn(State) -> bool) -> Vec<Number> {
        let entries = self.entries.iter().filter(|(_, entry)| is_it(entry.state));
        entries.map(|(number, _)| *number).collect()
    }
}

impl Entry {
    /// `request HttpGet("/"), made at src/core.rs:52:13 by task 3.1 "page" (src/core.rs:41:9), 2 turns ago`.
    pub(super) fn text(&self, now: When) -> String {
        let mut text = format!("{} {}", self.key.kind, shown(self.name, &*self.operation));
        if let Some(asked) = &self.asked {
            text.push_str(&format!(", made at {}", asked.place));
            if let Some((task, name, place)) = asked.task {
                text.push_str(&format!(" by {}", Task(task, name, place)));
            }
        }
        format!("{text}, {}", ago(self.when, now))
    }

    /// Whether the core may still be answered.
    pub(super) fn is_awaited(&self) -> bool {
        self.cancelled.is_none() && self.key.kind != Kind::Notify
    }

    /// Whether it can be seen to by what comes late: it is of that kind, and nobody was told that it is over.
    pub(super) fn can_be_adopted(&self, key: Key) -> bool {
        self.key == key && self.cancelled.is_none()
    }

    /// When it was cancelled, for who would answer it.
    pub(super) fn cancelled(&self, now: When) -> Option<String> {
        Some(ago(self.cancelled?, now))
    }
}

/// `in this turn`, `1 turn ago`, `7 turns and 2s ago`.
fn ago(when: When, now: When) -> String {
    let time = match now.time.saturating_sub(when.time) {
        Duration::ZERO => String::new(),
        time => format!(" and {time:?}"),
    };
    match now.turn.saturating_sub(when.turn) {
        0 if time.is_empty() => "in this turn".to_owned(),
        1 => format!("1 turn{time} ago"),
        turns => format!("{turns} turns{time} ago"),
    }
}
