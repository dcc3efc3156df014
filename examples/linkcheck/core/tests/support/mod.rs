//! A shell that is a script: its files, its web and its clock are values, and it answers in an order of its own.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::Duration,
};

use futures::FutureExt as _;
use linkcheck_core::{
    Settings, check,
    effect::{Absence, Effect, Found, Interrupt, Sleep, Standing},
    report::{Report, Unread},
    target::Resource,
    web::{Answer, Failure, Page},
};
use stillpoint::{Emitted, Executor, JoinHandle, Request, RequestId, Teardown};

/// What the web does with a probe.
#[derive(Clone, Debug)]
pub enum Reply {
    Answer(Answer),
    Fail(Failure),
    /// Nothing, until the core gives up.
    Hang,
    /// The handler is lost.
    Abandon,
}

pub fn status(status: u16) -> Reply {
    Reply::Answer(Answer {
        status,
        final_url: String::new(),
        retry_after: None,
        page: None,
    })
}

pub fn limited(seconds: u64) -> Reply {
    Reply::Answer(Answer {
        status: 429,
        final_url: String::new(),
        retry_after: Some(Duration::from_secs(seconds)),
        page: None,
    })
}

/// An HTML page, whose bytes come only where they are wanted.
pub fn page(html: &str) -> Reply {
    Reply::Answer(Answer {
        status: 200,
        final_url: String::new(),
        retry_after: None,
        page: Some(Page {
            content_type: "text/html".to_owned(),
            bytes: html.into(),
            truncated: false,
        }),
    })
}

/// A core on its executor, and the world that it asks.
pub struct Stage {
    executor: Executor<Effect>,
    checking: JoinHandle<Report>,
    found: VecDeque<Found>,
    files: BTreeMap<String, Result<Vec<u8>, Absence>>,
    web: BTreeMap<String, VecDeque<Reply>>,
    now: Duration,
    /// Documents, paths and addresses that are asked for and not answered.
    open: Vec<(RequestId, Effect)>,
    sleeps: Vec<(Duration, Request<Sleep>)>,
    interrupt: Option<Request<Interrupt>>,
    names: HashMap<RequestId, String>,
    /// State of the order in which it answers; 0 is first come, first served.
    seed: u64,
    /// The most that was open at once.
    pub peak: usize,
    /// What was asked and cancelled, in order, with the time in milliseconds.
    pub trace: Vec<String>,
    /// How often progress was told.
    pub told: usize,
}

impl Stage {
    pub fn new(settings: Settings) -> Self {
        let executor = Executor::new();
        let (spawner, shell) = (executor.spawner(), executor.shell());
        let checking = spawner.spawn(check(spawner.clone(), shell, settings));
        Self {
            executor,
            checking,
            found: VecDeque::new(),
            files: BTreeMap::new(),
            web: BTreeMap::new(),
            now: Duration::ZERO,
            open: Vec::new(),
            sleeps: Vec::new(),
            interrupt: None,
            names: HashMap::new(),
            seed: 0,
            peak: 0,
            trace: Vec::new(),
            told: 0,
        }
    }

