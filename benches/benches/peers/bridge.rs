//! Bridges: the shell holds numbers and bytes, and shares no types with the core. Stillpoint's and crux's, each with its
//! formats, on the same operation.
//!
//! The shell of a bridge is in another language, and is not what is measured: this one reads two numbers of a batch at
//! their places, and writes one.

use crux_core::bridge::{
    BincodeFfiFormat, Bridge as CruxBridge, EffectId, FfiFormat, JsonFfiFormat, ResolveSerialized,
};
use crux_core::capability::Operation as CruxOperation;
use crux_core::{App, Command, Core, EffectFFI, Request as CruxRequest};
use futures::Stream;
use serde::{Deserialize, Serialize};
use stillpoint::bridge::{Bridge, Format, Json, MessagePack};
use stillpoint::{Executor, Operation, RequestId, Shell, effects};
use stillpoint_benches::{Asks, Peer, Task, tasks};

/// What the tasks ask.
#[derive(Serialize, Deserialize)]
pub struct Question(u64);
impl Operation for Question {
    type Output = u64;
}
impl CruxOperation for Question {
    type Output = u64;
}

/// What a batch says of a request.
pub struct Asked {
    id: u64,
    question: u64,
}

/// How a shell reads the one request of a batch, and writes an answer.
pub trait Wire {
    fn read(batch: &[u8]) -> Option<Asked>;
    fn write(answer: u64, into: &mut Vec<u8>);
}

/// Writes what all bridges have in common.
macro_rules! peer {
    () => {
        type Effect = Asked;
        const ONLY_ROUND_TRIPS: bool = true;

        fn take(&mut self) -> Option<Asked> {
            W::read(&self.batch)
        }

        fn question(asked: &Asked) -> u64 {
            asked.question
        }

        fn send(&mut self, _: &mut Asked, _: u64) {
            unreachable!("it does round trips")
        }

        fn crossed(&self) -> u64 {
            self.crossed
        }
    };
}

fn times(task: Task) -> u64 {
    match task {
        Task::AskOften(times) => times,
        _ => unreachable!("it does round trips"),
    }
}

// --- stillpoint ---

effects! {
    pub enum Effect {
        Question => request Question,
    }
}

#[derive(Clone)]
struct Asking(Shell<Effect>);

impl Asks for Asking {
    async fn ask(&self, question: u64) -> u64 {
        self.0.request(Question(question)).await.unwrap_or(u64::MAX)
    }

    fn subscribe(&self, _: u64) -> impl Stream<Item = u64> + Unpin {
        futures::stream::empty()
    }
}

pub struct Ours<F: Format, W> {
    bridge: Bridge<Effect, F>,
    core: (stillpoint::Spawner, Shell<Effect>),
    batch: Vec<u8>,
    answer: Vec<u8>,
    crossed: u64,
    wire: std::marker::PhantomData<W>,
}

impl<F: Format + Default, W: Wire> Peer for Ours<F, W> {
    peer!();

    fn new() -> Self {
        let executor = Executor::new();
        Self {
            core: (executor.spawner(), executor.shell()),
            bridge: Bridge::with_format(executor, F::default()),
            batch: Vec::new(),
            answer: Vec::new(),
            crossed: 0,
            wire: std::marker::PhantomData,
        }
    }

    fn spawn(&mut self, task: Task) {
        let (spawner, shell) = &self.core;
        drop(spawner.spawn(tasks::ask_often(Asking(shell.clone()), times(task))));
    }

    fn run(&mut self) {
        self.bridge.run(usize::MAX).expect("it is there");
        self.batch.clear();
        self.bridge
            .drain_into(&mut self.batch)
            .expect("it is there");
        self.crossed += self.batch.len() as u64;
    }

    fn answer(&mut self, asked: Asked, answer: u64) {
        self.answer.clear();
        W::write(answer, &mut self.answer);
        self.crossed += self.answer.len() as u64;
        let id = RequestId::from_u64(asked.id);
        self.bridge.resolve(id, &self.answer).expect("it waits");
    }
}

