//! A web server on the loopback address, whose paths say what it does.
//!
//! | path | what happens |
//! | --- | --- |
//! | `/ok` | 200, a page |
//! | `/page` | 200, a page with the anchors `one`, `two` and `ü` |
//! | `/latin1` | 200, a page in ISO-8859-1, which only its header says, with the anchor `é` |
//! | `/plain` | 200, text that is no document |
//! | `/big` | 200, a page of 9 MiB with the anchor `first` at its beginning |
//! | `/links` | 200, a page with a good and a broken link, both relative |
//! | `/status/N` | status N |
//! | `/chain/N` | N redirects, the last to `/page` |
//! | `/endless/N` | redirects that never repeat and never end |
//! | `/loop/a`, `/loop/b` | redirects to each other |
//! | `/self` | redirects to itself |
//! | `/to-mail` | redirects to a mail address |
//! | `/limited/SECONDS` | 429 with `Retry-After: SECONDS` to the first request, then 200 |
//! | `/limited-date` | 429 with a `Retry-After` one second after its `Date` to the first request, then 200 |
//! | `/flaky/N` | 503 to the first N requests, then 200 |
//! | `/hang` | nothing, until the client closes the connection |
//! | `/drip` | the head of a page and a byte, then nothing, until the client closes the connection |
//! | `/reset` | the connection is reset |
//! | `/reset-once` | the connection is reset for the first request, then 200 |
//! | `/close` | the connection is closed in the middle of the answer |
//! | `/head-refused/N` | N to `HEAD`, 200 to `GET` |
//! | `/head-closed` | the connection is closed on `HEAD`, 200 to `GET` |
//! | anything else | 404 |

