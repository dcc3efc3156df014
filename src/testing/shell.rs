//! The scripted shell: a test drives it, and it drives the core.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;

use super::clock::Clock;
use super::expect::{Cancelled, Expectation, Expected};
use super::host::Host;
use super::ledger::{Ledger, State};
use super::probe::RefProbe;
use super::schedule::Schedule;
use super::script::{Event, Reply, Script};
use super::scripted::{Key, Kind, Scripted};
use crate::report::Teardown;
use crate::request::{Feed, Operation, Request, Subscription};
use crate::shell::{Notification, Shell};
use crate::snapshot::Snapshot;
use crate::spawner::Spawner;
use crate::task::JoinHandle;

/// How many polls one call of the test's may take, unless it says otherwise.
const POLLS: usize = 100_000;

/// A shell that is a script, for the tests of a core.
///
/// It drives an executor, and is exhaustive: it panics where the core asks for something else than what is
/// [expected](Self::expect), and, at its end, where something was asked that nobody expected, something is not
/// answered, a task is not finished, or a task has panicked and nobody has joined it. What it then says of each is
/// which operation it is (by its `Debug`, if it has one), where it was made, by which task, and how long ago.
///
/// The end is [`finish`](Self::finish). Dropping it is one too, unless the thread is panicking already: a test that
/// forgets `finish` is as exhaustive as one that does not.
///
/// What is always answered in the same way has a [standing handler](Self::on); time passes on a [virtual
/// clock](Self::clock) when the test says so.
///
/// ```
/// use std::time::Duration;
/// use futures::future::{Either, select};
/// use stillpoint::testing::TestShell;
/// use stillpoint::{Executor, Operation, Shell, effects};
///
/// #[derive(Debug)]
/// struct HttpGet {
///     url: &'static str,
/// }
/// impl Operation for HttpGet {
///     type Output = String;
/// }
/// struct Sleep(Duration);
/// impl Operation for Sleep {
///     type Output = ();
/// }
/// effects! {
///     enum Effect {
///         Http => request HttpGet,
///         Sleep => request Sleep,
///     }
/// }
///
/// /// The core under test: a page, or nothing after a second.
/// async fn page(shell: Shell<Effect>) -> Option<String> {
///     let page = shell.request(HttpGet { url: "/" });
///     match select(page, shell.request(Sleep(Duration::from_secs(1)))).await {
///         Either::Left((page, _late)) => page.ok(),
///         Either::Right(_) => None,
///     }
/// }
///
/// let mut test = TestShell::new(Executor::new());
/// test.clock::<Sleep>(|sleep| sleep.0);
///
/// let task = test.spawn(page(test.shell()));
/// test.expect::<HttpGet>(|get| get.url == "/").resolve("hello".to_owned());
/// assert_eq!(test.join(task).unwrap(), Some("hello".to_owned()));
///
/// let task = test.spawn(page(test.shell()));
/// let _hangs = test.expect::<HttpGet>(|_| true).take();
/// test.advance(Duration::from_secs(1));
/// test.expect_cancelled::<HttpGet>(|get| get.url == "/").take();
/// assert_eq!(test.join(task).unwrap(), None);
/// test.finish();
/// ```
pub struct TestShell<E: Scripted> {
    /// Until it is torn down.
    pub(super) host: Option<Host<E>>,
    /// From then on.
    pub(super) report: Option<Teardown<E>>,
    pub(super) place: &'static Location<'static>,
    pub(super) ledger: Ledger,
    pub(super) script: Script,
    pub(super) clock: Clock,
    pub(super) schedule: Option<Schedule>,
    pub(super) panics: Arc<Mutex<Vec<String>>>,
    /// Of panics that lie with join handles.
    pub(super) unjoined: Arc<RefProbe>,
    pub(super) turn: u64,
    /// Polls that the test's present call may still take.
    pub(super) polls_left: usize,
    pub(super) poll_limit: usize,
    pub(super) in_order: bool,
    pub(super) allows: Allows,
    /// Whether another answer comes before the next turn.
    pub(super) is_batching: bool,
    /// Whether a handler was told of something since the last turn.
    pub(super) has_told: bool,
    pub(super) is_over: bool,
}

