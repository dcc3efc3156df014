//! linkcheck for a web page: its core, and the adapter that hands its effects to handlers in JavaScript.

use std::num::NonZeroUsize;
use std::time::Duration;

use js_sys::Promise;
use linkcheck_core::{Settings, check, retry::Policy};
use serde::Deserialize;
use stillpoint::Executor;
use stillpoint::web::Host;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;

/// What the user wants, as the page states it.
#[derive(Deserialize)]
struct Wanted {
    concurrency: NonZeroUsize,
    timeout_ms: u32,
    retries: u32,
    offline: bool,
}

/// A check that is under way.
#[wasm_bindgen]
pub struct Started {
    host: Host,
    report: Promise,
}

#[wasm_bindgen]
impl Started {
    /// What its executor runs on.
    #[wasm_bindgen(getter)]
    pub fn host(&self) -> Host {
        self.host.clone()
    }

    /// Its report as JSON, when it is done; `undefined` where it was torn down before.
    #[wasm_bindgen(getter)]
    pub fn report(&self) -> Promise {
        self.report.clone()
    }
}

/// Starts a check, whose effects these handlers perform.
#[wasm_bindgen]
pub fn start(handlers: &JsValue, wanted: JsValue) -> Result<Started, JsValue> {
    let wanted: Wanted = serde_wasm_bindgen::from_value(wanted)?;
    let settings = Settings {
        concurrency: wanted.concurrency,
        deadline: Duration::from_millis(wanted.timeout_ms.into()),
        policy: Policy {
            retries: wanted.retries,
            ..Policy::default()
        },
        offline: wanted.offline,
        ..Settings::default()
    };
    let executor = Executor::new();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let checking = check(spawner.clone(), shell, settings);
    let task = spawner.name("check").spawn(checking);
    let report = future_to_promise(async move {
        Ok(match task.await {
            Ok(mut report) => {
                report.sort();
                report.to_json().into()
            }
            Err(_) => JsValue::UNDEFINED,
        })
    });
    Ok(Started {
        host: Host::new(executor, handlers)?,
        report,
    })
}
