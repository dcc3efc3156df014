//! The interpreter: each op on the crate and on the model, and everything compared after it.

use std::fmt::Debug;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use stillpoint::{
    Emitted, Executor, LocalJoinHandle, LocalSpawner, RequestId, RequestState, Teardown, WhenFull,
};

use super::effect::{Answer, Ask, Effect, Flow, Other, thrown};
use super::event::{Alive, Emission, Event, Holdings, Number, Settled, Stage, Totals, Why, name};
use super::host::Host;
use super::model::Model;
use super::ops::{Act, History, Limits, Op, Step, Way};
use super::script::{Note, Output, play};
use super::world::{AnyResolver, World, act, answered, ended, foreign, joined, next, take};

/// Plays a history on both sides.
///
/// # Errors
///
/// Says at which op they differ, and how.
pub fn run(history: &History) -> Result<(), String> {
    let mut pair = Pair::new(history.local, &history.limits);
    for (index, op) in history.ops.iter().enumerate() {
        pair.step(op)
            .map_err(|difference| format!("op {index}, {op:?}: {difference}"))?;
    }
    pair.finish()
        .map_err(|difference| format!("at the end: {difference}"))
}

struct Pair {
    host: Option<Host>,
    local: Option<LocalSpawner>,
    locals: Vec<(Number, LocalJoinHandle<Output>)>,
    world: Arc<World>,
    rings: Arc<AtomicUsize>,
    reported: Arc<Mutex<Vec<Number>>>,
    report: Option<Teardown<Effect>>,
    model: Model,
}

fn same<T: PartialEq + Debug>(what: &str, crate_has: T, model_has: T) -> Result<(), String> {
    if crate_has == model_has {
        Ok(())
    } else {
        Err(format!(
            "{what}:\n  the crate has {crate_has:?}\n  the model has {model_has:?}"
        ))
    }
}

