//! A bridge that is not torn down.

use std::any::TypeId;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::batch::{Batch, Item, Panicked, VERSION};
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
use crate::request::{Operation, Request, ResolveError, Subscription};
use crate::shell::Notification;

pub(super) struct Live<E: Portable, F: Format> {
    engine: Engine<E>,
    format: F,
    pub(super) limits: Limits,
    /// By variant, how its answers are taken, once one of it was seen. What is pending is in the executor's own table,
    /// and nowhere here.
    routes: Routes<E, F>,
    /// Panics that the next batch tells. The lock is held for a push and for a swap.
    panics: Arc<Mutex<Vec<Panicked>>>,
}

type Routes<E, F> = Vec<Option<Route<E, F>>>;

/// How a variant's answers are taken.
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
        let panics = Arc::<Mutex<Vec<Panicked>>>::default();
        let listener = Arc::clone(&panics);
        engine.listen_to_panics(move |panic| {
            let panic = Panicked::new(panic);
            let mut panics = listener.lock().unwrap_or_else(PoisonError::into_inner);
            panics.push(panic);
        });
        Self {
            engine,
            format,
            limits: Limits::default(),
            routes: E::VARIANTS.iter().map(|_| None).collect(),
            panics,
        }
    }

    pub(super) fn engine(&self) -> &Engine<E> {
        &self.engine
    }

    pub(super) fn run(&mut self, polls: usize) -> Settled {
        self.engine.run(polls)
    }

    // --- what goes out ---

    pub(super) fn drain(&mut self, bytes: &mut Vec<u8>) {
        let mut batch = Batch::open(&self.format, bytes);
        // Who emits without a pause, on another thread or in an operation's own code, does not keep it: what came in by now
        // is looked at once.
        self.engine.tidy();
        for _ in 0..self.engine.turn.emitted() {
            let Some(emitted) = self.engine.take_front() else {
                break;
            };
            put_emitted(&mut batch, Some(&self.engine), &mut self.routes, emitted);
        }
        put_panics(&mut batch, &self.panics);
        batch.close();
    }

    /// Comes to rest, writes the last batch, and gives what is left to be asked.
    pub(super) fn teardown(self, bytes: &mut Vec<u8>) -> Teardown<E> {
        let Self {
            engine,
            format,
            mut routes,
            panics,
            ..
        } = self;
        let mut report = engine.teardown();
        let emitted = std::mem::take(&mut report.emitted);
        let unseen = Unseen::of(&emitted);
        let mut batch = Batch::open(&format, bytes);
        for emitted in emitted {
            put_emitted(&mut batch, None, &mut routes, emitted);
        }
        put_panics(&mut batch, &panics);
        let plain = PlainReport::new(&report, unseen);
        batch.tell(&Item::Report(&plain));
        batch.close();
        report
    }

    pub(super) fn snapshot(&self, bytes: &mut Vec<u8>) -> Result<(), String> {
        let snapshot = self.engine.snapshot();
        let snapshot = PlainSnapshot::new(&snapshot, |request| {
            let standing = self.engine.turn.standing(request.id).ok()?;
            let operation = (standing.kind.operation)();
            Some(self.find(operation, standing.kind.shape)?.effect)
        });
        self.format.write(&snapshot.of_version(VERSION), bytes)
    }

    // --- what comes in ---

    fn find(&self, operation: TypeId, shape: Shape) -> Option<&Route<E, F>> {
        let mut routes = self.routes.iter().flatten();
        routes.find(|route| route.operation == operation && route.shape == shape)
    }

    /// Of a request that the shell was given and has not answered.
    fn route(&self, id: RequestId, shape: Option<Shape>) -> Result<Route<E, F>, BridgeError> {
        let standing = self.engine.act(|turn| turn.standing(id));
        let standing = standing.map_err(|reason| match reason {
            Reason::Stale => BridgeError::Stale(id),
            _ => BridgeError::Unknown(id),
        })?;
        let route = match standing.is_taken {
            true => self.find((standing.kind.operation)(), standing.kind.shape),
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

    /// Decodes first: nothing of the executor's is borrowed, and nothing of it is changed yet. A panic ends in the call of
    /// the bridge.
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
        let output = self.decode(id, effect, bytes)?;
        let resolved = self.engine.resolve_id::<Op>(id, output);
        resolved.map_err(|refused| let_go(id, refused, effect, Kind::Request))
    }

    fn take_item<Op>(&self, id: RequestId, effect: &'static str, bytes: &[u8]) -> Taken
    where
        Op: Operation<Output: DeserializeOwned>,
    {
        let item = self.decode(id, effect, bytes)?;
        let sent = self.engine.send_id::<Op>(id, item);
        sent.map_err(|refused| let_go(id, refused, effect, Kind::Stream))
    }
}

type Taken = Result<(), BridgeError>;

/// Drops an answer that had no effect.
fn let_go<T>(
    id: RequestId,
    refused: ResolveError<T>,
    effect: &'static str,
    kind: Kind,
) -> BridgeError {
    let reason = refused.reason();
    discard(refused);
    BridgeError::refused(id, reason, effect, kind)
}

fn put_panics<F: Format>(batch: &mut Batch<'_, F>, panics: &Mutex<Vec<Panicked>>) {
    let told = std::mem::take(&mut *panics.lock().unwrap_or_else(PoisonError::into_inner));
    for panic in &told {
        batch.tell(&Item::Panic(panic));
    }
}

fn put_emitted<E: Portable, F: Format>(
    batch: &mut Batch<'_, F>,
    engine: Option<&Engine<E>>,
    routes: &mut Routes<E, F>,
    emitted: Emitted<E>,
) {
    match emitted {
        Emitted::Cancelled(id) => batch.tell(&Item::Cancelled { id: id.to_u64() }),
        Emitted::Effect(effect) => {
            let put = contain(|| {
                effect.visit(Put {
                    batch,
                    engine,
                    routes,
                });
            });
            // The visit is the effect's own code, where that was written by hand.
            if let Err(payload) = put {
                batch.tell(&Item::Unwritable {
                    id: None,
                    effect: None,
                    message: message(&payload),
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
    routes: &'a mut Routes<E, F>,
}

/// A variant's name.
fn name<E: Portable>(variant: usize) -> &'static str {
    E::VARIANTS.get(variant).map_or("?", |variant| variant.name)
}

impl<E: Portable, F: Format> Visitor for Put<'_, '_, E, F> {
    type Output = ();

    fn notify<T>(self, variant: usize, notification: Notification<T>)
    where
        T: Serialize + Send + 'static,
    {
        let operation = notification.operation;
        let effect = name::<E>(variant);
        let written = self.batch.put(&Item::Notify {
            effect,
            operation: &operation,
        });
        if let Err(message) = written {
            self.batch.tell(&Item::Unwritable {
                id: None,
                effect: Some(effect),
                message: &message,
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
    /// Writes what is asked. What cannot be written fails alone.
    fn ask<Op: Operation + Serialize>(
        self,
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
                self.batch.put(&match shape {
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
                })
            }
        };
        if let Some(route @ None) = self.routes.get_mut(variant) {
            *route = Some(Route {
                operation: TypeId::of::<Op>(),
                shape,
                effect,
                take,
            });
        }
        if let Err(message) = written {
            self.batch.tell(&Item::Unwritable {
                id: id.map(RequestId::to_u64),
                effect: Some(effect),
                message: &message,
            });
            if let (Some(engine), Some(id)) = (self.engine, id) {
                let why = format!("the operation of `{effect}` cannot be written: {message}");
                // Where it has its end already, there is nothing left to fail.
                let _ = engine.fail_id(id, why);
            }
        }
        discard(operation);
    }
}
