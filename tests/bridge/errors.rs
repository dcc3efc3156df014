//! Every error, each of which leaves what was pending as it was.

use futures::StreamExt;
use stillpoint::bridge::{BridgeError, Limits};
use stillpoint::portable::Kind;

use super::*;
use crate::in_each_format;

/// A task that asks once and tells what it got, another that takes two items.
fn core(executor: &mut Executor<Effect>, shell: Shell<Effect>, trace: Trace) {
    let (other, seen) = (shell.clone(), trace.clone());
    drop(executor.spawn(async move {
        let found = shell.request(Find { name: "Ada" }).await;
        trace.push(format!("{:?}", found.map(|person| person.ages)));
    }));
    drop(executor.spawn(async move {
        let ticks: Vec<_> = other.subscribe(Ticks).take(2).collect().await;
        seen.push(format!("{ticks:?}"));
    }));
}

/// The right answers still come.
fn succeed<F: Format + Copy>(mut scene: Scene<F>, asked: RequestId, ticks: RequestId) {
    let answer = scene.write(Person {
        name: "Ada".into(),
        ages: vec![36],
    });
    scene.bridge.resolve(asked, &answer).unwrap();
    let item = scene.write(1);
    scene.bridge.send(ticks, &item).unwrap();
    scene.bridge.send(ticks, &item).unwrap();
    let cancelled = scene.turn();
    assert_eq!(short(&cancelled), ["cancelled"], "of the stream");
    assert_eq!(scene.trace.take(), ["Ok([36])", "[1, 1]"]);
    assert_eq!(short(&scene.teardown()), ["report"]);
}

