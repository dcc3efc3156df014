//! The table: a row a workload, a column a peer.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};

use super::programs::Count;
use super::time::{Times, is_beside};

/// Whose costs these are: they compete with the rest, not with each other.
const OURS: &str = "stillpoint";

type Pair = (String, String);

/// What is shown.
pub(crate) struct Table<'a> {
    workloads: &'a [String],
    times: &'a Times,
    counts: &'a BTreeMap<Pair, Count>,
    /// To whom ratios are, where it is not the fastest.
    to: Option<&'a str>,
}

/// The time of a peer in a workload.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Time {
    nanoseconds: f64,
    /// To the one asked for, or the fastest that competes.
    ratio: Option<f64>,
}

impl<'a> Table<'a> {
    pub(crate) fn new(
        workloads: &'a [String],
        times: &'a Times,
        counts: &'a BTreeMap<Pair, Count>,
        to: Option<&'a str>,
    ) -> Self {
        Self {
            workloads,
            times,
            counts,
            to,
        }
    }

    /// For readers.
    pub(crate) fn markdown(&self) -> String {
        let mut text = String::new();
        grid(
            &mut text,
            self.workloads,
            &self.times.peers,
            "ns an operation (ratio)",
            |pair| {
                let time = self.time(pair)?;
                Some(match time.ratio {
                    Some(ratio) => format!("{} ({ratio:.2})", short(time.nanoseconds)),
                    None => short(time.nanoseconds),
                })
            },
        );
        grid(
            &mut text,
            self.workloads,
            &self.times.peers,
            "allocations an operation",
            |pair| {
                let count = self.counts.get(pair)?;
                let an_operation = count.allocations as f64 / count.operations as f64;
                Some(format!("{an_operation:.2}"))
            },
        );
        grid(
            &mut text,
            self.workloads,
            &self.times.peers,
            "bytes kept an operation",
            |pair| {
                let count = self.counts.get(pair)?;
                let bytes = count.bytes? as f64 / count.operations as f64;
                Some(format!("{bytes:.0}"))
            },
        );
        grid(
            &mut text,
            self.workloads,
            &self.times.peers,
            "bytes written an operation",
            |pair| {
                let count = self.counts.get(pair)?;
                let bytes = count.crossed? as f64 / count.operations as f64;
                Some(format!("{bytes:.1}"))
            },
        );
        let fastest = || format!("the fastest that is not {OURS}");
        let _ = write!(
            text,
            "Time is the CPU time of the executor's thread, the median of the rounds; its ratio is to {}, in the same \
             round.",
            self.to.map_or_else(fastest, str::to_owned)
        );
        text
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let mut all = json!({"time": {}, "counts": {}});
        for (pair, rounds) in &self.times.rounds {
            let time = self.time(pair);
            all["time"][&pair.0][&pair.1] = json!({
                "rounds": rounds,
                "nanoseconds": time.map(|time| time.nanoseconds),
                "ratio": time.and_then(|time| time.ratio),
            });
        }
        for (pair, count) in self.counts {
            all["counts"][&pair.0][&pair.1] = json!({
                "operations": count.operations,
                "allocations": count.allocations,
                "bytes": count.bytes,
                "crossed": count.crossed,
            });
        }
        all
    }

    fn time(&self, pair: &Pair) -> Option<Time> {
        let rounds = self.times.rounds.get(pair)?;
        let is_measure = |peer: &str| match self.to {
            Some(to) => peer == to,
            None => !peer.starts_with(OURS) && !is_beside(peer),
        };
        let fastest = self
            .times
            .rounds
            .iter()
            .filter(|((workload, peer), _)| *workload == pair.0 && is_measure(peer))
            .min_by(|(_, one), (_, other)| median(one).total_cmp(&median(other)));
        let ratio = fastest.map(|(_, fastest)| {
            let ratios: Vec<f64> = rounds
                .iter()
                .zip(fastest)
                .map(|(one, other)| one / other)
                .collect();
            median(&ratios)
        });
        Some(Time {
            nanoseconds: median(rounds),
            ratio,
        })
    }
}

/// A row for each workload of which something is known.
pub(crate) fn grid(
    text: &mut String,
    workloads: &[String],
    peers: &[String],
    what: &str,
    cell: impl Fn(&Pair) -> Option<String>,
) {
    let mut rows = String::new();
    for workload in workloads {
        let cells: Vec<_> = peers
            .iter()
            .map(|peer| cell(&(workload.clone(), peer.clone())))
            .collect();
        if cells.iter().all(Option::is_none) {
            continue;
        }
        let _ = write!(rows, "| {workload} |");
        for cell in cells {
            let _ = write!(rows, " {} |", cell.as_deref().unwrap_or("-"));
        }
        rows.push('\n');
    }
    if !rows.is_empty() {
        let _ = writeln!(text, "| {what} | {} |", peers.join(" | "));
        let _ = writeln!(text, "| --- |{}", " ---: |".repeat(peers.len()));
        let _ = writeln!(text, "{rows}");
    }
}

pub(crate) fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        (sorted[middle - 1] + sorted[middle]) / 2.0
    }
}

/// As many digits as say something.
fn short(number: f64) -> String {
    let decimals = match number {
        10.0.. => 0,
        1.0.. => 1,
        _ => 2,
    };
    format!("{number:.decimals$}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::programs::Count;
    use super::super::time::Times;
    use super::{Table, median, short};

    fn pair(workload: &str, peer: &str) -> (String, String) {
        (workload.to_owned(), peer.to_owned())
    }

    #[test]
    fn a_ratio_is_to_the_fastest_other_in_the_same_round() {
        let times = Times {
            peers: ["stillpoint", "quick", "slow"].map(str::to_owned).to_vec(),
            rounds: BTreeMap::from([
                (pair("spawn", "stillpoint"), vec![50.0, 100.0, 60.0]),
                (pair("spawn", "quick"), vec![100.0, 200.0, 100.0]),
                (pair("spawn", "slow"), vec![900.0, 90.0, 900.0]),
            ]),
        };
        let count = Count {
            operations: 1_000,
            allocations: 30,
            bytes: Some(120_000),
            crossed: Some(81_500),
        };
        let counts = BTreeMap::from([
            (pair("spawn", "stillpoint"), count),
            (pair("idle", "stillpoint"), count),
        ]);
        let workloads = ["spawn", "idle"].map(str::to_owned);
        let table = Table::new(&workloads, &times, &counts, None);
        let text = table.markdown();
        let has = |line: &str| assert!(text.lines().any(|other| other == line), "{text}");
        has("| ns an operation (ratio) | stillpoint | quick | slow |");
        has("| spawn | 60 (0.50) | 100 (1.00) | 900 (9.00) |");
        has("| spawn | 0.03 | - | - |");
        has("| idle | 120 | - | - |");
        has("| idle | 81.5 | - | - |");
        let json = table.json();
        assert_eq!(json["time"]["spawn"]["stillpoint"]["ratio"], 0.5);
        let to_slow = Table::new(&workloads, &times, &counts, Some("slow")).json();
        assert_eq!(to_slow["time"]["spawn"]["slow"]["ratio"], 1.0);
        assert_eq!(json["counts"]["idle"]["stillpoint"]["bytes"], 120_000);
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[3.0, 1.0]), 2.0);
        assert_eq!(
            [12.34, 1.234, 0.123].map(short),
            ["12", "1.2", "0.12"].map(str::to_owned)
        );
    }
}
