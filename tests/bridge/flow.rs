//! How it goes when all goes well.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::StreamExt;
use serde_json::json;
use stillpoint::{Executor, LocalExecutor, Overflow};

use super::*;
use crate::in_each_format;

in_each_format! {
    #[test]
    fn a_request_goes_out_with_its_id_and_its_answer_comes_in_by_it(format) {
        let mut scene = Scene::new(format, |executor, shell, trace| {
            drop(executor.spawn(async move {
                trace.push(format!("{:?}", shell.request(Ask(1)).await));
                trace.push(format!("{:?}", shell.request(Find { name: "Ada" }).await));
            }));
        });
        let batch = scene.turn();
        assert_eq!(
            batch,
            [json!({"type": "request", "id": id(&batch[0]).to_u64(), "effect": "Ask", "operation": 1})]
        );
        let answer = scene.write(7);
        scene.bridge.resolve(id(&batch[0]), &answer).unwrap();
        let batch = scene.turn();
        assert_eq!(batch[0]["operation"], json!({"name": "Ada"}));
        let ada = Person { name: "Ada".into(), ages: vec![36] };
        let answer = scene.write(&ada);
        scene.bridge.resolve(id(&batch[0]), &answer).unwrap();
        assert_eq!(scene.turn(), [json!(null); 0]);
        assert_eq!(scene.trace.take(), ["Ok(7)".to_owned(), format!("{:?}", Ok::<_, ()>(ada))]);
        assert_eq!(short(&scene.teardown()), ["report"]);
    }

    #[test]
    fn a_batch_makes_room_for_who_waits_and_rings_for_it(format) {
        let rings = Arc::new(AtomicUsize::new(0));
        let bell = Arc::clone(&rings);
        let mut scene = Scene::new(format, |executor, _, trace| {
            *executor = Executor::builder()
                .outbox_capacity(2)
                .max_requests(3)
                .on_ready(move || {
                    bell.fetch_add(1, Ordering::SeqCst);
                })
                .build();
            let shell = executor.shell();
            drop(executor.spawn(async move {
                let all = (0..5).map(|number| shell.request(Ask(number)));
                trace.push(format!("{:?}", futures::future::join_all(all).await));
            }));
        });
        let asked = |batch: &[Value]| -> Vec<_> {
            batch.iter().map(|item| item["operation"].clone()).collect()
        };
        let first = scene.turn();
        assert_eq!(asked(&first), [json!(0), json!(1)]);
        // For the spawn, and for the places in the outbox, of which one may be used.
        assert_eq!(rings.load(Ordering::SeqCst), 2);
        let requests = &scene.snapshot()["requests"];
        let waits = |index: usize| requests[index]["state"] == json!("waiting");
        assert_eq!([0, 1, 2, 3, 4].map(waits), [false, false, true, true, true]);
        let waiting = RequestId::from_u64(requests[2]["id"].as_u64().unwrap());
        let answer = scene.write(7);
        let refused = scene.bridge.resolve(waiting, &answer).unwrap_err();
        assert!(matches!(refused, BridgeError::Unknown(_)), "{refused}");
        let second = scene.turn();
        assert_eq!(asked(&second), [json!(2)]);
        assert_eq!(rings.load(Ordering::SeqCst), 2);
        for item in first.iter().chain(&second) {
            scene.bridge.resolve(id(item), &answer).unwrap();
        }
        assert_eq!(rings.load(Ordering::SeqCst), 3);
        let last = scene.turn();
        assert_eq!(asked(&last), [json!(3), json!(4)]);
        for item in &last {
            scene.bridge.resolve(id(item), &answer).unwrap();
        }
        scene.turn();
        assert_eq!(scene.trace.take(), ["[Ok(7), Ok(7), Ok(7), Ok(7), Ok(7)]"]);
        scene.teardown();
    }

    #[test]
    fn a_stream_outlives_its_feed_and_ends_when_it_is_ended(format) {
        let mut scene = Scene::new(format, |executor, shell, trace| {
            drop(executor.spawn(async move {
                let mut ticks = shell.subscribe(Ticks);
                while let Some(tick) = ticks.next().await {
                    trace.push(tick.to_string());
                }
                trace.push(format!("{:?}", ticks.ended_by()));
            }));
        });
        let batch = scene.turn();
        assert_eq!(short(&batch), ["stream Ticks"]);
        let ticks = id(&batch[0]);
        for tick in 1..4 {
            let item = scene.write(tick);
            scene.bridge.send(ticks, &item).unwrap();
            scene.turn();
        }
        assert_eq!(scene.trace.take(), ["1", "2", "3"]);
        scene.bridge.end(ticks).unwrap();
        scene.turn();
        assert_eq!(scene.trace.take(), ["Some(Ok(()))"]);
        scene.teardown();
    }

    #[test]
    fn a_failure_reaches_the_task_of_a_request_and_of_a_stream(format) {
        let mut scene = Scene::new(format, |executor, shell, trace| {
            drop(executor.spawn(async move {
                trace.push(format!("{:?}", shell.request(Ask(1)).await));
                let mut ticks = shell.subscribe(Ticks);
                while ticks.next().await.is_some() {}
                trace.push(format!("{:?}", ticks.ended_by()));
            }));
        });
        for why in ["offline", "unplugged"] {
            let batch = scene.turn();
            scene.bridge.fail(id(&batch[0]), why).unwrap();
        }
        scene.turn();
        assert_eq!(
            scene.trace.take(),
            ["Err(Failed(\"offline\"))", "Some(Err(Failed(\"unplugged\")))"]
        );
        scene.teardown();
    }

    #[test]
    fn a_full_stream_says_so_and_loses_nothing(format) {
        let mut scene = Scene::new(format, |executor, shell, trace| {
            drop(executor.spawn(async move {
                let mut ticks = shell.subscribe(Ticks).overflow(Overflow::Reject(2));
                while let Some(tick) = ticks.next().await {
                    trace.push(tick.to_string());
                }
            }));
        });
        let ticks = id(&scene.turn()[0]);
        let numbers: Vec<_> = (1..=3).map(|number| scene.write(number)).collect();
        scene.bridge.send(ticks, &numbers[0]).unwrap();
        scene.bridge.send(ticks, &numbers[1]).unwrap();
        let full = scene.bridge.send(ticks, &numbers[2]).unwrap_err();
        assert_eq!(full.code(), "full");
        scene.turn();
        scene.bridge.send(ticks, &numbers[2]).unwrap();
        scene.turn();
        assert_eq!(scene.trace.take(), ["1", "2", "3"]);
        scene.teardown();
    }

    #[test]
    fn a_batch_has_everything_in_the_order_in_which_it_was_emitted_and_panics_last(format) {
        let mut scene = Scene::new(format, |executor, shell, _| {
            drop(executor.spawn({
                let shell = shell.clone();
                async move {
                    shell.notify(Say("first".into())).unwrap();
                    let _ = futures::future::join(shell.request(Ask(1)), shell.request(Ask(2))).await;
                    panic!("as it should");
                }
            }));
            drop(executor.spawn(async move {
                shell.notify(Say("then".into())).unwrap();
            }));
        });
        let batch = scene.turn();
        assert_eq!(short(&batch), ["notify Say", "request Ask", "request Ask", "notify Say"]);
        assert_eq!(batch[3]["operation"], "then");
        for asked in &batch[1..3] {
            let answer = scene.write(0);
            scene.bridge.resolve(id(asked), &answer).unwrap();
        }
        let batch = scene.turn();
        assert_eq!(short(&batch), ["panic"]);
        assert_eq!(batch[0]["message"], "as it should");
        assert!(batch[0]["place"].as_str().unwrap().contains("flow.rs"));
        scene.teardown();
    }

    #[test]
    fn a_cancelled_request_is_a_notice_and_an_untaken_one_is_nothing(format) {
        let mut task = None;
        let mut scene = Scene::new(format, |executor, shell, _| {
            task = Some(executor.spawn(async move { shell.request(Ask(1)).await }));
        });
        let asked = id(&scene.turn()[0]);
        task.take().unwrap().abort();
        assert_eq!(scene.turn(), [json!({"type": "cancelled", "id": asked.to_u64()})]);
        let answer = scene.write(1);
        assert_eq!(scene.bridge.resolve(asked, &answer).unwrap_err().code(), "stale");
        scene.teardown();
    }

    #[test]
    fn a_snapshot_names_tasks_and_requests(format) {
        let mut spawned = Scene::new(format, |executor, _, _| {
            drop(executor.spawn(async {}));
            drop(executor.spawner().spawn(async {}));
        });
        assert_eq!(spawned.snapshot()["tasks"].as_array().unwrap().len(), 2);
        let mut scene = Scene::new(format, |executor, shell, _| {
            let other = shell.clone();
            drop(executor.spawner().name("asker").spawn(async move { shell.request(Ask(1)).await }));
            drop(executor.spawner().spawn(async move { other.subscribe(Ticks).next().await }));
        });
        scene.bridge.run(1000).unwrap();
        let untaken = scene.snapshot();
        assert_eq!(untaken["requests"][0]["taken"], false);
        assert_eq!(untaken["requests"][0]["effect"], json!(null));
        let batch = scene.drain();
        let answer = scene.write(5);
        scene.bridge.resolve(id(&batch[0]), &answer).unwrap();
        let seen = scene.snapshot();
        assert_eq!(seen["version"], 1);
        assert_eq!(seen["tasks"][0]["name"], "asker");
        assert!(seen["tasks"][0]["place"].as_str().unwrap().contains("flow.rs"));
        let asked = &seen["requests"][0];
        assert_eq!(
            (&asked["id"], &asked["effect"], &asked["kind"], &asked["taken"], &asked["queued"]),
            (&batch[0]["id"], &json!("Ask"), &json!("request"), &json!(true), &json!(1))
        );
        assert!(asked["operation"].as_str().unwrap().ends_with("::Ask"));
        assert_eq!(asked["task"], seen["tasks"][0]["id"]);
        assert_eq!(seen["requests"][1]["kind"], "stream");
        scene.teardown();
    }

    #[test]
    fn a_teardown_gives_the_last_batch_and_the_report_and_then_every_call_is_refused(format) {
        struct Close(Shell<Effect>);
        impl Drop for Close {
            fn drop(&mut self) {
                self.0.notify(Say("closed".into())).unwrap();
            }
        }
        let mut scene = Scene::new(format, |executor, shell, _| {
            drop(executor.spawn(async move {
                let close = Close(shell.clone());
                let _ = shell.request(Ask(1)).await;
                drop(close);
            }));
        });
        let asked = id(&scene.turn()[0]);
        let last = scene.bridge.teardown().unwrap();
        let last = items(format, &last);
        assert_eq!(short(&last), ["cancelled", "notify Say", "report"]);
        assert_eq!((&last[0]["id"], &last[1]["operation"]), (&json!(asked.to_u64()), &json!("closed")));
        let report = &last[2];
        assert_eq!(
            (&report["tasks"], &report["requests"], &report["isBaseline"], &report["notifications"]),
            (&json!(1), &json!(1), &json!(true), &json!(1))
        );
        assert_eq!(report["outstanding"]["resolvers"], 0);
        let bridge = &mut scene.bridge;
        assert!(bridge.report().unwrap().is_unloadable());
        let torn_down = [
            bridge.run(1).map(drop),
            bridge.drain().map(drop),
            bridge.resolve(asked, b"1"),
            bridge.send(asked, b"1"),
            bridge.fail(asked, "late"),
            bridge.end(asked),
            bridge.snapshot().map(drop),
            bridge.teardown().map(drop),
        ];
        for refused in torn_down {
            assert_eq!(refused.unwrap_err().code(), "tornDown");
        }
    }

    #[test]
    fn nothing_is_left_when_a_bridge_is_dropped(format) {
        let held = Arc::new(());
        let mut scene = Scene::new(format, |executor, shell, _| {
            let held = Arc::clone(&held);
            drop(executor.spawn(async move {
                let _ = shell.request(Ask(1)).await;
                drop(held);
            }));
        });
        scene.turn();
        assert_eq!(Arc::strong_count(&held), 2);
        drop(scene);
        assert_eq!(Arc::strong_count(&held), 1);
    }
}

