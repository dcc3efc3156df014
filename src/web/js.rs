//! What is used of JavaScript: functions that are called, iterators, promises, signals and the event loop.

use js_sys::{Object, Reflect, Symbol};
use wasm_bindgen::prelude::*;

use super::fence::fenced;

#[wasm_bindgen]
extern "C" {
    /// Anything that can be called.
    #[wasm_bindgen(is_type_of = JsValue::is_function)]
    #[derive(Clone)]
    pub(super) type Callable;
    #[wasm_bindgen(method, catch, js_name = call)]
    pub(super) fn call0(this: &Callable, on: &JsValue) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, js_name = call)]
    pub(super) fn call1(this: &Callable, on: &JsValue, a: &JsValue) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, js_name = call)]
    pub(super) fn call2(
        this: &Callable,
        on: &JsValue,
        a: &JsValue,
        b: &JsValue,
    ) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, js_name = bind)]
    pub(super) fn bind1(this: &Callable, on: &JsValue, a: &JsValue) -> Callable;

    #[wasm_bindgen(catch, js_namespace = Promise, js_name = resolve)]
    fn promise(value: &JsValue) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch, js_namespace = ["Promise", "prototype", "then"], js_name = call)]
    fn then(promise: &JsValue, answered: &Callable, failed: &Callable) -> Result<JsValue, JsValue>;

    #[derive(Clone)]
    pub(super) type AbortController;
    #[wasm_bindgen(constructor)]
    pub(super) fn new() -> AbortController;
    #[wasm_bindgen(method, getter)]
    pub(super) fn signal(this: &AbortController) -> JsValue;
    #[wasm_bindgen(method)]
    pub(super) fn abort(this: &AbortController, reason: &JsValue);

    type DOMException;
    #[wasm_bindgen(constructor)]
    fn new(message: &str, name: &str) -> DOMException;

    #[wasm_bindgen(js_name = queueMicrotask)]
    pub(super) fn queue_microtask(callback: &Callable);
    #[wasm_bindgen(js_name = setTimeout)]
    pub(super) fn set_timeout(callback: &Callable, milliseconds: u32) -> JsValue;

    pub(super) type MessageChannel;
    #[wasm_bindgen(constructor)]
    pub(super) fn new() -> MessageChannel;
    #[wasm_bindgen(method, getter)]
    pub(super) fn port1(this: &MessageChannel) -> MessagePort;
    #[wasm_bindgen(method, getter)]
    pub(super) fn port2(this: &MessageChannel) -> MessagePort;

    pub(super) type MessagePort;
    #[wasm_bindgen(method, js_name = postMessage)]
    pub(super) fn post_message(this: &MessagePort, message: &JsValue);
    #[wasm_bindgen(method, setter)]
    pub(super) fn set_onmessage(this: &MessagePort, callback: &JsValue);
    #[wasm_bindgen(method)]
    pub(super) fn close(this: &MessagePort);

    pub(super) type FinalizationRegistry;
    #[wasm_bindgen(constructor)]
    pub(super) fn new(callback: &Callable) -> FinalizationRegistry;
    #[wasm_bindgen(method)]
    pub(super) fn register(this: &FinalizationRegistry, target: &Object, held: &JsValue);

    #[wasm_bindgen(js_namespace = console)]
    pub(super) fn warn(text: &str);
    #[wasm_bindgen(js_namespace = console)]
    pub(super) fn error(text: &str);

    #[wasm_bindgen(js_name = String)]
    fn text_of(value: &JsValue) -> String;
}

/// A JavaScript function of a Rust one, which lives as long as JavaScript holds it.
macro_rules! function {
    ($type:ty, $closure:expr) => {
        wasm_bindgen::closure::Closure::<$type>::new($closure)
            .into_js_value()
            .unchecked_into::<Callable>()
    };
}
pub(super) use function;

/// Does something with a name, whose text is brought to JavaScript once and not each time.
macro_rules! named {
    ($name:literal, $act:expr) => {{
        thread_local! {
            static NAME: wasm_bindgen::JsValue = wasm_bindgen::JsValue::from_str($name);
        }
        NAME.with($act)
    }};
}
pub(super) use named;

/// What stands under a name of the global object.
pub(super) fn global(name: &str) -> Option<Callable> {
    let found = Reflect::get(&js_sys::global(), &name.into()).ok()?;
    found.dyn_into().ok()
}

/// A method that an object has under a name or a symbol. What is no object has none.
pub(super) fn method(of: &JsValue, key: &JsValue) -> Result<Option<Callable>, JsValue> {
    match of.is_object() || of.is_function() {
        true => Ok(Reflect::get(of, key)?.dyn_into().ok()),
        false => Ok(None),
    }
}

pub(super) fn is_thenable(value: &JsValue) -> Result<bool, JsValue> {
    Ok(named!("then", |name| method(value, name))?.is_some())
}

/// Has one of these called once, and not before this microtask is over: by JavaScript's own `then`, since a promise may
/// have another. An error is the promise's, and neither will be called.
pub(super) fn settle(
    promised: &JsValue,
    answered: &Callable,
    failed: &Callable,
) -> Result<(), JsValue> {
    then(&promise(promised)?, answered, failed).map(drop)
}

/// A well-known symbol, where this engine has it.
pub(super) fn symbol(name: &str) -> Option<JsValue> {
    let symbols = Reflect::get(&js_sys::global(), &"Symbol".into()).ok()?;
    let symbol = Reflect::get(&symbols, &name.into()).ok()?;
    symbol.has_type::<Symbol>().then_some(symbol)
}

/// An error's message, or how JavaScript writes whatever else was thrown.
pub(super) fn message(thrown: &JsValue) -> String {
    let own = match thrown.is_object() {
        true => Reflect::get(thrown, &"message".into()).ok(),
        false => None,
    };
    match own.and_then(|message| message.as_string()) {
        Some(message) => message,
        None => fenced(|| match thrown.is_object() || thrown.is_symbol() {
            // Symbols and objects without a prototype cannot be written by everybody.
            true => format!("{thrown:?}"),
            false => text_of(thrown),
        })
        .unwrap_or_else(|_| "an error that cannot be written".to_owned()),
    }
}

/// What `fetch` and its like reject with when their signal says so.
pub(super) fn abort_error(message: &str) -> JsValue {
    DOMException::new(message, "AbortError").into()
}

pub(super) fn type_error(message: &str) -> JsValue {
    js_sys::TypeError::new(message).into()
}

pub(super) fn plain_error(message: &str) -> JsValue {
    js_sys::Error::new(message).into()
}
