//! The tasks: what they do is drawn when they are spawned.

use std::future::{pending, poll_fn};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::Poll;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt, pin_mut, select_biased};
use stillpoint::{Overflow, Shell, ShellRequest, Spawner};

use crate::below;
use crate::world::{
    Ask, AskBook, Asleep, Effect, Gone, Held, Sleeper, StreamBook, TaskBook, Ticks, Token, World,
};

/// What a task is made with.
#[derive(Clone)]
pub struct Core {
    pub world: Arc<World>,
    pub spawner: Spawner,
    pub shell: Shell<Effect>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Asks,
    AsksTwice,
    AsksOrSleeps,
    Sleeps,
    Subscribes,
    Joins,
    Parks,
    Hangs,
    Panics,
}

impl Kind {
    fn any() -> Self {
        match below(12) {
            0 => Self::Hangs,
            _ => Self::any_that_ends(),
        }
    }

    fn any_that_ends() -> Self {
        match below(11) {
            0..2 => Self::Asks,
            2 => Self::AsksTwice,
            3 => Self::AsksOrSleeps,
            4..6 => Self::Sleeps,
            6..8 => Self::Subscribes,
            8 => Self::Joins,
            9 => Self::Parks,
            _ => Self::Panics,
        }
    }
}

/// Tells that a task's future is dropped, unless its spawn was refused.
struct Guard {
    task: usize,
    core: Core,
    _token: Token,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let Core { world, shell, .. } = &self.core;
        let is_accepted = world.books(|books| {
            let is_accepted = books.tasks[self.task].is_accepted;
            books.has_emitted |= is_accepted;
            is_accepted
        });
        if is_accepted {
            // Where it is not heard, the books will say so.
            let _ = shell.notify(Gone(self.task));
        }
    }
}

impl Core {
    /// Spawns a task of any kind, if the executor still takes one.
    pub fn spawn(&self) -> Option<Held> {
        self.spawn_a(Kind::any())
    }

    fn spawn_a(&self, kind: Kind) -> Option<Held> {
        let number = self.world.books(|books| {
            books.tasks.push(TaskBook {
                // Until it is refused: it may be gone before its spawn returns.
                is_accepted: true,
                panics: kind == Kind::Panics,
                ..TaskBook::default()
            });
            books.tasks.len() - 1
        });
        let (token, fate) = Token::new(&self.world);
        let guard = Guard {
            task: number,
            core: self.clone(),
            _token: token,
        };
        let spawned = self.spawner.try_spawn(async move {
            guard.core.run(kind, guard.task).await;
            guard.task
        });
        match spawned {
            Ok(handle) => {
                self.world.accepted("a future", fate);
                let hangs = kind == Kind::Hangs;
                Some(Held {
                    number,
                    hangs,
                    handle,
                })
            }
            Err(rejected) => {
                fate.refused();
                let world = &self.world;
                world.books(|books| books.tasks[number].is_accepted = false);
                drop(rejected);
                None
            }
        }
    }

    async fn run(&self, kind: Kind, task: usize) {
        match kind {
            Kind::Asks => self.ask().await,
            Kind::AsksTwice => {
                // Each is polled with a waker of the combinator's own.
                let both: FuturesUnordered<_> = [self.ask(), self.ask()].into_iter().collect();
                both.collect::<()>().await;
            }
            Kind::AsksOrSleeps => {
                let (ask, sleep) = (self.ask().fuse(), self.sleep().fuse());
                pin_mut!(ask, sleep);
                select_biased! { () = ask => {}, () = sleep => {} }
            }
            Kind::Sleeps => self.sleep().await,
            Kind::Subscribes => self.subscribe().await,
            Kind::Joins => {
                let spawned = self.spawn_a(Kind::any_that_ends());
                if let Some(Held { number, handle, .. }) = spawned {
                    let end = handle.await;
                    self.world.joined(number, &end);
                }
            }
            Kind::Parks => self.park().await,
            Kind::Hangs => pending().await,
            // Without the panic hook, which would print a schedule each time.
            Kind::Panics => resume_unwind(Box::new(task)),
        }
    }

    fn request(&self) -> (usize, ShellRequest<Ask, Effect>) {
        let number = self.world.books(|books| {
            books.has_emitted = true;
            books.asks.push(AskBook::default());
            books.asks.len() - 1
        });
        let (_token, _) = Token::new(&self.world);
        (number, self.shell.request(Ask { number, _token }))
    }

    async fn ask(&self) {
        let (number, request) = self.request();
        let end = request.await.map(|answer| answer.number);
        self.world.books(|books| books.asks[number].ends.push(end));
    }

    /// Asks, and leaves what awaits the answer to whoever finds it.
    async fn park(&self) {
        let (_, mut request) = self.request();
        poll_fn(|cx| Poll::Ready(request.poll_unpin(cx).is_pending())).await;
        self.world.stock(|stock| stock.parked.push(request));
    }

    async fn subscribe(&self) {
        let overflow = match below(4) {
            0 => Overflow::Reject(1),
            1 => Overflow::Latest,
            _ => Overflow::Unbounded,
        };
        let number = self.world.books(|books| {
            books.has_emitted = true;
            books.streams.push(StreamBook {
                is_lossless: overflow != Overflow::Latest,
                is_narrow: overflow == Overflow::Reject(1),
                ..StreamBook::default()
            });
            books.streams.len() - 1
        });
        let (_token, _) = Token::new(&self.world);
        let mut stream = self.shell.subscribe(Ticks { number, _token });
        stream = stream.overflow(overflow);
        while let Some(tick) = stream.next().await {
            let world = &self.world;
            world.books(|books| books.streams[number].got.push(tick.mark));
        }
        let end = stream.ended_by().unwrap().map_err(Clone::clone);
        let world = &self.world;
        world.books(|books| books.streams[number].ends.push(end));
    }

    async fn sleep(&self) {
        let may_go = Arc::new(AtomicBool::new(false));
        poll_fn(|cx| {
            if may_go.load(SeqCst) {
                return Poll::Ready(());
            }
            let (may_go, waker) = (Arc::clone(&may_go), cx.waker().clone());
            let world = &self.world;
            world.stock(|stock| stock.sleepers.push(Sleeper { may_go, waker }));
            let _ = self.shell.notify(Asleep);
            world.books(|books| books.has_emitted = true);
            Poll::Pending
        })
        .await;
    }
}
