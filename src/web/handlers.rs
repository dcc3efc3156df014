//! The application's handlers: one JavaScript function for each effect.

use js_sys::{Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};

use super::js::{self, Callable};
use crate::portable::Variant;

pub(super) struct Handlers {
    object: JsValue,
    effects: Vec<(&'static str, JsValue)>,
}

impl Handlers {
    /// Takes the handlers, if there is one for each effect.
    pub(super) fn new(object: JsValue, effects: &[Variant]) -> Result<Self, JsValue> {
        if !object.is_object() {
            return Err(js::type_error(
                "the handlers are no object: `{ Effect: operation => answer, ... }` is meant",
            ));
        }
        let name = |effect: &Variant| (effect.name, effect.name.into());
        let handlers = Self {
            object,
            effects: effects.iter().map(name).collect(),
        };
        let missing: Vec<_> = (0..effects.len())
            .filter(|effect| handlers.find(*effect).is_none())
            .map(|effect| format!("`{}`", handlers.name(effect)))
            .collect();
        match missing.is_empty() {
            true => Ok(handlers),
            false => Err(js::type_error(&format!(
                "no handler for {}: each effect needs a function of its name",
                missing.join(", ")
            ))),
        }
    }

    /// An effect that is written by hand may say a place that is none.
    pub(super) fn name(&self, effect: usize) -> &'static str {
        self.effects.get(effect).map_or("?", |effect| effect.0)
    }

    /// The handler as it is now: a page may exchange one.
    fn find(&self, effect: usize) -> Option<Callable> {
        let found = Reflect::get(&self.object, &self.effects.get(effect)?.1).ok()?;
        found.dyn_into().ok()
    }

    /// Calls a handler, and gives what it returns or throws.
    pub(super) fn call(
        &self,
        effect: usize,
        operation: &JsValue,
        context: &Object,
    ) -> Result<JsValue, JsValue> {
        match self.find(effect) {
            Some(handler) => handler.call2(&self.object, operation, context),
            None => Err(js::type_error(&format!(
                "no handler for `{}`",
                self.name(effect)
            ))),
        }
    }
}
