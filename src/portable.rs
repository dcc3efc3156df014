//! What lets a shell that shares no types with the core perform its effects.
//!
//! ```
//! use serde::Serialize;
//! use serde::de::DeserializeOwned;
//! use stillpoint::portable::{Portable, Visitor};
//! use stillpoint::{Emitted, Executor, Notification, Operation, Request, Subscription, effects};
//!
//! /// A driver: says what an effect is, in JSON, and fails whatever awaits an answer.
//! struct Describe;
//!
//! impl Visitor for Describe {
//!     type Output = String;
//!
//!     fn notify<T: Serialize + Send + 'static>(self, _: usize, told: Notification<T>) -> String {
//!         serde_json::to_string(&told.operation).unwrap()
//!     }
//!
//!     fn request<Op>(self, _: usize, request: Request<Op>) -> String
//!     where
//!         Op: Operation<Output: DeserializeOwned> + Serialize,
//!     {
//!         let text = serde_json::to_string(&request.operation).unwrap();
//!         request.fail("nobody can do that").unwrap();
//!         text
//!     }
//!
//!     fn stream<Op>(self, _: usize, stream: Subscription<Op>) -> String
//!     where
//!         Op: Operation<Output: DeserializeOwned> + Serialize,
//!     {
//!         serde_json::to_string(&stream.operation).unwrap()
//!     }
//! }
//!
//! effects! { enum Effect { Say => notify String } }
//!
//! let mut executor = Executor::<Effect>::new();
//! executor.shell().notify("hello".to_owned()).unwrap();
//! executor.run_until_stalled();
//! let Some(Emitted::Effect(effect)) = executor.drain().next() else { unreachable!() };
//! assert_eq!(effect.visit(Describe), r#""hello""#);
//! ```

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
    ///
    /// ```
    /// # use serde::Serialize;
    /// # use serde::de::DeserializeOwned;
    /// # use stillpoint::portable::{Portable, Visitor};
    /// # use stillpoint::{Emitted, Executor, Notification, Operation, Request, Subscription, effects};
    /// # struct Name(&'static [stillpoint::portable::Variant]);
    /// # impl Visitor for Name {
    /// #     type Output = &'static str;
    /// #     fn notify<T: Serialize + Send + 'static>(self, variant: usize, _: Notification<T>) -> &'static str {
    /// #         self.0[variant].name
    /// #     }
    /// #     fn request<Op>(self, variant: usize, _: Request<Op>) -> &'static str
    /// #     where
    /// #         Op: Operation<Output: DeserializeOwned> + Serialize,
    /// #     {
    /// #         self.0[variant].name
    /// #     }
    /// #     fn stream<Op>(self, variant: usize, _: Subscription<Op>) -> &'static str
    /// #     where
    /// #         Op: Operation<Output: DeserializeOwned> + Serialize,
    /// #     {
    /// #         self.0[variant].name
    /// #     }
    /// # }
    /// effects! { enum Effect { Log => notify u32, Say => notify String } }
    ///
    /// fn name_of<E: Portable>(effect: E) -> &'static str {
    ///     effect.visit(Name(E::VARIANTS)) // which looks up the place that it is given
    /// }
    /// assert_eq!(name_of(Effect::Say(Notification { operation: "hello".to_owned() })), "Say");
    /// ```
    fn visit<V: Visitor>(self, visitor: V) -> V::Output;
}

/// A variant of an effect.
///
/// ```
/// use stillpoint::effects;
/// use stillpoint::portable::{Kind, Portable};
///
/// effects! { enum Effect { Log => notify u32, Say => notify String } }
///
/// let notified = Effect::VARIANTS.iter().filter(|variant| variant.kind == Kind::Notify);
/// assert_eq!(notified.map(|variant| variant.name).collect::<Vec<_>>(), ["Log", "Say"]);
/// ```
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
        let name = bare(name);
        Self { name, kind }
    }
}