#[test]
fn a_budget_bounds_a_turn() {
    let mut scene = Scene::new(Json, |executor, _, _| {
        drop(executor.spawn(async {
            loop {
                let mut polled = false;
                std::future::poll_fn(|cx| {
                    cx.waker().wake_by_ref();
                    match std::mem::replace(&mut polled, true) {
                        true => std::task::Poll::Ready(()),
                        false => std::task::Poll::Pending,
                    }
                })
                .await;
            }
        }));
    });
    let settled = scene.bridge.run(5).unwrap();
    assert_eq!((settled.polled, settled.budget_spent), (5, true));
    scene.teardown();
}

#[test]
fn a_panic_is_told_to_the_executors_own_listener_as_well() {
    let trace = Trace::default();
    let told = trace.clone();
    let mut executor = Executor::<Effect>::builder()
        .on_panic(move |panic| told.push(panic.message()))
        .build();
    drop(executor.spawn(async { panic!("as it should") }));
    let mut bridge = Bridge::new(executor);
    bridge.run(10).unwrap();
    assert_eq!(trace.take(), ["as it should"]);
    let batch = bridge.drain().unwrap();
    assert_eq!(short(&items(Json, &batch)), ["panic"]);
}

#[test]
fn a_local_executor_has_a_bridge_as_well() {
    let mut executor = LocalExecutor::<Effect>::new();
    let (shell, seen) = (executor.shell(), std::rc::Rc::new(std::cell::Cell::new(0)));
    let sees = std::rc::Rc::clone(&seen);
    drop(executor.spawn_local(async move {
        sees.set(shell.request(Ask(1)).await.unwrap());
    }));
    let mut bridge = stillpoint::bridge::LocalBridge::new(executor);
    bridge.run(10).unwrap();
    let batch = items(Json, &bridge.drain().unwrap());
    bridge.resolve(id(&batch[0]), b"9").unwrap();
    bridge.run(10).unwrap();
    assert_eq!(seen.get(), 9);
    bridge.teardown().unwrap();
    bridge.report().unwrap().assert_baseline();
}

