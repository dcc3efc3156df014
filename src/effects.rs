//! The macro that writes an effect enum.

/// Writes the enum of everything that a core asks of its shell, with a `From` for each operation.
///
/// A variant is one of
/// - `Name => request Op`, which holds a [`Request<Op>`](crate::Request): one answer;
/// - `Name => stream Op`, which holds a [`Subscription<Op>`](crate::Subscription): any number of answers;
/// - `Name => notify T`, which holds a [`Notification<T>`](crate::Notification): none. `T` is any `Send + 'static`
///   type.
///
/// Attributes and doc comments of the enum and its variants are kept. Operations may be generic types with their
/// arguments given; the enum itself is not generic.
///
/// ```
/// use stillpoint::{effects, Operation};
///
/// pub struct HttpGet(pub String);
/// impl Operation for HttpGet {
///     type Output = Result<Vec<u8>, String>;
/// }
/// pub struct Ticks;
/// impl Operation for Ticks {
///     type Output = u64;
/// }
/// pub struct Render(pub String);
///
/// effects! {
///     /// Everything this core asks of its shell.
///     pub enum Effect {
///         /// Fetch a page.
///         Http => request HttpGet,
///         Ticks => stream Ticks,
///         Render => notify Render,
///     }
/// }
/// ```
///
/// Each operation has one variant, since the operation alone picks it. To use one twice, wrap one in a newtype:
///
/// ```compile_fail,E0119
/// # use stillpoint::{effects, Operation};
/// # struct HttpGet;
/// # impl Operation for HttpGet {
/// #     type Output = ();
/// # }
/// effects! {
///     enum Effect {
///         Page => request HttpGet,
///         Image => request HttpGet, // conflicting: wrap one in a newtype
///     }
/// }
/// ```
#[macro_export]
macro_rules! effects {
    (
        $(#[$attribute:meta])*
        $visibility:vis enum $Effect:ident {
            $( $(#[$variant_attribute:meta])* $Variant:ident => $kind:ident $Op:ty ),* $(,)?
        }
    ) => {
        $(#[$attribute])*
        $visibility enum $Effect {
            $( $(#[$variant_attribute])* $Variant($crate::__effect_payload!($kind $Op)), )*
        }

        $(
            impl ::core::convert::From<$crate::__effect_payload!($kind $Op)> for $Effect {
                fn from(payload: $crate::__effect_payload!($kind $Op)) -> Self {
                    Self::$Variant(payload)
                }
            }
        )*

        // Names the remedy in the compiler's own words where an operation has two variants.
        const _: () = {
            #[allow(dead_code)]
            trait OperationWithTwoVariantsWrapOneInANewtype {}
            $( impl OperationWithTwoVariantsWrapOneInANewtype for $crate::__effect_payload!($kind $Op) {} )*
        };

        $crate::__effect_portable! { $Effect { $( $Variant => $kind $Op ),* } }
        $crate::__effect_typed! { $Effect { $( $Variant => $kind $Op ),* } }
        $crate::__effect_scripted! { $Effect { $( $Variant => $Op ),* } }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __effect_payload {
    (request $Op:ty) => { $crate::Request<$Op> };
    (stream $Op:ty) => { $crate::Subscription<$Op> };
    (notify $T:ty) => { $crate::Notification<$T> };
    ($other:ident $Op:ty) => {
        ::core::compile_error!(::core::concat!(
            "`", ::core::stringify!($other), "` is no kind of effect: write `request`, `stream` or `notify`"
        ))
    };
}

#[cfg(not(feature = "serde"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __effect_portable {
    ($($ignored:tt)*) => {};
}

// A bound without a parameter that does not hold is an error where it stands, one with a `for` where it is needed: so
// the impl may be written for every effect, and is there for those whose operations can be serialised.
#[cfg(feature = "serde")]
#[doc(hidden)]
#[macro_export]
macro_rules! __effect_portable {
    ($Effect:ident { $( $Variant:ident => $kind:ident $Op:ty ),* }) => {
        impl $crate::portable::Portable for $Effect
        where
            $( for<'needed> $crate::__effect_payload!($kind $Op): $crate::portable::__Payload, )*
        {
            const VARIANTS: &'static [$crate::portable::Variant] = &[
                $( $crate::portable::Variant::new(
                    ::core::stringify!($Variant),
                    $crate::__effect_kind!($kind),
                ), )*
            ];

            fn visit<V: $crate::portable::Visitor>(self, visitor: V) -> V::Output {
                match self {
                    $( Self::$Variant(payload) => $crate::portable::__Payload::visit(
                        payload,
                        const { $crate::portable::__index(Self::VARIANTS, ::core::stringify!($Variant)) },
                        visitor,
                    ), )*
                }
            }
        }
    };
}

#[cfg(feature = "serde")]
#[doc(hidden)]
#[macro_export]
macro_rules! __effect_kind {
    (request) => {
        $crate::portable::Kind::Request
    };
    (stream) => {
        $crate::portable::Kind::Stream
    };
    (notify) => {
        $crate::portable::Kind::Notify
    };
}

#[cfg(not(feature = "typescript"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __effect_typed {
    ($($ignored:tt)*) => {};
}

#[cfg(feature = "typescript")]
#[doc(hidden)]
#[macro_export]
macro_rules! __effect_typed {
    ($Effect:ident { $( $Variant:ident => $kind:ident $Op:ty ),* }) => {
        impl $crate::typescript::Typed for $Effect
        where
            $( for<'needed> $crate::__effect_payload!($kind $Op): $crate::typescript::__Payload, )*
        {
            fn __describe(types: &mut $crate::typescript::__Types) {
                $( <$crate::__effect_payload!($kind $Op) as $crate::typescript::__Payload>::describe(
                    ::core::stringify!($Variant),
                    types,
                ); )*
            }
        }
    };
}

#[cfg(not(feature = "testing"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __effect_scripted {
    ($($ignored:tt)*) => {};
}

// What a type lacks is known here, where it is written out, and not to a generic function: so `Debug` is looked for
// here.
#[cfg(feature = "testing")]
#[doc(hidden)]
#[macro_export]
macro_rules! __effect_scripted {
    ($Effect:ident { $( $Variant:ident => $Op:ty ),* }) => {
        impl $crate::testing::Scripted for $Effect {
            fn open(self) -> $crate::testing::Opened {
                #[allow(unused_imports)]
                use $crate::testing::__NotShown as _;
                match self {
                    $( Self::$Variant(payload) => {
                        let opened = $crate::testing::Opened::from(payload);
                        match $crate::testing::__Shown::<$Op>::SHOW {
                            ::core::option::Option::Some(show) => opened.shown::<$Op>(show),
                            ::core::option::Option::None => opened,
                        }
                    } )*
                }
            }
        }
    };
}
