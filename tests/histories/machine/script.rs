//! A task: it plays a script against the crate.

use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use futures::future::{Either, join, select};
use futures::{FutureExt, StreamExt};
use stillpoint::{Overflow, ShellStream};

use super::effect::{Ask, Effect, Flow, Other, throw};
use super::event::{Event, IN_DESTRUCTOR, Number};
use super::ops::{Destructor, Policy, Step};
use super::world::{Parked, World, act, counts, got, joined, lack, take};

/// Tells when a future is gone, and counts it.
pub struct Note {
    world: Arc<World>,
    task: Number,
    _count: Arc<()>,
}

impl Note {
    pub fn new(world: &Arc<World>, task: Number) -> Self {
        Self {
            world: Arc::clone(world),
            task,
            _count: Arc::clone(&world.futures),
        }
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        self.world.log(Event::Gone(self.task));
    }
}

/// A destructor of a task's own.
struct Guard {
    world: Arc<World>,
    task: Number,
    what: Destructor,
}

impl Drop for Guard {
    fn drop(&mut self) {
        for each in std::mem::take(&mut self.what.acts) {
            act(&self.world, &each, true);
        }
        if self.what.panics && !std::thread::panicking() {
            throw(self.task + IN_DESTRUCTOR);
        }
    }
}

/// What a task returns.
pub struct Output {
    pub task: Number,
    _guard: Option<Guard>,
    _count: Arc<()>,
}

/// What a script has made so far, in the order in which it is dropped.
#[derive(Default)]
struct Frame {
    streams: Vec<(Number, ShellStream<Flow, Effect>)>,
    guards: Vec<Guard>,
}

/// A waker of somebody else's making.
struct Relay(Waker);

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        self.0.wake_by_ref();
    }
}

/// A future that sees another waker at each poll.
struct Relayed<F>(F);

impl<F: Future + Unpin> Future for Relayed<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let waker = Waker::from(Arc::new(Relay(cx.waker().clone())));
        self.0.poll_unpin(&mut Context::from_waker(&waker))
    }
}

pub fn overflow(policy: Policy) -> Overflow {
    match policy {
        Policy::Unbounded => Overflow::Unbounded,
        Policy::Reject(capacity) => Overflow::Reject(capacity.into()),
        Policy::DropOldest(capacity) => Overflow::DropOldest(capacity.into()),
        Policy::Latest => Overflow::Latest,
    }
}

fn ask(world: &Arc<World>) -> (Number, Parked) {
    let body = world.body();
    (body.number, world.shell.request(Ask(body)))
}

pub async fn play(note: Note, script: Vec<Step>) -> Output {
    let (world, me) = (Arc::clone(&note.world), note.task);
    let mut frame = Frame::default();
    let mut guard = None;
    for step in script {
        match step {
            Step::Ask => {
                let (number, request) = ask(&world);
                let result = got(request.await);
                world.log(Event::Got(me, number, result));
            }
            Step::Relayed => {
                let (number, request) = ask(&world);
                let result = got(Relayed(request).await);
                world.log(Event::Got(me, number, result));
            }
            Step::Join => {
                let (one, first) = ask(&world);
                let body = world.body();
                let two = body.number;
                let second = world.shell.request(Other(body));
                let (first, second) = join(first.map(got), second.map(got)).await;
                world.log(Event::Got(me, one, first));
                world.log(Event::Got(me, two, second));
            }
            Step::Select => {
                let (one, first) = ask(&world);
                let (two, second) = ask(&world);
                match select(first, second).await {
                    Either::Left((result, rest)) => {
                        world.log(Event::Got(me, one, got(result)));
                        drop(rest);
                    }
                    Either::Right((result, rest)) => {
                        world.log(Event::Got(me, two, got(result)));
                        drop(rest);
                    }
                }
            }
            Step::Subscribe(policy) => {
                let body = world.body();
                let number = body.number;
                let mut stream = world.shell.subscribe(Flow(body)).overflow(overflow(policy));
                // Asks at once, so that a stream is never without its entry, unless it was refused.
                poll_fn(|cx| Poll::Ready(stream.poll_next_unpin(cx).is_ready())).await;
                match stream.ended_by() {
                    None => frame.streams.push((number, stream)),
                    Some(end) => world.log(Event::Ended(me, number, end.map_err(lack))),
                }
            }
            Step::Next => {
                let Some((number, stream)) = frame.streams.last_mut() else {
                    continue;
                };
                let number = *number;
                match stream.next().await {
                    Some(item) => world.log(Event::Item(me, number, item.read())),
                    None => {
                        let end = stream.ended_by().expect("it gave its `None`");
                        world.log(Event::Ended(me, number, end.map_err(lack)));
                        frame.streams.pop();
                    }
                }
            }
            Step::DropStream => drop(frame.streams.pop()),
            Step::Yield => {
                let mut first = true;
                poll_fn(|cx| {
                    if std::mem::take(&mut first) {
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    Poll::Ready(())
                })
                .await;
            }
            Step::Stash => {
                let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
                world.with(|tables| tables.wakers.push(waker));
            }
            Step::Hang => pending::<()>().await,
            Step::Await(pick) => {
                let Some((of, handle)) = world.with(|tables| take(&mut tables.handles, pick))
                else {
                    continue;
                };
                let end = handle.await;
                joined(&world, Some(me), of, end);
            }
            Step::Panic => throw(me),
            Step::Guard(what) => frame.guards.push(Guard {
                world: Arc::clone(&world),
                task: me,
                what,
            }),
            Step::Returns(what) => guard = Some(what),
            Step::Park => {
                let (number, mut request) = ask(&world);
                match poll_fn(|cx| Poll::Ready(request.poll_unpin(cx))).await {
                    Poll::Pending => world.with(|tables| tables.parked.push((number, request))),
                    Poll::Ready(result) => world.log(Event::Got(me, number, got(result))),
                }
            }
            Step::Adopt(pick) => {
                let Some((number, request)) = world.with(|tables| take(&mut tables.parked, pick))
                else {
                    continue;
                };
                let result = got(request.await);
                world.log(Event::Got(me, number, result));
            }
            Step::Closing(pick) => {
                let Some((number, scope)) = world.with(|tables| take(&mut tables.scopes, pick))
                else {
                    continue;
                };
                let report = scope.close().await;
                world.log(Event::Report(number, counts(&report)));
            }
            Step::Act(what) => act(&world, &what, false),
        }
    }
    drop(frame);
    Output {
        task: me,
        _guard: guard.map(|what| Guard {
            world: Arc::clone(&world),
            task: me,
            what,
        }),
        _count: Arc::clone(&world.outputs),
    }
}
