//! The core against a scripted shell, in virtual time: what it asks, when, and what it makes of the answers.

mod support;

use std::{num::NonZeroUsize, time::Duration};

use linkcheck_core::{Settings, exclude::Excludes, retry::Policy, web::Failure};
use stillpoint::testing::Simulation;
use support::{Stage, Web, findings, limited, page, status};

const URL: &str = "https://example.org/";

fn at_once(concurrency: usize) -> Settings {
    Settings {
        concurrency: NonZeroUsize::new(concurrency).expect("a number"),
        ..Settings::default()
    }
}

fn stage() -> Stage {
    Stage::new(Settings::default())
}

#[test]
fn each_target_is_asked_once_however_many_links_name_it() {
    let (report, trace) = stage()
        .document(
            "a.md",
            "[x](x.png) [x](./x.png?1) <https://example.org> [u](HTTPS://example.org/#)",
        )
        .document(
            "b.md",
            "[x](x.png) [y](https://example.org:443) [a](a.md) [a](a.md)",
        )
        .file("x.png", "")
        .web(URL, [status(200)])
        .play();
    assert_eq!(
        trace,
        [
            "0 read a.md",
            "0 read b.md",
            "0 look x.png",
            "0 head https://example.org/"
        ]
    );
    assert!(report.is_clean(), "{report:?}");
    assert_eq!((report.summary.links, report.summary.targets), (8, 3));
}

#[test]
fn a_document_that_comes_twice_is_checked_once() {
    let (report, trace) = stage()
        .document("a.md", "[b](b.md)")
        .document("./a.md", "[b](b.md)")
        .play();
    assert_eq!(trace, ["0 read a.md", "0 look b.md"]);
    assert_eq!(findings(&report), ["a.md:1 b.md: no such file: b.md"]);
}

/// Twenty documents that link to each other, to files and to the web.
fn many(mut stage: Stage) -> Stage {
    for number in 0..20 {
        let next = (number + 1) % 20;
        let text = format!(
            "# H{number}\n[a](d{next}.md#h{next}) [b](d{next}.md#lost) [c](f{number}.txt) [d](gone/{number})\n\
             <https://example.org/{}> <https://example.org/all#x> <https://example.org/all#lost>",
            number % 7
        );
        stage = stage
            .document(&format!("d{number}.md"), &text)
            .file(&format!("f{number}.txt"), "");
    }
    for number in 0..7 {
        let replies = [status(503), status(200), status(200)];
        stage = stage.web(&format!("https://example.org/{number}"), replies);
    }
    stage.web("https://example.org/all", [page("<p id=x>")])
}

#[test]
fn no_more_is_under_way_than_allowed() {
    for concurrency in [1, 2, 7] {
        Simulation::new().seeds(5).run(|schedule| {
            let mut stage = many(Stage::scheduled(at_once(concurrency), schedule));
            while stage.step() {}
            assert_eq!(stage.peak(), concurrency);
            let (report, _) = stage.end();
            assert_eq!(report.expect("a report").summary.broken, 60);
        });
    }
}

#[test]
fn the_report_is_the_same_in_whatever_order_tasks_run_and_answers_come() {
    let (expected, _) = many(Stage::new(at_once(5))).play();
    Simulation::new().seeds(60).run(|schedule| {
        let (report, trace) = many(Stage::scheduled(at_once(5), schedule)).play();
        assert_eq!(report, expected);
        for number in 0..20 {
            assert_eq!(asked(&trace, &format!("read d{number}.md")), 1);
            assert_eq!(asked(&trace, &format!("look f{number}.txt")), 1);
        }
        for number in 0..7 {
            let address = format!("head https://example.org/{number}");
            assert_eq!(asked(&trace, &address), 2, "503, then 200");
        }
        assert_eq!(asked(&trace, "get https://example.org/all"), 1);
    });
}

#[test]
fn the_report_is_the_same_where_the_shell_takes_one_effect_at_a_time() {
    let (expected, _) = many(Stage::new(at_once(5))).play();
    let (report, _) = many(Stage::one_by_one(at_once(5))).play();
    assert_eq!(report, expected);
}

/// How often this was asked, at whatever time.
fn asked(trace: &[String], what: &str) -> usize {
    let names = trace.iter().filter_map(|line| line.split_once(' '));
    names.filter(|(_, name)| *name == what).count()
}

#[test]
fn the_walk_waits_for_those_who_read() {
    let mut stage = Stage::new(at_once(3));
    for number in 0..50 {
        stage = stage.document(&format!("{number}.md"), "text");
    }
    assert_eq!(stage.only_walk(), 47);
    assert_eq!(stage.trace(), ["0 read 0.md", "0 read 1.md", "0 read 2.md"]);
    let (report, trace) = stage.play();
    assert_eq!((report.summary.documents, trace.len()), (50, 50));
}

