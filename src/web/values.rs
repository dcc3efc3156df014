//! How values cross: what JavaScript sees of Rust's, and Rust of JavaScript's.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_wasm_bindgen::{Deserializer, Serializer};
use wasm_bindgen::JsValue;

use super::fence::fenced;
use super::js;

/// A value as JavaScript sees it.
pub(super) fn to_js<T: Serialize + ?Sized>(value: &T) -> Result<JsValue, String> {
    // Objects and numbers are what everybody expects. Only a value that has a key or a number which they cannot hold is
    // written otherwise.
    let written = |as_objects, as_bigints| {
        let serializer = Serializer::new()
            .serialize_missing_as_null(true)
            .serialize_maps_as_objects(as_objects)
            .serialize_large_number_types_as_bigints(as_bigints);
        value.serialize(&serializer)
    };
    written(true, false)
        .or_else(|_| written(true, true))
        .or_else(|_| written(false, false))
        .or_else(|_| written(false, true))
        .map_err(|error| bare(&error))
}

/// A value of JavaScript as Rust sees it; otherwise what is wrong with it, and where.
pub(super) fn from_js<T: DeserializeOwned>(value: JsValue) -> Result<T, String> {
    match value.is_object() || value.is_function() {
        true => fenced(|| read(value))
            .unwrap_or_else(|thrown| Err(format!("reading it throws: {}", js::message(&thrown)))),
        // Nothing of these can throw.
        false => read(value),
    }
}

fn read<T: DeserializeOwned>(value: JsValue) -> Result<T, String> {
    serde_path_to_error::deserialize(Deserializer::from(value)).map_err(|error| {
        let what = bare(error.inner());
        match error.path().iter().next() {
            Some(_) => format!("at `{}`: {what}", error.path()),
            None => what,
        }
    })
}

/// The message alone, of what is a JavaScript `Error` underneath.
fn bare(error: &serde_wasm_bindgen::Error) -> String {
    let text = error.to_string();
    match text.strip_prefix("Error: ") {
        Some(message) => message.to_owned(),
        None => text,
    }
}
