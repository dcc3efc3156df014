//! async-executor, with the crates oneshot and async-channel.

use async_executor::{Executor, LocalExecutor};
use stillpoint_benches::{Peer, Task, make};

use super::channels::{Asking, Effect, LocalQueue, Oneshot, SharedQueue, by_channels};

/// Writes the peer for one of its two executors.
macro_rules! peer {
    ($Peer:ident, $Executor:ident, $Queue:ident) => {
        pub struct $Peer {
            executor: $Executor<'static>,
            asking: Asking<Oneshot, $Queue<Effect<Oneshot>>>,
        }

        impl Peer for $Peer {
            by_channels!(Oneshot);

            fn new() -> Self {
                Self {
                    executor: $Executor::new(),
                    asking: Asking::default(),
                }
            }

            fn spawn(&mut self, task: Task) {
                make!(task, |future| self
                    .executor
                    .spawn(future(self.asking.clone()))
                    .detach());
            }

            fn run(&mut self) {
                while self.executor.try_tick() {}
            }
        }
    };
}

peer!(Local, LocalExecutor, LocalQueue);
// For any number of threads, driven by one.
peer!(Shared, Executor, SharedQueue);
