//! A future's hold on its entry.

use std::sync::Arc;

use crate::entry::RequestError;
use crate::id::RequestId;
use crate::meta::{Door, Message};
use crate::turn::{self, Turn};

/// The right to an entry, held by the future that made it. Dropping it frees the entry, and tells the shell if it has
/// the effect: at once in a turn, by the mailbox from outside.
pub(crate) struct Interest {
    /// `None` once it is over, and the sender given back.
    door: Option<Arc<Door>>,
    /// [`RequestId::NONE`] while there is no entry.
    pub(crate) id: RequestId,
}

impl Interest {
    /// Of what will be asked through this door.
    pub(crate) fn new(door: &Arc<Door>) -> Self {
        let door = turn::with(door, |turn| {
            turn.map_or_else(|| Arc::clone(door), Turn::sender)
        });
        Self {
            door: Some(door),
            id: RequestId::NONE,
        }
    }

    /// Whether this is a turn of its executor.
    pub(crate) fn belongs_to(&self, turn: &Turn) -> bool {
        self.door.as_ref().is_some_and(|door| turn.is_of(door))
    }

    /// Its entry's id, while there is one.
    pub(crate) fn id(&self) -> Option<RequestId> {
        self.id.some()
    }

    /// Whether it is over: its future has had all that it gets.
    pub(crate) fn is_over(&self) -> bool {
        self.door.is_none()
    }

    /// Ends it: its future has had its answer, and the entry is gone, if there was one, or goes with the teardown that
    /// was the answer.
    pub(crate) fn fulfil(&mut self, turn: &Turn) {
        self.id = RequestId::NONE;
        if let Some(door) = self.door.take() {
            turn.give_back(door);
        }
    }

    /// Gives the entry up, polled where there is no turn of its executor.
    pub(crate) fn outside(&mut self) -> RequestError {
        let is_closing = self.door.as_ref().is_none_or(|door| door.is_closing());
        self.release();
        if is_closing {
            RequestError::Closed
        } else {
            RequestError::Outside
        }
    }

    fn release(&mut self) {
        let Some(door) = self.door.take() else { return };
        if let Some(id) = std::mem::replace(&mut self.id, RequestId::NONE).some() {
            turn::with(&door, |turn| match turn {
                Some(turn) => turn.cancel(id),
                None => door.post(Message::Dropped(id)),
            });
        }
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        self.release();
    }
}
