//! The steps themselves.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::api;
use crate::bench::gate;
use crate::files::target;
use crate::host;
use crate::kept::Mode;
use crate::licences;
use crate::links;
use crate::locks;
use crate::native;
use crate::needs;
use crate::packed;
use crate::run::{self, Run, Stop, say};
use crate::web;

pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// The benchmarks have a step of their own, which alone builds crux and tokio, and are not held to the oldest Rust.
const NO_PEERS: &str = "--exclude stillpoint-benches";

/// The integration tests that miri runs: those that are quick under it and reach the most of the library.
const UNDER_MIRI: &[&str] = &[
    "bell",
    "cancel",
    "histories",
    "lifecycle",
    "panic",
    "request",
    "seed",
    "spawn",
    "stream",
    "teardown",
    "wake",
];

/// Optimised code runs through other interleavings. All tests are run so by the soak: it takes minutes to optimise them.
const RACES: &str = "--test histories --test lifecycle --test request --test teardown";

/// All that must pass.
pub(crate) fn test(run: &mut Run) {
    run.step("the library's tests, no features", || {
        cargo("test --package stillpoint --no-default-features --lib --tests --examples")
    });
    // Two installations at a time are not for rustup. Where this one is refused, the steps say so.
    let _ = needs::miri().and_then(|()| needs::sanitizers().map(drop));
    let under_nightly = run.aside("nightly", nightly);
    run.step("the library's tests, all features", || {
        cargo("test --package stillpoint --all-features --lib --tests --examples")
    });
    run.step("the library's features, each alone and any two", || {
        // What a set of features leaves unused, and no more: a younger Rust may warn of things that this one does not know.
        powerset(&[], "clippy", "--depth 2 -- --deny unused")
    });
    run.step("the documentation's examples", || {
        cargo("test --package stillpoint --all-features --doc")
    });
    run.step("the README's example", || {
        cargo("test --package stillpoint --test readme")
    });
    run.step("linkcheck's tests", || {
        cargo("test --package linkcheck-core --package linkcheck --all-features")
    });
    run.step(
        "bugs that are planted in linkcheck's core, to be found",
        || cargo("test --package planted"),
    );
    links::test(run);
    api::test(run, Mode::Hold);
    run.step("loading and unloading a shared library", || {
        cargo("test --package shared-library")?;
        cargo("test --package unload")
    });
    native::test(run);
    run.step("xtask's tests", || cargo("test --package xtask"));
    for package in ["stillpoint", "linkcheck-core"] {
        run.step(format!("{package} for {WASM}"), || {
            needs::target(WASM)?;
            cargo(&format!("check --package {package} --target {WASM}"))
        });
    }
    host::test(run);
    run.step("the oldest supported Rust", || {
        let version = oldest_rust()?;
        needs::toolchain(&version)?;
        cargo_of(
            &version,
            &format!("check --workspace {NO_PEERS} --all-features --all-targets"),
        )
    });
    packed::test(run);
    run.step("those of the library's tests that race, in release", || {
        cargo(&format!("test --package stillpoint --release {RACES}"))
    });
    web::test(run);
    run.step("what threads share, under loom", || {
        cargo_with(
            &[("RUSTFLAGS", "--cfg loom")],
            "test --package stillpoint --release --test loom",
        )
    });
    run.step("four threads at an executor, under shuttle", || {
        cargo_with(
            &[("RUSTFLAGS", "--cfg shuttle")],
            "test --package stillpoint --release --test shuttle",
        )
    });
    run.join(under_nightly);
    gate::hold(run);
}

/// What nightly alone can do. It is made beside the other steps: it builds in folders of its own, and miri has one core
/// busy for minutes.
fn nightly(run: &mut Run) {
    run.step("the library under miri", || {
        needs::miri()?;
        let mut line = "miri test --package stillpoint --lib".to_owned();
        for name in UNDER_MIRI {
            line.push_str(&format!(" --test {name}"));
        }
        cargo_of("nightly", &line)
    });
    run.step(
        "the library under AddressSanitizer, which finds leaks too",
        || sanitized("address", ""),
    );
    run.step("the library under ThreadSanitizer", || {
        sanitized("thread", "")
    });
}

/// The library's tests under a sanitizer, in a folder of its own.
pub(crate) fn sanitized(sanitizer: &str, profile: &str) -> Result<(), Stop> {
    let target = needs::sanitizers()?;
    let flags = format!("-Zsanitizer={sanitizer}");
    // A debug build of them is slow, and threads are none of most histories' business.
    let histories = if profile.is_empty() { "300" } else { "10000" };
    // The standard library has to be built with it as well: what it orders between threads is not seen otherwise.
    let library = match sanitizer {
        "thread" => "-Zbuild-std",
        _ => "",
    };
    cargo_of_with(
        "nightly",
        &[("RUSTFLAGS", &flags), ("STILLPOINT_HISTORIES", histories)],
        // The first that are skipped start cargo, and these flags are not for what that builds. The other measures memory,
        // of which AddressSanitizer keeps for a while what was freed.
        &format!(
            "test --package stillpoint --all-features --lib --tests {profile} {library} --target {target} \
             --target-dir target/{sanitizer} -- --skip examples_print_what \
             --skip holds_memory_where_it_is"
        ),
    )
}