#[test]
fn a_probe_that_takes_too_long_is_cancelled() {
    let settings = Settings {
        deadline: Duration::from_secs(9),
        policy: Policy {
            retries: 0,
            ..Policy::default()
        },
        ..Settings::default()
    };
    let (report, trace) = Stage::new(settings)
        .document("a.md", "<https://example.org>")
        .web(URL, [Web::Hang])
        .play();
    assert_eq!(
        trace,
        [
            "0 read a.md",
            "0 head https://example.org/",
            "cancel head https://example.org/"
        ]
    );
    assert_eq!(
        findings(&report),
        ["a.md:1 https://example.org: no answer in time"]
    );
}

#[test]
fn what_may_pass_is_tried_again_after_ever_longer_pauses() {
    let policy = Policy {
        retries: 4,
        ..Policy::default()
    };
    let settings = Settings {
        policy,
        ..Settings::default()
    };
    let (report, trace) = Stage::new(settings)
        .document("a.md", "<https://example.org>")
        .web(URL, [status(503), Web::Fail(Failure::Reset), status(500)])
        .play();
    let mut expected = vec!["0 read a.md".to_owned()];
    let mut now = Duration::ZERO;
    for tries in 1..=5 {
        expected.push(format!("{} head {URL}", now.as_millis()));
        now += policy.backoff(URL, tries);
    }
    assert_eq!(trace, expected);
    assert_eq!(
        findings(&report),
        ["a.md:1 https://example.org: 500 Internal Server Error"]
    );
}

#[test]
fn a_try_that_succeeds_is_the_last() {
    let (report, trace) = stage()
        .document("a.md", "<https://example.org>")
        .web(URL, [status(503), status(200)])
        .play();
    assert_eq!(trace.len(), 3);
    assert!(report.is_clean());
}

#[test]
fn a_server_is_asked_again_when_it_says_and_others_meanwhile() {
    let (report, trace) = Stage::new(at_once(1))
        .document("a.md", "<https://example.org/1> <https://example.org/2>")
        .web("https://example.org/1", [limited(7), status(200)])
        .web("https://example.org/2", [status(200)])
        .play();
    assert_eq!(
        trace,
        [
            "0 read a.md",
            "0 head https://example.org/1",
            "0 head https://example.org/2",
            "7000 head https://example.org/1"
        ]
    );
    assert!(report.is_clean());
}

#[test]
fn an_interrupt_cancels_what_is_under_way_and_reports_the_rest() {
    let mut stage = stage()
        .document(
            "a.md",
            "[x](gone.md) <https://example.org/1> <https://example.org/2>",
        )
        .document("b.md", "<https://example.org/2>")
        .web("https://example.org/1", [Web::Hang])
        .web("https://example.org/2", [Web::Hang]);
    stage.play_until("0 head https://example.org/2");
    stage.interrupt();
    let (report, trace) = stage.play();
    assert_eq!(
        trace[3..],
        [
            "0 head https://example.org/1",
            "0 head https://example.org/2",
            "cancel head https://example.org/1",
            "cancel head https://example.org/2"
        ]
    );
    assert_eq!(findings(&report), ["a.md:1 gone.md: no such file: gone.md"]);
    let summary = report.summary;
    assert!(summary.interrupted);
    assert_eq!((summary.broken, summary.unchecked), (1, 3));
}

#[test]
fn a_teardown_half_way_leaves_nothing() {
    let mut steps = 0;
    loop {
        let mut stage = many(Stage::new(at_once(5)));
        let is_over = (0..steps).any(|_| !stage.step());
        let (report, _) = stage.end();
        assert_eq!(report.is_some(), is_over);
        if is_over {
            break;
        }
        steps += 1;
    }
    assert!(steps > 50, "{steps}");
}

#[test]
fn fragments_are_looked_for_wherever_the_document_comes_from() {
    let (report, trace) = stage()
        .document(
            "a.md",
            "# Own\n[1](#own) [2](#lost)\n[3](b.md#later) [4](b.md#lost)\n[5](c.md#apart) [6](c.md#lost)\n\
             [7](d#index) [8](d#lost)\n[9](x.txt#any) [10](e#any)\n",
        )
        .document("b.md", "# Later\n")
        .file("c.md", "# Apart\n[not checked](nowhere.md)")
        .file("d/index.html", "<p id=index>")
        .file("e/other.html", "")
        .file("x.txt", "")
        .play();
    assert_eq!(
        findings(&report),
        [
            "a.md:2 #lost: no anchor #lost",
            "a.md:3 b.md#lost: no anchor #lost",
            "a.md:4 c.md#lost: no anchor #lost",
            "a.md:5 d#lost: no anchor #lost",
            "a.md:6 e#any: no such file: e/index.html",
        ]
    );
    for path in ["a.md", "b.md", "c.md", "d/index.html"] {
        assert_eq!(asked(&trace, &format!("read {path}")), 1, "{path}");
    }
}

