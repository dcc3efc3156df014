//! The host as JavaScript sees it: a plain object whose functions hold a number.

use std::rc::Rc;

use js_sys::{Object, Reflect};
use wasm_bindgen::prelude::*;

use super::core::Core;
use super::handlers::Handlers;
use super::hostable::Hostable;
use super::js::{self, Callable, FinalizationRegistry, function};
use super::registry;
use crate::portable::Portable;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = include_str!("host.d.ts");

#[wasm_bindgen]
extern "C" {
    /// Runs an executor in a page or a worker, with a JavaScript function for each effect: a JavaScript object, which a
    /// `#[wasm_bindgen]` function can return.
    ///
    /// Dropping it in Rust, or losing it in JavaScript, ends nothing: the executor runs on until JavaScript calls
    /// `close()`. Where the object is lost without, `console.warn` says so once it is collected.
    ///
    /// See [the module](super) for what it does and for an example.
    ///
    /// ```no_run
    /// # use stillpoint::web::Host;
    /// # use stillpoint::{Executor, effects};
    /// # use wasm_bindgen::prelude::*;
    /// effects! {
    ///     enum Effect {
    ///         Render => notify String,
    ///     }
    /// }
    ///
    /// #[wasm_bindgen]
    /// pub fn start(handlers: JsValue) -> Result<Host, JsValue> {
    ///     let executor = Executor::<Effect>::new();
    ///     let (spawner, shell) = (executor.spawner(), executor.shell());
    ///     drop(spawner.spawn(async move { shell.notify("hello".to_owned()) }));
    ///     Host::new(executor, handlers)
    /// }
    /// # fn main() {}
    /// ```
    #[wasm_bindgen(extends = Object, typescript_type = "Host")]
    #[derive(Clone, Debug)]
    pub type Host;

    /// Tears the executor down, aborts the handlers' signals, delivers the last notifications, and gives the report as
    /// a plain object; `undefined` where a turn of the executor calls it, which is closed at that turn's end then.
    ///
    /// ```no_run
    /// # use stillpoint::web::Host;
    /// # use wasm_bindgen::prelude::*;
    /// /// For a page that asks in Rust what JavaScript would ask by `host.close()?.text`.
    /// #[wasm_bindgen]
    /// pub fn end(host: &Host) -> Result<JsValue, JsValue> {
    ///     let report = host.close()?;
    ///     js_sys::Reflect::get(&report, &"text".into())
    /// }
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// Where it is closed, or the core has panicked.
    #[wasm_bindgen(method, catch)]
    pub fn close(this: &Host) -> Result<JsValue, JsValue>;

    /// The tasks and requests that the executor holds, as a plain object.
    ///
    /// ```no_run
    /// # use stillpoint::web::Host;
    /// # use wasm_bindgen::prelude::*;
    /// /// How many tasks there are.
    /// #[wasm_bindgen]
    /// pub fn tasks(host: &Host) -> Result<JsValue, JsValue> {
    ///     let tasks = js_sys::Reflect::get(&host.snapshot()?, &"tasks".into())?;
    ///     js_sys::Reflect::get(&tasks, &"length".into())
    /// }
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// Where it is closed, the core has panicked, or a turn of the executor calls it.
    #[wasm_bindgen(method, catch)]
    pub fn snapshot(this: &Host) -> Result<JsValue, JsValue>;

    /// What the executor has seen since it was made, as a plain object.
    ///
    /// ```no_run
    /// # use stillpoint::web::Host;
    /// # use wasm_bindgen::prelude::*;
    /// /// The most requests that were pending at one time.
    /// #[wasm_bindgen]
    /// pub fn peak(host: &Host) -> Result<JsValue, JsValue> {
    ///     js_sys::Reflect::get(&host.totals()?, &"peakRequests".into())
    /// }
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`snapshot`](Self::snapshot).
    #[wasm_bindgen(method, catch)]
    pub fn totals(this: &Host) -> Result<JsValue, JsValue>;

    /// Whether it is closed.
    ///
    /// ```no_run
    /// # use stillpoint::web::Host;
    /// # use wasm_bindgen::prelude::*;
    /// /// Closes it once, however often it is called.
    /// #[wasm_bindgen]
    /// pub fn leave(host: &Host) -> Result<(), JsValue> {
    ///     if !host.is_closed() {
    ///         host.close()?;
    ///     }
    ///     Ok(())
    /// }
    /// # fn main() {}
    /// ```
    #[wasm_bindgen(method, getter, js_name = isClosed)]
    pub fn is_closed(this: &Host) -> bool;
}

