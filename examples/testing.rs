//! A bug that no test by hand shows, found, shrunk and told: `cargo run --example testing --features testing`.

use std::sync::{Arc, Mutex};

use stillpoint::testing::{Choices, Schedule, Simulation};
use stillpoint::{Operation, Shell, Spawner, effects};

/// Asks to keep a draft.
#[derive(Debug)]
struct Save(#[expect(dead_code, reason = "a failure shows it")] &'static str);
impl Operation for Save {
    type Output = ();
}
/// Tells what is kept.
struct Status(&'static str);
effects! { enum Effect { Save => request Save, Status => notify Status } }

/// The core: it saves each draft, and tells of it. The last draft is the one that counts.
fn edit(spawner: &Spawner, shell: &Shell<Effect>, draft: &'static str) {
    let shell = shell.clone();
    drop(spawner.name("save").spawn(async move {
        if shell.request(Save(draft)).await.is_ok() {
            shell.notify(Status(draft)).ok();
        }
    }));
}

/// The test: three drafts, and the status at the end.
fn three_drafts(schedule: &Schedule) {
    let mut test = schedule.shell::<Effect>();
    let status = Arc::new(Mutex::new(""));
    let shown = Arc::clone(&status);
    test.on::<Save>(|_| ());
    test.on_notify::<Status>(move |status| *shown.lock().unwrap() = status.0);
    let (spawner, shell) = (test.spawner(), test.shell());
    for draft in ["first", "second", "third"] {
        edit(&spawner, &shell, draft);
    }
    test.run();
    test.finish();
    assert_eq!(
        *status.lock().unwrap(),
        "third",
        "the status is of an old draft"
    );
}

fn main() {
    // As a test by hand has it: everything in the order in which it was asked.
    Simulation::new()
        .choices(Choices::default())
        .run(three_drafts);
    println!("In order, all is well.\n");
    match Simulation::new().explore(three_drafts) {
        Err(failure) => println!("In some other order {failure}"),
        Ok(explored) => println!("In {} orders as well.", explored.distinct()),
    }
}
