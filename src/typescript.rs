//! The TypeScript types of an effect's handlers, written from the Rust types that cross.
//!
//! [`handlers`] gives them as text: a declaration for each operation and output that derives `ts_rs::TS`, and the
//! interface `Handlers`, with a function for each effect. A test keeps it in a file, and a `#[wasm_bindgen]` crate puts
//! that file into its own `.d.ts`:
//!
//! ```
//! # // What follows runs nowhere but on the machine that builds.
//! use serde::Serialize;
//! use stillpoint::{effects, typescript, Operation};
//! use ts_rs::TS;
//!
//! #[derive(Serialize, TS)]
//! struct HttpGet {
//!     url: String,
//!     retries: Option<u32>,
//! }
//! impl Operation for HttpGet {
//!     type Output = Result<String, u16>;
//! }
//!
//! effects! {
//!     enum Effect {
//!         Http => request HttpGet,
//!     }
//! }
//!
//! assert_eq!(
//!     typescript::handlers::<Effect>(),
//!     "\
//! export type HttpGet = { url: string, retries: number | null, };
//!
//! /** A function for each effect. */
//! export interface Handlers {
//!     Http: (operation: HttpGet, context: HandlerContext) => Answer<{ Ok : string } | { Err : number }>;
//! }
//! "
//! );
//! ```
//!
//! It is a matter of tests alone: name ts-rs, of the version that this crate depends on, and this feature in
//! `[dev-dependencies]`, and derive by `#[cfg_attr(test, derive(ts_rs::TS))]`. The test lies in `src`, since nothing
//! can link to a `cdylib`; run it once with `BLESS=1` before the first build for wasm:
//!
//! ```text
//! #[test]
//! fn the_handlers_types_are_up_to_date() {
//!     let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/handlers.d.ts");
//!     let now = stillpoint::typescript::handlers::<Effect>();
//!     if std::env::var_os("BLESS").is_some() {
//!         std::fs::write(file, &now).unwrap();
//!     }
//!     assert_eq!(std::fs::read_to_string(file).unwrap_or_default(), now, "run it once with BLESS=1");
//! }
//! ```
//!
//! The crate puts that file into its own `.d.ts`:
//!
//! ```text
//! #[wasm_bindgen(typescript_custom_section)]
//! const HANDLERS: &str = include_str!("handlers.d.ts");
//!
//! #[wasm_bindgen]
//! extern "C" {
//!     #[wasm_bindgen(typescript_type = "Handlers")]
//!     pub type Handlers;
//! }
//!
//! #[wasm_bindgen]
//! pub fn start(handlers: Handlers) -> Result<Host, JsValue> { ... }
//! ```
//!
//! and the page's program gets it by `import init, { start, type Handlers } from "./pkg/app.js"`. A host is disposable,
//! so `tsc` (5.2 or later) needs a `lib` with `esnext.disposable`, such as `es2022,dom,dom.iterable,esnext.disposable`.
//!
//! The other types that it names (`HandlerContext`, `Answer`, `Items`) come with the `web` host. 64-bit integers are
//! `number | bigint`, as that host writes them. What ts-rs does not know is said with its attribute:
//! `#[ts(type = "Uint8Array")]` for bytes that serde_bytes writes, `#[ts(type = "Map<number, string>")]` for a map
//! whose keys are no texts.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use serde::de::DeserializeOwned;
use ts_rs::{Config, TS, TypeVisitor};

use crate::portable::{Portable, bare};
use crate::request::{Operation, Request, Subscription};
use crate::shell::Notification;

/// An effect whose operations and outputs all have TypeScript types.
///
/// [`effects!`](crate::effects) implements it for an enum all of whose operations, notifications and outputs implement
/// `ts_rs::TS`, beside what [`Portable`] needs.
///
/// ```
/// # use stillpoint::effects;
/// use stillpoint::typescript::{Typed, handlers};
///
/// effects! {
///     enum Effect {
///         Say => notify String,
///     }
/// }
///
/// fn method<E: Typed>() -> String {
///     handlers::<E>().lines().find(|line| line.contains(": (")).unwrap().trim().to_owned()
/// }
/// assert_eq!(method::<Effect>(), "Say: (operation: string) => void | Promise<void>;");
/// ```
pub trait Typed: Portable {
    #[doc(hidden)]
    fn __describe(types: &mut __Types);
}

/// What the host's own types are called, and what is written here: a declaration of the same name would be merged with
/// it, or be an error in a file that nobody wrote.
const TAKEN: &[&str] = &[
    "AnyItems",
    "Answer",
    "HandlerContext",
    "Handlers",
    "Host",
    "HostReport",
    "HostSnapshot",
    "HostTotals",
    "Items",
];

