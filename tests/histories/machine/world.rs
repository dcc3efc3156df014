//! The crate's side: what the shell and the tasks hold of one executor, and what anybody may do with it.

use std::collections::HashMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use futures::FutureExt;
use stillpoint::{
    Close, Executor, Feed, JoinError, JoinHandle, Reason, Rejected, RequestError, RequestId,
    ResolveError, Resolver, Scope, ScopeReport, Shell, ShellRequest, Spawner,
};

use super::effect::{Answer, Ask, Body, Effect, Flow, Other, Say, thrown};
use super::event::{End, Event, Lack, Number, Refusal, Why, name};
use super::ops::{Act, How, Pick, Place, Step};
use super::script::{Note, Output, play};

pub type Parked = ShellRequest<Ask, Effect>;

/// The right to answer a request of either operation.
pub enum AnyResolver {
    Ask(Resolver<Ask>),
    Other(Resolver<Other>),
}

/// Numbers, and what lies where anybody finds it.
#[derive(Default)]
pub struct Tables {
    pub tasks: Number,
    pub requests: Number,
    pub serials: Number,
    pub told: Number,
    pub handles: Vec<(Number, JoinHandle<Output>)>,
    pub resolvers: Vec<(Number, AnyResolver)>,
    pub feeds: Vec<(Number, Feed<Flow>)>,
    pub wakers: Vec<Waker>,
    pub parked: Vec<(Number, Parked)>,
    /// Polled to their end and kept: what they had to give up, they gave up by that poll.
    pub spent: Vec<Parked>,
    pub spawners: Vec<Spawner>,
    pub scopes_made: Number,
    pub scopes: Vec<(Number, Scope)>,
    pub scope_spawners: Vec<(Number, Spawner)>,
    pub closings: Vec<(Number, Close)>,
    pub shells: Vec<Shell<Effect>>,
    /// Never used and never dropped while anything else is there, as if by `mem::forget`.
    pub forgotten: Vec<AnyResolver>,
}

pub struct World {
    pub spawner: Spawner,
    pub shell: Shell<Effect>,
    pub tables: Mutex<Tables>,
    pub log: Mutex<Vec<Event>>,
    pub ids: Mutex<Ids>,
    pub futures: Arc<()>,
    pub answers: Arc<()>,
    pub operations: Arc<()>,
    pub outputs: Arc<()>,
}

#[derive(Default)]
pub struct Ids {
    pub by_number: HashMap<Number, RequestId>,
    pub by_id: HashMap<RequestId, Number>,
    pub repeated: bool,
}

impl World {
    pub fn new(spawner: Spawner, shell: Shell<Effect>) -> Arc<Self> {
        Arc::new(Self {
            spawner,
            shell,
            tables: Mutex::default(),
            log: Mutex::default(),
            ids: Mutex::default(),
            futures: Arc::default(),
            answers: Arc::default(),
            operations: Arc::default(),
            outputs: Arc::default(),
        })
    }

    pub fn log(&self, event: Event) {
        self.log.lock().unwrap().push(event);
    }

    pub fn learn(&self, number: Number, id: RequestId) {
        let mut ids = self.ids.lock().unwrap();
        ids.by_number.insert(number, id);
        ids.repeated |= ids.by_id.insert(id, number).is_some();
        ids.repeated |= id.to_u64() >= 1 << 53;
    }

    pub fn number_of(&self, id: RequestId) -> Number {
        self.ids
            .lock()
            .unwrap()
            .by_id
            .get(&id)
            .copied()
            .unwrap_or(Number::MAX)
    }

    /// Borrows the tables for a moment in which nobody else's code runs.
    pub fn with<R>(&self, act: impl FnOnce(&mut Tables) -> R) -> R {
        act(&mut self.tables.lock().unwrap())
    }

    pub fn answer(self: &Arc<Self>, request: Number) -> Answer {
        let serial = self.with(|tables| next(&mut tables.serials));
        Answer::new(self, request, serial)
    }

    pub fn body(self: &Arc<Self>) -> Body {
        let number = self.with(|tables| next(&mut tables.requests));
        Body::new(self, number)
    }
}

pub fn next(number: &mut Number) -> Number {
    *number += 1;
    *number - 1
}

pub fn take<T>(from: &mut Vec<T>, pick: Pick) -> Option<T> {
    if from.is_empty() {
        None
    } else {
        Some(from.remove(pick as usize % from.len()))
    }
}

