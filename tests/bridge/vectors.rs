//! What crosses, byte by byte. A vector that changes is another version of the wire form: what reads it is in the field.
//!
//! With `STILLPOINT_VECTORS=write` the files are written anew.

#[path = "vectors/core.rs"]
mod core;

use std::fs;
use std::path::Path;

use super::*;

/// Compares with the file of this name, and gives the bytes on.
fn is_vector(name: &str, bytes: &[u8]) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/bridge/vectors")
        .join(name);
    let text = match name.ends_with(".json") {
        true => String::from_utf8(bytes.to_vec()).unwrap(),
        false => {
            let line = |line: &[u8]| {
                line.iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect::<String>()
            };
            bytes.chunks(40).map(line).collect::<Vec<_>>().join("\n")
        }
    };
    // The compiler writes a place as the system writes its paths.
    let text = text.replace("\\\\", "/") + "\n";
    if std::env::var_os("STILLPOINT_VECTORS").is_some() {
        fs::write(&file, &text).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap().replace("\r\n", "\n");
    assert_eq!(text, expected, "{name} is another version of the wire form");
}

/// The whole life of a bridge.
fn play<F: Format + Copy>(format: F, extension: &str) {
    let mut scene = Scene::new(format, core::build);
    let mut number = 0;
    let mut vector = |what: &str, bytes: &[u8]| {
        number += 1;
        is_vector(&format!("{number}-{what}.{extension}"), bytes);
    };
    scene.bridge.run(100).unwrap();
    let first = scene.bridge.drain().unwrap();
    vector("batch", &first);
    let first = items(format, &first);
    let answer = scene.write(Person {
        name: "Ada".into(),
        ages: vec![36],
    });
    vector("answer-to-find", &answer);
    let item = scene.write(7);
    vector("item-of-ticks", &item);
    scene.bridge.send(id(&first[2]), &item).unwrap();
    let snapshot = scene.bridge.snapshot().unwrap();
    vector("snapshot", &snapshot);
    scene.bridge.resolve(id(&first[1]), &answer).unwrap();
    scene.bridge.run(100).unwrap();
    let unwritable = scene.bridge.drain().unwrap();
    vector("batch-with-an-unwritable", &unwritable);
    scene.bridge.run(100).unwrap();
    let panic = scene.bridge.drain().unwrap();
    vector("batch-with-a-panic", &panic);
    let stale = scene.bridge.resolve(id(&first[1]), &answer).unwrap_err();
    let last = scene.bridge.teardown().unwrap();
    vector("last-batch", &last);
    vector("error", &write(format, &stale));
    let late = scene.bridge.end(id(&first[2])).unwrap_err();
    vector("error-of-no-request", &write(format, &late));
}

#[test]
#[cfg_attr(miri, ignore = "miri reads no files")]
fn json_is_what_it_was() {
    play(Json, "json");
}

#[cfg(all(feature = "messagepack", not(windows)))]
#[test]
#[cfg_attr(miri, ignore = "miri reads no files")]
fn messagepack_is_what_it_was() {
    play(MessagePack, "hex");
}
