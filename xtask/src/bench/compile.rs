//! How long the library takes to compile.

use std::process::{Command, Stdio};
use std::time::Instant;

use super::programs::root;
use super::table::median;
use crate::run::Stop;

/// Prints seconds, with what it depends on and without.
pub(super) fn print(rounds: usize) -> Result<(), Stop> {
    let folder = root().join("target/bench-compile");
    let cargo = |words: &[&str]| {
        let mut command = Command::new("cargo");
        command.args(words).args(["--package", "stillpoint"]);
        command.arg("--target-dir").arg(&folder);
        let start = Instant::now();
        let status = command
            .current_dir(root())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status();
        match status {
            Ok(status) if status.success() => Ok(start.elapsed().as_secs_f64()),
            _ => Err(Stop::Failed(format!("cargo {}", words.join(" ")))),
        }
    };
    println!("| seconds | the library alone | with what it depends on |");
    println!("| --- | ---: | ---: |");
    for (what, words) in [
        ("cargo check", &["check"][..]),
        ("cargo build", &["build"]),
        ("cargo build --release", &["build", "--release"]),
        ("cargo build --all-features", &["build", "--all-features"]),
    ] {
        let (mut alone, mut with) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            std::fs::remove_dir_all(&folder).ok();
            with.push(cargo(words)?);
            // In whatever profile.
            cargo(&["clean"])?;
            cargo(&["clean", "--release"])?;
            alone.push(cargo(words)?);
        }
        let least = |times: &[f64]| times.iter().copied().fold(f64::INFINITY, f64::min);
        let cell = |times: &[f64]| format!("{:.1} ({:.1})", median(times), least(times));
        println!("| {what} | {} | {} |", cell(&alone), cell(&with));
    }
    std::fs::remove_dir_all(&folder).ok();
    println!(
        "\nBy the clock, the median of {rounds}, and the least in brackets. {}, {} cores.",
        super::programs::toolchain(),
        std::thread::available_parallelism().map_or(1, usize::from)
    );
    Ok(())
}
