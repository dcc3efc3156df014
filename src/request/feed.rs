//! The shell's end of a subscription.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::{Operation, ResolveError};
use crate::answer::Answer;
use crate::entry::{Reason, RequestError};
use crate::id::RequestId;
use crate::mailbox::Until;
use crate::meta::{Door, Message};
use crate::room::Room;
use crate::shim::{AtomicU64, Ordering};
use crate::turn::{self, Turn};

/// One operation, and the right to answer it any number of times. Dropping it, and with it the only feed, ends the
/// stream as [abandoned](crate::RequestError::Abandoned).
///
/// ```
/// use futures::StreamExt;
/// use stillpoint::{Emitted, Executor, Operation, Subscription};
///
/// struct Lines(&'static str);
/// impl Operation for Lines {
///     type Output = String;
/// }
///
/// let mut executor = Executor::<Subscription<Lines>>::new();
/// let shell = executor.shell();
/// let task = executor.spawn(async move { shell.subscribe(Lines("a.txt")).next().await });
/// executor.run_until_stalled();
/// let Some(Emitted::Effect(lines)) = executor.drain().next() else { unreachable!() };
/// assert_eq!(lines.operation.0, "a.txt");
/// lines.feed.send("first".to_owned()).unwrap();
/// executor.run_until_stalled();
/// assert_eq!(futures::executor::block_on(task).unwrap().as_deref(), Some("first"));
/// ```
#[derive(Debug)]
pub struct Subscription<Op: Operation> {
    /// What is wanted.
    pub operation: Op,
    /// How it is answered.
    pub feed: Feed<Op>,
}

impl<Op: Operation> Subscription<Op> {
    /// The subscription's id, which a later [`Emitted::Cancelled`](crate::Emitted::Cancelled) would name.
    ///
    /// ```
    /// # use futures::StreamExt;
    /// # use stillpoint::{Emitted, Executor, Operation, Subscription};
    /// # struct Keys;
    /// # impl Operation for Keys {
    /// #     type Output = char;
    /// # }
    /// # let mut executor = Executor::<Subscription<Keys>>::new();
    /// # let shell = executor.shell();
    /// let task = executor.spawn(async move { shell.subscribe(Keys).next().await });
    /// executor.run_until_stalled();
    /// let Some(Emitted::Effect(keys)) = executor.drain().next() else { unreachable!() };
    /// executor.send(&keys.feed, 'a').unwrap();
    /// executor.run_until_stalled();
    /// assert!(task.is_finished(), "and so the stream is dropped");
    /// let Some(Emitted::Cancelled(id)) = executor.drain().next() else { unreachable!() };
    /// assert_eq!(id, keys.id());
    /// ```
    #[must_use]
    pub fn id(&self) -> RequestId {
        self.feed.id()
    }
}

/// The right to send items to one stream, from any thread, and to end it.
///
/// It holds the stream's id and a way to send: keeping it keeps nothing of the core alive. [`Clone`] gives another feed
/// of the same stream; each sender's items keep their order. Dropping the last one ends the stream, after what was
/// sent: the task finds [`RequestError::Abandoned`](crate::RequestError::Abandoned) in
/// [`ShellStream::ended_by`](crate::ShellStream::ended_by).
///
/// ```
/// use futures::StreamExt;
/// use stillpoint::{Emitted, Executor, Operation, Subscription};
///
/// struct Ticks;
/// impl Operation for Ticks {
///     type Output = u32;
/// }
///
/// let mut executor = Executor::<Subscription<Ticks>>::new();
/// let shell = executor.shell();
/// let task = executor.spawner().spawn(async move { shell.subscribe(Ticks).collect::<Vec<_>>().await });
/// executor.run_until_stalled();
/// let Some(Emitted::Effect(ticks)) = executor.drain().next() else { unreachable!() };
/// for tick in 0..3 {
///     ticks.feed.send(tick).unwrap();
/// }
/// ticks.feed.end().unwrap();
/// executor.run_until_stalled();
/// assert_eq!(futures::executor::block_on(task).unwrap(), [0, 1, 2]);
/// ```
#[must_use = "the stream ends when its last feed is dropped"]
pub struct Feed<Op: Operation> {
    line: Arc<Line>,
    operation: PhantomData<fn(Op) -> Op::Output>,
}

/// What the feeds of one stream share.
struct Line {
    door: Arc<Door>,
    id: RequestId,
    room: Option<Arc<Room>>,
    /// How many messages they have sent.
    sent: AtomicU64,
    /// Whoever answers by the id alone has given up the last feed, and means the stream to go on.
    #[cfg(feature = "bridge")]
    is_given_up: bool,
}

