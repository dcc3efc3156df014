//! The terminal shell of linkcheck: files, HTTP, arguments and what the terminal shows.
//!
//! What is a link, where it leads and what to say about it is `linkcheck_core`'s; here is only what does I/O.

#![forbid(unsafe_code)]

pub mod files;
pub mod http;
pub mod options;
pub mod progress;
mod run;
mod shell;
mod starts;
mod stats;

pub use run::run;
