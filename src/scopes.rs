//! The scope table: every scope, what is alive in it, and what has become of the rest.
//!
//! ```text
//!            close, by its owner or with one around it            nothing is left of it
//!   open ──────────────────────────────────────────▶ closing ──────────────────────────▶ at rest
//!    │ tasks and scopes come, end and are counted       │ those that were accepted        │ reports, once
//!    └───────────────────────────────────────────┘     │ before come, and end            │ freed when its owner is
//!                                                       └───────────────────────────┘     ▼ gone as well
//! ```
//!
//! The table is the executor's. Everybody else holds a [`Token`]: whether the scope is closed, and how many tasks and
//! scopes were accepted that the executor has not taken in yet. Both are in one word, so that it decides between a
//! spawn and a close on two threads: what was accepted before the close is seen by it, ends by it, and is waited for.
//!
//! A transition moves values and returns what the caller must do next; it calls nobody.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::panic::Location;
use std::sync::Arc;

use futures::channel::oneshot;
use slab::Slab;

use crate::id::TaskId;
use crate::shim::{AtomicU64, Ordering};

/// What a scope had in it when it came to rest. Plain data: dropping it does nothing.
///
/// The counts are of the scope and of all scopes within it.
///
/// ```
/// use stillpoint::Executor;
///
/// let mut executor = Executor::<()>::new();
/// let screen = executor.spawner().name("details").scope();
/// screen.spawn(async {});
/// screen.spawn(std::future::pending::<()>());
/// executor.run_until_stalled();
///
/// let closed = screen.close();
/// executor.run_until_stalled();
/// let report = futures::executor::block_on(closed);
/// assert_eq!((report.name, report.tasks, report.completed), (Some("details"), 1, 1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScopeReport {
    /// The scope's name, if it was given one.
    pub name: Option<&'static str>,
    /// The place that made the scope.
    pub place: &'static Location<'static>,
    /// Tasks that ended because it was closed.
    pub tasks: usize,
    /// Requests and subscriptions that were cancelled with those tasks.
    pub requests: usize,
    /// Scopes within it that were closed with it.
    pub scopes: usize,
    /// Tasks that ended with an output.
    pub completed: usize,
    /// Tasks that ended by a panic.
    pub panicked: usize,
    /// Tasks that had been aborted before, by their join handle, by a later one under their [`Key`], or with a scope
    /// within this one that was closed before.
    pub aborted: usize,
}

impl ScopeReport {
    /// Of a scope in which nothing has been.
    pub(crate) fn of_nothing(token: &Token) -> Self {
        Self {
            name: token.name,
            place: token.place,
            tasks: 0,
            requests: 0,
            scopes: 0,
            completed: 0,
            panicked: 0,
            aborted: 0,
        }
    }

    /// Adds what a scope within this one had, which was closed with it or before it.
    fn add(&mut self, within: &Self, with_it: bool) {
        if with_it {
            self.scopes += within.scopes + 1;
            self.tasks += within.tasks;
            self.requests += within.requests;
        } else {
            self.aborted += within.tasks;
        }
        self.completed += within.completed;
        self.panicked += within.panicked;
        self.aborted += within.aborted;
    }
}

/// `scope "details" (src/core.rs:41:9) cancelled 2 tasks, 3 requests and 1 scopes; before, 4 tasks completed, 0
/// panicked and 1 were aborted`, in one line.
impl fmt::Display for ScopeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("scope ")?;
        if let Some(name) = self.name {
            write!(f, "{name:?} ")?;
        }
        write!(
            f,
            "({}) cancelled {} tasks, {} requests and {} scopes; \
             before, {} tasks completed, {} panicked and {} were aborted",
            self.place,
            self.tasks,
            self.requests,
            self.scopes,
            self.completed,
            self.panicked,
            self.aborted
        )
    }
}

