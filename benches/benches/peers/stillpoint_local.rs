//! Stillpoint's `LocalExecutor`, answered by the host: with futures that are `Send`, and with futures that are bound to
//! their thread.

use stillpoint::{Emitted, LocalExecutor, LocalSpawner, Shell, Spawner};
use stillpoint_benches::{Effect, Peer, Task, make};

/// Writes the peer for one of its two spawners.
macro_rules! peer {
    ($Peer:ident, $Spawner:ident, $spawner:ident) => {
        pub struct $Peer {
            executor: LocalExecutor<Effect>,
            spawner: $Spawner,
            shell: Shell<Effect>,
        }

        impl Peer for $Peer {
            type Effect = Effect;

            fn new() -> Self {
                let executor = LocalExecutor::new();
                Self {
                    spawner: executor.$spawner(),
                    shell: executor.shell(),
                    executor,
                }
            }

            fn spawn(&mut self, task: Task) {
                make!(task, |future| drop(
                    self.spawner.spawn(future(self.shell.clone()))
                ));
            }

            fn run(&mut self) {
                self.executor.run_until_stalled();
            }

            fn take(&mut self) -> Option<Effect> {
                match self.executor.drain().next()? {
                    Emitted::Effect(effect) => Some(effect),
                    Emitted::Cancelled(_) => unreachable!("no task gives up"),
                }
            }

            fn question(effect: &Effect) -> u64 {
                effect.question()
            }

            fn answer(&mut self, effect: Effect, answer: u64) {
                if let Effect::Question(request) = effect {
                    self.executor
                        .resolve(request.resolver, answer)
                        .expect("it waits");
                }
            }

            fn send(&mut self, effect: &mut Effect, item: u64) {
                if let Effect::Topic(subscription) = effect {
                    self.executor
                        .send(&subscription.feed, item)
                        .expect("it waits");
                }
            }
        }
    };
}

peer!(SendTasks, Spawner, spawner);
peer!(LocalTasks, LocalSpawner, local_spawner);
