//! How long the library takes to compile.

use std::process::{Command, Stdio};
use std::time::Instant;

use super::table::median;
use crate::files::root;
use crate::run::Stop;

/// Prints seconds, with what it depends on and without.
pub(super) fn print(rounds: usize) -> Result<(), Stop> {
    let folder = root().join("target/bench-compile");
    let cargo = |words: &[&str]| {
        let mut command = Command::new("cargo");
        command.args(words).args(["--package", "stillpoint"]);
        command.arg("--target-dir").arg(&folder);
        let start = (Instant::now(), children());
        let status = command
            .current_dir(root())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status();
        match status {
            Ok(status) if status.success() => {
                Ok([start.0.elapsed().as_secs_f64(), children() - start.1])
            }
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
        let cell = |times: &[[f64; 2]]| {
            let [clock, spent] = [0, 1].map(|at| times.iter().map(|time| time[at]).collect());
            let (clock, spent): (Vec<f64>, Vec<f64>) = (clock, spent);
            let least = clock.iter().copied().fold(f64::INFINITY, f64::min);
            format!("{:.1}, {least:.1}, {:.1}", median(&clock), median(&spent))
        };
        println!("| {what} | {} | {} |", cell(&alone), cell(&with));
    }
    std::fs::remove_dir_all(&folder).ok();
    println!(
        "\nBy the clock the median of {rounds} and the least, and the median of CPU time. {}, {} cores.",
        super::programs::toolchain(),
        std::thread::available_parallelism().map_or(1, usize::from)
    );
    Ok(())
}

/// Seconds of CPU that the children so far have spent, and theirs, where Linux says it: in hundredths.
fn children() -> f64 {
    let said = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // What comes before may have spaces.
    let numbers = said.rsplit(')').next().unwrap_or_default();
    let spent = numbers.split_whitespace().skip(13).take(2);
    let spent: f64 = spent.filter_map(|number| number.parse::<f64>().ok()).sum();
    spent / 100.0
}
