//! Instructions, counted by valgrind's callgrind, and which of them are atomic.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::process::Command;

use super::Options;
use super::programs;
use super::table::grid;
use super::time::{in_order, pick, pick_peers};
use crate::files::{finish, output, root};
use crate::needs;
use crate::run::Stop;

/// The function that counts, by whose name callgrind knows when to.
const MEASURED: &str = "stillpoint_benches::count::measured*";

/// Counts what is measured of one run.
pub(super) fn instructions(
    program: &Path,
    flags: &[&str],
    arguments: &[&str],
) -> Result<u64, Stop> {
    let (_, said) = finish(
        Command::new("valgrind")
            .arg("--tool=callgrind")
            .arg(format!("--toggle-collect={MEASURED}"))
            .args(flags)
            .arg(program)
            .args(arguments),
    )?;
    match collected(&said) {
        Some(number @ 1..) => Ok(number),
        _ => Err(Stop::Failed(format!("callgrind has counted no {MEASURED}"))),
    }
}

/// The sum at the end of what callgrind says.
fn collected(said: &str) -> Option<u64> {
    let sum = |line: &str| line.split_once("Collected :")?.1.trim().parse().ok();
    said.lines().find_map(sum)
}

/// Prints instructions and atomic read-modify-writes an operation.
pub(super) fn print(options: &Options) -> Result<(), Stop> {
    needs::program("valgrind")?;
    let program = programs::build_bench("instructions")?;
    let listed = list(&output(Command::new(&program).arg("--list"))?);
    let pairs: Vec<_> = listed.iter().map(|(pair, _)| pair.clone()).collect();
    let all = in_order(pairs.iter().map(|(workload, _)| workload));
    let workloads = pick(&all, &options.workloads)?;
    let peers = pick_peers(&pairs, &options.peers, options.to.as_deref())?;
    let atomic = atomics(&program)?;
    let mut counted = BTreeMap::new();
    for (pair, operations) in listed {
        if workloads.contains(&pair.0) && peers.contains(&pair.1) {
            let counts = one(&program, &format!("{}/{}", pair.0, pair.1), &atomic)?;
            let [instructions, atomics] = counts.map(|number| number as f64 / operations as f64);
            counted.insert(pair, (instructions, atomics));
        }
    }
    let mut text = String::new();
    let mut show = |what, cell: &dyn Fn(&(f64, f64)) -> String| {
        grid(&mut text, &workloads, &peers, what, |pair| {
            counted.get(pair).map(cell)
        });
    };
    show("instructions an operation", &|(instructions, _)| {
        format!("{instructions:.0}")
    });
    if !atomic.is_empty() {
        show("atomics an operation", &|(_, atomics)| {
            format!("{atomics:.2}")
        });
    }
    println!(
        "{text}An atomic is a read-modify-write of the program's own: an instruction with a lock prefix, or an \
         exchange with memory. {}, {}.",
        programs::toolchain(),
        std::env::consts::ARCH
    );
    Ok(())
}

/// The pairs that a program lists, and the operations of each.
fn list(listed: &str) -> Vec<((String, String), u64)> {
    let pair = |line: &str| {
        let (pair, operations) = line.split_once(": ")?;
        let (workload, peer) = pair.split_once('/')?;
        Some((
            (workload.to_owned(), peer.to_owned()),
            operations.parse().ok()?,
        ))
    };
    listed.lines().filter_map(pair).collect()
}

/// One pair: its instructions, and how many of them were at these addresses.
fn one(program: &Path, pair: &str, addresses: &HashSet<u64>) -> Result<[u64; 2], Stop> {
    let (instructions, profile) = profile(program, &[pair])?;
    let atomic = profile.own.iter().filter(|(at, _)| addresses.contains(at));
    Ok([instructions, atomic.map(|(_, times)| times).sum()])
}

/// Which instructions of a run were executed how often.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Profile {
    /// By address.
    pub(super) own: HashMap<u64, u64>,
    /// In libraries.
    pub(super) elsewhere: u64,
}

