//! What an executor holds, as text for people: the words of snapshots and of leaks.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::panic::Location;

use crate::id::{RequestId, TaskId};
use crate::snapshot::{RequestSnapshot, RequestState, Snapshot, TaskSnapshot, TaskState};

/// `task 3.1 "checker" (src/core.rs:41:9)`, the one way in which a task is named in text.
pub(crate) fn write_task(
    f: &mut fmt::Formatter<'_>,
    task: TaskId,
    name: Option<&'static str>,
    place: &'static Location<'static>,
) -> fmt::Result {
    write!(f, "task {task} ")?;
    if let Some(name) = name {
        write!(f, "{name:?} ")?;
    }
    write!(f, "({place})")
}

/// `a waker of task 3.1 "checker" (src/core.rs:41:9) is out`: of a task that has ended.
pub(crate) fn write_leak(
    f: &mut fmt::Formatter<'_>,
    task: TaskId,
    name: Option<&'static str>,
    place: &'static Location<'static>,
) -> fmt::Result {
    f.write_str("a waker of ")?;
    write_task(f, task, name, place)?;
    f.write_str(" is out")
}

/// A type's name without the modules that it, and what it is generic over, lie in: `Page<Html>`.
pub(crate) struct ShortName(pub(crate) &'static str);

impl fmt::Display for ShortName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_path = |c: char| c == ':' || c == '_' || c.is_alphanumeric();
        let mut rest = self.0;
        while !rest.is_empty() {
            let (path, after) = rest.split_at(rest.find(|c| !is_path(c)).unwrap_or(rest.len()));
            if path.starts_with("::") {
                // What follows another type, as in `<T as Trait>::Type`.
                f.write_str("::")?;
            }
            f.write_str(path.rsplit("::").next().unwrap_or(path))?;
            let (between, next) = after.split_at(after.find(is_path).unwrap_or(after.len()));
            f.write_str(between)?;
            rest = next;
        }
        Ok(())
    }
}

/// `1 task`, `2 tasks`.
pub(crate) struct Counted(pub(crate) u64, pub(crate) &'static str);

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.0 == 1 { "" } else { "s" };
        write!(f, "{} {}{plural}", self.0, self.1)
    }
}

/// `in the latest turn`, `3 turns ago`.
struct Ago(u32);

impl fmt::Display for Ago {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("in the latest turn"),
            turns => write!(f, "{} ago", Counted(turns.into(), "turn")),
        }
    }
}

impl RequestSnapshot {
    /// `taken by the shell, unanswered`.
    pub(crate) fn standing(&self) -> String {
        let whose = match self.taken {
            true => "taken by the shell",
            false => "not yet taken by the shell",
        };
        let count = self.queued as u64;
        let what = match (self.state(), self.is_stream, self.has_ended) {
            (RequestState::Waiting, ..) => return "waiting for a place".to_owned(),
            (RequestState::Untaken, ..) => return whose.to_owned(),
            (RequestState::Taken, false, _) => "unanswered".to_owned(),
            (RequestState::Taken, true, _) => "nothing unread".to_owned(),
            (RequestState::Answered, false, true) => "failed or abandoned, unread".to_owned(),
            (RequestState::Answered, false, false) => "answered, unread".to_owned(),
            (RequestState::Answered, true, false) => format!("{} unread", Counted(count, "item")),
            (RequestState::Answered, true, true) => {
                format!("ended, {} unread", Counted(count, "item"))
            }
        };
        format!("{whose}, {what}")
    }
}

/// `HttpGet 12.1 (src/core.rs:44:20), emitted 3 turns ago, taken by the shell, unanswered`
impl fmt::Display for RequestSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stream = if self.is_stream { "stream " } else { "" };
        let (name, age) = (ShortName(self.operation), Ago(self.age));
        let (id, place, standing) = (self.id, self.place, self.standing());
        write!(f, "{stream}{name} {id} ({place}), ")?;
        match self.is_waiting {
            true => f.write_str(&standing),
            false => write!(f, "emitted {age}, {standing}"),
        }
    }
}

impl TaskSnapshot {
    /// `polled 4 times`.
    pub(crate) fn polled(&self) -> String {
        match self.polls {
            0 => "not yet polled".to_owned(),
            1 => "polled once".to_owned(),
            polls => format!("polled {polls} times"),
        }
    }

    /// Whether nothing that the executor knows of can wake it.
    pub(crate) fn waits_outside(&self) -> bool {
        self.state == TaskState::Waiting && self.awaits.is_empty()
    }
}

