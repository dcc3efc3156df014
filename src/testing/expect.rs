//! What a test expects next, and what it answers.

use std::marker::PhantomData;
use std::panic::Location;

use super::ledger::{Item, Number};
use super::scripted::{Key, Kind, Scripted, look, take};
use super::shell::TestShell;
use crate::explain::ShortName;
use crate::id::RequestId;
use crate::request::{Feed, Operation, Request, Resolver, Subscription};
use crate::shell::Notification;

/// Something that a test expects of the core. Made by [`TestShell::expect`] and its like.
///
/// `P` is what is expected: a [`Request`], a [`Subscription`], a [`Notification`] or a [`Cancelled`]. Dropping it
/// without one of the methods that say what to do expects nothing.
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
/// let task = test.spawn(async move { shell.request(Get("/")).await });
/// let found = test.expect::<Get>(|get| get.0 == "/");
/// found.resolve(200);
/// assert_eq!(test.join(task).unwrap(), Ok(200));
/// test.finish();
/// ```
#[must_use = "say what to do with it: `resolve`, `take` or the like"]
pub struct Expectation<'a, E: Scripted, P> {
    shell: &'a mut TestShell<E>,
    place: &'static Location<'static>,
    in_order: bool,
    is_it: IsIt<'a>,
    what: Expected,
    payload: PhantomData<fn() -> P>,
}

type IsIt<'a> = Box<dyn FnMut(&dyn super::scripted::Held) -> bool + 'a>;

/// The cancellation of an operation, as something that is expected. There is no value of it.
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
/// let task = test.spawn(async move { shell.request(Get("/")).await });
/// let _resolver = test.expect::<Get>(|_| true).take();
/// task.abort();
/// let notice = test.expect_cancelled::<Get>(|get| get.0 == "/"); // it is of the operation that was asked
/// notice.take();
/// test.finish();
/// ```
pub struct Cancelled<Op>(PhantomData<fn() -> Op>);

/// What is looked for, and how it is called.
#[derive(Clone, Copy)]
pub(super) enum Expected {
    Effect(Key, &'static str),
    Cancelled([Key; 2], &'static str),
}

impl<'a, E: Scripted, P> Expectation<'a, E, P> {
    pub(super) fn new<T: 'static>(
        shell: &'a mut TestShell<E>,
        what: Expected,
        place: &'static Location<'static>,
        mut matches: impl FnMut(&T) -> bool + 'a,
    ) -> Self {
        Self {
            in_order: shell.is_in_order(),
            shell,
            place,
            is_it: Box::new(move |held| look(held).is_some_and(&mut matches)),
            what,
            payload: PhantomData,
        }
    }

    /// Takes the first that it accepts of all that was asked and is not expected yet, whatever stands before it.
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
    /// let other = test.shell();
    /// let task = test.spawn(async move { futures::join!(shell.request(Get("/a")), other.request(Get("/b"))) });
    /// test.expect::<Get>(|get| get.0 == "/b").in_any_order().resolve(2);
    /// test.expect::<Get>(|get| get.0 == "/a").resolve(1); // is next by now
    /// assert_eq!(test.join(task).unwrap(), (Ok(1), Ok(2)));
    /// test.finish();
    /// ```
    pub fn in_any_order(mut self) -> Self {
        self.in_order = false;
        self
    }

    /// Expects so many, one after the other.
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
    /// let other = test.shell();
    /// let task = test.spawn(async move { futures::join!(shell.request(Get("/a")), other.request(Get("/b"))) });
    /// test.expect::<Get>(|_| true).times(2).resolve(200);
    /// assert_eq!(test.join(task).unwrap(), (Ok(200), Ok(200)));
    /// test.finish();
    /// ```
    pub fn times(self, times: usize) -> Several<'a, E, P> {
        Several {
            expectation: self,
            times,
        }
    }

