//! A test kit for cores: probes for what is to be released.

mod probe;
mod scripted;
mod text;

pub use probe::{Missing, RefProbe, Token};
#[doc(hidden)]
pub use scripted::{__NotShown, __Shown};
pub use scripted::{Opened, Scripted};
