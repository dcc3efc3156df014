//! What an executor holds at one moment: plain data.

use std::panic::Location;

use crate::id::{RequestId, TaskId};

/// Whether a task is to be polled.
///
/// ```
/// use stillpoint::{Executor, TaskState};
///
/// let mut executor = Executor::<()>::new();
/// let done = executor.spawn(async {});
/// executor.run_until_stalled();
/// executor.spawn(std::future::pending::<()>());
/// executor.run_until_stalled();
/// let snapshot = executor.snapshot();
/// assert_eq!(snapshot.tasks[0].state, TaskState::Waiting);
/// assert_eq!(snapshot.ended[0].state, TaskState::Ended, "its join handle is out");
/// # drop(done);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TaskState {
    /// The next turn polls it.
    Ready,
    /// It has been polled, and waits to be woken.
    Waiting,
    /// It has ended, and its future is gone; its join handle or a waker holds its allocation.
    Ended,
}

/// A task, as [`Executor::snapshot`](crate::Executor::snapshot) found it.
///
/// ```
/// use stillpoint::Executor;
///
/// let mut executor = Executor::<()>::new();
/// drop(executor.spawner().name("stuck").spawn(std::future::pending::<()>()));
/// executor.run_until_stalled();
/// let task = &executor.snapshot().tasks[0];
/// assert_eq!((task.name, task.polls, task.is_joined), (Some("stuck"), 1, false));
/// assert!(task.awaits.is_empty(), "it waits for nothing that the executor knows of");
/// println!("{task}");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskSnapshot {
    /// The task.
    pub id: TaskId,
    /// Its name, if it was given one.
    pub name: Option<&'static str>,
    /// The place that spawned it.
    pub place: &'static Location<'static>,
    /// Whether it is to be polled.
    pub state: TaskState,
    /// How often it was polled; 65,535 stands for that and for more.
    pub polls: u32,
    /// How many turns have begun since the executor took it in, modulo 2^32.
    pub age: u32,
    /// Whether its join handle is out.
    pub is_joined: bool,
    /// The requests and subscriptions that wake it, in the order of [`Snapshot::requests`]. With none, a task that is
    /// [`Waiting`](TaskState::Waiting) waits for something that the executor knows nothing of: another task, a channel,
    /// a waker that somebody has.
    pub awaits: Vec<RequestId>,
}

/// Who has the next step of a request.
///
/// ```
/// use stillpoint::RequestState;
/// # use stillpoint::{Emitted, Executor, Operation, Request};
/// # struct Ask;
/// # impl Operation for Ask {
/// #     type Output = u32;
/// # }
/// # let mut executor = Executor::<Request<Ask>>::new();
/// # let shell = executor.shell();
///
/// executor.spawn(async move { shell.request(Ask).await });
/// executor.run_until_stalled();
/// assert_eq!(executor.snapshot().requests[0].state(), RequestState::Untaken);
/// let Some(Emitted::Effect(request)) = executor.drain().next() else { unreachable!() };
/// assert_eq!(executor.snapshot().requests[0].state(), RequestState::Taken);
/// executor.resolve(request.resolver, 42).unwrap();
/// assert_eq!(executor.snapshot().requests[0].state(), RequestState::Answered);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RequestState {
    /// It waits for a place, and its effect is not made yet: see
    /// [`Builder::max_requests`](crate::Builder::max_requests).
    Waiting,
    /// The shell has not taken its effect.
    Untaken,
    /// The shell has its effect, and the task has read all that came.
    Taken,
    /// Something is here that the task has not read: an answer, an item, or how it ended.
    Answered,
}

/// A pending request or subscription, as [`Executor::snapshot`](crate::Executor::snapshot) found it.
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
/// for key in ['a', 'b'] {
///     executor.send(&keys.feed, key).unwrap();
/// }
/// let request = executor.snapshot().requests[0];
/// assert_eq!((request.id, request.is_stream, request.queued), (keys.id(), true, 2));
/// assert!(request.operation.ends_with("Keys"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestSnapshot {
    /// The request.
    pub id: RequestId,
    /// The operation's type.
    pub operation: &'static str,
    /// The task that waits for it, or waited last.
    pub task: TaskId,
    /// The place that made it.
    pub place: &'static Location<'static>,
    /// Whether it is a subscription.
    pub is_stream: bool,
    /// Whether it waits for a place.
    pub is_waiting: bool,
    /// Whether the shell has taken its effect.
    pub taken: bool,
    /// Answers that are here and unread; where the shell failed or abandoned a request, that counts as one.
    pub queued: usize,
    /// Whether the shell has failed or abandoned it, or ended it if it is a stream, and the task has not yet read so.
    pub has_ended: bool,
    /// How many turns have begun since its effect was emitted, modulo 2^32; 0 as long as it waits for a place.
    pub age: u32,
}

impl RequestSnapshot {
    /// Who has its next step.
    ///
    /// ```
    /// use stillpoint::RequestState;
    /// # use stillpoint::{Emitted, Executor, Operation, Request};
    /// # struct Ask;
    /// # impl Operation for Ask {
    /// #     type Output = u32;
    /// # }
    /// # let mut executor = Executor::<Request<Ask>>::builder().max_requests(1).build();
    /// # let shell = executor.shell();
    ///
    /// executor.spawn(async move { futures::join!(shell.request(Ask), shell.request(Ask)) });
    /// executor.run_until_stalled();
    /// let states: Vec<_> = executor.snapshot().requests.iter().map(|request| request.state()).collect();
    /// assert_eq!(states, [RequestState::Untaken, RequestState::Waiting]);
    /// ```
    #[must_use]
    pub fn state(&self) -> RequestState {
        if self.is_waiting {
            RequestState::Waiting
        } else if self.queued > 0 || self.has_ended {
            RequestState::Answered
        } else if self.taken {
            RequestState::Taken
        } else {
            RequestState::Untaken
        }
    }
}

/// What an executor holds at one moment, as far as its mailbox is taken in. Plain data: dropping it does nothing.
///
/// It takes time and memory in proportion to the tasks and requests there are. Its [`Display`](std::fmt::Display) is
/// [`explain`](Self::explain).
///
/// With the feature `serde` it is written in the form that docs/WIRE.md gives to a bridge's snapshots, without their
/// `version` and `effect`.
///
/// ```
/// use stillpoint::{Executor, Operation, Request, RequestState, TaskState};
///
/// struct Fetch;
/// impl Operation for Fetch {
///     type Output = String;
/// }
///
/// let mut executor = Executor::<Request<Fetch>>::new();
/// let shell = executor.shell();
/// executor.spawner().name("reader").spawn(async move { shell.request(Fetch).await });
/// executor.run_until_stalled();
///
/// let snapshot = executor.snapshot();
/// let (task, request) = (&snapshot.tasks[0], &snapshot.requests[0]);
/// assert_eq!((task.name, task.state, task.polls), (Some("reader"), TaskState::Waiting, 1));
/// assert_eq!(task.awaits, [request.id]);
/// assert_eq!((request.state(), request.age), (RequestState::Untaken, 0));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// How many turns have begun.
    pub turn: u64,
    /// Messages that wait to be taken in, and a task that the host has spawned since its last other call.
    pub messages: usize,
    /// The live tasks.
    pub tasks: Vec<TaskSnapshot>,
    /// The pending requests and subscriptions.
    pub requests: Vec<RequestSnapshot>,
    /// The tasks that have ended and whose allocation is there.
    pub ended: Vec<TaskSnapshot>,
}
