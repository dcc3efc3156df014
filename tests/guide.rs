//! The pages of docs/ lead to each other, and whoever follows the tutorial sees what it says.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const TUTORIAL: &str = include_str!("../docs/TUTORIAL.md");

/// All fenced blocks of a page, each with its language.
fn blocks(page: &'static str) -> Vec<(&'static str, &'static str)> {
    let fences: Vec<_> = page.split("```").collect();
    let inside = fences.iter().skip(1).step_by(2);
    inside.filter_map(|block| block.split_once('\n')).collect()
}

/// What cargo does with a program in a crate.
fn follow(folder: &Path, program: &str, command: &str) -> Output {
    fs::write(folder.join("src/main.rs"), program).unwrap();
    Command::new(env!("CARGO"))
        .args([command, "--quiet", "--target-dir"])
        // Where this test was built, so that little is built again.
        .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap())
        .env("RUST_BACKTRACE", "0")
        .current_dir(folder)
        .output()
        .unwrap()
}

/// What a program that has done well has printed.
fn said(output: Output) -> String {
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{err}");
    String::from_utf8(output.stdout).unwrap()
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
    let cargo = |program: &str, command| follow(&folder, program, command);
    let blocks = blocks(TUTORIAL);
    for (at, (language, text)) in blocks.iter().enumerate() {
        let next = blocks[at..]
            .iter()
            .find(|(language, _)| *language == "text");
        match *language {
            "rust" if text.starts_with("#[cfg(test)]") => {
                let expected = next.expect("how it fails").1;
                program = format!("{program}\n{text}");
                assert!(said(cargo(&program, "test")).contains("2 passed"));
                let broken = program.replace("screen.latest(\"city\").spawn", "screen.spawn");
                let output = cargo(&broken, "test");
                let printed = String::from_utf8_lossy(&output.stdout).replace('\\', "/");
                assert!(
                    !output.status.success() && printed.contains(expected),
                    "{printed}"
                );
                steps += 1;
            }
            "rust" => {
                program = (*text).to_owned();
                assert_eq!(
                    said(cargo(&program, "run")),
                    next.expect("what it prints").1
                );
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
    let modules = definitions(include_str!("../src/links.rs"));
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
