//! Where the crate does less than the design's words say: `true` holds it to them.

/// Rule 6 says that the first cause wins, also where the abort is sent from another thread, or from another executor's
/// turn, during the very poll that panics then. The crate learns of such an abort when it is taken in:
/// `[Spawn([Away(Nested, Abort(0)), Panic]), Run]` gives `Panicked`.
pub const ABORTS_FROM_ELSEWHERE_COUNT_AT_ONCE: bool = false;

/// Rule 4 has the bell rung for an idle executor, and nobody is to drive one that is torn down:
/// `[Spawn([Guard([Away(Nested, Notify)]), Hang]), Run, Teardown]`.
pub const THE_BELL_IS_QUIET_DURING_TEARDOWN: bool = true;

/// Rule 4 has a budget say that work is left. The crate says so also where nothing is left but the news that a join
/// handle, or a task's allocation, is gone:
/// `[Spawn([Guard([Away(Nested, DropHandle(0))])]), RunFor(1)]`.
pub const NEWS_FOR_THE_BOOKS_IS_NO_WORK: bool = false;
