//! The shell's end of a request.

use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::Operation;
use crate::answer::Answer;
use crate::entry::{Reason, RequestError};
use crate::id::RequestId;
use crate::mailbox::Until;
use crate::meta::{Door, Inside, Message};
use crate::turn::{self, Turn};

/// One operation, and the right to answer it. Dropping it abandons the request: its task gets
/// [`RequestError::Abandoned`](crate::RequestError::Abandoned).
///
/// ```
/// use stillpoint::{Emitted, Executor, Operation, Request, RequestError};
///
/// struct HttpGet(&'static str);
/// impl Operation for HttpGet {
///     type Output = String;
/// }
///
/// let mut executor = Executor::<Request<HttpGet>>::new();
/// let shell = executor.shell();
/// let task = executor.spawn(async move { shell.request(HttpGet("/")).await });
/// executor.run_until_stalled();
/// let Some(Emitted::Effect(request)) = executor.drain().next() else { unreachable!() };
/// assert_eq!(request.operation.0, "/");
/// drop(request);
/// executor.run_until_stalled();
/// assert_eq!(futures::executor::block_on(task).unwrap(), Err(RequestError::Abandoned));
/// ```
#[derive(Debug)]
pub struct Request<Op: Operation> {
    /// What is to be done.
    pub operation: Op,
    /// How it is answered.
    pub resolver: Resolver<Op>,
}

impl<Op: Operation> Request<Op> {
    /// The request's id, which a later [`Emitted::Cancelled`](crate::Emitted::Cancelled) would name.
    ///
    /// ```
    /// # use stillpoint::{Emitted, Executor, Operation, Request};
    /// # struct Ask;
    /// # impl Operation for Ask {
    /// #     type Output = u32;
    /// # }
    /// # let mut executor = Executor::<Request<Ask>>::new();
    /// # let shell = executor.shell();
    /// let task = executor.spawn(async move { shell.request(Ask).await });
    /// executor.run_until_stalled();
    /// let Some(Emitted::Effect(request)) = executor.drain().next() else { unreachable!() };
    /// task.abort();
    /// executor.run_until_stalled();
    /// let Some(Emitted::Cancelled(id)) = executor.drain().next() else { unreachable!() };
    /// assert_eq!(id, request.id());
    /// ```
    #[must_use]
    pub fn id(&self) -> RequestId {
        self.resolver.id()
    }

    /// Answers it; see [`Resolver::resolve`].
    ///
    /// ```
    /// # use stillpoint::{Emitted, Executor, Operation, Request};
    /// # struct Ask;
    /// # impl Operation for Ask {
    /// #     type Output = u32;
    /// # }
    /// # let mut executor = Executor::<Request<Ask>>::new();
    /// # let shell = executor.shell();
    /// let task = executor.spawn(async move { shell.request(Ask).await });
    /// executor.run_until_stalled();
    /// for emitted in executor.drain() {
    ///     if let Emitted::Effect(request) = emitted {
    ///         request.resolve(42).unwrap(); // where `drain` borrows the executor, too
    ///     }
    /// }
    /// executor.run_until_stalled();
    /// assert_eq!(futures::executor::block_on(task).unwrap(), Ok(42));
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Resolver::resolve`].
    pub fn resolve(self, output: Op::Output) -> Result<(), ResolveError<Op::Output>> {
        self.resolver.resolve(output)
    }

    /// Fails it; see [`Resolver::fail`].
    ///
    /// ```
    /// # use stillpoint::{Emitted, Executor, Operation, Request};
    /// # struct Ask;
    /// # impl Operation for Ask {
    /// #     type Output = u32;
    /// # }
    /// # let mut executor = Executor::<Request<Ask>>::new();
    /// # let shell = executor.shell();
    /// let task = executor.spawn(async move { shell.request(Ask).await });
    /// executor.run_until_stalled();
    /// let Some(Emitted::Effect(request)) = executor.drain().next() else { unreachable!() };
    /// request.fail("not here").unwrap();
    /// executor.run_until_stalled();
    /// let error = futures::executor::block_on(task).unwrap().unwrap_err();
    /// assert_eq!(error.to_string(), "the shell failed it: not here");
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Resolver::fail`].
    pub fn fail(self, reason: impl Into<String>) -> Result<(), ResolveError<String>> {
        self.resolver.fail(reason)
    }
}

/// An answer that had no effect, given back with the reason.
///
/// Dropping it drops the answer.
///
/// ```
/// use stillpoint::{Executor, Operation, Reason, RequestId};
///
/// struct Ask;
/// impl Operation for Ask {
///     type Output = String;
/// }
///
/// let mut executor = Executor::<()>::new();
/// let nobody = RequestId::from_u64(12345);
/// let error = executor.resolve_id::<Ask>(nobody, "late".into()).unwrap_err();
/// assert_eq!(error.reason(), Reason::Unknown);
/// assert_eq!(error.into_inner(), "late");
/// ```
pub struct ResolveError<T> {
    reason: Reason,
    answer: T,
}

impl<T> ResolveError<T> {
    pub(crate) fn new(reason: Reason, answer: T) -> Self {
        Self { reason, answer }
    }

