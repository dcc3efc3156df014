//! What a scripted shell does by itself: turns, what they emit, and what is answered next.

use std::any::Any;
use std::ops::Bound;
use std::time::Duration;

use super::host::Host;
use super::ledger::{Entry, Item, Ledger, Number, State, When};
use super::script::{Event, What};
use super::scripted::{Held, Key, Scripted};
use super::shell::TestShell;
use crate::id::RequestId;
use crate::outbox::Emitted;

impl<E: Scripted> TestShell<E> {
    pub(super) fn is_in_order(&self) -> bool {
        self.in_order
    }

    pub(super) fn when(&self) -> When {
        When {
            turn: self.turn,
            time: self.clock.now,
        }
    }

    pub(super) fn begin(&mut self) {
        self.polls_left = self.poll_limit;
    }

    #[track_caller]
    pub(super) fn run_on(&mut self) {
        while self.step_on(false) {}
    }

    #[track_caller]
    pub(super) fn step_on(&mut self, passes_time: bool) -> bool {
        if std::mem::take(&mut self.is_batching) && self.act(passes_time) {
            return true;
        }
        self.turns();
        self.act(passes_time)
    }

    /// Takes turns until the core is at rest, and takes what it asks.
    #[track_caller]
    pub(super) fn turns(&mut self) {
        self.turns_until(|| false);
    }

    /// The same, or until something is so at the end of a turn. Gives whether it is.
    #[track_caller]
    pub(super) fn turns_until(&mut self, mut is_so: impl FnMut() -> bool) -> bool {
        loop {
            self.turn();
            if is_so() {
                return true;
            }
            // A handler that was told of something may have spawned, sent or woken.
            if !std::mem::take(&mut self.has_told) {
                return false;
            }
        }
    }

    #[track_caller]
    fn turn(&mut self) {
        let Some(host) = &mut self.host else { return };
        let settled = host.run_for(self.polls_left);
        self.polls_left -= settled.polled.min(self.polls_left);
        self.turn += u64::from(settled.polled > 0);
        let mut is_new = settled.polled > 0;
        while let Some(emitted) = self.host.as_mut().and_then(Host::pull) {
            self.take_in(emitted, false);
            is_new = true;
        }
        // It looks at all that was taken, which a turn without news does not have to.
        if let Some(host) = self.host.as_ref().filter(|_| is_new) {
            self.ledger.prune(|id| host.holds(id));
        }
        if settled.budget_spent {
            let limit = self.poll_limit;
            self.fail(&format!(
                "the core does not come to rest: this took {limit} polls, and there is more to do"
            ));
        }
    }

    pub(super) fn take_in(&mut self, emitted: Emitted<E>, is_teardown: bool) {
        let when = self.when();
        let event = |what| Event {
            what,
            turn: when.turn,
            now: when.time,
        };
        match emitted {
            Emitted::Effect(effect) => {
                let opened = effect.open();
                let origin = opened
                    .id
                    .zip(self.host.as_ref())
                    .and_then(|(id, host)| host.origin(id));
                let number = self.ledger.add(opened, origin, when);
                if let Some(entry) = self.ledger.entries.get(&number) {
                    self.has_told |=
                        self.script
                            .tell(entry.key, &*entry.operation, event(What::Emitted));
                }
                self.route(number);
            }
            Emitted::Cancelled(id) => {
                if let Some(entry) = self.ledger.cancel(id, when, is_teardown) {
                    self.has_told |=
                        self.script
                            .tell(entry.key, &*entry.operation, event(What::Cancelled));
                }
            }
        }
    }

    /// Says who sees to an effect.
    fn route(&mut self, number: Number) {
        let Some(entry) = self.ledger.entries.get(&number) else {
            return;
        };
        if let Some(end) = self.clock.deadline(entry.key, &*entry.operation) {
            self.ledger.set(number, State::Sleeping(end));
        } else if self.script.answers(entry.key) {
            self.ledger.set(number, State::Stubbed);
        } else if self.script.notes(entry.key) {
            let key = entry.key;
            if let Some(operation) = self.take_operation(number) {
                self.has_told = true;
                self.script.note(key, operation);
            }
        } else {
            self.ledger.queue.push_back(Item::Effect(number));
        }
    }

    /// Hands what nobody has expected yet to what has come to see to it.
    pub(super) fn adopt(&mut self, key: Key) -> &mut Self {
        let mut adopted = Vec::new();
        let Ledger { entries, queue, .. } = &mut self.ledger;
        queue.retain(|item| match item {
            Item::Effect(number)
                if entries
                    .get(number)
                    .is_some_and(|entry| entry.can_be_adopted(key)) =>
            {
                adopted.push(*number);
                false
            }
            _ => true,
        });
        adopted.into_iter().for_each(|number| self.route(number));
        self
    }