/// Writes the declarations of all types that cross, in the order of their names, and the interface `Handlers`.
///
/// ```
/// use serde::Serialize;
/// use stillpoint::{effects, typescript};
/// use ts_rs::TS;
///
/// #[derive(Serialize, TS)]
/// struct Render {
///     lines: Vec<String>,
/// }
/// effects! {
///     enum Effect {
///         Render => notify Render,
///     }
/// }
///
/// let text = typescript::handlers::<Effect>();
/// assert!(text.starts_with("export type Render = { lines: Array<string>, };\n"));
/// ```
///
/// # Panics
///
/// Where two different types have one name, or one has a name of the host's own types (`Answer`, `Items`, `Host` and
/// what begins so, `Handlers`, `HandlerContext`). `#[ts(rename = "...")]` gives a type another.
#[must_use]
pub fn handlers<E: Typed>() -> String {
    let mut types = __Types {
        config: Config::new().with_large_int("number | bigint"),
        seen: Vec::new(),
        declared: BTreeMap::new(),
        methods: String::new(),
    };
    E::__describe(&mut types);
    let mut text = String::new();
    for declaration in types.declared.values() {
        for line in declaration.lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text.push('\n');
    }
    text.push_str("/** A function for each effect. */\nexport interface Handlers {\n");
    text.push_str(&types.methods);
    text.push_str("}\n");
    text
}

/// What is known so far, for the macro.
#[doc(hidden)]
pub struct __Types {
    config: Config,
    seen: Vec<TypeId>,
    declared: BTreeMap<String, String>,
    methods: String,
}

impl __Types {
    /// Declares a type and all that it is made of, and gives its name.
    fn name<T: TS + 'static>(&mut self) -> String {
        self.visit::<T>();
        T::name(&self.config)
    }

    fn method(&mut self, effect: &str, parameters: &str, gives: &str) {
        let effect = bare(effect);
        // Writing to a text cannot fail.
        let _ = writeln!(self.methods, "    {effect}: ({parameters}) => {gives};");
    }
}

impl TypeVisitor for __Types {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if self.seen.contains(&TypeId::of::<T>()) {
            return;
        }
        self.seen.push(TypeId::of::<T>());
        if T::output_path().is_some() {
            let docs = T::docs().unwrap_or_default();
            let (name, declaration) = (
                T::ident(&self.config),
                format!("{docs}export {}\n", T::decl(&self.config)),
            );
            assert!(
                !TAKEN.contains(&name.as_str()),
                "`{name}` is the web host's own: give your type another name with `#[ts(rename = \"...\")]`"
            );
            let before = self.declared.insert(name.clone(), declaration);
            assert!(
                before.is_none_or(|before| before == self.declared[&name]),
                "two types are called `{name}`: give one another name with `#[ts(rename = \"...\")]`"
            );
        }
        T::visit_dependencies(self);
        T::visit_generics(self);
    }
}

/// What a variant holds, of whichever kind, for the macro.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the handler of this effect has no TypeScript type",
    note = "its operation must be `ts_rs::TS`, and its output too"
)]
pub trait __Payload: crate::portable::__Payload {
    fn describe(effect: &str, types: &mut __Types);
}

impl<T: Serialize + Send + TS + 'static> __Payload for Notification<T> {
    fn describe(effect: &str, types: &mut __Types) {
        let operation = types.name::<T>();
        types.method(
            effect,
            &format!("operation: {operation}"),
            "void | Promise<void>",
        );
    }
}

impl<Op> __Payload for Request<Op>
where
    Op: Operation<Output: DeserializeOwned + TS> + Serialize + TS,
{
    fn describe(effect: &str, types: &mut __Types) {
        describe::<Op>(effect, types, "Answer");
    }
}

impl<Op> __Payload for Subscription<Op>
where
    Op: Operation<Output: DeserializeOwned + TS> + Serialize + TS,
{
    fn describe(effect: &str, types: &mut __Types) {
        describe::<Op>(effect, types, "Items");
    }
}

fn describe<Op: Operation<Output: TS> + TS>(effect: &str, types: &mut __Types, kind: &str) {
    let operation = types.name::<Op>();
    let output = match types.name::<Op::Output>().as_str() {
        // What a function without a `return` gives.
        "null" => "null | void".to_owned(),
        output => output.to_owned(),
    };
    types.method(
        effect,
        &format!("operation: {operation}, context: HandlerContext"),
        &format!("{kind}<{output}>"),
    );
}
