//! What keeps an error of JavaScript's from being thrown through Rust code that does not look for it.

use js_sys::{Array, Error, Reflect, WebAssembly};
use wasm_bindgen::prelude::*;

use super::registry;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_namespace = Reflect)]
    fn apply(act: &mut dyn FnMut(), this: &JsValue, arguments: &Array) -> Result<JsValue, JsValue>;
}

/// Reads a value that somebody else made, or gives what that throws: a getter may, and everything that is asked of a
/// revoked `Proxy`.
///
/// What `read` has on its stack is never dropped then, so it holds nothing that somebody waits for. A trap is none of
/// the value's errors, and goes on.
pub(super) fn fenced<R>(read: impl FnOnce() -> R) -> Result<R, JsValue> {
    let mut read = Some(read);
    let mut result = None;
    let mut act = || result = read.take().map(|read| read());
    let applied = apply(&mut act, &JsValue::UNDEFINED, &Array::new());
    match (applied, result) {
        (Ok(_), Some(result)) => Ok(result),
        (Ok(nothing), None) => Err(nothing),
        (Err(thrown), _) => {
            if is_trap(&thrown) {
                registry::trap(registry::TRAPPED.to_owned());
                wasm_bindgen::throw_val(thrown);
            }
            Err(thrown)
        }
    }
}

/// Whether Rust code itself was cut off, perhaps within the allocator.
fn is_trap(thrown: &JsValue) -> bool {
    registry::is_trapped()
        || thrown.is_instance_of::<WebAssembly::RuntimeError>()
        || thrown.is_instance_of::<Error>() && is_too_deep(thrown)
}

/// Whether the stack had no room: engines have no error of its own for that.
fn is_too_deep(error: &JsValue) -> bool {
    let message = Reflect::get(error, &"message".into()).ok();
    message
        .and_then(|message| message.as_string())
        .is_some_and(|message| {
            ["Maximum call stack size exceeded", "too much recursion"]
                .iter()
                .any(|known| message.starts_with(known))
        })
}
