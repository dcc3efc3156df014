//! What all spawners of an executor, or of one of its scopes, share: a way to send, and the scope.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::limit::Refusal;
use crate::mailbox::Until;
use crate::meta::{Door, Inside, Label, Message, Runnable, ScopeMessage};
use crate::scopes::{Key, Token};
use crate::turn;

/// A spawner's part in the count of what is still out. It holds a way to send, and nothing else.
pub(crate) struct Root {
    pub(crate) door: Arc<Door>,
    within: Option<Box<Within>>,
}

struct Within {
    scope: Arc<Token>,
    /// The executor's own, so that a scope that is out is counted.
    base: Arc<Root>,
}

impl Root {
    /// That of an executor.
    pub(crate) fn new(door: Arc<Door>) -> Self {
        Self { door, within: None }
    }

    /// The scope in which tasks are made by it.
    #[inline]
    pub(crate) fn scope(&self) -> Option<&Arc<Token>> {
        self.within.as_ref().map(|within| &within.scope)
    }

    /// Whether it takes no more tasks.
    pub(crate) fn is_closed(&self) -> bool {
        self.door.is_closing() || self.scope().is_some_and(|scope| scope.is_closed())
    }

    /// Why it takes none.
    pub(crate) fn refusal(&self) -> Refusal {
        match self.door.is_closing() {
            true => Refusal::Closed,
            false => Refusal::Scope,
        }
    }

    /// Passes the gate with a task or a scope, unless the executor or this scope takes no more. Whoever has passed
    /// sends.
    #[inline]
    pub(crate) fn enter(&self) -> Option<Inside<'_>> {
        let inside = self.door.enter(Until::Closing)?;
        match self.scope() {
            None => Some(inside),
            Some(scope) => scope.accept().then_some(inside),
        }
    }

    /// How a task that was made outside a turn is sent.
    #[inline]
    pub(crate) fn message(&self, key: Option<Key>, runnable: Runnable, label: Label) -> Message {
        match self.scope() {
            None if key.is_none() => Message::Spawn(runnable, label),
            scope => {
                let message = ScopeMessage::Spawn(scope.map(Arc::clone), key, runnable, label);
                Message::Scope(Box::new(message))
            }
        }
    }

    /// Makes a scope within, and gives its root, and whether the executor has taken it, or will; where not, it is
    /// closed.
    pub(crate) fn open(
        self: &Arc<Self>,
        name: Option<&'static str>,
        place: &'static Location<'static>,
    ) -> (Arc<Self>, bool) {
        let new = |is_on_its_way| Token::new(self.scope().cloned(), name, place, is_on_its_way);
        let (scope, is_taken) = turn::with(&self.door, |turn| match turn {
            Some(turn) => {
                let token = new(false);
                let is_taken = turn.open_scope(&token);
                (token, is_taken)
            }
            None => match self.enter() {
                Some(inside) => {
                    let token = new(true);
                    let message = ScopeMessage::Open(Arc::clone(&token));
                    inside.send_quietly(Message::Scope(Box::new(message)));
                    // Whoever awaits the close of the scope around it waits for this news as well. If the executor
                    // fell idle before it was sent, the close that came before that is seen here.
                    if self.scope().is_some_and(|around| around.is_closed()) {
                        self.door.ring_if_armed();
                    }
                    (token, true)
                }
                None => (new(false), false),
            },
        });
        if !is_taken {
            scope.close();
        }
        let base = match &self.within {
            Some(within) => &within.base,
            None => self,
        };
        let within = Within {
            scope,
            base: Arc::clone(base),
        };
        let root = Self {
            door: Arc::clone(&self.door),
            within: Some(Box::new(within)),
        };
        (Arc::new(root), is_taken)
    }
}

/// `open`, `closing` or `closed`.
impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scope().is_some_and(|scope| scope.is_closed()) {
            true => f.write_str("closed"),
            false => self.door.fmt(f),
        }
    }
}
