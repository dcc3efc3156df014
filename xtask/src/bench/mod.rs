//! `cargo xtask bench`: what stillpoint costs, beside its peers, and against what it has cost before.

mod callgrind;
mod code;
mod compile;
pub(crate) mod gate;
mod many;
mod profile;
mod programs;
mod table;
mod time;

use std::process::{Command, ExitCode};

use serde_json::json;

use crate::files::output;
use crate::run::{Run, Stop};
use programs::Programs;
use table::Table;

/// Rounds where none are asked for, and where haste is.
const ROUNDS: usize = 5;
const QUICK_ROUNDS: usize = 1;

/// What there is to measure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum What {
    #[default]
    Peers,
    Gate,
    Bridge,
    Instructions,
    Profile,
    Many,
    Code,
    Compile,
}

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    what: What,
    workloads: Vec<String>,
    /// Of these peers, by their names or how those begin; none is all that compete.
    peers: Vec<String>,
    /// To which peer ratios are; none is the fastest that competes.
    to: Option<String>,
    rounds: Option<usize>,
    quick: bool,
    json: bool,
    bless: bool,
}

/// Reads what comes after `bench`, or says what is wrong with it.
pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Options, String> {
    let mut options = Options::default();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => options.quick = true,
            "--json" => options.json = true,
            "--gate" => options.turn_to(What::Gate)?,
            "--many" => options.turn_to(What::Many)?,
            "--code" => options.turn_to(What::Code)?,
            "--compile" => options.turn_to(What::Compile)?,
            "--bridge" => options.turn_to(What::Bridge)?,
            "--instructions" => options.turn_to(What::Instructions)?,
            "--profile" => options.turn_to(What::Profile)?,
            "--bless" => options.bless = true,
            "--peers" => match arguments.next() {
                Some(names) => options.peers = names.split(',').map(str::to_owned).collect(),
                None => return Err("`--peers` is followed by names, with commas".to_owned()),
            },
            "--to" => match arguments.next() {
                Some(name) => options.to = Some(name),
                None => return Err("`--to` is followed by a peer's name".to_owned()),
            },
            "--rounds" => {
                let rounds = arguments.next().and_then(|rounds| rounds.parse().ok());
                match rounds {
                    Some(1..) => options.rounds = rounds,
                    _ => return Err("`--rounds` is followed by how many".to_owned()),
                }
            }
            flag if flag.starts_with('-') => return Err(format!("`{flag}` is no flag of bench")),
            _ => options.workloads.push(argument),
        }
    }
    if options.bless && options.what != What::Gate {
        return Err("`--bless` goes with `--gate`".to_owned());
    }
    if options.what == What::Gate && options != gate_alone(options.bless) {
        return Err(
            "`--gate` counts what the baseline holds, and goes with `--bless` alone".into(),
        );
    }
    Ok(options)
}

impl Options {
    /// Asks for something else than the table of peers, once.
    fn turn_to(&mut self, what: What) -> Result<(), String> {
        match std::mem::replace(&mut self.what, what) {
            What::Peers => Ok(()),
            _ => Err("one thing at a time: two flags each say what to measure".to_owned()),
        }
    }
}

fn gate_alone(bless: bool) -> Options {
    Options {
        what: What::Gate,
        bless,
        ..Options::default()
    }
}

/// Measures, or holds against the baseline.
pub(crate) fn bench(options: &Options) -> ExitCode {
    if options.what == What::Gate {
        let mut run = Run::new(true);
        if options.bless {
            run.step("a new baseline", gate::bless);
        } else {
            gate::hold(&mut run);
        }
        return run.finish();
    }
    let measured = match options.what {
        What::Peers | What::Gate => measure(options),
        What::Bridge => bridges(options),
        What::Instructions => callgrind::print(options),
        What::Profile => profile::print(options),
        What::Many => many::print(options),
        What::Code => code::print(),
        What::Compile => compile::print(options.rounds.unwrap_or(ROUNDS)),
    };
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stop::Failed(why) | Stop::Skipped(why)) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

/// The bridges beside each other: the time, and where valgrind is there the instructions.
fn bridges(options: &Options) -> Result<(), Stop> {
    let mut options = options.clone();
    options.workloads = vec!["round-trip".to_owned()];
    if options.peers.is_empty() {
        options.peers = vec!["bridge".to_owned()];
    }
    options
        .to
        .get_or_insert_with(|| "bridge-crux-bincode".to_owned());
    measure(&options)?;
    println!();
    match callgrind::print(&options) {
        Err(Stop::Skipped(why)) => {
            eprintln!("no instructions: {why}");
            Ok(())
        }
        printed => printed,
    }
}

fn measure(options: &Options) -> Result<(), Stop> {
    let default = if options.quick { QUICK_ROUNDS } else { ROUNDS };
    let rounds = options.rounds.unwrap_or(default);
    let programs = Programs::build()?;
    let load_before = load();
    let all = programs::workloads(&programs.counts)?;
    let names: Vec<String> = all.iter().map(|(name, _)| name.clone()).collect();
    let workloads = time::pick(&names, &options.workloads)?;
    let listed = time::pairs(&output(
        Command::new(&programs.time).args(["--bench", "--list"]),
    )?);
    let peers = time::pick_peers(&listed, &options.peers, options.to.as_deref())?;
    let pairs = workloads.iter().flat_map(|workload| {
        let pair = move |peer| format!("{workload}/{peer}");
        peers.iter().map(pair)
    });
    let counts = programs::counts(&programs.counts, &pairs.collect::<Vec<_>>())?;
    let times = time::rounds(&programs.time, &listed, &workloads, peers, rounds)?;
    let table = Table::new(&workloads, &times, &counts, options.to.as_deref());
    let machine = format!("{}, {}", programs::toolchain(), std::env::consts::ARCH);
    if options.json {
        let mut all = table.json();
        all["machine"] = json!(machine);
        all["rounds"] = json!(rounds);
        all["load"] = json!([load_before, load()]);
        println!("{all:#}");
    } else {
        println!("{}\n\nAn operation of", table.markdown());
        for (name, operation) in all.iter().filter(|(name, _)| workloads.contains(name)) {
            println!("- {name}: {operation}");
        }
        println!();
        let s = if rounds == 1 { "" } else { "s" };
        println!(
            "{rounds} round{s}; {machine}; load average {load_before} before and {} after",
            load()
        );
    }
    Ok(())
}

/// How busy the machine is, where it says so.
fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or("?").to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Options, gate_alone, parse};

    fn of(line: &str) -> Result<Options, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn workloads_and_flags_come_in_any_order() {
        let options = of("stream --rounds 3 drop --json").unwrap();
        assert_eq!(options.workloads, ["stream", "drop"]);
        assert_eq!((options.rounds, options.json), (Some(3), true));
        let options = of("fan-out --peers floor,tokio --to floor").unwrap();
        assert_eq!(options.peers, ["floor", "tokio"]);
        assert_eq!(options.to.as_deref(), Some("floor"));
        assert_eq!(of("--gate --bless"), Ok(gate_alone(true)));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        assert_eq!(of("--fast").unwrap_err(), "`--fast` is no flag of bench");
        for line in ["--rounds", "--rounds 0", "--rounds many"] {
            assert!(of(line).unwrap_err().starts_with("`--rounds`"), "{line}");
        }
        for flag in ["--peers", "--to"] {
            assert!(of(flag).unwrap_err().contains(flag));
        }
        assert!(of("--gate --instructions").is_err());
        assert!(of("--bless").unwrap_err().starts_with("`--bless`"));
        assert!(of("--gate stream").unwrap_err().starts_with("`--gate`"));
    }
}
