//! Which of the two executors a host drives.

use std::task::{Context, Poll};

use crate::executor::{Executor, LocalExecutor};
use crate::id::RequestId;
use crate::outbox::Emitted;
use crate::portable::Portable;
use crate::report::{Settled, Teardown, Totals};
use crate::snapshot::Snapshot;

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
pub trait Hostable: sealed::IntoDriven {}

impl<E: Portable> Hostable for Executor<E> {}
impl<E: Portable> Hostable for LocalExecutor<E> {}

mod sealed {
    pub trait IntoDriven {
        type Effect: crate::portable::Portable;
        fn into_driven(self) -> super::Driven<Self::Effect>;
    }
}
pub(super) use sealed::IntoDriven;

impl<E: Portable> IntoDriven for Executor<E> {
    type Effect = E;
    fn into_driven(self) -> Driven<E> {
        Driven::Anywhere(self)
    }
}

impl<E: Portable> IntoDriven for LocalExecutor<E> {
    type Effect = E;
    fn into_driven(self) -> Driven<E> {
        Driven::Here(self)
    }
}

pub enum Driven<E: Portable> {
    Anywhere(Executor<E>),
    Here(LocalExecutor<E>),
}

macro_rules! either {
    ($driven:expr, $executor:ident => $act:expr) => {
        match $driven {
            Driven::Anywhere($executor) => $act,
            Driven::Here($executor) => $act,
        }
    };
}

impl<E: Portable> Driven<E> {
    pub(super) fn run_for(&mut self, polls: usize) -> Settled {
        either!(self, executor => executor.run_for(polls))
    }

    pub(super) fn pop(&mut self) -> Option<Emitted<E>> {
        either!(self, executor => executor.drain().next())
    }

    pub(super) fn poll_next(&mut self, cx: &Context<'_>) -> Poll<Emitted<E>> {
        either!(self, executor => executor.poll_next_with_id(cx)).map(|(_, emitted)| emitted)
    }

    pub(super) fn holds(&self, id: RequestId) -> bool {
        either!(self, executor => executor.holds(id))
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        either!(self, executor => executor.snapshot())
    }

    pub(super) fn totals(&self) -> Totals {
        either!(self, executor => executor.totals())
    }

    pub(super) fn teardown(self) -> Teardown<E> {
        either!(self, executor => executor.teardown())
    }
}
