//! Asking by channels: a oneshot for an answer, an unbounded one for a stream, and a queue of what was asked.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use futures::Stream;
use stillpoint_benches::Asks;

/// A crate's channels.
pub trait Channels: 'static {
    /// The end that answers once.
    type Once: Send + 'static;
    /// The end that sends.
    type Many: Send + 'static;

    /// The end that answers, and the answer.
    fn once() -> (Self::Once, impl Future<Output = u64>);
    /// The end that sends, and what is sent.
    fn many() -> (Self::Many, impl Stream<Item = u64> + Unpin);
    /// Answers. Nobody may be there to hear.
    fn answer(end: Self::Once, answer: u64);
    /// Sends.
    fn send(end: &Self::Many, item: u64);
}

/// The crates `oneshot` and `async-channel`.
pub struct Oneshot;
impl Channels for Oneshot {
    type Once = oneshot::Sender<u64>;
    type Many = async_channel::Sender<u64>;

    fn once() -> (Self::Once, impl Future<Output = u64>) {
        let (sender, receiver) = oneshot::async_channel();
        (sender, async { receiver.await.unwrap_or(u64::MAX) })
    }

    fn many() -> (Self::Many, impl Stream<Item = u64> + Unpin) {
        let (sender, receiver) = async_channel::unbounded();
        (sender, Box::pin(receiver))
    }

    fn answer(end: Self::Once, answer: u64) {
        end.send(answer).ok();
    }

    fn send(end: &Self::Many, item: u64) {
        end.try_send(item).ok();
    }
}

/// Those of tokio.
pub struct Tokio;
impl Channels for Tokio {
    type Once = tokio::sync::oneshot::Sender<u64>;
    type Many = tokio::sync::mpsc::UnboundedSender<u64>;

    fn once() -> (Self::Once, impl Future<Output = u64>) {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        (sender, async { receiver.await.unwrap_or(u64::MAX) })
    }

    fn many() -> (Self::Many, impl Stream<Item = u64> + Unpin) {
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        let stream = futures::stream::poll_fn(move |context| receiver.poll_recv(context));
        (sender, stream)
    }

    fn answer(end: Self::Once, answer: u64) {
        end.send(answer).ok();
    }

    fn send(end: &Self::Many, item: u64) {
        end.send(item).ok();
    }
}

/// Those of futures.
pub struct Futures;
impl Channels for Futures {
    type Once = futures::channel::oneshot::Sender<u64>;
    type Many = futures::channel::mpsc::UnboundedSender<u64>;

    fn once() -> (Self::Once, impl Future<Output = u64>) {
        let (sender, receiver) = futures::channel::oneshot::channel();
        (sender, async { receiver.await.unwrap_or(u64::MAX) })
    }

    fn many() -> (Self::Many, impl Stream<Item = u64> + Unpin) {
        futures::channel::mpsc::unbounded()
    }

    fn answer(end: Self::Once, answer: u64) {
        end.send(answer).ok();
    }

    fn send(end: &Self::Many, item: u64) {
        end.unbounded_send(item).ok();
    }
}

/// What a task has asked.
pub struct Effect<C: Channels> {
    /// The question, or the topic.
    pub question: u64,
    end: End<C>,
}

enum End<C: Channels> {
    Once(C::Once),
    Many(C::Many),
}

impl<C: Channels> Effect<C> {
    /// Answers a question.
    pub fn answer(self, answer: u64) {
        if let End::Once(end) = self.end {
            C::answer(end, answer);
        }
    }

    /// Sends an item.
    pub fn send(&self, item: u64) {
        if let End::Many(end) = &self.end {
            C::send(end, item);
        }
    }
}

/// A queue that tasks and shell share.
pub trait Queue<T>: Clone + Default + 'static {
    /// Adds one.
    fn push(&self, item: T);
    /// Takes the oldest.
    fn pop(&self) -> Option<T>;
}

/// Of one thread.
pub type LocalQueue<T> = Rc<RefCell<VecDeque<T>>>;
impl<T: 'static> Queue<T> for LocalQueue<T> {
    fn push(&self, item: T) {
        self.borrow_mut().push_back(item);
    }

    fn pop(&self) -> Option<T> {
        self.borrow_mut().pop_front()
    }
}

/// For tasks that are to be `Send`.
pub type SharedQueue<T> = Arc<Mutex<VecDeque<T>>>;
impl<T: 'static> Queue<T> for SharedQueue<T> {
    fn push(&self, item: T) {
        self.lock().unwrap().push_back(item);
    }

    fn pop(&self) -> Option<T> {
        self.lock().unwrap().pop_front()
    }
}

/// Asks by channels.
pub struct Asking<C, Q> {
    /// What was asked and not seen.
    pub asked: Q,
    channels: PhantomData<fn() -> C>,
}

impl<C, Q: Default> Default for Asking<C, Q> {
    fn default() -> Self {
        Self {
            asked: Q::default(),
            channels: PhantomData,
        }
    }
}

impl<C, Q: Clone> Clone for Asking<C, Q> {
    fn clone(&self) -> Self {
        Self {
            asked: self.asked.clone(),
            channels: PhantomData,
        }
    }
}

impl<C: Channels, Q: Queue<Effect<C>>> Asks for Asking<C, Q> {
    async fn ask(&self, question: u64) -> u64 {
        let (end, answer) = C::once();
        self.asked.push(Effect {
            question,
            end: End::Once(end),
        });
        answer.await
    }

    fn subscribe(&self, question: u64) -> impl Stream<Item = u64> + Unpin {
        let (end, items) = C::many();
        self.asked.push(Effect {
            question,
            end: End::Many(end),
        });
        items
    }
}

/// Writes what all peers that ask by channels have in common: `self.asking` is an [`Asking`].
macro_rules! by_channels {
    ($Channels:ty) => {
        type Effect = $crate::peers::channels::Effect<$Channels>;
        const ANSWER_FROM_AFAR: Option<fn(Self::Effect, u64)> =
            Some(|effect, answer| effect.answer(answer));

        fn take(&mut self) -> Option<Self::Effect> {
            $crate::peers::channels::Queue::pop(&self.asking.asked)
        }

        fn question(effect: &Self::Effect) -> u64 {
            effect.question
        }

        fn answer(&mut self, effect: Self::Effect, answer: u64) {
            effect.answer(answer);
        }

        fn send(&mut self, effect: &mut Self::Effect, item: u64) {
            effect.send(item);
        }
    };
}
pub(super) use by_channels;
