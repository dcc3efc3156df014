//! One test body under many schedules.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::env::VarError;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::ControlFlow;
use std::panic::{self, Location};
use std::str::FromStr;
use std::sync::Once;

use super::schedule::{Choices, Schedule};
use super::shrink::shrink;
use super::text::list;
use crate::contain::{Payload, contain, message};

/// How many seeds are tried, unless it is said.
const SEEDS: u64 = 1_000;

/// How many runs a failure may be shrunk with.
const SHRINKS: usize = 2_000;

/// How many times the choices of one run those runs may have together.
const SHRINK_SHARE: usize = 8;

/// How many choices one run may have, unless it is said.
const MOST: usize = 100_000;

/// Replays one seed.
const SEED: &str = "STILLPOINT_SEED";
/// Replays one list of choices.
const CHOICES: &str = "STILLPOINT_CHOICES";
/// Tries so many seeds.
const COUNT: &str = "STILLPOINT_SEEDS";

/// Runs a test's body under many schedules, each drawn from a seed, to find what depends on an order that nobody
/// promised.
///
/// A schedule picks which of several ready tasks is polled next, which suspends rule 8; which request that has a
/// [standing handler](super::TestShell::on) is answered next, whether another is answered before the core goes on, and
/// whether time passes before; and whatever the body [chooses](Schedule::choose). The body makes everything that it
/// uses anew, by the [`Schedule`] that it is given, and panics where something is wrong.
///
/// The first seed that fails is shrunk to as few choices other than the first as still fail, and as early ones. The
/// failure says which those are, and how to replay it: with `STILLPOINT_SEED` or `STILLPOINT_CHOICES` in the
/// environment, or by [`seed`](Self::seed) or [`choices`](Self::choices). `STILLPOINT_SEEDS` tries more. Dropping it
/// runs nothing.
///
/// While it explores, a panic hook that it has set once in the process keeps the panics on its thread quiet; the last
/// run, of what is left after shrinking, is heard. It needs panics that unwind.
///
/// ```
/// use stillpoint::testing::Simulation;
///
/// # use std::sync::{Arc, Mutex};
/// // The core under test: of two workers the first one writes the title, it is hoped.
/// let failure = Simulation::new()
///     .explore(|schedule| {
///         let mut executor = schedule.executor::<()>();
///         let written = Arc::new(Mutex::new(Vec::new()));
///         for line in ["title", "text"] {
///             let written = Arc::clone(&written);
///             drop(executor.spawn(async move { written.lock().unwrap().push(line) }));
///         }
///         executor.run_until_stalled();
///         assert_eq!(written.lock().unwrap()[0], "title");
///     })
///     .unwrap_err();
///
/// assert_eq!(failure.shrunk.to_string(), "0=1", "the first choice, of two tasks, is the second");
/// ```
#[derive(Clone, Debug)]
#[must_use = "`run` runs it"]
pub struct Simulation {
    first: u64,
    /// How many seeds, from the first on. After the last one there is begins again with 0.
    seeds: u64,
    most: usize,
    given: Option<Choices>,
    is_replay: bool,
}

impl Default for Simulation {
    fn default() -> Self {
        Self::new()
    }
}

impl Simulation {
    /// Sets up a simulation of the seeds from 0 to 999: the same in each run, so that a test does not come and go.
    ///
    /// ```
    /// use stillpoint::testing::Simulation;
    ///
    /// let explored = Simulation::new().explore(|_| {}).unwrap();
    /// assert_eq!(explored.runs, 1_000);
    /// ```
    pub fn new() -> Self {
        Self {
            first: 0,
            seeds: SEEDS,
            most: MOST,
            given: None,
            is_replay: false,
        }
    }

    /// Tries so many seeds.
    ///
    /// ```
    /// use stillpoint::testing::Simulation;
    ///
    /// let explored = Simulation::new().seeds(20).explore(|schedule| drop(schedule.choose(2))).unwrap();
    /// assert_eq!((explored.runs, explored.choices), (20, 1));
    /// ```
    pub fn seeds(mut self, seeds: u64) -> Self {
        self.seeds = seeds;
        self
    }