    /// Answers in another order.
    pub fn shuffled(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// A file that the walk brings.
    pub fn document(mut self, path: &str, text: &str) -> Self {
        self.found.push_back(Found::Document {
            resource: Resource::local(path),
            root: ".".to_owned(),
        });
        self.file(path, text)
    }

    /// A web page that the walk brings.
    pub fn start(mut self, address: &str) -> Self {
        let (resource, _) = Resource::web(address).expect("an address");
        self.found.push_back(Found::Document {
            resource,
            root: String::new(),
        });
        self
    }

    /// Something that the walk cannot read.
    pub fn lost(mut self, document: &str, reason: &str) -> Self {
        self.found.push_back(Found::Unread(Unread {
            document: document.to_owned(),
            reason: reason.to_owned(),
        }));
        self
    }

    /// A file that is there, and that the walk does not bring.
    pub fn file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.to_owned(), Ok(text.into()));
        self
    }

    /// A file that cannot be read.
    pub fn sealed(mut self, path: &str) -> Self {
        let reason = Absence::Unreadable("permission denied".to_owned());
        self.files.insert(path.to_owned(), Err(reason));
        self
    }

    /// What an address does, each time that it is asked; the last reply stays.
    pub fn web(mut self, address: &str, replies: impl IntoIterator<Item = Reply>) -> Self {
        let replies = replies.into_iter().collect();
        self.web.insert(address.to_owned(), replies);
        self
    }

    /// Plays to the end, and checks that the executor comes to rest with nothing out.
    pub fn play(mut self) -> (Report, Vec<String>) {
        while self.step() {}
        let (report, teardown, trace) = self.end();
        teardown.assert_baseline();
        (report.expect("a report"), trace)
    }

    /// Lets the walk go on for as long as the core asks it to, with nothing else answered, and says how many of its
    /// documents are left.
    pub fn only_walk(&mut self) -> usize {
        loop {
            self.run();
            let walk = |(_, effect): &(_, Effect)| matches!(effect, Effect::NextDocument(_));
            let Some(index) = self.open.iter().position(walk) else {
                return self.found.len();
            };
            let (_, effect) = self.open.remove(index);
            self.answer(effect);
        }
    }

    /// Plays until a line of the trace says this.
    pub fn play_until(&mut self, line: &str) {
        while !self.trace.iter().any(|traced| traced == line) {
            assert!(self.step(), "the end came before `{line}`");
        }
    }

    /// Tells the core to stop.
    pub fn interrupt(&mut self) {
        let interrupt = self.interrupt.take().expect("a core that can be stopped");
        interrupt.resolve(()).expect("a core that listens");
    }

    /// Runs the core, takes what it asks, and answers nothing.
    pub fn run(&mut self) {
        let _ = self.executor.run_until_stalled();
        while let Some(emitted) = self.executor.drain().next() {
            match emitted {
                Emitted::Effect(effect) => self.take(effect),
                Emitted::Cancelled(id) => self.cancel(id),
            }
        }
        self.peak = self.peak.max(self.open.len());
    }

    /// Runs the core and answers one request; `false` at the end.
    pub fn step(&mut self) -> bool {
        self.run();
        if self.checking.is_finished() {
            return false;
        }
        if let Some(index) = self.choose() {
            let (_, effect) = self.open.remove(index);
            self.answer(effect);
            return true;
        }
        let next = (0..self.sleeps.len()).min_by_key(|&index| self.sleeps[index].0);
        let next = next.expect("a core that waits for something");
        let (end, sleep) = self.sleeps.remove(next);
        self.now = end;
        sleep.resolve(()).expect("a core that listens");
        true
    }

    /// Tears all down, wherever it stands.
    pub fn end(mut self) -> (Option<Report>, Teardown<Effect>, Vec<String>) {
        self.run();
        let mut teardown = self.executor.teardown();
        for emitted in std::mem::take(&mut teardown.emitted) {
            if let Emitted::Cancelled(id) = emitted {
                let name = self.names.get(&id).expect("a request that was seen");
                self.trace.push(format!("cancel {name}"));
            }
        }
        self.open.clear();
        self.sleeps.clear();
        self.interrupt = None;
        let report = self.checking.now_or_never().and_then(Result::ok);
        (report, teardown, self.trace)
    }

    /// The next open request to answer: none that hangs.
    fn choose(&mut self) -> Option<usize> {
        let ready: Vec<_> = (0..self.open.len())
            .filter(|&index| !self.hangs(&self.open[index].1))
            .collect();
        if self.seed != 0 {
            self.seed ^= self.seed << 13;
            self.seed ^= self.seed >> 7;
            self.seed ^= self.seed << 17;
        }
        let number = ready.len().checked_sub(1)? as u64 + 1;
        ready.get((self.seed % number) as usize).copied()
    }

    fn hangs(&self, effect: &Effect) -> bool {
        let Effect::Probe(probe) = effect else {
            return false;
        };
        let replies = self.web.get(&probe.operation.address);
        matches!(
            replies.and_then(|replies| replies.front()),
            Some(Reply::Hang)
        )
    }

    fn take(&mut self, effect: Effect) {
        let (id, name) = match &effect {
            Effect::NextDocument(ask) => (ask.id(), "walk".to_owned()),
            Effect::Read(ask) => (ask.id(), format!("read {}", ask.operation.0)),
            Effect::Look(ask) => (ask.id(), format!("look {}", ask.operation.0)),
            Effect::Probe(ask) => {
                let how = if ask.operation.wants_page {
                    "get"
                } else {
                    "head"
                };
                (ask.id(), format!("{how} {}", ask.operation.address))
            }
            Effect::Sleep(ask) => (ask.id(), "sleep".to_owned()),
            Effect::Interrupt(ask) => (ask.id(), "interrupt".to_owned()),
            Effect::Progress(_) => {
                self.told += 1;
                return;
            }
        };
        let is_traced = !matches!(name.as_str(), "walk" | "sleep" | "interrupt");
        if is_traced {
            self.trace.push(format!("{} {name}", self.now.as_millis()));
        }
        self.names.insert(id, name);
        match effect {
            Effect::Sleep(ask) => self.sleeps.push((self.now + ask.operation.0, ask)),
            Effect::Interrupt(ask) => self.interrupt = Some(ask),
            effect => self.open.push((id, effect)),
        }
    }

    fn cancel(&mut self, id: RequestId) {
        self.open.retain(|(open, _)| *open != id);
        self.sleeps.retain(|(_, sleep)| sleep.id() != id);
        let name = &self.names[&id];
        if !matches!(name.as_str(), "sleep" | "interrupt") {
            self.trace.push(format!("cancel {name}"));
        }
    }

    fn answer(&mut self, effect: Effect) {
        match effect {
            Effect::NextDocument(ask) => ask.resolve(self.found.pop_front()).expect("asked"),
            Effect::Read(ask) => {
                let path = &ask.operation.0;
                let missing = Err(Absence::Missing);
                let bytes = self.files.get(path).cloned().unwrap_or(missing);
                ask.resolve(bytes).expect("asked");
            }
            Effect::Look(ask) => {
                let standing = self.look(&ask.operation.0);
                ask.resolve(standing).expect("asked");
            }
            Effect::Probe(ask) => self.reply(ask),
            Effect::Sleep(_) | Effect::Interrupt(_) | Effect::Progress(_) => unreachable!(),
        }
    }

    fn look(&self, path: &str) -> Result<Standing, Absence> {
        let inside = format!("{path}/");
        if self.files.contains_key(path) {
            Ok(Standing::File)
        } else if self.files.keys().any(|file| file.starts_with(&inside)) {
            Ok(Standing::Directory)
        } else {
            Err(Absence::Missing)
        }
    }

    fn reply(&mut self, ask: Request<linkcheck_core::effect::Probe>) {
        let address = ask.operation.address.clone();
        let replies = self.web.get_mut(&address);
        let reply = match replies {
            None => status(404),
            Some(replies) if replies.len() > 1 => replies.pop_front().expect("a reply"),
            Some(replies) => replies[0].clone(),
        };
        let outcome = match reply {
            Reply::Answer(mut answer) => {
                if answer.final_url.is_empty() {
                    answer.final_url = address;
                }
                if !ask.operation.wants_page {
                    answer.page = None;
                }
                Ok(answer)
            }
            Reply::Fail(failure) => Err(failure),
            Reply::Hang => unreachable!("what hangs is not chosen"),
            Reply::Abandon => return drop(ask),
        };
        ask.resolve(outcome).expect("asked");
    }
}

/// The findings of a report, each as `document:line link: fault`.
pub fn findings(report: &Report) -> Vec<String> {
    let line = |finding: &linkcheck_core::report::Finding| {
        format!(
            "{}:{} {}: {}",
            finding.document, finding.place.line, finding.link, finding.fault
        )
    };
    report.findings.iter().map(line).collect()
}
