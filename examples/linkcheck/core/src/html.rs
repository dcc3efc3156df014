//! HTML, by the tokenizer of the WHATWG standard.
//!
//! A tokenizer and not a tree: it holds one tag at a time, whatever the page's size. Four things that a tree would know
//! are kept beside it: the depth of `<template>`s, whose content is inert (no links, no anchors), the first
//! `<base href>`, which elements' content is text and not tags, and where `<script/>` is all of an element: in XHTML,
//! SVG and MathML. Elsewhere its slash says nothing. `<noscript>` counts as content, since a checker runs no scripts.
//! Comments and scripts hold neither links nor anchors.

use html5gum::{Emitter, State, Tokenizer};

use crate::{
    anchors::{Anchors, fingerprint},
    document::{Document, Link, LinkKind},
    place::Locator,
    srcset,
};

/// Reads an HTML document.
pub fn parse(text: &str) -> Document {
    parse_as(text, Syntax::Html)
}

/// Reads an XHTML document.
pub fn parse_xhtml(text: &str) -> Document {
    parse_as(text, Syntax::Xml)
}

fn parse_as(text: &str, syntax: Syntax) -> Document {
    let mut finds = Finds::default();
    let (mut locator, mut links) = (Locator::new(text), Vec::new());
    scan_as(text, syntax, &mut finds);
    // One tag's links come in no order, and a locator wants one.
    finds.links.sort_by_key(|find| find.offset);
    for find in finds.links {
        links.push(Link {
            place: locator.place(find.offset),
            destination: find.destination,
            kind: find.kind,
        });
    }
    Document {
        links,
        anchors: Anchors::from_fingerprints(finds.anchors),
        base: finds.base,
        redirect: finds.redirect,
    }
}

/// What a scan has found so far; several fragments of one document may add to it.
#[derive(Debug, Default)]
pub(crate) struct Finds {
    pub(crate) links: Vec<Found>,
    /// Fingerprints of the anchors.
    pub(crate) anchors: Vec<u64>,
    base: Option<String>,
    redirect: Option<String>,
}

/// A link, and where it stands in what was scanned.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) destination: String,
    pub(crate) offset: usize,
    pub(crate) kind: LinkKind,
}

/// Adds what is found in `html` to `finds`.
pub(crate) fn scan(html: &str, finds: &mut Finds) {
    scan_as(html, Syntax::Html, finds);
}

fn scan_as(text: &str, syntax: Syntax, finds: &mut Finds) {
    let Ok(()) = Tokenizer::new_with_emitter(text, Scanner::new(syntax, finds)).finish();
}

/// By which rules tags are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Syntax {
    Html,
    Xml,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tag {
    Start,
    End,
}

/// An attribute of the tag that is being read: where its parts end in `Scanner::attribute_text`.
#[derive(Clone, Copy, Debug)]
struct Attribute {
    name_start: usize,
    value_start: usize,
    value_end: usize,
    offset: usize,
}

struct Scanner<'a> {
    finds: &'a mut Finds,
    syntax: Syntax,
    position: usize,
    tag: Tag,
    /// Whether the tag ends in a slash.
    self_closing: bool,
    tag_name: Vec<u8>,
    attributes: Vec<Attribute>,
    /// Names and values of all of the tag's attributes, end to end; kept from tag to tag for its memory.
    attribute_text: Vec<u8>,
    last_start_tag: Vec<u8>,
    templates: usize,
    /// How deep it is in SVG and MathML, which HTML reads as XML in this.
    foreign: usize,
}

impl<'a> Scanner<'a> {
    fn new(syntax: Syntax, finds: &'a mut Finds) -> Self {
        Self {
            finds,
            syntax,
            position: 0,
            tag: Tag::Start,
            self_closing: false,
            tag_name: Vec::new(),
            attributes: Vec::new(),
            attribute_text: Vec::new(),
            last_start_tag: Vec::new(),
            templates: 0,
            foreign: 0,
        }
    }

    fn is_xml_here(&self) -> bool {
        self.syntax == Syntax::Xml || self.foreign > 0
    }

