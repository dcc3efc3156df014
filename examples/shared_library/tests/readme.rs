//! The host prints what the README of the examples says: the library is loaded, driven, torn down, and really gone.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::path::Path;
use std::process::Command;

const README: &str = include_str!("../../README.md");

/// The first fenced block after what the host is run by.
fn expected() -> &'static str {
    let (_, rest) = README
        .split_once("\ncargo run --package shared-library\n")
        .expect("the command");
    let (_, rest) = rest.split_once("\n```text\n").expect("the block's begin");
    let end = rest.find("```\n").expect("the block's end");
    &rest[..end]
}

fn cargo(command: &str) -> String {
    // Where this test was built, so that little is built again.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let output = Command::new(env!("CARGO"))
        .args([command, "--quiet", "--package", "shared-library"])
        .arg("--target-dir")
        .arg(target)
        .env_remove("CARGO_BUILD_TARGET")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{log}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn it_prints_what_the_readme_says() {
    // `run` alone builds the host, and not the library.
    cargo("build");
    assert_eq!(cargo("run"), expected());
}
