//! A core that asks for everything that a core may ask, on order: what a shell is tried on.

use futures::StreamExt as _;
use serde::{Deserialize, Serialize};
use stillpoint::{JoinHandle, Operation, Overflow, Shell, Spawner, effects};

/// How many orders wait unread at most.
const ROOM: usize = 4;

effects! {
    /// What a shell performs.
    pub(crate) enum Effect {
        /// Say what is to be done.
        Orders => stream Orders,
        /// Answer.
        Ask => request Ask,
        /// Hear.
        Say => notify Say,
    }
}

/// Asks for orders.
#[derive(Serialize)]
pub(crate) struct Orders;

impl Operation for Orders {
    type Output = Order;
}

/// What the core is to do.
#[derive(Deserialize)]
pub(crate) enum Order {
    Ask(String),
    GiveUp,
    Say(String),
    Panic(String),
}

/// Asks something.
#[derive(Serialize)]
pub(crate) struct Ask(String);

impl Operation for Ask {
    type Output = String;
}

/// Says something.
#[derive(Serialize)]
pub(crate) struct Say(String);

/// A task that ends with whoever has ordered it.
struct Asked(JoinHandle<()>);

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Does as it is ordered, until its orders end.
pub(crate) async fn rehearse(spawner: Spawner, shell: Shell<Effect>) {
    let mut orders = shell.subscribe(Orders).overflow(Overflow::Reject(ROOM));
    let mut asked = Vec::new();
    while let Some(order) = orders.next().await {
        asked.retain(|Asked(task)| !task.is_finished());
        match order {
            Order::Ask(what) => {
                let task = spawner.name("ask").spawn(ask(shell.clone(), what));
                asked.push(Asked(task));
            }
            Order::GiveUp => asked.clear(),
            Order::Say(what) => say(&shell, what),
            // A task of its own, which nobody joins.
            Order::Panic(why) => drop(spawner.name("panic").spawn(async move { panic!("{why}") })),
        }
    }
    say(&shell, "the orders have ended".to_owned());
}

async fn ask(shell: Shell<Effect>, what: String) {
    let answer = shell.request(Ask(what)).await;
    say(&shell, answer.unwrap_or_else(|error| error.to_string()));
}

fn say(shell: &Shell<Effect>, what: String) {
    // Nobody to tell is no reason to stop.
    let _ = shell.notify(Say(what));
}
