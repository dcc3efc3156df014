//! A session from Rust: what its lock and its bell hold to, whatever language calls.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::thread;
use std::time::Duration;

use linkcheck_native::{Bell, BellError, Encoding, Session, SessionError, Settings};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The first id that an executor gives: that of the orders.
const ORDERS: u64 = 1 << 24;

/// How long a thread may take that is not to wait for another.
const PATIENCE: Duration = Duration::from_secs(20);

/// A bell of a closure.
struct Rings<F>(F);

impl<F: Fn() -> Result<(), BellError> + Send + Sync> Bell for Rings<F> {
    fn ring(&self) -> Result<(), BellError> {
        self.0()
    }
}

fn rings(
    ring: impl Fn() -> Result<(), BellError> + Send + Sync + 'static,
) -> Option<Box<dyn Bell>> {
    Some(Box::new(Rings(ring)))
}

/// A rehearsal that has asked for its orders.
fn rehearsal(bell: Option<Box<dyn Bell>>) -> Arc<Session> {
    let session = Session::rehearsal(Encoding::Json, bell);
    session.run(1000).unwrap();
    assert_eq!(items(&session)[0]["id"], ORDERS);
    session
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> T {
    serde_json::from_slice(bytes).unwrap()
}

fn items(session: &Session) -> Vec<Value> {
    let mut batch: Value = read(&session.drain().unwrap());
    serde_json::from_value(batch["items"].take()).unwrap()
}

fn order(session: &Session, order: Value) -> Result<(), SessionError> {
    session.send(ORDERS, order.to_string().into_bytes())
}

fn say(session: &Session) -> Result<(), SessionError> {
    order(session, json!({"Say": "hello"}))
}

fn tear_down(session: &Session) -> Value {
    let batch: Value = read(&session.teardown().unwrap());
    let report = batch["items"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(report["isBaseline"], true, "{report}");
    report
}

#[test]
fn a_bell_is_rung_under_no_lock() {
    let (heard, hear): (Sender<bool>, Receiver<bool>) = channel();
    let session = Arc::new(OnceLock::<Weak<Session>>::new());
    let bell = {
        let session = Arc::clone(&session);
        rings(move || {
            let session = session.get().and_then(Weak::upgrade).expect("it is set");
            // Another thread has its turn while this one is in the bell.
            let (ran, has_run) = channel();
            thread::spawn(move || ran.send(session.run(1000).is_ok()));
            let has_run = has_run.recv_timeout(PATIENCE).unwrap_or(false);
            heard.send(has_run).unwrap();
            Ok(())
        })
    };
    let owner = rehearsal(bell);
    session.set(Arc::downgrade(&owner)).unwrap();
    say(&owner).unwrap();
    assert!(hear.recv().unwrap());
    assert_eq!(items(&owner)[0]["operation"], "hello");
    tear_down(&owner);
}

#[test]
fn from_within_a_bell_every_call_is_refused() {
    let refused = Arc::new(Mutex::new(Vec::new()));
    let owner = Arc::new(Mutex::new(None::<Arc<Session>>));
    let bell = {
        let (refused, owner) = (Arc::clone(&refused), Arc::clone(&owner));
        rings(move || {
            let session = owner.lock().unwrap().take().expect("it rings once");
            let id = ORDERS;
            let calls = [
                session.run(1).map(drop),
                session.drain().map(drop),
                session.resolve(id, Vec::new()),
                session.fail(id, String::new()),
                session.send(id, Vec::new()),
                session.end(id),
                session.snapshot().map(drop),
                session.teardown().map(drop),
            ];
            refused.lock().unwrap().extend(calls);
            Ok(())
        })
    };
    let session = rehearsal(bell);
    *owner.lock().unwrap() = Some(Arc::clone(&session));
    say(&session).unwrap();
    let refused = std::mem::take(&mut *refused.lock().unwrap());
    assert_eq!(refused.len(), 8);
    for call in refused {
        assert!(matches!(call, Err(SessionError::WithinBell(_))), "{call:?}");
    }
    tear_down(&session);
}

#[test]
fn what_a_bell_throws_ends_there_and_the_next_call_rings_again() {
    for panics in [false, true] {
        let rung = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&rung);
        let session = rehearsal(rings(move || {
            match (count.fetch_add(1, Ordering::SeqCst), panics) {
                (0, true) => panic!("a bell that panics, in a test"),
                (0, false) => Err(BellError::Failed {
                    reason: "no loop".to_owned(),
                }),
                _ => Ok(()),
            }
        }));
        say(&session).unwrap();
        assert_eq!(rung.load(Ordering::SeqCst), 1);
        say(&session).unwrap();
        assert_eq!(rung.load(Ordering::SeqCst), 2);
        let failure = session.run(1000).unwrap().bell_failure;
        let expected = if panics { "it panicked" } else { "no loop" };
        assert_eq!(failure.as_deref(), Some(expected));
        assert_eq!(session.run(1000).unwrap().bell_failure, None);
        assert_eq!(items(&session).len(), 2);
        tear_down(&session);
    }
}

#[test]
fn a_turn_that_is_refused_within_a_bell_leaves_what_it_threw_to_the_next_one() {
    let session = Arc::new(OnceLock::<Weak<Session>>::new());
    let rung = AtomicUsize::new(0);
    let bell = {
        let session = Arc::clone(&session);
        rings(move || {
            if rung.fetch_add(1, Ordering::SeqCst) == 0 {
                let reason = "no loop".to_owned();
                return Err(BellError::Failed { reason });
            }
            let session = session.get().and_then(Weak::upgrade).expect("it is set");
            assert!(matches!(session.run(1), Err(SessionError::WithinBell(_))));
            Ok(())
        })
    };
    let owner = rehearsal(bell);
    session.set(Arc::downgrade(&owner)).unwrap();
    say(&owner).unwrap();
    say(&owner).unwrap();
    let failure = owner.run(1000).unwrap().bell_failure;
    assert_eq!(failure.as_deref(), Some("no loop"));
    tear_down(&owner);
}

#[test]
fn a_session_that_is_made_within_a_bell_begins_and_rings_for_nothing_yet() {
    let (heard, hear) = channel();
    let session = rehearsal(rings(move || {
        let rung = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&rung);
        let made = Session::rehearsal(
            Encoding::Json,
            rings(move || {
                count.fetch_add(1, Ordering::SeqCst);
                Ok(())
            }),
        );
        assert!(matches!(made.run(1000), Err(SessionError::WithinBell(_))));
        heard.send((made, rung)).unwrap();
        Ok(())
    }));
    say(&session).unwrap();
    let (made, rung) = hear.recv().unwrap();
    assert_eq!(rung.load(Ordering::SeqCst), 0);
    made.run(1000).unwrap();
    assert_eq!(items(&made)[0]["id"], ORDERS);
    tear_down(&made);
    tear_down(&session);
}

