//! What is too strange to be read, or only seems to be a promise: it harms its own request alone.
#![cfg(target_family = "wasm")]

mod support;

use std::fmt::Debug;

use futures::StreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use stillpoint::portable::{Portable, Variant, Visitor};
use stillpoint::web::Host;
use stillpoint::{LocalExecutor, LocalJoinHandle, Notification, Operation, Request, RequestError};
use support::{World, handlers, log, pass};
use wasm_bindgen_test::wasm_bindgen_test;
use web_tests::{Ask, Count, Echo, Effect, Say, Value};

/// Values that throw when they are read or written, in one way or another.
const UNREADABLE: [&str; 7] = [
    "(() => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy })()",
    "(() => { const { proxy, revoke } = Proxy.revocable([], {}); revoke(); return proxy })()",
    "(() => { const { proxy, revoke } = Proxy.revocable(() => {}, {}); revoke(); return proxy })()",
    "({ get [Symbol.toStringTag]() { throw new Error('a tag') } })",
    "({ get small() { throw new Error('a getter') } })",
    "Object.assign(() => {}, { toString() { throw new Error('a text') } })",
    "new Proxy({}, { getPrototypeOf() { throw new Error('a prototype') } })",
];

/// A task that writes down what becomes of a request.
fn ask<Op>(world: &World, operation: Op) -> LocalJoinHandle<()>
where
    Op: Operation<Output: Debug + DeserializeOwned> + Serialize,
    Effect: From<Request<Op>>,
{
    let (shell, log) = (world.shell.clone(), world.log());
    world.spawn(async move {
        log.say(match shell.request(operation).await {
            Err(RequestError::Failed(why)) => format!("failed: {why}"),
            other => format!("{other:?}"),
        });
    })
}

#[track_caller]
fn has_failed_once(world: &World, own: &str) {
    let trace = world.trace();
    assert!(
        trace.len() == 1 && trace[0].starts_with("failed: "),
        "{own}: {trace:?}"
    );
}

#[wasm_bindgen_test]
async fn an_answer_that_cannot_be_read_fails_its_request() {
    for it in UNREADABLE {
        for own in [
            format!("Ask: () => {it}"),
            format!("Ask: async () => [{it}]"),
            format!("Ask: () => {{ throw {it} }}"),
            format!("Ask: () => Promise.reject({it})"),
        ] {
            let world = World::new(&own);
            ask(&world, Ask("a".to_owned())).await.unwrap();
            has_failed_once(&world, &own);
            world.close();
        }
        for own in [
            format!("Echo: () => {it}"),
            format!("Echo: value => ({{ ...value, shapes: {it} }})"),
            format!("Echo: value => ({{ ...value, bytes: {it} }})"),
        ] {
            let world = World::new(&own);
            ask(&world, Echo(Value::default())).await.unwrap();
            has_failed_once(&world, &own);
            world.close();
        }
    }
}

#[wasm_bindgen_test]
async fn an_answer_that_cannot_be_read_says_why() {
    let world = World::new("Echo: () => ({ get small() { throw new Error('not yet') } })");
    ask(&world, Echo(Value::default())).await.unwrap();
    assert_eq!(
        world.trace(),
        ["failed: the answer to `Echo` does not decode: reading it throws: not yet"]
    );
    world.close();
}

#[wasm_bindgen_test]
async fn an_item_that_cannot_be_read_fails_its_stream() {
    for it in UNREADABLE {
        for own in [
            format!("Count: () => {it}"),
            format!("Count: () => [{it}]"),
            format!("Count: async function* () {{ throw {it} }}"),
            format!("Count: () => ({{ [Symbol.asyncIterator]: () => ({{ next: () => {it} }}) }})"),
            format!(
                "Count: () => ({{ [Symbol.asyncIterator]: () => ({{
                next: () => ({{ value: 'none' }}),
                return: () => {{ throw {it} }},
            }}) }})"
            ),
        ] {
            let world = World::new(&own);
            let (shell, log) = (world.shell.clone(), world.log());
            let task = world.spawn(async move {
                let mut numbers = shell.subscribe(Count { from: 1 });
                assert_eq!(numbers.next().await, None);
                if let Some(Err(RequestError::Failed(why))) = numbers.ended_by() {
                    log.say(format!("failed: {why}"));
                }
            });
            task.await.unwrap();
            has_failed_once(&world, &own);
            world.close();
        }
    }
}

