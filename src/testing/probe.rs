//! Tokens that are to come back.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::text::{self, Alive};
use crate::report::Teardown;
use crate::snapshot::Snapshot;

/// Hands out labelled tokens, and knows which of them are still somewhere.
///
/// Put a token wherever something is to be released: into a future, an operation, an answer, a handler. It is back once
/// it is dropped, and so is each clone of it. Dropping the probe with tokens out does nothing: assert before.
///
/// It needs no executor. Where there is one, [`assert_back_in`](Self::assert_back_in) also says who may hold what is
/// missing.
///
/// ```
/// use stillpoint::Executor;
/// use stillpoint::testing::RefProbe;
///
/// let probe = RefProbe::new();
/// let token = probe.token("what the task holds");
/// let mut executor = Executor::<()>::new();
/// let task = executor.spawn(async move {
///     let _held = token;
///     std::future::pending::<()>().await
/// });
/// executor.run_until_stalled();
/// assert_eq!(probe.missing()[0].label, "what the task holds");
///
/// task.abort();
/// executor.run_until_stalled();
/// probe.assert_back_in(&executor.snapshot());
/// ```
#[derive(Default)]
pub struct RefProbe {
    registry: Arc<Registry>,
}

/// What a probe and its tokens share. A token that outlives its probe keeps this, and nothing else.
#[derive(Default)]
struct Registry(Mutex<Out>);

#[derive(Default)]
struct Out {
    next: u64,
    tokens: BTreeMap<u64, Missing>,
}

impl Registry {
    fn out(&self) -> MutexGuard<'_, Out> {
        // Nothing is done under the lock that could leave it half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(self: &Arc<Self>, missing: Missing) -> Token {
        let mut out = self.out();
        let number = out.next;
        out.next += 1;
        out.tokens.insert(number, missing);
        Token {
            registry: Arc::clone(self),
            number,
        }
    }
}

impl RefProbe {
    /// Makes a probe with nothing out.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Hands out a token with this label, from this place.
    #[track_caller]
    pub fn token(&self, label: impl Into<Cow<'static, str>>) -> Token {
        self.registry.add(Missing {
            label: label.into(),
            place: Location::caller(),
            cloned: None,
        })
    }

    /// The tokens that are out, in the order in which they were handed out.
    #[must_use]
    pub fn missing(&self) -> Vec<Missing> {
        self.registry.out().tokens.values().cloned().collect()
    }

    /// Panics unless every token is back.
    ///
    /// # Panics
    ///
    /// Where one is out: the message has the label of each, and the places where it was handed out and cloned.
    #[track_caller]
    pub fn assert_back(&self) {
        self.assert_with(String::new);
    }

    /// The same, and says which tasks of an executor are alive, and what each waits for.
    ///
    /// # Panics
    ///
    /// As [`assert_back`](Self::assert_back).
    #[track_caller]
    pub fn assert_back_in(&self, snapshot: &Snapshot) {
        self.assert_with(|| Alive(snapshot).to_string());
    }

    /// The same, after an executor was torn down, and says what of it is still out: tasks whose wakers somebody holds,
    /// join handles, resolvers.
    ///
    /// # Panics
    ///
    /// As [`assert_back`](Self::assert_back).
    #[track_caller]
    pub fn assert_back_after<E>(&self, teardown: &Teardown<E>) {
        self.assert_with(|| {
            let unseen = teardown.emitted.len();
            let out = &teardown.outstanding;
            format!(
                "{teardown}\n{unseen} emissions are in the report; at the teardown {} join handles, {} resolvers and \
                 {} feeds were out",
                out.join_handles, out.resolvers, out.feeds
            )
        });
    }

    #[track_caller]
    fn assert_with(&self, more: impl FnOnce() -> String) {
        let missing = self.missing();
        if missing.is_empty() {
            return;
        }
        let are = if missing.len() == 1 {
            "1 token is"
        } else {
            &format!("{} tokens are", missing.len())
        };
        let more = more();
        let break_before = if more.is_empty() { "" } else { "\n" };
        panic!(
            "{are} not back:{}{break_before}{more}",
            text::list(&missing)
        );
    }
}

/// How many are out.
impl fmt::Debug for RefProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefProbe")
            .field("out", &self.registry.out().tokens.len())
            .finish()
    }
}

/// One token of a [`RefProbe`]. Dropping it brings it back. A [`Clone`] of it is another one, with the same label, that
/// has to come back as well.
#[must_use = "a token that is dropped at once says nothing"]
pub struct Token {
    registry: Arc<Registry>,
    number: u64,
}

impl Token {
    fn entry(&self) -> Option<Missing> {
        self.registry.out().tokens.get(&self.number).cloned()
    }
}

impl Clone for Token {
    #[track_caller]
    fn clone(&self) -> Self {
        let entry = self.entry();
        let place = Location::caller();
        self.registry.add(Missing {
            label: entry.as_ref().map_or("".into(), |own| own.label.clone()),
            place: entry.map_or(place, |own| own.place),
            cloned: Some(place),
        })
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        let gone = self.registry.out().tokens.remove(&self.number);
        drop(gone);
    }
}

/// Its label and its places.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = self.entry().ok_or(fmt::Error)?;
        write!(f, "Token({entry})")
    }
}

/// A token that is out. Plain data: dropping it does nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Missing {
    /// The label that it was handed out with.
    pub label: Cow<'static, str>,
    /// The place that handed it out, or the one that it is a clone of.
    pub place: &'static Location<'static>,
    /// For a clone, the place that made it.
    pub cloned: Option<&'static Location<'static>>,
}

/// `"connection", handed out at src/core.rs:41:9, cloned at src/core.rs:52:13`.
impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, handed out at {}", self.label, self.place)?;
        match self.cloned {
            Some(place) => write!(f, ", cloned at {place}"),
            None => Ok(()),
        }
    }
}