pub fn why(reason: Reason) -> Why {
    match reason {
        Reason::Foreign => Why::Foreign,
        Reason::Unknown => Why::Unknown,
        Reason::Stale => Why::Stale,
        Reason::AlreadyAnswered => Why::AlreadyAnswered,
        Reason::WrongType => Why::WrongType,
        Reason::Full => Why::Full,
        Reason::TornDown => Why::TornDown,
        _ => Why::Else,
    }
}

fn refusal<T>(rejected: &Rejected<T>) -> Refusal {
    match rejected.is_full() {
        true => Refusal::Full,
        false => Refusal::Closed,
    }
}

pub fn lack(error: &RequestError) -> Lack {
    match error {
        RequestError::Failed(text) if text == "oh" => Lack::Failed,
        RequestError::Abandoned => Lack::Abandoned,
        RequestError::Closed => Lack::Closed,
        RequestError::Outside => Lack::Outside,
        RequestError::Full => Lack::Full,
        _ => Lack::Else,
    }
}

pub fn got(result: Result<Answer, RequestError>) -> Result<(Number, Number), Lack> {
    result.map(Answer::read).map_err(|error| lack(&error))
}

pub fn answered(result: Result<(), ResolveError<Answer>>, request: Number) -> Event {
    match result {
        Ok(()) => Event::Answered(request, Ok(()), None),
        Err(error) => {
            let reason = why(error.reason());
            Event::Answered(request, Err(reason), Some(error.into_inner().read().1))
        }
    }
}

pub fn ended<T>(result: Result<(), ResolveError<T>>, request: Number) -> Event {
    Event::Answered(request, result.map_err(|error| why(error.reason())), None)
}

/// How a task ended. The output is dropped here.
pub fn joined(world: &World, by: Option<Number>, of: Number, end: Result<Output, JoinError>) {
    let (end, output) = match end {
        Ok(output) => (End::Done(output.task), Some(output)),
        Err(JoinError::Aborted) => (End::Aborted, None),
        Err(JoinError::Panicked(payload)) => (End::Panicked(thrown(&*payload)), None),
        Err(JoinError::Full) => (End::Full, None),
        Err(_) => (End::TornDown, None),
    };
    world.log(Event::Joined(by, of, end));
    // An output that was joined is its owner's, and so is what it throws.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(output)));
}

