//! What becomes of tasks.

use std::collections::VecDeque;

use super::super::event::{End, Event, IN_DESTRUCTOR, Lack, Number, Refusal};
use super::super::ops::{Destructor, How, Policy, Step};
use super::requests::{Answer, Found, Kind, Stand};
use super::strictness::ABORTS_FROM_ELSEWHERE_COUNT_AT_ONCE;
use super::{Message, Model};

/// What a task waits for.
#[derive(Debug)]
enum Waiting {
    Answer(Number),
    Join([(Number, Option<Result<Answer, Lack>>); 2]),
    Select([Number; 2]),
    Item(Number),
    Handle(Number),
    Scope(Number),
    Itself,
    Nothing,
}

#[derive(Debug, Default)]
pub struct Frame {
    script: VecDeque<Step>,
    waiting: Option<Waiting>,
    streams: Vec<Number>,
    guards: Vec<Destructor>,
    returns: Destructor,
}

#[derive(Debug, Default)]
pub struct Task {
    frame: Frame,
    pub named: bool,
    pub has_future: bool,
    pub was_adopted: bool,
    ended: bool,
    scheduled: bool,
    aborted: bool,
    aborted_in_turn: bool,
    pub doomed: bool,
    pub scope: Option<Number>,
    /// Its join handle is out.
    pub joined: bool,
    awaited_by: Option<Number>,
    end: Option<End>,
}

impl Task {
    pub fn is_live(&self) -> bool {
        self.was_adopted && !self.ended
    }
}

/// What a poll came to.
enum Played {
    Pending,
    Done,
    Panicked(Number),
}

impl Model {
    pub(super) fn make(&mut self, script: Vec<Step>, how: How) -> Number {
        let number = self.tasks.len();
        self.tasks.push(Task {
            frame: Frame {
                script: script.into(),
                ..Frame::default()
            },
            named: how == How::Named,
            has_future: true,
            scheduled: true,
            joined: how != How::Detached,
            ..Task::default()
        });
        number
    }

    pub(super) fn spawn(
        &mut self,
        scope: Option<Number>,
        key: Option<u8>,
        script: Vec<Step>,
        how: How,
    ) -> Number {
        let number = self.make(script, how);
        if let Some((end, why)) = self.no_place(scope) {
            if how == How::Try {
                // The refusal is told before the future goes.
                self.say(Event::SpawnRefused(number, why));
            }
            self.never_was(number, end);
            if how == How::Try {
                self.tasks[number].joined = false;
                return number;
            }
        } else if self.turn {
            self.take_up(number);
            self.tie(number, scope, key);
            self.ready.push_back(number);
            self.brought = true;
        } else if scope.is_some() || key.is_some() {
            self.coming(scope);
            self.post(Message::SpawnIn(number, scope, key));
        } else {
            self.post(Message::Spawn(number));
        }
        self.say(Event::Spawned(number));
        number
    }

    /// Why a task is not taken, if it is not; otherwise it has its place.
    fn no_place(&mut self, scope: Option<Number>) -> Option<(End, Refusal)> {
        if self.is_closing() {
            Some((End::TornDown, Refusal::Closed))
        } else if self.refuses(scope) {
            Some((End::Aborted, Refusal::Closed))
        } else {
            (!self.place_for_task()).then_some((End::Full, Refusal::Full))
        }
    }

    /// A task is refused, and its future dropped.
    pub(super) fn never_was(&mut self, number: Number, end: End) {
        let task = &mut self.tasks[number];
        (task.has_future, task.ended, task.end) = (false, true, Some(end));
        task.scheduled = false;
        self.say(Event::Gone(number));
    }

    pub(super) fn adopt_newcomer(&mut self) {
        if let Some(number) = self.newcomer.take() {
            self.adopt(number);
        }
    }

    pub(super) fn adopt(&mut self, number: Number) {
        self.take_up(number);
        self.ready.push_back(number);
    }

