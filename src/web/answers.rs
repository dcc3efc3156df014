//! What answers a request or feeds a stream, whatever its type: it reads JavaScript's values.

use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;

use super::values::from_js;
use crate::entry::Reason;
use crate::request::{Feed, Operation, Resolver};

/// A resolver. Dropping it abandons its request.
pub(super) trait Answering {
    /// Answers with this value, or fails with the reason why it cannot be an answer.
    fn answer(self: Box<Self>, value: JsValue);
    fn fail(self: Box<Self>, why: String);
}

/// A resolver that also fails its request where the value does not decode; the error names the effect.
pub(super) struct Resolving<Op: Operation> {
    pub(super) resolver: Resolver<Op>,
    pub(super) effect: &'static str,
}

impl<Op: Operation<Output: DeserializeOwned>> Answering for Resolving<Op> {
    fn answer(self: Box<Self>, value: JsValue) {
        match from_js(value) {
            // Where it is too late, the handler's signal has said so.
            Ok(output) => drop(self.resolver.resolve(output)),
            Err(why) => {
                let why = format!("the answer to `{}` does not decode: {why}", self.effect);
                drop(self.resolver.fail(why));
            }
        }
    }

    fn fail(self: Box<Self>, why: String) {
        drop(self.resolver.fail(why));
    }
}

/// A feed, with the item that waits for room. Dropping it abandons the stream.
pub(super) trait Feeding {
    /// Sends an item, and says whether there was room; or says why it cannot be an item.
    fn offer(&mut self, value: JsValue) -> Result<bool, String>;
    /// Sends the item that waits, and says whether there was room.
    fn retry(&mut self) -> bool;
    fn end(self: Box<Self>);
    fn fail(self: Box<Self>, why: String);
}

pub(super) struct Fed<Op: Operation> {
    pub(super) feed: Feed<Op>,
    pub(super) effect: &'static str,
    pub(super) waiting: Option<Op::Output>,
}

impl<Op: Operation<Output: DeserializeOwned>> Feeding for Fed<Op> {
    fn offer(&mut self, value: JsValue) -> Result<bool, String> {
        self.waiting = Some(
            from_js(value)
                .map_err(|why| format!("an item of `{}` does not decode: {why}", self.effect))?,
        );
        Ok(self.retry())
    }

    fn retry(&mut self) -> bool {
        let Some(item) = self.waiting.take() else {
            return true;
        };
        match self.feed.send(item) {
            Err(refused) if refused.reason() == Reason::Full => {
                self.waiting = Some(refused.into_inner());
                false
            }
            // Where nobody awaits it any more, a notice says so.
            _ => true,
        }
    }

    fn end(self: Box<Self>) {
        drop(self.feed.end());
    }

    fn fail(self: Box<Self>, why: String) {
        drop(self.feed.fail(why));
    }
}
