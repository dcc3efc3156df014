//! A shell that says anything at all to a bridge, by the interpreter of `tests/bridge`.
#![no_main]

#[path = "../../tests/bridge/machine.rs"]
mod machine;

use stillpoint::bridge::{Json, MessagePack};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    match bytes {
        [format, bytes @ ..] if format % 2 == 0 => machine::play(Json, bytes),
        [_, bytes @ ..] => machine::play(MessagePack, bytes),
        [] => {}
    }
});
