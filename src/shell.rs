//! How tasks ask.

use std::fmt;
use std::marker::PhantomData;
use std::panic::{Location, resume_unwind};
use std::sync::Arc;

use crate::answer::Answer;
use crate::contain::contain;
use crate::id::RequestId;
use crate::limit::{Place, Refusal, Rejected};
use crate::mailbox::Until;
use crate::meta::{Door, Message};
use crate::outbox::Outbox;
use crate::request::{Operation, Request, ShellRequest, ShellStream, Subscription};
use crate::trace;
use crate::turn;

/// A shell's part in the count of what is still out. It holds a way to send, and nothing else.
pub(crate) struct Root {
    pub(crate) door: Arc<Door>,
}

/// Something that the shell is told, and that nobody awaits. Dropping it drops the value.
///
/// ```
/// use stillpoint::{Emitted, Executor, effects};
///
/// struct Render(String);
/// effects! { enum Effect { Render => notify Render } }
///
/// let mut executor = Executor::<Effect>::new();
/// executor.shell().notify(Render("hello".to_owned())).unwrap();
/// executor.run_until_stalled();
/// let Some(Emitted::Effect(Effect::Render(render))) = executor.drain().next() else { unreachable!() };
/// assert_eq!(render.operation.0, "hello");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification<T> {
    /// What is told.
    pub operation: T,
}

impl<T> Notification<T> {
    /// What is told.
    ///
    /// ```
    /// use stillpoint::Notification;
    ///
    /// let told = Notification { operation: "hello".to_owned() };
    /// let text: String = told.into_inner();
    /// assert_eq!(text, "hello");
    /// ```
    pub fn into_inner(self) -> T {
        self.operation
    }
}

/// Asks the shell, from within tasks, and tells it things, from anywhere.
///
/// It holds a way to send to its executor and nothing else: dropping it, or keeping it for ever, changes nothing for
/// the executor. [`Clone`] gives another one of the same executor. `E` is the effect, made by
/// [`effects!`](crate::effects) or by hand: any type with a `From<Request<Op>>` for each operation.
///
/// ```
/// use stillpoint::{effects, Emitted, Executor, Operation};
///
/// struct HttpGet(&'static str);
/// impl Operation for HttpGet {
///     type Output = Result<String, u16>;
/// }
/// struct Render(String);
///
/// effects! {
///     enum Effect {
///         Http => request HttpGet,
///         Render => notify Render,
///     }
/// }
///
/// let mut executor = Executor::<Effect>::new();
/// let shell = executor.shell();
/// executor.spawner().spawn(async move {
///     let page = shell.request(HttpGet("/")).await;
///     shell.notify(Render(format!("{page:?}"))).ok();
/// });
/// executor.run_until_stalled();
/// let Some(Emitted::Effect(Effect::Http(request))) = executor.drain().next() else { unreachable!() };
/// request.resolve(Err(404)).unwrap();
/// executor.run_until_stalled();
/// let Some(Emitted::Effect(Effect::Render(render))) = executor.drain().next() else { unreachable!() };
/// assert_eq!(render.operation.0, "Ok(Err(404))");
/// ```
pub struct Shell<E> {
    root: Arc<Root>,
    effect: PhantomData<fn() -> E>,
}

impl<E> Shell<E> {
    pub(crate) fn new(root: Arc<Root>) -> Self {
        Self {
            root,
            effect: PhantomData,
        }
    }

    /// Asks for one answer. Nothing happens before the future is polled, inside a turn of this shell's executor.
    ///
    /// Where the compiler expects another operation than yours here, the effect has no variant for yours: add one.
    ///
    /// ```
    /// # use stillpoint::{Emitted, Executor, Operation, Request};
    /// # struct Ask;
    /// # impl Operation for Ask {
    /// #     type Output = u32;
    /// # }
    /// # let mut executor = Executor::<Request<Ask>>::new();
    /// # let shell = executor.shell();
    /// let task = executor.spawn(async move {
    ///     let (four, five) = (shell.request(Ask), shell.request(Ask)); // both are asked when they are polled
    ///     let (four, five) = futures::join!(four, five);
    ///     four.unwrap() + five.unwrap()
    /// });
    /// executor.run_until_stalled();
    /// let asked: Vec<_> = executor.drain().collect();
    /// for (emitted, answer) in asked.into_iter().zip([4, 5]) {
    ///     let Emitted::Effect(request) = emitted else { unreachable!() };
    ///     request.resolve(answer).unwrap();
    /// }
    /// executor.run_until_stalled();
    /// assert_eq!(futures::executor::block_on(task).unwrap(), 9);
    /// ```
    #[track_caller]
    pub fn request<Op: Operation>(&self, operation: Op) -> ShellRequest<Op, E>
    where
        E: From<Request<Op>>,
    {
        ShellRequest::new(&self.root.door, operation, Location::caller())
    }

