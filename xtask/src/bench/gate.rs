//! The gate: what stillpoint does, counted, against what it did when the baseline was last blessed. Counts repeat where
//! times do not, so that a small loss is seen, on any machine, however busy.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::callgrind;
use super::programs::{self, Count};
use crate::files::{output, root};
use crate::needs;
use crate::run::{Run, Stop};

/// What is counted, small: `workload/peer`.
pub(super) const SMALL: &[&str] = &[
    "round-trip/stillpoint",
    "round-trip/stillpoint-mailbox",
    "fan-out-10k/stillpoint",
    "fan-out-10k/stillpoint-mailbox",
    "stream/stillpoint",
    "stream/stillpoint-mailbox",
    "stream-1024/stillpoint",
    "drop-executor-first/stillpoint",
    "drop-effects-first/stillpoint",
    "drop-effects-and-run/stillpoint",
    "spawn/stillpoint",
    "wake/stillpoint",
    "idle/stillpoint",
];

/// What is counted at its full size, without instructions: what a waiting task keeps.
const FULL: &[&str] = &["pending-100k/stillpoint", "pending-1m/stillpoint"];

/// By how much instructions may grow where a new baseline says nothing else.
const TOLERANCE: f64 = 0.03;

const BLESS: &str = "where that is meant, `cargo xtask bench --gate --bless` makes it the baseline";

type Counts = BTreeMap<String, Count>;
type Instructions = BTreeMap<String, u64>;

/// Holds what is counted against the baseline.
pub(crate) fn hold(run: &mut Run) {
    run.step("allocations and bytes, against the baseline", || {
        let baseline = Baseline::read()?;
        judge(baseline.compare_counts(&count(&programs::build_gate()?)?))
    });
    run.step("instructions, against the baseline", || {
        needs::program("valgrind")?;
        let baseline = Baseline::read()?;
        let counted = instructions(&programs::build_gate()?)?;
        let verdict = judge(baseline.compare_instructions(&counted));
        let (made_with, with) = (&baseline.made_with, made_with());
        match verdict {
            // Another compiler may do better or worse by more than that, and it is not this change's fault.
            Err(Stop::Failed(why)) if *made_with != with => Err(Stop::Skipped(format!(
                "{why}; but the baseline is of {made_with}, and this is {with}"
            ))),
            verdict => verdict,
        }
    });
}

/// Counts all, and makes it the baseline.
pub(crate) fn bless() -> Result<(), Stop> {
    needs::program("valgrind")?;
    let program = programs::build_gate()?;
    let tolerance = Baseline::read().map_or(TOLERANCE, |before| before.tolerance);
    let baseline = Baseline {
        made_with: made_with(),
        tolerance,
        counts: count(&program)?,
        instructions: instructions(&program)?,
    };
    let text = format!("{:#}\n", baseline.json());
    std::fs::write(Baseline::path(), text).map_err(|error| Stop::Failed(error.to_string()))
}

fn count(program: &Path) -> Result<Counts, Stop> {
    let arguments = |flags: &[&str], pairs: &[&str]| -> Vec<String> {
        flags.iter().chain(pairs).map(|&word| word.into()).collect()
    };
    let mut counts = programs::counts(program, &arguments(&["--few"], SMALL))?;
    counts.extend(programs::counts(program, &arguments(&[], FULL))?);
    let named = |((workload, peer), count)| (format!("{workload}/{peer}"), count);
    complete(counts.into_iter().map(named).collect())
}

/// A name that no workload has any more is counted by nobody, and what is not counted is no worse than it was.
fn complete(counts: Counts) -> Result<Counts, Stop> {
    match SMALL
        .iter()
        .chain(FULL)
        .find(|pair| !counts.contains_key(**pair))
    {
        Some(pair) => Err(Stop::Failed(format!("{pair} was not counted"))),
        None => Ok(counts),
    }
}

/// Each in a process of its own, since callgrind has one sum.
fn instructions(program: &Path) -> Result<Instructions, Stop> {
    let one = |pair: &&str| {
        let nowhere = ["--callgrind-out-file=/dev/null"];
        let number = callgrind::instructions(program, &nowhere, &["--few", pair])?;
        Ok(((*pair).to_owned(), number))
    };
    SMALL.iter().map(one).collect()
}

