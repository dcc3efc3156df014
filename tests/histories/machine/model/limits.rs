//! What finds no place: it is given back, or waits for one.

use super::super::event::{Number, Refusal};
use super::requests::Stand;
use super::{Model, Phase};

/// A limit of none is one of one.
fn most(limit: Option<u8>) -> usize {
    limit.map_or(usize::MAX, |most| usize::from(most.max(1)))
}

fn take(held: &mut usize, limit: Option<u8>) -> bool {
    let has_room = *held < most(limit);
    *held += usize::from(has_room);
    has_room
}

impl Model {
    pub(super) fn place_for_task(&mut self) -> bool {
        let taken = take(&mut self.tasks_held, self.limits.tasks);
        self.refused += usize::from(!taken);
        taken
    }

    /// What destructors say in a teardown has no need of a place.
    pub(super) fn place_for_notification(&mut self) -> Result<(), Refusal> {
        if self.phase > Phase::Open || take(&mut self.emissions_held, self.limits.outbox) {
            return Ok(());
        }
        self.refused += 1;
        Err(Refusal::Full)
    }

    fn may_be_pending(&self) -> bool {
        self.pending() - self.line.len() < most(self.limits.requests)
    }

    /// What becomes of one more request. Nobody overtakes who waits.
    pub(super) fn arrive(&mut self) -> Stand {
        if self.line.is_empty()
            && self.may_be_pending()
            && take(&mut self.emissions_held, self.limits.outbox)
        {
            return Stand::Out;
        }
        if self.limits.fails {
            self.refused += 1;
            return Stand::Refused;
        }
        self.had_line = true;
        Stand::Waits
    }

    /// An effect has left the outbox.
    pub(super) fn vacate_emission(&mut self) {
        self.emissions_held = self.emissions_held.saturating_sub(1);
        self.admit();
    }

    /// Whoever is first in line has what places there are.
    pub(super) fn admit(&mut self) {
        while let Some(first) = self.line.front().copied() {
            if !self.may_be_pending() || !take(&mut self.emissions_held, self.limits.outbox) {
                break;
            }
            self.line.pop_front();
            if let Some(task) = self.admitted(first) {
                self.wake(task);
            }
        }
    }

    /// One that waited is given up.
    pub(super) fn leave_line(&mut self, number: Number) {
        self.line.retain(|waiting| *waiting != number);
    }

    pub(super) fn end_of_task(&mut self) {
        self.tasks_held -= 1;
    }
}
