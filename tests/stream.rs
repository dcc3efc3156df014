//! Rule 14: streams, their order, their room and their end.

mod support;

use std::future::{pending, poll_fn};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures::stream::FusedStream;
use futures::{FutureExt, StreamExt};
use stillpoint::{Emitted, Executor, Feed, Overflow, Reason, RequestError, ShellStream};
use support::*;

/// A task that traces each tick and the end, and the shell's feed.
fn listening(overflow: Overflow) -> (Executor<Effect>, Feed<Ticks>, Trace) {
    let mut executor = Executor::<Effect>::new();
    let (shell, trace) = (executor.shell(), Trace::new());
    let log = trace.clone();
    drop(executor.spawner().spawn(async move {
        let mut stream = shell.subscribe(Ticks(0)).overflow(overflow);
        while let Some(tick) = stream.next().await {
            log.push(tick.to_string());
        }
        log.push(format!("{:?}", stream.ended_by()));
    }));
    run(&mut executor);
    let feed = ticks(&mut executor).feed;
    (executor, feed, trace)
}

#[test]
fn rule_14_items_come_out_in_the_order_sent_and_those_before_the_end_are_delivered() {
    let (mut executor, feed, trace) = listening(Overflow::default());
    for tick in 0..3 {
        feed.send(tick).unwrap();
    }
    run(&mut executor);
    trace.push("turn");
    for tick in 3..6 {
        feed.send(tick).unwrap();
    }
    feed.end().unwrap();
    assert_eq!(executor.run_until_stalled().completed, 1);
    assert_eq!(
        trace.take(),
        ["0", "1", "2", "turn", "3", "4", "5", "Some(Ok(()))"]
    );
}

#[test]
fn rule_14_the_hosts_calls_come_after_what_the_mailbox_held_when_they_were_made() {
    let (mut executor, feed, trace) = listening(Overflow::default());
    feed.send(1).unwrap();
    executor.send(&feed, 2).unwrap();
    feed.send(3).unwrap();
    executor.send_id::<Ticks>(feed.id(), 4).unwrap();
    feed.send(5).unwrap();
    executor.end(&feed).unwrap();
    run(&mut executor);
    assert_eq!(trace.take(), ["1", "2", "3", "4", "5", "Some(Ok(()))"]);
}

#[test]
fn rule_14_what_a_feed_does_in_a_turn_comes_after_what_was_sent_from_elsewhere() {
    type Last = fn(Feed<Ticks>);
    let lasts: [(Last, &[&str]); 4] = [
        (|feed| feed.end().unwrap(), &["1", "Some(Ok(()))"]),
        (
            |feed| feed.fail("x").unwrap(),
            &["1", "Some(Err(Failed(\"x\")))"],
        ),
        (drop, &["1", "Some(Err(Abandoned))"]),
        (
            |feed| feed.send(2).unwrap(),
            &["1", "2", "Some(Err(Abandoned))"],
        ),
    ];
    for (last, expected) in lasts {
        let (mut executor, feed, trace) = listening(Overflow::default());
        drop(executor.spawn(async move {
            let other = feed.clone();
            let sending = std::thread::spawn(move || other.send(1).unwrap());
            sending.join().unwrap();
            last(feed);
        }));
        assert_eq!(executor.run_until_stalled().pending, 0);
        assert_eq!(trace.take(), expected);
        executor.teardown().assert_baseline();
    }
}

/// The destructor of an answer that comes too late runs while what was sent after that is still on its way.
#[test]
fn rule_14_what_a_destructor_does_with_a_feed_comes_after_what_was_sent() {
    let (mut executor, feed, trace) = listening(Overflow::default());
    let shell = executor.shell();
    let task = executor.spawn(async move { shell.request(Swap(Thing::quiet())).await });
    run(&mut executor);
    let late = swap(&mut executor);
    task.abort();
    run(&mut executor);
    let ends = feed.clone();
    late.resolve(Thing::new(move || ends.end().unwrap()))
        .unwrap();
    feed.send(1).unwrap();
    run(&mut executor);
    assert_eq!(trace.take(), ["1", "Some(Ok(()))"]);
}

