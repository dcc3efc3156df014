//! What is under way at the handlers: it calls them, and sees to what they give.
//!
//! ```text
//!               handler returns          a value, or its promise comes true
//!   (effect) ───────────────────▶ One ───────────────────────────────────────▶ answered, until the core has read it
//!      │                           │ throws, rejects, no answer
//!      │ of a stream               └──────────────────────────▶ failed
//!      │
//!      └▶ Opening ──▶ Many: Ready ⇄ Waiting (for a promise), Blocked (for room) ──▶ ended, failed
//!
//!   and from each of them, by a notice: the signal is aborted, an iterator is told to return
//! ```
//!
//! What has work under way is moved out of the table while JavaScript is called, which may call back and cancel it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use js_sys::{Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};

use super::answers::{Answering, Feeding};
use super::event_loop::EventLoop;
use super::guard::Guard;
use super::handlers::Handlers;
use super::js::{self, AbortController, Callable, function, named};
use super::registry;
use super::stream::{self, Source, Step};
use crate::id::RequestId;

/// Items that a handler gives at once are taken so many at a time, before the core gets its turn.
const ITEMS_AT_ONCE: usize = 64;

pub(super) struct Performer {
    handlers: Handlers,
    guard: Rc<Guard>,
    events: Rc<EventLoop>,
    flights: RefCell<BTreeMap<RequestId, Flight>>,
    /// Those that are answered, failed or ended, and that the core may not have read.
    answered: RefCell<BTreeMap<RequestId, (usize, AbortController)>>,
    /// Streams to be pulled from, or to be offered what waits, after the next turn.
    to_pump: RefCell<BTreeSet<RequestId>>,
    /// These take a request's id first.
    on_answer: Callable,
    on_error: Callable,
    /// This takes an effect's name first.
    on_unheard: Callable,
    ignore: Callable,
}

/// One call of a handler.
struct Flight {
    effect: usize,
    controller: AbortController,
    work: Work,
}

enum Work {
    One(Box<dyn Answering>),
    Opening(Box<dyn Feeding>),
    Many(Pull),
    /// Somebody on the stack has it.
    MovedOut,
}

struct Pull {
    source: Source,
    feed: Box<dyn Feeding>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Ready,
    WaitingForStep,
    WaitingForItem,
    Blocked,
}

/// How a stream ends.
enum End {
    Done,
    /// By its own error.
    Threw(JsValue),
    /// By an item that is none; it would go on.
    Broken(String),
}

impl Performer {
    pub(super) fn new(
        number: u32,
        handlers: Handlers,
        guard: Rc<Guard>,
        events: Rc<EventLoop>,
    ) -> Self {
        let on = |act: fn(&dyn registry::Hosted, RequestId, JsValue)| {
            function!(dyn Fn(f64, JsValue), move |id: f64, value| {
                if let Some(host) = registry::find(number) {
                    act(&*host, RequestId::from_u64(id as u64), value);
                }
            })
        };
        Self {
            handlers,
            guard,
            events,
            flights: RefCell::default(),
            answered: RefCell::default(),
            to_pump: RefCell::default(),
            on_answer: on(|host, id, value| host.answered(id, value)),
            on_error: on(|host, id, error| host.failed(id, error)),
            on_unheard: function!(dyn Fn(JsValue, JsValue), |effect: JsValue, error| unheard(
                &effect.as_string().unwrap_or_default(),
                &error
            )),
            ignore: function!(dyn Fn(), || {}),
        }
    }

