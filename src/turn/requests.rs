//! What becomes of requests in a turn.

use std::sync::Arc;
use std::task::{Poll, Waker};

use super::Turn;
use crate::answer::{Answer, Kind, is_large};
use crate::contain::{discard, shield};
use crate::entry::{Emission, Notice, Reason, RequestError};
use crate::id::{RequestId, TaskId};
use crate::limit::{Arrival, Line, Places};
use crate::outbox::Outbox;
#[cfg(feature = "bridge")]
use crate::request_table::Standing;
use crate::request_table::{Found, Poller, RequestTable, Wake};
use crate::room::Room;
use crate::trace::{self, Answered};

/// Why an answer had no effect, if it had none.
fn refusal<W, A>(outcome: &Result<W, (Reason, A)>) -> Option<Reason> {
    outcome.as_ref().err().map(|(reason, _)| *reason)
}

impl Turn {
    /// Makes an entry, by `insert`, where there is none yet. Gives whether its effect is to be emitted now; otherwise
    /// it waits for a place.
    pub(crate) fn open(
        &self,
        waker: &Waker,
        id: &mut RequestId,
        insert: impl FnOnce(&mut RequestTable, Poller<'_>) -> Option<RequestId>,
    ) -> Result<bool, RequestError> {
        if self.is_closing() {
            return Err(RequestError::Closed);
        }
        if let Some(line) = &self.line {
            return self.open_bounded(line, waker, id, insert);
        }
        let poller = self.poller(waker);
        // A foreign waker's clone is somebody else's code, and before there is an entry it can spoil none.
        let wake = (!poller.is_own).then(|| poller.wake());
        let opened = insert(&mut self.requests.borrow_mut(), poller);
        let opened = opened.ok_or(RequestError::Exhausted)?;
        // From here on the future's own drop frees the entry, whatever others do.
        *id = opened;
        if let Some(wake) = wake {
            self.listen(opened, poller.task, wake);
        }
        Ok(true)
    }

    /// The same where requests or emissions have a limit.
    #[inline(never)]
    fn open_bounded(
        &self,
        line: &Line,
        waker: &Waker,
        id: &mut RequestId,
        insert: impl FnOnce(&mut RequestTable, Poller<'_>) -> Option<RequestId>,
    ) -> Result<bool, RequestError> {
        let poller = self.poller(waker);
        if id.some().is_some() {
            return match self.look(waker, *id, RequestTable::poll_line) {
                Poll::Pending => Ok(false),
                Poll::Ready(Err(error)) => Err(error),
                Poll::Ready(Ok(())) => {
                    // Whoever listened was woken for its place, and this one is to hear of its answer.
                    self.listen(*id, poller.task, poller.wake());
                    Ok(true)
                }
            };
        }
        let wake = poller.wake();
        let arrival = line.arrive(self.places(), self.pending_requests());
        if arrival == Arrival::Refused {
            return Err(RequestError::Full);
        }
        let opened = insert(&mut self.requests.borrow_mut(), poller);
        let Some(opened) = opened else {
            if arrival == Arrival::Admitted {
                self.vacate(1);
            }
            return Err(RequestError::Exhausted);
        };
        *id = opened;
        if arrival == Arrival::Waits {
            let mut requests = self.requests.borrow_mut();
            requests.set_emission(opened, Emission::WAITING);
            line.push(opened, |id| requests.waits(id));
        }
        self.listen(opened, poller.task, wake);
        Ok(arrival == Arrival::Admitted)
    }

    /// What is counted together with senders.
    fn places(&self) -> &Places {
        let places = self.door.places.as_deref();
        places.expect("who has a line has places")
    }

    /// Whether requests or emissions have a limit.
    pub(crate) fn is_bounded(&self) -> bool {
        self.line.is_some()
    }

    /// How many requests wait for a place.
    pub(crate) fn waiting(&self) -> usize {
        self.line.as_ref().map_or(0, Line::waiting)
    }

    /// So many places in the outbox are free, or one among the requests: who waits has them, in order. Each that is
    /// admitted is woken; its effect is made when it is polled.
    pub(crate) fn vacate(&self, mut places: usize) {
        let Some(line) = &self.line else { return };
        loop {
            let admitted = {
                let requests = self.requests.borrow();
                line.admit(self.places(), requests.len(), &mut places, |id| {
                    requests.waits(id)
                })
            };
            let Some(id) = admitted else { break };
            let wake = self.requests.borrow_mut().admit(id);
            self.wake_for_entry(id, wake);
        }
        (0..places).for_each(|_| self.places().give_emission());
    }

    /// How many items a subscription may have on their way, if that is bounded.
    pub(crate) fn room(&self, id: RequestId) -> Option<Arc<Room>> {
        self.requests.borrow().room(id)
    }

    /// Whether a subscription has had all of so many messages; where it is gone, none matters.
    pub(crate) fn has_all(&self, id: RequestId, sent: u64) -> bool {
        let mut requests = self.requests.borrow_mut();
        requests.arrived(id).is_none_or(|arrived| *arrived == sent)
    }

    /// A message of a subscription's feed is here that is no item.
    pub(super) fn arrived(&self, id: RequestId) {
        if let Some(arrived) = self.requests.borrow_mut().arrived(id) {
            *arrived += 1;
        }
    }

    /// Emits a request's effect.
    #[inline(never)]
    pub(crate) fn emit<E: Send + 'static>(&self, id: RequestId, effect: E) {
        let number = self.with_outbox(|outbox: &mut Outbox<E>| outbox.push(id, effect));
        self.requests.borrow_mut().emitted(id, number, self.now());
        trace::emitted(id, || self.requests.borrow().waiter(id));
    }

    /// Registers who polls.
    fn listen(&self, id: RequestId, task: TaskId, wake: Wake) {
        let listens = self.requests.borrow_mut().listen(id, task, wake);
        match listens {
            Ok(before) => discard(before),
            // Its clone is somebody else's code, which has brought what is awaited.
            Err(wake) => self.wake_for_entry(id, wake),
        }
    }

    /// What the future of a request finds that polls its entry.
    pub(crate) fn poll_one<T: Send + 'static>(
        &self,
        id: RequestId,
        waker: &Waker,
    ) -> Poll<Result<T, RequestError>> {
        if const { is_large::<T>() } {
            let polled = self.look(waker, id, RequestTable::poll_one::<Box<T>>);
            polled.map_ok(|answer| *answer)
        } else {
            self.look(waker, id, RequestTable::poll_one::<T>)
        }
    }

