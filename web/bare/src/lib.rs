//! An executor with one kind of request and its teardown, behind two functions that any shell of wasm can call.

use std::cell::RefCell;

use stillpoint::{Emitted, Executor, Operation, Request};

/// Asks for the successor of a number.
struct Next(u32);

impl Operation for Next {
    type Output = u32;
}

thread_local! {
    static EXECUTOR: RefCell<Option<Executor<Request<Next>>>> = const { RefCell::new(None) };
}

/// Takes a turn, and answers what was asked, all at once; gives the last number that was asked about.
#[unsafe(no_mangle)]
pub extern "C" fn run() -> u32 {
    EXECUTOR.with_borrow_mut(|slot| {
        let executor = slot.get_or_insert_with(start);
        executor.run_until_stalled();
        let mut last = 0;
        while let Some(emitted) = executor.drain().next() {
            if let Emitted::Effect(request) = emitted {
                last = request.operation.0;
                let _ = executor.resolve(request.resolver, last.wrapping_add(1));
            }
        }
        last
    })
}

/// Tears it down, and gives how many requests that ended.
#[unsafe(no_mangle)]
pub extern "C" fn close() -> u32 {
    EXECUTOR.with_borrow_mut(|slot| match slot.take() {
        Some(executor) => u32::try_from(executor.teardown().requests).unwrap_or(u32::MAX),
        None => 0,
    })
}

fn start() -> Executor<Request<Next>> {
    let executor = Executor::new();
    let shell = executor.shell();
    let counting = async move {
        let mut number = 0;
        while let Ok(next) = shell.request(Next(number)).await {
            number = next;
        }
    };
    drop(executor.spawner().spawn(counting));
    executor
}
