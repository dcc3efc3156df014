//! What docs/RELIABILITY.md names is there: every test by its name, and a row for each promise.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const RELIABILITY: &str = include_str!("../docs/RELIABILITY.md");
const PROMISES: &str = include_str!("../docs/PROMISES.md");

/// Every test of the library: the functions below a `#[test]`, or its like for wasm, in `src` and in `tests`.
fn tests() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut names = BTreeSet::new();
    for folder in ["src", "tests"] {
        collect(&root.join(folder), &mut names);
    }
    names
}

fn collect(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(path).unwrap();
            let text = text.replace("#[wasm_bindgen_test]", "#[test]");
            for test in text.split("#[test]").skip(1) {
                let name = test
                    .split("fn ")
                    .nth(1)
                    .and_then(|rest| rest.split('(').next());
                names.extend(name.map(str::to_owned));
            }
        }
    }
}

/// What a text has between backquotes that could be a test's name: words of a sentence, joined.
fn named(text: &str) -> impl Iterator<Item = &str> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| name.matches('_').count() >= 3 && !name.contains([' ', '/', ':', '.']))
}

#[test]
fn every_test_that_is_named_exists() {
    let tests = tests();
    let missing: Vec<_> = named(RELIABILITY)
        .filter(|name| !tests.contains(*name))
        .collect();
    assert_eq!(missing, [""; 0]);
    assert!(named(RELIABILITY).count() > 60);
}

#[test]
fn every_promise_has_a_row_and_a_test_that_bears_its_number() {
    let numbered = PROMISES.lines().filter_map(|line| line.split_once(". "));
    let promises: Vec<u32> = numbered
        .filter_map(|(number, _)| number.parse().ok())
        .collect();
    assert_eq!(promises, Vec::from_iter(1..=20));
    for promise in promises {
        let begin = format!("| {promise} ");
        let row = RELIABILITY.lines().find(|line| line.starts_with(&begin));
        let row = row.unwrap_or_else(|| panic!("promise {promise} has no row"));
        let rule = format!("rule_{promise:02}_");
        assert!(named(row).any(|name| name.starts_with(&rule)), "{row}");
    }
}