impl Pair {
    fn new(local: bool, limits: &Limits) -> Self {
        let (rings, reported) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(Mutex::new(Vec::new())),
        );
        let (bell, panics) = (Arc::clone(&rings), Arc::clone(&reported));
        let mut builder = Executor::<Effect>::builder()
            .on_ready(move || {
                bell.fetch_add(1, Ordering::SeqCst);
            })
            .on_panic(move |panic| panics.lock().unwrap().push(thrown(&*panic.payload)));
        if let Some(tasks) = limits.tasks {
            builder = builder.max_tasks(tasks.into());
        }
        if let Some(requests) = limits.requests {
            builder = builder.max_requests(requests.into());
        }
        if let Some(effects) = limits.outbox {
            builder = builder.outbox_capacity(effects.into());
        }
        if limits.fails {
            builder = builder.when_full(WhenFull::Fail);
        }
        let host = if local {
            Host::Local(builder.build_local())
        } else {
            Host::Shared(builder.build())
        };
        Self {
            world: World::new(host.spawner(), host.shell()),
            local: host.local_spawner(),
            host: Some(host),
            locals: Vec::new(),
            rings,
            reported,
            report: None,
            model: Model::new(*limits),
        }
    }

    fn step(&mut self, op: &Op) -> Result<(), String> {
        match op {
            Op::Act(what) => {
                act(&self.world, what, false);
                self.model.act(what, false);
            }
            Op::Join(pick) => {
                let handle = self.world.with(|tables| take(&mut tables.handles, *pick));
                if let Some((task, mut handle)) = handle {
                    match (&mut handle).now_or_never() {
                        Some(end) => joined(&self.world, None, task, end),
                        None => {
                            self.world.log(Event::Unfinished(task));
                            self.world
                                .with(|tables| tables.handles.push((task, handle)));
                        }
                    }
                }
                self.model.join_outside(*pick);
            }
            Op::SpawnLocal(script) => self.spawn_local(script),
            Op::AbortLocal(pick) => {
                if !self.locals.is_empty() {
                    self.locals[*pick as usize % self.locals.len()].1.abort();
                }
                self.model.abort_local(*pick);
            }
            Op::DropLocal(pick) => {
                drop(take(&mut self.locals, *pick));
                self.model.drop_local(*pick);
            }
            Op::JoinLocal(pick) => {
                if let Some((task, mut handle)) = take(&mut self.locals, *pick) {
                    match (&mut handle).now_or_never() {
                        Some(end) => joined(&self.world, None, task, end),
                        None => {
                            self.world.log(Event::Unfinished(task));
                            self.locals.push((task, handle));
                        }
                    }
                }
                self.model.join_local(*pick);
            }
            Op::Teardown => self.teardown()?,
            Op::DropExecutor => self.drop_executor()?,
            _ => {
                if let Some(mut host) = self.host.take() {
                    self.drive(&mut host, op);
                    self.host = Some(host);
                }
            }
        }
        self.compare()
    }

    fn spawn_local(&mut self, script: &[Step]) {
        let Some(spawner) = &self.local else { return };
        let task = self.world.with(|tables| next(&mut tables.tasks));
        let future = play(Note::new(&self.world, task), script.to_vec());
        let handle = spawner.name(name(task)).spawn(future);
        self.world.log(Event::Spawned(task));
        self.locals.push((task, handle));
        self.model.spawn_local(script.to_vec());
    }

    /// What only a host can do.
    fn drive(&mut self, host: &mut Host, op: &Op) {
        let (world, model) = (&self.world, &mut self.model);
        match op {
            Op::SpawnHere(script, kept) => {
                let task = world.with(|tables| next(&mut tables.tasks));
                let handle = host.spawn(play(Note::new(world, task), script.clone()));
                world.log(Event::Spawned(task));
                if *kept {
                    world.with(|tables| tables.handles.push((task, handle)));
                }
                model.spawn_here(script.clone(), *kept);
            }
            Op::Run => {
                world.log(settled(host.run()));
                let settled = model.run(usize::MAX);
                model.log.push(Event::Settled(settled));
            }
            Op::RunFor(polls) => {
                let was = host.run_for(usize::from(*polls));
                world.log(settled(was));
                let mut settled = model.run(usize::from(*polls));
                settled.budget_spent |= was.budget_spent && model.may_be_spent;
                model.log.push(Event::Settled(settled));
            }
            Op::Drain(most) => {
                for _ in 0..*most {
                    let Some(emitted) = host.pop() else { break };
                    let emission = received(world, emitted);
                    world.log(Event::Emitted(emission));
                }
                model.drain(usize::from(*most));
            }
            Op::Next => {
                let event = match host.next() {
                    Some(emitted) => Event::Emitted(received(world, emitted)),
                    None => Event::Nothing,
                };
                world.log(event);
                model.next();
            }
            Op::Resolve(pick) => {
                if let Some((request, resolver)) =
                    world.with(|tables| take(&mut tables.resolvers, *pick))
                {
                    let answer = world.answer(request);
                    let result = match resolver {
                        AnyResolver::Ask(resolver) => host.resolve(resolver, answer),
                        AnyResolver::Other(resolver) => host.resolve(resolver, answer),
                    };
                    world.log(answered(result, request));
                }
                model.resolve(*pick);
            }
            Op::Fail(pick) => {
                if let Some((request, resolver)) =
                    world.with(|tables| take(&mut tables.resolvers, *pick))
                {
                    let result = match resolver {
                        AnyResolver::Ask(resolver) => host.fail(resolver),
                        AnyResolver::Other(resolver) => host.fail(resolver),
                    };
                    world.log(ended(result, request));
                }
                model.fail(*pick);
            }
            Op::Send(pick) => {
                let feed = world.with(|tables| {
                    let all = &tables.feeds;
                    (!all.is_empty()).then(|| all[*pick as usize % all.len()].clone())
                });
                if let Some((request, feed)) = feed {
                    let answer = world.answer(request);
                    world.log(answered(host.send(&feed, answer), request));
                }
                model.send(*pick);
            }
            Op::End(pick) => {
                let feed = world.with(|tables| {
                    let all = &tables.feeds;
                    (!all.is_empty()).then(|| all[*pick as usize % all.len()].clone())
                });
                if let Some((request, feed)) = feed {
                    world.log(ended(host.end(&feed), request));
                }
                model.end_stream(*pick);
            }
            Op::ById(pick, way) => {
                let known = world.with(|tables| tables.requests);
                if known > 0 {
                    // The newest first, which are the likeliest to be pending.
                    let request = known - 1 - *pick as usize % known;
                    let id = world.ids.lock().unwrap().by_number.get(&request).copied();
                    match id {
                        Some(id) => {
                            by_id(world, host, request, id, *way);
                            model.by_id(request, *way);
                        }
                        None => by_ids_in_line(world, host, model, *way),
                    }
                }
            }
            Op::Stranger(pick, way) => {
                // An id that lay in line and was given up is one of those that come near.
                let pick = if model.had_line { 2 + *pick % 3 } else { *pick };
                if let Some(id) = stranger(world, pick) {
                    by_id(world, host, Number::MAX, id, *way);
                    model.refuse(*way, Why::Unknown, true);
                }
            }
            Op::Foreign(by_feed) => {
                let (_executor, resolver, feed) = foreign();
                let answer = world.answer(Number::MAX);
                let result = if *by_feed {
                    host.send(&feed, answer)
                } else {
                    host.resolve(resolver, answer)
                };
                world.log(answered(result, Number::MAX));
                model.refuse(Way::Ask, Why::Foreign, false);
            }
            _ => {}
        }
    }

    fn compare(&mut self) -> Result<(), String> {
        let (world, model) = (&self.world, &mut self.model);
        let seen = std::mem::take(&mut *world.log.lock().unwrap());
        let expected = std::mem::take(&mut model.log);
        same("what happened", seen, expected)?;
        same(
            "panics that were reported",
            std::mem::take(&mut *self.reported.lock().unwrap()),
            std::mem::take(&mut model.reported),
        )?;
        let rings = self.rings.load(Ordering::SeqCst);
        model.heard(rings);
        same("rings", rings, model.rings)?;
        if world.ids.lock().unwrap().repeated {
            return Err("an id was given out twice, or is too large".into());
        }
        let (expected, buried) = model.alive();
        let alive = Alive {
            futures: Arc::strong_count(&world.futures) - 1,
            answers: Arc::strong_count(&world.answers) - 1,
            operations: Arc::strong_count(&world.operations) - 1,
            outputs: Arc::strong_count(&world.outputs) - 1,
        };
        let slack = alive.operations.saturating_sub(expected.operations);
        if slack > buried {
            return Err(format!("{slack} dead operations are held, {buried} may be"));
        }
        same(
            "alive",
            Alive {
                operations: alive.operations - slack,
                ..alive
            },
            expected,
        )?;
        if let Some(host) = &self.host {
            same("totals", totals(host.totals()), model.totals())?;
            same("holdings", holdings(world, host), model.holdings())?;
        }
        Ok(())
    }

    fn stopped(&self) -> Vec<Number> {
        let log = self.world.log.lock().unwrap();
        log.iter()
            .filter_map(|event| match event {
                Event::Gone(task) => Some(*task),
                _ => None,
            })
            .collect()
    }

    fn teardown(&mut self) -> Result<(), String> {
        let Some(host) = self.host.take() else {
            return Ok(());
        };
        let mut report = host.teardown();
        let quiet = self.model.quiet;
        let rest = self.model.rest(&self.stopped())?;
        same("tasks found", report.tasks, rest.tasks)?;
        same("requests found", report.requests, rest.requests)?;
        if !(rest.messages..=rest.messages + quiet).contains(&report.messages) {
            return Err(format!(
                "messages found: {} for {}",
                report.messages, rest.messages
            ));
        }
        let mut emitted: Vec<_> = std::mem::take(&mut report.emitted)
            .into_iter()
            .map(|each| received(&self.world, each))
            .collect();
        let mut expected = rest.emitted;
        // Futures that lie outside every task are cancelled in no order that anybody was promised.
        if emitted != expected {
            emitted.sort_unstable();
            expected.sort_unstable();
        }
        same("last emissions", emitted, expected)?;
        let outstanding = report.outstanding;
        let mut out = self.model.outstanding();
        out[0] += 1 + usize::from(self.local.is_some());
        out[1] += 1;
        same(
            "outstanding",
            [
                outstanding.spawners,
                outstanding.shells,
                outstanding.join_handles,
                outstanding.resolvers,
                outstanding.feeds,
            ],
            out,
        )?;
        same("totals", totals(report.totals), self.model.totals())?;
        let mut leaks: Vec<_> = report.leaks.iter().map(|leak| leak.name).collect();
        leaks.sort_unstable();
        same("leaks", leaks, self.model.leaks())?;
        same("unloadable", report.is_unloadable(), false)?;
        self.report = Some(report);
        Ok(())
    }

    fn drop_executor(&mut self) -> Result<(), String> {
        let Some(host) = self.host.take() else {
            return Ok(());
        };
        drop(host);
        self.model.rest(&self.stopped()).map(drop)
    }

    /// Comes to rest if it has not, lets go of everything, and looks whether anything is left.
    fn finish(mut self) -> Result<(), String> {
        self.teardown()?;
        self.compare()?;
        let no_leaks = self.model.leaks().is_empty();
        if let Some(report) = &self.report {
            same("baseline", report.is_baseline(), no_leaks)?;
        }
        while self.clear() {
            self.compare()?;
        }
        let Self {
            world,
            rings,
            local,
            report,
            reported,
            ..
        } = self;
        drop(local);
        same("the bell's owners", Arc::strong_count(&rings), 1)?;
        same("owners of `on_panic`", Arc::strong_count(&reported), 1)?;
        let Some(world) = Arc::into_inner(world) else {
            return Err("a future is left".into());
        };
        let forgotten = world.with(|tables| std::mem::take(&mut tables.forgotten));
        drop(world);
        if let Some(report) = report {
            same("leaks at last", report.is_baseline(), true)?;
            let clean = forgotten.is_empty();
            same("unloadable but for it", report.is_unloadable(), clean)?;
            drop(forgotten);
            same("unloadable at last", report.is_unloadable(), true)?;
        }
        Ok(())
    }

    /// Lets go of one more thing.
    fn clear(&mut self) -> bool {
        let next = self.world.with(|tables| {
            if !tables.handles.is_empty() {
                Some(Act::DropHandle(0))
            } else if !tables.resolvers.is_empty() {
                Some(Act::Resolve(0))
            } else if !tables.feeds.is_empty() {
                Some(Act::Send(0))
            } else if !tables.wakers.is_empty() {
                Some(Act::WakeByValue(0))
            } else if !tables.parked.is_empty() {
                Some(Act::PollParked(0))
            } else if !tables.spawners.is_empty() {
                Some(Act::DropSpawner)
            } else if !tables.shells.is_empty() {
                Some(Act::DropShell)
            } else if !tables.scopes.is_empty() {
                Some(Act::CloseScope(0))
            } else if !tables.closings.is_empty() {
                Some(Act::PollClosing(0))
            } else if !tables.scope_spawners.is_empty() {
                Some(Act::DropScopeSpawner(0))
            } else {
                None
            }
        });
        match next {
            Some(what) => {
                act(&self.world, &what, false);
                self.model.act(&what, false);
                if what == Act::Send(0) {
                    act(&self.world, &Act::DropFeed(0), false);
                    self.model.act(&Act::DropFeed(0), false);
                }
                true
            }
            None if !self.locals.is_empty() => {
                drop(take(&mut self.locals, 0));
                self.model.drop_local(0);
                true
            }
            None => false,
        }
    }
}

