//! crux's `Command`, alone: its executor, without a core around it.

use std::collections::VecDeque;

use crux_core::capability::Operation;
use crux_core::command::CommandContext;
use crux_core::{Command, Request};
use futures::Stream;
use stillpoint_benches::{Asks, Peer, Task, make};

/// What the tasks ask.
pub struct Question(pub u64);
impl Operation for Question {
    type Output = u64;
}

/// The effect of a program that asks one thing. The macro that would write it for many needs the half of crux that is
/// for generated bindings.
pub struct Effect(pub Request<Question>);
impl crux_core::Effect for Effect {}
impl From<Request<Question>> for Effect {
    fn from(request: Request<Question>) -> Self {
        Self(request)
    }
}

/// Asks by a command's context, whatever its events are.
pub struct Asking<Event>(pub CommandContext<Effect, Event>);

impl<Event> Clone for Asking<Event> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<Event: Send + 'static> Asks for Asking<Event> {
    fn ask(&self, question: u64) -> impl Future<Output = u64> {
        self.0.request_from_shell(Question(question))
    }

    fn subscribe(&self, topic: u64) -> impl Stream<Item = u64> + Unpin {
        self.0.stream_from_shell(Question(topic))
    }
}

pub struct Commanded {
    command: Command<Effect, ()>,
    asked: VecDeque<Effect>,
}

impl Peer for Commanded {
    type Effect = Effect;
    const ANSWER_FROM_AFAR: Option<fn(Effect, u64)> = Some(|mut effect, answer| {
        effect.0.resolve(answer).expect("it waits");
    });

    fn new() -> Self {
        Self {
            command: Command::done(),
            asked: VecDeque::new(),
        }
    }

    fn spawn(&mut self, task: Task) {
        make!(task, |future| self
            .command
            .spawn(|context| future(Asking(context))));
    }

    fn run(&mut self) {
        self.asked.extend(self.command.effects());
    }

    fn take(&mut self) -> Option<Effect> {
        self.asked.pop_front()
    }

    fn question(effect: &Effect) -> u64 {
        effect.0.operation.0
    }

    fn answer(&mut self, mut effect: Effect, answer: u64) {
        effect.0.resolve(answer).expect("it waits");
    }

    fn send(&mut self, effect: &mut Effect, item: u64) {
        effect.0.resolve(item).expect("it waits");
    }
}
