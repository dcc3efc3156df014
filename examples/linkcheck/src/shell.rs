//! What performs the core's effects at a terminal.

use linkcheck_core::{
    effect::{Effect, Found},
    web::Failure,
};
use tokio::{sync::watch, time::sleep};

use crate::{files, http::Client, progress::Progress, starts::Starts};

/// Files, the web, the clock and the screen.
#[derive(Debug)]
pub(crate) struct Terminal {
    pub(crate) starts: Starts,
    /// `None` while offline.
    pub(crate) client: Option<Client>,
    pub(crate) progress: Progress,
    /// Turns true when the user wants to stop.
    pub(crate) stop: watch::Receiver<bool>,
}

impl Terminal {
    /// Shows what is to be shown in the order in which it is told.
    pub(crate) fn show(&self, effect: &Effect) {
        if let Effect::Progress(told) = effect {
            let [done, known, documents, broken] = [
                told.operation.done,
                told.operation.known,
                told.operation.documents,
                told.operation.broken,
            ]
            .map(|count| count as u64);
            self.progress.show(done, known, documents, broken);
        }
    }

    /// Performs an effect. Whoever no longer wants the answer has it dropped, and may have this future dropped.
    pub(crate) async fn perform(&self, effect: Effect) {
        match effect {
            Effect::NextDocument(request) => {
                // A walk that is lost abandons the request.
                if let Some(found) = self.starts.next().await {
                    let found: Option<Found> = found;
                    request.resolve(found).ok();
                }
            }
            Effect::Read(request) => {
                let bytes = files::read(&request.operation.0).await;
                request.resolve(bytes.map_err(Into::into)).ok();
            }
            Effect::Look(request) => {
                let found = files::look(&request.operation.0).await;
                request.resolve(found.map_err(Into::into)).ok();
            }
            Effect::Probe(request) => {
                let probe = &request.operation;
                let answer = match &self.client {
                    Some(client) => client.probe(&probe.address, probe.wants_page).await,
                    None => Err(Failure::Other("offline".to_owned())),
                };
                request.resolve(answer).ok();
            }
            Effect::Sleep(request) => {
                sleep(request.operation.0).await;
                request.resolve(()).ok();
            }
            Effect::Interrupt(request) => {
                let mut stop = self.stop.clone();
                if stop.wait_for(|&stop| stop).await.is_ok() {
                    request.resolve(()).ok();
                }
            }
            Effect::Progress(_) => {}
        }
    }
}