/// What the shell does with an emission: it keeps the right to answer.
fn received(world: &World, emitted: Emitted<Effect>) -> Emission {
    match emitted {
        Emitted::Effect(Effect::Ask(request)) => {
            let number = request.operation.0.disarm();
            let resolver = AnyResolver::Ask(request.resolver);
            world.with(|tables| tables.resolvers.push((number, resolver)));
            Emission::Ask(number)
        }
        Emitted::Effect(Effect::Other(request)) => {
            let number = request.operation.0.disarm();
            let resolver = AnyResolver::Other(request.resolver);
            world.with(|tables| tables.resolvers.push((number, resolver)));
            Emission::Other(number)
        }
        Emitted::Effect(Effect::Flow(subscription)) => {
            let number = subscription.operation.0.disarm();
            world.with(|tables| tables.feeds.push((number, subscription.feed)));
            Emission::Flow(number)
        }
        Emitted::Effect(Effect::Say(say)) => Emission::Say(say.into_inner().0.disarm()),
        Emitted::Cancelled(id) => Emission::Cancelled(world.number_of(id)),
    }
}

fn settled(settled: stillpoint::Settled) -> Event {
    Event::Settled(Settled {
        polled: settled.polled,
        completed: settled.completed,
        panicked: settled.panicked,
        aborted: settled.aborted,
        pending: settled.pending,
        waiting: settled.waiting,
        refused: settled.refused,
        budget_spent: settled.budget_spent,
    })
}

