//! What the system says of this process.

use std::fs;
use std::path::{Path, PathBuf};

/// Set in the flags of a thread that is past all code of its own.
const EXITING: u64 = 0x4;

/// The process that looks.
pub struct Process {
    folder: PathBuf,
}

impl Process {
    pub fn of_this() -> Self {
        Self {
            folder: PathBuf::from("/proc/self"),
        }
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).expect("the system tells of this process")
    }

    fn count(&self, name: &str) -> usize {
        fs::read_dir(self.folder.join(name))
            .expect("the system tells of this process")
            .count()
    }

    /// Threads that run. One that was joined may still be listed for a moment: the system marks it before it lets the
    /// joiner go on, so that this is exact.
    pub fn threads(&self) -> usize {
        fs::read_dir(self.folder.join("task"))
            .expect("the system tells of this process")
            .filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("stat")).ok())
            .filter(|stat| !is_exiting(stat))
            .count()
    }

    /// Open descriptors; the one that lists them is always among them.
    pub fn descriptors(&self) -> usize {
        self.count("fd")
    }

    pub fn mappings(&self) -> usize {
        self.read("maps").lines().count()
    }

    pub fn is_mapped(&self, path: &Path) -> bool {
        let path = path.to_str().expect("the path of a library is text");
        self.read("maps").lines().any(|line| line.ends_with(path))
    }

    /// Bytes in memory, in pages of four thousand.
    pub fn resident(&self) -> usize {
        let pages = self.read("statm");
        let pages = pages.split(' ').nth(1).and_then(|pages| pages.parse().ok());
        pages.map_or(0, |pages: usize| pages << 12)
    }
}

/// Reads the seventh field after the name, which stands in brackets and may hold anything.
fn is_exiting(stat: &str) -> bool {
    let flags = stat
        .rsplit_once(')')
        .and_then(|(_, fields)| fields.split_whitespace().nth(6));
    flags
        .and_then(|flags| flags.parse::<u64>().ok())
        .is_some_and(|flags| flags & EXITING != 0)
}
