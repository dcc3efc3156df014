//! `cargo xtask`: the one door to this repository's checks.
//!
//! It installs what a check needs, through rustup, and names in its summary what it had to skip and why.
#![forbid(unsafe_code)]

mod api;
mod bench;
mod checks;
mod files;
mod host;
mod kept;
mod licences;
mod links;
mod locks;
mod native;
mod needs;
mod packed;
mod release;
mod run;
mod soak;
mod web;

use std::process::ExitCode;

use kept::Mode;
use run::Run;

const USAGE: &str = "\
usage: cargo xtask COMMAND [--keep-going]
       cargo xtask soak [PART...] [--keep-going]
       cargo xtask api | licences [--bless]
       cargo xtask bench [WORKLOAD...] [--peers NAME,...] [--to NAME] [--rounds N] [--quick] [--json]
       cargo xtask bench --instructions [WORKLOAD...] [--peers NAME,...]
       cargo xtask bench --profile [WORKLOAD...]
       cargo xtask bench --bridge [--peers NAME,...] [--to NAME] [--rounds N] [--quick]
       cargo xtask bench --many [--peers NAME,...]
       cargo xtask bench --code
       cargo xtask bench --compile [--rounds N]
       cargo xtask bench --gate [--bless]
       cargo xtask web [--port N | --build-only | --figures]
       cargo xtask native [--test] [--bless]

  test    all that must pass: the library without and with its features, each of them and any two, its documentation's
          examples, the README's example, linkcheck, links, api, a shared library unloaded, the native library under
          Python and C, xtask itself, wasm32, the web host in node and in Chromium, the oldest supported Rust, package,
          a release build, the page in Chromium, loom, shuttle, two sanitizers, miri, and bench --gate
  lint    the lock files, licences, fmt, clippy and doc together
  ci      lint, then test
  soak    the same proofs with more cases, for hours; or only parts of it: shuttle, slots, unload, release,
          sanitizers, features, histories, miri, fuzz, bridge
  release what must be so before a release, and takes too long for every change: the package with all features, no
          dependency that nobody uses, and no change of the API since the last tag `v*` that the version does not tell
  fmt     formatting, checked and not changed
  clippy  clippy on everything, with every warning an error
  doc     the documentation, with every warning an error
  links   the links of the repository's documents, and of the documentation as docs.rs builds it, by linkcheck, offline
  api     the public API, by nightly's rustdoc: that it is the one in xtask/kept/, and that every item has an example
  package the package: what is in it, that it builds, and that its tests pass with the oldest Rust and the lowest
          versions of what it depends on
  licences
          the licences of what the library depends on: that they are those in xtask/kept/, and that each has been read
  bench   what it costs: the time, allocations and bytes of stillpoint and its peers, as a table; some minutes
  web     builds the page of web/, optimised, and serves it on loopback until Ctrl-C
  native  builds examples/native, optimised, and what Swift, Kotlin, Python and C need of it, into target/native
  help    this

  --keep-going  goes on after a check that failed; otherwise the first one ends the run
  --bless       of api and licences: keeps what is found, in xtask/kept/

Of bench:
  WORKLOAD   the name of one, or how those of some begin: `drop`, say. A name that is none lists all; those that end
             in 1m run only by name
  --peers    those of these names, or whose names begin so; those that stand beside the peers run only by name
  --to       the peer that ratios are to; the fastest, where nothing is said
  --rounds   how often each peer is timed in each workload, in a process of its own; 5 where nothing is said
  --quick    one round
  --json     for programs
  --instructions
             counts instructions and atomics of the peers, by valgrind; at most 100,000 operations
  --profile  where stillpoint's own instructions are, by the files of src/; by valgrind and addr2line
  --bridge   round trips through byte bridges, this crate's and crux's: time, allocations, bytes and instructions
  --many     100,000 executors, by one thread and by two, and ten million requests in one, with the most memory
  --code     the size of a core with 1, 2, 10 and 20 operations, by `size` and, where it is there, cargo-llvm-lines
  --compile  how long the library takes to compile, alone and with what it depends on
  --gate     counts what stillpoint alone does, against benches/baseline.json, instructions where valgrind is there
  --bless    makes what is counted the baseline

