//! The public API, as nightly's rustdoc tells it to programs: its listing, and who has an example.

use std::collections::HashSet;
use std::fs;

use public_api::PublicApi;
use rustdoc_types::{Crate, FORMAT_VERSION, Id, ItemEnum};

use crate::checks::cargo_of;
use crate::files::{failed, target};
use crate::kept::{Mode, listing};
use crate::needs;
use crate::run::{Run, Stop};

/// The public items whose documentation has no example, with what makes one useless there. One that has an example, or
/// that is gone, must go from here too.
const WITHOUT_EXAMPLE: &[Exception] = &[
    Exception {
        why: "it is a page that has none of its own to show, and those beside it do",
        items: &[
            "stillpoint::guide",
            "stillpoint::guide::promises",
            "stillpoint::guide::wire",
        ],
    },
    Exception {
        why: "its example is being written",
        items: &[
            "stillpoint::bridge",
            "stillpoint::bridge::BridgeError::code",
            "stillpoint::bridge::BridgeError::id",
            "stillpoint::bridge::Count",
            "stillpoint::bridge::Bridge::drain",
            "stillpoint::bridge::Bridge::drain_into",
            "stillpoint::bridge::Bridge::end",
            "stillpoint::bridge::Bridge::fail",
            "stillpoint::bridge::Bridge::limits",
            "stillpoint::bridge::Bridge::report",
            "stillpoint::bridge::Bridge::resolve",
            "stillpoint::bridge::Bridge::run",
            "stillpoint::bridge::Bridge::send",
            "stillpoint::bridge::Bridge::snapshot",
            "stillpoint::bridge::Bridge::teardown",
            "stillpoint::bridge::Bridge::with_format",
            "stillpoint::bridge::Bridge::new",
            "stillpoint::bridge::Json",
            "stillpoint::bridge::LocalBridge::drain",
            "stillpoint::bridge::LocalBridge::drain_into",
            "stillpoint::bridge::LocalBridge::end",
            "stillpoint::bridge::LocalBridge::fail",
            "stillpoint::bridge::LocalBridge::limits",
            "stillpoint::bridge::LocalBridge::report",
            "stillpoint::bridge::LocalBridge::resolve",
            "stillpoint::bridge::LocalBridge::run",
            "stillpoint::bridge::LocalBridge::send",
            "stillpoint::bridge::LocalBridge::snapshot",
            "stillpoint::bridge::LocalBridge::teardown",
            "stillpoint::bridge::LocalBridge::with_format",
            "stillpoint::bridge::LocalBridge::new",
            "stillpoint::bridge::Malformed",
            "stillpoint::bridge::MessagePack",
            "stillpoint::bridge::Format::read",
            "stillpoint::bridge::Format::write",
            "stillpoint::portable",
            "stillpoint::portable::Kind",
            "stillpoint::portable::Variant",
            "stillpoint::portable::Portable::visit",
            "stillpoint::portable::Visitor",
            "stillpoint::portable::Visitor::notify",
            "stillpoint::portable::Visitor::request",
            "stillpoint::portable::Visitor::stream",
            "stillpoint::record::Difference::at",
            "stillpoint::record::Difference::expected",
            "stillpoint::record::Difference::found",
            "stillpoint::record::Difference::line",
            "stillpoint::record::Recorder::bridge",
            "stillpoint::record::Recorder::drain",
            "stillpoint::record::Recorder::end",
            "stillpoint::record::Recorder::fail",
            "stillpoint::record::Recorder::finish",
            "stillpoint::record::Recorder::host",
            "stillpoint::record::Recorder::new",
            "stillpoint::record::Recorder::redact",
            "stillpoint::record::Recorder::resolve",
            "stillpoint::record::Recorder::run",
            "stillpoint::record::Recorder::send",
            "stillpoint::record::Recorder::snapshot",
            "stillpoint::record::Recorder::teardown",
            "stillpoint::record::Recording::calls",
            "stillpoint::record::Recording::parse",
            "stillpoint::record::Recording::replay",
            "stillpoint::record::Recording::start",
            "stillpoint::testing::Reply",
            "stillpoint::testing::What",
            "stillpoint::testing::Cancelled",
            "stillpoint::testing::Choices::is_empty",
            "stillpoint::testing::Choices::len",
            "stillpoint::testing::Event",
            "stillpoint::testing::Expectation",
            "stillpoint::testing::Expectation::in_any_order",
            "stillpoint::testing::Expectation::times",
            "stillpoint::testing::Expectation::abandon",
            "stillpoint::testing::Expectation::fail",
            "stillpoint::testing::Expectation::resolve",
            "stillpoint::testing::Expectation::respond",
            "stillpoint::testing::Expectation::take",
            "stillpoint::testing::Expectation::send_all",
            "stillpoint::testing::Explored",
            "stillpoint::testing::Explored::distinct",
            "stillpoint::testing::Failure",
            "stillpoint::testing::Host",
            "stillpoint::testing::Missing",
            "stillpoint::testing::Opened",
            "stillpoint::testing::Opened::shown",
            "stillpoint::testing::ParseChoicesError",
            "stillpoint::testing::RefProbe::assert_back",
            "stillpoint::testing::RefProbe::assert_back_after",
            "stillpoint::testing::RefProbe::assert_back_in",
            "stillpoint::testing::RefProbe::missing",
            "stillpoint::testing::RefProbe::new",
            "stillpoint::testing::RefProbe::token",
            "stillpoint::testing::Schedule",
            "stillpoint::testing::Schedule::choose",
            "stillpoint::testing::Schedule::executor",
            "stillpoint::testing::Schedule::local_executor",
            "stillpoint::testing::Schedule::shell",
            "stillpoint::testing::Several",
            "stillpoint::testing::Several::abandon",
            "stillpoint::testing::Several::fail",
            "stillpoint::testing::Several::resolve",
            "stillpoint::testing::Several::respond",
            "stillpoint::testing::Several::take",
            "stillpoint::testing::Simulation::choices",
            "stillpoint::testing::Simulation::explore",
            "stillpoint::testing::Simulation::limit_choices",
            "stillpoint::testing::Simulation::new",
            "stillpoint::testing::Simulation::run",
            "stillpoint::testing::Simulation::seed",
            "stillpoint::testing::Simulation::seeds",
            "stillpoint::testing::TestShell::advance",
            "stillpoint::testing::TestShell::advance_to_next",
            "stillpoint::testing::TestShell::allow_any_order",
            "stillpoint::testing::TestShell::allow_panics",
            "stillpoint::testing::TestShell::allow_unfinished",
            "stillpoint::testing::TestShell::allow_unhandled",
            "stillpoint::testing::TestShell::clock",
            "stillpoint::testing::TestShell::clock_with",
            "stillpoint::testing::TestShell::expect",
            "stillpoint::testing::TestShell::expect_cancelled",
            "stillpoint::testing::TestShell::expect_nothing",
            "stillpoint::testing::TestShell::expect_notify",
            "stillpoint::testing::TestShell::expect_stream",
            "stillpoint::testing::TestShell::finish",
            "stillpoint::testing::TestShell::follow",
            "stillpoint::testing::TestShell::join",
            "stillpoint::testing::TestShell::limit_polls",
            "stillpoint::testing::TestShell::new",
            "stillpoint::testing::TestShell::now",
            "stillpoint::testing::TestShell::on",
            "stillpoint::testing::TestShell::on_notify",
            "stillpoint::testing::TestShell::on_stream",
            "stillpoint::testing::TestShell::play",
            "stillpoint::testing::TestShell::play_until",
            "stillpoint::testing::TestShell::reply",
            "stillpoint::testing::TestShell::run",
            "stillpoint::testing::TestShell::shell",
            "stillpoint::testing::TestShell::snapshot",
            "stillpoint::testing::TestShell::spawn",
            "stillpoint::testing::TestShell::spawner",
            "stillpoint::testing::TestShell::step",
            "stillpoint::testing::TestShell::teardown",
            "stillpoint::testing::TestShell::waiting",
            "stillpoint::testing::TestShell::watch",
            "stillpoint::testing::Token",
            "stillpoint::testing::Scripted::open",
            "stillpoint::tokio::Builder",
            "stillpoint::tokio::Builder::on_cancelled",
            "stillpoint::tokio::Builder::runtime",
            "stillpoint::tokio::Driver",
            "stillpoint::tokio::Driver::builder",
            "stillpoint::tokio::Driver::new",
            "stillpoint::tokio::Driver::shutdown",
            "stillpoint::tokio::Driver::snapshot",
            "stillpoint::typescript::Typed",
            "stillpoint::typescript::handlers",
            "stillpoint::web::Host",
            "stillpoint::web::Host::new",
            "stillpoint::web::Host::close",
            "stillpoint::web::Host::is_closed",
            "stillpoint::web::Host::snapshot",
            "stillpoint::web::Host::totals",
            "stillpoint::web::Hostable",
            "stillpoint::Emitted",
            "stillpoint::JoinError::is_aborted",
            "stillpoint::JoinError::is_full",
            "stillpoint::JoinError::is_panicked",
            "stillpoint::JoinError::is_torn_down",
            "stillpoint::Reason",
            "stillpoint::RequestState",
            "stillpoint::TaskState",
            "stillpoint::Builder::build",
            "stillpoint::Builder::build_local",
            "stillpoint::Builder::max_requests",
            "stillpoint::Builder::max_tasks",
            "stillpoint::Builder::on_panic",
            "stillpoint::Builder::on_ready",
            "stillpoint::Builder::outbox_capacity",
            "stillpoint::Builder::stream_overflow",
            "stillpoint::Builder::when_full",
            "stillpoint::Close",
            "stillpoint::Drain",
            "stillpoint::Executor::builder",
            "stillpoint::Executor::drain",
            "stillpoint::Executor::end",
            "stillpoint::Executor::end_id",
            "stillpoint::Executor::fail",
            "stillpoint::Executor::fail_id",
            "stillpoint::Executor::new",
            "stillpoint::Executor::next",
            "stillpoint::Executor::resolve",
            "stillpoint::Executor::resolve_id",
            "stillpoint::Executor::run_for",
            "stillpoint::Executor::run_until_stalled",
            "stillpoint::Executor::send",
            "stillpoint::Executor::send_id",
            "stillpoint::Executor::shell",
            "stillpoint::Executor::snapshot",
            "stillpoint::Executor::spawn",
            "stillpoint::Executor::spawner",
            "stillpoint::Executor::teardown",
            "stillpoint::Executor::totals",
            "stillpoint::Executor::try_spawn",
            "stillpoint::Feed::end",
            "stillpoint::Feed::fail",
            "stillpoint::Feed::id",
            "stillpoint::Feed::send",
            "stillpoint::JoinHandle::abort",
            "stillpoint::JoinHandle::is_finished",
            "stillpoint::Latest",
            "stillpoint::Latest::spawn",
            "stillpoint::Latest::try_spawn",
            "stillpoint::Latest::name",
            "stillpoint::Leak",
            "stillpoint::LocalExecutor::builder",
            "stillpoint::LocalExecutor::drain",
            "stillpoint::LocalExecutor::end",
            "stillpoint::LocalExecutor::end_id",
            "stillpoint::LocalExecutor::fail",
            "stillpoint::LocalExecutor::fail_id",
            "stillpoint::LocalExecutor::new",
            "stillpoint::LocalExecutor::next",
            "stillpoint::LocalExecutor::resolve",
            "stillpoint::LocalExecutor::resolve_id",
            "stillpoint::LocalExecutor::run_for",
            "stillpoint::LocalExecutor::run_until_stalled",
            "stillpoint::LocalExecutor::send",
            "stillpoint::LocalExecutor::send_id",
            "stillpoint::LocalExecutor::shell",
            "stillpoint::LocalExecutor::snapshot",
            "stillpoint::LocalExecutor::spawn",
            "stillpoint::LocalExecutor::spawner",
            "stillpoint::LocalExecutor::teardown",
            "stillpoint::LocalExecutor::totals",
            "stillpoint::LocalExecutor::try_spawn",
            "stillpoint::LocalExecutor::local_spawner",
            "stillpoint::LocalExecutor::spawn_local",
            "stillpoint::LocalExecutor::try_spawn_local",
            "stillpoint::LocalJoinHandle::abort",
            "stillpoint::LocalJoinHandle::is_finished",
            "stillpoint::LocalSpawner::is_closed",
            "stillpoint::LocalSpawner::name",
            "stillpoint::LocalSpawner::spawn",
            "stillpoint::LocalSpawner::try_spawn",
            "stillpoint::LocalSpawner::scope",
            "stillpoint::Named",
            "stillpoint::Named::scope",
            "stillpoint::Named::spawn",
            "stillpoint::Named::try_spawn",
            "stillpoint::Next",
            "stillpoint::Notification",
            "stillpoint::Notification::into_inner",
            "stillpoint::Outstanding",
            "stillpoint::Rejected::into_inner",
            "stillpoint::Rejected::is_closed",
            "stillpoint::Rejected::is_full",
            "stillpoint::Request",
            "stillpoint::Request::fail",
            "stillpoint::Request::id",
            "stillpoint::Request::resolve",
            "stillpoint::RequestId::from_u64",
            "stillpoint::RequestId::to_u64",
            "stillpoint::RequestSnapshot",
            "stillpoint::RequestSnapshot::state",
            "stillpoint::ResolveError::into_inner",
            "stillpoint::ResolveError::reason",
            "stillpoint::Resolver::fail",
            "stillpoint::Resolver::id",
            "stillpoint::Resolver::resolve",
            "stillpoint::Scope::spawner",
            "stillpoint::Settled",
            "stillpoint::Shell::is_closed",
            "stillpoint::Shell::notify",
            "stillpoint::Shell::request",
            "stillpoint::Shell::subscribe",
            "stillpoint::ShellRequest",
            "stillpoint::ShellStream::ended_by",
            "stillpoint::ShellStream::overflow",
            "stillpoint::Snapshot::dot",
            "stillpoint::Spawner::is_closed",
            "stillpoint::Spawner::name",
            "stillpoint::Spawner::spawn",
            "stillpoint::Spawner::try_spawn",
            "stillpoint::Spawner::scope",
            "stillpoint::Subscription",
            "stillpoint::Subscription::id",
            "stillpoint::TaskId",
            "stillpoint::TaskId::to_u64",
            "stillpoint::TaskPanic",
            "stillpoint::TaskPanic::message",
            "stillpoint::TaskSnapshot",
            "stillpoint::Teardown::assert_baseline",
            "stillpoint::Teardown::is_baseline",
            "stillpoint::Teardown::is_unloadable",
            "stillpoint::Totals",
        ],
    },
];

