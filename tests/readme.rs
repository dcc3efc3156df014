//! What the README shows is what there is.

use std::path::Path;
use std::process::Command;

const README: &str = include_str!("../README.md");
const HELLO: &str = include_str!("../examples/hello.rs");

/// The first fenced block of a language, without its fences.
fn block(language: &str) -> &'static str {
    let fence = format!("\n```{language}\n");
    let from = README.find(&fence).expect("the block's begin") + fence.len();
    let to = README[from..].find("\n```\n").expect("the block's end") + 1;
    &README[from..from + to]
}

#[test]
fn its_program_is_the_example() {
    assert_eq!(block("rust"), HELLO);
}

#[test]
#[cfg_attr(miri, ignore = "it starts a program")]
fn the_example_prints_what_it_says() {
    // Where this test was built, so that little is built again.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--example", "hello", "--target-dir"])
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{err}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), block("text"));
}
