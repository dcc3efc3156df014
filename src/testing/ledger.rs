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
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::panic::Location;
use std::time::Duration;

use super::scripted::{Held, Key, Kind, Opened, shown};
use super::text::Task;
use crate::id::RequestId;
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
    origin: Option<Origin>,
    cancelled: Option<When>,
    /// Whether its cancellation lies in the queue.
    is_noticed: bool,
}

/// Who asked, and where.
pub(super) struct Origin {
    pub(super) place: &'static Location<'static>,
    pub(super) task: Option<Task>,
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
    /// Those that are in this state.
    pub(super) stubbed: BTreeSet<Number>,
    /// Those that are in this state, by their ends.
    pub(super) sleeping: BTreeSet<(Duration, Number)>,
    /// Those that somebody has seen to, and that are to go.
    leaving: BTreeSet<Number>,
    pub(super) queue: VecDeque<Item>,
}

impl Ledger {
    pub(super) fn add(&mut self, opened: Opened, origin: Option<Origin>, when: When) -> Number {
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
            origin,
            cancelled: None,
            is_noticed: false,
        };
        self.entries.insert(number, entry);
        number
    }

    /// Says who sees to an entry from now on.
    pub(super) fn set(&mut self, number: Number, state: State) {
        let Some(entry) = self.entries.get_mut(&number) else {
            return;
        };
        let _was_there = match std::mem::replace(&mut entry.state, state) {
            State::Stubbed => self.stubbed.remove(&number),
            State::Sleeping(end) => self.sleeping.remove(&(end, number)),
            State::Queued | State::Taken | State::Handled => false,
        };
        let _is_new = match state {
            State::Stubbed => self.stubbed.insert(number),
            State::Sleeping(end) => self.sleeping.insert((end, number)),
            State::Taken | State::Handled => self.leaving.insert(number),
            State::Queued => false,
        };
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
            State::Stubbed | State::Sleeping(_) | State::Handled => {
                self.set(number, State::Handled)
            }
        }
        self.entries.get(&number)
    }

    /// Lets go of what can have no consequence any more: nobody is to see to it, and its executor does not hold it.
    pub(super) fn prune(&mut self, holds: impl Fn(RequestId) -> bool) {
        let Self {
            entries,
            by_id,
            leaving,
            ..
        } = self;
        leaving.retain(|number| {
            let is_kept = entries.get(number).is_some_and(|entry| {
                let is_held = entry.cancelled.is_none() && entry.id.is_some_and(&holds);
                entry.is_noticed || is_held
            });
            if let Some(id) = entries
                .get(number)
                .filter(|_| !is_kept)
                .and_then(|entry| entry.id)
            {
                by_id.remove(&id);
            }
            if !is_kept {
                entries.remove(number);
            }
            is_kept
        });
    }

    /// The first of the queue that `is_it` accepts, which leaves it. In order, none that has to be expected may be
    /// before it.
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
                    Item::Effect(_) => self.set(number, State::Taken),
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
}

impl Entry {
    /// `request HttpGet("/"), made at src/core.rs:52:13 by task 3.1 "page" (src/core.rs:41:9), 2 turns ago`.
    pub(super) fn text(&self, now: When) -> String {
        let mut text = format!("{} {}", self.key.kind, shown(self.name, &*self.operation));
        if let Some(origin) = &self.origin {
            text.push_str(&format!(", made at {}", origin.place));
            if let Some(task) = origin.task {
                text.push_str(&format!(" by {task}"));
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
