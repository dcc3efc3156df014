//! The tokio driver: a handler per effect, and a shutdown after which nothing runs.
#![cfg(feature = "tokio")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use futures::StreamExt;
use stillpoint::tokio::Driver;
use stillpoint::{Executor, Operation, RequestError, Shell, effects};
use tokio::sync::Notify;

#[derive(Clone, Copy, Debug)]
enum Ask {
    Echo(u32),
    Forget,
    Panic,
    PanicAtOnce,
    Hang,
}

impl Operation for Ask {
    type Output = u32;
}

struct Count(u32);

impl Operation for Count {
    type Output = u32;
}

struct Close(&'static str);

effects! {
    enum Effect {
        Ask => request Ask,
        Count => stream Count,
        Close => notify Close,
    }
}

/// What happened, in order.
#[derive(Clone, Default)]
struct Trace(Arc<Mutex<Vec<String>>>);

impl Trace {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    fn on_drop(&self, what: &'static str) -> OnDrop<impl FnMut() + Send + 'static> {
        let trace = self.clone();
        OnDrop(move || trace.note(what))
    }
}

struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// The shell: it notes what it does.
fn driver(executor: Executor<Effect>, trace: &Trace, hanging: &Arc<Notify>) -> Driver<Effect> {
    let (trace, hanging) = (trace.clone(), Arc::clone(hanging));
    let told = trace.clone();
    Driver::builder(executor)
        .on_cancelled(move |_| told.note("told of a cancel"))
        .start(move |effect| {
            if let Effect::Ask(request) = &effect
                && let Ask::PanicAtOnce = request.operation
            {
                panic!("at once, as it should");
            }
            let (trace, hanging) = (trace.clone(), Arc::clone(&hanging));
            async move {
                match effect {
                    Effect::Ask(request) => match request.operation {
                        Ask::Echo(value) => request.resolve(value).unwrap(),
                        Ask::Forget => drop(request),
                        Ask::Panic => panic!("in a handler, as it should"),
                        Ask::PanicAtOnce => unreachable!(),
                        Ask::Hang => {
                            let _aborted = trace.on_drop("hanging handler dropped");
                            hanging.notify_one();
                            std::future::pending::<()>().await;
                        }
                    },
                    Effect::Count(count) => {
                        for number in 0..count.operation.0 {
                            count.feed.send(number).unwrap();
                            tokio::task::yield_now().await;
                        }
                        count.feed.end().unwrap();
                    }
                    Effect::Close(close) => {
                        tokio::task::yield_now().await;
                        trace.note(format!("closed {}", close.operation.0));
                    }
                }
            }
        })
}

fn on_each_runtime(test: impl AsyncFn()) {
    let current = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    current.block_on(test());
    let multi = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    multi.block_on(test());
}

#[test]
fn every_effect_has_its_handler() {
    on_each_runtime(async || {
        let executor = Executor::new();
        let (spawner, shell) = (executor.spawner(), executor.shell());
        let driver = driver(executor, &Trace::default(), &Arc::default());
        let echoes: Vec<_> = (0..100)
            .map(|number| {
                let shell: Shell<Effect> = shell.clone();
                spawner.spawn(async move { shell.request(Ask::Echo(number)).await })
            })
            .collect();
        let counted =
            spawner.spawn(async move { shell.subscribe(Count(5)).collect::<Vec<_>>().await });
        for (number, echo) in (0..).zip(echoes) {
            assert_eq!(echo.await.unwrap(), Ok(number));
        }
        assert_eq!(counted.await.unwrap(), [0, 1, 2, 3, 4]);
        let report = driver.shutdown().await;
        assert_eq!(
            (report.assert_baseline().totals.tasks, report.tasks),
            (101, 0)
        );
    });
}

#[test]
fn who_waits_for_a_place_has_its_handler_when_there_is_one() {
    on_each_runtime(async || {
        let executor = Executor::builder()
            .max_requests(2)
            .outbox_capacity(1)
            .build();
        let (spawner, shell) = (executor.spawner(), executor.shell());
        let driver = driver(executor, &Trace::default(), &Arc::default());
        let task = spawner.spawn(async move {
            let all = (0..100).map(|number| shell.request(Ask::Echo(number)));
            let all = futures::future::join_all(all).await;
            let counted = shell.subscribe(Count(5)).collect::<Vec<_>>().await;
            (all, counted)
        });
        let (all, counted) = task.await.unwrap();
        assert_eq!(all, (0..100).map(Ok).collect::<Vec<_>>());
        assert_eq!(counted, [0, 1, 2, 3, 4]);
        driver.shutdown().await.assert_baseline();
    });
}

/// On one thread, or whoever waits for others would not be waited for.
#[test]
fn a_core_that_tells_without_a_pause_leaves_the_runtime_to_others() {
    const ALL: usize = 100_000;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let executor = Executor::<Effect>::new();
        let (spawner, shell) = (executor.spawner(), executor.shell());
        let taken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&taken);
        let driver = Driver::new(executor, move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            async {}
        });
        drop(spawner.spawn(async move {
            for _ in 0..ALL {
                shell.notify(Close("a file")).unwrap();
                let mut has_paused = false;
                std::future::poll_fn(|cx| {
                    cx.waker().wake_by_ref();
                    match std::mem::replace(&mut has_paused, true) {
                        true => Poll::Ready(()),
                        false => Poll::Pending,
                    }
                })
                .await;
            }
        }));
        tokio::task::yield_now().await;
        let taken = taken.load(Ordering::Relaxed);
        assert!(taken > 0 && taken < ALL, "{taken}");
        driver.shutdown().await.assert_baseline();
    });
}