/// Items that need no example.
struct Exception {
    why: &'static str,
    items: &'static [&'static str],
}

/// The steps of a test run.
pub(crate) fn test(run: &mut Run, mode: Mode) {
    let mut told = None;
    run.step("the public API is the one that is kept", || {
        let (crate_, api) = tell()?;
        let found = lines(&crate_, &api);
        told = Some((crate_, api));
        listing(mode, "public-api.txt", &found, "cargo xtask api --bless")
    });
    run.step("an example for every public item", || {
        let Some((crate_, api)) = &told else {
            return Err(Stop::Skipped("rustdoc did not tell the items".to_owned()));
        };
        let items = items(crate_, api);
        println!("    {} items", items.len());
        let complaints = complaints(&items, WITHOUT_EXAMPLE);
        for complaint in &complaints {
            println!("    {complaint}");
        }
        match complaints.len() {
            0 => Ok(()),
            some => Err(Stop::Failed(format!("{some} complaints"))),
        }
    });
}

/// Has rustdoc tell what it knows of the library, and picks what is public.
fn tell() -> Result<(Crate, PublicApi), Stop> {
    needs::toolchain("nightly")?;
    let folder = target()?.join("rustdoc");
    cargo_of(
        "nightly",
        &format!(
            "rustdoc --package stillpoint --lib --all-features --target-dir {} -- -Zunstable-options \
             --output-format json",
            folder.display()
        ),
    )?;
    let path = folder.join("doc/stillpoint.json");
    let text = fs::read_to_string(&path).map_err(|error| failed(&path, &error))?;
    let version = serde_json::from_str(&text)
        .ok()
        .and_then(|told: serde_json::Value| told["format_version"].as_u64());
    if version != Some(u64::from(FORMAT_VERSION)) {
        let version = version.map_or("none".to_owned(), |version| version.to_string());
        return Err(Stop::Skipped(format!(
            "this nightly's rustdoc writes form {version}, and xtask reads {FORMAT_VERSION}: public-api and \
             rustdoc-types in xtask/Cargo.toml go with the nightly"
        )));
    }
    let crate_ = serde_json::from_str(&text).map_err(|error| Stop::Failed(error.to_string()))?;
    let api = public_api::Builder::from_rustdoc_json(&path)
        // What every type has by itself says nothing of this crate, and changes with the compiler.
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .build()
        .map_err(|error| Stop::Failed(error.to_string()))?;
    Ok((crate_, api))
}

