//! The effects of the histories: each value counts itself, and some have destructors.

use std::any::Any;
use std::panic::resume_unwind;
use std::sync::{Arc, Weak};

use stillpoint::{Notification, Operation, Request, RequestId, Subscription};

use super::event::{Number, answer_kicks, answer_panics, operation_kicks, operation_panics};
use super::ops::Act;
use super::world::{World, act};

/// The destructor of a value that the executor drops: it acts and panics, unless it was disarmed.
struct Fuse {
    world: Weak<World>,
    acts: Vec<Act>,
    panics: bool,
    _count: Option<Arc<()>>,
}

impl Drop for Fuse {
    fn drop(&mut self) {
        if let Some(world) = self.world.upgrade() {
            for each in std::mem::take(&mut self.acts) {
                act(&world, &each, true);
            }
        }
        if self.panics && !std::thread::panicking() {
            throw(Number::MAX);
        }
    }
}

/// A panic that no hook prints.
pub fn throw(number: Number) -> ! {
    resume_unwind(Box::new(number))
}

/// The number that a panic carried.
pub fn thrown(payload: &(dyn Any + Send)) -> Number {
    payload.downcast_ref().copied().unwrap_or(Number::MAX - 1)
}

/// What is asked, whatever the operation.
pub struct Body {
    pub number: Number,
    fuse: Fuse,
}

impl Body {
    pub fn new(world: &Arc<World>, number: Number) -> Self {
        let acts = if operation_kicks(number) {
            vec![Act::Notify, Act::Wake(0)]
        } else {
            Vec::new()
        };
        Self {
            number,
            fuse: Fuse {
                world: Arc::downgrade(world),
                acts,
                panics: operation_panics(number),
                _count: Some(Arc::clone(&world.operations)),
            },
        }
    }

    /// Of an executor that nobody watches.
    pub fn foreign() -> Self {
        Self {
            number: Number::MAX,
            fuse: Fuse {
                world: Weak::new(),
                acts: Vec::new(),
                panics: false,
                _count: None,
            },
        }
    }

    /// A notification's value: quiet.
    pub fn told(world: &Arc<World>, number: Number) -> Self {
        let mut body = Self::new(world, number);
        body.fuse.acts.clear();
        body
    }

    pub fn disarm(mut self) -> Number {
        self.fuse.acts.clear();
        self.fuse.panics = false;
        self.number
    }

    fn learn(&self, id: RequestId) {
        if let Some(world) = self.fuse.world.upgrade() {
            world.learn(self.number, id);
        }
    }
}

pub struct Answer {
    pub request: Number,
    pub serial: Number,
    fuse: Fuse,
}

impl Answer {
    pub fn new(world: &Arc<World>, request: Number, serial: Number) -> Self {
        let acts = if answer_kicks(serial) {
            vec![Act::Notify]
        } else {
            Vec::new()
        };
        Self {
            request,
            serial,
            fuse: Fuse {
                world: Arc::downgrade(world),
                acts,
                panics: answer_panics(serial),
                _count: Some(Arc::clone(&world.answers)),
            },
        }
    }

    /// What it says; its destructor does nothing from here on.
    pub fn read(mut self) -> (Number, Number) {
        self.fuse.acts.clear();
        self.fuse.panics = false;
        (self.request, self.serial)
    }
}

pub struct Ask(pub Body);
pub struct Other(pub Body);
pub struct Flow(pub Body);
pub struct Say(pub Body);

impl Operation for Ask {
    type Output = Answer;
}
impl Operation for Other {
    type Output = Answer;
}
impl Operation for Flow {
    type Output = Answer;
}

/// Made by hand rather than by `effects!`, so that ids are learned when they are given out.
pub enum Effect {
    Ask(Request<Ask>),
    Other(Request<Other>),
    Flow(Subscription<Flow>),
    Say(Notification<Say>),
}

impl From<Request<Ask>> for Effect {
    fn from(request: Request<Ask>) -> Self {
        request.operation.0.learn(request.id());
        Self::Ask(request)
    }
}
impl From<Request<Other>> for Effect {
    fn from(request: Request<Other>) -> Self {
        request.operation.0.learn(request.id());
        Self::Other(request)
    }
}
impl From<Subscription<Flow>> for Effect {
    fn from(subscription: Subscription<Flow>) -> Self {
        subscription.operation.0.learn(subscription.id());
        Self::Flow(subscription)
    }
}
impl From<Notification<Say>> for Effect {
    fn from(notification: Notification<Say>) -> Self {
        Self::Say(notification)
    }
}
