//! From what the user names to the documents that it stands for.

use std::{fs, path::Path};

use linkcheck_core::{
    effect::{Found, Standing},
    report::Unread,
    target::Resource,
};
use tokio::{
    sync::{Mutex, mpsc},
    task::spawn_blocking,
};

use crate::files::{FileError, Walk, kind_of, slashed};

/// How many documents the walk may be ahead.
const AHEAD: usize = 16;

/// The documents to check, found by a thread that waits where nobody asks for them.
///
/// Dropping it ends the thread at its next document.
#[derive(Debug)]
pub(crate) struct Starts {
    /// `None` is the end; a channel that closes without it has lost its walk.
    found: Mutex<mpsc::Receiver<Option<Found>>>,
}

impl Starts {
    /// Begins to walk, on a thread of the runtime that this is called in.
    pub(crate) fn walk(starts: Vec<String>, root: Option<String>) -> Self {
        let (send, found) = mpsc::channel(AHEAD);
        spawn_blocking(move || {
            let tell = |found| send.blocking_send(found).ok();
            for start in &starts {
                expand(start, root.as_deref(), &mut |found| tell(Some(found)))?;
            }
            tell(None)
        });
        Self {
            found: Mutex::new(found),
        }
    }

    /// The next document, or `Some(None)` at the end of them; `None` where the walk is lost.
    pub(crate) async fn next(&self) -> Option<Option<Found>> {
        self.found.lock().await.recv().await
    }
}

/// Tells of every document of one start; `None` where nobody listens any more.
fn expand(
    start: &str,
    root: Option<&str>,
    tell: &mut impl FnMut(Found) -> Option<()>,
) -> Option<()> {
    let unread = |document: &str, reason: String| {
        Found::Unread(Unread {
            document: document.to_owned(),
            reason,
        })
    };
    if is_address(start) {
        return tell(match Resource::web(start) {
            Ok((resource, _)) => Found::Document {
                resource,
                root: String::new(),
            },
            Err(malformed) => unread(start, malformed.to_string()),
        });
    }
    let document = |path: &str, default: &str| Found::Document {
        resource: Resource::local(path),
        root: root.unwrap_or(default).to_owned(),
    };
    match fs::metadata(start)
        .map(|metadata| kind_of(&metadata))
        .map_err(FileError::from)
    {
        Ok(Standing::File) => tell(document(start, &directory_of(start))),
        Ok(Standing::Other) => tell(unread(start, "is no regular file".to_owned())),
        Err(error) => tell(unread(start, error.to_string())),
        Ok(Standing::Directory) => match Walk::new(start) {
            Err(error) => tell(unread(start, error.to_string())),
            Ok(mut walk) => walk.try_for_each(|step| {
                tell(match step {
                    Ok(path) => document(&path, start),
                    Err(lost) => unread(&lost.path, lost.error.to_string()),
                })
            }),
        },
    }
}

fn is_address(start: &str) -> bool {
    start.split_once("://").is_some_and(|(scheme, _)| {
        scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
    })
}

fn directory_of(file: &str) -> String {
    let parent = Path::new(file).parent().and_then(slashed);
    parent
        .filter(|parent| !parent.is_empty())
        .unwrap_or_else(|| ".".to_owned())
}