/// The listing: a line for each public item. Of a trait's `impl` the line of it says all that its functions would.
fn lines(crate_: &Crate, api: &PublicApi) -> String {
    let of_traits = of_traits(crate_);
    let mut lines = String::new();
    for public in api.items() {
        let is_function = crate_
            .index
            .get(&public.id())
            .is_some_and(|item| matches!(item.inner, ItemEnum::Function(_)));
        if !(is_function && of_traits.contains(&public.id())) {
            lines.push_str(&format!("{public}\n"));
        }
    }
    lines
}

/// What is defined in the `impl`s of traits.
fn of_traits(crate_: &Crate) -> HashSet<Id> {
    crate_
        .index
        .values()
        .filter_map(|item| match &item.inner {
            ItemEnum::Impl(of) if of.trait_.is_some() => Some(&of.items),
            _ => None,
        })
        .flatten()
        .copied()
        .collect()
}

/// A public item that can have an example.
#[derive(Debug, PartialEq, Eq)]
struct Item {
    path: String,
    has_example: bool,
}

/// The items that are to have an example: types, traits, macros, modules, functions and methods. What an `impl` of a
/// trait defines is the trait's to explain.
fn items(crate_: &Crate, api: &PublicApi) -> Vec<Item> {
    let of_traits = of_traits(crate_);
    let mut items = Vec::new();
    for public in api.items() {
        let Some(item) = crate_.index.get(&public.id()) else {
            continue;
        };
        let is_asked = matches!(
            item.inner,
            ItemEnum::Module(_)
                | ItemEnum::Struct(_)
                | ItemEnum::Enum(_)
                | ItemEnum::Union(_)
                | ItemEnum::Trait(_)
                | ItemEnum::TraitAlias(_)
                | ItemEnum::Macro(_)
                | ItemEnum::ProcMacro(_)
                | ItemEnum::Function(_)
        );
        if is_asked && item.crate_id == 0 && !of_traits.contains(&item.id) {
            items.push(Item {
                path: path(&public.to_string()),
                has_example: has_example(item.docs.as_deref().unwrap_or_default()),
            });
        }
    }
    items
}

