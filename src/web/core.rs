//! The loop of a host: turns of the executor, and what they emit to the handlers.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;

use super::answers::{Fed, Resolving};
use super::event_loop::EventLoop;
use super::guard::Guard;
use super::handlers::Handlers;
use super::js;
use super::performer::Performer;
use super::registry::{self, Hosted};
use super::values::to_js;
use crate::engine::Engine;
use crate::id::RequestId;
use crate::outbox::Emitted;
use crate::plain::{PlainReport, PlainSnapshot, PlainTotals, Unseen};
use crate::portable::{Portable, Visitor};
use crate::request::{Operation, Request, Subscription};
use crate::shell::Notification;

/// What the registry holds of a host.
pub(super) struct Core<E: Portable> {
    number: u32,
    /// `None` once it is torn down. Borrowed by what the guard lets in alone.
    executor: RefCell<Option<Engine<E>>>,
    performer: Performer,
    guard: Rc<Guard>,
    events: Rc<EventLoop>,
    /// The core's own code has asked for it, in the midst of a turn.
    is_to_close: Cell<bool>,
}

/// Wakes a host, from wherever; on another thread than the host's, nobody.
struct Bell(u32);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        if let Some(host) = registry::find(self.0) {
            host.schedule();
        }
    }
}

impl<E: Portable> Core<E> {
    pub(super) fn new(number: u32, executor: Engine<E>, handlers: Handlers) -> Self {
        let (guard, events) = (Rc::default(), Rc::new(EventLoop::new(number)));
        Self {
            number,
            executor: RefCell::new(Some(executor)),
            performer: Performer::new(number, handlers, Rc::clone(&guard), Rc::clone(&events)),
            guard,
            events,
            is_to_close: Cell::new(false),
        }
    }

    /// Acts on the executor, unless it is torn down.
    fn with<R>(&self, act: impl FnOnce(&mut Engine<E>) -> R) -> Option<R> {
        self.executor.borrow_mut().as_mut().map(act)
    }

    /// Drives until nothing is left to do, or the budget is spent, or the host is closed.
    fn drive(&self) -> Option<()> {
        loop {
            // Neither polls, nor effects, nor items may leave the others nothing: each takes a part of what is left.
            let settled = self.with(|executor| executor.run(self.share()))?;
            self.events.spend(settled.polled.max(1));
            let has_performed = self.perform_emitted(self.share())?;
            let has_pulled = self.performer.pump_all();
            if self.events.left() == 0 {
                return None;
            }
            if has_performed || has_pulled || settled.budget_spent {
                continue;
            }
            let waker = Waker::from(Arc::new(Bell(self.number)));
            let cx = Context::from_waker(&waker);
            match self.with(|executor| executor.poll_next(&cx))? {
                Poll::Pending => return None,
                Poll::Ready((_, emitted)) => self.perform(emitted, "the core no longer awaits it"),
            }
        }
    }

    fn share(&self) -> usize {
        self.events.left().div_ceil(2)
    }

    /// Performs what was emitted, up to so much, and says whether there was anything.
    fn perform_emitted(&self, most: usize) -> Option<bool> {
        for performed in 0..most {
            let Some(emitted) = self.with(Engine::pop)? else {
                // Whatever was cancelled by now has had its notice: what is gone besides has been read.
                self.with(|executor| self.performer.forget(|id| executor.turn.holds(id)))?;
                return Some(performed > 0);
            };
            self.events.spend(1);
            self.perform(emitted, "the core no longer awaits it");
            if self.is_to_close.get() || registry::is_trapped() {
                return None;
            }
        }
        Some(most > 0)
    }

    fn perform(&self, emitted: Emitted<E>, why: &str) {
        match emitted {
            Emitted::Effect(effect) => effect.visit(Perform(&self.performer)),
            Emitted::Cancelled(id) => self.performer.cancel(id, why),
        }
    }

    /// Takes what comes from the event loop by itself. Nothing of the core's can be under way then: where something is,
    /// it never came to its end.
    fn enter(&self, act: impl FnOnce()) {
        if self.guard.enter(act).is_none() {
            registry::trap(registry::TRAPPED.to_owned());
        }
    }