/// A name without what stands before it in the source where it is a keyword.
pub(crate) const fn bare(name: &str) -> &str {
    match name.as_bytes() {
        [b'r', b'#', ..] => name.split_at(2).1,
        _ => name,
    }
}

/// What a shell owes an effect.
///
/// ```
/// use stillpoint::portable::Kind;
///
/// let answers = |kind| match kind {
///     Kind::Notify => "none",
///     Kind::Request => "one",
///     Kind::Stream => "any number",
/// };
/// assert_eq!(answers(Kind::Stream), "any number");
/// ```
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
///
/// ```
/// # use serde::Serialize;
/// # use serde::de::DeserializeOwned;
/// # use stillpoint::portable::{Portable, Visitor};
/// # use stillpoint::{Emitted, Executor, Notification, Operation, Request, Subscription, effects};
/// struct Name(&'static [stillpoint::portable::Variant]);
/// impl Visitor for Name {
///     type Output = &'static str;
///     fn notify<T: Serialize + Send + 'static>(self, variant: usize, _: Notification<T>) -> &'static str {
///         self.0[variant].name
///     }
///     fn request<Op>(self, variant: usize, _: Request<Op>) -> &'static str
///     where
///         Op: Operation<Output: DeserializeOwned> + Serialize,
///     {
///         self.0[variant].name
///     }
///     fn stream<Op>(self, variant: usize, _: Subscription<Op>) -> &'static str
///     where
///         Op: Operation<Output: DeserializeOwned> + Serialize,
///     {
///         self.0[variant].name
///     }
/// }
///
/// effects! { enum Effect { Say => notify String } }
///
/// let said = Effect::Say(Notification { operation: "hello".to_owned() });
/// assert_eq!(said.visit(Name(Effect::VARIANTS)), "Say");
/// ```
pub trait Visitor {
    /// What it makes of it.
    type Output;

    /// Of a notification.
    ///
    /// ```
    /// # use serde::Serialize;
    /// # use serde::de::DeserializeOwned;
    /// # use stillpoint::portable::{Portable, Visitor};
    /// # use stillpoint::{Emitted, Executor, Notification, Operation, Request, Subscription, effects};
    /// struct Write;
    /// impl Visitor for Write {
    ///     type Output = String;
    ///
    ///     fn notify<T: Serialize + Send + 'static>(self, _: usize, told: Notification<T>) -> String {
    ///         serde_json::to_string(&told.into_inner()).unwrap()
    ///     }
    /// #     fn request<Op>(self, _: usize, _: Request<Op>) -> Self::Output
    /// #     where
    /// #         Op: Operation<Output: DeserializeOwned> + Serialize,
    /// #     {
    /// #         unreachable!()
    /// #     }
    /// #     fn stream<Op>(self, _: usize, _: Subscription<Op>) -> Self::Output
    /// #     where
    /// #         Op: Operation<Output: DeserializeOwned> + Serialize,
    /// #     {
    /// #         unreachable!()
    /// #     }
    /// }
    ///
    /// effects! { enum Effect { Move => notify (u32, u32) } }
    ///
    /// let moved = Effect::Move(Notification { operation: (3, 4) });
    /// assert_eq!(moved.visit(Write), "[3,4]");
    /// ```
    fn notify<T>(self, variant: usize, notification: Notification<T>) -> Self::Output
    where
        T: Serialize + Send + 'static;

