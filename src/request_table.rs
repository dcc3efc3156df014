//! The request slab: every pending request, who listens for its answer, and what has come for it.
//!
//! A transition moves values and returns what the caller must do next; it calls nobody.

use std::panic::Location;
use std::sync::Arc;
use std::task::Waker;

use slab::Slab;

use crate::answer::{Answer, Kind, Shape};
use crate::entry::{Emission, Entry, Listener, Notice, Reason, RequestError, State, Stream};
use crate::id::{RequestId, Requests, TaskId};
use crate::room::Room;
use crate::shelf::{Place, ShelfId, Shelves, queue};
use crate::snapshot::RequestSnapshot;

/// Whom to wake, outside the borrow.
#[must_use = "wake it, or drop its waker, outside the borrow"]
pub(crate) enum Wake {
    Nobody,
    /// A task, by the waker that the task table has.
    Task(TaskId),
    /// A waker that a combinator, or somebody else, brought.
    Other(Waker),
}

/// Who polls a request.
#[derive(Clone, Copy)]
pub(crate) struct Poller<'a> {
    /// The task that is being polled.
    pub(crate) task: TaskId,
    pub(crate) waker: &'a Waker,
    /// Whether that is the task's own waker.
    pub(crate) is_own: bool,
}

impl Poller<'_> {
    /// How it is to be woken. A foreign waker's clone is somebody else's code: outside the borrow.
    pub(crate) fn wake(self) -> Wake {
        match self.is_own {
            true => Wake::Task(self.task),
            false => Wake::Other(self.waker.clone()),
        }
    }
}

/// What a poll finds.
pub(crate) enum Found<R> {
    /// Nothing, and who polls is listening already.
    Nothing,
    /// Nothing, and who polls is to [`listen`](RequestTable::listen).
    NotListening,
    /// One of several.
    Item(R),
    /// The last there is: the entry is freed.
    Last(R, Notice),
}

/// What is left of an entry that was freed before its future had all of it.
pub(crate) struct Remains {
    pub(crate) notice: Notice,
    /// To be dropped outside the borrow. There is seldom any.
    pub(crate) rest: Option<Box<Rest>>,
}

pub(crate) struct Rest {
    _waker: Option<Waker>,
    _answer: Option<Answer>,
    _stream: Option<Stream>,
}

/// How a pending request stands.
#[cfg(feature = "bridge")]
pub(crate) struct Standing {
    pub(crate) kind: &'static Kind,
    /// Whether its effect is in the shell's hands.
    pub(crate) is_taken: bool,
    /// Whether it has its answer or its end already.
    pub(crate) is_answered: bool,
}

#[derive(Default)]
pub(crate) struct RequestTable {
    entries: Requests<Entry>,
    /// Unread answers.
    shelves: Shelves,
    /// Unread errors.
    ends: Slab<RequestError>,
    streams: Slab<Stream>,
    /// Of listeners that are no task.
    wakers: Slab<Waker>,
    /// All that were ever made.
    pub(crate) seen: u64,
    /// Those whose future went before it had its answer.
    pub(crate) cancelled: u64,
    /// The most at one time.
    pub(crate) peak: usize,
}

impl RequestTable {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn ids(&self) -> Vec<RequestId> {
        self.entries.iter().map(|(id, _)| id).collect()
    }

    /// Every request, as of this turn.
    pub(crate) fn snapshot(&self, turn: u32) -> Vec<RequestSnapshot> {
        let describe = |(id, entry): (RequestId, &Entry)| RequestSnapshot {
            id,
            operation: (entry.kind.name)(),
            task: entry.task,
            place: entry.place,
            is_stream: entry.kind.shape == Shape::Many,
            is_waiting: entry.emission.is_in_line(),
            taken: entry.emission == Emission::TAKEN,
            queued: match entry.state {
                State::Pending => 0,
                State::Answered(_) | State::Ended(_) => 1,
                State::Stream(stream) => self.streams[stream as usize].items.len(),
            },
            has_ended: match entry.state {
                State::Pending | State::Answered(_) => false,
                State::Ended(_) => true,
                State::Stream(stream) => self.streams[stream as usize].end.is_some(),
            },
            age: match entry.emission {
                Emission::UNMADE | Emission::ADMITTED | Emission::WAITING => 0,
                _ => turn.wrapping_sub(entry.since),
            },
        };
        self.entries.iter().map(describe).collect()
    }

