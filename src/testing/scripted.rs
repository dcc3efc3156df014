//! An effect taken apart: its kind, its operation, and the right to answer it, each without its type.

use std::any::{Any, TypeId, type_name};
use std::fmt::{self, Debug, Formatter};

use crate::contain::contain;
use crate::explain::ShortName;
use crate::id::RequestId;
use crate::request::{Operation, Request, Subscription};
use crate::shell::Notification;

/// An effect that a [`TestShell`](super::TestShell) can take apart.
///
/// [`effects!`](crate::effects) implements it, whatever the operations are; so are [`Request`], [`Subscription`] and
/// [`Notification`] themselves, for cores that ask one thing. An enum that is written by hand opens what its variants
/// hold:
///
/// ```
/// use stillpoint::testing::{Opened, Scripted};
/// use stillpoint::{Notification, Operation, Request};
///
/// struct Ask;
/// impl Operation for Ask {
///     type Output = u32;
/// }
///
/// enum Effect {
///     Ask(Request<Ask>),
///     Say(Notification<String>),
/// }
///
/// impl Scripted for Effect {
///     fn open(self) -> Opened {
///         match self {
///             Self::Ask(request) => request.into(),
///             Self::Say(notification) => Opened::from(notification).shown::<String>(std::fmt::Debug::fmt),
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "a scripted shell cannot take `{Self}` apart",
    note = "have `effects!` write it, or implement `Scripted` for it as its documentation shows"
)]
pub trait Scripted: Send + Sized + 'static {
    /// Takes it apart.
    ///
    /// ```
    /// use stillpoint::Notification;
    /// use stillpoint::testing::Scripted;
    ///
    /// let opened = Notification { operation: "hello" }.open();
    /// assert_eq!(format!("{opened:?}"), "Opened(notification &str)");
    /// ```
    fn open(self) -> Opened;
}

impl<Op: Operation> Scripted for Request<Op> {
    fn open(self) -> Opened {
        self.into()
    }
}

impl<Op: Operation> Scripted for Subscription<Op> {
    fn open(self) -> Opened {
        self.into()
    }
}

impl<T: Send + 'static> Scripted for Notification<T> {
    fn open(self) -> Opened {
        self.into()
    }
}

/// An effect that was taken apart. Dropping it drops the operation, and abandons its request or ends its stream.
///
/// ```
/// use stillpoint::Notification;
/// use stillpoint::testing::{Opened, Scripted};
///
/// enum Effect {
///     Say(Notification<String>),
/// }
/// impl Scripted for Effect {
///     fn open(self) -> Opened {
///         let Self::Say(said) = self;
///         said.into() // a request and a subscription are opened so as well
///     }
/// }
/// ```
#[must_use = "what it holds is abandoned when it is dropped"]
pub struct Opened {
    pub(super) id: Option<RequestId>,
    pub(super) key: Key,
    /// The operation's type.
    pub(super) name: &'static str,
    pub(super) operation: Box<dyn Held>,
    /// A resolver, a feed, or nothing.
    pub(super) answer: Box<dyn Any + Send>,
}

impl Opened {
    fn new<T: Send + 'static>(
        kind: Kind,
        id: Option<RequestId>,
        operation: T,
        answer: impl Any + Send,
    ) -> Self {
        Self {
            id,
            key: Key::of::<T>(kind),
            name: type_name::<T>(),
            operation: Box::new(Holder {
                operation,
                show: None,
            }),
            answer: Box::new(answer),
        }
    }

    /// Has failures show the operation in this way. Without it, and where `T` is not the operation's type, they have
    /// its type's name alone.
    ///
    /// ```
    /// use stillpoint::Notification;
    /// use stillpoint::testing::Opened;
    ///
    /// let secret = Notification { operation: "my password".to_owned() };
    /// let opened = Opened::from(secret).shown::<String>(|text, f| write!(f, "{} characters", text.len()));
    /// assert_eq!(format!("{opened:?}"), "Opened(notification String 11 characters)");
    /// ```
    pub fn shown<T: Send + 'static>(
        mut self,
        show: fn(&T, &mut Formatter<'_>) -> fmt::Result,
    ) -> Self {
        let held: &mut dyn Any = &mut *self.operation;
        if let Some(holder) = held.downcast_mut::<Holder<T>>() {
            holder.show = Some(show);
        }
        self
    }
}