#[test]
fn a_buffer_that_is_kept_is_appended_to() {
    let mut scene = Scene::new(Json, |_, _, _| {});
    let mut buffer = b"before ".to_vec();
    scene.bridge.drain_into(&mut buffer).unwrap();
    assert_eq!(buffer, br#"before {"version":1,"items":[]}"#);
    scene.teardown();
}

#[test]
fn a_batch_of_bounded_size_leaves_the_rest_in_its_order() {
    let mut scene = Scene::new(Json, |executor, shell, _| {
        drop(executor.spawn(async move {
            let asked = shell.request(Ask(1));
            let other = shell.request(Ask(2));
            shell.notify(Say("x".repeat(1000))).unwrap();
            let _ = futures::future::join(asked, other).await;
        }));
        drop(executor.spawn(async { panic!("one") }));
        drop(executor.spawn(async { panic!("two") }));
    });
    scene.bridge.run(10).unwrap();
    let mut batches = Vec::new();
    loop {
        let mut buffer = Vec::new();
        let is_more = scene.bridge.drain_up_to(100, &mut buffer).unwrap();
        batches.push(short(&items(Json, &buffer)).join(", "));
        if !is_more {
            break;
        }
    }
    let said = ["notify Say", "request Ask, request Ask", "panic", "panic"];
    assert_eq!(batches, said);
    let mut buffer = Vec::new();
    assert!(!scene.bridge.drain_up_to(0, &mut buffer).unwrap());
    assert_eq!(buffer, br#"{"version":1,"items":[]}"#);
    scene.teardown();
}
