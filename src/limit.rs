//! How much an executor takes on: places for tasks, requests and emissions, and who waits for one.
//!
//! A place for a task or an emission may be asked for by another thread, which is to know at once whether there is one:
//! those are counted by senders and executor together. Requests are made in turns only, so a plain number counts them.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::error::Error;
use std::fmt;

use crate::entry::Overflow;
use crate::id::RequestId;
use crate::room::Room;
use crate::shim::{AtomicUsize, Ordering};

/// What a request or a subscription does that finds no place, where
/// [`Builder::max_requests`](crate::Builder::max_requests) or
/// [`Builder::outbox_capacity`](crate::Builder::outbox_capacity) is set.
///
/// ```
/// use stillpoint::WhenFull;
///
/// assert_eq!(WhenFull::default(), WhenFull::Wait);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// It waits, after those that came before it, and is emitted when there is a place.
    #[default]
    Wait,
    /// It ends with [`RequestError::Full`](crate::RequestError::Full).
    Fail,
}

/// What was refused, given back.
///
/// Dropping it drops the value.
///
/// ```
/// use stillpoint::Executor;
///
/// let executor = Executor::<()>::new();
/// let spawner = executor.spawner();
/// executor.teardown();
/// let rejected = spawner.try_spawn(async { 1 }).unwrap_err();
/// assert!(rejected.is_closed());
/// assert_eq!(futures::executor::block_on(rejected.into_inner()), 1);
/// ```
pub struct Rejected<T> {
    value: T,
    why: Refusal,
}

/// Why something is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Closed,
    /// The scope is closed.
    Scope,
    Full,
}

impl<T> Rejected<T> {
    pub(crate) fn new(why: Refusal, value: T) -> Self {
        Self { value, why }
    }

    /// Whether the executor is torn down, or about to be, or the scope is closed.
    ///
    /// ```
    /// use stillpoint::{Executor, Notification};
    ///
    /// let executor = Executor::<Notification<&str>>::new();
    /// let shell = executor.shell();
    /// drop(executor);
    /// let rejected = shell.notify("too late").unwrap_err();
    /// assert!(rejected.is_closed() && !rejected.is_full());
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.why != Refusal::Full
    }

    /// Whether the executor takes no more for now: see [`Builder::max_tasks`](crate::Builder::max_tasks) and
    /// [`Builder::outbox_capacity`](crate::Builder::outbox_capacity). Without a limit nothing is refused for this.
    ///
    /// ```
    /// use stillpoint::Executor;
    ///
    /// let mut executor: Executor<()> = Executor::builder().max_tasks(1).build();
    /// executor.spawn(async {});
    /// let rejected = executor.try_spawn(async {}).unwrap_err();
    /// assert!(rejected.is_full(), "so trying again after a turn makes sense");
    /// executor.run_until_stalled();
    /// assert!(executor.try_spawn(rejected.into_inner()).is_ok());
    /// ```
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.why == Refusal::Full
    }

    /// What was refused.
    ///
    /// ```
    /// use stillpoint::{Executor, Notification};
    ///
    /// let executor: Executor<Notification<String>> = Executor::builder().outbox_capacity(1).build();
    /// let shell = executor.shell();
    /// shell.notify("first".to_owned()).unwrap();
    /// let kept = shell.notify("second".to_owned()).unwrap_err().into_inner();
    /// assert_eq!(kept, "second");
    /// ```
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value
    }

    /// The same of what the value becomes.
    pub(crate) fn map<U>(self, map: impl FnOnce(T) -> U) -> Rejected<U> {
        Rejected {
            value: map(self.value),
            why: self.why,
        }
    }

    pub(crate) fn why(&self) -> Refusal {
        self.why
    }
}

impl<T> fmt::Debug for Rejected<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rejected").field(&self.why).finish()
    }
}

impl<T> fmt::Display for Rejected<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.why {
            Refusal::Closed => "the executor is torn down",
            Refusal::Scope => "the scope is closed",
            Refusal::Full => "the executor takes no more for now",
        })
    }
}

impl<T> Error for Rejected<T> {}

/// What a builder was told.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    pub(crate) tasks: Option<usize>,
    pub(crate) requests: Option<usize>,
    pub(crate) outbox: Option<usize>,
    pub(crate) when_full: WhenFull,
    pub(crate) overflow: Overflow,
}

impl Limits {
    /// What senders share, where they need any of it.
    pub(crate) fn places(&self) -> Option<Box<Places>> {
        (self.tasks.is_some() || self.outbox.is_some() || self.requests.is_some()).then(|| {
            Box::new(Places {
                tasks: self.tasks.map(Room::new),
                emissions: self.outbox.map(Room::new),
                refused: AtomicUsize::new(0),
            })
        })
    }

    /// The line in which requests wait, where anything bounds them.
    pub(crate) fn line(&self) -> Option<Line> {
        (self.requests.is_some() || self.outbox.is_some()).then(|| Line {
            most: self.requests.map_or(usize::MAX, |most| most.max(1)),
            when_full: self.when_full,
            ids: RefCell::default(),
            waiting: Cell::new(0),
        })
    }
}