/// What is no failure at the end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Allows {
    pub(super) unhandled: bool,
    pub(super) unfinished: bool,
    pub(super) panics: bool,
}

impl<E: Scripted> TestShell<E> {
    /// Makes a shell that drives this [`Executor`](crate::Executor) or [`LocalExecutor`](crate::LocalExecutor).
    ///
    /// ```
    /// use stillpoint::testing::TestShell;
    /// use stillpoint::{Executor, Notification};
    ///
    /// let executor = Executor::<Notification<&str>>::builder().max_tasks(1).build();
    /// let mut test = TestShell::new(executor); // whichever limits the core is to be tested with
    /// let shell = test.shell();
    /// drop(test.spawn(async move { shell.notify("hello") }));
    /// test.expect_notify::<&str>(|said| *said == "hello").take();
    /// test.finish();
    /// ```
    #[must_use = "a shell that is dropped at once tests nothing"]
    #[track_caller]
    pub fn new(executor: impl Into<Host<E>>) -> Self {
        let mut host = executor.into();
        let panics = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&panics);
        host.listen_to_panics(move |panic| {
            told.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(panic.to_string());
        });
        let unjoined = Arc::new(RefProbe::new());
        host.watch_unjoined(Arc::clone(&unjoined));
        Self {
            host: Some(host),
            report: None,
            place: Location::caller(),
            ledger: Ledger::default(),
            script: Script::default(),
            clock: Clock::default(),
            schedule: None,
            panics,
            unjoined,
            turn: 0,
            polls_left: POLLS,
            poll_limit: POLLS,
            in_order: true,
            allows: Allows::default(),
            is_batching: false,
            has_told: false,
            is_over: false,
        }
    }

    /// Has a schedule pick which ready task is polled next, which of the requests that have a standing handler is
    /// answered next, and whether time passes before.
    ///
    /// ```
    /// # use stillpoint::testing::{Simulation, TestShell};
    /// # use stillpoint::{Executor, Notification};
    /// Simulation::new().seeds(10).run(|schedule| {
    ///     let executor = Executor::<Notification<u32>>::builder().outbox_capacity(100).build();
    ///     let mut test = TestShell::new(executor).follow(schedule);
    ///     for number in 1..=2 {
    ///         let shell = test.shell();
    ///         drop(test.spawn(async move { shell.notify(number) }));
    ///     }
    ///     let mut said = test.expect_notify::<u32>(|_| true).times(2).take();
    ///     said.sort_unstable(); // the schedule has picked who was first
    ///     assert_eq!(said, [1, 2]);
    ///     test.finish();
    /// });
    /// ```
    #[must_use = "a shell that is dropped at once tests nothing"]
    pub fn follow(mut self, schedule: &Schedule) -> Self {
        self.host.iter_mut().for_each(|host| host.follow(schedule));
        self.schedule = Some(schedule.clone());
        self
    }

    // --- what is no failure ---

    /// Takes expectations in any order: each takes the first that it accepts. Without it the next thing that the core
    /// asked has to be the one that is expected; one expectation alone has [`Expectation::in_any_order`].
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
    /// test.allow_any_order();
    /// test.expect::<Get>(|get| get.0 == "/b").resolve(2);
    /// test.expect::<Get>(|get| get.0 == "/a").resolve(1);
    /// assert_eq!(test.join(task).unwrap(), (Ok(1), Ok(2)));
    /// test.finish();
    /// ```
    pub fn allow_any_order(&mut self) -> &mut Self {
        self.in_order = false;
        self
    }

    /// Lets be what nobody expects: expectations look past it, and at the end it is no failure.
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
    /// test.allow_unhandled();
    /// for text in ["starting", "the result"] {
    ///     shell.notify(text.to_owned()).unwrap();
    /// }
    /// test.expect_notify::<String>(|text| text == "the result").take(); // it looks past the first
    /// test.finish();
    /// ```
    pub fn allow_unhandled(&mut self) -> &mut Self {
        self.allows.unhandled = true;
        self.allow_any_order()
    }

    /// Lets tasks be alive at the end, and what they wait for unanswered.
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
    /// test.allow_unfinished();
    /// drop(test.spawn(std::future::pending::<()>())); // as a server's task that waits for the next client
    /// test.finish();
    /// # drop(shell);
    /// ```
    pub fn allow_unfinished(&mut self) -> &mut Self {
        self.allows.unfinished = true;
        self
    }

    /// Lets tasks panic that nobody joins.
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
    /// test.allow_panics();
    /// drop(test.spawn(async { std::panic::resume_unwind(Box::new("no such page")) }));
    /// test.run();
    /// assert!(test.snapshot().tasks.is_empty());
    /// test.finish();
    /// # drop(shell);
    /// ```
    pub fn allow_panics(&mut self) -> &mut Self {
        self.allows.panics = true;
        self
    }

    /// How many polls one call may take until the core is said to have no end: 100,000 if nothing is said.
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
    /// use std::panic::{AssertUnwindSafe, catch_unwind};
    ///
    /// test.limit_polls(100).allow_unfinished();
    /// drop(test.spawn(std::future::poll_fn(|cx| {
    ///     cx.waker().wake_by_ref(); // a core that never comes to rest
    ///     std::task::Poll::<()>::Pending
    /// })));
    /// let said = catch_unwind(AssertUnwindSafe(|| test.run())).unwrap_err();
    /// assert!(said.downcast_ref::<String>().unwrap().contains("100 polls"));
    /// # std::mem::forget(test);
    /// # drop(shell);
    /// ```
    pub fn limit_polls(&mut self, polls: usize) -> &mut Self {
        self.poll_limit = polls;
        self
    }

    // --- the core's side ---

    /// A way to make tasks, of the executor that it drives.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use futures::StreamExt;
    /// # use stillpoint::testing::TestShell;
    /// # use stillpoint::{Executor, Operation, Spawner, effects};
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
    /// /// The core under test, as a program starts it.
    /// fn start(spawner: &Spawner) {
    ///     drop(spawner.name("core").spawn(async {}));
    /// }
    /// start(&test.spawner());
    /// test.finish();
    /// # drop(shell);
    /// ```
    ///
    /// # Panics
    ///
    /// After a [teardown](Self::teardown).
    #[must_use]
    #[track_caller]
    pub fn spawner(&self) -> Spawner {
        self.host().spawner()
    }

    /// A way to ask, of the executor that it drives.
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
    /// let (one, two) = (test.shell(), test.shell());
    /// drop(test.spawn(async move { one.notify("one".to_owned()) }));
    /// drop(test.spawn(async move { two.notify("two".to_owned()) }));
    /// assert_eq!(test.expect_notify::<String>(|_| true).times(2).take(), ["one", "two"]);
    /// test.finish();
    /// # drop(shell);
    /// ```
    ///
    /// # Panics
    ///
    /// After a [teardown](Self::teardown).
    #[must_use]
    #[track_caller]
    pub fn shell(&self) -> Shell<E> {
        self.host().shell()
    }

    /// Spawns a task. For one that is bound to its thread, keep the executor's
    /// [`local_spawner`](crate::LocalExecutor::local_spawner).
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
    /// let task = test.spawn(async { 6 * 7 });
    /// assert_eq!(test.join(task).unwrap(), 42);
    /// test.finish();
    /// # drop(shell);
    /// ```
    ///
    /// # Panics
    ///
    /// After a [teardown](Self::teardown).
    #[track_caller]
    pub fn spawn<F>(&mut self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.spawner().spawn(future)
    }

    /// What the executor holds now; empty after a [teardown](Self::teardown).
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
    /// assert_eq!(test.snapshot().requests.len(), 1);
    /// test.teardown();
    /// assert!(test.snapshot().requests.is_empty());
    /// # drop(task);
    /// ```
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.host
            .as_ref()
            .map_or_else(Snapshot::default, Host::snapshot)
    }

    #[track_caller]
    fn host(&self) -> &Host<E> {
        self.host
            .as_ref()
            .expect("an executor that is not torn down")
    }

    // --- standing handlers ---

    /// Answers every request of this operation, those that nobody has expected yet among them.
    ///
    /// They are answered one at a time, in the order in which they were asked, with a turn after each; a
    /// [schedule](Self::follow) picks another order. The handler runs outside every turn. What is answered so need not
    /// be expected, nor its cancellation.
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
    /// test.on::<Get>(|get| get.0.len() as u32);
    /// let task = test.spawn(async move {
    ///     shell.request(Get("/")).await.unwrap() + shell.request(Get("/ab")).await.unwrap()
    /// });
    /// assert_eq!(test.join(task).unwrap(), 4);
    /// test.finish();
    /// ```
    pub fn on<Op: Operation>(
        &mut self,
        mut answer: impl FnMut(&Op) -> Op::Output + 'static,
    ) -> &mut Self {
        self.reply(move |operation: &Op| Reply::Resolve(answer(operation)))
    }

    /// The same with a [`Reply`], which may also be that it fails, is abandoned, or is answered later.
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
    /// let mut attempts = 0;
    /// test.reply::<Get>(move |_| {
    ///     attempts += 1;
    ///     match attempts {
    ///         1 => Reply::Fail("busy".to_owned()),
    ///         _ => Reply::Resolve(200),
    ///     }
    /// });
    /// let task = test.spawn(async move {
    ///     match shell.request(Get("/")).await {
    ///         Err(_) => shell.request(Get("/")).await, // once more
    ///         answer => answer,
    ///     }
    /// });
    /// assert_eq!(test.join(task).unwrap(), Ok(200));
    /// test.finish();
    /// ```
    pub fn reply<Op: Operation>(
        &mut self,
        reply: impl FnMut(&Op) -> Reply<Op::Output> + 'static,
    ) -> &mut Self {
        let key = self.script.on_request(reply);
        self.adopt(key)
    }

    /// Hands the feed of every subscription of this operation to a handler, in the same order.
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
    /// test.on_stream::<Keys>(|_, feed| {
    ///     for key in "hello".chars() {
    ///         feed.send(key).unwrap();
    ///     }
    ///     feed.end().unwrap();
    /// });
    /// let task = test.spawn(async move { shell.subscribe(Keys).collect::<String>().await });
    /// assert_eq!(test.join(task).unwrap(), "hello");
    /// test.finish();
    /// ```
    pub fn on_stream<Op: Operation>(
        &mut self,
        handler: impl FnMut(&Op, Feed<Op>) + 'static,
    ) -> &mut Self {
        let key = self.script.on_stream(handler);
        self.adopt(key)
    }

    /// Hands every notification of this type to a handler, as soon as it is seen: `|_| {}` lets it be.
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
    /// test.on_notify::<String>(move |text| note.send(text).unwrap());
    /// shell.notify("hello".to_owned()).unwrap();
    /// test.run();
    /// assert_eq!(noted.recv().unwrap(), "hello");
    /// test.finish();
    /// ```
    pub fn on_notify<T: Send + 'static>(&mut self, handler: impl FnMut(T) + 'static) -> &mut Self {
        let key = self.script.on_notify(handler);
        self.adopt(key)
    }

    /// Tells of every operation of this type when it is emitted and when it is cancelled, for a test that keeps a
    /// trace. It answers nothing, and expects nothing.
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
    /// test.watch::<Get>(move |get, event| note.send(format!("{:?} {}", event.what, get.0)).unwrap());
    /// let task = test.spawn(async move { shell.request(Get("/")).await });
    /// test.expect::<Get>(|_| true).resolve(200); // who watches, answers nothing
    /// assert_eq!(test.join(task).unwrap(), Ok(200));
    /// assert_eq!(noted.try_iter().collect::<Vec<_>>(), ["Emitted /"]);
    /// test.finish();
    /// ```
    pub fn watch<T: Send + 'static>(
        &mut self,
        watch: impl FnMut(&T, Event) + 'static,
    ) -> &mut Self {
        self.script.watch(watch);
        self
    }

    // --- time ---

    /// Takes this operation for a sleep, of the time that `read` says. It is answered when that time has passed, which
    /// it does by [`advance`](Self::advance) and [`play`](Self::play) alone; one that is cancelled vanishes. A sleep
    /// that would end after [`Duration::MAX`] has no end.
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
    /// test.clock::<Sleep>(|sleep| sleep.0);
    /// let task = test.spawn(async move { shell.request(Sleep(Duration::from_secs(60))).await });
    /// test.advance(Duration::from_secs(59));
    /// assert!(!task.is_finished());
    /// test.advance(Duration::from_secs(1));
    /// assert_eq!(test.join(task).unwrap(), Ok(()));
    /// test.finish();
    /// ```
    pub fn clock<Op>(&mut self, read: impl FnMut(&Op) -> Duration + 'static) -> &mut Self
    where
        Op: Operation,
        Op::Output: Default,
    {
        self.clock_with(read, |_| Op::Output::default())
    }

    /// The same where a sleep's answer is something else.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use stillpoint::testing::TestShell;
    /// # use stillpoint::{Executor, Operation, Request};
    /// /// Sleeps until a time, and gives by how much that was missed.
    /// struct Until(Duration);
    /// impl Operation for Until {
    ///     type Output = Duration;
    /// }
    ///
    /// let mut test = TestShell::new(Executor::<Request<Until>>::new());
    /// test.clock_with::<Until>(|until| until.0, |_| Duration::ZERO);
    /// let shell = test.shell();
    /// let task = test.spawn(async move { shell.request(Until(Duration::from_secs(5))).await });
    /// test.play();
    /// assert_eq!(test.join(task).unwrap(), Ok(Duration::ZERO));
    /// test.finish();
    /// ```
    pub fn clock_with<Op: Operation>(
        &mut self,
        read: impl FnMut(&Op) -> Duration + 'static,
        answer: impl FnMut(&Op) -> Op::Output + 'static,
    ) -> &mut Self {
        let key = self.clock.add(read, answer);
        self.adopt(key)
    }

    /// The time since the shell was made.
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
    /// test.advance(Duration::from_secs(3600)); // takes none of the test's time
    /// assert_eq!(test.now(), Duration::from_secs(3600));
    /// test.finish();
    /// # drop(shell);
    /// ```
    #[must_use]
    pub fn now(&self) -> Duration {
        self.clock.now
    }

    /// Lets this much time pass. The sleeps that end by then are answered one by one, each at its own time with a turn
    /// after it: in the order of their ends, and, where those are the same, of their requests.
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
    /// test.clock::<Sleep>(|sleep| sleep.0);
    /// let task = test.spawn(async move {
    ///     for _ in 0..3 {
    ///         shell.request(Sleep(Duration::from_secs(1))).await.unwrap();
    ///     }
    /// });
    /// test.advance(Duration::from_secs(3)); // each sleep begins when the one before has ended
    /// assert!(test.join(task).is_ok());
    /// test.finish();
    /// ```
    ///
    /// # Panics
    ///
    /// Where the core does not come to rest.
    #[track_caller]
    pub fn advance(&mut self, time: Duration) {
        self.begin();
        self.run_on();
        self.pass_to(self.clock.now.saturating_add(time));
    }

    /// Lets time pass to the next end of a sleep. Gives how much that was, or nothing where nobody sleeps.
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
    /// test.clock::<Sleep>(|sleep| sleep.0);
    /// let task = test.spawn(async move { shell.request(Sleep(Duration::from_secs(60))).await });
    /// assert_eq!(test.advance_to_next(), Some(Duration::from_secs(60)));
    /// assert_eq!(test.advance_to_next(), None, "nobody sleeps any more");
    /// assert_eq!(test.join(task).unwrap(), Ok(()));
    /// test.finish();
    /// ```
    ///
    /// # Panics
    ///
    /// As [`advance`](Self::advance).
    #[track_caller]
    pub fn advance_to_next(&mut self) -> Option<Duration> {
        self.begin();
        self.run_on();
        let (now, end) = (self.clock.now, self.next_end()?);
        self.pass_to(end);
        Some(end.saturating_sub(now))
    }

    #[track_caller]
    fn pass_to(&mut self, until: Duration) {
        while self.wake_next(until) {
            self.run_on();
        }
        self.clock.now = until;
    }

    // --- driving ---

    /// Takes turns until the core is at rest and no standing handler has anything to answer. No time passes.
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
    /// test.on::<Get>(|_| 200);
    /// test.clock::<Sleep>(|sleep| sleep.0);
    /// let task = test.spawn(async move {
    ///     shell.request(Get("/")).await.unwrap();
    ///     shell.request(Sleep(Duration::from_secs(1))).await
    /// });
    /// test.run(); // answers, and lets no time pass
    /// assert!(!task.is_finished());
    /// assert_eq!(test.now(), Duration::ZERO);
    /// test.advance(Duration::from_secs(1));
    /// assert!(task.is_finished());
    /// test.finish();
    /// ```
    ///
    /// # Panics
    ///
    /// Where it does not come to rest: after [so many](Self::limit_polls) polls.
    #[track_caller]
    pub fn run(&mut self) {
        self.begin();
        self.run_on();
    }

    /// The same, and lets time pass to the next end of a sleep wherever nothing else is left to do. A
    /// [schedule](Self::follow) may pick that earlier.
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
    /// test.clock::<Sleep>(|sleep| sleep.0);
    /// let task = test.spawn(async move { shell.request(Sleep(Duration::from_secs(60))).await });
    /// test.play();
    /// assert!(task.is_finished());
    /// assert_eq!(test.now(), Duration::from_secs(60));
    /// test.finish();
    /// ```
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run). A core that sleeps again and again has no end: [`play_until`](Self::play_until).
    #[track_caller]
    pub fn play(&mut self) {
        self.begin();
        while self.step_on(true) {}
    }

    /// The same, until something is so at the end of a turn.
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
    /// use std::cell::Cell;
    /// use std::rc::Rc;
    ///
    /// test.clock::<Sleep>(|sleep| sleep.0).allow_unfinished();
    /// drop(test.spawn(async move {
    ///     loop {
    ///         shell.request(Sleep(Duration::from_secs(1))).await.unwrap();
    ///         shell.notify("tick".to_owned()).unwrap();
    ///     }
    /// }));
    /// let ticks = Rc::new(Cell::new(0));
    /// let count = Rc::clone(&ticks);
    /// test.on_notify::<String>(move |_| count.set(count.get() + 1));
    /// test.play_until(|| ticks.get() == 3);
    /// assert_eq!(test.now(), Duration::from_secs(3));
    /// test.finish();
    /// ```
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run), and where nothing is left to do before it is so.
    #[track_caller]
    pub fn play_until(&mut self, mut is_so: impl FnMut() -> bool) {
        self.begin();
        loop {
            if !std::mem::take(&mut self.is_batching) && self.turns_until(&mut is_so) {
                return;
            }
            if !self.act(true) {
                if self.turns_until(&mut is_so) {
                    return;
                }
                self.fail("the core came to rest before what the test waits for");
            }
        }
    }

    /// Takes turns until the core is at rest, and then has one standing handler answer one request. Gives whether there
    /// was any. No time passes.
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
    /// test.on::<Get>(|_| 200);
    /// let other = test.shell();
    /// let task = test.spawn(async move { futures::join!(shell.request(Get("/a")), other.request(Get("/b"))) });
    /// assert!(test.step() && test.step(), "one answer at a time");
    /// assert!(!test.step());
    /// assert_eq!(test.join(task).unwrap(), (Ok(200), Ok(200)));
    /// test.finish();
    /// ```
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    #[track_caller]
    pub fn step(&mut self) -> bool {
        self.begin();
        self.step_on(false)
    }

    /// How many requests and subscriptions of this operation the core awaits that are taken and not answered, by the
    /// test or a standing handler: as of the last turn.
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
    /// assert_eq!(test.waiting::<Get>(), 2);
    /// taken.into_iter().for_each(|resolver| resolver.resolve(200).unwrap());
    /// test.run();
    /// assert_eq!(test.waiting::<Get>(), 0);
    /// # drop(task);
    /// test.finish();
    /// ```
    #[must_use]
    pub fn waiting<Op: Operation>(&self) -> usize {
        let keys = [Kind::Request, Kind::Stream].map(Key::of::<Op>);
        let entries = self.ledger.entries.values();
        entries
            .filter(|entry| keys.contains(&entry.key) && entry.state != State::Handled)
            .filter(|entry| entry.is_awaited())
            .count()
    }

    /// Runs the core, and gives what a task that has ended by then gives: a join handle's result.
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
    /// let both = futures::future::join(test.spawn(async { 1 }), test.spawn(async { 2 }));
    /// let (one, two) = test.join(both); // whatever is ready by then
    /// assert_eq!(one.unwrap() + two.unwrap(), 3);
    /// test.finish();
    /// # drop(shell);
    /// ```
    ///
    /// # Panics
    ///
    /// Where it has not ended, with what everybody waits for.
    #[track_caller]
    pub fn join<T>(&mut self, task: impl Future<Output = T>) -> T {
        self.run();
        match task.now_or_never() {
            Some(output) => output,
            None => self.fail("the task is not finished"),
        }
    }

    // --- expecting ---

    /// Runs the core and expects a request next, of this operation and such that `matches` says yes. What is to be done
    /// with it says when it is looked for.
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
    /// test.expect::<Get>(|get| get.0.starts_with('/')).resolve(200);
    /// assert_eq!(test.join(task).unwrap(), Ok(200));
    /// test.finish();
    /// ```
    #[track_caller]
    pub fn expect<'a, Op: Operation>(
        &'a mut self,
        matches: impl FnMut(&Op) -> bool + 'a,
    ) -> Expectation<'a, E, Request<Op>> {
        let what = Expected::effect::<Op>(Kind::Request);
        Expectation::new(self, what, Location::caller(), matches)
    }

    /// Runs the core and expects a subscription next.
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
    /// test.expect_stream::<Keys>(|_| true).send_all(['a', 'b']);
    /// assert_eq!(test.join(task).unwrap(), "ab");
    /// test.finish();
    /// ```
    #[track_caller]
    pub fn expect_stream<'a, Op: Operation>(
        &'a mut self,
        matches: impl FnMut(&Op) -> bool + 'a,
    ) -> Expectation<'a, E, Subscription<Op>> {
        let what = Expected::effect::<Op>(Kind::Stream);
        Expectation::new(self, what, Location::caller(), matches)
    }

    /// Runs the core and expects a notification next.
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
    /// drop(test.spawn(async move { shell.notify("done".to_owned()) }));
    /// let text = test.expect_notify::<String>(|text| text == "done").take();
    /// assert_eq!(text.len(), 4);
    /// test.finish();
    /// ```
    #[track_caller]
    pub fn expect_notify<'a, T: Send + 'static>(
        &'a mut self,
        matches: impl FnMut(&T) -> bool + 'a,
    ) -> Expectation<'a, E, Notification<T>> {
        let what = Expected::effect::<T>(Kind::Notify);
        Expectation::new(self, what, Location::caller(), matches)
    }

    /// Runs the core and expects the notice that a request or a subscription is cancelled, which the test has had
    /// before.
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
    /// use futures::future::{Either, select};
    ///
    /// test.clock::<Sleep>(|sleep| sleep.0);
    /// let task = test.spawn(async move {
    ///     let timeout = shell.request(Sleep(Duration::from_secs(1)));
    ///     matches!(select(shell.request(Get("/")), timeout).await, Either::Right(_))
    /// });
    /// let _hangs = test.expect::<Get>(|_| true).take();
    /// test.advance(Duration::from_secs(1));
    /// test.expect_cancelled::<Get>(|get| get.0 == "/").take();
    /// assert!(test.join(task).unwrap(), "it timed out");
    /// test.finish();
    /// ```
    #[track_caller]
    pub fn expect_cancelled<'a, Op: Operation>(
        &'a mut self,
        matches: impl FnMut(&Op) -> bool + 'a,
    ) -> Expectation<'a, E, Cancelled<Op>> {
        Expectation::new(
            self,
            Expected::cancelled::<Op>(),
            Location::caller(),
            matches,
        )
    }

    /// Runs the core and expects that it asks and cancels nothing more.
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
    /// test.expect_nothing(); // the core waits for the answer before it asks more
    /// resolver.resolve(200).unwrap();
    /// assert_eq!(test.join(task).unwrap(), Ok(200));
    /// test.finish();
    /// ```
    ///
    /// # Panics
    ///
    /// Where there is something that nobody has expected.
    #[track_caller]
    pub fn expect_nothing(&mut self) {
        self.run();
        if !self.ledger.unexpected(self.when()).is_empty() {
            self.fail("the core was expected to ask nothing more");
        }
    }

    // --- the end ---

    /// Tears the executor down, wherever the core stands: what was alive and unanswered is no failure then. Its last
    /// notifications are to be expected as others are; the cancellations that it brings may be. Gives what the teardown
    /// says, but for [`emitted`](Teardown::emitted), which the shell has taken. A second one does nothing.
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
    /// assert_eq!(test.teardown().tasks, 1);
    /// assert!(test.join(task).unwrap_err().is_torn_down());
    /// test.finish();
    /// ```
    #[track_caller]
    pub fn teardown(&mut self) -> &Teardown<E> {
        if let Some(host) = self.host.take() {
            self.turn += 1;
            let mut report = host.teardown();
            for emitted in std::mem::take(&mut report.emitted) {
                self.take_in(emitted, true);
            }
            self.ledger.prune(|_| false);
            self.report = Some(report);
        }
        self.report.as_ref().expect("it is torn down")
    }

    /// Runs the core a last time, says that this is its end, and tears it down.
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
    /// use std::panic::{AssertUnwindSafe, catch_unwind};
    ///
    /// shell.notify("nobody expects this".to_owned()).unwrap();
    /// let said = catch_unwind(AssertUnwindSafe(|| test.finish())).unwrap_err();
    /// assert!(said.downcast_ref::<String>().unwrap().contains("nobody expects this"));
    /// ```
    ///
    /// # Panics
    ///
    /// Where something was asked that nobody expected, something is not answered, a task is not finished, a task has
    /// panicked and nobody has joined it, or the executor is not back at its baseline.
    #[track_caller]
    pub fn finish(mut self) {
        self.end();
    }

    #[track_caller]
    fn end(&mut self) {
        // Whatever comes of it: what fails here does not fail once more when it is dropped.
        self.is_over = true;
        self.begin();
        self.run_on();
        let troubles = self.troubles(true);
        if !troubles.is_empty() {
            self.fail("the test ends with something left");
        }
        self.teardown();
        let troubles = self.troubles(true);
        if !troubles.is_empty() {
            self.fail("the teardown leaves something");
        }
        if let Some(report) = self.report.as_ref().filter(|report| !report.is_baseline()) {
            self.fail(&report.to_string());
        }
    }
}

impl<E: Scripted> Drop for TestShell<E> {
    /// As [`finish`](TestShell::finish), unless the test has failed already.
    fn drop(&mut self) {
        if !self.is_over && !std::thread::panicking() {
            self.end();
        }
    }
}

impl<E: Scripted> fmt::Debug for TestShell<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestShell")
            .field("turn", &self.turn)
            .field("now", &self.clock.now)
            .field("unexpected", &self.ledger.queue.len())
            .finish_non_exhaustive()
    }
}
