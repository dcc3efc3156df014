//! Where in a document something stands.

use serde::{Deserialize, Serialize};

/// A line and a column, both counted from 1; the column counts characters, not bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The line, from 1.
    pub line: u32,
    /// The column, in characters, from 1.
    pub column: u32,
}

/// Turns byte offsets of one text into places.
///
/// Offsets that ascend cost the text's length in all, however long its lines are; one that goes back starts again from
/// the text's beginning.
#[derive(Debug)]
pub(crate) struct Locator<'a> {
    text: &'a [u8],
    offset: usize,
    place: Place,
}

impl<'a> Locator<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            text: text.as_bytes(),
            offset: 0,
            place: Place { line: 1, column: 1 },
        }
    }

    pub(crate) fn place(&mut self, offset: usize) -> Place {
        let offset = offset.min(self.text.len());
        if offset < self.offset {
            self.offset = 0;
            self.place = Place { line: 1, column: 1 };
        }
        let mut passed = &self.text[self.offset..offset];
        if let Some(last) = passed.iter().rposition(|&byte| byte == b'\n') {
            let lines = passed.iter().filter(|&&byte| byte == b'\n').count();
            self.place.line = self.place.line.saturating_add(saturate(lines));
            self.place.column = 1;
            passed = &passed[last + 1..];
        }
        // Every byte of a character but its first matches 0b10xx_xxxx.
        let characters = passed.iter().filter(|&&byte| byte & 0xC0 != 0x80).count();
        self.place.column = self.place.column.saturating_add(saturate(characters));
        self.offset = offset;
        self.place
    }
}

fn saturate(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u32, column: u32) -> Place {
        Place { line, column }
    }

    #[test]
    fn places_count_characters_from_one() {
        let text = "ab\nçé x\n\nz";
        let mut locator = Locator::new(text);
        let offsets = [0, 1, 3, 5, 7, text.len() - 1];
        let places: Vec<_> = offsets.map(|offset| locator.place(offset)).into();
        assert_eq!(
            places,
            [at(1, 1), at(1, 2), at(2, 1), at(2, 2), at(2, 3), at(4, 1)]
        );
    }

    #[test]
    fn an_offset_may_go_back_or_past_the_end() {
        let mut locator = Locator::new("a\nb");
        assert_eq!(locator.place(99), at(2, 2));
        assert_eq!(locator.place(1), at(1, 2));
    }
}