#[test]
fn a_teardown_waits_for_who_is_in_the_bell_and_lets_go_of_it() {
    let held = Arc::new(());
    let gone = Arc::downgrade(&held);
    let (enter, entered) = channel();
    let (leave, left) = channel::<()>();
    let left = Mutex::new(left);
    let is_in = Arc::new(AtomicUsize::new(0));
    let inside = Arc::clone(&is_in);
    let session = rehearsal(rings(move || {
        let _held = &held;
        inside.store(1, Ordering::SeqCst);
        enter.send(()).unwrap();
        left.lock().unwrap().recv().unwrap();
        inside.store(0, Ordering::SeqCst);
        Ok(())
    }));
    thread::scope(|scope| {
        scope.spawn(|| say(&session).unwrap());
        entered.recv().unwrap();
        let teardown = scope.spawn(|| {
            tear_down(&session);
            is_in.load(Ordering::SeqCst)
        });
        // The session is torn down by now or soon, and the bell is still held.
        while !matches!(session.snapshot(), Err(SessionError::TornDown(_))) {
            thread::yield_now();
        }
        assert_eq!(gone.strong_count(), 1);
        leave.send(()).unwrap();
        assert_eq!(teardown.join().unwrap(), 0);
    });
    assert_eq!(gone.strong_count(), 0);
}

#[test]
fn a_session_is_shared_by_threads_and_every_accepted_item_is_delivered() {
    const THREADS: usize = 4;
    const ITEMS: usize = 200;
    let session = rehearsal(None);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let mut sent = 0;
                while sent < ITEMS {
                    match say(&session) {
                        Ok(()) => sent += 1,
                        Err(SessionError::Full(_)) => drop(session.run(10).unwrap()),
                        Err(other) => panic!("{other}"),
                    }
                }
            });
        }
    });
    session.run(u32::MAX).unwrap();
    assert_eq!(items(&session).len(), THREADS * ITEMS);
    tear_down(&session);
}

#[test]
fn a_spent_budget_is_told() {
    let session = rehearsal(None);
    say(&session).unwrap();
    assert!(session.run(0).unwrap().budget_spent);
    assert!(!session.run(1000).unwrap().budget_spent);
    tear_down(&session);
}

#[test]
fn a_check_gives_its_report_also_after_the_teardown() {
    let session = Session::check(Settings::default(), Encoding::MessagePack, None).unwrap();
    session.run(1000).unwrap();
    let batch: Value = rmp_serde::from_slice(&session.drain().unwrap()).unwrap();
    let items = batch["items"].as_array().unwrap();
    let next = items.iter().find(|item| item["effect"] == "NextDocument");
    assert_eq!(session.report(), None);
    let nil = vec![0xc0];
    session
        .resolve(next.unwrap()["id"].as_u64().unwrap(), nil)
        .unwrap();
    assert_eq!(session.run(1000).unwrap().pending, 0);
    let last: Value = rmp_serde::from_slice(&session.teardown().unwrap()).unwrap();
    let rest = last["items"].as_array().unwrap().last().unwrap();
    assert_eq!(rest["isBaseline"], true);
    let outstanding = rest["outstanding"].as_object().unwrap();
    assert!(outstanding.values().all(|count| *count == 0), "{rest}");
    let report: Value = serde_json::from_str(&session.report().unwrap()).unwrap();
    assert_eq!(report["summary"]["documents"], 0);
}

#[test]
fn unsafe_is_written_in_one_file() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in fs::read_dir(sources).unwrap() {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let code = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        let count = code.filter(|line| line.contains("unsafe")).count();
        assert_eq!(count > 0, path.ends_with("c.rs"), "{}", path.display());
    }
}