/// Does it, here.
pub fn act(world: &Arc<World>, act: &Act, in_destructor: bool) {
    match act {
        Act::Spawn(script, how) => spawn(world, None, None, script.clone(), *how),
        Act::Notify => {
            let number = world.with(|tables| next(&mut tables.told));
            let result = world.shell.notify(Say(Body::told(world, number)));
            let told = result.map_err(|rejected| {
                let why = refusal(&rejected);
                rejected.into_inner().0.disarm();
                why
            });
            world.log(Event::Notified(number, told));
        }
        Act::Wake(pick) => {
            let waker = world.with(|tables| {
                let all = &tables.wakers;
                (!all.is_empty()).then(|| all[*pick as usize % all.len()].clone())
            });
            if let Some(waker) = waker {
                waker.wake_by_ref();
            }
        }
        Act::WakeByValue(pick) => {
            if let Some(waker) = world.with(|tables| take(&mut tables.wakers, *pick)) {
                waker.wake();
            }
        }
        Act::DropWaker(pick) => drop(world.with(|tables| take(&mut tables.wakers, *pick))),
        Act::Abort(pick) => {
            // Out of the table while it is used: nobody else's code runs under the lock.
            if let Some((task, handle)) = world.with(|tables| take(&mut tables.handles, *pick)) {
                handle.abort();
                world.with(|tables| tables.handles.push((task, handle)));
            }
        }
        Act::DropHandle(pick) => {
            let handle = world.with(|tables| take(&mut tables.handles, *pick));
            drop(handle);
        }
        Act::IsFinished(pick) => {
            let found = world.with(|tables| {
                let all = &tables.handles;
                (!all.is_empty()).then(|| {
                    let (task, handle) = &all[*pick as usize % all.len()];
                    (*task, handle.is_finished())
                })
            });
            if let Some((task, finished)) = found {
                world.log(Event::IsFinished(task, finished));
            }
        }
        Act::Resolve(pick) => {
            if let Some((request, resolver)) =
                world.with(|tables| take(&mut tables.resolvers, *pick))
            {
                let answer = world.answer(request);
                let result = match resolver {
                    AnyResolver::Ask(resolver) => resolver.resolve(answer),
                    AnyResolver::Other(resolver) => resolver.resolve(answer),
                };
                world.log(answered(result, request));
            }
        }
        Act::Fail(pick) => {
            if let Some((request, resolver)) =
                world.with(|tables| take(&mut tables.resolvers, *pick))
            {
                let result = match resolver {
                    AnyResolver::Ask(resolver) => resolver.fail("oh"),
                    AnyResolver::Other(resolver) => resolver.fail("oh"),
                };
                world.log(ended(result, request));
            }
        }
        Act::Abandon(pick) => drop(world.with(|tables| take(&mut tables.resolvers, *pick))),
        Act::Forget(pick) => {
            world.with(|tables| {
                let resolver = take(&mut tables.resolvers, *pick);
                tables
                    .forgotten
                    .extend(resolver.map(|(_, resolver)| resolver));
            });
        }
        Act::Send(pick) => {
            if let Some((request, feed)) = feed(world, *pick) {
                let answer = world.answer(request);
                let result = feed.send(answer);
                world.log(answered(result, request));
                world.with(|tables| tables.feeds.push((request, feed)));
            }
        }
        Act::EndFeed(pick) => {
            if let Some((request, feed)) = feed(world, *pick) {
                let result = feed.end();
                world.log(ended(result, request));
            }
        }
        Act::FailFeed(pick) => {
            if let Some((request, feed)) = feed(world, *pick) {
                let result = feed.fail("oh");
                world.log(ended(result, request));
            }
        }
        Act::DropFeed(pick) => drop(feed(world, *pick)),
        Act::CloneFeed(pick) => {
            if let Some((request, feed)) = feed(world, *pick) {
                let another = (request, feed.clone());
                world.with(|tables| tables.feeds.extend([(request, feed), another]));
            }
        }
        // Whether a dying executor still polls is nobody's to ask.
        Act::PollParked(_) if in_destructor => {}
        Act::PollParked(pick) => {
            if let Some((request, mut future)) =
                world.with(|tables| take(&mut tables.parked, *pick))
            {
                match future.poll_unpin(&mut Context::from_waker(Waker::noop())) {
                    Poll::Pending => {
                        world.with(|tables| tables.parked.push((request, future)));
                        world.log(Event::Parked(request, None));
                    }
                    Poll::Ready(result) => {
                        world.with(|tables| tables.spent.push(future));
                        world.log(Event::Parked(request, Some(got(result))));
                    }
                }
            }
        }
        Act::DropParked(pick) => drop(world.with(|tables| take(&mut tables.parked, *pick))),
        Act::KeepSpawner => world.with(|tables| tables.spawners.push(world.spawner.clone())),
        Act::DropSpawner => drop(world.with(|tables| tables.spawners.pop())),
        Act::KeepShell => world.with(|tables| tables.shells.push(world.shell.clone())),
        Act::DropShell => drop(world.with(|tables| tables.shells.pop())),
        Act::OpenScope(pick) => {
            let scope = within(world, *pick).map_or_else(
                || world.spawner.scope(),
                |(_, spawner)| spawner.name("scope").scope(),
            );
            let spawner = scope.spawner();
            let is_closed = spawner.is_closed();
            let number = world.with(|tables| {
                let number = next(&mut tables.scopes_made);
                tables.scopes.push((number, scope));
                tables.scope_spawners.push((number, spawner));
                number
            });
            world.log(Event::Opened(number, is_closed));
        }
        Act::SpawnIn(pick, key, script, how) => {
            let scope = within(world, *pick);
            if let Some((number, spawner)) = &scope {
                world.log(Event::IsClosed(*number, spawner.is_closed()));
            }
            let spawner = scope.map(|(_, spawner)| spawner);
            spawn(world, spawner, *key, script.clone(), *how);
        }
        Act::DropScope(pick) => drop(world.with(|tables| take(&mut tables.scopes, *pick))),
        Act::CloseScope(pick) => {
            if let Some((number, scope)) = world.with(|tables| take(&mut tables.scopes, *pick)) {
                let closing = scope.close();
                world.with(|tables| tables.closings.push((number, closing)));
            }
        }
        Act::PollClosing(_) if in_destructor => {}
        Act::PollClosing(pick) => {
            if let Some((number, mut closing)) =
                world.with(|tables| take(&mut tables.closings, *pick))
            {
                match (&mut closing).now_or_never() {
                    Some(report) => world.log(Event::Report(number, counts(&report))),
                    None => {
                        world.with(|tables| tables.closings.push((number, closing)));
                        world.log(Event::Unclosed(number));
                    }
                }
            }
        }
        Act::DropClosing(pick) => drop(world.with(|tables| take(&mut tables.closings, *pick))),
        Act::DropScopeSpawner(pick) => {
            drop(world.with(|tables| take(&mut tables.scope_spawners, *pick)));
        }
        Act::Away(place, within) => away(world, *place, within, in_destructor),
    }
}

