//! The one door to an executor: its mailbox, and the bell beside it.
//!
//! Everybody outside a turn sends a [`Message`] through the [`Door`]; the executor alone owns the receiver, and with it
//! whatever is queued. The door's gate is one atomic word:
//!
//! ```text
//!   bit 0       CLOSING  spawning, asking and answering are refused        set by teardown, for good
//!   bit 1       CLOSED   notifications too                                 set when the last future is dropped
//!   bit 2       ARMED    the executor is idle: whoever clears it, rings    set when a turn ends, till a sender comes
//!   bits 3-22   senders that are inside: past the check, not yet past the send
//!   bits 23-63  messages that have entered since the executor was made
//! ```
//!
//! A sender enters (adds itself and its message), sends, and leaves (subtracts itself). Both ends are
//! read-modify-writes of one word, so they have one order with the executor's own. Closing: a sender that entered
//! before the executor set the bit is seen inside, and the executor waits until it has left, so no accepted message is
//! lost. Idling: a sender that leaves after the executor armed the bell sees the bit and rings; one that left before
//! had sent before, and the executor, which looks into the mailbox once more after arming, sees its message. Where the
//! executor has received as many messages as have entered, that look is a comparison of two numbers.

use std::cell::Cell;
use std::fmt;
use std::sync::{Arc, PoisonError};
use std::task::Waker;

use crate::answer::Answer;
use crate::contain::{discard, shield};
use crate::entry::RequestError;
use crate::id::{RequestId, TaskId};
use crate::limit::{Place, Places};
use crate::shim::{AtomicU64, Mutex, Ordering, Receiver, Sender, unbounded};

/// What is sent from outside a turn. `R` is a task's runnable, `L` its label, `P` a panic's report and `S` what a scope
/// is told; the mailbox does not look into them.
pub(crate) enum Message<R, L, P, S> {
    /// A task was woken.
    Run(R),
    /// A task was made.
    Spawn(R, L),
    /// A task is to end.
    Abort(TaskId),
    /// A task's join handle is gone.
    Detached(TaskId),
    /// A task's allocation is gone.
    Freed(TaskId),
    /// A task panicked, and nobody will join it.
    Panicked(P),
    /// What concerns a scope.
    Scope(S),
    /// A resolver is used up: its answer.
    Answer(RequestId, Answer),
    /// A resolver is used up without an answer.
    Fail(RequestId, RequestError),
    /// A resolver is used up, too late for its answer.
    ResolverGone,
    /// A feed's item.
    Item(RequestId, Answer),
    /// A feed's end: `Ok` is the orderly end of the stream.
    End(RequestId, Result<(), RequestError>),
    /// The last feed of a stream is gone.
    FeedGone(RequestId),
    /// A request's future is gone.
    Dropped(RequestId),
    /// A notification, as the executor's effect.
    Notify(Answer),
    /// A notification that had a place in the outbox could not be made.
    Vacated,
}

const CLOSING: u64 = 1;
const CLOSED: u64 = 2;
const ARMED: u64 = 4;
const INSIDE: u64 = 1 << 3;
const MESSAGE: u64 = 1 << 23;
/// What a sender adds; it subtracts `INSIDE` when it leaves.
const ENTERING: u64 = INSIDE + MESSAGE;

/// What may still come in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// Refused from the beginning of the teardown.
    Closing,
    /// Taken until the last future is dropped.
    Closed,
    /// Never refused: it may carry a future, or the news that something is gone.
    Ever,
}

/// What everybody but the executor holds of it: a way to send.
pub(crate) struct Door<R, L, P, S> {
    gate: AtomicU64,
    sender: Sender<Message<R, L, P, S>>,
    bell: Mutex<Bell>,
    /// Where the executor has a limit.
    pub(crate) places: Option<Box<Places>>,
}

#[derive(Default)]
struct Bell {
    on_ready: Option<Arc<dyn Fn() + Send + Sync>>,
    waker: Option<Waker>,
}

/// The receiving end, which the executor owns, and with it whatever is queued.
pub(crate) struct Mailbox<R, L, P, S> {
    receiver: Receiver<Message<R, L, P, S>>,
    /// How many messages came out, in the gate's unit and as wide.
    received: Cell<u64>,
}