Of web:
  --port        where; 8080 where nothing is said, and 0 for any that is free
  --build-only  builds it into target/page/site, and serves nothing
  --figures     measures its sizes, and round trips in Chromium

Of native:
  --test     runs its tests instead, in Rust, Python and C
  --bless    writes include/linkcheck.h anew

Each check is a step. What a step needs (a toolchain, a component, a target) is installed by rustup; where that is
refused the step is skipped, and the summary says so. The last line counts the steps. The exit code is 0 where none
failed, 1 where one did, and 2 for a command that is none.

The sizes of a soak are variables, each of which may be set to another: STILLPOINT_SCHEDULES, STILLPOINT_UNLOADS,
STILLPOINT_HISTORIES, STILLPOINT_MIRI_SEEDS (a range) and STILLPOINT_FUZZ_RUNS.
";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    Test,
    Lint,
    Ci,
    Soak,
    Fmt,
    Clippy,
    Doc,
    Links,
    Api,
    Package,
    Licences,
    Release,
    Help,
}

#[derive(Debug, PartialEq, Eq)]
struct Arguments {
    command: Command,
    /// The parts of a soak; none is all of them.
    parts: Vec<String>,
    keep_going: bool,
    mode: Mode,
}

/// Reads the command line, or says what is wrong with it.
fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Arguments, String> {
    let mut command = None;
    let mut keep_going = false;
    let mut mode = Mode::Hold;
    let mut parts = Vec::new();
    for argument in arguments {
        if command == Some(Command::Soak) && soak::names().any(|name| name == argument) {
            parts.push(argument);
            continue;
        }
        let found = match argument.as_str() {
            "--keep-going" => {
                keep_going = true;
                continue;
            }
            "--bless" => {
                mode = Mode::Bless;
                continue;
            }
            "test" => Command::Test,
            "lint" => Command::Lint,
            "ci" => Command::Ci,
            "soak" => Command::Soak,
            "fmt" => Command::Fmt,
            "clippy" => Command::Clippy,
            "doc" => Command::Doc,
            "links" => Command::Links,
            "api" => Command::Api,
            "package" => Command::Package,
            "licences" => Command::Licences,
            "release" => Command::Release,
            "help" | "--help" | "-h" => Command::Help,
            _ if command == Some(Command::Soak) => {
                return Err(format!("`{argument}` is no part of the soak"));
            }
            _ => return Err(format!("`{argument}` is no command of xtask")),
        };
        if command.replace(found).is_some() {
            return Err(format!("`{argument}` is one command too many"));
        }
    }
    let command = command.ok_or("which command?")?;
    if mode == Mode::Bless && !matches!(command, Command::Api | Command::Licences) {
        return Err("`--bless` is for api and licences".to_owned());
    }
    Ok(Arguments {
        command,
        parts,
        keep_going,
        mode,
    })
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if(|first| first == "bench").is_some() {
        return match bench::parse(arguments) {
            Ok(options) => bench::bench(&options),
            Err(wrong) => refuse(&wrong),
        };
    }
    if arguments.next_if(|first| first == "web").is_some() {
        return match web::parse(arguments) {
            Ok(options) => web::web(options),
            Err(wrong) => refuse(&wrong),
        };
    }
    if arguments.next_if(|first| first == "native").is_some() {
        return match native::parse(arguments) {
            Ok(options) => native::native(options),
            Err(wrong) => refuse(&wrong),
        };
    }
    let Arguments {
        command,
        parts,
        keep_going,
        mode,
    } = match parse(arguments) {
        Ok(arguments) => arguments,
        Err(wrong) => return refuse(&wrong),
    };
    let mut run = Run::new(keep_going);
    match command {
        Command::Help => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Command::Test => checks::test(&mut run),
        Command::Lint => checks::lint(&mut run),
        Command::Ci => {
            checks::lint(&mut run);
            checks::test(&mut run);
        }
        Command::Soak => soak::soak(&mut run, &parts),
        Command::Fmt => checks::fmt(&mut run),
        Command::Clippy => checks::clippy(&mut run),
        Command::Doc => checks::doc(&mut run),
        Command::Links => links::test(&mut run),
        Command::Api => api::test(&mut run, mode),
        Command::Package => packed::test(&mut run),
        Command::Licences => licences::test(&mut run, mode),
        Command::Release => release::release(&mut run),
    }
    run.finish()
}

