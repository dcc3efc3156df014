//! Copies linkcheck's core, and plants bugs in the copy.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// The file, what stands there once, and what stands there instead.
const PLANTED: &[(&str, &str, &str)] = &[
    // What a look has shown is taken for the latest news, also where the document was read meanwhile.
    (
        "ledger.rs",
        "if entry.knowledge.is_nothing() {\n            let knowledge = Knowledge::looked(",
        "if entry.knowledge.is_nothing() || Bug::LateLook.is_planted() {\n            \
         let knowledge = Knowledge::looked(",
    ),
    ("ledger.rs", "use crate::{\n", "use crate::{\n    Bug,\n"),
    // Targets are asked when the walk is over, also while documents are read that may want more of them.
    (
        "check.rs",
        "Walk::Over if self.gathering > 0 => return None,",
        "Walk::Over if self.gathering > 0 && !Bug::EarlyAsking.is_planted() => return None,",
    ),
    // The walk goes on while a document waits that it has brought.
    (
        "check.rs",
        "if let Some(document) = self.document.take() {",
        "if Bug::HastyWalk.is_planted() && self.walk == Walk::Paused {\n            \
         return Some(Work::Walk);\n        }\n        \
         if let Some(document) = self.document.take() {",
    ),
    ("check.rs", "use crate::{\n", "use crate::{\n    Bug,\n"),
];

fn main() {
    let core = Path::new("../../examples/linkcheck/core/src");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", core.display());
    let copy = PathBuf::from(env::var_os("OUT_DIR").expect("cargo says where"));
    let door = fs::read_to_string(core.join("lib.rs")).expect("the core");
    let mut modules = String::new();
    for line in door.lines() {
        let module = line
            .strip_prefix("pub ")
            .unwrap_or(line)
            .strip_prefix("mod ");
        if let Some(name) = module.and_then(|name| name.strip_suffix(';')) {
            let file = format!("{name}.rs");
            let text = planted(
                &file,
                fs::read_to_string(core.join(&file)).expect("a module"),
            );
            fs::write(copy.join(&file), text).expect("a copy");
            modules.push_str(&format!("#[path = {:?}]\n", copy.join(&file)));
        }
        if module.is_some() || line.starts_with("pub use ") {
            modules.push_str(&format!("{line}\n"));
        }
    }
    fs::write(copy.join("modules.rs"), modules).expect("a copy");
}

/// A file with its bugs.
fn planted(file: &str, mut text: String) -> String {
    for (_, before, after) in PLANTED.iter().filter(|(of, ..)| *of == file) {
        let count = text.matches(before).count();
        assert_eq!(
            count, 1,
            "in {file}, `{before}` stands {count} times: plant the bug where it belongs now"
        );
        text = text.replacen(before, after, 1);
    }
    text
}