/// What tasks are told apart by of which only the latest is wanted: a name, a number, or both.
///
/// It is plain data. Numbers are `u64`, so that a literal is one: `index as u64`. A type of your own becomes one by
/// `impl From<YourKey> for Key`.
///
/// ```
/// use stillpoint::Key;
///
/// enum Field {
///     Search,
///     Row(u64),
/// }
///
/// impl From<Field> for Key {
///     fn from(field: Field) -> Self {
///         match field {
///             Field::Search => "search".into(),
///             Field::Row(number) => ("row", number).into(),
///         }
///     }
/// }
///
/// assert_ne!(Key::from(Field::Search), Key::from(Field::Row(1)));
/// assert_eq!(Key::from(Field::Row(1)), Key::from(("row", 1)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Kind);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    Name(Cow<'static, str>),
    Number(u64),
    Both(Cow<'static, str>, u64),
}

impl From<&'static str> for Key {
    fn from(name: &'static str) -> Self {
        Self(Kind::Name(name.into()))
    }
}

impl From<String> for Key {
    fn from(name: String) -> Self {
        Self(Kind::Name(name.into()))
    }
}

impl From<u64> for Key {
    fn from(number: u64) -> Self {
        Self(Kind::Number(number))
    }
}

impl From<(&'static str, u64)> for Key {
    fn from((name, number): (&'static str, u64)) -> Self {
        Self(Kind::Both(name.into(), number))
    }
}

impl From<(String, u64)> for Key {
    fn from((name, number): (String, u64)) -> Self {
        Self(Kind::Both(name.into(), number))
    }
}

/// What the executor is told of a scope from outside a turn. `R` is a task's runnable, `L` its label.
pub(crate) enum ScopeMessage<R, L> {
    /// It was made.
    Open(Arc<Token>),
    /// A task was made in it, or in none, under a key or under none.
    Spawn(Option<Arc<Token>>, Option<Key>, R, L),
    /// It was closed by its owner, who is gone, or awaits the report; before a teardown began, or after.
    Close(Arc<Token>, Option<oneshot::Sender<ScopeReport>>, bool),
}

/// Where a scope lies in the table, plus one.
pub(crate) type Slot = NonZeroU32;

const CLOSED: u64 = 1;
/// One that was accepted and is still on its way.
const ACCEPTED: u64 = 2;

/// What everybody holds of a scope. It owns nothing.
pub(crate) struct Token {
    /// Whether it is closed, and twice how many tasks and scopes were accepted that have not been taken in, itself
    /// among them.
    state: AtomicU64,
    /// The [`Slot`], or 0 where it is in no table. Only who drives the executor reads and writes it: an atomic since
    /// that may be another thread each time, which something else orders.
    slot: AtomicU64,
    parent: Option<Arc<Self>>,
    name: Option<&'static str>,
    place: &'static Location<'static>,
}

impl Token {
    /// Of a new scope, which itself is on its way, or is taken in at once.
    pub(crate) fn new(
        parent: Option<Arc<Self>>,
        name: Option<&'static str>,
        place: &'static Location<'static>,
        is_on_its_way: bool,
    ) -> Arc<Self> {
        Arc::new(Self {
            state: AtomicU64::new(if is_on_its_way { ACCEPTED } else { 0 }),
            slot: AtomicU64::new(0),
            parent,
            name,
            place,
        })
    }

    pub(crate) fn parent(&self) -> Option<&Arc<Self>> {
        self.parent.as_ref()
    }

    /// Whether it is closed, or a scope that it is in.
    pub(crate) fn is_closed(&self) -> bool {
        // Takes over what the closer has done before.
        let is_closed = |token: &Self| token.state.load(Ordering::Acquire) & CLOSED != 0;
        std::iter::successors(Some(self), |token| token.parent.as_deref()).any(is_closed)
    }

    /// Accepts a task or a scope that the executor will be told of, unless it is closed.
    #[allow(deprecated, reason = "the oldest Rust does not know `try_update`")]
    pub(crate) fn accept(&self) -> bool {
        let is_closed_around = self.parent.as_deref().is_some_and(Self::is_closed);
        // Orders it before or after the close, which learns of it in the first case.
        let accept = |state| (state & CLOSED == 0).then_some(state + ACCEPTED);
        !is_closed_around
            && self
                .state
                .fetch_update(Ordering::AcqRel, Ordering::Acquire, accept)
                .is_ok()
    }

    /// What was accepted is here.
    pub(crate) fn arrived(&self) {
        self.state.fetch_sub(ACCEPTED, Ordering::AcqRel);
    }

    /// Closes it: from here on nothing is accepted.
    pub(crate) fn close(&self) {
        // Learns of what was accepted before, and tells who looks later what was done before.
        self.state.fetch_or(CLOSED, Ordering::AcqRel);
    }

    /// Whether something was accepted that is still on its way.
    fn is_awaited(&self) -> bool {
        self.state.load(Ordering::Acquire) >= ACCEPTED
    }

    pub(crate) fn slot(&self) -> Option<Slot> {
        Slot::new(self.slot.load(Ordering::Relaxed) as u32)
    }

    fn set_slot(&self, slot: Option<Slot>) {
        let number = slot.map_or(0, |slot| u64::from(slot.get()));
        self.slot.store(number, Ordering::Relaxed);
    }
}

/// Lets go of the scopes around it one by one: a million of them need no stack.
impl Drop for Token {
    fn drop(&mut self) {
        let mut parent = self.parent.take();
        while let Some(mut token) = parent.and_then(Arc::into_inner) {
            parent = token.parent.take();
        }
    }
}

/// A report, and who waits for it: to be told outside the borrow.
pub(crate) type Done = (oneshot::Sender<ScopeReport>, ScopeReport);

/// How a task left its scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    Completed,
    Panicked,
    /// With so many requests that were cancelled by it.
    Stopped(usize),
}

