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
    ///
    /// ```
    /// use stillpoint::testing::RefProbe;
    ///
    /// let probe = RefProbe::new();
    /// probe.assert_back(); // nothing was handed out yet
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Hands out a token with this label, from this place.
    ///
    /// ```
    /// use stillpoint::testing::RefProbe;
    ///
    /// let probe = RefProbe::new();
    /// let connections: Vec<_> = (0..3).map(|n| probe.token(format!("connection {n}"))).collect();
    /// assert_eq!(probe.missing()[2].label, "connection 2");
    /// drop(connections);
    /// probe.assert_back();
    /// ```
    #[track_caller]
    pub fn token(&self, label: impl Into<Cow<'static, str>>) -> Token {
        self.registry.add(Missing {
            label: label.into(),
            place: Location::caller(),
            cloned: None,
        })
    }

    /// The tokens that are out, in the order in which they were handed out.
    ///
    /// ```
    /// use stillpoint::testing::RefProbe;
    ///
    /// let probe = RefProbe::new();
    /// let (first, second) = (probe.token("first"), probe.token("second"));
    /// drop(first);
    /// let labels: Vec<_> = probe.missing().into_iter().map(|missing| missing.label).collect();
    /// assert_eq!(labels, ["second"]);
    /// # drop(second);
    /// ```
    #[must_use]
    pub fn missing(&self) -> Vec<Missing> {
        self.registry.out().tokens.values().cloned().collect()
    }

    /// Panics unless every token is back.
    ///
    /// ```
    /// use stillpoint::testing::RefProbe;
    ///
    /// let probe = RefProbe::new();
    /// let token = probe.token("what a handler holds");
    /// let handler = move |n: u32| {
    ///     let _held = &token;
    ///     n + 1
    /// };
    /// assert_eq!(handler(1), 2);
    /// drop(handler); // without this it panics: `1 token is not back: "what a handler holds", handed out at …`
    /// probe.assert_back();
    /// ```
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
    /// ```
    /// use stillpoint::Executor;
    /// use stillpoint::testing::RefProbe;
    ///
    /// let (probe, mut executor) = (RefProbe::new(), Executor::<()>::new());
    /// let token = probe.token("what the task holds");
    /// drop(executor.spawn(async move { drop(token) }));
    /// executor.run_until_stalled(); // without this, it says that the task is alive and was never polled
    /// probe.assert_back_in(&executor.snapshot());
    /// ```
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
    /// ```
    /// use stillpoint::Executor;
    /// use stillpoint::testing::RefProbe;
    ///
    /// let (probe, mut executor) = (RefProbe::new(), Executor::<()>::new());
    /// let token = probe.token("what the task holds");
    /// drop(executor.spawn(async move {
    ///     let _held = token;
    ///     std::future::pending::<()>().await
    /// }));
    /// executor.run_until_stalled();
    /// probe.assert_back_after(&executor.teardown());
    /// ```
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
///
/// ```
/// use stillpoint::testing::RefProbe;
///
/// let probe = RefProbe::new();
/// let token = probe.token("page");
/// let copy = token.clone();
/// drop(token);
/// assert!(probe.missing()[0].cloned.is_some(), "the copy is still out");
/// drop(copy);
/// probe.assert_back();
/// ```
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
///
/// ```
/// use stillpoint::testing::RefProbe;
///
/// let probe = RefProbe::new();
/// let _lost = probe.token("connection");
/// let missing = &probe.missing()[0];
/// assert_eq!((missing.label.as_ref(), missing.cloned), ("connection", None));
/// assert!(missing.to_string().starts_with(r#""connection", handed out at "#));
/// ```
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
