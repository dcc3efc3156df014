//! What a teardown says, and what an executor has seen.

use serde::Serialize;

use crate::outbox::Emitted;
use crate::report::{Leak, Outstanding, Teardown, Totals};

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