    #[track_caller]
    fn find(&mut self) -> Number {
        let (what, is_it) = (self.what, &mut self.is_it);
        let found = self
            .shell
            .find(self.in_order, |item, entry| match (item, what) {
                (Item::Effect(_), Expected::Effect(key, _)) => {
                    entry.key == key && is_it(&*entry.operation)
                }
                (Item::Cancelled(..), Expected::Cancelled(keys, _)) => {
                    keys.contains(&entry.key) && is_it(&*entry.operation)
                }
                _ => false,
            });
        match found {
            Some(number) => number,
            // No closure: it would not know its caller.
            None => self.shell.fail_expected(what, self.in_order, self.place),
        }
    }

    /// The right to answer what is found.
    #[track_caller]
    fn answer<A: 'static>(&mut self) -> A {
        let number = self.find();
        self.take_answer(number)
    }

    /// The same to be used at once.
    #[track_caller]
    fn live<A: 'static>(&mut self) -> A {
        let number = self.find();
        self.shell.fail_if_cancelled(number);
        self.take_answer(number)
    }

    fn take_answer<A: 'static>(&mut self, number: Number) -> A {
        let answer = self.shell.take_answer(number);
        *answer
            .and_then(|answer| answer.downcast().ok())
            .expect("what was never taken can be answered, by the type that it was found by")
    }
}

impl<E: Scripted, Op: Operation> Expectation<'_, E, Request<Op>> {
    /// Answers it. The core goes on with the next thing that the test does with the shell.
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
    /// let task = test.spawn(async move {
    ///     let first = shell.request(Get("/")).await?;
    ///     shell.request(Get("/again")).await.map(|second| first + second)
    /// });
    /// test.expect::<Get>(|_| true).resolve(1);
    /// test.expect::<Get>(|get| get.0 == "/again").resolve(2); // the core has gone on
    /// assert_eq!(test.join(task).unwrap(), Ok(3));
    /// test.finish();
    /// ```
    ///
    /// # Panics
    ///
    /// Where it is not there, and where the core has cancelled it by now.
    #[track_caller]
    pub fn resolve(mut self, output: Op::Output) {
        let _ = self.live::<Resolver<Op>>().resolve(output);
    }

    /// Answers it by what is asked.
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
    /// let task = test.spawn(async move { shell.request(Get("/")).await });
    /// test.expect::<Get>(|_| true).respond(|get| u32::from(get.0 == "/"));
    /// assert_eq!(test.join(task).unwrap(), Ok(1));
    /// test.finish();
    /// ```
    ///
    /// # Panics
    ///
    /// As [`resolve`](Self::resolve).
    #[track_caller]
    pub fn respond(self, answer: impl FnMut(&Op) -> Op::Output) {
        self.times(1).respond(answer);
    }

    /// Fails it.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use futures::StreamExt;
    /// # use stillpoint::testing::TestShell;
    /// # use stillpoint::{Executor, Operation, RequestError, effects};
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
    /// let task = test.spawn(async move { shell.request(Get("/")).await });
    /// test.expect::<Get>(|_| true).fail("no network");
    /// assert_eq!(test.join(task).unwrap(), Err(RequestError::Failed("no network".to_owned())));
    /// test.finish();
    /// ```
    ///
    /// # Panics
    ///
    /// As [`resolve`](Self::resolve).
    #[track_caller]
    pub fn fail(mut self, reason: impl Into<String>) {
        let _ = self.live::<Resolver<Op>>().fail(reason);
    }

    /// Abandons it, as a handler does that is lost.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use futures::StreamExt;
    /// # use stillpoint::testing::TestShell;
    /// # use stillpoint::{Executor, Operation, RequestError, effects};
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
    /// let task = test.spawn(async move { shell.request(Get("/")).await });
    /// test.expect::<Get>(|_| true).abandon();
    /// assert_eq!(test.join(task).unwrap(), Err(RequestError::Abandoned));
    /// test.finish();
    /// ```
    ///
    /// # Panics
    ///
    /// As [`resolve`](Self::resolve).
    #[track_caller]
    pub fn abandon(mut self) {
        drop(self.live::<Resolver<Op>>());
    }

    /// Takes the right to answer it, for later, or from another thread. The core may cancel it meanwhile: see
    /// [`TestShell::expect_cancelled`].
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
    /// let task = test.spawn(async move { shell.request(Get("/")).await });
    /// let resolver = test.expect::<Get>(|_| true).take();
    /// std::thread::spawn(move || resolver.resolve(200)).join().unwrap().unwrap();
    /// assert_eq!(test.join(task).unwrap(), Ok(200));
    /// test.finish();
    /// ```
    ///
    /// # Panics
    ///
    /// Where it is not there.
    #[track_caller]
    pub fn take(mut self) -> Resolver<Op> {
        self.answer()
    }
}