    /// Answers one request, or lets time pass.
    pub(super) fn act(&mut self, passes_time: bool) -> bool {
        let next_end = if passes_time { self.next_end() } else { None };
        if self.schedule.is_none() {
            // The first that its handler answers, without a list of what may be thousands.
            let mut next = self.ledger.stubbed.first().copied();
            while let Some(number) = next {
                if self.answer(number) {
                    return true;
                }
                let after = (Bound::Excluded(number), Bound::Unbounded);
                next = self.ledger.stubbed.range(after).next().copied();
            }
            return next_end.is_some_and(|end| self.wake_next(end));
        }
        let mut open: Vec<_> = self.ledger.stubbed.iter().copied().collect();
        loop {
            let of = open.len() + usize::from(next_end.is_some());
            if of == 0 {
                return false;
            }
            let pick = self.pick(of, |index| match (open.get(index), next_end) {
                (Some(number), _) => format!("answered first: {}", self.text(*number)),
                (None, Some(end)) => format!("time passes to {end:?}"),
                (None, None) => String::new(),
            });
            if pick == open.len() {
                return next_end.is_some_and(|end| self.wake_next(end));
            }
            let number = open.remove(pick);
            if self.answer(number) {
                let others = !open.is_empty();
                self.is_batching = others
                    && self.pick(2, |_| "another answer before the core goes on".to_owned()) == 1;
                return true;
            }
        }
    }

    fn pick(&self, of: usize, told: impl Fn(usize) -> String) -> usize {
        self.schedule
            .as_ref()
            .map_or(0, |schedule| schedule.pick(of, told))
    }

    fn text(&self, number: Number) -> String {
        let entry = self.ledger.entries.get(&number);
        entry.map_or_else(String::new, |entry| entry.text(self.when()))
    }

    /// Has its handler answer. Gives whether it did.
    fn answer(&mut self, number: Number) -> bool {
        let Some(entry) = self.ledger.entries.get_mut(&number) else {
            return false;
        };
        let Some(answer) = entry.answer.take() else {
            // Its handler has panicked, with the right to answer in its hand.
            self.ledger.set(number, State::Handled);
            return false;
        };
        match self.script.answer(entry.key, &*entry.operation, answer) {
            Ok(()) => {
                self.ledger.set(number, State::Handled);
                true
            }
            Err(answer) => {
                entry.answer = Some(answer);
                false
            }
        }
    }

    pub(super) fn next_end(&self) -> Option<Duration> {
        let (end, _) = self.ledger.sleeping.first()?;
        (*end < Duration::MAX).then_some(*end)
    }

    /// Ends one of the sleeps that end first, if that is by then.
    pub(super) fn wake_next(&mut self, until: Duration) -> bool {
        let Some(end) = self.next_end().filter(|end| *end <= until) else {
            return false;
        };
        let sleeping = self.ledger.sleeping.iter();
        let ending: Vec<_> = sleeping
            .take_while(|(at, _)| *at == end)
            .map(|(_, number)| *number)
            .collect();
        let pick = self.pick(ending.len(), |index| {
            format!("ends first: {}", self.text(ending[index]))
        });
        self.clock.now = self.clock.now.max(end);
        self.ledger.set(ending[pick], State::Handled);
        if let Some(entry) = self.ledger.entries.get_mut(&ending[pick])
            && let Some(answer) = entry.answer.take()
        {
            self.clock.wake(entry.key, &*entry.operation, answer);
        }
        true
    }

    // --- for expectations ---

    #[track_caller]
    pub(super) fn find(
        &mut self,
        in_order: bool,
        is_it: impl FnMut(Item, &Entry) -> bool,
    ) -> Option<Number> {
        self.run();
        self.ledger.pick(in_order, is_it)
    }

    pub(super) fn operation(&self, number: Number) -> Option<&dyn Held> {
        Some(&*self.ledger.entries.get(&number)?.operation)
    }

    pub(super) fn take_answer(&mut self, number: Number) -> Option<Box<dyn Any + Send>> {
        self.ledger.entries.get_mut(&number)?.answer.take()
    }

    /// Of a notification, which is seen to by that.
    pub(super) fn take_operation(&mut self, number: Number) -> Option<Box<dyn Held>> {
        Some(self.ledger.entries.remove(&number)?.operation)
    }

    pub(super) fn take_notice(&mut self, number: Number) -> Option<RequestId> {
        self.ledger.entries.get(&number)?.id
    }
}
