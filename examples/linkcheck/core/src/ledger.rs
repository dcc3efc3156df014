//! What is known of all targets, and which links wait for more.
//!
//! A link is settled at once where enough is known of its target. Otherwise it is parked with the target, in 24 bytes,
//! and is settled, or parked elsewhere, when the target is learned of. A document's links are not kept beyond that, so
//! what grows with the number of documents is one entry and the fingerprints of the anchors for each.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use crate::{
    document::{Link, LinkKind},
    effect::{Absence, Progress, Standing},
    exclude::Excludes,
    knowledge::{Knowledge, Page, Verdict},
    names::{Name, Names},
    place::Place,
    report::{Fault, Finding, Report, Unread},
    settings::Settings,
    target::{Base, Resource, Target},
};

/// How often a link is sent on, by a redirect stub or from a directory to its index.
const HOPS: u8 = 8;

/// A target's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TargetId(u32);

/// A target.
#[derive(Debug)]
struct Entry {
    resource: Arc<Resource>,
    knowledge: Knowledge,
    parked: Vec<Parked>,
    /// Whether the walk has brought it: its links are checked, and nobody need look at it.
    claimed: bool,
    /// Whether a look at it is queued or done.
    looked: bool,
    /// Whether it is among `wanted`, or was.
    wanted: bool,
    /// Whether a link leads to it. Some are here because they are documents, or other names of what is linked to.
    linked: bool,
}

/// A link whose target is not known well enough.
#[derive(Clone, Copy, Debug)]
struct Parked {
    origin: Origin,
    fragment: Option<Name>,
}

#[derive(Clone, Copy, Debug)]
struct Origin {
    document: TargetId,
    place: Place,
    link: Name,
    kind: LinkKind,
    hops: u8,
}

/// A link on its way to its verdict.
struct Asked<'a> {
    document: TargetId,
    place: Place,
    link: &'a str,
    kind: LinkKind,
    hops: u8,
}

/// The targets, the links that wait, and what was found.
#[derive(Debug)]
pub(crate) struct Ledger {
    offline: bool,
    excludes: Excludes,
    numbers: HashMap<Arc<Resource>, TargetId>,
    entries: Vec<Entry>,
    names: Names,
    /// Paths to look at.
    looks: VecDeque<TargetId>,
    /// Targets to read or to probe once the walk is over, unless they are known by then.
    wanted: VecDeque<TargetId>,
    done: usize,
    report: Report,
}

