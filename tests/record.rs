//! A run that is recorded and replayed, by the file alone.
#![cfg(feature = "record")]

use std::io::{self, Write};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stillpoint::bridge::{Bridge, Limits, LocalBridge};
use stillpoint::record::{Bridged, Part, RecordError, Recorder, Recording};
use stillpoint::{Executor, JoinHandle, LocalExecutor, Operation, RequestId, Spawner, effects};

#[derive(Serialize)]
struct LogIn {
    token: String,
    user: &'static str,
}
impl Operation for LogIn {
    type Output = Session;
}

#[derive(Deserialize)]
struct Session {
    key: String,
    #[serde(default)]
    hint: Option<u128>,
}

#[derive(Serialize)]
struct Ticks;
impl Operation for Ticks {
    type Output = Option<u32>;
}

#[derive(Serialize)]
struct Wait(u32);
impl Operation for Wait {
    type Output = ();
}

effects! {
    enum Effect {
        LogIn => request LogIn,
        Ticks => stream Ticks,
        Wait => request Wait,
        Say => notify String,
    }
}

/// The ids of what the core asks first, in that order: a log-in, ticks, a wait.
const LOG_IN: u64 = 1 << 24;
const TICKS: u64 = LOG_IN + 1;
const WAIT: u64 = LOG_IN + 2;

fn id(id: u64) -> RequestId {
    RequestId::from_u64(id)
}

/// What the host keeps.
struct Host {
    spawner: Spawner,
    waiting: JoinHandle<()>,
}

/// A core that does of everything something; `token` is what two runs of it may not share.
fn start(token: &str) -> (Bridge<Effect>, Host) {
    let mut executor = Executor::<Effect>::new();
    let (shell, spawner) = (executor.shell(), executor.spawner());
    let token = token.to_owned();
    let says = shell.clone();
    drop(spawner.name("log-in").spawn(async move {
        let asked = LogIn { token, user: "ada" };
        let text = match says.request(asked).await {
            Ok(Session { key, hint }) => format!("in as {key} {hint:?}"),
            Err(error) => error.to_string(),
        };
        says.notify(text).unwrap();
    }));
    let ticking = shell.clone();
    let inner = spawner.clone();
    drop(spawner.name("ticks").spawn(async move {
        let mut ticks = ticking.subscribe(Ticks);
        while let Some(tick) = ticks.next().await {
            let says = ticking.clone();
            let task = inner.name("tick").spawn(async move {
                says.notify(format!("{tick:?}")).unwrap();
                assert_ne!(tick, Some(13), "unlucky");
                let _ = says.request(Wait(1)).await;
            });
            drop(task);
        }
    }));
    let waiting = executor.spawn(async move {
        let _ = shell.request(Wait(0)).await;
    });
    (Bridge::new(executor), Host { spawner, waiting })
}

fn act(host: &Host, what: &str, with: &Value) {
    match what {
        "abort" => host.waiting.abort(),
        "panic" => {
            let why = with.as_str().unwrap().to_owned();
            drop(host.spawner.spawn(async move { panic!("{why}") }));
        }
        other => panic!("{other} is unknown"),
    }
}

/// A shell that does everything that a shell can, also what it should not.
fn play<W: Write>(recorder: &mut Recorder<Bridge<Effect>, W>, host: &Host) {
    recorder.run(1).unwrap();
    recorder.run(1000).unwrap();
    recorder.drain().unwrap();
    recorder.resolve(id(LOG_IN), b"{\"key\":5}").unwrap_err();
    recorder.resolve(id(LOG_IN), b"no JSON").unwrap_err();
    recorder.resolve(id(77), b"null").unwrap_err();
    recorder.send(id(WAIT), b"null").unwrap_err();
    let answer = br#"{"key":"my key",
        "hint":340282366920938463463374607431768211455}"#;
    recorder.resolve(id(LOG_IN), answer).unwrap();
    recorder.send(id(TICKS), b"null").unwrap();
    recorder.send(id(TICKS), b" 7").unwrap();
    recorder.send(id(TICKS), b"13").unwrap();
    recorder.run(1000).unwrap();
    recorder.drain().unwrap();
    recorder.host("abort", Value::Null);
    act(host, "abort", &Value::Null);
    recorder.host("panic", "my fault".into());
    act(host, "panic", &"my fault".into());
    recorder.run(1000).unwrap();
    recorder.drain().unwrap();
    recorder.snapshot().unwrap();
    recorder.fail(id(TICKS), "my line is cut").unwrap();
    recorder.end(id(TICKS)).unwrap_err();
    recorder.run(1000).unwrap();
    recorder.teardown().unwrap();
    recorder.run(1000).unwrap_err();
}

