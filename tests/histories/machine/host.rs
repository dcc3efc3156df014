//! Either executor, as the host has it.

use stillpoint::{
    Emitted, Executor, Feed, JoinHandle, LocalExecutor, LocalSpawner, Operation, RequestId,
    ResolveError, Resolver, Settled, Shell, Snapshot, Spawner, Teardown, Totals,
};

use super::effect::Effect;
use super::script::Output;

pub enum Host {
    Shared(Executor<Effect>),
    Local(LocalExecutor<Effect>),
}

macro_rules! each {
    ($host:expr, $executor:ident => $act:expr) => {
        match $host {
            Host::Shared($executor) => $act,
            Host::Local($executor) => $act,
        }
    };
}

impl Host {
    pub fn spawner(&self) -> Spawner {
        each!(self, executor => executor.spawner())
    }

    pub fn shell(&self) -> Shell<Effect> {
        each!(self, executor => executor.shell())
    }

    pub fn local_spawner(&self) -> Option<LocalSpawner> {
        match self {
            Self::Shared(_) => None,
            Self::Local(executor) => Some(executor.local_spawner()),
        }
    }

    pub fn spawn(
        &mut self,
        future: impl Future<Output = Output> + Send + 'static,
    ) -> JoinHandle<Output> {
        each!(self, executor => executor.spawn(future))
    }

    pub fn run(&mut self) -> Settled {
        each!(self, executor => executor.run_until_stalled())
    }

    pub fn run_for(&mut self, polls: usize) -> Settled {
        each!(self, executor => executor.run_for(polls))
    }

    /// A drain of its own for each emission: what it leaves is left in order.
    pub fn pop(&mut self) -> Option<Emitted<Effect>> {
        each!(self, executor => executor.drain().next())
    }

    pub fn next(&mut self) -> Option<Emitted<Effect>> {
        each!(self, executor => futures::FutureExt::now_or_never(executor.next()))
    }

    pub fn resolve<Op: Operation>(
        &mut self,
        resolver: Resolver<Op>,
        output: Op::Output,
    ) -> Result<(), ResolveError<Op::Output>> {
        each!(self, executor => executor.resolve(resolver, output))
    }

    pub fn fail<Op: Operation>(
        &mut self,
        resolver: Resolver<Op>,
    ) -> Result<(), ResolveError<String>> {
        each!(self, executor => executor.fail(resolver, "oh"))
    }

    pub fn send<Op: Operation>(
        &mut self,
        feed: &Feed<Op>,
        item: Op::Output,
    ) -> Result<(), ResolveError<Op::Output>> {
        each!(self, executor => executor.send(feed, item))
    }

    pub fn end<Op: Operation>(&mut self, feed: &Feed<Op>) -> Result<(), ResolveError<()>> {
        each!(self, executor => executor.end(feed))
    }

    pub fn resolve_id<Op: Operation>(
        &mut self,
        id: RequestId,
        output: Op::Output,
    ) -> Result<(), ResolveError<Op::Output>> {
        each!(self, executor => executor.resolve_id::<Op>(id, output))
    }

    pub fn send_id<Op: Operation>(
        &mut self,
        id: RequestId,
        item: Op::Output,
    ) -> Result<(), ResolveError<Op::Output>> {
        each!(self, executor => executor.send_id::<Op>(id, item))
    }

    pub fn fail_id(&mut self, id: RequestId) -> Result<(), ResolveError<String>> {
        each!(self, executor => executor.fail_id(id, "oh"))
    }

    pub fn end_id(&mut self, id: RequestId) -> Result<(), ResolveError<()>> {
        each!(self, executor => executor.end_id(id))
    }

    pub fn totals(&self) -> Totals {
        each!(self, executor => executor.totals())
    }

    pub fn snapshot(&self) -> Snapshot {
        each!(self, executor => executor.snapshot())
    }

    pub fn teardown(self) -> Teardown<Effect> {
        each!(self, executor => executor.teardown())
    }
}
