//! What the executor did, and that it came to rest, in one line.

use stillpoint::Teardown;

/// The line that `--stats` prints.
pub(crate) fn line<E>(teardown: &Teardown<E>) -> String {
    let totals = &teardown.totals;
    format!(
        "executor: {} tasks, {} requests, {} effects, {} cancelled, at most {} requests pending; {teardown}",
        totals.tasks, totals.requests, totals.effects, totals.cancelled, totals.peak_requests,
    )
}