    /// How many choices one run may have until its body is said to have no end: 100,000 if nothing is said.
    ///
    /// ```
    /// use stillpoint::testing::Simulation;
    ///
    /// let failure = Simulation::new()
    ///     .limit_choices(100)
    ///     .explore(|schedule| while schedule.choose(2) < 2 {}) // for ever
    ///     .unwrap_err();
    /// assert!(failure.message.contains("100 choices, and does not end"));
    /// ```
    pub fn limit_choices(mut self, choices: usize) -> Self {
        self.most = choices;
        self
    }

    /// Replays this seed alone.
    ///
    /// ```
    /// use std::cell::RefCell;
    /// use stillpoint::testing::Simulation;
    ///
    /// let seen = RefCell::new(Vec::new());
    /// for _ in 0..2 {
    ///     Simulation::new().seed(7).run(|schedule| seen.borrow_mut().push([(); 5].map(|()| schedule.choose(10))));
    /// }
    /// let seen = seen.into_inner();
    /// assert_eq!(seen[0], seen[1], "a seed says everything");
    /// ```
    pub fn seed(mut self, seed: u64) -> Self {
        (self.first, self.seeds) = (seed, 1);
        self.given = None;
        self.is_replay = true;
        self
    }

    /// Replays these choices alone.
    ///
    /// ```
    /// use stillpoint::testing::Simulation;
    ///
    /// let choices = "1=2".parse().unwrap(); // as a failure has printed them
    /// let explored = Simulation::new().choices(choices).run(|schedule| {
    ///     assert_eq!([(); 3].map(|()| schedule.choose(5)), [0, 2, 0]);
    /// });
    /// assert_eq!(explored.runs, 1);
    /// ```
    pub fn choices(mut self, choices: Choices) -> Self {
        self.given = Some(choices);
        self.is_replay = true;
        self
    }

    /// Runs the body under every schedule, or under the one that the environment names.
    ///
    /// ```
    /// use stillpoint::testing::Simulation;
    ///
    /// Simulation::new().run(|schedule| {
    ///     let mut executor = schedule.executor::<()>();
    ///     let tasks = [1, 2, 3].map(|number| executor.spawn(async move { number }));
    ///     executor.run_until_stalled();
    ///     let sum: u32 = tasks.into_iter().map(|task| futures::executor::block_on(task).unwrap()).sum();
    ///     assert_eq!(sum, 6); // where this fails, the panic says how to replay it
    /// });
    /// ```
    ///
    /// # Panics
    ///
    /// With the [`Failure`], where one fails; and where a variable of the environment does not say what it should.
    #[track_caller]
    pub fn run(self, body: impl Fn(&Schedule)) -> Explored {
        let place = Location::caller();
        match self.told_by_the_environment().explore(body) {
            Ok(explored) => explored,
            Err(failure) => panic!("in the simulation at {place}, {failure}"),
        }
    }

    /// The same with a value for a failure, and whatever the environment says.
    ///
    /// ```
    /// use stillpoint::testing::Simulation;
    ///
    /// let failure = Simulation::new()
    ///     .explore(|schedule| assert_ne!(schedule.choose(1_000), 0, "this one is rare"))
    ///     .unwrap_err();
    /// assert!(failure.is_reproduced && failure.seed.is_some());
    /// ```
    ///
    /// # Errors
    ///
    /// The first schedule that fails, and what is left of it.
    pub fn explore(self, body: impl Fn(&Schedule)) -> Result<Explored, Box<Failure>> {
        if let Some(choices) = self.given {
            let schedule = Schedule::given(choices, self.most).noted();
            return match contain(|| body(&schedule)) {
                Ok(()) => Ok(Explored::default().and(&schedule)),
                Err(payload) => {
                    // What was given may name choices that there are not, or picks that are too high.
                    let chosen = Choices::of(&schedule.made());
                    Err(Box::new(Failure::of(None, chosen, 0, &schedule, &payload)))
                }
            };
        }
        let mut explored = Explored::default();
        for seed in (0..self.seeds).map(|number| self.first.wrapping_add(number)) {
            let schedule = match self.is_replay {
                true => Schedule::seeded(seed, self.most).noted(),
                false => Schedule::seeded(seed, self.most),
            };
            let run = || contain(|| body(&schedule));
            let payload = match if self.is_replay { run() } else { quietly(run) } {
                Ok(()) => {
                    explored = explored.and(&schedule);
                    continue;
                }
                Err(payload) => payload,
            };
            let choices = Choices::of(&schedule.made());
            return Err(Box::new(match self.is_replay {
                true => Failure::of(Some(seed), choices, 0, &schedule, &payload),
                false => shrunk(seed, choices, self.most, &payload, &body),
            }));
        }
        Ok(explored)
    }

