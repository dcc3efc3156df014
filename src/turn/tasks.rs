//! What becomes of tasks in a turn.

use std::ops::Range;
use std::panic::Location;
use std::sync::Arc;
use std::task::Waker;

#[cfg(feature = "testing")]
use super::Witness;
use super::{Ended, Turn, Unjoined, address};
use crate::contain::Payload;
use crate::id::TaskId;
use crate::meta::{Cause, Label, Runnable, TaskPanic};
#[cfg(feature = "testing")]
use crate::order::Order;
use crate::report::Remaining;
use crate::request_table::Poller;
use crate::trace;

impl Turn {
    /// Keeps a task that the host has made. The one before was taken in.
    pub(crate) fn welcome(&self, runnable: Runnable, label: Label) {
        *self.newcomer.borrow_mut() = Some((runnable, label));
    }

    /// Takes in what the host has made.
    #[inline]
    pub(crate) fn adopt_newcomer(&self) {
        if self.newcomer.borrow().is_some() {
            let newcomer = self.newcomer.take();
            newcomer
                .into_iter()
                .for_each(|(runnable, label)| self.adopt(runnable, label));
        }
    }

    /// Takes in a task that was made outside, and is ready.
    pub(super) fn adopt(&self, runnable: Runnable, label: Label) {
        self.enroll_runnable(&runnable, label);
        self.make_ready(runnable);
    }

    /// Gives a task that was made outside its id.
    pub(super) fn enroll_runnable(&self, runnable: &Runnable, label: Label) -> TaskId {
        let id = self.enroll(label);
        if runnable.metadata().set_id(id).is_detached() {
            self.detached(id);
        }
        trace::spawned(id, label);
        id
    }

    /// Gives a new task its id.
    pub(super) fn enroll(&self, label: Label) -> TaskId {
        self.tasks.borrow_mut().insert(label, self.now())
    }

    pub(crate) fn make_ready(&self, runnable: Runnable) {
        self.ready.borrow_mut().push_back(runnable);
    }

    pub(crate) fn next_ready(&self) -> Option<Runnable> {
        #[cfg(feature = "testing")]
        if let Some(order) = &self.order {
            return self.pick_ready(&**order);
        }
        self.ready.borrow_mut().pop_front()
    }

    #[cfg(feature = "testing")]
    pub(crate) fn set_order(&mut self, order: Box<dyn Order>) {
        self.order = Some(order);
    }

