//! Mio on Windows: deregistering a client's socket changed the interest of the listening one.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use futures::task::AtomicWaker;
use stillpoint::{Emitted, Executor, Feed, JoinHandle, RequestId, Resolver};

use crate::broken::interest_isolation as broken;
use crate::random::Random;
use crate::support::*;

/// The only waker that the listener's stream ever sees: it counts, and passes on.
#[derive(Default)]
struct Listening {
    rings: Rings,
    task: AtomicWaker,
}

impl Wake for Listening {
    fn wake(self: Arc<Self>) {
        self.rings.ring();
        self.task.wake();
    }
}

/// A listener, and what short-lived requests do beside it.
struct Scene {
    executor: Executor<Effect>,
    feed: Feed<Ticks>,
    listening: Arc<Listening>,
    heard: Arc<Mutex<Vec<u32>>>,
    sent: u32,
    /// How many there are of the listener's waker.
    wakers: usize,
}

impl Scene {
    fn new() -> Self {
        let mut executor = Executor::<Effect>::new();
        let (listening, heard) = (Arc::new(Listening::default()), Arc::default());
        let mut stream = executor.shell().subscribe(Ticks(0));
        let (state, log) = (
            Arc::clone(&listening),
            Arc::<Mutex<Vec<u32>>>::clone(&heard),
        );
        let waker = Waker::from(Arc::clone(&listening));
        drop(executor.spawner().spawn(std::future::poll_fn(move |cx| {
            state.task.register(cx.waker());
            let mut context = Context::from_waker(&waker);
            while let Poll::Ready(item) = stream.poll_next_unpin(&mut context) {
                match item {
                    Some(item) => log.lock().unwrap().push(item),
                    None => return Poll::Ready(()),
                }
            }
            Poll::Pending
        })));
        run(&mut executor);
        let feed = ticks(&mut executor).feed;
        let wakers = Arc::strong_count(&listening);
        Self {
            executor,
            feed,
            listening,
            heard,
            sent: 0,
            wakers,
        }
    }

    /// Sends one item, and sees it come. The host sends the even ones, and the mailbox brings the odd ones.
    fn assert_hears(&mut self) {
        let before = self.listening.rings.count();
        if self.sent.is_multiple_of(2) {
            self.executor.send(&self.feed, self.sent).unwrap();
        } else {
            self.feed.send(self.sent).unwrap();
        }
        self.sent += 1;
        run(&mut self.executor);
        assert_eq!(self.listening.rings.count(), before + 1);
        assert_eq!(self.heard.lock().unwrap().last(), Some(&(self.sent - 1)));
    }

    /// The listener's waker is where it was, and nobody has rung it but for its own items.
    fn assert_untouched(&self, what: &str) {
        assert_eq!(
            self.listening.rings.count(),
            self.sent as usize,
            "after {what}"
        );
        assert_eq!(
            Arc::strong_count(&self.listening),
            self.wakers,
            "after {what}"
        );
    }
}

const SEEDS: u64 = if cfg!(miri) { 1 } else { 20 };
const REQUESTS: u32 = if cfg!(miri) { 50 } else { 1_000 };

