//! When a host takes its turns: in a microtask, as long as its budget lasts, and then in a task of its own.
//!
//! Microtasks run before the page does anything else. A core whose answers are there at once would keep it from
//! painting by them alone, so the budget is not a turn's: a task gives it anew, and the page has its own before that.

use std::cell::Cell;

use wasm_bindgen::{JsCast, JsValue};

use super::js::{self, Callable, MessageChannel, MessagePort, function};
use super::registry;

/// Polls and emissions between two tasks of the page.
const BUDGET: usize = 1024;

/// Whom a host asks for its turns.
pub(super) struct EventLoop {
    tick: Callable,
    look: Callable,
    refill: Callable,
    poster: Poster,
    left: Cell<usize>,
    /// A task is under way.
    refilling: Cell<bool>,
    /// The budget was spent with work left.
    hungry: Cell<bool>,
}

/// How a task is posted that comes after what the page has to do.
enum Poster {
    /// Where no page is, as in node; a channel would keep its process from ending.
    Immediate(Callable),
    Channel {
        here: MessagePort,
        there: MessagePort,
    },
    /// Slower: a page waits 4 ms between such.
    Timeout,
}

impl EventLoop {
    pub(super) fn new(number: u32) -> Self {
        let on = |act: fn(&dyn registry::Hosted)| {
            function!(dyn Fn(), move || {
                if let Some(host) = registry::find(number) {
                    act(&*host);
                }
            })
        };
        let refill = on(|host| host.refill());
        Self {
            tick: on(|host| host.settle()),
            look: on(|host| host.look_after()),
            poster: Poster::new(&refill),
            refill,
            left: Cell::new(BUDGET),
            refilling: Cell::new(false),
            hungry: Cell::new(false),
        }
    }

    /// Has a turn taken soon. The bell rings once for a turn, so there is one microtask for it.
    pub(super) fn schedule(&self) {
        js::queue_microtask(&self.tick);
    }

    /// Has somebody look after it when this microtask is over, whether or not it came to its end.
    pub(super) fn have_looked_after(&self) {
        js::queue_microtask(&self.look);
    }

    /// What may still be done before the page gets its turn. Where it is nothing, a task will go on with it.
    pub(super) fn left(&self) -> usize {
        let left = self.left.get();
        if left == 0 {
            self.hungry.set(true);
        }
        left
    }

    pub(super) fn spend(&self, spent: usize) {
        self.left.set(self.left.get().saturating_sub(spent));
        if !self.refilling.replace(true) {
            match &self.poster {
                Poster::Immediate(post) => {
                    drop(post.call1(&JsValue::UNDEFINED, &self.refill));
                }
                Poster::Channel { there, .. } => there.post_message(&JsValue::NULL),
                Poster::Timeout => drop(js::set_timeout(&self.refill, 0)),
            }
        }
    }

    /// The page had its turn. Says whether somebody waits to go on.
    pub(super) fn refilled(&self) -> bool {
        self.refilling.set(false);
        self.left.set(BUDGET);
        self.hungry.replace(false)
    }
}

impl Drop for EventLoop {
    fn drop(&mut self) {
        if let Poster::Channel { here, .. } = &self.poster {
            here.set_onmessage(&JsValue::NULL);
            here.close();
        }
    }
}

impl Poster {
    fn new(refill: &Callable) -> Self {
        if let Some(post) = js::global("setImmediate") {
            return Self::Immediate(post);
        }
        if js::global("MessageChannel").is_none() {
            return Self::Timeout;
        }
        let channel = MessageChannel::new();
        let (here, there) = (channel.port1(), channel.port2());
        here.set_onmessage(refill);
        Self::Channel { here, there }
    }
}