fn totals(totals: stillpoint::Totals) -> Totals {
    Totals {
        tasks: totals.tasks,
        requests: totals.requests,
        cancelled: totals.cancelled,
        effects: totals.effects,
        peak_tasks: totals.peak_tasks,
        peak_requests: totals.peak_requests,
    }
}

fn holdings(world: &World, host: &Host) -> Holdings {
    let snapshot = host.snapshot();
    let mut holdings = Holdings {
        tasks: snapshot.tasks.iter().map(|task| task.name).collect(),
        requests: snapshot
            .requests
            .iter()
            .map(|request| {
                let stage = match request.state() {
                    RequestState::Waiting => Stage::InLine,
                    _ if request.taken => Stage::Taken,
                    _ => Stage::Untaken,
                };
                (world.number_of(request.id), stage, request.queued)
            })
            .collect(),
    };
    holdings.tasks.sort_unstable();
    holdings.requests.sort_unstable();
    holdings
}

/// By the ids of those in line, which a snapshot knows and no shell was given.
fn by_ids_in_line(world: &Arc<World>, host: &mut Host, model: &mut Model, way: Way) {
    // Takes in what may have ended one.
    by_id(world, host, Number::MAX, RequestId::from_u64(0), way);
    model.refuse(way, Why::Unknown, true);
    for request in host.snapshot().requests {
        if request.state() == RequestState::Waiting {
            by_id(world, host, Number::MAX, request.id, way);
            model.refuse(way, Why::Unknown, true);
        }
    }
}

