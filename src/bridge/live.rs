//! A bridge that is not torn down.

use std::any::TypeId;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::batch::{Batch, Closed, Item, Own, Panicked, Untold, VERSION, contained, naming};
use super::{BridgeError, Format, Limits};
use crate::answer::Shape;
use crate::contain::{Payload, contain, discard, message};
use crate::engine::Engine;
use crate::entry::Reason;
use crate::id::RequestId;
use crate::outbox::Emitted;
use crate::plain::{PlainReport, PlainSnapshot, Unseen};
use crate::portable::{Kind, Portable, Visitor};
use crate::report::{Settled, Teardown};
use crate::request::{Operation, Request, Subscription};
use crate::shell::Notification;

pub(super) struct Live<E: Portable, F: Format> {
    engine: Engine<E>,
    format: F,
    pub(super) limits: Limits,
    routes: Routes<E, F>,
    panics: Arc<Panics>,
    /// By variant, its [`naming`].
    namings: Box<[Option<Box<[u8]>>]>,
    /// What its format has refused to write: the next batch begins with it.
    untold: Option<Box<Untold>>,
}

/// Panics that a batch is to tell.
#[derive(Default)]
struct Panics {
    /// Held for a push and for a pop.
    waiting: Mutex<VecDeque<Panicked>>,
    /// Whether there may be any: without a panic no batch takes the lock. It publishes nothing, since the lock does;
    /// whoever told of one did so in a call of this bridge.
    any: AtomicBool,
}

impl Panics {
    fn push(&self, panic: Panicked) {
        self.lock().push_back(panic);
        self.any.store(true, Ordering::Relaxed);
    }

    fn pop(&self) -> Option<Panicked> {
        self.lock().pop_front()
    }

