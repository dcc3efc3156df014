//! Monoio: closing a file on drop only queued the close; the runtime stopped before the queue was submitted.

use std::collections::HashMap;
use std::fs::File;
use std::future::pending;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::thread;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use stillpoint::{Emitted, Executor, Operation, RequestId, Resolver, Shell, Teardown, effects};

use crate::broken::close_on_drop as broken;
use crate::random::Random;
use crate::support::Trace;

/// Opens the file, and answers with its number.
#[derive(Debug)]
struct Open;

impl Operation for Open {
    type Output = u32;
}

/// Reads it, for as long as the shell likes.
#[derive(Debug)]
struct Read;

impl Operation for Read {
    type Output = ();
}

#[derive(Debug)]
struct Close(u32);

effects! {
    #[derive(Debug)]
    enum Effect {
        Open => request Open,
        Read => request Read,
        Close => notify Close,
    }
}

/// The core's hold on a file of the shell's.
struct Handle {
    number: u32,
    shell: Shell<Effect>,
    trace: Trace,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.trace.push(format!("drop {}", self.number));
        if self.shell.notify(Close(self.number)).is_err() {
            self.trace.push(format!("unheard {}", self.number));
        }
    }
}

fn text(report: &Teardown<Effect>) -> Vec<String> {
    let text = |emitted: &Emitted<Effect>| match emitted {
        Emitted::Effect(Effect::Close(close)) => format!("close {}", close.operation.0),
        Emitted::Effect(other) => format!("{other:?}"),
        Emitted::Cancelled(_) => "cancelled".into(),
    };
    report.emitted.iter().map(text).collect()
}

#[test]
fn what_drops_tell_during_teardown_reaches_the_shell_in_order_before_teardown_reports_done() {
    let trace = Trace::new();
    let mut executor = Executor::<Effect>::new();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let handle = |number| Handle {
        number,
        shell: executor.shell(),
        trace: trace.clone(),
    };
    let (first, second, third) = (handle(1), handle(2), handle(3));
    let reading = shell.clone();
    drop(spawner.spawn(async move {
        let (_first, _second) = (first, second);
        // It is dropped before what was bound above.
        let _ = reading.request(Read).await;
    }));
    drop(spawner.spawn(async move {
        let _third = third;
        pending::<()>().await;
    }));
    // Never polled.
    let fourth = handle(4);
    let _ = executor.run_until_stalled();
    let taken: Vec<_> = executor.drain().collect();
    assert_eq!(taken.len(), 1);
    drop(spawner.spawn(async move {
        pending::<()>().await;
        drop(fourth);
    }));

    let report = executor.teardown();
    let dropped = trace.take();
    let mut sorted = dropped.clone();
    sorted.sort();
    assert_eq!(sorted, ["drop 1", "drop 2", "drop 3", "drop 4"]);
    let mut expected: Vec<_> = dropped
        .iter()
        .map(|line| line.replace("drop", "close"))
        .collect();
    // The request goes before the two files of its task, the later of which goes first.
    let second = expected.iter().position(|line| line == "close 2").unwrap();
    expected.insert(second, "cancelled".into());
    assert_eq!(text(&report), expected);
    assert_eq!(expected[second + 2], "close 1");
    report.assert_baseline();
}

#[test]
fn a_drop_that_causes_drops_is_heard_to_the_last_of_them() {
    let trace = Trace::new();
    let mut executor = Executor::<Effect>::new();
    let spawner = executor.spawner();
    let handle = |number| Handle {
        number,
        shell: executor.shell(),
        trace: trace.clone(),
    };
    let inner = handle(1);
    // Refused during a teardown: what the future held is dropped where it is spawned.
    struct SpawnsOnDrop<F: FnOnce()>(Option<F>);
    impl<F: FnOnce()> Drop for SpawnsOnDrop<F> {
        fn drop(&mut self) {
            if let Some(spawn) = self.0.take() {
                spawn();
            }
        }
    }
    let again = spawner.clone();
    let outer = SpawnsOnDrop(Some(move || {
        drop(again.spawn(async move {
            let _inner = inner;
            pending::<()>().await;
        }));
    }));
    let last = handle(2);
    drop(spawner.spawn(async move {
        let (_last, _outer) = (last, outer);
        pending::<()>().await;
    }));
    // An output that nobody joins yet goes with its handle, held by another task.
    let output = handle(3);
    let done = spawner.spawn(async move { output });
    drop(spawner.spawn(async move {
        let _done = done;
        pending::<()>().await;
    }));
    let _ = executor.run_until_stalled();
    assert_eq!(trace.take(), [""; 0]);

    let report = executor.teardown();
    assert_eq!(trace.take(), ["drop 1", "drop 2", "drop 3"]);
    assert_eq!(text(&report), ["close 1", "close 2", "close 3"]);
    report.assert_baseline();
}

