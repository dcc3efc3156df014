//! Tokio and Mio in an ODBC driver: a static runtime outlived the library that held it. A library that holds an executor
//! really goes, as often as it is loaded.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::path::{Path, PathBuf};
use std::process::Command;

/// 1,000 would miss the exhaustion of the system's keys for thread-locals.
const ROUNDS: usize = 3_000;

/// With threads, a round takes longer; still more than there are keys.
const BURSTS: usize = 1_500;

/// So many rounds, or in proportion to them where the environment says how many are usual.
fn rounds(usual: usize) -> usize {
    std::env::var("STILLPOINT_UNLOADS").map_or(usual, |count| {
        let count: usize = count.parse().expect("STILLPOINT_UNLOADS is a number");
        count * usual / ROUNDS
    })
}

/// Builds a fixture, and gives its file. Each is built alone: together they would share their dependencies' features.
fn build(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let output = Command::new(env!("CARGO"))
        .args(["build", "--package", &format!("unload-{name}-library")])
        .arg("--target-dir")
        .arg(folder)
        .env_remove("CARGO_BUILD_TARGET")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{log}", output.status);
    folder.join("debug").join(format!("lib{name}_library.so"))
}

/// What the loader complains of, and why.
fn complaints(library: &str, rounds: usize, how: Option<&str>) -> Vec<(String, String)> {
    let output = Command::new(env!("CARGO_BIN_EXE_unload"))
        .arg(build(library))
        .arg(rounds.to_string())
        .args(how)
        .env("RUST_BACKTRACE", "0")
        // With a heap for each thread, what is resident depends on which threads met.
        .env("MALLOC_ARENA_MAX", "1")
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{log}", output.status);
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| line.split_once(": ").unwrap())
        .map(|(kind, text)| (kind.to_owned(), text.to_owned()))
        .collect()
}

fn kinds(complaints: &[(String, String)]) -> Vec<&str> {
    complaints.iter().map(|(kind, _)| kind.as_str()).collect()
}

#[test]
fn a_library_with_an_executor_is_unloaded_three_thousand_times_and_leaves_nothing() {
    assert_eq!(complaints("core", rounds(ROUNDS), None), []);
}

#[test]
fn it_is_unloaded_after_a_teardown_in_a_burst_of_answers_from_other_threads() {
    assert_eq!(complaints("core", rounds(BURSTS), Some("burst")), []);
}

#[test]
fn a_library_with_the_tokio_driver_stays_mapped_and_leaves_neither_threads_nor_descriptors() {
    let found = complaints("tokio", rounds(ROUNDS), None);
    assert_eq!(kinds(&found), ["mapped"], "{found:?}");
}

#[test]
fn nor_does_it_after_a_teardown_in_a_burst_of_answers_from_other_threads() {
    let found = complaints("tokio", rounds(BURSTS), Some("burst"));
    assert_eq!(kinds(&found), ["mapped"], "{found:?}");
}

#[test]
fn a_library_with_a_static_runtime_fails_the_same_checks() {
    for how in [None, Some("burst")] {
        let found = complaints("static", 10, how);
        assert_eq!(
            kinds(&found),
            ["descriptors", "mapped", "threads"],
            "{found:?}"
        );
    }
}