    /// What a stream finds that polls its entry.
    pub(crate) fn poll_stream<T: Send + 'static>(
        &self,
        id: RequestId,
        waker: &Waker,
    ) -> Poll<Result<T, Result<(), RequestError>>> {
        if const { is_large::<T>() } {
            let polled = self.look(waker, id, RequestTable::poll_stream::<Box<T>>);
            polled.map_ok(|item| *item)
        } else {
            self.look(waker, id, RequestTable::poll_stream::<T>)
        }
    }

    fn look<R>(
        &self,
        waker: &Waker,
        id: RequestId,
        look: impl FnOnce(&mut RequestTable, RequestId, Poller<'_>) -> Found<R>,
    ) -> Poll<R> {
        let poller = self.poller(waker);
        let found = look(&mut self.requests.borrow_mut(), id, poller);
        match found {
            Found::Nothing => Poll::Pending,
            Found::NotListening => {
                self.listen(id, poller.task, poller.wake());
                Poll::Pending
            }
            Found::Item(item) => Poll::Ready(item),
            Found::Last(last, notice) => {
                self.conclude(id, notice);
                Poll::Ready(last)
            }
        }
    }

    /// A request's future is dropped before it had its answer.
    pub(crate) fn cancel(&self, id: RequestId) {
        let remains = self.requests.borrow_mut().cancel(id);
        if let Some(remains) = remains {
            self.conclude(id, remains.notice);
            trace::cancelled(id, remains.notice == Notice::Cancelled);
            discard(remains.rest);
        }
    }

    /// Does what there is to do for an entry that is freed.
    fn conclude(&self, id: RequestId, notice: Notice) {
        match notice {
            Notice::None | Notice::Vacate => {}
            Notice::Cancelled => self.outbox.borrow_mut().cancelled(id),
            Notice::Bury(number) => {
                self.outbox.borrow_mut().bury(number);
                self.unswept.set(true);
            }
            Notice::Leave => self.line.iter().for_each(Line::left),
        }
        if self.line.is_some() {
            let has_place = matches!(notice, Notice::Bury(_) | Notice::Vacate);
            self.vacate(usize::from(has_place));
        }
    }

    /// Cancels what is left when every future is gone: requests whose futures live outside every task.
    pub(crate) fn cancel_all(&self) {
        let ids = self.requests.borrow().ids();
        for id in ids {
            self.cancel(id);
        }
    }

    pub(crate) fn pending_requests(&self) -> usize {
        self.requests.borrow().len()
    }

    /// An effect is in the shell's hands.
    pub(crate) fn taken(&self, id: RequestId) {
        self.effects.set(self.effects.get() + 1);
        self.requests.borrow_mut().taken(id);
    }

    /// Whether the id names a pending request of this kind, for who answers by it.
    pub(crate) fn check(
        &self,
        id: RequestId,
        is_kind: impl FnOnce(&Kind) -> bool,
    ) -> Result<(), Reason> {
        let checked = self.requests.borrow().check(id, is_kind);
        if let Err(reason) = checked {
            trace::refused(id, reason);
        }
        checked
    }

    /// Whether the id names a pending request.
    #[cfg(any(feature = "testing", feature = "web"))]
    pub(crate) fn holds(&self, id: RequestId) -> bool {
        self.requests.borrow().check(id, |_| true).is_ok()
    }

    /// How a pending request stands, for who answers by its id.
    #[cfg(feature = "bridge")]
    pub(crate) fn standing(&self, id: RequestId) -> Result<Standing, Reason> {
        let standing = self.requests.borrow().standing(id);
        if let Err(reason) = &standing {
            trace::refused(id, *reason);
        }
        standing
    }

    /// Wakes who awaits this entry.
    fn wake_for_entry(&self, id: RequestId, wake: Wake) {
        match wake {
            Wake::Nobody => {}
            Wake::Task(task) => self.wake(task),
            Wake::Other(waker) => {
                // A waker of somebody's own making: what it throws is not the answerer's.
                shield(|| waker.wake_by_ref());
                let unneeded = self.requests.borrow_mut().keep(id, waker);
                discard(unneeded);
            }
        }
    }

    pub(crate) fn answer<T: Send + 'static>(
        &self,
        id: RequestId,
        answer: T,
    ) -> Result<(), (Reason, T)> {
        if const { is_large::<T>() } {
            self.deliver(id, Box::new(answer))
                .map_err(|(reason, answer)| (reason, *answer))
        } else {
            self.deliver(id, answer)
        }
    }

    fn deliver<T: Send + 'static>(&self, id: RequestId, answer: T) -> Result<(), (Reason, T)> {
        let answered = self.requests.borrow_mut().answer(id, answer);
        self.conclude_answer(id, answered)
    }

    pub(super) fn answer_erased(
        &self,
        id: RequestId,
        answer: Answer,
    ) -> Result<(), (Reason, Answer)> {
        let answered = self.requests.borrow_mut().answer_erased(id, answer);
        self.conclude_answer(id, answered)
    }

    fn conclude_answer<A>(
        &self,
        id: RequestId,
        answered: Result<Wake, (Reason, A)>,
    ) -> Result<(), (Reason, A)> {
        trace::answered(id, Answered::Answer, || refusal(&answered));
        self.wake_for_entry(id, answered?);
        Ok(())
    }

    /// Delivers an item at once, if the stream has a place for it.
    pub(crate) fn item<T: Send + 'static>(
        &self,
        id: RequestId,
        item: T,
    ) -> Result<(), (Reason, T)> {
        if const { is_large::<T>() } {
            self.enqueue(id, Box::new(item))
                .map_err(|(reason, item)| (reason, *item))
        } else {
            self.enqueue(id, item)
        }
    }

    fn enqueue<T: Send + 'static>(&self, id: RequestId, item: T) -> Result<(), (Reason, T)> {
        let queued = self.requests.borrow_mut().item(id, item);
        self.conclude_item(id, queued)
    }

    /// Delivers an item whose sender has taken a place in the stream's room, if the stream has one.
    pub(super) fn item_erased(&self, id: RequestId, item: Answer) -> Result<(), (Reason, Answer)> {
        let queued = self.requests.borrow_mut().item_erased(id, item);
        self.conclude_item(id, queued)
    }

    fn conclude_item<A>(
        &self,
        id: RequestId,
        queued: Result<(Wake, Option<A>), (Reason, A)>,
    ) -> Result<(), (Reason, A)> {
        trace::answered(id, Answered::Item, || refusal(&queued));
        let (wake, displaced) = queued?;
        self.wake_for_entry(id, wake);
        discard(displaced);
        Ok(())
    }

    /// Fails a request, or a stream; gives the text back where that has no effect.
    pub(crate) fn fail(&self, id: RequestId, text: String) -> Result<(), (Reason, String)> {
        self.end(id, Err(RequestError::Failed(text.clone())))
            .map_err(|reason| (reason, text))
    }

    pub(crate) fn end(&self, id: RequestId, end: Result<(), RequestError>) -> Result<(), Reason> {
        let how = Answered::by(&end);
        let wake = self.requests.borrow_mut().end(id, end);
        trace::answered(id, how, || wake.as_ref().err().copied());
        let wake = wake?;
        self.wake_for_entry(id, wake);
        Ok(())
    }
}
