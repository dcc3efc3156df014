//! The house has floors, and nobody looks up: a module imports from those below it and never from one above.

use std::fs;
use std::path::{Path, PathBuf};

/// The modules of `src`, from the ground up. A module may use those that stand before it here; a folder is one module.
#[rustfmt::skip]
const FLOORS: &[&str] = &[
    // What has a meaning of its own: std or a model, guarding against panics, numbers, what is held at one moment, in text
    // and as a picture, an answer without its type and one with it, places that are counted, the life of a request, what is
    // taken on, and all requests.
    "shim", "contain", "id", "snapshot", "explain", "graph", "answer", "shelf", "room", "entry",
    "limit", "request_table",
    // What comes in, what a task carries with it, what goes out, and what is said of it.
    "mailbox", "scopes", "meta", "trace", "task_table", "order", "outbox", "report", "plain",
    // Where they meet: what a turn lends.
    "turn",
    // What the core and the shell hold: an id and a way to send.
    "request", "root", "task", "spawner", "scope", "shell", "portable", "typescript", "effects",
    // Who drives.
    "engine", "executor", "testing", "tokio", "web", "bridge", "record",
    // What is read: pages, and no code.
    "guide", "links",
];

/// Imports that go up all the same, each with what would bring it down. One that is gone must go from here too.
const UPWARD: &[(&str, &str)] = &[];

#[test]
fn imports_go_down_only() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&src, &mut files);
    let mut wrong = Vec::new();
    let mut upward = Vec::new();
    for file in &files {
        let inside = file.strip_prefix(&src).unwrap();
        // The door that shows the house, and the roof that looks at all of it. Nobody imports either.
        if inside == Path::new("lib.rs") || inside == Path::new("asserted.rs") {
            continue;
        }
        let module = inside.iter().next().unwrap().to_str().unwrap();
        let module = module.strip_suffix(".rs").unwrap_or(module);
        let text = fs::read_to_string(file).unwrap();
        for complaint in complaints(module, &text) {
            match UPWARD.iter().find(|pair| complaint == going_up(pair)) {
                Some(known) => upward.push(known),
                None => wrong.push(format!("src/{}: {complaint}", inside.display())),
            }
        }
    }
    for pair in UPWARD.iter().filter(|pair| !upward.contains(pair)) {
        wrong.push(format!("no more is it so that {}", going_up(pair)));
    }
    assert!(files.len() > FLOORS.len(), "found only {files:?}");
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
}

fn going_up((module, import): &(&str, &str)) -> String {
    format!("`{module}` stands below `{import}` and imports it")
}

/// What is wrong with the imports of one file of a module.
fn complaints(module: &str, text: &str) -> Vec<String> {
    let floor_of = |name: &str| FLOORS.iter().position(|floor| *floor == name);
    let Some(floor) = floor_of(module) else {
        return vec![format!(
            "`{module}` has no floor: give it one in tests/floors.rs"
        )];
    };
    imports(text)
        .into_iter()
        .filter_map(|import| match floor_of(&import) {
            None => Some(format!(
                "`crate::{import}` names no module that has a floor"
            )),
            Some(above) if above > floor => Some(going_up(&(module, &import))),
            Some(_) => None,
        })
        .collect()
}

/// The first name after each `crate::` in code: comments, a macro's `$crate` and unit tests do not count.
fn imports(text: &str) -> Vec<String> {
    let text = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or(text);
    let code: String = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or(line))
        .collect::<Vec<_>>()
        .join("\n");
    let mut names: Vec<String> = Vec::new();
    for (at, path) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|char| char == '$' || char == '_' || char.is_alphanumeric()) {
            continue;
        }
        names.extend(first_names(&code[at + path.len()..]));
    }
    names.dedup();
    names
}

/// The name that a path begins with, or, where it begins with a group, those that the group's members begin with.
fn first_names(rest: &str) -> Vec<String> {
    let name = |text: &str| {
        text.trim_start()
            .chars()
            .take_while(|char| *char == '_' || char.is_alphanumeric())
            .collect::<String>()
    };
    let Some(group) = rest.strip_prefix('{') else {
        return vec![name(rest)];
    };
    let mut names = vec![name(group)];
    let mut depth = 0;
    for (at, char) in group.char_indices() {
        match char {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(name(&group[at + 1..])),
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

#[test]
fn an_upward_import_is_found_in_whatever_way_it_is_written() {
    let up = ["`turn` stands below `executor` and imports it"];
    assert_eq!(complaints("turn", "use crate::executor::Executor;"), up);
    assert_eq!(
        complaints("turn", "use crate::{id, executor::Executor};"),
        up
    );
    assert_eq!(
        complaints(
            "turn",
            "use crate::{\n    id::{RequestId, TaskId},\n    executor,\n};"
        ),
        up
    );
    assert_eq!(complaints("turn", "fn f(_: crate::executor::Next) {}"), up);
}

#[test]
fn what_has_no_floor_is_found() {
    assert_eq!(
        complaints("turn", "use crate::Executor;"),
        ["`crate::Executor` names no module that has a floor"]
    );
    assert_eq!(
        complaints("attic", ""),
        ["`attic` has no floor: give it one in tests/floors.rs"]
    );
}

#[test]
fn what_is_no_import_is_let_be() {
    let text = "
        use crate::id::RequestId; // not crate::executor
        /// [`crate::Executor`]
        use other_crate::executor;
        use crate::turn;
        macro_rules! m { () => { $crate::Executor } }
\n#[cfg(test)]\nmod tests { use crate::executor::Executor; }";
    assert_eq!(complaints("turn", text), Vec::<String>::new());
}
