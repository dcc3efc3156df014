//! The rounds: each peer in each workload in a process of its own, all in another order each round, so that what else the
//! machine does falls on all alike.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::programs::{output, root};
use crate::run::Stop;

/// What ends the names of workloads that are measured only when they are named: they take minutes and gigabytes.
const ON_DEMAND: &str = "-1m";

/// What was measured.
pub(crate) struct Times {
    /// In their own order.
    pub(crate) peers: Vec<String>,
    /// Nanoseconds an operation by workload and peer, one a round.
    pub(crate) rounds: BTreeMap<(String, String), Vec<f64>>,
}

/// Times every peer in these workloads.
pub(crate) fn rounds(program: &Path, workloads: &[String], rounds: usize) -> Result<Times, Stop> {
    let listed = output(Command::new(program).args(["--bench", "--list"]))?;
    let mut pairs = pairs(&listed);
    let mut times = Times {
        peers: in_order(pairs.iter().map(|(_, peer)| peer)),
        rounds: BTreeMap::new(),
    };
    pairs.retain(|(workload, _)| workloads.contains(workload));
    for round in 1..=rounds {
        eprintln!("round {round} of {rounds}: {} processes", pairs.len());
        let order = RandomState::new();
        pairs.sort_by_cached_key(|pair| order.hash_one(pair));
        for (workload, peer) in &pairs {
            let time = one(program, workload, peer)?;
            let pair = (workload.clone(), peer.clone());
            times.rounds.entry(pair).or_default().push(time);
        }
    }
    Ok(times)
}

/// What criterion lists: `workload/peer: benchmark`.
fn pairs(listed: &str) -> Vec<(String, String)> {
    let pair = |line: &str| {
        let (workload, peer) = line.strip_suffix(": benchmark")?.split_once('/')?;
        Some((workload.to_owned(), peer.to_owned()))
    };
    listed.lines().filter_map(pair).collect()
}

fn in_order<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for name in names {
        if !seen.contains(name) {
            seen.push(name.clone());
        }
    }
    seen
}

/// The workloads that go by these names, or that these names begin: `drop` is `drop-executor-first` and its like.
pub(crate) fn pick(all: &[String], names: &[String]) -> Result<Vec<String>, Stop> {
    let usual = |workload: &&String| !workload.ends_with(ON_DEMAND);
    if names.is_empty() {
        return Ok(all.iter().filter(usual).cloned().collect());
    }
    let mut picked = Vec::new();
    for name in names {
        let before = picked.len();
        if all.contains(name) {
            picked.push(name.clone());
        } else {
            let begins = format!("{name}-");
            let begun = all.iter().filter(|workload| workload.starts_with(&begins));
            picked.extend(begun.filter(usual).cloned());
        }
        if picked.len() == before {
            let all = all.join(", ");
            return Err(Stop::Failed(format!(
                "`{name}` is no workload: there are {all}"
            )));
        }
    }
    Ok(picked)
}

/// One process: nanoseconds an operation.
fn one(program: &Path, workload: &str, peer: &str) -> Result<f64, Stop> {
    let home = root().join("target/bench");
    let results = home.join(workload).join(peer).join("new");
    // What an earlier round has left is no baseline.
    fs::remove_dir_all(home.join(workload)).ok();
    output(
        Command::new(program)
            .env("CRITERION_HOME", &home)
            .args(["--bench", "--exact", "--quick", "--noplot"])
            .arg(format!("{workload}/{peer}")),
    )?;
    let read = |name: &str| -> Option<Value> {
        serde_json::from_str(&fs::read_to_string(results.join(name)).ok()?).ok()
    };
    let estimates = read("estimates.json");
    let benchmark = read("benchmark.json");
    estimates
        .zip(benchmark)
        .and_then(|(estimates, benchmark)| nanoseconds(&estimates, &benchmark))
        .ok_or_else(|| Stop::Failed(format!("criterion has left no time of {workload}/{peer}")))
}

/// The slope is criterion's best estimate; a go that takes long is done once, and has none.
fn nanoseconds(estimates: &Value, benchmark: &Value) -> Option<f64> {
    let of = |name: &str| estimates[name]["point_estimate"].as_f64();
    let a_go = of("slope").or_else(|| of("mean"))?;
    Some(a_go / benchmark["throughput"]["Elements"].as_f64()?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{in_order, nanoseconds, pairs, pick};

    fn names(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn pairs_are_read_in_order() {
        let listed = "b/x: benchmark\na/x: benchmark\nb/y: benchmark\n\n3 benchmarks\n";
        let pairs = pairs(listed);
        assert_eq!(pairs.len(), 3);
        assert_eq!(in_order(pairs.iter().map(|(name, _)| name)), ["b", "a"]);
    }

    #[test]
    fn a_workload_is_picked_by_its_name_or_how_it_begins() {
        let all = names("fan-10k fan-1m stream stream-1024");
        let pick = |picked: &str| pick(&all, &names(picked));
        assert_eq!(pick("").unwrap(), names("fan-10k stream stream-1024"));
        assert_eq!(pick("stream").unwrap(), names("stream"));
        assert_eq!(pick("fan").unwrap(), names("fan-10k"));
        assert_eq!(pick("fan-1m").unwrap(), names("fan-1m"));
        assert!(pick("strea").is_err());
    }

    #[test]
    fn a_time_is_that_of_an_operation() {
        let benchmark = json!({"throughput": {"Elements": 100}});
        let both = json!({"slope": {"point_estimate": 500.0}, "mean": {"point_estimate": 900.0}});
        assert_eq!(nanoseconds(&both, &benchmark), Some(5.0));
        let mean = json!({"slope": null, "mean": {"point_estimate": 900.0}});
        assert_eq!(nanoseconds(&mean, &benchmark), Some(9.0));
        assert_eq!(nanoseconds(&mean, &json!({})), None);
    }
}
