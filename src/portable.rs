//! What lets a shell that shares no types with the core perform its effects.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::request::{Operation, Request, Subscription};
use crate::shell::Notification;

/// An effect whose operations can be written down, and whose answers can be read: what the drivers for shells in other
/// languages ask for.
///
/// [`effects!`](crate::effects) implements it for an enum all of whose operations (and notifications) are [`Serialize`]
/// and all of whose outputs are [`Deserialize`](serde::Deserialize). Where one is not, the enum is an effect all the
/// same, and the compiler names the one that is missing where a driver is made.
///
/// ```
/// use serde::Serialize;
/// use stillpoint::portable::{Kind, Portable};
/// use stillpoint::{effects, Operation};
///
/// #[derive(Serialize)]
/// pub struct HttpGet {
///     pub url: String,
/// }
/// impl Operation for HttpGet {
///     type Output = Result<String, u16>;
/// }
///
/// effects! {
///     pub enum Effect {
///         Http => request HttpGet,
///     }
/// }
///
/// assert_eq!(Effect::VARIANTS[0].name, "Http");
/// assert_eq!(Effect::VARIANTS[0].kind, Kind::Request);
/// ```
///
/// ```compile_fail,E0277
/// # use stillpoint::{effects, portable::Portable};
/// struct Callback(fn());
///
/// effects! {
///     enum Effect {
///         Call => notify Callback, // cannot be written down
///     }
/// }
///
/// fn drive<E: Portable>() {}
/// drive::<Effect>();
/// ```
pub trait Portable: Send + Sized + 'static {
    /// The variants, in the order in which they are written.
    const VARIANTS: &'static [Variant];

    /// Calls the visitor's method for the kind of this effect, with the variant's place in
    /// [`VARIANTS`](Self::VARIANTS).
    ///
    /// The place says what the shell knows the effect by. Where it is out of range that is `?`; whatever it is, the
    /// request can be answered.
    fn visit<V: Visitor>(self, visitor: V) -> V::Output;
}

/// A variant of an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Variant {
    /// Its name in the enum.
    pub name: &'static str,
    /// What is expected of the shell.
    pub kind: Kind,
}

impl Variant {
    /// For the macro.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, kind }
    }
}

/// What a shell owes an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Nothing.
    Notify,
    /// One answer.
    Request,
    /// Any number of answers.
    Stream,
}

/// Does something with an effect, whichever it is.
pub trait Visitor {
    /// What it makes of it.
    type Output;

    /// Of a notification.
    fn notify<T>(self, variant: usize, notification: Notification<T>) -> Self::Output
    where
        T: Serialize + Send + 'static;

    /// Of a request.
    fn request<Op>(self, variant: usize, request: Request<Op>) -> Self::Output
    where
        Op: Operation + Serialize,
        Op::Output: DeserializeOwned;

    /// Of a subscription.
    fn stream<Op>(self, variant: usize, subscription: Subscription<Op>) -> Self::Output
    where
        Op: Operation + Serialize,
        Op::Output: DeserializeOwned;
}

/// What a variant holds, of whichever kind, for the macro: its bounds are what makes an effect portable.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a shell that shares no types cannot perform this effect",
    note = "its operation must be `serde::Serialize`, and its output `serde::Deserialize` and `'static`"
)]
pub trait __Payload {
    fn visit<V: Visitor>(self, variant: usize, visitor: V) -> V::Output;
}

impl<T: Serialize + Send + 'static> __Payload for Notification<T> {
    fn visit<V: Visitor>(self, variant: usize, visitor: V) -> V::Output {
        visitor.notify(variant, self)
    }
}

impl<Op: Operation<Output: DeserializeOwned> + Serialize> __Payload for Request<Op> {
    fn visit<V: Visitor>(self, variant: usize, visitor: V) -> V::Output {
        visitor.request(variant, self)
    }
}

impl<Op: Operation<Output: DeserializeOwned> + Serialize> __Payload for Subscription<Op> {
    fn visit<V: Visitor>(self, variant: usize, visitor: V) -> V::Output {
        visitor.stream(variant, self)
    }
}

/// Where a variant stands, for the macro.
#[doc(hidden)]
#[must_use]
pub const fn __index(variants: &[Variant], name: &str) -> usize {
    let mut at = 0;
    while !is_same(variants[at].name.as_bytes(), name.as_bytes()) {
        at += 1;
    }
    at
}

const fn is_same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}
