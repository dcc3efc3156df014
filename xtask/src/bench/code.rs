//! What one more operation costs in code.

use std::path::Path;
use std::process::{Command, Stdio};

use super::programs::build_with;
use crate::files::{output, root};
use crate::needs;
use crate::run::Stop;

/// How many operations, and the feature that says so.
const SIZES: &[(u64, &str)] = &[(1, ""), (2, "two"), (10, "ten"), (20, "twenty")];

/// What is varied, and the features that say so.
const SERIES: &[(&str, &str)] = &[
    (
        "operations of one task, each with an output type of its own",
        "",
    ),
    ("the same with one output type", "same-output"),
    ("tasks with an operation each", "tasks"),
];

/// How many of the biggest functions are shown.
const BIGGEST: usize = 25;

/// Prints the sizes of a core with few and with many operations.
pub(super) fn print() -> Result<(), Stop> {
    needs::program("size")?;
    for level in ["3", "s"] {
        println!("opt-level {level}: bytes of .text, and of all that is loaded\n");
        println!("| | 1 | 2 | 10 | 20 | each of the last 10 |");
        println!("| --- | ---: | ---: | ---: | ---: | ---: |");
        for (what, series) in SERIES {
            let mut sizes = Vec::new();
            for (_, size) in SIZES {
                sizes.push(measure(level, series, size)?);
            }
            let cells = sizes.iter().map(|[text, all]| format!("{text}, {all}"));
            let [ten, twenty] = [sizes[2], sizes[3]];
            let each = [0, 1].map(|at| (twenty[at] - ten[at]) / 10);
            let cells: Vec<_> = cells.collect();
            println!(
                "| {what} | {} | {}, {} |",
                cells.join(" | "),
                each[0],
                each[1]
            );
        }
        println!();
    }
    lines()
}

fn features(series: &str, size: &str) -> String {
    format!("{series} {size}").trim().to_owned()
}

fn measure(level: &str, series: &str, size: &str) -> Result<[i64; 2], Stop> {
    let program = build_with(
        &[("CARGO_PROFILE_BENCH_OPT_LEVEL", level)],
        &[
            "build",
            "--profile",
            "bench",
            "--package",
            "operations",
            "--features",
            &features(series, size),
        ],
        "operations",
    )?;
    let sections = output(Command::new("size").arg("-A").arg(&program))?;
    let text = section(&sections, ".text");
    let all = output(Command::new("size").arg(&program))?;
    text.zip(loaded(&all))
        .map(|(text, all)| [text, all])
        .ok_or_else(|| Stop::Failed(format!("`size` says nothing of {}", shown(&program))))
}

fn shown(program: &Path) -> String {
    program.display().to_string()
}

/// A section's size, in what `size -A` says.
fn section(said: &str, name: &str) -> Option<i64> {
    let mut lines = said.lines().map(str::split_whitespace);
    lines.find_map(|mut words| match words.next() {
        Some(first) if first == name => words.next()?.parse().ok(),
        _ => None,
    })
}

/// Code and data, in what `size` says.
fn loaded(said: &str) -> Option<i64> {
    let mut numbers = said.lines().nth(1)?.split_whitespace();
    let mut next = || numbers.next()?.parse::<i64>().ok();
    Some(next()? + next()?)
}

/// Lines of LLVM's code before it is made better, and the functions that have most of them.
fn lines() -> Result<(), Stop> {
    needs::program("cargo-llvm-lines")?;
    println!("lines of LLVM's code, before it optimises\n\n| | 1 | 20 | each of 19 |");
    println!("| --- | ---: | ---: | ---: |");
    let mut biggest = String::new();
    for (what, series) in SERIES {
        let mut totals = Vec::new();
        for size in ["", "twenty"] {
            let said = output(
                Command::new("cargo")
                    .args(["llvm-lines", "--package", "operations"])
                    .args(["--release", "--features", &features(series, size)])
                    .stderr(Stdio::null())
                    .current_dir(root()),
            )?;
            totals.push(total(&said).unwrap_or_default());
            if series.is_empty() {
                biggest = said;
            }
        }
        let each = (totals[1] - totals[0]) / 19;
        println!("| {what} | {} | {} | {each} |", totals[0], totals[1]);
    }
    println!("\nthe biggest of 20 operations of one task:\n");
    for line in biggest.lines().take(BIGGEST + 3) {
        println!("{line}");
    }
    Ok(())
}

/// All lines, in what cargo-llvm-lines says: `  12345   678  (TOTAL)`.
fn total(said: &str) -> Option<i64> {
    let line = said.lines().find(|line| line.ends_with("(TOTAL)"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{loaded, section, total};

    #[test]
    fn sizes_are_read() {
        let said = "prog  :\nsection   size   addr\n.text   1200   4096\n.data  8   9000\n";
        assert_eq!(section(said, ".text"), Some(1_200));
        assert_eq!(section(said, ".bss"), None);
        let said = "   text\t   data\t    bss\n   1500\t    20\t      8\n";
        assert_eq!(loaded(said), Some(1_520));
    }

    #[test]
    fn lines_are_read() {
        let said =
            "  Lines        Copies      Function name\n  -----  ---\n  12345  678  (TOTAL)\n";
        assert_eq!(total(said), Some(12_345));
    }
}
