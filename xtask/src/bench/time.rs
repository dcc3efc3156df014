//! The rounds: each peer in each workload in a process of its own, all in another order each round, so that what else the
//! machine does falls on all alike.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::files::{output, root};
use crate::run::Stop;

/// What ends the names of workloads that are measured only when they are named: they take minutes and gigabytes.
const ON_DEMAND: &str = "-1m";

/// How the names of those begin that stand beside the peers, for who asks: they do less than a peer, or are another way
/// to use this crate.
const BESIDE: &[&str] = &["bridge", "floor", "sketch", "stillpoint-local"];

pub(crate) fn is_beside(peer: &str) -> bool {
    BESIDE
        .iter()
        .any(|name| peer == *name || begins(peer, name))
}

/// What was measured.
pub(crate) struct Times {
    /// In their own order.
    pub(crate) peers: Vec<String>,
    /// Nanoseconds an operation by workload and peer, one a round.
    pub(crate) rounds: BTreeMap<(String, String), Vec<f64>>,
}

/// Times these peers in these workloads, as far as they are listed together.
pub(crate) fn rounds(
    program: &Path,
    listed: &[(String, String)],
    workloads: &[String],
    peers: Vec<String>,
    rounds: usize,
) -> Result<Times, Stop> {
    let wanted =
        |(workload, peer): &&(String, String)| workloads.contains(workload) && peers.contains(peer);
    let mut pairs: Vec<_> = listed.iter().filter(wanted).cloned().collect();
    let mut times = Times {
        peers,
        rounds: BTreeMap::new(),
    };
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
pub(crate) fn pairs(listed: &str) -> Vec<(String, String)> {
    let pair = |line: &str| {
        let (workload, peer) = line.strip_suffix(": benchmark")?.split_once('/')?;
        Some((workload.to_owned(), peer.to_owned()))
    };
    listed.lines().filter_map(pair).collect()
}

pub(crate) fn in_order<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for name in names {
        if !seen.contains(name) {
            seen.push(name.clone());
        }
    }
    seen
}

/// The peers of these names, or that these names begin, and the one that ratios are to. Those that are
/// [beside](BESIDE) the others are to be named.
pub(crate) fn pick_peers(
    listed: &[(String, String)],
    names: &[String],
    to: Option<&str>,
) -> Result<Vec<String>, Stop> {
    let all = in_order(listed.iter().map(|(_, peer)| peer));
    let has = |name: &str| all.iter().any(|peer| peer == name);
    let is_meant = |peer: &str, name: &str| peer == name || !has(name) && begins(peer, name);
    let begun = |name: &&String| all.iter().any(|peer| is_meant(peer, name));
    let unknown = names.iter().find(|name| !begun(name)).map(String::as_str);
    if let Some(name) = unknown.or(to.filter(|name| !has(name))) {
        let all = all.join(", ");
        return Err(Stop::Failed(format!(
            "`{name}` is no peer: there are {all}"
        )));
    }
    let is_wanted = |peer: &String| {
        to == Some(peer)
            || names.iter().any(|name| is_meant(peer, name))
            || names.is_empty() && !is_beside(peer)
    };
    Ok(all.iter().filter(|peer| is_wanted(peer)).cloned().collect())
}

fn begins(name: &str, beginning: &str) -> bool {
    let rest = name.strip_prefix(beginning);
    rest.is_some_and(|rest| rest.starts_with('-'))
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

    use super::{in_order, nanoseconds, pairs, pick, pick_peers};

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
    fn a_peer_is_picked_by_its_name_and_what_stands_beside_only_by_it() {
        let all = names("stillpoint stillpoint-local floor sketch-slab tokio");
        let listed: Vec<_> = all
            .into_iter()
            .map(|peer| ("wake".to_owned(), peer))
            .collect();
        let pick = |picked: &str, to| pick_peers(&listed, &names(picked), to);
        assert_eq!(pick("", None).unwrap(), names("stillpoint tokio"));
        assert_eq!(
            pick("", Some("floor")).unwrap(),
            names("stillpoint floor tokio")
        );
        assert_eq!(
            pick("sketch stillpoint", Some("tokio")).unwrap(),
            names("stillpoint sketch-slab tokio")
        );
        assert!(pick("tok", None).is_err());
        assert!(pick("", Some("sketch")).is_err(), "a ratio is to one");
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