/// `task 3.1 "checker" (src/core.rs:41:9), spawned 5 turns ago, polled 4 times, waits`, without what it waits for.
impl fmt::Display for TaskSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.state == TaskState::Ended && !self.is_joined {
            return write_leak(f, self.id, self.name, self.place);
        }
        write_task(f, self.id, self.name, self.place)?;
        write!(f, ", spawned {}, {}, ", Ago(self.age), self.polled())?;
        match self.state {
            TaskState::Ready => f.write_str("is ready for the next turn"),
            TaskState::Waiting if self.awaits.is_empty() => {
                f.write_str("waits for something outside: no request of its own is pending")
            }
            TaskState::Waiting => f.write_str("waits"),
            TaskState::Ended => f.write_str("has ended: its join handle is out"),
        }
    }
}

impl Snapshot {
    /// Says in text what each task waits for, and how that stands: one line for a task that waits for one request, or
    /// for something that is none.
    ///
    /// The words are for people, and may change.
    ///
    /// ```
    /// use stillpoint::{Executor, Operation, Request};
    ///
    /// struct Fetch;
    /// impl Operation for Fetch {
    ///     type Output = String;
    /// }
    ///
    /// let mut executor = Executor::<Request<Fetch>>::new();
    /// let (spawner, shell) = (executor.spawner(), executor.shell());
    /// spawner.name("reader").spawn(async move { shell.request(Fetch).await });
    /// spawner.name("stuck").spawn(std::future::pending::<()>());
    /// executor.run_until_stalled();
    /// let request = executor.drain().next();
    ///
    /// let text = executor.snapshot().explain();
    /// assert!(text.contains("emitted in the latest turn, taken by the shell, unanswered"));
    /// assert!(text.contains("waits for something outside: no request of its own is pending"));
    /// ```
    #[must_use]
    pub fn explain(&self) -> String {
        self.to_string()
    }

    /// The pending requests by their ids.
    pub(crate) fn requests_by_id(&self) -> HashMap<RequestId, &RequestSnapshot> {
        let by_id = self.requests.iter().map(|request| (request.id, request));
        by_id.collect()
    }

    /// The requests that no live task awaits: their futures lie elsewhere.
    pub(crate) fn unowned(&self) -> impl Iterator<Item = &RequestSnapshot> {
        let tasks: HashSet<TaskId> = self.tasks.iter().map(|task| task.id).collect();
        self.requests
            .iter()
            .filter(move |request| !tasks.contains(&request.task))
    }
}

/// A line of counts, and one for each task; see [`explain`](Snapshot::explain).
impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ready = self
            .tasks
            .iter()
            .filter(|task| task.state == TaskState::Ready)
            .count();
        write!(
            f,
            "after {}: {}, {ready} of them ready; {}; {} not yet taken in",
            Counted(self.turn, "turn"),
            Counted(self.tasks.len() as u64, "task"),
            Counted(self.requests.len() as u64, "request"),
            Counted(self.messages as u64, "message"),
        )?;
        let requests = self.requests_by_id();
        for task in &self.tasks {
            write!(f, "\n{task}")?;
            let verb = match task.state {
                TaskState::Ready => ", and has asked",
                _ => "",
            };
            match task.awaits.as_slice() {
                [] => {}
                [only] => match requests.get(only) {
                    Some(request) => write!(f, "{verb} for {request}")?,
                    None => write!(f, "{verb} for {only}")?,
                },
                several => {
                    write!(
                        f,
                        "{verb} for {}:",
                        Counted(several.len() as u64, "request")
                    )?;
                    for request in several.iter().filter_map(|id| requests.get(id)) {
                        write!(f, "\n  {request}")?;
                    }
                }
            }
        }
        for request in self.unowned() {
            write!(f, "\noutside every live task: {request}")?;
        }
        self.ended.iter().try_for_each(|task| write!(f, "\n{task}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_types_name_is_short() {
        for (long, short) in [
            ("u8", "u8"),
            ("core::ops::HttpGet", "HttpGet"),
            (
                "app::Page<app::html::Html, alloc::vec::Vec<u8>>",
                "Page<Html, Vec<u8>>",
            ),
            ("(a::B, &'static [c::D; 4])", "(B, &'static [D; 4])"),
            ("<a::B as c::D>::E", "<B as D>::E"),
            ("dyn a::B + core::marker::Send", "dyn B + Send"),
            ("größe::Länge<ß::é>", "Länge<é>"),
            ("", ""),
            ("::", "::"),
        ] {
            assert_eq!(ShortName(long).to_string(), short);
        }
    }
}
