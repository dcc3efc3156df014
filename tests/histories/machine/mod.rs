//! Random histories of the whole crate against a small pure model of it.
//!
//! ```text
//!   History ──▶ run ──┬──▶ world, script: the crate          ──▶ events, counts ─┐
//!                     └──▶ model: plain data, none of src    ──▶ events, counts ─┴─ equal after every step
//! ```
#![allow(dead_code)]

pub mod decode;
pub mod effect;
pub mod event;
pub mod host;
pub mod model;
pub mod ops;
pub mod run;
pub mod script;
pub mod world;
