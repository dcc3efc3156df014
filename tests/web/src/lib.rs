//! A small core with effects of its own, which the tests of the web host drive.
#![forbid(unsafe_code)]

mod effects;

use stillpoint::LocalExecutor;
use stillpoint::web::Host;
use wasm_bindgen::prelude::*;

pub use effects::*;

#[wasm_bindgen(typescript_custom_section)]
const HANDLERS: &str = include_str!("handlers.d.ts");

#[wasm_bindgen]
extern "C" {
    /// A function for each effect.
    #[wasm_bindgen(typescript_type = "Handlers")]
    pub type Handlers;
}

/// Starts a core that greets, and can be made to fail.
///
/// # Errors
///
/// Where a handler is missing.
#[wasm_bindgen]
pub fn start(handlers: Handlers) -> Result<Host, JsValue> {
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

/// Starts a core that does not come to its end: its first task calls itself until there is no room, or throws an error
/// of JavaScript's through the core.
///
/// # Errors
///
/// Where a handler is missing.
#[wasm_bindgen(js_name = startAndTrap)]
pub fn start_and_trap(handlers: Handlers, how: String) -> Result<Host, JsValue> {
    let executor = LocalExecutor::<Effect>::new();
    let spawner = executor.spawner();
    let host = Host::new(executor, handlers)?;
    spawner.spawn(async move {
        match how.as_str() {
            "throw" => throw("thrown through the core"),
            _ => drop(dig(u64::MAX)),
        }
    });
    Ok(host)
}

/// Panics.
///
/// # Panics
///
/// At once.
#[wasm_bindgen]
pub fn panic() {
    panic!("by request");
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = throwThrough)]
    fn throw(message: &str);
}

fn dig(depth: u64) -> u64 {
    match depth {
        0 => 0,
        depth => std::hint::black_box(dig(std::hint::black_box(depth - 1)) ^ depth),
    }
}