    /// Asks for any number of answers. Nothing happens before the stream is polled, inside a turn of this shell's
    /// executor. It keeps every item until it is taken, unless [`ShellStream::overflow`] says otherwise.
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
    ///     while let Some(key) = keys.next().await {
    ///         if key == 'q' {
    ///             return "quit";
    ///         }
    ///     }
    ///     "no more keys"
    /// });
    /// executor.run_until_stalled();
    /// let Some(Emitted::Effect(keys)) = executor.drain().next() else { unreachable!() };
    /// for key in ['a', 'q', 'b'] {
    ///     keys.feed.send(key).unwrap();
    /// }
    /// executor.run_until_stalled();
    /// assert_eq!(futures::executor::block_on(task).unwrap(), "quit");
    /// ```
    #[track_caller]
    pub fn subscribe<Op: Operation>(&self, operation: Op) -> ShellStream<Op, E>
    where
        E: From<Subscription<Op>>,
    {
        ShellStream::new(&self.root.door, operation, Location::caller())
    }

    /// Tells the shell something: at once in a turn, by the mailbox from outside. During a teardown it is taken until
    /// the last future is dropped, so a destructor is heard.
    ///
    /// ```
    /// use stillpoint::{Executor, Notification};
    ///
    /// let executor = Executor::<Notification<&str>>::new();
    /// let shell = executor.shell();
    /// shell.notify("hello").unwrap(); // from outside, by the mailbox
    ///
    /// let report = executor.teardown();
    /// assert_eq!(report.emitted.len(), 1, "nothing that was told is lost");
    /// let rejected = shell.notify("too late").unwrap_err();
    /// assert_eq!((rejected.is_closed(), rejected.into_inner()), (true, "too late"));
    /// ```
    ///
    /// # Errors
    ///
    /// Gives the value back where the executor is torn down, and, with
    /// [`Builder::outbox_capacity`](crate::Builder::outbox_capacity), where the shell has not taken as many effects as
    /// may wait for it: [`Rejected::is_full`].
    pub fn notify<T>(&self, value: T) -> Result<(), Rejected<T>>
    where
        T: Send + 'static,
        E: From<Notification<T>> + Send + 'static,
    {
        let door = &self.root.door;
        turn::with(door, |turn| match turn {
            Some(turn) => {
                let Some(place) = door.place_for_notification() else {
                    return Err(Rejected::new(Refusal::Full, value));
                };
                let effect: E = make(value, place, || turn.vacate(1));
                turn.with_outbox(|outbox: &mut Outbox<E>| outbox.push(RequestId::NONE, effect));
                trace::notified::<T>();
                Ok(())
            }
            None => {
                let Some(inside) = door.enter(Until::Closed) else {
                    return Err(Rejected::new(Refusal::Closed, value));
                };
                let Some(place) = door.place_for_notification() else {
                    return Err(Rejected::new(Refusal::Full, value));
                };
                let effect: E = make(value, place, || door.post(Message::Vacated));
                inside.send(Message::Notify(Answer::new(effect)));
                trace::notified::<T>();
                Ok(())
            }
        })
    }

    /// Whether the executor answers no more.
    ///
    /// ```
    /// use stillpoint::Executor;
    ///
    /// let executor = Executor::<()>::new();
    /// let shell = executor.shell();
    /// assert!(!shell.is_closed());
    /// drop(executor);
    /// assert!(shell.is_closed());
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.root.door.is_closing()
    }
}

/// Makes a notification's effect, which has this place. Where that panics, `vacate` gives the place to who waits for
/// one: the executor may be idle, and nobody else tells it.
fn make<T, E: From<Notification<T>>>(operation: T, place: Place<'_>, vacate: impl FnOnce()) -> E {
    let is_counted = place.is_counted();
    place.keep();
    if !is_counted {
        return E::from(Notification { operation });
    }
    contain(|| E::from(Notification { operation })).unwrap_or_else(|payload| {
        vacate();
        resume_unwind(payload)
    })
}

impl<E> Clone for Shell<E> {
    fn clone(&self) -> Self {
        Self {
            root: Arc::clone(&self.root),
            effect: PhantomData,
        }
    }
}

/// `Shell(open)`, `(closing)` or `(closed)`.
impl<E> fmt::Debug for Shell<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Shell").field(&self.root.door).finish()
    }
}
