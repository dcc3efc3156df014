//! What the README and the pages of docs/ show is what there is.

use std::path::Path;
use std::process::Command;

const README: &str = include_str!("../README.md");
const CANCELLATION: &str = include_str!("../docs/CANCELLATION.md");
const LIMITS: &str = include_str!("../docs/LIMITS.md");
const INSPECTION: &str = include_str!("../docs/INSPECTION.md");
const HELLO: &str = include_str!("../examples/hello.rs");

/// The first fenced block of a language, without its fences.
fn block(page: &'static str, language: &str) -> &'static str {
    let fence = format!("\n```{language}\n");
    let from = page.find(&fence).expect("the block's begin") + fence.len();
    let to = page[from..].find("\n```\n").expect("the block's end") + 1;
    &page[from..from + to]
}

/// What an example prints.
fn printed(example: &str, arguments: &[&str]) -> String {
    // Where this test was built, so that little is built again.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--example", example, "--target-dir"])
        .arg(target)
        .arg("--")
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{err}");
    // Some systems write a place with a separator of their own, which a picture has as a number.
    let text = String::from_utf8(output.stdout).unwrap();
    text.replace('\\', "/").replace("#92;#8288;", "/")
}

#[test]
fn its_program_is_the_example() {
    assert_eq!(block(README, "rust"), HELLO);
}

#[test]
#[cfg_attr(miri, ignore = "it starts a program")]
fn examples_print_what_the_readme_says() {
    assert_eq!(printed("hello", &[]), block(README, "text"));
}

#[test]
#[cfg_attr(miri, ignore = "it starts a program")]
fn examples_print_what_the_guide_says() {
    for (page, section, example) in [
        (CANCELLATION, "Scopes", "search_as_you_type"),
        (LIMITS, "Limits", "limits"),
    ] {
        let begin = page.find(&format!("\n## {section}\n"));
        let expected = block(&page[begin.expect("the section")..], "text");
        assert_eq!(printed(example, &[]), expected);
    }
}

#[test]
#[cfg_attr(miri, ignore = "it starts a program")]
fn examples_print_what_the_page_on_inspection_says() {
    assert_eq!(printed("inspect", &[]), block(INSPECTION, "text"));
    assert_eq!(
        printed("inspect", &["mermaid"]),
        block(INSPECTION, "mermaid")
    );
    assert!(printed("inspect", &["dot"]).starts_with("digraph executor {\n"));
}