/// The places that senders and executor count together.
pub(crate) struct Places {
    tasks: Option<Room>,
    emissions: Option<Room>,
    /// What was refused since the last turn.
    refused: AtomicUsize,
}

impl Places {
    /// A place for one more task.
    pub(crate) fn for_task(&self) -> Option<Place<'_>> {
        self.find(self.tasks.as_ref())
    }

    /// A place in the outbox, or on the way there.
    pub(crate) fn for_emission(&self) -> Option<Place<'_>> {
        self.find(self.emissions.as_ref())
    }

    fn find<'a>(&self, room: Option<&'a Room>) -> Option<Place<'a>> {
        match room {
            Some(room) if !room.take() => {
                self.refuse();
                None
            }
            room => Some(Place(room)),
        }
    }

    /// Takes a place in the outbox for a request, which waits where there is none.
    fn take_emission(&self) -> bool {
        self.emissions.as_ref().is_none_or(Room::take)
    }

    pub(crate) fn give_emission(&self) {
        self.emissions.iter().for_each(Room::give);
    }

    pub(crate) fn give_task(&self) {
        self.tasks.iter().for_each(Room::give);
    }

    fn refuse(&self) {
        // A number for a report, which orders nothing.
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn take_refused(&self) -> usize {
        self.refused.swap(0, Ordering::Relaxed)
    }
}

/// A place that was found. Dropping it gives it back: a spawn has its place before it learns whether its scope is
/// open.
#[must_use = "it is given back where it is not kept"]
pub(crate) struct Place<'a>(Option<&'a Room>);

impl Place<'_> {
    /// Of an executor without a limit.
    pub(crate) const UNCOUNTED: Self = Self(None);

    pub(crate) fn is_counted(&self) -> bool {
        self.0.is_some()
    }

    /// Gives it to what is made, which gives it back at its end.
    pub(crate) fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.into_iter().for_each(Room::give);
    }
}

/// Requests that wait for a place, in order.
pub(crate) struct Line {
    /// The most requests that may be pending, apart from those that wait here.
    most: usize,
    when_full: WhenFull,
    /// Some may have been cancelled: an id says so, since it is never given out again.
    ids: RefCell<VecDeque<RequestId>>,
    /// Those that were not.
    waiting: Cell<usize>,
}

/// What becomes of a new request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It has a place, in the outbox and among so many requests.
    Admitted,
    /// It has to wait for one.
    Waits,
    /// There is none, and it is not to wait.
    Refused,
}

impl Line {
    /// What becomes of one more request beside so many, those that wait among them. Nobody overtakes who waits.
    pub(crate) fn arrive(&self, places: &Places, requests: usize) -> Arrival {
        if self.waiting.get() == 0 && self.has_room(requests) && places.take_emission() {
            return Arrival::Admitted;
        }
        match self.when_full {
            WhenFull::Wait => Arrival::Waits,
            WhenFull::Fail => {
                places.refuse();
                Arrival::Refused
            }
        }
    }

    fn has_room(&self, requests: usize) -> bool {
        requests - self.waiting.get() < self.most
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.get()
    }

    /// Puts one at the end. What was cancelled goes once it is the greater part.
    pub(crate) fn push(&self, id: RequestId, waits: impl Fn(RequestId) -> bool) {
        let mut ids = self.ids.borrow_mut();
        if ids.len() > 2 * self.waiting.get() {
            ids.retain(|id| waits(*id));
        }
        ids.push_back(id);
        self.waiting.set(self.waiting.get() + 1);
    }

    /// One that waited was cancelled.
    pub(crate) fn left(&self) {
        self.waiting.set(self.waiting.get() - 1);
    }

    /// Admits who is first, if there is a place beside so many requests: one of `handed_on` in the outbox, or a free
    /// one.
    pub(crate) fn admit(
        &self,
        places: &Places,
        requests: usize,
        handed_on: &mut usize,
        waits: impl Fn(RequestId) -> bool,
    ) -> Option<RequestId> {
        let mut ids = self.ids.borrow_mut();
        while ids.front().is_some_and(|id| !waits(*id)) {
            ids.pop_front();
        }
        if ids.is_empty() || !self.has_room(requests) {
            return None;
        }
        match handed_on.checked_sub(1) {
            Some(fewer) => *handed_on = fewer,
            None if places.take_emission() => {}
            None => return None,
        }
        self.left();
        ids.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nobody outside can tell; but requests that come and give up behind one that waits would grow it for ever.
    #[test]
    fn a_line_lets_go_of_those_that_gave_up() {
        let limits = Limits {
            outbox: Some(1),
            ..Limits::default()
        };
        let (line, first) = (limits.line().unwrap(), RequestId::from_u64(1));
        line.push(first, |_| unreachable!());
        for number in 2..1_000 {
            line.push(RequestId::from_u64(number), |id| id == first);
            line.left();
        }
        assert_eq!(line.waiting(), 1);
        assert!(line.ids.borrow().len() < 5, "{:?}", line.ids);
        let places = limits.places().unwrap();
        let admitted = line.admit(&places, 1, &mut 0, |id| id == first);
        assert_eq!((admitted, line.waiting()), (Some(first), 0));
    }
}
