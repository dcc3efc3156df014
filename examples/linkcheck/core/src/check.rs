//! The run itself: what is done next, and what its results mean.

use std::{future::Future, num::NonZeroUsize, sync::Arc, time::Duration};

use futures::{
    StreamExt as _,
    future::{BoxFuture, FutureExt as _},
    stream::FuturesUnordered,
};
use stillpoint::{JoinError, RequestError, Scope, Shell, Spawner};

use crate::{
    document::{Document, Format},
    effect::{Absence, Effect, Found, Interrupt, Look, NextDocument, Probe, Sleep, Standing},
    knowledge::{Knowledge, Page},
    ledger::{Ledger, TargetId},
    probe::{Tried, try_once},
    read::read,
    report::{Fault, Report},
    retry::Policy,
    settings::Settings,
    target::{Base, Resource},
    web::Failure,
};

/// Checks every document that the shell finds, and says what is wrong with their links.
///
/// It is a future for a task of an executor of `shell` and `spawner`: it spawns further tasks, and asks by
/// [`Effect`]. At most [`Settings::concurrency`] requests for documents and targets are out at once. It ends when all is
/// checked, or when the shell answers [`Interrupt`], with what is known by then.
///
/// # Cancel safety
///
/// Dropping it aborts what it has spawned and cancels what it has asked; what it found is lost.
pub async fn check(spawner: Spawner, shell: Shell<Effect>, settings: Settings) -> Report {
    Check {
        ledger: Ledger::new(&settings),
        concurrency: settings.concurrency,
        offline: settings.offline,
        deadline: settings.deadline,
        policy: settings.policy,
        scope: spawner.name("check").scope(),
        shell,
        events: FuturesUnordered::new(),
        busy: 0,
        gathering: 0,
        resting: 0,
        walk: Walk::Paused,
        document: None,
        again: Vec::new(),
    }
    .run()
    .await
}

struct Check {
    /// What it has spawned ends with it.
    scope: Scope,
    shell: Shell<Effect>,
    concurrency: NonZeroUsize,
    offline: bool,
    deadline: Duration,
    policy: Policy,
    ledger: Ledger,
    /// What is under way. Dropping it cancels all requests in it.
    events: FuturesUnordered<BoxFuture<'static, Event>>,
    /// Works under way, at most `concurrency`.
    busy: usize,
    /// Works under way, or resting, that may bring further links.
    gathering: usize,
    /// Probes that wait for their next try, and are not under way meanwhile.
    resting: usize,
    walk: Walk,
    /// A document that the walk has brought and nobody has begun to read.
    document: Option<Errand>,
    /// Probes whose pause is over.
    again: Vec<(Errand, u32)>,
}

/// Where the walk stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Walk {
    /// It waits until it is asked.
    Paused,
    /// It was asked.
    Asked,
    /// It has come to its end.
    Over,
}

/// A target to read or probe.
#[derive(Clone, Debug)]
struct Errand {
    target: TargetId,
    /// For a document whose links are to be checked, the directory that a leading slash in them means.
    root: Option<String>,
}

/// What can be done next.
enum Work {
    Walk,
    Look(TargetId),
    Read(Errand),
    Probe(Errand, u32),
}

/// What has happened.
enum Event {
    Interrupted(Result<(), RequestError>),
    Walked(Result<Option<Found>, RequestError>),
    Looked(TargetId, Result<Standing, Absence>),
    HasRead(Errand, Result<Document, Absence>),
    Probed(Errand, u32, Result<Tried, JoinError>),
    Rested(Errand, u32),
}

impl Check {
    async fn run(mut self) -> Report {
        let interrupt = self.shell.request(Interrupt).map(Event::Interrupted);
        self.events.push(interrupt.boxed());
        loop {
            self.fill();
            if self.busy == 0 && self.resting == 0 {
                return self.ledger.finish(false);
            }
            match self.events.next().await {
                None | Some(Event::Interrupted(Ok(()))) => return self.ledger.finish(true),
                Some(event) => self.take(event),
            }
            // Nobody to tell is no reason to stop.
            let _ = self.shell.notify(self.ledger.progress());
        }
    }