    /// Of what was given back with its reason.
    pub(crate) fn given_back((reason, answer): (Reason, T)) -> Self {
        Self { reason, answer }
    }

    /// Why it had no effect.
    ///
    /// ```
    /// # use stillpoint::{Emitted, Executor, Operation, Reason, Request};
    /// # struct Ask;
    /// # impl Operation for Ask {
    /// #     type Output = u32;
    /// # }
    /// # let mut executor = Executor::<Request<Ask>>::new();
    /// # let shell = executor.shell();
    /// executor.spawn(async move { shell.request(Ask).await });
    /// executor.run_until_stalled();
    /// let Some(Emitted::Effect(request)) = executor.drain().next() else { unreachable!() };
    /// executor.teardown();
    /// let error = request.resolve(42).unwrap_err();
    /// assert_eq!(error.reason(), Reason::TornDown);
    /// ```
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The answer.
    ///
    /// ```
    /// # use stillpoint::{Executor, Operation, RequestId};
    /// struct Open;
    /// impl Operation for Open {
    ///     type Output = Vec<u8>; // stands for a file
    /// }
    ///
    /// let mut executor = Executor::<()>::new();
    /// let id = RequestId::from_u64(7); // nobody's
    /// let file = executor.resolve_id::<Open>(id, vec![1, 2, 3]).unwrap_err().into_inner();
    /// assert_eq!(file.len(), 3, "so it can be closed");
    /// ```
    #[must_use]
    pub fn into_inner(self) -> T {
        self.answer
    }
}

/// The reason; the answer is not shown.
impl<T> fmt::Debug for ResolveError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ResolveError").field(&self.reason).finish()
    }
}

impl<T> fmt::Display for ResolveError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the answer had no effect: {}", self.reason)
    }
}

impl<T> Error for ResolveError<T> {}

/// The right to answer one request, once, from any thread.
///
/// It holds the request's id and a way to send: keeping it, or [`forget`](std::mem::forget)ting it, keeps nothing of
/// the core alive. Dropping it abandons the request, which its task learns as
/// [`RequestError::Abandoned`](crate::RequestError::Abandoned).
///
/// ```
/// use stillpoint::{Emitted, Executor, Operation, Request};
///
/// struct Ask;
/// impl Operation for Ask {
///     type Output = u32;
/// }
///
/// let mut executor = Executor::<Request<Ask>>::new();
/// let shell = executor.shell();
/// let task = executor.spawner().spawn(async move { shell.request(Ask).await });
/// executor.run_until_stalled();
/// let Some(Emitted::Effect(request)) = executor.drain().next() else { unreachable!() };
/// std::thread::spawn(move || request.resolver.resolve(7).unwrap()).join().unwrap();
/// executor.run_until_stalled();
/// assert_eq!(futures::executor::block_on(task).unwrap(), Ok(7));
/// ```
#[must_use = "a dropped resolver abandons its request: `resolve` or `fail` it"]
pub struct Resolver<Op: Operation> {
    /// `None` once it is used up.
    door: Option<Arc<Door>>,
    id: RequestId,
    operation: PhantomData<fn(Op) -> Op::Output>,
}

impl<Op: Operation> Resolver<Op> {
    pub(crate) fn new(door: Arc<Door>, id: RequestId) -> Self {
        Self {
            door: Some(door),
            id,
            operation: PhantomData,
        }
    }

    /// The request's id.
    ///
    /// ```
    /// # use stillpoint::{Emitted, Executor, Operation, Request};
    /// # struct Ask;
    /// # impl Operation for Ask {
    /// #     type Output = u32;
    /// # }
    /// # let mut executor = Executor::<Request<Ask>>::new();
    /// # let shell = executor.shell();
    /// use std::collections::HashMap;
    ///
    /// executor.spawn(async move { futures::join!(shell.request(Ask), shell.request(Ask)) });
    /// executor.run_until_stalled();
    /// let mut pending = HashMap::new();
    /// for emitted in executor.drain() {
    ///     match emitted {
    ///         Emitted::Effect(request) => drop(pending.insert(request.resolver.id(), request.resolver)),
    ///         Emitted::Cancelled(id) => drop(pending.remove(&id)),
    ///     }
    /// }
    /// assert_eq!(pending.len(), 2);
    /// ```
    #[must_use]
    pub fn id(&self) -> RequestId {
        self.id
    }

    /// Whether it belongs to the executor of this door.
    pub(crate) fn belongs_to(&self, door: &Arc<Door>) -> bool {
        self.door.as_ref().is_some_and(|own| Arc::ptr_eq(own, door))
    }

    /// Uses it up without an answer: its executor answers by the id.
    pub(crate) fn spend(mut self) -> (RequestId, Option<Arc<Door>>) {
        (self.id, self.door.take())
    }

