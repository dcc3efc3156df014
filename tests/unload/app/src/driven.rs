//! The same core on a tokio runtime.

use std::future::pending;
use std::sync::{Arc, Mutex};

use stillpoint::tokio::Driver;
use stillpoint::{Executor, Feed, Resolver, Teardown};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Semaphore;

use crate::{ASKS, Ask, Effect, LINES, Line, Ticks, populate};

/// A runtime with two threads and all that it can have open.
///
/// # Panics
///
/// Where the system refuses.
#[must_use]
pub fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime needs two threads and a few descriptors")
}

/// What the handlers have put aside for the loader's threads.
#[derive(Default)]
struct Aside {
    resolvers: Vec<Resolver<Ask>>,
    feeds: Vec<Feed<Ticks>>,
}

/// A core that a runtime drives.
pub struct Driven {
    driver: Driver<Effect>,
    aside: Arc<Mutex<Aside>>,
}

impl Driven {
    /// Starts it, and waits until the shell has all that the core asks for at first.
    ///
    /// # Panics
    ///
    /// Where the runtime is shut down meanwhile.
    #[must_use]
    pub fn begin(runtime: &Handle) -> Self {
        let executor = Executor::new();
        populate(&executor.spawner(), &executor.shell());
        let (aside, arrived) = (Arc::<Mutex<Aside>>::default(), Arc::new(Semaphore::new(0)));
        let (store, arrivals) = (Arc::clone(&aside), Arc::clone(&arrived));
        let driver = Driver::builder(executor)
            .runtime(runtime.clone())
            .start(move |effect| {
                let (store, arrivals) = (Arc::clone(&store), Arc::clone(&arrivals));
                async move {
                    match effect {
                        Effect::Ask(request) => {
                            store.lock().unwrap().resolvers.push(request.resolver);
                            arrivals.add_permits(1);
                        }
                        Effect::Ticks(ticks) => {
                            store.lock().unwrap().feeds.push(ticks.feed.clone());
                            arrivals.add_permits(1);
                            // A handler that only its request's end ends.
                            pending::<()>().await;
                        }
                        Effect::Close(_) => tokio::task::yield_now().await,
                    }
                }
            });
        let expected = u32::try_from(LINES * (ASKS + 1)).expect("they are few");
        runtime
            .block_on(arrived.acquire_many(expected))
            .expect("nobody closes it")
            .forget();
        Self { driver, aside }
    }

    /// Takes a way to answer out of it.
    ///
    /// # Panics
    ///
    /// Where all are taken.
    pub fn line(&mut self) -> Line {
        let mut aside = self.aside.lock().unwrap();
        let rest = aside.resolvers.len().saturating_sub(ASKS);
        Line {
            resolvers: aside.resolvers.split_off(rest),
            feed: aside.feeds.pop().expect("a line was taken too often"),
        }
    }

    /// Shuts the driver down.
    pub fn tear_down(self, runtime: &Handle) -> Teardown<Effect> {
        runtime.block_on(self.driver.shutdown())
    }
}
