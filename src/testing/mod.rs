//! A test kit for cores: probes for what is to be released.

mod probe;
mod text;

pub use probe::{Missing, RefProbe, Token};
