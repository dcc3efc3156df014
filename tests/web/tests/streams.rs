//! What feeds a stream, how it is held back, and how it ends.
#![cfg(target_family = "wasm")]

mod support;

use futures::StreamExt;
use stillpoint::{LocalJoinHandle, Overflow, RequestError};
use support::{World, get, pass};
use wasm_bindgen_test::wasm_bindgen_test;
use web_tests::{Ask, Count};

/// A task that writes down each item, and the end.
fn count(world: &World, overflow: Overflow) -> LocalJoinHandle<()> {
    let (shell, log) = (world.shell.clone(), world.log());
    world.spawn(async move {
        let mut numbers = shell.subscribe(Count { from: 1 }).overflow(overflow);
        while let Some(number) = numbers.next().await {
            log.say(number.to_string());
        }
        log.say(match numbers.ended_by() {
            Some(Ok(())) => "end".to_owned(),
            Some(Err(RequestError::Failed(why))) => format!("failed: {why}"),
            other => format!("{other:?}"),
        });
    })
}

#[wasm_bindgen_test]
async fn whatever_can_be_iterated_feeds_a_stream() {
    for own in [
        "Count: async function* ({ from }) { yield from; yield from + 1; return 9 }",
        "Count: function* ({ from }) { yield from; yield from + 1; return 9 }",
        "Count: ({ from }) => [from, from + 1]",
        "Count: ({ from }) => [Promise.resolve(from), from + 1]",
        "Count: async ({ from }) => new Set([from, from + 1])",
        "Count: ({ from }) => new ReadableStream({
            start(to) { to.enqueue(from); to.enqueue(from + 1); to.close() }
        })",
        "Count: ({ from }) => new ReadableStream({
            pull(to) { from < 3 ? to.enqueue(from++) : to.close() }
        }, { highWaterMark: 0 })",
    ] {
        let world = World::new(own);
        count(&world, Overflow::Unbounded).await.unwrap();
        assert_eq!(world.trace(), ["1", "2", "end"], "{own}");
        world.close();
    }
}

#[wasm_bindgen_test]
async fn an_iterable_that_goes_on_after_its_end_is_not_asked_again() {
    let world = World::new(
        "Count: () => ({ [Symbol.asyncIterator]: () => {
            let calls = 0;
            return { next: async () => { log.push('next'); return { value: ++calls, done: calls === 2 } } };
        } })",
    );
    count(&world, Overflow::Unbounded).await.unwrap();
    pass().await;
    assert_eq!(world.trace(), ["next", "next", "1", "end"]);
    world.close();
}

#[wasm_bindgen_test]
async fn a_stream_that_fails_keeps_what_came_before() {
    for own in [
        "Count: async function* () { yield 1; throw new Error('broken') }",
        "Count: function* () { yield 1; throw new Error('broken') }",
        "Count: () => [1, Promise.reject(new Error('broken'))]",
        "Count: () => { let n = 0; return new ReadableStream({
            pull(to) { n++ ? to.error(new Error('broken')) : to.enqueue(1) }
        }) }",
    ] {
        let world = World::new(own);
        count(&world, Overflow::Unbounded).await.unwrap();
        assert_eq!(world.trace(), ["1", "failed: broken"], "{own}");
        world.close();
    }
}

#[wasm_bindgen_test]
async fn what_cannot_be_iterated_is_a_failure() {
    let why = "failed: the handler of `Count` gave nothing that can be iterated: an (async) iterable or a \
               ReadableStream feeds a stream";
    for own in [
        "Count: () => 7",
        "Count: async () => 'abc'",
        "Count: () => ({})",
        "Count: () => {}",
    ] {
        let world = World::new(own);
        count(&world, Overflow::Unbounded).await.unwrap();
        assert_eq!(world.trace(), [why], "{own}");
        world.close();
    }
}

#[wasm_bindgen_test]
async fn an_item_that_does_not_decode_ends_the_stream_and_its_iterator() {
    let world = World::new(
        "Count: async function* () { try { yield 1; yield 'two'; yield 3 } finally { log.push('returned') } }",
    );
    count(&world, Overflow::Unbounded).await.unwrap();
    pass().await;
    let trace = world.trace();
    assert!(trace.contains(&"returned".to_owned()), "{trace:?}");
    assert_eq!(
        trace.last().unwrap(),
        "failed: an item of `Count` does not decode: invalid type: string \"two\", expected u32"
    );
    world.close();
}

/// A source that says when it is pulled from, of each kind.
const NUMBERED: [&str; 3] = [
    "Count: async function* ({ from }) { for (;;) { log.push('pull ' + from); yield from++ } }",
    "Count: function* ({ from }) { for (;;) { log.push('pull ' + from); yield from++ } }",
    "Count: ({ from }) => new ReadableStream({
        pull(to) { log.push('pull ' + from); to.enqueue(from++) }
    }, { highWaterMark: 0 })",
];