#[test]
fn handlers_whose_destructors_panic_do_not_take_the_report_with_them() {
    on_each_runtime(async || {
        let bomb = || OnDrop(|| panic!("as it should"));
        let (performs, hears) = (bomb(), bomb());
        let driver = Driver::builder(Executor::<Effect>::new())
            .on_cancelled(move |_| {
                let _held = &hears;
            })
            .start(move |_| {
                let _held = &performs;
                async {}
            });
        driver.shutdown().await.assert_baseline();
    });
}

#[test]
fn a_handler_that_panics_or_drops_its_request_abandons_it() {
    on_each_runtime(async || {
        let executor = Executor::new();
        let (spawner, shell) = (executor.spawner(), executor.shell());
        let driver = driver(executor, &Trace::default(), &Arc::default());
        for ask in [Ask::Forget, Ask::Panic, Ask::PanicAtOnce] {
            let shell = shell.clone();
            let answer = spawner.spawn(async move { shell.request(ask).await });
            assert_eq!(
                answer.await.unwrap(),
                Err(RequestError::Abandoned),
                "{ask:?}"
            );
        }
        let answer = spawner.spawn(async move { shell.request(Ask::Echo(1)).await });
        assert_eq!(answer.await.unwrap(), Ok(1), "the driver goes on");
        driver.shutdown().await.assert_baseline();
    });
}

#[test]
fn a_cancelled_request_aborts_its_handler() {
    on_each_runtime(async || {
        let (trace, hanging) = (Trace::default(), Arc::new(Notify::new()));
        let executor = Executor::new();
        let (spawner, shell) = (executor.spawner(), executor.shell());
        let driver = driver(executor, &trace, &hanging);
        let task = spawner.spawn(async move { shell.request(Ask::Hang).await });
        hanging.notified().await;
        task.abort();
        assert!(task.await.unwrap_err().is_aborted());
        while trace.0.lock().unwrap().len() < 2 {
            tokio::task::yield_now().await;
        }
        let mut happened = trace.take();
        happened.sort();
        assert_eq!(happened, ["hanging handler dropped", "told of a cancel"]);
        driver.shutdown().await.assert_baseline();
    });
}

#[test]
fn shutdown_delivers_the_last_notices_and_joins_every_handler() {
    on_each_runtime(async || {
        let (trace, hanging) = (Trace::default(), Arc::new(Notify::new()));
        let executor = Executor::new();
        let (spawner, shell) = (executor.spawner(), executor.shell());
        let driver = driver(executor, &trace, &hanging);
        let closer = shell.clone();
        let task = spawner.spawn(async move {
            let _file = OnDrop(move || closer.notify(Close("the file")).unwrap());
            shell.request(Ask::Hang).await
        });
        hanging.notified().await;
        let report = driver.shutdown().await;
        let mut happened = trace.take();
        happened.sort();
        assert_eq!(
            happened,
            [
                "closed the file",
                "hanging handler dropped",
                "told of a cancel"
            ]
        );
        report.assert_baseline();
        assert_eq!(
            (report.tasks, report.requests, report.emitted.len()),
            (1, 1, 0)
        );
        assert!(task.await.unwrap_err().is_torn_down());
        assert!(spawner.try_spawn(async {}).is_err());
        drop(spawner);
        assert!(report.is_unloadable());
    });
}

