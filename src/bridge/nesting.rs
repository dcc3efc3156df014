//! How deeply bytes are nested, before anybody decodes them.
//!
//! A decoder recurses, and a stack that overflows ends the process: nothing contains that. `serde_json` has a limit of
//! its own; `rmp-serde` has one as well, but does not count the variants of enums. So one look over the bytes counts
//! for both, without recursion and without an allocation.

/// As deep as any format goes: a level less than `serde_json` refuses.
pub(super) const DEEPEST: usize = 127;

/// Whether JSON is nested at most so deeply. What is no JSON is for the decoder to find.
#[must_use]
pub(super) fn json(bytes: &[u8], limit: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => {
                depth += 1;
                if depth > limit {
                    return false;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    true
}

/// What a look over MessagePack finds.
#[cfg(feature = "messagepack")]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Nesting {
    /// One value, of so many bytes.
    Within(usize),
    TooDeep,
    /// No whole value: for the decoder to find.
    Broken,
}

/// How deeply the first value in MessagePack is nested, and how long it is.
#[cfg(feature = "messagepack")]
#[must_use]
pub(super) fn messagepack(bytes: &[u8], limit: usize) -> Nesting {
    // A number or a text has no levels at all.
    match head(bytes) {
        Some((length, None)) if length <= bytes.len() => return Nesting::Within(length),
        _ => {}
    }
    let limit = limit.min(DEEPEST);
    match scan::<FEW>(bytes, limit.min(FEW)) {
        Nesting::TooDeep if limit > FEW => scan::<DEEPEST>(bytes, limit),
        found => found,
    }
}

/// As deep as most answers go. To clear the levels of the deepest takes longer than to look over a small answer.
#[cfg(feature = "messagepack")]
const FEW: usize = 8;

/// The same with so many levels, of which `limit` may be used.
#[cfg(feature = "messagepack")]
fn scan<const LEVELS: usize>(bytes: &[u8], limit: usize) -> Nesting {
    // How many values are still to come, at each level that is open.
    let mut open = [0u64; LEVELS];
    let mut depth = 0;
    let mut at = 0usize;
    loop {
        let Some((skip, values)) = head(&bytes[at..]) else {
            return Nesting::Broken;
        };
        match at.checked_add(skip) {
            Some(next) if next <= bytes.len() => at = next,
            _ => return Nesting::Broken,
        }
        if let Some(values) = values {
            if depth >= limit.min(LEVELS) {
                return Nesting::TooDeep;
            }
            open[depth] = values;
            depth += 1;
        }
        loop {
            match depth {
                0 => return Nesting::Within(at),
                _ if open[depth - 1] == 0 => depth -= 1,
                _ => break,
            }
        }
        open[depth - 1] -= 1;
    }
}

/// How many bytes a value takes without what is nested in it, and how many values are, if it is of those that nest.
#[cfg(feature = "messagepack")]
#[inline]
fn head(bytes: &[u8]) -> Option<(usize, Option<u64>)> {
    let number = |width: usize| {
        let bytes = bytes.get(1..1 + width)?;
        let number = bytes
            .iter()
            .fold(0u64, |all, byte| all << 8 | u64::from(*byte));
        Some(number)
    };
    let data = |width: usize, more: usize| {
        let length = usize::try_from(number(width)?).ok()?;
        Some((length.checked_add(1 + width + more)?, None))
    };
    let marker = *bytes.first()?;
    match marker {
        0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => Some((1, None)),
        0x80..=0x8f => Some((1, Some(2 * u64::from(marker & 0x0f)))),
        0x90..=0x9f => Some((1, Some(u64::from(marker & 0x0f)))),
        0xa0..=0xbf => Some((1 + usize::from(marker & 0x1f), None)),
        0xc1 => None,
        0xc4 | 0xd9 => data(1, 0),
        0xc5 | 0xda => data(2, 0),
        0xc6 | 0xdb => data(4, 0),
        0xc7 => data(1, 1),
        0xc8 => data(2, 1),
        0xc9 => data(4, 1),
        0xcc | 0xd0 => Some((2, None)),
        0xcd | 0xd1 => Some((3, None)),
        0xca | 0xce | 0xd2 => Some((5, None)),
        0xcb | 0xcf | 0xd3 => Some((9, None)),
        0xd4..=0xd8 => Some((2 + (1 << (marker - 0xd4)), None)),
        0xdc => Some((3, Some(number(2)?))),
        0xdd => Some((5, Some(number(4)?))),
        0xde => Some((3, Some(2 * number(2)?))),
        0xdf => Some((5, Some(2 * number(4)?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_strings_are_no_nesting() {
        assert!(json(br#"["[[[{{{", "\"[[["]"#, 1));
        assert!(json(b"[[],[],[[]]]", 3));
        assert!(!json(b"[[],[],[[]]]", 2));
    }

    #[cfg(feature = "messagepack")]
    #[test]
    fn a_value_of_messagepack_ends_where_it_ends_and_not_deeper_than_it_may() {
        // [1, {"a": []}, "bc"], and a byte more.
        let bytes = [0x93, 1, 0x81, 0xa1, b'a', 0x90, 0xa2, b'b', b'c', 7];
        assert_eq!(messagepack(&bytes, 3), Nesting::Within(9));
        assert_eq!(messagepack(&bytes, 2), Nesting::TooDeep);
        for depth in [FEW, FEW + 1, DEEPEST] {
            let nested = [vec![0x91; depth - 1], vec![0x90, 7]].concat();
            assert_eq!(messagepack(&nested, depth), Nesting::Within(depth));
            assert_eq!(messagepack(&nested, depth - 1), Nesting::TooDeep);
        }
        assert_eq!(messagepack(&bytes[..8], 3), Nesting::Broken);
        assert_eq!(messagepack(&[0x91; 1_000_000], 1 << 20), Nesting::TooDeep);
        assert_eq!(
            messagepack(&[0xdf, 0xff, 0xff, 0xff, 0xff], 3),
            Nesting::Broken
        );
        assert_eq!(
            messagepack(&[0xdb, 0xff, 0xff, 0xff, 0xff], 3),
            Nesting::Broken
        );
    }
}
