//! What a test shell drives.

use std::sync::Arc;

use super::ledger::Origin;
use super::probe::RefProbe;
use super::schedule::Schedule;
use super::text::Task;
use crate::executor::{Executor, LocalExecutor};
use crate::id::RequestId;
use crate::meta::TaskPanic;
use crate::outbox::Emitted;
use crate::report::{Settled, Teardown};
use crate::shell::Shell;
use crate::snapshot::Snapshot;
use crate::spawner::Spawner;

/// An executor that a [`TestShell`](super::TestShell) drives: made of an [`Executor`] or a [`LocalExecutor`]. Dropping
/// it drops the executor.
///
/// ```
/// use stillpoint::testing::{Host, Scripted, TestShell};
/// use stillpoint::{Executor, LocalExecutor, Notification};
///
/// /// A test of one's own for whichever executor a core runs on.
/// fn test<E: Scripted>(executor: impl Into<Host<E>>) -> TestShell<E> {
///     let mut test = TestShell::new(executor);
///     test.limit_polls(1_000);
///     test
/// }
/// test(Executor::<Notification<String>>::new()).finish();
/// test(LocalExecutor::<Notification<String>>::new()).finish();
/// ```
pub struct Host<E: Send + 'static>(LocalExecutor<E>);

impl<E: Send + 'static> From<Executor<E>> for Host<E> {
    fn from(executor: Executor<E>) -> Self {
        Self(executor.into_local())
    }
}

impl<E: Send + 'static> From<LocalExecutor<E>> for Host<E> {
    fn from(executor: LocalExecutor<E>) -> Self {
        Self(executor)
    }
}

impl<E: Send + 'static> Host<E> {
    pub(super) fn run_for(&mut self, polls: usize) -> Settled {
        self.0.run_for(polls)
    }

    pub(super) fn pull(&mut self) -> Option<Emitted<E>> {
        self.0.drain().next()
    }

    pub(super) fn holds(&self, id: RequestId) -> bool {
        self.0.engine.turn.holds(id)
    }

    /// The place that made a request, and the task that waits for it.
    pub(super) fn origin(&self, id: RequestId) -> Option<Origin> {
        let (place, id, label) = self.0.engine.turn.origin(id)?;
        let task = label.map(|label| Task(id, label.name, label.place));
        Some(Origin { place, task })
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        self.0.snapshot()
    }

    pub(super) fn spawner(&self) -> Spawner {
        self.0.spawner()
    }

    pub(super) fn shell(&self) -> Shell<E> {
        self.0.shell()
    }

    pub(super) fn follow(&mut self, schedule: &Schedule) {
        self.0.engine.turn.set_order(Box::new(schedule.clone()));
    }

    pub(super) fn listen_to_panics(
        &mut self,
        listener: impl Fn(&TaskPanic) + Send + Sync + 'static,
    ) {
        self.0.engine.listen_to_panics(listener);
    }

    /// Has a token out for each panic that lies with a join handle.
    pub(super) fn watch_unjoined(&mut self, probe: Arc<RefProbe>) {
        self.0
            .engine
            .turn
            .set_witness(move |panic| Box::new(probe.token(panic.to_string())));
    }

    pub(super) fn teardown(self) -> Teardown<E> {
        self.0.teardown()
    }
}
