//! What anybody may do, in a turn or outside.

use super::super::event::{Emission, Event, Lack, Number, Refusal, Why};
use super::super::ops::{Act, How, Place};
use super::requests::{Answer, Found};
use super::{Message, Model, Phase, peek, take};

impl Model {
    pub fn act(&mut self, act: &Act, in_destructor: bool) {
        match act {
            Act::Spawn(script, how) => {
                let number = self.spawn(None, None, script.clone(), *how);
                self.keep_handle(number, *how);
            }
            Act::OpenScope(pick) => self.open_scope(*pick),
            Act::SpawnIn(pick, key, script, how) => {
                let number = self.spawn_in(*pick, *key, script.clone(), *how);
                self.keep_handle(number, *how);
            }
            Act::DropScope(pick) => self.drop_scope(*pick),
            Act::CloseScope(pick) => self.close_scope_for_later(*pick),
            Act::PollClosing(_) if in_destructor => {}
            Act::PollClosing(pick) => self.poll_closing(*pick),
            Act::DropClosing(pick) => drop(take(&mut self.closings, *pick)),
            Act::DropScopeSpawner(pick) => self.drop_scope_spawner(*pick),
            Act::Notify => self.notify(),
            Act::Wake(pick) => {
                if let Some(task) = peek(&self.wakers, *pick) {
                    self.wake(task);
                }
            }
            Act::WakeByValue(pick) => {
                if let Some(task) = take(&mut self.wakers, *pick) {
                    self.wake(task);
                    self.quiet += 1;
                }
            }
            Act::DropWaker(pick) => {
                take(&mut self.wakers, *pick);
                self.quiet += 1;
            }
            Act::Abort(pick) => {
                if let Some(task) = take(&mut self.handles, *pick) {
                    self.abort(task);
                    self.handles.push(task);
                }
            }
            Act::DropHandle(pick) => {
                if let Some(task) = take(&mut self.handles, *pick) {
                    self.drop_handle(task);
                }
            }
            Act::IsFinished(pick) => {
                if let Some(task) = peek(&self.handles, *pick) {
                    let finished = self.is_finished(task);
                    self.say(Event::IsFinished(task, finished));
                }
            }
            Act::Resolve(pick) => {
                if let Some(request) = take(&mut self.resolvers, *pick) {
                    let answer = self.answer(request);
                    let result = self.bring(Message::Answer(request, answer));
                    self.tell(request, result, Some(answer));
                }
            }
            Act::Fail(pick) => {
                if let Some(request) = take(&mut self.resolvers, *pick) {
                    let result = self.bring(Message::Fail(request, Lack::Failed));
                    self.tell(request, result, None);
                }
            }
            Act::Abandon(pick) => {
                if let Some(request) = take(&mut self.resolvers, *pick) {
                    self.abandon(Message::Fail(request, Lack::Abandoned));
                }
            }
            Act::Forget(pick) => {
                if take(&mut self.resolvers, *pick).is_some() {
                    self.forgotten += 1;
                }
            }
            Act::Send(pick) => {
                if let Some(request) = take(&mut self.feeds, *pick) {
                    let item = self.answer(request);
                    let result = self.bring(Message::Item(request, item));
                    self.tell(request, result, Some(item));
                    self.feeds.push(request);
                }
            }
            Act::EndFeed(pick) => self.end_feed(*pick, Ok(())),
            Act::FailFeed(pick) => self.end_feed(*pick, Err(Lack::Failed)),
            Act::DropFeed(pick) => {
                if let Some(request) = take(&mut self.feeds, *pick) {
                    self.drop_feed(request);
                }
            }
            Act::CloneFeed(pick) => {
                if let Some(request) = take(&mut self.feeds, *pick) {
                    self.requests[request].feeds += 1;
                    self.feeds.extend([request, request]);
                }
            }
            Act::PollParked(_) if in_destructor => {}
            Act::PollParked(pick) => self.poll_parked(*pick),
            Act::DropParked(pick) => {
                if let Some(request) = take(&mut self.parked, *pick) {
                    self.forsake(request);
                }
            }
            Act::KeepSpawner => self.spawners += 1,
            Act::DropSpawner => self.spawners = self.spawners.saturating_sub(1),
            Act::KeepShell => self.shells += 1,
            Act::DropShell => self.shells = self.shells.saturating_sub(1),
            Act::Away(place, within) => {
                let (turn, unwinding) = (self.turn, self.unwinding);
                self.turn = false;
                if *place == Place::Thread {
                    self.unwinding = false;
                }
                self.act(within, in_destructor);
                (self.turn, self.unwinding) = (turn, unwinding);
            }
        }
    }

