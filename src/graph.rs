//! What an executor holds, as a picture: who owns what, for Mermaid and for Graphviz.
//!
//! Whatever user code can have written, names and types and places, comes into a picture character by character: what
//! is neither a letter, a digit nor a harmless sign is written as the number that stands for it.

use std::fmt::{self, Write};

use crate::explain::{Counted, ShortName};
use crate::id::{RequestId, TaskId};
use crate::snapshot::{RequestSnapshot, RequestState, Snapshot, TaskSnapshot, TaskState};

/// How a node is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    Executor,
    Shell,
    /// Somebody outside who holds what has ended.
    Holder,
    Ready,
    Waiting,
    /// Waits for nothing that the executor knows of.
    Outside,
    Ended,
    Request,
}

/// How an edge is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tie {
    /// What it points to goes with where it comes from.
    Owns,
    /// Who has the next step hands it on.
    Hands,
}

/// What each is called in a picture.
#[derive(Clone, Copy)]
enum Key {
    Executor,
    Shell,
    Handles,
    Wakers,
    Task(TaskId),
    Request(RequestId),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Executor => f.write_str("executor"),
            Self::Shell => f.write_str("shell"),
            Self::Handles => f.write_str("handles"),
            Self::Wakers => f.write_str("wakers"),
            Self::Task(id) => write!(f, "task{}", id.to_string().replace('.', "_")),
            Self::Request(id) => write!(f, "request{}", id.to_string().replace('.', "_")),
        }
    }
}

/// A language for pictures.
trait Pen {
    fn begin(&mut self);
    /// `lines` are as they are to be read.
    fn node(&mut self, key: Key, look: Look, lines: &[String]);
    fn edge(&mut self, from: Key, tie: Tie, to: Key, label: &str);
    fn finish(self) -> String;
}

fn draw(snapshot: &Snapshot, mut pen: impl Pen) -> String {
    pen.begin();
    let turns = Counted(snapshot.turn, "turn").to_string();
    let mut about = vec!["executor".to_owned(), format!("after {turns}")];
    if snapshot.messages > 0 {
        about.push(Counted(snapshot.messages as u64, "message").to_string());
    }
    pen.node(Key::Executor, Look::Executor, &about);
    pen.node(Key::Shell, Look::Shell, &["shell".to_owned()]);
    let requests = snapshot.requests_by_id();
    for task in &snapshot.tasks {
        let key = Key::Task(task.id);
        let (look, state) = match task.state {
            TaskState::Ready => (Look::Ready, "ready"),
            _ if task.waits_outside() => (Look::Outside, "waits for something outside"),
            _ => (Look::Waiting, "waits"),
        };
        pen.node(
            key,
            look,
            &lines_of(task, &format!("{state}, {}", task.polled())),
        );
        pen.edge(Key::Executor, Tie::Owns, key, "");
        for request in task.awaits.iter().filter_map(|id| requests.get(id)) {
            draw_request(&mut pen, key, request);
        }
    }
    for request in snapshot.unowned() {
        draw_request(&mut pen, Key::Executor, request);
    }
    let mut drawn = [false; 2];
    for task in &snapshot.ended {
        let (holder, name) = match task.is_joined {
            true => (Key::Handles, "join handles"),
            false => (Key::Wakers, "wakers"),
        };
        if !std::mem::replace(&mut drawn[usize::from(task.is_joined)], true) {
            pen.node(holder, Look::Holder, &[name.to_owned()]);
        }
        pen.node(
            Key::Task(task.id),
            Look::Ended,
            &lines_of(task, "has ended"),
        );
        pen.edge(holder, Tie::Owns, Key::Task(task.id), "");
    }
    pen.finish()
}

fn lines_of(task: &TaskSnapshot, state: &str) -> [String; 3] {
    let name = task
        .name
        .map_or_else(String::new, |name| format!(" {name:?}"));
    [
        format!("task {}{name}", task.id),
        task.place.to_string(),
        state.to_owned(),
    ]
}

fn draw_request(pen: &mut impl Pen, owner: Key, request: &RequestSnapshot) {
    let key = Key::Request(request.id);
    let stream = if request.is_stream { "stream " } else { "" };
    let mut lines = vec![
        format!("{stream}{} {}", ShortName(request.operation), request.id),
        request.place.to_string(),
    ];
    // One that waits for a place is not emitted yet, which is when it would begin to have an age.
    if !request.is_waiting {
        lines.push(format!("{} old", Counted(request.age.into(), "turn")));
    }
    pen.node(key, Look::Request, &lines);
    pen.edge(owner, Tie::Owns, key, "");
    let (from, to) = match request.state() {
        RequestState::Answered => (Key::Shell, key),
        RequestState::Waiting | RequestState::Untaken | RequestState::Taken => (key, Key::Shell),
    };
    pen.edge(from, Tie::Hands, to, &request.standing());
}

/// Whether a character means itself wherever a picture may be put.
fn is_harmless(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, ' ' | '.' | ',' | ':' | '/' | '_' | '-' | '(' | ')')
}

/// Writes each character of a text that is not harmless by `write`.
fn escape(text: &str, write: impl Fn(&mut String, char) -> fmt::Result) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_harmless(c) {
            escaped.push(c);
        } else {
            // A string takes whatever is written to it.
            let _ = write(&mut escaped, c);
        }
    }
    escaped
}

struct Mermaid(String);

