//! Crux, issue 577: whether a pending task can ever be woken is inferred from a flag and then from a count of its wakers.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

struct Task {
    woken: AtomicBool,
    ready: Arc<Mutex<VecDeque<usize>>>,
    index: usize,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.ready.lock().unwrap().push_back(self.index);
        self.woken.store(true, Ordering::SeqCst);
    }
}

type Boxed = Pin<Box<dyn Future<Output = ()>>>;

#[derive(Default)]
pub struct Executor {
    tasks: Vec<Option<Boxed>>,
    ready: Arc<Mutex<VecDeque<usize>>>,
}

impl Executor {
    pub fn spawn(&mut self, future: impl Future<Output = ()> + 'static) {
        self.ready.lock().unwrap().push_back(self.tasks.len());
        self.tasks.push(Some(Box::pin(future)));
    }

    /// Polls what is ready. `between` is called after the flag is read and before the count is.
    pub fn run(&mut self, between: impl Fn()) {
        loop {
            let next = self.ready.lock().unwrap().pop_front();
            let Some(index) = next else { return };
            let Some(future) = &mut self.tasks[index] else {
                continue;
            };
            let task = Arc::new(Task {
                woken: AtomicBool::new(false),
                ready: Arc::clone(&self.ready),
                index,
            });
            let waker = Waker::from(Arc::clone(&task));
            let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
            drop(waker);
            let woken = task.woken.load(Ordering::SeqCst);
            between();
            let nobody_wakes = !woken && Arc::strong_count(&task) == 1;
            if polled.is_ready() || nobody_wakes {
                self.tasks[index] = None;
            }
        }
    }
}
