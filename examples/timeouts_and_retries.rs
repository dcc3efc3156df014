//! Time is the shell's: `cargo run --example timeouts_and_retries`.
//!
//! The core gives each attempt two seconds, waits longer after each that failed, and gives up after the third. A timeout
//! is a race of two requests: whichever loses is dropped, and the shell is told. This shell's clock jumps to whatever is
//! next, so the program does not sleep, and prints the same each time. One on tokio has `tokio::time::sleep` there.
use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::{Either, select};
use stillpoint::{Emitted, Executor, Operation, Request, RequestId, Resolver, Shell, effects};

struct Get(&'static str);
impl Operation for Get {
    type Output = Result<&'static str, u16>; // a page, or the status that there is instead
}
struct Sleep(Duration);
impl Operation for Sleep {
    type Output = ();
}
struct Say(String);
effects! { enum Effect { Get => request Get, Sleep => request Sleep, Say => notify Say } }

const PATIENCE: Duration = Duration::from_secs(2);
const ATTEMPTS: u32 = 3;

/// One attempt: the page, or why there is none.
async fn attempt(shell: &Shell<Effect>, url: &'static str) -> Result<&'static str, String> {
    let (page, timeout) = (shell.request(Get(url)), shell.request(Sleep(PATIENCE)));
    match select(page, timeout).await {
        Either::Left((Ok(Ok(page)), _sleep)) => Ok(page),
        Either::Left((Ok(Err(status)), _sleep)) => Err(format!("status {status}")),
        Either::Left((Err(error), _sleep)) => Err(error.to_string()),
        Either::Right((_woken, _page)) => Err("timed out".to_owned()),
    }
}

/// A page, after up to three attempts.
async fn fetch(shell: &Shell<Effect>, url: &'static str) -> Result<&'static str, String> {
    let mut backoff = Duration::from_secs(1);
    for _ in 1..ATTEMPTS {
        match attempt(shell, url).await {
            Ok(page) => return Ok(page),
            Err(why) => {
                let text = format!("{url}: {why}, again in {backoff:?}");
                shell.notify(Say(text)).ok();
            }
        }
        let slept = shell.request(Sleep(backoff)).await;
        slept.map_err(|error| error.to_string())?;
        backoff *= 2;
    }
    attempt(shell, url).await
}

/// A server that comes up slowly; it has no advertisements. `None` is no answer at all.
fn server(url: &str, now: Duration) -> Option<Result<&'static str, u16>> {
    match (url, now.as_secs()) {
        ("/news", 0..2) => None,
        ("/news", 2..5) => Some(Err(503)),
        ("/news", _) => Some(Ok("it rains")),
        _ => None,
    }
}

/// What will happen: an answer to somebody.
enum Due {
    Wake(Resolver<Sleep>),
    Answer(Resolver<Get>, Result<&'static str, u16>),
}

/// A shell whose clock stands still while the core runs.
#[derive(Default)]
struct World {
    now: Duration,
    due: BTreeMap<(Duration, RequestId), Due>,
    hanging: Vec<Request<Get>>,
}

impl World {
    fn tell(&self, text: &str) {
        println!("{:.1} s  {text}", self.now.as_secs_f32());
    }

    fn take(&mut self, emitted: Emitted<Effect>) {
        match emitted {
            Emitted::Effect(Effect::Sleep(sleep)) => {
                let when = (self.now + sleep.operation.0, sleep.id());
                self.due.insert(when, Due::Wake(sleep.resolver));
            }
            Emitted::Effect(Effect::Get(get)) => {
                self.tell(&format!("get {}", get.operation.0));
                let when = (self.now + Duration::from_millis(300), get.id());
                match server(get.operation.0, self.now) {
                    Some(answer) => drop(self.due.insert(when, Due::Answer(get.resolver, answer))),
                    None => self.hanging.push(get),
                }
            }
            Emitted::Effect(Effect::Say(say)) => self.tell(&say.operation.0),
            Emitted::Cancelled(id) => self.stop(id),
        }
    }

    /// Nobody waits for it any more: a server that is too slow, or a timer that was not needed.
    fn stop(&mut self, id: RequestId) {
        self.due.retain(|(_, request), _| *request != id);
        match self.hanging.iter().position(|get| get.id() == id) {
            Some(at) => {
                let get = self.hanging.remove(at);
                self.tell(&format!("hang up on {}", get.operation.0));
            }
            None => self.tell("stop a timer"),
        }
    }

    /// Jumps to what is next, and says whether there was something.
    fn pass(&mut self, executor: &mut Executor<Effect>) -> bool {
        let Some(((when, _), due)) = self.due.pop_first() else {
            return false;
        };
        self.now = when;
        match due {
            Due::Wake(sleep) => executor.resolve(sleep, ()).unwrap(),
            Due::Answer(get, answer) => executor.resolve(get, answer).unwrap(),
        }
        true
    }
}

fn main() {
    let (mut executor, mut world) = (Executor::<Effect>::new(), World::default());
    for url in ["/news", "/ads"] {
        let shell = executor.shell();
        drop(executor.spawn(async move {
            let text = match fetch(&shell, url).await {
                Ok(page) => format!("{url}: {page}"),
                Err(why) => format!("{url}: {why}, given up"),
            };
            shell.notify(Say(text)).ok();
        }));
    }
    loop {
        executor.run_until_stalled();
        executor.drain().for_each(|emitted| world.take(emitted));
        if !world.pass(&mut executor) {
            break;
        }
    }
    executor.teardown().assert_baseline();
}