    pub(super) fn take_up(&mut self, number: Number) {
        self.tasks[number].was_adopted = true;
        self.live += 1;
        self.totals.tasks += 1;
        self.totals.peak_tasks = self.totals.peak_tasks.max(self.live);
    }

    pub(super) fn wake(&mut self, number: Number) {
        let task = &mut self.tasks[number];
        if task.ended || task.scheduled {
            return;
        }
        task.scheduled = true;
        if self.running == Some(number) {
            // Queued when its poll is over.
        } else if self.turn {
            self.ready.push_back(number);
            self.brought = true;
        } else {
            self.post(Message::Run(number));
        }
    }

    pub(super) fn abort(&mut self, number: Number) {
        let (closing, turn) = (self.is_closing(), self.turn);
        let task = &mut self.tasks[number];
        // Where a teardown is under way, it came first.
        if task.ended || closing {
            return;
        }
        task.aborted = true;
        task.aborted_in_turn |= turn;
        if !task.was_adopted {
            return;
        }
        if self.turn {
            self.wake(number);
        } else {
            self.post(Message::Abort(number));
        }
    }

    /// Whether a panic in the poll under way comes after an abort.
    fn is_aborted_by_now(&self, number: Number) -> bool {
        let task = &self.tasks[number];
        let counts = task.aborted_in_turn || ABORTS_FROM_ELSEWHERE_COUNT_AT_ONCE;
        task.doomed || (task.aborted && counts)
    }

    pub(super) fn is_finished(&self, number: Number) -> bool {
        self.tasks[number].ended
    }

    pub(super) fn drop_handle(&mut self, number: Number) {
        self.tasks[number].joined = false;
        if !self.turn {
            self.quiet += 2;
        }
        if let Some(end) = self.tasks[number].end.take() {
            self.drop_end(number, end);
        }
    }

    /// The end of a task that nobody will read.
    fn drop_end(&mut self, number: Number, end: End) {
        match end {
            End::Done(_) => self.drop_output(number),
            End::Panicked(payload) if self.turn => self.panics.push(payload),
            End::Panicked(payload) => self.post(Message::Panicked(payload)),
            End::Aborted | End::TornDown | End::Full => {}
        }
    }

    /// An output's destructor: whatever it throws ends there.
    fn drop_output(&mut self, number: Number) {
        let returns = std::mem::take(&mut self.tasks[number].frame.returns);
        self.perform(returns.acts);
        self.outputs -= 1;
    }

    /// How a task ended, if it has: its reader drops the output.
    pub(super) fn join(&mut self, number: Number, by: Option<Number>) -> bool {
        match self.tasks[number].end.take() {
            None => {
                self.tasks[number].awaited_by = by;
                false
            }
            Some(end) => {
                self.say(Event::Joined(by, number, end));
                if let End::Done(_) = end {
                    self.drop_output(number);
                }
                self.drop_handle(number);
                true
            }
        }
    }

    fn perform(&mut self, acts: Vec<super::super::ops::Act>) {
        for act in acts {
            self.act(&act, true);
        }
    }

    /// One poll. Gives how the task ended, if it did.
    pub(super) fn poll(&mut self, number: Number) -> Option<End> {
        let closing = self.is_closing();
        let task = &mut self.tasks[number];
        task.scheduled = false;
        let fate = if task.aborted || task.doomed {
            Some(End::Aborted)
        } else if closing {
            Some(End::TornDown)
        } else {
            None
        };
        let mut frame = std::mem::take(&mut task.frame);
        self.running = Some(number);
        if fate.is_some() {
            self.cancelled_before = self.totals.cancelled;
        }
        let end = match fate {
            Some(end) => {
                // Its joiners learn the cause that came first.
                if self.drop_frame(number, &mut frame) {
                    self.panics.push(number + IN_DESTRUCTOR);
                }
                Some(end)
            }
            None => match self.play(number, &mut frame) {
                Played::Pending => None,
                // It was aborted in this very poll, before it panicked: the first cause wins.
                Played::Panicked(payload) if self.is_aborted_by_now(number) => {
                    self.panics.push(payload);
                    Some(End::Aborted)
                }
                Played::Panicked(payload) => Some(End::Panicked(payload)),
                Played::Done => {
                    self.outputs += 1;
                    Some(End::Done(number))
                }
            },
        };
        self.tasks[number].frame = frame;
        match end {
            None => {
                self.running = None;
                if self.tasks[number].scheduled {
                    self.ready.push_back(number);
                }
            }
            Some(end) => self.complete(number, end),
        }
        end
    }

