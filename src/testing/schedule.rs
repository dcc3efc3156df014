//! One schedule: a list of choices, drawn or given.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::random::Random;
use super::scripted::Scripted;
use super::shell::TestShell;
use super::text::Task;
use crate::executor::{Executor, LocalExecutor};
use crate::id::TaskId;
use crate::meta::Label;
use crate::order::Order;

/// The choices of one run of a [`Simulation`](super::Simulation): which ready task is polled next, which request is
/// answered next, and whatever the test itself [chooses](Self::choose).
///
/// It is a handle: [`Clone`] gives another one of the same schedule, and dropping it does nothing.
///
/// ```
/// use stillpoint::testing::{Schedule, Simulation};
/// use stillpoint::Executor;
///
/// /// A test's own beginning, which takes the schedule on.
/// fn start(schedule: &Schedule, tasks: usize) -> Executor<()> {
///     let mut executor = schedule.executor();
///     (0..tasks).for_each(|_| drop(executor.spawn(async {})));
///     executor
/// }
/// Simulation::new().seeds(10).run(|schedule| {
///     let mut executor = start(schedule, 1 + schedule.choose(3));
///     assert_eq!(executor.run_until_stalled().pending, 0);
/// });
/// ```
#[derive(Clone)]
pub struct Schedule(Arc<Mutex<Drawing>>);

struct Drawing {
    source: Source,
    most: usize,
    made: Vec<Choice>,
    /// What was chosen that would not have been without a schedule, where somebody wants to know.
    notes: Option<Vec<String>>,
}

enum Source {
    Seed(Random),
    Given(Choices),
}

/// One choice that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Choice {
    pub(super) of: u32,
    pub(super) pick: u32,
}

impl Schedule {
    /// At most so many choices may be made by it.
    pub(super) fn seeded(seed: u64, most: usize) -> Self {
        Self::new(Source::Seed(Random::new(seed)), most)
    }

    pub(super) fn given(choices: Choices, most: usize) -> Self {
        Self::new(Source::Given(choices), most)
    }

    /// Keeps what is chosen in words.
    pub(super) fn noted(self) -> Self {
        self.drawing().notes = Some(Vec::new());
        self
    }

    fn new(source: Source, most: usize) -> Self {
        Self(Arc::new(Mutex::new(Drawing {
            source,
            most,
            made: Vec::new(),
            notes: None,
        })))
    }

