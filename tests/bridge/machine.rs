//! A shell that says anything at all, as bytes say; the fuzzer has it as well. It knows what it owes, and at the end pays.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use futures::future::{self, Either};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use stillpoint::bridge::{Bridge, BridgeError, Format, Limits};
use stillpoint::{Executor, Operation, Overflow, RequestId, Shell, effects};

/// Has what came in last, so that whatever can come in goes out as well.
#[derive(Serialize)]
struct Ask {
    last: Option<Answer>,
}
impl Operation for Ask {
    type Output = Answer;
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Answer {
    Nothing,
    Number(i64),
    Text { text: Option<String>, letter: char },
    List(Vec<Answer>),
    Nested(Box<Answer>),
    ByName(BTreeMap<String, u64>),
}

#[derive(Serialize)]
struct Ticks;
impl Operation for Ticks {
    type Output = f64;
}

effects! {
    enum Effect {
        Ask => request Ask,
        Ticks => stream Ticks,
        Say => notify String,
    }
}

/// Asks for ever, and gives a request up where something else comes first.
async fn ask(shell: Shell<Effect>, overflow: Overflow) {
    let mut last = None;
    loop {
        let mut ticks = shell.subscribe(Ticks).overflow(overflow);
        let asked = shell.request(Ask { last: last.take() });
        match future::select(asked, ticks.next()).await {
            Either::Left((Ok(answer), _)) => last = Some(answer),
            Either::Left((Err(error), _)) => {
                let _ = shell.notify(error.to_string());
            }
            Either::Right((tick, asked)) => {
                let _ = shell.notify(format!("{tick:?}"));
                last = asked.await.ok();
            }
        }
    }
}

#[derive(Deserialize)]
struct Batch {
    version: u32,
    items: Vec<Value>,
}

/// What the shell knows.
struct Host<F: Format> {
    bridge: Bridge<Effect, F>,
    format: F,
    /// All that it was ever given, in order.
    given: Vec<u64>,
    ids: BTreeSet<u64>,
    /// What it has neither answered nor been told to forget; whether that is a stream.
    owed: BTreeMap<u64, bool>,
}

/// The tasks of the core.
const TASKS: usize = 3;

/// What waits at most: a request and a stream of each.
const PENDING: usize = 2 * TASKS;

impl<F: Format + Copy> Host<F> {
    fn new(format: F, limits: Limits) -> Self {
        let mut executor = Executor::<Effect>::new();
        for overflow in [Overflow::Unbounded, Overflow::Reject(2), Overflow::Latest] {
            drop(executor.spawn(ask(executor.shell(), overflow)));
        }
        Self {
            bridge: Bridge::with_format(executor, format).limits(limits),
            format,
            given: Vec::new(),
            ids: BTreeSet::new(),
            owed: BTreeMap::new(),
        }
    }

    /// Near those that exist, or one of them.
    fn id(&self, byte: u8) -> u64 {
        let byte = u64::from(byte);
        match self.given.len() {
            given @ 1.. if byte >= 64 => self.given[given - 1 - byte as usize % given],
            _ => ((byte >> 3) << 24) + (byte & 7),
        }
    }

    fn batch(&mut self, bytes: &[u8]) {
        let batch: Batch = self.format.read(bytes, 127).expect("a batch can be read");
        assert_eq!(batch.version, 1);
        for item in &batch.items {
            let id = item["id"].as_u64();
            match (item["type"].as_str(), id) {
                (Some("request" | "stream"), Some(id)) => {
                    assert!(self.ids.insert(id), "{id} was given out before");
                    self.given.push(id);
                    self.owed.insert(id, item["type"] == "stream");
                }
                (Some("cancelled"), Some(id)) => {
                    assert!(self.ids.contains(&id), "{id} was never given out");
                    self.owed.remove(&id);
                }
                (Some("notify"), None) => {}
                _ => panic!("{item}"),
            }
        }
    }

    fn drain(&mut self, enough: usize) -> bool {
        let mut bytes = Vec::new();
        let is_more = self.bridge.drain_up_to(enough, &mut bytes).unwrap();
        self.batch(&bytes);
        is_more
    }

