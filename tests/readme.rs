//! What the README shows is what there is.

use std::path::Path;
use std::process::Command;

const README: &str = include_str!("../README.md");
const GUIDE: &str = include_str!("../docs/GUIDE.md");
const HELLO: &str = include_str!("../examples/hello.rs");

/// The first fenced block of a language, without its fences.
fn block(text: &'static str, language: &str) -> &'static str {
    let fence = format!("\n```{language}\n");
    let from = text.find(&fence).expect("the block's begin") + fence.len();
    let to = text[from..].find("\n```\n").expect("the block's end") + 1;
    &text[from..from + to]
}

/// What an example prints.
fn printed(example: &str) -> String {
    // Where this test was built, so that little is built again.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--example", example, "--target-dir"])
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{err}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn its_program_is_the_example() {
    assert_eq!(block(README, "rust"), HELLO);
}

#[test]
#[cfg_attr(miri, ignore = "it starts a program")]
fn the_example_prints_what_it_says() {
    assert_eq!(printed("hello"), block(README, "text"));
}

#[test]
#[cfg_attr(miri, ignore = "it starts a program")]
fn the_guides_example_prints_what_it_says() {
    let scopes = GUIDE.find("\n## Scopes\n").expect("the section");
    let expected = block(&GUIDE[scopes..], "text");
    assert_eq!(printed("search_as_you_type"), expected);
}