    fn drawing(&self) -> MutexGuard<'_, Drawing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes an executor whose ready tasks are polled in the order that this schedule picks: rule 8, that the first is
    /// next, does not hold of it.
    ///
    /// ```
    /// use std::collections::BTreeSet;
    /// use std::sync::{Arc, Mutex};
    /// use stillpoint::testing::Simulation;
    ///
    /// let orders = Mutex::new(BTreeSet::new());
    /// Simulation::new().seeds(100).run(|schedule| {
    ///     let (mut executor, order) = (schedule.executor::<()>(), Arc::new(Mutex::new(String::new())));
    ///     for name in ['a', 'b', 'c'] {
    ///         let order = Arc::clone(&order);
    ///         drop(executor.spawn(async move { order.lock().unwrap().push(name) }));
    ///     }
    ///     executor.run_until_stalled();
    ///     orders.lock().unwrap().insert(order.lock().unwrap().clone());
    /// });
    /// assert_eq!(orders.lock().unwrap().len(), 6, "every order of three tasks");
    /// ```
    #[must_use]
    pub fn executor<E: Send + 'static>(&self) -> Executor<E> {
        let mut executor = Executor::new();
        executor.engine.turn.set_order(Box::new(self.clone()));
        executor
    }

    /// The same for futures that are bound to this thread.
    ///
    /// ```
    /// use std::cell::Cell;
    /// use std::rc::Rc;
    /// use stillpoint::testing::Simulation;
    ///
    /// Simulation::new().seeds(10).run(|schedule| {
    ///     let (mut executor, sum) = (schedule.local_executor::<()>(), Rc::new(Cell::new(0)));
    ///     for number in 1..=3 {
    ///         let sum = Rc::clone(&sum);
    ///         drop(executor.spawn_local(async move { sum.set(sum.get() + number) }));
    ///     }
    ///     executor.run_until_stalled();
    ///     assert_eq!(sum.get(), 6, "whichever was first");
    /// });
    /// ```
    #[must_use]
    pub fn local_executor<E: Send + 'static>(&self) -> LocalExecutor<E> {
        let mut executor = LocalExecutor::new();
        executor.engine.turn.set_order(Box::new(self.clone()));
        executor
    }

    /// Makes a scripted shell, with an executor of its own, that follows this schedule; see [`TestShell::follow`].
    ///
    /// ```
    /// # use stillpoint::testing::Simulation;
    /// # use stillpoint::{Operation, Request};
    /// # struct Get(u32);
    /// # impl Operation for Get {
    /// #     type Output = u32;
    /// # }
    /// Simulation::new().seeds(10).run(|schedule| {
    ///     let mut test = schedule.shell::<Request<Get>>();
    ///     test.on::<Get>(|get| get.0 * 2); // answers in whichever order the schedule picks
    ///     let shell = test.shell();
    ///     let pages = (1..=3).map(move |page| shell.request(Get(page)));
    ///     let task = test.spawn(futures::future::join_all(pages));
    ///     assert_eq!(test.join(task).unwrap(), [Ok(2), Ok(4), Ok(6)]);
    ///     test.finish();
    /// });
    /// ```
    #[must_use = "a shell that is dropped at once tests nothing"]
    #[track_caller]
    pub fn shell<E: Scripted>(&self) -> TestShell<E> {
        TestShell::new(Executor::new()).follow(self)
    }

    /// Picks one of so many, from 0: for what the test itself varies. 0 is what a shrunk schedule has wherever it can.
    ///
    /// ```
    /// use stillpoint::testing::Simulation;
    ///
    /// let failure = Simulation::new()
    ///     .explore(|schedule| {
    ///         let size = schedule.choose(100); // the test's own input
    ///         assert!(size < 90, "{size} is too much");
    ///     })
    ///     .unwrap_err();
    /// assert_eq!(failure.message, "90 is too much", "it was shrunk to the least that fails");
    /// ```
    ///
    /// # Panics
    ///
    /// Where there is nothing to choose from, or 2^32 and more.
    #[must_use]
    #[track_caller]
    pub fn choose(&self, of: usize) -> usize {
        assert!(of > 0, "there is nothing to choose from");
        let place = std::panic::Location::caller();
        self.pick(of, |index| format!("at {place}: {index} of {of}"))
    }

    /// Picks one of at least one, which `told` puts in words.
    pub(super) fn pick(&self, of: usize, told: impl Fn(usize) -> String) -> usize {
        // What comes after a failure is no part of it: what is dropped while it unwinds is dropped in order.
        if of < 2 || std::thread::panicking() {
            return 0;
        }
        let of = u32::try_from(of).expect("a choice of less than 2^32");
        let (pick, number, is_noted) = {
            let mut drawing = self.drawing();
            let number = drawing.made.len();
            let most = drawing.most;
            assert!(
                number < most,
                "the body has made {most} choices, and does not end"
            );
            let pick = match &mut drawing.source {
                Source::Seed(random) => random.below(of),
                // A list that was made for another run still means something: that is what makes it shrink.
                Source::Given(choices) => choices.at(number).min(of - 1),
            };
            drawing.made.push(Choice { of, pick });
            (pick, number, drawing.notes.is_some() && pick > 0)
        };
        if is_noted {
            // It calls the users' code, under no lock.
            let note = format!("choice {number}, of {of}: {}", told(pick as usize));
            self.drawing()
                .notes
                .iter_mut()
                .for_each(|notes| notes.push(note.clone()));
        }
        pick as usize
    }

    pub(super) fn made(&self) -> Vec<Choice> {
        self.drawing().made.clone()
    }

    pub(super) fn notes(&self) -> Vec<String> {
        self.drawing().notes.clone().unwrap_or_default()
    }
}

impl Order for Schedule {
    fn pick(&self, of: usize, task: &dyn Fn(usize) -> (TaskId, Option<Label>)) -> usize {
        let name = |index| match task(index) {
            (id, Some(label)) => Task(id, label.name, label.place).to_string(),
            (id, None) => format!("task {id}"),
        };
        Schedule::pick(self, of, |index| {
            format!("polled first: {}, before {}", name(index), name(0))
        })
    }
}