#[wasm_bindgen_test]
async fn an_error_of_nobodys_that_cannot_be_written_harms_nobody() {
    for it in UNREADABLE {
        for own in [
            format!("Say: () => {it}"),
            format!("Say: () => {{ throw {it} }}"),
            format!("Say: () => Promise.reject({it})"),
        ] {
            let world = World::new(&format!("{own}, Ask: async what => what"));
            world.shell.notify(Say("a".to_owned())).unwrap();
            pass().await;
            ask(&world, Ask("a".to_owned())).await.unwrap();
            assert_eq!(world.trace(), [r#"Ok("a")"#], "{own}");
            world.close();
        }
    }
}

#[wasm_bindgen_test]
async fn a_promise_with_a_then_of_its_own_is_awaited_by_the_real_one() {
    for then in [
        "(answer, fail) => { answer('at once'); answer('again'); fail('too') }",
        "() => { throw new Error('not to be called') }",
    ] {
        for own in [
            format!("Ask: () => Object.assign(Promise.resolve('a'), {{ then: {then} }})"),
            format!(
                "Ask: () => 'a', Say: () => Object.assign(Promise.resolve(), {{ then: {then} }})"
            ),
        ] {
            let world = World::new(&own);
            world.shell.notify(Say("a".to_owned())).unwrap();
            ask(&world, Ask("a".to_owned())).await.unwrap();
            assert_eq!(world.trace().last().unwrap(), r#"Ok("a")"#, "{own}");
            world.close();
        }
    }
}

#[wasm_bindgen_test]
async fn a_promise_that_cannot_be_awaited_fails_its_request() {
    let world = World::new(
        "Ask: () => Object.defineProperty(Promise.resolve('a'), 'constructor', {
            get() { throw new Error('no constructor') },
        })",
    );
    ask(&world, Ask("a".to_owned())).await.unwrap();
    assert_eq!(world.trace(), ["failed: no constructor"]);
    world.close();
}

#[wasm_bindgen_test]
async fn what_is_asked_whether_it_is_a_promise_may_look_and_close() {
    for own in [
        "Say: () => this.tricky()",
        "Ask: () => this.tricky(), Say: () => {}",
    ] {
        let world = World::new(&format!(
            "{own}, tricky() {{
                const {{ host }} = this;
                return {{ get then() {{
                    if (!host.isClosed) log.push(`${{host.snapshot().tasks.length}} ${{host.close().isBaseline}}`);
                }} }};
            }}"
        ));
        world.shell.notify(Say("a".to_owned())).unwrap();
        drop(ask(&world, Ask("a".to_owned())));
        pass().await;
        assert_eq!(world.trace(), ["1 true"], "{own}");
    }
}

/// Written by hand, by places that are none.
enum Odd {
    Ask(Request<Ask>),
    Say(Notification<Say>),
}

impl From<Request<Ask>> for Odd {
    fn from(request: Request<Ask>) -> Self {
        Self::Ask(request)
    }
}

impl From<Notification<Say>> for Odd {
    fn from(notification: Notification<Say>) -> Self {
        Self::Say(notification)
    }
}

impl Portable for Odd {
    const VARIANTS: &'static [Variant] = &[];

    fn visit<V: Visitor>(self, visitor: V) -> V::Output {
        match self {
            Self::Ask(request) => visitor.request(0, request),
            Self::Say(notification) => visitor.notify(usize::MAX, notification),
        }
    }
}

#[wasm_bindgen_test]
async fn an_effect_whose_place_is_none_has_no_handler() {
    let executor = LocalExecutor::<Odd>::new();
    let (spawner, shell) = (executor.local_spawner(), executor.shell());
    let host = Host::new(executor, handlers(&log(), "")).unwrap();
    let asking = spawner.spawn(async move {
        shell.notify(Say("a".to_owned())).unwrap();
        shell.request(Ask("a".to_owned())).await
    });
    pass().await;
    assert_eq!(host.snapshot().map(drop), Ok(()));
    let why = "no handler for `?`".to_owned();
    assert_eq!(asking.await.unwrap(), Err(RequestError::Failed(why)));
    host.close().unwrap();
}
