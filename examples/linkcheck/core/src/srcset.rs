//! The candidates of a `srcset` attribute.

/// Gives each image URL of `srcset` with its byte offset in it.
///
/// Follows the HTML standard: a URL runs to the next white space, and commas at its end close its candidate; without
/// them, a descriptor such as `2x` or `480w` follows, up to the next comma outside parentheses.
pub(crate) fn candidates(srcset: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = &srcset[at..];
        let begin = at + rest.find(|c: char| !c.is_ascii_whitespace() && c != ',')?;
        let rest = &srcset[begin..];
        let length = rest
            .find(|c: char| c.is_ascii_whitespace())
            .unwrap_or(rest.len());
        let url = rest[..length].trim_end_matches(',');
        at = begin + length;
        if url.len() == length {
            at += descriptor(&srcset[at..]);
        }
        Some((begin, url))
    })
}

/// The length of the descriptor that `rest` begins with, its comma not included.
fn descriptor(rest: &str) -> usize {
    let mut depth = 0_usize;
    for (offset, byte) in rest.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => return offset,
            _ => {}
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(srcset: &str) -> Vec<&str> {
        candidates(srcset)
            .map(|(offset, url)| {
                assert!(srcset[offset..].starts_with(url));
                url
            })
            .collect()
    }

    #[test]
    fn candidates_are_separated_by_commas_after_white_space() {
        assert_eq!(urls("a.png"), ["a.png"]);
        assert_eq!(
            urls(" a.png 1x, b.png 2x,c.png 3x "),
            ["a.png", "b.png", "c.png"]
        );
        assert_eq!(urls("a.png, b.png"), ["a.png", "b.png"]);
        assert_eq!(urls("a,b.png 480w"), ["a,b.png"]);
        assert_eq!(
            urls("data:image/png;base64,AA== 1x, b 2x"),
            ["data:image/png;base64,AA==", "b"]
        );
    }

    #[test]
    fn a_descriptor_may_hold_commas_in_parentheses() {
        assert_eq!(urls("a.png x(1, 2), b.png"), ["a.png", "b.png"]);
        assert_eq!(urls("a.png x(1, 2, b.png"), ["a.png"]);
    }

    #[test]
    fn nothing_gives_nothing() {
        assert!(urls("").is_empty());
        assert!(urls(" , ,, ").is_empty());
    }
}
