//! What did not stay as it was.

use std::collections::BTreeMap;
use std::fmt::Display;

/// The first complaint of each kind.
#[derive(Default)]
pub struct Complaints(BTreeMap<&'static str, String>);

impl Complaints {
    pub fn add(&mut self, kind: &'static str, text: impl FnOnce() -> String) {
        self.0.entry(kind).or_insert_with(text);
    }

    pub fn compare<T: PartialEq + Display>(&mut self, kind: &'static str, now: T, before: T) {
        if now != before {
            self.add(kind, || format!("{now} instead of {before}"));
        }
    }

    pub fn bound<T: PartialOrd + Display>(&mut self, kind: &'static str, now: T, most: T) {
        if now > most {
            self.add(kind, || format!("{now} where {most} would do"));
        }
    }

    pub fn print(&self) {
        for (kind, text) in &self.0 {
            println!("{kind}: {text}");
        }
    }
}