/// All that must be so.
pub(crate) fn lint(run: &mut Run) {
    locks::test(run);
    licences::test(run, Mode::Hold);
    fmt(run);
    clippy(run);
    doc(run);
}

pub(crate) fn fmt(run: &mut Run) {
    run.step("formatting", || {
        needs::component("rustfmt", "fmt")?;
        cargo("fmt --all --check")
    });
}

pub(crate) fn clippy(run: &mut Run) {
    run.step("clippy", || {
        needs::component("clippy", "clippy")?;
        cargo(&format!(
            "clippy --workspace {NO_PEERS} --all-targets --all-features -- --deny warnings"
        ))
    });
    run.step("clippy on the benchmarks and their peers", || {
        cargo("clippy --package stillpoint-benches --all-targets -- --deny warnings")
    });
}

pub(crate) fn doc(run: &mut Run) {
    run.step("documentation", || {
        cargo_with(
            &[("RUSTDOCFLAGS", "--deny warnings")],
            "doc --workspace --no-deps --all-features",
        )
    });
}

/// Runs a command of cargo for the library with sets of its features, by cargo-hack.
pub(crate) fn powerset(variables: &[(&str, &str)], command: &str, rest: &str) -> Result<(), Stop> {
    let hack = needs::subcommand("cargo-hack", HACK, &target()?)?;
    execute(
        &hack.display().to_string(),
        variables,
        &format!("hack {command} --package stillpoint --feature-powerset {rest}"),
    )
}

const HACK: &str = "0.6.46";

/// The `rust-version` that the library states.
pub(crate) fn oldest_rust() -> Result<String, Stop> {
    stated("rust-version")
}

/// What the library's manifest states, in a line of its own.
pub(crate) fn stated(key: &str) -> Result<String, Stop> {
    let start = format!("{key} = \"");
    manifest()?
        .lines()
        .find_map(|line| line.strip_prefix(&start)?.strip_suffix('"'))
        .map(str::to_owned)
        .ok_or_else(|| Stop::Failed(format!("Cargo.toml states no {key}")))
}

/// The library's features, by its manifest.
pub(crate) fn features() -> Result<Vec<String>, Stop> {
    let text = manifest()?;
    let section = text
        .lines()
        .skip_while(|line| *line != "[features]")
        .skip(1);
    let names: Vec<String> = section
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| Some(line.split_once(" = ")?.0.to_owned()))
        .collect();
    match names.is_empty() {
        true => Err(Stop::Failed("Cargo.toml states no features".to_owned())),
        false => Ok(names),
    }
}

fn manifest() -> Result<String, Stop> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    std::fs::read_to_string(path).map_err(|error| Stop::Failed(error.to_string()))
}

/// Runs cargo.
pub(crate) fn cargo(line: &str) -> Result<(), Stop> {
    execute("cargo", &[], line)
}

/// The same with variables of the environment.
pub(crate) fn cargo_with(variables: &[(&str, &str)], line: &str) -> Result<(), Stop> {
    execute("cargo", variables, line)
}

/// The same with another toolchain.
pub(crate) fn cargo_of(toolchain: &str, line: &str) -> Result<(), Stop> {
    cargo_of_with(toolchain, &[], line)
}

pub(crate) fn cargo_of_with(
    toolchain: &str,
    variables: &[(&str, &str)],
    line: &str,
) -> Result<(), Stop> {
    execute(&format!("rustup run {toolchain} cargo"), variables, line)
}

fn execute(program: &str, variables: &[(&str, &str)], line: &str) -> Result<(), Stop> {
    let mut shown = String::new();
    for (variable, value) in variables {
        shown.push_str(&format!("{variable}=\"{value}\" "));
    }
    let words: Vec<_> = line.split_whitespace().collect();
    shown.push_str(&format!("{program} {}", words.join(" ")));
    say(&format!("    {shown}"));
    let mut words = program.split(' ').chain(words);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let status = Command::new(words.next().unwrap_or_default())
        .args(words)
        .envs(variables.iter().copied())
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(run::output())
        .stderr(run::output())
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Stop::Failed(format!("`{shown}`: {status}"))),
        Err(error) => Err(Stop::Failed(format!("`{shown}`: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::oldest_rust;

    #[test]
    fn the_manifest_states_the_oldest_rust() {
        let version = oldest_rust().unwrap();
        assert!(version.starts_with("1."), "{version}");
    }
}