    /// Begins as much as may be under way.
    fn fill(&mut self) {
        while self.busy < self.concurrency.get() {
            let Some(work) = self.next_work() else { return };
            self.begin(work);
        }
    }

    /// What a document needs comes before the next document, so that the links which wait are those of few. What is not
    /// a document of the walk is asked last, once, when everything that is wanted of it is known.
    fn next_work(&mut self) -> Option<Work> {
        if let Some(target) = self.ledger.next_look() {
            return Some(Work::Look(target));
        }
        if let Some((errand, tries)) = self.again.pop() {
            return Some(Work::Probe(errand, tries));
        }
        if let Some(document) = self.document.take() {
            return Some(match **self.ledger.resource(document.target) {
                Resource::Local(_) => Work::Read(document),
                Resource::Web(_) => Work::Probe(document, 0),
            });
        }
        match self.walk {
            Walk::Paused => return Some(Work::Walk),
            Walk::Asked => return None,
            Walk::Over if self.gathering > 0 => return None,
            Walk::Over => {}
        }
        let target = self.ledger.next_wanted()?;
        let errand = Errand { target, root: None };
        Some(match **self.ledger.resource(target) {
            Resource::Local(_) => Work::Read(errand),
            Resource::Web(_) => Work::Probe(errand, 0),
        })
    }

    fn begin(&mut self, work: Work) {
        self.busy += 1;
        match work {
            Work::Walk => {
                self.gathering += 1;
                self.walk = Walk::Asked;
                self.push(self.shell.request(NextDocument).map(Event::Walked));
            }
            Work::Look(target) => {
                self.gathering += 1;
                let path = self.ledger.resource(target).name().to_owned();
                let look = self.shell.request(Look(path));
                self.push(look.map(move |found| {
                    Event::Looked(
                        target,
                        found.unwrap_or_else(|error| Err(unanswered(&error))),
                    )
                }));
            }
            Work::Read(errand) => {
                self.gathering += 1;
                let path = self.ledger.resource(errand.target).name().to_owned();
                let reading = read(self.shell.clone(), path);
                let reading = self.scope.name("read").spawn(reading);
                self.push(reading.map(|document| {
                    Event::HasRead(errand, document.unwrap_or_else(|error| Err(failed(&error))))
                }));
            }
            Work::Probe(errand, tries) => {
                if tries == 0 && errand.root.is_some() {
                    self.gathering += 1;
                }
                let probe = Probe {
                    address: self.ledger.resource(errand.target).name().to_owned(),
                    wants_page: errand.root.is_some() || self.ledger.wants_page(errand.target),
                };
                let trying = try_once(self.shell.clone(), probe, self.deadline);
                let trying = self.scope.name("probe").spawn(trying);
                self.push(trying.map(move |tried| Event::Probed(errand, tries + 1, tried)));
            }
        }
    }

