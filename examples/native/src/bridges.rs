//! Bridges of every effect and every format, as one type.

use stillpoint::RequestId;
use stillpoint::Settled;
use stillpoint::bridge::{Bridge, BridgeError, Format};
use stillpoint::portable::Portable;

/// The calls of a bridge.
pub(crate) trait AnyBridge: Send {
    fn run(&mut self, budget: usize) -> Result<Settled, BridgeError>;
    fn drain(&mut self) -> Result<Vec<u8>, BridgeError>;
    fn resolve(&mut self, id: RequestId, answer: &[u8]) -> Result<(), BridgeError>;
    fn fail(&mut self, id: RequestId, message: String) -> Result<(), BridgeError>;
    fn send(&mut self, id: RequestId, item: &[u8]) -> Result<(), BridgeError>;
    fn end(&mut self, id: RequestId) -> Result<(), BridgeError>;
    fn snapshot(&mut self) -> Result<Vec<u8>, BridgeError>;
    fn teardown(&mut self) -> Result<Vec<u8>, BridgeError>;
}

impl<E: Portable, F: Format> AnyBridge for Bridge<E, F> {
    fn run(&mut self, budget: usize) -> Result<Settled, BridgeError> {
        self.run(budget)
    }

    fn drain(&mut self) -> Result<Vec<u8>, BridgeError> {
        self.drain()
    }

    fn resolve(&mut self, id: RequestId, answer: &[u8]) -> Result<(), BridgeError> {
        self.resolve(id, answer)
    }

    fn fail(&mut self, id: RequestId, message: String) -> Result<(), BridgeError> {
        self.fail(id, message)
    }

    fn send(&mut self, id: RequestId, item: &[u8]) -> Result<(), BridgeError> {
        self.send(id, item)
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
