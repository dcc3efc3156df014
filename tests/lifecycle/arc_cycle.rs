//! Crux, issue 268: an executor and its spawner were dropped, and a future that awaited the shell never was.

use std::future::{pending, poll_fn};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use stillpoint::{Emitted, Executor, JoinHandle, RequestError, Shell, Spawner};

use crate::broken::arc_cycle as broken;
use crate::support::*;

/// What the task awaits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaits {
    Request,
    Stream,
    Join,
    Select,
    Unordered,
    Shared,
    OwnHandle,
    EachOther,
    StashesItsWaker,
}

/// What the shell does with the effects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effects {
    Untaken,
    Held,
    Dropped,
    Answered,
    Forgotten,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    Dropped,
    TornDown,
}

/// What is still there when the executor is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outlives {
    Nothing,
    Spawner,
    Shell,
    JoinHandles,
    All,
}

/// A waker's place that nothing ever empties but the test.
static STASH: Mutex<Vec<Waker>> = Mutex::new(Vec::new());

/// As `mem::forget`: no destructor runs. A leak checker can tell it from what this crate might leak.
static FORGOTTEN: Mutex<Vec<Effect>> = Mutex::new(Vec::new());

fn stash() -> std::sync::MutexGuard<'static, Vec<Waker>> {
    STASH.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Spawns what awaits; each future holds a clone of `held`.
fn spawn(
    awaits: Awaits,
    spawner: &Spawner,
    shell: &Shell<Effect>,
    held: &Arc<()>,
) -> Vec<JoinHandle<()>> {
    let (shell, held) = (shell.clone(), Arc::clone(held));
    let ask = {
        let (shell, held) = (shell.clone(), Arc::clone(&held));
        move |number| {
            let (shell, held) = (shell.clone(), Arc::clone(&held));
            async move {
                let _ = shell.request(Ask(number)).await;
                pending::<()>().await;
                drop(held);
            }
        }
    };
    match awaits {
        Awaits::Request => vec![spawner.spawn(ask(0))],
        Awaits::Stream => vec![spawner.spawn(async move {
            let _held = held;
            let mut stream = shell.subscribe(Ticks(0));
            while stream.next().await.is_some() {}
            pending().await
        })],
        Awaits::Join => vec![spawner.spawn(async move {
            futures::join!(ask(0), ask(1), ask(2));
        })],
        Awaits::Select => vec![spawner.spawn(async move {
            let (first, second) = (ask(0).fuse(), ask(1).fuse());
            futures::pin_mut!(first, second);
            futures::select! { () = first => {}, () = second => {} }
        })],
        Awaits::Unordered => {
            let asks: FuturesUnordered<_> = (0..3).map(ask).collect();
            vec![spawner.spawn(asks.collect())]
        }
        Awaits::Shared => {
            let shared = ask(0).shared();
            vec![
                spawner.spawn(shared.clone()),
                spawner.spawn(async move { futures::join!(shared.clone(), shared).0 }),
            ]
        }
        Awaits::OwnHandle => {
            let own = Arc::new(Mutex::new(None::<JoinHandle<()>>));
            let within = Arc::clone(&own);
            *own.lock().unwrap() = Some(spawner.spawn(async move {
                let itself = poll_fn(|cx| match &mut *within.lock().unwrap() {
                    Some(own) => own.poll_unpin(cx).map(drop),
                    None => Poll::Pending,
                });
                futures::join!(itself, ask(0));
            }));
            vec![]
        }
        Awaits::EachOther => {
            let handles = [(); 2].map(|()| Arc::new(Mutex::new(None::<JoinHandle<()>>)));
            for number in [0, 1] {
                let (other, ask) = (Arc::clone(&handles[1 - number]), ask(number as u32));
                *handles[number].lock().unwrap() = Some(spawner.spawn(async move {
                    let joined = poll_fn(|cx| match &mut *other.lock().unwrap() {
                        Some(other) => other.poll_unpin(cx).map(drop),
                        None => Poll::Pending,
                    });
                    futures::join!(joined, ask);
                }));
            }
            vec![]
        }
        Awaits::StashesItsWaker => vec![spawner.spawn(async move {
            poll_fn(|cx| {
                stash().push(cx.waker().clone());
                Poll::Ready(())
            })
            .await;
            ask(0).await
        })],
    }
}

