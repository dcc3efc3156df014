//! The core's end of a subscription.

use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::stream::{FusedStream, Stream};

use super::interest::Interest;
use super::{Feed, Operation, Subscription};
use crate::answer::Kind;
use crate::entry::{self, Overflow, RequestError};
use crate::meta::Door;
use crate::room::Room;
use crate::shelf::items;
use crate::turn::{self, Turn};

/// Gives the answers to one operation, as they come. Made by [`Shell::subscribe`](crate::Shell::subscribe).
///
/// The effect is emitted by its first poll, inside a turn of its executor. It ends when the shell ends it, drops its
/// last feed, or fails it, after everything that was sent before; [`ended_by`](Self::ended_by) says which. Dropping it
/// cancels the subscription: a shell that has the effect gets one [`Emitted::Cancelled`](crate::Emitted::Cancelled),
/// unless it ended the stream itself.
///
/// # Cancel safety
///
/// Dropping a `next()` loses nothing: the items stay for the next one. Dropping the stream drops what was not taken.
///
/// ```
/// use futures::StreamExt;
/// use stillpoint::{Executor, Operation, Overflow, Subscription};
///
/// struct Ticks;
/// impl Operation for Ticks {
///     type Output = u32;
/// }
///
/// let executor = Executor::<Subscription<Ticks>>::new();
/// let shell = executor.shell();
/// executor.spawner().spawn(async move {
///     let mut ticks = shell.subscribe(Ticks).overflow(Overflow::Latest);
///     while let Some(tick) = ticks.next().await {
///         println!("{tick}");
///     }
///     println!("ended: {:?}", ticks.ended_by());
/// });
/// ```
#[must_use = "nothing is asked until it is polled"]
pub struct ShellStream<Op: Operation, E> {
    interest: Interest,
    /// Until the first poll.
    operation: Option<Op>,
    /// `None` where it is the executor's to choose.
    overflow: Option<Overflow>,
    place: &'static Location<'static>,
    ended: Option<Result<(), RequestError>>,
    effect: PhantomData<fn() -> E>,
}

impl<Op: Operation, E> ShellStream<Op, E> {
    pub(crate) fn new(door: &Arc<Door>, operation: Op, place: &'static Location<'static>) -> Self {
        Self {
            interest: Interest::new(door),
            operation: Some(operation),
            overflow: None,
            place,
            ended: None,
            effect: PhantomData,
        }
    }

    /// Chooses what becomes of items that come faster than they are taken. Called after the first poll, it changes
    /// nothing.
    ///
    /// ```
    /// # use futures::StreamExt;
    /// # use stillpoint::{Emitted, Executor, Operation, Overflow, Subscription};
    /// # struct Keys;
    /// # impl Operation for Keys {
    /// #     type Output = char;
    /// # }
    /// # let mut executor = Executor::<Subscription<Keys>>::new();
    /// # let shell = executor.shell();
    /// let task = executor.spawn(async move {
    ///     let keys = shell.subscribe(Keys).overflow(Overflow::DropOldest(2));
    ///     keys.collect::<String>().await
    /// });
    /// executor.run_until_stalled();
    /// let Some(Emitted::Effect(keys)) = executor.drain().next() else { unreachable!() };
    /// for key in "hello".chars() {
    ///     executor.send(&keys.feed, key).unwrap();
    /// }
    /// executor.end(&keys.feed).unwrap();
    /// executor.run_until_stalled();
    /// assert_eq!(futures::executor::block_on(task).unwrap(), "lo");
    /// ```
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = Some(overflow);
        self
    }

    /// How the stream ended: `Ok` when the shell ended it, else why. `None` while it has not given its `None`.
    ///
    /// ```
    /// # use futures::StreamExt;
    /// # use stillpoint::{Emitted, Executor, Operation, RequestError, Subscription};
    /// # struct Keys;
    /// # impl Operation for Keys {
    /// #     type Output = char;
    /// # }
    /// # let mut executor = Executor::<Subscription<Keys>>::new();
    /// # let shell = executor.shell();
    /// let task = executor.spawn(async move {
    ///     let mut keys = shell.subscribe(Keys);
    ///     assert_eq!(keys.ended_by(), None);
    ///     assert_eq!(keys.next().await, None);
    ///     keys.ended_by().map(|end| end.map_err(Clone::clone))
    /// });
    /// executor.run_until_stalled();
    /// drop(executor.drain().next()); // with its feed
    /// executor.run_until_stalled();
    /// let end = futures::executor::block_on(task).unwrap();
    /// assert_eq!(end, Some(Err(RequestError::Abandoned)));
    /// ```
    pub fn ended_by(&self) -> Option<Result<(), &RequestError>> {
        match &self.ended {
            None => None,
            Some(Ok(())) => Some(Ok(())),
            Some(Err(error)) => Some(Err(error)),
        }
    }
}

// It has no field that it would pin.
impl<Op: Operation, E> Unpin for ShellStream<Op, E> {}

impl<Op, E> ShellStream<Op, E>
where
    Op: Operation,
    E: From<Subscription<Op>> + Send + 'static,
{
    fn emit(&mut self, turn: &Turn) {
        let Some(operation) = self.operation.take() else {
            return;
        };
        turn.feed_made();
        let id = self.interest.id;
        let feed = Feed::new(turn.sender(), id, turn.room(id));
        turn.emit(id, E::from(Subscription { operation, feed }));
    }

    fn poll_in(
        &mut self,
        turn: &Turn,
        cx: &Context<'_>,
    ) -> Poll<Result<Op::Output, Result<(), RequestError>>> {
        let polled = if self.operation.is_some() {
            let overflow = self.overflow.unwrap_or(turn.overflow);
            let opened = turn.open(cx.waker(), &mut self.interest.id, |table, poller| {
                let room = match overflow {
                    Overflow::Reject(capacity) => Some(Arc::new(Room::new(capacity))),
                    _ => None,
                };
                let stream = entry::Stream::new(items::<Op::Output>(), overflow, room);
                table.open_stream(Kind::many::<Op>(), self.place, poller, stream)
            });
            match opened {
                Ok(is_due) => {
                    if is_due {
                        self.emit(turn);
                    }
                    Poll::Pending
                }
                Err(error) => Poll::Ready(Err(Err(error))),
            }
        } else {
            turn.poll_stream(self.interest.id, cx.waker())
        };
        if let Poll::Ready(Err(_)) = polled {
            self.interest.fulfil(turn);
        }
        polled
    }
}

impl<Op, E> Stream for ShellStream<Op, E>
where
    Op: Operation,
    E: From<Subscription<Op>> + Send + 'static,
{
    type Item = Op::Output;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended.is_some() {
            return Poll::Ready(None);
        }
        let this = &mut *self;
        let polled = turn::innermost(|turn| match turn {
            Some(turn) if this.interest.belongs_to(turn) => this.poll_in(turn, cx),
            _ => Poll::Ready(Err(Err(this.interest.outside()))),
        });
        polled.map(|next| match next {
            Ok(item) => Some(item),
            Err(end) => {
                this.ended = Some(end);
                None
            }
        })
    }
}

impl<Op, E> FusedStream for ShellStream<Op, E>
where
    Op: Operation,
    E: From<Subscription<Op>> + Send + 'static,
{
    fn is_terminated(&self) -> bool {
        self.ended.is_some()
    }
}

/// The operation's type, and the subscription's id once it has one.
impl<Op: Operation, E> fmt::Debug for ShellStream<Op, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShellStream")
            .field("operation", &std::any::type_name::<Op>())
            .field("id", &self.interest.id())
            .field("ended", &self.ended)
            .finish()
    }
}
