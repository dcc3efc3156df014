//! A record, read again.

use std::error::Error;
use std::fmt;

use serde_json::Value;

use super::line::{Call, Header, Line, MAGIC, MOST_UNREADABLE};
use super::replay::{Difference, Replay};
use super::{Bridged, VERSION};

/// A record that was read: the calls that a shell made of a core, and what came of them.
///
/// It is plain data, and as large as its file. Dropping it does nothing.
///
/// ```
/// use stillpoint::record::Recording;
///
/// let file = concat!(
///     r#"{"stillpoint":"record","version":1,"start":{"speed":3}}"#, "\n",
///     r#"{"call":"drain","outcome":{"items":[]}}"#, "\n",
/// );
/// let recording = Recording::parse(file)?;
/// assert_eq!(recording.start()["speed"], 3);
/// assert_eq!(recording.calls(), 1);
/// # Ok::<(), stillpoint::record::RecordError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Recording {
    start: Value,
    /// Each with its number in the file, counted from 1.
    lines: Vec<(usize, Line)>,
}

impl Recording {
    /// Reads a record. Blank lines are skipped.
    ///
    /// ```
    /// use stillpoint::record::{RecordError, Recording};
    ///
    /// let cut_short = concat!(r#"{"stillpoint":"record","version":1}"#, "\n", r#"{"call":"dra"#);
    /// let Err(RecordError::Line { line, .. }) = Recording::parse(cut_short) else { unreachable!() };
    /// assert_eq!(line, 2);
    /// let (whole, _) = cut_short.split_at(cut_short.find('\n').unwrap());
    /// assert!(Recording::parse(whole).is_ok(), "what was written before a crash");
    /// ```
    ///
    /// # Errors
    ///
    /// Says which line is none, and why. A line at the end that is cut short is one: take it away, and the rest is a
    /// record.
    pub fn parse(file: impl AsRef<[u8]>) -> Result<Self, RecordError> {
        let lines = file.as_ref().split(|byte| *byte == b'\n');
        let mut lines = (1..)
            .zip(lines)
            .filter(|(_, line)| !line.trim_ascii().is_empty());
        let (_, first) = lines.next().ok_or_else(|| RecordError::NotARecord {
            message: "it is empty".to_owned(),
        })?;
        let start = header(first)?;
        let lines = lines.map(|(number, bytes)| Ok((number, line(number, bytes)?)));
        Ok(Self {
            start,
            lines: lines.collect::<Result<_, _>>()?,
        })
    }

    /// What it takes to start the same core, as [`Recorder::new`](super::Recorder::new) was told.
    ///
    /// ```
    /// use stillpoint::record::Recording;
    ///
    /// let file = r#"{"stillpoint":"record","version":1,"start":{"name":"Ada"}}"#;
    /// let recording = Recording::parse(file)?;
    /// let name = recording.start()["name"].as_str(); // what a fresh core is to be started with
    /// assert_eq!(name, Some("Ada"));
    /// # Ok::<(), stillpoint::record::RecordError>(())
    /// ```
    #[must_use]
    pub fn start(&self) -> &Value {
        &self.start
    }

