//! What the tasks do, whoever runs them.

use std::future::Future;

use futures::Stream;

/// What a task asks through.
pub trait Asks: Clone + 'static {
    /// Asks once.
    fn ask(&self, question: u64) -> impl Future<Output = u64>;

    /// Asks for any number of items.
    fn subscribe(&self, topic: u64) -> impl Stream<Item = u64> + Unpin;
}

/// A task to make.
///
/// It is data, since a peer may demand [`Send`] of its futures or not: [`make!`](crate::make) writes out the future of
/// each where the peer is known.
#[derive(Clone, Copy, Debug)]
pub enum Task {
    /// Ends with its first poll.
    End(u64),
    /// Asks this question.
    Ask(u64),
    /// Asks so often, each time when it has its answer.
    AskOften(u64),
    /// Takes so many items of one subscription.
    Subscribe(u64),
    /// Wakes itself so often.
    Wake(u32),
}

/// Makes a [`Task`]: `make!(task, |future| spawn(future(asks)))`, where `asks` is the peer's [`Asks`](crate::Asks).
#[macro_export]
macro_rules! make {
    ($task:expr, |$future:ident| $spawn:expr) => {
        match $task {
            $crate::Task::End(value) => {
                let $future = move |_| $crate::tasks::end(value);
                $spawn
            }
            $crate::Task::Ask(question) => {
                let $future = move |asks| $crate::tasks::ask(asks, question);
                $spawn
            }
            $crate::Task::AskOften(times) => {
                let $future = move |asks| $crate::tasks::ask_often(asks, times);
                $spawn
            }
            $crate::Task::Subscribe(items) => {
                let $future = move |asks| $crate::tasks::subscribe(asks, items);
                $spawn
            }
            $crate::Task::Wake(times) => {
                let $future = move |_| $crate::tasks::wake(times);
                $spawn
            }
        }
    };
}

/// The futures of the tasks.
pub mod tasks {
    use std::cell::Cell;
    use std::future::poll_fn;
    use std::task::Poll;

    use futures::StreamExt;

    use super::Asks;

    thread_local! {
        static ENDED: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
    }

    /// A task has ended with this value.
    pub fn ended(value: u64) {
        let (tasks, sum) = ENDED.get();
        ENDED.set((tasks + 1, sum.wrapping_add(value)));
    }

    /// How many tasks have ended on this thread since [`forget_ended`].
    pub fn count_ended() -> u64 {
        ENDED.get().0
    }

    /// How many tasks have ended on this thread, and the sum of their values. Counts from 0 again.
    pub fn forget_ended() -> (u64, u64) {
        ENDED.replace((0, 0))
    }

    /// [`Task::End`](super::Task::End).
    pub async fn end(value: u64) {
        ended(value);
    }

    /// [`Task::Ask`](super::Task::Ask).
    pub async fn ask(asks: impl Asks, question: u64) {
        ended(asks.ask(question).await);
    }

    /// [`Task::AskOften`](super::Task::AskOften).
    pub async fn ask_often(asks: impl Asks, times: u64) {
        let mut sum = 0;
        for question in 0..times {
            sum += asks.ask(question).await;
        }
        ended(sum);
    }

    /// [`Task::Subscribe`](super::Task::Subscribe).
    pub async fn subscribe(asks: impl Asks, items: u64) {
        let mut stream = asks.subscribe(0);
        let mut sum = 0;
        for _ in 0..items {
            sum += stream.next().await.expect("the shell has not ended it");
        }
        ended(sum);
    }

    /// [`Task::Wake`](super::Task::Wake).
    pub async fn wake(mut times: u32) {
        poll_fn(|context| {
            if times == 0 {
                return Poll::Ready(());
            }
            times -= 1;
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        ended(0);
    }
}