    /// The place that made a request, and the task that waits for it.
    #[cfg(feature = "testing")]
    pub(crate) fn origin(&self, id: RequestId) -> Option<(&'static Location<'static>, TaskId)> {
        let entry = self.entries.get(id)?;
        Some((entry.place, entry.task))
    }

    /// Makes the entry of a request whose answer is a `T`, or `None` where there are too many. A task's own waker
    /// listens from now on; another has yet to [`listen`](Self::listen).
    pub(crate) fn open_one<T: Send + 'static>(
        &mut self,
        kind: &'static Kind,
        place: &'static Location<'static>,
        poller: Poller<'_>,
    ) -> Option<RequestId> {
        let shelf = self.shelves.of::<T>();
        self.open(kind, place, poller, shelf)
    }

    /// The same for a subscription.
    pub(crate) fn open_stream(
        &mut self,
        kind: &'static Kind,
        place: &'static Location<'static>,
        poller: Poller<'_>,
        stream: Stream,
    ) -> Option<RequestId> {
        let id = self.open(kind, place, poller, 0)?;
        let stream = self.streams.insert(stream) as u32;
        self.entries.get_mut(id)?.state = State::Stream(stream);
        Some(id)
    }

    fn open(
        &mut self,
        kind: &'static Kind,
        place: &'static Location<'static>,
        poller: Poller<'_>,
        shelf: ShelfId,
    ) -> Option<RequestId> {
        let id = self.entries.insert_with(|_| Entry {
            kind,
            place,
            task: poller.task,
            emission: Emission::UNMADE,
            listener: match poller.is_own {
                true => Listener::Task,
                false => Listener::Nobody,
            },
            state: State::Pending,
            shelf,
            since: 0,
        })?;
        self.seen += 1;
        self.peak = self.peak.max(self.entries.len());
        Some(id)
    }

    /// Its effect lies in the outbox under this number, since this turn.
    pub(crate) fn emitted(&mut self, id: RequestId, number: u64, turn: u32) {
        if let Some(entry) = self.entries.get_mut(id) {
            entry.emission = Emission::untaken(number);
            entry.since = turn;
        }
    }

    /// Where its effect stands, before it is made.
    pub(crate) fn set_emission(&mut self, id: RequestId, emission: Emission) {
        if let Some(entry) = self.entries.get_mut(id) {
            entry.emission = emission;
        }
    }

    /// Whether it waits for a place.
    pub(crate) fn waits(&self, id: RequestId) -> bool {
        let entry = self.entries.get(id);
        entry.is_some_and(|entry| entry.emission == Emission::WAITING)
    }

    /// It has a place by now. Gives whom to wake.
    pub(crate) fn admit(&mut self, id: RequestId) -> Wake {
        let Some(entry) = self.entries.get_mut(id) else {
            return Wake::Nobody;
        };
        entry.emission = Emission::ADMITTED;
        whom_to_wake(&mut self.wakers, entry)
    }

    /// How many items its subscription may have on their way, if that is bounded.
    pub(crate) fn room(&self, id: RequestId) -> Option<Arc<Room>> {
        match self.entries.get(id)?.state {
            State::Stream(stream) => self.streams[stream as usize].room.clone(),
            _ => None,
        }
    }

    /// How many messages of its feeds have been taken in, if it is a subscription.
    pub(crate) fn arrived(&mut self, id: RequestId) -> Option<&mut u64> {
        match self.entries.get(id)?.state {
            State::Stream(stream) => Some(&mut self.streams[stream as usize].arrived),
            _ => None,
        }
    }

    /// Its effect is in the shell's hands.
    pub(crate) fn taken(&mut self, id: RequestId) {
        if let Some(entry) = self.entries.get_mut(id) {
            entry.emission = Emission::TAKEN;
        }
    }

    /// Who awaits a pending request, and what kind it is of.
    pub(crate) fn waiter(&self, id: RequestId) -> Option<(TaskId, &'static Kind)> {
        let entry = self.entries.get(id)?;
        Some((entry.task, entry.kind))
    }

    /// Whether the id names a pending request of this kind.
    pub(crate) fn check(
        &self,
        id: RequestId,
        is_kind: impl FnOnce(&Kind) -> bool,
    ) -> Result<(), Reason> {
        match self.entries.get(id) {
            // The shell does not know it yet, and the number is a guess.
            Some(entry) if entry.emission.is_in_line() => Err(Reason::Unknown),
            Some(entry) if is_kind(entry.kind) => Ok(()),
            Some(_) => Err(Reason::WrongType),
            None => Err(refusal(&self.entries, id)),
        }
    }

    /// How a pending request stands.
    #[cfg(feature = "bridge")]
    pub(crate) fn standing(&self, id: RequestId) -> Result<Standing, Reason> {
        match self.entries.get(id) {
            None => Err(refusal(&self.entries, id)),
            // As in `check`.
            Some(entry) if entry.emission.is_in_line() => Err(Reason::Unknown),
            Some(entry) => Ok(Standing {
                kind: entry.kind,
                is_taken: entry.emission == Emission::TAKEN,
                is_answered: match entry.state {
                    State::Pending => false,
                    State::Answered(_) | State::Ended(_) => true,
                    State::Stream(stream) => self.streams[stream as usize].end.is_some(),
                },
            }),
        }
    }

    // --- the future's side ---

    /// What a future finds whose request is in line: that its effect is to be made now, or nothing.
    pub(crate) fn poll_line(
        &mut self,
        id: RequestId,
        poller: Poller<'_>,
    ) -> Found<Result<(), RequestError>> {
        match self.entries.get(id) {
            None => Found::Last(Err(RequestError::Closed), Notice::None),
            Some(entry) if entry.emission == Emission::WAITING => {
                nothing_yet(&self.wakers, entry, poller)
            }
            Some(_) => {
                self.set_emission(id, Emission::UNMADE);
                Found::Item(Ok(()))
            }
        }
    }

    /// What the future of a request finds; an answer or an end is found once.
    pub(crate) fn poll_one<T: Send + 'static>(
        &mut self,
        id: RequestId,
        poller: Poller<'_>,
    ) -> Found<Result<T, RequestError>> {
        let Some(entry) = self.entries.get_mut(id) else {
            return Found::Last(Err(RequestError::Closed), Notice::None);
        };
        let result = match entry.state {
            State::Answered(place) => self
                .shelves
                .take(entry.shelf, place)
                .ok_or(RequestError::Abandoned),
            State::Ended(end) => Err(self.ends.remove(end as usize)),
            State::Pending | State::Stream(_) => return nothing_yet(&self.wakers, entry, poller),
        };
        Found::Last(result, self.finish(id))
    }

    /// What a stream finds.
    pub(crate) fn poll_stream<T: Send + 'static>(
        &mut self,
        id: RequestId,
        poller: Poller<'_>,
    ) -> Found<Result<T, Result<(), RequestError>>> {
        let Some(entry) = self.entries.get_mut(id) else {
            return Found::Last(Err(Err(RequestError::Closed)), Notice::None);
        };
        let State::Stream(number) = entry.state else {
            return Found::Last(Err(Err(RequestError::Abandoned)), self.finish(id));
        };
        let stream = &mut self.streams[number as usize];
        if let Some(item) = queue(&mut stream.items).and_then(|items| items.pop_front()) {
            if let Some(room) = &stream.room {
                room.give();
            }
            return Found::Item(Ok(item));
        }
        match stream.end.take() {
            None => nothing_yet(&self.wakers, entry, poller),
            Some(end) => {
                // Empty, with nothing in it that is somebody else's.
                self.streams.remove(number as usize);
                Found::Last(Err(end), self.finish(id))
            }
        }
    }

    /// Registers who is to be woken; gives back who was. Where something has come since the poll looked, nobody is
    /// registered: `Err` is to be woken.
    pub(crate) fn listen(&mut self, id: RequestId, task: TaskId, wake: Wake) -> Result<Wake, Wake> {
        let Some(entry) = self.entries.get_mut(id) else {
            return Ok(wake);
        };
        let has_come = match entry.state {
            _ if entry.emission == Emission::ADMITTED => true,
            State::Pending => false,
            State::Answered(_) | State::Ended(_) => true,
            State::Stream(number) => {
                let stream = &self.streams[number as usize];
                stream.end.is_some() || stream.items.len() > 0
            }
        };
        if has_come {
            return Err(wake);
        }
        let before = whom_to_wake(&mut self.wakers, entry);
        entry.task = task;
        entry.listener = keep_listener(&mut self.wakers, wake);
        Ok(before)
    }

    /// Lets a stream keep a listener that was woken, unless the wake brought another: its consumer may leave the next
    /// item for later without a poll that registers again. Gives back what is not needed.
    pub(crate) fn keep(&mut self, id: RequestId, woken: Waker) -> Option<Waker> {
        match self.entries.get_mut(id) {
            Some(entry)
                if entry.listener == Listener::Nobody
                    && matches!(entry.state, State::Stream(stream)
                        if self.streams[stream as usize].end.is_none()) =>
            {
                entry.listener = keep_listener(&mut self.wakers, Wake::Other(woken));
                None
            }
            _ => Some(woken),
        }
    }

    /// Frees an entry whose future has had its answer: only an effect that was answered before the shell took it may
    /// still lie in the outbox.
    #[inline]
    fn finish(&mut self, id: RequestId) -> Notice {
        let Some(entry) = self.entries.remove(id) else {
            return Notice::None;
        };
        debug_assert!(
            !matches!(entry.listener, Listener::Other(_)),
            "whoever listened was woken by what has come"
        );
        match entry.emission {
            // Its making panicked, and it was polled again all the same.
            Emission::UNMADE => Notice::Vacate,
            emission => emission.number().map_or(Notice::None, Notice::Bury),
        }
    }

    /// Frees the entry of a future that is dropped before it had its answer, or whose executor is torn down.
    pub(crate) fn cancel(&mut self, id: RequestId) -> Option<Remains> {
        let mut entry = self.entries.remove(id)?;
        self.cancelled += 1;
        let waker = match whom_to_wake(&mut self.wakers, &mut entry) {
            Wake::Other(waker) => Some(waker),
            Wake::Nobody | Wake::Task(_) => None,
        };
        let (mut answer, mut stream, mut ended) = (None, None, false);
        match entry.state {
            State::Pending => {}
            State::Answered(place) => answer = self.shelves.take_erased(entry.shelf, place),
            State::Ended(end) => {
                self.ends.remove(end as usize);
                ended = true;
            }
            State::Stream(number) => {
                let left = self.streams.remove(number as usize);
                ended = left.end.is_some();
                stream = Some(left);
            }
        }
        let notice = match entry.emission {
            Emission::UNMADE | Emission::ADMITTED => Notice::Vacate,
            Emission::WAITING => Notice::Leave,
            Emission::TAKEN if ended => Notice::None,
            Emission::TAKEN => Notice::Cancelled,
            untaken => untaken.number().map_or(Notice::None, Notice::Bury),
        };
        let has_rest = waker.is_some() || answer.is_some() || stream.is_some();
        let rest = has_rest.then(|| {
            Box::new(Rest {
                _waker: waker,
                _answer: answer,
                _stream: stream,
            })
        });
        Some(Remains { notice, rest })
    }

    // --- the shell's side ---

    /// The one answer.
    pub(crate) fn answer<T: Send + 'static>(
        &mut self,
        id: RequestId,
        answer: T,
    ) -> Result<Wake, (Reason, T)> {
        self.deposit(id, answer, Shelves::put)
    }

    /// The same without its type.
    pub(crate) fn answer_erased(
        &mut self,
        id: RequestId,
        answer: Answer,
    ) -> Result<Wake, (Reason, Answer)> {
        self.deposit(id, answer, Shelves::put_erased)
    }

    fn deposit<A>(
        &mut self,
        id: RequestId,
        answer: A,
        put: impl FnOnce(&mut Shelves, ShelfId, A) -> Result<Place, A>,
    ) -> Result<Wake, (Reason, A)> {
        let Some(entry) = self.entries.get_mut(id) else {
            return Err((refusal(&self.entries, id), answer));
        };
        match entry.state {
            State::Pending => {}
            State::Answered(_) | State::Ended(_) => return Err((Reason::AlreadyAnswered, answer)),
            State::Stream(_) => return Err((Reason::WrongType, answer)),
        }
        match put(&mut self.shelves, entry.shelf, answer) {
            Ok(place) => {
                entry.state = State::Answered(place);
                Ok(whom_to_wake(&mut self.wakers, entry))
            }
            Err(answer) => Err((Reason::WrongType, answer)),
        }
    }

    /// One more item, if the stream has a place for it, and the older one that had to make room.
    pub(crate) fn item<T: Send + 'static>(
        &mut self,
        id: RequestId,
        item: T,
    ) -> Result<(Wake, Option<T>), (Reason, T)> {
        self.enqueue(id, item, 0, |stream, item| {
            let Some(items) = queue(&mut stream.items) else {
                return Err((Reason::WrongType, item));
            };
            if stream.room.as_ref().is_some_and(|room| !room.take()) {
                return Err((Reason::Full, item));
            }
            let is_full = items.len() >= stream.capacity;
            let displaced = if is_full { items.pop_front() } else { None };
            items.push_back(item);
            Ok(displaced)
        })
    }

    /// The same without its type, and of an item that has arrived by a message, whose sender has taken its place in the
    /// stream's [`Room`], if it has one.
    pub(crate) fn item_erased(
        &mut self,
        id: RequestId,
        item: Answer,
    ) -> Result<(Wake, Option<Answer>), (Reason, Answer)> {
        self.enqueue(id, item, 1, |stream, item| {
            let is_full = stream.items.len() >= stream.capacity;
            match stream.items.push(item) {
                Ok(()) => Ok(if is_full { stream.items.pop() } else { None }),
                Err(item) => Err((Reason::WrongType, item)),
            }
        })
    }

    fn enqueue<A>(
        &mut self,
        id: RequestId,
        item: A,
        arrived: u64,
        push: impl FnOnce(&mut Stream, A) -> Result<Option<A>, (Reason, A)>,
    ) -> Result<(Wake, Option<A>), (Reason, A)> {
        let Some(entry) = self.entries.get_mut(id) else {
            return Err((refusal(&self.entries, id), item));
        };
        let State::Stream(number) = entry.state else {
            return Err((Reason::WrongType, item));
        };
        let stream = &mut self.streams[number as usize];
        stream.arrived += arrived;
        if stream.end.is_some() {
            return Err((Reason::AlreadyAnswered, item));
        }
        let displaced = push(stream, item)?;
        Ok((whom_to_wake(&mut self.wakers, entry), displaced))
    }

    /// The shell ends it: `Ok` is the orderly end of a stream, and nobody says it of anything else.
    pub(crate) fn end(
        &mut self,
        id: RequestId,
        end: Result<(), RequestError>,
    ) -> Result<Wake, Reason> {
        let Some(entry) = self.entries.get_mut(id) else {
            return Err(refusal(&self.entries, id));
        };
        match (entry.state, end) {
            (State::Pending, Err(error)) => {
                entry.state = State::Ended(self.ends.insert(error) as u32);
            }
            (State::Stream(number), end) if self.streams[number as usize].end.is_none() => {
                self.streams[number as usize].end = Some(end);
            }
            _ => return Err(Reason::AlreadyAnswered),
        }
        Ok(whom_to_wake(&mut self.wakers, entry))
    }
}

