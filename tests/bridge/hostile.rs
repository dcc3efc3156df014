//! A core whose values do things while they are read, written and dropped.

use std::cell::RefCell;

use serde_json::json;
use stillpoint::portable::{Kind, Portable, Variant, Visitor};
use stillpoint::{JoinHandle, Notification, Request, Spawner};

use super::*;
use crate::in_each_format;

/// What the values of a test call back into. Each test has a thread of its own.
struct World {
    shell: Shell<Act>,
    spawner: Spawner,
    task: JoinHandle<()>,
}

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

/// Does something to the core from inside a value.
fn do_it(what: &str) {
    WORLD.with_borrow(|world| {
        let Some(world) = world else { return };
        match what {
            "abort" => world.task.abort(),
            "panic" => panic!("as it should"),
            _ => {}
        }
        let shell = world.shell.clone();
        let _ = world.shell.notify(Heard(what.to_owned()));
        let _ = world.spawner.try_spawn(async move {
            let _ = shell.notify(Heard("spawned".into()));
        });
    });
}

#[derive(Serialize)]
struct Heard(String);

/// Acts when it is written, and when it is dropped.
struct Live {
    written: &'static str,
    dropped: &'static str,
}
impl Operation for Live {
    type Output = Answer;
}
impl Serialize for Live {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        do_it(self.written);
        serializer.serialize_str(self.written)
    }
}
impl Drop for Live {
    fn drop(&mut self) {
        if self.dropped != "nothing" {
            do_it(self.dropped);
        }
    }
}

/// Acts when it is read, as what was read says, and when it is dropped.
struct Answer;
impl<'de> Deserialize<'de> for Answer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        do_it(&String::deserialize(deserializer)?);
        Ok(Self)
    }
}
impl Drop for Answer {
    fn drop(&mut self) {
        do_it("answer dropped");
    }
}

effects! {
    enum Act {
        Live => request Live,
        Heard => notify Heard,
    }
}

fn bridge<F: Format>(format: F, written: &'static str, dropped: &'static str) -> Bridge<Act, F> {
    let mut executor = Executor::<Act>::new();
    let shell = executor.shell();
    let asker = shell.clone();
    let task = executor.spawn(async move {
        let _ = asker.request(Live { written, dropped }).await;
        let _ = asker.notify(Heard("answered".into()));
    });
    let spawner = executor.spawner();
    WORLD.set(Some(World {
        shell,
        spawner,
        task,
    }));
    let mut bridge = Bridge::with_format(executor, format);
    bridge.run(10).unwrap();
    bridge
}

/// What is heard, and what else is in a batch.
fn heard<F: Format + Copy>(format: F, bridge: &mut Bridge<Act, F>) -> Vec<String> {
    let batch = items(format, &bridge.drain().unwrap());
    said(&batch)
}

fn said(batch: &[Value]) -> Vec<String> {
    let say = |item: &Value| match (&item["type"], &item["operation"]) {
        (kind, Value::Null) => kind.as_str().unwrap().to_owned(),
        (_, operation) => operation.as_str().unwrap().to_owned(),
    };
    batch.iter().map(say).collect()
}

fn rest<F: Format>(mut bridge: Bridge<Act, F>) {
    WORLD.take();
    bridge.teardown().unwrap();
    bridge.report().unwrap().assert_baseline();
}

