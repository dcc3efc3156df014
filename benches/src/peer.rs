//! What is measured.

use crate::task::Task;

/// An executor, with a way for its tasks to ask a shell, and for the shell to answer.
///
/// The harness is its shell. It is driven by hand, as by a shell that is a loop.
pub trait Peer: Sized {
    /// What the shell gets: a question, or a subscription, and the way to answer it.
    type Effect: Send + 'static;

    /// Answers from another thread, where the peer can.
    const ANSWER_FROM_AFAR: Option<fn(Self::Effect, u64)> = None;

    /// Whether a task runs while it is made, and cannot wait beside others that are ready.
    const RUNS_AT_ONCE: bool = false;

    /// Whether its tasks have wakers that wake.
    const WAKERS: bool = true;

    /// Whether it has streams.
    const STREAMS: bool = true;

    /// Whether it does nothing but round trips.
    const ONLY_ROUND_TRIPS: bool = false;

    /// How many tasks it can have at once in a few gigabytes.
    const MOST_TASKS: usize = usize::MAX;

    /// An idle one.
    fn new() -> Self;

    /// Makes a task, detached.
    fn spawn(&mut self, task: Task);

    /// Runs whatever is ready, until nothing is.
    fn run(&mut self);

    /// Runs after effects were dropped. Those that run at once need an occasion.
    fn run_after_drops(&mut self) {
        self.run();
    }

    /// Comes to its end, as a shell that minds would have it.
    fn rest(self) {
        drop(self);
    }

    /// The oldest effect that the shell has not seen.
    fn take(&mut self) -> Option<Self::Effect>;

    /// What an effect asks.
    fn question(effect: &Self::Effect) -> u64;

    /// Answers a question.
    fn answer(&mut self, effect: Self::Effect, answer: u64);

    /// Sends an item to a subscription.
    fn send(&mut self, effect: &mut Self::Effect, item: u64);

    /// How many bytes were written for it or by it, where it is behind bytes.
    fn crossed(&self) -> u64 {
        0
    }
}

/// What is done with each peer.
pub trait Visit {
    /// Does it with this one.
    fn visit<P: Peer>(&mut self, name: &str);
}
