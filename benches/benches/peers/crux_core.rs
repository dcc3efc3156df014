//! crux's `Core`, as an app has it: an event for each task, and one for each answer.

use std::collections::VecDeque;

use crux_core::{App, Command, Core};
use stillpoint_benches::{Peer, Task, make, tasks};

use super::crux_command::{Asking, Effect, Question};

/// The app: a task for each event.
#[derive(Default)]
pub struct Tasks;

pub enum Event {
    Begin(Task),
    Answered(u64),
    Nothing,
}

impl App for Tasks {
    type Event = Event;
    type Model = ();
    type ViewModel = ();
    type Effect = Effect;

    fn update(&self, event: Event, (): &mut ()) -> Command<Effect, Event> {
        match event {
            Event::Begin(Task::Ask(question)) => {
                Command::request_from_shell(Question(question)).then_send(Event::Answered)
            }
            Event::Begin(task) => make!(task, |future| Command::new(|context| future(Asking(
                context
            )))),
            Event::Answered(answer) => {
                tasks::ended(answer);
                Command::done()
            }
            Event::Nothing => Command::done(),
        }
    }

    fn view(&self, (): &()) {}
}

pub struct Cored {
    core: Core<Tasks>,
    asked: VecDeque<Effect>,
}

impl Peer for Cored {
    type Effect = Effect;
    const RUNS_AT_ONCE: bool = true;
    // A million take 6 GB and a minute.
    const MOST_TASKS: usize = 100_000;

    fn new() -> Self {
        Self {
            core: Core::new(),
            asked: VecDeque::new(),
        }
    }

    fn spawn(&mut self, task: Task) {
        self.asked
            .extend(self.core.process_event(Event::Begin(task)));
    }

    /// Each event and each answer has run what it could.
    fn run(&mut self) {}

    fn run_after_drops(&mut self) {
        self.asked.extend(self.core.process_event(Event::Nothing));
    }

    fn take(&mut self) -> Option<Effect> {
        self.asked.pop_front()
    }

    fn question(effect: &Effect) -> u64 {
        effect.0.operation.0
    }

    fn answer(&mut self, mut effect: Effect, answer: u64) {
        let emitted = self.core.resolve(&mut effect.0, answer);
        self.asked.extend(emitted.expect("it waits"));
    }

    fn send(&mut self, effect: &mut Effect, item: u64) {
        let emitted = self.core.resolve(&mut effect.0, item);
        self.asked.extend(emitted.expect("it waits"));
    }
}
