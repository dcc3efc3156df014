//! What the compiler can hold: who may cross threads and unwinds, and how large things are.

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;

use static_assertions::{assert_impl_all, assert_not_impl_any, const_assert};

use crate::*;

/// An operation whose answer is bound to nothing.
struct Op;

impl Operation for Op {
    type Output = u64;
}

type Effect = Request<Op>;

// Whoever is outside may be anywhere.
assert_impl_all!(Spawner: Clone, Send, Sync, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Shell<Effect>: Clone, Send, Sync, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Shell<Rc<()>>: Send, Sync);
assert_impl_all!(Resolver<Op>: Send, Sync, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Feed<Op>: Clone, Send, Sync, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Scope: Send, Sync, UnwindSafe, RefUnwindSafe, Unpin);
assert_not_impl_any!(Scope: Clone);
assert_impl_all!(Close: Send, UnwindSafe, Unpin);
assert_impl_all!(ScopeReport: Copy, Send, Sync, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Key: Clone, Send, Sync, UnwindSafe, RefUnwindSafe);
assert_impl_all!(JoinHandle<u64>: Send, Sync, UnwindSafe, RefUnwindSafe, Unpin);
assert_impl_all!(ShellRequest<Op, Effect>: Send, Sync, UnwindSafe, RefUnwindSafe, Unpin);
assert_impl_all!(ShellStream<Op, Effect>: Send, Sync, UnwindSafe, RefUnwindSafe, Unpin);
assert_impl_all!(Teardown<Effect>: Send, Sync);
assert_not_impl_any!(JoinHandle<Rc<()>>: Send);

// The executor is one owner's: it moves, and is not shared. A turn that unwinds is the host's to judge.
assert_impl_all!(Executor<Effect>: Send, Unpin);
assert_not_impl_any!(Executor<Effect>: Sync, Clone, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Next<'static, Effect>: Send, Unpin);

#[cfg(feature = "bridge")]
mod bridge {
    use super::*;
    use crate::bridge::{Bridge, BridgeError, Json, LocalBridge};

    crate::effects! {
        pub enum Nothing {
            Nothing => notify (),
        }
    }

    assert_impl_all!(Bridge<Nothing, Json>: Send, Unpin);
    assert_not_impl_any!(Bridge<Nothing, Json>: Sync, Clone);
    assert_not_impl_any!(LocalBridge<Nothing, Json>: Send, Sync);
    assert_impl_all!(BridgeError: Send, Sync, UnwindSafe, RefUnwindSafe);
}

// What is bound to its thread stays there.
assert_not_impl_any!(LocalExecutor<Effect>: Send, Sync);
assert_not_impl_any!(LocalSpawner: Send, Sync);
assert_not_impl_any!(Scope<LocalSpawner>: Send, Sync);
assert_not_impl_any!(LocalJoinHandle<u64>: Send, Sync);

// What there may be millions of.
const_assert!(size_of::<RequestId>() == 8);
#[cfg(target_pointer_width = "64")]
mod sizes {
    use super::{Effect, JoinHandle, Op, Resolver, ShellRequest, const_assert};
    use crate::entry::Entry;

    const_assert!(size_of::<Resolver<Op>>() == 16);
    const_assert!(size_of::<JoinHandle<u64>>() == 16);
    const_assert!(size_of::<ShellRequest<Op, Effect>>() == 24);
    const_assert!(size_of::<Entry>() == 56);
}
