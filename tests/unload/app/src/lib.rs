//! A small core with pending tasks and streams, and the functions by which a library that holds one is used.
#![forbid(unsafe_code)]

#[cfg(feature = "tokio")]
pub mod driven;

use std::panic::resume_unwind;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use stillpoint::{Feed, Operation, Overflow, Reason, Resolver, Shell, Spawner, Teardown, effects};

/// A request for as many bytes: an answer that is lost weighs something.
#[derive(Debug)]
pub struct Ask(pub usize);

impl Operation for Ask {
    type Output = Vec<u8>;
}

/// A stream of them.
#[derive(Debug)]
pub struct Ticks;

impl Operation for Ticks {
    type Output = Vec<u8>;
}

/// What a destructor tells.
#[derive(Debug)]
pub struct Close;

effects! {
    /// What the core asks.
    #[derive(Debug)]
    pub enum Effect {
        /// One answer.
        Ask => request Ask,
        /// Any number of them.
        Ticks => stream Ticks,
        /// None.
        Close => notify Close,
    }
}

/// How many threads of the loader answer at once.
pub const LINES: usize = 2;

/// How many requests of the core are pending for each of them.
pub const ASKS: usize = 8;

/// A future's hold on something of the shell's.
struct Open(Shell<Effect>);

impl Drop for Open {
    fn drop(&mut self) {
        // Where the executor is gone, so is what would have been closed.
        let _ = self.0.notify(Close);
    }
}

/// Spawns what stays pending until it is torn down, and a little that ends at once.
pub fn populate(spawner: &Spawner, shell: &Shell<Effect>) {
    drop(spawner.spawn(async {}));
    // A panic without the hook, which would write to the loader's standard error.
    drop(spawner.spawn(async { resume_unwind(Box::new("contained")) }));
    for _ in 0..LINES {
        let asks: FuturesUnordered<_> = (0..ASKS).map(|size| shell.request(Ask(size))).collect();
        let (mut ticks, open) = (
            shell.subscribe(Ticks).overflow(Overflow::Reject(64)),
            Open(shell.clone()),
        );
        let listening = spawner.spawn(async move {
            let _open = open;
            let asks = asks.collect::<Vec<_>>().shared();
            let ticked = async { while ticks.next().await.is_some() {} };
            futures::join!(asks.clone(), asks, ticked);
            std::future::pending::<()>().await;
        });
        drop(spawner.spawn(listening));
    }
}

/// What one of the loader's threads answers by.
pub struct Line {
    /// Requests that are unanswered.
    pub resolvers: Vec<Resolver<Ask>>,
    /// A stream that takes items until it is torn down.
    pub feed: Feed<Ticks>,
}

impl Line {
    /// Sends some answers from wherever it is called. `false` once the executor takes no more.
    pub fn answer(&mut self) -> bool {
        if let Some(resolver) = self.resolvers.pop()
            && resolver.resolve(vec![0; 64]).is_err()
        {
            return false;
        }
        match self.feed.send(vec![0; 64]) {
            Ok(()) => true,
            Err(error) => error.reason() == Reason::Full,
        }
    }
}

/// What a library holds.
pub trait Library: Sized {
    /// Makes it: an executor with tasks and streams that are pending.
    fn begin() -> Self;
    /// Takes a way to answer out of it, [`LINES`] times.
    fn line(&mut self) -> Line;
    /// Drives it, where it is not driven by itself.
    fn drive(&mut self) {}
    /// Ends it.
    fn tear_down(self) -> Teardown<Effect>;
}

/// Exports a [`Library`] to a loader.
#[macro_export]
macro_rules! exports {
    ($Library:ty) => {
        /// Makes what the library holds.
        #[unsafe(no_mangle)]
        pub extern "C" fn begin() -> Box<$Library> {
            Box::new(<$Library as $crate::Library>::begin())
        }

        /// Takes a way to answer, which another thread may have.
        #[unsafe(no_mangle)]
        pub extern "C" fn line(library: &mut $Library) -> Box<$crate::Line> {
            Box::new($crate::Library::line(library))
        }

        /// Answers, and says whether it was accepted.
        #[unsafe(no_mangle)]
        pub extern "C" fn answer(line: &mut $crate::Line) -> bool {
            line.answer()
        }

        /// Gives a way to answer back.
        #[unsafe(no_mangle)]
        pub extern "C" fn hang_up(line: Box<$crate::Line>) {
            drop(line);
        }

        /// Polls what is ready.
        #[unsafe(no_mangle)]
        pub extern "C" fn drive(library: &mut $Library) {
            $crate::Library::drive(library);
        }

        /// Ends what the library holds.
        #[unsafe(no_mangle)]
        pub extern "C" fn tear_down(library: Box<$Library>) -> Box<$crate::Report> {
            Box::new($crate::Library::tear_down(*library))
        }

        /// Whether nothing was left.
        #[unsafe(no_mangle)]
        pub extern "C" fn is_baseline(report: &$crate::Report) -> bool {
            report.is_baseline()
        }

        /// Whether the code may go.
        #[unsafe(no_mangle)]
        pub extern "C" fn is_unloadable(report: &$crate::Report) -> bool {
            report.is_unloadable()
        }

        /// Drops the report.
        #[unsafe(no_mangle)]
        pub extern "C" fn let_go(report: Box<$crate::Report>) {
            drop(report);
        }
    };
}

/// What a teardown reports.
pub type Report = Teardown<Effect>;
