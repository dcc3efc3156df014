//! The links that the user does not want checked.

use std::fmt;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use regex::{RegexSet, RegexSetBuilder};

/// A set of patterns; what one of them matches is left alone.
#[derive(Clone, Debug)]
pub struct Excludes {
    globs: GlobSet,
    expressions: RegexSet,
}

/// A pattern that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    pattern: String,
    reason: String,
}

impl PatternError {
    /// The pattern as it was given.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bad pattern `{}`: {}", self.pattern, self.reason)
    }
}

impl std::error::Error for PatternError {}

impl Default for Excludes {
    fn default() -> Self {
        Self {
            globs: GlobSet::empty(),
            expressions: RegexSet::empty(),
        }
    }
}

impl Excludes {
    /// Reads patterns: globs that must match all of a link (`*` crosses slashes), or after `re:` regular expressions
    /// that must match a part of it.
    ///
    /// # Errors
    /// The first pattern that cannot be read, with the reason.
    pub fn new<S: AsRef<str>>(patterns: impl IntoIterator<Item = S>) -> Result<Self, PatternError> {
        let mut globs = GlobSetBuilder::new();
        let mut expressions = Vec::new();
        for pattern in patterns {
            let pattern = pattern.as_ref();
            let bad = |reason: String| PatternError {
                pattern: pattern.to_owned(),
                reason,
            };
            if let Some(expression) = pattern.strip_prefix("re:") {
                compile(&[expression]).map_err(bad)?;
                expressions.push(expression.to_owned());
            } else {
                let glob = GlobBuilder::new(pattern)
                    .literal_separator(false)
                    .backslash_escape(true)
                    .build()
                    .map_err(|error| bad(error.kind().to_string()))?;
                globs.add(glob);
            }
        }
        let whole = |reason: String| PatternError {
            pattern: expressions.join("` and `"),
            reason,
        };
        Ok(Self {
            globs: globs
                .build()
                .map_err(|error| whole(error.kind().to_string()))?,
            expressions: compile(&expressions).map_err(whole)?,
        })
    }

    /// Says whether a link, as written or as resolved, is to be left alone.
    pub fn matches(&self, link: &str) -> bool {
        self.globs.is_match(link) || self.expressions.is_match(link)
    }

    /// Says whether there is no pattern at all.
    pub fn is_empty(&self) -> bool {
        self.globs.is_empty() && self.expressions.is_empty()
    }
}

/// Compiles expressions. An error of theirs is a drawing of many lines; its last line is the reason.
fn compile<S: AsRef<str>>(expressions: &[S]) -> Result<RegexSet, String> {
    RegexSetBuilder::new(expressions).build().map_err(|error| {
        let text = error.to_string();
        let last = text.lines().last().unwrap_or_default();
        last.trim().trim_start_matches("error: ").to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_matches_all_of_a_link() {
        let excludes =
            Excludes::new(["https://example.org/*", "*.pdf", "[ab].md"]).expect("good patterns");
        assert!(excludes.matches("https://example.org/a/b?c"));
        assert!(excludes.matches("docs/x.pdf"));
        assert!(excludes.matches("a.md"));
        assert!(!excludes.matches("docs/a.md"));
        assert!(!excludes.matches("see https://example.org/"));
    }

    #[test]
    fn an_expression_matches_a_part() {
        let excludes = Excludes::new([r"re:^https?://(localhost|127\.0\.0\.1)", "re:draft"])
            .expect("good patterns");
        assert!(excludes.matches("http://localhost:80/x"));
        assert!(excludes.matches("my/draft/x.md"));
        assert!(!excludes.matches("https://example.org/?u=http://localhost"));
    }

    #[test]
    fn no_pattern_matches_nothing() {
        let excludes = Excludes::default();
        assert!(excludes.is_empty());
        assert!(!excludes.matches(""));
    }

    #[test]
    fn a_bad_pattern_is_an_error_that_names_it() {
        let error = Excludes::new(["ok", "re:("]).expect_err("a bad expression");
        assert_eq!(error.pattern(), "re:(");
        assert_eq!(error.to_string(), "bad pattern `re:(`: unclosed group");
        let error = Excludes::new(["[a"]).expect_err("a bad glob");
        assert!(
            error.to_string().starts_with("bad pattern `[a`: "),
            "{error}"
        );
        Excludes::new([r"re:\p{Greek}{1000}{1000}"]).expect_err("too large an expression");
    }
}
