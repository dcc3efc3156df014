//! The library: a core behind a bridge, and five functions. What crosses is numbers and bytes, so that the host may be
//! written in any language, by another version of Rust too.
//!
//! Nothing here is static, starts a thread or prints: when the host has called `end`, the library can go. And nothing
//! unwinds out of it: a bridge contains the panics of what it runs. The host's calls come one at a time, on any thread.

#[cfg(test)]
mod tests;

use serde::Serialize;
use stillpoint::bridge::Bridge;
use stillpoint::{Executor, Operation, RequestId, effects};

/// What the core asks.
#[derive(Serialize)]
struct AskName {
    of: &'static str,
}

impl Operation for AskName {
    type Output = String;
}

effects! {
    enum Effect {
        AskName => request AskName,
        Say => notify String,
    }
}

/// What the host holds: a pointer to it, and nothing else of the library's.
pub struct Core {
    bridge: Bridge<Effect>,
    /// What the last call gave, until the next one.
    batch: Vec<u8>,
}

/// Bytes that are the library's, and stay until the next call.
#[repr(C)]
pub struct Bytes {
    data: *const u8,
    length: usize,
}

impl Core {
    fn give(&mut self, batch: Vec<u8>) -> Bytes {
        self.batch = batch;
        Bytes {
            data: self.batch.as_ptr(),
            length: self.batch.len(),
        }
    }
}

/// Makes a core, which asks two names and greets each.
#[unsafe(no_mangle)]
pub extern "C" fn begin() -> Box<Core> {
    let executor = Executor::new();
    for of in ["the first", "the second"] {
        let shell = executor.shell();
        drop(executor.spawner().spawn(async move {
            let said = match shell.request(AskName { of }).await {
                Ok(name) => format!("Hello, {name}!"),
                Err(error) => format!("No greeting: {error}"),
            };
            shell.notify(said).ok();
        }));
    }
    Box::new(Core {
        bridge: Bridge::new(executor),
        batch: Vec::new(),
    })
}

/// Takes turns until the core rests, and gives what it wants: a batch as docs/WIRE.md has it. No bytes where it is torn
/// down.
#[unsafe(no_mangle)]
pub extern "C" fn drive(core: &mut Core) -> Bytes {
    // A host that must not wait for a core that is long busy would come again itself.
    while core.bridge.run(1000).is_ok_and(|turn| turn.budget_spent) {}
    let batch = core.bridge.drain();
    core.give(batch.unwrap_or_default())
}

/// Answers a request, in JSON, and says whether that was accepted.
///
/// # Safety
///
/// There are so many bytes. Of none the pointer may be null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn resolve(
    core: &mut Core,
    id: u64,
    answer: *const u8,
    length: usize,
) -> bool {
    let answer = match length {
        0 => &[],
        // SAFETY: as the caller says.
        _ => unsafe { std::slice::from_raw_parts(answer, length) },
    };
    core.bridge.resolve(RequestId::from_u64(id), answer).is_ok()
}

/// Ends all that the core does, and gives the last batch, with the report. No bytes where it is torn down.
#[unsafe(no_mangle)]
pub extern "C" fn tear_down(core: &mut Core) -> Bytes {
    let batch = core.bridge.teardown();
    core.give(batch.unwrap_or_default())
}

/// Frees the core, empties the host's pointer to it, and says whether the library may be unloaded: nothing of it is in
/// use any more. A second call does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn end(core: &mut Option<Box<Core>>) -> bool {
    core.take().is_some_and(|core| {
        let report = core.bridge.report();
        report.is_some_and(|report| report.is_baseline() && report.is_unloadable())
    })
}