    /// How many calls it has.
    ///
    /// ```
    /// # use stillpoint::bridge::Bridge;
    /// # use stillpoint::record::{Recorder, Recording, Value};
    /// # use stillpoint::{Executor, Operation, RequestId, effects};
    /// # #[derive(serde::Serialize)]
    /// # struct Ask;
    /// # impl Operation for Ask {
    /// #     type Output = u32;
    /// # }
    /// # #[derive(serde::Serialize)]
    /// # struct Keys;
    /// # impl Operation for Keys {
    /// #     type Output = char;
    /// # }
    /// # effects! { enum Effect { Ask => request Ask, Keys => stream Keys, Say => notify String } }
    /// # let mut executor = Executor::<Effect>::new();
    /// # let shell = executor.shell();
    /// drop(executor.spawn(async move { shell.request(Ask).await }));
    /// let mut recorder = Recorder::new(Bridge::new(executor), Value::Null, Vec::new());
    /// recorder.run(1000)?;
    /// recorder.drain()?;
    /// recorder.teardown()?;
    /// let recording = Recording::parse(recorder.finish().1?)?;
    /// assert_eq!(recording.calls(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn calls(&self) -> usize {
        self.lines.len()
    }

    /// Makes the same calls of a bridge to a fresh core, and compares what comes of each. It stops at the first
    /// difference, where the bridge can be looked into.
    ///
    /// The core has to be started as it was for the record, and the same of its join handles have to be held.
    ///
    /// ```
    /// # use stillpoint::bridge::Bridge;
    /// # use stillpoint::record::{Recorder, Recording, Value};
    /// # use stillpoint::{Executor, effects};
    /// # effects! { enum Effect { Say => notify String } }
    /// fn start(text: &str) -> Bridge<Effect> {
    ///     let executor = Executor::<Effect>::new();
    ///     executor.shell().notify(text.to_owned()).unwrap();
    ///     Bridge::new(executor)
    /// }
    ///
    /// let mut recorder = Recorder::new(start("hello"), Value::Null, Vec::new());
    /// recorder.drain()?;
    /// let recording = Recording::parse(recorder.finish().1?)?;
    /// assert_eq!(recording.replay(&mut start("hello")), Ok(()));
    /// let difference = recording.replay(&mut start("goodbye")).unwrap_err();
    /// assert_eq!(difference.found().unwrap(), "goodbye");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The first difference. What the host did is one: see [`replay_with`](Self::replay_with).
    pub fn replay(&self, bridge: &mut impl Bridged) -> Result<(), Difference> {
        Replay::new(bridge, None).run(&self.lines)
    }

    /// The same for a record of a host that did something itself: `host` is called with what
    /// [`Recorder::host`](super::Recorder::host) was, and does that.
    ///
    /// ```
    /// use stillpoint::bridge::Bridge;
    /// use stillpoint::record::{Recorder, Recording, Value};
    /// use stillpoint::{Executor, Shell, Spawner, effects};
    ///
    /// effects! {
    ///     enum Effect {
    ///         Say => notify String,
    ///     }
    /// }
    ///
    /// fn open(spawner: &Spawner, shell: &Shell<Effect>, document: &str) {
    ///     let (shell, document) = (shell.clone(), document.to_owned());
    ///     drop(spawner.spawn(async move { shell.notify(document).unwrap() }));
    /// }
    ///
    /// let executor = Executor::<Effect>::new();
    /// let (spawner, shell) = (executor.spawner(), executor.shell());
    /// let mut recorder = Recorder::new(Bridge::new(executor), Value::Null, Vec::new());
    /// recorder.host("open", "README.md".into());
    /// open(&spawner, &shell, "README.md");
    /// recorder.run(1000)?;
    /// recorder.drain()?;
    ///
    /// let recording = Recording::parse(recorder.finish().1?)?;
    /// let executor = Executor::<Effect>::new();
    /// let (spawner, shell) = (executor.spawner(), executor.shell());
    /// recording.replay_with(&mut Bridge::new(executor), |what, with| {
    ///     assert_eq!(what, "open");
    ///     open(&spawner, &shell, with.as_str().unwrap());
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The first difference.
    pub fn replay_with(
        &self,
        bridge: &mut impl Bridged,
        mut host: impl FnMut(&str, &Value),
    ) -> Result<(), Difference> {
        Replay::new(bridge, Some(&mut host)).run(&self.lines)
    }
}

fn header(bytes: &[u8]) -> Result<Value, RecordError> {
    let header: Header =
        serde_json::from_slice(bytes).map_err(|error| RecordError::NotARecord {
            message: error.to_string(),
        })?;
    if header.stillpoint != MAGIC {
        let message = format!("it begins as a {:?}", header.stillpoint);
        return Err(RecordError::NotARecord { message });
    }
    if header.version != VERSION {
        let found = header.version;
        return Err(RecordError::Version { found });
    }
    Ok(header.start)
}

fn line(number: usize, bytes: &[u8]) -> Result<Line, RecordError> {
    let wrong = |message| RecordError::Line {
        line: number,
        message,
    };
    let line: Line = serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
    if let Call::Resolve(answer) | Call::Send(answer) = &line.call {
        match (&answer.answer, answer.unreadable) {
            (Some(_), None) => {}
            (None, Some(length)) if length <= MOST_UNREADABLE => {}
            (None, Some(length)) => {
                return Err(wrong(format!(
                    "an unreadable answer of {length} bytes is longer than {MOST_UNREADABLE}"
                )));
            }
            _ => return Err(wrong("it has no answer, or two".to_owned())),
        }
    }
    Ok(line)
}

/// Why a file is no record.
///
/// ```
/// use stillpoint::record::{RecordError, Recording};
///
/// let error = Recording::parse(r#"{"stillpoint":"record","version":2}"#).unwrap_err();
/// assert_eq!(error, RecordError::Version { found: 2 });
/// assert_eq!(error.to_string(), "a record of version 2, where 1 is read");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordError {
    /// Its first line does not say that it is one.
    NotARecord {
        /// What is wrong with it.
        message: String,
    },
    /// It is one of another version.
    Version {
        /// Which.
        found: u32,
    },
    /// A line is none of a record.
    Line {
        /// Its number, counted from 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotARecord { message } => write!(f, "no record of a run: {message}"),
            Self::Version { found } => {
                write!(f, "a record of version {found}, where {VERSION} is read")
            }
            Self::Line { line, message } => write!(f, "line {line} of the record: {message}"),
        }
    }
}

impl Error for RecordError {}