/// What instructions depend on, beside the code: malloc's are the C library's.
fn made_with() -> String {
    let library = output(Command::new("ldd").arg("--version")).unwrap_or_default();
    let library = library
        .lines()
        .next()
        .and_then(|line| line.rsplit(' ').next());
    format!(
        "{}, libc {}, {}",
        programs::toolchain(),
        library.unwrap_or("?"),
        std::env::consts::ARCH
    )
}

/// What was counted when it was last blessed.
#[derive(Debug, PartialEq)]
struct Baseline {
    made_with: String,
    tolerance: f64,
    counts: Counts,
    instructions: Instructions,
}

impl Baseline {
    fn path() -> PathBuf {
        root().join("benches/baseline.json")
    }

    fn read() -> Result<Self, Stop> {
        let path = Self::path();
        let text = std::fs::read_to_string(&path).map_err(|error| error.to_string());
        let value = text.and_then(|text| serde_json::from_str(&text).map_err(|e| e.to_string()));
        value
            .and_then(|value| Self::of(&value).ok_or_else(|| "it lacks something".to_owned()))
            .map_err(|why| Stop::Failed(format!("benches/baseline.json: {why}")))
    }

    fn of(value: &Value) -> Option<Self> {
        let mut counts = Counts::new();
        let mut instructions = Instructions::new();
        for (pair, counted) in value["counted"].as_object()? {
            let count = Count {
                operations: counted["operations"].as_u64()?,
                allocations: counted["allocations"].as_u64()?,
                bytes: counted["bytes"].as_u64(),
                crossed: None,
            };
            counts.insert(pair.clone(), count);
            if let Some(number) = counted["instructions"].as_u64() {
                instructions.insert(pair.clone(), number);
            }
        }
        Some(Self {
            made_with: value["made with"].as_str()?.to_owned(),
            tolerance: value["tolerance"]["instructions"].as_f64()?,
            counts,
            instructions,
        })
    }

    fn json(&self) -> Value {
        let mut counted = json!({});
        for (pair, count) in &self.counts {
            counted[pair] = json!({
                "operations": count.operations,
                "allocations": count.allocations,
            });
            if let Some(bytes) = count.bytes {
                counted[pair]["bytes"] = json!(bytes);
            }
            if let Some(number) = self.instructions.get(pair) {
                counted[pair]["instructions"] = json!(number);
            }
        }
        json!({
            "made with": self.made_with,
            "tolerance": { "allocations": 0, "bytes": 0, "instructions": self.tolerance },
            "counted": counted,
        })
    }

    fn compare_counts(&self, now: &Counts) -> Vec<Compared> {
        let mut compared = Vec::new();
        for (pair, now) in now {
            let before = self.counts.get(pair);
            let before = before.filter(|before| before.operations == now.operations);
            compared.push(Compared {
                what: format!("{pair}: allocations"),
                now: now.allocations,
                before: before.map(|before| before.allocations),
                tolerance: 0.0,
                operations: now.operations,
            });
            if let Some(bytes) = now.bytes {
                compared.push(Compared {
                    what: format!("{pair}: bytes"),
                    now: bytes,
                    before: before.and_then(|before| before.bytes),
                    tolerance: 0.0,
                    operations: now.operations,
                });
            }
        }
        compared
    }

    fn compare_instructions(&self, now: &Instructions) -> Vec<Compared> {
        let compared = |(pair, &now): (&String, &u64)| Compared {
            what: format!("{pair}: instructions"),
            now,
            before: self.instructions.get(pair).copied(),
            tolerance: self.tolerance,
            operations: self.counts.get(pair).map_or(1, |count| count.operations),
        };
        now.iter().map(compared).collect()
    }
}

/// A number beside what it was.
#[derive(Debug)]
struct Compared {
    what: String,
    now: u64,
    /// None where the baseline has not counted this, or not so often.
    before: Option<u64>,
    tolerance: f64,
    operations: u64,
}

impl Compared {
    /// How much more it is: 0.01 is one in a hundred. Infinite where it is the first.
    fn growth(&self) -> f64 {
        match self.before {
            Some(before) if self.now == before => 0.0,
            Some(before) => self.now as f64 / before as f64 - 1.0,
            None => f64::INFINITY,
        }
    }

    fn is_worse(&self) -> bool {
        self.growth() > self.tolerance
    }

    fn is_better(&self) -> bool {
        self.growth() < -self.tolerance
    }

