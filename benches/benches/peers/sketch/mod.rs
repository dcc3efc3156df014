//! What a round trip takes at the least, and what the choice of how tasks are kept costs: three minimal executors that
//! share all but that.
//!
//! They keep few of this crate's promises (no handle, no abort, no contained panic, no notice, no bell), and are driven
//! by one thread. As in the crate a turn lends its state by a thread-local, a wake in the turn is no message, and one
//! from outside goes by a channel.
//!
//! | | a task is | a waker is | a wake in the turn |
//! | --- | --- | --- | --- |
//! | `floor` | a box in a slab | none at all | an id to the ready queue |
//! | `sketch-slab` | a box in a slab, and its waker's `Arc` | an `Arc` of an id and a sender | the same |
//! | `sketch-async-task` | async-task's one allocation | async-task's | async-task's state, then the ready queue |

mod async_task;
mod slab;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use ::slab::Slab;
use futures::Stream;
use futures::stream::{Pending, pending};
use scoped_tls::scoped_thread_local;
use stillpoint_benches::Asks;

pub use self::async_task::AsyncTask;
pub use self::slab::{Floor, InSlab};

scoped_thread_local!(static TURN: Turn);

/// What a turn lends to the tasks that it polls.
#[derive(Default)]
struct Turn {
    requests: RefCell<Slab<Request>>,
    effects: RefCell<VecDeque<Effect>>,
    /// The index of the task that is being polled.
    current: Cell<u32>,
    slots: RefCell<slab::Slots>,
    tasks: RefCell<async_task::Tasks>,
}

struct Request {
    /// The index of the task that waits for it.
    task: u32,
    answer: Option<u64>,
}

/// What the shell gets.
pub struct Effect {
    request: u32,
    question: u64,
}

impl Turn {
    fn take(&self) -> Option<Effect> {
        self.effects.borrow_mut().pop_front()
    }

    /// Gives the task to wake.
    fn answer(&self, effect: &Effect, answer: u64) -> u32 {
        let request = &mut self.requests.borrow_mut()[effect.request as usize];
        request.answer = Some(answer);
        request.task
    }
}

/// How a task asks: by the turn that it is polled in.
#[derive(Clone)]
pub struct Asking;

impl Asks for Asking {
    fn ask(&self, question: u64) -> impl Future<Output = u64> {
        Asked::Not(question)
    }

    fn subscribe(&self, _: u64) -> impl Stream<Item = u64> + Unpin {
        let none: Pending<u64> = pending();
        none
    }
}

/// A request's future.
enum Asked {
    Not(u64),
    As(u32),
}

impl Future for Asked {
    type Output = u64;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u64> {
        TURN.with(|turn| match *self {
            Self::Not(question) => {
                let task = turn.current.get();
                let request = Request { task, answer: None };
                let request = turn.requests.borrow_mut().insert(request) as u32;
                turn.effects
                    .borrow_mut()
                    .push_back(Effect { request, question });
                *self = Self::As(request);
                Poll::Pending
            }
            Self::As(request) => {
                let mut requests = turn.requests.borrow_mut();
                let Some(answer) = requests[request as usize].answer else {
                    return Poll::Pending;
                };
                requests.remove(request as usize);
                Poll::Ready(answer)
            }
        })
    }
}

/// The part of a peer that is the same in all three.
macro_rules! asked_by_turn {
    () => {
        type Effect = super::Effect;
        const STREAMS: bool = false;

        fn take(&mut self) -> Option<Self::Effect> {
            self.turn.take()
        }

        fn question(effect: &Self::Effect) -> u64 {
            effect.question
        }

        fn send(&mut self, _: &mut Self::Effect, _: u64) {
            unreachable!("it has no streams");
        }
    };
}
use asked_by_turn;
