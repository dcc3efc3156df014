//! The web client.
//!
//! One probe is a chain of requests: `HEAD` first, `GET` where that is refused or where the page itself is wanted, and
//! each redirect by a request of its own, so that a loop is seen as one. Dropping a probe closes its connection.

use std::{collections::HashSet, error::Error, fmt, io, time::Duration};

use linkcheck_core::{
    document::Format,
    web::{Answer, Failure, Page, retry_after},
};
use reqwest::{
    Method, Response, StatusCode, Url,
    header::{ACCEPT, CONTENT_TYPE, DATE, HeaderName, LOCATION, RETRY_AFTER},
};

/// How many redirects are followed.
pub const REDIRECTS: usize = 10;

/// How much of a page is read, in bytes.
pub const PAGE: usize = 8 << 20;

/// A client of the web; its clones share its connections, which close when the last of them is dropped.
#[derive(Clone, Debug)]
pub struct Client {
    requests: reqwest::Client,
}

/// Why there is no client.
#[derive(Debug)]
pub struct ClientError(reqwest::Error);

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot set up the web client: {}", innermost(&self.0))
    }
}

impl Error for ClientError {}

impl Client {
    /// Makes a client each of whose requests may take as long as `timeout`.
    ///
    /// # Errors
    /// The system's certificates cannot be read, say.
    pub fn new(timeout: Duration) -> Result<Self, ClientError> {
        // An error means that the process has a provider already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let requests = reqwest::Client::builder()
            .user_agent(concat!(
                "Mozilla/5.0 (compatible; linkcheck/",
                env!("CARGO_PKG_VERSION"),
                ")"
            ))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .timeout(timeout)
            .pool_max_idle_per_host(4)
            .pool_idle_timeout(Duration::from_secs(10))
            .build()
            .map_err(ClientError)?;
        Ok(Self { requests })
    }

    /// Asks whether `address` answers, and for its page where `wants_page` is set and it is a document.
    ///
    /// # Errors
    /// Nothing answered, or the redirects lead nowhere.
    pub async fn probe(&self, address: &str, wants_page: bool) -> Result<Answer, Failure> {
        let mut url = Url::parse(address).map_err(|error| Failure::Other(error.to_string()))?;
        let mut passed = HashSet::new();
        let mut method = if wants_page {
            Method::GET
        } else {
            Method::HEAD
        };
        loop {
            let sent = self.send(method.clone(), url.clone()).await;
            if method == Method::HEAD && is_refused(&sent) {
                method = Method::GET;
                continue;
            }
            let response = sent?;
            let Some(next) = redirect(&url, &response)? else {
                return answer(url, response, wants_page).await;
            };
            passed.insert(url);
            if passed.contains(&next) {
                return Err(Failure::RedirectLoop(next.into()));
            }
            if passed.len() > REDIRECTS {
                return Err(Failure::TooManyRedirects(REDIRECTS));
            }
            url = next;
        }
    }

    async fn send(&self, method: Method, url: Url) -> Result<Response, Failure> {
        self.requests
            .request(method, url)
            .header(ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8")
            .send()
            .await
            .map_err(|error| failure(&error))
    }
}

/// Says whether a server may take a `GET` for what it answered to a `HEAD`: many know the one and fumble the other.
fn is_refused(sent: &Result<Response, Failure>) -> bool {
    match sent {
        Ok(response) => matches!(
            response.status().as_u16(),
            400 | 403 | 404 | 405 | 406 | 501
        ),
        Err(failure) => matches!(failure, Failure::Reset),
    }
}

/// Where a response redirects to, without its fragment.
fn redirect(from: &Url, response: &Response) -> Result<Option<Url>, Failure> {
    let redirects = matches!(
        response.status(),
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    let Some(location) = response.headers().get(LOCATION).filter(|_| redirects) else {
        return Ok(None);
    };
    let location = String::from_utf8_lossy(location.as_bytes());
    match from.join(&location) {
        Ok(mut next) if matches!(next.scheme(), "http" | "https") => {
            next.set_fragment(None);
            Ok(Some(next))
        }
        _ => Err(Failure::BadRedirect(location.into_owned())),
    }
}

async fn answer(url: Url, response: Response, wants_page: bool) -> Result<Answer, Failure> {
    let status = response.status();
    let header = |name: HeaderName| -> Option<String> {
        let value = response.headers().get(name)?;
        Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let retry_after =
        header(RETRY_AFTER).and_then(|value| retry_after(&value, header(DATE).as_deref()));
    let content_type = header(CONTENT_TYPE).unwrap_or_default();
    let is_document = status.is_success() && Format::of_content_type(&content_type).is_some();
    let page = if wants_page && is_document {
        Some(read(response, content_type).await?)
    } else {
        None
    };
    Ok(Answer {
        status: status.as_u16(),
        final_url: url.into(),
        retry_after,
        page,
    })
}

async fn read(mut response: Response, content_type: String) -> Result<Page, Failure> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
        let room = PAGE - bytes.len();
        bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            return Ok(Page {
                content_type,
                bytes,
                truncated: true,
            });
        }
    }
    Ok(Page {
        content_type,
        bytes,
        truncated: false,
    })
}

/// Finds the cause among the many errors that an error of the client wraps.
fn failure(error: &reqwest::Error) -> Failure {
    if error.is_timeout() {
        return Failure::Timeout;
    }
    if error.is_dns() {
        return Failure::Dns;
    }
    let mut next: Option<&(dyn Error + 'static)> = error.source();
    while let Some(cause) = next {
        if let Some(known) = known(cause) {
            return known;
        }
        next = match cause
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            // An I/O error that wraps another one names that one's source as its own.
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => cause.source(),
        };
    }
    if error.is_body() || error.is_decode() {
        return Failure::Reset;
    }
    Failure::Other(innermost(error))
}

fn known(cause: &(dyn Error + 'static)) -> Option<Failure> {
    if let Some(error) = cause.downcast_ref::<rustls::Error>() {
        return Some(Failure::Tls(error.to_string()));
    }
    if let Some(error) = cause.downcast_ref::<hyper::Error>() {
        return (error.is_incomplete_message()
            || error.is_body_write_aborted()
            || error.is_closed())
        .then_some(Failure::Reset);
    }
    let error = cause.downcast_ref::<io::Error>()?;
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Some(Failure::Refused),
        io::ErrorKind::TimedOut => Some(Failure::Timeout),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => Some(Failure::Reset),
        _ => None,
    }
}

/// The words of the error that all others wrap: the only ones that say what happened.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