#[test]
fn rule_14_a_stream_ends_in_each_way_after_what_was_sent() {
    type End = fn(&mut Executor<Effect>, Feed<Ticks>);
    let ends: [(&str, End, &str); 8] = [
        ("end", |_, feed| feed.end().unwrap(), "Some(Ok(()))"),
        ("drop", |_, feed| drop(feed), "Some(Err(Abandoned))"),
        (
            "fail",
            |_, feed| feed.fail("x").unwrap(),
            "Some(Err(Failed(\"x\")))",
        ),
        (
            "host ends",
            |executor, feed| executor.end(&feed).unwrap(),
            "Some(Ok(()))",
        ),
        (
            "end by id",
            |executor, feed| executor.end_id(feed.id()).unwrap(),
            "Some(Ok(()))",
        ),
        (
            "fail by id",
            |executor, feed| executor.fail_id(feed.id(), "y").unwrap(),
            "Some(Err(Failed(\"y\")))",
        ),
        (
            "the first end counts",
            |_, feed| {
                feed.clone().end().unwrap();
                drop(feed);
            },
            "Some(Ok(()))",
        ),
        (
            "on a thread",
            |_, feed| std::thread::spawn(move || drop(feed)).join().unwrap(),
            "Some(Err(Abandoned))",
        ),
    ];
    for (name, end, expected) in ends {
        let (mut executor, feed, trace) = listening(Overflow::default());
        feed.send(1).unwrap();
        end(&mut executor, feed);
        run(&mut executor);
        assert_eq!(
            (name, trace.take()),
            (name, vec!["1".to_string(), expected.into()])
        );
        assert_eq!(
            drained(&mut executor),
            [""; 0],
            "the shell ended it: no notice"
        );
        assert_eq!(executor.snapshot().requests, []);
        executor.teardown().assert_baseline();
    }
}

#[test]
fn rule_14_the_last_of_several_feeds_abandons() {
    let (mut executor, feed, trace) = listening(Overflow::default());
    let other = feed.clone();
    assert_eq!(feed.id(), other.id());
    drop(feed);
    run(&mut executor);
    assert_eq!(trace.take(), [""; 0]);
    other.send(1).unwrap();
    drop(other);
    run(&mut executor);
    assert_eq!(trace.take(), ["1", "Some(Err(Abandoned))"]);
}

#[test]
fn rule_14_an_item_after_the_end_is_known_to_the_host_and_dropped_from_elsewhere() {
    let (mut executor, feed, trace) = listening(Overflow::default());
    let other = feed.clone();
    feed.end().unwrap();
    other.send(7).unwrap();
    let error = executor.send(&other, 8).unwrap_err();
    assert_eq!(
        (error.reason(), error.into_inner()),
        (Reason::AlreadyAnswered, 8)
    );
    run(&mut executor);
    assert_eq!(
        executor.send(&other, 9).unwrap_err().reason(),
        Reason::Stale
    );
    assert_eq!(trace.take(), ["Some(Ok(()))"]);
}

#[test]
fn rule_14_reject_gives_the_item_back_and_room_comes_with_each_item_taken() {
    let (mut executor, feed, trace) = listening(Overflow::Reject(2));
    feed.send(1).unwrap();
    executor.send(&feed, 2).unwrap();
    let full = feed.send(3).unwrap_err();
    assert_eq!((full.reason(), full.into_inner()), (Reason::Full, 3));
    let full = executor.send(&feed, 4).unwrap_err();
    assert_eq!((full.reason(), full.into_inner()), (Reason::Full, 4));
    assert_eq!(
        executor
            .send_id::<Ticks>(feed.id(), 4)
            .unwrap_err()
            .reason(),
        Reason::Full
    );
    run(&mut executor);
    for tick in 5..7 {
        feed.send(tick).unwrap();
    }
    assert_eq!(feed.send(7).unwrap_err().reason(), Reason::Full);
    feed.end().unwrap();
    run(&mut executor);
    assert_eq!(trace.take(), ["1", "2", "5", "6", "Some(Ok(()))"]);
}

#[test]
fn rule_14_reject_counts_over_all_feeds_and_threads() {
    let (mut executor, feed, trace) = listening(Overflow::Reject(10));
    let accepted: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let feed = feed.clone();
                scope.spawn(move || (0..10).filter(|tick| feed.send(*tick).is_ok()).count())
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert_eq!(accepted, 10);
    run(&mut executor);
    assert_eq!(
        trace.take().len(),
        10,
        "all that were accepted are delivered"
    );
}