in_each_format! {
    #[test]
    fn an_answer_that_does_not_decode_says_where_and_the_right_one_can_still_come(format) {
        let mut scene = Scene::new(format, core);
        let batch = scene.turn();
        let (asked, ticks) = (id(&batch[0]), id(&batch[1]));
        let wrong = scene.write(serde_json::json!({"name": "Ada", "ages": [36, "x"]}));
        let error = scene.bridge.resolve(asked, &wrong).unwrap_err();
        let BridgeError::Undecodable { id: whose, effect, path, message } = &error else {
            panic!("{error:?}");
        };
        assert_eq!((*whose, *effect, path.as_str()), (asked, "Find", "ages[1]"));
        assert!(message.contains("expected u8") || message.contains("FixStr"), "{message}");
        let begins = format!("the answer to `Find` {} does not decode at `ages[1]`: ", asked.to_u64());
        assert!(error.to_string().starts_with(&begins), "{error}");
        let item = scene.write("x");
        assert_eq!(scene.bridge.send(ticks, &item).unwrap_err().code(), "undecodable");
        let whole = scene.write(serde_json::json!({"name": "Ada", "ages": []}));
        let longer = [&whole[..], &whole[..]].concat();
        for broken in [&[][..], &whole[..whole.len() - 1], &longer, &[0xc1; 3]] {
            assert_eq!(scene.bridge.resolve(asked, broken).unwrap_err().code(), "undecodable");
        }
        assert_eq!(scene.turn(), [Value::Null; 0]);
        assert_eq!(scene.trace.take(), [""; 0]);
        succeed(scene, asked, ticks);
    }

    #[test]
    fn unknown_stale_doubled_and_wrong_kind_ids_are_each_their_own_error(format) {
        let mut scene = Scene::new(format, core);
        let batch = scene.turn();
        let (asked, ticks) = (id(&batch[0]), id(&batch[1]));
        let number = scene.write(1);
        let answer = scene.write(Person { name: "Ada".into(), ages: vec![] });
        for nobody in [0, 1, u64::MAX, 1 << 53, asked.to_u64() + (1 << 24), asked.to_u64() + 7] {
            let nobody = RequestId::from_u64(nobody);
            for refused in [
                scene.bridge.resolve(nobody, &answer),
                scene.bridge.send(nobody, &number),
                scene.bridge.fail(nobody, "why"),
                scene.bridge.end(nobody),
            ] {
                assert_eq!(refused, Err(BridgeError::Unknown(nobody)));
            }
        }
        let is_a_stream = BridgeError::WrongKind { id: ticks, effect: "Ticks", kind: Kind::Stream };
        assert_eq!(scene.bridge.resolve(ticks, &number), Err(is_a_stream));
        let is_a_request = BridgeError::WrongKind { id: asked, effect: "Find", kind: Kind::Request };
        assert_eq!(scene.bridge.send(asked, &answer), Err(is_a_request.clone()));
        assert_eq!(scene.bridge.end(asked), Err(is_a_request));

        scene.bridge.resolve(asked, &answer).unwrap();
        assert_eq!(scene.bridge.resolve(asked, &answer), Err(BridgeError::AlreadyAnswered(asked)));
        assert_eq!(scene.bridge.fail(asked, "why"), Err(BridgeError::AlreadyAnswered(asked)));
        // Whatever it says: nobody reads it.
        assert_eq!(scene.bridge.resolve(asked, b""), Err(BridgeError::AlreadyAnswered(asked)));
        scene.bridge.end(ticks).unwrap();
        assert_eq!(scene.bridge.send(ticks, &number), Err(BridgeError::AlreadyAnswered(ticks)));
        assert_eq!(scene.bridge.end(ticks), Err(BridgeError::AlreadyAnswered(ticks)));
        scene.turn();
        assert_eq!(scene.bridge.resolve(asked, &answer), Err(BridgeError::Stale(asked)));
        assert_eq!(scene.bridge.send(ticks, &number), Err(BridgeError::Stale(ticks)));
        assert_eq!(scene.bridge.fail(asked, "why"), Err(BridgeError::Stale(asked)));
        assert_eq!(scene.bridge.end(ticks), Err(BridgeError::Stale(ticks)));
        scene.teardown();
    }

    #[test]
    fn an_id_that_no_batch_has_had_is_unknown_though_its_request_is_there(format) {
        let mut scene = Scene::new(format, |executor, shell, trace| {
            drop(executor.spawn(async move {
                for number in 1..3 {
                    trace.push(format!("{:?}", shell.request(Ask(number)).await));
                }
            }));
        });
        let first = id(&scene.turn()[0]);
        let answer = scene.write(7);
        scene.bridge.resolve(first, &answer).unwrap();
        scene.bridge.run(10).unwrap();
        let untaken = id(&scene.snapshot()["requests"][0]);
        assert_eq!(scene.bridge.resolve(untaken, &answer), Err(BridgeError::Unknown(untaken)));
        assert_eq!(scene.bridge.fail(untaken, "why"), Err(BridgeError::Unknown(untaken)));
        assert_eq!(id(&scene.drain()[0]), untaken);
        scene.bridge.resolve(untaken, &answer).unwrap();
        scene.turn();
        assert_eq!(scene.trace.take(), ["Ok(7)", "Ok(7)"]);
        scene.teardown();
    }

    #[test]
    fn an_answer_is_not_longer_than_it_may_be(format) {
        let mut scene = Scene::new(format, core);
        scene.bridge = scene.bridge.limits(Limits { bytes: 40, ..Limits::default() });
        let batch = scene.turn();
        let (asked, ticks) = (id(&batch[0]), id(&batch[1]));
        let longer = scene.write("a".repeat(40));
        let refused = BridgeError::TooLarge { bytes: longer.len(), limit: 40 };
        assert_eq!(scene.bridge.resolve(asked, &longer), Err(refused.clone()));
        assert_eq!(scene.bridge.send(ticks, &longer), Err(refused));
        succeed(scene, asked, ticks);
    }

    /// Enums are what rmp-serde does not count, and what overflows the stack.
    #[test]
    fn an_answer_is_not_nested_deeper_than_it_may_be(format) {
        let hole = |depth| (0..depth).fold(Hole::Bottom, |hole, _| Hole::Deeper(Box::new(hole)));
        for (limit, deepest) in [(3, 3), (100, 100), (usize::MAX, 127)] {
            let mut scene = Scene::new(format, |executor, shell, trace| {
                drop(executor.spawn(async move {
                    trace.push(format!("{}", shell.request(Dig).await.is_ok()));
                }));
            });
            scene.bridge = scene.bridge.limits(Limits { depth: limit, ..Limits::default() });
            let asked = id(&scene.turn()[0]);
            let too_deep = scene.write(hole(deepest + 1));
            let refused = scene.bridge.resolve(asked, &too_deep).unwrap_err();
            assert!(refused.to_string().ends_with(&format!("nested deeper than {deepest}")), "{refused}");
            let bottomless = match scene.write(0).as_slice() {
                b"0" => br#"{"Deeper":"#.repeat(1 << 20),
                _ => b"\x81\xa6Deeper".repeat(1 << 20),
            };
            assert_eq!(scene.bridge.resolve(asked, &bottomless).unwrap_err().code(), "undecodable");
            let answer = scene.write(hole(deepest));
            scene.bridge.resolve(asked, &answer).unwrap();
            scene.turn();
            assert_eq!(scene.trace.take(), ["true"]);
            scene.teardown();
        }
    }
}

/// What is no whole value is not given to the decoder, which would nest as it likes where a type swallows errors.
#[cfg(feature = "messagepack")]
#[test]
fn broken_messagepack_is_not_decoded() {
    fn lenient<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        Ok(u32::deserialize(deserializer).unwrap_or(0))
    }
    #[derive(Deserialize)]
    #[allow(dead_code, reason = "it is only read")]
    enum Tree {
        Leaf,
        Node(Box<Tree>),
    }
    #[derive(Deserialize)]
    #[allow(dead_code, reason = "it is only read")]
    struct Answer {
        #[serde(deserialize_with = "lenient")]
        a: u32,
        tree: Tree,
    }
    let mut bytes = b"\x82\xa1a\xdb".to_vec();
    for _ in 0..500_000 {
        bytes.extend(b"\x01\x81");
    }
    let read = stillpoint::bridge::MessagePack.read::<Answer>(&bytes, 100);
    assert!(read.err().unwrap().message.contains("whole value"));
}