    fn len(&self) -> usize {
        if !self.any.load(Ordering::Relaxed) {
            return 0;
        }
        let waiting = self.lock().len();
        self.any.store(waiting > 0, Ordering::Relaxed);
        waiting
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Panicked>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How answers are taken, by the operation and how many it takes, once one of it was seen. What is pending is in the
/// executor's own table, and nowhere here.
struct Routes<E: Portable, F: Format>(Vec<Route<E, F>>);

impl<E: Portable, F: Format> Routes<E, F> {
    fn find(&self, operation: TypeId, shape: Shape) -> Option<&Route<E, F>> {
        let mut routes = self.0.iter();
        routes.find(|route| route.operation == operation && route.shape == shape)
    }

    /// Keeps it, unless there is one.
    fn learn(&mut self, route: Route<E, F>) {
        if self.find(route.operation, route.shape).is_none() {
            self.0.push(route);
        }
    }
}

struct Route<E: Portable, F: Format> {
    operation: TypeId,
    shape: Shape,
    effect: &'static str,
    take: Take<E, F>,
}

type Take<E, F> = fn(&Live<E, F>, RequestId, &'static str, &[u8]) -> Result<(), BridgeError>;

impl<E: Portable, F: Format> Clone for Route<E, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E: Portable, F: Format> Copy for Route<E, F> {}

impl<E: Portable, F: Format> Route<E, F> {
    fn kind(&self) -> Kind {
        match self.shape {
            Shape::One => Kind::Request,
            Shape::Many => Kind::Stream,
        }
    }

    fn refused(&self, id: RequestId, reason: Reason) -> BridgeError {
        BridgeError::refused(id, reason, self.effect, self.kind())
    }
}

/// What a panic that came out of somebody's code becomes.
pub(super) fn panicked(payload: Payload) -> BridgeError {
    let text = message(&payload).to_owned();
    discard(payload);
    BridgeError::Panicked { message: text }
}

impl<E: Portable, F: Format> Live<E, F> {
    pub(super) fn new(mut engine: Engine<E>, format: F) -> Self {
        let panics = Arc::<Panics>::default();
        let listener = Arc::clone(&panics);
        engine.listen_to_panics(move |panic| {
            listener.push(Panicked::new(panic));
        });
        let variants = E::VARIANTS.iter();
        let namings = variants.map(|variant| naming(&format, variant.name, variant.kind));
        let namings = namings.collect();
        Self {
            engine,
            format,
            limits: Limits::default(),
            routes: Routes(Vec::new()),
            namings,
            panics,
            untold: None,
        }
    }

    pub(super) fn engine(&self) -> &Engine<E> {
        &self.engine
    }

    pub(super) fn run(&mut self, polls: usize) -> Settled {
        self.engine.run(polls)
    }

    // --- what goes out ---

    /// Writes a batch, which takes no further item once it has `enough` bytes. Gives whether anything is left to be
    /// taken.
    pub(super) fn drain(
        &mut self,
        bytes: &mut Vec<u8>,
        enough: usize,
    ) -> Result<bool, BridgeError> {
        let mut batch = Batch::open(&self.format, bytes, enough);
        if let Some(untold) = self.untold.take() {
            batch.tell(untold.own);
        }
        // Who emits without a pause, on another thread or in an operation's own code, does not keep it: what came in by
        // now is looked at once.
        self.engine.tidy();
        let mut left = self.engine.turn.emitted();
        while left > 0
            && batch.has_room()
            && let Some(emitted) = self.engine.take_front()
        {
            left -= 1;
            let (engine, namings) = (Some(&self.engine), &*self.namings);
            put_emitted(&mut batch, engine, namings, &mut self.routes, emitted);
        }
        put_panics(&mut batch, &self.panics);
        let Closed { is_empty, untold } = batch.close();
        if let Some(untold) = untold {
            let message = is_empty.then(|| untold.why.clone());
            self.untold = Some(untold);
            if let Some(message) = message {
                return Err(BridgeError::Format { message });
            }
        }
        let is_more = self.untold.is_some() || self.engine.turn.emitted() > 0;
        Ok(is_more || self.panics.len() > 0)
    }

    /// Comes to rest, and writes the last batch. Where the format refuses that, the report has what the shell was not
    /// told.
    pub(super) fn teardown(self, bytes: &mut Vec<u8>) -> (Teardown<E>, Result<(), BridgeError>) {
        let Self {
            engine,
            format,
            mut routes,
            panics,
            namings,
            untold,
            ..
        } = self;
        let mut report = engine.teardown();
        let own = match untold.map(|untold| untold.own) {
            Some(Own::Cancelled { id }) => {
                report.emitted.insert(0, notice(id));
                None
            }
            own => own,
        };
        let unseen = Unseen::of(&report.emitted);
        let mut emitted = std::mem::take(&mut report.emitted).into_iter();
        let last = Own::Report(Box::new(PlainReport::new(&report, unseen)));
        // Who cannot write this has nothing to begin with.
        if let Err(message) = contained(|| format.write(&last, std::io::sink())) {
            report.emitted = emitted.collect();
            discard(format);
            return (report, Err(BridgeError::Format { message }));
        }
        let mut batch = Batch::open(&format, bytes, usize::MAX);
        own.into_iter().for_each(|own| batch.tell(own));
        while batch.has_room()
            && let Some(emitted) = emitted.next()
        {
            put_emitted(&mut batch, None, &namings, &mut routes, emitted);
        }
        put_panics(&mut batch, &panics);
        if batch.has_room() {
            batch.tell(last);
        }
        let told = match batch.close().untold {
            None => Ok(()),
            Some(untold) => {
                if let Own::Cancelled { id } = untold.own {
                    report.emitted.push(notice(id));
                }
                report.emitted.extend(emitted);
                Err(BridgeError::Format {
                    message: untold.why,
                })
            }
        };
        discard(format);
        (report, told)
    }

    pub(super) fn snapshot(&self, bytes: &mut Vec<u8>) -> Result<(), BridgeError> {
        // Also what was spawned since the last turn.
        self.engine.act(|_| {});
        let snapshot = self.engine.snapshot();
        let snapshot = PlainSnapshot::new(&snapshot, |request| {
            let standing = self.engine.turn.standing(request.id).ok()?;
            let operation = (standing.kind.operation)();
            let route = self.routes.find(operation, standing.kind.shape)?;
            Some(route.effect)
        });
        let snapshot = snapshot.of_version(VERSION);
        let written = contained(|| self.format.write(&snapshot, bytes));
        written.map_err(|message| BridgeError::Format { message })
    }

    // --- what comes in ---

    /// Of a request that the shell was given and has not answered.
    fn route(&self, id: RequestId, shape: Option<Shape>) -> Result<Route<E, F>, BridgeError> {
        self.engine.tidy();
        let standing = self.engine.turn.standing(id);
        let standing = standing.map_err(|reason| match reason {
            Reason::Stale => BridgeError::Stale(id),
            _ => BridgeError::Unknown(id),
        })?;
        let route = match standing.is_taken {
            true => self
                .routes
                .find((standing.kind.operation)(), standing.kind.shape),
            false => None,
        };
        let route = *route.ok_or(BridgeError::Unknown(id))?;
        if shape.is_some_and(|shape| shape != route.shape) {
            return Err(route.refused(id, Reason::WrongType));
        }
        if standing.is_answered {
            return Err(BridgeError::AlreadyAnswered(id));
        }
        Ok(route)
    }

    pub(super) fn answer(
        &self,
        id: RequestId,
        bytes: &[u8],
        shape: Shape,
    ) -> Result<(), BridgeError> {
        let route = self.route(id, Some(shape))?;
        let limit = self.limits.bytes;
        if bytes.len() > limit {
            let bytes = bytes.len();
            return Err(BridgeError::TooLarge { bytes, limit });
        }
        (route.take)(self, id, route.effect, bytes)
    }

    pub(super) fn fail(&self, id: RequestId, message: String) -> Result<(), BridgeError> {
        let route = self.route(id, None)?;
        let failed = self.engine.fail_id(id, message);
        failed.map_err(|refused| route.refused(id, refused.reason()))
    }

    pub(super) fn end(&self, id: RequestId) -> Result<(), BridgeError> {
        let route = self.route(id, Some(Shape::Many))?;
        let ended = self.engine.act(|turn| turn.end(id, Ok(())));
        ended.map_err(|reason| route.refused(id, reason))
    }

    /// Decodes first: nothing of the executor's is borrowed, and nothing of it is changed yet. A panic ends in the call
    /// of the bridge.
    fn decode<T: DeserializeOwned>(
        &self,
        id: RequestId,
        effect: &'static str,
        bytes: &[u8],
    ) -> Result<T, BridgeError> {
        let read = self.format.read(bytes, self.limits.depth);
        read.map_err(|malformed| BridgeError::Undecodable {
            id,
            effect,
            path: malformed.path,
            message: malformed.message,
        })
    }

    fn take_one<Op>(&self, id: RequestId, effect: &'static str, bytes: &[u8]) -> Taken
    where
        Op: Operation<Output: DeserializeOwned>,
    {
        let output: Op::Output = self.decode(id, effect, bytes)?;
        // The route was found by the type of what this id names, and an id names one thing for ever.
        let resolved = self.engine.act(|turn| turn.answer(id, output));
        resolved.map_err(|refused| let_go(id, refused, effect, Kind::Request))
    }

    fn take_item<Op>(&self, id: RequestId, effect: &'static str, bytes: &[u8]) -> Taken
    where
        Op: Operation<Output: DeserializeOwned>,
    {
        let item: Op::Output = self.decode(id, effect, bytes)?;
        let sent = self.engine.act(|turn| turn.item(id, item));
        sent.map_err(|refused| let_go(id, refused, effect, Kind::Stream))
    }
}

type Taken = Result<(), BridgeError>;

/// Drops an answer that had no effect.
fn let_go<T>(
    id: RequestId,
    (reason, answer): (Reason, T),
    effect: &'static str,
    kind: Kind,
) -> BridgeError {
    discard(answer);
    BridgeError::refused(id, reason, effect, kind)
}

fn notice<E>(id: u64) -> Emitted<E> {
    Emitted::Cancelled(RequestId::from_u64(id))
}

fn put_panics<F: Format>(batch: &mut Batch<'_, F>, panics: &Panics) {
    for _ in 0..panics.len() {
        if !batch.has_room() {
            return;
        }
        // The lock is not held while it is written.
        if let Some(panic) = panics.pop() {
            batch.tell(Own::Panic(panic));
        }
    }
}

fn put_emitted<E: Portable, F: Format>(
    batch: &mut Batch<'_, F>,
    engine: Option<&Engine<E>>,
    namings: &[Option<Box<[u8]>>],
    routes: &mut Routes<E, F>,
    emitted: Emitted<E>,
) {
    match emitted {
        Emitted::Cancelled(id) => batch.tell(Own::Cancelled { id: id.to_u64() }),
        Emitted::Effect(effect) => {
            let put = contain(|| {
                effect.visit(Put {
                    batch,
                    engine,
                    namings,
                    routes,
                });
            });
            // The visit is the effect's own code, where that was written by hand.
            if let Err(payload) = put {
                batch.tell(Own::Unwritable {
                    id: None,
                    effect: None,
                    message: message(&payload).to_owned(),
                });
                discard(payload);
            }
        }
    }
}

/// Writes an effect into a batch.
struct Put<'a, 'b, E: Portable, F: Format> {
    batch: &'a mut Batch<'b, F>,
    engine: Option<&'a Engine<E>>,
    namings: &'a [Option<Box<[u8]>>],
    routes: &'a mut Routes<E, F>,
}

/// A variant's name.
fn name<E: Portable>(variant: usize) -> &'static str {
    E::VARIANTS.get(variant).map_or("?", |variant| variant.name)
}

impl<E: Portable, F: Format> Visitor for Put<'_, '_, E, F> {
    type Output = ();

    fn notify<T>(mut self, variant: usize, notification: Notification<T>)
    where
        T: Serialize + Send + 'static,
    {
        let operation = notification.operation;
        let effect = name::<E>(variant);
        let item = Item::Notify {
            effect,
            operation: &operation,
        };
        let written = self.put(variant, &item);
        if let Err(message) = written {
            self.batch.tell(Own::Unwritable {
                id: None,
                effect: Some(effect),
                message,
            });
        }
        discard(operation);
    }

    fn request<Op>(self, variant: usize, request: Request<Op>)
    where
        Op: Operation + Serialize,
        Op::Output: DeserializeOwned,
    {
        let id = self
            .engine
            .and_then(|engine| engine.give_up_resolver(request.resolver));
        self.ask(
            variant,
            id,
            Shape::One,
            Live::take_one::<Op>,
            request.operation,
        );
    }

    fn stream<Op>(self, variant: usize, subscription: Subscription<Op>)
    where
        Op: Operation + Serialize,
        Op::Output: DeserializeOwned,
    {
        let id = self
            .engine
            .and_then(|engine| engine.give_up_feed(subscription.feed));
        self.ask(
            variant,
            id,
            Shape::Many,
            Live::take_item::<Op>,
            subscription.operation,
        );
    }
}

impl<E: Portable, F: Format> Put<'_, '_, E, F> {
    /// Writes the item of a variant, by what is known of it beforehand, unless the variant says that it is of another
    /// kind.
    fn put<T: Serialize>(&mut self, variant: usize, item: &Item<'_, T>) -> Result<(), String> {
        let known = E::VARIANTS.get(variant).zip(self.namings.get(variant));
        let known = known.filter(|(variant, _)| variant.kind == item.kind());
        self.batch
            .put(item, known.and_then(|(_, naming)| naming.as_deref()))
    }

    /// Writes what is asked. What cannot be written fails alone.
    fn ask<Op: Operation + Serialize>(
        mut self,
        variant: usize,
        id: Option<RequestId>,
        shape: Shape,
        take: Take<E, F>,
        operation: Op,
    ) {
        let effect = name::<E>(variant);
        let written = match id.map(RequestId::to_u64) {
            None => Err("its executor is not this bridge's, or is torn down".to_owned()),
            Some(id) => {
                let operation = &operation;
                let item = match shape {
                    Shape::One => Item::Request {
                        id,
                        effect,
                        operation,
                    },
                    Shape::Many => Item::Stream {
                        id,
                        effect,
                        operation,
                    },
                };
                self.put(variant, &item)
            }
        };
        // By what it is rather than by the variant it came as, which is the word of code that may be written by hand.
        self.routes.learn(Route {
            operation: TypeId::of::<Op>(),
            shape,
            effect,
            take,
        });
        if let Err(message) = written {
            // First of all: whatever becomes of the item, somebody awaits this.
            if let (Some(engine), Some(id)) = (self.engine, id) {
                let why = format!("the operation of `{effect}` cannot be written: {message}");
                // Where it has its end already, there is nothing left to fail.
                let _ = engine.fail_id(id, why);
            }
            self.batch.tell(Own::Unwritable {
                id: id.map(RequestId::to_u64),
                effect: Some(effect),
                message,
            });
        }
        discard(operation);
    }
}
