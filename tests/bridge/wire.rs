//! What docs/WIRE.md says, each statement of it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::json;

use super::shapes::Bytes;
use super::*;
use crate::in_each_format;

const WIRE: &str = include_str!("../../docs/WIRE.md");

fn json(value: impl Serialize) -> String {
    String::from_utf8(write(Json, value)).unwrap()
}

fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    Json.read(text.as_bytes(), 127)
        .map_err(|error| error.message)
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Unit;
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct New(u8);
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Pair(u8, bool);
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct S {
    a: u8,
    b: Option<bool>,
}
#[derive(Debug, PartialEq, PartialOrd, Eq, Ord, Serialize, Deserialize)]
enum Enum {
    Unit,
    New(u8),
    Tuple(u8, u8),
    Struct { a: u8 },
}

#[test]
fn json_is_as_the_table_says() {
    assert_eq!(
        json((u64::MAX, i64::MIN, u128::MAX)),
        format!("[{},{},{}]", u64::MAX, i64::MIN, u128::MAX)
    );
    assert_eq!(
        json((1.0, 0.1f32, f64::NAN, f64::INFINITY)),
        "[1.0,0.1,null,null]"
    );
    assert!(from_json::<f64>("null").is_err());
    assert_eq!(json((true, "a\n\u{0}é", 'é')), r#"[true,"a\n\u0000é","é"]"#);
    assert_eq!(json(((), Unit)), "[null,null]");
    assert_eq!(
        json((None::<u8>, Some(1), Some(Some(2)), Some(None::<u8>))),
        "[null,1,2,null]"
    );
    assert_eq!(from_json("null"), Ok(None::<Option<u8>>));
    assert_eq!(
        json((vec![1], (1, true), [1, 2], Pair(1, true), New(7))),
        "[[1],[1,true],[1,2],[1,true],7]"
    );
    assert_eq!(json(Bytes(vec![0, 255])), "[0,255]");
    assert_eq!(json(S { a: 1, b: None }), r#"{"a":1,"b":null}"#);
    let each = [
        Enum::Unit,
        Enum::New(1),
        Enum::Tuple(1, 2),
        Enum::Struct { a: 1 },
    ];
    assert_eq!(
        json(each),
        r#"["Unit",{"New":1},{"Tuple":[1,2]},{"Struct":{"a":1}}]"#
    );
    assert_eq!(json([Ok(1), Err("no")]), r#"[{"Ok":1},{"Err":"no"}]"#);
    assert_eq!(json(IpAddr::V4(Ipv4Addr::LOCALHOST)), r#""127.0.0.1""#);
    assert_eq!(
        json(Duration::from_millis(1500)),
        r#"{"secs":1,"nanos":500000000}"#
    );
}

#[test]
fn the_keys_of_a_map_are_strings_in_json() {
    assert_eq!(json(BTreeMap::from([("a", 1)])), r#"{"a":1}"#);
    assert_eq!(json(BTreeMap::from([(-1, 1)])), r#"{"-1":1}"#);
    assert_eq!(json(BTreeMap::from([(true, 1)])), r#"{"true":1}"#);
    assert_eq!(json(BTreeMap::from([('a', 1)])), r#"{"a":1}"#);
    assert_eq!(json(BTreeMap::from([(Enum::Unit, 1)])), r#"{"Unit":1}"#);
    assert_eq!(json(BTreeMap::from([(Some("a"), 1)])), r#"{"a":1}"#);
    assert_eq!(from_json(r#"{"-1":1}"#), Ok(BTreeMap::from([(-1, 1)])));
    assert_eq!(
        from_json(r#"{"a":1}"#),
        Ok(BTreeMap::from([(Some("a".to_owned()), 1)]))
    );
    fn refused(value: impl Serialize) {
        assert!(Json.write(&value, &mut Vec::new()).is_err());
    }
    refused(BTreeMap::from([(None::<&str>, 1)]));
    refused(BTreeMap::from([((), 1)]));
    refused(BTreeMap::from([((1, 2), 1)]));
    refused(BTreeMap::from([(Enum::New(1), 1)]));
}

#[test]
fn json_reads_what_else_the_page_says() {
    assert_eq!(
        from_json("[1,true]"),
        Ok(S {
            a: 1,
            b: Some(true)
        })
    );
    assert!(from_json::<Enum>("0").is_err());
    assert_eq!(from_json(r#"{"Unit":null}"#), Ok(Enum::Unit));
    assert_eq!(from_json(r#"{"a":1}"#), Ok(S { a: 1, b: None }));
    assert_eq!(from_json(r#"{"a":1,"more":[{}]}"#), Ok(S { a: 1, b: None }));
    assert!(
        from_json::<S>(r#"{"a":1,"a":2}"#)
            .unwrap_err()
            .contains("duplicate field")
    );
    assert_eq!(
        from_json(r#"{"a":1,"a":2}"#),
        Ok(BTreeMap::from([("a".to_owned(), 2)]))
    );
    assert!(from_json::<u8>("\u{feff}1").is_err());
    assert_eq!(from_json(" \t\r\n1\n"), Ok(1));
    assert!(from_json::<u8>("1 1").is_err());
    assert!(from_json::<u8>("1.0").is_err());
    assert_eq!(from_json::<f64>("1"), Ok(1.0));
    assert!(from_json::<u8>("256").is_err());
    assert!(from_json::<u8>("01").is_err());
    assert!(from_json::<f64>("NaN").is_err());
    assert!(Json.read::<String>(b"\"\xff\"", 9).is_err());
    assert!(from_json::<String>(r#""\ud800""#).is_err());
}

#[test]
fn a_batch_of_json_has_no_newline() {
    let mut scene = Scene::new(Json, |executor, shell, _| {
        drop(executor.spawn(async move {
            shell.notify(Say("two\nlines\r\u{2028}".into())).unwrap();
            panic!("in two\nlines");
        }));
    });
    scene.bridge.run(9).unwrap();
    let batches = [
        scene.bridge.snapshot().unwrap(),
        scene.bridge.drain().unwrap(),
        scene.bridge.teardown().unwrap(),
    ];
    assert!(
        batches
            .concat()
            .iter()
            .all(|byte| !matches!(byte, b'\n' | b'\r'))
    );
}

#[test]
fn a_number_of_json_is_any_that_its_grammar_has() {
    for number in [f64::MAX, f64::MIN_POSITIVE, 5e-324, 0.1 + 0.2, 1e16, -0.0] {
        let back: f64 = from_json(&json(number)).unwrap();
        assert_eq!(back.to_bits(), number.to_bits());
    }
}

#[cfg(feature = "messagepack")]
mod messagepack {
    use super::*;

    fn pack(value: impl Serialize) -> Vec<u8> {
        write(MessagePack, value)
    }

    fn unpack<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
        MessagePack.read(bytes, 127).map_err(|error| error.message)
    }

    #[test]
    fn messagepack_is_as_the_table_says() {
        assert_eq!(pack((7u64, 300i64, -1)), b"\x93\x07\xcd\x01\x2c\xff");
        let (high, low) = (u128::MAX.to_be_bytes(), (-1i128).to_be_bytes());
        assert_eq!(pack(u128::MAX), [b"\xc4\x10", &high[..]].concat());
        assert_eq!(pack(-1i128), [b"\xc4\x10", &low[..]].concat());
        assert_eq!(
            pack((1.0f64, f32::NAN)),
            [
                b"\x92\xcb\x3f\xf0\0\0\0\0\0\0\xca",
                &f32::NAN.to_be_bytes()[..]
            ]
            .concat()
        );
        assert_eq!(pack((true, "é", 'é')), b"\x93\xc3\xa2\xc3\xa9\xa2\xc3\xa9");
        assert_eq!(pack(((), Unit)), b"\x92\xc0\x90");
        assert_eq!(unpack(b"\xc0"), Ok(Unit));
        assert_eq!(pack((None::<u8>, Some(1))), b"\x92\xc0\x01");
        assert_eq!(
            pack((vec![1], (1, true), [1, 2], Pair(1, true), New(7))),
            b"\x95\x91\x01\x92\x01\xc3\x92\x01\x02\x92\x01\xc3\x07"
        );
        assert_eq!(pack(Bytes(vec![0, 255])), b"\xc4\x02\x00\xff");
        assert_eq!(pack(S { a: 1, b: None }), b"\x82\xa1a\x01\xa1b\xc0");
        assert_eq!(pack(BTreeMap::from([((1, 2), 1)])), b"\x81\x92\x01\x02\x01");
        assert_eq!(pack(BTreeMap::from([(None::<u8>, 1)])), b"\x81\xc0\x01");
        let each = [
            Enum::Unit,
            Enum::New(1),
            Enum::Tuple(1, 2),
            Enum::Struct { a: 1 },
        ];
        assert_eq!(
            pack(each),
            b"\x94\xa4Unit\x81\xa3New\x01\x81\xa5Tuple\x92\x01\x02\x81\xa6Struct\x81\xa1a\x01"
        );
        assert_eq!(pack(Err::<u8, u8>(1)), b"\x81\xa3Err\x01");
        assert_eq!(
            pack(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            b"\x81\xa2V4\x94\x7f\0\0\x01"
        );
        assert_eq!(pack(Ipv4Addr::LOCALHOST), b"\x94\x7f\0\0\x01");
    }

    #[test]
    fn messagepack_reads_what_else_the_page_says() {
        assert_eq!(
            unpack(b"\x92\x01\xc3"),
            Ok(S {
                a: 1,
                b: Some(true)
            })
        );
        assert_eq!(unpack(b"\x00"), Ok(Enum::Unit));
        assert_eq!(unpack(b"\x81\x01\x07"), Ok(Enum::New(7)));
        assert_eq!(unpack(b"\x81\xa4Unit\xc0"), Ok(Enum::Unit));
        assert_eq!(
            unpack(b"\x82\xa1a\x01\xa4more\x90"),
            Ok(S { a: 1, b: None })
        );
        assert!(
            unpack::<S>(b"\x82\xa1a\x01\xa1a\x02")
                .unwrap_err()
                .contains("duplicate field")
        );
        assert_eq!(
            unpack(b"\x82\xa1a\x01\xa1a\x02"),
            Ok(BTreeMap::from([("a".to_owned(), 2)]))
        );
        // Any width.
        assert_eq!(unpack(b"\xcf\0\0\0\0\0\0\0\x07"), Ok(7u8));
        assert_eq!(unpack(b"\xd3\0\0\0\0\0\0\0\x07"), Ok(7u8));
        assert_eq!(unpack(b"\xdb\0\0\0\x01a"), Ok("a".to_owned()));
        assert_eq!(unpack(b"\xdd\0\0\0\x01\x07"), Ok(vec![7]));
        assert!(unpack::<u8>(b"\xcd\x01\0").is_err());
        assert_eq!(unpack(b"\x07"), Ok(7.0f64));
        assert_eq!(unpack(b"\xc4\x01\x07"), Ok(Bytes(vec![7])));
        assert_eq!(unpack(b"\x91\x07"), Ok(Bytes(vec![7])));
        // An extension, here a time.
        assert!(unpack::<u32>(b"\xd6\xff\0\0\0\0").is_err());
        assert!(unpack::<u8>(b"\xc1").is_err());
        assert!(unpack::<u8>(b"\x07\x07").is_err());
        assert!(unpack::<String>(b"\xa1\xff").is_err());
    }

    #[test]
    fn a_batch_has_its_length_in_four_bytes() {
        let mut scene = Scene::new(MessagePack, |_, _, _| {});
        let batch = scene.bridge.drain().unwrap();
        assert_eq!(batch, b"\x82\xa7version\xce\0\0\0\x01\xa5items\xdd\0\0\0\0");
        scene.teardown();
    }
}

/// Reads a table's first column, for the names that stand in backquotes there.
fn column(header: &str) -> Vec<String> {
    let rows = WIRE.split(header).nth(1).expect("the table is there");
    let rows = rows
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let name = |row: &str| row.split('`').nth(1).expect("a name").to_owned();
    rows.map(name).collect()
}

fn every_error() -> Vec<BridgeError> {
    let id = RequestId::from_u64(16777216);
    vec![
        BridgeError::Unknown(id),
        BridgeError::Stale(id),
        BridgeError::AlreadyAnswered(id),
        BridgeError::WrongKind {
            id,
            effect: "Ask",
            kind: stillpoint::portable::Kind::Request,
        },
        BridgeError::Full(id),
        BridgeError::Undecodable {
            id,
            effect: "Ask",
            path: "a[1]".into(),
            message: "no".into(),
        },
        BridgeError::TooLarge { bytes: 2, limit: 1 },
        BridgeError::Panicked {
            message: "no".into(),
        },
        BridgeError::Format {
            message: "no".into(),
        },
        BridgeError::TornDown,
    ]
}

/// What stands before it in the source is the grammar's.
#[test]
fn an_effect_that_is_called_as_a_keyword_is_called_so() {
    effects! {
        #[allow(non_camel_case_types)]
        enum Effect {
            Say => notify Say,
            r#try => notify u32,
        }
    }
    let executor = Executor::<Effect>::new();
    executor.shell().notify(7).unwrap();
    let batch = Bridge::new(executor).drain().unwrap();
    assert_eq!(short(&items(Json, &batch)), ["notify try"]);
}

#[test]
fn every_code_of_an_error_is_on_the_page() {
    let errors = every_error();
    let codes: Vec<_> = errors.iter().map(BridgeError::code).collect();
    assert_eq!(column("\n| code | why |"), codes);
    let items = [
        "request",
        "stream",
        "notify",
        "cancelled",
        "panic",
        "unwritable",
        "report",
    ];
    assert_eq!(column("\n| `type` | fields |"), items);
}

in_each_format! {
    #[test]
    fn an_error_is_handed_to_a_shell_by_its_code_its_request_and_its_text(format) {
        for error in every_error() {
            let plain: Value = format.read(&write(format, &error), 9).unwrap();
            let id = error.id().map(RequestId::to_u64);
            assert_eq!(plain, json!({"code": error.code(), "id": id, "message": error.to_string()}));
            assert_eq!(id.is_some(), error.to_string().contains("16777216"), "{error}");
            if id.is_some() {
                assert!(format!("{error:?}").contains("RequestId(0.1 = 16777216)"), "{error:?}");
            }
        }
    }

    #[test]
    fn ids_are_below_2_to_the_53_and_given_out_once(format) {
        let mut scene = Scene::new(format, |executor, shell, _| {
            drop(executor.spawn(async move {
                loop {
                    let _ = shell.request(Ask(1)).await;
                }
            }));
        });
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..300 {
            let id = id(&scene.turn()[0]);
            assert!(id.to_u64() < 1 << 53 && seen.insert(id));
            scene.bridge.fail(id, "").unwrap();
        }
        scene.teardown();
    }
}
