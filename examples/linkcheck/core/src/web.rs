//! What the web answers to a probe, as plain data.

use std::{fmt, time::Duration};

use serde::Serialize;

/// An answer: some server said something.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "portable", derive(serde::Deserialize))]
pub struct Answer {
    /// The status of the last response, after all redirects.
    pub status: u16,
    /// The URL that gave it.
    pub final_url: String,
    /// How long the server asks to wait before the next try.
    pub retry_after: Option<Duration>,
    /// The page, where it was asked for and is a document.
    pub page: Option<Page>,
}

impl Answer {
    /// Says whether the target is there.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// The content of a document from the web.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "portable", derive(serde::Deserialize))]
pub struct Page {
    /// Its `Content-Type`, as sent.
    pub content_type: String,
    /// Its bytes, or the first of them.
    pub bytes: Vec<u8>,
    /// Says whether the page was longer than what was read of it.
    pub truncated: bool,
}

impl Page {
    /// The `charset` of its content type.
    pub fn charset(&self) -> Option<&str> {
        self.content_type.split(';').skip(1).find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim()
                .eq_ignore_ascii_case("charset")
                .then(|| value.trim().trim_matches('"'))
        })
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(feature = "portable", derive(serde::Deserialize))]
#[serde(tag = "failure", content = "detail", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Failure {
    /// Nothing came in time.
    Timeout,
    /// The host has no address.
    Dns,
    /// The host is there and takes no connection.
    Refused,
    /// The connection was closed before the answer was complete.
    Reset,
    /// No secure connection could be made, with the reason.
    Tls(String),
    /// A redirect led back to a URL that had redirected before: this one.
    RedirectLoop(String),
    /// The chain of redirects went on after this many.
    TooManyRedirects(usize),
    /// A redirect led to something that is no web address.
    BadRedirect(String),
    /// Whatever else went wrong.
    Other(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("no answer in time"),
            Self::Dns => f.write_str("no such host"),
            Self::Refused => f.write_str("connection refused"),
            Self::Reset => f.write_str("connection closed before the answer was complete"),
            Self::Tls(reason) => write!(f, "no secure connection: {reason}"),
            Self::RedirectLoop(url) => write!(f, "redirect loop at {url}"),
            Self::TooManyRedirects(count) => write!(f, "more than {count} redirects"),
            Self::BadRedirect(location) => {
                write!(f, "redirects to `{location}`, which is no web address")
            }
            Self::Other(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for Failure {}

/// How long a `Retry-After` asks to wait: its seconds, or its date as seen from the `Date` of the same response.
///
/// A date in the past is no wait at all. `None` where either cannot be read.
pub fn retry_after(retry_after: &str, date: Option<&str>) -> Option<Duration> {
    let value = retry_after.trim();
    if value.bytes().all(|byte| byte.is_ascii_digit()) && !value.is_empty() {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let then = httpdate::parse_http_date(value).ok()?;
    let now = httpdate::parse_http_date(date?.trim()).ok()?;
    Some(then.duration_since(now).unwrap_or_default())
}

/// What a status code says, in the words of its standard; empty for one that has none.
pub fn phrase(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        418 => "I'm a teapot",
        421 => "Misdirected Request",
        425 => "Too Early",
        429 => "Too Many Requests",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let date = Some("Wed, 21 Oct 2015 07:28:00 GMT");
        assert_eq!(retry_after(" 120 ", None), Some(Duration::from_secs(120)));
        assert_eq!(
            retry_after("Wed, 21 Oct 2015 07:28:30 GMT", date),
            Some(Duration::from_secs(30))
        );
        assert_eq!(
            retry_after("Sun Oct 18 07:28:30 2015", date),
            Some(Duration::ZERO)
        );
        assert_eq!(retry_after("Wed, 21 Oct 2015 07:28:30 GMT", None), None);
        assert_eq!(retry_after("soon", date), None);
        assert_eq!(retry_after("", date), None);
        assert_eq!(
            retry_after("99999999999999999999999", None),
            Some(Duration::from_secs(u64::MAX))
        );
    }

    #[test]
    fn a_page_knows_its_charset() {
        let page = |content_type: &str| Page {
            content_type: content_type.to_owned(),
            bytes: Vec::new(),
            truncated: false,
        };
        assert_eq!(
            page("text/html; x=y; Charset=\"latin1\"").charset(),
            Some("latin1")
        );
        assert_eq!(page("text/html").charset(), None);
    }
}
