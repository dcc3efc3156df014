//! What the tests of this folder stand on: a web server that misbehaves on request, and a folder of odd documents.

#![allow(dead_code, reason = "no test file uses all of it")]

pub mod fixtures;
pub mod server;
