//! The ids that GitHub gives to headings.

use std::collections::HashMap;

use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

/// Gives the headings of one document their ids, in their order.
#[derive(Clone, Debug, Default)]
pub struct Slugger {
    /// Every id that was given, with the number that its next duplicate gets.
    given: HashMap<String, usize>,
}

impl Slugger {
    /// Gives the next heading its id: its slug, with `-1`, `-2` and so on after it where that is taken.
    pub fn id(&mut self, heading: &str) -> String {
        let slug = slug(heading);
        let Some(&taken) = self.given.get(&slug) else {
            self.given.insert(slug.clone(), 1);
            return slug;
        };
        let mut number = taken;
        let id = loop {
            let id = format!("{slug}-{number}");
            number += 1;
            if !self.given.contains_key(&id) {
                break id;
            }
        };
        self.given.insert(slug, number);
        self.given.insert(id.clone(), 1);
        id
    }
}

/// The slug of a heading's text: in lower case, spaces as hyphens, and of the rest only what Unicode counts to words
/// (letters, marks, digits, connecting punctuation) and hyphens.
///
/// Nothing is trimmed or folded: the space after a leading emoji stays as a leading hyphen.
pub fn slug(heading: &str) -> String {
    heading
        .chars()
        .flat_map(char::to_lowercase)
        .filter_map(|character| match character {
            ' ' => Some('-'),
            '-' => Some('-'),
            word if is_word(word) => Some(word),
            _ => None,
        })
        .collect()
}

fn is_word(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_alphanumeric() || character == '_';
    }
    matches!(
        character.general_category_group(),
        GeneralCategoryGroup::Letter | GeneralCategoryGroup::Mark
    ) || matches!(
        character.general_category(),
        GeneralCategory::DecimalNumber | GeneralCategory::ConnectorPunctuation
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_github_s() {
        let cases = [
            ("Getting Started", "getting-started"),
            ("What's new in 1.0?", "whats-new-in-10"),
            ("C++ & Rust", "c--rust"),
            ("snake_case and kebab-case", "snake_case-and-kebab-case"),
            ("🚀 Launch", "-launch"),
            (":ok: No underscore", "ok-no-underscore"),
            ("I ♥ unicode", "i--unicode"),
            ("Привет non-latin 你好", "привет-non-latin-你好"),
            ("Über ÉTÉ", "über-été"),
            ("a\tb\nc", "abc"),
            ("😄 - an emoji", "---an-emoji"),
            ("١٢ Ⅻ ²", "١٢--"),
            ("", ""),
        ];
        for (heading, expected) in cases {
            assert_eq!(slug(heading), expected, "{heading}");
        }
    }

    #[test]
    fn duplicates_are_numbered() {
        let mut slugger = Slugger::default();
        let ids: Vec<_> = ["Foo", "foo", "Foo 1", "FOO", "foo-1", "!", "?"]
            .map(|heading| slugger.id(heading))
            .into();
        assert_eq!(
            ids,
            ["foo", "foo-1", "foo-1-1", "foo-2", "foo-1-2", "", "-1"]
        );
    }

    #[test]
    fn many_duplicates_take_no_longer_each() {
        let mut slugger = Slugger::default();
        for _ in 0..100_000 {
            slugger.id("same");
        }
        assert_eq!(slugger.id("same"), "same-100000");
    }
}
