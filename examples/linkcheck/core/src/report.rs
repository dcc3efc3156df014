//! What there is to say at the end, as plain data, as text and as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use crate::{
    document::LinkKind,
    place::Place,
    target::Malformed,
    web::{Failure, phrase},
};

/// Everything that a run found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The links that lead nowhere.
    pub findings: Vec<Finding>,
    /// The documents that could not be read.
    pub unread: Vec<Unread>,
    /// The counts.
    pub summary: Summary,
}

/// A link that leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The document that it stands in: a path or an address.
    pub document: String,
    /// Where in it.
    #[serde(flatten)]
    pub place: Place,
    /// The link as written.
    pub link: String,
    /// What made it.
    pub kind: LinkKind,
    /// What is wrong with it.
    #[serde(flatten)]
    pub fault: Fault,
}

/// What is wrong with a link.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// No file is there: this path.
    NoFile(String),
    /// A file is there, and cannot be read, with the reason.
    Unreadable(String),
    /// The target is there and has no such anchor.
    NoAnchor(String),
    /// The server answered with an error.
    Status(u16),
    /// The server did not answer.
    Failed(Failure),
    /// The link cannot be understood.
    Malformed(Malformed),
}

impl Fault {
    /// One word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoFile(_) => "no-file",
            Self::Unreadable(_) => "unreadable",
            Self::NoAnchor(_) => "no-anchor",
            Self::Status(_) => "status",
            Self::Failed(_) => "failed",
            Self::Malformed(_) => "malformed",
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoFile(path) => write!(f, "no such file: {path}"),
            Self::Unreadable(reason) => write!(f, "cannot be read: {reason}"),
            Self::NoAnchor(name) => write!(f, "no anchor #{name}"),
            Self::Status(status) => match phrase(*status) {
                "" => write!(f, "{status}"),
                words => write!(f, "{status} {words}"),
            },
            Self::Failed(failure) => failure.fmt(f),
            Self::Malformed(reason) => reason.fmt(f),
        }
    }
}

impl Serialize for Fault {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("code", self.code())?;
        if let Self::Status(status) = self {
            map.serialize_entry("status", status)?;
        }
        map.serialize_entry("reason", &self.to_string())?;
        map.end()
    }
}

/// A document that could not be read, so that its links are not known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "portable", derive(serde::Deserialize))]
pub struct Unread {
    /// The document: a path or an address.
    pub document: String,
    /// Why.
    pub reason: String,
}

/// The counts of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Documents read.
    pub documents: usize,
    /// Links found in them.
    pub links: usize,
    /// Distinct targets that those lead to.
    pub targets: usize,
    /// Links left alone: no place, excluded, or on the web while offline.
    pub skipped: usize,
    /// Links whose target was never reached, since the run was cut short.
    pub unchecked: usize,
    /// Links that lead nowhere.
    pub broken: usize,
    /// Says whether the run was cut short.
    pub interrupted: bool,
}

impl Report {
    /// Brings all into reading order: by document, line, column and link.
    pub fn sort(&mut self) {
        self.findings.sort_by(|a, b| {
            let key = |finding: &Finding| finding.place;
            (a.document.cmp(&b.document))
                .then_with(|| key(a).cmp(&key(b)))
                .then_with(|| a.link.cmp(&b.link))
        });
        self.unread.sort();
    }

    /// Says whether every document was read and every link leads somewhere.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.unread.is_empty() && !self.summary.interrupted
    }

    /// Writes the report for people: a paragraph for each document, and a line that sums up. What could not be read is
    /// counted only: it is no finding, and `unread_to_text` writes it.
    ///
    /// Call `sort` first: documents are told apart by following each other.
    pub fn to_text(&self, style: Style) -> String {
        let mut out = String::new();
        for group in self.findings.chunk_by(|a, b| a.document == b.document) {
            style.document(&mut out, group);
        }
        push_line(
            &mut out,
            format_args!("{}", style.summary(&self.summary, self.unread.len())),
        );
        out
    }

    /// Writes a line for each document that could not be read.
    pub fn unread_to_text(&self, style: Style) -> String {
        let mut out = String::new();
        for unread in &self.unread {
            let document = style.paint(BOLD, &printable(&unread.document));
            let reason = style.paint(YELLOW, &printable(&unread.reason));
            push_line(&mut out, format_args!("{document}: {reason}"));
        }
        out
    }

    /// Writes the report for programs.
    pub fn to_json(&self) -> String {
        // Strings and numbers under string keys are all there is, so this cannot fail.
        let mut json = serde_json::to_string_pretty(self).unwrap_or_default();
        json.push('\n');
        json
    }
}

/// How text is dressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// Not at all.
    #[default]
    Plain,
    /// In the colours of an ANSI terminal.
    Colour,
}

/// How wide the column of links may be; a longer link is shown whole, beyond it.
const LINK: usize = 48;

const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";

impl Style {
    fn paint(self, code: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Colour => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }

    fn document(self, out: &mut String, findings: &[Finding]) {
        let Some(first) = findings.first() else {
            return;
        };
        let document = printable(&first.document);
        push_line(out, format_args!("{}", self.paint(BOLD, &document)));
        let rows: Vec<_> = (findings.iter())
            .map(|finding| {
                let Place { line, column } = finding.place;
                let place = format!("{document}:{line}:{column}");
                (place, printable(&finding.link), &finding.fault)
            })
            .collect();
        let width = |text: &str| text.chars().count();
        let places = rows.iter().map(|(place, ..)| width(place)).max();
        let links = rows.iter().map(|(_, link, _)| width(link).min(LINK)).max();
        let (places, links) = (places.unwrap_or(0), links.unwrap_or(0));
        for (place, link, fault) in rows {
            let place = self.paint(DIM, &format!("{place:places$}"));
            let fault = self.paint(RED, &printable(&fault.to_string()));
            push_line(out, format_args!("  {place}  {link:links$}  {fault}"));
        }
        out.push('\n');
    }

