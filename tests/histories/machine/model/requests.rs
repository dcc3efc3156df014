//! What becomes of requests and subscriptions.

use std::collections::VecDeque;

use super::super::event::{
    Emission, Lack, Number, Pending, Stage, Why, answer_kicks, operation_kicks,
};
use super::{Message, Model, Phase, Policy};

/// An answer: whose it is, and its serial number.
pub type Answer = (Number, Number);

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Ask,
    Other,
    Flow,
}

#[derive(Debug)]
pub enum State {
    Pending,
    Answered(Answer),
    Ended(Lack),
    Stream {
        items: VecDeque<Answer>,
        end: Option<Result<(), Lack>>,
    },
    /// Nobody awaits it any more.
    Gone,
}

/// Where its effect stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stand {
    /// It is made, and has a place, or has left it.
    Out,
    Waits,
    /// It has a place, and is made when its future is polled.
    Admitted,
    /// There is none: it found no place, or was not polled.
    Refused,
}

#[derive(Debug)]
pub struct Request {
    kind: Kind,
    state: State,
    stand: Stand,
    /// Its future is there, and has what it would ask.
    is_unasked: bool,
    taken: bool,
    /// The task that looks for the answer.
    waiting: Option<Number>,
    policy: Policy,
    /// Items of a `Reject` stream that are here or on their way.
    held: usize,
    /// Feeds that are out.
    pub feeds: usize,
}

pub enum Found {
    Nothing,
    Answer(Answer),
    End(Result<(), Lack>),
}

impl Request {
    pub fn holding(&self, number: Number) -> Option<Pending> {
        let queued = match &self.state {
            State::Gone => return None,
            State::Pending => 0,
            State::Answered(_) | State::Ended(_) => 1,
            State::Stream { items, .. } => items.len(),
        };
        Some(match (self.stand, self.taken) {
            (Stand::Out, true) => (number, Stage::Taken, queued),
            (Stand::Out, false) => (number, Stage::Untaken, queued),
            _ => (Number::MAX, Stage::InLine, queued),
        })
    }

    fn is_pending(&self) -> bool {
        !matches!(self.state, State::Gone)
    }

    fn emission(&self, number: Number) -> Emission {
        match self.kind {
            Kind::Ask => Emission::Ask(number),
            Kind::Other => Emission::Other(number),
            Kind::Flow => Emission::Flow(number),
        }
    }
}

impl Model {
    pub(super) fn pending(&self) -> usize {
        let requests = self.requests.iter();
        requests.filter(|request| request.is_pending()).count()
    }

    pub fn how_many_requests(&self) -> usize {
        self.requests.len()
    }

    /// The first poll of a request's future.
    pub(super) fn open(&mut self, kind: Kind, by: Number, policy: Policy) -> Number {
        let stand = self.arrive();
        let number = self.add(kind, by, policy, stand);
        match stand {
            Stand::Out => self.emit(number),
            Stand::Waits => self.line.push_back(number),
            Stand::Admitted | Stand::Refused => return number,
        }
        self.totals.requests += 1;
        self.totals.peak_requests = self.totals.peak_requests.max(self.pending());
        number
    }

    pub(super) fn add(&mut self, kind: Kind, by: Number, policy: Policy, stand: Stand) -> Number {
        let state = match kind {
            _ if stand == Stand::Refused => State::Gone,
            Kind::Flow => State::Stream {
                items: VecDeque::new(),
                end: None,
            },
            _ => State::Pending,
        };
        self.requests.push(Request {
            kind,
            state,
            stand,
            is_unasked: stand == Stand::Waits,
            taken: false,
            waiting: Some(by),
            policy,
            held: 0,
            feeds: 0,
        });
        self.requests.len() - 1
    }

    fn emit(&mut self, number: Number) {
        let request = &mut self.requests[number];
        (request.stand, request.is_unasked) = (Stand::Out, false);
        request.feeds = usize::from(request.kind == Kind::Flow);
        self.outbox.push_back(request.emission(number));
    }

    pub(super) fn is_refused(&self, number: Number) -> bool {
        self.requests[number].stand == Stand::Refused
    }

