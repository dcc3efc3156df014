//! Files and directories.
//!
//! Paths are text with `/` between their parts, as the core wants them.

use std::{
    collections::HashSet,
    fmt, fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use linkcheck_core::{
    document::Format,
    effect::{Absence, Standing},
};
use tokio::task::spawn_blocking;

/// The longest document that is read, in bytes.
pub const LONGEST: u64 = 256 << 20;

/// Why a path gives nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileError {
    /// Nothing is there.
    NotFound,
    /// Something is there, and cannot be read, with the reason.
    Unreadable(String),
    /// It is longer than `LONGEST`.
    TooLong,
    /// Its name is not Unicode.
    Name,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("no such file or directory"),
            Self::Unreadable(reason) => f.write_str(reason),
            Self::TooLong => write!(f, "longer than {} MiB", LONGEST >> 20),
            Self::Name => f.write_str("its name is not Unicode"),
        }
    }
}

impl std::error::Error for FileError {}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // A file where a directory should be leaves nothing under it, and no name may be that long.
            io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::InvalidFilename => Self::NotFound,
            io::ErrorKind::PermissionDenied => Self::Unreadable("permission denied".to_owned()),
            io::ErrorKind::IsADirectory => Self::Unreadable("is a directory".to_owned()),
            _ => Self::Unreadable(error.to_string()),
        }
    }
}

impl From<FileError> for Absence {
    fn from(error: FileError) -> Self {
        match error {
            FileError::NotFound => Self::Missing,
            other => Self::Unreadable(other.to_string()),
        }
    }
}

/// Looks what stands at a path, through symbolic links.
///
/// # Errors
/// `NotFound`, or `Unreadable` where a directory on the way may not be entered.
pub async fn look(path: &str) -> Result<Standing, FileError> {
    let metadata = tokio::fs::metadata(path).await?;
    Ok(kind_of(&metadata))
}

/// Reads a regular file.
///
/// # Errors
/// What `look` says, `TooLong`, and `Unreadable` for what is no regular file.
pub async fn read(path: &str) -> Result<Vec<u8>, FileError> {
    let path = path.to_owned();
    // In one go: each turn of a file that is read piece by piece costs two changes of thread.
    let read = spawn_blocking(move || read_now(&path)).await;
    read.unwrap_or_else(|error| Err(FileError::Unreadable(error.to_string())))
}

fn read_now(path: &str) -> Result<Vec<u8>, FileError> {
    let metadata = fs::metadata(path)?;
    match kind_of(&metadata) {
        Standing::File => {}
        Standing::Directory => return Err(FileError::Unreadable("is a directory".to_owned())),
        Standing::Other => return Err(FileError::Unreadable("is no regular file".to_owned())),
    }
    let expected = usize::try_from(metadata.len().min(LONGEST)).unwrap_or_default();
    let mut bytes = Vec::with_capacity(expected + 1);
    let mut file = fs::File::open(path)?.take(LONGEST + 1);
    file.read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(FileError::TooLong);
    }
    Ok(bytes)
}

pub(crate) fn kind_of(metadata: &fs::Metadata) -> Standing {
    if metadata.is_file() {
        Standing::File
    } else if metadata.is_dir() {
        Standing::Directory
    } else {
        Standing::Other
    }
}

/// The documents under a directory, one by one, in the order of their names.
///
/// It holds the names of the directories it is in, and no more. Every directory is entered once, however many symbolic
/// links lead to it, so a loop of them ends. Left out are hidden files and directories, `node_modules`, and whatever is
/// marked as a cache by a `CACHEDIR.TAG`, as Cargo's target directory is; a directory that was asked for is entered
/// in any case. An entry that cannot be read is an item, and the walk goes on.
#[derive(Debug)]
pub struct Walk {
    /// The rest of each directory from the one that was asked for down to the current one, last name first.
    levels: Vec<Vec<PathBuf>>,
    /// The true paths of all directories that were entered.
    entered: HashSet<PathBuf>,
}

/// A path under a walk that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalkError {
    /// The path.
    pub path: String,
    /// Why.
    pub error: FileError,
}

impl Walk {
    /// Starts a walk.
    ///
    /// # Errors
    /// `directory` itself cannot be listed.
    pub fn new(directory: &str) -> Result<Self, FileError> {
        let mut walk = Self {
            levels: Vec::new(),
            entered: HashSet::new(),
        };
        walk.enter(Path::new(directory))?;
        Ok(walk)
    }

    fn enter(&mut self, directory: &Path) -> Result<(), FileError> {
        if !self.entered.insert(fs::canonicalize(directory)?) {
            return Ok(());
        }
        let mut entries = fs::read_dir(directory)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<Vec<_>>>()?;
        entries.retain(|entry| !is_left_out(entry));
        entries.sort_unstable_by(|a, b| b.cmp(a));
        self.levels.push(entries);
        Ok(())
    }