/// The tasks that were the latest under their keys.
#[derive(Default)]
struct Latest {
    tasks: BTreeMap<Key, TaskId>,
    /// How many keys there may be before those of ended tasks are looked for.
    most: usize,
}

/// How many keys, or tasks, are kept of those that have ended before anybody looks.
const KEPT: usize = 16;

impl Latest {
    /// Makes this task the latest. Gives the one that was.
    fn replace(
        &mut self,
        key: Key,
        task: TaskId,
        is_live: impl Fn(TaskId) -> bool,
    ) -> Option<TaskId> {
        if self.tasks.len() >= self.most {
            self.tasks.retain(|_, task| is_live(*task));
            self.most = KEPT + 2 * self.tasks.len();
        }
        self.tasks.insert(key, task)
    }
}

struct Entry {
    token: Arc<Token>,
    /// The scope that it is in, until it is at rest.
    parent: Option<Slot>,
    /// Which of all scopes it is, by the order in which they were made.
    serial: u64,
    /// The scopes in it that are not at rest.
    children: BTreeMap<u64, Slot>,
    /// The tasks in it, in the order of their spawns, and some that have ended; nobody once it is closed.
    tasks: Vec<TaskId>,
    /// How many have not ended.
    live: usize,
    latest: Latest,
    is_closed: bool,
    /// Whether it was closed with the one that it is in.
    with_parent: bool,
    /// Whether its owner is gone, or has only a report to come.
    is_released: bool,
    report: ScopeReport,
    waiting: Option<oneshot::Sender<ScopeReport>>,
}

#[derive(Default)]
pub(crate) struct Scopes {
    entries: Slab<Entry>,
    made: u64,
    /// Of the tasks that are in no scope.
    latest: Latest,
    /// How many tasks are doomed and have not ended.
    pub(crate) doomed: usize,
    /// How many requests were cancelled when the poll began that stops a task, as long as it lasts.
    pub(crate) cancelled_before: Option<u64>,
}

impl Scopes {
    fn get_mut(&mut self, slot: Slot) -> Option<&mut Entry> {
        self.entries.get_mut(slot.get() as usize - 1)
    }

