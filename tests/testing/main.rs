//! The test kit, tested: what its failures say, and that they are.
#![cfg(feature = "testing")]

mod effects;
mod hostile;
mod probe;
mod shell;
mod simulation;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// What `act` panics with.
#[track_caller]
pub(crate) fn failure(act: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(act)).expect_err("a failure");
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => (*payload.downcast::<&str>().expect("a text")).to_owned(),
    }
}

/// Panics unless the text has each of these, in this order.
#[track_caller]
pub(crate) fn assert_has(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => panic!("`{part}` is not there, or not after what is before it, in:\n{text}"),
        }
    }
}