    fn push(&self, event: impl Future<Output = Event> + Send + 'static) {
        self.events.push(event.boxed());
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Interrupted(_) => {}
            Event::Walked(step) => {
                self.busy -= 1;
                self.gathering -= 1;
                self.walked(step);
            }
            Event::Looked(target, found) => {
                self.busy -= 1;
                self.gathering -= 1;
                self.looked(target, found);
            }
            Event::HasRead(errand, document) => {
                self.busy -= 1;
                self.gathering -= 1;
                self.has_read(errand, document);
            }
            Event::Probed(errand, tries, tried) => {
                self.busy -= 1;
                self.probed(errand, tries, tried);
            }
            Event::Rested(errand, tries) => {
                self.resting -= 1;
                self.again.push((errand, tries));
            }
        }
    }

    fn walked(&mut self, step: Result<Option<Found>, RequestError>) {
        self.walk = Walk::Paused;
        match step {
            Ok(Some(Found::Document { resource, root })) => {
                if let Resource::Local(path) = &resource
                    && Format::of_path(path).is_none()
                {
                    self.ledger.unread(path, NO_DOCUMENT);
                } else if self.offline && matches!(resource, Resource::Web(_)) {
                    self.ledger
                        .unread(resource.name(), "not asked while offline");
                } else if let Some(target) = self.ledger.claim(resource) {
                    self.document = Some(Errand {
                        target,
                        root: Some(root),
                    });
                }
            }
            Ok(Some(Found::Unread(unread))) => self.ledger.unread_on_the_way(unread),
            Ok(None) => self.walk = Walk::Over,
            Err(error) => {
                self.walk = Walk::Over;
                self.ledger.unread("the walk", error.to_string());
            }
        }
    }

    fn looked(&mut self, target: TargetId, found: Result<Standing, Absence>) {
        self.ledger.looked(target, found);
    }

    fn has_read(&mut self, errand: Errand, document: Result<Document, Absence>) {
        let resource = self.ledger.resource(errand.target).clone();
        match document {
            Ok(document) => {
                self.keep(errand, &resource, document, false);
            }
            Err(absence) => {
                if errand.root.is_some() {
                    self.ledger.unread(resource.name(), absence.to_string());
                }
                let knowledge = Knowledge::unread(resource.name(), absence);
                self.ledger.learn(errand.target, knowledge);
            }
        }
    }

    fn probed(&mut self, errand: Errand, tries: u32, tried: Result<Tried, JoinError>) {
        let resource = self.ledger.resource(errand.target).clone();
        let Tried { outcome, page } = match tried {
            Ok(tried) => tried,
            Err(error) => Tried {
                outcome: Err(Failure::Other(error.to_string())),
                page: None,
            },
        };
        if let Some(pause) = self.policy.pause(resource.name(), tries, &outcome) {
            self.resting += 1;
            let rest = self.shell.request(Sleep(pause));
            // A shell without a clock has every pause over at once.
            self.push(rest.map(move |_| Event::Rested(errand, tries)));
            return;
        }
        if errand.root.is_some() {
            self.gathering -= 1;
        }
        let fault = match outcome {
            Ok(answer) if answer.is_success() => match page {
                Some((document, truncated)) => {
                    let shown = Resource::web(&answer.final_url);
                    let shown = shown.map_or_else(|_| (*resource).clone(), |(shown, _)| shown);
                    return self.keep(errand, &shown, document, truncated);
                }
                None => {
                    if errand.root.is_some() {
                        self.ledger.unread(resource.name(), NO_DOCUMENT);
                    }
                    let knowledge = Knowledge::There(Standing::Other);
                    return self.ledger.learn(errand.target, knowledge);
                }
            },
            Ok(answer) => Fault::Status(answer.status),
            Err(failure) => Fault::Failed(failure),
        };
        if errand.root.is_some() {
            self.ledger.unread(resource.name(), fault.to_string());
        }
        self.ledger.learn(errand.target, Knowledge::Gone(fault));
    }

    /// Keeps what links can ask of a document, and takes its own links in if the walk has brought it. `shown` is where
    /// its content came from, after all redirects.
    fn keep(&mut self, errand: Errand, shown: &Resource, mut document: Document, truncated: bool) {
        let root = errand.root.as_deref();
        let base = Base::new(shown, root.unwrap_or(".")).rebased(document.base.as_deref());
        let page = Arc::new(Page::new(&mut document, &base, truncated));
        if **self.ledger.resource(errand.target) != *shown {
            self.ledger.learn_alias(shown, &page);
        }
        self.ledger.learn(errand.target, Knowledge::Page(page));
        if root.is_some() {
            self.ledger.file(errand.target, &base, document.links);
        }
    }
}

const NO_DOCUMENT: &str = "neither Markdown nor HTML";

/// What it means that the shell did not answer.
fn unanswered(error: &RequestError) -> Absence {
    Absence::Unreadable(error.to_string())
}

/// What it means that a reader has ended without a result: a parser has panicked, say.
fn failed(error: &JoinError) -> Absence {
    Absence::Unreadable(error.to_string())
}