    fn told_by_the_environment(mut self) -> Self {
        if self.is_replay {
            return self;
        }
        if let Some(seeds) = variable(COUNT) {
            self = self.seeds(seeds);
        }
        if let Some(choices) = variable(CHOICES) {
            return self.choices(choices);
        }
        match variable(SEED) {
            Some(seed) => self.seed(seed),
            None => self,
        }
    }
}

/// What a variable of the environment says, if it is there.
fn variable<T: FromStr<Err: fmt::Display>>(name: &str) -> Option<T> {
    let text = match std::env::var(name) {
        Ok(text) => text,
        Err(VarError::NotPresent) => return None,
        Err(error) => panic!("{name}: {error}"),
    };
    match text.parse() {
        Ok(value) => Some(value),
        Err(error) => panic!("{name}={text:?}: {error}"),
    }
}

/// Finds the least that fails, and runs that once more, to be heard.
fn shrunk(
    seed: u64,
    choices: Choices,
    most: usize,
    first: &Payload,
    body: &impl Fn(&Schedule),
) -> Failure {
    let (mut runs, mut made) = (0, 0);
    let least = shrink(choices.clone(), |candidate| {
        if runs == SHRINKS || made / SHRINK_SHARE > most {
            return ControlFlow::Break(());
        }
        runs += 1;
        let schedule = Schedule::given(candidate.clone(), most);
        let failed = quietly(|| contain(|| body(&schedule))).is_err();
        let chosen = schedule.made();
        made += chosen.len();
        ControlFlow::Continue(failed.then(|| Choices::of(&chosen)))
    });
    let schedule = Schedule::given(least.clone(), most).noted();
    match contain(|| body(&schedule)) {
        Err(payload) => Failure {
            choices,
            shrunk: least,
            ..Failure::of(Some(seed), Choices::default(), runs, &schedule, &payload)
        },
        Ok(()) => Failure {
            is_reproduced: false,
            ..Failure::of(Some(seed), choices, runs, &schedule, first)
        },
    }
}

/// What schedules were tried that have all passed. Plain data: dropping it does nothing.
///
/// ```
/// use stillpoint::testing::Simulation;
///
/// let explored = Simulation::new().seeds(100).run(|schedule| drop((schedule.choose(2), schedule.choose(3))));
/// assert_eq!((explored.runs, explored.choices, explored.distinct()), (100, 2, 6));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explored {
    /// How many runs there were.
    pub runs: u64,
    /// The most choices that one of them had.
    pub choices: usize,
    seen: BTreeSet<u64>,
}

impl Explored {
    /// How many of the schedules differed. Where it is 1, the body does not use its schedule, or leaves it no choice.
    ///
    /// ```
    /// use stillpoint::testing::Simulation;
    ///
    /// let explored = Simulation::new().run(|schedule| {
    ///     let mut executor = schedule.executor::<()>();
    ///     drop(executor.spawn(async {}));
    ///     executor.run_until_stalled();
    /// });
    /// assert_eq!(explored.distinct(), 1, "one task alone has one order: this tests nothing");
    /// ```
    #[must_use]
    pub fn distinct(&self) -> usize {
        self.seen.len()
    }