/// What is measured of one run: all instructions, and where they were.
pub(super) fn profile(program: &Path, arguments: &[&str]) -> Result<(u64, Profile), Stop> {
    let folder = root().join("target/bench");
    let wrong = |error: std::io::Error| Stop::Failed(error.to_string());
    std::fs::create_dir_all(&folder).map_err(wrong)?;
    let file = folder.join("callgrind.out");
    let to = format!("--callgrind-out-file={}", file.display());
    let flags = [
        &to,
        "--dump-instr=yes",
        "--dump-line=no",
        "--compress-strings=no",
        "--compress-pos=no",
    ];
    let instructions = instructions(program, &flags, arguments)?;
    let text = std::fs::read_to_string(&file).map_err(wrong)?;
    std::fs::remove_file(&file).map_err(wrong)?;
    let own = program.file_name().unwrap_or_default().to_string_lossy();
    Ok((instructions, read(&text, &own)))
}

/// What callgrind has written of a program, which is this object.
fn read(text: &str, object: &str) -> Profile {
    let mut profile = Profile::default();
    let mut is_own = false;
    let mut is_call = false;
    for line in text.lines() {
        if let Some(path) = line.strip_prefix("ob=") {
            is_own = path.ends_with(object);
        } else if line.starts_with("calls=") {
            // The next line is what the call has cost, all in all.
            is_call = true;
        } else if let Some(cost) = line.strip_prefix("0x") {
            let (address, times) = cost.split_once(' ').unwrap_or_default();
            let address = u64::from_str_radix(address, 16).unwrap_or_default();
            let times = times.trim().parse::<u64>().unwrap_or_default();
            match std::mem::take(&mut is_call) {
                true => {}
                false if is_own => *profile.own.entry(address).or_default() += times,
                false => profile.elsewhere += times,
            }
        }
    }
    profile
}

/// Where a program has atomic read-modify-writes. None where that cannot be told.
fn atomics(program: &Path) -> Result<HashSet<u64>, Stop> {
    if std::env::consts::ARCH != "x86_64" || needs::program("objdump").is_err() {
        return Ok(HashSet::new());
    }
    let code = output(
        Command::new("objdump")
            .args(["-d", "--no-show-raw-insn"])
            .arg(program),
    )?;
    Ok(code.lines().filter_map(atomic).collect())
}

/// The address in a line of objdump's, where its instruction is atomic.
fn atomic(line: &str) -> Option<u64> {
    let (address, instruction) = line.split_once(":\t")?;
    let is_exchange = instruction.starts_with("xchg") && instruction.contains('(');
    let is_atomic = instruction.starts_with("lock ") || is_exchange;
    is_atomic.then_some(u64::from_str_radix(address.trim(), 16).ok()?)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::{Profile, atomic, collected, list, read};

    #[test]
    fn the_sum_is_found_in_what_callgrind_says() {
        let said = "==1== Callgrind\n==1== Events    : Ir\n==1== Collected : 1234567\n==1== \n";
        assert_eq!(collected(said), Some(1_234_567));
        assert_eq!(collected("==1== Command: gate"), None);
    }

    #[test]
    fn an_atomic_is_known_by_its_prefix_or_by_what_it_exchanges() {
        let lock = "  4a10:\tlock xadd %rax,(%rdx)";
        assert_eq!(atomic(lock), Some(0x4a10));
        assert_eq!(atomic("  4a14:\txchg   %rax,0x8(%rdi)"), Some(0x4a14));
        assert_eq!(atomic("  4a18:\txchg   %ax,%ax"), None);
        assert_eq!(atomic("0000000000004a10 <main>:"), None);
    }

    #[test]
    fn what_was_executed_is_known_by_address_without_calls_and_with_libraries_apart() {
        let text = "ob=/t/bench\nfn=a\n0x10 3\n0x14 5\ncalls=1 0x90\n0x10 100\n0x10 4\nob=/lib/c\n0x10 9\n";
        let expected = Profile {
            own: HashMap::from([(0x10, 7), (0x14, 5)]),
            elsewhere: 9,
        };
        assert_eq!(read(text, "bench"), expected);
    }

    #[test]
    fn a_list_is_of_pairs_with_their_operations() {
        let pair = ("wake".to_owned(), "floor".to_owned());
        assert_eq!(list("wake/floor: 10\nnonsense\n"), [(pair, 10)]);
    }
}
