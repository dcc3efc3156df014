//! The core's end of a request.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::FusedFuture;

use super::interest::Interest;
use super::{Operation, Request, Resolver};
use crate::answer::Kind;
use crate::entry::RequestError;
use crate::meta::Door;
use crate::turn::{self, Turn};

/// Awaits the answer to one operation. Made by [`Shell::request`](crate::Shell::request).
///
/// The effect is emitted by its first poll, inside a turn of its executor. It holds an id and a way to send; its waker
/// lies with the executor. Dropping it cancels the request: before the shell took the effect, the shell never hears of
/// it; after that, it gets one [`Emitted::Cancelled`](crate::Emitted::Cancelled), also where it has answered and nobody
/// read the answer.
///
/// ```
/// # use stillpoint::{Emitted, Executor, Operation, Request, RequestError};
/// # struct Ask;
/// # impl Operation for Ask {
/// #     type Output = u32;
/// # }
/// # let mut executor = Executor::<Request<Ask>>::new();
/// # let shell = executor.shell();
/// use futures::future::{Either, select};
///
/// let other = shell.clone();
/// let task = executor.spawn(async move {
///     let mut slow = shell.request(Ask);
///     let quick = other.request(Ask);
///     match select(&mut slow, quick).await {
///         Either::Right((_quick, _)) => slow.await, // kept, and awaited on
///         Either::Left((answer, _)) => answer,
///     }
/// });
/// executor.run_until_stalled();
/// let requests: Vec<_> = executor.drain().collect();
/// for (emitted, answer) in requests.into_iter().rev().zip([1, 2]) {
///     let Emitted::Effect(request) = emitted else { unreachable!() };
///     executor.resolve(request.resolver, answer).unwrap();
///     executor.run_until_stalled();
/// }
/// assert_eq!(futures::executor::block_on(task).unwrap(), Ok(2));
/// ```
///
/// # Errors
///
/// See [`RequestError`].
///
/// # Panics
///
/// Polling it again after it gave its answer panics.
///
/// # Cancel safety
///
/// Dropping it in `select!` or at a timeout loses the answer, if there is one, and the shell is told. To go on waiting
/// later, keep it and await it by `&mut`.
#[must_use = "nothing is asked until it is awaited"]
pub struct ShellRequest<Op: Operation, E> {
    interest: Interest,
    /// Until the first poll: what is asked, and where.
    asked: Option<(Op, &'static Location<'static>)>,
    effect: PhantomData<fn() -> E>,
}

impl<Op: Operation, E> ShellRequest<Op, E> {
    pub(crate) fn new(door: &Arc<Door>, operation: Op, place: &'static Location<'static>) -> Self {
        Self {
            interest: Interest::new(door),
            asked: Some((operation, place)),
            effect: PhantomData,
        }
    }
}

// It has no field that it would pin.
impl<Op: Operation, E> Unpin for ShellRequest<Op, E> {}

impl<Op, E> ShellRequest<Op, E>
where
    Op: Operation,
    E: From<Request<Op>> + Send + 'static,
{
    fn emit(&mut self, turn: &Turn) {
        let Some((operation, _)) = self.asked.take() else {
            return;
        };
        turn.resolver_made();
        let id = self.interest.id;
        let resolver = Resolver::new(turn.sender(), id);
        turn.emit(
            id,
            E::from(Request {
                operation,
                resolver,
            }),
        );
    }

    fn poll_in(&mut self, turn: &Turn, cx: &Context<'_>) -> Poll<Result<Op::Output, RequestError>> {
        let polled = match &self.asked {
            Some((_, place)) => {
                let opened = turn.open(cx.waker(), &mut self.interest.id, |table, poller| {
                    table.open_one::<Op::Output>(Kind::one::<Op>(), place, poller)
                });
                match opened {
                    Ok(is_due) => {
                        if is_due {
                            self.emit(turn);
                        }
                        Poll::Pending
                    }
                    Err(error) => Poll::Ready(Err(error)),
                }
            }
            None => turn.poll_one(self.interest.id, cx.waker()),
        };
        if polled.is_ready() {
            self.interest.fulfil(turn);
        }
        polled
    }
}

impl<Op, E> Future for ShellRequest<Op, E>
where
    Op: Operation,
    E: From<Request<Op>> + Send + 'static,
{
    type Output = Result<Op::Output, RequestError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        assert!(
            !self.interest.is_over(),
            "a request was polled after it gave its answer"
        );
        let this = &mut *self;
        turn::innermost(|turn| match turn {
            Some(turn) if this.interest.belongs_to(turn) => this.poll_in(turn, cx),
            _ => Poll::Ready(Err(this.interest.outside())),
        })
    }
}

impl<Op, E> FusedFuture for ShellRequest<Op, E>
where
    Op: Operation,
    E: From<Request<Op>> + Send + 'static,
{
    fn is_terminated(&self) -> bool {
        self.interest.is_over()
    }
}

/// The operation's type, and the request's id once it has one.
impl<Op: Operation, E> fmt::Debug for ShellRequest<Op, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShellRequest")
            .field("operation", &std::any::type_name::<Op>())
            .field("id", &self.interest.id())
            .finish()
    }
}
