//! A core asks, a shell answers: `cargo run --example hello`.
use stillpoint::{Emitted, Executor, Operation, effects};

struct AskName; // something that the core asks,
impl Operation for AskName {
    type Output = String; // and what answers it
}
struct Say(String); // something that it tells
effects! { enum Effect { Name => request AskName, Say => notify Say } }

fn main() {
    let mut executor = Executor::<Effect>::new();
    let shell = executor.shell();
    let task = executor.spawn(async move {
        if let Ok(name) = shell.request(AskName).await {
            shell.notify(Say(format!("Hello, {name}!"))).ok();
        }
    });
    while !task.is_finished() {
        executor.run_until_stalled(); // the core goes on until it needs the shell
        for emitted in executor.drain() {
            match emitted {
                Emitted::Effect(Effect::Name(ask)) => ask.resolve("Ada".to_owned()).unwrap(),
                Emitted::Effect(Effect::Say(say)) => println!("{}", say.operation.0),
                Emitted::Cancelled(_) => {} // the core no longer wants an answer: not here
            }
        }
    }
    println!("{}", executor.teardown().assert_baseline());
}
