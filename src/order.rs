//! Another order of the ready tasks than that in which they became ready: for tests alone.

use crate::id::TaskId;
use crate::meta::Label;

/// Says which of several ready tasks is polled next, instead of the first.
pub(crate) trait Order: Send {
    /// Picks one of so many; `task` says which task stands at an index.
    fn pick(&self, of: usize, task: &dyn Fn(usize) -> (TaskId, Option<Label>)) -> usize;
}
