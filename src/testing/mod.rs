//! A kit for the tests of a core: a scripted shell, probes for what is to be released, and seeded schedules.
//!
//! - [`TestShell`] is a shell that is a script, and exhaustive: a test fails where something was asked that nobody
//!   expected, is not answered, or is not finished. It has a virtual clock.
//! - [`RefProbe`] hands out tokens, and says which are not back, and where they came from.
//! - [`Simulation`] runs a test under many schedules, drawn from seeds, and shrinks one that fails.
//!
//! Each is of use without the others; none needs more of an effect than that [`effects!`](crate::effects) has written
//! it.
//!
//! ```
//! use stillpoint::testing::{RefProbe, Simulation};
//! use stillpoint::{Operation, Request};
//!
//! struct Ask(u32);
//! impl Operation for Ask {
//!     type Output = u32;
//! }
//!
//! // Two tasks, whichever runs first and whichever is answered first.
//! Simulation::new().seeds(100).run(|schedule| {
//!     let probe = RefProbe::new();
//!     let mut test = schedule.shell::<Request<Ask>>();
//!     test.on::<Ask>(|ask| ask.0 * 2);
//!     let tasks = [1, 2].map(|number| {
//!         let (shell, held) = (test.shell(), probe.token("held by a task"));
//!         test.spawn(async move {
//!             let _held = held;
//!             shell.request(Ask(number)).await
//!         })
//!     });
//!     let doubled = tasks.map(|task| test.join(task).unwrap());
//!     assert_eq!(doubled, [Ok(2), Ok(4)]);
//!     probe.assert_back_in(&test.snapshot());
//!     test.finish();
//! });
//! ```
//!
//! The guide, with more examples, is `docs/TESTING.md` in the repository. The kit keeps to what the crate promises of
//! itself, with one exception: [`Simulation`] sets a panic hook, once, and leaves it.

mod clock;
mod drive;
mod expect;
mod host;
mod ledger;
mod probe;
mod random;
mod schedule;
mod script;
mod scripted;
mod shell;
mod shrink;
mod simulation;
mod text;
mod verdict;

pub use expect::{Cancelled, Expectation, Several};
pub use host::Host;
pub use probe::{Missing, RefProbe, Token};
pub use schedule::{Choices, ParseChoicesError, Schedule};
pub use script::{Event, Reply, What};
#[doc(hidden)]
pub use scripted::{__NotShown, __Shown};
pub use scripted::{Opened, Scripted};
pub use shell::TestShell;
pub use simulation::{Explored, Failure, Simulation};