#[test]
fn rule_14_drop_oldest_and_latest_keep_the_newest() {
    for (overflow, kept) in [
        (Overflow::DropOldest(3), vec!["7", "8", "9", "Some(Ok(()))"]),
        (Overflow::Latest, vec!["9", "Some(Ok(()))"]),
        (Overflow::DropOldest(0), vec!["9", "Some(Ok(()))"]),
    ] {
        for by_host in [false, true] {
            let (mut executor, feed, trace) = listening(overflow);
            for tick in 0..10 {
                if by_host {
                    executor.send(&feed, tick).unwrap();
                } else {
                    feed.send(tick).unwrap();
                }
            }
            feed.end().unwrap();
            run(&mut executor);
            assert_eq!(trace.take(), kept);
        }
    }
}

#[test]
fn rule_14_an_item_that_has_to_make_room_is_dropped_then() {
    let mut executor = Executor::<Effect>::new();
    let (shell, trace) = (executor.shell(), Trace::new());
    drop(executor.spawner().spawn(async move {
        let mut stream = shell.subscribe(Flow).overflow(Overflow::Latest);
        poll_fn(|cx| {
            let _ = stream.poll_next_unpin(cx);
            Poll::Ready(())
        })
        .await;
        pending::<()>().await;
        drop(stream);
    }));
    run(&mut executor);
    let feed = flow(&mut executor).feed;
    executor.send(&feed, Thing::probe(&trace, "first")).unwrap();
    trace.push("sent");
    executor
        .send(&feed, Thing::probe(&trace, "second"))
        .unwrap();
    trace.push("sent");
    drop(executor);
    assert_eq!(trace.take(), ["sent", "drop first", "sent", "drop second"]);
}

#[test]
fn rule_14_a_reject_of_nothing_takes_one() {
    let (mut executor, feed, trace) = listening(Overflow::Reject(0));
    feed.send(1).unwrap();
    assert_eq!(feed.send(2).unwrap_err().reason(), Reason::Full);
    run(&mut executor);
    assert_eq!(trace.take(), ["1"]);
}

