//! What an executor says of itself: snapshots, as data, as text and as pictures.

use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use futures::{FutureExt, StreamExt};
use stillpoint::{
    Emitted, Executor, LocalExecutor, Operation, RequestState, Snapshot, TaskState, effects,
};

struct Fetch(#[expect(dead_code, reason = "nobody looks")] u32);
impl Operation for Fetch {
    type Output = u32;
}

struct Ticks;
impl Operation for Ticks {
    type Output = u32;
}

effects! {
    enum Effect {
        Fetch => request Fetch,
        Ticks => stream Ticks,
    }
}

/// What is emitted, taken.
fn take(executor: &mut Executor<Effect>) -> Vec<Effect> {
    let effects = executor.drain().map(|emitted| match emitted {
        Emitted::Effect(effect) => effect,
        Emitted::Cancelled(id) => panic!("{id} was cancelled"),
    });
    effects.collect()
}

/// The text without its places, which change with this file.
fn lines(snapshot: &Snapshot) -> Vec<String> {
    let here = format!("{}:", file!());
    let without_places = |line: &str| {
        let mut parts = line.split('(');
        let mut kept = parts.next().unwrap().to_owned();
        for part in parts {
            let (place, rest) = part.split_once(')').unwrap();
            assert!(place.starts_with(&here), "{line}");
            kept.push_str(&format!("@{rest}"));
        }
        kept
    };
    snapshot.explain().lines().map(without_places).collect()
}

#[test]
fn a_task_is_ready_then_waits_then_has_ended() {
    let mut executor = Executor::<Effect>::new();
    let spawner = executor.spawner();
    let stash = Arc::new(Mutex::new(None::<Waker>));
    let waker = Arc::clone(&stash);
    let mut left = 3;
    let handle = spawner.name("steps").spawn(poll_fn(move |cx| {
        *waker.lock().unwrap() = Some(cx.waker().clone());
        left -= 1;
        match left {
            0 => Poll::Ready(()),
            _ => Poll::Pending,
        }
    }));
    let wake = |stash: &Mutex<Option<Waker>>| stash.lock().unwrap().as_ref().unwrap().wake_by_ref();
    let of = |executor: &Executor<Effect>| {
        let Snapshot { tasks, ended, .. } = executor.snapshot();
        let all = tasks.iter().chain(&ended);
        all.map(|task| (task.state, task.polls, task.age, task.is_joined))
            .collect::<Vec<_>>()
    };

    let before = executor.snapshot();
    assert_eq!(
        (before.tasks.len(), before.messages, before.turn),
        (0, 1, 0)
    );
    // Whatever takes the mailbox in takes the task in.
    assert_eq!(executor.drain().count(), 0);
    assert_eq!(of(&executor), [(TaskState::Ready, 0, 0, true)]);
    executor.run_until_stalled();
    assert_eq!(of(&executor), [(TaskState::Waiting, 1, 1, true)]);
    wake(&stash);
    assert_eq!(
        (of(&executor)[0].0, executor.snapshot().messages),
        (TaskState::Waiting, 1)
    );
    assert_eq!(executor.drain().count(), 0);
    assert_eq!(of(&executor), [(TaskState::Ready, 1, 1, true)]);
    executor.run_until_stalled();
    assert_eq!(of(&executor), [(TaskState::Waiting, 2, 2, true)]);
    wake(&stash);
    executor.run_until_stalled();
    assert_eq!(of(&executor), [(TaskState::Ended, 3, 3, true)]);
    drop(handle);
    executor.run_until_stalled();
    assert_eq!(of(&executor), [(TaskState::Ended, 3, 4, false)]);
    *stash.lock().unwrap() = None;
    executor.run_until_stalled();
    assert_eq!(of(&executor), []);
    assert_eq!(executor.snapshot().turn, 5);
}

#[test]
fn what_the_host_has_just_spawned_is_not_yet_taken_in() {
    let mut executor = Executor::<Effect>::new();
    drop(executor.spawn(pending::<()>()));
    let before = executor.snapshot();
    assert_eq!((before.tasks.len(), before.messages), (0, 1));
    executor.run_until_stalled();
    let after = executor.snapshot();
    assert_eq!((after.tasks.len(), after.messages), (1, 0));
}

#[test]
fn an_abort_ends_a_task_without_a_poll() {
    let mut executor = Executor::<Effect>::new();
    let task = executor.spawn(pending::<()>());
    executor.run_until_stalled();
    task.abort();
    executor.run_until_stalled();
    assert_eq!(executor.snapshot().ended[0].polls, 1);
}

#[test]
fn a_task_awaits_its_requests_and_each_says_how_it_stands() {
    let mut executor = Executor::<Effect>::new();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    drop(spawner.name("idle").spawn(pending::<()>()));
    let both = shell.clone();
    drop(spawner.name("both").spawn(async move {
        let answers = futures::join!(both.request(Fetch(1)), both.request(Fetch(2)));
        drop(answers);
        pending::<()>().await;
    }));
    drop(spawner.name("ticker").spawn(async move {
        let mut ticks = shell.subscribe(Ticks);
        while let Some(tick) = ticks.next().await {
            assert!(tick < 10);
        }
    }));
    executor.run_until_stalled();
    let standing = |executor: &Executor<Effect>| {
        let requests = executor.snapshot().requests;
        let one = |request: &stillpoint::RequestSnapshot| {
            (
                request.state(),
                request.taken,
                request.queued,
                request.has_ended,
                request.age,
            )
        };
        requests.iter().map(one).collect::<Vec<_>>()
    };
    let Snapshot {
        tasks, requests, ..
    } = executor.snapshot();
    let ids: Vec<_> = requests.iter().map(|request| request.id).collect();
    assert_eq!(
        tasks
            .iter()
            .map(|task| &task.awaits[..])
            .collect::<Vec<_>>(),
        [&[][..], &ids[..2], &ids[2..]]
    );
    assert_eq!(
        requests
            .iter()
            .map(|request| request.is_stream)
            .collect::<Vec<_>>(),
        [false, false, true]
    );
    assert_eq!(
        standing(&executor),
        [(RequestState::Untaken, false, 0, false, 0); 3]
    );

    // Answered by its id before the shell has taken it.
    executor.resolve_id::<Fetch>(ids[0], 1).unwrap();
    assert_eq!(
        standing(&executor)[0],
        (RequestState::Answered, false, 1, false, 0)
    );
    let mut effects = take(&mut executor).into_iter();
    let (Some(Effect::Fetch(_first)), Some(Effect::Fetch(second)), Some(Effect::Ticks(ticks))) =
        (effects.next(), effects.next(), effects.next())
    else {
        panic!("not these effects")
    };
    assert_eq!(
        standing(&executor),
        [
            (RequestState::Answered, true, 1, false, 0),
            (RequestState::Taken, true, 0, false, 0),
            (RequestState::Taken, true, 0, false, 0),
        ]
    );
    executor.run_until_stalled();
    assert_eq!(
        standing(&executor),
        [
            (RequestState::Taken, true, 0, false, 1),
            (RequestState::Taken, true, 0, false, 1),
        ]
    );
    executor.fail(second.resolver, "no").unwrap();
    executor.send(&ticks.feed, 1).unwrap();
    executor.send(&ticks.feed, 2).unwrap();
    executor.end(&ticks.feed).unwrap();
    assert_eq!(
        standing(&executor),
        [
            (RequestState::Answered, true, 1, true, 1),
            (RequestState::Answered, true, 2, true, 1),
        ]
    );
    assert_eq!(executor.snapshot().tasks[1].state, TaskState::Ready);
    executor.run_until_stalled();
    let after = executor.snapshot();
    assert_eq!((after.requests.len(), after.tasks.len()), (0, 2));
}

/// An executor with something of everything, and what keeps it so.
struct Scene {
    executor: Executor<Effect>,
    _taken: Vec<Effect>,
    _moved: Arc<Mutex<Option<stillpoint::ShellRequest<Fetch, Effect>>>>,
    _handle: stillpoint::JoinHandle<()>,
    _waker: Arc<Mutex<Option<Waker>>>,
}

fn scene() -> Scene {
    let mut executor = Executor::<Effect>::new();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let (one, two, three) = (shell.clone(), shell.clone(), shell);
    drop(
        spawner
            .name("checker")
            .spawn(async move { one.request(Fetch(1)).await }),
    );
    drop(spawner.name("stuck").spawn(pending::<()>()));
    executor.run_until_stalled();
    let taken = take(&mut executor);
    drop(spawner.spawn(async move {
        let mut ticks = two.subscribe(Ticks);
        futures::join!(two.request(Fetch(2)), ticks.next())
    }));
    executor.run_until_stalled();
    let moved = Arc::new(Mutex::new(Some(three.request(Fetch(3)))));
    let waker = Arc::new(Mutex::new(None));
    let (request, kept) = (Arc::clone(&moved), Arc::clone(&waker));
    drop(spawner.name("careless").spawn(poll_fn(move |cx| {
        *kept.lock().unwrap() = Some(cx.waker().clone());
        assert!(
            request
                .lock()
                .unwrap()
                .as_mut()
                .unwrap()
                .poll_unpin(cx)
                .is_pending()
        );
        Poll::Ready(())
    })));
    let handle = spawner.name("done").spawn(async {});
    executor.run_until_stalled();
    drop(spawner.name("next").spawn(async {}));
    executor
        .resolve_id::<Fetch>(executor.snapshot().requests[0].id, 1)
        .unwrap();
    drop(spawner.spawn(async {}));
    Scene {
        executor,
        _taken: taken,
        _moved: moved,
        _handle: handle,
        _waker: waker,
    }
}

#[test]
fn the_text_says_what_each_task_waits_for_and_how_that_stands() {
    let scene = scene();
    assert_eq!(
        lines(&scene.executor.snapshot()),
        [
            "after 3 turns: 4 tasks, 2 of them ready; 4 requests; 1 message not yet taken in",
            "task 0.1 \"checker\" @, spawned 2 turns ago, polled once, is ready for the next turn, and has asked for \
         Fetch 0.1 @, emitted 2 turns ago, taken by the shell, answered, unread",
            "task 1.1 \"stuck\" @, spawned 2 turns ago, polled once, waits for something outside: no request of its own \
         is pending",
            "task 2.1 @, spawned 1 turn ago, polled once, waits for 2 requests:",
            "  Fetch 1.1 @, emitted 1 turn ago, not yet taken by the shell",
            "  stream Ticks 2.1 @, emitted 1 turn ago, not yet taken by the shell",
            "task 5.1 \"next\" @, spawned in the latest turn, not yet polled, is ready for the next turn",
            "outside every live task: Fetch 3.1 @, emitted in the latest turn, not yet taken by the shell",
            "a waker of task 3.1 \"careless\" @ is out",
            "task 4.1 \"done\" @, spawned in the latest turn, polled once, has ended: its join handle is out",
        ]
    );
    assert_eq!(
        scene.executor.snapshot().to_string(),
        scene.executor.snapshot().explain()
    );
}

#[test]
fn streams_and_failures_have_words_of_their_own() {
    let mut executor = Executor::<Effect>::new();
    let shell = executor.shell();
    drop(executor.spawn(async move {
        let (answer, ticks) = futures::join!(
            shell.request(Fetch(1)),
            shell.subscribe(Ticks).collect::<Vec<_>>()
        );
        drop((answer, ticks));
    }));
    executor.run_until_stalled();
    let text = |executor: &Executor<Effect>| {
        let all = lines(&executor.snapshot());
        let ends = all[2..]
            .iter()
            .map(|line| line.split_once("turn, ").unwrap().1);
        ends.map(|end| end.replace("taken by the shell, ", ""))
            .collect::<Vec<_>>()
    };
    let mut effects = take(&mut executor).into_iter();
    let (Some(Effect::Fetch(fetch)), Some(Effect::Ticks(ticks))) = (effects.next(), effects.next())
    else {
        panic!("not these effects")
    };
    assert_eq!(text(&executor), ["unanswered", "nothing unread"]);
    executor.send(&ticks.feed, 1).unwrap();
    assert_eq!(text(&executor), ["unanswered", "1 item unread"]);
    executor.send(&ticks.feed, 1).unwrap();
    executor.end(&ticks.feed).unwrap();
    executor.fail(fetch.resolver, "no").unwrap();
    assert_eq!(
        text(&executor),
        ["failed or abandoned, unread", "ended, 2 items unread"]
    );
}

#[test]
fn an_end_that_nobody_has_read_is_something_to_read() {
    let mut executor = Executor::<Effect>::new();
    let shell = executor.shell();
    drop(executor.spawn(async move { shell.subscribe(Ticks).next().await }));
    executor.run_until_stalled();
    let Some(Effect::Ticks(ticks)) = take(&mut executor).pop() else {
        panic!("not this effect")
    };
    executor.end(&ticks.feed).unwrap();
    let snapshot = executor.snapshot();
    assert_eq!(snapshot.requests[0].state(), RequestState::Answered);
    assert!(
        snapshot
            .explain()
            .ends_with("taken by the shell, ended, 0 items unread")
    );
}

#[test]
fn the_leak_report_says_it_in_the_same_words() {
    let Scene {
        mut executor,
        _taken,
        _moved,
        _handle,
        _waker,
    } = scene();
    executor.run_until_stalled();
    let line = executor.snapshot().explain();
    let line = line
        .lines()
        .find(|line| line.ends_with("is out") && line.starts_with("a waker"))
        .unwrap();
    let report = executor.teardown();
    assert_eq!(
        report
            .leaks
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        [line]
    );
}

#[test]
fn the_picture_shows_who_owns_what_and_who_has_the_next_step() {
    let scene = scene();
    let snapshot = scene.executor.snapshot();
    let arrows = |picture: &str| {
        let mut name_of = std::collections::HashMap::new();
        for (task, id) in snapshot
            .tasks
            .iter()
            .chain(&snapshot.ended)
            .zip(["checker", "stuck", "joiner", "next", "careless", "done"])
        {
            name_of.insert(format!("task{}", task.id).replace('.', "_"), id.to_owned());
        }
        for (request, id) in snapshot
            .requests
            .iter()
            .zip(["fetch1", "fetch2", "ticks", "fetch3"])
        {
            name_of.insert(
                format!("request{}", request.id).replace('.', "_"),
                id.to_owned(),
            );
        }
        let plain = picture.replace(" -> ", " ==> ");
        let mut arrows: Vec<_> = plain
            .lines()
            .filter_map(|line| {
                let line = line.trim_end_matches(';').split(" [").next()?;
                let (from, rest) = line.trim().split_once([' '])?;
                let (arrow, to) = rest.rsplit_once(' ')?;
                let arrow = arrow.split('|').next().unwrap();
                ["==>", "-.->"].contains(&arrow).then(|| {
                    let name =
                        |key: &str| name_of.get(key).cloned().unwrap_or_else(|| key.to_owned());
                    format!("{} {arrow} {}", name(from), name(to))
                })
            })
            .collect();
        arrows.sort();
        arrows
    };
    let owned = [
        "executor ==> checker",
        "executor ==> fetch3",
        "executor ==> joiner",
        "executor ==> next",
        "executor ==> stuck",
        "checker ==> fetch1",
        "joiner ==> fetch2",
        "joiner ==> ticks",
        "handles ==> done",
        "wakers ==> careless",
    ];
    let steps = [
        "shell -.-> fetch1",
        "fetch2 -.-> shell",
        "ticks -.-> shell",
        "fetch3 -.-> shell",
    ];
    let mut all: Vec<_> = owned
        .iter()
        .chain(&steps)
        .map(|arrow| (*arrow).to_owned())
        .collect();
    all.sort();
    assert_eq!(arrows(&snapshot.mermaid()), all);
    let mut all: Vec<_> = all
        .iter()
        .map(|arrow| arrow.replace("-.->", "==>"))
        .collect();
    all.sort();
    assert_eq!(arrows(&snapshot.dot()), all);
    for (picture, dashed) in [
        (snapshot.mermaid(), ":::outside"),
        (snapshot.dot(), "style=dashed"),
    ] {
        let lines: Vec<_> = picture
            .lines()
            .filter(|line| line.contains(dashed))
            .collect();
        assert!(lines.len() == 1 && lines[0].contains("stuck"), "{lines:?}");
        assert!(picture.contains("taken by the shell, answered, unread"));
    }
    assert_eq!(snapshot.mermaid(), scene.executor.snapshot().mermaid());
    assert_eq!(snapshot.dot(), scene.executor.snapshot().dot());
}

/// What a name may not do to a picture or a text.
const HOSTILE: &str = "a\"]\\N;\n|#quot;&amp;%%{init}%%`</script>\u{202e}'{}--> é漢😀";

#[test]
fn a_hostile_name_stays_a_name() {
    struct Wrapper<T>(T);
    impl<T: Send + 'static> Operation for Wrapper<T> {
        type Output = ();
    }
    let mut executor = Executor::<stillpoint::Request<Wrapper<&'static [u8; 3]>>>::new();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    drop(
        spawner
            .name(HOSTILE)
            .spawn(async move { shell.request(Wrapper(b"abc")).await }),
    );
    executor.run_until_stalled();
    let snapshot = executor.snapshot();
    let text = snapshot.explain();
    assert_eq!(text.lines().count(), 2);
    assert!(text.contains(&format!("task 0.1 {HOSTILE:?} (")) && !text.contains('\u{202e}'));
    assert!(text.contains("waits for Wrapper<&[u8; 3]> 0.1 ("));

    let mermaid = snapshot.mermaid();
    // The same but for its name and type.
    assert_eq!(mermaid.lines().count(), 11, "{mermaid}");
    let node = mermaid
        .lines()
        .find(|line| line.contains("task 0.1"))
        .unwrap();
    assert_eq!(node.matches('"').count(), 2, "{node}");
    assert!(node.ends_with("\"]") && node.contains("é漢"), "{node}");
    let dot = snapshot.dot();
    assert_eq!(dot.lines().count(), 11, "{dot}");
    let node = dot.lines().find(|line| line.contains("task 0.1")).unwrap();
    assert!(
        node.ends_with("\"];") && node.matches('"').count() == 2,
        "{node}"
    );
    // Each of the name's is written twice, and two break lines.
    let backslashes = format!("{HOSTILE:?}").matches('\\').count();
    assert_eq!(node.matches('\\').count(), 2 * backslashes + 2, "{node}");
    assert_eq!(node.matches(r"\\").count(), backslashes, "{node}");
    assert!(node.contains("😀") && mermaid.contains("#128512;"));
    assert_eq!(mermaid.matches("#92;#8288;").count(), backslashes);
    for picture in [mermaid, dot] {
        for word in [
            "</", "script>", "%%", "`", "{init", "--> é", "&amp", "quot;", "Wrapper<", "[u8",
        ] {
            let is_there = picture.lines().skip(4).any(|line| line.contains(word));
            assert!(!is_there, "{word} in {picture}");
        }
    }
}

