//! What a host may do that the one beside this does not.

use super::*;

/// What the last call gave.
fn given(core: &Core) -> &str {
    std::str::from_utf8(&core.batch).unwrap()
}

#[test]
fn a_core_that_is_long_busy_is_driven_until_it_rests() {
    let mut executor = Executor::new();
    for _ in 0..5000 {
        drop(executor.spawn(async {}));
    }
    let shell = executor.shell();
    drop(executor.spawn(async move { shell.notify("done".to_owned()).ok() }));
    let mut core = Core {
        bridge: Bridge::new(executor),
        batch: Vec::new(),
    };
    drive(&mut core);
    assert!(given(&core).contains("done"), "{}", given(&core));
}

#[test]
fn an_answer_without_bytes_is_refused() {
    let mut core = begin();
    drive(&mut core);
    let batch: serde_json::Value = serde_json::from_str(given(&core)).unwrap();
    let id = batch["items"][0]["id"].as_u64().unwrap();
    // SAFETY: there are no bytes.
    assert!(!unsafe { resolve(&mut core, id, std::ptr::null(), 0) });
    // SAFETY: these are four.
    assert!(unsafe { resolve(&mut core, id, b"\"Al\"".as_ptr(), 4) });
}

#[test]
fn a_core_is_freed_once() {
    let mut core = Some(begin());
    tear_down(core.as_mut().unwrap());
    assert!(end(&mut core));
    assert!(core.is_none() && !end(&mut core));
}
