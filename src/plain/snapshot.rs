//! What is held at one moment. It is also how a [`Snapshot`] is written wherever serde writes one.

use serde::{Serialize, Serializer};

use crate::id::RequestId;
use crate::snapshot::{RequestSnapshot, RequestState, Snapshot, TaskSnapshot, TaskState};

#[derive(Serialize)]
pub(crate) struct PlainSnapshot {
    /// Of a form that is read by programs made later.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u32>,
    tasks: Vec<PlainTask>,
    requests: Vec<PlainRequest>,
    turn: u64,
    messages: usize,
    ended: Vec<PlainTask>,
}

impl PlainSnapshot {
    /// Without the effects' variants, for whoever has no shell in another language.
    fn bare(snapshot: &Snapshot) -> Self {
        Self::with(snapshot, |request| PlainRequest::new(request, None))
    }

    /// `effect_of` says which variant of the effect a request is, where that is known.
    #[cfg(any(feature = "bridge", feature = "web"))]
    pub(crate) fn new(
        snapshot: &Snapshot,
        effect_of: impl Fn(&RequestSnapshot) -> Option<&'static str>,
    ) -> Self {
        Self::with(snapshot, |request| {
            PlainRequest::new(request, Some(effect_of(request)))
        })
    }

    #[cfg(feature = "bridge")]
    pub(crate) fn of_version(self, version: u32) -> Self {
        Self {
            version: Some(version),
            ..self
        }
    }

    fn with(snapshot: &Snapshot, plain: impl Fn(&RequestSnapshot) -> PlainRequest) -> Self {
        Self {
            version: None,
            tasks: snapshot.tasks.iter().map(PlainTask::new).collect(),
            requests: snapshot.requests.iter().map(plain).collect(),
            turn: snapshot.turn,
            messages: snapshot.messages,
            ended: snapshot.ended.iter().map(PlainTask::new).collect(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlainTask {
    id: String,
    name: Option<&'static str>,
    place: String,
    requests: usize,
    state: &'static str,
    polls: u32,
    age: u32,
    is_joined: bool,
    awaits: Vec<u64>,
}

impl PlainTask {
    fn new(task: &TaskSnapshot) -> Self {
        Self {
            id: task.id.to_string(),
            name: task.name,
            place: task.place.to_string(),
            requests: task.awaits.len(),
            state: match task.state {
                TaskState::Ready => "ready",
                TaskState::Waiting => "waiting",
                TaskState::Ended => "ended",
            },
            polls: task.polls,
            age: task.age,
            is_joined: task.is_joined,
            awaits: task.awaits.iter().copied().map(RequestId::to_u64).collect(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlainRequest {
    id: u64,
    operation: &'static str,
    /// `None` where it is not written at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    effect: Option<Option<&'static str>>,
    kind: &'static str,
    state: &'static str,
    task: String,
    place: String,
    taken: bool,
    queued: usize,
    has_ended: bool,
    age: u32,
}

impl PlainRequest {
    fn new(request: &RequestSnapshot, effect: Option<Option<&'static str>>) -> Self {
        Self {
            id: request.id.to_u64(),
            operation: request.operation,
            effect,
            kind: match request.is_stream {
                true => "stream",
                false => "request",
            },
            state: match request.state() {
                RequestState::Waiting => "waiting",
                RequestState::Untaken => "untaken",
                RequestState::Taken => "taken",
                RequestState::Answered => "answered",
            },
            task: request.task.to_string(),
            place: request.place.to_string(),
            taken: request.taken,
            queued: request.queued,
            has_ended: request.has_ended,
            age: request.age,
        }
    }
}

/// Written as a bridge writes it, without the version and the effects' variants.
impl Serialize for Snapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        PlainSnapshot::bare(self).serialize(serializer)
    }
}

impl Serialize for TaskSnapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        PlainTask::new(self).serialize(serializer)
    }
}

impl Serialize for RequestSnapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        PlainRequest::new(self, None).serialize(serializer)
    }
}
