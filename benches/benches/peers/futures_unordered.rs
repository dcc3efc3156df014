//! `FuturesUnordered` of boxed futures, with the channels of futures, polled by hand.

use std::task::Poll;

use futures::future::LocalBoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use stillpoint_benches::{Peer, Task, make};

use super::channels::{Asking, Effect, Futures, LocalQueue, by_channels};
use super::flag::{Flag, Polled};

pub struct Unordered {
    tasks: FuturesUnordered<LocalBoxFuture<'static, ()>>,
    asking: Asking<Futures, LocalQueue<Effect<Futures>>>,
    flag: Flag,
}

impl Peer for Unordered {
    by_channels!(Futures);

    fn new() -> Self {
        Self {
            tasks: FuturesUnordered::new(),
            asking: Asking::default(),
            flag: Flag::new(),
        }
    }

    fn spawn(&mut self, task: Task) {
        make!(task, |future| self
            .tasks
            .push(Box::pin(future(self.asking.clone()))));
    }

    fn run(&mut self) {
        let tasks = &mut self.tasks;
        self.flag
            .poll_until_stalled(|context| match tasks.poll_next_unpin(context) {
                Poll::Ready(None) => Polled::Done,
                Poll::Ready(Some(())) => Polled::OneDone,
                Poll::Pending => Polled::Waits,
            });
    }
}
