//! The public API, as nightly's rustdoc tells it to programs: its listing, and who has an example.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use public_api::PublicApi;
use rustdoc_types::{Crate, FORMAT_VERSION, Id, ItemEnum};
use serde_json::Value;

use crate::checks::cargo_of;
use crate::files::{read, target};
use crate::kept::{Mode, listing};
use crate::needs;
use crate::run::{Run, Stop};

/// The public items whose documentation has no example, with what makes one useless there. One that has an example, or
/// that is gone, must go from here too.
const WITHOUT_EXAMPLE: &[Exception] = &[Exception {
    why: "it is a page that has none of its own to show, and those beside it do",
    items: &[
        "stillpoint::guide",
        "stillpoint::guide::promises",
        "stillpoint::guide::wire",
    ],
}];

/// Items that need no example.
struct Exception {
    why: &'static str,
    items: &'static [&'static str],
}

/// The steps of a test run.
pub(crate) fn test(run: &mut Run, mode: Mode) {
    let mut told = None;
    run.step("the public API is the one that is kept", || {
        let (crate_, api) = tell()?;
        let found = lines(&crate_, &api);
        told = Some((crate_, api));
        listing(mode, "public-api.txt", &found, "cargo xtask api --bless")
    });
    run.step("an example for every public item", || {
        let Some((crate_, api)) = &told else {
            return Err(Stop::Skipped("rustdoc did not tell the items".to_owned()));
        };
        let items = items(crate_, api);
        println!("    {} items", items.len());
        let complaints = complaints(&items, WITHOUT_EXAMPLE);
        for complaint in &complaints {
            println!("    {complaint}");
        }
        match complaints.len() {
            0 => Ok(()),
            some => Err(Stop::Failed(format!("{some} complaints"))),
        }
    });
}

/// A nightly whose rustdoc writes the form that is read here, for where the nightly of the day writes another.
const KNOWN: &str = "nightly-2026-05-20";

/// Has rustdoc tell what it knows of the library, and picks what is public.
fn tell() -> Result<(Crate, PublicApi), Stop> {
    let mut path = ask("nightly")?;
    if form(&path)? != Some(u64::from(FORMAT_VERSION)) {
        path = ask(KNOWN)?;
    }
    let text = read(&path)?;
    let crate_ = serde_json::from_str(&text).map_err(|error| Stop::Failed(error.to_string()))?;
    let api = public_api::Builder::from_rustdoc_json(&path)
        // What every type has by itself says nothing of this crate, and changes with the compiler.
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .build()
        .map_err(|error| Stop::Failed(error.to_string()))?;
    Ok((crate_, api))
}

/// Has a toolchain's rustdoc write it down. Gives the file.
fn ask(toolchain: &str) -> Result<PathBuf, Stop> {
    needs::toolchain(toolchain)?;
    let folder = target()?.join("rustdoc").join(toolchain);
    cargo_of(
        toolchain,
        &format!(
            "rustdoc --package stillpoint --lib --all-features --target-dir {} -- -Zunstable-options \
             --output-format json",
            folder.display()
        ),
    )?;
    Ok(folder.join("doc/stillpoint.json"))
}

/// The number of the form that a file is written in.
fn form(path: &Path) -> Result<Option<u64>, Stop> {
    let told = serde_json::from_str::<Value>(&read(path)?).ok();
    Ok(told.and_then(|told| told["format_version"].as_u64()))
}

/// The listing: a line for each public item. Of a trait's `impl` the line of it says all that its functions would.
fn lines(crate_: &Crate, api: &PublicApi) -> String {
    let of_traits = of_traits(crate_);
    let mut lines = String::new();
    for public in api.items() {
        let is_function = crate_
            .index
            .get(&public.id())
            .is_some_and(|item| matches!(item.inner, ItemEnum::Function(_)));
        if !(is_function && of_traits.contains(&public.id())) {
            lines.push_str(&format!("{public}\n"));
        }
    }
    lines
}

/// What is defined in the `impl`s of traits.
fn of_traits(crate_: &Crate) -> HashSet<Id> {
    crate_
        .index
        .values()
        .filter_map(|item| match &item.inner {
            ItemEnum::Impl(of) if of.trait_.is_some() => Some(&of.items),
            _ => None,
        })
        .flatten()
        .copied()
        .collect()
}

/// A public item that can have an example.
#[derive(Debug, PartialEq, Eq)]
struct Item {
    path: String,
    has_example: bool,
}

/// The items that are to have an example: types, traits, macros, modules, functions and methods. What an `impl` of a
/// trait defines is the trait's to explain.
fn items(crate_: &Crate, api: &PublicApi) -> Vec<Item> {
    let of_traits = of_traits(crate_);
    let mut items = Vec::new();
    for public in api.items() {
        let Some(item) = crate_.index.get(&public.id()) else {
            continue;
        };
        let is_asked = matches!(
            item.inner,
            ItemEnum::Module(_)
                | ItemEnum::Struct(_)
                | ItemEnum::Enum(_)
                | ItemEnum::Union(_)
                | ItemEnum::Trait(_)
                | ItemEnum::TraitAlias(_)
                | ItemEnum::Macro(_)
                | ItemEnum::ProcMacro(_)
                | ItemEnum::Function(_)
        );
        if is_asked && item.crate_id == 0 && !of_traits.contains(&item.id) {
            items.push(Item {
                path: path(&public.to_string()),
                has_example: has_example(item.docs.as_deref().unwrap_or_default()),
            });
        }
    }
    items
}