impl<E: Scripted, Op: Operation> Expectation<'_, E, Subscription<Op>> {
    /// Takes the right to send to it, from anywhere, until its end. Dropping the feed abandons the stream.
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
    /// let task = test.spawn(async move { shell.subscribe(Keys).collect::<String>().await });
    /// let feed = test.expect_stream::<Keys>(|_| true).take();
    /// feed.send('a').unwrap();
    /// test.run(); // the core sees this key before there is another
    /// feed.send('b').unwrap();
    /// feed.end().unwrap();
    /// assert_eq!(test.join(task).unwrap(), "ab");
    /// test.finish();
    /// ```
    ///
    /// # Panics
    ///
    /// Where it is not there.
    #[track_caller]
    pub fn take(mut self) -> Feed<Op> {
        self.answer()
    }

    /// Sends these items and ends the stream.
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
    /// let task = test.spawn(async move { shell.subscribe(Keys).collect::<String>().await });
    /// test.expect_stream::<Keys>(|_| true).send_all("hello".chars());
    /// assert_eq!(test.join(task).unwrap(), "hello");
    /// test.finish();
    /// ```
    ///
    /// # Panics
    ///
    /// Where it is not there, where the core has cancelled it by now, and where the stream is bounded and refuses one.
    #[track_caller]
    pub fn send_all(mut self, items: impl IntoIterator<Item = Op::Output>) {
        let place = self.place;
        let feed = self.live::<Feed<Op>>();
        for item in items {
            if let Err(error) = feed.send(item) {
                panic!("of a stream that is expected at {place}: {error}");
            }
        }
        let _ = feed.end();
    }

    /// Abandons it, as a handler does that is lost.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use futures::StreamExt;
    /// # use stillpoint::testing::TestShell;
    /// # use stillpoint::{Executor, Operation, RequestError, effects};
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
    /// let task = test.spawn(async move {
    ///     let mut keys = shell.subscribe(Keys);
    ///     while keys.next().await.is_some() {}
    ///     keys.ended_by() == Some(Err(&RequestError::Abandoned))
    /// });
    /// test.expect_stream::<Keys>(|_| true).abandon();
    /// assert!(test.join(task).unwrap(), "the core knows that this is not the stream's own end");
    /// test.finish();
    /// ```
    ///
    /// # Panics
    ///
    /// Where it is not there, and where the core has cancelled it by now.
    #[track_caller]
    pub fn abandon(mut self) {
        drop(self.live::<Feed<Op>>());
    }
}

impl<E: Scripted, T: Send + 'static> Expectation<'_, E, Notification<T>> {
    /// Takes it.
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
    /// shell.notify("hello".to_owned()).unwrap();
    /// let said: String = test.expect_notify::<String>(|_| true).take();
    /// assert_eq!(said, "hello");
    /// test.finish();
    /// ```
    ///
    /// # Panics
    ///
    /// Where it is not there.
    #[track_caller]
    pub fn take(mut self) -> T {
        let number = self.find();
        let operation = self.shell.take_operation(number).and_then(take);
        operation.expect("a notification is found by its type")
    }
}