#[test]
fn rule_14_overflow_after_the_first_poll_changes_nothing() {
    let mut executor = Executor::<Effect>::new();
    let (shell, trace) = (executor.shell(), Trace::new());
    let log = trace.clone();
    drop(executor.spawner().spawn(async move {
        let mut stream = shell.subscribe(Ticks(0)).overflow(Overflow::DropOldest(2));
        poll_fn(|cx| {
            assert!(stream.poll_next_unpin(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        let mut stream = stream.overflow(Overflow::Latest);
        while let Some(tick) = stream.next().await {
            log.push(tick.to_string());
        }
    }));
    run(&mut executor);
    let feed = ticks(&mut executor).feed;
    (0..5).for_each(|tick| feed.send(tick).unwrap());
    run(&mut executor);
    assert_eq!(trace.take(), ["3", "4"]);
}

/// What is sent to nobody is no reason to tell a shell that it should wait for room.
#[test]
fn rule_14_a_stream_that_is_cancelled_is_never_full() {
    let mut executor = Executor::<Effect>::new();
    let shell = executor.shell();
    let task = executor.spawner().spawn(async move {
        let _ = shell
            .subscribe(Ticks(0))
            .overflow(Overflow::Reject(2))
            .next()
            .await;
    });
    run(&mut executor);
    let feed = ticks(&mut executor).feed;
    task.abort();
    run(&mut executor);
    let mut reasons = Vec::new();
    for tick in 0..5 {
        reasons.push(feed.send(tick).map_err(|error| error.reason()));
        run(&mut executor);
    }
    assert!(!reasons.contains(&Err(Reason::Full)), "{reasons:?}");
}

#[test]
fn p5_delivering_an_item_never_disarms_a_stream() {
    let (mut executor, feed, trace) = listening(Overflow::default());
    for tick in 0..5 {
        feed.send(tick).unwrap();
        assert_eq!(executor.run_until_stalled().polled, 1);
        assert_eq!(trace.take(), [tick.to_string()]);
        assert_eq!(executor.run_until_stalled().polled, 0);
    }
}

#[test]
fn p5_delivering_an_item_through_a_combinator_never_disarms_a_stream() {
    let mut executor = Executor::<Effect>::new();
    let (shell, trace) = (executor.shell(), Trace::new());
    let log = trace.clone();
    drop(executor.spawner().spawn(async move {
        let streams = [1, 2].map(|number| {
            shell
                .subscribe(Ticks(number))
                .map(move |tick| (number, tick))
        });
        let mut all = futures::stream::select_all(streams);
        while let Some((number, tick)) = all.next().await {
            log.push(format!("{number}: {tick}"));
        }
        log.push("end");
    }));
    run(&mut executor);
    let feeds = [ticks(&mut executor).feed, ticks(&mut executor).feed];
    for round in 0..3 {
        for feed in &feeds {
            feed.send(round).unwrap();
            run(&mut executor);
        }
    }
    drop(feeds);
    run(&mut executor);
    assert_eq!(
        trace.take(),
        ["1: 0", "2: 0", "1: 1", "2: 1", "1: 2", "2: 2", "end"]
    );
}

/// So that what comes later is not slept through by a consumer that leaves it for later.
#[test]
fn p5_each_item_wakes_who_registered_last_though_he_has_not_polled_since() {
    let mut executor = Executor::<Effect>::new();
    let (shell, rings) = (executor.shell(), Rings::new());
    let waker = Waker::from(Arc::clone(&rings));
    drop(executor.spawner().spawn(async move {
        let mut stream = shell.subscribe(Ticks(0));
        poll_fn(|_| {
            let mut cx = Context::from_waker(&waker);
            assert!(stream.poll_next_unpin(&mut cx).is_pending());
            Poll::Ready(())
        })
        .await;
        pending::<()>().await;
        drop(stream);
    }));
    run(&mut executor);
    let feed = ticks(&mut executor).feed;
    for round in 0..3 {
        executor.send(&feed, round).unwrap();
    }
    assert_eq!(rings.count(), 3);
    feed.end().unwrap();
    run(&mut executor);
    assert_eq!(rings.count(), 4);
}

#[test]
fn p5_a_waker_that_registers_another_when_it_is_woken_is_not_put_back() {
    let mut executor = Executor::<Effect>::new();
    let (shell, rings, trace) = (executor.shell(), Rings::new(), Trace::new());
    let slot = Arc::new(Mutex::new(None::<ShellStream<Ticks, Effect>>));
    let (parked, log, second) = (
        Arc::clone(&slot),
        trace.clone(),
        Waker::from(Arc::clone(&rings)),
    );
    let first = waker_that(move || {
        log.push("first");
        let mut stream = parked.lock().unwrap();
        let cx = &mut Context::from_waker(&second);
        while let Poll::Ready(Some(tick)) = stream.as_mut().unwrap().poll_next_unpin(cx) {
            log.push(tick.to_string());
        }
    });
    let park = Arc::clone(&slot);
    drop(executor.spawner().spawn(async move {
        let mut stream = shell.subscribe(Ticks(0));
        let mut cx = Context::from_waker(&first);
        assert!(stream.poll_next_unpin(&mut cx).is_pending());
        *park.lock().unwrap() = Some(stream);
    }));
    run(&mut executor);
    let feed = ticks(&mut executor).feed;
    executor.send(&feed, 1).unwrap();
    assert_eq!(
        (trace.take(), rings.count()),
        (vec!["first".into(), "1".into()], 0)
    );
    executor.send(&feed, 2).unwrap();
    assert_eq!((trace.take(), rings.count()), (vec![], 1));
    drop(slot.lock().unwrap().take());
}

#[test]
fn dropping_a_next_loses_nothing_and_the_stream_moves_between_tasks() {
    let mut executor = Executor::<Effect>::new();
    let shell = executor.shell();
    let first = executor.spawner().spawn(async move {
        let mut stream = shell.subscribe(Ticks(0));
        for _ in 0..3 {
            let _ = stream.next().now_or_never();
        }
        stream
    });
    run(&mut executor);
    let feed = ticks(&mut executor).feed;
    feed.send(1).unwrap();
    feed.send(2).unwrap();
    let Some(Ok(mut stream)) = first.now_or_never() else {
        panic!()
    };
    let second = executor.spawner().spawn(async move {
        (
            stream.next().await,
            stream.next().await,
            stream.next().await,
        )
    });
    run(&mut executor);
    feed.send(3).unwrap();
    run(&mut executor);
    assert_eq!(end(second), "(Some(1), Some(2), Some(3))");
}

#[test]
fn a_stream_is_fused_and_fits_select() {
    let mut executor = Executor::<Effect>::new();
    let shell = executor.shell();
    let task = executor.spawner().spawn(async move {
        let (mut a, mut b) = (shell.subscribe(Ticks(1)), shell.subscribe(Ticks(2)));
        let mut trace = Vec::new();
        assert!(!a.is_terminated() && a.ended_by().is_none());
        loop {
            futures::select! {
                tick = a.select_next_some() => trace.push(format!("a {tick}")),
                tick = b.select_next_some() => trace.push(format!("b {tick}")),
                complete => break,
            }
        }
        assert!(a.is_terminated() && a.next().await.is_none() && a.next().await.is_none());
        trace.push(format!("{:?} {:?}", a.ended_by(), b.ended_by()));
        trace
    });
    run(&mut executor);
    let (a, b) = (ticks(&mut executor).feed, ticks(&mut executor).feed);
    a.send(1).unwrap();
    run(&mut executor);
    a.end().unwrap();
    run(&mut executor);
    b.send(2).unwrap();
    drop(b);
    run(&mut executor);
    assert_eq!(
        task.now_or_never().unwrap().unwrap(),
        ["a 1", "b 2", "Some(Ok(())) Some(Err(Abandoned))"]
    );
}

#[test]
fn rule_15_each_senders_items_keep_their_order() {
    const THREADS: u32 = 3;
    let each = rounds(50_000, 5_000) as u32;
    let mut executor = Executor::<Effect>::new();
    let shell = executor.shell();
    let task = executor.spawner().spawn(async move {
        let mut next = [0; THREADS as usize];
        let mut stream = shell.subscribe(Ticks(0));
        while let Some(tick) = stream.next().await {
            let (thread, number) = ((tick % THREADS) as usize, tick / THREADS);
            assert_eq!(next[thread], number);
            next[thread] += 1;
        }
        (next, stream.ended_by().map(|end| end.cloned_error()))
    });
    run(&mut executor);
    let feed = ticks(&mut executor).feed;
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let feed = feed.clone();
            scope.spawn(move || (0..each).for_each(|n| feed.send(n * THREADS + thread).unwrap()));
        }
        drop(feed);
        while !task.is_finished() {
            run(&mut executor);
        }
    });
    assert_eq!(
        end(task),
        format!("({:?}, Some(Some(Abandoned)))", [each; 3])
    );
}

trait ClonedError {
    fn cloned_error(self) -> Option<RequestError>;
}

impl ClonedError for Result<(), &RequestError> {
    fn cloned_error(self) -> Option<RequestError> {
        self.err().cloned()
    }
}

#[test]
fn an_unread_item_is_counted_in_the_snapshot_and_dropped_with_the_stream() {
    let trace = Trace::new();
    let mut executor = Executor::<Effect>::new();
    let shell = executor.shell();
    let task = executor.spawner().spawn(async move {
        let mut stream = Box::pin(shell.subscribe(Flow));
        let _ = stream.next().now_or_never();
        pending::<()>().await;
        drop(stream);
    });
    run(&mut executor);
    let feed = flow(&mut executor).feed;
    feed.send(Thing::probe(&trace, "a")).unwrap();
    feed.send(Thing::probe(&trace, "b")).unwrap();
    run(&mut executor);
    assert_eq!(executor.snapshot().requests[0].queued, 2);
    assert_eq!(trace.take(), [""; 0]);
    task.abort();
    run(&mut executor);
    assert_eq!(trace.take(), ["drop a", "drop b"]);
    assert!(matches!(executor.drain().next(), Some(Emitted::Cancelled(id)) if id == feed.id()));
}

#[test]
fn a_feed_holds_nothing_of_the_core() {
    let held = Arc::new(());
    let mut executor = Executor::<Effect>::new();
    let (shell, in_task) = (executor.shell(), Arc::clone(&held));
    drop(executor.spawner().spawn(async move {
        let _ = shell.subscribe(Ticks(0)).collect::<Vec<_>>().await;
        drop(in_task);
    }));
    run(&mut executor);
    let feed = ticks(&mut executor).feed;
    let thread = std::thread::spawn(move || {
        drop(executor);
    });
    thread.join().unwrap();
    assert_eq!(Arc::strong_count(&held), 1);
    assert!(feed.send(1).is_err());
}

/// Whether `run_for` comes back while two threads still send.
fn comes_back_from_a_flood() -> bool {
    let mut executor = Executor::<Effect>::new();
    let shell = executor.shell();
    let task = executor.spawner().spawn(async move {
        let mut stream = shell.subscribe(Ticks(0)).overflow(Overflow::Latest);
        while stream.next().await.is_some() {}
    });
    run(&mut executor);
    let feed = ticks(&mut executor).feed;
    let (sent, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let exhausted = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..2)
            .map(|_| {
                let (feed, sent, over) = (feed.clone(), &sent, &over);
                // They do stop in the end, so that this test does.
                scope.spawn(move || {
                    (0..1_000_000).all(|tick| {
                        feed.send(tick).unwrap();
                        sent.fetch_add(1, Ordering::SeqCst);
                        !over.load(Ordering::SeqCst)
                    })
                })
            })
            .collect();
        while sent.load(Ordering::SeqCst) < 1_000 {
            std::thread::yield_now();
        }
        let settled = executor.run_for(10);
        over.store(true, Ordering::SeqCst);
        assert!(settled.polled <= 10, "{settled:?}");
        senders.into_iter().all(|sender| sender.join().unwrap())
    });
    task.abort();
    !exhausted
}

