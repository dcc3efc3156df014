//! A test kit for cores: probes for what is to be released, a scripted shell.

mod clock;
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