use std::{
    collections::HashMap,
    io::{self, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// A running server. Dropping it closes every connection and joins every thread.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    requests: Vec<String>,
    hits: HashMap<String, usize>,
    /// For each path that waits for it: how often the client closed the connection.
    closed: HashMap<String, usize>,
    open: HashMap<usize, TcpStream>,
    accepted: usize,
    stopping: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request, and says how many of the same path came before it.
    fn count(&self, method: &str, path: &str) -> usize {
        let mut state = self.state();
        state.requests.push(format!("{method} {path}"));
        let hits = state.hits.entry(path.to_owned()).or_default();
        *hits += 1;
        let before = *hits - 1;
        drop(state);
        self.changed.notify_all();
        before
    }

    fn wait<T>(&self, limit: Duration, mut look: impl FnMut(&State) -> Option<T>) -> Option<T> {
        let end = Instant::now() + limit;
        let mut state = self.state();
        loop {
            if let Some(found) = look(&state) {
                return Some(found);
            }
            let left = end.checked_duration_since(Instant::now())?;
            (state, _) = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Server {
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared::default());
        let acceptor = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Self {
            address,
            shared,
            acceptor: Some(acceptor),
        }
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// An address at which nobody listens.
    pub fn refused() -> String {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        format!("http://{address}/")
    }

    /// How many requests of a path there were, of all methods.
    pub fn hits(&self, path: &str) -> usize {
        self.shared.state().hits.get(path).copied().unwrap_or(0)
    }

    /// All requests in the order in which they came: `GET /ok`.
    pub fn requests(&self) -> Vec<String> {
        self.shared.state().requests.clone()
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        self.shared.state().accepted
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        self.shared.state().open.len()
    }

    /// Waits until a path was requested `count` times; says whether it was within 10 seconds.
    pub fn wait_for_hits(&self, path: &str, count: usize) -> bool {
        let enough = |state: &State| state.hits.get(path).is_some_and(|&hits| hits >= count);
        self.wait(enough)
    }

    /// Waits until clients have closed `count` connections on which `/hang` or `/drip` was being answered; says whether
    /// they did within 10 seconds.
    pub fn wait_for_closed(&self, path: &str, count: usize) -> bool {
        let enough = |state: &State| {
            state
                .closed
                .get(path)
                .is_some_and(|&closed| closed >= count)
        };
        self.wait(enough)
    }

    /// Waits until no connection is open; says whether that was so within 10 seconds.
    pub fn wait_until_idle(&self) -> bool {
        self.wait(|state| state.open.is_empty())
    }

    fn wait(&self, holds: impl Fn(&State) -> bool) -> bool {
        let limit = Duration::from_secs(10);
        self.shared
            .wait(limit, |state| holds(state).then_some(()))
            .is_some()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        {
            let mut state = self.shared.state();
            state.stopping = true;
            for stream in state.open.values() {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        // The acceptor looks whether it is to stop after each connection.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut threads = Vec::new();
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        let mut state = shared.state();
        if state.stopping {
            break;
        }
        let number = state.accepted;
        state.accepted += 1;
        let Ok(handle) = stream.try_clone() else {
            continue;
        };
        state.open.insert(number, handle);
        drop(state);
        let shared = Arc::clone(shared);
        threads.push(std::thread::spawn(move || {
            let mut connection = Connection { stream, shared };
            while connection.serve().is_ok() {}
            let Connection { stream, shared } = connection;
            // Both handles go at once: a reset is only sent when the last one is closed.
            let mut state = shared.state();
            state.open.remove(&number);
            drop(stream);
            drop(state);
            shared.changed.notify_all();
        }));
    }
    for thread in threads {
        let _ = thread.join();
    }
}

struct Connection {
    stream: TcpStream,
    shared: Arc<Shared>,
}

struct Request {
    method: String,
    path: String,
}

/// What an answer consists of, beside its status.
#[derive(Default)]
struct Response {
    headers: Vec<String>,
    body: Vec<u8>,
}

impl Response {
    fn page(body: impl Into<Vec<u8>>) -> Self {
        Self {
            headers: vec!["Content-Type: text/html".to_owned()],
            body: body.into(),
        }
    }

    fn header(header: impl Into<String>) -> Self {
        Self {
            headers: vec![header.into()],
            body: Vec::new(),
        }
    }
}

impl Connection {
    /// Answers one request; an error ends the connection.
    fn serve(&mut self) -> io::Result<()> {
        let request = self.read()?;
        let Request { method, path } = &request;
        let before = self.shared.count(method, path);
        let resets = path == "/reset" || path == "/reset-once" && before == 0;
        if resets {
            // A socket that does not linger is reset when it is closed.
            socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO))?;
            return Err(io::ErrorKind::Other.into());
        }
        let is_head = method == "HEAD";
        let (name, argument) = match path[1..].split_once('/') {
            Some((name, argument)) => (name, argument),
            None => (&path[1..], ""),
        };
        let number = argument.parse::<u16>().unwrap_or(0);
        match name {
            "ok" => self.answer(&request, 200, Response::page("<p>hello")),
            "page" => {
                let page = "<h1 id=one>1</h1><a name=two></a><p id='ü'>";
                self.answer(&request, 200, Response::page(page))
            }
            "latin1" => {
                let mut page = Response::page(b"<p id=\xE9>");
                page.headers = vec!["Content-Type: text/html; charset=ISO-8859-1".to_owned()];
                self.answer(&request, 200, page)
            }
            "plain" => {
                let mut text = Response::header("Content-Type: text/plain");
                text.body = b"hello".to_vec();
                self.answer(&request, 200, text)
            }
            "big" => {
                let mut page = b"<p id=first>".to_vec();
                page.resize(9 << 20, b' ');
                self.answer(&request, 200, Response::page(page))
            }
            "links" => {
                let page = "<a href=ok>good</a> <a href=missing>broken</a>";
                self.answer(&request, 200, Response::page(page))
            }
            "status" => self.answer(&request, number, Response::default()),
            "chain" if number == 0 => self.redirect(&request, "/page"),
            "chain" => self.redirect(&request, &format!("/chain/{}", number - 1)),
            "endless" => self.redirect(&request, &format!("/endless/{}", number + 1)),
            "loop" => self.redirect(&request, if argument == "a" { "b" } else { "a" }),
            "self" => self.redirect(&request, "/self#fragment"),
            "to-mail" => self.redirect(&request, "mailto:a@example.org"),
            "limited" if before == 0 => {
                let header = format!("Retry-After: {argument}");
                self.answer(&request, 429, Response::header(header))
            }
            "limited-date" if before == 0 => {
                let headers = Response {
                    headers: vec![
                        "Date: Wed, 21 Oct 2015 07:28:00 GMT".to_owned(),
                        "Retry-After: Wed, 21 Oct 2015 07:28:01 GMT".to_owned(),
                    ],
                    body: Vec::new(),
                };
                self.answer(&request, 429, headers)
            }
            "flaky" if before < usize::from(number) => {
                self.answer(&request, 503, Response::default())
            }
            "head-refused" if is_head => self.answer(&request, number, Response::default()),
            "limited" | "limited-date" | "flaky" | "reset-once" | "head-refused" => {
                self.answer(&request, 200, Response::page("<p>at last"))
            }
            "head-closed" if is_head => Err(io::ErrorKind::Other.into()),
            "head-closed" => self.answer(&request, 200, Response::page("")),
            "hang" => self.wait_for_close(path),
            "drip" => {
                self.stream.write_all(
                    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 99\r\n\r\n<",
                )?;
                self.wait_for_close(path)
            }
            "close" => {
                self.stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Len")?;
                Err(io::ErrorKind::Other.into())
            }
            _ => self.answer(&request, 404, Response::default()),
        }
    }

    /// Reads the head of a request; none that is sent here has more.
    fn read(&mut self) -> io::Result<Request> {
        let mut head = Vec::new();
        let mut buffer = [0; 4 << 10];
        while !head.ends_with(b"\r\n\r\n") {
            let length = self.stream.read(&mut buffer)?;
            head.extend_from_slice(&buffer[..length]);
            // A handshake of TLS begins with a control character.
            let is_http = head.first().is_some_and(u8::is_ascii_uppercase);
            if length == 0 || !is_http || head.len() > 64 << 10 {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        let head = String::from_utf8_lossy(&head);
        let mut words = head.split_ascii_whitespace();
        let mut word = || words.next().unwrap_or_default().to_owned();
        Ok(Request {
            method: word(),
            path: word(),
        })
    }

    fn redirect(&mut self, request: &Request, location: &str) -> io::Result<()> {
        let header = Response::header(format!("Location: {location}"));
        self.answer(request, 301, header)
    }

    fn answer(&mut self, request: &Request, status: u16, response: Response) -> io::Result<()> {
        let mut head = format!(
            "HTTP/1.1 {status} \r\nContent-Length: {}\r\n",
            response.body.len()
        );
        for header in response.headers {
            head.push_str(&header);
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        if request.method != "HEAD" {
            bytes.extend_from_slice(&response.body);
        }
        self.stream.write_all(&bytes)
    }

    fn wait_for_close(&mut self, path: &str) -> io::Result<()> {
        let mut buffer = [0; 64];
        while matches!(self.stream.read(&mut buffer), Ok(length) if length > 0) {}
        let mut state = self.shared.state();
        if !state.stopping {
            *state.closed.entry(path.to_owned()).or_default() += 1;
        }
        drop(state);
        self.shared.changed.notify_all();
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}
