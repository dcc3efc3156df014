//! What is wrong, and how it is said.

use std::panic::Location;
use std::sync::PoisonError;

use super::expect::Expected;
use super::ledger::Number;
use super::scripted::Scripted;
use super::shell::{Allows, TestShell};
use super::text::{Alive, list};
use crate::explain::Counted;

impl<E: Scripted> TestShell<E> {
    /// An answer would be of no use, and the test does not know.
    #[track_caller]
    pub(super) fn fail_if_cancelled(&self, number: Number) {
        let now = self.when();
        let entry = self.ledger.entries.get(&number);
        if let Some((entry, ago)) = entry.and_then(|entry| Some((entry, entry.cancelled(now)?))) {
            let text = entry.text(now);
            self.fail(&format!(
                "{text}, cannot be answered: it was cancelled {ago}; `take` it, and expect that"
            ));
        }
    }

    #[track_caller]
    pub(super) fn fail_expected(&self, what: Expected, in_order: bool, place: &Location<'_>) -> ! {
        let unexpected = self.ledger.unexpected(self.when());
        let but = match unexpected.first() {
            None => "but the core has asked nothing more".to_owned(),
            Some(next) if in_order => format!("but next is\n  {next}"),
            Some(_) => "but nothing that was asked is one".to_owned(),
        };
        self.fail(&format!(
            "{what} that matches is expected at {place}, {but}"
        ))
    }

    /// What is wrong: at the end, where nothing of it is allowed; before, what would be.
    pub(super) fn troubles(&self, is_end: bool) -> Vec<String> {
        let (now, snapshot) = (self.when(), self.snapshot());
        let allows = if is_end {
            self.allows
        } else {
            Allows::default()
        };
        let mut troubles = Vec::new();
        let mut add = |what: &str, items: Vec<String>| {
            if !items.is_empty() {
                troubles.push(format!("{what}:{}", list(&items)));
            }
        };
        if !allows.unhandled {
            add("not expected", self.ledger.unexpected(now));
        }
        if !allows.unfinished {
            add("not answered", self.ledger.unanswered(&snapshot, now));
        }
        if !allows.panics {
            let panics = self.panics.lock().unwrap_or_else(PoisonError::into_inner);
            let unjoined = self.unjoined.missing().into_iter();
            let unjoined = unjoined.map(|panic| panic.label.into_owned());
            let all = panics.iter().cloned().chain(unjoined).collect();
            add("panicked, and not joined", all);
        }
        if !allows.unfinished && !snapshot.tasks.is_empty() {
            troubles.push(Alive(&snapshot).to_string());
        }
        troubles
    }

    /// Panics with what is wrong, and how things stand.
    #[track_caller]
    pub(super) fn fail(&self, what: &str) -> ! {
        let mut text = what.to_owned();
        for trouble in self.troubles(self.is_over) {
            text.push_str(&format!("\n{trouble}"));
        }
        panic!(
            "{text}\nafter {} of the test shell made at {}",
            Counted(self.turn, "turn"),
            self.place
        )
    }
}