    fn and(mut self, schedule: &Schedule) -> Self {
        let made = schedule.made();
        let mut hasher = DefaultHasher::new();
        made.hash(&mut hasher);
        self.runs += 1;
        self.choices = self.choices.max(made.len());
        self.seen.insert(hasher.finish());
        self
    }
}

/// A schedule under which a body panics. Plain data: dropping it does nothing.
///
/// ```
/// use stillpoint::testing::Simulation;
///
/// let failure = Simulation::new()
///     .explore(|schedule| assert!(schedule.choose(3) < 2, "the third is wrong"))
///     .unwrap_err();
/// assert_eq!((failure.message.as_str(), failure.shrunk.to_string()), ("the third is wrong", "0=2".to_owned()));
/// assert!(failure.to_string().contains("STILLPOINT_CHOICES=\"0=2\""));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// The seed that failed, unless the choices were given.
    pub seed: Option<u64>,
    /// What it has chosen.
    pub choices: Choices,
    /// The least of that which still fails.
    pub shrunk: Choices,
    /// How many runs the shrinking took.
    pub runs: usize,
    /// What the body panicked with, under the shrunk schedule.
    pub message: String,
    /// The shrunk schedule in words: each choice that is not the first.
    pub notes: Vec<String>,
    /// Whether it has failed again when its choices were replayed. A body that depends on something else than its
    /// schedule, such as the time, threads or the order of a hash map, may not.
    pub is_reproduced: bool,
}

impl Failure {
    fn of(
        seed: Option<u64>,
        choices: Choices,
        runs: usize,
        schedule: &Schedule,
        payload: &Payload,
    ) -> Self {
        Self {
            seed,
            shrunk: choices.clone(),
            choices,
            runs,
            message: message(payload).to_owned(),
            notes: schedule.notes(),
            is_reproduced: true,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.seed {
            Some(seed) => write!(f, "the seed {seed} fails: {}", self.message)?,
            None => write!(f, "these choices fail: {}", self.message)?,
        }
        if !self.is_reproduced {
            return write!(
                f,
                "\nits choices pass when they are replayed: the body depends on something else than its schedule, such \
                 as the time, a thread, or the order of a hash map"
            );
        }
        match self.runs {
            0 => write!(f, "\n{} choices are not the first", self.shrunk.len())?,
            runs => write!(
                f,
                "\nshrunk from {} choices that are not the first to {}, in {runs} runs",
                self.choices.len(),
                self.shrunk.len()
            )?,
        }
        f.write_str(match self.shrunk.is_empty() {
            true => ": it fails in the usual order",
            false => ":",
        })?;
        f.write_str(&list(&self.notes))?;
        f.write_str("\nto replay it:")?;
        if let Some(seed) = self.seed {
            write!(f, "\n  {SEED}={seed} cargo test, or `.seed({seed})`")?;
        }
        let shrunk = &self.shrunk;
        write!(
            f,
            "\n  {CHOICES}=\"{shrunk}\" cargo test, or `.choices(\"{shrunk}\".parse().unwrap())`"
        )
    }
}

impl std::error::Error for Failure {}

thread_local! {
    /// Whether panics on this thread are somebody's experiment.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Calls `act`, whose panics are not printed.
fn quietly<R>(act: impl FnOnce() -> R) -> R {
    static HOOK: Once = Once::new();
    if std::thread::panicking() {
        // No hook can be set from here, and to try is a second panic, which ends the process. So they are heard.
        return act();
    }
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panicked| {
            if !QUIET.get() {
                before(panicked);
            }
        }));
    });
    let before = QUIET.replace(true);
    let result = act();
    QUIET.set(before);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simulation_inside_another_one_leaves_it_quiet() {
        quietly(|| {
            quietly(|| assert!(QUIET.get()));
            assert!(QUIET.get());
        });
        assert!(!QUIET.get());
    }
}
