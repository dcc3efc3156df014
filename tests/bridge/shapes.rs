//! Whatever serde can say crosses and comes back the same.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::in_each_format;

/// What serde writes as bytes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Bytes;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut seq: A,
            ) -> Result<Bytes, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = seq.next_element()? {
                    bytes.push(byte);
                }
                Ok(Bytes(bytes))
            }
        }
        deserializer.deserialize_byte_buf(Visitor)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Unit;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct New(i8);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pair(u16, char);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Which {
    Unit,
    New(u64),
    Tuple(i16, String),
    Struct { a: Option<bool>, b: Vec<Which> },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub(crate) enum Tagged {
    First { some_field: u32 },
    Second,
}

/// Each of the 29 types of serde's data model, by itself or within another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Shape {
    wide: (u128, i128),
    pair: Pair,
    numbers: (u8, u16, u32, u64, i64, i32),
    float: f64,
    small: f32,
    letter: char,
    text: String,
    maybe: Option<String>,
    bytes: Bytes,
    by_name: BTreeMap<String, u64>,
    by_number: BTreeMap<i64, Which>,
    result: Result<New, String>,
    which: Vec<Which>,
    tagged: Tagged,
    unit: ((), Unit),
    array: [bool; 3],
    nested: Option<Box<Shape>>,
}

impl Operation for Shape {
    type Output = Shape;
}

effects! {
    pub(crate) enum Echo {
        Shape => request Shape,
    }
}

fn which() -> impl Strategy<Value = Which> {
    let leaf = prop_oneof![
        Just(Which::Unit),
        any::<u64>().prop_map(Which::New),
        (any::<i16>(), any::<String>()).prop_map(|(a, b)| Which::Tuple(a, b)),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        (any::<Option<bool>>(), prop::collection::vec(inner, 0..3))
            .prop_map(|(a, b)| Which::Struct { a, b })
    })
}

fn finite<T: Clone + std::fmt::Debug>(
    all: impl Strategy<Value = T>,
    is: fn(&T) -> bool,
) -> impl Strategy<Value = T> {
    all.prop_filter("JSON has no such number", is)
}

fn shape() -> impl Strategy<Value = Shape> {
    let text = prop_oneof![
        any::<String>(),
        Just("\"\\\n\t\u{0}\u{7f}\u{2028}é🦀/".to_owned())
    ];
    let first = (
        any::<(u8, u16, u32, u64, i64, i32)>(),
        finite(any::<f64>(), |number| number.is_finite()),
        finite(any::<f32>(), |number| number.is_finite()),
        any::<char>(),
        text,
        any::<Option<String>>(),
        prop::collection::vec(any::<u8>(), 0..9),
    );
    let second = (
        prop::collection::btree_map(any::<String>(), any::<u64>(), 0..3),
        prop::collection::btree_map(any::<i64>(), which(), 0..3),
        any::<Result<i8, String>>(),
        prop::collection::vec(which(), 0..3),
        any::<Option<u32>>(),
        any::<[bool; 3]>(),
        any::<(u128, i128)>(),
        any::<(u16, char)>().prop_map(|(a, b)| Pair(a, b)),
    );
    let flat = (first, second).prop_map(|(first, second)| Shape {
        wide: second.6,
        pair: second.7,
        numbers: first.0,
        float: first.1,
        small: first.2,
        letter: first.3,
        text: first.4,
        maybe: first.5,
        bytes: Bytes(first.6),
        by_name: second.0,
        by_number: second.1,
        result: second.2.map(New),
        which: second.3,
        tagged: second
            .4
            .map_or(Tagged::Second, |some_field| Tagged::First { some_field }),
        unit: ((), Unit),
        array: second.5,
        nested: None,
    });
    let flat = flat.boxed();
    (flat.clone(), proptest::option::of(flat)).prop_map(|(shape, nested)| Shape {
        nested: nested.map(Box::new),
        ..shape
    })
}

/// Sends a shape out as an operation, and gives it back as the answer.
fn echo<F: Format + Copy>(format: F, shape: &Shape) {
    #[derive(Deserialize)]
    struct Batch {
        items: Vec<Item>,
    }
    #[derive(Deserialize)]
    struct Item {
        id: u64,
        operation: Shape,
    }
    let mut executor = Executor::<Echo>::new();
    let (shell, asked) = (executor.shell(), shape.clone());
    let task = executor.spawn(async move { shell.request(asked).await.unwrap() });
    let mut bridge = Bridge::with_format(executor, format);
    bridge.run(10).unwrap();
    let batch = bridge.drain().unwrap();
    let batch: Batch = format.read(&batch, 127).unwrap();
    let seen = &batch.items[0];
    assert_eq!(&seen.operation, shape);
    let answer = write(format, &seen.operation);
    bridge
        .resolve(RequestId::from_u64(seen.id), &answer)
        .unwrap();
    bridge.run(10).unwrap();
    assert_eq!(&futures::executor::block_on(task).unwrap(), shape);
    bridge.teardown().unwrap();
    bridge.report().unwrap().assert_baseline();
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 200 }) })]
    #[test]
    fn every_shape_crosses_and_comes_back_the_same(shape in shape()) {
        echo(Json, &shape);
        #[cfg(feature = "messagepack")]
        echo(MessagePack, &shape);
    }
}

in_each_format! {
    #[test]
    fn the_ends_of_every_range_cross(format) {
        for (big, small, float) in [
            (u64::MAX, i64::MIN, f64::MAX),
            (1 << 53, -(1 << 53) - 1, f64::MIN_POSITIVE),
            (0, i64::MAX, -0.0),
        ] {
            let (a, b, c): (u64, i64, f64) = format.read(&write(format, (big, small, float)), 10).unwrap();
            assert_eq!((a, b, c.to_bits()), (big, small, float.to_bits()));
        }
        for (big, small) in [(u128::MAX, i128::MIN), (0, i128::MAX)] {
            let read: (u128, i128) = format.read(&write(format, (big, small)), 10).unwrap();
            assert_eq!(read, (big, small));
        }
    }
}