    fn line(&self) -> String {
        let an_operation = self.now as f64 / self.operations as f64;
        let beside = match self.before {
            Some(_) => format!("{:+.2} %", self.growth() * 100.0),
            None => "not in the baseline".to_owned(),
        };
        format!(
            "{:<60} {:>12} {an_operation:>10.2} {beside:>10}",
            self.what, self.now
        )
    }
}

/// Prints all, and names what has grown by too much.
fn judge(compared: Vec<Compared>) -> Result<(), Stop> {
    println!("    {:<60} {:>12} {:>10}", "", "in all", "each");
    for one in &compared {
        println!("    {}", one.line());
    }
    let worse: Vec<_> = compared.iter().filter(|one| one.is_worse()).collect();
    if !worse.is_empty() {
        let lines: Vec<_> = worse.iter().map(|one| said(one)).collect();
        return Err(Stop::Failed(format!("{}; {BLESS}", lines.join("; "))));
    }
    if compared.iter().any(Compared::is_better) {
        println!("    some have shrunk: `cargo xtask bench --gate --bless` keeps it so");
    }
    Ok(())
}

fn said(one: &Compared) -> String {
    match one.before {
        Some(before) => format!("{}: {} where it was {before}", one.what, one.now),
        None => format!("{}: not in the baseline", one.what),
    }
}

#[cfg(test)]
mod tests {
    use super::{Baseline, Compared, Count, Counts, FULL, Instructions, SMALL, complete, judge};
    use crate::run::Stop;

    fn compared(before: impl Into<Option<u64>>, now: u64, tolerance: f64) -> Compared {
        Compared {
            what: "spawn/stillpoint: instructions".to_owned(),
            now,
            before: before.into(),
            tolerance,
            operations: 10,
        }
    }

    #[test]
    fn more_than_the_tolerance_fails_and_is_named() {
        assert!(judge(vec![compared(1_000, 1_029, 0.03)]).is_ok());
        let verdict = judge(vec![compared(1_000, 1_031, 0.03), compared(1, 1, 0.0)]);
        let Err(Stop::Failed(why)) = verdict else {
            panic!("{verdict:?}")
        };
        assert!(
            why.starts_with("spawn/stillpoint: instructions: 1031 where it was 1000; where"),
            "{why}"
        );
        assert!(judge(vec![compared(0, 1, 0.0)]).is_err());
        assert!(judge(vec![compared(0, 0, 0.0)]).is_ok());
    }

    #[test]
    fn less_passes() {
        assert!(judge(vec![compared(1_000, 10, 0.03)]).is_ok());
        assert!(compared(1_000, 969, 0.03).is_better());
        assert!(!compared(1_000, 971, 0.03).is_better());
    }

    #[test]
    fn what_the_baseline_lacks_fails() {
        assert!(judge(vec![compared(None, 1, 0.03)]).is_err());
        let count = |operations| Count {
            operations,
            allocations: 1,
            bytes: None,
            crossed: None,
        };
        let baseline = baseline(count(10));
        let with = |count| Counts::from([("idle/stillpoint".to_owned(), count)]);
        assert!(judge(baseline.compare_counts(&with(count(10)))).is_ok());
        assert!(judge(baseline.compare_counts(&with(count(20)))).is_err());
    }

    #[test]
    fn what_was_to_be_counted_and_was_not_fails() {
        let count = Count {
            operations: 1,
            allocations: 0,
            bytes: None,
            crossed: None,
        };
        let all = || SMALL.iter().chain(FULL).map(|pair| (*pair).to_owned());
        assert!(complete(all().map(|pair| (pair, count)).collect()).is_ok());
        let most = complete(all().skip(1).map(|pair| (pair, count)).collect());
        assert!(format!("{most:?}").contains(&format!("{} was not counted", SMALL[0])));
        assert!(complete(Counts::new()).is_err());
    }

    fn baseline(count: Count) -> Baseline {
        Baseline {
            made_with: "rustc 1.88.0".to_owned(),
            tolerance: 0.02,
            counts: Counts::from([("idle/stillpoint".to_owned(), count)]),
            instructions: Instructions::from([("idle/stillpoint".to_owned(), 7_000)]),
        }
    }

    #[test]
    fn a_baseline_is_read_as_it_was_written() {
        let baseline = baseline(Count {
            operations: 10,
            allocations: 50,
            bytes: Some(7_120),
            crossed: None,
        });
        assert_eq!(Baseline::of(&baseline.json()), Some(baseline));
    }
}
