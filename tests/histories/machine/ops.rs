//! What a history is made of. A `Pick` chooses among what is there, modulo how much that is.

pub type Pick = u8;

/// One run, from the making of an executor to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// Whether the executor takes futures that are bound to its thread.
    pub local: bool,
    pub limits: Limits,
    pub ops: Vec<Op>,
}

/// What the executor takes on, where that is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Limits {
    pub tasks: Option<u8>,
    pub requests: Option<u8>,
    pub outbox: Option<u8>,
    /// Whether a request too many fails; otherwise it waits.
    pub fails: bool,
}

/// What the host does.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    Act(Act),
    Run,
    RunFor(u8),
    Drain(u8),
    Next,
    /// Polls a join handle outside every turn.
    Join(Pick),
    Resolve(Pick),
    Fail(Pick),
    Send(Pick),
    End(Pick),
    ById(Pick, Way),
    Stranger(Pick, Way),
    /// With a resolver, or a feed, of another executor.
    Foreign(bool),
    /// By the executor, not a spawner.
    SpawnHere(Vec<Step>, bool),
    SpawnLocal(Vec<Step>),
    AbortLocal(Pick),
    DropLocal(Pick),
    JoinLocal(Pick),
    Teardown,
    DropExecutor,
}

/// How an id is answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    Ask,
    Other,
    Item,
    Fail,
    End,
}

/// What anybody may do: the host, a task, a destructor, another thread.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    Spawn(Vec<Step>, How),
    Notify,
    Wake(Pick),
    WakeByValue(Pick),
    DropWaker(Pick),
    Abort(Pick),
    DropHandle(Pick),
    IsFinished(Pick),
    Resolve(Pick),
    Fail(Pick),
    Abandon(Pick),
    Forget(Pick),
    Send(Pick),
    EndFeed(Pick),
    FailFeed(Pick),
    DropFeed(Pick),
    CloneFeed(Pick),
    PollParked(Pick),
    DropParked(Pick),
    KeepSpawner,
    DropSpawner,
    KeepShell,
    DropShell,
    /// In the executor, or in a scope of which a spawner is there.
    OpenScope(Pick),
    SpawnIn(Pick, Option<u8>, Vec<Step>, How),
    DropScope(Pick),
    CloseScope(Pick),
    PollClosing(Pick),
    DropClosing(Pick),
    DropScopeSpawner(Pick),
    /// Somewhere that is no turn of this executor.
    Away(Place, Box<Act>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    /// Another thread, which is joined.
    Thread,
    /// A task of another executor, driven here and now.
    Nested,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum How {
    Plain,
    Named,
    Try,
    Detached,
}

/// What a task does, one after the other.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Ask,
    /// With a waker of its own around the task's.
    Relayed,
    Join,
    Select,
    Subscribe(Policy),
    Next,
    DropStream,
    Yield,
    Stash,
    Hang,
    Await(Pick),
    Panic,
    /// From here on the future has a destructor.
    Guard(Destructor),
    /// What is returned has a destructor.
    Returns(Destructor),
    /// Asks, and leaves the pending future where anybody finds it.
    Park,
    Adopt(Pick),
    /// Closes a scope, and awaits its end.
    Closing(Pick),
    Act(Act),
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct Destructor {
    pub acts: Vec<Act>,
    pub panics: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Policy {
    Unbounded,
    Reject(u8),
    DropOldest(u8),
    Latest,
}