/// The path in an item's line of the listing, without its generics: `a::B::c` of `pub fn a::B<T>::c<U>(&self) -> U`.
fn path(line: &str) -> String {
    let start = line.split(' ').position(|word| word.contains("stillpoint"));
    let words: Vec<_> = line.split(' ').skip(start.unwrap_or_default()).collect();
    let mut path = String::new();
    let mut depth = 0_usize;
    let mut before = ' ';
    for letter in words.join(" ").chars() {
        match letter {
            '<' => depth += 1,
            // That of an arrow closes nothing.
            '>' if before != '-' => depth = depth.saturating_sub(1),
            '(' | ' ' | '!' if depth == 0 => break,
            _ if depth == 0 => path.push(letter),
            _ => {}
        }
        before = letter;
    }
    path.trim_end_matches(':').to_owned()
}

/// Says whether documentation has a block of Rust that is run, or at least compiled.
fn has_example(docs: &str) -> bool {
    let mut inside = false;
    for line in docs.lines() {
        let Some(words) = line.trim_start().strip_prefix("```") else {
            continue;
        };
        inside = !inside;
        let is_rust = words
            .split([',', ' '])
            .map(str::trim)
            .all(|word| ["", "rust", "no_run", "should_panic"].contains(&word));
        if inside && is_rust {
            return true;
        }
    }
    false
}

/// What is wrong: with items, and with exceptions.
fn complaints(items: &[Item], exceptions: &[Exception]) -> Vec<String> {
    let excepted: Vec<_> = exceptions
        .iter()
        .flat_map(|exception| exception.items.iter().map(|item| (*item, exception.why)))
        .collect();
    let is_excepted = |path: &str| excepted.iter().any(|(item, _)| *item == path);
    let mut complaints = Vec::new();
    for item in items {
        if !item.has_example && !is_excepted(&item.path) {
            complaints.push(format!("{} has no example", item.path));
        }
    }
    for (path, why) in &excepted {
        let mut named = items.iter().filter(|item| item.path == *path).peekable();
        if named.peek().is_none() {
            complaints.push(format!("{path} is excepted ({why}), and is no public item"));
        } else if named.all(|item| item.has_example) {
            complaints.push(format!("{path} is excepted ({why}), and has an example"));
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::{Exception, Item, complaints, has_example, path};

    #[test]
    fn a_path_is_without_generics_and_arguments() {
        for (line, expected) in [
            ("pub mod stillpoint", "stillpoint"),
            ("pub macro stillpoint::effects!", "stillpoint::effects"),
            (
                "pub fn stillpoint::A<E>::new() -> Self",
                "stillpoint::A::new",
            ),
            (
                "pub fn stillpoint::A<E>::on<F: Fn(u8) -> B<u8>>(self, F) -> Self where F: Send",
                "stillpoint::A::on",
            ),
            ("pub const fn stillpoint::a()", "stillpoint::a"),
            (
                "pub trait stillpoint::A: core::marker::Send",
                "stillpoint::A",
            ),
            (
                "#[non_exhaustive] pub enum stillpoint::A<T>",
                "stillpoint::A",
            ),
            ("pub struct stillpoint::Id(_)", "stillpoint::Id"),
        ] {
            assert_eq!(path(line), expected, "{line}");
        }
    }

    #[test]
    fn an_example_is_rust_and_compiles() {
        assert!(has_example("Is.\n\n```\nlet a = 1;\n```\n"));
        assert!(has_example("```text\n─▶\n```\n\n  ```no_run\na();\n```"));
        assert!(has_example("```rust\n```"));
        for docs in [
            "",
            "Is `a`.",
            "```text\na\n```\n",
            "```ignore\na\n```",
            "```compile_fail,E0277\na\n```",
            "```json\n{}\n```\nand so on",
        ] {
            assert!(!has_example(docs), "{docs}");
        }
    }

    #[test]
    fn exceptions_are_used_or_go() {
        let item = |path: &str, has_example| Item {
            path: path.to_owned(),
            has_example,
        };
        let items = [item("a", true), item("b", false), item("c", false)];
        let except = |items| {
            [Exception {
                why: "it is plain",
                items,
            }]
        };
        assert_eq!(
            complaints(&items, &[]),
            ["b has no example", "c has no example"]
        );
        assert!(complaints(&items, &except(&["b", "c"])).is_empty());
        assert_eq!(
            complaints(&items, &except(&["a", "b", "c", "d"])),
            [
                "a is excepted (it is plain), and has an example",
                "d is excepted (it is plain), and is no public item"
            ]
        );
    }
}