    /// Whether the tag begins, or ends, SVG or MathML.
    fn is_foreign_root(&self) -> bool {
        matches!(&self.tag_name[..], b"svg" | b"math")
    }

    fn begin(&mut self, tag: Tag) {
        self.tag = tag;
        self.self_closing = false;
        self.tag_name.clear();
        self.attributes.clear();
        self.attribute_text.clear();
    }

    /// An attribute's value and offset; where a tag names it twice, the first counts.
    fn attribute(&self, name: &[u8]) -> Option<(&[u8], usize)> {
        let found = self.attributes.iter().find(|attribute| {
            &self.attribute_text[attribute.name_start..attribute.value_start] == name
        })?;
        let value = &self.attribute_text[found.value_start..found.value_end];
        Some((value, found.offset))
    }

    fn text(&self, name: &[u8]) -> Option<String> {
        let (value, _) = self.attribute(name)?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    fn link(&mut self, attribute: &[u8], kind: LinkKind) {
        if let Some((value, offset)) = self.attribute(attribute) {
            let destination = String::from_utf8_lossy(value).into_owned();
            self.finds.links.push(Found {
                destination,
                offset,
                kind,
            });
        }
    }

    fn srcset(&mut self, attribute: &[u8]) {
        let Some((value, offset)) = self.attribute(attribute) else {
            return;
        };
        let value = String::from_utf8_lossy(value).into_owned();
        for (_, url) in srcset::candidates(&value) {
            self.finds.links.push(Found {
                destination: url.to_owned(),
                offset,
                kind: LinkKind::Image,
            });
        }
    }

    fn anchor(&mut self, attribute: &[u8]) {
        if let Some((value, _)) = self.attribute(attribute)
            && !value.is_empty()
        {
            let anchor = fingerprint(&String::from_utf8_lossy(value));
            self.finds.anchors.push(anchor);
        }
    }

    fn open(&mut self, is_whole: bool) {
        if self.tag_name == b"template" && !is_whole {
            self.templates += 1;
        }
        if self.templates > 0 || self.attributes.is_empty() {
            return;
        }
        self.anchor(b"id");
        match &self.tag_name[..] {
            b"a" => {
                self.anchor(b"name");
                self.link(b"href", LinkKind::Link);
                self.link(b"xlink:href", LinkKind::Link);
            }
            b"area" => self.link(b"href", LinkKind::Link),
            b"img" => {
                self.link(b"src", LinkKind::Image);
                self.srcset(b"srcset");
            }
            // A film's source is an image's as well: `<source>` stands in `<picture>`, `<video>` and `<audio>`.
            b"source" => {
                self.link(b"src", LinkKind::Resource);
                self.srcset(b"srcset");
            }
            b"image" | b"use" => {
                self.link(b"href", LinkKind::Image);
                self.link(b"xlink:href", LinkKind::Image);
            }
            b"input" => self.link(b"src", LinkKind::Image),
            b"video" => {
                self.link(b"poster", LinkKind::Image);
                self.link(b"src", LinkKind::Resource);
            }
            b"audio" | b"embed" | b"frame" | b"iframe" | b"script" | b"track" => {
                self.link(b"src", LinkKind::Resource);
            }
            b"object" => self.link(b"data", LinkKind::Resource),
            b"link" => self.linked(),
            b"meta" => self.refresh(),
            b"base" if self.finds.base.is_none() => self.finds.base = self.text(b"href"),
            _ => {}
        }
    }

    /// `<link>`, unless it only warms up a connection: such an origin need not answer anything by itself.
    fn linked(&mut self) {
        let relation = self.text(b"rel").unwrap_or_default();
        let hint = relation.split_ascii_whitespace().any(|word| {
            word.eq_ignore_ascii_case("preconnect") || word.eq_ignore_ascii_case("dns-prefetch")
        });
        if !hint {
            self.link(b"href", LinkKind::Resource);
            self.srcset(b"imagesrcset");
        }
    }

    /// `<meta http-equiv="refresh" content="0; url=…">`, by which generated pages redirect.
    fn refresh(&mut self) {
        let is_refresh = self
            .attribute(b"http-equiv")
            .is_some_and(|(value, _)| value.eq_ignore_ascii_case(b"refresh"));
        let Some((content, offset)) = self.attribute(b"content").filter(|_| is_refresh) else {
            return;
        };
        let content = String::from_utf8_lossy(content);
        if let Some((at_once, destination)) = refresh_destination(&content) {
            let destination = destination.to_owned();
            if at_once && self.finds.redirect.is_none() {
                self.finds.redirect = Some(destination.clone());
            }
            self.finds.links.push(Found {
                destination,
                offset,
                kind: LinkKind::Link,
            });
        }
    }
}

/// Where a refresh leads, and whether it goes there without a delay.
fn refresh_destination(content: &str) -> Option<(bool, &str)> {
    let (delay, rest) = content.split_once([';', ','])?;
    let at_once = delay.trim() == "0";
    let rest = rest.trim_start();
    let rest = match rest.get(..3) {
        Some(word) if word.eq_ignore_ascii_case("url") => {
            match rest[3..].trim_start().strip_prefix('=') {
                Some(rest) => rest.trim_start(),
                None => return Some((at_once, rest.trim_end())),
            }
        }
        _ => rest,
    };
    let destination = match rest.chars().next()? {
        quote @ ('"' | '\'') => rest[1..].split(quote).next()?,
        _ => rest.trim_end(),
    };
    (!destination.is_empty()).then_some((at_once, destination))
}

/// How the content of an element is read, where it is not tags.
fn content_of(tag_name: &[u8]) -> Option<State> {
    match tag_name {
        b"title" | b"textarea" => Some(State::RcData),
        b"script" => Some(State::ScriptData),
        b"style" | b"iframe" | b"xmp" | b"noembed" | b"noframes" => Some(State::RawText),
        b"plaintext" => Some(State::PlainText),
        _ => None,
    }
}

impl Emitter for Scanner<'_> {
    type Token = std::convert::Infallible;

