//! Code of the core's that fails or panics where values are written and read.

use serde_json::json;
use stillpoint::portable::{Kind, Portable, Variant, Visitor};
use stillpoint::{Notification, Request};

use super::*;
use crate::in_each_format;

in_each_format! {
    #[test]
    fn an_operation_that_cannot_be_written_fails_alone(format) {
        for (odd, why) in [
            (Odd::Fails, "as it should"),
            (Odd::FailsHalfway, "in the midst of it"),
            (Odd::Panics, "panicked: as it should"),
        ] {
            let mut scene = Scene::new(format, |executor, shell, trace| {
                drop(executor.spawn(async move {
                    shell.notify(Say("before".into())).unwrap();
                    shell.notify(OddSay(odd)).unwrap();
                    let failed = shell.request(odd).await.unwrap_err();
                    trace.push(failed.to_string());
                    let _ = shell.request(Ask(2)).await;
                }));
                });
            let batch = scene.turn();
            assert_eq!(short(&batch), ["notify Say", "unwritable OddSay", "unwritable Odd"]);
            assert_eq!(batch[1]["id"], json!(null));
            assert!(batch[2]["message"].as_str().unwrap().ends_with(why), "{batch:?}");
            let answer = scene.write(1);
            let late = scene.bridge.resolve(id(&batch[2]), &answer).unwrap_err();
            assert_eq!(late.code(), "alreadyAnswered");
            assert_eq!(short(&scene.turn()), ["request Ask"]);
            let told = scene.trace.take();
            assert!(told[0].starts_with("the shell failed it: the operation of `Odd` cannot be written: "));
            assert!(told[0].ends_with(why), "{told:?}");
            assert_eq!(short(&scene.teardown()), ["cancelled", "report"]);
        }
    }

    #[test]
    fn a_panic_in_the_reading_of_an_answer_ends_there_and_the_right_one_can_still_come(format) {
        let mut scene = Scene::new(format, |executor, shell, trace| {
            drop(executor.spawn(async move {
                trace.push(shell.request(Touch).await.unwrap().0.to_string());
            }));
        });
        let asked = id(&scene.turn()[0]);
        let (thirteen, fourteen, fifteen) = (scene.write(13), scene.write(14), scene.write(15));
        let panicked = scene.bridge.resolve(asked, &thirteen).unwrap_err();
        assert_eq!((panicked.code(), panicked.to_string().as_str()), ("panicked", "panicked: of all numbers"));
        assert_eq!(scene.bridge.resolve(asked, &fourteen).unwrap_err().code(), "undecodable");
        scene.bridge.resolve(asked, &fifteen).unwrap();
        scene.turn();
        assert_eq!(scene.trace.take(), ["15"]);
        scene.teardown();
    }

    #[test]
    fn whatever_panics_the_bridge_goes_on(format) {
        let mut scene = Scene::new(format, |executor, shell, trace| {
            drop(executor.spawn({
                let shell = shell.clone();
                async move {
                    let _ = shell.request(Ask(1)).await;
                    panic!("after its answer");
                }
            }));
            drop(executor.spawn(async move {
                trace.push(format!("{:?}", shell.request(Ask(2)).await));
            }));
        });
        let batch = scene.turn();
        let answer = scene.write(0);
        scene.bridge.resolve(id(&batch[0]), &answer).unwrap();
        assert_eq!(short(&scene.turn()), ["panic"]);
        scene.bridge.resolve(id(&batch[1]), &answer).unwrap();
        scene.turn();
        assert_eq!(scene.trace.take(), ["Ok(0)"]);
        scene.teardown();
    }
}

/// Written by hand, and badly.
enum Bad {
    Ask(Request<Ask>),
    Say(Notification<Say>),
}

impl From<Request<Ask>> for Bad {
    fn from(request: Request<Ask>) -> Self {
        match request.operation.0 {
            0 => panic!("in a conversion"),
            _ => Self::Ask(request),
        }
    }
}

impl From<Notification<Say>> for Bad {
    fn from(notification: Notification<Say>) -> Self {
        Self::Say(notification)
    }
}

impl Portable for Bad {
    const VARIANTS: &'static [Variant] = &[Variant::new("Ask", Kind::Request)];

    fn visit<V: Visitor>(self, visitor: V) -> V::Output {
        match self {
            Self::Ask(request) if request.operation.0 == 1 => panic!("in a visit"),
            Self::Ask(request) => visitor.request(0, request),
            Self::Say(say) => visitor.notify(99, say),
        }
    }
}

#[test]
fn a_panic_in_an_effect_that_is_written_by_hand_is_an_item() {
    let (mut executor, trace) = (Executor::<Bad>::new(), Trace::default());
    for number in 0..3 {
        let (shell, trace) = (executor.shell(), trace.clone());
        drop(executor.spawn(async move {
            let answer = shell.request(Ask(number)).await;
            trace.push(format!("{number}: {answer:?}"));
            shell.notify(Say(number.to_string())).unwrap();
        }));
    }
    let mut bridge = Bridge::new(executor);
    bridge.run(10).unwrap();
    let batch = items(Json, &bridge.drain().unwrap());
    assert_eq!(short(&batch), ["unwritable", "request Ask", "panic"]);
    assert_eq!(batch[0]["message"], "in a visit");
    assert_eq!(batch[2]["message"], "in a conversion");
    bridge.resolve(id(&batch[1]), b"5").unwrap();
    bridge.run(10).unwrap();
    assert_eq!(trace.take(), ["1: Err(Abandoned)", "2: Ok(5)"]);
    let batch = items(Json, &bridge.drain().unwrap());
    assert_eq!(short(&batch), ["notify ?", "notify ?"]);
    bridge.teardown().unwrap();
    bridge.report().unwrap().assert_baseline();
}

/// A format whose own marks panic once they are told to.
#[derive(Clone, Copy)]
struct Brittle;

impl Format for Brittle {
    fn write<T: Serialize + ?Sized>(&self, value: &T, into: &mut Vec<u8>) -> Result<(), String> {
        Json.write(value, into)
    }
    fn read<T: serde::de::DeserializeOwned>(
        &self,
        bytes: &[u8],
        depth: usize,
    ) -> Result<T, stillpoint::bridge::Malformed> {
        Json.read(bytes, depth)
    }
    fn open(&self, _: u32, into: &mut Vec<u8>) {
        into.push(b'!');
        panic!("at the beginning");
    }
    fn close(&self, _: usize, _: u32, _: &mut Vec<u8>) {}
}

#[test]
fn a_format_that_panics_does_not_unwind_out_of_the_bridge() {
    let mut scene = Scene::new(Brittle, |executor, shell, trace| {
        drop(
            executor.spawn(async move { trace.push(format!("{:?}", shell.request(Ask(1)).await)) }),
        );
    });
    scene.bridge.run(10).unwrap();
    let mut buffer = b"kept".to_vec();
    let panicked = scene.bridge.drain_into(&mut buffer).unwrap_err();
    assert_eq!(
        (panicked.code(), buffer.as_slice()),
        ("panicked", &b"kept"[..])
    );
    assert_eq!(scene.bridge.run(10).unwrap().pending, 1);
    assert_eq!(scene.bridge.teardown().unwrap_err().code(), "panicked");
    assert_eq!(scene.bridge.teardown().unwrap_err().code(), "tornDown");
}
