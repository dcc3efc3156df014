//! Events and spans for the crate `tracing`, by names that stay: docs/INSPECTION.md has them. Without the feature
//! `tracing` each function here is empty.
//!
//! A subscriber is somebody else's code: nothing of the executor's is borrowed while one is called, and what it throws
//! ends here.

use crate::entry::RequestError;

/// How a request was answered.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "tracing"), allow(dead_code, reason = "told to nobody"))]
pub(crate) enum Answered {
    Answer,
    Item,
    Fail,
    Abandon,
    End,
}

impl Answered {
    /// By an end of this kind.
    pub(crate) fn by(end: &Result<(), RequestError>) -> Self {
        match end {
            Ok(()) => Self::End,
            Err(RequestError::Abandoned) => Self::Abandon,
            Err(_) => Self::Fail,
        }
    }
}

#[cfg(feature = "tracing")]
mod told {
    use tracing::span::EnteredSpan;
    use tracing::{Level, event, span};

    use super::Answered;
    use crate::answer::{Kind, Shape};
    use crate::contain::{contain, discard, shield};
    use crate::entry::Reason;
    use crate::id::{RequestId, TaskId};
    use crate::meta::Label;

    // The macros of tracing bring `display` with them.

    /// An event whose name is its message as well, for subscribers that print.
    macro_rules! tell {
        ($name:literal, $($field:ident = $value:expr),*) => {
            shield(|| event!(name: $name, target: "stillpoint", Level::DEBUG, $($field = $value,)* $name))
        };
    }

    pub(crate) fn spawned(task: TaskId, label: Label) {
        let (name, place) = (label.name, label.place);
        tell!(
            "task.spawn",
            task = display(task),
            name = name,
            place = display(place)
        );
    }

    /// A poll under way.
    pub(crate) struct Polling(Option<EnteredSpan>);

    impl Polling {
        pub(crate) fn end(self) {
            discard(self.0);
        }
    }

    pub(crate) fn polling(task: TaskId, label: impl FnOnce() -> Option<Label>) -> Polling {
        let enter = || {
            if !tracing::enabled!(target: "stillpoint", Level::TRACE) {
                return None;
            }
            let label = label();
            let name = label.and_then(|label| label.name);
            let span = span!(target: "stillpoint", Level::TRACE, "task.poll", task = display(task), name = name);
            Some(span.entered())
        };
        Polling(match contain(enter) {
            Ok(entered) => entered,
            Err(payload) => {
                discard(payload);
                None
            }
        })
    }

    pub(crate) fn ended(task: TaskId, how: &'static str) {
        tell!("task.end", task = display(task), how = how);
    }

    pub(crate) fn emitted(id: RequestId, of: impl FnOnce() -> Option<(TaskId, &'static Kind)>) {
        let Some((task, kind)) = of() else { return };
        let shape = match kind.shape {
            Shape::One => "request",
            Shape::Many => "stream",
        };
        tell!(
            "request.emit",
            request = display(id),
            operation = (kind.name)(),
            kind = shape,
            task = display(task)
        );
    }

    pub(crate) fn taken(id: RequestId) {
        if id != RequestId::NONE {
            tell!("request.take", request = display(id));
        }
    }

    /// `refusal` says why it had no effect, if it had none.
    pub(crate) fn answered(id: RequestId, how: Answered, refusal: impl FnOnce() -> Option<Reason>) {
        match refusal() {
            None => {}
            // Whoever lets go of what is over says nothing new.
            Some(_) if how == Answered::Abandon => return,
            Some(reason) => return refused(id, reason),
        }
        let how = match how {
            Answered::Answer => "answer",
            Answered::Item => "item",
            Answered::Fail => "fail",
            Answered::Abandon => "abandon",
            Answered::End => "end",
        };
        tell!("request.answer", request = display(id), how = how);
    }

    pub(crate) fn refused(id: RequestId, reason: Reason) {
        tell!(
            "request.refused",
            request = display(id),
            reason = display(reason)
        );
    }

    pub(crate) fn cancelled(id: RequestId, is_told: bool) {
        tell!("request.cancel", request = display(id), told = is_told);
    }

    pub(crate) fn notified<T>() {
        tell!("notify", operation = std::any::type_name::<T>());
    }

    pub(crate) fn torn_down(tasks: usize, requests: usize, messages: usize) {
        tell!(
            "teardown",
            tasks = tasks,
            requests = requests,
            messages = messages
        );
    }
}

#[cfg(feature = "tracing")]
pub(crate) use told::*;

#[cfg(not(feature = "tracing"))]
mod untold {
    use super::Answered;
    use crate::answer::Kind;
    use crate::entry::Reason;
    use crate::id::{RequestId, TaskId};
    use crate::meta::Label;

    #[inline(always)]
    pub(crate) fn spawned(_: TaskId, _: Label) {}

    pub(crate) struct Polling;

    impl Polling {
        #[inline(always)]
        pub(crate) fn end(self) {}
    }

    #[inline(always)]
    pub(crate) fn polling(_: TaskId, _: impl FnOnce() -> Option<Label>) -> Polling {
        Polling
    }

    #[inline(always)]
    pub(crate) fn ended(_: TaskId, _: &'static str) {}

    #[inline(always)]
    pub(crate) fn emitted(_: RequestId, _: impl FnOnce() -> Option<(TaskId, &'static Kind)>) {}

    #[inline(always)]
    pub(crate) fn taken(_: RequestId) {}

    #[inline(always)]
    pub(crate) fn answered(_: RequestId, _: Answered, _: impl FnOnce() -> Option<Reason>) {}

    #[inline(always)]
    pub(crate) fn refused(_: RequestId, _: Reason) {}

    #[inline(always)]
    pub(crate) fn cancelled(_: RequestId, _: bool) {}

    #[inline(always)]
    pub(crate) fn notified<T>() {}

    #[inline(always)]
    pub(crate) fn torn_down(_: usize, _: usize, _: usize) {}
}

#[cfg(not(feature = "tracing"))]
pub(crate) use untold::*;