    fn move_position(&mut self, offset: isize) {
        self.position = self.position.saturating_add_signed(offset);
    }

    fn set_last_start_tag(&mut self, last_start_tag: Option<&[u8]>) {
        self.last_start_tag.clear();
        self.last_start_tag
            .extend_from_slice(last_start_tag.unwrap_or_default());
    }

    fn init_start_tag(&mut self) {
        self.begin(Tag::Start);
    }

    fn init_end_tag(&mut self) {
        self.begin(Tag::End);
    }

    fn push_tag_name(&mut self, name: &[u8]) {
        self.tag_name.extend_from_slice(name);
    }

    fn init_attribute(&mut self) {
        let end = self.attribute_text.len();
        self.attributes.push(Attribute {
            name_start: end,
            value_start: end,
            value_end: end,
            offset: self.position.saturating_sub(1),
        });
    }

    fn push_attribute_name(&mut self, name: &[u8]) {
        self.attribute_text.extend_from_slice(name);
        if let Some(attribute) = self.attributes.last_mut() {
            attribute.value_start = self.attribute_text.len();
            attribute.value_end = attribute.value_start;
        }
    }

    fn push_attribute_value(&mut self, value: &[u8]) {
        self.attribute_text.extend_from_slice(value);
        if let Some(attribute) = self.attributes.last_mut() {
            attribute.value_end = self.attribute_text.len();
        }
    }

    fn emit_current_tag(&mut self) -> Option<State> {
        match self.tag {
            Tag::Start => {
                let is_root = self.is_foreign_root();
                let is_whole = self.self_closing && (is_root || self.is_xml_here());
                self.open(is_whole);
                self.last_start_tag.clone_from(&self.tag_name);
                if is_whole {
                    return None;
                }
                self.foreign += usize::from(is_root);
                content_of(&self.tag_name)
            }
            Tag::End => {
                self.last_start_tag.clear();
                if self.is_foreign_root() {
                    self.foreign = self.foreign.saturating_sub(1);
                }
                if self.tag_name == b"template" {
                    self.templates = self.templates.saturating_sub(1);
                }
                None
            }
        }
    }

