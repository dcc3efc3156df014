//! A core that counts, for the page beside it, `index.html`. It is also what the library and its adapter weigh in a page:
//! an executor with one kind of request, and its teardown.

use serde::Serialize;
use stillpoint::web::Host;
use stillpoint::{Executor, Operation, effects};
use wasm_bindgen::prelude::*;

/// Asks for the successor of a number.
#[derive(Serialize)]
pub struct Next {
    number: u32,
}

impl Operation for Next {
    type Output = u32;
}

effects! {
    /// All that it asks.
    pub enum Effect {
        /// One number.
        Next => request Next,
    }
}

/// Starts it.
#[wasm_bindgen]
pub fn start(handlers: &JsValue) -> Result<Host, JsValue> {
    let executor = Executor::<Effect>::new();
    let shell = executor.shell();
    let counting = async move {
        let mut number = 0;
        while let Ok(next) = shell.request(Next { number }).await {
            number = next;
        }
    };
    drop(executor.spawner().spawn(counting));
    Host::new(executor, handlers)
}
