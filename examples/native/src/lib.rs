//! linkcheck's core as a shared library: [`Session`], for shells in Swift, Kotlin and Python by way of UniFFI, and the
//! same for C.
//!
//! ```text
//!   Swift, Kotlin, Python ── bindings that UniFFI writes ──▶ Session ◀── c.rs ── include/linkcheck.h ── C
//!                                                               │ one lock: calls take turns
//!                                                               ▼
//!     what the core asks  ◀── drain ── stillpoint::bridge::Bridge ◀── resolve, fail, send, end
//!                                                               │ work has come: take a turn
//!                                                               ▼
//!                                                             Bell ──▶ the shell's callback, under no lock
//! ```
//!
//! What crosses is docs/WIRE.md of the repository, but for the calls themselves. Every call may be made on any thread.
//! None unwinds: what panics is an error, or an item of the next batch. The library starts no thread, and no static of
//! its own holds anything.

mod bell;
mod bridges;
mod c;
mod error;
mod rehearsal;
mod session;
mod settings;

pub use bell::{Bell, BellError};
pub use error::SessionError;
pub use session::{Encoding, Session, Turn};
pub use settings::Settings;

uniffi::setup_scaffolding!();