fn end_without_a_trace(awaits: Awaits, effects: Effects, ends: Ends, outlives: Outlives) {
    let case = format!("{awaits:?}, {effects:?}, {ends:?}, {outlives:?}");
    let held = Arc::new(());
    let mut executor = Executor::<Effect>::new();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let joins = spawn(awaits, &spawner, &shell, &held);
    run(&mut executor);
    let mut taken = Vec::new();
    if effects != Effects::Untaken {
        taken.extend(executor.drain().map(|emitted| match emitted {
            Emitted::Effect(effect) => effect,
            cancelled => panic!("{case}: {cancelled:?}"),
        }));
        assert!(!taken.is_empty(), "{case}");
    }
    match effects {
        Effects::Untaken | Effects::Held => {}
        Effects::Dropped => taken.clear(),
        Effects::Answered => {
            for effect in taken.drain(..) {
                match effect {
                    Effect::Ask(request) => request.resolve(1).unwrap(),
                    Effect::Ticks(ticks) => ticks.feed.send(1).unwrap(),
                    other => panic!("{case}: {other:?}"),
                }
            }
        }
        Effects::Forgotten => FORGOTTEN.lock().unwrap().append(&mut taken),
    }
    assert!(
        Arc::strong_count(&held) > 1,
        "{case}: there is nothing to free"
    );

    let is = |which| outlives == which || outlives == Outlives::All;
    let spawner = is(Outlives::Spawner).then_some(spawner);
    let shell = is(Outlives::Shell).then_some(shell);
    let joins = is(Outlives::JoinHandles).then_some(joins);
    let report = match ends {
        Ends::Dropped => {
            drop(executor);
            None
        }
        Ends::TornDown => Some(executor.teardown()),
    };
    assert_eq!(
        Arc::strong_count(&held),
        1,
        "{case}: a future outlives its executor"
    );

    assert!(
        spawner
            .as_ref()
            .is_none_or(|spawner| spawner.try_spawn(async {}).is_err())
    );
    assert!(shell.as_ref().is_none_or(Shell::is_closed));
    for join in joins.into_iter().flatten() {
        assert_eq!(end(join), "TornDown", "{case}");
    }
    drop((spawner, shell, taken));
    let stashed = std::mem::take(&mut *stash());
    let is_out = awaits == Awaits::StashesItsWaker;
    assert_eq!(stashed.len(), usize::from(is_out), "{case}");
    if let Some(report) = &report {
        // Where a join handle held the task as well, it is a leak from when that is gone.
        let is_found = is_out && !is(Outlives::JoinHandles);
        assert_eq!(
            report.leaks.len(),
            usize::from(is_found),
            "{case}: {report}"
        );
        assert_eq!(report.is_baseline(), !is_out, "{case}: {report}");
    }
    stashed.into_iter().for_each(Waker::wake);
    if let Some(report) = report {
        report.assert_baseline();
        let is_out = effects == Effects::Forgotten;
        assert_eq!(report.is_unloadable(), !is_out, "{case}: {report}");
    }
}

#[test]
fn no_future_outlives_its_executor_in_any_variant_of_the_seed_case() {
    for awaits in [
        Awaits::Request,
        Awaits::Stream,
        Awaits::Join,
        Awaits::Select,
        Awaits::Unordered,
        Awaits::Shared,
        Awaits::OwnHandle,
        Awaits::EachOther,
        Awaits::StashesItsWaker,
    ] {
        for effects in [
            Effects::Untaken,
            Effects::Held,
            Effects::Dropped,
            Effects::Answered,
            Effects::Forgotten,
        ] {
            for ends in [Ends::Dropped, Ends::TornDown] {
                for outlives in [
                    Outlives::Nothing,
                    Outlives::Spawner,
                    Outlives::Shell,
                    Outlives::JoinHandles,
                    Outlives::All,
                ] {
                    if cfg!(miri) && outlives != Outlives::All {
                        // It would take minutes, and this is all of the others at once.
                        continue;
                    }
                    end_without_a_trace(awaits, effects, ends, outlives);
                }
            }
        }
    }
}

#[test]
fn a_request_that_owns_its_waker_which_owns_its_task_keeps_the_future_for_ever() {
    let held = Arc::new(());
    let (executor, spawner) = broken::executor();
    let state = Arc::new(Mutex::new(broken::State::default()));
    let effect = Arc::clone(&state);
    let (weak, in_task) = (Arc::downgrade(&state), Arc::clone(&held));
    spawner.spawn(async move {
        let _ = broken::ShellRequest(state).await;
        drop(in_task);
    });
    executor.run();
    drop((executor, spawner, effect));
    assert_eq!(Arc::strong_count(&held), 2, "the model does not leak");

    // The cycle is what holds it, and nothing else.
    let state = weak.upgrade().unwrap();
    let waker = state.lock().unwrap().waker.take();
    drop(waker);
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn the_model_works_where_the_shell_answers() {
    let held = Arc::new(());
    let (executor, spawner) = broken::executor();
    let state = Arc::new(Mutex::new(broken::State::default()));
    let (request, in_task) = (broken::ShellRequest(Arc::clone(&state)), Arc::clone(&held));
    spawner.spawn(async move {
        assert_eq!(request.await, 5);
        drop(in_task);
    });
    executor.run();
    let waker = {
        let mut state = state.lock().unwrap();
        state.answer = Some(5);
        state.waker.take()
    };
    waker.unwrap().wake();
    executor.run();
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn a_request_that_is_moved_out_of_its_task_keeps_nothing_of_it() {
    let held = Arc::new(());
    let mut executor = Executor::<Effect>::new();
    let mut inside = Some(executor.shell().request(Ask(1)));
    let (moved, in_task) = (Arc::new(Mutex::new(None)), Arc::clone(&held));
    let outside = Arc::clone(&moved);
    drop(executor.spawner().spawn(poll_fn(move |cx| {
        let _held = &in_task;
        if let Some(mut request) = inside.take() {
            assert!(request.poll_unpin(cx).is_pending());
            *outside.lock().unwrap() = Some(request);
        }
        Poll::<()>::Pending
    })));
    run(&mut executor);
    executor.teardown().assert_baseline();
    assert_eq!(Arc::strong_count(&held), 1);
    let mut request = moved.lock().unwrap().take().unwrap();
    let polled = request.poll_unpin(&mut Context::from_waker(Waker::noop()));
    assert_eq!(polled, Poll::Ready(Err(RequestError::Closed)));
}
