//! A task that ends with whoever wants its result.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use stillpoint::{JoinError, JoinHandle};

/// A running task. Dropping it aborts the task, and with it every request that it awaits.
#[derive(Debug)]
pub(crate) struct Job<T>(JoinHandle<T>);

impl<T> From<JoinHandle<T>> for Job<T> {
    fn from(task: JoinHandle<T>) -> Self {
        Self(task)
    }
}

impl<T> Future for Job<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl<T> Drop for Job<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