#[test]
fn a_page_is_wanted_only_for_its_anchors() {
    let (report, trace) = stage()
        .document("a.md", "<https://example.org/1>\n<https://example.org/2>")
        .document(
            "b.md",
            "<https://example.org/2#here> <https://example.org/2#lost>",
        )
        .web("https://example.org/1", [page("")])
        .web("https://example.org/2", [page("<p id=here>")])
        .play();
    assert_eq!(
        trace[2..],
        [
            "0 head https://example.org/1",
            "0 get https://example.org/2"
        ]
    );
    assert_eq!(
        findings(&report),
        ["b.md:1 https://example.org/2#lost: no anchor #lost"]
    );
}

#[test]
fn a_redirect_stub_carries_the_fragment_on() {
    let stub = |to: &str| format!("<meta http-equiv=refresh content='0; url={to}'>");
    let (report, _) = stage()
        .document(
            "a.md",
            "[1](s/one.html#here)\n[2](s/one.html#lost)\n[3](s/round.html#x)\n[4](s/void.html#x)\n[5](s/set.html#x)",
        )
        .file("s/one.html", &stub("two.html"))
        .file("s/two.html", &stub("../end.html"))
        .file("end.html", "<p id=here>")
        .file("s/round.html", &stub("round.html"))
        .file("s/void.html", &stub("mailto:me@example.org"))
        .file("s/set.html", &stub("../end.html#here"))
        .play();
    assert_eq!(
        findings(&report),
        [
            "a.md:2 s/one.html#lost: no anchor #lost",
            "a.md:3 s/round.html#x: no anchor #x",
            "a.md:4 s/void.html#x: no anchor #x",
        ]
    );
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_is_checked() {
    let (report, _) = stage()
        .lost("nothing", "no such file or directory")
        .document(
            "a.md",
            "[there](sealed.md) [unknown](sealed.md#x) [gone](gone.md)",
        )
        .document("sealed.md", "")
        .document("notes.txt", "")
        .sealed("sealed.md")
        .play();
    let unread: Vec<_> = (report.unread.iter())
        .map(|unread| format!("{}: {}", unread.document, unread.reason))
        .collect();
    assert_eq!(
        unread,
        [
            "notes.txt: neither Markdown nor HTML",
            "nothing: no such file or directory",
            "sealed.md: permission denied"
        ]
    );
    assert_eq!(
        findings(&report),
        [
            "a.md:1 sealed.md#x: cannot be read: permission denied",
            "a.md:1 gone.md: no such file: gone.md"
        ]
    );
    assert!(!report.is_clean());
}

#[test]
fn a_web_page_is_a_document_too() {
    let mut moved =
        page("<p id=here><a href=next>1</a> <a href='#here'>2</a> <a href='#lost'>3</a>");
    if let Web::Answer(answer) = &mut moved {
        answer.final_url = "https://example.org/new/page".to_owned();
    }
    let (report, trace) = stage()
        .start("https://example.org/old")
        .start("https://example.org/gone")
        .start("https://example.org/picture")
        .web("https://example.org/old", [status(503), moved])
        .web("https://example.org/picture", [status(200)])
        .web("https://example.org/new/next", [status(410)])
        .play();
    assert_eq!(
        findings(&report),
        [
            "https://example.org/old:1 next: 410 Gone",
            "https://example.org/old:1 #lost: no anchor #lost"
        ]
    );
    let unread: Vec<_> = (report.unread.iter())
        .map(|unread| (unread.document.as_str(), unread.reason.as_str()))
        .collect();
    assert_eq!(
        unread,
        [
            ("https://example.org/gone", "404 Not Found"),
            ("https://example.org/picture", "neither Markdown nor HTML")
        ]
    );
    assert_eq!(trace.len(), 5, "{trace:?}");
}

#[test]
fn what_is_left_alone_is_not_asked() {
    let settings = Settings {
        offline: true,
        excludes: Excludes::new(["*.png", "re:^draft/"]).expect("patterns"),
        ..Settings::default()
    };
    let (report, trace) = Stage::new(settings)
        .start(URL)
        .document(
            "a.md",
            "<https://example.org> [m](mailto:a@b.c) [p](x.png) [d](draft/x.md) [g](gone.md)",
        )
        .play();
    assert_eq!(trace, ["0 read a.md", "0 look gone.md"]);
    assert_eq!((report.summary.skipped, report.summary.broken), (4, 1));
    assert_eq!(report.unread[0].reason, "not asked while offline");
}

#[test]
fn a_handler_that_is_lost_is_a_finding() {
    let (report, _) = stage()
        .document("a.md", "<https://example.org>")
        .web(URL, [Web::Abandon])
        .play();
    assert_eq!(
        findings(&report),
        ["a.md:1 https://example.org: the shell abandoned it"]
    );
}

#[test]
fn progress_is_told() {
    let mut stage = stage().document("a.md", "[x](x.md)");
    while stage.step() {}
    assert!(stage.told() >= 4, "{}", stage.told());
    let _ = stage.end();
}