    fn complete(&mut self, number: Number, end: End) {
        let task = &mut self.tasks[number];
        (task.has_future, task.ended) = (false, true);
        let (joined, awaited_by) = (task.joined, task.awaited_by.take());
        if joined {
            task.end = Some(end);
        }
        if let Some(other) = awaited_by {
            self.wake(other);
        }
        if !joined {
            self.drop_end(number, end);
        }
        self.running = None;
        self.live -= 1;
        self.end_of_task();
        self.untie(number, end);
    }

    /// Drops a future. Gives whether it panicked.
    fn drop_frame(&mut self, number: Number, frame: &mut Frame) -> bool {
        match frame.waiting.take() {
            Some(Waiting::Answer(request)) => self.forsake(request),
            Some(Waiting::Join(both)) => {
                for (request, result) in both {
                    if result.is_none() {
                        self.forsake(request);
                    }
                }
            }
            Some(Waiting::Select(both)) => both.into_iter().for_each(|each| self.forsake(each)),
            Some(Waiting::Handle(task)) => self.drop_handle(task),
            Some(Waiting::Scope(scope)) => self.forget_scope(scope),
            Some(Waiting::Item(_) | Waiting::Itself | Waiting::Nothing) | None => {}
        }
        let threw = self.drop_parts(frame);
        self.say(Event::Gone(number));
        threw
    }

    /// The streams and the guards.
    fn drop_parts(&mut self, frame: &mut Frame) -> bool {
        for stream in std::mem::take(&mut frame.streams) {
            self.forsake(stream);
        }
        let mut threw = false;
        for guard in std::mem::take(&mut frame.guards) {
            self.perform(guard.acts);
            if guard.panics && !self.unwinding {
                (self.unwinding, threw) = (true, true);
            }
        }
        if threw {
            self.unwinding = false;
        }
        threw
    }

    fn play(&mut self, me: Number, frame: &mut Frame) -> Played {
        loop {
            if let Some(waiting) = frame.waiting.take() {
                frame.waiting = self.go_on(me, frame, waiting);
                if frame.waiting.is_some() {
                    return Played::Pending;
                }
            }
            let Some(step) = frame.script.pop_front() else {
                let threw = self.drop_parts(frame);
                self.say(Event::Gone(me));
                return if threw {
                    Played::Panicked(me + IN_DESTRUCTOR)
                } else {
                    Played::Done
                };
            };
            if step == Step::Panic {
                self.unwinding = true;
                self.drop_frame(me, frame);
                self.unwinding = false;
                return Played::Panicked(me);
            }
            if let Some(waiting) = self.step(me, frame, step) {
                frame.waiting = Some(waiting);
                if matches!(frame.waiting, Some(Waiting::Itself)) {
                    return Played::Pending;
                }
            }
        }
    }

    fn ask(&mut self, me: Number, kind: Kind) -> Number {
        self.open(kind, me, Policy::Unbounded)
    }

