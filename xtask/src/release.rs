//! `cargo xtask release`: what must be so before a release, and takes too long for every change.

use std::process::Command;

use crate::files::{execute, root, target};
use crate::needs;
use crate::packed;
use crate::run::{Run, Stop};

const MACHETE: &str = "0.9.2";
const SEMVER: &str = "0.51.0";

/// The steps.
pub(crate) fn release(run: &mut Run) {
    run.step("the package builds by itself, with all features", || {
        packed::pack("--all-features").map(drop)
    });
    run.step("dependencies that nobody uses, by cargo-machete", || {
        let machete = needs::subcommand("cargo-machete", MACHETE, &target()?)?;
        // In the target folder lie packages that others ask about.
        execute(
            Command::new(machete)
                .arg("--skip-target-dir")
                .current_dir(root()),
        )
    });
    run.step(
        "what the version promises of the API, by cargo-semver-checks",
        || {
            let tag = last_tag()?;
            let semver = needs::subcommand("cargo-semver-checks", SEMVER, &target()?)?;
            execute(
                Command::new(semver)
                    .args(["semver-checks", "--package", "stillpoint"])
                    .args(["--all-features", "--baseline-rev", &tag])
                    .current_dir(root()),
            )
        },
    );
}

/// The tag of the release that this one comes after.
fn last_tag() -> Result<String, Stop> {
    let said = Command::new("git")
        .args(["describe", "--tags", "--abbrev=0", "--match", "v*"])
        .current_dir(root())
        .output()
        .map_err(|error| Stop::Skipped(format!("`git`: {error}")))?;
    match String::from_utf8_lossy(&said.stdout).trim() {
        "" => Err(Stop::Skipped(
            "no tag `v*` is there to compare with: nothing is released yet, or the clone is shallow".to_owned(),
        )),
        tag => Ok(tag.to_owned()),
    }
}
