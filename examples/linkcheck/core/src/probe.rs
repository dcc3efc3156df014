//! One try of a web address.

use std::time::Duration;

use futures::future::{Either, select};
use stillpoint::{RequestError, Shell};

use crate::{
    document::{Document, Format},
    effect::{Effect, Probe, Sleep},
    web::{Answer, Failure},
};

/// What a try gave.
#[derive(Debug)]
pub(crate) struct Tried {
    /// The answer, without the page.
    pub(crate) outcome: Result<Answer, Failure>,
    /// The page, where it was wanted and is a document, and whether only the first part of it was read.
    pub(crate) page: Option<(Document, bool)>,
}

/// Asks once, and reads the page if one came.
pub(crate) async fn try_once(shell: Shell<Effect>, probe: Probe, deadline: Duration) -> Tried {
    let mut outcome = ask(&shell, probe, deadline).await;
    let page = match &mut outcome {
        Ok(answer) => answer.page.take(),
        Err(_) => None,
    };
    let page = page.and_then(|page| {
        let format = Format::of_content_type(&page.content_type)?;
        let document = Document::parse(format, &page.bytes, page.charset());
        Some((document, page.truncated))
    });
    Tried { outcome, page }
}

/// Asks, and gives up at the deadline: whichever request loses is dropped, and so cancelled.
async fn ask(shell: &Shell<Effect>, probe: Probe, deadline: Duration) -> Result<Answer, Failure> {
    let answer = shell.request(probe);
    let answered = match select(answer, shell.request(Sleep(deadline))).await {
        Either::Left((answered, _)) => answered,
        Either::Right((Ok(()), _)) => return Err(Failure::Timeout),
        // A shell without a clock watches no deadline.
        Either::Right((Err(_), answer)) => answer.await,
    };
    answered.unwrap_or_else(|error: RequestError| Err(Failure::Other(error.to_string())))
}