#[test]
fn a_listener_misses_nothing_while_a_thousand_requests_end_beside_it_in_every_way() {
    for seed in 0..SEEDS {
        let mut random = Random::seeded(seed);
        let mut scene = Scene::new();
        let shell = scene.executor.shell();
        let mut made = 0;
        let mut tasks: Vec<JoinHandle<_>> = Vec::new();
        let mut taken: Vec<Resolver<Ask>> = Vec::new();
        let mut ended: Vec<RequestId> = Vec::new();
        while made < REQUESTS || !tasks.is_empty() {
            let what = match random.below(9) {
                0 | 1 if made < REQUESTS => {
                    made += 1;
                    let (shell, number) = (shell.clone(), made);
                    let ask = async move { shell.request(Ask(number)).await };
                    tasks.push(scene.executor.spawner().spawn(ask));
                    "a spawn"
                }
                2 if scene.executor.snapshot().requests.len() > taken.len() + 1 => {
                    match scene.executor.drain().next() {
                        Some(Emitted::Effect(Effect::Ask(request))) => {
                            taken.push(request.resolver);
                        }
                        Some(Emitted::Cancelled(id)) => ended.push(id),
                        None => {}
                        other => panic!("{other:?}"),
                    }
                    "a drain"
                }
                3 if !taken.is_empty() => {
                    let resolver = random.take(&mut taken);
                    ended.push(resolver.id());
                    let _ = scene.executor.resolve(resolver, 1);
                    "an answer by the host"
                }
                4 if !taken.is_empty() => {
                    let resolver = random.take(&mut taken);
                    ended.push(resolver.id());
                    if random.below(2) == 0 {
                        resolver.resolve(1).unwrap();
                    } else {
                        resolver.fail("refused").unwrap();
                    }
                    "an answer by the mailbox"
                }
                5 if !taken.is_empty() => {
                    drop(random.take(&mut taken));
                    "an abandonment"
                }
                6 if !tasks.is_empty() => {
                    random.take(&mut tasks).abort();
                    "a cancellation"
                }
                7 if !ended.is_empty() => {
                    let id = ended[random.below(ended.len())];
                    let late = scene.executor.resolve_id::<Ask>(id, 666);
                    assert_eq!(late.unwrap_err().into_inner(), 666);
                    "a late answer"
                }
                8 => {
                    scene.assert_hears();
                    "an item"
                }
                _ => "nothing",
            };
            scene.assert_untouched(what);
            run(&mut scene.executor);
            scene.assert_untouched(what);
            tasks.retain(|task| !task.is_finished());
        }
        scene.assert_hears();
        let sent: Vec<u32> = (0..scene.sent).collect();
        assert_eq!(*scene.heard.lock().unwrap(), sent, "seed {seed}");
        drop((taken, shell, scene.listening.task.take()));
        scene.executor.teardown().assert_baseline();
        assert_eq!(scene.listening.rings.count(), sent.len(), "seed {seed}");
    }
}

#[test]
fn nor_do_requests_of_the_listeners_own_task_disarm_it() {
    let mut executor = Executor::<Effect>::new();
    let shell = executor.shell();
    let heard = Trace::new();
    let log = heard.clone();
    drop(executor.spawner().spawn(async move {
        let mut listener = shell.subscribe(Ticks(0));
        let mut clients = FuturesUnordered::new();
        loop {
            futures::select! {
                item = listener.next() => {
                    let Some(item) = item else { return };
                    log.push(format!("item {item}"));
                    clients.push(shell.request(Ask(item)));
                    if clients.len() > 2 {
                        clients.clear();
                        log.push("clear");
                    }
                }
                answer = clients.select_next_some() => log.push(format!("{answer:?}")),
            }
        }
    }));
    run(&mut executor);
    let feed = ticks(&mut executor).feed;
    let step = |executor: &mut Executor<Effect>, item| {
        feed.send(item).unwrap();
        run(executor);
    };
    step(&mut executor, 0);
    ask(&mut executor).resolve(10).unwrap();
    step(&mut executor, 1);
    drop(ask(&mut executor));
    step(&mut executor, 2);
    step(&mut executor, 3);
    let kept = asks(&mut executor);
    step(&mut executor, 4);
    step(&mut executor, 5);
    drop(kept);
    step(&mut executor, 6);
    let items: Vec<_> = heard.take();
    let only: Vec<_> = items
        .iter()
        .filter(|line| line.starts_with("item"))
        .collect();
    assert_eq!(
        only,
        [
            "item 0", "item 1", "item 2", "item 3", "item 4", "item 5", "item 6"
        ]
    );
    assert!(items.contains(&"Ok(10)".into()) && items.contains(&"clear".into()));
}

#[test]
fn a_group_that_shares_its_interest_disarms_the_models_listener() {
    let mut selector = broken::Selector::default();
    let listener = selector.register();
    assert!(selector.is_armed(listener));
    let client = selector.register();
    assert!(selector.is_armed(listener));
    selector.deregister(client);
    assert!(!selector.is_armed(listener), "the model keeps it armed");
}