/// An id that was never given out, as near to one that was as can be.
fn stranger(world: &World, pick: u8) -> Option<RequestId> {
    let ids = world.ids.lock().unwrap();
    let near = ids.by_id.keys().max().map_or(1 << 24, |id| id.to_u64());
    let number = match pick % 6 {
        0 => near + (1 << 24),
        1 => near + 1,
        2 => 0,
        3 => u64::MAX,
        4 => (1 << 53) - 1,
        _ => near & ((1 << 24) - 1),
    };
    let id = RequestId::from_u64(number);
    (!ids.by_id.contains_key(&id)).then_some(id)
}

fn by_id(world: &Arc<World>, host: &mut Host, request: Number, id: RequestId, way: Way) {
    let answer: Option<Answer> = match way {
        Way::Ask | Way::Other | Way::Item => Some(world.answer(request)),
        Way::Fail | Way::End => None,
    };
    let event = match (way, answer) {
        (Way::Ask, Some(answer)) => answered(host.resolve_id::<Ask>(id, answer), request),
        (Way::Other, Some(answer)) => answered(host.resolve_id::<Other>(id, answer), request),
        (Way::Item, Some(answer)) => answered(host.send_id::<Flow>(id, answer), request),
        (Way::Fail, _) => ended(host.fail_id(id), request),
        _ => ended(host.end_id(id), request),
    };
    world.log(event);
}
