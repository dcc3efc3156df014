//! What the core has asked for and the shell has not taken yet, in the order in which it was asked.

use std::any::Any;
use std::collections::VecDeque;

use crate::answer::Answer;
use crate::id::RequestId;

/// How many slots an empty outbox keeps.
const KEPT: usize = 1024;

/// One thing that an executor hands to its shell.
///
/// ```
/// # use stillpoint::{Emitted, Executor, Operation, Request};
/// # struct Ask;
/// # impl Operation for Ask {
/// #     type Output = u32;
/// # }
/// # let mut executor = Executor::<Request<Ask>>::new();
/// # let shell = executor.shell();
/// use std::collections::HashMap;
///
/// let task = executor.spawn(async move { shell.request(Ask).await });
/// let mut under_way = HashMap::new();
/// for _ in 0..2 {
///     executor.run_until_stalled();
///     for emitted in executor.drain() {
///         match emitted {
///             Emitted::Effect(request) => drop(under_way.insert(request.id(), request)),
///             Emitted::Cancelled(id) => drop(under_way.remove(&id)), // and stop what is done for it
///         }
///     }
///     task.abort();
/// }
/// assert!(under_way.is_empty());
/// ```
#[derive(Debug)]
pub enum Emitted<E> {
    /// Something to do. Dropping it drops the operation and its resolver, which abandons the request.
    Effect(E),
    /// Nobody awaits this request any more: stop it, and release what its answer stood for. It comes after its effect,
    /// and once.
    Cancelled(RequestId),
}

/// The outbox as a turn sees it, whatever the effect's type is. Who knows the type may have the outbox itself.
pub(crate) trait AnyOutbox: Any + Send {
    /// Queues a notice.
    fn cancelled(&mut self, id: RequestId);
    /// Queues an effect that came by the mailbox; gives back what is none.
    fn accept(&mut self, effect: Answer) -> Result<(), Answer>;
    /// Takes an untaken effect out. It lies in the outbox's grave until [`Outbox::take_grave`].
    fn bury(&mut self, number: u64);
    fn len(&self) -> usize;
}

pub(crate) struct Outbox<E> {
    queue: VecDeque<Slot<E>>,
    /// Effects of dead requests: their destructors run when nobody holds the outbox.
    grave: Vec<E>,
    next: u64,
    /// How many emissions there are.
    len: usize,
}

struct Slot<E> {
    number: u64,
    /// [`RequestId::NONE`] for a notification.
    id: RequestId,
    what: What<E>,
}

enum What<E> {
    Effect(E),
    /// A notice, of the slot's own id, and up to three that followed it with nothing between them: they fit where an
    /// effect would lie, and a teardown writes one for every request.
    Cancelled([RequestId; 3]),
    Gone,
}

impl<E> Outbox<E> {
    pub(crate) const fn new() -> Self {
        Self {
            queue: VecDeque::new(),
            grave: Vec::new(),
            next: 0,
            len: 0,
        }
    }

    /// Queues an effect. Gives the number by which it can be buried.
    #[inline]
    pub(crate) fn push(&mut self, id: RequestId, effect: E) -> u64 {
        self.enqueue(id, What::Effect(effect))
    }

    #[inline]
    fn enqueue(&mut self, id: RequestId, what: What<E>) -> u64 {
        let number = self.next;
        self.next += 1;
        self.len += 1;
        self.queue.push_back(Slot { number, id, what });
        number
    }

    /// The request that the oldest emission belongs to, or [`RequestId::NONE`].
    pub(crate) fn front(&mut self) -> Option<RequestId> {
        while let Some(slot) = self.queue.front() {
            if !matches!(slot.what, What::Gone) {
                return Some(slot.id);
            }
            self.queue.pop_front();
        }
        self.shrink();
        None
    }

