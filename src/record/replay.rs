//! The same calls once more, and the first thing that is not the same.

use std::error::Error;
use std::fmt;

use serde_json::{Map, Value};

use super::bridged::Bridged;
use super::line::{Call, Line};
use super::outcome::{self, Tasks, essence};
use super::redact::step;
use crate::id::RequestId;

/// Does what the host did.
type Host<'a> = &'a mut dyn FnMut(&str, &Value);

pub(super) struct Replay<'a, B> {
    bridge: &'a mut B,
    tasks: Tasks,
    host: Option<Host<'a>>,
}

impl<'a, B: Bridged> Replay<'a, B> {
    pub(super) fn new(bridge: &'a mut B, host: Option<Host<'a>>) -> Self {
        Self {
            bridge,
            tasks: Tasks::default(),
            host,
        }
    }

    pub(super) fn run(mut self, lines: &[(usize, Line)]) -> Result<(), Difference> {
        for (number, line) in lines {
            let found = self.call(&line.call).map(essence);
            let expected = essence(line.outcome.clone());
            let at = match found {
                None => At::whole(Some(&expected), None),
                Some(found) => match differ(&expected, &found, "/outcome", &line.redacted) {
                    None => continue,
                    Some(at) => at,
                },
            };
            return Err(Difference {
                line: *number,
                call: line.call.name(),
                has_host: self.host.is_some(),
                is_redacted: line.redacted.iter().any(|at| at.starts_with("/call/")),
                at,
            });
        }
        Ok(())
    }

    /// Gives what comes of it, or `None` for what nobody can do.
    fn call(&mut self, call: &Call) -> Option<Value> {
        let id = RequestId::from_u64;
        let bridge = &mut *self.bridge;
        Some(match call {
            Call::Run { budget } => {
                let settled = bridge.run(usize::try_from(*budget).unwrap_or(usize::MAX));
                outcome::run(&settled, &mut self.tasks, bridge)
            }
            Call::Drain => outcome::batch(&bridge.drain()),
            Call::Resolve(answer) => {
                outcome::plain(&bridge.resolve(id(answer.id), &answer.bytes()))
            }
            Call::Send(item) => outcome::plain(&bridge.send(id(item.id), &item.bytes())),
            Call::Fail { id: of, message } => {
                outcome::plain(&bridge.fail(id(*of), message.clone()))
            }
            Call::End { id: of } => outcome::plain(&bridge.end(id(*of))),
            Call::Snapshot => outcome::plain(&bridge.snapshot()),
            Call::Host { what, with } => {
                (self.host.as_mut()?)(what, with);
                Value::Object(Map::new())
            }
            Call::Teardown => outcome::batch(&bridge.teardown()),
        })
    }
}

/// Where two values are not the same, and what they are there.
#[derive(Clone, Debug, PartialEq)]
struct At {
    pointer: String,
    expected: Option<Value>,
    found: Option<Value>,
}

impl At {
    fn whole(expected: Option<&Value>, found: Option<&Value>) -> Self {
        Self::new("/outcome", expected, found)
    }

    fn new(pointer: &str, expected: Option<&Value>, found: Option<&Value>) -> Self {
        Self {
            pointer: pointer.to_owned(),
            expected: expected.cloned(),
            found: found.cloned(),
        }
    }
}

/// The first place where they differ, but for those that were redacted.
fn differ(expected: &Value, found: &Value, at: &str, redacted: &[String]) -> Option<At> {
    if redacted.iter().any(|place| place == at) {
        return None;
    }
    let inner = |expected: Option<&Value>, found: Option<&Value>, key: &str| {
        let at = step(at, key);
        match (expected, found) {
            (Some(expected), Some(found)) => differ(expected, found, &at, redacted),
            _ if redacted.contains(&at) => None,
            _ => Some(At::new(&at, expected, found)),
        }
    };
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            let added = found.keys().filter(|key| !expected.contains_key(*key));
            let mut keys = expected.keys().chain(added);
            keys.find_map(|key| inner(expected.get(key), found.get(key), key))
        }
        (Value::Array(expected), Value::Array(found)) => (0..expected.len().max(found.len()))
            .find_map(|index| inner(expected.get(index), found.get(index), &index.to_string())),
        _ if expected == found => None,
        _ => Some(At::new(at, Some(expected), Some(found))),
    }
}

/// The first thing that a replay did otherwise than its record has it.
///
/// ```
/// use stillpoint::bridge::Bridge;
/// use stillpoint::record::Recording;
/// use stillpoint::{Executor, effects};
///
/// effects! {
///     enum Effect {
///         Say => notify String,
///     }
/// }
///
/// let file = concat!(
///     r#"{"stillpoint":"record","version":1}"#, "\n",
///     r#"{"call":"drain","outcome":{"items":[{"type":"notify","effect":"Say","operation":"hello"}]}}"#,
/// );
/// let mut bridge = Bridge::new(Executor::<Effect>::new());
/// let difference = Recording::parse(file)?.replay(&mut bridge).unwrap_err();
/// assert_eq!(difference.line(), 2);
/// assert_eq!(difference.at(), "/outcome/items/0");
/// assert_eq!(difference.expected().unwrap()["operation"], "hello");
/// assert_eq!(difference.found(), None);
/// # Ok::<(), stillpoint::record::RecordError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    line: usize,
    call: &'static str,
    has_host: bool,
    is_redacted: bool,
    at: At,
}

