//! What the host does.

use super::super::event::{Emission, End, Event, Lack, Number, Settled, Why};
use super::super::ops::{How, Pick, Step, Way};
use super::requests::Kind;
use super::strictness::NEWS_FOR_THE_BOOKS_IS_NO_WORK;
use super::{Model, Phase, peek, take};

/// A turn looks into its mailbox again after this many polls at the latest. The design leaves the number open.
const POLLS_BETWEEN_LOOKS: usize = 64;

/// What a teardown found and left.
#[derive(Debug, PartialEq)]
pub struct Rest {
    pub tasks: usize,
    pub requests: usize,
    pub messages: usize,
    pub emitted: Vec<Emission>,
}

impl Model {
    pub fn run(&mut self, budget: usize) -> Settled {
        let mut settled = Settled::default();
        self.armed = false;
        loop {
            self.turn = true;
            self.poll_ready(budget, &mut settled);
            self.turn = false;
            if settled.budget_spent || self.mailbox.is_empty() {
                break;
            }
        }
        self.may_have_rung += usize::from(std::mem::take(&mut self.may_ring));
        self.armed = true;
        self.brought = false;
        settled.pending = self.live;
        settled.waiting = self.line.len();
        settled.refused = std::mem::take(&mut self.refused);
        settled
    }

    fn poll_ready(&mut self, budget: usize, settled: &mut Settled) {
        loop {
            self.take_in();
            while settled.polled < budget {
                let Some(task) = self.ready.pop_front() else {
                    break;
                };
                settled.polled += 1;
                match self.poll(task) {
                    None => {}
                    Some(End::Done(_)) => settled.completed += 1,
                    Some(End::Panicked(_)) => settled.panicked += 1,
                    Some(End::Aborted | End::TornDown | End::Full) => settled.aborted += 1,
                }
                if settled.polled.is_multiple_of(POLLS_BETWEEN_LOOKS) {
                    self.take_in();
                }
            }
            self.sweep();
            let idle = self.ready.is_empty() && self.mailbox.is_empty();
            settled.budget_spent = !idle && settled.polled == budget;
            self.may_be_spent = idle
                && self.quiet > 0
                && settled.polled == budget
                && !NEWS_FOR_THE_BOOKS_IS_NO_WORK;
            if idle || settled.budget_spent {
                return;
            }
        }
    }

    /// One of the host's calls, after what the mailbox holds.
    fn call<R>(&mut self, act: impl FnOnce(&mut Self) -> R) -> R {
        self.lend(|model| {
            model.take_in();
            act(model)
        })
    }

    /// The host's thread is in the executor, which rings where that has made a task ready.
    fn lend<R>(&mut self, act: impl FnOnce(&mut Self) -> R) -> R {
        self.brought = false;
        self.turn = true;
        let result = act(self);
        self.turn = false;
        if self.armed && self.brought {
            self.armed = false;
            self.rings += 1;
        } else if self.armed && !self.ready.is_empty() {
            self.may_ring = true;
        }
        self.brought = false;
        result
    }

    pub fn pop(&mut self) -> Option<Emission> {
        self.call(Self::sweep);
        let emission = self.outbox.pop_front()?;
        self.hand_over(emission);
        if !matches!(emission, Emission::Cancelled(_)) {
            self.lend(Self::vacate_emission);
        }
        Some(emission)
    }

    pub fn drain(&mut self, most: usize) {
        for _ in 0..most {
            let Some(emission) = self.pop() else { break };
            self.say(Event::Emitted(emission));
        }
    }

    /// Polls for the next emission, once.
    pub fn next(&mut self) {
        loop {
            if let Some(emission) = self.pop() {
                return self.say(Event::Emitted(emission));
            }
            self.run(1024);
            if self.outbox.is_empty() {
                return self.say(Event::Nothing);
            }
        }
    }

    pub fn join_outside(&mut self, pick: Pick) {
        if let Some(task) = take(&mut self.handles, pick)
            && !self.join(task, None)
        {
            self.say(Event::Unfinished(task));
            self.handles.push(task);
        }
    }

    pub fn resolve(&mut self, pick: Pick) {
        if let Some(request) = take(&mut self.resolvers, pick) {
            let answer = self.answer(request);
            let result = self.call(|model| model.deliver(request, answer));
            self.tell(request, result.map_err(|(why, _)| why), Some(answer));
        }
    }

    pub fn fail(&mut self, pick: Pick) {
        if let Some(request) = take(&mut self.resolvers, pick) {
            let result = self.call(|model| model.end(request, Err(Lack::Failed)));
            self.tell(request, result, None);
        }
    }

