//! async-task's tasks, used as the crate uses them: a table keeps each task's own waker from its first wait on, and a
//! request names its task by the index there.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Poll, Waker};

use async_task::{Builder, Runnable};
use crossbeam_channel::{Receiver, Sender, unbounded};
use slab::Slab;
use stillpoint_benches::{Peer, Task, make};

use super::{Asking, TURN, Turn, asked_by_turn};

/// The tasks, and which of them are ready.
#[derive(Default)]
pub(super) struct Tasks {
    /// By index.
    wakers: Slab<Option<Waker>>,
    ready: VecDeque<Runnable<Meta>>,
}

/// What a task carries with it.
struct Meta {
    index: u32,
    sender: Sender<Runnable<Meta>>,
}

/// Its runnable is to be run.
fn schedule(runnable: Runnable<Meta>) {
    // As in `slab`.
    if TURN.is_set() {
        TURN.with(|turn| turn.tasks.borrow_mut().ready.push_back(runnable));
    } else {
        let sender = runnable.metadata().sender.clone();
        sender.send(runnable).ok();
    }
}

/// A future that tells the table of its first wait and of its end.
async fn told(future: impl Future<Output = ()>) {
    let mut future = pin!(future);
    poll_fn(|context| {
        let polled = future.as_mut().poll(context);
        TURN.with(|turn| turn.polled(polled, context.waker()))
    })
    .await;
}

impl Turn {
    fn polled(&self, polled: Poll<()>, own: &Waker) -> Poll<()> {
        let index = self.current.get() as usize;
        let mut tasks = self.tasks.borrow_mut();
        match polled {
            Poll::Pending => {
                let waker = &mut tasks.wakers[index];
                if waker.is_none() {
                    *waker = Some(own.clone());
                }
            }
            Poll::Ready(()) => {
                let waker = tasks.wakers.remove(index);
                drop(tasks);
                drop(waker);
            }
        }
        polled
    }
}

pub struct AsyncTask {
    turn: Turn,
    sender: Sender<Runnable<Meta>>,
    woken: Receiver<Runnable<Meta>>,
}

impl Peer for AsyncTask {
    asked_by_turn!();

    fn new() -> Self {
        let (sender, woken) = unbounded();
        Self {
            turn: Turn::default(),
            sender,
            woken,
        }
    }

    fn spawn(&mut self, task: Task) {
        make!(task, |future| {
            let mut tasks = self.turn.tasks.borrow_mut();
            let meta = Meta {
                index: tasks.wakers.insert(None) as u32,
                sender: self.sender.clone(),
            };
            let future = told(future(Asking));
            let (runnable, task) = Builder::new().metadata(meta).spawn(|_| future, schedule);
            task.detach();
            tasks.ready.push_back(runnable);
        });
    }

    fn run(&mut self) {
        let turn = &self.turn;
        TURN.set(turn, || {
            turn.tasks.borrow_mut().ready.extend(self.woken.try_iter());
            loop {
                // A statement of its own, so that nothing is borrowed during the poll.
                let next = turn.tasks.borrow_mut().ready.pop_front();
                let Some(runnable) = next else { return };
                turn.current.set(runnable.metadata().index);
                runnable.run();
            }
        });
    }

    fn answer(&mut self, effect: super::Effect, answer: u64) {
        let turn = &self.turn;
        let task = turn.answer(&effect, answer);
        TURN.set(turn, || {
            // Moved out, since the wake is a push to what lies beside it.
            let waker = turn.tasks.borrow_mut().wakers[task as usize].take();
            waker.iter().for_each(Waker::wake_by_ref);
            turn.tasks.borrow_mut().wakers[task as usize] = waker;
        });
    }
}
