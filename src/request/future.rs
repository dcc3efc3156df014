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
use crate::answer::{Answer, Kind};
use crate::entry::{Found, RequestError};
use crate::meta::Door;
use crate::turn::{self, Turn};

/// Awaits the answer to one operation. Made by [`Shell::request`](crate::Shell::request).
///
/// The effect is emitted by its first poll, inside a turn of its executor. It holds an id and a way to send; its waker
/// lies with the executor. Dropping it cancels the request: before the shell took the effect, the shell never hears of
/// it; after that, it gets one [`Emitted::Cancelled`](crate::Emitted::Cancelled), also where it has answered and nobody
/// read the answer.
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
    /// Until the first poll.
    operation: Option<Op>,
    place: &'static Location<'static>,
    finished: bool,
    effect: PhantomData<fn() -> E>,
}

impl<Op: Operation, E> ShellRequest<Op, E> {
    pub(crate) fn new(door: &Arc<Door>, operation: Op, place: &'static Location<'static>) -> Self {
        Self {
            interest: Interest::new(door),
            operation: Some(operation),
            place,
            finished: false,
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
    fn poll_in(&mut self, turn: &Turn, cx: &Context<'_>) -> Poll<Result<Op::Output, RequestError>> {
        if let Some(operation) = self.operation.take() {
            let id = &mut self.interest.id;
            let opened = turn.open(Kind::one::<Op>(), self.place, cx.waker(), None, id, |id| {
                turn.resolver_made();
                E::from(Request {
                    operation,
                    resolver: Resolver::new(turn.sender(), id),
                })
            });
            return opened.map_or_else(|error| Poll::Ready(Err(error)), |()| Poll::Pending);
        }
        let Some(id) = self.interest.id else {
            // Its first poll panicked in the effect's `From`.
            return Poll::Ready(Err(RequestError::Abandoned));
        };
        let found = turn.poll_request(id, cx.waker());
        if let Found::Nothing = found {
            return Poll::Pending;
        }
        self.interest.fulfil(turn);
        Poll::Ready(match found {
            Found::Answer(answer) => output(answer),
            Found::End(Err(error)) => Err(error),
            Found::Nothing | Found::Item(_) | Found::End(Ok(())) => Err(RequestError::Abandoned),
        })
    }
}

/// The answer as what it is: whoever answers has been held to the operation's type.
pub(super) fn output<T: Send + 'static>(answer: Answer) -> Result<T, RequestError> {
    answer.take().map_err(|_| RequestError::Abandoned)
}

impl<Op, E> Future for ShellRequest<Op, E>
where
    Op: Operation,
    E: From<Request<Op>> + Send + 'static,
{
    type Output = Result<Op::Output, RequestError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        assert!(
            !self.finished,
            "a request was polled after it gave its answer"
        );
        let this = &mut *self;
        let polled = turn::innermost(|turn| match turn {
            Some(turn) if this.interest.belongs_to(turn) => this.poll_in(turn, cx),
            _ => Poll::Ready(Err(this.interest.outside())),
        });
        this.finished = polled.is_ready();
        polled
    }
}

impl<Op, E> FusedFuture for ShellRequest<Op, E>
where
    Op: Operation,
    E: From<Request<Op>> + Send + 'static,
{
    fn is_terminated(&self) -> bool {
        self.finished
    }
}

/// The operation's type, and the request's id once it has one.
impl<Op: Operation, E> fmt::Debug for ShellRequest<Op, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShellRequest")
            .field("operation", &std::any::type_name::<Op>())
            .field("id", &self.interest.id)
            .finish()
    }
}