impl<Op: Operation> From<Request<Op>> for Opened {
    fn from(request: Request<Op>) -> Self {
        let id = request.id();
        Self::new(Kind::Request, Some(id), request.operation, request.resolver)
    }
}

impl<Op: Operation> From<Subscription<Op>> for Opened {
    fn from(subscription: Subscription<Op>) -> Self {
        let id = subscription.id();
        Self::new(
            Kind::Stream,
            Some(id),
            subscription.operation,
            subscription.feed,
        )
    }
}

impl<T: Send + 'static> From<Notification<T>> for Opened {
    fn from(notification: Notification<T>) -> Self {
        Self::new(Kind::Notify, None, notification.operation, ())
    }
}

impl Debug for Opened {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Opened({} {})",
            self.key.kind,
            shown(self.name, &*self.operation)
        )
    }
}

/// What a shell owes an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    Request,
    Stream,
    Notify,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Request => "request",
            Self::Stream => "stream",
            Self::Notify => "notification",
        })
    }
}

/// Which effect: one operation may be a request and a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) kind: Kind,
    pub(super) operation: TypeId,
}

impl Key {
    pub(super) fn of<T: 'static>(kind: Kind) -> Self {
        Self {
            kind,
            operation: TypeId::of::<T>(),
        }
    }
}

/// An operation whose type is erased.
pub(super) trait Held: Any + Send {
    /// As its `Debug` has it, if it has one.
    fn text(&self) -> Option<String>;
}

struct Holder<T> {
    operation: T,
    show: Option<fn(&T, &mut Formatter<'_>) -> fmt::Result>,
}

impl<T: Send + 'static> Held for Holder<T> {
    fn text(&self) -> Option<String> {
        struct Shown<'a, T>(&'a Holder<T>, fn(&T, &mut Formatter<'_>) -> fmt::Result);
        impl<T> Debug for Shown<'_, T> {
            fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
                (self.1)(&self.0.operation, f)
            }
        }
        let shown = Shown(self, self.show?);
        // A failure is worded: one in the wording is not to hide it.
        contain(|| format!("{shown:?}")).ok()
    }
}

/// The operation, if it is a `T`.
pub(super) fn look<T: 'static>(held: &dyn Held) -> Option<&T> {
    let held: &dyn Any = held;
    Some(&held.downcast_ref::<Holder<T>>()?.operation)
}

/// The operation, if it is a `T`.
pub(super) fn take<T: 'static>(held: Box<dyn Held>) -> Option<T> {
    let held: Box<dyn Any> = held;
    Some(held.downcast::<Holder<T>>().ok()?.operation)
}

/// The most characters of an operation that a failure has.
const LONGEST: usize = 200;

/// The operation as far as it can be told: by its `Debug`, or by its type alone.
pub(super) fn shown(name: &'static str, held: &dyn Held) -> String {
    let name = ShortName(name).to_string();
    let Some(mut text) = held.text() else {
        return name;
    };
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push('…');
    }
    match text.starts_with(&name) {
        true => text,
        false => format!("{name} {text}"),
    }
}

/// How an operation is shown, for the macro: by its `Debug`, which is looked for where the type is known.
#[doc(hidden)]
pub struct __Shown<T>(std::marker::PhantomData<T>);

impl<T: Debug> __Shown<T> {
    pub const SHOW: Option<fn(&T, &mut Formatter<'_>) -> fmt::Result> = Some(T::fmt);
}

/// Found where there is no `Debug`.
#[doc(hidden)]
pub trait __NotShown<T> {
    const SHOW: Option<fn(&T, &mut Formatter<'_>) -> fmt::Result> = None;
}

impl<T> __NotShown<T> for __Shown<T> {}