impl<Op: Operation> Feed<Op> {
    pub(super) fn new(door: Arc<Door>, id: RequestId, room: Option<Arc<Room>>) -> Self {
        Self {
            line: Arc::new(Line {
                door,
                id,
                room,
                sent: AtomicU64::new(0),
                #[cfg(feature = "bridge")]
                is_given_up: false,
            }),
            operation: PhantomData,
        }
    }

    /// The subscription's id.
    ///
    /// ```
    /// # use futures::StreamExt;
    /// # use stillpoint::{Emitted, Executor, Operation, Subscription};
    /// # struct Keys;
    /// # impl Operation for Keys {
    /// #     type Output = char;
    /// # }
    /// # let mut executor = Executor::<Subscription<Keys>>::new();
    /// # let shell = executor.shell();
    /// executor.spawn(async move { shell.subscribe(Keys).collect::<String>().await });
    /// executor.run_until_stalled();
    /// let Some(Emitted::Effect(keys)) = executor.drain().next() else { unreachable!() };
    /// let other = keys.feed.clone();
    /// assert_eq!(other.id(), keys.feed.id(), "another feed of the same stream");
    /// ```
    #[must_use]
    pub fn id(&self) -> RequestId {
        self.line.id
    }

    /// Whether it belongs to the executor of this door.
    pub(crate) fn belongs_to(&self, door: &Arc<Door>) -> bool {
        Arc::ptr_eq(&self.line.door, door)
    }

    /// Gives up the feed without ending the stream, which is answered by its id alone from then on, and says whether it
    /// was the last. Where there is another feed, that one ends the stream as ever.
    #[cfg(feature = "bridge")]
    pub(crate) fn into_id(self) -> (RequestId, bool) {
        let id = self.line.id;
        let last = Arc::into_inner(self.line).map(|mut line| line.is_given_up = true);
        (id, last.is_some())
    }

    /// Sends one item. It never polls: the task goes on with the executor's next turn.
    ///
    /// `Ok` means sent. An item that reaches a stream that is cancelled or ended by then is dropped by the executor.
    ///
    /// ```
    /// # use futures::StreamExt;
    /// # use stillpoint::{Emitted, Executor, Operation, Overflow, Reason, Subscription};
    /// # struct Keys;
    /// # impl Operation for Keys {
    /// #     type Output = char;
    /// # }
    /// # let mut executor = Executor::<Subscription<Keys>>::new();
    /// # let shell = executor.shell();
    /// executor.spawn(async move {
    ///     let keys = shell.subscribe(Keys).overflow(Overflow::Reject(2));
    ///     keys.collect::<String>().await
    /// });
    /// executor.run_until_stalled();
    /// let Some(Emitted::Effect(keys)) = executor.drain().next() else { unreachable!() };
    /// let typing = std::thread::spawn(move || {
    ///     assert!(keys.feed.send('a').is_ok() && keys.feed.send('b').is_ok());
    ///     keys.feed.send('c').unwrap_err()
    /// });
    /// let full = typing.join().unwrap();
    /// assert_eq!((full.reason(), full.into_inner()), (Reason::Full, 'c'));
    /// ```
    ///
    /// # Errors
    ///
    /// Gives the item back where it is known to have no effect: with [`Reason::Full`] where the stream is bounded by
    /// [`Overflow::Reject`](crate::Overflow::Reject) and full, with [`Reason::TornDown`] after a teardown, and inside a
    /// turn of the same executor with what [`Executor::send`](crate::Executor::send) says, unless something that was
    /// sent to the stream before is still on its way.
    pub fn send(&self, item: Op::Output) -> Result<(), ResolveError<Op::Output>> {
        let Line { door, id, room, .. } = &*self.line;
        self.line.in_order(|turn| match turn {
            Some(turn) if turn.is_closing() => Err(ResolveError::new(Reason::TornDown, item)),
            Some(turn) => turn.item(*id, item).map_err(ResolveError::given_back),
            None => match door.enter(Until::Closing) {
                None => Err(ResolveError::new(Reason::TornDown, item)),
                Some(_) if room.as_ref().is_some_and(|room| !room.take()) => {
                    Err(ResolveError::new(Reason::Full, item))
                }
                Some(inside) => {
                    self.line.count();
                    inside.send(Message::Item(*id, Answer::new(item)));
                    Ok(())
                }
            },
        })
    }

