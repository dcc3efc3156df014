//! What is too much waits its turn or is given back: `cargo run --example limits`.
use futures::future::join_all;
use stillpoint::{Emitted, Executor, Operation, effects};

struct Fetch(u32); // a page by its number
impl Operation for Fetch {
    type Output = String;
}
struct Progress(u32); // how many pages are there
effects! { enum Effect { Fetch => request Fetch, Progress => notify Progress } }

fn main() {
    let mut executor: Executor<Effect> = Executor::builder()
        .max_tasks(1)
        .max_requests(2) // of the pages; the others wait
        .outbox_capacity(3) // and this much for a shell that is slow to look
        .build();
    let shell = executor.shell();
    let crawl = executor.spawn(async move {
        let mut done = 0;
        let pages = (1..=5).map(|page| shell.request(Fetch(page)));
        let titles = join_all(pages).await;
        // A thousand steps that nobody has the time to look at: most are given back, and nothing is lost by it.
        let unseen = (0..1_000)
            .filter(|_| {
                done += 1;
                shell.notify(Progress(done)).is_err()
            })
            .count();
        (titles, unseen)
    });
    let second = executor.try_spawn(async {});
    println!("a second task: {}", second.unwrap_err());

    let mut steps = Vec::new();
    while !crawl.is_finished() {
        let settled = executor.run_until_stalled();
        let mut fetches = Vec::new();
        for emitted in executor.drain() {
            match emitted {
                Emitted::Effect(Effect::Fetch(fetch)) => fetches.push(fetch),
                Emitted::Effect(Effect::Progress(progress)) => steps.push(progress.operation.0),
                Emitted::Cancelled(_) => {}
            }
        }
        let numbers: Vec<_> = fetches.iter().map(|fetch| fetch.operation.0).collect();
        println!(
            "fetching {numbers:?}, {} wait, {} refused",
            settled.waiting, settled.refused
        );
        for fetch in fetches {
            let title = format!("page {}", fetch.operation.0);
            executor.resolve(fetch.resolver, title).unwrap();
        }
    }
    let (titles, unseen) = futures::executor::block_on(crawl).unwrap();
    println!(
        "{} pages; saw steps {steps:?}, and not {unseen} others",
        titles.len()
    );
    executor.teardown().assert_baseline();
}
