//! tokio's `LocalSet`, with tokio's channels. It is polled by hand, which is the cheapest way from a loop of one's own.

use std::pin::pin;
use std::task::Poll;

use stillpoint_benches::{Peer, Task, make};
use tokio::runtime::{Builder, Runtime};
use tokio::task::LocalSet;

use super::channels::{self, Asking, Effect, LocalQueue, by_channels};
use super::flag::{Flag, Polled};

pub struct Tokio {
    set: LocalSet,
    asking: Asking<channels::Tokio, LocalQueue<Effect<channels::Tokio>>>,
    flag: Flag,
    runtime: Runtime,
}

impl Peer for Tokio {
    by_channels!(channels::Tokio);

    fn new() -> Self {
        Self {
            set: LocalSet::new(),
            asking: Asking::default(),
            flag: Flag::new(),
            runtime: Builder::new_current_thread().build().unwrap(),
        }
    }

    fn spawn(&mut self, task: Task) {
        make!(task, |future| drop(
            self.set.spawn_local(future(self.asking.clone()))
        ));
    }

    fn run(&mut self) {
        let _entered = self.runtime.enter();
        let mut set = pin!(&mut self.set);
        self.flag
            .poll_until_stalled(|context| match set.as_mut().poll(context) {
                Poll::Ready(()) => Polled::Done,
                Poll::Pending => Polled::Waits,
            });
    }
}
