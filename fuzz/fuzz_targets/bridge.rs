//! A shell that says anything at all to a bridge. Each call is a byte, an id's byte, a length and so many bytes.
#![no_main]

use futures::StreamExt;
use serde::{Deserialize, Serialize};
use stillpoint::bridge::{Bridge, Format, Json, MessagePack};
use stillpoint::{Executor, Operation, Overflow, RequestId, effects};

#[derive(Serialize)]
struct Ask;
impl Operation for Ask {
    type Output = Answer;
}

#[derive(Debug, Serialize, Deserialize)]
enum Answer {
    Nothing,
    Number(i64),
    Text { text: Option<String>, letter: char },
    List(Vec<Answer>),
    Nested(Box<Answer>),
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

fn play<F: Format>(format: F, mut bytes: &[u8]) {
    let mut executor = Executor::<Effect>::new();
    let (asker, listener) = (executor.shell(), executor.shell());
    drop(executor.spawn(async move {
        loop {
            let answer = asker.request(Ask).await;
            let _ = asker.notify(format!("{answer:?}"));
        }
    }));
    drop(executor.spawn(async move {
        loop {
            let mut ticks = listener.subscribe(Ticks).overflow(Overflow::Reject(2));
            while let Some(tick) = ticks.next().await {
                let _ = listener.notify(tick.to_string());
            }
        }
    }));
    let mut bridge = Bridge::with_format(executor, format);
    while let [call, id, length, rest @ ..] = bytes {
        let (said, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        bytes = rest;
        let id = RequestId::from_u64((u64::from(id >> 2) << 24) + u64::from(id & 3));
        match call % 7 {
            0 => drop(bridge.run(usize::from(*length)).unwrap()),
            1 => drop(bridge.drain().unwrap()),
            2 => drop(bridge.snapshot().unwrap()),
            3 => drop(bridge.resolve(id, said)),
            4 => drop(bridge.send(id, said)),
            5 => drop(bridge.fail(id, String::from_utf8_lossy(said))),
            _ => drop(bridge.end(id)),
        }
    }
    assert_eq!(bridge.run(1000).unwrap().pending, 2);
    bridge.teardown().unwrap();
    bridge.report().unwrap().assert_baseline();
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let [format, bytes @ ..] = bytes {
        match format % 2 {
            0 => play(Json, bytes),
            _ => play(MessagePack, bytes),
        }
    }
});
