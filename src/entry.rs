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
//! shell does. It is plain data, of the size of a cache line: what has a destructor lies beside it in
//! the request slab, under a number.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::answer::Kind;
use crate::id::TaskId;
use crate::room::Room;
use crate::shelf::{AnyItems, Place, ShelfId};

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
    /// The executor has as many requests or untaken effects as it may, and was told by
    /// [`WhenFull::Fail`](crate::WhenFull::Fail) to let none wait.
    Full,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(reason) => write!(f, "the shell failed it: {reason}"),
            Self::Abandoned => f.write_str("the shell abandoned it"),
            Self::Closed => f.write_str("the executor is torn down"),
            Self::Outside => f.write_str("polled outside a turn of its executor"),
            Self::Exhausted => f.write_str("too many requests are pending"),
            Self::Full => f.write_str("the executor takes no more requests for now"),
        }
    }
}

impl std::error::Error for RequestError {}

/// Why an answer had no effect.
///
/// ```
/// use stillpoint::{Executor, Operation, Reason, RequestId};
///
/// struct Ask;
/// impl Operation for Ask {
///     type Output = u32;
/// }
///
/// let mut executor = Executor::<()>::new();
/// match executor.resolve_id::<Ask>(RequestId::from_u64(7), 42) {
///     Ok(()) => {}
///     Err(error) if error.reason() == Reason::Stale => {} // the core has changed its mind: drop the answer
///     Err(error) => assert_eq!(error.to_string(), "the answer had no effect: no request has had this id"),
/// }
/// ```
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

/// One pending request or subscription.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) kind: &'static Kind,
    /// Where it was made.
    pub(crate) place: &'static Location<'static>,
    /// The task that waited for it last.
    pub(crate) task: TaskId,
    pub(crate) emission: Emission,
    pub(crate) listener: Listener,
    pub(crate) state: State,
    /// Where its answer will lie; of no use to a stream.
    pub(crate) shelf: ShelfId,
    /// The turn that emitted its effect, modulo 2^32.
    pub(crate) since: u32,
}

/// Where the effect is: one word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Emission(u64);

impl Emission {
    /// Not made yet: that is somebody else's code, which may panic. It has a place in the outbox, if those are counted.
    pub(crate) const UNMADE: Self = Self(u64::MAX);
    /// With the shell.
    pub(crate) const TAKEN: Self = Self(u64::MAX - 1);
    /// It has a place by now, and is made when its task is polled.
    pub(crate) const ADMITTED: Self = Self(u64::MAX - 2);
    /// It waits for a place.
    pub(crate) const WAITING: Self = Self(u64::MAX - 3);

    /// In the outbox, under this number.
    pub(crate) fn untaken(number: u64) -> Self {
        Self(number)
    }

    /// Its number in the outbox, if it is there.
    pub(crate) fn number(self) -> Option<u64> {
        (self.0 < Self::WAITING.0).then_some(self.0)
    }

    /// Whether it has yet to be made: nobody outside has its id.
    pub(crate) fn is_in_line(self) -> bool {
        self == Self::WAITING || self == Self::ADMITTED
    }
}

/// Who is to be polled when the answer comes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listener {
    Nobody,
    /// The task that waited for it last, by its own waker: the task table has one already.
    Task,
    /// A waker that a combinator, or somebody else, brought, under this number.
    Other(u32),
}

#[derive(Clone, Copy)]
pub(crate) enum State {
    /// One answer is awaited.
    Pending,
    /// It is here and unread.
    Answered(Place),
    /// The shell failed or abandoned it: the error's number.
    Ended(u32),
    /// Any number of answers is awaited: the stream's number.
    Stream(u32),
}

/// What a subscription holds beside its entry.
pub(crate) struct Stream {
    pub(crate) items: Box<dyn AnyItems>,
    pub(crate) capacity: usize,
    pub(crate) room: Option<Arc<Room>>,
    /// How many messages of its feeds have been taken in.
    pub(crate) arrived: u64,
    pub(crate) end: Option<Result<(), RequestError>>,
}

impl Stream {
    pub(crate) fn new(
        items: Box<dyn AnyItems>,
        overflow: Overflow,
        room: Option<Arc<Room>>,
    ) -> Self {
        let capacity = match overflow {
            Overflow::Unbounded | Overflow::Reject(_) => usize::MAX,
            Overflow::DropOldest(capacity) => capacity.max(1),
            Overflow::Latest => 1,
        };
        Self {
            items,
            capacity,
            room,
            arrived: 0,
            end: None,
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(room) = &self.room {
            room.unbound();
        }
    }
}

/// What there is to do for an entry that is freed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Notice {
    /// The shell never saw the effect: the effect goes.
    Bury(u64),
    /// The shell has the effect, and is told that the core has no use for it any more.
    Cancelled,
    /// The shell ended the request itself.
    None,
    /// The effect was never made, and has no use for its place.
    Vacate,
    /// It waited for a place.
    Leave,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_effect_has_a_number_as_long_as_it_lies_in_the_outbox() {
        let numbers =
            [Emission::UNMADE, Emission::untaken(7), Emission::TAKEN].map(Emission::number);
        assert_eq!(numbers, [None, Some(7), None]);
        let line = [Emission::WAITING, Emission::ADMITTED];
        assert!(line.iter().all(|emission| emission.is_in_line()));
        assert_eq!(line.map(Emission::number), [None, None]);
    }
}
