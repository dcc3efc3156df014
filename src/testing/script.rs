//! Standing handlers: what a scripted shell does by itself.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::time::Duration;

use super::scripted::{Held, Key, Kind, look, take};
use crate::request::{Feed, Operation, Resolver};

/// What a standing handler answers. Dropping it drops the answer.
///
/// ```
/// # use std::time::Duration;
/// # use futures::StreamExt;
/// # use stillpoint::testing::{Reply, TestShell};
/// # use stillpoint::{Executor, Operation, effects};
/// # #[derive(Debug)]
/// # struct Get(&'static str);
/// # impl Operation for Get {
/// #     type Output = u32;
/// # }
/// # struct Keys;
/// # impl Operation for Keys {
/// #     type Output = char;
/// # }
/// # struct Sleep(Duration);
/// # impl Operation for Sleep {
/// #     type Output = ();
/// # }
/// # effects! {
/// #     enum Effect {
/// #         Get => request Get,
/// #         Keys => stream Keys,
/// #         Sleep => request Sleep,
/// #         Say => notify String,
/// #     }
/// # }
/// # let mut test = TestShell::new(Executor::<Effect>::new());
/// # let shell = test.shell();
/// test.reply::<Get>(|get| match get.0 {
///     "/" => Reply::Resolve(200),
///     "/gone" => Reply::Fail("gone".to_owned()),
///     _ => Reply::Abandon,
/// });
/// let pages = ["/", "/gone", "/lost"].map(|path| shell.request(Get(path)));
/// let task = test.spawn(futures::future::join_all(pages));
/// let answers = test.join(task).unwrap().into_iter().map(|answer| answer.is_ok());
/// assert_eq!(answers.collect::<Vec<_>>(), [true, false, false]);
/// test.finish();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply<T> {
    /// The answer.
    Resolve(T),
    /// The request fails, with this reason.
    Fail(String),
    /// The request is abandoned.
    Abandon,
    /// Not now: the handler is asked again before the next answer. A server that hangs says so each time.
    Later,
}

/// What befell an operation that is watched, and when. Plain data: dropping it does nothing.
///
/// ```
/// # use std::time::Duration;
/// # use futures::StreamExt;
/// # use stillpoint::testing::TestShell;
/// # use stillpoint::{Executor, Operation, effects};
/// # #[derive(Debug)]
/// # struct Get(&'static str);
/// # impl Operation for Get {
/// #     type Output = u32;
/// # }
/// # struct Keys;
/// # impl Operation for Keys {
/// #     type Output = char;
/// # }
/// # struct Sleep(Duration);
/// # impl Operation for Sleep {
/// #     type Output = ();
/// # }
/// # effects! {
/// #     enum Effect {
/// #         Get => request Get,
/// #         Keys => stream Keys,
/// #         Sleep => request Sleep,
/// #         Say => notify String,
/// #     }
/// # }
/// # let mut test = TestShell::new(Executor::<Effect>::new());
/// # let shell = test.shell();
/// use std::sync::mpsc;
///
/// let (note, noted) = mpsc::channel();
/// test.clock::<Sleep>(|sleep| sleep.0);
/// test.watch::<String>(move |text, event| note.send((text.clone(), event.now)).unwrap());
/// test.on_notify::<String>(|_| {});
/// drop(test.spawn(async move {
///     shell.request(Sleep(Duration::from_secs(3))).await.unwrap();
///     shell.notify("awake".to_owned()).unwrap();
/// }));
/// test.play();
/// assert_eq!(noted.recv().unwrap(), ("awake".to_owned(), Duration::from_secs(3)));
/// test.finish();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// What befell it.
    pub what: What,
    /// How many turns there had been.
    pub turn: u64,
    /// The virtual time.
    pub now: Duration,
}

/// What befell an operation.
///
/// ```
/// # use std::time::Duration;
/// # use futures::StreamExt;
/// # use stillpoint::testing::{TestShell, What};
/// # use stillpoint::{Executor, Operation, effects};
/// # #[derive(Debug)]
/// # struct Get(&'static str);
/// # impl Operation for Get {
/// #     type Output = u32;
/// # }
/// # struct Keys;
/// # impl Operation for Keys {
/// #     type Output = char;
/// # }
/// # struct Sleep(Duration);
/// # impl Operation for Sleep {
/// #     type Output = ();
/// # }
/// # effects! {
/// #     enum Effect {
/// #         Get => request Get,
/// #         Keys => stream Keys,
/// #         Sleep => request Sleep,
/// #         Say => notify String,
/// #     }
/// # }
/// # let mut test = TestShell::new(Executor::<Effect>::new());
/// # let shell = test.shell();
/// use std::sync::mpsc;
///
/// let (note, noted) = mpsc::channel();
/// test.watch::<Get>(move |get, event| note.send((get.0, event.what)).unwrap());
/// let task = test.spawn(async move { shell.request(Get("/")).await });
/// let _resolver = test.expect::<Get>(|_| true).take();
/// task.abort();
/// test.expect_cancelled::<Get>(|_| true).take();
/// assert_eq!(noted.try_iter().collect::<Vec<_>>(), [("/", What::Emitted), ("/", What::Cancelled)]);
/// test.finish();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// The core has asked for it, or told of it.
    Emitted,
    /// The core awaits it no more.
    Cancelled,
}