impl Mermaid {
    fn text(text: &str) -> String {
        escape(text, |escaped, c| match c {
            // Before an `n` it would break the line, also as a number: what follows it keeps them apart, and has no
            // width.
            '\\' => escaped.write_str("#92;#8288;"),
            _ => write!(escaped, "#{};", u32::from(c)),
        })
    }

    fn line(&mut self, line: fmt::Arguments<'_>) {
        let _ = writeln!(self.0, "{line}");
    }
}

impl Pen for Mermaid {
    fn begin(&mut self) {
        self.line(format_args!("flowchart LR"));
        for (class, style) in [
            ("ready", "stroke-width:3px"),
            (
                "outside",
                "stroke:#c00,stroke-width:2px,stroke-dasharray:6 3",
            ),
            ("ended", "stroke:#888,stroke-dasharray:2 2"),
        ] {
            self.line(format_args!("  classDef {class} {style}"));
        }
    }

    fn node(&mut self, key: Key, look: Look, lines: &[String]) {
        let lines: Vec<_> = lines.iter().map(|line| Self::text(line)).collect();
        let label = lines.join("<br/>");
        let (open, close) = match look {
            Look::Executor => ("[[", "]]"),
            Look::Shell | Look::Holder => ("([", "])"),
            Look::Request => ("(", ")"),
            Look::Ready | Look::Waiting | Look::Outside | Look::Ended => ("[", "]"),
        };
        let class = match look {
            Look::Ready => ":::ready",
            Look::Outside => ":::outside",
            Look::Ended => ":::ended",
            _ => "",
        };
        self.line(format_args!("  {key}{open}\"{label}\"{close}{class}"));
    }

    fn edge(&mut self, from: Key, tie: Tie, to: Key, label: &str) {
        let arrow = match tie {
            Tie::Owns => "==>",
            Tie::Hands => "-.->",
        };
        let label = match label {
            "" => String::new(),
            label => format!("|\"{}\"|", Self::text(label)),
        };
        self.line(format_args!("  {from} {arrow}{label} {to}"));
    }

    fn finish(self) -> String {
        self.0
    }
}

struct Dot(String);

impl Dot {
    fn text(text: &str) -> String {
        escape(text, |escaped, c| match c {
            // Also as a number it would begin an escape.
            '\\' => escaped.write_str("\\\\"),
            // Numbers are read up to 16 bits alone, and nothing beyond ASCII has a meaning.
            _ if !c.is_ascii() => escaped.write_char(c),
            _ => write!(escaped, "&#{};", u32::from(c)),
        })
    }

    fn line(&mut self, line: fmt::Arguments<'_>) {
        let _ = writeln!(self.0, "{line}");
    }
}

impl Pen for Dot {
    fn begin(&mut self) {
        self.line(format_args!("digraph executor {{"));
        self.line(format_args!("  rankdir=LR;"));
        self.line(format_args!("  node [shape=box];"));
    }

    fn node(&mut self, key: Key, look: Look, lines: &[String]) {
        let lines: Vec<_> = lines.iter().map(|line| Self::text(line)).collect();
        let label = lines.join("\\n");
        let style = match look {
            Look::Executor => ", shape=component",
            Look::Shell | Look::Holder => ", shape=oval",
            Look::Ready => ", penwidth=3",
            Look::Waiting => "",
            Look::Outside => ", style=dashed, color=red",
            Look::Ended => ", style=dotted",
            Look::Request => ", style=rounded",
        };
        self.line(format_args!("  {key} [label=\"{label}\"{style}];"));
    }

    fn edge(&mut self, from: Key, tie: Tie, to: Key, label: &str) {
        let style = match tie {
            Tie::Owns => "penwidth=2",
            Tie::Hands => "style=dotted",
        };
        let label = match label {
            "" => String::new(),
            label => format!(", label=\"{}\"", Self::text(label)),
        };
        self.line(format_args!("  {from} -> {to} [{style}{label}];"));
    }

    fn finish(mut self) -> String {
        self.line(format_args!("}}"));
        self.0
    }
}

impl Snapshot {
    /// Draws what owns what, as a flowchart of [Mermaid](https://mermaid.js.org), which GitHub and many editors show.
    ///
    /// Thick arrows own: from the executor to its tasks, and from a task to the requests that go with it. Dotted ones
    /// say who has the next step: an arrow to the shell is to be answered, one from it to be read. A task that waits
    /// for nothing that the executor knows of is dashed. Equal snapshots give equal texts.
    ///
    /// ```
    /// use stillpoint::Executor;
    ///
    /// let mut executor = Executor::<()>::new();
    /// executor.spawner().name("<stuck>").spawn(std::future::pending::<()>());
    /// executor.run_until_stalled();
    /// let picture = executor.snapshot().mermaid();
    /// assert!(picture.starts_with("flowchart LR\n"));
    /// assert!(picture.contains("#60;stuck#62;"));
    /// ```
    #[must_use]
    pub fn mermaid(&self) -> String {
        draw(self, Mermaid(String::new()))
    }

    /// Draws the same picture as [`mermaid`](Self::mermaid), for [Graphviz](https://graphviz.org): `dot -Tsvg`.
    ///
    /// ```
    /// use stillpoint::Executor;
    ///
    /// let mut executor = Executor::<()>::new();
    /// executor.spawner().name("stuck").spawn(std::future::pending::<()>());
    /// executor.run_until_stalled();
    /// let picture = executor.snapshot().dot();
    /// assert!(picture.starts_with("digraph executor {") && picture.contains("stuck"));
    /// ```
    #[must_use]
    pub fn dot(&self) -> String {
        draw(self, Dot(String::new()))
    }
}