impl Wire for Json {
    fn read(batch: &[u8]) -> Option<Asked> {
        let rest = batch.strip_prefix(br#"{"version":1,"items":[{"type":"request","id":"#)?;
        let (id, rest) = digits(rest);
        let (question, _) = digits(rest.strip_prefix(br#","effect":"Question","operation":"#)?);
        Some(Asked { id, question })
    }

    fn write(answer: u64, into: &mut Vec<u8>) {
        write_digits(answer, into);
    }
}

impl Wire for MessagePack {
    fn read(batch: &[u8]) -> Option<Asked> {
        let rest = batch.strip_prefix(
            b"\x82\xa7version\xce\x00\x00\x00\x01\xa5items\xdd\x00\x00\x00\x01\x84\xa4type\xa7request\xa2id",
        )?;
        let (id, rest) = packed(rest)?;
        let (question, _) = packed(rest.strip_prefix(b"\xa6effect\xa8Question\xa9operation")?)?;
        Some(Asked { id, question })
    }

    fn write(answer: u64, into: &mut Vec<u8>) {
        into.push(0xcf);
        into.extend_from_slice(&answer.to_be_bytes());
    }
}

// --- crux ---

pub enum CruxEffect {
    Question(CruxRequest<Question>),
}

/// What crux's macro would write, which needs the half of crux that is for generated bindings.
#[derive(Serialize)]
pub enum CruxEffectFfi {
    Question(Question),
}

impl crux_core::Effect for CruxEffect {}

impl From<CruxRequest<Question>> for CruxEffect {
    fn from(request: CruxRequest<Question>) -> Self {
        Self::Question(request)
    }
}

impl EffectFFI for CruxEffect {
    type Ffi = CruxEffectFfi;

    fn serialize<T: FfiFormat>(self) -> (CruxEffectFfi, ResolveSerialized<T>) {
        match self {
            Self::Question(request) => request.serialize(CruxEffectFfi::Question),
        }
    }
}

#[derive(Default)]
pub struct Often;

impl App for Often {
    type Event = u64;
    type Model = ();
    type ViewModel = ();
    type Effect = CruxEffect;

    fn update(&self, times: u64, (): &mut ()) -> Command<CruxEffect, u64> {
        Command::new(move |context| async move {
            let mut sum = 0;
            for question in 0..times {
                sum += context.request_from_shell(Question(question)).await;
            }
            tasks::ended(sum);
        })
    }

    fn view(&self, (): &()) {}
}

pub struct Crux<F: FfiFormat, W> {
    bridge: CruxBridge<Often, F>,
    batch: Vec<u8>,
    answer: Vec<u8>,
    crossed: u64,
    wire: std::marker::PhantomData<W>,
}

impl<F: FfiFormat, W: Wire> Peer for Crux<F, W> {
    peer!();

    fn new() -> Self {
        Self {
            bridge: CruxBridge::new(Core::new()),
            batch: Vec::new(),
            answer: Vec::new(),
            crossed: 0,
            wire: std::marker::PhantomData,
        }
    }

    fn spawn(&mut self, task: Task) {
        let mut event = Vec::new();
        W::write(times(task), &mut event);
        let updated = self.bridge.update(&event, &mut self.batch);
        updated.expect("it is an event");
    }

    /// The event and each answer have run what they could.
    fn run(&mut self) {}

    fn answer(&mut self, asked: Asked, answer: u64) {
        self.answer.clear();
        W::write(answer, &mut self.answer);
        self.batch.clear();
        let id = EffectId(asked.id.try_into().expect("it is crux's own"));
        let resolved = self.bridge.resolve(id, &self.answer, &mut self.batch);
        resolved.expect("it waits");
        self.crossed += (self.answer.len() + self.batch.len()) as u64;
    }
}

/// Crux's bincode: numbers of a fixed width, the lowest byte first.
pub struct Bincode;

impl Wire for Bincode {
    fn read(batch: &[u8]) -> Option<Asked> {
        let (count, rest) = batch.split_first_chunk::<8>()?;
        if u64::from_le_bytes(*count) == 0 {
            return None;
        }
        let (id, rest) = rest.split_first_chunk::<4>()?;
        let (_variant, rest) = rest.split_first_chunk::<4>()?;
        let question = rest.first_chunk::<8>()?;
        Some(Asked {
            id: u32::from_le_bytes(*id).into(),
            question: u64::from_le_bytes(*question),
        })
    }

    fn write(answer: u64, into: &mut Vec<u8>) {
        into.extend_from_slice(&answer.to_le_bytes());
    }
}

/// Crux's JSON.
pub struct CruxJson;

impl Wire for CruxJson {
    fn read(batch: &[u8]) -> Option<Asked> {
        let (id, rest) = digits(batch.strip_prefix(br#"[{"id":"#)?);
        let (question, _) = digits(rest.strip_prefix(br#","effect":{"Question":"#)?);
        Some(Asked { id, question })
    }

    fn write(answer: u64, into: &mut Vec<u8>) {
        write_digits(answer, into);
    }
}

pub type OursJson = Ours<Json, Json>;
pub type OursMessagePack = Ours<MessagePack, MessagePack>;
pub type CruxInJson = Crux<JsonFfiFormat, CruxJson>;
pub type CruxInBincode = Crux<BincodeFfiFormat, Bincode>;

// --- numbers ---

fn digits(bytes: &[u8]) -> (u64, &[u8]) {
    let end = bytes.iter().position(|byte| !byte.is_ascii_digit());
    let (digits, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
    let number = digits
        .iter()
        .fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
    (number, rest)
}

fn write_digits(mut number: u64, into: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    into.extend_from_slice(&digits[at..]);
}

/// An unsigned number of MessagePack.
fn packed(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (marker, rest) = bytes.split_first()?;
    macro_rules! wide {
        ($Number:ty) => {{
            let (number, rest) = rest.split_first_chunk()?;
            (<$Number>::from_be_bytes(*number).into(), rest)
        }};
    }
    Some(match marker {
        ..0x80 => ((*marker).into(), rest),
        0xcc => wide!(u8),
        0xcd => wide!(u16),
        0xce => wide!(u32),
        _ => wide!(u64),
    })
}
