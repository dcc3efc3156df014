//! What becomes of a request at its handler, and of a notification.
#![cfg(target_family = "wasm")]

mod support;

use js_sys::Reflect;
use stillpoint::web::Host;
use stillpoint::{Executor, LocalExecutor, LocalJoinHandle, RequestError};
use support::{World, get, message, number, pass};
use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;
use web_tests::{Ask, Effect, Say};

fn ask(world: &World, what: &'static str) -> LocalJoinHandle<()> {
    let (shell, log) = (world.shell.clone(), world.log());
    world.spawn(async move {
        log.say(match shell.request(Ask(what.to_owned())).await {
            Ok(answer) => format!("answer {answer}"),
            Err(RequestError::Failed(why)) => format!("failed: {why}"),
            Err(error) => format!("error: {error}"),
        });
    })
}

#[wasm_bindgen_test]
async fn a_promise_answers_and_so_does_a_plain_value() {
    for own in [
        "Ask: async what => what.toUpperCase()",
        "Ask: what => what.toUpperCase()",
        "Ask: what => ({ then(done) { done(what.toUpperCase()); done('again'); throw 'more' } })",
    ] {
        let world = World::new(own);
        ask(&world, "a").await.unwrap();
        pass().await;
        assert_eq!(world.trace(), ["answer A"], "{own}");
        world.close();
    }
}

#[wasm_bindgen_test]
async fn an_executor_of_either_kind_is_hosted() {
    let executor = Executor::<Effect>::new();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let log = support::log();
    let host = Host::new(
        executor,
        support::handlers(&log, "Ask: async what => what + '!'"),
    )
    .unwrap();
    let task = spawner.spawn(async move { shell.request(Ask("a".to_owned())).await });
    assert_eq!(task.await.unwrap(), Ok("a!".to_owned()));
    host.close().unwrap();
}

#[wasm_bindgen_test]
async fn a_throw_and_a_rejection_are_failures_with_the_message() {
    for (own, why) in [
        ("Ask: () => { throw new Error('a throw') }", "a throw"),
        (
            "Ask: async () => { throw new TypeError('a rejection') }",
            "a rejection",
        ),
        ("Ask: () => Promise.reject('a text')", "a text"),
        ("Ask: () => Promise.reject(undefined)", "undefined"),
        ("Ask: () => Promise.reject(404)", "404"),
        (
            "Ask: () => ({ get then() { throw new Error('a getter') } })",
            "a getter",
        ),
    ] {
        let world = World::new(own);
        ask(&world, "a").await.unwrap();
        assert_eq!(world.trace(), [format!("failed: {why}")], "{own}");
        world.close();
    }
}

#[wasm_bindgen_test]
async fn an_answer_that_does_not_decode_names_the_effect() {
    let world = World::new("Ask: async () => 7");
    ask(&world, "a").await.unwrap();
    let why = "failed: the answer to `Ask` does not decode: invalid type: floating point `7.0`, expected a string";
    assert_eq!(world.trace(), [why]);
    world.close();
}

#[wasm_bindgen_test]
async fn a_missing_handler_is_named_when_the_host_is_made() {
    let refused = |handlers: &JsValue| {
        message(&Host::new(LocalExecutor::<Effect>::new(), handlers.clone()).unwrap_err())
    };
    let handlers = support::handlers(&support::log(), "Ask: undefined, Echo: 'no function'");
    assert_eq!(
        refused(&handlers),
        "no handler for `Ask`, `Echo`: each effect needs a function of its name"
    );
    assert_eq!(
        refused(&JsValue::UNDEFINED),
        "the handlers are no object: `{ Effect: operation => answer, ... }` is meant"
    );
}

#[wasm_bindgen_test]
async fn a_handler_that_is_gone_later_fails_its_request() {
    let executor = LocalExecutor::<Effect>::new();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let handlers = support::handlers(&support::log(), "");
    let host = Host::new(executor, handlers.clone()).unwrap();
    Reflect::set(&handlers, &"Ask".into(), &JsValue::NULL).unwrap();
    let failed = spawner
        .spawn(async move { shell.request(Ask("a".to_owned())).await })
        .await
        .unwrap();
    assert_eq!(
        failed,
        Err(RequestError::Failed("no handler for `Ask`".to_owned()))
    );
    host.close().unwrap();
}

