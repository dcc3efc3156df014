//! The web host: an executor in a page or a worker, with a JavaScript function for each effect.
mod answers;
mod core;
mod driven;
mod event_loop;
mod guard;
mod handlers;
mod host;
mod js;
mod performer;
mod plain;
mod registry;
mod stream;
mod values;

pub use driven::Hostable;
pub use host::Host;
