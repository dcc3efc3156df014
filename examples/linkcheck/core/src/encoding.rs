//! From a document's bytes to its text.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED};

/// How far into an HTML document its declaration of an encoding is looked for, as browsers do.
const PRESCAN: usize = 1024;

/// Decodes a text that has no way to declare its encoding: by its byte order mark, else as UTF-8.
///
/// What is malformed becomes U+FFFD. The mark itself is not part of the text.
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    UTF_8.decode(bytes).0
}

/// Decodes an HTML document: by its byte order mark, else by `charset` (of its `Content-Type`, say), else by its
/// `<meta charset>`, else as UTF-8.
///
/// What is malformed becomes U+FFFD. An encoding that nobody knows counts as none.
pub fn decode_html<'a>(bytes: &'a [u8], charset: Option<&str>) -> Cow<'a, str> {
    let encoding = charset
        .and_then(|label| Encoding::for_label(label.as_bytes()))
        .or_else(|| declared(&bytes[..bytes.len().min(PRESCAN)]))
        .unwrap_or(UTF_8);
    encoding.decode(bytes).0
}

/// The encoding that a `<meta>` near the document's beginning declares.
fn declared(head: &[u8]) -> Option<&'static Encoding> {
    let mut rest = head;
    loop {
        rest = &rest[rest.iter().position(|&byte| byte == b'<')?..];
        if rest.starts_with(b"<!--") {
            // The mark's own dashes may close the comment: `<!-->`.
            rest = &rest[find(&rest[2..], b"-->")? + 5..];
        } else if starts_with_meta(rest) {
            let end = rest.iter().position(|&byte| byte == b'>')?;
            if let Some(encoding) = charset_of(&rest[..end]) {
                return Some(encoding);
            }
            rest = &rest[end..];
        } else {
            rest = &rest[1..];
        }
    }
}

fn starts_with_meta(tag: &[u8]) -> bool {
    tag.len() > 5
        && tag[..5].eq_ignore_ascii_case(b"<meta")
        && (tag[5].is_ascii_whitespace() || tag[5] == b'/')
}

/// Finds `charset=label` in a tag, as an attribute of its own or inside `content="text/html; charset=label"`.
fn charset_of(tag: &[u8]) -> Option<&'static Encoding> {
    let lower = tag.to_ascii_lowercase();
    let mut rest = &lower[..];
    loop {
        rest = &rest[find(rest, b"charset")? + b"charset".len()..];
        let value = rest.trim_ascii_start();
        let Some(value) = value.strip_prefix(b"=") else {
            continue;
        };
        let value = value.trim_ascii_start();
        let value = value
            .strip_prefix(b"\"")
            .or_else(|| value.strip_prefix(b"'"))
            .unwrap_or(value);
        let end = value
            .iter()
            .position(|byte| {
                matches!(byte, b'"' | b'\'' | b';' | b'/') || byte.is_ascii_whitespace()
            })
            .unwrap_or(value.len());
        // A declaration that could be read as ASCII cannot itself be UTF-16, whatever it says.
        return Encoding::for_label(&value[..end]).map(|encoding| match encoding {
            wide if wide == UTF_16LE || wide == UTF_16BE => UTF_8,
            user if user == X_USER_DEFINED => WINDOWS_1252,
            other => other,
        });
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_wins() {
        assert_eq!(decode(b"\xEF\xBB\xBFa"), "a");
        assert_eq!(decode(b"\xFF\xFEa\0"), "a");
        assert_eq!(decode(b"\xFE\xFF\0a"), "a");
        assert_eq!(
            decode_html(b"\xEF\xBB\xBF<meta charset=latin1>\xC3\xA9", Some("latin1")),
            "<meta charset=latin1>é"
        );
    }

    #[test]
    fn a_header_comes_before_a_meta() {
        let page = b"<meta charset=utf-8>\xE9";
        assert_eq!(
            decode_html(page, Some("iso-8859-1")),
            "<meta charset=utf-8>é"
        );
        assert!(decode_html(page, Some("klingon")).ends_with('\u{FFFD}'));
    }

    #[test]
    fn a_meta_declares_in_all_its_forms() {
        let forms: [&[u8]; 6] = [
            b"<meta charset=iso-8859-1>\xE9",
            b"<META CHARSET = 'ISO-8859-1' />\xE9",
            b"<html><head><meta charset=\"windows-1252\">\xE9",
            b"<meta http-equiv=Content-Type content=\"text/html; charset=latin1\">\xE9",
            b"<!-- <meta charset=utf-8> --><meta name=x><meta charset=latin1>\xE9",
            b"<!--><meta charset=latin1>\xE9",
        ];
        for form in forms {
            assert!(
                decode_html(form, None).ends_with('é'),
                "{}",
                form.escape_ascii()
            );
        }
        let japanese = b"<meta charset=shift_jis>\x93\xFA\x96\x7B";
        assert!(decode_html(japanese, None).ends_with("日本"));
    }

    #[test]
    fn what_declares_nothing_is_utf_8() {
        let forms: [&[u8]; 5] = [
            b"\xC3\xA9",
            b"<meta charset>\xC3\xA9",
            b"<metacharset=latin1>\xC3\xA9",
            b"<meta charset=utf-16>\xC3\xA9",
            b"<!-- <meta charset=latin1> \xC3\xA9",
        ];
        for form in forms {
            assert!(
                decode_html(form, None).ends_with('é'),
                "{}",
                form.escape_ascii()
            );
        }
        assert_eq!(decode_html(b"a\xFFb", None), "a\u{FFFD}b");
    }
}
