//! How a host ends, and who may call it when.
#![cfg(target_family = "wasm")]

mod support;

use js_sys::{Function, Reflect};
use stillpoint::Shell;
use support::{World, get, message, number, pass};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::wasm_bindgen_test;
use web_tests::{Ask, Effect, Say};

/// Says something when it is dropped.
struct Last(Shell<Effect>);

impl Drop for Last {
    fn drop(&mut self) {
        self.0.notify(Say("the last word".to_owned())).ok();
    }
}

#[wasm_bindgen_test]
async fn closing_delivers_the_last_notifications_and_the_cancellations_and_reports() {
    let world = World::new(
        "Ask: (what, { signal }) => {
            signal.onabort = () => log.push('abort ' + what);
            return new Promise(() => {});
        }",
    );
    let (shell, last) = (world.shell.clone(), Last(world.shell.clone()));
    let task = world.spawn(async move {
        let _last = last;
        shell.request(Ask("for ever".to_owned())).await
    });
    pass().await;
    let report = world.close();
    assert_eq!(world.trace(), ["abort for ever", "say the last word"]);
    let counts =
        ["tasks", "requests", "notifications", "cancelled"].map(|name| number(&report, name));
    assert_eq!(counts, [1.0, 1.0, 1.0, 1.0]);
    assert_eq!(number(&get(&report, "outstanding"), "joinHandles"), 1.0);
    assert_eq!(number(&get(&report, "totals"), "effects"), 1.0);
    assert_eq!(js_sys::Array::from(&get(&report, "leaks")).length(), 0);
    let text = get(&report, "text").as_string().unwrap();
    assert!(
        text.contains("every count is back at its baseline"),
        "{text}"
    );
    drop(task);
}

#[wasm_bindgen_test]
async fn a_closed_host_refuses_every_call_with_an_error() {
    let world = World::new("");
    assert!(!world.host.is_closed());
    world.close();
    assert!(world.host.is_closed());
    for error in [
        world.host.close().unwrap_err(),
        world.host.snapshot().unwrap_err(),
        world.host.totals().unwrap_err(),
    ] {
        assert!(error.is_instance_of::<js_sys::Error>());
        assert_eq!(message(&error), "this host is closed");
    }
    assert!(world.shell.is_closed());
}

#[wasm_bindgen_test]
async fn disposing_closes_once() {
    let Some(dispose) = support::symbol("dispose") else {
        return; // an engine without it
    };
    let world = World::new("");
    let dispose: Function = Reflect::get(&world.host, &dispose)
        .unwrap()
        .dyn_into()
        .unwrap();
    for _ in 0..2 {
        dispose.call0(&world.host).unwrap();
        assert!(world.host.is_closed());
    }
}

#[wasm_bindgen_test]
async fn a_handler_may_look_and_close() {
    let world = World::new(
        "Say: text => {
            log.push(text);
            if (text !== 'close') return;
            log.push(String(this.host.snapshot().tasks.length));
            const report = this.host.close();
            log.push(`closed ${this.host.isClosed} ${report.isBaseline} ${report.notifications}`);
            try { this.host.close() } catch (error) { log.push(error.message) }
        }",
    );
    let (shell, last) = (world.shell.clone(), Last(world.shell.clone()));
    drop(world.spawn(async move {
        let _last = last;
        for text in ["a", "close", "b"] {
            shell.notify(Say(text.to_owned())).unwrap();
        }
        std::future::pending::<()>().await;
    }));
    pass().await;
    assert_eq!(
        world.trace(),
        [
            "a",
            "close",
            "1",
            "b",
            "the last word",
            "closed true true 2",
            "this host is closed"
        ]
    );
}

#[wasm_bindgen_test]
async fn a_handler_that_closes_is_cancelled_itself() {
    let world = World::new(
        "Ask: (what, { signal }) => {
            signal.onabort = () => log.push('abort');
            this.host.close();
            log.push('closed');
            return what;
        }",
    );
    let shell = world.shell.clone();
    drop(world.spawn(async move { shell.request(Ask("a".to_owned())).await }));
    pass().await;
    assert_eq!(world.trace(), ["abort", "closed"]);
}

#[wasm_bindgen_test]
async fn a_handler_may_wake_the_core_and_is_called_back_later() {
    let world = World::new(
        "Ask: what => { log.push('asked ' + what); this.again(); log.push('back'); return what }",
    );
    let (shell, log) = (world.shell.clone(), world.log());
    let told = world.shell.clone();
    let again = wasm_bindgen::closure::Closure::<dyn Fn()>::new(move || {
        told.notify(Say("something".to_owned())).unwrap();
    });
    world.set("again", again.as_ref());
    let task = world.spawn(async move {
        log.say(shell.request(Ask("a".to_owned())).await.unwrap());
    });
    task.await.unwrap();
    pass().await;
    assert_eq!(world.trace(), ["asked a", "back", "say something", "a"]);
    world.close();
}

#[wasm_bindgen_test]
async fn the_cores_own_code_closes_at_the_end_of_its_turn_and_cannot_look() {
    let world = World::new("");
    let (host, log) = (world.host.clone(), world.log());
    drop(world.spawn(async move {
        log.say(message(&host.snapshot().unwrap_err()));
        assert_eq!(host.close().unwrap(), JsValue::UNDEFINED);
        log.say(format!("closed {}", host.is_closed()));
    }));
    pass().await;
    assert_eq!(
        world.trace(),
        [
            "this host is in the midst of a turn, and called by the core's own code: look at it afterwards",
            "closed false"
        ]
    );
    assert!(world.host.is_closed());
}

#[wasm_bindgen_test]
async fn two_hosts_do_not_meet() {
    let (one, other) = (
        World::new("Ask: async () => 'one'"),
        World::new("Ask: async () => 'other'"),
    );
    one.close();
    let shell = other.shell.clone();
    let answer = other.spawn(async move { shell.request(Ask("who".to_owned())).await });
    assert_eq!(answer.await.unwrap(), Ok("other".to_owned()));
    other.close();
}

#[wasm_bindgen_test]
async fn a_host_is_closed_for_whoever_is_told_while_it_closes() {
    let Some(dispose) = support::symbol("dispose") else {
        return; // an engine without it
    };
    let world = World::new(
        "Ask: (what, { signal }) => new Promise(() => {
            signal.onabort = () => {
                log.push(`closed ${this.host.isClosed}`);
                try { this.host[this.dispose](); log.push('disposed') } catch (error) { log.push(error.message) }
            };
        })",
    );
    world.set("dispose", &dispose);
    let shell = world.shell.clone();
    drop(world.spawn(async move { shell.request(Ask("a".to_owned())).await }));
    pass().await;
    world.close();
    assert_eq!(world.trace(), ["closed true", "disposed"]);
}
