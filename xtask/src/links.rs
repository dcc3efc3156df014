//! Links: of the repository's documents, and of the documentation as docs.rs builds it. linkcheck looks at both.

use std::path::PathBuf;
use std::process::Command;

use crate::checks::{cargo, cargo_of_with};
use crate::files::{execute, root, target};
use crate::needs;
use crate::run::{Run, Stop};

/// The links in the documentation that lead nowhere and are not this crate's to mend, as linkcheck excludes them.
const OF_OTHERS: &[&str] = &[
    // What traits of other crates say of methods that every type has by them. It is shown with each type, and its links
    // are right in those crates' documentation alone: tracing's, futures', and one that wasm-bindgen hides.
    "dispatcher#setting-the-default-subscriber",
    "futures_core::*",
    "#tymethod.describe",
    // A script that rustdoc's pages load where another crate implements the trait, and that is not written otherwise.
    "*/trait.impl/stillpoint/*.js",
];

/// The steps of a test run.
pub(crate) fn test(run: &mut Run) {
    run.step("links of the repository's documents, by linkcheck", || {
        let documents = documents()?;
        println!("    {} documents", documents.len());
        check(&documents, &[])
    });
    let mut built = None;
    run.step("the documentation as docs.rs builds it", || {
        built = Some(document()?);
        Ok(())
    });
    run.step("links of the documentation, by linkcheck", || {
        let Some(built) = &built else {
            return Err(Stop::Skipped("it was not built".to_owned()));
        };
        check(&[built.join("stillpoint")], OF_OTHERS)
    });
}

/// The documents under version control, whatever else lies about.
fn documents() -> Result<Vec<PathBuf>, Stop> {
    let said = Command::new("git")
        .args(["ls-files", "-z", "--", "*.md", "*.html"])
        .current_dir(root())
        .output()
        .map_err(|error| Stop::Skipped(format!("`git`: {error}")))?;
    let names = String::from_utf8_lossy(&said.stdout);
    let found: Vec<_> = names
        .split_terminator('\0')
        .map(PathBuf::from)
        // One may be removed, and not yet for git.
        .filter(|name| root().join(name).is_file())
        .collect();
    match found.is_empty() {
        true => Err(Stop::Skipped("`git ls-files` names no document".to_owned())),
        false => Ok(found),
    }
}

/// Builds what a user reads at docs.rs, whose rustdoc is a nightly one. Gives its folder.
fn document() -> Result<PathBuf, Stop> {
    needs::toolchain("nightly")?;
    let folder = target()?.join("rustdoc");
    cargo_of_with(
        "nightly",
        &[("RUSTDOCFLAGS", "--cfg docsrs --deny warnings")],
        &format!(
            "doc --package stillpoint --lib --no-deps --all-features --target-dir {}",
            folder.display()
        ),
    )?;
    Ok(folder.join("doc"))
}

/// Looks at what is here. What other sites have is theirs, and this is to pass without a network.
fn check(starts: &[PathBuf], excluded: &[&str]) -> Result<(), Stop> {
    // As its tests build it, which is not to be built anew with fewer features.
    cargo("test --package linkcheck-core --package linkcheck --all-features --no-run")?;
    let name = format!("debug/linkcheck{}", std::env::consts::EXE_SUFFIX);
    let mut linkcheck = Command::new(target()?.join(name));
    linkcheck.current_dir(root()).arg("--offline").args(starts);
    for pattern in excluded {
        linkcheck.args(["--exclude", pattern]);
    }
    execute(&mut linkcheck)
}