    /// It has a place by now. Gives who waits for it.
    pub(super) fn admitted(&mut self, number: Number) -> Option<Number> {
        let request = &mut self.requests[number];
        request.stand = Stand::Admitted;
        request.waiting
    }

    /// Whether it is a subscription that has not gone.
    pub(super) fn is_stream(&self, number: Number) -> bool {
        matches!(self.requests[number].state, State::Stream { .. })
    }

    /// Futures that hold what they would ask.
    pub(super) fn unasked(&self) -> usize {
        let requests = self.requests.iter();
        requests.filter(|request| request.is_unasked).count()
    }

    /// A future looks for its answer.
    pub(super) fn look(&mut self, number: Number, by: Option<Number>) -> Found {
        let request = &mut self.requests[number];
        let found = match &mut request.state {
            State::Gone if request.stand == Stand::Refused => {
                return Found::End(Err(Lack::Full));
            }
            State::Gone => return Found::End(Err(Lack::Closed)),
            _ if request.stand != Stand::Out => {
                request.waiting = by;
                if request.stand == Stand::Admitted {
                    self.emit(number);
                }
                return Found::Nothing;
            }
            State::Pending => Found::Nothing,
            State::Answered(answer) => Found::Answer(*answer),
            State::Ended(lack) => Found::End(Err(*lack)),
            State::Stream { items, end } => match items.pop_front() {
                Some(item) => {
                    request.held = request.held.saturating_sub(1);
                    self.unread -= 1;
                    return Found::Answer(item);
                }
                None => end.take().map_or(Found::Nothing, Found::End),
            },
        };
        match found {
            Found::Nothing => request.waiting = by,
            _ => {
                self.unread -= usize::from(matches!(found, Found::Answer(_)));
                request.state = State::Gone;
                let (taken, effect) = (request.taken, request.emission(number));
                if taken {
                    self.admit();
                } else {
                    self.bury(effect);
                }
            }
        }
        found
    }

    fn bury(&mut self, effect: Emission) {
        self.outbox.retain(|emission| *emission != effect);
        self.grave.push(effect);
        self.vacate_emission();
    }

    /// A future is dropped, here or elsewhere.
    pub(super) fn forsake(&mut self, number: Number) {
        self.requests[number].is_unasked = false;
        self.give_up(number);
    }

    /// A future gives its entry up.
    pub(super) fn give_up(&mut self, number: Number) {
        if self.turn {
            self.cancel(number);
        } else {
            self.post(Message::Dropped(number));
        }
    }

    pub(super) fn cancel(&mut self, number: Number) {
        let request = &mut self.requests[number];
        if !request.is_pending() {
            return;
        }
        let effect = request.emission(number);
        let (taken, stand) = (request.taken, request.stand);
        let state = std::mem::replace(&mut request.state, State::Gone);
        self.totals.cancelled += 1;
        let (answers, ended) = match state {
            State::Answered(answer) => (VecDeque::from([answer]), false),
            State::Ended(_) => (VecDeque::new(), true),
            State::Stream { items, end } => (items, end.is_some()),
            State::Pending | State::Gone => (VecDeque::new(), false),
        };
        match stand {
            Stand::Out if !taken => self.bury(effect),
            Stand::Out => {
                if !ended {
                    self.outbox.push_back(Emission::Cancelled(number));
                }
                self.admit();
            }
            Stand::Admitted => self.vacate_emission(),
            Stand::Waits | Stand::Refused => {
                self.leave_line(number);
                self.admit();
            }
        }
        for answer in answers {
            self.drop_answer(answer);
        }
    }

    /// The destructor of an unread answer.
    pub(super) fn drop_answer(&mut self, (_, serial): Answer) {
        if answer_kicks(serial) {
            self.notify();
        }
        self.unread -= 1;
    }

    /// The destructor of what was asked and not taken, and of its resolver or feed.
    pub(super) fn drop_operation(&mut self, emission: Emission) {
        let (Emission::Ask(number) | Emission::Other(number) | Emission::Flow(number)) = emission
        else {
            return;
        };
        if operation_kicks(number) {
            self.notify();
            if let Some(task) = super::peek(&self.wakers, 0) {
                self.wake(task);
            }
        }
        self.requests[number].feeds = self.requests[number].feeds.saturating_sub(1);
    }

