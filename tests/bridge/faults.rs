//! Code of the core's that fails or panics where values are written and read.

use std::io::Write;

use serde_json::json;
use stillpoint::bridge::{BridgeError, Count, Frame, Malformed};
use stillpoint::portable::{Kind, Portable, Variant, Visitor};
use stillpoint::{Notification, Request, Subscription};

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

/// A format that refuses the items in which it finds one of these words, as long as it is told to.
#[derive(Clone, Default)]
struct Fussy {
    refused: Arc<Mutex<Vec<&'static str>>>,
    panics: bool,
}

impl Fussy {
    fn refuse(&self, words: &[&'static str]) {
        *self.refused.lock().unwrap() = words.to_vec();
    }
}

impl Format for Fussy {
    const FRAME: Frame = Json::FRAME;

    fn write<T: Serialize + ?Sized>(&self, value: &T, mut into: impl Write) -> Result<(), String> {
        let text = serde_json::to_string(value).unwrap();
        let refused = self.refused.lock().unwrap().clone();
        match refused.iter().find(|word| text.contains(**word)) {
            Some(_) if self.panics => panic!("no"),
            Some(word) => {
                into.write_all(&text.as_bytes()[..7]).unwrap();
                Err(format!("no {word}"))
            }
            None => into
                .write_all(text.as_bytes())
                .map_err(|error| error.to_string()),
        }
    }

    fn read<T: serde::de::DeserializeOwned>(
        &self,
        bytes: &[u8],
        depth: usize,
    ) -> Result<T, Malformed> {
        Json.read(bytes, depth)
    }
}

const EVERYTHING: &[&str] = &[""];

/// A bridge that has something of each kind to say, by a format that refuses as it is told.
fn fussy(panics: bool) -> (Bridge<Effect, Fussy>, Fussy) {
    let format = Fussy {
        panics,
        ..Fussy::default()
    };
    let mut executor = Executor::<Effect>::new();
    let shell = executor.shell();
    let given_up = executor.spawn({
        let shell = shell.clone();
        async move { shell.request(Ask(0)).await }
    });
    drop(executor.spawn({
        let shell = shell.clone();
        async move {
            let _ = shell.request(Find { name: "Ada" }).await;
            panic!("as it should");
        }
    }));
    let mut bridge = Bridge::with_format(executor, format.clone());
    bridge.run(10).unwrap();
    let first = items(Json, &bridge.drain().unwrap());
    assert_eq!(short(&first), ["request Ask", "request Find"]);
    given_up.abort();
    bridge.fail(id(&first[1]), "why").unwrap();
    bridge.run(10).unwrap();
    shell.notify(Say("a".into())).unwrap();
    shell.notify(Say("b".into())).unwrap();
    (bridge, format)
}

#[test]
fn what_a_format_refuses_to_write_is_kept_in_its_order_until_it_does() {
    for panics in [false, true] {
        let (mut bridge, format) = fussy(panics);
        format.refuse(EVERYTHING);
        let mut buffer = b"kept".to_vec();
        for _ in 0..3 {
            let refused = bridge.drain_into(&mut buffer).unwrap_err();
            assert_eq!(
                (refused.code(), buffer.as_slice()),
                ("format", &b"kept"[..])
            );
        }
        assert_eq!(bridge.snapshot().unwrap_err().code(), "format");
        // What could not be written of the core's is told as that.
        format.refuse(&["\"a\"", "panic"]);
        let batch = items(Json, &bridge.drain().unwrap());
        let said: &[&str] = match panics {
            // The text of the refusal has the word, and is refused.
            true => &["cancelled"],
            false => &["cancelled", "unwritable Say", "notify Say"],
        };
        assert_eq!(short(&batch), said);
        format.refuse(&[]);
        let batch = items(Json, &bridge.drain().unwrap());
        let said: &[&str] = match panics {
            true => &["unwritable Say", "notify Say", "panic"],
            false => &["panic"],
        };
        assert_eq!(short(&batch), said);
        assert!(items(Json, &bridge.drain().unwrap()).is_empty());
        bridge.teardown().unwrap();
        bridge.report().unwrap().assert_baseline();
    }
}

#[test]
fn a_request_whose_operation_a_format_refuses_has_failed_also_where_that_cannot_be_told() {
    let format = Fussy::default();
    let (mut executor, trace) = (Executor::<Effect>::new(), Trace::default());
    let (shell, seen) = (executor.shell(), trace.clone());
    drop(executor.spawn(async move {
        seen.push(shell.request(Ask(1)).await.unwrap_err().to_string());
    }));
    let mut bridge = Bridge::with_format(executor, format.clone());
    bridge.run(10).unwrap();
    format.refuse(EVERYTHING);
    assert_eq!(
        bridge.drain().unwrap_err().to_string(),
        "the bridge's format: no "
    );
    bridge.run(10).unwrap();
    assert_eq!(
        trace.take(),
        ["the shell failed it: the operation of `Ask` cannot be written: no "]
    );
    format.refuse(&[]);
    assert_eq!(
        short(&items(Json, &bridge.drain().unwrap())),
        ["unwritable Ask"]
    );
    bridge.teardown().unwrap();
}

#[test]
fn a_teardown_that_cannot_be_told_has_its_report_and_what_the_shell_was_not_told() {
    // All at once, and in the midst of it.
    for (refused, left) in [
        (EVERYTHING, 3),
        (&["cancelled"], 3),
        (&["report"], 3),
        (&["\"cancelled\",\"id"], 3),
    ] {
        let (mut bridge, format) = fussy(false);
        format.refuse(EVERYTHING);
        assert_eq!(bridge.drain().unwrap_err().code(), "format");
        format.refuse(refused);
        assert_eq!(bridge.teardown().unwrap_err().code(), "format");
        assert_eq!(bridge.teardown().unwrap_err().code(), "tornDown");
        let report = bridge.report().unwrap();
        report.assert_baseline();
        let emitted = &report.emitted;
        assert_eq!(emitted.len(), left, "{refused:?}");
        assert!(matches!(emitted[0], stillpoint::Emitted::Cancelled(_)));
    }
}

/// Its destructor panics.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("as it should");
    }
}