    /// Looks at the executor for a call of somebody's.
    fn look<T: Serialize>(
        &self,
        look: impl FnOnce(&mut Engine<E>) -> T,
    ) -> Result<JsValue, JsValue> {
        match self.guard.enter(|| self.with(look)) {
            Some(Some(seen)) => to_js(&seen).map_err(|why| js::plain_error(&why)),
            Some(None) => Err(js::plain_error("this host is closed")),
            None => Err(js::plain_error(
                "this host is in the midst of a turn, and called by the core's own code: look at it afterwards",
            )),
        }
    }
}

impl<E: Portable> Hosted for Core<E> {
    fn schedule(&self) {
        self.events.schedule();
    }

    fn settle(&self) {
        self.events.have_looked_after();
        self.enter(|| {
            self.drive();
        });
        if self.is_to_close.get() {
            drop(self.close());
        }
    }

    fn refill(&self) {
        if self.events.refilled() {
            self.settle();
        }
    }

    fn look_after(&self) {
        self.enter(|| ());
    }

    fn answered(&self, id: RequestId, value: JsValue) {
        self.enter(|| self.performer.answered(id, value));
    }

    fn failed(&self, id: RequestId, error: JsValue) {
        self.enter(|| self.performer.failed(id, &error));
    }

    fn close(&self) -> Result<JsValue, JsValue> {
        self.events.have_looked_after();
        let closed = self.guard.enter(|| {
            let executor = self.executor.borrow_mut().take();
            let mut report = executor?.teardown();
            let unseen = Unseen::of(&report.emitted);
            for emitted in std::mem::take(&mut report.emitted) {
                self.perform(emitted, "its host is closed");
            }
            registry::remove(self.number);
            Some(to_js(&PlainReport::new(&report, unseen)))
        });
        match closed {
            Some(Some(report)) => report.map_err(|why| js::plain_error(&why)),
            Some(None) => Err(js::plain_error("this host is closed")),
            None => {
                self.is_to_close.set(true);
                self.schedule();
                Ok(JsValue::UNDEFINED)
            }
        }
    }

    fn is_closed(&self) -> bool {
        // Where it is borrowed, a turn is under way.
        let executor = self.executor.try_borrow();
        executor.is_ok_and(|executor| executor.is_none())
    }

    fn snapshot(&self) -> Result<JsValue, JsValue> {
        self.look(|executor| {
            PlainSnapshot::new(&executor.snapshot(), |request| {
                self.performer.effect_of(request.id)
            })
        })
    }

    fn totals(&self) -> Result<JsValue, JsValue> {
        self.look(|executor| PlainTotals::new(executor.turn.totals()))
    }
}

/// Gives an effect to its handler.
struct Perform<'a>(&'a Performer);

impl Visitor for Perform<'_> {
    type Output = ();

    fn notify<T>(self, variant: usize, notification: Notification<T>)
    where
        T: Serialize + Send + 'static,
    {
        self.0
            .tell(variant, written(self.0, variant, notification.operation));
    }

    fn request<Op>(self, variant: usize, request: Request<Op>)
    where
        Op: Operation + Serialize,
        Op::Output: DeserializeOwned,
    {
        let operation = written(self.0, variant, request.operation);
        let resolver = Box::new(Resolving {
            resolver: request.resolver,
            effect: self.0.name(variant),
        });
        self.0
            .ask(resolver.resolver.id(), variant, operation, resolver);
    }

    fn stream<Op>(self, variant: usize, subscription: Subscription<Op>)
    where
        Op: Operation + Serialize,
        Op::Output: DeserializeOwned,
    {
        let operation = written(self.0, variant, subscription.operation);
        let feed = Box::new(Fed {
            feed: subscription.feed,
            effect: self.0.name(variant),
            waiting: None,
        });
        self.0.subscribe(feed.feed.id(), variant, operation, feed);
    }
}

/// An operation as its handler sees it.
fn written<T: Serialize>(
    performer: &Performer,
    effect: usize,
    operation: T,
) -> Result<JsValue, String> {
    to_js(&operation).map_err(|why| {
        let effect = performer.name(effect);
        format!("the operation of `{effect}` cannot be given to JavaScript: {why}")
    })
}