    /// Takes a scope in, if it is not, and those around it, whose own messages may be on their way.
    pub(crate) fn open(&mut self, token: &Arc<Token>) -> Slot {
        let mut path = vec![token];
        while let Some(last) = path.last()
            && last.slot().is_none()
            && let Some(parent) = last.parent()
        {
            path.push(parent);
        }
        let mut around = None;
        while let Some(token) = path.pop() {
            around = Some(token.slot().unwrap_or_else(|| self.insert(token, around)));
        }
        around.expect("the path begins with a scope")
    }

    fn insert(&mut self, token: &Arc<Token>, parent: Option<Slot>) -> Slot {
        self.made += 1;
        let serial = self.made;
        let vacant = self.entries.vacant_key() as u32;
        let slot = Slot::new(vacant + 1).expect("2^32 scopes need more memory than there is");
        // Where the one around it was closed meanwhile, it was accepted before.
        let is_closed = match parent.and_then(|parent| self.get_mut(parent)) {
            Some(parent) => {
                parent.children.insert(serial, slot);
                parent.is_closed
            }
            None => false,
        };
        if is_closed {
            token.close();
        }
        token.set_slot(Some(slot));
        self.entries.insert(Entry {
            token: Arc::clone(token),
            parent,
            serial,
            children: BTreeMap::new(),
            tasks: Vec::new(),
            live: 0,
            latest: Latest::default(),
            is_closed,
            with_parent: is_closed,
            is_released: false,
            report: ScopeReport::of_nothing(token),
            waiting: None,
        });
        slot
    }

    /// A task is in this scope from now on. Gives whether it is to end at once.
    pub(crate) fn enter(&mut self, slot: Slot, task: TaskId) -> bool {
        let Some(entry) = self.get_mut(slot) else {
            return true;
        };
        entry.live += 1;
        if !entry.is_closed {
            entry.tasks.push(task);
        }
        entry.is_closed
    }

    /// Makes this task the latest under a key of the scope's, or of none. Gives the one that was.
    pub(crate) fn replace(
        &mut self,
        slot: Option<Slot>,
        key: Key,
        task: TaskId,
        is_live: impl Fn(TaskId) -> bool,
    ) -> Option<TaskId> {
        let latest = match slot {
            Some(slot) => &mut self.get_mut(slot)?.latest,
            None => &mut self.latest,
        };
        latest.replace(key, task, is_live)
    }

    /// A task of this scope has ended.
    pub(crate) fn leave(&mut self, slot: Slot, how: Left, is_live: impl Fn(TaskId) -> bool) {
        let Some(entry) = self.get_mut(slot) else {
            return;
        };
        entry.live -= 1;
        if entry.tasks.len() > KEPT + 2 * entry.live {
            entry.tasks.retain(|task| is_live(*task));
        }
        match how {
            Left::Completed => entry.report.completed += 1,
            Left::Panicked => entry.report.panicked += 1,
            Left::Stopped(requests) if entry.is_closed => {
                entry.report.tasks += 1;
                entry.report.requests += requests;
            }
            Left::Stopped(_) => entry.report.aborted += 1,
        }
    }

    /// Closes a scope and all within it, for its owner. Gives the tasks that are to end, and the scopes that may be at
    /// rest, to be [`settle`](Self::settle)d one by one.
    pub(crate) fn close(
        &mut self,
        slot: Slot,
        waiting: Option<oneshot::Sender<ScopeReport>>,
    ) -> (Vec<TaskId>, Vec<Slot>) {
        let (mut tasks, mut closed, mut open) = (Vec::new(), Vec::new(), vec![slot]);
        while let Some(next) = open.pop() {
            let Some(entry) = self.get_mut(next) else {
                continue;
            };
            if !entry.is_closed {
                entry.is_closed = true;
                entry.with_parent = next != slot;
                entry.token.close();
                tasks.append(&mut entry.tasks);
                entry.latest = Latest::default();
                open.extend(entry.children.values().rev());
            }
            closed.push(next);
        }
        if let Some(entry) = self.get_mut(slot) {
            entry.is_released = true;
            entry.waiting = waiting;
        }
        // Those within come before those around them.
        closed.reverse();
        (tasks, closed)
    }