    fn current_is_appropriate_end_tag_token(&mut self) -> bool {
        self.tag == Tag::End
            && !self.last_start_tag.is_empty()
            && self.last_start_tag == self.tag_name
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&mut self) -> bool {
        self.is_xml_here()
    }

    fn should_emit_errors(&mut self) -> bool {
        false
    }

    fn pop_token(&mut self) -> Option<Self::Token> {
        None
    }

    fn emit_eof(&mut self) {}
    fn emit_error(&mut self, _error: html5gum::Error) {}
    fn emit_string(&mut self, _text: &[u8]) {}
    fn init_comment(&mut self) {}
    fn push_comment(&mut self, _text: &[u8]) {}
    fn emit_current_comment(&mut self) {}
    fn init_doctype(&mut self) {}
    fn push_doctype_name(&mut self, _name: &[u8]) {}
    fn set_doctype_public_identifier(&mut self, _value: &[u8]) {}
    fn set_doctype_system_identifier(&mut self, _value: &[u8]) {}
    fn push_doctype_public_identifier(&mut self, _value: &[u8]) {}
    fn push_doctype_system_identifier(&mut self, _value: &[u8]) {}
    fn emit_current_doctype(&mut self) {}
    fn set_self_closing(&mut self) {
        self.self_closing = true;
    }
    fn set_force_quirks(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destinations(html: &str) -> Vec<String> {
        parse(html)
            .links
            .into_iter()
            .map(|link| link.destination)
            .collect()
    }

    #[test]
    fn every_element_that_points_somewhere_is_a_link() {
        let html = r#"
            <link rel=stylesheet href=style.css><script src=app.js></script>
            <a href="a.html">a</a> <map><area href=area.html></map>
            <img src=i.png srcset="i1.png 1x, i2.png 2x">
            <picture><source srcset="p.webp"></picture>
            <video poster=poster.png src=v.mp4><source src=v.webm><track src=t.vtt></video>
            <audio src=a.ogg></audio><iframe src=frame.html></iframe><embed src=e.swf>
            <object data=o.pdf></object><input type=image src=in.png>
            <svg><a xlink:href=s.html></a><image href=s.png /><use href="icons.svg#x"/></svg>
            <meta http-equiv=refresh content="0; URL='next.html'">"#;
        assert_eq!(
            destinations(html),
            [
                "style.css",
                "app.js",
                "a.html",
                "area.html",
                "i.png",
                "i1.png",
                "i2.png",
                "p.webp",
                "poster.png",
                "v.mp4",
                "v.webm",
                "t.vtt",
                "a.ogg",
                "frame.html",
                "e.swf",
                "o.pdf",
                "in.png",
                "s.html",
                "s.png",
                "icons.svg#x",
                "next.html",
            ]
        );
    }

    #[test]
    fn places_are_those_of_the_attributes() {
        let html = "<p>é <a\r\n  class=x href='y'>\n<IMG SRC=z>";
        let found: Vec<_> = parse(html)
            .links
            .into_iter()
            .map(|link| {
                (
                    link.destination,
                    link.kind,
                    link.place.line,
                    link.place.column,
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                ("y".to_owned(), LinkKind::Link, 2, 11),
                ("z".to_owned(), LinkKind::Image, 3, 6)
            ]
        );
    }

    #[test]
    fn entities_are_decoded_and_the_first_attribute_counts() {
        assert_eq!(
            destinations("<a href='?a=1&amp;b=2&copy;' href=second>"),
            ["?a=1&b=2©"]
        );
        assert_eq!(destinations("<a href>x</a>"), [""]);
        assert!(destinations("<a>x</a></a href=end>").is_empty());
    }

    #[test]
    fn anchors_are_ids_and_the_names_of_a() {
        let anchors = parse(
            "<h1 id=one>x</h1><a name=two></a><a NAME='Three &amp; 4'><input name=no><p id=''>",
        )
        .anchors;
        assert_eq!(anchors.len(), 3);
        assert!(
            ["one", "two", "Three & 4"]
                .iter()
                .all(|name| anchors.answers(name))
        );
        assert!(!anchors.answers("no"));
    }

    #[test]
    fn the_first_base_counts() {
        let document = parse("<base target=_blank><base href=../x/><base href=y>");
        assert_eq!(document.base.as_deref(), Some("../x/"));
        assert!(document.links.is_empty());
    }

    #[test]
    fn text_comments_scripts_and_templates_hold_nothing() {
        let html = "<!-- <a href=1 id=a> --><script>'<a href=2 id=a>'</script><style><a href=3></style>
            <title><a href=4></title><textarea><a href=5 id=a></textarea><iframe><a href=6></iframe>
            <template><a href=7 id=a><template></template><a href=8></template><noframes><a href=9></noframes>";
        let document = parse(html);
        assert!(document.links.is_empty(), "{:?}", document.links);
        assert!(document.anchors.is_empty());
        assert_eq!(
            destinations("<template></template></template><noscript><a href=ok></noscript>"),
            ["ok"]
        );
        assert_eq!(
            destinations("<a href=ok><plaintext><a href=no></plaintext>"),
            ["ok"]
        );
    }

    #[test]
    fn in_xml_a_tag_with_a_slash_is_all_of_its_element() {
        let whole = "<title/><script src='a'/><style/><template/><iframe src='b'/><a href='c'/>";
        let found = |document: Document| -> Vec<String> {
            let links = document.links.into_iter();
            links.map(|link| link.destination).collect()
        };
        assert_eq!(found(parse_xhtml(whole)), ["a", "b", "c"]);
        assert_eq!(found(parse(whole)), [""; 0], "it is all a title");
        let svg = format!("<svg>{whole}</svg><script src='d'/><a href='no'>");
        assert_eq!(found(parse(&svg)), ["a", "b", "c", "d"]);
        assert_eq!(
            found(parse("<svg/><math/><script/><a href='no'>")),
            [""; 0],
            "these two are over"
        );
        let data = "<![CDATA[ > <a href='no'> ]]><a href='ok'>";
        assert_eq!(found(parse_xhtml(data)), ["ok"]);
        assert_eq!(found(parse(data)), ["no", "ok"]);
        let text = "<title>x</title><script>'<a href=no>'</script><a href='ok'></a>";
        assert_eq!(found(parse_xhtml(text)), ["ok"]);
    }

    #[test]
    fn hints_about_connections_are_no_links() {
        assert_eq!(
            destinations(
                "<link rel='dns-prefetch' href=//a><link rel='x Preconnect' href=//b><link rel=icon href=c>"
            ),
            ["c"]
        );
    }

    #[test]
    fn a_refresh_may_name_its_destination_in_many_ways() {
        assert_eq!(refresh_destination("0;url=a"), Some((true, "a")));
        assert_eq!(
            refresh_destination(" 0 , Url = \"a b\" x"),
            Some((true, "a b"))
        );
        assert_eq!(refresh_destination("5; a.html "), Some((false, "a.html")));
        assert_eq!(refresh_destination("5"), None);
        assert_eq!(refresh_destination("5;url="), None);
        assert_eq!(
            refresh_destination("0; url-of-a.html "),
            Some((true, "url-of-a.html"))
        );
        assert_eq!(refresh_destination("5;ürl=x"), Some((false, "ürl=x")));
    }

    #[test]
    fn a_refresh_without_delay_is_a_redirect() {
        let redirect = |html| parse(html).redirect;
        let page = "<meta http-equiv=Refresh content='0; url=a'><meta http-equiv=refresh content='0; url=b'>";
        assert_eq!(redirect(page).as_deref(), Some("a"));
        assert_eq!(
            redirect("<meta http-equiv=refresh content='9; url=a'>"),
            None
        );
        assert_eq!(redirect("<meta name=x content='0; url=a'>"), None);
    }
}
