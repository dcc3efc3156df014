//! Two streams, of which one may lose nothing and one is only worth its newest item: `cargo run --example streams`.
//!
//! A print shop. Its core asks for jobs and for the level of ink. The shell sends jobs until they are full, keeps the
//! rest until there is room, and ends that stream after the last. Nobody awaits the ink then: the core drops it, and
//! the shell is told to stop measuring.
use futures::{StreamExt, select_biased};
use stillpoint::{Emitted, Executor, Feed, Operation, Overflow, Reason, RequestId, Shell, effects};

/// What is to be printed. Each has its paper, so none may be lost.
struct Jobs;
impl Operation for Jobs {
    type Output = &'static str;
}
/// How much ink is left, in percent: of several readings the newest counts.
struct Ink;
impl Operation for Ink {
    type Output = u32;
}
/// Puts a job on paper, which takes a while.
struct Print(&'static str);
impl Operation for Print {
    type Output = ();
}
/// What the operator reads.
struct Say(String);

effects! {
    enum Effect {
        Jobs => stream Jobs,
        Ink => stream Ink,
        Print => request Print,
        Say => notify Say,
    }
}

async fn print_shop(shell: Shell<Effect>) {
    let say = |text: String| shell.notify(Say(text)).ok();
    let mut ink = shell.subscribe(Ink).overflow(Overflow::Latest);
    let mut jobs = shell.subscribe(Jobs).overflow(Overflow::Reject(2));
    loop {
        select_biased! {
            level = ink.select_next_some() => {
                say(format!("{level} % of the ink are left"));
            }
            job = jobs.next() => match job {
                Some(job) => if shell.request(Print(job)).await.is_err() { break },
                None => break,
            },
        }
    }
    match jobs.ended_by() {
        Some(Ok(())) => say("that was the last job".to_owned()),
        other => say(format!("stopped early: {other:?}")),
    };
}

/// What the shell has under way.
struct Front {
    waiting: std::vec::IntoIter<&'static str>,
    refused: Option<&'static str>,
    jobs: Option<Feed<Jobs>>,
    ink: Option<(RequestId, Feed<Ink>, u32)>,
}

impl Front {
    /// Sends jobs until there is no room, and ends the stream after the last of them.
    fn send_jobs(&mut self, executor: &mut Executor<Effect>) {
        let Some(feed) = self.jobs.take() else { return };
        while let Some(job) = self.refused.take().or_else(|| self.waiting.next()) {
            match executor.send(&feed, job) {
                Ok(()) => println!("send {job}"),
                Err(error) if error.reason() == Reason::Full => {
                    println!("no room for {job} yet");
                    self.refused = Some(error.into_inner()); // it comes back, and is sent later
                    self.jobs = Some(feed);
                    return;
                }
                Err(error) => return println!("{job} is of no use: {error}"),
            }
        }
        println!("end the jobs");
        executor.end(&feed).unwrap();
    }

    fn take(&mut self, executor: &mut Executor<Effect>, emitted: Emitted<Effect>) {
        match emitted {
            Emitted::Effect(Effect::Jobs(jobs)) => self.jobs = Some(jobs.feed),
            Emitted::Effect(Effect::Ink(ink)) => self.ink = Some((ink.id(), ink.feed, 100)),
            Emitted::Effect(Effect::Print(print)) => {
                println!("print {}", print.operation.0);
                if let Some((_, feed, level)) = &mut self.ink {
                    for _reading in 0..3 {
                        *level -= 5;
                        executor.send(feed, *level).unwrap(); // the core sees the last one
                    }
                }
                executor.resolve(print.resolver, ()).unwrap();
            }
            Emitted::Effect(Effect::Say(say)) => println!("  {}", say.operation.0),
            Emitted::Cancelled(id) => {
                if self.ink.take_if(|(ink, ..)| *ink == id).is_some() {
                    println!("measure no more");
                }
            }
        }
    }
}

fn main() {
    let mut executor = Executor::<Effect>::new();
    let task = executor.spawn(print_shop(executor.shell()));
    let mut front = Front {
        waiting: vec!["a map", "a letter", "a poster", "a ticket"].into_iter(),
        refused: None,
        jobs: None,
        ink: None,
    };
    while !task.is_finished() {
        executor.run_until_stalled();
        while let Some(emitted) = executor.drain().next() {
            front.take(&mut executor, emitted);
        }
        front.send_jobs(&mut executor);
    }
    while let Some(emitted) = executor.drain().next() {
        front.take(&mut executor, emitted);
    }
    drop(task);
    executor.teardown().assert_baseline();
}
