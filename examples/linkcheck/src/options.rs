//! What the user asks for.

use std::{
    io::{IsTerminal, stderr, stdout},
    num::NonZeroUsize,
    time::Duration,
};

use clap::{Parser, ValueEnum};
use linkcheck_core::{
    Settings,
    exclude::{Excludes, PatternError},
    report::Style,
    retry::Policy,
};

/// Finds the links that lead nowhere, in Markdown and HTML.
///
/// Every link and image of the documents is checked: files must be there, web addresses must answer, and a #fragment must
/// name an anchor of what it points into.
#[derive(Clone, Debug, PartialEq, Eq, Parser)]
#[command(
    name = "linkcheck",
    version,
    after_help = "Ctrl-C stops the run and prints what is known by then; a second one quits at once.\n\n\
                  Exit status: 0 if every link leads somewhere, 1 if one does not, 2 if an argument is wrong or a \
                  document cannot be read, 130 if the run was stopped."
)]
pub struct Options {
    /// Documents, directories to search for documents, or web pages
    #[arg(required = true, value_name = "PATH|URL")]
    pub starts: Vec<String>,

    /// How to print the report
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: Format,

    /// Leave web addresses alone
    #[arg(long)]
    pub offline: bool,

    /// How many targets are looked at at once, at most
    #[arg(long, default_value = "32", value_name = "N")]
    pub concurrency: NonZeroUsize,

    /// How long a web address has to answer, in seconds
    #[arg(long, default_value = "20", value_name = "SECONDS", value_parser = seconds)]
    pub timeout: Duration,

    /// How often a web address is tried again where that may help
    #[arg(long, default_value_t = 2, value_name = "N")]
    pub retries: u32,

    /// Leave links alone that match: a glob for the whole link, or re: and a regular expression for a part (repeatable)
    #[arg(long, value_name = "PATTERN")]
    pub exclude: Vec<String>,

    /// The directory that a leading slash in a document's links means [default: the PATH that led to the document, or its
    /// directory]
    #[arg(long, value_name = "DIR")]
    pub root: Option<String>,

    /// Print at the end what the executor did and that it came to rest
    #[arg(long)]
    pub stats: bool,

    /// Print who waits for what, again and again after so many seconds: for when a run hangs
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub inspect: Option<Duration>,

    /// When to use colour
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Color,
}

/// The forms of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Lines for people
    #[default]
    Text,
    /// JSON for programs
    Json,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// Where the output is a terminal and NO_COLOR is not set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Options {
    /// The patterns of the links to leave alone.
    ///
    /// # Errors
    /// The first bad pattern.
    pub fn excludes(&self) -> Result<Excludes, PatternError> {
        Excludes::new(&self.exclude)
    }

    /// The policy of retries.
    pub fn policy(&self) -> Policy {
        Policy {
            retries: self.retries,
            ..Policy::default()
        }
    }

    /// What the core is told.
    ///
    /// # Errors
    /// The first bad pattern.
    pub fn settings(&self) -> Result<Settings, PatternError> {
        Ok(Settings {
            concurrency: self.concurrency,
            deadline: self.timeout,
            policy: self.policy(),
            offline: self.offline,
            excludes: self.excludes()?,
        })
    }

    /// How the report on standard output is dressed.
    pub fn style(&self) -> Style {
        self.style_on(stdout().is_terminal())
    }

    /// How complaints on standard error are dressed.
    pub fn style_of_errors(&self) -> Style {
        self.style_on(stderr().is_terminal())
    }

    fn style_on(&self, is_terminal: bool) -> Style {
        let colour = match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => is_terminal && !is_set("NO_COLOR"),
        };
        if colour { Style::Colour } else { Style::Plain }
    }

    /// Says whether a progress bar can be shown on standard error, and nothing else is.
    pub fn shows_progress(&self) -> bool {
        self.inspect.is_none() && stderr().is_terminal()
    }
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| "not a number of seconds".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("not a positive number of seconds".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Options, i32> {
        let all = ["linkcheck"].iter().chain(arguments);
        Options::try_parse_from(all).map_err(|error| error.exit_code())
    }

    #[test]
    fn the_definition_is_consistent() {
        use clap::CommandFactory as _;
        Options::command().debug_assert();
    }

    #[test]
    fn defaults_are_sensible() {
        let options = parse(&["README.md", "docs/"]).expect("good arguments");
        assert_eq!(options.starts, ["README.md", "docs/"]);
        assert_eq!(options.format, Format::Text);
        assert_eq!(options.concurrency.get(), 32);
        assert_eq!(options.timeout, Duration::from_secs(20));
        assert_eq!(options.policy(), Policy::default());
        assert!(options.excludes().expect("no pattern").is_empty());
    }

    #[test]
    fn all_can_be_chosen() {
        let options = parse(&[
            "--format=json",
            "--offline",
            "--concurrency=4",
            "--timeout=0.5",
            "--retries=0",
            "--exclude=a",
            "--exclude",
            "re:b",
            "--stats",
            "--inspect=2",
            "--color=always",
            "--root=site",
            "x",
        ])
        .expect("good arguments");
        assert_eq!(options.timeout, Duration::from_millis(500));
        assert_eq!(options.exclude, ["a", "re:b"]);
        assert_eq!(options.style(), Style::Colour);
        assert!(options.offline && options.stats && !options.shows_progress());
        assert_eq!(options.inspect, Some(Duration::from_secs(2)));
        assert_eq!(options.policy().retries, 0);
    }

    #[test]
    fn misuse_is_2_and_help_is_0() {
        for misuse in [
            &[][..],
            &["--concurrency=0", "x"],
            &["--timeout=0", "x"],
            &["--timeout=-1", "x"],
            &["--timeout=x", "x"],
            &["--timeout=inf", "x"],
            &["--inspect=0", "x"],
            &["--format=xml", "x"],
            &["--retries=-1", "x"],
            &["--what", "x"],
        ] {
            assert_eq!(parse(misuse), Err(2), "{misuse:?}");
        }
        assert_eq!(parse(&["--help"]), Err(0));
        assert_eq!(parse(&["--version"]), Err(0));
        let bad = parse(&["--exclude=re:(", "x"]).expect("good arguments");
        assert!(bad.excludes().is_err());
    }
}