/// The path in an item's line of the listing, without its generics: `a::B::c` of `pub fn a::B<T>::c<U>(&self) -> U`.
fn path(line: &str) -> String {
    let start = line.split(' ').position(|word| word.contains("stillpoint"));
    let words: Vec<_> = line.split(' ').skip(start.unwrap_or_default()).collect();
    let mut path = String::new();
    let mut depth = 0_usize;
    let mut before = ' ';
    for letter in words.join(" ").chars() {
        match letter {
            '<' => depth += 1,
            // That of an arrow closes nothing.
            '>' if before != '-' => depth = depth.saturating_sub(1),
            '(' | ' ' | '!' if depth == 0 => break,
            _ if depth == 0 => path.push(letter),
            _ => {}
        }
        before = letter;
    }
    path.trim_end_matches(':').to_owned()
}

/// Says whether documentation has a block of Rust that is run, or at least compiled.
fn has_example(docs: &str) -> bool {
    let mut inside = false;
    for line in docs.lines() {
        let Some(words) = line.trim_start().strip_prefix("```") else {
            continue;
        };
        inside = !inside;
        let is_rust = words
            .split([',', ' '])
            .map(str::trim)
            .all(|word| ["", "rust", "no_run", "should_panic"].contains(&word));
        if inside && is_rust {
            return true;
        }
    }
    false
}