#[wasm_bindgen_test]
async fn a_full_stream_is_not_pulled_from_until_the_core_has_taken_an_item() {
    for own in NUMBERED {
        let world = World::new(&format!(
            "{own}, Ask: what => new Promise(done => {{ this.go = done }})"
        ));
        let (shell, log) = (world.shell.clone(), world.log());
        let task = world.spawn(async move {
            let mut numbers = shell
                .subscribe(Count { from: 1 })
                .overflow(Overflow::Reject(2));
            loop {
                let number = numbers.next().await.unwrap();
                log.say(format!("took {number}"));
                let _ = shell.request(Ask("go on?".to_owned())).await;
            }
        });
        pass().await;
        // One is taken, two lie in the stream, and the next waits at the handler.
        let first = world.trace();
        assert_eq!(
            first.iter().filter(|what| what.starts_with("took")).count(),
            1,
            "{first:?}"
        );
        assert!(first.contains(&"pull 4".to_owned()), "{first:?}");
        assert!(!first.contains(&"pull 5".to_owned()), "{own}: {first:?}");
        pass().await;
        assert_eq!(world.trace(), [""; 0]);
        world.call("go", "");
        pass().await;
        assert_eq!(world.trace(), ["took 2", "pull 5"], "{own}");
        world.call("go", "");
        pass().await;
        assert_eq!(world.trace(), ["took 3", "pull 6"], "{own}");
        task.abort();
        world.close();
    }
}

#[wasm_bindgen_test]
async fn a_cancelled_stream_returns_its_iterator_and_cancels_its_reader() {
    for own in [
        "Count: async function* ({ from }, { signal }) {
            try { yield from; await new Promise(go => { signal.onabort = go }) } finally { log.push('gone') }
        }",
        "Count: ({ from }) => ({ [Symbol.asyncIterator]: () => ({
            next: () => from === 1 ? { value: from++ } : new Promise(() => {}),
            return: () => { log.push('gone'); return Promise.reject('of no interest') },
        }) })",
        "Count: () => ({ [Symbol.iterator]: () => ({
            next: () => ({ value: this.calls++ ? new Promise(() => {}) : 1 }),
            return: () => { log.push('gone'); throw 'of no interest' },
        }) }), calls: 0",
        "Count: ({ from }) => new ReadableStream({
            start(to) { to.enqueue(from) },
            cancel(why) { log.push(/^`Count` is cancelled/.test(why.message) ? 'gone' : String(why)) },
        })",
    ] {
        let world = World::new(own);
        let task = count(&world, Overflow::Unbounded);
        pass().await;
        assert_eq!(world.trace(), ["1"], "{own}");
        task.abort();
        pass().await;
        assert_eq!(world.trace(), ["gone"], "{own}");
        let report = world.close();
        assert!(get(&report, "cancelled").as_f64() == Some(0.0), "it was told before");
    }
}

#[wasm_bindgen_test]
async fn a_stream_that_has_ended_keeps_its_name_until_the_core_has_read_so() {
    for own in [
        "Count: () => [1, 2]",
        "Count: function* () { yield 1; yield 2; throw new Error('broken') }",
        "Count: () => [1, 'two']",
    ] {
        let world = World::new(&format!("{own}, Ask: () => new Promise(() => {{}})"));
        let shell = world.shell.clone();
        drop(world.spawn(async move {
            let mut numbers = shell.subscribe(Count { from: 1 });
            assert_eq!(numbers.next().await, Some(1));
            let _ = shell.request(Ask("for ever".to_owned())).await;
        }));
        pass().await;
        let requests = get(&world.host.snapshot().unwrap(), "requests");
        let mut seen: Vec<_> = js_sys::Array::from(&requests)
            .iter()
            .map(|request| {
                (
                    get(&request, "effect").as_string(),
                    get(&request, "hasEnded").is_truthy(),
                )
            })
            .collect();
        seen.sort();
        let expected =
            [("Ask", false), ("Count", true)].map(|(name, ended)| (Some(name.to_owned()), ended));
        assert_eq!(seen, expected, "{own}");
        world.close();
    }
}

#[wasm_bindgen_test]
async fn closing_returns_the_iterators_of_streams() {
    let world = World::new(
        "Count: ({ from }) => ({ [Symbol.asyncIterator]: () => ({
            next: () => new Promise(() => {}),
            return: () => { log.push('gone') },
        }) })",
    );
    drop(count(&world, Overflow::Unbounded));
    pass().await;
    world.close();
    assert_eq!(world.trace(), ["gone"]);
}

#[wasm_bindgen_test]
async fn a_stream_that_is_cancelled_while_it_is_pulled_from_returns_its_iterator() {
    let world = World::new(
        "Count: () => ({ [Symbol.iterator]: () => ({
            next: () => { this.host.close(); return { value: 1 } },
            return: () => { log.push('gone') },
        }) })",
    );
    drop(count(&world, Overflow::Unbounded));
    pass().await;
    assert_eq!(world.trace(), ["gone"]);
    assert!(world.host.is_closed());
}

#[wasm_bindgen_test]
async fn an_item_that_cannot_be_awaited_returns_its_iterator() {
    for item in [
        "{ get then() { throw new Error('broken') } }",
        "Object.defineProperty(Promise.resolve(1), 'constructor', { get() { throw new Error('broken') } })",
    ] {
        let own = format!(
            "Count: function* () {{ try {{ yield {item}; yield 2 }} finally {{ log.push('returned') }} }}"
        );
        let world = World::new(&own);
        count(&world, Overflow::Unbounded).await.unwrap();
        assert_eq!(world.trace(), ["returned", "failed: broken"], "{own}");
        world.close();
    }
}