fn feed(world: &World, pick: Pick) -> Option<(Number, Feed<Flow>)> {
    world.with(|tables| take(&mut tables.feeds, pick))
}

/// The spawner of a scope, or none for the executor's.
fn within(world: &World, pick: Pick) -> Option<(Number, Spawner)> {
    world.with(|tables| {
        let index = pick as usize % (tables.scope_spawners.len() + 1);
        let (number, spawner) = tables.scope_spawners.get(index.checked_sub(1)?)?;
        Some((*number, spawner.clone()))
    })
}

pub fn counts(report: &ScopeReport) -> [usize; 6] {
    [
        report.tasks,
        report.requests,
        report.scopes,
        report.completed,
        report.panicked,
        report.aborted,
    ]
}

fn spawn(world: &Arc<World>, scope: Option<Spawner>, key: Option<u8>, script: Vec<Step>, how: How) {
    let task = world.with(|tables| next(&mut tables.tasks));
    let future = play(Note::new(world, task), script);
    let spawner = scope.as_ref().unwrap_or(&world.spawner);
    let latest = key.map(|key| spawner.latest(u64::from(key)));
    let handle = match (how, latest) {
        (How::Plain | How::Detached, None) => spawner.spawn(future),
        (How::Plain | How::Detached, Some(latest)) => latest.spawn(future),
        (How::Named, None) => spawner.name(name(task)).spawn(future),
        (How::Named, Some(latest)) => latest.name(name(task)).spawn(future),
        (How::Try, latest) => match match latest {
            None => spawner.try_spawn(future),
            Some(latest) => latest.try_spawn(future),
        } {
            Ok(handle) => handle,
            Err(rejected) => {
                world.log(Event::SpawnRefused(task, refusal(&rejected)));
                return drop(rejected.into_inner());
            }
        },
    };
    world.log(Event::Spawned(task));
    if how != How::Detached {
        world.with(|tables| tables.handles.push((task, handle)));
    }
}

fn away(world: &Arc<World>, place: Place, within: &Act, in_destructor: bool) {
    let (there, within) = (Arc::clone(world), within.clone());
    let what = move || act(&there, &within, in_destructor);
    match place {
        Place::Thread => std::thread::scope(|scope| {
            scope.spawn(what).join().unwrap();
        }),
        Place::Nested => {
            let mut other = Executor::<()>::new();
            drop(other.spawner().spawn(Once(Some(what))));
            let _ = other.run_until_stalled();
        }
    }
}

/// Calls a closure when it is polled.
struct Once<F>(Option<F>);

impl<F: FnOnce() + Unpin> Future for Once<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if let Some(act) = self.0.take() {
            act();
        }
        Poll::Ready(())
    }
}

/// A feed and a resolver of an executor that is nobody's.
pub fn foreign() -> (Executor<Effect>, Resolver<Ask>, Feed<Flow>) {
    let mut executor = Executor::<Effect>::new();
    let shell = executor.shell();
    drop(executor.spawner().spawn(async move {
        let mut flow = shell.subscribe(Flow(Body::foreign()));
        futures::future::join(
            shell.request(Ask(Body::foreign())),
            futures::StreamExt::next(&mut flow),
        )
        .await
        .0
        .is_ok()
    }));
    let _ = executor.run_until_stalled();
    let mut emitted = executor.drain();
    let (
        Some(stillpoint::Emitted::Effect(Effect::Ask(ask))),
        Some(stillpoint::Emitted::Effect(Effect::Flow(flow))),
    ) = (emitted.next(), emitted.next())
    else {
        unreachable!("both were asked for")
    };
    drop(emitted);
    (executor, ask.resolver, flow.feed)
}
