//! The licences of what the library depends on.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use crate::checks::features;
use crate::kept::{Mode, listing};
use crate::run::{Run, Stop};

/// What may stand in the manifest of a dependency, as it stands there. Who adds one has read it: each lets a program of
/// any licence use the crate, for no more than keeping its notice.
const ALLOWED: &[&str] = &[
    "Apache-2.0",
    "Apache-2.0 OR MIT",
    "MIT",
    "MIT OR Apache-2.0",
    "MIT/Apache-2.0",
    "Unlicense OR MIT",
    // Of unicode-ident, at compile time: the second one is for tables of Unicode.
    "(MIT OR Apache-2.0) AND Unicode-3.0",
];

/// What dependencies can be of. Those of a `cfg` that only tests set are none of a user's.
const PLATFORMS: &[&str] = &[
    "x86_64-unknown-linux-gnu",
    "aarch64-apple-darwin",
    "x86_64-pc-windows-msvc",
    "wasm32-unknown-unknown",
];

/// A crate and what its manifest says of its licence. No version: the user's lock file has that.
type Crates = BTreeMap<String, String>;

/// The step of a test run.
pub(crate) fn test(run: &mut Run, mode: Mode) {
    run.step("the licences of what the library depends on", || {
        let bare = crates(None)?;
        let mut found = String::from("# What the library depends on, and under which licence.\n");
        section(&mut found, "Without features", &bare);
        let mut all = bare.clone();
        for feature in features()? {
            let mut more = crates(Some(&feature))?;
            all.extend(more.clone());
            more.retain(|name, _| !bare.contains_key(name));
            section(
                &mut found,
                &format!("The feature `{feature}` besides"),
                &more,
            );
        }
        refuse(&all)?;
        listing(mode, "licences.txt", &found, "cargo xtask licences --bless")
    });
}

fn section(text: &mut String, title: &str, crates: &Crates) {
    text.push_str(&format!("\n## {title}\n"));
    for (name, licence) in crates {
        text.push_str(&format!("{name}: {licence}\n"));
    }
    if crates.is_empty() {
        text.push_str("nothing\n");
    }
}

/// What the library depends on with a feature, or with none, when it is compiled or runs.
fn crates(feature: Option<&str>) -> Result<Crates, Stop> {
    let mut tree = Command::new("cargo");
    tree.args(["tree", "--locked", "--package", "stillpoint"])
        .args(["--edges", "normal,build", "--prefix", "none"])
        .args(["--format", "{p}|{l}", "--features", feature.unwrap_or("")]);
    for platform in PLATFORMS {
        tree.args(["--target", platform]);
    }
    let said = tree
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .map_err(|error| Stop::Failed(format!("`cargo tree`: {error}")))?;
    if !said.status.success() {
        let why = String::from_utf8_lossy(&said.stderr).into_owned();
        return Err(Stop::Failed(why));
    }
    Ok(read(&String::from_utf8_lossy(&said.stdout)))
}

/// Reads lines such as `slab v0.4.9|MIT`. A crate that was there before ends in ` (*)`.
fn read(tree: &str) -> Crates {
    tree.lines()
        .filter_map(|line| {
            let (package, licence) = line.split_once('|')?;
            let name = package.split(' ').next()?;
            let licence = licence.trim_end_matches("(*)").trim();
            (name != "stillpoint").then(|| (name.to_owned(), licence.to_owned()))
        })
        .collect()
}

fn refuse(crates: &Crates) -> Result<(), Stop> {
    let licences: BTreeSet<_> = crates.values().map(String::as_str).collect();
    let strange: Vec<_> = crates
        .iter()
        .filter(|(_, licence)| !ALLOWED.contains(&licence.as_str()))
        .map(|(name, licence)| format!("{name}: `{licence}`"))
        .collect();
    if !strange.is_empty() {
        return Err(Stop::Failed(format!(
            "nobody has read these licences: {}",
            strange.join(", ")
        )));
    }
    match ALLOWED.iter().find(|allowed| !licences.contains(*allowed)) {
        Some(unused) => Err(Stop::Failed(format!("`{unused}` is nobody's licence"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{ALLOWED, Crates, read, refuse};

    #[test]
    fn a_tree_is_read_without_versions_and_repeats() {
        let tree = "stillpoint v0.1.0 (/a)|MIT\nb v1.0.0|MIT\na v2.0.0 (proc-macro)|MIT OR X\nb v1.0.0|MIT (*)\n";
        let expected = [("a", "MIT OR X"), ("b", "MIT")];
        let expected = expected.map(|(name, licence)| (name.to_owned(), licence.to_owned()));
        assert_eq!(read(tree), Crates::from(expected));
    }

    #[test]
    fn a_licence_that_nobody_has_read_is_refused_and_so_is_a_needless_one() {
        let mut crates: Crates = ALLOWED
            .iter()
            .map(|licence| (format!("of {licence}"), (*licence).to_owned()))
            .collect();
        assert!(refuse(&crates).is_ok());
        crates.insert("a".to_owned(), "MPL-2.0".to_owned());
        assert!(format!("{:?}", refuse(&crates)).contains("a: `MPL-2.0`"));
        crates.clear();
        assert!(format!("{:?}", refuse(&crates)).contains("is nobody's licence"));
    }
}
