//! Everything that the core of these tests asks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stillpoint::{Operation, effects};
#[cfg(not(target_family = "wasm"))]
use ts_rs::TS;

effects! {
    /// Everything that the core of these tests asks.
    pub enum Effect {
        /// Ask something.
        Ask => request Ask,
        /// Count for ever, or as long as the shell likes.
        Count => stream Count,
        /// Send back what was sent.
        Echo => request Echo,
        /// Tell something.
        Say => notify Say,
        /// Send back a map whose keys are numbers.
        Swap => request Swap,
    }
}

/// Asks something.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(TS))]
pub struct Ask(pub String);

impl Operation for Ask {
    type Output = String;
}

/// Asks for numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(TS))]
pub struct Count {
    /// The first.
    pub from: u32,
}

impl Operation for Count {
    type Output = u32;
}

/// Tells something.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(TS))]
pub struct Say(pub String);

/// Asks for the same value.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(TS))]
pub struct Echo(pub Value);

impl Operation for Echo {
    type Output = Value;
}

/// Asks for the same map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(TS))]
pub struct Swap(
    #[cfg_attr(not(target_family = "wasm"), ts(type = "Map<number | bigint, string>"))]
    pub  BTreeMap<u64, String>,
);

impl Operation for Swap {
    type Output = Self;
}

/// A value of many kinds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(TS))]
#[serde(rename_all = "camelCase")]
pub struct Value {
    /// A number that JavaScript has exactly.
    pub small: u64,
    /// One that it may not.
    pub large: u64,
    /// One below zero.
    pub negative: i64,
    /// One that is not whole.
    pub fraction: f64,
    /// Nothing, or something.
    pub maybe: Option<String>,
    /// A choice.
    pub shapes: Vec<Shape>,
    /// Bytes.
    #[serde(with = "serde_bytes")]
    #[cfg_attr(not(target_family = "wasm"), ts(type = "Uint8Array"))]
    pub bytes: Vec<u8>,
    /// Names and numbers.
    pub map: BTreeMap<String, i32>,
    /// A point in time, as its ISO text.
    pub date: String,
    /// Nothing at all.
    pub unit: (),
    /// Two of different kinds.
    pub pair: (u8, bool),
    /// A letter.
    pub letter: char,
}

/// A choice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(TS))]
pub enum Shape {
    /// Nothing more.
    Point,
    /// One thing.
    Circle(f64),
    /// Several.
    Box {
        /// Across.
        width: f64,
        /// Along.
        height: f64,
    },
}