    fn step(&mut self, path: &Path) -> Result<Option<String>, FileError> {
        let metadata = match fs::metadata(path) {
            // A symbolic link to nothing is no document.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        match kind_of(&metadata) {
            Standing::Directory => {
                if !path.join("CACHEDIR.TAG").exists() {
                    self.enter(path)?;
                }
                Ok(None)
            }
            Standing::File => {
                let lossy = path.to_string_lossy();
                if Format::of_path(&lossy).is_none() {
                    return Ok(None);
                }
                slashed(path).map(Some).ok_or(FileError::Name)
            }
            Standing::Other => Ok(None),
        }
    }
}

impl Iterator for Walk {
    type Item = Result<String, WalkError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(path) = self.levels.last_mut()?.pop() else {
                self.levels.pop();
                continue;
            };
            match self.step(&path) {
                Ok(Some(document)) => return Some(Ok(document)),
                Ok(None) => {}
                Err(error) => {
                    let path = path.to_string_lossy().into_owned();
                    return Some(Err(WalkError { path, error }));
                }
            }
        }
    }
}

fn is_left_out(path: &Path) -> bool {
    path.file_name().is_some_and(|name| {
        name == "node_modules" || name.as_encoded_bytes().first() == Some(&b'.')
    })
}

/// A path as text with `/` between its parts; `None` where it is not Unicode.
pub fn slashed(path: &Path) -> Option<String> {
    let text = path.to_str()?;
    Some(if std::path::MAIN_SEPARATOR == '/' {
        text.to_owned()
    } else {
        text.replace(std::path::MAIN_SEPARATOR, "/")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a temporary directory");
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            fs::write(path, "x").expect("a file");
        }
        root
    }

    fn documents(root: &tempfile::TempDir) -> Vec<String> {
        let root = slashed(root.path()).expect("a Unicode path");
        Walk::new(&root)
            .expect("a directory")
            .map(|document| {
                let document = document.expect("a readable document");
                document[root.len() + 1..].to_owned()
            })
            .collect()
    }

    #[test]
    fn a_walk_is_sorted_and_leaves_out_what_nobody_wrote() {
        let root = tree(&[
            "b.md",
            "a/z.html",
            "a/b/c.htm",
            "a.markdown",
            "image.png",
            ".git/x.md",
            ".hidden.md",
            "node_modules/p/README.md",
            "target/doc/x.html",
            "target/CACHEDIR.TAG",
            "sp ace/ü.MD",
        ]);
        assert_eq!(
            documents(&root),
            ["a/b/c.htm", "a/z.html", "a.markdown", "b.md", "sp ace/ü.MD"]
        );
    }

    #[cfg(unix)]
    #[test]
    fn symbolic_links_are_followed_once() {
        use std::os::unix::fs::symlink;
        let root = tree(&["a/b/x.md"]);
        let at = |name: &str| root.path().join(name);
        symlink(at("a"), at("a/b/loop")).expect("a link");
        symlink(at("a/b"), at("again")).expect("a link");
        symlink(at("nothing.md"), at("dangling.md")).expect("a link");
        symlink(at("self.md"), at("self.md")).expect("a link");
        let found: Vec<_> = Walk::new(&slashed(root.path()).expect("a Unicode path"))
            .expect("a directory")
            .filter_map(Result::ok)
            .collect();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].ends_with("a/b/x.md"));
    }

    #[test]
    fn a_walk_holds_one_path_of_directories() {
        let files: Vec<_> = (0..300).map(|n| format!("d{n:03}/x.md")).collect();
        let root = tree(&files.iter().map(String::as_str).collect::<Vec<_>>());
        let mut walk =
            Walk::new(&slashed(root.path()).expect("a Unicode path")).expect("a directory");
        let mut count = 0;
        while let Some(document) = walk.next() {
            assert!(document.is_ok());
            assert!(walk.levels.len() <= 2);
            count += 1;
        }
        assert_eq!(count, 300);
        assert!(walk.next().is_none());
    }

    #[tokio::test]
    async fn what_is_not_there_is_an_error_value() {
        let root = tree(&["x.md"]);
        let at = |name: &str| slashed(&root.path().join(name)).expect("a Unicode path");
        assert_eq!(Walk::new(&at("no")).err(), Some(FileError::NotFound));
        assert_eq!(look(&at("no")).await, Err(FileError::NotFound));
        assert_eq!(look(&at("x.md/y")).await, Err(FileError::NotFound));
        assert_eq!(
            look(&at(&"n".repeat(5_000))).await,
            Err(FileError::NotFound)
        );
        assert_eq!(look(&at(".")).await, Ok(Standing::Directory));
        assert_eq!(look(&at("x.md")).await, Ok(Standing::File));
        assert_eq!(read(&at("x.md")).await, Ok(b"x".to_vec()));
        assert_eq!(
            read(&at(".")).await,
            Err(FileError::Unreadable("is a directory".to_owned()))
        );
        assert!(look("a\0b").await.is_err());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_device_is_there_and_is_not_read() {
        assert_eq!(look("/dev/null").await, Ok(Standing::Other));
        assert!(read("/dev/zero").await.is_err());
    }
}
