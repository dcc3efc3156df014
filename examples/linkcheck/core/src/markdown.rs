//! Markdown, as GitHub reads it: links, images, autolinks and the HTML that is embedded; anchors of headings, footnotes
//! and that HTML.
//!
//! Beyond GitHub, an explicit heading id (`## Title {#id}`) is an anchor, as most generators have it, beside the heading's
//! own slug.

use std::ops::Range;

use pulldown_cmark::{Event, LinkType, Options, Parser, Tag, TagEnd, TextMergeWithOffset};

use crate::{
    anchors::{Anchors, fingerprint},
    document::{Document, Link, LinkKind},
    html::{self, Finds, Found},
    place::Locator,
    slug::Slugger,
};

/// Reads a Markdown document.
pub fn parse(text: &str) -> Document {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS
        | Options::ENABLE_PLUSES_DELIMITED_METADATA_BLOCKS
        | Options::ENABLE_GFM;
    let mut reader = Reader::default();
    for (event, range) in
        TextMergeWithOffset::new(Parser::new_ext(text, options).into_offset_iter())
    {
        reader.take(event, range);
    }
    reader.finish(text)
}

#[derive(Default)]
struct Reader {
    finds: Finds,
    slugger: Slugger,
    /// The text of the heading that is being read.
    heading: Option<String>,
    /// How many images the text stands in: GitHub gives a heading no id by what stands there for a picture.
    images: usize,
    /// How many links, code blocks and metadata blocks the text stands in: a bare URL in it is none of GitHub's links.
    quoted: usize,
    block: Option<HtmlBlock>,
}

/// A block of embedded HTML: its lines without what the blocks around it put before them, and where each line stands.
#[derive(Default)]
struct HtmlBlock {
    html: String,
    /// Offsets in `html`, and the offsets in the document that they stand for.
    lines: Vec<(usize, usize)>,
}