    /// Ends the stream, after what was sent: for this feed and all others.
    ///
    /// ```
    /// # use futures::StreamExt;
    /// # use stillpoint::{Emitted, Executor, Operation, Subscription};
    /// # struct Keys;
    /// # impl Operation for Keys {
    /// #     type Output = char;
    /// # }
    /// # let mut executor = Executor::<Subscription<Keys>>::new();
    /// # let shell = executor.shell();
    /// let task = executor.spawn(async move { shell.subscribe(Keys).collect::<String>().await });
    /// executor.run_until_stalled();
    /// let Some(Emitted::Effect(keys)) = executor.drain().next() else { unreachable!() };
    /// let other = keys.feed.clone();
    /// other.send('a').unwrap();
    /// keys.feed.end().unwrap();
    /// other.send('b').expect("it is sent, and dropped: the stream has ended");
    /// executor.run_until_stalled();
    /// assert_eq!(futures::executor::block_on(task).unwrap(), "a");
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send), with nothing to give back.
    pub fn end(self) -> Result<(), ResolveError<()>> {
        self.end_with(Ok(()))
    }

    /// Ends the stream as failed, after what was sent: the task finds
    /// [`RequestError::Failed`](crate::RequestError::Failed) in
    /// [`ShellStream::ended_by`](crate::ShellStream::ended_by).
    ///
    /// ```
    /// # use futures::StreamExt;
    /// # use stillpoint::{Emitted, Executor, Operation, Subscription};
    /// # struct Keys;
    /// # impl Operation for Keys {
    /// #     type Output = char;
    /// # }
    /// # let mut executor = Executor::<Subscription<Keys>>::new();
    /// # let shell = executor.shell();
    /// let task = executor.spawn(async move {
    ///     let mut keys = shell.subscribe(Keys);
    ///     let text: String = keys.by_ref().collect().await;
    ///     format!("{text}, then {:?}", keys.ended_by().unwrap())
    /// });
    /// executor.run_until_stalled();
    /// let Some(Emitted::Effect(keys)) = executor.drain().next() else { unreachable!() };
    /// keys.feed.send('a').unwrap();
    /// keys.feed.fail("unplugged").unwrap();
    /// executor.run_until_stalled();
    /// assert_eq!(futures::executor::block_on(task).unwrap(), r#"a, then Err(Failed("unplugged"))"#);
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send), with nothing to give back.
    pub fn fail(self, reason: impl Into<String>) -> Result<(), ResolveError<()>> {
        self.end_with(Err(RequestError::Failed(reason.into())))
    }

    fn end_with(&self, end: Result<(), RequestError>) -> Result<(), ResolveError<()>> {
        let Line { door, id, .. } = &*self.line;
        let ended = self.line.in_order(|turn| match turn {
            Some(turn) if turn.is_closing() => Err(Reason::TornDown),
            Some(turn) => turn.end(*id, end),
            None => match door.enter(Until::Closing) {
                None => Err(Reason::TornDown),
                Some(inside) => {
                    self.line.count();
                    inside.send(Message::End(*id, end));
                    Ok(())
                }
            },
        });
        ended.map_err(|reason| ResolveError::new(reason, ()))
    }
}

impl<Op: Operation> Clone for Feed<Op> {
    fn clone(&self) -> Self {
        Self {
            line: Arc::clone(&self.line),
            operation: PhantomData,
        }
    }
}

impl Line {
    /// Gives the turn, if this is one of the executor's and nothing that was sent before is on its way: what is done at
    /// once would overtake that.
    fn in_order<R>(&self, act: impl FnOnce(Option<&Turn>) -> R) -> R {
        turn::with(&self.door, |turn| {
            // Whatever orders a message before this act orders its count as well.
            let has_all = |turn: &Turn| turn.has_all(self.id, self.sent.load(Ordering::Relaxed));
            act(turn.filter(|turn| turn.is_closing() || has_all(turn)))
        })
    }

    /// One more message, which is about to be sent.
    fn count(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        #[cfg(feature = "bridge")]
        if self.is_given_up {
            return;
        }
        self.in_order(|turn| match turn {
            Some(turn) => turn.feed_gone(self.id),
            None => match self.door.enter(Until::Closing) {
                Some(inside) => inside.send(Message::FeedGone(self.id)),
                None => self
                    .door
                    .post_quietly(Until::Closed, Message::FeedGone(self.id)),
            },
        });
    }
}

/// The operation's type and the subscription's id.
impl<Op: Operation> fmt::Debug for Feed<Op> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed")
            .field("operation", &std::any::type_name::<Op>())
            .field("id", &self.line.id)
            .finish()
    }
}