impl<E: Scripted, Op: Operation> Expectation<'_, E, Cancelled<Op>> {
    /// Takes the notice, and says which request it is of.
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
    /// let task = test.spawn(async move { shell.request(Get("/")).await });
    /// let resolver = test.expect::<Get>(|_| true).take();
    /// task.abort();
    /// let id = test.expect_cancelled::<Get>(|_| true).take();
    /// assert_eq!(id, resolver.id());
    /// test.finish();
    /// ```
    ///
    /// # Panics
    ///
    /// Where there is none.
    #[track_caller]
    pub fn take(mut self) -> RequestId {
        let number = self.find();
        let id = self.shell.take_notice(number);
        id.expect("what can be cancelled has an id")
    }
}

/// So many of one [`Expectation`]. Made by [`Expectation::times`].
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
/// for text in ["one", "two", "three"] {
///     shell.notify(text.to_owned()).unwrap();
/// }
/// let several = test.expect_notify::<String>(|text| text.len() < 6).times(3);
/// assert_eq!(several.take().concat(), "onetwothree");
/// test.finish();
/// ```
#[must_use = "say what to do with them: `resolve`, `take` or the like"]
pub struct Several<'a, E: Scripted, P> {
    expectation: Expectation<'a, E, P>,
    times: usize,
}

impl<E: Scripted, Op: Operation> Several<'_, E, Request<Op>> {
    /// Answers each the same.
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
    /// let other = test.shell();
    /// let task = test.spawn(async move { futures::join!(shell.request(Get("/a")), other.request(Get("/b"))) });
    /// test.expect::<Get>(|_| true).times(2).resolve(404);
    /// assert_eq!(test.join(task).unwrap(), (Ok(404), Ok(404)));
    /// test.finish();
    /// ```
    ///
    /// # Panics
    ///
    /// As [`Expectation::resolve`], of each.
    #[track_caller]
    pub fn resolve(self, output: Op::Output)
    where
        Op::Output: Clone,
    {
        self.respond(|_| output.clone());
    }

    /// Answers each by what it asks.
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
    /// let other = test.shell();
    /// let task = test.spawn(async move { futures::join!(shell.request(Get("/a")), other.request(Get("/b"))) });
    /// let mut count = 0;
    /// test.expect::<Get>(|_| true).times(2).respond(|_| {
    ///     count += 1;
    ///     count
    /// });
    /// assert_eq!(test.join(task).unwrap(), (Ok(1), Ok(2)));
    /// test.finish();
    /// ```
    ///
    /// # Panics
    ///
    /// As [`Expectation::resolve`], of each.
    #[track_caller]
    pub fn respond(mut self, mut answer: impl FnMut(&Op) -> Op::Output) {
        for _ in 0..self.times {
            let number = self.expectation.find();
            let shell = &mut *self.expectation.shell;
            shell.fail_if_cancelled(number);
            if let Some(output) = shell.operation(number).and_then(look).map(&mut answer) {
                let resolver = self.expectation.take_answer::<Resolver<Op>>(number);
                let _ = resolver.resolve(output);
            }
        }
    }

    /// Fails each.
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
    /// let other = test.shell();
    /// let task = test.spawn(async move { futures::join!(shell.request(Get("/a")), other.request(Get("/b"))) });
    /// test.expect::<Get>(|_| true).times(2).fail("no network");
    /// let (first, second) = test.join(task).unwrap();
    /// assert!(first.is_err() && first == second);
    /// test.finish();
    /// ```
    ///
    /// # Panics
    ///
    /// As [`Expectation::resolve`], of each.
    #[track_caller]
    pub fn fail(mut self, reason: impl Into<String>) {
        let reason = reason.into();
        for _ in 0..self.times {
            let _ = self
                .expectation
                .live::<Resolver<Op>>()
                .fail(reason.as_str());
        }
    }

    /// Abandons each.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use futures::StreamExt;
    /// # use stillpoint::testing::TestShell;
    /// # use stillpoint::{Executor, Operation, RequestError, effects};
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
    /// let other = test.shell();
    /// let task = test.spawn(async move { futures::join!(shell.request(Get("/a")), other.request(Get("/b"))) });
    /// test.expect::<Get>(|_| true).times(2).abandon();
    /// assert_eq!(test.join(task).unwrap(), (Err(RequestError::Abandoned), Err(RequestError::Abandoned)));
    /// test.finish();
    /// ```
    ///
    /// # Panics
    ///
    /// As [`Expectation::resolve`], of each.
    #[track_caller]
    pub fn abandon(mut self) {
        for _ in 0..self.times {
            drop(self.expectation.live::<Resolver<Op>>());
        }
    }

    /// Takes the rights to answer them, in the order in which they were asked.
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
    /// let other = test.shell();
    /// let task = test.spawn(async move { futures::join!(shell.request(Get("/a")), other.request(Get("/b"))) });
    /// let taken = test.expect::<Get>(|_| true).times(2).take();
    /// for (resolver, answer) in taken.into_iter().zip([1, 2]).rev() {
    ///     resolver.resolve(answer).unwrap(); // the second one first
    ///     test.run();
    /// }
    /// assert_eq!(test.join(task).unwrap(), (Ok(1), Ok(2)));
    /// test.finish();
    /// ```
    ///
    /// # Panics
    ///
    /// Where there are fewer.
    #[track_caller]
    pub fn take(mut self) -> Vec<Resolver<Op>> {
        let mut taken = Vec::with_capacity(self.times);
        for _ in 0..self.times {
            taken.push(self.expectation.answer());
        }
        taken
    }
}