    fn step(&mut self, me: Number, frame: &mut Frame, step: Step) -> Option<Waiting> {
        match step {
            Step::Ask | Step::Relayed => Some(Waiting::Answer(self.ask(me, Kind::Ask))),
            Step::Join => {
                let one = self.ask(me, Kind::Ask);
                let two = self.ask(me, Kind::Other);
                Some(Waiting::Join([(one, None), (two, None)]))
            }
            Step::Select => {
                let one = self.ask(me, Kind::Ask);
                let two = match self.is_refused(one) {
                    // The first has come to its end: the second is not polled.
                    true => self.add(Kind::Ask, me, Policy::Unbounded, Stand::Refused),
                    false => self.ask(me, Kind::Ask),
                };
                Some(Waiting::Select([one, two]))
            }
            Step::Subscribe(policy) => {
                let number = self.open(Kind::Flow, me, policy);
                match self.is_refused(number) {
                    true => self.say(Event::Ended(me, number, Err(Lack::Full))),
                    false => frame.streams.push(number),
                }
                None
            }
            Step::Next => frame.streams.last().copied().map(Waiting::Item),
            Step::DropStream => {
                if let Some(stream) = frame.streams.pop() {
                    self.forsake(stream);
                }
                None
            }
            Step::Yield => {
                self.wake(me);
                Some(Waiting::Itself)
            }
            Step::Stash => {
                self.wakers.push(me);
                None
            }
            Step::Hang => Some(Waiting::Nothing),
            Step::Await(pick) => super::take(&mut self.handles, pick).map(Waiting::Handle),
            Step::Guard(what) => {
                frame.guards.push(what);
                None
            }
            Step::Returns(what) => {
                frame.returns = what;
                None
            }
            Step::Park => {
                let number = self.ask(me, Kind::Ask);
                match self.is_refused(number) {
                    true => self.say(Event::Got(me, number, Err(Lack::Full))),
                    false => self.parked.push(number),
                }
                None
            }
            Step::Adopt(pick) => super::take(&mut self.parked, pick).map(Waiting::Answer),
            Step::Closing(pick) => {
                let scope = super::take(&mut self.owned, pick)?;
                self.close_scope(scope, true);
                Some(Waiting::Scope(scope))
            }
            Step::Act(act) => {
                self.act(&act, false);
                None
            }
            Step::Panic => None,
        }
    }

    /// Looks again for what is awaited; gives it back where it is not there.
    fn go_on(&mut self, me: Number, frame: &mut Frame, waiting: Waiting) -> Option<Waiting> {
        match waiting {
            Waiting::Answer(number) => match self.found(number, me) {
                None => Some(waiting),
                Some(result) => {
                    self.say(Event::Got(me, number, result));
                    None
                }
            },
            Waiting::Join(mut both) => {
                for (number, result) in &mut both {
                    if result.is_none() {
                        *result = self.found(*number, me);
                    }
                }
                let [(one, Some(first)), (two, Some(second))] = both else {
                    return Some(Waiting::Join(both));
                };
                self.say(Event::Got(me, one, first));
                self.say(Event::Got(me, two, second));
                None
            }
            Waiting::Select([one, two]) => {
                let (number, rest) = (one, two);
                let (number, rest, result) = match self.found(number, me) {
                    Some(result) => (number, rest, result),
                    None => match self.found(two, me) {
                        Some(result) => (two, one, result),
                        None => return Some(waiting),
                    },
                };
                self.say(Event::Got(me, number, result));
                self.forsake(rest);
                None
            }
            Waiting::Item(number) => match self.look(number, Some(me)) {
                Found::Nothing => Some(waiting),
                Found::Answer(item) => {
                    self.say(Event::Item(me, number, item));
                    None
                }
                Found::End(end) => {
                    self.say(Event::Ended(me, number, end));
                    frame.streams.pop();
                    None
                }
            },
            Waiting::Handle(number) => (!self.join(number, Some(me))).then_some(waiting),
            Waiting::Scope(scope) => (!self.look_at_scope(scope, Some(me))).then_some(waiting),
            Waiting::Itself => None,
            Waiting::Nothing => Some(waiting),
        }
    }

    fn found(&mut self, number: Number, me: Number) -> Option<Result<(Number, Number), Lack>> {
        match self.look(number, Some(me)) {
            Found::Nothing => None,
            Found::Answer(answer) => Some(Ok(answer)),
            Found::End(Err(lack)) => Some(Err(lack)),
            Found::End(Ok(())) => Some(Err(Lack::Else)),
        }
    }
}
