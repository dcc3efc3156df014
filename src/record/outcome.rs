//! What comes of a call, as a value: the recorder writes it, and a replay compares it.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::bridged::Calls;
use crate::bridge::BridgeError;
use crate::report::Settled;

/// Of a call that gives nothing.
pub(super) fn plain<T>(result: &Result<T, BridgeError>) -> Value {
    of(result, |_| Map::new())
}

/// An error is its code: its text may hold what somebody has answered.
fn of<T>(result: &Result<T, BridgeError>, tell: impl FnOnce(&T) -> Map<String, Value>) -> Value {
    Value::Object(match result {
        Ok(value) => tell(value),
        Err(error) => Map::from_iter([("error".to_owned(), error.code().into())]),
    })
}

/// Of a turn: also which tasks have come and gone by it.
pub(super) fn run(
    settled: &Result<Settled, BridgeError>,
    tasks: &mut Tasks,
    bridge: &mut impl Calls,
) -> Value {
    of(settled, |settled| {
        let (spawned, ended) = tasks.look(bridge);
        let settled = json!({
            "polled": settled.polled,
            "completed": settled.completed,
            "panicked": settled.panicked,
            "aborted": settled.aborted,
            "pending": settled.pending,
            "budgetSpent": settled.budget_spent,
            "waiting": settled.waiting,
            "refused": settled.refused,
        });
        Map::from_iter([
            ("settled".to_owned(), settled),
            ("spawned".to_owned(), spawned),
            ("ended".to_owned(), ended),
        ])
    })
}

/// Of what gives a batch.
pub(super) fn batch(bytes: &Result<Vec<u8>, BridgeError>) -> Value {
    of(bytes, |bytes| {
        Map::from_iter([("items".to_owned(), items(bytes).into())])
    })
}

fn items(bytes: &[u8]) -> Vec<Value> {
    #[derive(Deserialize)]
    struct Batch<'a> {
        #[serde(borrow)]
        items: Vec<&'a RawValue>,
    }
    match serde_json::from_slice::<Batch<'_>>(bytes) {
        Ok(batch) => batch.items.into_iter().map(item).collect(),
        Err(_) => vec![unreadable()],
    }
}

/// How deeply an item is nested that can be read again: `serde_json` reads 127 levels, and its line has three around it.
const DEEPEST: usize = 124;

fn item(raw: &RawValue) -> Value {
    match serde_json::from_str(raw.get()) {
        Ok(item) if is_within(&item, DEEPEST) => item,
        _ => unreadable(),
    }
}

fn is_within(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels > 0 && items.iter().all(|item| is_within(item, levels - 1)),
        Value::Object(map) => levels > 0 && map.values().all(|item| is_within(item, levels - 1)),
        _ => true,
    }
}

/// An item that is nested too deeply to be read again. It is all the same the same in every run.
fn unreadable() -> Value {
    json!({"type": "unreadable"})
}

/// The tasks that were alive after the last turn.
#[derive(Default)]
pub(super) struct Tasks {
    alive: BTreeSet<String>,
}

impl Tasks {
    fn look(&mut self, bridge: &mut impl Calls) -> (Value, Value) {
        #[derive(Deserialize)]
        struct Look {
            tasks: Vec<Task>,
        }
        #[derive(Deserialize)]
        struct Task {
            id: String,
            name: Option<String>,
            place: String,
        }
        let bytes = bridge.snapshot().unwrap_or_default();
        let tasks =
            serde_json::from_slice(&bytes).map_or_else(|_| Vec::new(), |look: Look| look.tasks);
        let before = std::mem::take(&mut self.alive);
        let mut spawned = Vec::new();
        for task in tasks {
            if !before.contains(&task.id) {
                spawned.push(json!({"task": task.id, "name": task.name, "place": task.place}));
            }
            self.alive.insert(task.id);
        }
        let ended: Vec<_> = before.difference(&self.alive).cloned().collect();
        (spawned.into(), ended.into())
    }
}

/// Takes away what is no business of the core's: places, which move with every edit, the text that repeats them, and
/// what the host holds on to.
pub(super) fn essence(mut outcome: Value) -> Value {
    for task in list(&mut outcome, "spawned") {
        remove(task, &["place"]);
    }
    for item in list(&mut outcome, "items") {
        match item.get("type").and_then(Value::as_str) {
            Some("panic") => remove(item, &["place"]),
            Some("report") => {
                remove(item, &["text", "messages", "outstanding"]);
                for leak in list(item, "leaks") {
                    remove(leak, &["place", "text"]);
                }
            }
            _ => {}
        }
    }
    outcome
}

fn list<'a>(value: &'a mut Value, key: &str) -> impl Iterator<Item = &'a mut Value> {
    let list = value.get_mut(key).and_then(Value::as_array_mut);
    list.into_iter().flatten()
}

fn remove(value: &mut Value, keys: &[&str]) {
    if let Some(map) = value.as_object_mut() {
        map.retain(|key, _| !keys.contains(&key.as_str()));
    }
}
