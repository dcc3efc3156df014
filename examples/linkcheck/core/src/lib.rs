//! The logic of linkcheck: what a document links to, where that leads, and what to say about it.
//!
//! Nothing here does I/O, knows the time or starts a thread. [`check`] is a future for a task of a
//! [`stillpoint`] executor; it asks a shell by [`Effect`](effect::Effect), and gives a
//! [`Report`](report::Report). The shell may be a terminal or a web page.
//!
//! ```text
//!            check                                                                      shell
//!   ┌──────────────────────────────────────────────────────────────────────┐
//!   │ 1  walk     one more document, when there is room for it             ├──▶ NextDocument
//!   │      ▼                                                               │
//!   │ 2  read     a task each: bytes ─▶ links, anchors, base, redirect     ├──▶ Read, Probe
//!   │      ▼                                                               │
//!   │ 3  file     each link ─▶ its target in the ledger                    │
//!   │      │        enough is known of it ─▶ good, or a finding            │
//!   │      │        else it is parked there until more is learned          │
//!   │      ▼                                                               │
//!   │ 4  look     each path that nobody has looked at ─▶ 3                 ├──▶ Look
//!   │      ▼                                                               │
//!   │ 5  ask      when the walk is over, each target that links still      ├──▶ Read
//!   │             wait for, once; after a pause again, if that may help    ├──▶ Probe beside Sleep
//!   └──────────────────────────────────────────────────────────────────────┘
//!        Interrupt ends it wherever it stands: what is under way is dropped, and so cancelled
//! ```
//!
//! At most [`Settings::concurrency`] of all this is under way at once, and as many documents are held at once. What
//! stays of a document is its name and eight bytes for each anchor; what stays of a link is nothing, once it is
//! settled.

#![forbid(unsafe_code)]

pub mod anchors;
mod check;
pub mod document;
pub mod effect;
pub mod encoding;
pub mod exclude;
pub mod html;
mod knowledge;
mod ledger;
pub mod markdown;
mod names;
pub mod place;
mod probe;
mod read;
pub mod report;
pub mod retry;
mod settings;
pub mod slug;
mod srcset;
pub mod target;
pub mod web;

pub use check::check;
pub use settings::Settings;
