//! The program, end to end: real files, a real server, a real process.

mod support;

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use support::{fixtures, server::Server};
use tempfile::TempDir;

const CALM: &str = "every count is back at its baseline";

fn linkcheck(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_linkcheck"));
    command
        .args(arguments)
        .current_dir(directory)
        .env_remove("NO_COLOR")
        .env("NO_PROXY", "*")
        .stdin(Stdio::null());
    command
}

/// What a run gave: its exit code, standard output and standard error.
type Ran = (Option<i32>, String, String);

fn run(directory: &Path, arguments: &[&str]) -> Ran {
    ran(linkcheck(directory, arguments).output().expect("a program"))
}

fn ran(output: Output) -> Ran {
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn folder(documents: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary directory");
    for (name, text) in documents {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("a file");
    }
    folder
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("JSON")
}

/// The findings of a JSON report: document, line, link and reason.
fn findings(report: &serde_json::Value) -> Vec<(String, u64, String, String)> {
    let text = |value: &serde_json::Value| value.as_str().expect("a string").to_owned();
    let findings = report["findings"].as_array().expect("findings");
    (findings.iter())
        .map(|finding| {
            (
                text(&finding["document"]),
                finding["line"].as_u64().expect("a line"),
                text(&finding["link"]),
                text(&finding["reason"]),
            )
        })
        .collect()
}

#[test]
fn odd_documents_give_exactly_the_broken_links() {
    let site = fixtures::site();
    for concurrency in ["1", "2", "32"] {
        let arguments = [
            ".",
            "--format=json",
            "--offline",
            "--concurrency",
            concurrency,
        ];
        let (status, out, err) = run(site.path(), &arguments);
        assert_eq!((status, err.as_str()), (Some(1), ""));
        let report = json(&out);
        let found: Vec<_> = (findings(&report).into_iter())
            .map(|(document, line, link, _)| (document, line, link))
            .collect();
        let expected = fixtures::BROKEN
            .map(|(document, line, link)| (document.to_owned(), u64::from(line), link.to_owned()));
        assert_eq!(found, expected);
        assert_eq!(report["summary"]["broken"], fixtures::BROKEN.len());
        assert_eq!(report["summary"]["interrupted"], false);
    }
}

#[test]
fn a_server_that_misbehaves_is_seen_through() {
    let server = Server::start();
    let paths = [
        "/ok",
        "/chain/3",
        "/limited/0",
        "/flaky/1",
        "/reset-once",
        "/page#two",
        "/page#%C3%BC",
        "/page#lost",
        "/loop/a",
        "/status/404",
        "/status/410",
        "/reset",
        "/flaky/9",
        "/hang",
        "/to-mail",
        "/head-refused/405",
    ];
    let links: String = (paths.iter())
        .map(|path| format!("<{}>\n", server.url(path)))
        .collect();
    let folder = folder(&[("a.md", &links), ("b.md", &links)]);
    let arguments = [".", "--format=json", "--timeout=0.5", "--retries=1"];
    let (status, out, err) = run(folder.path(), &arguments);
    assert_eq!((status, err.as_str()), (Some(1), ""));
    let looped = format!("redirect loop at {}", server.url("/loop/a"));
    let expected = [
        ("/page#lost", "no anchor #lost"),
        ("/loop/a", looped.as_str()),
        ("/status/404", "404 Not Found"),
        ("/status/410", "410 Gone"),
        ("/reset", "connection closed before the answer was complete"),
        ("/flaky/9", "503 Service Unavailable"),
        ("/hang", "no answer in time"),
        (
            "/to-mail",
            "redirects to `mailto:a@example.org`, which is no web address",
        ),
    ]
    .map(|(path, reason)| (server.url(path), reason.to_owned()));
    let found = findings(&json(&out));
    for document in ["a.md", "b.md"] {
        let of_document: Vec<_> = (found.iter())
            .filter(|(name, ..)| name == document)
            .map(|(_, _, link, reason)| (link.clone(), reason.clone()))
            .collect();
        assert_eq!(of_document, expected, "{document}");
    }
    for (path, hits) in [
        ("/ok", 1),
        ("/status/410", 1),
        ("/flaky/1", 2),
        ("/limited/0", 2),
        ("/hang", 2),
    ] {
        assert_eq!(server.hits(path), hits, "{path}");
    }
}

#[test]
fn a_web_page_can_be_what_is_checked() {
    let server = Server::start();
    let folder = folder(&[]);
    let page = server.url("/links");
    let (status, out, err) = run(folder.path(), &[&page, "--stats"]);
    assert_eq!(status, Some(1));
    let place = format!("{page}:1:24");
    assert_eq!(
        out,
        format!(
            "{page}\n  {place}  missing  404 Not Found\n\n2 links in 1 document, 2 distinct targets, 1 broken\n"
        )
    );
    assert!(err.lines().last().expect("a line").ends_with(CALM), "{err}");
}

#[test]
fn offline_and_excluded_links_are_left_alone() {
    let server = Server::start();
    let text = format!("<{}> [x](gone.md) [y](old/gone.md)", server.url("/missing"));
    let folder = folder(&[("a.md", &text)]);
    let (status, out, _) = run(folder.path(), &["a.md", "--offline", "--exclude=re:^gone"]);
    assert_eq!(status, Some(1));
    assert!(
        out.ends_with("3 links in 1 document, 1 distinct target, 2 skipped, 1 broken\n"),
        "{out}"
    );
    let (status, out, _) = run(
        folder.path(),
        &["a.md", "--exclude=http://*", "--exclude=*gone.md"],
    );
    assert_eq!(status, Some(0), "{out}");
    assert_eq!(server.requests(), [""; 0]);
}

#[test]
fn misuse_is_one_clear_line_and_loses_nothing() {
    let folder = folder(&[("a.md", "[x](gone.md)"), ("notes.txt", "")]);
    let (status, out, err) = run(folder.path(), &["no.md", "a.md", "notes.txt", "--offline"]);
    assert_eq!(status, Some(2));
    assert!(
        out.starts_with("a.md\n  a.md:1:1  gone.md  no such file: gone.md\n"),
        "{out}"
    );
    assert!(out.ends_with("2 unread, 1 broken\n"), "{out}");
    assert_eq!(
        err,
        "no.md: no such file or directory\nnotes.txt: neither Markdown nor HTML\n"
    );
    let (status, out, err) = run(folder.path(), &["a.md", "--exclude=re:("]);
    assert_eq!((status, out.as_str()), (Some(2), ""));
    assert_eq!(err, "linkcheck: bad pattern `re:(`: unclosed group\n");
    let (status, ..) = run(folder.path(), &[]);
    assert_eq!(status, Some(2));
}

#[test]
fn a_clean_run_is_one_line_and_its_stats_are_the_last() {
    let folder = folder(&[("a.md", "# A\n[x](#a)")]);
    let (status, out, err) = run(folder.path(), &["a.md", "--stats"]);
    assert_eq!(status, Some(0));
    assert_eq!(out, "1 link in 1 document, 1 distinct target, all good\n");
    assert_eq!(err.lines().count(), 1, "{err}");
    assert!(err.starts_with("executor: 2 tasks, "), "{err}");
    assert!(err.ends_with(&format!("{CALM}\n")), "{err}");
}

#[test]
fn colour_is_there_when_wanted_and_only_then() {
    let folder = folder(&[("a.md", "[x](gone.md)")]);
    let (_, plain, _) = run(folder.path(), &["a.md"]);
    assert!(!plain.contains('\x1b'), "{plain}");
    let (_, coloured, _) = run(folder.path(), &["a.md", "--color=always"]);
    assert!(coloured.contains("\x1b[31m"), "{coloured}");
}

#[test]
fn a_leading_slash_means_the_root() {
    let folder = folder(&[("site/a/b.html", "<a href=/c.html>"), ("site/c.html", "")]);
    let (status, out, _) = run(folder.path(), &["site"]);
    assert_eq!(status, Some(0), "{out}");
    let (status, ..) = run(folder.path(), &["site/a/b.html"]);
    assert_eq!(status, Some(1));
    let (status, out, _) = run(folder.path(), &["site/a/b.html", "--root=site"]);
    assert_eq!(status, Some(0), "{out}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let links: String = (0..20_000).map(|n| format!("[x](gone{n}.md)\n")).collect();
    let folder = folder(&[("a.md", &links)]);
    let mut child = linkcheck(folder.path(), &["a.md", "--stats"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a program");
    drop(child.stdout.take());
    let (status, _, err) = ran(child.wait_with_output().expect("an end"));
    assert_eq!(status, Some(1), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    assert!(err.ends_with(&format!("{CALM}\n")), "{err}");
}

#[test]
fn a_run_that_hangs_says_who_waits_for_what() {
    let server = Server::start();
    let text = format!("<{}>", server.url("/hang"));
    let folder = folder(&[("a.md", &text)]);
    let mut child = linkcheck(folder.path(), &["a.md", "--inspect=0.05", "--timeout=600"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a program");
    assert!(server.wait_for_hits("/hang", 1));
    let lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    // A task has a line, and one more for each of its requests where these are several.
    let mut tasks = vec![String::new()];
    let says = |task: &str| {
        let parts = [
            "\"probe\"",
            " waits ",
            "Probe ",
            "taken by the shell, unanswered",
        ];
        parts.iter().all(|part| task.contains(part))
    };
    for line in lines.map_while(Result::ok).take(1000) {
        match line.starts_with("  ") {
            true => tasks.last_mut().expect("a task").push_str(&line),
            false if says(tasks.last().expect("a task")) => break,
            false => tasks.push(line),
        }
    }
    child.kill().expect("an end");
    child.wait().expect("an end");
    assert!(says(tasks.last().expect("a task")), "{tasks:#?}");
}

#[test]
fn a_time_that_never_comes_is_no_error() {
    let server = Server::start();
    let folder = folder(&[("a.md", &format!("<{}>", server.url("/ok")))]);
    let arguments = ["a.md", "--inspect=1e19", "--timeout=1e19"];
    let (status, out, err) = run(folder.path(), &arguments);
    assert_eq!((status, err.as_str()), (Some(0), ""), "{out}");
}

#[cfg(unix)]
mod interrupted {
    use super::*;

    fn interrupt(child: &Child) {
        let sent = Command::new("kill")
            .args(["-s", "INT", &child.id().to_string()])
            .status();
        assert!(sent.expect("a command").success());
    }

    #[test]
    fn what_is_known_is_printed_and_what_is_open_is_closed() {
        let server = Server::start();
        let text = format!("[x](gone.md) <{}>", server.url("/hang"));
        let folder = folder(&[("a.md", &text)]);
        let child = linkcheck(folder.path(), &["a.md", "--stats", "--timeout=600"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a program");
        assert!(server.wait_for_hits("/hang", 1));
        interrupt(&child);
        assert!(server.wait_for_closed("/hang", 1));
        let (status, out, err) = ran(child.wait_with_output().expect("an end"));
        assert_eq!(status, Some(130), "{err}");
        assert_eq!(
            out,
            "a.md\n  a.md:1:1  gone.md  no such file: gone.md\n\n\
             2 links in 1 document, 2 distinct targets, 1 unchecked, 1 broken, interrupted\n"
        );
        assert!(err.ends_with(&format!("{CALM}\n")), "{err}");
        assert!(server.wait_until_idle());
    }

    #[test]
    fn a_second_time_quits_at_once() {
        let links: String = (0..20_000).map(|n| format!("[x](gone{n}.md)\n")).collect();
        let server = Server::start();
        let text = format!("{links}<{}>", server.url("/hang"));
        let folder = folder(&[("a.md", &text)]);
        let mut child = linkcheck(folder.path(), &["a.md", "--timeout=600"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a program");
        assert!(server.wait_for_hits("/hang", 1));
        interrupt(&child);
        assert!(server.wait_for_closed("/hang", 1));
        // It prints now, into a pipe that is full: nobody reads it yet.
        let mut out = child.stdout.take().expect("a pipe");
        let mut first = [0];
        out.read_exact(&mut first).expect("output");
        interrupt(&child);
        assert_eq!(child.wait().expect("an end").code(), Some(130));
    }
}