/// A resolver or a feed, for who knows its type.
type Answerer = Box<dyn Any + Send>;
/// Answers, or gives the right to answer back.
type Answering = Box<dyn FnMut(&dyn Held, Answerer) -> Result<(), Answerer>>;
type Noting = Box<dyn FnMut(Box<dyn Held>)>;
type Watching = Box<dyn FnMut(&dyn Held, Event)>;

/// In maps that free their own memory also where a handler's destructor panics.
#[derive(Default)]
pub(super) struct Script {
    answering: BTreeMap<Key, Answering>,
    noting: BTreeMap<Key, Noting>,
    watching: BTreeMap<TypeId, Vec<Watching>>,
}

impl Script {
    pub(super) fn on_request<Op: Operation>(
        &mut self,
        mut reply: impl FnMut(&Op) -> Reply<Op::Output> + 'static,
    ) -> Key {
        let key = Key::of::<Op>(Kind::Request);
        let answer: Answering = Box::new(move |held, resolver| {
            let (Some(operation), true) = (look(held), resolver.is::<Resolver<Op>>()) else {
                return Err(resolver);
            };
            match reply(operation) {
                Reply::Later => return Err(resolver),
                Reply::Abandon => drop(resolver),
                Reply::Resolve(output) => {
                    // Where it is cancelled by now, the answer is of no use, as a real shell's would be.
                    own::<Op>(resolver).map(|resolver| resolver.resolve(output).ok());
                }
                Reply::Fail(reason) => {
                    own::<Op>(resolver).map(|resolver| resolver.fail(reason).ok());
                }
            }
            Ok(())
        });
        self.answering.insert(key, answer);
        key
    }

    pub(super) fn on_stream<Op: Operation>(
        &mut self,
        mut feed: impl FnMut(&Op, Feed<Op>) + 'static,
    ) -> Key {
        let key = Key::of::<Op>(Kind::Stream);
        let answer: Answering =
            Box::new(move |held, answer| match (look(held), answer.downcast()) {
                (Some(operation), Ok(answer)) => {
                    feed(operation, *answer);
                    Ok(())
                }
                (_, Ok(answer)) => Err(answer),
                (_, Err(answer)) => Err(answer),
            });
        self.answering.insert(key, answer);
        key
    }

    pub(super) fn on_notify<T: Send + 'static>(
        &mut self,
        mut note: impl FnMut(T) + 'static,
    ) -> Key {
        let key = Key::of::<T>(Kind::Notify);
        let noting: Noting = Box::new(move |held| take(held).into_iter().for_each(&mut note));
        self.noting.insert(key, noting);
        key
    }

    pub(super) fn watch<T: Send + 'static>(&mut self, mut watch: impl FnMut(&T, Event) + 'static) {
        let watching: Watching = Box::new(move |held, event| {
            if let Some(operation) = look(held) {
                watch(operation, event);
            }
        });
        self.watching
            .entry(TypeId::of::<T>())
            .or_default()
            .push(watching);
    }

    pub(super) fn answers(&self, key: Key) -> bool {
        self.answering.contains_key(&key)
    }

    pub(super) fn notes(&self, key: Key) -> bool {
        self.noting.contains_key(&key)
    }

    pub(super) fn answer(
        &mut self,
        key: Key,
        held: &dyn Held,
        answer: Answerer,
    ) -> Result<(), Answerer> {
        match self.answering.get_mut(&key) {
            Some(answering) => answering(held, answer),
            None => Err(answer),
        }
    }

    pub(super) fn note(&mut self, key: Key, held: Box<dyn Held>) {
        if let Some(noting) = self.noting.get_mut(&key) {
            noting(held);
        }
    }

    /// Gives whether anybody was told.
    pub(super) fn tell(&mut self, key: Key, held: &dyn Held, event: Event) -> bool {
        let Some(watching) = self.watching.get_mut(&key.operation) else {
            return false;
        };
        watching.iter_mut().for_each(|watch| watch(held, event));
        true
    }
}

fn own<Op: Operation>(resolver: Answerer) -> Option<Resolver<Op>> {
    resolver.downcast().ok().map(|resolver| *resolver)
}
