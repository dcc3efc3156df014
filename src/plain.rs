//! What an executor says of itself, for shells in other languages: plain data, as `web/host.d.ts` has its types.

use std::collections::HashMap;

use serde::Serialize;

use crate::id::TaskId;
use crate::outbox::Emitted;
use crate::report::{Leak, Outstanding, Teardown, Totals};
use crate::snapshot::{RequestSnapshot, Snapshot, TaskSnapshot};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlainReport {
    tasks: usize,
    requests: usize,
    messages: usize,
    notifications: usize,
    cancelled: usize,
    leaks: Vec<PlainLeak>,
    outstanding: PlainOutstanding,
    totals: PlainTotals,
    is_baseline: bool,
    text: String,
}

/// What a teardown hands over that the shell has not seen.
#[derive(Clone, Copy)]
pub(crate) struct Unseen {
    notifications: usize,
    cancelled: usize,
}

impl Unseen {
    pub(crate) fn of<E>(emitted: &[Emitted<E>]) -> Self {
        let is_notice = |emitted: &&Emitted<E>| matches!(emitted, Emitted::Cancelled(_));
        let cancelled = emitted.iter().filter(is_notice).count();
        Self {
            notifications: emitted.len() - cancelled,
            cancelled,
        }
    }
}

impl PlainReport {
    /// Of a report whose emissions were handed over: `unseen` is what they were.
    pub(crate) fn new<E>(report: &Teardown<E>, unseen: Unseen) -> Self {
        Self {
            tasks: report.tasks,
            requests: report.requests,
            messages: report.messages,
            notifications: unseen.notifications,
            cancelled: unseen.cancelled,
            leaks: report.leaks.iter().map(PlainLeak::new).collect(),
            outstanding: PlainOutstanding::new(report.outstanding),
            totals: PlainTotals::new(report.totals),
            is_baseline: report.is_baseline(),
            text: report.to_string(),
        }
    }
}

#[derive(Serialize)]
struct PlainLeak {
    task: String,
    name: Option<&'static str>,
    place: String,
    text: String,
}

impl PlainLeak {
    fn new(leak: &Leak) -> Self {
        Self {
            task: leak.task.to_string(),
            name: leak.name,
            place: leak.place.to_string(),
            text: leak.to_string(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlainOutstanding {
    spawners: usize,
    shells: usize,
    join_handles: usize,
    resolvers: usize,
    feeds: usize,
}

impl PlainOutstanding {
    fn new(outstanding: Outstanding) -> Self {
        Self {
            spawners: outstanding.spawners,
            shells: outstanding.shells,
            join_handles: outstanding.join_handles,
            resolvers: outstanding.resolvers,
            feeds: outstanding.feeds,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlainTotals {
    tasks: u64,
    requests: u64,
    cancelled: u64,
    effects: u64,
    peak_tasks: usize,
    peak_requests: usize,
}

impl PlainTotals {
    pub(crate) fn new(totals: Totals) -> Self {
        Self {
            tasks: totals.tasks,
            requests: totals.requests,
            cancelled: totals.cancelled,
            effects: totals.effects,
            peak_tasks: totals.peak_tasks,
            peak_requests: totals.peak_requests,
        }
    }
}

#[derive(Serialize)]
pub(crate) struct PlainSnapshot {
    pub(crate) tasks: Vec<PlainTask>,
    pub(crate) requests: Vec<PlainRequest>,
}

impl PlainSnapshot {
    /// `effect_of` says which variant of the effect a request is, where that is known.
    pub(crate) fn new(
        snapshot: &Snapshot,
        effect_of: impl Fn(&RequestSnapshot) -> Option<&'static str>,
    ) -> Self {
        let mut waiting = HashMap::<TaskId, usize>::new();
        for request in &snapshot.requests {
            *waiting.entry(request.task).or_default() += 1;
        }
        let task = |task: &TaskSnapshot| PlainTask::new(task, waiting.get(&task.id).copied());
        let request = |request: &RequestSnapshot| PlainRequest::new(request, effect_of(request));
        Self {
            tasks: snapshot.tasks.iter().map(task).collect(),
            requests: snapshot.requests.iter().map(request).collect(),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct PlainTask {
    id: String,
    name: Option<&'static str>,
    place: String,
    requests: usize,
}

impl PlainTask {
    fn new(task: &TaskSnapshot, requests: Option<usize>) -> Self {
        Self {
            id: task.id.to_string(),
            name: task.name,
            place: task.place.to_string(),
            requests: requests.unwrap_or_default(),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct PlainRequest {
    id: u64,
    operation: &'static str,
    effect: Option<&'static str>,
    kind: &'static str,
    state: &'static str,
    task: String,
    place: String,
    taken: bool,
    queued: usize,
}

impl PlainRequest {
    fn new(request: &RequestSnapshot, effect: Option<&'static str>) -> Self {
        Self {
            id: request.id.to_u64(),
            operation: request.operation,
            effect,
            kind: match request.is_stream {
                true => "stream",
                false => "request",
            },
            state: match request {
                RequestSnapshot { queued: 1.., .. } => "answered",
                RequestSnapshot { taken: true, .. } => "taken",
                _ => "untaken",
            },
            task: request.task.to_string(),
            place: request.place.to_string(),
            taken: request.taken,
            queued: request.queued,
        }
    }
}