    /// Sees whether a closed scope is at rest, and then whether the one around it is.
    pub(crate) fn settle(&mut self, slot: Slot, done: &mut Vec<Done>) {
        let mut next = Some(slot);
        while let Some(slot) = next.take() {
            let Some(entry) = self.get_mut(slot) else {
                return;
            };
            let is_empty = entry.live == 0 && entry.children.is_empty();
            if !entry.is_closed || !is_empty || entry.token.is_awaited() {
                return;
            }
            let (report, serial, with_parent) = (entry.report, entry.serial, entry.with_parent);
            let parent = entry.parent.take();
            done.extend(entry.waiting.take().map(|waiting| (waiting, report)));
            if entry.is_released {
                entry.token.set_slot(None);
                self.entries.remove(slot.get() as usize - 1);
            }
            if let Some(around) = parent.and_then(|parent| self.get_mut(parent)) {
                around.children.remove(&serial);
                around.report.add(&report, with_parent);
                next = parent;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(parent: Option<&Arc<Token>>) -> Arc<Token> {
        Token::new(parent.cloned(), None, Location::caller(), false)
    }

    #[test]
    fn what_ended_long_ago_takes_no_room() {
        let (mut scopes, outer) = (Scopes::default(), token(None));
        let slot = scopes.open(&outer);
        let (mut live, mut done) = (Vec::new(), Vec::new());
        for number in 1..1_000 {
            let task = TaskId::from_u64(number);
            assert!(!scopes.enter(slot, task));
            scopes.replace(Some(slot), number.into(), task, |task| live.contains(&task));
            live.push(task);
            if number > 10 {
                live.remove(0);
                scopes.leave(slot, Left::Completed, |task| live.contains(&task));
            }
            let inner = token(Some(&outer));
            let within = scopes.open(&inner);
            inner.close();
            let (_, closed) = scopes.close(within, None);
            closed
                .into_iter()
                .for_each(|slot| scopes.settle(slot, &mut done));
            let entry = scopes.get_mut(slot).unwrap();
            assert!(entry.tasks.len() <= KEPT + 2 * live.len(), "{number}");
            assert!(
                entry.latest.tasks.len() <= 2 * KEPT + 2 * live.len(),
                "{number}"
            );
            assert!(entry.children.is_empty() && scopes.entries.len() == 1);
        }
        let entry = scopes.get_mut(slot).unwrap();
        assert!(live.iter().all(|task| entry.tasks.contains(task)));
        assert_eq!(entry.report.completed, 989);
    }

    /// Else the place of one that was freed would be taken in again by the news of its making.
    #[test]
    fn a_scope_is_not_freed_before_the_news_of_its_making_is_here() {
        let (mut scopes, mut done) = (Scopes::default(), Vec::new());
        let token = Token::new(None, None, Location::caller(), true);
        let slot = scopes.open(&token);
        token.close();
        let (_, closed) = scopes.close(slot, None);
        closed
            .into_iter()
            .for_each(|slot| scopes.settle(slot, &mut done));
        assert_eq!((scopes.entries.len(), token.slot()), (1, Some(slot)));
        token.arrived();
        scopes.settle(slot, &mut done);
        assert_eq!((scopes.entries.len(), token.slot()), (0, None));
    }

    #[test]
    fn nothing_is_accepted_by_a_closed_scope_or_by_one_within_it() {
        let outer = token(None);
        let inner = token(Some(&outer));
        assert!(inner.accept() && outer.accept());
        outer.close();
        assert!(outer.is_closed() && inner.is_closed());
        assert!(!outer.accept() && !inner.accept());
        assert!(outer.is_awaited() && inner.is_awaited());
        outer.arrived();
        inner.arrived();
        assert!(!outer.is_awaited() && !inner.is_awaited() && outer.is_closed());
    }
}
