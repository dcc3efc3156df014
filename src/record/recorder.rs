//! Who writes a record.

use std::fmt;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value};

use super::VERSION;
use super::bridged::Bridged;
use super::line::{Answer, Call, Header, Line, MAGIC};
use super::outcome::{self, Tasks};
use super::redact::{Part, Redactor};
use crate::bridge::BridgeError;
use crate::id::RequestId;
use crate::report::Settled;

/// A bridge that writes down what is called, and what comes of it.
///
/// Each call does what the bridge's own of that name does, and gives what that gives. Then it writes one line into the
/// sink, whole: what is there when the program crashes is a record of all that was called before. A sink that fails
/// does not disturb the run: nothing more is written, and [`finish`](Self::finish) says why.
///
/// It costs a snapshot for each turn, which takes time in proportion to the tasks that are alive, and the parsing of
/// each batch. Beside them it keeps the ids of the tasks that are alive and of the requests that are out.
///
/// Dropping it drops the bridge and the sink; the record is as good as one that ends there.
///
/// ```
/// use stillpoint::bridge::Bridge;
/// use stillpoint::record::{Part, Recorder, Value};
/// use stillpoint::{Executor, effects};
///
/// effects! {
///     enum Effect {
///         Say => notify String,
///     }
/// }
///
/// let executor = Executor::<Effect>::new();
/// executor.shell().notify("my secret".to_owned()).unwrap();
/// let mut recorder = Recorder::new(Bridge::new(executor), Value::Null, Vec::new())
///     .redact(|part, value| {
///         if part == (Part::Operation { effect: "Say" }) {
///             *value = "…".into();
///         }
///     });
/// assert!(recorder.drain()?.ends_with(br#""operation":"my secret"}]}"#), "the shell gets it");
/// let file = String::from_utf8(recorder.finish().1?)?;
/// assert!(!file.contains("secret"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Recorder<B: Bridged, W: Write> {
    bridge: B,
    sink: W,
    failed: Option<io::Error>,
    redactor: Redactor,
    tasks: Tasks,
}

