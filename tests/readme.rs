//! What the README and the pages of docs/ and examples/ show is what there is.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

const README: &str = include_str!("../README.md");
const CANCELLATION: &str = include_str!("../docs/CANCELLATION.md");
const LIMITS: &str = include_str!("../docs/LIMITS.md");
const INSPECTION: &str = include_str!("../docs/INSPECTION.md");
const EXAMPLES: &str = include_str!("../examples/README.md");
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
    run(&[&["--example", example, "--"], arguments].concat())
}

/// What a `cargo run` prints.
fn run(arguments: &[&str]) -> String {
    // Where this test was built, so that little is built again.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--target-dir"])
        .arg(target)
        .args(arguments)
        // They would say which orders are tried.
        .env_remove("STILLPOINT_SEED")
        .env_remove("STILLPOINT_SEEDS")
        .env_remove("STILLPOINT_CHOICES")
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

#[test]
#[cfg_attr(miri, ignore = "it starts a program")]
fn examples_print_what_their_page_says() {
    let mut shown = BTreeSet::new();
    for section in EXAMPLES.split("\n## ") {
        let mut lines = section.lines();
        let Some(command) = lines.find_map(|line| line.strip_prefix("cargo run --example ")) else {
            continue; // a package of its own, whose tests run it
        };
        let words: Vec<_> = command.split_whitespace().collect();
        assert_eq!(
            run(&[&["--example"], &*words].concat()),
            block(section, "text"),
            "{command}"
        );
        shown.insert(format!("{}.rs", words[0]));
    }
    let programs = programs("examples");
    let single = programs
        .iter()
        .filter_map(|program| program.strip_prefix("examples/"));
    let single = single.filter(|name| !name.contains('/')).map(str::to_owned);
    assert_eq!(shown, single.collect());
}

/// The programs in a folder, and in the folders within it.
fn programs(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{folder}/{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            found.extend(programs(&name));
        } else if [".rs", ".html", ".c", ".py"]
            .iter()
            .any(|kind| name.ends_with(kind))
        {
            found.push(name);
        }
    }
    found
}

#[test]
fn examples_are_short_but_linkcheck_and_its_shells() {
    let mut programs = [programs("examples"), programs("web/empty")].concat();
    programs.retain(|program| !program.starts_with("examples/linkcheck/"));
    programs
        .retain(|program| !program.starts_with("examples/native/") || program.contains("/hello."));
    assert!(programs.len() >= 15, "{programs:?}");
    for program in programs {
        let text =
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&program)).unwrap();
        let lines = text.lines().count();
        assert!(lines < 150, "{program} has {lines} lines");
    }
}