#[test]
fn a_dropped_driver_shuts_down_in_the_background() {
    on_each_runtime(async || {
        let (trace, hanging) = (Trace::default(), Arc::new(Notify::new()));
        let executor = Executor::new();
        let (spawner, shell) = (executor.spawner(), executor.shell());
        let driver = driver(executor, &trace, &hanging);
        let task = spawner.spawn(async move { shell.request(Ask::Hang).await });
        hanging.notified().await;
        drop(driver);
        assert!(task.await.unwrap_err().is_torn_down());
        while trace.0.lock().unwrap().len() < 2 {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn a_runtime_that_goes_first_takes_the_core_with_it() {
    let held = Arc::new(());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    let executor = Executor::new();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let hanging = Arc::new(Notify::new());
    let (trace, waiting) = (Trace::default(), Arc::clone(&hanging));
    let driver = {
        let _entered = runtime.enter();
        driver(executor, &trace, &hanging)
    };
    let in_task = Arc::clone(&held);
    let task = spawner.spawn(async move {
        let _ = shell.request(Ask::Hang).await;
        drop(in_task);
    });
    runtime.block_on(waiting.notified());
    drop(runtime);
    assert_eq!(Arc::strong_count(&held), 1);
    assert!(task.is_finished() && spawner.is_closed());
    drop(driver);
}

/// Two destructors that panic, one while the other's panic unwinds, would end the process.
#[test]
fn a_runtime_that_goes_first_outlives_handlers_whose_destructors_panic() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let bomb = || OnDrop(|| panic!("as it should"));
    let (performs, hears) = (bomb(), bomb());
    let driver = Driver::builder(Executor::<Effect>::new())
        .runtime(runtime.handle().clone())
        .on_cancelled(move |_| {
            let _held = &hears;
        })
        .start(move |_| {
            let _held = &performs;
            async {}
        });
    runtime.block_on(async { assert!(driver.snapshot().await.is_some()) });
    drop(runtime);
    drop(driver);
}

#[test]
fn a_driver_says_whether_it_runs_and_a_builder_what_it_will_drive() {
    on_each_runtime(async || {
        let executor = Executor::<Effect>::new();
        let shell = executor.shell();
        let builder = Driver::builder(executor);
        assert!(format!("{builder:?}").contains("Executor { tasks: 0"));
        let driver = builder.start(|_| async {});
        assert_eq!(format!("{driver:?}"), "Driver { running: true }");
        driver.shutdown().await.assert_baseline();
        assert!(shell.is_closed());
    });
}

#[test]
fn a_driver_runs_on_the_runtime_that_is_named_or_on_the_one_around_it() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    // Outside every runtime.
    let named = Driver::builder(Executor::<Effect>::new())
        .runtime(runtime.handle().clone())
        .start(|_| async {});
    let around = runtime.block_on(async { Driver::new(Executor::<Effect>::new(), |_| async {}) });
    runtime.block_on(async {
        named.shutdown().await.assert_baseline();
        around.shutdown().await.assert_baseline();
    });
}

#[test]
fn a_handler_that_goes_on_after_its_answer_is_ended_by_the_shutdown() {
    on_each_runtime(async || {
        let executor = Executor::<Effect>::new();
        let (spawner, shell) = (executor.spawner(), executor.shell());
        let driver = Driver::new(executor, |effect| async move {
            if let Effect::Ask(request) = effect {
                request.resolve(1).unwrap();
                std::future::pending::<()>().await;
            }
        });
        let task = spawner.spawn(async move { shell.request(Ask::Forget).await });
        assert_eq!(task.await.unwrap(), Ok(1));
        driver.shutdown().await.assert_baseline();
    });
}

#[test]
fn a_driver_says_what_its_executor_holds_until_its_runtime_goes() {
    on_each_runtime(async || {
        let executor = Executor::new();
        let (spawner, shell) = (executor.spawner(), executor.shell());
        let hanging = Arc::new(Notify::new());
        let driver = driver(executor, &Trace::default(), &hanging);
        let task = spawner
            .name("hangs")
            .spawn(async move { shell.request(Ask::Hang).await });
        hanging.notified().await;
        let snapshot = driver.snapshot().await.unwrap();
        assert_eq!(
            (snapshot.tasks[0].name, snapshot.requests[0].taken),
            (Some("hangs"), true)
        );
        assert_eq!(snapshot.tasks[0].awaits, [snapshot.requests[0].id]);
        // Asked for, and perhaps not waited for.
        let _ = futures::poll!(std::pin::pin!(driver.snapshot()));
        task.abort();
        assert!(task.await.unwrap_err().is_aborted());
        assert_eq!(driver.snapshot().await.unwrap().requests, []);
        driver.shutdown().await.assert_baseline();
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let driver = {
        let _entered = runtime.enter();
        driver(Executor::new(), &Trace::default(), &Arc::default())
    };
    drop(runtime);
    assert_eq!(futures::executor::block_on(driver.snapshot()), None);
}
