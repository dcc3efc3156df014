//! A document as the checker sees it: what it links to, and what can be linked to in it.

use serde::{Deserialize, Serialize};

use crate::{anchors::Anchors, encoding, html, markdown, place::Place};

/// The kinds of documents that are searched for links and anchors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Markdown as GitHub reads it.
    Markdown,
    /// HTML.
    Html,
    /// HTML in the syntax of XML.
    Xhtml,
}

impl Format {
    /// The format that a file's name promises; `None` for a file in which nobody looks for links.
    pub fn of_path(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let (stem, extension) = name.rsplit_once('.')?;
        let is = |known: &str| extension.eq_ignore_ascii_case(known);
        if stem.is_empty() {
            None
        } else if is("md") || is("markdown") {
            Some(Self::Markdown)
        } else if is("html") || is("htm") {
            Some(Self::Html)
        } else if is("xhtml") {
            Some(Self::Xhtml)
        } else {
            None
        }
    }

    /// The format that a `Content-Type` names; `None` for one in which nobody looks for links.
    pub fn of_content_type(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let is = |known: &str| essence.eq_ignore_ascii_case(known);
        if is("text/html") {
            Some(Self::Html)
        } else if is("application/xhtml+xml") {
            Some(Self::Xhtml)
        } else if is("text/markdown") {
            Some(Self::Markdown)
        } else {
            None
        }
    }
}

/// What made a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LinkKind {
    /// A link to follow: `[text](destination)`, `<a href>`.
    Link,
    /// A picture: `![text](destination)`, `<img src>`.
    Image,
    /// A URL that stands for itself: `<https://…>`, or bare in Markdown's text.
    Autolink,
    /// Whatever else the document loads: a style sheet, a script, a frame, a film.
    Resource,
}

/// A link as it stands in its document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The destination as written, but for the entities and escapes of the document's own syntax.
    pub destination: String,
    /// Where the link begins.
    pub place: Place,
    /// What made it.
    pub kind: LinkKind,
}

/// What was found in one document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// Its links, in the order in which they stand there.
    pub links: Vec<Link>,
    /// What can be linked to in it.
    pub anchors: Anchors,
    /// The destination of its `<base href>`.
    pub base: Option<String>,
    /// Where it sends its reader at once, by a `<meta http-equiv="refresh">` without delay.
    ///
    /// The scripts of such pages carry the fragment on, so an anchor that is missing here may be looked for there.
    pub redirect: Option<String>,
}

impl Document {
    /// Reads a document from its bytes, whatever they are.
    ///
    /// `charset` is the encoding that came with it from outside, in a `Content-Type` say.
    pub fn parse(format: Format, bytes: &[u8], charset: Option<&str>) -> Self {
        match format {
            Format::Markdown => markdown::parse(&encoding::decode(bytes)),
            Format::Html => html::parse(&encoding::decode_html(bytes, charset)),
            Format::Xhtml => html::parse_xhtml(&encoding::decode_html(bytes, charset)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_known_by_name() {
        assert_eq!(Format::of_path("docs/README.md"), Some(Format::Markdown));
        assert_eq!(Format::of_path("a.MARKDOWN"), Some(Format::Markdown));
        assert_eq!(Format::of_path("x/y.htm"), Some(Format::Html));
        assert_eq!(Format::of_path("x/lib.rs.html"), Some(Format::Html));
        assert_eq!(Format::of_path("x.XHTML"), Some(Format::Xhtml));
        assert_eq!(Format::of_path("x.md/y"), None);
        assert_eq!(Format::of_path(".md"), None);
        assert_eq!(Format::of_path("LICENSE"), None);
    }

    #[test]
    fn a_format_is_known_by_content_type() {
        assert_eq!(
            Format::of_content_type("Text/HTML; charset=utf-8"),
            Some(Format::Html)
        );
        assert_eq!(
            Format::of_content_type("application/xhtml+xml"),
            Some(Format::Xhtml)
        );
        assert_eq!(Format::of_content_type("application/pdf"), None);
        assert_eq!(Format::of_content_type(""), None);
    }

    /// Reads pieces of syntax, strung together at random and broken by random bytes: no parser may panic on any.
    #[test]
    fn no_bytes_make_a_parser_panic() {
        const PIECES: [&[u8]; 40] = [
            b"<a href=\"x\">",
            b"<a name='",
            b"<base href=",
            b"<img srcset=\"a 1x, b\"",
            b"</a>",
            b"<template>",
            b"</template>",
            b"<script>",
            b"</script>",
            b"<!--",
            b"-->",
            b"<meta charset=",
            b"&amp;",
            b"&#x",
            b"\0",
            b"\r\n",
            b"\n",
            b"# ",
            b"## H {#id}\n",
            b"[a](b",
            b")",
            b"![",
            b"](<",
            b"[x]: y\n",
            b"[^1]",
            b"[^1]: n\n",
            b"`",
            b"```\n",
            b"> ",
            b"- ",
            b"| a | b |\n|-|-|\n",
            b"https://",
            b"\xEF\xBB\xBF",
            b"\xFF\xFE",
            b"\xC3",
            b"\xF0\x9F\x9A\x80",
            b"<title>",
            b"<plaintext>",
            b"<![CDATA[",
            b"---\n",
        ];
        let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
        let mut draw = |below: usize| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed % below as u64) as usize
        };
        for _ in 0..3_000 {
            let mut bytes = Vec::new();
            for _ in 0..draw(30) {
                match draw(5) {
                    0 => bytes.push(draw(256) as u8),
                    _ => bytes.extend_from_slice(PIECES[draw(PIECES.len())]),
                }
            }
            for format in [Format::Markdown, Format::Html, Format::Xhtml] {
                let document = Document::parse(format, &bytes, None);
                assert!(document.links.len() <= bytes.len());
            }
        }
    }
}