/// What is wrong: with items, and with exceptions.
fn complaints(items: &[Item], exceptions: &[Exception]) -> Vec<String> {
    let excepted: Vec<_> = exceptions
        .iter()
        .flat_map(|exception| exception.items.iter().map(|item| (*item, exception.why)))
        .collect();
    let is_excepted = |path: &str| excepted.iter().any(|(item, _)| *item == path);
    let mut complaints = Vec::new();
    for item in items {
        if !item.has_example && !is_excepted(&item.path) {
            complaints.push(format!("{} has no example", item.path));
        }
    }
    for (path, why) in &excepted {
        let mut named = items.iter().filter(|item| item.path == *path).peekable();
        if named.peek().is_none() {
            complaints.push(format!("{path} is excepted ({why}), and is no public item"));
        } else if named.all(|item| item.has_example) {
            complaints.push(format!("{path} is excepted ({why}), and has an example"));
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::{Exception, Item, complaints, has_example, path};

    #[test]
    fn a_path_is_without_generics_and_arguments() {
        for (line, expected) in [
            ("pub mod stillpoint", "stillpoint"),
            ("pub macro stillpoint::effects!", "stillpoint::effects"),
            (
                "pub fn stillpoint::A<E>::new() -> Self",
                "stillpoint::A::new",
            ),
            (
                "pub fn stillpoint::A<E>::on<F: Fn(u8) -> B<u8>>(self, F) -> Self where F: Send",
                "stillpoint::A::on",
            ),
            ("pub const fn stillpoint::a()", "stillpoint::a"),
            (
                "pub trait stillpoint::A: core::marker::Send",
                "stillpoint::A",
            ),
            (
                "#[non_exhaustive] pub enum stillpoint::A<T>",
                "stillpoint::A",
            ),
            ("pub struct stillpoint::Id(_)", "stillpoint::Id"),
        ] {
            assert_eq!(path(line), expected, "{line}");
        }
    }

    #[test]
    fn an_example_is_rust_and_compiles() {
        assert!(has_example("Is.\n\n```\nlet a = 1;\n```\n"));
        assert!(has_example("```text\n─▶\n```\n\n  ```no_run\na();\n```"));
        assert!(has_example("```rust\n```"));
        for docs in [
            "",
            "Is `a`.",
            "```text\na\n```\n",
            "```ignore\na\n```",
            "```compile_fail,E0277\na\n```",
            "```json\n{}\n```\nand so on",
        ] {
            assert!(!has_example(docs), "{docs}");
        }
    }

    #[test]
    fn exceptions_are_used_or_go() {
        let item = |path: &str, has_example| Item {
            path: path.to_owned(),
            has_example,
        };
        let items = [item("a", true), item("b", false), item("c", false)];
        let except = |items| {
            [Exception {
                why: "it is plain",
                items,
            }]
        };
        assert_eq!(
            complaints(&items, &[]),
            ["b has no example", "c has no example"]
        );
        assert!(complaints(&items, &except(&["b", "c"])).is_empty());
        assert_eq!(
            complaints(&items, &except(&["a", "b", "c", "d"])),
            [
                "a is excepted (it is plain), and has an example",
                "d is excepted (it is plain), and is no public item"
            ]
        );
    }
}