impl Ledger {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            offline: settings.offline,
            excludes: settings.excludes.clone(),
            numbers: HashMap::new(),
            entries: Vec::new(),
            names: Names::default(),
            looks: VecDeque::new(),
            wanted: VecDeque::new(),
            done: 0,
            report: Report::default(),
        }
    }

    /// Takes a document of the walk in; `None` where it came before.
    pub(crate) fn claim(&mut self, resource: Resource) -> Option<TargetId> {
        let id = self.target(resource)?;
        let entry = self.entry_mut(id);
        (!std::mem::replace(&mut entry.claimed, true)).then_some(id)
    }

    pub(crate) fn resource(&self, id: TargetId) -> &Arc<Resource> {
        &self.entry(id).resource
    }

    /// Says whether a link that waits for this target names a fragment.
    pub(crate) fn wants_page(&self, id: TargetId) -> bool {
        let parked = &self.entry(id).parked;
        parked.iter().any(|parked| parked.fragment.is_some())
    }

    /// The next path to look at.
    pub(crate) fn next_look(&mut self) -> Option<TargetId> {
        loop {
            let id = self.looks.pop_front()?;
            if self.entry(id).knowledge.is_nothing() {
                return Some(id);
            }
        }
    }

    /// The next target to read or probe for the links that wait for it; asked when the walk is over.
    pub(crate) fn next_wanted(&mut self) -> Option<TargetId> {
        loop {
            let id = self.wanted.pop_front()?;
            let entry = self.entry_mut(id);
            if !entry.parked.is_empty() {
                return Some(id);
            }
        }
    }

    /// Notes a document that could not be read.
    pub(crate) fn unread(&mut self, document: impl Into<String>, reason: impl Into<String>) {
        self.report.unread.push(Unread {
            document: document.into(),
            reason: reason.into(),
        });
    }

    /// Notes something that the walk could not read.
    pub(crate) fn unread_on_the_way(&mut self, unread: Unread) {
        self.report.unread.push(unread);
    }

    /// Learns of a target, and settles the links that waited for it.
    pub(crate) fn learn(&mut self, id: TargetId, knowledge: Knowledge) {
        let entry = self.entry_mut(id);
        let was_nothing = entry.knowledge.is_nothing();
        entry.knowledge = knowledge;
        let parked = std::mem::take(&mut entry.parked);
        self.done += usize::from(was_nothing);
        for Parked { origin, fragment } in parked {
            let link = Arc::clone(self.names.text(origin.link));
            let fragment = fragment.map(|name| self.names.text(name).to_string());
            let asked = Asked {
                document: origin.document,
                place: origin.place,
                link: &link,
                kind: origin.kind,
                hops: origin.hops,
            };
            self.settle(id, fragment, asked);
        }
    }

    /// Learns what a look has shown; nothing where more is known by now.
    pub(crate) fn looked(&mut self, id: TargetId, found: Result<Standing, Absence>) {
        let entry = self.entry(id);
        if entry.knowledge.is_nothing() {
            let knowledge = Knowledge::looked(entry.resource.name(), found);
            self.learn(id, knowledge);
        }
    }

    /// Learns that a page was shown under this name too.
    pub(crate) fn learn_alias(&mut self, resource: &Resource, page: &Arc<Page>) {
        if let Some(id) = self.target(resource.clone())
            && self.entry(id).knowledge.is_nothing()
        {
            self.learn(id, Knowledge::Page(Arc::clone(page)));
        }
    }

    /// Takes the links of a document in.
    pub(crate) fn file(&mut self, document: TargetId, base: &Base, links: Vec<Link>) {
        self.report.summary.documents += 1;
        self.report.summary.links += links.len();
        for link in links {
            let asked = Asked {
                document,
                place: link.place,
                link: &link.destination,
                kind: link.kind,
                hops: 0,
            };
            if self.is_excluded(&link.destination) {
                self.report.summary.skipped += 1;
                continue;
            }
            match base.resolve(&link.destination) {
                Target::Ignored(_) => self.report.summary.skipped += 1,
                Target::Malformed(malformed) => {
                    self.find(&asked, Fault::Malformed(malformed));
                }
                Target::Resource(resource, fragment) => {
                    if self.is_left_alone(&resource) {
                        self.report.summary.skipped += 1;
                    } else if let Some(id) = self.target(resource) {
                        self.entry_mut(id).linked = true;
                        self.settle(id, fragment, asked);
                    }
                }
            }
        }
    }

    pub(crate) fn progress(&self) -> Progress {
        Progress {
            done: self.done,
            known: self.entries.len(),
            documents: self.report.summary.documents,
            broken: self.report.findings.len(),
        }
    }

    /// Everything that was found, in reading order.
    pub(crate) fn finish(mut self, interrupted: bool) -> Report {
        let summary = &mut self.report.summary;
        summary.targets = self.entries.iter().filter(|entry| entry.linked).count();
        summary.unchecked = self.entries.iter().map(|entry| entry.parked.len()).sum();
        summary.broken = self.report.findings.len();
        summary.interrupted = interrupted;
        self.report.sort();
        self.report
    }

    fn settle(&mut self, mut id: TargetId, mut fragment: Option<String>, mut asked: Asked<'_>) {
        loop {
            let entry = self.entry(id);
            match entry
                .knowledge
                .verdict(&entry.resource, fragment.as_deref())
            {
                Verdict::Good => return,
                Verdict::Bad(fault) => return self.find(&asked, fault),
                Verdict::Unknown => return self.park(id, fragment.as_deref(), &asked),
                Verdict::On(resource, onward) => {
                    if self.is_left_alone(&resource) {
                        return;
                    }
                    if asked.hops == HOPS {
                        let lost = onward.or(fragment).unwrap_or_default();
                        return self.find(&asked, Fault::NoAnchor(lost));
                    }
                    let Some(next) = self.target(resource) else {
                        return;
                    };
                    asked.hops += 1;
                    (id, fragment) = (next, onward);
                }
            }
        }
    }

    fn park(&mut self, id: TargetId, fragment: Option<&str>, asked: &Asked<'_>) {
        let Some(link) = self.names.keep(asked.link) else {
            return;
        };
        let fragment = fragment.and_then(|fragment| self.names.keep(fragment));
        let entry = &mut self.entries[id.0 as usize];
        entry.parked.push(Parked {
            origin: Origin {
                document: asked.document,
                place: asked.place,
                link,
                kind: asked.kind,
                hops: asked.hops,
            },
            fragment,
        });
        let is_local = matches!(*entry.resource, Resource::Local(_));
        if is_local && entry.knowledge.is_nothing() {
            if !entry.claimed && !entry.looked {
                entry.looked = true;
                self.looks.push_back(id);
            }
        } else if !entry.wanted {
            entry.wanted = true;
            self.wanted.push_back(id);
        }
    }

    fn find(&mut self, asked: &Asked<'_>, fault: Fault) {
        let finding = Finding {
            document: self.resource(asked.document).name().to_owned(),
            place: asked.place,
            link: asked.link.to_owned(),
            kind: asked.kind,
            fault,
        };
        self.report.findings.push(finding);
    }

    fn is_excluded(&self, link: &str) -> bool {
        !self.excludes.is_empty() && self.excludes.matches(link)
    }

    fn is_left_alone(&self, resource: &Resource) -> bool {
        (self.offline && matches!(resource, Resource::Web(_))) || self.is_excluded(resource.name())
    }

    /// The number of a target; `None` when there are more than four bytes count.
    fn target(&mut self, resource: Resource) -> Option<TargetId> {
        if let Some(&id) = self.numbers.get(&resource) {
            return Some(id);
        }
        let id = TargetId(u32::try_from(self.entries.len()).ok()?);
        let resource = Arc::new(resource);
        self.numbers.insert(Arc::clone(&resource), id);
        self.entries.push(Entry {
            resource,
            knowledge: Knowledge::Nothing,
            parked: Vec::new(),
            claimed: false,
            looked: false,
            wanted: false,
            linked: false,
        });
        Some(id)
    }

    fn entry(&self, id: TargetId) -> &Entry {
        &self.entries[id.0 as usize]
    }

    fn entry_mut(&mut self, id: TargetId) -> &mut Entry {
        &mut self.entries[id.0 as usize]
    }
}