fn refuse(wrong: &str) -> ExitCode {
    eprintln!("error: {wrong}\n\n{USAGE}");
    ExitCode::from(2)
}

#[cfg(test)]
mod tests {
    use super::{Command, Mode, USAGE, parse, soak};

    fn of(line: &str) -> Result<(Command, bool), String> {
        parse(line.split_whitespace().map(str::to_owned))
            .map(|arguments| (arguments.command, arguments.keep_going))
    }

    #[test]
    fn a_command_is_read_with_its_flag_on_either_side() {
        assert_eq!(of("test"), Ok((Command::Test, false)));
        assert_eq!(of("test --keep-going"), Ok((Command::Test, true)));
        assert_eq!(of("--keep-going ci"), Ok((Command::Ci, true)));
        assert_eq!(of("--help"), Ok((Command::Help, false)));
    }

    #[test]
    fn only_what_is_kept_is_blessed() {
        let mode = |line: &str| {
            parse(line.split_whitespace().map(str::to_owned)).map(|arguments| arguments.mode)
        };
        assert_eq!(mode("api"), Ok(Mode::Hold));
        assert_eq!(mode("licences --bless"), Ok(Mode::Bless));
        assert_eq!(
            mode("test --bless").unwrap_err(),
            "`--bless` is for api and licences"
        );
    }

    #[test]
    fn what_is_no_command_is_named() {
        assert_eq!(of("tset").unwrap_err(), "`tset` is no command of xtask");
        assert_eq!(
            of("test lint").unwrap_err(),
            "`lint` is one command too many"
        );
        assert_eq!(of("").unwrap_err(), "which command?");
    }

    #[test]
    fn a_soak_has_parts() {
        let parts = |line: &str| {
            parse(line.split_whitespace().map(str::to_owned)).map(|arguments| arguments.parts)
        };
        assert_eq!(parts("soak"), Ok(vec![]));
        let two = vec!["fuzz".to_owned(), "slots".to_owned()];
        assert_eq!(parts("soak fuzz --keep-going slots"), Ok(two));
        assert_eq!(
            parts("soak fuz").unwrap_err(),
            "`fuz` is no part of the soak"
        );
        assert_eq!(
            parts("test fuzz").unwrap_err(),
            "`fuzz` is no command of xtask"
        );
    }

    #[test]
    fn the_usage_names_every_part_of_a_soak() {
        for part in soak::names() {
            assert!(USAGE.contains(part), "{part}");
        }
    }

    /// The tests that a soak makes have its environment, and simulations among them read theirs from it.
    #[test]
    fn no_size_of_a_soak_is_what_a_simulation_reads() {
        let kit = include_str!("../../src/testing/simulation.rs");
        let read: Vec<_> = kit
            .split('"')
            .filter(|text| text.starts_with("STILLPOINT_") && !text.contains(char::is_whitespace))
            .collect();
        assert!(read.len() >= 3, "{read:?}");
        let sizes = include_str!("soak.rs");
        for name in read {
            assert!(!sizes.contains(&format!("\"{name}\"")), "{name}");
        }
    }

    #[test]
    fn the_usage_names_every_command() {
        let is_named = |command: &str| {
            let line = format!("  {command}");
            USAGE
                .lines()
                .any(|said| said == line || said.starts_with(&format!("{line} ")))
        };
        for command in ["bench", "web", "native"] {
            assert!(is_named(command), "{command}");
        }
        for command in [
            "test", "lint", "ci", "soak", "release", "fmt", "clippy", "doc", "links", "api",
            "package", "licences", "help",
        ] {
            assert!(is_named(command), "{command}");
            assert!(of(command).is_ok(), "{command}");
        }
    }
}
