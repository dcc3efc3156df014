//! The web client against a server that misbehaves.

mod support;

use std::time::{Duration, Instant};

use linkcheck::http::{Client, PAGE, REDIRECTS};
use linkcheck_core::{
    document::{Document, Format},
    web::{Answer, Failure},
};
use support::server::Server;
use tokio::task::block_in_place;

fn client() -> Client {
    patient(10_000)
}

fn patient(milliseconds: u64) -> Client {
    Client::new(Duration::from_millis(milliseconds)).expect("a client")
}

async fn status(client: &Client, server: &Server, path: &str) -> Result<u16, Failure> {
    let answer = client.probe(&server.url(path), false).await?;
    Ok(answer.status)
}

#[tokio::test]
async fn a_head_is_enough_where_it_is_understood() {
    let server = Server::start();
    let client = client();
    assert_eq!(status(&client, &server, "/ok").await, Ok(200));
    assert_eq!(status(&client, &server, "/status/410").await, Ok(410));
    assert_eq!(server.requests(), ["HEAD /ok", "HEAD /status/410"]);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_refused_head_becomes_a_get() {
    let server = Server::start();
    let client = client();
    for path in [
        "/head-refused/405",
        "/head-refused/501",
        "/head-refused/403",
        "/head-refused/404",
        "/head-closed",
    ] {
        assert_eq!(status(&client, &server, path).await, Ok(200), "{path}");
        assert_eq!(server.hits(path), 2);
    }
    assert_eq!(status(&client, &server, "/missing").await, Ok(404));
    assert_eq!(server.hits("/missing"), 2);
}

#[tokio::test]
async fn redirects_are_followed_to_their_end() {
    let server = Server::start();
    let answer = client().probe(&server.url("/chain/2#x"), false).await;
    let expected = Answer {
        status: 200,
        final_url: server.url("/page"),
        retry_after: None,
        page: None,
    };
    assert_eq!(answer, Ok(expected));
    assert_eq!(
        server.requests(),
        [
            "HEAD /chain/2",
            "HEAD /chain/1",
            "HEAD /chain/0",
            "HEAD /page"
        ]
    );
}

#[tokio::test]
async fn redirects_that_lead_nowhere_say_so() {
    let server = Server::start();
    let client = client();
    assert_eq!(
        status(&client, &server, "/loop/a").await,
        Err(Failure::RedirectLoop(server.url("/loop/a")))
    );
    assert_eq!(
        status(&client, &server, "/self").await,
        Err(Failure::RedirectLoop(server.url("/self")))
    );
    assert_eq!(
        status(&client, &server, "/endless/0").await,
        Err(Failure::TooManyRedirects(REDIRECTS))
    );
    assert_eq!(
        status(&client, &server, "/to-mail").await,
        Err(Failure::BadRedirect("mailto:a@example.org".to_owned()))
    );
    assert_eq!(status(&client, &server, "/chain/8").await, Ok(200));
}

#[tokio::test]
async fn a_busy_server_says_when_to_come_back() {
    let server = Server::start();
    let client = client();
    for path in ["/limited/7", "/limited-date"] {
        let answer = client
            .probe(&server.url(path), false)
            .await
            .expect("an answer");
        let seconds = if path == "/limited/7" { 7 } else { 1 };
        assert_eq!(answer.status, 429);
        assert_eq!(answer.retry_after, Some(Duration::from_secs(seconds)));
        assert_eq!(status(&client, &server, path).await, Ok(200));
    }
    assert_eq!(status(&client, &server, "/flaky/1").await, Ok(503));
    assert_eq!(status(&client, &server, "/flaky/1").await, Ok(200));
}

#[tokio::test]
async fn a_page_comes_with_its_anchors() {
    let server = Server::start();
    let client = client();
    for (path, anchor) in [
        ("/page", "ü"),
        ("/chain/1", "two"),
        ("/latin1", "é"),
        ("/big", "first"),
    ] {
        let answer = client
            .probe(&server.url(path), true)
            .await
            .expect("an answer");
        let page = answer.page.expect("a page");
        assert!(page.bytes.len() <= PAGE);
        assert_eq!(page.truncated, path == "/big");
        let document = Document::parse(Format::Html, &page.bytes, page.charset());
        assert!(document.anchors.answers(anchor), "{path}");
    }
    for path in ["/plain", "/missing"] {
        let answer = client
            .probe(&server.url(path), true)
            .await
            .expect("an answer");
        assert_eq!(answer.page, None);
    }
}

#[tokio::test]
async fn no_answer_is_a_clear_failure() {
    let server = Server::start();
    let client = client();
    assert_eq!(
        status(&client, &server, "/reset").await,
        Err(Failure::Reset)
    );
    assert_eq!(
        status(&client, &server, "/close").await,
        Err(Failure::Reset)
    );
    assert_eq!(
        client.probe(&Server::refused(), false).await,
        Err(Failure::Refused)
    );
    let tls = server.url("/ok").replace("http:", "https:");
    let failure = client.probe(&tls, false).await.expect_err("no TLS here");
    assert!(
        matches!(failure, Failure::Tls(_) | Failure::Reset),
        "{failure:?}"
    );
    assert_eq!(
        client.probe("http://no-such-host.invalid/", false).await,
        Err(Failure::Dns)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_silent_server_is_left_in_time() {
    let server = Server::start();
    let begin = Instant::now();
    let client = patient(200);
    assert_eq!(
        status(&client, &server, "/hang").await,
        Err(Failure::Timeout)
    );
    assert!(block_in_place(|| server.wait_for_closed("/hang", 1)));
    assert_eq!(
        client.probe(&server.url("/drip"), true).await,
        Err(Failure::Timeout)
    );
    assert!(block_in_place(|| server.wait_for_closed("/drip", 1)));
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_dropped_probe_closes_its_connection() {
    let server = Server::start();
    let client = client();
    let probe = tokio::spawn({
        let (client, url) = (client.clone(), server.url("/hang"));
        async move { client.probe(&url, false).await }
    });
    assert!(block_in_place(|| server.wait_for_hits("/hang", 1)));
    probe.abort();
    assert!(probe.await.expect_err("an aborted probe").is_cancelled());
    assert!(block_in_place(|| server.wait_for_closed("/hang", 1)));
    assert_eq!(status(&client, &server, "/ok").await, Ok(200));
    drop(client);
    assert!(block_in_place(|| server.wait_until_idle()));
}
