//! The life of one request, as the executor sees it.
//!
//! ```text
//!             first poll                drain                       answer
//!   (future) ───────────▶ untaken ───────────────▶ taken ─────────────────────▶ answered
//!                            │                       │   fail, abandon, end         │
//!                            │ future dropped        ├──────────────────▶ ended     │ future polled:
//!                            ▼                       │ future dropped       │       │ it has its answer
//!              effect buried, no notice              ▼                      ▼       ▼
//!                                          Cancelled to the shell        (freed, no notice)
//! ```
//!
//! An entry lives from its future's first poll until that future has taken the answer or is dropped, whatever the
//! shell does. A transition here moves values and returns what the caller must do next; it calls nobody.

use std::collections::VecDeque;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::task::Waker;

use crate::answer::{Answer, Kind};
use crate::id::{RequestId, TaskId};
use crate::shim::{AtomicUsize, Ordering};
use crate::snapshot::RequestSnapshot;

/// Why a request or a subscription has no answer.
///
/// ```
/// use stillpoint::RequestError;
///
/// assert_eq!(RequestError::Failed("404".into()).to_string(), "the shell failed it: 404");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// The shell could not do it, and says why.
    Failed(String),
    /// The shell dropped the resolver, or the last feed, without an answer.
    Abandoned,
    /// The executor is torn down, or about to be: nobody will answer.
    Closed,
    /// It was polled with no turn of its executor on this thread; where turns nest, the innermost counts.
    Outside,
    /// More than 2^24 requests would be pending at once.
    Exhausted,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(reason) => write!(f, "the shell failed it: {reason}"),
            Self::Abandoned => f.write_str("the shell abandoned it"),
            Self::Closed => f.write_str("the executor is torn down"),
            Self::Outside => f.write_str("polled outside a turn of its executor"),
            Self::Exhausted => f.write_str("too many requests are pending"),
        }
    }
}

impl std::error::Error for RequestError {}

/// Why an answer had no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The resolver or feed belongs to another executor.
    Foreign,
    /// This executor never gave out that id.
    Unknown,
    /// Nobody awaits it any more: it was cancelled, or its answer has been taken.
    Stale,
    /// It has its answer or its end already, and the task has not yet looked.
    AlreadyAnswered,
    /// The id names a request of another operation, or a stream where one answer is meant, or the other way round.
    WrongType,
    /// The stream holds as many items as its [`Overflow::Reject`] allows.
    Full,
    /// The executor is torn down.
    TornDown,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Foreign => "it belongs to another executor",
            Self::Unknown => "no request has had this id",
            Self::Stale => "nobody awaits it any more",
            Self::AlreadyAnswered => "it is already answered",
            Self::WrongType => "it is a request of another kind",
            Self::Full => "the stream is full",
            Self::TornDown => "the executor is torn down",
        })
    }
}

/// What a stream does with an item that comes when it holds as many as it may.
///
/// Items are counted from the moment the executor has them; those still on their way from another thread are not
/// bounded by it, except with [`Reject`](Self::Reject), which counts from the send. A capacity of 0 counts as 1.
///
/// ```
/// use stillpoint::Overflow;
///
/// assert_eq!(Overflow::default(), Overflow::Unbounded);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// Keeps every item.
    #[default]
    Unbounded,
    /// Keeps this many, and gives a further one back to the sender with [`Reason::Full`]. Nobody is told when there is
    /// room again: where the shell can wait, let the core ask for each batch by a request instead.
    Reject(usize),
    /// Keeps the newest this many, and drops the oldest.
    DropOldest(usize),
    /// Keeps the newest item only.
    Latest,
}

/// How many items a stream of [`Overflow::Reject`] holds or has on their way, shared by its feeds and its entry.
///
/// The count guards no other memory, so its operations are relaxed: an item's own way orders what matters.
pub(crate) struct Room {
    held: AtomicUsize,
    capacity: usize,
}

/// The stream is gone: what is sent to nobody needs no room.
const GONE: usize = 1 << (usize::BITS - 1);

impl Room {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            held: AtomicUsize::new(0),
            capacity: capacity.clamp(1, GONE - 1),
        }
    }

    /// Takes a place, if one is free.
    pub(crate) fn take(&self) -> bool {
        self.held
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
                match held & GONE {
                    0 => (held < self.capacity).then_some(held + 1),
                    _ => Some(held),
                }
            })
            .is_ok()
    }

    /// Gives a place back.
    pub(crate) fn give(&self) {
        self.held.fetch_sub(1, Ordering::Relaxed);
    }

    fn abolish(&self) {
        self.held.fetch_or(GONE, Ordering::Relaxed);
    }
}

