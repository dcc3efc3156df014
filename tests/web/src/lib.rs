//! A small core with effects of its own, which the tests of the web host drive.
#![forbid(unsafe_code)]

mod effects;

use stillpoint::LocalExecutor;
use stillpoint::web::Host;
use wasm_bindgen::prelude::*;

pub use effects::*;

/// Starts a core that greets, and can be made to fail.
///
/// # Errors
///
/// Where a handler is missing.
#[wasm_bindgen]
pub fn start(handlers: JsValue) -> Result<Host, JsValue> {
    let executor = LocalExecutor::<Effect>::new();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let host = Host::new(executor, handlers)?;
    spawner.name("greeter").spawn(async move {
        if let Ok(name) = shell.request(Ask("name".to_owned())).await {
            shell.notify(Say(format!("hello, {name}"))).ok();
            assert_ne!(name, "panic", "this is no name");
        }
        let _ = shell.request(Ask("forever".to_owned())).await;
    });
    Ok(host)
}