    fn summary(self, summary: &Summary, unread: usize) -> String {
        let mut parts = vec![format!(
            "{} in {}, {}",
            counted(summary.links, "link"),
            counted(summary.documents, "document"),
            counted(summary.targets, "distinct target"),
        )];
        let mut add = |count: usize, word: &str, code: &str| {
            if count > 0 {
                parts.push(self.paint(code, &format!("{count} {word}")));
            }
        };
        add(summary.skipped, "skipped", DIM);
        add(summary.unchecked, "unchecked", YELLOW);
        add(unread, "unread", YELLOW);
        add(summary.broken, "broken", RED);
        if summary.broken == 0 && unread == 0 && !summary.interrupted {
            parts.push(self.paint(GREEN, "all good"));
        }
        if summary.interrupted {
            parts.push(self.paint(YELLOW, "interrupted"));
        }
        parts.join(", ")
    }
}

fn push_line(out: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{line}");
}

fn counted(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

/// Shows control characters instead of sending them: a document's links must not speak to the terminal, nor turn the line
/// around that they stand in.
fn printable(text: &str) -> String {
    let turns = |character| {
        matches!(
            character,
            '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
        )
    };
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || turns(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(document: &str, line: u32, column: u32, link: &str, fault: Fault) -> Finding {
        Finding {
            document: document.to_owned(),
            place: Place { line, column },
            link: link.to_owned(),
            kind: LinkKind::Link,
            fault,
        }
    }

    fn report() -> Report {
        let mut report = Report {
            findings: vec![
                finding("b.md", 2, 1, "https://e.org/", Fault::Status(404)),
                finding("a.md", 10, 1, "x.md", Fault::NoFile("docs/x.md".to_owned())),
                finding("a.md", 9, 7, "#gone", Fault::NoAnchor("gone".to_owned())),
                finding("b.md", 1, 3, "h:\x1b[2J", Fault::Failed(Failure::Timeout)),
            ],
            unread: vec![Unread {
                document: "c.md".to_owned(),
                reason: "permission denied".to_owned(),
            }],
            summary: Summary {
                documents: 2,
                links: 30,
                targets: 1,
                skipped: 3,
                broken: 4,
                ..Summary::default()
            },
        };
        report.sort();
        report
    }

    #[test]
    fn text_is_grouped_by_document_in_reading_order() {
        let expected = "\
a.md
  a.md:9:7   #gone  no anchor #gone
  a.md:10:1  x.md   no such file: docs/x.md

b.md
  b.md:1:3  h:\\u{1b}[2J     no answer in time
  b.md:2:1  https://e.org/  404 Not Found

30 links in 2 documents, 1 distinct target, 3 skipped, 1 unread, 4 broken
";
        assert_eq!(report().to_text(Style::Plain), expected);
        assert_eq!(
            report().unread_to_text(Style::Plain),
            "c.md: permission denied\n"
        );
        assert!(!report().is_clean());
    }

    #[test]
    fn a_link_does_not_turn_its_line_around() {
        assert_eq!(
            printable("a\u{202E}dm.b\u{2066}\u{200F} ü שלום 👩\u{200D}🚀"),
            "a\\u{202e}dm.b\\u{2066}\\u{200f} ü שלום 👩\u{200D}🚀"
        );
    }

    #[test]
    fn colour_only_dresses_the_same_text() {
        let coloured = report().to_text(Style::Colour);
        let mut plain = coloured.replace("\x1b[0m", "");
        for code in [BOLD, DIM, RED, GREEN, YELLOW] {
            plain = plain.replace(&format!("\x1b[{code}m"), "");
        }
        assert_ne!(coloured, plain);
        assert_eq!(plain, report().to_text(Style::Plain));
    }

    #[test]
    fn a_clean_run_is_one_line() {
        let mut clean = Report::default();
        clean.summary.links = 1;
        clean.summary.documents = 1;
        assert!(clean.is_clean());
        assert_eq!(
            clean.to_text(Style::Plain),
            "1 link in 1 document, 0 distinct targets, all good\n"
        );
        clean.summary.interrupted = true;
        clean.summary.unchecked = 5;
        assert!(!clean.is_clean());
        assert!(
            clean
                .to_text(Style::Plain)
                .ends_with("5 unchecked, interrupted\n")
        );
    }

    #[test]
    fn json_is_flat_and_complete() {
        let json: serde_json::Value =
            serde_json::from_str(&report().to_json()).expect("a JSON text");
        assert_eq!(
            json["findings"][3],
            serde_json::json!({
                "document": "b.md", "line": 2, "column": 1, "link": "https://e.org/", "kind": "link",
                "code": "status", "status": 404, "reason": "404 Not Found",
            })
        );
        assert_eq!(json["findings"][2]["link"], "h:\x1b[2J");
        assert_eq!(json["unread"][0]["document"], "c.md");
        assert_eq!(json["summary"]["broken"], 4);
        assert_eq!(json["summary"]["interrupted"], false);
    }
}
