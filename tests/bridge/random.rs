//! A shell that says anything at all.

use futures::StreamExt;
use proptest::prelude::*;

use super::*;

/// What a shell may call.
#[derive(Clone, Debug)]
enum Call {
    Run(usize),
    Drain,
    Snapshot,
    Resolve(u64, Vec<u8>),
    Send(u64, Vec<u8>),
    Fail(u64, String),
    End(u64),
}

/// Ids that are near to those that exist, and others.
fn ids() -> impl Strategy<Value = u64> {
    let near = (0..4u64, 0..3u64).prop_map(|(index, generation)| (generation << 24) + index);
    prop_oneof![3 => near, 1 => any::<u64>()]
}

/// Bytes that nearly make sense, and others.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let json = prop::sample::select(vec![
        "1",
        "13",
        "-1",
        "null",
        "\"Bottom\"",
        "{\"Deeper\":\"Bottom\"}",
        "{\"name\":\"\",\"ages\":[1]}",
        "[[[",
        "{\"name\":",
    ]);
    let pack = prop::sample::select(vec![
        &b"\x01"[..],
        b"\xcd\x01\x00",
        b"\xa6Bottom",
        b"\x81\xa6Deeper\xa6Bottom",
        b"\xdd\xff\xff\xff\xff",
        b"\xc1",
        b"\xdb\xff\xff\xff\xffa",
        b"\xc7\xff\x01",
    ]);
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        json.prop_map(|text| text.as_bytes().to_vec()),
        pack.prop_map(<[u8]>::to_vec),
    ]
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let call = prop_oneof![
        (0..5usize).prop_map(Call::Run),
        Just(Call::Drain),
        Just(Call::Snapshot),
        (ids(), bytes()).prop_map(|(id, bytes)| Call::Resolve(id, bytes)),
        (ids(), bytes()).prop_map(|(id, bytes)| Call::Send(id, bytes)),
        (ids(), any::<String>()).prop_map(|(id, text)| Call::Fail(id, text)),
        ids().prop_map(Call::End),
    ];
    prop::collection::vec(call, 0..40)
}

/// Tasks that ask again and again, in every kind.
fn core(executor: &mut Executor<Effect>, shell: Shell<Effect>, _: Trace) {
    let asker = shell.clone();
    drop(executor.spawn(async move {
        loop {
            let (found, dug) =
                futures::join!(asker.request(Find { name: "Ada" }), asker.request(Dig));
            let _ = asker.notify(Say(format!("{found:?} {dug:?}")));
        }
    }));
    drop(executor.spawn(async move {
        loop {
            let mut ticks = shell.subscribe(Ticks);
            while let Some(tick) = ticks.next().await {
                if tick > 100 {
                    break;
                }
            }
            drop(ticks);
            let _ = shell.request(Touch).await;
        }
    }));
}

fn play<F: Format + Copy>(format: F, calls: &[Call]) {
    let mut scene = Scene::new(format, core);
    let bridge = &mut scene.bridge;
    for call in calls {
        let number = RequestId::from_u64;
        match call {
            Call::Run(polls) => drop(bridge.run(*polls).unwrap()),
            Call::Drain => drop(items(format, &bridge.drain().unwrap())),
            Call::Snapshot => drop(bridge.snapshot().unwrap()),
            Call::Resolve(id, bytes) => drop(bridge.resolve(number(*id), bytes)),
            Call::Send(id, bytes) => drop(bridge.send(number(*id), bytes)),
            Call::Fail(id, text) => drop(bridge.fail(number(*id), text.as_str())),
            Call::End(id) => drop(bridge.end(number(*id))),
        }
    }
    // Both tasks are there, and what they wait for can be answered still.
    assert_eq!(scene.bridge.run(1000).unwrap().pending, 2);
    scene.drain();
    let snapshot = scene.snapshot();
    let pending = snapshot["requests"].as_array().unwrap();
    assert!(pending.len() >= 2, "{snapshot}");
    for request in pending.iter().filter(|request| request["queued"] == 0) {
        let id = id(request);
        match request["kind"].as_str() {
            Some("stream") => scene.bridge.end(id).unwrap(),
            _ => match request["effect"].as_str() {
                Some("Find") => {
                    let ada = scene.write(Person {
                        name: String::new(),
                        ages: vec![],
                    });
                    scene.bridge.resolve(id, &ada).unwrap();
                }
                Some("Dig") => {
                    let hole = scene.write(Hole::Bottom);
                    scene.bridge.resolve(id, &hole).unwrap();
                }
                _ => {
                    let number = scene.write(1);
                    scene.bridge.resolve(id, &number).unwrap();
                }
            },
        }
    }
    assert!(scene.turn().len() >= 2);
    scene.teardown();
}

/// Whatever is no answer leaves the request pending, and nobody polled.
fn refuse<F: Format + Copy>(format: F, bytes: &[u8]) {
    let mut scene = Scene::new(format, |executor, shell, trace| {
        drop(executor.spawn(async move {
            trace.push(format!("{:?}", shell.request(Find { name: "Ada" }).await));
        }));
    });
    let asked = id(&scene.turn()[0]);
    if scene.bridge.resolve(asked, bytes).is_err() {
        assert_eq!(scene.bridge.run(10).unwrap().polled, 0);
        let ada = scene.write(Person {
            name: String::new(),
            ages: vec![],
        });
        scene.bridge.resolve(asked, &ada).unwrap();
    }
    scene.turn();
    assert_eq!(scene.trace.take().len(), 1);
    scene.teardown();
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 500 }) })]
    #[test]
    fn whatever_a_shell_calls_nothing_panics_and_what_is_pending_can_be_answered(calls in calls()) {
        play(Json, &calls);
        #[cfg(feature = "messagepack")]
        play(MessagePack, &calls);
    }

    #[test]
    fn what_is_owed_can_be_given_whatever_was_said(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        machine::play(Json, &bytes);
        #[cfg(feature = "messagepack")]
        machine::play(MessagePack, &bytes);
    }

    #[test]
    fn whatever_bytes_are_no_answer_leave_the_request_pending(bytes in bytes()) {
        refuse(Json, &bytes);
        #[cfg(feature = "messagepack")]
        refuse(MessagePack, &bytes);
    }
}

#[test]
#[cfg_attr(miri, ignore = "miri reads no files")]
fn what_the_fuzzer_found_is_said_again() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/bridge");
    let mut files = 0;
    for file in std::fs::read_dir(corpus).expect("the corpus is kept") {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        files += 1;
        match bytes.as_slice() {
            [format, bytes @ ..] if format % 2 == 0 => machine::play(Json, bytes),
            #[cfg(feature = "messagepack")]
            [_, bytes @ ..] => machine::play(MessagePack, bytes),
            _ => {}
        }
    }
    assert!(files > 0);
}