#[wasm_bindgen_test]
async fn a_cancelled_request_aborts_its_signal_with_a_reason_and_its_late_answer_is_ignored() {
    let world = World::new(
        "Ask: (what, { id, signal }) => new Promise((resolve, reject) => {
            log.push('asked ' + what);
            signal.onabort = () => {
                log.push(`${signal.reason.name}: ${signal.reason.message}`);
                what === 'late' ? resolve('too late') : reject(signal.reason);
            };
        })",
    );
    for what in ["late", "rejects"] {
        let task = ask(&world, what);
        pass().await;
        task.abort();
        pass().await;
        assert_eq!(
            world.trace(),
            [
                format!("asked {what}"),
                "AbortError: `Ask` is cancelled: the core no longer awaits it".to_owned()
            ]
        );
    }
    assert_eq!(number(&world.host.totals().unwrap(), "cancelled"), 2.0);
    world.close();
}

#[wasm_bindgen_test]
async fn an_answer_that_nobody_reads_aborts_the_signal_as_well() {
    let world = World::new(
        "Ask: async (what, { signal }) => {
            signal.onabort = () => log.push('abort ' + what);
            return what;
        }",
    );
    let (shell, log) = (world.shell.clone(), world.log());
    let task = world.spawn(async move {
        let mut unread = Box::pin(shell.request(Ask("unread".to_owned())));
        assert!(futures::poll!(&mut unread).is_pending());
        log.say(shell.request(Ask("read".to_owned())).await.unwrap());
        std::future::pending::<()>().await;
        drop(unread);
    });
    pass().await;
    assert_eq!(world.trace(), ["read"]);
    task.abort();
    pass().await;
    assert_eq!(world.trace(), ["abort unread"]);
    world.close();
}

#[wasm_bindgen_test]
async fn a_handler_that_never_answers_waits_until_the_host_is_closed() {
    let world = World::new(
        "Ask: (what, { signal }) => new Promise(() => {
            signal.onabort = () => log.push(signal.reason.message);
        })",
    );
    drop(ask(&world, "a"));
    pass().await;
    let snapshot = world.host.snapshot().unwrap();
    let request = js_sys::Array::from(&get(&snapshot, "requests")).get(0);
    assert_eq!(get(&request, "state"), "taken");
    let report = world.close();
    assert_eq!(
        (number(&report, "requests"), number(&report, "cancelled")),
        (1.0, 1.0)
    );
    pass().await;
    assert_eq!(world.trace(), ["`Ask` is cancelled: its host is closed"]);
}

#[wasm_bindgen_test]
async fn a_snapshot_says_how_each_task_and_request_stands() {
    let world = World::new(
        "Ask: (what, { id }) => {
            const { requests: [request], tasks: [task], ended, turn } = this.host.snapshot();
            log.push(`${task.state} ${task.polls} ${task.age} ${task.awaits.length} ${task.awaits[0] === id}`);
            log.push(`${request.hasEnded} ${request.age} ${turn > 0} ${ended.length}`);
            return what;
        }",
    );
    ask(&world, "a").await.unwrap();
    assert_eq!(
        world.trace(),
        ["waiting 1 0 1 true", "false 0 true 0", "answer a"]
    );
    world.close();
}

#[wasm_bindgen_test]
async fn the_id_that_a_handler_gets_is_that_of_the_snapshot() {
    let world = World::new(
        "Ask: (what, { id }) => {
            const { requests: [request], tasks: [task] } = this.host.snapshot();
            log.push(`${request.id === id} ${request.effect} ${request.kind} ${request.state} ${request.taken}`);
            log.push(`${request.task === task.id} ${task.requests} ${/requests\\.rs:\\d+:\\d+$/.test(task.place)}`);
            return what;
        }",
    );
    ask(&world, "a").await.unwrap();
    assert_eq!(
        world.trace(),
        ["true Ask request taken true", "true 1 true", "answer a"]
    );
    let totals = world.host.totals().unwrap();
    let counted = ["tasks", "requests", "effects", "peakTasks"].map(|name| number(&totals, name));
    assert_eq!(counted, [1.0, 1.0, 1.0, 1.0]);
    world.close();
}

#[wasm_bindgen_test]
async fn notifications_are_told_in_order_and_those_that_fail_harm_nobody() {
    let world = World::new(
        "Say: text => {
            log.push(text);
            if (text === 'throw') throw new Error('of a test: nobody waits for it');
            if (text === 'reject') return Promise.reject(new Error('of a test: nobody waits for it'));
        }",
    );
    let shell = world.shell.clone();
    let said = ["a", "throw", "reject", "b"];
    let telling = world.spawn(async move {
        for text in said {
            shell.notify(Say(text.to_owned())).unwrap();
        }
    });
    telling.await.unwrap();
    pass().await;
    assert_eq!(world.trace(), said);
    // From outside the executor as well.
    world.shell.notify(Say("outside".to_owned())).unwrap();
    assert_eq!(world.trace(), [""; 0]);
    pass().await;
    assert_eq!(world.trace(), ["outside"]);
    world.close();
}
