//! Stillpoint, answered in its two ways.

use std::future::Future;
use std::marker::PhantomData;

use futures::Stream;
use stillpoint::{Emitted, Executor, Operation, Shell, Spawner, effects};

use crate::peer::{Peer, Visit};
use crate::task::{Asks, Task};

/// Asks once.
pub struct Question(u64);
impl Operation for Question {
    type Output = u64;
}

/// Asks for any number of items.
pub struct Topic(u64);
impl Operation for Topic {
    type Output = u64;
}

effects! {
    /// What the tasks ask.
    pub enum Effect {
        /// One answer.
        Question => request Question,
        /// Any number of items.
        Topic => stream Topic,
    }
}

impl Effect {
    /// What it asks.
    pub fn question(&self) -> u64 {
        match self {
            Self::Question(request) => request.operation.0,
            Self::Topic(subscription) => subscription.operation.0,
        }
    }
}

impl Asks for Shell<Effect> {
    async fn ask(&self, question: u64) -> u64 {
        self.request(Question(question)).await.unwrap_or(u64::MAX)
    }

    fn subscribe(&self, topic: u64) -> impl Stream<Item = u64> + Unpin {
        Shell::subscribe(self, Topic(topic))
    }
}

/// A way to answer, and to spawn: by the executor, or by what was handed out of it.
pub trait Answers {
    /// Makes a task.
    fn spawn(
        executor: &mut Executor<Effect>,
        spawner: &Spawner,
        future: impl Future<Output = ()> + Send + 'static,
    );
    /// Answers a question.
    fn answer(executor: &mut Executor<Effect>, effect: Effect, answer: u64);
    /// Sends an item.
    fn send(executor: &mut Executor<Effect>, effect: &mut Effect, item: u64);
    /// The same from another thread, where that can be.
    const FROM_AFAR: Option<fn(Effect, u64)>;
}

/// The host spawns and answers at once, by the executor that it owns.
pub struct ByTheHost;
impl Answers for ByTheHost {
    fn spawn(
        executor: &mut Executor<Effect>,
        _: &Spawner,
        future: impl Future<Output = ()> + Send + 'static,
    ) {
        drop(executor.spawn(future));
    }

    fn answer(executor: &mut Executor<Effect>, effect: Effect, answer: u64) {
        if let Effect::Question(request) = effect {
            executor
                .resolve(request.resolver, answer)
                .expect("it waits");
        }
    }

    fn send(executor: &mut Executor<Effect>, effect: &mut Effect, item: u64) {
        if let Effect::Topic(subscription) = effect {
            executor.send(&subscription.feed, item).expect("it waits");
        }
    }

    const FROM_AFAR: Option<fn(Effect, u64)> = None;
}

/// Somebody spawns and answers by messages, as from another thread.
pub struct ByTheMailbox;
impl Answers for ByTheMailbox {
    fn spawn(
        _: &mut Executor<Effect>,
        spawner: &Spawner,
        future: impl Future<Output = ()> + Send + 'static,
    ) {
        drop(spawner.spawn(future));
    }

    fn answer(_: &mut Executor<Effect>, effect: Effect, answer: u64) {
        if let Effect::Question(request) = effect {
            request.resolve(answer).expect("the executor is there");
        }
    }

    fn send(_: &mut Executor<Effect>, effect: &mut Effect, item: u64) {
        if let Effect::Topic(subscription) = effect {
            subscription.feed.send(item).expect("the executor is there");
        }
    }

    const FROM_AFAR: Option<fn(Effect, u64)> = Some(|effect, answer| {
        if let Effect::Question(request) = effect {
            request.resolve(answer).expect("the executor is there");
        }
    });
}

/// The executor, with what a shell keeps of it.
pub struct Stillpoint<A> {
    executor: Executor<Effect>,
    spawner: Spawner,
    shell: Shell<Effect>,
    answers: PhantomData<A>,
}

impl<A: Answers> Peer for Stillpoint<A> {
    type Effect = Effect;
    const ANSWER_FROM_AFAR: Option<fn(Effect, u64)> = A::FROM_AFAR;

    fn new() -> Self {
        let executor = Executor::new();
        Self {
            spawner: executor.spawner(),
            shell: executor.shell(),
            executor,
            answers: PhantomData,
        }
    }

    fn spawn(&mut self, task: Task) {
        crate::make!(task, |future| A::spawn(
            &mut self.executor,
            &self.spawner,
            future(self.shell.clone())
        ));
    }

    fn run(&mut self) {
        self.executor.run_until_stalled();
    }

    fn rest(self) {
        self.executor.teardown().assert_baseline();
    }

    fn take(&mut self) -> Option<Effect> {
        match self.executor.drain().next()? {
            Emitted::Effect(effect) => Some(effect),
            Emitted::Cancelled(_) => unreachable!("no task gives up"),
        }
    }

    fn question(effect: &Effect) -> u64 {
        effect.question()
    }

    fn answer(&mut self, effect: Effect, answer: u64) {
        A::answer(&mut self.executor, effect, answer);
    }

    fn send(&mut self, effect: &mut Effect, item: u64) {
        A::send(&mut self.executor, effect, item);
    }
}

/// Visits both ways.
pub fn each_stillpoint(visitor: &mut impl Visit) {
    visitor.visit::<Stillpoint<ByTheHost>>("stillpoint");
    visitor.visit::<Stillpoint<ByTheMailbox>>("stillpoint-mailbox");
}
