//! What a record can be of.

use crate::bridge::{Bridge, BridgeError, Json, LocalBridge};
use crate::id::RequestId;
use crate::portable::Portable;
use crate::report::Settled;

mod sealed {
    use crate::bridge::BridgeError;
    use crate::id::RequestId;
    use crate::report::Settled;

    /// The calls of a bridge.
    pub trait Calls {
        fn run(&mut self, budget: usize) -> Result<Settled, BridgeError>;
        fn drain(&mut self) -> Result<Vec<u8>, BridgeError>;
        fn resolve(&mut self, id: RequestId, answer: &[u8]) -> Result<(), BridgeError>;
        fn send(&mut self, id: RequestId, item: &[u8]) -> Result<(), BridgeError>;
        fn fail(&mut self, id: RequestId, message: String) -> Result<(), BridgeError>;
        fn end(&mut self, id: RequestId) -> Result<(), BridgeError>;
        fn snapshot(&mut self) -> Result<Vec<u8>, BridgeError>;
        fn teardown(&mut self) -> Result<Vec<u8>, BridgeError>;
    }
}

pub(super) use sealed::Calls;

/// A bridge whose runs can be recorded and replayed: a [`Bridge`] or a [`LocalBridge`] that speaks JSON.
///
/// ```
/// use stillpoint::bridge::{Bridge, LocalBridge};
/// use stillpoint::effects;
/// use stillpoint::record::Bridged;
///
/// effects! {
///     enum Effect {
///         Say => notify String,
///     }
/// }
///
/// fn can_be_recorded<B: Bridged>() {}
/// can_be_recorded::<Bridge<Effect>>();
/// can_be_recorded::<LocalBridge<Effect>>();
/// ```
pub trait Bridged: Calls {}

macro_rules! bridged {
    ($Bridge:ident) => {
        impl<E: Portable> Bridged for $Bridge<E, Json> {}

        impl<E: Portable> Calls for $Bridge<E, Json> {
            fn run(&mut self, budget: usize) -> Result<Settled, BridgeError> {
                self.run(budget)
            }

            fn drain(&mut self) -> Result<Vec<u8>, BridgeError> {
                self.drain()
            }

            fn resolve(&mut self, id: RequestId, answer: &[u8]) -> Result<(), BridgeError> {
                self.resolve(id, answer)
            }

            fn send(&mut self, id: RequestId, item: &[u8]) -> Result<(), BridgeError> {
                self.send(id, item)
            }

            fn fail(&mut self, id: RequestId, message: String) -> Result<(), BridgeError> {
                self.fail(id, message)
            }

            fn end(&mut self, id: RequestId) -> Result<(), BridgeError> {
                self.end(id)
            }

            fn snapshot(&mut self) -> Result<Vec<u8>, BridgeError> {
                self.snapshot()
            }

            fn teardown(&mut self) -> Result<Vec<u8>, BridgeError> {
                self.teardown()
            }
        }
    };
}

bridged!(Bridge);
bridged!(LocalBridge);