#[test]
fn however_many_tasks_there_are_each_is_shown_once() {
    const TASKS: usize = match () {
        () if cfg!(miri) => 100,
        () if cfg!(debug_assertions) => 10_000,
        () => 100_000,
    };
    let mut executor = Executor::<Effect>::new();
    let shell = executor.shell();
    for number in 0..TASKS as u32 {
        let shell = shell.clone();
        drop(executor.spawn(async move { shell.request(Fetch(number)).await }));
    }
    executor.run_until_stalled();
    let snapshot = executor.snapshot();
    assert!(
        snapshot
            .tasks
            .iter()
            .zip(&snapshot.requests)
            .all(|(task, request)| task.awaits == [request.id])
    );
    assert_eq!(
        (snapshot.tasks.len(), snapshot.requests.len()),
        (TASKS, TASKS)
    );
    assert_eq!(snapshot.explain().lines().count(), 1 + TASKS);
    // A node and an arrow for each task, and for each request an arrow more.
    assert_eq!(snapshot.mermaid().lines().count(), 6 + 5 * TASKS);
    assert_eq!(snapshot.dot().lines().count(), 6 + 5 * TASKS);
    drop(snapshot);
    drop(executor);
}

#[test]
fn what_a_panic_has_ended_is_gone_and_the_rest_is_shown() {
    let mut executor = Executor::<Effect>::new();
    let shell = executor.shell();
    let other = shell.clone();
    let bad = executor.spawn(async move {
        let _asked = futures::poll!(Box::pin(shell.request(Fetch(1))));
        panic!("on purpose");
    });
    drop(executor.spawn(async move { other.request(Fetch(2)).await }));
    assert_eq!(executor.run_until_stalled().panicked, 1);
    let snapshot = executor.snapshot();
    assert_eq!(
        (
            snapshot.tasks.len(),
            snapshot.requests.len(),
            snapshot.ended.len()
        ),
        (1, 1, 1)
    );
    assert_eq!(
        (snapshot.ended[0].polls, snapshot.tasks[0].awaits[0]),
        (1, snapshot.requests[0].id)
    );
    drop(bad);
}

