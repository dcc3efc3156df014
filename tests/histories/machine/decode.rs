//! Histories out of bytes, for the fuzzer: every input is one.

use super::ops::{Act, Destructor, History, How, Limits, Op, Place, Policy, Step, Way};

/// How deep spawns and destructors nest.
const DEPTH: usize = 3;

struct Bytes<'a>(std::slice::Iter<'a, u8>);

impl Bytes<'_> {
    fn next(&mut self) -> u8 {
        self.0.next().copied().unwrap_or(0)
    }

    fn is_empty(&self) -> bool {
        self.0.as_slice().is_empty()
    }
}

pub fn history(bytes: &[u8]) -> History {
    let mut bytes = Bytes(bytes.iter());
    let head = bytes.next();
    let local = head & 1 == 1;
    // Few that were found before there were limits begin so.
    let limits = match head {
        184..=199 => limits(&mut bytes),
        _ => Limits::default(),
    };
    let mut ops = Vec::new();
    while !bytes.is_empty() && ops.len() < 200 {
        ops.push(op(&mut bytes));
    }
    History { local, limits, ops }
}

/// Each is there in three of four.
fn limits(bytes: &mut Bytes<'_>) -> Limits {
    let (head, sizes) = (bytes.next(), bytes.next());
    let limit = |bits: u8, size: u8| (bits & 3 != 0).then_some(size);
    Limits {
        tasks: limit(head, 2 + sizes % 6),
        requests: limit(head >> 2, 1 + (sizes >> 3) % 4),
        outbox: limit(head >> 4, 1 + (sizes >> 5) % 4),
        fails: head & 64 != 0,
    }
}

fn op(bytes: &mut Bytes<'_>) -> Op {
    match bytes.next() % 34 {
        0..=7 => Op::Act(act(bytes, DEPTH)),
        8..=11 => Op::Run,
        12 => Op::RunFor(bytes.next() % 4),
        13..=15 => Op::Drain(bytes.next() % 8),
        16 => Op::Next,
        17 => Op::Join(bytes.next()),
        18 => Op::Resolve(bytes.next()),
        19 => Op::Fail(bytes.next()),
        20 => Op::Send(bytes.next()),
        21 => Op::End(bytes.next()),
        22 | 23 => Op::ById(bytes.next(), way(bytes)),
        24 => Op::Stranger(bytes.next(), way(bytes)),
        25 => Op::Foreign(bytes.next() & 1 == 1),
        26 => Op::SpawnLocal(script(bytes, DEPTH)),
        27 => Op::AbortLocal(bytes.next()),
        28 => Op::DropLocal(bytes.next()),
        29 => Op::JoinLocal(bytes.next()),
        30 => Op::Teardown,
        31 | 32 => Op::SpawnHere(script(bytes, DEPTH), bytes.next() & 1 == 1),
        _ => Op::DropExecutor,
    }
}

fn way(bytes: &mut Bytes<'_>) -> Way {
    match bytes.next() % 5 {
        0 => Way::Ask,
        1 => Way::Other,
        2 => Way::Item,
        3 => Way::Fail,
        _ => Way::End,
    }
}

fn script(bytes: &mut Bytes<'_>, depth: usize) -> Vec<Step> {
    let length = bytes.next() % 8;
    (0..length).map(|_| step(bytes, depth)).collect()
}

fn acts(bytes: &mut Bytes<'_>, depth: usize) -> Destructor {
    let head = bytes.next();
    Destructor {
        acts: (0..head % 4).map(|_| act(bytes, depth)).collect(),
        panics: head & 16 != 0,
    }
}

fn step(bytes: &mut Bytes<'_>, depth: usize) -> Step {
    let depth = depth.saturating_sub(1);
    let kind = bytes.next();
    match kind % 24 {
        // So that what was found before there were scopes means what it meant.
        _ if kind >= 240 => Step::Closing(bytes.next()),
        0 | 1 => Step::Ask,
        2 => Step::Relayed,
        3 => Step::Join,
        4 => Step::Select,
        5 | 6 => Step::Subscribe(match bytes.next() % 8 {
            0 | 1 => Policy::Unbounded,
            2 => Policy::Latest,
            3 => Policy::DropOldest(bytes.next() % 4),
            _ => Policy::Reject(bytes.next() % 4),
        }),
        7..=9 => Step::Next,
        10 => Step::DropStream,
        11 => Step::Yield,
        12 => Step::Stash,
        13 => Step::Hang,
        14 => Step::Await(bytes.next()),
        15 => Step::Panic,
        16 => Step::Guard(acts(bytes, depth)),
        17 => Step::Returns(acts(bytes, depth)),
        18 => Step::Park,
        19 => Step::Adopt(bytes.next()),
        _ => Step::Act(act(bytes, depth)),
    }
}

fn how(bytes: &mut Bytes<'_>) -> How {
    match bytes.next() % 4 {
        0 => How::Plain,
        1 => How::Named,
        2 => How::Try,
        _ => How::Detached,
    }
}

fn scope_act(kind: u8, bytes: &mut Bytes<'_>, depth: usize) -> Act {
    let pick = bytes.next();
    match kind {
        0..=7 => Act::OpenScope(pick),
        8..=19 if depth > 0 => {
            let key = (kind >= 16).then_some(pick % 3);
            let how = how(bytes);
            Act::SpawnIn(pick, key, script(bytes, depth), how)
        }
        20..=22 => Act::DropScope(pick),
        23..=26 => Act::CloseScope(pick),
        27 | 28 => Act::PollClosing(pick),
        29 => Act::DropClosing(pick),
        _ => Act::DropScopeSpawner(pick),
    }
}

fn act(bytes: &mut Bytes<'_>, depth: usize) -> Act {
    let kind = bytes.next();
    if kind >= 224 {
        return scope_act(kind - 224, bytes, depth);
    }
    let kind = kind % 32;
    if depth == 0 && kind < 5 {
        return Act::Notify;
    }
    match kind {
        0..=3 => {
            let how = how(bytes);
            Act::Spawn(script(bytes, depth), how)
        }
        4 => {
            let place = if bytes.next() & 1 == 0 {
                Place::Nested
            } else {
                Place::Thread
            };
            Act::Away(place, Box::new(act(bytes, depth - 1)))
        }
        5 | 6 => Act::Notify,
        7 => Act::Wake(bytes.next()),
        8 => Act::WakeByValue(bytes.next()),
        9 => Act::DropWaker(bytes.next()),
        10 | 11 => Act::Abort(bytes.next()),
        12 => Act::DropHandle(bytes.next()),
        13 => Act::IsFinished(bytes.next()),
        14 | 15 => Act::Resolve(bytes.next()),
        16 => Act::Fail(bytes.next()),
        17 => Act::Abandon(bytes.next()),
        18 => Act::Forget(bytes.next()),
        19 | 20 => Act::Send(bytes.next()),
        21 => Act::EndFeed(bytes.next()),
        22 => Act::FailFeed(bytes.next()),
        23 => Act::DropFeed(bytes.next()),
        24 => Act::CloneFeed(bytes.next()),
        25 | 26 => Act::PollParked(bytes.next()),
        27 => Act::DropParked(bytes.next()),
        28 => Act::KeepSpawner,
        29 => Act::DropSpawner,
        30 => Act::KeepShell,
        _ => Act::DropShell,
    }
}
