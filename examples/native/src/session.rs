//! A core under a lock, for shells that call from any thread.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use linkcheck_core::check;
use stillpoint::bridge::{Bridge, BridgeError, Json, MessagePack};
use stillpoint::portable::Portable;
use stillpoint::{Executor, RequestId, Settled};

use crate::bell::{self, Bell, Tower};
use crate::bridges::AnyBridge;
use crate::rehearsal::{self, rehearse};
use crate::{SessionError, Settings};

/// How what crosses is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Encoding {
    /// Text.
    Json,
    /// Binary, with the names of the fields.
    MessagePack,
}

/// What a turn came to.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Turn {
    /// Polls made.
    pub polled: u64,
    /// Tasks that are done by it.
    pub completed: u64,
    /// Tasks that have panicked in it.
    pub panicked: u64,
    /// Tasks that are left; none means that the core is done.
    pub pending: u64,
    /// Whether work is left that the budget did not reach: no bell rings for it, so take another turn.
    pub budget_spent: bool,
    /// What the bell threw since the last turn, if anything: the first such.
    pub bell_failure: Option<String>,
}

impl Turn {
    fn new(settled: Settled, bell_failure: Option<String>) -> Self {
        Self {
            polled: settled.polled as u64,
            completed: settled.completed as u64,
            panicked: settled.panicked as u64,
            pending: settled.pending as u64,
            budget_spent: settled.budget_spent,
            bell_failure,
        }
    }
}

/// A core that asks its shell by batches and is answered by ids, from any thread.
///
/// Calls take turns at one lock: one waits for another that is under way, and a turn's budget bounds how long. Take the
/// first turn at once; the bell rings for the later ones. A thread that is in a bell gets
/// [`SessionError::WithinBell`] from every call, and never waits.
///
/// [`teardown`](Self::teardown) ends it with a report, and lets go of the bell. Letting go of the session itself frees
/// the same and tells nobody, but a bell that leads back to its session keeps both until a teardown.
#[derive(uniffi::Object)]
pub struct Session {
    bridge: Mutex<Box<dyn AnyBridge>>,
    tower: Arc<Tower>,
    report: Arc<OnceLock<String>>,
}

#[uniffi::export]
impl Session {
    /// Starts a check of whatever documents the shell names, which ask by `linkcheck_core`'s effects.
    ///
    /// # Errors
    ///
    /// [`SessionError::BadArgument`] for settings that make no sense.
    #[uniffi::constructor]
    pub fn check(
        settings: Settings,
        encoding: Encoding,
        bell: Option<Box<dyn Bell>>,
    ) -> Result<Arc<Self>, SessionError> {
        let settings = settings.for_core()?;
        Ok(Self::start(encoding, bell, |executor, report| {
            let (spawner, shell) = (executor.spawner(), executor.shell());
            let checking = check(spawner.clone(), shell, settings);
            let task = spawner.name("check").spawn(async move {
                let mut found = checking.await;
                found.sort();
                // Nobody else sets it.
                let _ = report.set(found.to_json());
            });
            // Nobody joins it, so that a panic of its would be an item.
            drop(task);
        }))
    }

    /// Starts a core that does what the shell orders it to, so that a shell can be tried on everything that a core may
    /// ask: it subscribes to `Orders`, and each item of them is an order. `{"Ask":"what"}` requests `Ask`, and says the
    /// answer; `"GiveUp"` cancels all that it has asked; `{"Say":"what"}` notifies; `{"Panic":"why"}` panics. It holds
    /// at most four orders that it has not read, and ends when its orders do.
    #[uniffi::constructor]
    #[must_use]
    pub fn rehearsal(encoding: Encoding, bell: Option<Box<dyn Bell>>) -> Arc<Self> {
        Self::start(
            encoding,
            bell,
            |executor: &Executor<rehearsal::Effect>, _| {
                let (spawner, shell) = (executor.spawner(), executor.shell());
                drop(
                    spawner
                        .name("rehearsal")
                        .spawn(rehearse(spawner.clone(), shell)),
                );
            },
        )
    }

    /// Takes a turn with at most so many polls. [`drain`](Self::drain) afterwards.
    ///
    /// # Errors
    ///
    /// [`SessionError::TornDown`], [`SessionError::WithinBell`].
    pub fn run(&self, budget: u32) -> Result<Turn, SessionError> {
        let budget = usize::try_from(budget).unwrap_or(usize::MAX);
        let mut failure = None;
        let settled = self.call(|bridge| {
            // The shell is here, so that it need not be told again of what came before this turn.
            failure = self.tower.take_failure();
            bridge.run(budget)
        })?;
        Ok(Turn::new(settled, failure))
    }

    /// Takes what was emitted, as a batch.
    ///
    /// # Errors
    ///
    /// [`SessionError::TornDown`], [`SessionError::WithinBell`].
    pub fn drain(&self) -> Result<Vec<u8>, SessionError> {
        self.call(|bridge| bridge.drain())
    }

    /// Answers a request.
    ///
    /// # Errors
    ///
    /// Says why it has no effect; the request is as it was.
    pub fn resolve(&self, id: u64, answer: Vec<u8>) -> Result<(), SessionError> {
        self.resolve_with(id, &answer)
    }

