//! What a record is not to say.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::to_raw_value;

use super::line::{Answer, Call, Line};
use super::whole::whole;
use crate::contain::{contain, discard};

/// What a value is that is about to be written into a record.
///
/// ```
/// use stillpoint::record::{Part, Value};
///
/// fn hide_tokens(part: Part<'_>, value: &mut Value) {
///     if part == (Part::Operation { effect: "LogIn" }) {
///         value["token"] = "a token".into();
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part<'a> {
    /// An operation, be it of a request, a stream or a notification.
    Operation {
        /// The variant of its effect.
        effect: &'a str,
    },
    /// An answer to a request, or an item for a stream.
    Answer {
        /// The variant of its effect; `?` where no batch has had the request, or it is over.
        effect: &'a str,
    },
    /// The message by which a request or a stream fails: a text.
    Failure {
        /// As for an answer.
        effect: &'a str,
    },
    /// The message of a panic, or of an operation that could not be written: a text.
    Message,
    /// What [`Recorder::host`](super::Recorder::host) was given.
    Host {
        /// Its name.
        what: &'a str,
    },
}

pub(super) type Hook = Box<dyn FnMut(Part<'_>, &mut Value) + Send>;

/// Replaces what a hook says.
#[derive(Default)]
pub(super) struct Redactor {
    pub(super) hook: Option<Hook>,
    /// Of the requests that are out, each as its effect's variant is called.
    effects: BTreeMap<u64, String>,
}

impl Redactor {
    /// Makes a line fit to be written.
    pub(super) fn redact(&mut self, line: &mut Line) {
        let Line {
            call,
            outcome,
            redacted,
        } = line;
        if let Some(hook) = &mut self.hook {
            let mut replace = |part: Part<'_>, value: &mut Value, at: String| {
                replace(hook, part, value, at, redacted);
            };
            redact_call(call, &self.effects, &mut replace);
            redact_items(outcome, &mut replace);
        }
        self.follow(call, outcome);
    }

    /// Keeps in mind what is out.
    fn follow(&mut self, call: &Call, outcome: &Value) {
        let is_done = outcome.get("error").is_none();
        if let Call::Resolve(Answer { id, .. }) | Call::Fail { id, .. } | Call::End { id } = call
            && is_done
        {
            self.effects.remove(id);
        }
        for item in outcome["items"].as_array().into_iter().flatten() {
            let Some(id) = item["id"].as_u64() else {
                continue;
            };
            match (item["type"].as_str(), item["effect"].as_str()) {
                (Some("request" | "stream"), Some(effect)) => {
                    self.effects.insert(id, effect.to_owned());
                }
                _ => {
                    self.effects.remove(&id);
                }
            }
        }
    }
}

fn redact_call(
    call: &mut Call,
    effects: &BTreeMap<u64, String>,
    replace: &mut impl FnMut(Part<'_>, &mut Value, String),
) {
    let effect_of = |id: u64| effects.get(&id).map_or("?", String::as_str);
    let name = call.name();
    match call {
        Call::Resolve(answer) | Call::Send(answer) => {
            let effect = effect_of(answer.id);
            let Some(text) = &answer.answer else { return };
            // What cannot be shown to the hook is not written.
            let Some(before) = whole(text.get()) else {
                *answer = Answer::unreadable(answer.id, text.get().len());
                return;
            };
            let mut value = before.clone();
            let at = format!("/call/{name}/answer");
            replace(Part::Answer { effect }, &mut value, at);
            if value != before {
                answer.answer = to_raw_value(&value).ok();
            }
        }
        Call::Fail { id, message } => {
            let effect = effect_of(*id);
            let mut value = Value::String(std::mem::take(message));
            let at = format!("/call/{name}/message");
            replace(Part::Failure { effect }, &mut value, at);
            *message = match value {
                Value::String(text) => text,
                other => other.to_string(),
            };
        }
        Call::Host { what, with } => replace(Part::Host { what }, with, "/call/host/with".into()),
        Call::Run { .. } | Call::Drain | Call::End { .. } | Call::Snapshot | Call::Teardown => {}
    }
}

fn redact_items(outcome: &mut Value, replace: &mut impl FnMut(Part<'_>, &mut Value, String)) {
    let items = outcome.get_mut("items").and_then(Value::as_array_mut);
    for (index, item) in items.into_iter().flatten().enumerate() {
        let kind = item["type"].as_str().unwrap_or_default().to_owned();
        let at = |field: &str| format!("/outcome/items/{index}/{field}");
        match kind.as_str() {
            "request" | "stream" | "notify" => {
                let effect = item["effect"].as_str().unwrap_or("?").to_owned();
                let part = Part::Operation { effect: &effect };
                replace(part, &mut item["operation"], at("operation"));
            }
            "panic" | "unwritable" => replace(Part::Message, &mut item["message"], at("message")),
            _ => {}
        }
    }
}

/// Shows the hook a value, and notes where it has changed it. Where the hook panics, nothing of the value is written.
fn replace(
    hook: &mut Hook,
    part: Part<'_>,
    value: &mut Value,
    at: String,
    redacted: &mut Vec<String>,
) {
    let before = value.clone();
    if let Err(payload) = contain(|| hook(part, value)) {
        discard(payload);
        *value = Value::Null;
    }
    note_changes(&before, value, at, redacted);
}

/// Adds a pointer for each place where the values differ, as deep as that can be said.
fn note_changes(before: &Value, after: &Value, at: String, changed: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            let added = after.keys().filter(|key| !before.contains_key(*key));
            for key in before.keys().chain(added) {
                let at = step(&at, key);
                match (before.get(key), after.get(key)) {
                    (Some(before), Some(after)) => note_changes(before, after, at, changed),
                    _ => changed.push(at),
                }
            }
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            for (index, (before, after)) in before.iter().zip(after).enumerate() {
                note_changes(before, after, step(&at, &index.to_string()), changed);
            }
        }
        _ if before != after => changed.push(at),
        _ => {}
    }
}

/// A JSON pointer that goes one step further.
pub(super) fn step(at: &str, key: &str) -> String {
    format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"))
}
