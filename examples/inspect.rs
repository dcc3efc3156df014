//! Who waits for what: `cargo run --example inspect`; with `-- mermaid` or `-- dot`, as a picture.
//!
//! A small shop hangs. Its core has three tasks: one asks for a price, one watches the clock, and one counts what the
//! others report to it. The shell takes what they ask for, answers a part of it, and then nothing moves any more.

use futures::{StreamExt, channel::mpsc};
use stillpoint::{Emitted, Executor, Operation, Shell, Snapshot, TaskState, effects};

/// What does this cost?
struct Price(&'static str);
impl Operation for Price {
    type Output = u32;
}

/// The time, now and then.
struct Clock;
impl Operation for Clock {
    type Output = u32;
}

effects! {
    enum Effect {
        Price => request Price,
        Clock => stream Clock,
    }
}

async fn buy(shell: Shell<Effect>, report: mpsc::UnboundedSender<u32>) {
    for thing in ["bread", "salt"] {
        if let Ok(price) = shell.request(Price(thing)).await {
            report.unbounded_send(price).ok();
        }
    }
}

async fn watch(shell: Shell<Effect>) {
    let mut clock = shell.subscribe(Clock);
    while let Some(time) = clock.next().await {
        if time > 17 {
            return;
        }
    }
}

/// Never ends: a sender is left over.
async fn count(reports: mpsc::UnboundedReceiver<u32>) -> u32 {
    reports.fold(0, async |sum, price| sum + price).await
}

fn main() {
    let mut executor = Executor::<Effect>::new();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let (report, reports) = mpsc::unbounded();
    spawner
        .name("buyer")
        .spawn(buy(shell.clone(), report.clone()));
    spawner.name("watch").spawn(watch(shell));
    spawner.name("count").spawn(count(reports));

    // What is taken and not answered is kept here, as a shell keeps it that forgets.
    let mut taken = Vec::new();
    let mut has_hung = false;
    while !has_hung {
        has_hung = executor.run_until_stalled().polled == 0;
        while let Some(emitted) = executor.drain().next() {
            match emitted {
                Emitted::Effect(Effect::Price(ask)) if ask.operation.0 == "bread" => {
                    executor.resolve(ask.resolver, 3).unwrap();
                }
                Emitted::Effect(Effect::Clock(clock)) => {
                    executor.send(&clock.feed, 9).unwrap();
                    taken.push(Effect::Clock(clock));
                }
                Emitted::Effect(effect) => taken.push(effect),
                Emitted::Cancelled(_) => {}
            }
        }
    }

    let snapshot = executor.snapshot();
    match std::env::args().nth(1).as_deref() {
        Some("mermaid") => print!("{}", snapshot.mermaid()),
        Some("dot") => print!("{}", snapshot.dot()),
        _ => println!("{snapshot}\n\n{}", verdict(&snapshot)),
    }
    drop((report, taken));
    executor.teardown().assert_baseline();
}

/// What a program can make of the same data.
fn verdict(snapshot: &Snapshot) -> String {
    let waiting = snapshot
        .tasks
        .iter()
        .filter(|task| task.state == TaskState::Waiting);
    let lost: Vec<_> = waiting
        .filter(|task| task.awaits.is_empty())
        .filter_map(|task| task.name)
        .collect();
    let requests = snapshot
        .requests
        .iter()
        .filter(|request| !request.is_stream);
    let oldest = requests.max_by_key(|request| request.age);
    let oldest = oldest.map_or("nothing".to_owned(), ToString::to_string);
    format!(
        "Look at {} first, and then at the request that waits longest:\n{oldest}",
        lost.join(", ")
    )
}