impl Format for Bomb {
    const FRAME: Frame = Json::FRAME;

    fn write<T: Serialize + ?Sized>(&self, value: &T, into: impl Write) -> Result<(), String> {
        Json.write(value, into)
    }

    fn read<T: serde::de::DeserializeOwned>(
        &self,
        bytes: &[u8],
        depth: usize,
    ) -> Result<T, Malformed> {
        Json.read(bytes, depth)
    }
}

#[test]
fn a_format_whose_destructor_panics_takes_nothing_with_it() {
    let bridge = || Bridge::with_format(Executor::<Effect>::new(), Bomb);
    drop(bridge());
    let mut torn_down = bridge();
    let batch = items(Json, &torn_down.teardown().unwrap());
    assert_eq!(short(&batch), ["report"]);
    torn_down.report().unwrap().assert_baseline();
}

#[test]
fn a_format_counts_its_items_as_its_frame_says() {
    #[derive(Clone, Copy)]
    struct Counted;
    impl Format for Counted {
        const FRAME: Frame = Frame {
            before: b"<",
            count: Some(Count::LittleEndian64),
            between: b"|",
            after: b">",
        };
        fn write<T: Serialize + ?Sized>(&self, value: &T, into: impl Write) -> Result<(), String> {
            Json.write(value, into)
        }
        fn read<T: serde::de::DeserializeOwned>(
            &self,
            bytes: &[u8],
            depth: usize,
        ) -> Result<T, Malformed> {
            Json.read(bytes, depth)
        }
    }
    let executor = Executor::<Effect>::new();
    for _ in 0..2 {
        executor.shell().notify(Say(String::new())).unwrap();
    }
    let mut bridge = Bridge::with_format(executor, Counted);
    let item = br#"{"type":"notify","effect":"Say","operation":""}"#;
    let expected = [b"-<", &2u64.to_le_bytes()[..], item, b"|", item, b">"].concat();
    let mut buffer = b"-".to_vec();
    bridge.drain_into(&mut buffer).unwrap();
    assert_eq!(buffer, expected);
}

/// Two operations by one variant, one of them a stream and a request, and a place that is none.
enum Mixed {
    Ask(Request<Ask>),
    Find(Request<Find>),
    Ticks(Subscription<Ticks>),
    Tick(Request<Ticks>),
}

macro_rules! mixed {
    ($($Variant:ident($Held:ty) at $place:expr => $visit:ident),*) => {
        $(impl From<$Held> for Mixed {
            fn from(held: $Held) -> Self {
                Self::$Variant(held)
            }
        })*
        impl Portable for Mixed {
            const VARIANTS: &'static [Variant] = &[Variant::new("Mixed", Kind::Notify)];
            fn visit<V: Visitor>(self, visitor: V) -> V::Output {
                match self {
                    $(Self::$Variant(held) => visitor.$visit($place, held),)*
                }
            }
        }
    };
}

mixed! {
    Ask(Request<Ask>) at 0 => request,
    Find(Request<Find>) at 0 => request,
    Ticks(Subscription<Ticks>) at 0 => stream,
    Tick(Request<Ticks>) at usize::MAX => request
}

#[test]
fn every_request_of_an_effect_that_is_written_by_hand_can_be_answered() {
    let (mut executor, trace) = (Executor::<Mixed>::new(), Trace::default());
    let (shell, seen) = (executor.shell(), trace.clone());
    drop(executor.spawn(async move {
        let mut ticks = shell.subscribe(Ticks);
        let (asked, found, tick, ticked) = futures::join!(
            shell.request(Ask(1)),
            shell.request(Find { name: "Ada" }),
            futures::StreamExt::next(&mut ticks),
            shell.request(Ticks),
        );
        seen.push(format!(
            "{asked:?} {:?} {tick:?} {ticked:?}",
            found.map(|ada| ada.name)
        ));
    }));
    let mut bridge = Bridge::new(executor);
    bridge.run(10).unwrap();
    let batch = items(Json, &bridge.drain().unwrap());
    assert_eq!(
        short(&batch),
        [
            "request Mixed",
            "request Mixed",
            "stream Mixed",
            "request ?"
        ]
    );
    let wrong = bridge.resolve(id(&batch[2]), b"3").unwrap_err();
    let is_a_stream = BridgeError::WrongKind {
        id: id(&batch[2]),
        effect: "Mixed",
        kind: Kind::Stream,
    };
    assert_eq!(wrong, is_a_stream);
    bridge.resolve(id(&batch[0]), b"1").unwrap();
    bridge
        .resolve(id(&batch[1]), br#"{"name":"Ada","ages":[]}"#)
        .unwrap();
    bridge.send(id(&batch[2]), b"3").unwrap();
    bridge.resolve(id(&batch[3]), b"4").unwrap();
    bridge.run(10).unwrap();
    assert_eq!(trace.take(), [r#"Ok(1) Ok("Ada") Some(3) Ok(4)"#]);
    bridge.teardown().unwrap();
    bridge.report().unwrap().assert_baseline();
}