fn recorded() -> Vec<u8> {
    let (bridge, host) = start("my token");
    let mut recorder = Recorder::new(bridge, json!({"token": "none"}), Vec::new());
    play(&mut recorder, &host);
    recorder.finish().1.unwrap()
}

fn lines(file: &[u8]) -> Vec<Value> {
    let lines = str::from_utf8(file).unwrap().lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn replay(file: &[u8], token: &str) -> Result<(), String> {
    let (mut bridge, host) = start(token);
    let recording = Recording::parse(file).unwrap();
    let replayed = recording.replay_with(&mut bridge, |what, with| act(&host, what, with));
    replayed.map_err(|difference| difference.to_string())
}

/// The file with one line of it changed, and the others as they are.
fn with_line(file: &[u8], number: usize, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut lines: Vec<_> = str::from_utf8(file).unwrap().lines().collect();
    let mut line = serde_json::from_str(lines[number - 1]).unwrap();
    change(&mut line);
    let line = line.to_string();
    lines[number - 1] = &line;
    lines.join("\n").into()
}

/// The number of the first line of this call from there on.
fn find(lines: &[Value], call: &str, from: usize) -> usize {
    let is_it = |line: &Value| line["call"] == call || line["call"].get(call).is_some();
    from + 1 + lines[from..].iter().position(is_it).unwrap()
}

#[test]
fn whatever_a_shell_and_its_host_do_is_in_the_record_and_replays() {
    let file = recorded();
    assert_eq!(replay(&file, "my token"), Ok(()));
    let lines = lines(&file);
    assert_eq!(
        lines[0],
        json!({"stillpoint": "record", "version": 1, "start": {"token": "none"}})
    );
    let names = lines.iter().skip(1).map(|line| match &line["call"] {
        Value::String(name) => name.clone(),
        call => call.as_object().unwrap().keys().next().unwrap().clone(),
    });
    let names = names.collect::<Vec<_>>().join(" ");
    assert_eq!(
        names,
        "run run drain resolve resolve resolve send resolve send send send run drain host host run drain snapshot fail \
         end run teardown run"
    );
    let text = str::from_utf8(&file).unwrap();
    for kind in [
        "request",
        "stream",
        "notify",
        "cancelled",
        "panic",
        "report",
    ] {
        assert!(text.contains(&format!(r#""type":"{kind}""#)), "{kind}");
    }
    for code in [
        "undecodable",
        "unknown",
        "wrongKind",
        "alreadyAnswered",
        "tornDown",
    ] {
        assert!(text.contains(&format!(r#"{{"error":"{code}"}}"#)), "{code}");
    }
}

#[test]
fn a_record_says_which_tasks_came_and_went() {
    let lines = lines(&recorded());
    let names = |line: &Value| -> Vec<_> {
        let spawned = line["outcome"]["spawned"].as_array().unwrap();
        spawned.iter().map(|task| task["name"].clone()).collect()
    };
    assert_eq!(
        names(&lines[1]),
        [json!("log-in"), json!("ticks"), json!(null)]
    );
    assert!(
        lines[1]["outcome"]["spawned"][0]["place"]
            .as_str()
            .unwrap()
            .contains("record.rs:")
    );
    let later = &lines[find(&lines, "run", 4) - 1];
    assert_eq!(later["outcome"]["ended"], json!(["0.1"]), "logged in");
    assert_eq!(
        names(later),
        ["tick", "tick"],
        "the third has panicked before anybody could look"
    );
}

#[test]
fn a_core_that_does_something_else_is_found_at_its_first_line() {
    let file = recorded();
    assert_eq!(
        replay(&file, "another"),
        Err(concat!(
            "line 4, drain: at /outcome/items/0/operation/token the record has ",
            r#""my token", and the replay "another""#
        )
        .to_owned())
    );
}

#[test]
fn each_thing_that_a_record_says_is_compared() {
    let file = recorded();
    let lines = lines(&file);
    let drain = find(&lines, "drain", 0);
    let turn = find(&lines, "run", drain);
    let last = find(&lines, "teardown", 0);
    let second = find(&lines, "drain", drain);
    let items = lines[second - 1]["outcome"]["items"].as_array().unwrap();
    let panic = items.iter().position(|item| item["type"] == "panic");
    let message = format!("/outcome/items/{}/message", panic.unwrap());
    let error = find(&lines, "resolve", 0);
    let done = find(&lines, "fail", 0);
    for (line, at) in [
        (drain, "/outcome/items/0/operation/user"),
        (drain, "/outcome/items/1/id"),
        (drain, "/outcome/items/1/type"),
        (turn, "/outcome/settled/polled"),
        (turn, "/outcome/spawned/0/name"),
        (turn, "/outcome/spawned/1/task"),
        (turn, "/outcome/ended/0"),
        (second, message.as_str()),
        (last, "/outcome/items/0/type"),
        (error, "/outcome/error"),
    ] {
        let changed = with_line(&file, line, |line| {
            let value = line.pointer_mut(at);
            *value.unwrap_or_else(|| panic!("line {} has no {at}", lines[0])) = "else".into();
        });
        let difference = replay(&changed, "my token").unwrap_err();
        let begin = format!("at {at} the record has \"else\", and the replay ");
        assert!(difference.contains(&begin), "{difference}");
        assert!(
            difference.starts_with(&format!("line {line}, ")),
            "{difference}"
        );
    }
    // What is not there on one of the two sides.
    let missing = with_line(&file, error, |line| line["outcome"] = json!({}));
    let difference = replay(&missing, "my token").unwrap_err();
    assert!(
        difference.ends_with(r#"has nothing, and the replay "undecodable""#),
        "{difference}"
    );
    let more = with_line(&file, done, |line| {
        line["outcome"] = json!({"error": "stale"})
    });
    let difference = replay(&more, "my token").unwrap_err();
    assert!(
        difference.ends_with(r#"has "stale", and the replay nothing"#),
        "{difference}"
    );
    let fewer = with_line(&file, drain, |line| {
        line["outcome"]["items"].as_array_mut().unwrap().pop();
    });
    let difference = replay(&fewer, "my token").unwrap_err();
    assert!(
        difference.contains("at /outcome/items/2 the record has nothing"),
        "{difference}"
    );
}

#[test]
fn where_code_stands_and_what_the_host_holds_are_not_compared() {
    let mut file = recorded();
    for (number, line) in lines(&file).iter().enumerate() {
        let number = number + 1;
        for index in 0..line["outcome"]["spawned"].as_array().map_or(0, Vec::len) {
            file = with_line(&file, number, |line| {
                line["outcome"]["spawned"][index]["place"] = "moved".into();
            });
        }
        let items = line["outcome"]["items"].as_array();
        for (index, item) in items.into_iter().flatten().enumerate() {
            file = with_line(&file, number, |line| {
                let found = &mut line["outcome"]["items"][index];
                match item["type"].as_str() {
                    Some("panic") => found["place"] = "moved".into(),
                    Some("report") => {
                        found["text"] = "moved".into();
                        found["outstanding"] = "changed".into();
                    }
                    _ => {}
                }
            });
        }
    }
    assert!(str::from_utf8(&file).unwrap().matches("moved").count() > 6);
    assert_eq!(replay(&file, "my token"), Ok(()));
}

fn hide(part: Part<'_>, value: &mut Value) {
    match part {
        Part::Operation { effect: "LogIn" } => value["token"] = "hidden".into(),
        Part::Operation { effect: "Say" } if value.as_str().unwrap().contains("my key") => {
            *value = "hidden".into();
        }
        Part::Answer { effect: "LogIn" } if value["key"].is_string() => {
            *value = json!({"key": "hidden"});
        }
        Part::Failure { effect: "Ticks" } | Part::Message | Part::Host { what: "panic" } => {
            *value = "hidden".into();
        }
        _ => {}
    }
}

#[test]
fn what_a_hook_hides_is_nowhere_in_the_record_and_it_replays_all_the_same() {
    let (bridge, host) = start("my token");
    let mut recorder = Recorder::new(bridge, Value::Null, Vec::new()).redact(hide);
    play(&mut recorder, &host);
    let file = recorder.finish().1.unwrap();
    let text = str::from_utf8(&file).unwrap();
    assert!(!text.contains("my "), "{text}");
    assert!(
        text.contains(r#""redacted":["/outcome/items/0/operation/token"]"#),
        "{text}"
    );
    assert!(
        text.contains(r#"{"fail":{"id":16777217,"message":"hidden"}}"#),
        "{text}"
    );
    assert_eq!(replay(&file, "another token"), Ok(()));
    // What stands beside it is compared.
    let drain = find(&lines(&file), "drain", 0);
    let changed = with_line(&file, drain, |line| {
        line["outcome"]["items"][0]["operation"]["user"] = "eve".into();
    });
    let difference = replay(&changed, "my token").unwrap_err();
    assert!(
        difference.contains("/outcome/items/0/operation/user"),
        "{difference}"
    );
}

#[test]
fn a_hook_is_told_what_each_value_is() {
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let sees = Arc::clone(&seen);
    let (bridge, host) = start("t");
    let mut recorder = Recorder::new(bridge, Value::Null, Vec::new()).redact(move |part, value| {
        sees.lock().unwrap().push(match part {
            Part::Operation { effect } => format!("{effect} {value}"),
            Part::Answer { effect } => format!("answer {effect} {value}"),
            Part::Failure { effect } => format!("failure {effect} {value}"),
            Part::Message => format!("message {value}"),
            Part::Host { what } => format!("host {what} {value}"),
            _ => "unknown".to_owned(),
        });
    });
    recorder.run(1000).unwrap();
    recorder.drain().unwrap();
    recorder.resolve(id(LOG_IN), b"7").unwrap_err();
    recorder.fail(id(LOG_IN), "why").unwrap();
    recorder.fail(id(LOG_IN), "again").unwrap_err();
    recorder.send(id(TICKS), b"null").unwrap();
    recorder.host("abort", json!([1]));
    act(&host, "abort", &Value::Null);
    recorder.run(1000).unwrap();
    recorder.drain().unwrap();
    recorder.resolve(id(WAIT), b"null").unwrap_err();
    recorder.end(id(TICKS)).unwrap();
    recorder.fail(id(TICKS), "late").unwrap_err();
    assert_eq!(
        *seen.lock().unwrap(),
        [
            r#"LogIn {"token":"t","user":"ada"}"#,
            "Ticks null",
            "Wait 0",
            "answer LogIn 7",
            "failure LogIn \"why\"",
            "failure ? \"again\"",
            "answer Ticks null",
            "host abort [1]",
            "Say \"the shell failed it: why\"",
            "Say \"None\"",
            "Wait 1",
            "answer ? null",
            "failure ? \"late\"",
        ]
    );
}

/// A key more, one fewer, one with the characters that a pointer has, a list that is longer.
#[test]
fn what_a_hook_changes_is_named_as_exactly_as_it_can_be() {
    effects! {
        enum Effect {
            Tell => notify Value,
        }
    }
    let told = json!({"a/b~c": 1, "gone": 2, "list": [3], "pair": [4, 5], "stays": 6});
    let start = |stays: u32| {
        let executor = Executor::<Effect>::new();
        let mut told = told.clone();
        told["stays"] = stays.into();
        executor.shell().notify(told).unwrap();
        Bridge::new(executor)
    };
    let mut recorder = Recorder::new(start(6), Value::Null, Vec::new()).redact(|_, value| {
        *value = json!({"a/b~c": 0, "more": 0, "list": [], "pair": [4, 0], "stays": 6});
    });
    recorder.drain().unwrap();
    let file = recorder.finish().1.unwrap();
    let mut redacted: Vec<String> =
        serde_json::from_value(lines(&file)[1]["redacted"].clone()).unwrap();
    redacted.sort();
    let places = ["a~1b~0c", "gone", "list", "more", "pair/1"];
    assert_eq!(
        redacted,
        places.map(|at| format!("/outcome/items/0/operation/{at}"))
    );
    let recording = Recording::parse(file).unwrap();
    assert_eq!(recording.replay(&mut start(6)), Ok(()));
    let difference = recording.replay(&mut start(7)).unwrap_err();
    assert_eq!(difference.at(), "/outcome/items/0/operation/stays");
}

#[test]
fn a_difference_shows_the_beginning_of_a_long_value() {
    let start = |text: &str| {
        let executor = Executor::<Effect>::new();
        executor.shell().notify(text.to_owned()).unwrap();
        Bridge::new(executor)
    };
    let mut recorder = Recorder::new(start("short"), Value::Null, Vec::new());
    recorder.drain().unwrap();
    let recording = Recording::parse(recorder.finish().1.unwrap()).unwrap();
    let difference = recording.replay(&mut start(&"ä".repeat(1000))).unwrap_err();
    let shown = format!("and the replay \"{}…", "ä".repeat(199));
    assert!(difference.to_string().ends_with(&shown), "{difference}");
    assert_eq!(
        difference
            .found()
            .unwrap()
            .as_str()
            .unwrap()
            .chars()
            .count(),
        1000
    );
}

/// A number that no value holds, beside something that a hook would hide: the core does not read it.
#[test]
fn what_a_hook_cannot_be_shown_is_not_written() {
    let (bridge, _host) = start("");
    let mut recorder = Recorder::new(bridge, Value::Null, Vec::new()).redact(hide);
    recorder.run(1000).unwrap();
    recorder.drain().unwrap();
    let answer = br#"{"key":"my key","other":1e999}"#;
    recorder.resolve(id(LOG_IN), answer).unwrap();
    let file = String::from_utf8(recorder.finish().1.unwrap()).unwrap();
    assert!(file.contains(r#""unreadable":30"#), "{file}");
    assert!(!file.contains("my "), "{file}");
}

/// Nested as deeply as the number says.
#[derive(Clone, Copy)]
struct Deep(u32);

impl Serialize for Deep {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            0 => serializer.serialize_str("my bottom"),
            depth => serializer.collect_seq([Deep(depth - 1)]),
        }
    }
}

#[test]
fn an_operation_that_is_nested_too_deeply_is_written_as_such() {
    effects! {
        enum Effect {
            Deep => notify Deep,
        }
    }
    let start = || {
        let executor = Executor::<Effect>::new();
        executor.shell().notify(Deep(200)).unwrap();
        executor.shell().notify(Deep(20)).unwrap();
        Bridge::new(executor)
    };
    let mut recorder = Recorder::new(start(), Value::Null, Vec::new());
    recorder.drain().unwrap();
    let file = recorder.finish().1.unwrap();
    let items = lines(&file)[1]["outcome"]["items"].clone();
    assert_eq!(items[0], json!({"type": "unreadable"}));
    assert_eq!(items[1]["effect"], "Deep");
    let recording = Recording::parse(file).unwrap();
    recording.replay(&mut start()).unwrap();
}

/// The line around an item is nested as well: what can be read by itself may be too deep in there.
#[test]
fn an_item_that_its_line_would_make_too_deep_is_written_as_such() {
    effects! {
        enum Effect {
            Deep => notify Deep,
        }
    }
    let start = |depth| {
        let executor = Executor::<Effect>::new();
        executor.shell().notify(Deep(depth)).unwrap();
        Bridge::new(executor)
    };
    for depth in 122..130 {
        let mut recorder = Recorder::new(start(depth), Value::Null, Vec::new());
        recorder.drain().unwrap();
        let file = recorder.finish().1.unwrap();
        let recording = Recording::parse(&file).unwrap_or_else(|error| panic!("{depth}: {error}"));
        recording.replay(&mut start(depth)).unwrap();
        let is_unreadable = str::from_utf8(&file).unwrap().contains("unreadable");
        // The item itself is a level.
        assert_eq!(is_unreadable, depth + 1 > 124, "{depth}");
    }
}

#[test]
fn a_redacted_answer_that_does_not_decode_is_said_to_be_one() {
    let (bridge, host) = start("my token");
    let mut recorder = Recorder::new(bridge, Value::Null, Vec::new()).redact(|part, value| {
        if let Part::Answer { .. } = part {
            *value = false.into();
        }
    });
    play(&mut recorder, &host);
    let difference = replay(&recorder.finish().1.unwrap(), "my token").unwrap_err();
    assert_eq!(
        difference,
        "line 9, resolve: at /outcome/error the record has nothing, and the replay \"undecodable\"; what the shell \
         said there was redacted"
    );
}

#[test]
fn where_a_hook_panics_nothing_of_the_value_is_written() {
    let (bridge, host) = start("my token");
    let mut recorder = Recorder::new(bridge, Value::Null, Vec::new()).redact(|_, value| {
        *value = format!("{value}, of which my half is hidden").into();
        panic!("a hook that panics, in a test");
    });
    play(&mut recorder, &host);
    let file = recorder.finish().1.unwrap();
    let text = str::from_utf8(&file).unwrap();
    assert!(!text.contains("my "), "{text}");
    assert!(text.contains(r#""operation":null"#), "{text}");
}

/// A value has the last of two equal keys alone, and the hook is shown a value.
#[test]
fn an_answer_that_says_a_key_twice_is_not_written_where_a_hook_is_to_see_it() {
    let (bridge, _host) = start("my token");
    let mut recorder = Recorder::new(bridge, Value::Null, Vec::new()).redact(|_, value| {
        if value["key"] == "my key" {
            *value = Value::Null;
        }
    });
    recorder.run(1000).unwrap();
    recorder.drain().unwrap();
    let twice = br#"{"key":"my key","key":"another"}"#;
    recorder.resolve(id(LOG_IN), twice).unwrap_err();
    let file = recorder.finish().1.unwrap();
    assert!(!str::from_utf8(&file).unwrap().contains("my key"));
    assert_eq!(
        lines(&file)[3],
        json!({"call": {"resolve": {"id": LOG_IN, "unreadable": twice.len()}}, "outcome": {"error": "undecodable"}})
    );
    let (mut bridge, _host) = start("my token");
    Recording::parse(&file)
        .unwrap()
        .replay(&mut bridge)
        .unwrap();
}

#[test]
fn an_answer_that_is_no_json_is_written_by_its_length_and_replays_as_such() {
    let file = recorded();
    let lines = lines(&file);
    assert_eq!(
        lines[5],
        json!({"call": {"resolve": {"id": LOG_IN, "unreadable": 7}}, "outcome": {"error": "undecodable"}})
    );
}

/// A space in its place would make it one.
#[test]
fn a_line_break_within_a_text_makes_an_answer_no_json() {
    let (bridge, _host) = start("");
    let mut recorder = Recorder::new(bridge, Value::Null, Vec::new());
    recorder.run(1000).unwrap();
    recorder.drain().unwrap();
    for answer in ["{\"key\":\"a\nb\"}", "{\"key\":\"a\", \"a\rb\":1}"] {
        recorder.resolve(id(LOG_IN), answer.as_bytes()).unwrap_err();
    }
    recorder
        .resolve(id(LOG_IN), b"{\"key\":\r\n\"ab\"}")
        .unwrap();
    recorder.run(1000).unwrap();
    recorder.drain().unwrap();
    assert_eq!(replay(&recorder.finish().1.unwrap(), ""), Ok(()));
}

/// White space makes it so long, which is none of a value's.
#[test]
fn an_answer_that_is_too_long_is_written_by_its_length_and_replays_as_such() {
    let start = || {
        let (bridge, host) = start("");
        (
            bridge.limits(Limits {
                bytes: 8,
                ..Limits::default()
            }),
            host,
        )
    };
    let (bridge, _host) = start();
    let mut recorder = Recorder::new(bridge, Value::Null, Vec::new());
    recorder.run(1000).unwrap();
    recorder.drain().unwrap();
    recorder.resolve(id(WAIT), b"   null  ").unwrap_err();
    recorder.resolve(id(WAIT), b" null   ").unwrap();
    recorder.run(1000).unwrap();
    let file = recorder.finish().1.unwrap();
    let recording = Recording::parse(&file).unwrap();
    recording.replay(&mut start().0).unwrap();
    assert_eq!(
        lines(&file)[3],
        json!({"call": {"resolve": {"id": WAIT, "unreadable": 9}}, "outcome": {"error": "tooLarge"}})
    );
}

/// Also where its beginning would be an item.
#[test]
fn an_item_that_is_no_json_is_none_in_a_replay() {
    let (bridge, _host) = start("");
    let mut recorder = Recorder::new(bridge, Value::Null, Vec::new());
    recorder.run(1000).unwrap();
    recorder.drain().unwrap();
    for item in ["", "1x", "77 88", "\"7"] {
        recorder.send(id(TICKS), item.as_bytes()).unwrap_err();
    }
    assert_eq!(replay(&recorder.finish().1.unwrap(), ""), Ok(()));
}

/// A null is an answer and none that is missing, and a number of 128 bits has all its digits.
#[test]
fn an_answer_keeps_its_very_text() {
    let file = String::from_utf8(recorded()).unwrap();
    assert!(
        file.contains(r#"{"send":{"id":16777217,"answer":null}}"#),
        "{file}"
    );
    let hint = r#""hint":340282366920938463463374607431768211455}"#;
    assert!(file.contains(hint), "{file}");
    assert!(file.contains("in as my key Some(340282366920938463463374607431768211455)"));
}

#[test]
fn bytes_that_nobody_reads_need_not_be_utf_8() {
    let (bridge, _host) = start("");
    let mut recorder = Recorder::new(bridge, Value::Null, Vec::new());
    recorder.run(1000).unwrap();
    recorder.drain().unwrap();
    recorder
        .resolve(id(LOG_IN), b"{\"key\":\"\xff\"}")
        .unwrap_err();
    recorder
        .resolve(id(LOG_IN), b"{\"key\":\"k\",\"other\":\"\xff\"}")
        .unwrap();
    recorder.run(1000).unwrap();
    recorder.drain().unwrap();
    assert_eq!(replay(&recorder.finish().1.unwrap(), ""), Ok(()));
}

#[test]
fn what_a_host_did_needs_somebody_who_does_it() {
    let recording = Recording::parse(recorded()).unwrap();
    let (mut bridge, _host) = start("my token");
    let difference = recording.replay(&mut bridge).unwrap_err();
    assert_eq!(
        difference.to_string(),
        "line 15, host: nobody does it: use `replay_with`"
    );
    // The bridge stands where the difference was.
    assert!(bridge.snapshot().is_ok());
}

#[test]
fn a_local_core_is_recorded_as_well() {
    fn local() -> LocalBridge<Effect> {
        let mut executor = LocalExecutor::<Effect>::new();
        let (shell, text) = (executor.shell(), Rc::new("hello"));
        drop(executor.spawn_local(async move { shell.notify(text.to_string()).unwrap() }));
        LocalBridge::new(executor)
    }
    fn record<B: Bridged>(bridge: B) -> Vec<u8> {
        let mut recorder = Recorder::new(bridge, Value::Null, Vec::new());
        recorder.run(1000).unwrap();
        recorder.drain().unwrap();
        recorder.finish().1.unwrap()
    }
    let recording = Recording::parse(record(local())).unwrap();
    recording.replay(&mut local()).unwrap();
}

/// A sink that has room for so many bytes.
struct Disk(usize, Arc<AtomicU64>);

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0 = self
            .0
            .checked_sub(bytes.len())
            .ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_sink_that_fails_ends_the_record_and_not_the_run() {
    let writes = Arc::<AtomicU64>::default();
    let (bridge, host) = start("my token");
    let mut recorder = Recorder::new(bridge, Value::Null, Disk(100, Arc::clone(&writes)));
    play(&mut recorder, &host);
    let (bridge, ended) = recorder.finish();
    assert_eq!(ended.err().unwrap().kind(), io::ErrorKind::StorageFull);
    assert_eq!(
        writes.load(Ordering::Relaxed),
        2,
        "nothing after the one that failed"
    );
    assert!(bridge.report().is_some());
}

#[test]
fn a_file_that_is_no_record_says_why() {
    let error = |text: &str| Recording::parse(text).unwrap_err().to_string();
    assert_eq!(error(""), "no record of a run: it is empty");
    assert_eq!(
        error(r#"{"stillpoint":"report","version":1}"#),
        "no record of a run: it begins as a \"report\""
    );
    assert!(error("hello").starts_with("no record of a run: expected value at line 1"));
    assert!(error(r#"{"version":1}"#).contains("missing field `stillpoint`"));
    let header = r#"{"stillpoint":"record","version":1}"#;
    let line = |text: &str| error(&format!("{header}\n\n{text}\n"));
    assert!(line("{").starts_with("line 3 of the record: EOF while parsing"));
    assert!(line(r#"{"call":"fly","outcome":{}}"#).contains("unknown variant `fly`"));
    assert!(line(r#"{"call":"drain"}"#).contains("missing field `outcome`"));
    let resolve = |fields: &str| {
        line(&format!(
            r#"{{"call":{{"resolve":{{"id":1{fields}}}}},"outcome":{{}}}}"#
        ))
    };
    assert_eq!(
        resolve(""),
        "line 3 of the record: it has no answer, or two"
    );
    assert_eq!(
        resolve(r#","answer":1,"unreadable":1"#),
        "line 3 of the record: it has no answer, or two"
    );
    assert!(
        resolve(r#","unreadable":268435457"#)
            .ends_with("of 268435457 bytes is longer than 268435456")
    );
    assert!(resolve(r#","unreadable":-1"#).contains("invalid value"));
    let deep = "[".repeat(100_000);
    assert!(line(&format!(r#"{{"call":"drain","outcome":{deep}"#)).contains("recursion limit"));
    let version = Recording::parse(r#"{"stillpoint":"record","version":7,"new":1}"#);
    assert_eq!(version.unwrap_err(), RecordError::Version { found: 7 });
}

/// Bytes all over the file are changed, and it is cut all over: what is read all the same is replayed, and may do what
/// it likes but panic.
#[test]
fn no_file_makes_a_replay_panic() {
    let file = recorded();
    let (mut refused, mut differed, mut same) = (0, 0, 0);
    let mut attempt = |file: &[u8]| match Recording::parse(file) {
        Err(_) => refused += 1,
        Ok(recording) => {
            let (mut bridge, host) = start("my token");
            let replayed = recording.replay_with(&mut bridge, |what, with| {
                // A host that knows what it is asked for, or does nothing.
                if what == "abort" || (what == "panic" && with.is_string()) {
                    act(&host, what, with);
                }
            });
            match replayed {
                Ok(()) => same += 1,
                Err(difference) => {
                    differed += 1;
                    assert!(difference.line() > 1 && !difference.to_string().is_empty());
                }
            }
        }
    };
    for at in (0..file.len()).step_by(13) {
        attempt(&file[..at]);
    }
    for at in (0..file.len()).step_by(3) {
        let mut changed = file.clone();
        changed[at] = [b'0', b'"', b'}', 0xff][at / 3 % 4];
        attempt(&changed);
    }
    assert!(
        refused > 200 && differed > 20 && same > 10,
        "{refused} {differed} {same}"
    );
}
