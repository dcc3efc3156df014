//! The hosts of this thread, by number.
//!
//! A bell is called from anywhere, and JavaScript's functions live as long as its collector likes. So each holds no
//! more than a host's number, as whoever is outside an executor does, and finds the host here, or nothing once it is
//! closed.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use wasm_bindgen::JsValue;

use super::js;
use crate::id::RequestId;

/// A host, whatever its effects are.
pub(super) trait Hosted {
    /// The bell rang.
    fn schedule(&self);
    /// Takes a turn. Called by the event loop.
    fn settle(&self);
    /// Gives a new budget. Called by the event loop, in a task of its own.
    fn refill(&self);
    /// Called by the event loop, when nothing of the core can be under way.
    fn look_after(&self);
    /// A handler's promise came true.
    fn answered(&self, id: RequestId, value: JsValue);
    /// A handler's promise was rejected.
    fn failed(&self, id: RequestId, error: JsValue);
    fn close(&self) -> Result<JsValue, JsValue>;
    /// Also while it tells its handlers so.
    fn is_closed(&self) -> bool;
    fn snapshot(&self) -> Result<JsValue, JsValue>;
    fn totals(&self) -> Result<JsValue, JsValue>;
}

/// Why, where nobody has said it.
pub(super) const TRAPPED: &str = "the core has trapped in the midst of a turn: by too deep a recursion, for want of \
                                  memory, or by a JavaScript error that was thrown through it";

#[derive(Default)]
struct Hosts {
    given_out: u32,
    open: BTreeMap<u32, Rc<dyn Hosted>>,
    /// Why nothing in this module can be trusted any more.
    trapped: Option<String>,
}

thread_local! {
    static HOSTS: RefCell<Hosts> = RefCell::default();
}

/// Reads or changes the registry, and runs nobody's code meanwhile.
fn with<R>(act: impl FnOnce(&mut Hosts) -> R) -> Option<R> {
    HOSTS
        .try_with(|hosts| Some(act(&mut *hosts.try_borrow_mut().ok()?)))
        .ok()?
}

/// A number that no host of this thread has had.
pub(super) fn number() -> u32 {
    with(|hosts| {
        hosts.given_out += 1;
        hosts.given_out
    })
    .unwrap_or_default()
}

pub(super) fn add(number: u32, host: Rc<dyn Hosted>) {
    drop(with(|hosts| hosts.open.insert(number, host)));
}

pub(super) fn remove(number: u32) {
    drop(with(|hosts| hosts.open.remove(&number)));
}

/// The host, for what comes by itself: it is nobody's fault where it comes too late.
pub(super) fn find(number: u32) -> Option<Rc<dyn Hosted>> {
    with(|hosts| match hosts.trapped {
        Some(_) => None,
        None => hosts.open.get(&number).cloned(),
    })?
}

pub(super) fn is_open(number: u32) -> bool {
    let host = with(|hosts| hosts.open.get(&number).cloned()).flatten();
    host.is_some_and(|host| !host.is_closed())
}

/// The host, for a call of somebody's.
pub(super) fn called(number: u32) -> Result<Rc<dyn Hosted>, JsValue> {
    match trapped() {
        Some(why) => Err(js::plain_error(&why)),
        None => find(number).ok_or_else(|| js::plain_error("this host is closed")),
    }
}

/// Why nothing in this module can be trusted any more, if so.
pub(super) fn trapped() -> Option<String> {
    with(|hosts| hosts.trapped.clone())?
}

pub(super) fn is_trapped() -> bool {
    with(|hosts| hosts.trapped.is_some()).unwrap_or(true)
}

/// Has every call from here on say why it cannot be made. The first reason is the one that counts.
pub(super) fn trap(why: String) {
    with(|hosts| hosts.trapped.get_or_insert(why).len());
}

/// Keeps the message of a panic, which is all that is left where it cannot unwind.
pub(super) fn watch_for_panics() {
    #[cfg(all(target_family = "wasm", panic = "abort"))]
    {
        use std::sync::Once;

        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                let why = format!("the core has panicked: {info}");
                js::error(&why);
                trap(why);
                before(info);
            }));
        });
    }
}