    pub(super) fn name(&self, effect: usize) -> &'static str {
        self.handlers.name(effect)
    }

    /// The effect that a request came with, as long as its handler may hear of it.
    pub(super) fn effect_of(&self, id: RequestId) -> Option<&'static str> {
        let flights = self.flights.borrow();
        let answered = self.answered.borrow();
        let effect = match flights.get(&id) {
            Some(flight) => flight.effect,
            None => answered.get(&id)?.0,
        };
        Some(self.name(effect))
    }

    /// Has a handler told something.
    pub(super) fn tell(&self, effect: usize, operation: Result<JsValue, String>) {
        let name = self.name(effect);
        let tell = |operation: &JsValue| -> Result<(), JsValue> {
            let told = self.handlers.call(effect, operation, &Object::new())?;
            if js::is_thenable(&told)? {
                let on_error = self.on_unheard.bind1(&JsValue::UNDEFINED, &name.into());
                js::settle(&told, &self.ignore, &on_error)?;
            }
            Ok(())
        };
        let told = match operation {
            Err(why) => Err(js::type_error(&why)),
            Ok(operation) => self.guard.outside(|| tell(&operation)),
        };
        if let Err(error) = told {
            unheard(name, &error);
        }
    }

    /// Has a handler answer a request.
    pub(super) fn ask(
        &self,
        id: RequestId,
        effect: usize,
        operation: Result<JsValue, String>,
        resolver: Box<dyn Answering>,
    ) {
        match operation {
            Ok(operation) => self.call(id, effect, &operation, Work::One(resolver)),
            Err(why) => resolver.fail(why),
        }
    }

    /// Has a handler feed a stream.
    pub(super) fn subscribe(
        &self,
        id: RequestId,
        effect: usize,
        operation: Result<JsValue, String>,
        feed: Box<dyn Feeding>,
    ) {
        match operation {
            Ok(operation) => self.call(id, effect, &operation, Work::Opening(feed)),
            Err(why) => feed.fail(why),
        }
    }

    fn call(&self, id: RequestId, effect: usize, operation: &JsValue, work: Work) {
        let controller = AbortController::new();
        let context = Object::new();
        let number = (id.to_u64() as f64).into();
        named!("id", |name| set(&context, name, &number));
        named!("signal", |name| set(&context, name, &controller.signal()));
        let flight = Flight {
            effect,
            controller,
            work,
        };
        self.flights.borrow_mut().insert(id, flight);
        let call = || -> Result<Option<JsValue>, JsValue> {
            let given = self.handlers.call(effect, operation, &context)?;
            match js::is_thenable(&given)? {
                true => self.wait_for(id, &given).map(|()| None),
                false => Ok(Some(given)),
            }
        };
        match self.guard.outside(call) {
            Ok(Some(given)) => self.answered(id, given),
            Ok(None) => {}
            Err(error) => self.failed(id, &error),
        }
    }

    /// Called outside: a promise of a handler's own may do anything.
    fn wait_for(&self, id: RequestId, promise: &JsValue) -> Result<(), JsValue> {
        let number = (id.to_u64() as f64).into();
        js::settle(
            promise,
            &self.on_answer.bind1(&JsValue::UNDEFINED, &number),
            &self.on_error.bind1(&JsValue::UNDEFINED, &number),
        )
    }

    /// A handler gave a value. It is let go of where nobody awaits it any more.
    pub(super) fn answered(&self, id: RequestId, value: JsValue) {
        match self.move_out(id) {
            Some(Work::One(resolver)) => {
                self.land(id);
                resolver.answer(value);
            }
            Some(Work::Opening(feed)) => self.open(id, feed, &value),
            Some(Work::Many(pull)) => self.came(id, pull, value),
            Some(Work::MovedOut) | None => {}
        }
    }

    /// A handler threw, or its promise was rejected.
    pub(super) fn failed(&self, id: RequestId, error: &JsValue) {
        let Some(work) = self.land(id) else {
            return;
        };
        match work {
            Work::One(resolver) => resolver.fail(js::message(error)),
            Work::Opening(feed) => feed.fail(js::message(error)),
            Work::Many(pull) => {
                // The iterable of a rejected promise has not ended by it.
                if pull.state == State::WaitingForItem {
                    self.stop(&pull.source, error);
                }
                pull.feed.fail(js::message(error));
            }
            Work::MovedOut => {}
        }
    }

    /// The core has no use for a request any more.
    pub(super) fn cancel(&self, id: RequestId, why: &str) {
        let flight = self.flights.borrow_mut().remove(&id);
        let (effect, controller, work) = match flight {
            Some(flight) => (flight.effect, flight.controller, Some(flight.work)),
            None => match self.answered.borrow_mut().remove(&id) {
                Some((effect, controller)) => (effect, controller, None),
                None => return,
            },
        };
        let reason = js::abort_error(&format!("`{}` is cancelled: {why}", self.name(effect)));
        self.guard.outside(|| controller.abort(&reason));
        if let Some(Work::Many(pull)) = work {
            self.stop(&pull.source, &reason);
        }
    }

    /// Forgets what is answered and done with.
    pub(super) fn forget(&self, is_held: impl Fn(RequestId) -> bool) {
        self.answered.borrow_mut().retain(|id, _| is_held(*id));
    }

    /// Its handler has nothing more to do with it. Gives what was under way.
    fn land(&self, id: RequestId) -> Option<Work> {
        let flight = self.flights.borrow_mut().remove(&id)?;
        let landed = (flight.effect, flight.controller);
        self.answered.borrow_mut().insert(id, landed);
        Some(flight.work)
    }

    fn move_out(&self, id: RequestId) -> Option<Work> {
        let mut flights = self.flights.borrow_mut();
        let flight = flights.get_mut(&id)?;
        Some(std::mem::replace(&mut flight.work, Work::MovedOut))
    }

    fn is_under_way(&self, id: RequestId) -> bool {
        self.flights.borrow().contains_key(&id)
    }

    /// A handler gave what a stream is to be fed from.
    fn open(&self, id: RequestId, feed: Box<dyn Feeding>, given: &JsValue) {
        let opened = match stream::is_openable(given) {
            true => self.guard.outside(|| Source::open(given)),
            false => Ok(None),
        };
        match opened {
            Ok(Some(source)) => {
                let state = State::Ready;
                self.pump(
                    id,
                    Pull {
                        source,
                        feed,
                        state,
                    },
                );
            }
            Ok(None) => {
                let effect = self.effect_of(id).unwrap_or_default();
                self.land(id);
                feed.fail(format!(
                    "the handler of `{effect}` gave nothing that can be iterated: an (async) iterable or a \
                     ReadableStream feeds a stream"
                ));
            }
            Err(error) => {
                self.land(id);
                feed.fail(js::message(&error));
            }
        }
    }

    /// What a stream waited for came.
    fn came(&self, id: RequestId, mut pull: Pull, value: JsValue) {
        let step = match pull.state {
            State::WaitingForStep => self.guard.outside(|| stream::read(&value)),
            _ => Ok(Step::Item(value)),
        };
        match take(&mut pull, step) {
            Ok(()) => {
                self.pump(id, pull);
            }
            Err(end) => self.end(id, pull, end),
        }
    }

    /// Streams that were left with something to do: whether one had room, or an item.
    pub(super) fn pump_all(&self) -> bool {
        let ids = self.to_pump.take();
        let mut has_moved = false;
        for id in ids {
            match self.move_out(id) {
                Some(Work::Many(pull)) => has_moved |= self.pump(id, pull),
                _ => continue,
            }
        }
        has_moved
    }

    /// Pulls from a stream what there is room for. Gives whether it has moved.
    fn pump(&self, id: RequestId, mut pull: Pull) -> bool {
        let mut has_moved = false;
        for _ in 0..ITEMS_AT_ONCE {
            if pull.state == State::Blocked && pull.feed.retry() {
                pull.state = State::Ready;
                has_moved = true;
            }
            let may_go_on = self.is_under_way(id) && !registry::is_trapped();
            if pull.state != State::Ready || !may_go_on || self.events.left() == 0 {
                break;
            }
            self.events.spend(1);
            has_moved = true;
            let step = self.guard.outside(|| {
                let step = pull.source.pull()?;
                let awaited = match &step {
                    Step::Later(promise) | Step::Promised(promise) => self.wait_for(id, promise),
                    _ => Ok(()),
                };
                Ok(awaited.map_or_else(Step::Unusable, |()| step))
            });
            if let Err(end) = take(&mut pull, step) {
                self.end(id, pull, end);
                return true;
            }
        }
        self.put_back(id, pull);
        has_moved
    }

    fn put_back(&self, id: RequestId, pull: Pull) {
        let state = pull.state;
        let gone = match self.flights.borrow_mut().get_mut(&id) {
            Some(flight) => {
                flight.work = Work::Many(pull);
                None
            }
            None => Some(pull),
        };
        match gone {
            // It was cancelled by what was called meanwhile, which could not stop what was moved out.
            Some(pull) => self.stop(&pull.source, &js::abort_error("cancelled")),
            None if matches!(state, State::Ready | State::Blocked) => {
                self.to_pump.borrow_mut().insert(id);
                self.events.left();
            }
            None => {}
        }
    }

    fn end(&self, id: RequestId, pull: Pull, end: End) {
        self.land(id);
        match end {
            End::Done => pull.feed.end(),
            End::Threw(error) => pull.feed.fail(js::message(&error)),
            End::Broken(why) => {
                self.stop(&pull.source, &js::type_error(&why));
                pull.feed.fail(why);
            }
        }
    }

    fn stop(&self, source: &Source, reason: &JsValue) {
        self.guard.outside(|| source.stop(reason, &self.ignore));
    }
}

/// Takes what a pull came to.
fn take(pull: &mut Pull, step: Result<Step, JsValue>) -> Result<(), End> {
    pull.state = match step {
        Err(error) => return Err(End::Threw(error)),
        Ok(Step::Done) => return Err(End::Done),
        Ok(Step::Unusable(error)) => return Err(End::Broken(js::message(&error))),
        Ok(Step::Later(_)) => State::WaitingForStep,
        Ok(Step::Promised(_)) => State::WaitingForItem,
        Ok(Step::Item(item)) => match pull.feed.offer(item) {
            Ok(true) => State::Ready,
            Ok(false) => State::Blocked,
            Err(why) => return Err(End::Broken(why)),
        },
    };
    Ok(())
}

/// A handler of a notification failed, and nobody in the core waits for it.
fn unheard(effect: &str, error: &JsValue) {
    let message = js::message(error);
    js::error(&format!("the handler of `{effect}` failed: {message}"));
}

fn set(object: &Object, name: &JsValue, value: &JsValue) {
    // A new object takes whatever is set.
    let _ = Reflect::set(object.unchecked_ref(), name, value);
}