    /// The one answer.
    pub(super) fn deliver(&mut self, number: Number, answer: Answer) -> Result<(), (Why, Answer)> {
        let request = &mut self.requests[number];
        match request.state {
            State::Pending => {
                request.state = State::Answered(answer);
                if let Some(task) = request.waiting.take() {
                    self.wake(task);
                }
                Ok(())
            }
            State::Answered(_) | State::Ended(_) => Err((Why::AlreadyAnswered, answer)),
            State::Stream { .. } => Err((Why::WrongType, answer)),
            State::Gone => Err((Why::Stale, answer)),
        }
    }

    /// One more item, which has its place.
    pub(super) fn item(&mut self, number: Number, item: Answer) -> Result<(), (Why, Answer)> {
        let request = &mut self.requests[number];
        let (items, end) = match &mut request.state {
            State::Gone => return Err((Why::Stale, item)),
            State::Stream { items, end } => (items, end),
            _ => return Err((Why::WrongType, item)),
        };
        if end.is_some() {
            return Err((Why::AlreadyAnswered, item));
        }
        let most = match request.policy {
            Policy::Unbounded | Policy::Reject(_) => usize::MAX,
            Policy::DropOldest(most) => usize::from(most.max(1)),
            Policy::Latest => 1,
        };
        let displaced = (items.len() >= most).then(|| items.pop_front()).flatten();
        items.push_back(item);
        if let Some(task) = request.waiting {
            self.wake(task);
        }
        if let Some(displaced) = displaced {
            self.drop_answer(displaced);
        }
        Ok(())
    }

    /// Whether a `Reject` stream has a place, which is then taken.
    pub(super) fn place(&mut self, number: Number) -> bool {
        let request = &mut self.requests[number];
        if let (Policy::Reject(most), State::Stream { .. }) = (request.policy, &request.state) {
            if request.held >= usize::from(most.max(1)) {
                return false;
            }
            request.held += 1;
        }
        true
    }

    /// An item that is sent in a turn, or by the host.
    pub(super) fn item_here(&mut self, number: Number, item: Answer) -> Result<(), (Why, Answer)> {
        // That it has ended is the better reason.
        let is_open = matches!(self.requests[number].state, State::Stream { end: None, .. });
        if is_open && !self.place(number) {
            return Err((Why::Full, item));
        }
        self.item(number, item)
    }

    pub(super) fn end(&mut self, number: Number, how: Result<(), Lack>) -> Result<(), Why> {
        let request = &mut self.requests[number];
        match (&mut request.state, how) {
            (State::Gone, _) => return Err(Why::Stale),
            (State::Pending, Err(lack)) => request.state = State::Ended(lack),
            (State::Pending, Ok(())) => return Err(Why::WrongType),
            (State::Stream { end, .. }, how) if end.is_none() => *end = Some(how),
            _ => return Err(Why::AlreadyAnswered),
        }
        let waiting = match request.kind {
            Kind::Flow => request.waiting,
            _ => request.waiting.take(),
        };
        if let Some(task) = waiting {
            self.wake(task);
        }
        Ok(())
    }

    /// Whether a bare id may be answered in this way.
    pub(super) fn check(&self, number: Number, kind: Kind) -> Result<(), Why> {
        let request = &self.requests[number];
        match request.state {
            State::Gone => Err(Why::Stale),
            _ if request.kind == kind => Ok(()),
            _ => Err(Why::WrongType),
        }
    }

    /// The shell has the effect now.
    pub(super) fn hand_over(&mut self, emission: Emission) {
        match emission {
            Emission::Cancelled(_) => return,
            Emission::Say(_) => {}
            Emission::Ask(number) | Emission::Other(number) => {
                self.requests[number].taken = true;
                self.resolvers.push(number);
            }
            Emission::Flow(number) => {
                self.requests[number].taken = true;
                self.feeds.push(number);
            }
        }
        self.totals.effects += 1;
    }

    pub(super) fn parked_are_cancelled(&mut self) {
        for number in 0..self.requests.len() {
            self.cancel(number);
        }
    }

    pub(super) fn is_closing(&self) -> bool {
        self.phase > Phase::Open
    }
}