/// Who is to be polled when the answer comes.
pub(crate) enum Wake {
    Nobody,
    /// The task that polled, by its own waker: the task table has one already.
    Task(TaskId),
    /// A waker that a combinator, or somebody else, brought.
    Other(Waker),
}

impl Wake {
    /// Of whoever polls with this waker; `task` is the polled task, if the waker is its own.
    pub(crate) fn new(task: Option<TaskId>, waker: &Waker) -> Self {
        task.map_or_else(|| Self::Other(waker.clone()), Self::Task)
    }
}

/// Where the effect is.
#[derive(Clone, Copy)]
pub(crate) enum Emission {
    /// Not made yet: that is somebody else's code, which may panic.
    Unmade,
    /// In the outbox, under this number.
    Untaken(u64),
    /// With the shell.
    Taken,
}

/// Who asked, where and for what: for reports.
#[derive(Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) task: TaskId,
    pub(crate) place: &'static Location<'static>,
    pub(crate) kind: &'static Kind,
}

/// One pending request or subscription.
pub(crate) struct Entry {
    pub(crate) origin: Origin,
    emission: Emission,
    wake: Wake,
    state: State,
}

enum State {
    /// One answer is awaited.
    Pending,
    /// It is here and unread.
    Answered(Answer),
    /// The shell failed or abandoned it.
    Ended(RequestError),
    /// Any number of answers is awaited.
    Stream(Box<Stream>),
}

/// The items of a subscription that its task has not taken yet.
pub(crate) struct Stream {
    items: VecDeque<Answer>,
    capacity: usize,
    room: Option<Arc<Room>>,
    end: Option<Result<(), RequestError>>,
}

impl Stream {
    pub(crate) fn new(overflow: Overflow, room: Option<Arc<Room>>) -> Self {
        let capacity = match overflow {
            Overflow::Unbounded | Overflow::Reject(_) => usize::MAX,
            Overflow::DropOldest(capacity) => capacity.max(1),
            Overflow::Latest => 1,
        };
        Self {
            items: VecDeque::new(),
            capacity,
            room,
            end: None,
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(room) = &self.room {
            room.abolish();
        }
    }
}

/// What a poll finds.
pub(crate) enum Found {
    Nothing,
    Answer(Answer),
    Item(Answer),
    End(Result<(), RequestError>),
}

/// An answer that had no effect, and why.
pub(crate) type Refused = (Reason, Answer);

/// What an answer asks for: whom to wake, and an older item that had to make room.
#[must_use = "wake it, and drop what was displaced, outside the borrow"]
pub(crate) struct Delivered {
    pub(crate) wake: Wake,
    pub(crate) displaced: Option<Answer>,
}

/// What is left of an entry whose future was dropped.
#[must_use = "the shell may have to be told, and what is left is dropped outside the borrow"]
pub(crate) struct Remains {
    pub(crate) notice: Notice,
    pub(crate) _entry: Entry,
}

/// What the shell must hear of an entry that is freed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Notice {
    /// It never saw the effect: the effect goes.
    Bury(u64),
    /// It has the effect, and the core has no use for it any more.
    Cancelled,
    /// It ended the request itself.
    None,
}

impl Entry {
    pub(crate) fn request(origin: Origin, wake: Wake) -> Self {
        Self {
            origin,
            emission: Emission::Unmade,
            wake,
            state: State::Pending,
        }
    }

    pub(crate) fn stream(origin: Origin, wake: Wake, stream: Stream) -> Self {
        Self {
            origin,
            emission: Emission::Unmade,
            wake,
            state: State::Stream(Box::new(stream)),
        }
    }

    /// Its effect lies in the outbox under this number.
    pub(crate) fn emitted(&mut self, number: u64) {
        self.emission = Emission::Untaken(number);
    }

    pub(crate) fn snapshot(&self, id: RequestId) -> RequestSnapshot {
        let Origin { task, place, kind } = self.origin;
        let taken = matches!(self.emission, Emission::Taken);
        let queued = match &self.state {
            State::Pending => 0,
            State::Answered(_) | State::Ended(_) => 1,
            State::Stream(stream) => stream.items.len(),
        };
        RequestSnapshot {
            id,
            operation: (kind.name)(),
            task,
            place,
            taken,
            queued,
        }
    }

    pub(crate) fn take_effect(&mut self) {
        self.emission = Emission::Taken;
    }

    /// Whether this waker is the registered one, or `task` stands for it.
    pub(crate) fn is_registered(&self, task: Option<TaskId>, waker: &Waker) -> bool {
        match &self.wake {
            Wake::Nobody => false,
            Wake::Task(registered) => task == Some(*registered),
            Wake::Other(registered) => registered.will_wake(waker),
        }
    }