    /// Fails a request, or a stream after what was sent.
    ///
    /// # Errors
    ///
    /// Says why it has no effect.
    pub fn fail(&self, id: u64, message: String) -> Result<(), SessionError> {
        let id = RequestId::from_u64(id);
        self.call(|bridge| bridge.fail(id, message))
    }

    /// Sends an item to a stream.
    ///
    /// # Errors
    ///
    /// Says why it has no effect. After [`SessionError::Full`] the item can be sent again once a turn was taken.
    pub fn send(&self, id: u64, item: Vec<u8>) -> Result<(), SessionError> {
        self.send_with(id, &item)
    }

    /// Ends a stream, after what was sent.
    ///
    /// # Errors
    ///
    /// Says why it has no effect.
    pub fn end(&self, id: u64) -> Result<(), SessionError> {
        let id = RequestId::from_u64(id);
        self.call(|bridge| bridge.end(id))
    }

    /// Takes a look at the tasks and requests that it holds.
    ///
    /// # Errors
    ///
    /// [`SessionError::TornDown`], [`SessionError::WithinBell`].
    pub fn snapshot(&self) -> Result<Vec<u8>, SessionError> {
        self.call(|bridge| bridge.snapshot())
    }

    /// The check's report, as JSON whatever the encoding, once it is done; it can be asked for after a teardown as
    /// well. A rehearsal has none.
    #[must_use]
    pub fn report(&self) -> Option<String> {
        self.report.get().cloned()
    }

    /// Comes to rest, lets go of the bell, and gives the last batch, whose last item is the report of what was held.
    /// When it has returned, no bell of this session is ringing or will ring.
    ///
    /// # Errors
    ///
    /// [`SessionError::TornDown`] where it is so already, [`SessionError::WithinBell`].
    pub fn teardown(&self) -> Result<Vec<u8>, SessionError> {
        let (last, _) = self.act(|bridge| bridge.teardown())?;
        let _ = self.tower.take_down(); // not in a bell, as the call before it has found
        Ok(last?)
    }
}

impl Session {
    fn start<E: Portable>(
        encoding: Encoding,
        bell: Option<Box<dyn Bell>>,
        begin: impl FnOnce(&Executor<E>, Arc<OnceLock<String>>),
    ) -> Arc<Self> {
        let tower = Arc::new(Tower::new(bell));
        let report = Arc::<OnceLock<String>>::default();
        let ear = Arc::clone(&tower);
        let executor = Executor::builder().on_ready(move || ear.hear()).build();
        // The shell has no session yet to which it could come: that it begins with a turn is said, and not rung.
        bell::unrung(|| begin(&executor, Arc::clone(&report)));
        let bridge: Box<dyn AnyBridge> = match encoding {
            Encoding::Json => Box::new(Bridge::with_format(executor, Json)),
            Encoding::MessagePack => Box::new(Bridge::with_format(executor, MessagePack)),
        };
        Arc::new(Self {
            bridge: Mutex::new(bridge),
            tower,
            report,
        })
    }

    /// Calls the bridge when it is this call's turn, and says whether the bell has rung by it.
    fn act<R>(
        &self,
        act: impl FnOnce(&mut dyn AnyBridge) -> Result<R, BridgeError>,
    ) -> Result<(Result<R, BridgeError>, bool), SessionError> {
        let acted = bell::in_call(|| {
            // A bridge keeps every panic to itself; if one came out, it would be as usable as before.
            let mut bridge = self.bridge.lock().unwrap_or_else(PoisonError::into_inner);
            act(&mut **bridge)
        });
        acted.ok_or_else(SessionError::within_bell)
    }

    /// The same, and rings afterwards where that has brought work, or where the shell could not be told of some before.
    fn call<R>(
        &self,
        act: impl FnOnce(&mut dyn AnyBridge) -> Result<R, BridgeError>,
    ) -> Result<R, SessionError> {
        let (result, rung) = self.act(act)?;
        if rung || self.tower.has_failed() {
            self.tower.ring();
        }
        Ok(result?)
    }

    /// As [`resolve`](Self::resolve), of bytes that stay the caller's. UniFFI could pass such as well, but makes them
    /// an off-heap buffer in Kotlin, where nobody has one.
    pub(crate) fn resolve_with(&self, id: u64, answer: &[u8]) -> Result<(), SessionError> {
        let id = RequestId::from_u64(id);
        self.call(|bridge| bridge.resolve(id, answer))
    }

    /// As [`send`](Self::send).
    pub(crate) fn send_with(&self, id: u64, item: &[u8]) -> Result<(), SessionError> {
        let id = RequestId::from_u64(id);
        self.call(|bridge| bridge.send(id, item))
    }

    /// Waits for whoever is ringing, and lets go of the bell without a report.
    ///
    /// # Errors
    ///
    /// [`SessionError::WithinBell`].
    pub(crate) fn silence(&self) -> Result<(), SessionError> {
        match self.tower.take_down() {
            true => Ok(()),
            false => Err(SessionError::within_bell()),
        }
    }
}