impl<R, L, P, S> Mailbox<R, L, P, S> {
    /// At most how many messages are there that were sent through this door, which is the mailbox's own: those that
    /// have entered and not come out. A sender that is still inside may not have sent its own yet.
    pub(crate) fn waiting(&self, door: &Door<R, L, P, S>) -> usize {
        // Takes over what the senders have sent that left before.
        let entered = door.gate.load(Ordering::Acquire) & !(MESSAGE - 1);
        (entered.wrapping_sub(self.received.get()) / MESSAGE) as usize
    }

    /// Whether none is there.
    pub(crate) fn is_empty(&self, door: &Door<R, L, P, S>) -> bool {
        self.waiting(door) == 0 || self.receiver.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.receiver.len()
    }

    pub(crate) fn take(&self) -> Option<Message<R, L, P, S>> {
        let message = self.receiver.try_recv().ok()?;
        self.received.set(self.received.get().wrapping_add(MESSAGE));
        Some(message)
    }

    /// Another end, for when nobody asks any more whether it is empty.
    pub(crate) fn receiver(&self) -> Receiver<Message<R, L, P, S>> {
        self.receiver.clone()
    }
}

/// A sender that has passed the gate; the executor does not close for good before it is dropped.
pub(crate) struct Inside<'a, R, L, P, S> {
    door: &'a Door<R, L, P, S>,
    /// What it does to the gate when it leaves.
    leaving: u64,
    /// Whether it brought work.
    rings: bool,
}

impl<R, L, P, S> Inside<'_, R, L, P, S> {
    /// Sends work, for which an idle executor is rung.
    pub(crate) fn send(mut self, message: Message<R, L, P, S>) {
        self.rings = true;
        self.send_quietly(message);
    }

    /// Sends news for the books, which nobody is rung for.
    pub(crate) fn send_quietly(mut self, message: Message<R, L, P, S>) {
        // The receiver outlives whoever is inside; where it is gone all the same, what it would have freed is gone too.
        drop(self.door.sender.send(message));
        self.leaving = INSIDE;
    }
}

impl<R, L, P, S> Drop for Inside<'_, R, L, P, S> {
    fn drop(&mut self) {
        // Publishes the message to an executor that arms the bell or closes, and learns whether it is armed.
        let gate = self.door.gate.fetch_sub(self.leaving, Ordering::SeqCst);
        if self.rings && gate & ARMED != 0 {
            self.door.ring();
        }
    }
}

impl<R, L, P, S> Door<R, L, P, S> {
    pub(crate) fn new(
        on_ready: Option<Arc<dyn Fn() + Send + Sync>>,
        places: Option<Box<Places>>,
    ) -> (Arc<Self>, Mailbox<R, L, P, S>) {
        let (sender, receiver) = unbounded();
        let gate = AtomicU64::new(if on_ready.is_some() { ARMED } else { 0 });
        let bell = Mutex::new(Bell {
            on_ready,
            waker: None,
        });
        let mailbox = Mailbox {
            receiver,
            received: Cell::new(0),
        };
        let door = Self {
            gate,
            sender,
            bell,
            places,
        };
        (Arc::new(door), mailbox)
    }

