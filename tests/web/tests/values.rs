//! How values cross: there and back, and what JavaScript sees of them.
#![cfg(target_family = "wasm")]

mod support;

use std::collections::BTreeMap;

use stillpoint::RequestError;
use support::World;
use wasm_bindgen_test::wasm_bindgen_test;
use web_tests::{Echo, Shape, Swap, Value};

fn value() -> Value {
    Value {
        small: 7,
        large: (1 << 53) - 1,
        negative: -5,
        fraction: 0.25,
        maybe: Some("something".to_owned()),
        shapes: vec![
            Shape::Point,
            Shape::Circle(1.5),
            Shape::Box {
                width: 1.0,
                height: 2.0,
            },
        ],
        bytes: vec![0, 127, 255],
        map: BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), -1)]),
        date: "2026-11-21T12:00:00.000Z".to_owned(),
        unit: (),
        pair: (9, true),
        letter: 'ß',
    }
}

async fn echo(own: &str, value: &Value) -> (Result<Value, RequestError>, Vec<String>) {
    let world = World::new(own);
    let (shell, sent) = (world.shell.clone(), value.clone());
    let task = world.spawn(async move { shell.request(Echo(sent)).await });
    let back = task.await.unwrap();
    let trace = world.trace();
    world.close();
    (back, trace)
}

#[wasm_bindgen_test]
async fn a_value_of_every_kind_comes_back_as_it_went() {
    for value in [value(), Value::default()] {
        assert_eq!(echo("", &value).await.0, Ok(value));
    }
}

#[wasm_bindgen_test]
async fn javascript_sees_what_it_expects() {
    let own = "Echo: value => {
        const seen = [
            value.small === 7, value.large === Number.MAX_SAFE_INTEGER, value.negative === -5,
            value.maybe === 'something', value.shapes[0] === 'Point', value.shapes[1].Circle === 1.5,
            value.shapes[2].Box.height === 2, value.bytes instanceof Uint8Array, value.bytes[2] === 255,
            value.map.b === -1, new Date(value.date).getTime() === Date.UTC(2026, 10, 21, 12),
            value.unit === null, value.pair[1] === true, value.letter === 'ß',
        ];
        log.push(seen.join());
        value.date = new Date(value.date).toISOString();
        return value;
    }";
    let (back, trace) = echo(own, &value()).await;
    assert_eq!(trace, [["true"; 14].join(",")]);
    assert_eq!(back, Ok(value()));
    let (_, trace) = echo(
        "Echo: value => { log.push(String(value.maybe)); return value }",
        &Value::default(),
    )
    .await;
    assert_eq!(trace, ["null"]);
}

#[wasm_bindgen_test]
async fn a_number_that_is_too_great_for_one_makes_its_value_tell_them_in_bigints() {
    let great = Value {
        large: u64::MAX,
        negative: i64::MIN,
        ..value()
    };
    let own = "Echo: value => {
        log.push(`${typeof value.large} ${typeof value.small} ${value.large} ${value.map.b}`);
        return value;
    }";
    let (back, trace) = echo(own, &great).await;
    assert_eq!(trace, ["bigint bigint 18446744073709551615 -1"]);
    assert_eq!(back, Ok(great));
}

#[wasm_bindgen_test]
async fn a_map_whose_keys_are_no_texts_is_a_map_there_too() {
    let world = World::new(
        "Swap: map => { log.push(`${map instanceof Map} ${typeof [...map.keys()][0]}`); return map }",
    );
    let shell = world.shell.clone();
    for (key, seen) in [(1, "true number"), (u64::MAX, "true bigint")] {
        let (shell, map) = (shell.clone(), Swap(BTreeMap::from([(key, "a".to_owned())])));
        let sent = map.clone();
        let task = world.spawn(async move { shell.request(sent).await });
        assert_eq!(task.await.unwrap(), Ok(map));
        assert_eq!(world.trace(), [seen]);
    }
    world.close();
}

#[wasm_bindgen_test]
async fn an_answer_may_be_written_in_several_ways() {
    for (change, expected) in [
        (
            "small: 8n",
            Value {
                small: 8,
                ..value()
            },
        ),
        (
            "maybe: undefined",
            Value {
                maybe: None,
                ..value()
            },
        ),
        ("unit: undefined", value()),
        ("map: new Map([['a', 1], ['b', -1]])", value()),
        ("bytes: new Uint8Array([0, 127, 255]).buffer", value()),
        ("bytes: [0, 127, 255]", value()),
    ] {
        let (back, _) = echo(
            &format!("Echo: value => ({{ ...value, {change} }})"),
            &value(),
        )
        .await;
        assert_eq!(back, Ok(expected), "{change}");
    }
}

#[wasm_bindgen_test]
async fn what_does_not_decode_is_named_by_its_place() {
    for (change, place) in [
        (
            "shapes: ['Point', { Box: { width: 1, height: 'high' } }]",
            "shapes[1].Box.height",
        ),
        ("map: { a: 1, b: 'x' }", "map.b"),
        ("small: -1", "small"),
        ("small: 2 ** 60", "small"),
        ("pair: [256, true]", "pair[0]"),
    ] {
        let (back, _) = echo(
            &format!("Echo: value => ({{ ...value, {change} }})"),
            &value(),
        )
        .await;
        let Err(RequestError::Failed(why)) = back else {
            panic!("{change}: {back:?}");
        };
        assert!(
            why.starts_with(&format!(
                "the answer to `Echo` does not decode: at `{place}`: "
            )),
            "{change}: {why}"
        );
    }
}
