//! A record of a run, which replays into the same core: what a bug report can carry, and a regression test can keep.
//!
//! What a core does follows from what its shell does, in which order: turns and their budgets, answers, ends, failures.
//! A [`Recorder`] stands between a shell and a [`Bridge`](crate::bridge::Bridge), passes every call on, and writes a
//! line of JSON for each: what was called, and what came of it. A [`Recording`] is such a file, read again; it makes
//! the same calls of a fresh core, and says at which line that does something else, and what. docs/RECORD.md has the
//! form of the file, and what a core has to hold to so that its runs replay.
//!
//! ```
//! use stillpoint::bridge::Bridge;
//! use stillpoint::record::{Recorder, Recording, Value};
//! use stillpoint::{Executor, Operation, RequestId, effects};
//!
//! #[derive(serde::Serialize)]
//! struct ReadLine;
//! impl Operation for ReadLine {
//!     type Output = String;
//! }
//!
//! effects! {
//!     enum Effect {
//!         ReadLine => request ReadLine,
//!         Print => notify String,
//!     }
//! }
//!
//! /// A fresh core, which shouts.
//! fn start(mark: &'static str) -> Bridge<Effect> {
//!     let mut executor = Executor::new();
//!     let shell = executor.shell();
//!     drop(executor.spawn(async move {
//!         let line = shell.request(ReadLine).await.unwrap();
//!         shell.notify(line.to_uppercase() + mark).unwrap();
//!     }));
//!     Bridge::new(executor)
//! }
//!
//! let mut recorder = Recorder::new(start("!"), Value::from("!"), Vec::new());
//! recorder.run(1000)?;
//! recorder.drain()?;
//! recorder.resolve(RequestId::from_u64(16777216), br#""hello""#)?;
//! recorder.run(1000)?;
//! assert!(recorder.drain()?.ends_with(br#""operation":"HELLO!"}]}"#));
//! recorder.teardown()?;
//! let file = recorder.finish().1?;
//!
//! let recording = Recording::parse(&file)?;
//! assert_eq!(recording.start(), "!");
//! recording.replay(&mut start("!"))?;
//!
//! let difference = recording.replay(&mut start("?")).unwrap_err();
//! assert_eq!(
//!     difference.to_string(),
//!     r#"line 6, drain: at /outcome/items/0/operation the record has "HELLO!", and the replay "HELLO?""#
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bridged;
mod line;
mod outcome;
mod recorder;
mod recording;
mod redact;
mod replay;
mod whole;

pub use bridged::Bridged;
pub use recorder::Recorder;
pub use recording::{RecordError, Recording};
pub use redact::Part;
pub use replay::Difference;
/// A JSON value, as the crate `serde_json` has it.
pub use serde_json::Value;

/// The version of the form of a record, which its first line bears: see docs/RECORD.md.
///
/// ```
/// use stillpoint::record::{Recording, VERSION};
///
/// let empty = format!(r#"{{"stillpoint":"record","version":{VERSION}}}"#);
/// assert_eq!(Recording::parse(empty).unwrap().calls(), 0);
/// ```
pub const VERSION: u32 = 1;