impl Host {
    /// Begins to run an executor, in a microtask from now. `handlers` is an object with a function for each effect.
    ///
    /// ```no_run
    /// # use stillpoint::web::Host;
    /// # use stillpoint::{LocalExecutor, effects};
    /// # use wasm_bindgen::prelude::*;
    /// # effects! { enum Effect { Render => notify String } }
    /// #[wasm_bindgen]
    /// pub struct App {
    ///     host: Host,
    ///     clicks: futures::channel::mpsc::UnboundedSender<u32>,
    /// }
    ///
    /// #[wasm_bindgen]
    /// impl App {
    ///     #[wasm_bindgen(constructor)]
    ///     pub fn new(handlers: JsValue) -> Result<App, JsValue> {
    ///         let mut executor = LocalExecutor::<Effect>::new();
    ///         let (shell, (clicks, mut clicked)) = (executor.shell(), futures::channel::mpsc::unbounded());
    ///         drop(executor.spawn_local(async move {
    ///             while let Some(x) = futures::StreamExt::next(&mut clicked).await {
    ///                 shell.notify(format!("clicked at {x}")).ok();
    ///             }
    ///         }));
    ///         Ok(App { host: Host::new(executor, handlers)?, clicks })
    ///     }
    ///
    ///     pub fn click(&self, x: u32) {
    ///         self.clicks.unbounded_send(x).ok(); // wakes the task, whose executor takes a turn
    ///     }
    ///
    ///     pub fn host(&self) -> Host {
    ///         self.host.clone()
    ///     }
    /// }
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// A JavaScript `TypeError` that names the effects that have no handler; the executor is dropped then. An `Error`
    /// where the module has panicked.
    pub fn new<X: Hostable>(executor: X, handlers: impl Into<JsValue>) -> Result<Self, JsValue> {
        if let Some(why) = registry::trapped() {
            return Err(js::plain_error(&why));
        }
        registry::watch_for_panics();
        let handlers = Handlers::new(handlers.into(), X::Effect::VARIANTS)?;
        let number = registry::number();
        let core: Rc<dyn registry::Hosted> =
            Rc::new(Core::new(number, executor.into_local().engine, handlers));
        registry::add(number, Rc::clone(&core));
        core.schedule();
        Ok(object(number))
    }
}

type Call = fn(&dyn registry::Hosted) -> Result<JsValue, JsValue>;

/// The object of the host with this number.
fn object(number: u32) -> Host {
    let object = Object::new();
    let calls: [(&str, Call); 3] = [
        ("close", |host| host.close()),
        ("snapshot", |host| host.snapshot()),
        ("totals", |host| host.totals()),
    ];
    for (name, call) in calls {
        let call = function!(dyn Fn() -> Result<JsValue, JsValue>, move || {
            call(&*registry::called(number)?)
        });
        define(&object, &name.into(), "value", &call);
    }
    let is_closed = function!(dyn Fn() -> bool, move || !registry::is_open(number));
    define(&object, &"isClosed".into(), "get", &is_closed);
    if let Some(dispose) = js::symbol("dispose") {
        let close = function!(dyn Fn() -> Result<(), JsValue>, move || {
            match registry::is_open(number) {
                true => registry::called(number)?.close().map(drop),
                false => Ok(()),
            }
        });
        define(&object, &dispose, "value", &close);
    }
    warn_when_lost(&object, number);
    object.unchecked_into()
}

/// A property that cannot be written.
fn define(object: &Object, name: &JsValue, what: &str, value: &Callable) {
    let descriptor = Object::new();
    // A new object takes whatever is set.
    let _ = Reflect::set(descriptor.unchecked_ref(), &what.into(), value.as_ref());
    let _ = Reflect::define_property(object, name, &descriptor);
}

/// Says so where a host is collected that nobody has closed.
fn warn_when_lost(object: &Object, number: u32) {
    thread_local! {
        static LOST: Option<FinalizationRegistry> =
            js::global("FinalizationRegistry").map(|_| {
                FinalizationRegistry::new(&function!(dyn Fn(u32), |number| {
                    if registry::is_open(number) {
                        js::warn(
                            "stillpoint: a host was lost that was not closed; its core runs on. Keep it, and call \
                             `close()`",
                        );
                    }
                }))
            });
    }
    LOST.with(|lost| {
        if let Some(lost) = lost {
            lost.register(object, &number.into());
        }
    });
}
