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
            .skip(0)
            .filter_map(|said| said.as_string())
            .collect()
    }
}

/// Handlers that nobody should need, for those that a test does not write.
const OTHERS: &str = "
    Ask: () => { throw new Error('not asked') },
    Count: () => { throw new Error('not counted') },
    Echo: value => value,
    Say: text => { log.push('say ' + text) },
";

/// Evaluates an object of handlers, which may use `log` and `host()`.
pub fn handlers(log: &Log, own: &str) -> JsValue {
    let make = Function::new_with_args("log", &format!("return {{ {OTHERS} {own} }}"));
    make.call1(&JsValue::UNDEFINED, &log.0).unwrap()
}

impl World {
    pub fn new(own: &str) -> Self {
        Self::of(LocalExecutor::new(), own)
    }

    pub fn of(executor: LocalExecutor<Effect>, own: &str) -> Self {
        let log = Log(Array::new());
        let (spawner, shell) = (executor.local_spawner(), executor.shell());
        let handlers = handlers(&log, own);
        let host = Host::new(executor, handlers.clone()).unwrap();
        js_sys::Reflect::set(&handlers, &"host".into(), &host).unwrap();
        Self {
            host,
            shell,
            spawner,
            log,
        }
    }

    pub fn spawn<T: 'static>(
        &self,
        future: impl Future<Output = T> + 'static,
    ) -> LocalJoinHandle<T> {
        self.spawner.spawn(future)
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

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &Function, milliseconds: u32) -> JsValue;
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