    /// Answers the request. It never polls: the task goes on with the executor's next turn, and the bell rings if the
    /// executor was idle.
    ///
    /// `Ok` means sent. Where the request is cancelled before the executor takes the answer in, the answer is dropped
    /// by the executor, and the shell gets [`Emitted::Cancelled`](crate::Emitted::Cancelled), or has it already: there
    /// is one notice. A shell whose answers stand for something, such as an open file, answers by
    /// [`Executor::resolve`](crate::Executor::resolve), which gives a late one back, or remembers which ids it was
    /// told.
    ///
    /// ```
    /// # use stillpoint::{Emitted, Executor, Operation, Request};
    /// # struct Ask;
    /// # impl Operation for Ask {
    /// #     type Output = u32;
    /// # }
    /// # let mut executor = Executor::<Request<Ask>>::new();
    /// # let shell = executor.shell();
    /// let task = executor.spawn(async move { shell.request(Ask).await });
    /// executor.run_until_stalled();
    /// let Some(Emitted::Effect(request)) = executor.drain().next() else { unreachable!() };
    /// task.abort(); // before the answer is taken in
    /// request.resolver.resolve(42).expect("it was sent, and nobody knows better here");
    /// executor.run_until_stalled();
    /// assert!(matches!(executor.drain().next(), Some(Emitted::Cancelled(_))));
    /// ```
    ///
    /// # Errors
    ///
    /// Gives the answer back where it is known to have no effect: with [`Reason::TornDown`] after a teardown, and
    /// inside a turn of the same executor with what [`Executor::resolve`](crate::Executor::resolve) says.
    pub fn resolve(self, output: Op::Output) -> Result<(), ResolveError<Op::Output>> {
        self.end_with(
            output,
            |turn, id, output| turn.answer(id, output).map_err(ResolveError::given_back),
            |inside, id, output| inside.send(Message::Answer(id, Answer::new(output))),
        )
    }

    /// Fails the request: its task gets [`RequestError::Failed`](crate::RequestError::Failed) with this reason.
    ///
    /// ```
    /// # use stillpoint::{Emitted, Executor, Operation, Request, RequestError};
    /// # struct Ask;
    /// # impl Operation for Ask {
    /// #     type Output = u32;
    /// # }
    /// # let mut executor = Executor::<Request<Ask>>::new();
    /// # let shell = executor.shell();
    /// let task = executor.spawn(async move { shell.request(Ask).await });
    /// executor.run_until_stalled();
    /// let Some(Emitted::Effect(request)) = executor.drain().next() else { unreachable!() };
    /// let reading = std::thread::spawn(move || request.resolver.fail("no such file"));
    /// reading.join().unwrap().unwrap();
    /// executor.run_until_stalled();
    /// let answer = futures::executor::block_on(task).unwrap();
    /// assert_eq!(answer, Err(RequestError::Failed("no such file".to_owned())));
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`resolve`](Self::resolve).
    pub fn fail(self, reason: impl Into<String>) -> Result<(), ResolveError<String>> {
        self.end_with(
            reason.into(),
            |turn, id, text| turn.fail(id, text).map_err(ResolveError::given_back),
            |inside, id, text| inside.send(Message::Fail(id, RequestError::Failed(text))),
        )
    }

    /// Uses the resolver up: at once in a turn, by the mailbox from outside.
    fn end_with<T>(
        mut self,
        answer: T,
        here: impl FnOnce(&Turn, RequestId, T) -> Result<(), ResolveError<T>>,
        away: impl FnOnce(Inside<'_>, RequestId, T),
    ) -> Result<(), ResolveError<T>> {
        let Some(door) = self.door.take() else {
            return Err(ResolveError::new(Reason::AlreadyAnswered, answer));
        };
        turn::with(&door, |turn| match turn {
            Some(turn) => {
                turn.resolver_gone(None);
                if turn.is_closing() {
                    return Err(ResolveError::new(Reason::TornDown, answer));
                }
                here(turn, self.id, answer)
            }
            None => match door.enter(Until::Closing) {
                Some(inside) => {
                    away(inside, self.id, answer);
                    Ok(())
                }
                None => {
                    door.post_quietly(Until::Closed, Message::ResolverGone);
                    Err(ResolveError::new(Reason::TornDown, answer))
                }
            },
        })
    }
}

impl<Op: Operation> Drop for Resolver<Op> {
    fn drop(&mut self) {
        let Some(door) = self.door.take() else { return };
        turn::with(&door, |turn| match turn {
            Some(turn) => {
                turn.resolver_gone(None);
                // Where it has its end already, the resolver had nothing left to abandon.
                let _ = turn.end(self.id, Err(RequestError::Abandoned));
            }
            None => match door.enter(Until::Closing) {
                Some(inside) => inside.send(Message::Fail(self.id, RequestError::Abandoned)),
                None => door.post_quietly(Until::Closed, Message::ResolverGone),
            },
        });
    }
}

/// The operation's type and the request's id.
impl<Op: Operation> fmt::Debug for Resolver<Op> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver")
            .field("operation", &std::any::type_name::<Op>())
            .field("id", &self.id)
            .finish()
    }
}