impl Difference {
    /// The line of the record, counted from 1.
    ///
    /// ```
    /// # use stillpoint::bridge::Bridge;
    /// # use stillpoint::record::Recording;
    /// # use stillpoint::{Executor, effects};
    /// # effects! { enum Effect { Say => notify String } }
    /// # let executor = Executor::<Effect>::new();
    /// # executor.shell().notify("goodbye".to_owned()).unwrap();
    /// # let mut bridge = Bridge::new(executor);
    /// let file = concat!(
    ///     r#"{"stillpoint":"record","version":1}"#, "\n",
    ///     r#"{"call":"drain","outcome":{"items":[{"type":"notify","effect":"Say","operation":"hello"}]}}"#,
    /// );
    /// let difference = Recording::parse(file)?.replay(&mut bridge).unwrap_err();
    /// let text = file.lines().nth(difference.line() - 1).unwrap();
    /// assert!(text.contains("hello"));
    /// # Ok::<(), stillpoint::record::RecordError>(())
    /// ```
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// Where in that line, as a JSON pointer.
    ///
    /// ```
    /// # use stillpoint::bridge::Bridge;
    /// # use stillpoint::record::Recording;
    /// # use stillpoint::{Executor, effects};
    /// # effects! { enum Effect { Say => notify String } }
    /// # let executor = Executor::<Effect>::new();
    /// # executor.shell().notify("goodbye".to_owned()).unwrap();
    /// # let mut bridge = Bridge::new(executor);
    /// let file = concat!(
    ///     r#"{"stillpoint":"record","version":1}"#, "\n",
    ///     r#"{"call":"drain","outcome":{"items":[{"type":"notify","effect":"Say","operation":"hello"}]}}"#,
    /// );
    /// let difference = Recording::parse(file)?.replay(&mut bridge).unwrap_err();
    /// assert_eq!(difference.at(), "/outcome/items/0/operation");
    /// # Ok::<(), stillpoint::record::RecordError>(())
    /// ```
    #[must_use]
    pub fn at(&self) -> &str {
        &self.at.pointer
    }

    /// What the record has there, where it has anything.
    ///
    /// ```
    /// # use stillpoint::bridge::Bridge;
    /// # use stillpoint::record::Recording;
    /// # use stillpoint::{Executor, effects};
    /// # effects! { enum Effect { Say => notify String } }
    /// # let executor = Executor::<Effect>::new();
    /// # executor.shell().notify("goodbye".to_owned()).unwrap();
    /// # let mut bridge = Bridge::new(executor);
    /// let file = concat!(
    ///     r#"{"stillpoint":"record","version":1}"#, "\n",
    ///     r#"{"call":"drain","outcome":{"items":[{"type":"notify","effect":"Say","operation":"hello"}]}}"#,
    /// );
    /// let difference = Recording::parse(file)?.replay(&mut bridge).unwrap_err();
    /// assert_eq!(difference.expected().unwrap(), "hello");
    /// # Ok::<(), stillpoint::record::RecordError>(())
    /// ```
    #[must_use]
    pub fn expected(&self) -> Option<&Value> {
        self.at.expected.as_ref()
    }

    /// What the replay has, where it has anything.
    ///
    /// ```
    /// # use stillpoint::bridge::Bridge;
    /// # use stillpoint::record::Recording;
    /// # use stillpoint::{Executor, effects};
    /// # effects! { enum Effect { Say => notify String } }
    /// # let executor = Executor::<Effect>::new();
    /// # executor.shell().notify("goodbye".to_owned()).unwrap();
    /// # let mut bridge = Bridge::new(executor);
    /// let file = concat!(
    ///     r#"{"stillpoint":"record","version":1}"#, "\n",
    ///     r#"{"call":"drain","outcome":{"items":[{"type":"notify","effect":"Say","operation":"hello"}]}}"#,
    /// );
    /// let difference = Recording::parse(file)?.replay(&mut bridge).unwrap_err();
    /// assert_eq!(difference.found().unwrap(), "goodbye");
    /// # Ok::<(), stillpoint::record::RecordError>(())
    /// ```
    #[must_use]
    pub fn found(&self) -> Option<&Value> {
        self.at.found.as_ref()
    }
}

/// How much of a value is shown, in characters.
const SHOWN: usize = 200;

fn show(value: Option<&Value>) -> String {
    let Some(value) = value else {
        return "nothing".to_owned();
    };
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// Values are shown by their first 200 characters.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, call, .. } = self;
        if *call == "host" && !self.has_host {
            return write!(f, "line {line}, host: nobody does it: use `replay_with`");
        }
        let (expected, found) = (show(self.expected()), show(self.found()));
        write!(
            f,
            "line {line}, {call}: at {} the record has {expected}, and the replay {found}",
            self.at()
        )?;
        match self.is_redacted {
            true => f.write_str("; what the shell said there was redacted"),
            false => Ok(()),
        }
    }
}

impl Error for Difference {}