    /// Passes the gate, unless what is brought is refused by now.
    pub(crate) fn enter(&self, until: Until) -> Option<Inside<'_, R, L, P, S>> {
        let refused = match until {
            Until::Closing => CLOSING,
            Until::Closed => CLOSED,
            Until::Ever => 0,
        };
        // Who comes late does not even enter: the executor waits until nobody is inside.
        if self.gate.load(Ordering::Relaxed) & refused != 0 {
            return None;
        }
        // Tells an executor that closes after this to wait, and learns of one that closed before.
        let gate = self.gate.fetch_add(ENTERING, Ordering::SeqCst);
        let inside = Inside {
            door: self,
            leaving: ENTERING,
            rings: false,
        };
        (gate & refused == 0).then_some(inside)
    }

    /// Sends what is never refused.
    pub(crate) fn post(&self, message: Message<R, L, P, S>) {
        if let Some(inside) = self.enter(Until::Ever) {
            inside.send(message);
        }
    }

    /// Sends news for the books, which nobody is rung for, as long as there are books that want them.
    pub(crate) fn post_quietly(&self, until: Until, message: Message<R, L, P, S>) {
        if let Some(inside) = self.enter(until) {
            inside.send_quietly(message);
        }
    }

    /// A place for one more task, or `None` where there is none.
    pub(crate) fn place_for_task(&self) -> Option<Place<'_>> {
        match &self.places {
            None => Some(Place::UNCOUNTED),
            Some(places) => places.for_task(),
        }
    }

    /// A place for one more notification. During a teardown there always is one: what destructors say is heard.
    pub(crate) fn place_for_notification(&self) -> Option<Place<'_>> {
        match &self.places {
            Some(places) if !self.is_closing() => places.for_emission(),
            _ => Some(Place::UNCOUNTED),
        }
    }

    pub(crate) fn is_closing(&self) -> bool {
        // A hint: whoever acts on it passes the gate.
        self.gate.load(Ordering::Acquire) & CLOSING != 0
    }

    /// From here on spawning, asking and answering are refused. What entered before is still to come.
    pub(crate) fn begin_closing(&self) {
        self.gate.fetch_or(CLOSING, Ordering::SeqCst);
        // Nobody is to drive any more.
        self.disarm();
    }

    /// From here on everything is refused. What entered before is still to come.
    pub(crate) fn close(&self) {
        self.gate.fetch_or(CLOSED, Ordering::SeqCst);
    }

    /// Whether all who entered have left: nothing more is to come through a closed door.
    pub(crate) fn is_empty(&self) -> bool {
        // Takes over what the last one that left has sent.
        self.gate.load(Ordering::SeqCst) & (MESSAGE - INSIDE) == 0
    }

    /// Says that the executor is idle: the next who brings work rings.
    pub(crate) fn arm(&self) {
        self.gate.fetch_or(ARMED, Ordering::SeqCst);
    }

    /// Says that the executor is awake. Gives whether it still had to be rung for.
    pub(crate) fn disarm(&self) -> bool {
        self.gate.fetch_and(!ARMED, Ordering::SeqCst) & ARMED != 0
    }

    /// Rings if the executor is idle; for the host's own calls, which need no gate, and for news that turn out to be
    /// work once they are sent.
    pub(crate) fn ring_if_armed(&self) {
        // Armed by this very thread, or before the sender left, so it is seen.
        if self.gate.load(Ordering::Relaxed) & ARMED != 0 {
            self.ring();
        }
    }

    /// Calls who is to be called, unless another was faster. The callback runs under no lock, and its panics end here.
    fn ring(&self) {
        if !self.disarm() {
            return;
        }
        let (on_ready, waker) = {
            let mut bell = self.bell.lock().unwrap_or_else(PoisonError::into_inner);
            (bell.on_ready.clone(), bell.waker.take())
        };
        // One that panics has been called, which is all that can be done; the work is in the mailbox either way.
        shield(move || waker.into_iter().for_each(Waker::wake));
        shield(move || on_ready.into_iter().for_each(|on_ready| on_ready()));
    }

    /// Registers, or forgets, who awaits the next emission.
    pub(crate) fn set_waker(&self, waker: Option<Waker>) {
        let old = {
            let mut bell = self.bell.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut bell.waker, waker)
        };
        discard(old);
    }

    /// Lets go of the callback and the waker: a sender that outlives the executor keeps nothing of anybody alive.
    pub(crate) fn silence(&self) {
        let Bell { on_ready, waker } =
            std::mem::take(&mut *self.bell.lock().unwrap_or_else(PoisonError::into_inner));
        discard(on_ready);
        discard(waker);
    }
}

/// `open`, `closing` or `closed`.
impl<R, L, P, S> fmt::Debug for Door<R, L, P, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gate = self.gate.load(Ordering::Relaxed);
        f.write_str(match gate {
            _ if gate & CLOSED != 0 => "closed",
            _ if gate & CLOSING != 0 => "closing",
            _ => "open",
        })
    }
}