impl<E: Scripted, T: Send + 'static> Several<'_, E, Notification<T>> {
    /// Takes them, in the order in which they were told.
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
    /// for line in ["first", "second"] {
    ///     shell.notify(line.to_owned()).unwrap();
    /// }
    /// assert_eq!(test.expect_notify::<String>(|_| true).times(2).take(), ["first", "second"]);
    /// test.finish();
    /// ```
    ///
    /// # Panics
    ///
    /// Where there are fewer.
    #[track_caller]
    pub fn take(mut self) -> Vec<T> {
        let mut taken = Vec::with_capacity(self.times);
        for _ in 0..self.times {
            let number = self.expectation.find();
            taken.extend(self.expectation.shell.take_operation(number).and_then(take));
        }
        taken
    }
}

impl<E: Scripted, Op: Operation> Several<'_, E, Cancelled<Op>> {
    /// Takes the notices, in the order in which they came.
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
    /// let other = test.shell();
    /// let task = test.spawn(async move { futures::join!(shell.request(Get("/a")), other.request(Get("/b"))) });
    /// let resolvers = test.expect::<Get>(|_| true).times(2).take();
    /// task.abort();
    /// let ids = test.expect_cancelled::<Get>(|_| true).times(2).take();
    /// assert!(resolvers.iter().all(|resolver| ids.contains(&resolver.id())));
    /// test.finish();
    /// ```
    ///
    /// # Panics
    ///
    /// Where there are fewer.
    #[track_caller]
    pub fn take(mut self) -> Vec<RequestId> {
        let mut taken = Vec::with_capacity(self.times);
        for _ in 0..self.times {
            let number = self.expectation.find();
            taken.extend(self.expectation.shell.take_notice(number));
        }
        taken
    }
}

impl Expected {
    pub(super) fn effect<T: 'static>(kind: Kind) -> Self {
        Self::Effect(Key::of::<T>(kind), std::any::type_name::<T>())
    }

    pub(super) fn cancelled<T: 'static>() -> Self {
        let keys = [Kind::Request, Kind::Stream].map(Key::of::<T>);
        Self::Cancelled(keys, std::any::type_name::<T>())
    }
}

/// `a request Http`, `the cancellation of Http`.
impl std::fmt::Display for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Effect(key, name) => write!(f, "a {} {}", key.kind, ShortName(name)),
            Self::Cancelled(_, name) => {
                write!(f, "the cancellation of {}", ShortName(name))
            }
        }
    }
}
