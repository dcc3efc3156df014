//! What a handler feeds a stream from: an iterable of any kind, pulled one item at a time.

use js_sys::Reflect;
use wasm_bindgen::{JsCast, JsValue};

use super::js::{self, Callable, named};

/// Where items come from.
pub(super) enum Source {
    /// Of an iterator, whose steps are promises of their results.
    Later { iterator: JsValue, next: Callable },
    /// Of an iterator, whose steps are results.
    Now { iterator: JsValue, next: Callable },
    /// Of a `ReadableStream`'s reader.
    Reader { reader: JsValue, read: Callable },
}

/// What a pull came to.
pub(super) enum Step {
    Item(JsValue),
    /// The promise of a result.
    Later(JsValue),
    /// The promise of an item.
    Promised(JsValue),
    /// An item that cannot be awaited, by this error; its iterable would go on.
    Unusable(JsValue),
    Done,
}

impl Source {
    /// Begins to pull from what a handler gave, or says that it cannot be pulled from.
    pub(super) fn open(given: &JsValue) -> Result<Option<Self>, JsValue> {
        if let Some(get_reader) = js::method(given, &"getReader".into())? {
            let reader = get_reader.call0(given)?;
            let read = js::method(&reader, &"read".into())?;
            return Ok(read.map(|read| Self::Reader { reader, read }));
        }
        let iterator = |name| -> Result<_, JsValue> {
            let Some(symbol) = js::symbol(name) else {
                return Ok(None);
            };
            let Some(iterate) = js::method(given, &symbol)? else {
                return Ok(None);
            };
            let iterator = iterate.call0(given)?;
            let next = js::method(&iterator, &"next".into())?;
            Ok(next.map(|next| (iterator, next)))
        };
        if let Some((iterator, next)) = iterator("asyncIterator")? {
            return Ok(Some(Self::Later { iterator, next }));
        }
        Ok(iterator("iterator")?.map(|(iterator, next)| Self::Now { iterator, next }))
    }

    /// Pulls once.
    pub(super) fn pull(&self) -> Result<Step, JsValue> {
        match self {
            Self::Later { iterator, next } => next.call0(iterator).map(Step::Later),
            Self::Reader { reader, read } => read.call0(reader).map(Step::Later),
            Self::Now { iterator, next } => match read(&next.call0(iterator)?)? {
                Step::Item(item) => Ok(match js::is_thenable(&item) {
                    Ok(true) => Step::Promised(item),
                    Ok(false) => Step::Item(item),
                    Err(error) => Step::Unusable(error),
                }),
                step => Ok(step),
            },
        }
    }

    /// Lets it go before its end. What it throws or rejects with is of no use to anybody.
    pub(super) fn stop(&self, reason: &JsValue, ignore: &Callable) {
        let stopped = match self {
            Self::Later { iterator, .. } | Self::Now { iterator, .. } => {
                js::method(iterator, &"return".into()).and_then(|stop| match stop {
                    Some(stop) => stop.call0(iterator),
                    None => Ok(JsValue::UNDEFINED),
                })
            }
            Self::Reader { reader, .. } => {
                js::method(reader, &"cancel".into()).and_then(|cancel| match cancel {
                    Some(cancel) => cancel.call1(reader, reason),
                    None => Ok(JsValue::UNDEFINED),
                })
            }
        };
        if let Ok(stopped) = stopped {
            drop(js::settle(&stopped, ignore, ignore));
        }
    }
}

/// Reads `{ done, value }`.
pub(super) fn read(result: &JsValue) -> Result<Step, JsValue> {
    if !result.is_object() {
        return Err(js::type_error("an iterator's result is no object"));
    }
    match named!("done", |name| Reflect::get(result, name))?.is_truthy() {
        true => Ok(Step::Done),
        false => named!("value", |name| Reflect::get(result, name)).map(Step::Item),
    }
}

/// Whether it may be meant for a stream at all: a text is iterable as well, and hardly ever is.
pub(super) fn is_openable(given: &JsValue) -> bool {
    given.is_object() || given.is_instance_of::<js_sys::Function>()
}