    /// The oldest emission. Where it is an effect, `taken` is told whose it is.
    #[inline]
    pub(crate) fn pop(&mut self, taken: impl FnOnce(RequestId)) -> Option<Emitted<E>> {
        while let Some(Slot { number, id, what }) = self.queue.pop_front() {
            let emitted = match what {
                What::Gone => continue,
                What::Effect(effect) => {
                    taken(id);
                    Emitted::Effect(effect)
                }
                What::Cancelled([next, second, third]) => {
                    if next != RequestId::NONE {
                        self.queue.push_front(Slot {
                            number,
                            id: next,
                            what: What::Cancelled([second, third, RequestId::NONE]),
                        });
                    }
                    Emitted::Cancelled(id)
                }
            };
            self.len -= 1;
            return Some(emitted);
        }
        self.shrink();
        None
    }

    /// Gives back what a burst needed.
    fn shrink(&mut self) {
        if self.queue.capacity() > KEPT {
            self.queue = VecDeque::new();
        }
    }

    /// What was buried, to be dropped by the caller.
    #[must_use = "its destructors are to run when nobody holds the outbox"]
    pub(crate) fn take_grave(&mut self) -> Vec<E> {
        std::mem::take(&mut self.grave)
    }

    /// Lets go of the slots at the end that hold nothing, and of all such once they are the greater part; those at the
    /// front go when the shell looks.
    fn compact(&mut self) {
        while matches!(
            self.queue.back(),
            Some(Slot {
                what: What::Gone,
                ..
            })
        ) {
            self.queue.pop_back();
        }
        if self.queue.len() > 2 * self.len {
            self.queue.retain(|slot| !matches!(slot.what, What::Gone));
        }
    }
}