    pub fn send(&mut self, pick: Pick) {
        if let Some(request) = peek(&self.feeds, pick) {
            let item = self.answer(request);
            let result = self.call(|model| model.item_here(request, item));
            self.tell(request, result.map_err(|(why, _)| why), Some(item));
        }
    }

    pub fn end_stream(&mut self, pick: Pick) {
        if let Some(request) = peek(&self.feeds, pick) {
            let result = self.call(|model| model.end(request, Ok(())));
            self.tell(request, result, None);
        }
    }

    pub fn by_id(&mut self, request: Number, way: Way) {
        let answer = match way {
            Way::Ask | Way::Other | Way::Item => Some(self.answer(request)),
            Way::Fail | Way::End => None,
        };
        let result = self.call(|model| match (way, answer) {
            (Way::Ask, Some(answer)) => model.checked(request, Kind::Ask, answer),
            (Way::Other, Some(answer)) => model.checked(request, Kind::Other, answer),
            (Way::Item, Some(answer)) => model.checked(request, Kind::Flow, answer),
            (Way::Fail, _) => model.end(request, Err(Lack::Failed)),
            _ => {
                model.check(request, Kind::Flow)?;
                model.end(request, Ok(()))
            }
        });
        self.tell(request, result, answer);
    }

    fn checked(
        &mut self,
        request: Number,
        kind: Kind,
        answer: (Number, Number),
    ) -> Result<(), Why> {
        self.check(request, kind)?;
        match kind {
            Kind::Flow => self.item_here(request, answer),
            _ => self.deliver(request, answer),
        }
        .map_err(|(why, _)| why)
    }

    /// An answer to nobody of this executor.
    pub fn refuse(&mut self, way: Way, why: Why, takes_in: bool) {
        let answer = match way {
            Way::Ask | Way::Other | Way::Item => Some(self.answer(Number::MAX)),
            Way::Fail | Way::End => None,
        };
        if takes_in {
            self.call(|_| {});
        }
        self.tell(Number::MAX, Err(why), answer);
    }

    pub fn spawn_here(&mut self, script: Vec<Step>, kept: bool) {
        let has_place = self.place_for_task();
        let how = if kept { How::Plain } else { How::Detached };
        if !has_place {
            let number = self.make(script, how);
            self.never_was(number, End::Full);
            self.say(Event::Spawned(number));
            self.handles.extend(kept.then_some(number));
            return;
        }
        if !self.mailbox.is_empty() {
            self.call(|_| {});
        }
        self.adopt_newcomer();
        let number = self.make(script, how);
        self.newcomer = Some(number);
        if self.armed {
            self.armed = false;
            self.rings += 1;
        }
        self.say(Event::Spawned(number));
        if kept {
            self.handles.push(number);
        }
    }

    pub fn spawn_local(&mut self, script: Vec<Step>) {
        let number = self.spawn(None, None, script, How::Named);
        self.locals.push(number);
    }

    pub fn abort_local(&mut self, pick: Pick) {
        if let Some(task) = peek(&self.locals, pick) {
            self.abort(task);
        }
    }

    pub fn drop_local(&mut self, pick: Pick) {
        if let Some(task) = take(&mut self.locals, pick) {
            self.drop_handle(task);
        }
    }

    pub fn join_local(&mut self, pick: Pick) {
        if let Some(task) = take(&mut self.locals, pick)
            && !self.join(task, None)
        {
            self.say(Event::Unfinished(task));
            self.locals.push(task);
        }
    }

    /// Comes to rest. `order` is the one in which the crate stopped its tasks, which the design leaves open.
    pub fn rest(&mut self, order: &[Number]) -> Result<Rest, String> {
        self.phase = Phase::Resting;
        self.armed = false;
        let messages = self.mailbox.len();
        self.turn = true;
        self.take_in();
        let (tasks, requests) = (self.live, self.pending());
        for number in order {
            if self.tasks.get(*number).is_some_and(super::Task::is_live) {
                self.poll(*number);
            }
        }
        if self.live > 0 {
            return Err(format!("{} tasks were not stopped: {order:?}", self.live));
        }
        self.sweep();
        self.settle();
        self.parked_are_cancelled();
        self.settle();
        self.phase = Phase::Closed;
        self.turn = false;
        Ok(Rest {
            tasks,
            requests,
            messages,
            emitted: self.outbox.drain(..).collect(),
        })
    }

    fn settle(&mut self) {
        while !self.mailbox.is_empty() || !self.grave.is_empty() || !self.panics.is_empty() {
            self.ready.clear();
            self.take_in();
            self.sweep();
        }
        self.ready.clear();
    }
}
