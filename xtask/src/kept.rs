//! Listings that lie in `xtask/kept/`: what is found must be what is kept, and who means a change keeps the new one.

use std::path::{Path, PathBuf};

use crate::files::{failed, make, read};
use crate::run::Stop;

/// What a step does with a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It is compared with the one that is kept.
    Hold,
    /// It is kept.
    Bless,
}

/// Holds a listing to the one that is kept, or keeps it. `command` is the one that keeps it.
pub(crate) fn listing(mode: Mode, name: &str, found: &str, command: &str) -> Result<(), Stop> {
    let path = folder().join(name);
    if mode == Mode::Bless {
        make(&folder())?;
        return std::fs::write(&path, found).map_err(|error| failed(&path, &error));
    }
    let kept = read(&path)?;
    let changes = changes(&kept, found);
    for line in &changes {
        println!("    {line}");
    }
    if changes.is_empty() && kept == found {
        return Ok(());
    }
    Err(Stop::Failed(format!(
        "xtask/kept/{name} is another, by {} lines; if that is meant, `{command}` keeps the new one",
        changes.len()
    )))
}

/// The lines that went, and those that came.
fn changes(kept: &str, found: &str) -> Vec<String> {
    let without = |sign: char, all: &str, others: &str| -> Vec<String> {
        let others: Vec<_> = others.lines().collect();
        all.lines()
            .filter(|line| !others.contains(line))
            .map(|line| format!("{sign} {line}"))
            .collect()
    };
    let mut changes = without('-', kept, found);
    changes.extend(without('+', found, kept));
    changes
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("kept")
}

#[cfg(test)]
mod tests {
    use super::changes;

    #[test]
    fn what_went_comes_before_what_came() {
        assert_eq!(changes("a\nb\nc\n", "a\nc\nd\n"), ["- b", "+ d"]);
        assert!(changes("a\nb\n", "a\nb\n").is_empty());
    }
}
