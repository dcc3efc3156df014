//! A request from both ends: the future that the core awaits, and the resolver that the shell answers by. A
//! subscription likewise: a stream, and its feeds.

mod feed;
mod future;
mod interest;
mod resolver;
mod stream;

pub use feed::{Feed, Subscription};
pub use future::ShellRequest;
pub use resolver::{Request, ResolveError, Resolver};
pub use stream::ShellStream;

/// What can be asked of a shell, and what answers it.
///
/// It is plain data: the core makes one, the shell gets it, and the answer's type goes with it. As a request it has one
/// answer; as a subscription it has any number of them.
///
/// ```
/// use stillpoint::Operation;
///
/// struct HttpGet {
///     url: String,
/// }
///
/// impl Operation for HttpGet {
///     type Output = Result<Vec<u8>, String>;
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no operation: a shell would not know what to answer",
    note = "implement `stillpoint::Operation` for it, naming the `Output` that answers it"
)]
pub trait Operation: Send + 'static {
    /// What answers it; of a subscription, each item.
    type Output: Send + 'static;
}