/// Why an id has no entry.
fn refusal(entries: &Requests<Entry>, id: RequestId) -> Reason {
    match entries.is_stale(id) {
        true => Reason::Stale,
        false => Reason::Unknown,
    }
}

/// Keeps who is to be woken.
fn keep_listener(wakers: &mut Slab<Waker>, wake: Wake) -> Listener {
    match wake {
        Wake::Nobody => Listener::Nobody,
        Wake::Task(_) => Listener::Task,
        Wake::Other(waker) => Listener::Other(wakers.insert(waker) as u32),
    }
}

/// Whom to wake: a task listens on, a waker is taken out.
fn whom_to_wake(wakers: &mut Slab<Waker>, entry: &mut Entry) -> Wake {
    match entry.listener {
        Listener::Nobody => Wake::Nobody,
        Listener::Task => Wake::Task(entry.task),
        Listener::Other(number) => {
            entry.listener = Listener::Nobody;
            Wake::Other(wakers.remove(number as usize))
        }
    }
}

/// Whether who polls listens already.
fn nothing_yet<R>(wakers: &Slab<Waker>, entry: &Entry, poller: Poller<'_>) -> Found<R> {
    let listens = entry.task == poller.task
        && match entry.listener {
            Listener::Nobody => false,
            Listener::Task => poller.is_own,
            Listener::Other(number) => wakers[number as usize].will_wake(poller.waker),
        };
    match listens {
        true => Found::Nothing,
        false => Found::NotListening,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Overflow;
    use crate::shelf::items;

    /// Nobody outside can tell; but each poll of a combinator would clone a waker and drop one.
    #[test]
    #[cfg_attr(miri, ignore = "miri gives one vtable several addresses")]
    fn who_listens_already_is_known() {
        let (one, two) = (TaskId::from_u64(1), TaskId::from_u64(2));
        // Another than `Waker::noop()`.
        let waker = futures::task::noop_waker();
        let poller = |task, waker, is_own| Poller {
            task,
            waker,
            is_own,
        };
        let (own, others) = (poller(one, &waker, true), poller(one, &waker, false));
        let mut table = RequestTable::default();
        let place = Location::caller();
        let id = table.open_one::<u8>(Kind::one::<u8>(), place, own);
        let id = id.expect("there is room");
        let must_listen = |table: &mut RequestTable, poller| match table.poll_one::<u8>(id, poller)
        {
            Found::Nothing => false,
            Found::NotListening => true,
            Found::Item(_) | Found::Last(..) => panic!("nothing has come"),
        };
        assert!(!must_listen(&mut table, own));
        assert!(must_listen(&mut table, others));
        assert!(must_listen(&mut table, poller(two, &waker, true)));

        let Ok(Wake::Task(before)) = table.listen(id, one, others.wake()) else {
            panic!("a task listened")
        };
        assert_eq!(before, one);
        assert!(!must_listen(&mut table, others));
        assert!(must_listen(&mut table, poller(one, Waker::noop(), false)));
        let Ok(Wake::Other(before)) = table.listen(id, two, Wake::Nobody) else {
            panic!("a waker listened")
        };
        assert!(before.will_wake(&waker));
        assert!(must_listen(&mut table, poller(two, &waker, true)));

        // Nor is anybody registered who looked before the answer came.
        assert!(table.answer(id, 7u8).is_ok());
        assert!(matches!(
            table.listen(id, two, others.wake()),
            Err(Wake::Other(_))
        ));
    }

    #[test]
    fn nobody_listens_for_a_place_that_is_there_by_now() {
        let task = TaskId::from_u64(1);
        let poller = Poller {
            task,
            waker: Waker::noop(),
            is_own: true,
        };
        let mut table = RequestTable::default();
        let (kind, place) = (Kind::one::<u8>(), Location::caller());
        let id = table.open_one::<u8>(kind, place, poller).unwrap();
        let listens = |table: &mut RequestTable| table.listen(id, task, Wake::Task(task)).is_ok();
        table.set_emission(id, Emission::WAITING);
        assert!(listens(&mut table));
        assert!(matches!(table.admit(id), Wake::Task(_)));
        assert!(!listens(&mut table));
        assert!(matches!(table.poll_line(id, poller), Found::Item(Ok(()))));
        assert!(listens(&mut table));
    }

    #[test]
    fn a_request_is_as_old_as_its_effect_and_not_older_than_that_is_made() {
        let poller = Poller {
            task: TaskId::from_u64(1),
            waker: Waker::noop(),
            is_own: true,
        };
        let mut table = RequestTable::default();
        let (kind, place) = (Kind::one::<u8>(), Location::caller());
        let id = table.open_one::<u8>(kind, place, poller).unwrap();
        assert_eq!(table.snapshot(7)[0].age, 0);
        table.emitted(id, 0, u32::MAX);
        assert_eq!(table.snapshot(7)[0].age, 8);
    }

    #[test]
    fn nobody_listens_to_a_stream_of_which_something_has_come() {
        let (one, two) = (TaskId::from_u64(1), TaskId::from_u64(2));
        let poller = Poller {
            task: one,
            waker: Waker::noop(),
            is_own: true,
        };
        let stream = Stream::new(items::<u8>(), Overflow::Unbounded, None);
        let mut table = RequestTable::default();
        let (kind, place) = (Kind::many::<u8>(), Location::caller());
        let id = table.open_stream(kind, place, poller, stream).unwrap();
        let listens = |table: &mut RequestTable| table.listen(id, two, Wake::Task(two)).is_ok();
        assert!(listens(&mut table));
        assert!(table.item(id, 7u8).is_ok());
        assert!(!listens(&mut table));
        assert!(matches!(
            table.poll_stream::<u8>(id, poller),
            Found::Item(Ok(7))
        ));
        assert!(listens(&mut table));
        assert!(table.end(id, Ok(())).is_ok());
        assert!(!listens(&mut table));
    }
}