in_each_format! {
    #[test]
    fn what_an_operation_does_while_it_is_written_is_for_the_next_batch(format) {
        let mut bridge = bridge(format, "written", "dropped");
        assert_eq!(heard(format, &mut bridge), ["written"], "the operation itself");
        assert_eq!(heard(format, &mut bridge), ["written", "dropped"]);
        bridge.run(10).unwrap();
        assert_eq!(heard(format, &mut bridge), ["spawned", "spawned"]);
        rest(bridge);
    }

    #[test]
    fn an_operation_that_gives_itself_up_while_it_is_written_is_told_and_then_cancelled(format) {
        let mut bridge = bridge(format, "abort", "nothing");
        let batch = items(format, &bridge.drain().unwrap());
        assert_eq!(said(&batch), ["abort"]);
        let asked = id(&batch[0]);
        let answer = write(format, "x");
        bridge.run(10).unwrap();
        assert_eq!(bridge.resolve(asked, &answer), Err(BridgeError::Stale(asked)));
        assert!(heard(format, &mut bridge).contains(&"cancelled".to_owned()));
        rest(bridge);
    }

    #[test]
    fn an_answer_that_gives_its_request_up_while_it_is_read_is_dropped_and_the_shell_is_told(format) {
        let mut bridge = bridge(format, "written", "nothing");
        let asked = id(&items(format, &bridge.drain().unwrap())[0]);
        let answer = write(format, "abort");
        // The task ends with the next turn.
        bridge.resolve(asked, &answer).unwrap();
        bridge.run(10).unwrap();
        let all = heard(format, &mut bridge);
        for what in ["abort", "answer dropped", "cancelled"] {
            assert_eq!(all.iter().filter(|heard| *heard == what).count(), 1, "{all:?}");
        }
        assert!(!all.contains(&"answered".to_owned()));
        assert_eq!(bridge.resolve(asked, &answer), Err(BridgeError::Stale(asked)));
        rest(bridge);
    }

    #[test]
    fn an_answer_that_panics_while_it_is_read_has_done_what_it_did_and_can_come_again(format) {
        let mut bridge = bridge(format, "written", "nothing");
        let asked = id(&items(format, &bridge.drain().unwrap())[0]);
        let (panics, right) = (write(format, "panic"), write(format, "right"));
        assert_eq!(bridge.resolve(asked, &panics).unwrap_err().code(), "panicked");
        bridge.resolve(asked, &right).unwrap();
        bridge.run(10).unwrap();
        let all = heard(format, &mut bridge);
        for what in ["right", "answer dropped", "answered"] {
            assert_eq!(all.iter().filter(|heard| *heard == what).count(), 1, "{all:?}");
        }
        rest(bridge);
    }

    #[test]
    fn a_teardown_in_the_midst_of_it_all_hears_what_destructors_say_and_refuses_what_comes_later(format) {
        let mut bridge = bridge(format, "written", "dropped");
        let asked = id(&items(format, &bridge.drain().unwrap())[0]);
        let answer = write(format, "right");
        bridge.resolve(asked, &answer).unwrap();
        // It is answered and unread, and its destructor speaks; what speaks while the last batch is written is refused.
        let last = items(format, &bridge.teardown().unwrap());
        let all = said(&last);
        assert!(all.contains(&"answer dropped".to_owned()), "{all:?}");
        assert_eq!(last.last().unwrap()["type"], "report");
        let report = bridge.report().unwrap();
        report.assert_baseline();
        assert_eq!(report.emitted.len(), 0);
        do_it("late");
        assert!(WORLD.with_borrow(|world| world.as_ref().unwrap().shell.is_closed()));
        WORLD.take();
    }

    /// Two bridges give out the same numbers: a number names, and its request is the one of the bridge that is called.
    #[test]
    fn an_id_of_another_bridge_names_nothing_but_what_it_names_here(format) {
        let ask = |executor: &mut Executor<Effect>, shell: Shell<Effect>, trace: Trace| {
            drop(executor.spawn(async move { trace.push(format!("{:?}", shell.request(Ask(1)).await)) }));
        };
        let (mut one, mut other) = (Scene::new(format, ask), Scene::new(format, |_, _, _| {}));
        let asked = id(&one.turn()[0]);
        other.turn();
        let answer = one.write(5);
        assert_eq!(other.bridge.resolve(asked, &answer), Err(BridgeError::Unknown(asked)));
        one.bridge.resolve(asked, &answer).unwrap();
        one.turn();
        assert_eq!(one.trace.take(), ["Ok(5)"]);
        one.teardown();
        other.teardown();
    }
}

/// Hands a request of another executor on.
enum Forwarded {
    Ask(Request<Ask>),
}
impl From<Notification<Request<Ask>>> for Forwarded {
    fn from(notification: Notification<Request<Ask>>) -> Self {
        Self::Ask(notification.operation)
    }
}
impl Portable for Forwarded {
    const VARIANTS: &'static [Variant] = &[Variant::new("Ask", Kind::Request)];
    fn visit<V: Visitor>(self, visitor: V) -> V::Output {
        let Self::Ask(request) = self;
        visitor.request(0, request)
    }
}

#[test]
fn a_request_of_another_executor_cannot_be_asked_here_and_is_abandoned_there() {
    let mut there = Executor::<Request<Ask>>::new();
    let (shell, trace) = (there.shell(), Trace::default());
    let seen = trace.clone();
    drop(there.spawn(async move { seen.push(format!("{:?}", shell.request(Ask(1)).await)) }));
    there.run_until_stalled();
    let Some(stillpoint::Emitted::Effect(request)) = there.drain().next() else {
        panic!("it has asked");
    };
    let here = Executor::<Forwarded>::new();
    here.shell().notify(request).unwrap();
    let mut bridge = Bridge::new(here);
    let batch = items(Json, &bridge.drain().unwrap());
    assert_eq!(
        (short(&batch), &batch[0]["id"]),
        (vec!["unwritable Ask".to_owned()], &json!(null))
    );
    there.run_until_stalled();
    assert_eq!(trace.take(), ["Err(Abandoned)"]);
    bridge.teardown().unwrap();
    bridge.report().unwrap().assert_baseline();
    there.teardown().assert_baseline();
}

/// A chain of lists as long as an answer may be, and one too deep in each place where a decoder skips.
#[test]
fn what_nobody_reads_of_an_answer_is_as_shallow_as_the_rest() {
    let limit = if cfg!(miri) { 1000 } else { 1 << 20 };
    let deep = format!(
        r#"{{"name":"","ages":[],"more":{}{}}}"#,
        "[".repeat(limit),
        "]".repeat(limit)
    );
    let error = Json.read::<Person>(deep.as_bytes(), 127).unwrap_err();
    assert!(
        error.message.contains("deeper than 127"),
        "{}",
        error.message
    );
    #[cfg(feature = "messagepack")]
    {
        let mut deep = b"\x83\xa4name\xa0\xa4ages\x90\xa4more".to_vec();
        deep.extend(std::iter::repeat_n(0x91, limit));
        deep.push(0xc0);
        let error = MessagePack.read::<Person>(&deep, 127).unwrap_err();
        assert!(
            error.message.contains("deeper than 127"),
            "{}",
            error.message
        );
    }
    let wide = format!(
        r#"{{"name":"","ages":[],"more":[{}0]}}"#,
        "0,".repeat(limit)
    );
    assert!(Json.read::<Person>(wide.as_bytes(), 127).is_ok());
}