impl<B: Bridged, W: Write> Recorder<B, W> {
    /// Begins a record of a bridge of which nothing was called yet. `start` is what it takes to start the same core
    /// again, such as its settings; it is written as it is.
    ///
    /// Lines are written one by one: give it a [`BufWriter`](io::BufWriter) where that is slow, and a crash may cost
    /// the last of them.
    ///
    /// ```
    /// # use stillpoint::bridge::Bridge;
    /// # use stillpoint::record::{Recorder, Value};
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
    /// let settings = Value::from_iter([("speed", 3)]);
    /// let recorder = Recorder::new(Bridge::new(executor), settings, Vec::new());
    /// let file = String::from_utf8(recorder.finish().1?)?;
    /// assert_eq!(file, "{\"stillpoint\":\"record\",\"version\":1,\"start\":{\"speed\":3}}\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn new(bridge: B, start: Value, sink: W) -> Self {
        let mut recorder = Self {
            bridge,
            sink,
            failed: None,
            redactor: Redactor::default(),
            tasks: Tasks::default(),
        };
        recorder.write(&Header {
            stillpoint: MAGIC.to_owned(),
            version: VERSION,
            start,
        });
        recorder
    }

    /// Shows a hook every value before it is written, and writes what the hook makes of it. The run itself is not
    /// touched.
    ///
    /// What it changes is not compared in a replay: of an operation or a message exactly the places that differ, which
    /// the record names. An answer is handed to the core as it was written, so what stands for it has to decode, and to
    /// lead the core to the same calls. An answer that is no JSON, is longer than it may be, or has a key twice, is
    /// written by its length alone, and never shown to the hook. Where the hook panics, null is written.
    ///
    /// ```
    /// # use stillpoint::bridge::Bridge;
    /// # use stillpoint::record::{Part, Recorder, Recording, Value};
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
    /// shell.notify("password".to_owned()).unwrap();
    /// let mut recorder = Recorder::new(Bridge::new(executor), Value::Null, Vec::new())
    ///     .redact(|part, value| if let Part::Operation { .. } = part { *value = Value::Null });
    /// recorder.drain()?;
    /// let file = String::from_utf8(recorder.finish().1?)?;
    ///
    /// let executor = Executor::<Effect>::new();
    /// executor.shell().notify("another password".to_owned()).unwrap();
    /// Recording::parse(file)?.replay(&mut Bridge::new(executor))?; // what was taken out is not compared
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn redact(mut self, hook: impl FnMut(Part<'_>, &mut Value) + Send + 'static) -> Self {
        self.redactor.hook = Some(Box::new(hook));
        self
    }

    /// [`Bridge::run`](crate::bridge::Bridge::run).
    ///
    /// ```
    /// # use stillpoint::bridge::Bridge;
    /// # use stillpoint::record::{Recorder, Value};
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
    /// let file = String::from_utf8(recorder.finish().1?)?;
    /// let line = file.lines().last().unwrap();
    /// assert!(line.starts_with(r#"{"call":{"run":{"budget":1000}},"outcome":{"#));
    /// assert!(line.contains(r#""polled":1"#), "what the turn came to");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the bridge.
    pub fn run(&mut self, budget: usize) -> Result<Settled, BridgeError> {
        let settled = self.bridge.run(budget);
        let outcome = outcome::run(&settled, &mut self.tasks, &mut self.bridge);
        let budget = budget as u64;
        self.note(Call::Run { budget }, outcome);
        settled
    }

    /// [`Bridge::drain`](crate::bridge::Bridge::drain).
    ///
    /// ```
    /// # use stillpoint::bridge::Bridge;
    /// # use stillpoint::record::{Recorder, Value};
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
    /// let batch = recorder.drain()?; // which the shell gets as ever
    /// let file = String::from_utf8(recorder.finish().1?)?;
    /// let line = file.lines().last().unwrap();
    /// assert!(line.starts_with(r#"{"call":"drain","outcome":{"items":[{"#));
    /// assert!(line.contains(r#""effect":"Ask""#));
    /// # drop(batch);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the bridge.
    pub fn drain(&mut self) -> Result<Vec<u8>, BridgeError> {
        let batch = self.bridge.drain();
        self.note(Call::Drain, outcome::batch(&batch));
        batch
    }

    /// [`Bridge::resolve`](crate::bridge::Bridge::resolve).
    ///
    /// ```
    /// # use stillpoint::bridge::Bridge;
    /// # use stillpoint::record::{Recorder, Value};
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
    /// recorder.resolve(RequestId::from_u64(16777216), b"42")?;
    /// let file = String::from_utf8(recorder.finish().1?)?;
    /// assert!(file.ends_with("{\"call\":{\"resolve\":{\"id\":16777216,\"answer\":42}},\"outcome\":{}}\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the bridge.
    pub fn resolve(&mut self, id: RequestId, answer: &[u8]) -> Result<(), BridgeError> {
        let resolved = self.bridge.resolve(id, answer);
        let answer = Answer::new(id.to_u64(), answer, &resolved);
        self.note(Call::Resolve(answer), outcome::plain(&resolved));
        resolved
    }

    /// [`Bridge::send`](crate::bridge::Bridge::send).
    ///
    /// ```
    /// # use stillpoint::bridge::Bridge;
    /// # use stillpoint::record::{Recorder, Value};
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
    /// drop(executor.spawn(async move { futures::StreamExt::count(shell.subscribe(Keys)).await }));
    /// let mut recorder = Recorder::new(Bridge::new(executor), Value::Null, Vec::new());
    /// recorder.run(1000)?;
    /// recorder.drain()?;
    /// let id = RequestId::from_u64(16777216);
    /// recorder.send(id, br#""a""#)?;
    /// let file = String::from_utf8(recorder.finish().1?)?;
    /// assert!(file.ends_with("{\"call\":{\"send\":{\"id\":16777216,\"answer\":\"a\"}},\"outcome\":{}}\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the bridge.
    pub fn send(&mut self, id: RequestId, item: &[u8]) -> Result<(), BridgeError> {
        let sent = self.bridge.send(id, item);
        let item = Answer::new(id.to_u64(), item, &sent);
        self.note(Call::Send(item), outcome::plain(&sent));
        sent
    }

    /// [`Bridge::fail`](crate::bridge::Bridge::fail).
    ///
    /// ```
    /// # use stillpoint::bridge::Bridge;
    /// # use stillpoint::record::{Recorder, Value};
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
    /// let unknown = recorder.fail(RequestId::from_u64(7), "no network").unwrap_err();
    /// assert_eq!(unknown.code(), "unknown"); // which the record has as well
    /// let file = String::from_utf8(recorder.finish().1?)?;
    /// assert!(file.contains(r#"{"call":{"fail":{"id":7,"message":"no network"}},"outcome":{"#));
    /// assert!(file.contains("unknown"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the bridge.
    pub fn fail(&mut self, id: RequestId, message: impl Into<String>) -> Result<(), BridgeError> {
        let message = message.into();
        let failed = self.bridge.fail(id, message.clone());
        let id = id.to_u64();
        self.note(Call::Fail { id, message }, outcome::plain(&failed));
        failed
    }

    /// [`Bridge::end`](crate::bridge::Bridge::end).
    ///
    /// ```
    /// # use stillpoint::bridge::Bridge;
    /// # use stillpoint::record::{Recorder, Value};
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
    /// drop(executor.spawn(async move { futures::StreamExt::count(shell.subscribe(Keys)).await }));
    /// let mut recorder = Recorder::new(Bridge::new(executor), Value::Null, Vec::new());
    /// recorder.run(1000)?;
    /// recorder.drain()?;
    /// let id = RequestId::from_u64(16777216);
    /// recorder.end(id)?;
    /// let file = String::from_utf8(recorder.finish().1?)?;
    /// assert!(file.ends_with("{\"call\":{\"end\":{\"id\":16777216}},\"outcome\":{}}\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the bridge.
    pub fn end(&mut self, id: RequestId) -> Result<(), BridgeError> {
        let ended = self.bridge.end(id);
        let id = id.to_u64();
        self.note(Call::End { id }, outcome::plain(&ended));
        ended
    }

    /// [`Bridge::snapshot`](crate::bridge::Bridge::snapshot). The record has that it was taken, and not what was in it.
    ///
    /// ```
    /// # use stillpoint::bridge::Bridge;
    /// # use stillpoint::record::{Recorder, Value};
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
    /// let snapshot = recorder.snapshot()?;
    /// assert!(snapshot.starts_with(b"{\"version\":1,"));
    /// let file = String::from_utf8(recorder.finish().1?)?;
    /// assert!(file.ends_with("{\"call\":\"snapshot\",\"outcome\":{}}\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the bridge.
    pub fn snapshot(&mut self) -> Result<Vec<u8>, BridgeError> {
        let snapshot = self.bridge.snapshot();
        self.note(Call::Snapshot, outcome::plain(&snapshot));
        snapshot
    }

    /// Notes that the host is about to do something to the core that is no call of the bridge, such as to spawn a task
    /// by a spawner that it has kept, to abort one, or to close a scope. Do it right after. A replay asks its caller to
    /// do the same: see [`Recording::replay_with`](super::Recording::replay_with).
    ///
    /// ```
    /// # use stillpoint::bridge::Bridge;
    /// # use stillpoint::record::{Recorder, Value};
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
    /// let task = executor.spawn(async move { shell.request(Ask).await });
    /// let mut recorder = Recorder::new(Bridge::new(executor), Value::Null, Vec::new());
    /// recorder.run(1000)?;
    /// recorder.host("abort", "the first task".into());
    /// task.abort();
    /// recorder.run(1000)?;
    /// let file = String::from_utf8(recorder.finish().1?)?;
    /// assert!(file.contains(r#"{"call":{"host":{"what":"abort","with":"the first task"}},"outcome":{}}"#));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn host(&mut self, what: impl Into<String>, with: Value) {
        let what = what.into();
        let outcome = Value::Object(Map::new());
        self.note(Call::Host { what, with }, outcome);
    }

    /// [`Bridge::teardown`](crate::bridge::Bridge::teardown).
    ///
    /// ```
    /// # use stillpoint::bridge::Bridge;
    /// # use stillpoint::record::{Recorder, Value};
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
    /// let last = recorder.teardown()?;
    /// assert!(recorder.bridge().report().is_some_and(|report| report.is_baseline()));
    /// let file = String::from_utf8(recorder.finish().1?)?;
    /// assert!(file.contains(r#"{"call":"teardown","outcome":{"items":["#));
    /// # drop(last);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the bridge.
    pub fn teardown(&mut self) -> Result<Vec<u8>, BridgeError> {
        let last = self.bridge.teardown();
        self.note(Call::Teardown, outcome::batch(&last));
        last
    }

    /// The bridge.
    ///
    /// ```
    /// # use stillpoint::bridge::Bridge;
    /// # use stillpoint::record::{Recorder, Value};
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
    /// assert!(recorder.bridge().report().is_none(), "it is not torn down");
    /// recorder.teardown()?;
    /// assert!(recorder.bridge().report().is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn bridge(&self) -> &B {
        &self.bridge
    }

    /// Ends the record, and gives the bridge, which can go on, and the sink, flushed.
    ///
    /// ```
    /// # use stillpoint::bridge::Bridge;
    /// # use stillpoint::record::{Recorder, Value};
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
    /// let (mut bridge, file) = recorder.finish();
    /// assert_eq!(file?.split(|byte| *byte == b'\n').count(), 3, "two lines, and nothing after them");
    /// bridge.drain()?; // goes on, and is not written down
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The first error of the sink: the record ends before it.
    pub fn finish(mut self) -> (B, io::Result<W>) {
        let ended = match self.failed {
            Some(error) => Err(error),
            None => self.sink.flush(),
        };
        (self.bridge, ended.map(|()| self.sink))
    }

    fn note(&mut self, call: Call, outcome: Value) {
        if self.failed.is_some() {
            return;
        }
        let mut line = Line {
            call,
            outcome,
            redacted: Vec::new(),
        };
        self.redactor.redact(&mut line);
        self.write(&line);
    }

    fn write(&mut self, line: &impl Serialize) {
        let written = serde_json::to_vec(line)
            .map_err(io::Error::from)
            .and_then(|mut bytes| {
                bytes.push(b'\n');
                self.sink.write_all(&bytes)
            });
        self.failed = written.err();
    }
}

/// Says how it stands with the sink, and nothing of what is recorded.
impl<B: Bridged, W: Write> fmt::Debug for Recorder<B, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}