    /// Of a request.
    ///
    /// ```
    /// # use serde::Serialize;
    /// # use serde::de::DeserializeOwned;
    /// # use stillpoint::portable::{Portable, Visitor};
    /// # use stillpoint::{Emitted, Executor, Notification, Operation, Request, Subscription, effects};
    /// /// Reads an answer as whatever the request wants.
    /// struct Answer<'a>(&'a str);
    /// impl Visitor for Answer<'_> {
    ///     type Output = Result<(), String>;
    ///
    ///     fn request<Op>(self, _: usize, request: Request<Op>) -> Result<(), String>
    ///     where
    ///         Op: Operation<Output: DeserializeOwned> + Serialize,
    ///     {
    ///         let answer = serde_json::from_str(self.0).map_err(|error| error.to_string())?;
    ///         request.resolve(answer).map_err(|error| error.to_string())
    ///     }
    /// #     fn notify<T: Serialize + Send + 'static>(self, _: usize, _: Notification<T>) -> Self::Output {
    /// #         unreachable!()
    /// #     }
    /// #     fn stream<Op>(self, _: usize, _: Subscription<Op>) -> Self::Output
    /// #     where
    /// #         Op: Operation<Output: DeserializeOwned> + Serialize,
    /// #     {
    /// #         unreachable!()
    /// #     }
    /// }
    /// # #[derive(Serialize)]
    /// # struct Ask;
    /// # impl Operation for Ask {
    /// #     type Output = Vec<u32>;
    /// # }
    /// # effects! { enum Effect { Ask => request Ask } }
    ///
    /// let mut executor = Executor::<Effect>::new();
    /// let shell = executor.shell();
    /// let task = executor.spawn(async move { shell.request(Ask).await });
    /// executor.run_until_stalled();
    /// let Some(Emitted::Effect(effect)) = executor.drain().next() else { unreachable!() };
    /// effect.visit(Answer("[1, 2]")).unwrap();
    /// executor.run_until_stalled();
    /// assert_eq!(futures::executor::block_on(task).unwrap(), Ok(vec![1, 2]));
    /// ```
    fn request<Op>(self, variant: usize, request: Request<Op>) -> Self::Output
    where
        Op: Operation + Serialize,
        Op::Output: DeserializeOwned;

    /// Of a subscription.
    ///
    /// ```
    /// # use serde::Serialize;
    /// # use serde::de::DeserializeOwned;
    /// # use stillpoint::portable::{Portable, Visitor};
    /// # use stillpoint::{Emitted, Executor, Notification, Operation, Request, Subscription, effects};
    /// /// Sends a stream what is on these lines, and ends it.
    /// struct Lines<'a>(&'a str);
    /// impl Visitor for Lines<'_> {
    ///     type Output = ();
    ///
    ///     fn stream<Op>(self, _: usize, stream: Subscription<Op>)
    ///     where
    ///         Op: Operation<Output: DeserializeOwned> + Serialize,
    ///     {
    ///         for line in self.0.lines() {
    ///             match serde_json::from_str(line) {
    ///                 Ok(item) => stream.feed.send(item).unwrap(),
    ///                 Err(error) => return stream.feed.fail(error.to_string()).unwrap(),
    ///             }
    ///         }
    ///         stream.feed.end().unwrap();
    ///     }
    /// #     fn notify<T: Serialize + Send + 'static>(self, _: usize, _: Notification<T>) -> Self::Output {
    /// #         unreachable!()
    /// #     }
    /// #     fn request<Op>(self, _: usize, _: Request<Op>) -> Self::Output
    /// #     where
    /// #         Op: Operation<Output: DeserializeOwned> + Serialize,
    /// #     {
    /// #         unreachable!()
    /// #     }
    /// }
    /// # #[derive(Serialize)]
    /// # struct Keys;
    /// # impl Operation for Keys {
    /// #     type Output = char;
    /// # }
    /// # effects! { enum Effect { Keys => stream Keys } }
    ///
    /// let mut executor = Executor::<Effect>::new();
    /// let shell = executor.shell();
    /// let task = executor.spawn(async move { futures::StreamExt::collect::<String>(shell.subscribe(Keys)).await });
    /// executor.run_until_stalled();
    /// let Some(Emitted::Effect(effect)) = executor.drain().next() else { unreachable!() };
    /// effect.visit(Lines("\"a\"\n\"b\""));
    /// executor.run_until_stalled();
    /// assert_eq!(futures::executor::block_on(task).unwrap(), "ab");
    /// ```
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
    let (mut at, name) = (0, bare(name));
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
