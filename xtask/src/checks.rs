//! The steps themselves.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::needs;
use crate::run::{Run, Stop};

const WASM: &str = "wasm32-unknown-unknown";

/// The integration tests that miri runs: those that are quick under it and reach the most of the library.
const UNDER_MIRI: &[&str] = &[
    "bell",
    "cancel",
    "histories",
    "panic",
    "request",
    "seed",
    "stream",
    "wake",
];

/// All that must pass.
pub(crate) fn test(run: &mut Run) {
    run.step("the library's tests, no features", || {
        cargo("test --package stillpoint --no-default-features --lib --tests --examples")
    });
    run.step("the library's tests, all features", || {
        cargo("test --package stillpoint --all-features --lib --tests --examples")
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
    run.step("loading and unloading a shared library", || {
        cargo("test --package unload")
    });
    run.step("xtask's tests", || cargo("test --package xtask"));
    for package in ["stillpoint", "linkcheck-core"] {
        run.step(format!("{package} for {WASM}"), || {
            needs::target(WASM)?;
            cargo(&format!("check --package {package} --target {WASM}"))
        });
    }
    run.step("the oldest supported Rust", || {
        let version = oldest_rust()?;
        needs::toolchain(&version)?;
        cargo_of(&version, "check --workspace --all-features --all-targets")
    });
    run.step("the library's tests, in release", || {
        cargo("test --package stillpoint --all-features --release --lib --tests")
    });
    run.step("what threads share, under loom", || {
        cargo_with(
            ("RUSTFLAGS", "--cfg loom"),
            "test --package stillpoint --release --test loom",
        )
    });
    run.step("four threads at an executor, under shuttle", || {
        cargo_with(
            ("RUSTFLAGS", "--cfg shuttle"),
            "test --package stillpoint --release --test shuttle",
        )
    });
    run.step("the library under miri", || {
        needs::miri()?;
        let mut line = "miri test --package stillpoint --lib".to_owned();
        for name in UNDER_MIRI {
            line.push_str(&format!(" --test {name}"));
        }
        cargo_of("nightly", &line)
    });
}

/// All that must be so.
pub(crate) fn lint(run: &mut Run) {
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
        cargo("clippy --workspace --all-targets --all-features -- --deny warnings")
    });
}

pub(crate) fn doc(run: &mut Run) {
    run.step("documentation", || {
        cargo_with(
            ("RUSTDOCFLAGS", "--deny warnings"),
            "doc --workspace --no-deps --all-features",
        )
    });
}

/// The `rust-version` that the library states.
fn oldest_rust() -> Result<String, Stop> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let text =
        std::fs::read_to_string(manifest).map_err(|error| Stop::Failed(error.to_string()))?;
    text.lines()
        .find_map(|line| line.strip_prefix("rust-version = \"")?.strip_suffix('"'))
        .map(str::to_owned)
        .ok_or_else(|| Stop::Failed("Cargo.toml states no rust-version".to_owned()))
}

fn cargo(line: &str) -> Result<(), Stop> {
    execute(
        Command::new("cargo").args(line.split_whitespace()),
        &format!("cargo {line}"),
    )
}

/// The same with a variable of the environment.
fn cargo_with((variable, value): (&str, &str), line: &str) -> Result<(), Stop> {
    execute(
        Command::new("cargo")
            .env(variable, value)
            .args(line.split_whitespace()),
        &format!("{variable}=\"{value}\" cargo {line}"),
    )
}

/// The same with another toolchain.
fn cargo_of(toolchain: &str, line: &str) -> Result<(), Stop> {
    execute(
        Command::new("rustup")
            .args(["run", toolchain, "cargo"])
            .args(line.split_whitespace()),
        &format!("rustup run {toolchain} cargo {line}"),
    )
}

fn execute(command: &mut Command, line: &str) -> Result<(), Stop> {
    println!("    {line}");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    match command.current_dir(root).stdin(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Stop::Failed(format!("`{line}`: {status}"))),
        Err(error) => Err(Stop::Failed(format!("`{line}`: {error}"))),
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