impl Reader {
    fn take(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(tag) => self.start(tag, range),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => {
                self.heading_text(&text);
                if self.quoted == 0 {
                    self.bare_urls(&text, range);
                }
            }
            Event::Code(code) => self.heading_text(&code),
            Event::Html(html) => {
                let block = self.block.get_or_insert_default();
                block.lines.push((block.html.len(), range.start));
                block.html.push_str(&html);
            }
            Event::InlineHtml(html) => {
                let first = self.finds.links.len();
                html::scan(&html, &mut self.finds);
                for link in &mut self.finds.links[first..] {
                    link.offset += range.start;
                }
            }
            Event::FootnoteReference(label) => {
                self.anchor(&format!("fnref-{label}"));
            }
            _ => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>, range: Range<usize>) {
        match tag {
            Tag::Link {
                link_type,
                dest_url,
                ..
            } => {
                self.quoted += 1;
                let kind = match link_type {
                    LinkType::Autolink | LinkType::Email => LinkKind::Autolink,
                    _ => LinkKind::Link,
                };
                let destination = match link_type {
                    LinkType::Email => format!("mailto:{dest_url}"),
                    _ => dest_url.into_string(),
                };
                self.link(destination, range.start, kind);
            }
            Tag::Image { dest_url, .. } => {
                self.quoted += 1;
                self.images += 1;
                self.link(dest_url.into_string(), range.start, LinkKind::Image);
            }
            Tag::Heading { id, .. } => {
                self.heading = Some(String::new());
                if let Some(id) = id {
                    self.anchor(&id);
                }
            }
            Tag::CodeBlock(_) | Tag::MetadataBlock(_) => self.quoted += 1,
            Tag::HtmlBlock => self.block = Some(HtmlBlock::default()),
            Tag::FootnoteDefinition(label) => self.anchor(&format!("fn-{label}")),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        if tag == TagEnd::Image {
            self.images = self.images.saturating_sub(1);
        }
        match tag {
            TagEnd::Link | TagEnd::Image | TagEnd::CodeBlock | TagEnd::MetadataBlock(_) => {
                self.quoted = self.quoted.saturating_sub(1);
            }
            TagEnd::Heading(_) => {
                if let Some(heading) = self.heading.take() {
                    let id = self.slugger.id(&heading);
                    self.anchor(&id);
                }
            }
            TagEnd::HtmlBlock => {
                if let Some(block) = self.block.take() {
                    self.html_block(&block);
                }
            }
            _ => {}
        }
    }

    fn heading_text(&mut self, text: &str) {
        if let Some(heading) = &mut self.heading
            && self.images == 0
        {
            heading.push_str(text);
        }
    }

    fn html_block(&mut self, block: &HtmlBlock) {
        let first = self.finds.links.len();
        html::scan(&block.html, &mut self.finds);
        for link in &mut self.finds.links[first..] {
            let line = block
                .lines
                .partition_point(|&(start, _)| start <= link.offset);
            if let Some(&(start, document)) = block.lines.get(line.wrapping_sub(1)) {
                link.offset = document + (link.offset - start);
            }
        }
    }

    fn bare_urls(&mut self, text: &str, range: Range<usize>) {
        // Where the text was written with escapes or entities, its offsets are not the document's, but close.
        for (offset, url) in bare_urls(text) {
            let offset = (range.start + offset).min(range.end);
            self.link(url.to_owned(), offset, LinkKind::Autolink);
        }
    }

    fn link(&mut self, destination: String, offset: usize, kind: LinkKind) {
        self.finds.links.push(Found {
            destination,
            offset,
            kind,
        });
    }

    fn anchor(&mut self, name: &str) {
        self.finds.anchors.push(fingerprint(name));
    }

    fn finish(mut self, text: &str) -> Document {
        if let Some(block) = self.block.take() {
            self.html_block(&block);
        }
        let mut found = self.finds.links;
        found.sort_by_key(|link| link.offset);
        let mut locator = Locator::new(text);
        let links = found
            .into_iter()
            .map(|link| Link {
                place: locator.place(link.offset),
                destination: link.destination,
                kind: link.kind,
            })
            .collect();
        Document {
            links,
            anchors: Anchors::from_fingerprints(self.finds.anchors),
            base: None,
            redirect: None,
        }
    }
}

/// The URLs that stand bare in a text, by the rules of GitHub's extended autolinks, with their offsets.
fn bare_urls(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let begin = at + text.get(at..)?.find("http")?;
            let rest = &text[begin..];
            let scheme = ["https://", "http://"]
                .into_iter()
                .find(|scheme| rest.starts_with(scheme));
            let opens = text[..begin].chars().next_back().is_none_or(|before| {
                before.is_whitespace() || matches!(before, '*' | '_' | '~' | '(')
            });
            let Some(scheme) = scheme.filter(|_| opens) else {
                at = begin + "http".len();
                continue;
            };
            let end = rest
                .find(|c: char| c.is_whitespace() || c == '<')
                .unwrap_or(rest.len());
            let url = trim_url(&rest[..end]);
            at = begin + end;
            let host = &url[scheme.len().min(url.len())..];
            if host.starts_with(|c: char| c.is_alphanumeric() || c == '[') {
                return Some((begin, url));
            }
        }
    })
}

