//! Crux before its issue 268 was solved: the request's state holds a waker, the waker is the task, the task owns the
//! future, and the future holds the request's state.

use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

type Boxed = Pin<Box<dyn Future<Output = ()> + Send>>;

struct Task {
    future: Mutex<Option<Boxed>>,
    ready: Sender<Arc<Task>>,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        let ready = self.ready.clone();
        let _ = ready.send(self);
    }
}

pub struct Spawner(Sender<Arc<Task>>);

impl Spawner {
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        let task = Task {
            future: Mutex::new(Some(Box::pin(future))),
            ready: self.0.clone(),
        };
        let _ = self.0.send(Arc::new(task));
    }
}

pub struct Executor(Receiver<Arc<Task>>);

pub fn executor() -> (Executor, Spawner) {
    let (sender, receiver) = channel();
    (Executor(receiver), Spawner(sender))
}

impl Executor {
    pub fn run(&self) {
        while let Ok(task) = self.0.try_recv() {
            let waker = Waker::from(Arc::clone(&task));
            let mut future = task.future.lock().unwrap();
            if let Some(polled) = &mut *future
                && polled
                    .as_mut()
                    .poll(&mut Context::from_waker(&waker))
                    .is_ready()
            {
                *future = None;
            }
        }
    }
}

#[derive(Default)]
pub struct State {
    pub answer: Option<u32>,
    pub waker: Option<Waker>,
}

/// The core's end; the shell's is the same `Arc`.
pub struct ShellRequest(pub Arc<Mutex<State>>);

impl Future for ShellRequest {
    type Output = u32;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u32> {
        let mut state = self.0.lock().unwrap();
        match state.answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}
