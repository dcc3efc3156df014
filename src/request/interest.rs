//! A future's hold on its entry.

use std::sync::Arc;

use crate::entry::RequestError;
use crate::id::RequestId;
use crate::meta::{Door, Message};
use crate::turn;

/// The right to an entry, held by the future that made it. Dropping it frees the entry, and tells the shell if it has
/// the effect: at once in a turn, by the mailbox from outside.
pub(crate) struct Interest {
    pub(crate) door: Arc<Door>,
    pub(crate) id: Option<RequestId>,
}

impl Interest {
    pub(crate) fn new(door: Arc<Door>) -> Self {
        Self { door, id: None }
    }

    /// Gives the entry up, polled where there is no turn of its executor.
    pub(crate) fn outside(&mut self) -> RequestError {
        self.release();
        if self.door.is_closing() {
            RequestError::Closed
        } else {
            RequestError::Outside
        }
    }

    fn release(&mut self) {
        if let Some(id) = self.id.take() {
            turn::with(&self.door, |turn| match turn {
                Some(turn) => turn.cancel(id),
                None => self.door.post(Message::Dropped(id)),
            });
        }
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        self.release();
    }
}