    /// Registers who is to be woken; gives back who was.
    #[must_use = "a waker is dropped outside the borrow"]
    pub(crate) fn register(&mut self, wake: Wake) -> Wake {
        std::mem::replace(&mut self.wake, wake)
    }

    /// Whom to wake, outside the borrow: a task's name is copied, a waker is taken out.
    fn unregister(&mut self) -> Wake {
        match self.wake {
            Wake::Task(id) => Wake::Task(id),
            Wake::Nobody | Wake::Other(_) => std::mem::replace(&mut self.wake, Wake::Nobody),
        }
    }

    /// Registers again who was woken, unless the wake brought another registration. Gives back what is not needed.
    #[must_use = "a waker is dropped outside the borrow"]
    pub(crate) fn keep(&mut self, woken: Wake) -> Wake {
        match (&self.wake, &self.state) {
            (Wake::Nobody, State::Stream(_)) => self.register(woken),
            _ => woken,
        }
    }

    /// The one answer.
    pub(crate) fn answer(&mut self, answer: Answer) -> Result<Delivered, Refused> {
        match self.state {
            State::Pending => {
                self.state = State::Answered(answer);
                Ok(Delivered {
                    wake: self.unregister(),
                    displaced: None,
                })
            }
            State::Answered(_) | State::Ended(_) => Err((Reason::AlreadyAnswered, answer)),
            State::Stream(_) => Err((Reason::WrongType, answer)),
        }
    }

    /// One more item. The sender has taken its place in the stream's [`Room`], if it has one.
    pub(crate) fn item(&mut self, item: Answer) -> Result<Delivered, Refused> {
        let State::Stream(stream) = &mut self.state else {
            return Err((Reason::WrongType, item));
        };
        if stream.end.is_some() {
            return Err((Reason::AlreadyAnswered, item));
        }
        let displaced = if stream.items.len() >= stream.capacity {
            stream.items.pop_front()
        } else {
            None
        };
        stream.items.push_back(item);
        Ok(Delivered {
            wake: self.unregister(),
            displaced,
        })
    }

    /// The stream's [`Room`], where it has one.
    pub(crate) fn room(&self) -> Option<&Arc<Room>> {
        match &self.state {
            State::Stream(stream) => stream.room.as_ref(),
            _ => None,
        }
    }

    /// The shell ends it: `Ok` is the orderly end of a stream.
    pub(crate) fn end(&mut self, end: Result<(), RequestError>) -> Result<Wake, Reason> {
        match (&mut self.state, end) {
            (State::Pending, Err(error)) => {
                self.state = State::Ended(error);
                Ok(self.unregister())
            }
            (State::Pending, Ok(())) => Err(Reason::WrongType),
            (State::Stream(stream), end) if stream.end.is_none() => {
                stream.end = Some(end);
                Ok(self.unregister())
            }
            _ => Err(Reason::AlreadyAnswered),
        }
    }

    /// What its future finds; an answer or an end is found once.
    pub(crate) fn poll(&mut self) -> Found {
        match &mut self.state {
            State::Pending => Found::Nothing,
            State::Answered(_) | State::Ended(_) => {
                match std::mem::replace(&mut self.state, State::Pending) {
                    State::Answered(answer) => Found::Answer(answer),
                    State::Ended(error) => Found::End(Err(error)),
                    _ => Found::Nothing,
                }
            }
            State::Stream(stream) => match stream.items.pop_front() {
                Some(item) => {
                    if let Some(room) = &stream.room {
                        room.give();
                    }
                    Found::Item(item)
                }
                None => stream.end.take().map_or(Found::Nothing, Found::End),
            },
        }
    }

    /// Its future is dropped before it had its answer, or its executor is torn down.
    pub(crate) fn cancel(self) -> Remains {
        let ended = match &self.state {
            State::Pending | State::Answered(_) => false,
            State::Ended(_) => true,
            State::Stream(stream) => stream.end.is_some(),
        };
        let notice = match self.emission {
            Emission::Untaken(number) => Notice::Bury(number),
            Emission::Unmade => Notice::None,
            Emission::Taken if ended => Notice::None,
            Emission::Taken => Notice::Cancelled,
        };
        Remains {
            notice,
            _entry: self,
        }
    }

    /// Its future has had its answer: only an effect that was answered by its bare id may still lie in the outbox.
    pub(crate) fn finish(self) -> Remains {
        let notice = match self.emission {
            Emission::Untaken(number) => Notice::Bury(number),
            Emission::Unmade | Emission::Taken => Notice::None,
        };
        Remains {
            notice,
            _entry: self,
        }
    }
}
