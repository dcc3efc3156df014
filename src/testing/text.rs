//! How the kit's failures are worded.

use std::fmt::{self, Display};
use std::panic::Location;

use crate::explain::{ShortName, write_task};
use crate::id::TaskId;
use crate::snapshot::{RequestSnapshot, Snapshot, TaskSnapshot};

/// How many lines of one kind a failure has: nobody reads the rest.
const LINES: usize = 20;

/// Each on a line of its own, indented; of many the first ones, and how many more there are.
pub(super) fn list<T: Display>(items: &[T]) -> String {
    let mut text = String::new();
    for item in items.iter().take(LINES) {
        text.push_str(&format!("\n  {item}"));
    }
    if items.len() > LINES {
        text.push_str(&format!("\n  and {} more", items.len() - LINES));
    }
    text
}

/// The tasks that are alive, and what each waits for.
pub(super) struct Alive<'a>(pub(super) &'a Snapshot);

impl Display for Alive<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Snapshot {
            tasks, requests, ..
        } = self.0;
        match tasks.len() {
            0 => f.write_str("no task is alive")?,
            1 => f.write_str("1 task is alive:")?,
            many => write!(f, "{many} tasks are alive:")?,
        }
        let tasks: Vec<_> = tasks
            .iter()
            .map(|task| Waiting { task, requests })
            .collect();
        f.write_str(&list(&tasks))
    }
}

/// `task 3.1 "checker" (src/core.rs:41:9)`.
#[derive(Clone, Copy)]
pub(super) struct Task(
    pub(super) TaskId,
    pub(super) Option<&'static str>,
    pub(super) &'static Location<'static>,
);

impl Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_task(f, self.0, self.1, self.2)
    }
}

/// `task 3.1 "checker" (src/core.rs:41:9), which waits for HttpGet (src/core.rs:52:13)`.
struct Waiting<'a> {
    task: &'a TaskSnapshot,
    /// Of all tasks. They are looked through for those that are shown alone, of what may be thousands.
    requests: &'a [RequestSnapshot],
}

impl Display for Waiting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TaskSnapshot {
            id, name, place, ..
        } = *self.task;
        write!(f, "{}", Task(id, name, place))?;
        let requests = self.requests.iter().filter(|request| request.task == id);
        let requests: Vec<_> = requests.collect();
        for (number, request) in requests.iter().take(LINES).enumerate() {
            let before = if number == 0 {
                ", which waits for"
            } else {
                ", for"
            };
            write!(
                f,
                "{before} {} ({})",
                ShortName(request.operation),
                request.place
            )?;
        }
        match requests.len().saturating_sub(LINES) {
            0 => Ok(()),
            more => write!(f, ", and for {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_cut_and_says_so() {
        let items: Vec<_> = (0..LINES + 2).collect();
        let text = list(&items);
        assert_eq!(text.lines().count(), 1 + LINES + 1);
        assert!(text.ends_with("\n  19\n  and 2 more"), "{text}");
    }
}
