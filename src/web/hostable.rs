//! What a host drives.

use crate::executor::{Executor, LocalExecutor};
use crate::portable::Portable;

/// An executor that a [`Host`](super::Host) can drive: an [`Executor`] or a [`LocalExecutor`], whose effect is
/// [`Portable`].
///
/// It is sealed: dropping a value of it drops an executor.
///
/// ```no_run
/// use stillpoint::web::{Host, Hostable};
/// use wasm_bindgen::JsValue;
///
/// /// Runs whichever executor it is given with handlers that do nothing: for a page's own tests.
/// pub fn silent<X: Hostable>(executor: X, effects: &[&str]) -> Result<Host, JsValue> {
///     let handlers = js_sys::Object::new();
///     for effect in effects {
///         js_sys::Reflect::set(&handlers, &(*effect).into(), &js_sys::Function::new_no_args(""))?;
///     }
///     Host::new(executor, handlers)
/// }
/// # fn main() {}
/// ```
pub trait Hostable: sealed::IntoLocal {}

impl<E: Portable> Hostable for Executor<E> {}
impl<E: Portable> Hostable for LocalExecutor<E> {}

mod sealed {
    use super::{LocalExecutor, Portable};

    pub trait IntoLocal {
        type Effect: Portable;
        fn into_local(self) -> LocalExecutor<Self::Effect>;
    }
}
pub(super) use sealed::IntoLocal;

impl<E: Portable> IntoLocal for Executor<E> {
    type Effect = E;
    fn into_local(self) -> LocalExecutor<E> {
        self.into_local()
    }
}

impl<E: Portable> IntoLocal for LocalExecutor<E> {
    type Effect = E;
    fn into_local(self) -> Self {
        self
    }
}
