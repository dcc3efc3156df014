//! Strings that many links share.

use std::{collections::HashMap, sync::Arc};

/// A string in `Names`, in four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Name(u32);

/// Strings, each kept once.
#[derive(Debug, Default)]
pub(crate) struct Names {
    numbers: HashMap<Arc<str>, Name>,
    texts: Vec<Arc<str>>,
}

impl Names {
    /// The name of a string; `None` when four bytes count no further.
    pub(crate) fn keep(&mut self, text: &str) -> Option<Name> {
        if let Some(&name) = self.numbers.get(text) {
            return Some(name);
        }
        let name = Name(u32::try_from(self.texts.len()).ok()?);
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, name);
        Some(name)
    }

    pub(crate) fn text(&self, name: Name) -> &Arc<str> {
        &self.texts[name.0 as usize]
    }
}