#[test]
fn a_local_executor_says_the_same() {
    let mut executor = LocalExecutor::<Effect>::new();
    let shell = executor.shell();
    let seen = Rc::new(RefCell::new(0));
    let task = Rc::clone(&seen);
    drop(executor.spawn_local(async move {
        *task.borrow_mut() += 1;
        shell.request(Fetch(1)).await
    }));
    executor.run_until_stalled();
    let snapshot = executor.snapshot();
    assert_eq!(snapshot.tasks[0].awaits, [snapshot.requests[0].id]);
    assert!(snapshot.explain().contains("waits for Fetch 0.1"));
    assert_eq!(*seen.borrow(), 1);
}

/// The feature `serde` alone has no format to write it in.
#[cfg(feature = "bridge")]
#[test]
fn it_is_written_as_a_bridge_writes_it_without_version_and_effect() {
    use serde_json::json;

    let scene = scene();
    let snapshot = scene.executor.snapshot();
    let mut written = serde_json::to_value(&snapshot).unwrap();
    assert_eq!(
        written["tasks"][0],
        serde_json::to_value(&snapshot.tasks[0]).unwrap()
    );
    assert_eq!(
        written["requests"][0],
        serde_json::to_value(snapshot.requests[0]).unwrap()
    );
    let (task, request) = (
        &mut written["tasks"][0].take(),
        &mut written["requests"][0].take(),
    );
    let here = format!("{}:", file!());
    for place in [task["place"].take(), request["place"].take()] {
        assert!(
            place
                .as_str()
                .unwrap()
                .replace('\\', "/")
                .starts_with(&here),
            "{place}"
        );
    }
    let id = snapshot.requests[0].id.to_u64();
    assert_eq!(
        *task,
        json!({"id": "0.1", "name": "checker", "place": null, "requests": 1, "state": "ready", "polls": 1, "age": 2,
            "isJoined": false, "awaits": [id]})
    );
    assert_eq!(
        *request,
        json!({"id": id, "operation": "inspect::Fetch", "kind": "request", "state": "answered", "task": "0.1",
            "place": null, "taken": true, "queued": 1, "hasEnded": false, "age": 2})
    );
    let ended = written["ended"].as_array().unwrap();
    assert_eq!(
        (&ended[0]["state"], &ended[1]["isJoined"]),
        (&json!("ended"), &json!(true))
    );
    let keys: Vec<_> = written.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["ended", "messages", "requests", "tasks", "turn"]);
}
