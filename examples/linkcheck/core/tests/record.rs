//! A check that was recorded, and is made again from the file: whatever the core asks otherwise, or in another order,
//! is found.
//!
//! With `LINKCHECK_RECORD=write` the file is written anew. See docs/RECORD.md of stillpoint.
#![cfg(feature = "portable")]

use std::{
    collections::BTreeMap,
    fs,
    num::NonZeroUsize,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use linkcheck_core::{Settings, check, effect::Effect, report::Report};
use serde_json::{Value, json};
use stillpoint::{
    Executor, RequestId,
    bridge::Bridge,
    record::{Recorder, Recording},
};

/// The core as the start of a record has it, and where its report will be.
fn start(settings: &Value) -> (Bridge<Effect>, Arc<OnceLock<Report>>) {
    let concurrency = usize::try_from(settings["concurrency"].as_u64().unwrap()).unwrap();
    let settings = Settings {
        concurrency: NonZeroUsize::new(concurrency).unwrap(),
        ..Settings::default()
    };
    let executor = Executor::new();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let report = Arc::<OnceLock<Report>>::default();
    let checked = Arc::clone(&report);
    let checking = check(spawner.clone(), shell, settings);
    drop(spawner.name("check").spawn(async move {
        checked.set(checking.await).expect("it is checked once");
    }));
    (Bridge::new(executor), report)
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/record/run.jsonl")
}

const INDEX: &str = "# A site\n\n[about](about.md#us) [gone](gone.md) [here](#a-site) [us](about.md#them)\n\
    [fine](https://fine.test/) [missing](https://missing.test/) [busy](https://busy.test/)\n\
    [slow](https://slow.test/) [lost](https://lost.test/)\n";
const ABOUT: &str = "# Us\n\n[back](index.md) [fine](https://fine.test/#top)\n";

/// A shell whose files and web are values. It answers what came last first, as a quick server overtakes a slow one.
#[derive(Default)]
struct Shell {
    /// When which sleep is over, in milliseconds.
    sleeping: BTreeMap<(u128, u64), ()>,
    now: u128,
    walked: usize,
    tries: BTreeMap<String, u32>,
}

enum Does {
    Resolve(Value),
    Fail(&'static str),
    Keep,
}

impl Shell {
    fn perform(&mut self, item: &Value) -> Does {
        let operation = &item["operation"];
        match item["effect"].as_str().unwrap() {
            "NextDocument" => {
                self.walked += 1;
                Does::Resolve(match self.walked {
                    1 => document("index.md"),
                    2 => document("about.md"),
                    3 => {
                        json!({"Unread": {"document": "secret.md", "reason": "permission denied"}})
                    }
                    _ => Value::Null,
                })
            }
            "Read" => Does::Resolve(match operation.as_str().unwrap() {
                "index.md" => json!({"Ok": INDEX.as_bytes()}),
                "about.md" => json!({"Ok": ABOUT.as_bytes()}),
                _ => json!({"Err": "Missing"}),
            }),
            "Look" => Does::Resolve(match operation.as_str().unwrap() {
                "index.md" | "about.md" => json!({"Ok": "File"}),
                _ => json!({"Err": "Missing"}),
            }),
            "Probe" => self.probe(operation["address"].as_str().unwrap()),
            "Sleep" => {
                let time: Duration = serde_json::from_value(operation.clone()).unwrap();
                let id = item["id"].as_u64().unwrap();
                self.sleeping.insert((self.now + time.as_millis(), id), ());
                Does::Keep
            }
            "Interrupt" => Does::Keep,
            other => panic!("{other} is unknown"),
        }
    }

    fn probe(&mut self, address: &str) -> Does {
        let tries = self.tries.entry(address.to_owned()).or_default();
        *tries += 1;
        let answer = |status: u16, retry_after: Option<Duration>, page: Value| {
            let answer = json!({"status": status, "final_url": address, "retry_after": retry_after, "page": page});
            Does::Resolve(json!({"Ok": answer}))
        };
        let page = json!({"content_type": "text/html", "bytes": b"<p id=top>", "truncated": false});
        match (address, *tries) {
            ("https://fine.test/", _) => answer(200, None, page),
            ("https://busy.test/", 1) => answer(429, Some(Duration::from_secs(3)), Value::Null),
            ("https://busy.test/", _) => answer(200, None, Value::Null),
            ("https://slow.test/", _) => Does::Keep,
            ("https://lost.test/", _) => Does::Fail("the connection is lost"),
            _ => answer(404, None, Value::Null),
        }
    }
}

fn document(name: &str) -> Value {
    json!({"Document": {"resource": {"kind": "local", "name": name}, "root": "."}})
}

/// Records a whole run.
fn record() -> Vec<u8> {
    let settings = json!({"concurrency": 4});
    let (bridge, _) = start(&settings);
    let mut recorder = Recorder::new(bridge, settings, Vec::new());
    let mut shell = Shell::default();
    while recorder.run(1000).unwrap().pending > 0 {
        let batch: Value = serde_json::from_slice(&recorder.drain().unwrap()).unwrap();
        let items = batch["items"].as_array().unwrap();
        let mut has_answered = false;
        for item in items.iter().rev() {
            match item["type"].as_str().unwrap() {
                "request" => {
                    let id = RequestId::from_u64(item["id"].as_u64().unwrap());
                    match shell.perform(item) {
                        Does::Resolve(answer) => {
                            recorder.resolve(id, answer.to_string().as_bytes()).unwrap();
                        }
                        Does::Fail(why) => recorder.fail(id, why).unwrap(),
                        Does::Keep => continue,
                    }
                    has_answered = true;
                }
                "cancelled" => shell.sleeping.retain(|(_, id), ()| item["id"] != *id),
                _ => {}
            }
        }
        if !has_answered && let Some(((time, id), ())) = shell.sleeping.pop_first() {
            shell.now = time;
            recorder.resolve(RequestId::from_u64(id), b"null").unwrap();
        }
    }
    recorder.drain().unwrap();
    recorder.teardown().unwrap();
    recorder.finish().1.unwrap()
}

fn recording() -> Recording {
    if std::env::var_os("LINKCHECK_RECORD").is_some() {
        fs::write(file(), record()).unwrap();
    }
    Recording::parse(fs::read(file()).unwrap()).unwrap()
}

#[test]
fn a_recorded_check_is_made_again_call_by_call() {
    let recording = recording();
    let (mut bridge, report) = start(recording.start());
    if let Err(difference) = recording.replay(&mut bridge) {
        panic!("{difference}");
    }
    let report = report.get().expect("it is done");
    let mut found: Vec<_> = report
        .findings
        .iter()
        .map(|finding| format!("{} {}: {}", finding.document, finding.link, finding.fault))
        .collect();
    found.sort();
    assert_eq!(
        found,
        [
            "index.md about.md#them: no anchor #them",
            "index.md gone.md: no such file: gone.md",
            "index.md https://lost.test/: the shell failed it: the connection is lost",
            "index.md https://missing.test/: 404 Not Found",
            "index.md https://slow.test/: no answer in time",
        ]
    );
    assert_eq!(report.unread[0].document, "secret.md");
}

#[test]
fn the_record_has_something_of_everything() {
    let text = fs::read_to_string(file()).unwrap();
    for piece in [
        r#""type":"cancelled""#,
        r#""type":"notify""#,
        r#"{"call":{"fail":"#,
        r#""name":"check""#,
        r#""status":429"#,
        r#""isBaseline":true"#,
    ] {
        assert!(text.contains(piece), "{piece}");
    }
}

#[test]
fn a_core_that_works_in_another_order_is_found() {
    let recording = recording();
    let (mut bridge, _) = start(&json!({"concurrency": 1}));
    let difference = recording.replay(&mut bridge).unwrap_err();
    assert!(difference.at().starts_with("/outcome/"), "{difference}");
    assert!(difference.line() < recording.calls() / 2, "{difference}");
}