/// Takes off a URL's end what belongs to the sentence around it.
fn trim_url(mut url: &str) -> &str {
    let count = |character| url.matches(character).count();
    let mut unmatched = count(')').saturating_sub(count('('));
    loop {
        let trimmed = url.trim_end_matches(['?', '!', '.', ',', ':', '*', '_', '~', '\'', '"']);
        let trimmed = match trimmed.strip_suffix(')') {
            Some(inner) if unmatched > 0 => {
                unmatched -= 1;
                inner
            }
            _ => trimmed,
        };
        let trimmed = match trimmed.strip_suffix(';') {
            Some(before) => {
                let name = before.trim_end_matches(|c: char| c.is_ascii_alphanumeric());
                match name.strip_suffix('&') {
                    Some(entity) if name.len() < before.len() => entity,
                    _ => before,
                }
            }
            None => trimmed,
        };
        if trimmed.len() == url.len() {
            return url;
        }
        url = trimmed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(text: &str) -> Vec<(String, u32, u32)> {
        parse(text)
            .links
            .into_iter()
            .map(|link| (link.destination, link.place.line, link.place.column))
            .collect()
    }

    fn destinations(text: &str) -> Vec<String> {
        links(text).into_iter().map(|link| link.0).collect()
    }

    #[test]
    fn links_images_and_autolinks_have_their_places() {
        let text =
            "é [a](b.md \"t\") ![i](<c d.png>)\n\n- x <https://e.org>\n- [r]\n\n[r]: ../z.md#q\n";
        let kinds: Vec<_> = parse(text).links.iter().map(|link| link.kind).collect();
        assert_eq!(
            kinds,
            [
                LinkKind::Link,
                LinkKind::Image,
                LinkKind::Autolink,
                LinkKind::Link
            ]
        );
        let expected = [
            ("b.md", 1, 3),
            ("c d.png", 1, 17),
            ("https://e.org", 3, 5),
            ("../z.md#q", 4, 3),
        ];
        assert_eq!(
            links(text),
            expected.map(|(destination, line, column)| (destination.to_owned(), line, column))
        );
    }

    #[test]
    fn an_image_may_be_a_link_and_a_mail_address_too() {
        assert_eq!(
            destinations("[![b](badge.svg)](ci.md) <me@example.org>"),
            ["ci.md", "badge.svg", "mailto:me@example.org"]
        );
    }

    #[test]
    fn code_comments_and_front_matter_hold_no_links() {
        let text = "---\nurl: https://a.org\n---\n`[a](b)` https://ok.org\n\n```\n[c](d) https://x.org\n```\n\n<!-- [e](f) <a href=g> -->\n\n    [h](i)\n";
        assert_eq!(destinations(text), ["https://ok.org"]);
    }

    #[test]
    fn embedded_html_links_and_names() {
        let text = "\
text <a href='in.html'>x</a> <a name=\"n1\"></a>

<div id=d1>
  <img src=\"i.png\">
</div>

> <p>
> <a
> href=quoted.html>
";
        assert_eq!(
            links(text),
            [
                ("in.html".to_owned(), 1, 9),
                ("i.png".to_owned(), 4, 8),
                ("quoted.html".to_owned(), 9, 3)
            ]
        );
        let anchors = parse(text).anchors;
        assert!(anchors.answers("n1") && anchors.answers("d1"));
    }

    #[test]
    fn headings_are_anchors() {
        let text = "\
# The `code` & *stress* [link](x) ![alt](y)

Setext
heading
---

## Same
## Same
## Own {#Chosen .class}
### <kbd>Key</kbd> 🚀

Note[^1].

[^1]: Footnote.
";
        let anchors = parse(text).anchors;
        for name in [
            "the-code--stress-link-",
            "setextheading",
            "same",
            "same-1",
            "Chosen",
            "own",
            "key-",
            "fn-1",
            "fnref-1",
        ] {
            assert!(anchors.answers(name), "{name}");
        }
        assert!(!anchors.answers("same-2"));
        let logo = parse("# ![A `logo` of [ours](x)](y) Name").anchors;
        assert!(logo.answers("-name") && logo.len() == 1);
    }

    #[test]
    fn bare_urls_end_where_the_sentence_goes_on() {
        let found = |text| {
            bare_urls(text)
                .map(|(_, url)| url.to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            found("see https://a.org/b_c?d=1, or http://b.org."),
            ["https://a.org/b_c?d=1", "http://b.org"]
        );
        assert_eq!(
            found("(https://a.org/x_(y)) https://b.org/&hellip;"),
            ["https://a.org/x_(y)", "https://b.org/"]
        );
        assert!(found("xhttps://a.org https:// http httpx://a https://-").is_empty());
        assert_eq!(
            destinations("**https://a.org/b_c_d** \\https://x.org"),
            ["https://a.org/b_c_d"]
        );
    }

    #[test]
    fn a_url_s_end_of_any_length_takes_linear_time() {
        let text = format!("https://a.org/{}", ")".repeat(200_000));
        assert_eq!(trim_url(&text), "https://a.org/");
        for end in ["&a;", ";", "&;", "*)"] {
            let text = format!("https://a.org/{}", end.repeat(200_000));
            assert!(trim_url(&text).starts_with("https://a.org/"), "{end}");
        }
    }
}