#[test]
#[cfg_attr(miri, ignore = "it has no two threads that run at once")]
fn rule_04_senders_that_never_pause_do_not_keep_a_bounded_turn() {
    // More than one try, for a machine that lets this thread wait while the others send all they have.
    assert!((0..5).any(|_| comes_back_from_a_flood()));
}

/// A stream that the shell ends after one item, polled by this waker to its end.
fn polled_to_its_end(executor: &mut Executor<Effect>, waker: Waker) {
    let shell = executor.shell();
    let task = executor.spawner().spawn(async move {
        let mut stream = shell.subscribe(Ticks(0));
        poll_fn(|cx| {
            let next = stream.poll_next_unpin(&mut Context::from_waker(&waker));
            if next != Poll::Ready(None) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
    });
    let _ = executor.run_for(2);
    let feed = ticks(executor).feed;
    executor.send(&feed, 1).unwrap();
    let _ = executor.run_for(2);
    feed.end().unwrap();
    run(executor);
    assert!(task.is_finished());
}

#[test]
fn p1_a_foreign_waker_of_a_stream_goes_with_its_end() {
    let mut executor = Executor::<Effect>::new();
    let rings = Rings::new();
    polled_to_its_end(&mut executor, Waker::from(Arc::clone(&rings)));
    assert!(rings.count() > 0);
    assert_eq!(Arc::strong_count(&rings), 1);
    executor.teardown().assert_baseline();
}

#[test]
fn rule_05_a_foreign_waker_of_an_ended_stream_that_panics_when_it_is_dropped_is_contained() {
    let mut executor = Executor::<Effect>::new();
    let trace = Trace::new();
    let log = trace.clone();
    let thing = Thing::new(move || {
        log.push("dropped");
        panic!("as it should");
    });
    polled_to_its_end(&mut executor, waker_with(thing, || {}));
    executor.teardown().assert_baseline();
    assert_eq!(trace.take(), ["dropped"]);
}

#[test]
fn polled_in_a_turn_of_another_executor_a_stream_ends_as_outside() {
    let (mut executor, mut other) = (Executor::<Effect>::new(), Executor::<Effect>::new());
    let mut stream = executor.shell().subscribe(Ticks(0));
    let task = other.spawner().spawn(async move {
        let next = stream.next().await;
        (
            next,
            stream
                .ended_by()
                .map(|end| end.map_err(RequestError::clone)),
        )
    });
    run(&mut other);
    assert_eq!(support::end(task), "(None, Some(Err(Outside)))");
    run(&mut executor);
    assert_eq!(drained(&mut executor), [""; 0]);
}
