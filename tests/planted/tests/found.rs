//! Three bugs in a real core, each of which shows in some orders alone: simulation finds each within its seeds, and a
//! run in the order in which things were asked finds none.

#[allow(dead_code)]
#[path = "../../../examples/linkcheck/core/tests/support/mod.rs"]
mod support;

use std::num::NonZeroUsize;

use linkcheck_core::{Bug, Settings};
use stillpoint::testing::{Choices, Failure, Schedule, Simulation};
use support::{Stage, findings, page};

/// Four documents that name each other, a file and a page.
fn check(schedule: &Schedule) {
    let settings = Settings {
        concurrency: NonZeroUsize::new(3).expect("a number"),
        ..Settings::default()
    };
    let stage = Stage::scheduled(settings, schedule)
        .document("a.md", "# A\n[b](b.md#b) [x](x.png) <https://example.org/>")
        .document("b.md", "# B\n[c](c.md#lost)")
        .document("c.md", "# C\n<https://example.org/#lost> [b](b.md#b)")
        .document("d.md", "# D\n[b](b.md#b)")
        .file("x.png", "")
        .web("https://example.org/", [page("<p id=here>")]);
    let (report, trace) = stage.play();
    assert_eq!(report.summary.documents, 4);
    assert_eq!(
        findings(&report),
        [
            "b.md:2 c.md#lost: no anchor #lost",
            "c.md:2 https://example.org/#lost: no anchor #lost"
        ]
    );
    for name in ["a.md", "b.md", "c.md", "d.md", "https://example.org/"] {
        let asked = trace
            .iter()
            .filter(|line| line.ends_with(&format!(" {name}")) && !line.contains("look"));
        assert_eq!(asked.count(), 1, "{name} is asked once: {trace:?}");
    }
}

/// What a thousand seeds find, at most.
fn find(bug: Bug) -> Box<Failure> {
    Bug::plant(Some(bug));
    // In the order in which things were asked nobody would have noticed.
    Simulation::new().choices(Choices::default()).run(check);
    let failure = Simulation::new()
        .seeds(1_000)
        .explore(check)
        .expect_err("a bug is found");
    let seed = failure.seed.expect("a seed");
    println!("{bug:?}: {failure}");

    let shrunk = &failure.shrunk;
    assert!(
        failure.is_reproduced && !shrunk.is_empty() && shrunk.len() <= 4,
        "{failure}"
    );
    assert!(failure.choices.len() > 2 * shrunk.len(), "{failure}");
    let again = Simulation::new()
        .choices(shrunk.clone())
        .explore(check)
        .expect_err("it replays");
    assert_eq!(again.message, failure.message);
    Bug::plant(None);
    // Neither the seed nor the choices are to blame.
    Simulation::new().seed(seed).run(check);
    Simulation::new().choices(shrunk.clone()).run(check);
    failure
}

#[test]
fn a_look_that_comes_late_is_found() {
    let failure = find(Bug::LateLook);
    assert!(failure.message.contains("is asked once"), "{failure}");
}

#[test]
fn a_target_that_is_asked_too_early_is_found() {
    find(Bug::EarlyAsking);
}

#[test]
fn a_document_that_the_walk_overtakes_is_found() {
    find(Bug::HastyWalk);
}

#[test]
fn the_core_without_a_bug_passes_a_thousand_seeds() {
    let explored = Simulation::new().seeds(1_000).run(check);
    assert!(explored.distinct() > 900, "{}", explored.distinct());
}
