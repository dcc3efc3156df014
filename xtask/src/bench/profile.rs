//! Where the instructions of a workload are: each one belongs to the innermost function of this crate, or of one that
//! it is built on, through whatever was inlined.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Options;
use super::callgrind::{self, Profile};
use super::gate::SMALL;
use super::programs;
use super::table::grid;
use super::time::pick;
use crate::files::{output, root};
use crate::needs;
use crate::run::Stop;

/// Who does the workloads.
const OURS: &str = "stillpoint";

/// Crates that do what they are asked for by ours, and are counted apart: the others are tools of whoever calls them.
const APART: &[&str] = &["async-task", "crossbeam-channel"];

const MEASURING: &str = "what measures, and the measured tasks";
const LIBRARIES: &str = "malloc, and moves of memory";
const NOBODY: &str = "what stands in none of these";

/// How many addresses are looked up at a time: they go on a command line.
const AT_ONCE: usize = 2000;

/// Prints the instructions an operation by the files that they stand in.
pub(super) fn print(options: &Options) -> Result<(), Stop> {
    needs::program("valgrind")?;
    needs::program("addr2line")?;
    let names = SMALL
        .iter()
        .filter_map(|pair| pair.strip_suffix(&format!("/{OURS}")));
    let all: Vec<String> = names.map(str::to_owned).collect();
    let workloads = pick(&all, &options.workloads)?;
    let build =
        "build --profile bench --package stillpoint-benches --bin gate --target-dir target/profile";
    let program = programs::build_with(
        &[("CARGO_PROFILE_BENCH_DEBUG", "line-tables-only")],
        &build.split(' ').collect::<Vec<_>>(),
        "gate",
    )?;
    let mut counted = BTreeMap::new();
    let mut sums: BTreeMap<String, f64> = BTreeMap::new();
    for workload in &workloads {
        let pair = format!("{workload}/{OURS}");
        let arguments = ["--few", &pair];
        let count = programs::counts(&program, &arguments.map(str::to_owned))?;
        let operations = count.values().map(|count| count.operations).sum::<u64>() as f64;
        let (all, profile) = callgrind::profile(&program, &arguments)?;
        let mut parts = by_part(&program, &profile)?;
        parts.insert("all".to_owned(), all);
        for (part, instructions) in parts {
            let an_operation = instructions as f64 / operations;
            *sums.entry(part.clone()).or_default() += an_operation;
            counted.insert((part, workload.clone()), an_operation);
        }
    }
    let mut parts: Vec<String> = sums.keys().cloned().collect();
    parts.sort_by(|a, b| sums[b].total_cmp(&sums[a]));
    let mut text = String::new();
    grid(
        &mut text,
        &parts,
        &workloads,
        "instructions an operation",
        |pair| {
            let number = counted.get(pair).filter(|number| **number >= 0.5)?;
            Some(format!("{number:.0}"))
        },
    );
    println!(
        "{text}{}, {}.",
        programs::toolchain(),
        std::env::consts::ARCH
    );
    Ok(())
}

/// The instructions of each part.
fn by_part(program: &Path, profile: &Profile) -> Result<BTreeMap<String, u64>, Stop> {
    let home = root()
        .canonicalize()
        .map_err(|error| Stop::Failed(error.to_string()))?;
    let mut parts = BTreeMap::from([(LIBRARIES.to_owned(), profile.elsewhere)]);
    let addresses: Vec<u64> = profile.own.keys().copied().collect();
    for some in addresses.chunks(AT_ONCE) {
        let said = output(
            Command::new("addr2line")
                .args(["--addresses", "--inlines", "--exe"])
                .arg(program)
                .args(some.iter().map(|address| format!("{address:#x}"))),
        )?;
        for (address, places) in frames(&said) {
            let part = places.iter().find_map(|place| part(&home, place));
            let part = part.unwrap_or_else(|| NOBODY.to_owned());
            *parts.entry(part).or_default() +=
                profile.own.get(&address).copied().unwrap_or_default();
        }
    }
    Ok(parts)
}

/// What addr2line says: to each address the places of its code, the innermost first.
fn frames(said: &str) -> Vec<(u64, Vec<PathBuf>)> {
    let mut frames: Vec<(u64, Vec<PathBuf>)> = Vec::new();
    for line in said.lines() {
        if let Some(address) = line.strip_prefix("0x") {
            frames.push((
                u64::from_str_radix(address, 16).unwrap_or_default(),
                Vec::new(),
            ));
        } else if let (Some((_, places)), Some((place, _))) =
            (frames.last_mut(), line.split_once(':'))
        {
            places.push(PathBuf::from(place));
        }
    }
    frames
}

/// Whose a place is; `None` where it is whosever called it.
fn part(home: &Path, place: &Path) -> Option<String> {
    if let Ok(ours) = place.strip_prefix(home) {
        return Some(match ours.starts_with("src") {
            true => ours.display().to_string(),
            false => MEASURING.to_owned(),
        });
    }
    let folders = place
        .components()
        .filter_map(|folder| folder.as_os_str().to_str());
    let is_of = |name: &str, folder: &str| {
        folder
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('-'))
    };
    folders
        .filter_map(|folder| APART.iter().find(|name| is_of(name, folder)))
        .map(|name| (*name).to_owned())
        .next()
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{MEASURING, frames, part};

    #[test]
    fn an_address_has_its_places_from_the_innermost_on() {
        let said = "0x0000000000000010\n/std/option.rs:7\n/home/src/turn.rs:9 (discriminator 2)\n0x12\n??:0\n";
        let places = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(
            frames(said),
            [
                (0x10, places(&["/std/option.rs", "/home/src/turn.rs"])),
                (0x12, places(&["??"]))
            ]
        );
    }

    #[test]
    fn a_place_is_ours_or_of_a_crate_apart_or_nobodys() {
        let of = |place| part(Path::new("/home"), Path::new(place));
        assert_eq!(
            of("/home/src/request/future.rs").as_deref(),
            Some("src/request/future.rs")
        );
        assert_eq!(of("/home/benches/src/task.rs").as_deref(), Some(MEASURING));
        assert_eq!(
            of("/crates/async-task-4.7.1/src/raw.rs").as_deref(),
            Some("async-task")
        );
        assert_eq!(of("/crates/slab-0.4.12/src/lib.rs"), None);
        assert_eq!(of("/rustc/1/library/core/src/option.rs"), None);
    }
}
