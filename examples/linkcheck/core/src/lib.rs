//! The logic of linkcheck: what a document links to, where that leads, and what to say about it.
//!
//! Nothing here does I/O, knows the time or starts a thread: bytes come in as arguments, verdicts go out as values.

#![forbid(unsafe_code)]

pub mod anchors;
pub mod document;
pub mod encoding;
pub mod exclude;
pub mod html;
pub mod markdown;
pub mod place;
pub mod report;
pub mod retry;
pub mod slug;
mod srcset;
pub mod target;
pub mod web;
