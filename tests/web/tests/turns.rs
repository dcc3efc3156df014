//! When a host takes its turns: soon, and never so long that the page waits.
#![cfg(target_family = "wasm")]

mod support;

use std::future::poll_fn;
use std::task::Poll;

use js_sys::{Promise, Reflect};
use stillpoint::Overflow;
use support::{World, number, pass};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::wasm_bindgen_test;
use web_tests::{Ask, Count, Say};

async fn microtasks(count: usize) {
    for _ in 0..count {
        JsFuture::from(Promise::resolve(&JsValue::NULL))
            .await
            .unwrap();
    }
}

#[wasm_bindgen_test]
async fn a_turn_is_taken_in_a_microtask_and_not_before() {
    let world = World::new("");
    microtasks(10).await;
    for text in ["a", "b"] {
        world.shell.notify(Say(text.to_owned())).unwrap();
    }
    assert_eq!(world.trace(), [""; 0]);
    microtasks(3).await;
    assert_eq!(world.trace(), ["say a", "say b"]);
    world.close();
}

#[wasm_bindgen_test]
async fn many_rings_are_one_microtask() {
    let world = World::new("");
    microtasks(10).await;
    let queued = support::count_calls("queueMicrotask");
    for _ in 0..5 {
        drop(world.spawn(async {}));
        world.shell.notify(Say("a".to_owned())).unwrap();
    }
    assert_eq!(queued.stop(), 1);
    microtasks(3).await;
    world.close();
}

/// Keeps itself busy for ever.
async fn busy() {
    poll_fn(|cx| {
        cx.waker().wake_by_ref();
        Poll::<()>::Pending
    })
    .await;
}

/// The page gets its turn while such a core runs: several tasks of it pass.
async fn is_alive(world: &World) {
    pass().await;
    world.close();
}

#[wasm_bindgen_test]
async fn a_task_that_wakes_itself_lets_the_page_do_its_work() {
    let world = World::new("");
    drop(world.spawn(busy()));
    is_alive(&world).await;
}

#[wasm_bindgen_test]
async fn effects_and_items_are_seen_to_beside_a_task_that_wakes_itself() {
    use futures::StreamExt;

    let world = World::new("Ask: async what => what, Count: () => [1, 2, 3]");
    let (shell, log) = (world.shell.clone(), world.log());
    drop(world.spawn(busy()));
    let task = world.spawn(async move {
        log.say(shell.request(Ask("a".to_owned())).await.unwrap());
        let mut numbers = shell
            .subscribe(Count { from: 1 })
            .overflow(Overflow::Reject(1));
        while let Some(number) = numbers.next().await {
            log.say(number.to_string());
        }
    });
    task.await.unwrap();
    assert_eq!(world.trace(), ["a", "1", "2", "3"]);
    world.close();
}

#[wasm_bindgen_test]
async fn so_it_does_where_there_is_nothing_but_a_timer() {
    let global = js_sys::global();
    let hidden = ["setImmediate", "MessageChannel"].map(|name| {
        let value = Reflect::get(&global, &name.into()).unwrap();
        Reflect::set(&global, &name.into(), &JsValue::UNDEFINED).unwrap();
        (name, value)
    });
    let world = World::new("");
    for (name, value) in hidden {
        Reflect::set(&global, &name.into(), &value).unwrap();
    }
    drop(world.spawn(busy()));
    is_alive(&world).await;
}

#[wasm_bindgen_test]
async fn a_core_whose_answers_are_there_at_once_lets_the_page_do_its_work() {
    for own in ["Ask: what => what", "Ask: async what => what"] {
        let world = World::new(own);
        let shell = world.shell.clone();
        drop(world.spawn(async move {
            loop {
                shell.request(Ask("again".to_owned())).await.unwrap();
            }
        }));
        is_alive(&world).await;
    }
}

#[wasm_bindgen_test]
async fn a_core_that_never_ceases_to_tell_lets_the_page_do_its_work() {
    let world = World::new("Say: () => {}, Ask: what => what");
    let shell = world.shell.clone();
    drop(world.spawn(async move {
        loop {
            shell.notify(Say("again".to_owned())).unwrap();
            shell.request(Ask("again".to_owned())).await.unwrap();
        }
    }));
    is_alive(&world).await;
}

#[wasm_bindgen_test]
async fn streams_without_an_end_let_the_page_do_its_work() {
    use futures::StreamExt;

    for own in [
        "Count: function* () { for (;;) yield 1 }",
        "Count: async function* () { for (;;) yield 1 }",
    ] {
        let world = World::new(own);
        let shell = world.shell.clone();
        drop(world.spawn(async move {
            let mut numbers = shell.subscribe(Count { from: 1 });
            while numbers.next().await.is_some() {}
        }));
        is_alive(&world).await;
    }
}

#[wasm_bindgen_test]
async fn a_long_piece_of_work_comes_to_its_end() {
    let world = World::new("Ask: async what => what");
    let shell = world.shell.clone();
    let task = world.spawn(async move {
        for _ in 0..5_000 {
            shell.request(Ask("again".to_owned())).await.unwrap();
        }
    });
    task.await.unwrap();
    assert_eq!(number(&world.host.totals().unwrap(), "effects"), 5_000.0);
    world.close();
}
