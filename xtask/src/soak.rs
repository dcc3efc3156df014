//! What takes too long for every change: the same proofs, with more cases.

use std::path::Path;

use crate::checks::{cargo, cargo_of_with, cargo_with, powerset, sanitized};
use crate::files::target;
use crate::needs;
use crate::run::{Run, Stop};

/// A part of the soak, by the name that the command line picks it by.
struct Part {
    name: &'static str,
    step: &'static str,
    check: fn() -> Result<(), Stop>,
}

/// The shorter ones first.
const PARTS: &[Part] = &[
    Part {
        name: "shuttle",
        step: "a million schedules of four threads at an executor",
        check: shuttle,
    },
    Part {
        name: "slots",
        step: "half a billion requests in one slot, which is retired, and 2^24 at once, which are all",
        check: slots,
    },
    Part {
        name: "unload",
        step: "a shared library, unloaded thirty thousand times",
        check: unload,
    },
    Part {
        name: "release",
        step: "the library's tests, in release",
        check: || cargo("test --package stillpoint --all-features --release --lib --tests"),
    },
    Part {
        name: "sanitizers",
        step: "the library's tests under the sanitizers, in release",
        check: sanitizers,
    },
    Part {
        name: "features",
        step: "the library's tests with every set of its features",
        check: features,
    },
    Part {
        name: "histories",
        step: "a million random histories",
        check: histories,
    },
    Part {
        name: "miri",
        step: "tests with threads under miri, with many seeds",
        check: miri,
    },
    Part {
        name: "fuzz",
        step: "ten million histories of a fuzzer",
        check: || fuzz("histories", &[]),
    },
    Part {
        name: "bridge",
        step: "ten million things that a fuzzer says to a byte bridge",
        // Long enough for a few calls with their bytes, and for an answer that is all of it.
        check: || fuzz("bridge", &["-max_len=300"]),
    },
];

/// Makes the parts of these names, or all.
pub(crate) fn soak(run: &mut Run, names: &[String]) {
    for part in PARTS {
        if names.is_empty() || names.iter().any(|name| name == part.name) {
            run.step(format!("{}: {}", part.name, part.step), part.check);
        }
    }
}

/// The names of all parts.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    PARTS.iter().map(|part| part.name)
}

/// A size, unless the environment says another.
fn size(variable: &str, usual: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| usual.to_owned())
}

fn shuttle() -> Result<(), Stop> {
    // Four models in two ways: a million in all.
    let schedules = size("STILLPOINT_SCHEDULES", "125000");
    cargo_with(
        &[
            ("RUSTFLAGS", "--cfg shuttle"),
            ("STILLPOINT_SCHEDULES", &schedules),
        ],
        "test --package stillpoint --release --test shuttle",
    )
}

fn slots() -> Result<(), Stop> {
    cargo("test --package stillpoint --release --test lifecycle --test request -- --ignored")
}

fn unload() -> Result<(), Stop> {
    let rounds = size("STILLPOINT_UNLOADS", "30000");
    cargo_with(
        &[("STILLPOINT_UNLOADS", &rounds)],
        "test --package unload --release",
    )
}

fn sanitizers() -> Result<(), Stop> {
    sanitized("address", "--release")?;
    sanitized("thread", "--release")
}

fn features() -> Result<(), Stop> {
    let folder = target()?.join("features").display().to_string();
    powerset(
        &[("CARGO_TARGET_DIR", &folder)],
        "test",
        // What one set leaves behind no other uses, and it would fill a disk.
        "--clean-per-run --lib --tests",
    )
}

fn histories() -> Result<(), Stop> {
    let count = size("STILLPOINT_HISTORIES", "1000000");
    cargo_with(
        &[("STILLPOINT_HISTORIES", &count)],
        "test --package stillpoint --release --test histories -- --ignored",
    )
}

fn miri() -> Result<(), Stop> {
    needs::miri()?;
    let seeds = size("STILLPOINT_MIRI_SEEDS", "0..16");
    let flags = format!("-Zmiri-many-seeds={seeds}");
    // Of each the tests that have threads; the others are the same with every seed.
    cargo_of_with(
        "nightly",
        &[("MIRIFLAGS", &flags)],
        "miri test --package stillpoint --test bell --test cancel --test histories --test request --test spawn --test stream --test teardown --test wake -- thread race burst others elsewhere",
    )
}

fn fuzz(target: &str, flags: &[&str]) -> Result<(), Stop> {
    needs::fuzz()?;
    let runs = size("STILLPOINT_FUZZ_RUNS", "10000000");
    // What it finds on the way goes to the first folder: the corpus that is kept grows by hand.
    let found = format!("target/fuzz-found/{target}");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(&found);
    std::fs::create_dir_all(folder).map_err(|error| Stop::Failed(error.to_string()))?;
    // The library has no unsafe code. With AddressSanitizer it would run for a day; the tests replay the corpus under it.
    cargo_of_with(
        "nightly",
        &[],
        &format!(
            "fuzz run --sanitizer none {target} {found} fuzz/corpus/{target} -- -runs={runs} {}",
            flags.join(" ")
        ),
    )
}
