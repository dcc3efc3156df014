//! The failure that this crate began with (Crux, issue 268), literally.

use std::sync::Arc;

use stillpoint::{Emitted, Executor, Operation, Request};

struct Ask;

impl Operation for Ask {
    type Output = ();
}

#[test]
fn a_dropped_executor_leaves_no_future_though_the_shell_holds_its_effect() {
    let held = Arc::new(());
    let mut executor = Executor::<Request<Ask>>::new();
    let spawner = executor.spawner();
    let shell = executor.shell();
    let in_task = Arc::clone(&held);
    let task = spawner.spawn(async move {
        let _ = shell.request(Ask).await;
        drop(in_task);
    });
    assert_eq!(executor.run_until_stalled().pending, 1);
    let effect = executor.drain().next();
    assert!(matches!(effect, Some(Emitted::Effect(_))));
    assert_eq!(Arc::strong_count(&held), 2);

    drop(task);
    drop(executor);
    drop(spawner);

    assert_eq!(Arc::strong_count(&held), 1);
    drop(effect);
}
