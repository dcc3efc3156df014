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
    /// Quiet until it is in an effect: before that its drop is its task's, as that of anything a task holds.
    pub fn new(world: &Arc<World>, number: Number) -> Self {
        Self {
            number,
            fuse: Fuse {
                world: Arc::downgrade(world),
                acts: Vec::new(),
                panics: false,
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

    /// A notification's value: it does not act.
    pub fn told(world: &Arc<World>, number: Number) -> Self {
        let mut body = Self::new(world, number);
        body.fuse.panics = operation_panics(number);
        body
    }

    pub fn disarm(mut self) -> Number {
        self.fuse.acts.clear();
        self.fuse.panics = false;
        self.number
    }

    /// Its effect is made, under this id.
    fn emitted(&mut self, id: RequestId) {
        if let Some(world) = self.fuse.world.upgrade() {
            world.learn(self.number, id);
            self.fuse.panics = operation_panics(self.number);
            if operation_kicks(self.number) {
                self.fuse.acts = vec![Act::Notify, Act::Wake(0)];
            }
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
    fn from(mut request: Request<Ask>) -> Self {
        let id = request.id();
        request.operation.0.emitted(id);
        Self::Ask(request)
    }
}
impl From<Request<Other>> for Effect {
    fn from(mut request: Request<Other>) -> Self {
        let id = request.id();
        request.operation.0.emitted(id);
        Self::Other(request)
    }
}
impl From<Subscription<Flow>> for Effect {
    fn from(mut subscription: Subscription<Flow>) -> Self {
        let id = subscription.id();
        subscription.operation.0.emitted(id);
        Self::Flow(subscription)
    }
}
impl From<Notification<Say>> for Effect {
    fn from(notification: Notification<Say>) -> Self {
        Self::Say(notification)
    }
}
