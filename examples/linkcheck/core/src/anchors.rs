//! The names in a document that a `#fragment` can point to.

use std::hash::{DefaultHasher, Hasher};

use percent_encoding::percent_decode_str;

/// The set of a document's anchors, eight bytes for each.
///
/// It keeps fingerprints instead of names, so that the anchors of tens of thousands of pages can be held at once. Two
/// names share a fingerprint once in 2^64: then a broken fragment would pass for a good one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Anchors {
    sorted: Box<[u64]>,
}

impl Anchors {
    pub(crate) fn from_fingerprints(mut fingerprints: Vec<u64>) -> Self {
        fingerprints.sort_unstable();
        fingerprints.dedup();
        Self {
            sorted: fingerprints.into_boxed_slice(),
        }
    }

    /// The number of distinct anchors.
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Says whether there is no anchor at all.
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// Says whether a document with these anchors answers `fragment` (written as in the link, without its `#`).
    ///
    /// Names match exactly, as ids do in HTML: as written, or percent-decoded. The empty fragment and `top` name the
    /// document itself. The prefix `user-content-`, which GitHub puts before the ids of what it renders, may be there
    /// on either side. A range of numbered lines such as `12-30` or `L12-L30`, as source listings have, is there when
    /// both its ends are.
    pub fn answers(&self, fragment: &str) -> bool {
        if fragment.is_empty() || fragment.eq_ignore_ascii_case("top") {
            return true;
        }
        if self.holds(fragment) {
            return true;
        }
        let decoded = percent_decode_str(fragment).decode_utf8_lossy();
        self.holds(&decoded) || self.holds_lines(&decoded)
    }

    fn holds(&self, name: &str) -> bool {
        const PREFIX: &str = "user-content-";
        self.holds_exactly(name)
            || match name.strip_prefix(PREFIX) {
                Some(bare) => self.holds_exactly(bare),
                None => self.holds_exactly(&format!("{PREFIX}{name}")),
            }
    }

    fn holds_lines(&self, fragment: &str) -> bool {
        let is_line = |end: &str| {
            let digits = end.strip_prefix('L').unwrap_or(end);
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        };
        fragment.split_once('-').is_some_and(|(first, last)| {
            [first, last]
                .iter()
                .all(|end| is_line(end) && self.holds_exactly(end))
        })
    }

    fn holds_exactly(&self, name: &str) -> bool {
        self.sorted.binary_search(&fingerprint(name)).is_ok()
    }
}

impl<S: AsRef<str>> FromIterator<S> for Anchors {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        Self::from_fingerprints(
            names
                .into_iter()
                .map(|name| fingerprint(name.as_ref()))
                .collect(),
        )
    }
}

/// The number that stands for a name. `DefaultHasher::new` has fixed keys, so it is the same in every run.
pub(crate) fn fingerprint(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(name.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anchors(names: &[&str]) -> Anchors {
        names.iter().collect()
    }

    #[test]
    fn the_document_itself_is_always_there() {
        let none = Anchors::default();
        assert!(none.is_empty());
        assert!(none.answers(""));
        assert!(none.answers("top"));
        assert!(none.answers("TOP"));
        assert!(!none.answers("bottom"));
    }

    #[test]
    fn names_match_exactly() {
        let set = anchors(&["Intro", "über", "a%20b", "Intro"]);
        assert_eq!(set.len(), 3);
        assert!(set.answers("Intro"));
        assert!(!set.answers("intro"));
        assert!(set.answers("über"));
        assert!(set.answers("%C3%BCber"));
        assert!(set.answers("a%20b"));
        assert!(!set.answers("a b"));
        assert!(!set.answers("%FF"));
    }

    #[test]
    fn the_prefix_of_rendered_content_may_be_on_either_side() {
        let set = anchors(&["plain", "user-content-saved"]);
        assert!(set.answers("user-content-plain"));
        assert!(set.answers("saved"));
        assert!(!set.answers("user-content-other"));
    }

    #[test]
    fn a_range_of_lines_needs_both_ends() {
        let set = anchors(&["1", "12", "30", "L4", "L9", "a", "b"]);
        assert!(set.answers("12-30"));
        assert!(set.answers("L4-L9"));
        assert!(!set.answers("12-31"));
        assert!(!set.answers("a-b"));
        assert!(!set.answers("-"));
    }
}