    #[cfg(feature = "testing")]
    fn pick_ready(&self, order: &dyn Order) -> Option<Runnable> {
        let of = self.ready.borrow().len();
        let task = |index: usize| {
            let ready = self.ready.borrow();
            let id = ready
                .get(index)
                .and_then(|task| task.metadata().status().id());
            let id = id.unwrap_or(TaskId::NONE);
            (id, self.tasks.borrow().label(id))
        };
        let index = order.pick(of, &task);
        self.ready.borrow_mut().remove(index)
    }

    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.borrow().is_empty()
    }

    pub(crate) fn live(&self) -> usize {
        self.tasks.borrow().live()
    }

    /// Polls a task once. Gives how it ended, if it did.
    pub(crate) fn poll_task(&self, runnable: Runnable) -> Option<Ended> {
        let status = runnable.metadata().status();
        let id = status.id().unwrap_or(TaskId::NONE);
        let fate = match status.is_aborted() || self.alarm.get() != 0 {
            false => None,
            true if self.has_ties.get() => self.fate_of(id, status.is_aborted()),
            true if status.is_aborted() => Some(Cause::Aborted),
            true => Some(Cause::TornDown),
        };
        self.current.set(Some(id));
        self.fate.set(fate);
        let polling = trace::polling(id, || self.tasks.borrow().label(id));
        runnable.run();
        polling.end();
        self.current.set(None);
        self.own_waker.set(None);
        let fate = self.fate.take();
        self.was_woken.set(false);
        let ended = self.ended.take();
        if let Some(how) = ended {
            if let Some(places) = &self.door.places {
                places.give_task();
            }
            match self.has_ties.get() {
                true => self.end_with_ties(id, how),
                false => self.leave_table(id, how),
            }
            trace::ended(id, how.word(fate));
        }
        ended
    }

    #[inline]
    pub(super) fn leave_table(&self, id: TaskId, how: Ended) {
        let waker = self.tasks.borrow_mut().end(id, how != Ended::Stopped);
        // May be the last that holds the allocation: see `Meta`.
        drop(waker);
    }

    /// The task that is being polled has this waker. Gives whether it is polled only to be stopped.
    pub(crate) fn begin_poll(&self, waker: &Waker) -> Option<Cause> {
        self.own_waker.set(Some(address(waker)));
        self.fate.get()
    }

    /// Whether the task that is being polled is to end, by now.
    pub(crate) fn fate(&self) -> Option<Cause> {
        self.fate.get()
    }

    /// The task that is being polled waits; its own waker is this.
    #[inline]
    pub(crate) fn pend(&self, waker: &Waker) {
        let Some(id) = self.current.get() else { return };
        let is_first = self.tasks.borrow_mut().pend(id, waker);
        if is_first && self.was_woken.get() {
            waker.wake_by_ref();
        }
    }

    /// The task that is being polled has ended.
    pub(crate) fn end_task(&self, how: Ended) {
        self.ended.set(Some(how));
    }

    /// Reports what the polled task panicked with, and nobody will learn by joining it.
    pub(crate) fn tell(&self, payload: Payload) {
        self.report(self.describe(payload));
    }

    /// What the polled task panicked with, for its join handle, or for whoever is told when there is none.
    pub(crate) fn unjoined(&self, payload: Payload) -> Unjoined {
        let panic = self.describe(payload);
        Unjoined {
            door: Arc::clone(&self.door),
            #[cfg(feature = "testing")]
            _witness: self.witness.as_ref().map(|witness| witness(&panic)),
            panic: Some(panic),
        }
    }

    #[cfg(feature = "testing")]
    pub(crate) fn set_witness(&mut self, witness: impl Fn(&TaskPanic) -> Witness + Send + 'static) {
        self.witness = Some(Box::new(witness));
    }

    /// Wakes those that wait of the tasks of a range, as is enough for one that is to end: under the borrow, as in
    /// [`wake`](Self::wake). Gives whether there are tasks after it.
    pub(crate) fn wake_range(&self, indices: Range<usize>) -> bool {
        let tasks = self.tasks.borrow();
        let (waiting, is_more) = tasks.waiting(indices);
        waiting.for_each(Waker::wake_by_ref);
        is_more
    }

    /// Every task whose allocation is there.
    pub(crate) fn remaining(&self) -> Vec<Remaining> {
        let tasks = self.tasks.borrow();
        let remaining = tasks.remaining();
        remaining
            .map(|(task, label, joined)| Remaining {
                task,
                label,
                joined,
            })
            .collect()
    }

    /// Ends a task, which has been marked for it.
    pub(crate) fn abort(&self, id: TaskId) {
        if self.current.get() == Some(id) {
            // For a poll under way that panics: the abort came first.
            self.fate.set(Some(Cause::Aborted));
        }
        self.wake(id);
    }

    pub(crate) fn detached(&self, id: TaskId) {
        self.tasks.borrow_mut().detach(id);
    }

    pub(super) fn freed(&self, id: TaskId) {
        self.tasks.borrow_mut().remove(id);
    }

    fn describe(&self, payload: Payload) -> TaskPanic {
        let id = self.current.get().unwrap_or(TaskId::NONE);
        let label = self.tasks.borrow().label(id);
        TaskPanic {
            task: id,
            name: label.and_then(|label| label.name),
            place: label.map_or(Location::caller(), |label| label.place),
            payload,
        }
    }

    pub(super) fn report(&self, panic: TaskPanic) {
        self.panics.borrow_mut().push(panic);
        self.unswept.set(true);
    }

    /// Whether there is something to sweep.
    pub(crate) fn is_unswept(&self) -> bool {
        self.unswept.get()
    }

    /// The same, once.
    pub(crate) fn take_unswept(&self) -> bool {
        self.unswept.replace(false)
    }

    /// The panics that nobody joins, for the host to report.
    pub(crate) fn take_panics(&self) -> Vec<TaskPanic> {
        self.panics.take()
    }

    // --- wakes ---

    /// Wakes a task by its own waker: under the borrow, since that calls nobody but [`schedule`], which does not look
    /// into the table.
    pub(super) fn wake(&self, id: TaskId) {
        let is_polled = self.current.get() == Some(id);
        match self.tasks.borrow_mut().mark_woken(id) {
            // Where it was woken and not polled since, it is ready: one atomic saved for each item of a burst. In its
            // very poll it is to be polled once more, whatever it was woken for before.
            Some((_, true)) if !is_polled => {}
            Some((waker, _)) => waker.wake_by_ref(),
            // It is ready, unless it is in its first poll: see `pend`.
            None if is_polled => self.was_woken.set(true),
            None => {}
        }
    }

    /// Whoever polls with this waker.
    pub(super) fn poller<'a>(&self, waker: &'a Waker) -> Poller<'a> {
        Poller {
            task: self.current.get().unwrap_or(TaskId::NONE),
            waker,
            is_own: self.own_waker.get() == Some(address(waker)),
        }
    }
}
