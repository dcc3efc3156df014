//! What the README and the pages of docs/ show is what there is.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const README: &str = include_str!("../README.md");
const CANCELLATION: &str = include_str!("../docs/CANCELLATION.md");
const LIMITS: &str = include_str!("../docs/LIMITS.md");
const TUTORIAL: &str = include_str!("../docs/TUTORIAL.md");
const INSPECTION: &str = include_str!("../docs/INSPECTION.md");
const HELLO: &str = include_str!("../examples/hello.rs");

/// The first fenced block of a language, without its fences.
fn block(page: &'static str, language: &str) -> &'static str {
    let fence = format!("\n```{language}\n");
    let from = page.find(&fence).expect("the block's begin") + fence.len();
    let to = page[from..].find("\n```\n").expect("the block's end") + 1;
    &page[from..from + to]
}

/// All fenced blocks of a page, each with its language.
fn blocks(page: &'static str) -> Vec<(&'static str, &'static str)> {
    let fences: Vec<_> = page.split("```").collect();
    let inside = fences.iter().skip(1).step_by(2);
    inside.filter_map(|block| block.split_once('\n')).collect()
}

/// What cargo has done in a folder.
fn cargo(folder: impl AsRef<Path>, command: &[&str], arguments: &[&str]) -> Output {
    // Where this test was built, so that little is built again.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    Command::new(env!("CARGO"))
        .args(command)
        .arg("--target-dir")
        .arg(target)
        .arg("--")
        .args(arguments)
        .env("RUST_BACKTRACE", "0")
        .current_dir(folder)
        .output()
        .unwrap()
}

/// What an example prints.
fn printed(example: &str, arguments: &[&str]) -> String {
    let command = ["run", "--quiet", "--example", example];
    said(cargo(env!("CARGO_MANIFEST_DIR"), &command, arguments))
}

/// What a program that has done well has printed.
fn said(output: Output) -> String {
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

/// The tutorial's crate, as its reader makes it.
fn weather() -> PathBuf {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("weather");
    fs::create_dir_all(folder.join("src")).unwrap();
    // The same versions as here, so that none is looked for.
    fs::copy(repository.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    let path = format!("stillpoint = {{ path = {repository:?}");
    let manifest = format!(
        "[package]\nname = \"weather\"\nedition = \"2024\"\n[workspace]\n\
         [dependencies]\nfutures = \"0.3\"\n{path} }}\n\
         [dev-dependencies]\n{path}, features = [\"testing\"] }}\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    folder
}

#[test]
#[cfg_attr(miri, ignore = "it starts a program")]
fn examples_print_what_the_tutorial_says() {
    let (folder, mut program, mut steps) = (weather(), String::new(), 0);
    let follow = |program: &str, command| {
        fs::write(folder.join("src/main.rs"), program).unwrap();
        cargo(&folder, command, &[])
    };
    let (run, test): (&[&str], &[&str]) = (&["run", "--quiet"], &["test", "--quiet"]);
    let blocks = blocks(TUTORIAL);
    for (at, (language, text)) in blocks.iter().enumerate() {
        let next = blocks[at..]
            .iter()
            .find(|(language, _)| *language == "text");
        match *language {
            "rust" if text.starts_with("#[cfg(test)]") => {
                let expected = next.expect("how it fails").1;
                program = format!("{program}\n{text}");
                assert!(said(follow(&program, test)).contains("2 passed"));
                let broken = program.replace("screen.latest(\"city\").spawn", "screen.spawn");
                let output = follow(&broken, test);
                let printed = String::from_utf8_lossy(&output.stdout).replace('\\', "/");
                assert!(
                    !output.status.success() && printed.contains(expected),
                    "{printed}"
                );
                steps += 1;
            }
            "rust" => {
                program = (*text).to_owned();
                assert_eq!(said(follow(&program, run)), next.expect("what it prints").1);
                steps += 1;
            }
            _ => {}
        }
    }
    assert_eq!(steps, 4);
}

/// The link definitions of a text: what a label leads to.
fn definitions(text: &str) -> BTreeMap<&str, &str> {
    let lines = text.lines().filter_map(|line| line.strip_prefix('['));
    lines.filter_map(|line| line.split_once("]: ")).collect()
}

/// On a forge a page leads to files beside it, in the documentation to modules: to the same pages.
#[test]
fn pages_lead_to_each_other_in_both_places() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let guide = include_str!("../src/guide.rs");
    let modules = definitions(include_str!("../src/guide/links.md"));
    let mut used = BTreeMap::new();
    for name in guide.split("\"../docs/").skip(1) {
        let name = name.split('"').next().unwrap();
        let page = fs::read_to_string(docs.join(name)).unwrap();
        for link in page.split("](").skip(1) {
            let is_here = link.starts_with('#') || link.starts_with("https://");
            assert!(
                is_here,
                "{name} leads to a file by more than a label: {link:.40}"
            );
        }
        for (label, file) in definitions(&page) {
            let (file, heading) = file
                .split_once('#')
                .map_or((file, None), |(f, h)| (f, Some(h)));
            let mut module = match file {
                "../README.md" => "crate".to_owned(),
                "GUIDE.md" => "crate::guide".to_owned(),
                _ => format!(
                    "crate::guide::{}",
                    file.trim_end_matches(".md").to_lowercase()
                ),
            };
            module.extend(heading.map(|heading| format!("#{heading}")));
            assert_eq!(
                modules.get(label),
                Some(&module.as_str()),
                "{name}: {label}"
            );
            used.insert(label.to_owned(), module);
        }
    }
    let unused = modules.keys().find(|label| !used.contains_key(**label));
    assert_eq!(unused, None, "a label that no page uses");
}
