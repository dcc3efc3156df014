//! The programs that measure: built by cargo, found by what it says, and what they print.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::files::{output, root};
use crate::run::Stop;

/// The programs of `benches/`, with all peers.
pub(crate) struct Programs {
    pub(crate) time: PathBuf,
    pub(crate) counts: PathBuf,
}

impl Programs {
    pub(crate) fn build() -> Result<Self, Stop> {
        let built = build_benches(&["time", "counts"])?;
        Ok(Self {
            time: find(&built, "time")?,
            counts: find(&built, "counts")?,
        })
    }
}

/// One of the programs of `benches/benches`.
pub(crate) fn build_bench(name: &str) -> Result<PathBuf, Stop> {
    find(&build_benches(&[name])?, name)
}

fn build_benches(names: &[&str]) -> Result<BTreeMap<String, PathBuf>, Stop> {
    let mut line = vec!["bench", "--package", "stillpoint-benches", "--no-run"];
    for name in names {
        line.extend(["--bench", name]);
    }
    build(&line)
}

/// The program of the gate, which needs no peers.
pub(crate) fn build_gate() -> Result<PathBuf, Stop> {
    let package = ["--package", "stillpoint-benches", "--bin", "gate"];
    let built = build(&[&["build", "--profile", "bench"], &package[..]].concat())?;
    find(&built, "gate")
}

/// A program that cargo builds with these variables of the environment.
pub(crate) fn build_with(
    variables: &[(&str, &str)],
    arguments: &[&str],
    name: &str,
) -> Result<PathBuf, Stop> {
    find(&build_in(variables, arguments)?, name)
}

fn build(arguments: &[&str]) -> Result<BTreeMap<String, PathBuf>, Stop> {
    build_in(&[], arguments)
}

fn build_in(
    variables: &[(&str, &str)],
    arguments: &[&str],
) -> Result<BTreeMap<String, PathBuf>, Stop> {
    let said = Command::new("cargo")
        .args(arguments)
        .envs(variables.iter().copied())
        .arg("--message-format=json-render-diagnostics")
        .current_dir(root())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output();
    let line = format!("`cargo {}`", arguments.join(" "));
    match said {
        Ok(said) if said.status.success() => {
            Ok(executables(&String::from_utf8_lossy(&said.stdout)))
        }
        Ok(said) => Err(Stop::Failed(format!("{line}: {}", said.status))),
        Err(error) => Err(Stop::Failed(format!("{line}: {error}"))),
    }
}

/// The programs that cargo's messages name, by the names of their targets.
fn executables(messages: &str) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    for line in messages.lines() {
        let message: Value = serde_json::from_str(line).unwrap_or_default();
        let (name, path) = (&message["target"]["name"], &message["executable"]);
        if let (Some(name), Some(path)) = (name.as_str(), path.as_str()) {
            found.insert(name.to_owned(), PathBuf::from(path));
        }
    }
    found
}

fn find(built: &BTreeMap<String, PathBuf>, name: &str) -> Result<PathBuf, Stop> {
    let missing = || Stop::Failed(format!("cargo has built no `{name}`"));
    built.get(name).cloned().ok_or_else(missing)
}

/// All workloads in their own order, and what one operation of each is.
pub(crate) fn workloads(counts: &Path) -> Result<Vec<(String, String)>, Stop> {
    let listed = output(Command::new(counts).arg("--list"))?;
    let lines = listed.lines().filter_map(|line| line.split_once(": "));
    Ok(lines
        .map(|(name, operation)| (name.to_owned(), operation.to_owned()))
        .collect())
}

/// What a peer does in a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) operations: u64,
    pub(crate) allocations: u64,
    /// What it keeps allocated, where that is of interest.
    pub(crate) bytes: Option<u64>,
    /// What was written to be read on the other side of a bridge, where there is one.
    pub(crate) crossed: Option<u64>,
}

/// Has a counting program count, and reads it: by workload, then by peer.
pub(crate) fn counts(
    program: &Path,
    arguments: &[String],
) -> Result<BTreeMap<(String, String), Count>, Stop> {
    let text = output(Command::new(program).args(arguments))?;
    let mut counts = BTreeMap::new();
    for line in text.lines() {
        let read = read_count(line);
        let (pair, count) =
            read.ok_or_else(|| Stop::Failed(format!("no count can be read from `{line}`")))?;
        counts.insert(pair, count);
    }
    Ok(counts)
}

fn read_count(line: &str) -> Option<((String, String), Count)> {
    let value: Value = serde_json::from_str(line).ok()?;
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    let count = Count {
        operations: value["operations"].as_u64()?,
        allocations: value["allocations"].as_u64()?,
        bytes: value["bytes"].as_u64(),
        crossed: value["crossed"].as_u64(),
    };
    Some(((text("workload")?, text("peer")?), count))
}

/// The compiler's name and version.
pub(crate) fn toolchain() -> String {
    let said = output(Command::new("rustc").arg("--version")).unwrap_or_default();
    let words: Vec<&str> = said.split_whitespace().take(2).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Count, executables, read_count};

    #[test]
    fn a_program_is_found_in_what_cargo_says() {
        let said = r#"{"reason":"compiler-artifact","target":{"name":"slab"},"executable":null}
{"reason":"compiler-artifact","target":{"name":"time"},"executable":"/t/time-1"}
{"reason":"build-finished","success":true}"#;
        let found = executables(said);
        assert_eq!(found.len(), 1);
        assert_eq!(found["time"], PathBuf::from("/t/time-1"));
    }

    #[test]
    fn a_count_is_read_and_nonsense_is_not() {
        let line = r#"{"workload":"idle","peer":"a","operations":10,"allocations":3,"bytes":null}"#;
        let count = Count {
            operations: 10,
            allocations: 3,
            bytes: None,
            crossed: None,
        };
        assert_eq!(
            read_count(line),
            Some((("idle".to_owned(), "a".to_owned()), count))
        );
        assert_eq!(read_count("thread 'main' panicked"), None);
    }
}
