//! What happened, in words that the crate's side and the model's share.

/// Tasks, requests and answers go by the number in which they were made.
pub type Number = usize;

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Spawned(Number),
    SpawnRefused(Number, Refusal),
    Notified(Number, Result<(), Refusal>),
    /// A task has its answer: whose it is, and its serial number.
    Got(Number, Number, Result<(Number, Number), Lack>),
    Item(Number, Number, (Number, Number)),
    Ended(Number, Number, Result<(), Lack>),
    Joined(Option<Number>, Number, End),
    Unfinished(Number),
    IsFinished(Number, bool),
    /// An answer's fate, and the serial number of what was given back.
    Answered(Number, Result<(), Why>, Option<Number>),
    Parked(Number, Option<Result<(Number, Number), Lack>>),
    Emitted(Emission),
    Nothing,
    /// The future of a task is gone.
    Gone(Number),
    Settled(Settled),
    /// A scope was made, and whether it is closed.
    Opened(Number, bool),
    /// Whether the scope is closed in which something is spawned.
    IsClosed(Number, bool),
    /// Tasks, requests and scopes cancelled; tasks completed, panicked and aborted before.
    Report(Number, [usize; 6]),
    Unclosed(Number),
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct Settled {
    pub polled: usize,
    pub completed: usize,
    pub panicked: usize,
    pub aborted: usize,
    pub pending: usize,
    pub waiting: usize,
    pub refused: usize,
    pub budget_spent: bool,
}

/// Why something is given back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Refusal {
    Closed,
    Full,
}

#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Eq, Ord)]
pub enum Emission {
    Ask(Number),
    Other(Number),
    Flow(Number),
    Say(Number),
    Cancelled(Number),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lack {
    Failed,
    Abandoned,
    Closed,
    Outside,
    Full,
    Else,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Why {
    Foreign,
    Unknown,
    Stale,
    AlreadyAnswered,
    WrongType,
    Full,
    TornDown,
    Else,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum End {
    Done(Number),
    Aborted,
    /// With the number that the panic carried.
    Panicked(Number),
    TornDown,
    /// It never was.
    Full,
}

/// What a panic carries: the task's number, and this where it came from a destructor.
pub const IN_DESTRUCTOR: Number = 1_000_000;

/// What an executor has counted so far.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Totals {
    pub tasks: u64,
    pub requests: u64,
    pub cancelled: u64,
    pub effects: u64,
    pub peak_tasks: usize,
    pub peak_requests: usize,
}

/// How far a pending request is.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Eq, Ord)]
pub enum Stage {
    /// It has no effect yet.
    InLine,
    Untaken,
    Taken,
}

/// A pending request: its number, how far it is, and how many answers wait. One in line goes by [`Number::MAX`], since
/// nobody has been told its id.
pub type Pending = (Number, Stage, usize);

/// What an executor holds.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Holdings {
    pub tasks: Vec<Option<&'static str>>,
    pub requests: Vec<Pending>,
}

/// How many of these exist.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Alive {
    pub futures: usize,
    pub answers: usize,
    pub operations: usize,
    pub outputs: usize,
}

const NAMES: [&str; 16] = [
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15",
];

/// What a task of this number is called, if it is named.
pub fn name(task: Number) -> &'static str {
    NAMES[task % NAMES.len()]
}

/// Some operations wake and notify when they are dropped before the shell took them, and some panic.
pub fn operation_kicks(request: Number) -> bool {
    request % 5 == 1
}
pub fn operation_panics(request: Number) -> bool {
    request % 3 == 1
}

/// Some answers notify when they are dropped unread, and some panic.
pub fn answer_kicks(serial: Number) -> bool {
    serial % 5 == 1
}
pub fn answer_panics(serial: Number) -> bool {
    serial % 3 == 1
}