#[test]
fn a_runtime_that_submits_its_queue_before_it_drops_its_tasks_loses_the_close() {
    let mut runtime = broken::Runtime::default();
    let ring = Rc::clone(&runtime.ring);
    let open = |number| broken::File {
        number,
        ring: Rc::clone(&ring),
    };
    runtime.tasks.push(open(1));
    drop(open(2));
    runtime.turn();
    assert_eq!(ring.borrow().closed, [2], "a close is submitted by a turn");
    runtime.shut_down();
    assert_eq!(ring.borrow().closed, [2], "the model loses no close");
}

/// Descriptors of this process that are open on a file.
fn descriptors(path: &Path) -> usize {
    std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter(|target| target == path)
        .count()
}

/// A shell that opens and closes files when it is asked to.
struct Files {
    path: PathBuf,
    open: HashMap<u32, File>,
    next: u32,
    /// What was opened for whom: a request may be cancelled after its answer.
    opened: HashMap<RequestId, u32>,
}

impl Files {
    fn new() -> Self {
        Self {
            path: std::env::current_exe().unwrap().canonicalize().unwrap(),
            open: HashMap::new(),
            next: 0,
            opened: HashMap::new(),
        }
    }

    fn open(&mut self, id: RequestId) -> u32 {
        self.next += 1;
        self.open.insert(self.next, File::open(&self.path).unwrap());
        self.opened.insert(id, self.next);
        self.next
    }

    fn close(&mut self, number: u32) {
        let file = self.open.remove(&number);
        assert!(file.is_some(), "{number} is closed twice");
    }

    /// Performs one emission. What it answers later goes to `later`.
    fn perform(
        &mut self,
        emitted: Emitted<Effect>,
        random: &mut Random,
        later: &mut Vec<(Resolver<Open>, u32)>,
        reads: &mut Vec<Resolver<Read>>,
    ) {
        match emitted {
            Emitted::Effect(Effect::Open(request)) => {
                let number = self.open(request.id());
                if random.below(3) == 0 {
                    later.push((request.resolver, number));
                } else if request.resolve(number).is_err() {
                    self.close(number);
                }
            }
            Emitted::Effect(Effect::Read(request)) => reads.push(request.resolver),
            Emitted::Effect(Effect::Close(close)) => self.close(close.operation.0),
            // Nobody has the number: either no answer was sent, or it was dropped.
            Emitted::Cancelled(id) => {
                if let Some(number) = self.opened.remove(&id) {
                    self.close(number);
                }
            }
        }
    }
}

/// Opens files, one after the other and side by side, and reads them.
async fn work(shell: Shell<Effect>, trace: Trace) {
    let open = || async {
        let number = shell.request(Open).await.ok()?;
        Some(Handle {
            number,
            shell: shell.clone(),
            trace: trace.clone(),
        })
    };
    loop {
        let first = open().await;
        let _ = shell.request(Read).await;
        let mut beside: FuturesUnordered<_> = (0..3).map(|_| open()).collect();
        let second = beside.next().await;
        let _ = shell.request(Read).await;
        drop((first, beside));
        let _ = shell.request(Read).await;
        drop(second);
    }
}

#[test]
#[cfg_attr(any(miri, not(target_os = "linux")), ignore = "counts in /proc")]
fn every_descriptor_is_closed_again_over_a_thousand_rounds() {
    let path = Files::new().path;
    let baseline = descriptors(&path);
    let mut most = 0;
    for seed in 0..1_000 {
        let mut random = Random::seeded(seed);
        let mut files = Files::new();
        let trace = Trace::new();
        let mut executor = Executor::<Effect>::new();
        let mut tasks: Vec<_> = (0..4)
            .map(|_| {
                executor
                    .spawner()
                    .spawn(work(executor.shell(), trace.clone()))
            })
            .collect();
        let (mut later, mut reads) = (Vec::new(), Vec::new());
        for _ in 0..random.below(40) {
            let _ = executor.run_for(1 + random.below(8));
            for _ in 0..random.below(4) {
                if let Some(emitted) = executor.drain().next() {
                    files.perform(emitted, &mut random, &mut later, &mut reads);
                }
            }
            if !reads.is_empty() {
                let _ = random.take(&mut reads).resolve(());
            }
            if !later.is_empty() && random.below(2) == 0 {
                let (resolver, number) = random.take(&mut later);
                let _ = resolver.resolve(number);
            }
            if random.below(20) == 0 && !tasks.is_empty() {
                random.take(&mut tasks).abort();
            }
        }
        most = most.max(files.open.len());
        // Some answers come by other threads, while it is torn down.
        let report = thread::scope(|scope| {
            scope.spawn(|| {
                for (resolver, number) in later {
                    let _ = resolver.resolve(number);
                }
            });
            executor.teardown()
        });
        report.assert_baseline();
        for emitted in report.emitted {
            files.perform(emitted, &mut random, &mut Vec::new(), &mut reads);
        }
        assert_eq!(files.open.len(), 0, "seed {seed}");
        assert_eq!(descriptors(&path), baseline, "seed {seed}");
    }
    assert!(most > 4, "no more than {most} files were open at once");
}