impl<E: Send + 'static> AnyOutbox for Outbox<E> {
    fn cancelled(&mut self, id: RequestId) {
        if let Some(slot) = self.queue.back_mut()
            && let What::Cancelled(more) = &mut slot.what
            && let Some(free) = more.iter_mut().find(|id| **id == RequestId::NONE)
        {
            *free = id;
            self.len += 1;
        } else {
            self.enqueue(id, What::Cancelled([RequestId::NONE; 3]));
        }
    }

    fn accept(&mut self, effect: Answer) -> Result<(), Answer> {
        self.push(RequestId::NONE, effect.take::<E>()?);
        Ok(())
    }

    fn bury(&mut self, number: u64) {
        let Ok(index) = self.queue.binary_search_by_key(&number, |slot| slot.number) else {
            return;
        };
        if let What::Effect(effect) = std::mem::replace(&mut self.queue[index].what, What::Gone) {
            self.grave.push(effect);
        }
        self.len -= 1;
        self.compact();
    }

    fn len(&self) -> usize {
        self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(outbox: &mut Outbox<u32>) -> Vec<String> {
        std::iter::from_fn(|| outbox.pop(|_| {}))
            .map(|emitted| match emitted {
                Emitted::Effect(effect) => format!("effect {effect}"),
                Emitted::Cancelled(id) => format!("cancelled {}", id.to_u64()),
            })
            .collect()
    }

    #[test]
    fn what_is_buried_is_never_delivered_and_the_rest_keeps_its_order() {
        let mut outbox = Outbox::new();
        for effect in 0..6 {
            outbox.push(RequestId::NONE, effect);
        }
        outbox.cancelled(RequestId::from_u64(9));
        for number in [1, 4, 0] {
            outbox.bury(number);
        }
        assert_eq!((outbox.take_grave(), outbox.len()), (vec![1, 4, 0], 4));
        assert_eq!(
            trace(&mut outbox),
            ["effect 2", "effect 3", "effect 5", "cancelled 9"]
        );
    }

    #[test]
    fn burying_keeps_the_outbox_small() {
        let mut outbox = Outbox::new();
        outbox.push(RequestId::NONE, 0);
        for number in 1..1_000 {
            outbox.push(RequestId::NONE, 1);
            outbox.bury(number);
            assert!(outbox.queue.len() <= 2, "{}", outbox.queue.len());
        }
        drop(outbox.take_grave());
        for number in 1_000..1_010 {
            outbox.push(RequestId::NONE, 2);
            if number % 2 == 0 {
                outbox.bury(number);
            }
        }
        assert!(
            outbox.queue.len() <= 2 * outbox.len(),
            "{}",
            outbox.queue.len()
        );
        assert_eq!(
            trace(&mut outbox),
            [
                "effect 0", "effect 2", "effect 2", "effect 2", "effect 2", "effect 2"
            ]
        );
    }

    #[test]
    fn what_is_gone_from_the_middle_stays_until_it_is_the_greater_part() {
        let mut outbox = Outbox::new();
        for effect in 0..11 {
            outbox.push(RequestId::NONE, effect);
        }
        outbox.bury(10);
        assert_eq!((outbox.queue.len(), outbox.len()), (10, 10));
        for (buried, slots) in [(1, 10), (2, 10), (3, 10), (4, 10), (5, 10), (6, 4)] {
            outbox.bury(buried);
            assert_eq!(outbox.queue.len(), slots, "{buried}");
        }
        assert_eq!(
            trace(&mut outbox),
            ["effect 0", "effect 7", "effect 8", "effect 9"]
        );
        assert_eq!((outbox.queue.len(), outbox.len()), (0, 0));
    }

    #[test]
    fn what_a_burst_needed_is_given_back_and_what_is_always_needed_is_kept() {
        let mut outbox = Outbox::new();
        let room_after = |outbox: &mut Outbox<u32>, burst| {
            for effect in 0..burst {
                outbox.push(RequestId::NONE, effect);
            }
            let needed = outbox.queue.capacity();
            assert_eq!(trace(outbox).len(), burst as usize);
            (needed, outbox.queue.capacity())
        };
        outbox.queue.reserve_exact(KEPT);
        assert_eq!(room_after(&mut outbox, KEPT as u32), (KEPT, KEPT));
        let (needed, left) = room_after(&mut outbox, KEPT as u32 + 1);
        assert!(needed > KEPT && left == 0, "{left} of {needed}");
    }

    #[test]
    fn four_notices_in_a_row_take_one_slot_and_keep_their_place() {
        let mut outbox = Outbox::new();
        let cancelled = |outbox: &mut Outbox<u32>, ids: std::ops::Range<u64>| {
            ids.for_each(|id| outbox.cancelled(RequestId::from_u64(id)));
        };
        cancelled(&mut outbox, 1..4);
        let number = outbox.push(RequestId::from_u64(4), 4);
        cancelled(&mut outbox, 5..10);
        assert_eq!((outbox.queue.len(), outbox.len()), (4, 9));
        assert!(matches!(outbox.pop(|_| {}), Some(Emitted::Cancelled(_))));
        assert_eq!(outbox.front(), Some(RequestId::from_u64(2)));
        outbox.bury(number);
        assert_eq!((outbox.queue.len(), outbox.len()), (4, 7));
        cancelled(&mut outbox, 10..13);
        assert_eq!(outbox.queue.len(), 4);
        assert_eq!(
            trace(&mut outbox),
            [2, 3, 5, 6, 7, 8, 9, 10, 11, 12].map(|id| format!("cancelled {id}"))
        );
        assert_eq!((outbox.queue.len(), outbox.len()), (0, 0));
    }

    #[test]
    fn burying_what_was_taken_does_nothing() {
        let mut outbox = Outbox::new();
        outbox.push(RequestId::NONE, 1);
        outbox.push(RequestId::NONE, 2);
        outbox.pop(|_| {});
        outbox.bury(0);
        outbox.bury(77);
        assert_eq!(
            (outbox.take_grave(), trace(&mut outbox)),
            (vec![], vec!["effect 2".to_string()])
        );
    }
}