    /// An answer was given, or refused for a reason that there is.
    fn judge(&mut self, id: u64, is_end: bool, result: Result<(), BridgeError>) {
        let owed = self.owed.get(&id).copied();
        match result {
            Ok(()) => {
                assert!(owed.is_some(), "{id} is not owed");
                if is_end {
                    self.owed.remove(&id);
                }
            }
            Err(BridgeError::Unknown(_)) => assert!(!self.ids.contains(&id)),
            // The notice may not be drained yet; and what was given up before any batch had it is stale as well.
            Err(BridgeError::Stale(_)) => {}
            Err(BridgeError::AlreadyAnswered(_) | BridgeError::WrongKind { .. }) => {
                assert!(self.ids.contains(&id));
            }
            Err(
                BridgeError::Full(_)
                | BridgeError::Undecodable { .. }
                | BridgeError::TooLarge { .. },
            ) => assert!(owed.is_some(), "{id} is not owed"),
            Err(other) => panic!("{other:?}"),
        }
    }

    fn write(&self, value: impl Serialize) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.format.write(&value, &mut bytes).unwrap();
        bytes
    }

    fn call(&mut self, call: u8, byte: u8, said: &[u8]) {
        let number = self.id(byte);
        let id = RequestId::from_u64(number);
        match call % 9 {
            0 => drop(self.bridge.run(usize::from(byte)).unwrap()),
            1 => drop(self.drain(usize::MAX)),
            2 => drop(self.drain(usize::from(byte))),
            3 => {
                let bytes = self.bridge.snapshot().unwrap();
                let snapshot: Value = self.format.read(&bytes, 127).unwrap();
                assert_eq!(snapshot["tasks"].as_array().unwrap().len(), TASKS);
                assert!(snapshot["requests"].as_array().unwrap().len() <= PENDING);
            }
            4 => {
                let result = self.bridge.resolve(id, said);
                self.judge(number, true, result);
            }
            5 => {
                let result = self.bridge.send(id, said);
                self.judge(number, false, result);
            }
            6 => {
                let result = self.bridge.fail(id, String::from_utf8_lossy(said));
                self.judge(number, true, result);
            }
            7 => {
                let result = self.bridge.end(id);
                self.judge(number, true, result);
            }
            _ => {
                let answer = self.write(Answer::Number(byte.into()));
                let result = self.bridge.resolve(id, &answer);
                self.judge(number, true, result);
            }
        }
    }

    /// Whatever was said, each thing that is owed can be given.
    fn pay(&mut self) {
        assert_eq!(self.bridge.run(1000).unwrap().pending, TASKS);
        while self.drain(64) {}
        assert!(self.owed.len() <= PENDING, "{:?}", self.owed);
        for (number, is_stream) in std::mem::take(&mut self.owed) {
            let id = RequestId::from_u64(number);
            let answer = self.write(Answer::Nothing);
            match is_stream {
                true => self.bridge.end(id).unwrap(),
                false => self.bridge.resolve(id, &answer).unwrap(),
            }
        }
        assert!(self.bridge.run(1000).unwrap().polled > 0);
    }

    fn end(mut self) {
        let last = self.bridge.teardown().unwrap();
        let last: Batch = self.format.read(&last, 127).unwrap();
        assert_eq!(last.items.last().unwrap()["type"], "report");
        self.bridge.report().unwrap().assert_baseline();
        let late = self.bridge.resolve(RequestId::from_u64(1 << 24), &[]);
        assert_eq!(late, Err(BridgeError::TornDown));
    }
}

/// Each call is a byte, a byte for an id or a number, a length, and so many bytes. The first byte of all says whether limits
/// are narrow, and whether what is owed is given at the end or the bridge is torn down in the midst of it.
pub fn play<F: Format + Copy>(format: F, bytes: &[u8]) {
    let Some((how, mut bytes)) = bytes.split_first() else {
        return;
    };
    let limits = match how & 1 {
        0 => Limits::default(),
        _ => Limits {
            bytes: 60,
            depth: 3,
        },
    };
    let mut host = Host::new(format, limits);
    if how & 2 != 0 {
        // All of it is one answer.
        host.call(0, 9, &[]);
        host.call(1, 0, &[]);
        for byte in 64..64 + PENDING as u8 {
            host.call(4, byte, bytes);
            host.call(5, byte, bytes);
        }
        bytes = &[];
    }
    while let [call, byte, length, rest @ ..] = bytes {
        let (said, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        host.call(*call, *byte, said);
        bytes = rest;
    }
    if how & 4 == 0 {
        host.pay();
    }
    host.end();
}