/// How many choices were made.
impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schedule({} choices)", self.drawing().made.len())
    }
}

/// A schedule as a list: which of its choices are not the first, and what they are instead.
///
/// As text, `3=1 17=2`: the choice with the number 3 is 1, that with 17 is 2, all others are 0. It is what a
/// [`Failure`](super::Failure) prints, and [`Simulation::choices`](super::Simulation::choices) takes. Plain data:
/// dropping it does nothing.
///
/// ```
/// use stillpoint::testing::Choices;
///
/// let choices: Choices = "3=1 17=2".parse().unwrap();
/// assert_eq!(choices.to_string(), "3=1 17=2");
/// assert_eq!(choices.len(), 2);
/// assert!("3=x".parse::<Choices>().is_err());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choices(std::collections::BTreeMap<usize, u32>);

impl Choices {
    pub(super) fn of(made: &[Choice]) -> Self {
        let picks = made.iter().map(|choice| choice.pick).enumerate();
        Self(picks.filter(|(_, pick)| *pick > 0).collect())
    }

    fn at(&self, number: usize) -> u32 {
        self.0.get(&number).copied().unwrap_or(0)
    }

    pub(super) fn numbers(&self) -> Vec<usize> {
        self.0.keys().copied().collect()
    }

    /// The same with other picks; 0 is none.
    pub(super) fn with(&self, picks: impl IntoIterator<Item = (usize, u32)>) -> Self {
        let mut choices = self.clone();
        for (number, pick) in picks {
            match pick {
                0 => choices.0.remove(&number),
                pick => choices.0.insert(number, pick),
            };
        }
        choices
    }

    pub(super) fn pick(&self, number: usize) -> u32 {
        self.at(number)
    }

    /// What is smaller is simpler: fewer choices first, then earlier ones, then lower ones.
    pub(super) fn size(&self) -> (usize, usize, u64) {
        let picks = self.0.values().map(|pick| u64::from(*pick));
        (self.0.len(), self.0.keys().sum(), picks.sum())
    }

    /// How many choices are not the first.
    ///
    /// ```
    /// use stillpoint::testing::Choices;
    ///
    /// assert_eq!("0=2 17=1".parse::<Choices>().unwrap().len(), 2);
    /// assert_eq!("0=2 17=0".parse::<Choices>().unwrap().len(), 1, "0 is the first");
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether every choice is the first.
    ///
    /// ```
    /// use stillpoint::testing::Choices;
    ///
    /// assert!(Choices::default().is_empty(), "everything in the order in which it was asked");
    /// assert!(!"3=1".parse::<Choices>().unwrap().is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Choices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (number, pick)) in self.0.iter().enumerate() {
            let before = if index == 0 { "" } else { " " };
            write!(f, "{before}{number}={pick}")?;
        }
        Ok(())
    }
}

impl FromStr for Choices {
    type Err = ParseChoicesError;

    fn from_str(text: &str) -> Result<Self, ParseChoicesError> {
        let parse = |word: &str| -> Option<Result<(usize, u32), ParseIntError>> {
            let (number, pick) = word.split_once('=')?;
            Some(
                number
                    .parse()
                    .and_then(|number| Ok((number, pick.parse()?))),
            )
        };
        let mut choices = Self::default();
        for word in text.split_whitespace() {
            match parse(word) {
                Some(Ok((number, pick))) => choices = choices.with([(number, pick)]),
                _ => return Err(ParseChoicesError(word.to_owned())),
            }
        }
        Ok(choices)
    }
}

/// A text that is no list of [`Choices`]: the word that is none, which [`to_string`](ToString::to_string) shows.
///
/// ```
/// use stillpoint::testing::{Choices, ParseChoicesError};
///
/// let error: ParseChoicesError = "3=1 seventeen=2".parse::<Choices>().unwrap_err();
/// assert_eq!(error.to_string(), "`seventeen=2` is no choice: each is two numbers, as in `3=1 17=2`");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseChoicesError(String);

impl fmt::Display for ParseChoicesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no choice: each is two numbers, as in `3=1 17=2`",
            self.0
        )
    }
}

impl std::error::Error for ParseChoicesError {}