    fn keep_handle(&mut self, number: Number, how: How) {
        let refused = how == How::Try && !self.tasks[number].joined;
        if how != How::Detached && !refused {
            self.handles.push(number);
        }
    }

    pub(super) fn notify(&mut self) {
        let number = self.told;
        self.told += 1;
        // In a turn it is taken even by a closed door: the last future is being dropped.
        let told = match self.turn || self.phase < Phase::Closed {
            true => self.place_for_notification(),
            false => Err(Refusal::Closed),
        };
        if told.is_ok() && self.turn {
            self.outbox.push_back(Emission::Say(number));
        } else if told.is_ok() {
            self.post(Message::Notify(number));
        }
        self.say(Event::Notified(number, told));
    }

    pub(super) fn answer(&mut self, request: Number) -> Answer {
        let serial = self.serials;
        self.serials += 1;
        self.unread += 1;
        (request, serial)
    }

    /// Says what became of an answer; one that was refused is given back.
    pub(super) fn tell(
        &mut self,
        request: Number,
        result: Result<(), Why>,
        answer: Option<Answer>,
    ) {
        let back = answer.filter(|_| result.is_err()).map(|(_, serial)| serial);
        if back.is_some() {
            self.unread -= 1;
        }
        self.say(Event::Answered(request, result, back));
    }

    /// An answer, by a resolver or a feed.
    fn bring(&mut self, message: Message) -> Result<(), Why> {
        if self.is_closing() {
            return Err(Why::TornDown);
        }
        let (Message::Answer(request, _)
        | Message::Fail(request, _)
        | Message::Item(request, _)
        | Message::End(request, _)) = message
        else {
            return Ok(());
        };
        if !self.turn || self.is_behind(request) {
            if let Message::Item(..) = message
                && !self.place(request)
            {
                return Err(Why::Full);
            }
            self.post(message);
            return Ok(());
        }
        match message {
            Message::Answer(request, answer) => {
                self.deliver(request, answer).map_err(|(why, _)| why)
            }
            Message::Item(request, item) => self.item_here(request, item).map_err(|(why, _)| why),
            Message::Fail(request, lack) => self.end(request, Err(lack)),
            Message::End(request, how) => self.end(request, how),
            _ => Ok(()),
        }
    }

    /// Whether something of a stream's is on its way, which its feeds do not overtake.
    fn is_behind(&self, request: Number) -> bool {
        let is_of = |message: &Message| matches!(message, Message::Item(of, _) | Message::End(of, _) if *of == request);
        self.is_stream(request) && !self.is_closing() && self.mailbox.iter().any(is_of)
    }

    /// A resolver or the last feed is dropped: whom it cannot reach, nobody tells.
    fn abandon(&mut self, message: Message) {
        let (Message::Fail(request, _) | Message::FeedGone(request)) = message else {
            return;
        };
        if self.turn && !self.is_behind(request) {
            let _ = self.end(request, Err(Lack::Abandoned));
        } else if !self.is_closing() {
            self.post(message);
        }
    }

    pub(super) fn end_feed(&mut self, pick: u8, how: Result<(), Lack>) {
        if let Some(request) = take(&mut self.feeds, pick) {
            let result = self.bring(Message::End(request, how));
            // `end` takes the feed by value.
            self.drop_feed(request);
            self.tell(request, result, None);
        }
    }

    fn drop_feed(&mut self, request: Number) {
        self.requests[request].feeds -= 1;
        if self.requests[request].feeds == 0 {
            self.abandon(Message::FeedGone(request));
        }
    }

    fn poll_parked(&mut self, pick: u8) {
        let Some(request) = take(&mut self.parked, pick) else {
            return;
        };
        let result = if self.turn {
            match self.look(request, None) {
                Found::Nothing => None,
                Found::Answer(answer) => Some(Ok(answer)),
                Found::End(end) => Some(Err(end.err().unwrap_or(Lack::Else))),
            }
        } else {
            // What it would have asked goes with the future, which is kept.
            self.give_up(request);
            Some(Err(if self.is_closing() {
                Lack::Closed
            } else {
                Lack::Outside
            }))
        };
        if result.is_none() {
            self.parked.push(request);
        }
        self.say(Event::Parked(request, result));
    }
}
