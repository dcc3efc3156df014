//! Futures in a slab that the executor owns, and wakers that carry an id.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crossbeam_channel::{Receiver, Sender, unbounded};
use slab::Slab;
use stillpoint_benches::{Peer, Task, make};

use super::{Asking, TURN, Turn, asked_by_turn};

type Future_ = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Names a task, and no other that has its place later.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Id {
    index: u32,
    serial: u32,
}

/// The tasks, and which of them are ready.
#[derive(Default)]
pub(super) struct Slots {
    slots: Slab<Slot>,
    ready: VecDeque<Id>,
    /// How many there have been.
    serial: u32,
}

struct Slot {
    serial: u32,
    /// Whether it is in the ready queue: any number of wakes are one poll.
    is_ready: bool,
    /// None while it is polled.
    task: Option<(Future_, Waker)>,
}

impl Slots {
    fn insert(&mut self, future: Future_, waker: impl FnOnce(Id) -> Waker) {
        let index = self.slots.vacant_key() as u32;
        let serial = self.serial;
        self.serial += 1;
        let id = Id { index, serial };
        self.slots.insert(Slot {
            serial,
            is_ready: true,
            task: Some((future, waker(id))),
        });
        self.ready.push_back(id);
    }

    fn wake(&mut self, id: Id) {
        if let Some(slot) = self.slots.get_mut(id.index as usize)
            && slot.serial == id.serial
            && !slot.is_ready
        {
            slot.is_ready = true;
            self.ready.push_back(id);
        }
    }

    /// Takes the next that is ready out, to be polled.
    fn begin(&mut self) -> Option<(u32, Future_, Waker)> {
        let index = self.ready.pop_front()?.index;
        let slot = &mut self.slots[index as usize];
        slot.is_ready = false;
        let (future, waker) = slot.task.take()?;
        Some((index, future, waker))
    }
}

impl Turn {
    /// Polls until nothing is ready.
    fn poll_slots(&self) {
        loop {
            // A statement of its own, so that nothing is borrowed during the poll.
            let begun = self.slots.borrow_mut().begin();
            let Some((index, mut future, waker)) = begun else {
                return;
            };
            self.current.set(index);
            match future.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Pending => {
                    let slot = &mut self.slots.borrow_mut().slots[index as usize];
                    slot.task = Some((future, waker));
                }
                Poll::Ready(()) => {
                    self.slots.borrow_mut().slots.remove(index as usize);
                }
            }
        }
    }

    /// Wakes a task that a request of its own names: it waits, so it is there.
    fn wake_slot(&self, index: u32) {
        let mut slots = self.slots.borrow_mut();
        let serial = slots.slots[index as usize].serial;
        slots.wake(Id { index, serial });
    }
}

/// A waker: whatever holds it holds a name and a way to send.
struct ById {
    id: Id,
    sender: Sender<Id>,
}

impl Wake for ById {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // There is one executor on a thread here; were there several, this would ask whose turn it is.
        if TURN.is_set() {
            TURN.with(|turn| turn.slots.borrow_mut().wake(self.id));
        } else {
            self.sender.send(self.id).ok();
        }
    }
}

pub struct InSlab {
    turn: Turn,
    sender: Sender<Id>,
    woken: Receiver<Id>,
}

impl Peer for InSlab {
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
            let future = Box::pin(future(Asking));
            let waker = |id| {
                let sender = self.sender.clone();
                Arc::new(ById { id, sender }).into()
            };
            self.turn.slots.borrow_mut().insert(future, waker);
        });
    }

    fn run(&mut self) {
        let turn = &self.turn;
        TURN.set(turn, || {
            while let Ok(id) = self.woken.try_recv() {
                turn.slots.borrow_mut().wake(id);
            }
            turn.poll_slots();
        });
    }

    fn answer(&mut self, effect: super::Effect, answer: u64) {
        let task = self.turn.answer(&effect, answer);
        self.turn.wake_slot(task);
    }
}

/// The same without wakers: no less can be done in safe code.
pub struct Floor {
    turn: Turn,
}

impl Peer for Floor {
    asked_by_turn!();
    const WAKERS: bool = false;

    fn new() -> Self {
        Self {
            turn: Turn::default(),
        }
    }

    fn spawn(&mut self, task: Task) {
        make!(task, |future| {
            let future = Box::pin(future(Asking));
            let waker = |_| Waker::noop().clone();
            self.turn.slots.borrow_mut().insert(future, waker);
        });
    }

    fn run(&mut self) {
        TURN.set(&self.turn, || self.turn.poll_slots());
    }

    fn answer(&mut self, effect: super::Effect, answer: u64) {
        let task = self.turn.answer(&effect, answer);
        self.turn.wake_slot(task);
    }
}
