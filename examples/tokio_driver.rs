//! A core on a runtime that you own: `cargo run --example tokio_driver --features tokio`.
//!
//! It counts lines of files. Each is read by a handler of its own, on tokio's threads for blocking work, all at the same
//! time. A timer runs beside them, which is stopped when they are read. And a task that would go on for ever tells the
//! shell when it ends, which the shutdown still delivers.
use std::fs::read_to_string;
use std::time::Duration;

use futures::StreamExt;
use futures::future::{Either, join_all, select};
use stillpoint::tokio::Driver;
use stillpoint::{Executor, Operation, Shell, effects};
use tokio::task::spawn_blocking;
use tokio::time::{interval, sleep};

/// Counts the lines of a file.
struct Count(&'static str);
impl Operation for Count {
    type Output = usize;
}
struct Sleep(Duration);
impl Operation for Sleep {
    type Output = ();
}
/// Says that time has passed, again and again.
struct Ticks(Duration);
impl Operation for Ticks {
    type Output = ();
}
struct Say(String);

effects! {
    enum Effect {
        Count => request Count,
        Sleep => request Sleep,
        Ticks => stream Ticks,
        Say => notify Say,
    }
}

/// The core: what the files have, unless they take too long.
async fn count(shell: Shell<Effect>, files: [&'static str; 3]) -> Option<usize> {
    let counts = join_all(files.map(|file| shell.request(Count(file))));
    let timeout = shell.request(Sleep(Duration::from_secs(3600)));
    let Either::Left((counts, timeout)) = select(counts, timeout).await else {
        return None;
    };
    drop(timeout); // so its handler is aborted now
    let mut sum = 0;
    for (file, count) in files.iter().zip(counts) {
        sum += count.as_ref().unwrap_or(&0);
        let text = count.map_or_else(|error| error.to_string(), |lines| lines.to_string());
        shell.notify(Say(format!("{file}: {text}"))).ok();
    }
    Some(sum)
}

/// Says goodbye, however its task ends.
struct Autosave(Shell<Effect>);
impl Drop for Autosave {
    fn drop(&mut self) {
        self.0
            .notify(Say("the last changes are saved".to_owned()))
            .ok();
    }
}

/// The shell: what tokio does for each effect.
async fn perform(effect: Effect) {
    match effect {
        Effect::Count(request) => {
            let path = format!("{}/{}", env!("CARGO_MANIFEST_DIR"), request.operation.0);
            match spawn_blocking(move || read_to_string(path)).await {
                Ok(Ok(text)) => request.resolve(text.lines().count()).ok(),
                Ok(Err(error)) => request.fail(error.kind().to_string()).ok(),
                Err(_panic) => None, // the request is dropped, and so abandoned
            };
        }
        Effect::Sleep(request) => {
            sleep(request.operation.0).await; // where this is cancelled, it ends here
            request.resolve(()).ok();
        }
        Effect::Ticks(ticks) => {
            let mut interval = interval(ticks.operation.0);
            while ticks.feed.send(()).is_ok() {
                interval.tick().await;
            }
        }
        Effect::Say(_) => {} // said before, in order
    }
}

#[tokio::main]
async fn main() {
    let executor = Executor::new();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let driver = Driver::builder(executor)
        .on_cancelled(|_request| println!("a handler is stopped"))
        .start(|effect| {
            // Handlers run beside each other. What has to keep its order belongs here.
            if let Effect::Say(say) = &effect {
                println!("{}", say.operation.0);
            }
            perform(effect)
        });

    let autosave = Autosave(shell.clone());
    drop(spawner.name("autosave").spawn(async move {
        let mut ticks = autosave.0.subscribe(Ticks(Duration::from_secs(60)));
        while ticks.next().await.is_some() {}
    }));
    let files = ["LICENSE-MIT", "LICENSE-APACHE", "LICENSE-LOST"];
    let lines = spawner.spawn(count(shell, files)).await.unwrap();
    // What was emitted and not yet performed is delivered; then nothing of the driver runs on this runtime any more.
    let report = driver.shutdown().await;
    match lines {
        Some(lines) => println!("{lines} lines; {} task was still going on", report.tasks),
        None => println!("it took too long"),
    }
    report.assert_baseline();
}
