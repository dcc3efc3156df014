//! A core in this page, or in node, and what happened there.
#![allow(dead_code, reason = "each test uses some of it")]

use std::future::Future;

use js_sys::{Array, Function, Promise};
use stillpoint::web::Host;
use stillpoint::{LocalExecutor, LocalJoinHandle, LocalSpawner, Shell};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_tests::Effect;

/// A core whose handlers are written in JavaScript, and the trace that both sides write.
pub struct World {
    pub host: Host,
    pub shell: Shell<Effect>,
    handlers: JsValue,
    _watch: Watch,
    spawner: LocalSpawner,
    log: Log,
}

/// What happened.
#[derive(Clone)]
pub struct Log(Array);

impl Log {
    pub fn say(&self, what: impl Into<String>) {
        self.0.push(&what.into().into());
    }

    /// What happened since it was taken last.
    pub fn take(&self) -> Vec<String> {
        self.0
            .splice(0, self.0.length(), &JsValue::UNDEFINED)
            .iter()
            .filter_map(|said| said.as_string())
            .collect()
    }
}

/// Handlers that nobody should need, for those that a test does not write.
const OTHERS: &str = "
    Ask: () => { throw new Error('not asked') },
    Count: () => { throw new Error('not counted') },
    Echo: value => value,
    Swap: map => map,
    Say: text => { log.push('say ' + text) },
";

/// An empty one.
pub fn log() -> Log {
    Log(Array::new())
}

/// Evaluates an object of handlers, which may use `log` and `host()`.
pub fn handlers(log: &Log, own: &str) -> JsValue {
    // What the functions call `this` is a world of its own, where a test can put more.
    let make = Function::new_with_args(
        "log",
        &format!("return Object.assign(this, {{ {OTHERS} {own} }})"),
    );
    make.call1(&js_sys::Object::new(), &log.0).unwrap()
}

impl World {
    pub fn new(own: &str) -> Self {
        Self::of(LocalExecutor::new(), own)
    }

    pub fn of(executor: LocalExecutor<Effect>, own: &str) -> Self {
        let log = log();
        let (spawner, shell) = (executor.local_spawner(), executor.shell());
        let handlers = handlers(&log, own);
        let host = Host::new(executor, handlers.clone()).unwrap();
        js_sys::Reflect::set(&handlers, &"host".into(), &host).unwrap();
        Self {
            host,
            shell,
            handlers,
            _watch: Watch::new(),
            spawner,
            log,
        }
    }

    #[track_caller]
    pub fn spawn<T: 'static>(
        &self,
        future: impl Future<Output = T> + 'static,
    ) -> LocalJoinHandle<T> {
        self.spawner.spawn(future)
    }

    /// Gives the handlers something, as `this`.
    pub fn set(&self, name: &str, value: &JsValue) {
        js_sys::Reflect::set(&self.handlers, &name.into(), value).unwrap();
    }

    /// Calls a function that the handlers have kept in `this`.
    pub fn call(&self, name: &str, argument: &str) {
        let function: Function = get(&self.handlers, name).dyn_into().unwrap();
        function
            .call1(&JsValue::UNDEFINED, &JsValue::from(argument))
            .unwrap();
    }

    pub fn log(&self) -> Log {
        self.log.clone()
    }

    pub fn trace(&self) -> Vec<String> {
        self.log.take()
    }

    /// Closes it, and looks at the report.
    pub fn close(&self) -> JsValue {
        let report = self.host.close().unwrap();
        assert!(get(&report, "isBaseline").is_truthy(), "{report:?}");
        report
    }
}

/// A property of an object.
pub fn get(object: &JsValue, name: &str) -> JsValue {
    js_sys::Reflect::get(object, &name.into()).unwrap()
}

/// A number that an object has.
pub fn number(object: &JsValue, name: &str) -> f64 {
    get(object, name).as_f64().unwrap()
}

/// The message of an error.
pub fn message(error: &JsValue) -> String {
    get(error, "message").as_string().unwrap()
}

/// Throws where a test waits for what never comes: node would end without a word, and count it as passed.
struct Watch(JsValue);

impl Watch {
    fn new() -> Self {
        let hangs = Function::new_no_args("throw new Error('a test waits for what never comes')");
        Self(set_timeout(&hangs, 15_000))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        clear_timeout(&self.0);
    }
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &Function, milliseconds: u32) -> JsValue;
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(id: &JsValue);
}

/// Lets the page do what it has to, several times.
pub async fn pass() {
    for _ in 0..6 {
        let passed = Promise::new(&mut |resolve, _| {
            set_timeout(&resolve, 0);
        });
        JsFuture::from(passed).await.unwrap();
    }
}

/// A well-known symbol, if the engine has it.
pub fn symbol(name: &str) -> Option<JsValue> {
    let found = get(&get(&js_sys::global(), "Symbol"), name);
    (!found.is_undefined()).then_some(found)
}

/// Counts the calls of a global function.
pub struct Counting {
    name: &'static str,
    function: JsValue,
    calls: Array,
}

pub fn count_calls(name: &'static str) -> Counting {
    let function = get(&js_sys::global(), name);
    let calls = Array::new();
    let wrap = Function::new_with_args(
        "inner, calls",
        "return (...all) => { calls.push(1); return inner(...all) }",
    );
    let counted = wrap.call2(&JsValue::UNDEFINED, &function, &calls).unwrap();
    js_sys::Reflect::set(&js_sys::global(), &name.into(), &counted).unwrap();
    Counting {
        name,
        function,
        calls,
    }
}

impl Counting {
    /// Gives how many there were.
    pub fn stop(self) -> u32 {
        js_sys::Reflect::set(&js_sys::global(), &self.name.into(), &self.function).unwrap();
        self.calls.length()
    }
}
