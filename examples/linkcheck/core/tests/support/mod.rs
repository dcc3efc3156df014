//! A world to check: its files and its web are values, and a scripted shell answers from them.

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    rc::Rc,
    time::Duration,
};

use futures::FutureExt as _;
use linkcheck_core::{
    Settings, check,
    effect::{
        Absence, Effect, Found, Interrupt, Look, NextDocument, Probe, Progress, Read, Sleep,
        Standing,
    },
    report::{Report, Unread},
    target::Resource,
    web::{Answer, Failure, Page},
};
use stillpoint::{
    Executor, JoinHandle,
    testing::{Event, RefProbe, Reply, Schedule, TestShell, What},
};

/// What the web does with a probe.
#[derive(Clone, Debug)]
pub enum Web {
    Answer(Answer),
    Fail(Failure),
    /// Nothing, until the core gives up.
    Hang,
    /// The handler is lost.
    Abandon,
}

pub fn status(status: u16) -> Web {
    Web::Answer(Answer {
        status,
        final_url: String::new(),
        retry_after: None,
        page: None,
    })
}

pub fn limited(seconds: u64) -> Web {
    Web::Answer(Answer {
        status: 429,
        final_url: String::new(),
        retry_after: Some(Duration::from_secs(seconds)),
        page: None,
    })
}

/// An HTML page, whose bytes come only where they are wanted.
pub fn page(html: &str) -> Web {
    Web::Answer(Answer {
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
    test: TestShell<Effect>,
    checking: JoinHandle<Report>,
    world: Rc<RefCell<World>>,
    /// Whether all that the core holds has gone with it.
    probe: RefProbe,
}

#[derive(Default)]
struct World {
    found: VecDeque<Found>,
    files: BTreeMap<String, Result<Vec<u8>, Absence>>,
    web: BTreeMap<String, VecDeque<Web>>,
    is_interrupted: bool,
    /// Whether nothing but the walk is answered.
    only_walk: bool,
    /// Documents, paths and addresses that are asked for and not answered, now and at most.
    open: usize,
    peak: usize,
    trace: Vec<String>,
    told: usize,
}

impl Stage {
    /// Answers come as they were asked.
    pub fn new(settings: Settings) -> Self {
        Self::on(TestShell::new(Executor::new()), settings)
    }

    /// The same, of a core that is made to wait until what it asked before is taken.
    pub fn one_by_one(settings: Settings) -> Self {
        let executor = Executor::builder().outbox_capacity(1).build();
        Self::on(TestShell::new(executor), settings)
    }

    /// Tasks run, and answers come, as a schedule has them.
    pub fn scheduled(settings: Settings, schedule: &Schedule) -> Self {
        Self::on(schedule.shell(), settings)
    }

    fn on(mut test: TestShell<Effect>, settings: Settings) -> Self {
        let world = Rc::new(RefCell::new(World::default()));
        let probe = RefProbe::new();
        test.clock::<Sleep>(|sleep| sleep.0);
        let at = |world: &Rc<RefCell<World>>| Rc::clone(world);
        let here = at(&world);
        test.on_notify::<Progress>(move |_| here.borrow_mut().told += 1);
        let here = at(&world);
        test.reply::<Interrupt>(move |_| match here.borrow().is_interrupted {
            true => Reply::Resolve(()),
            false => Reply::Later,
        });

        let here = at(&world);
        test.watch(move |_: &NextDocument, event| here.borrow_mut().count(event.what));
        let here = at(&world);
        test.watch(move |read: &Read, event| here.borrow_mut().note("read", &read.0, event));
        let here = at(&world);
        test.watch(move |look: &Look, event| here.borrow_mut().note("look", &look.0, event));
        let here = at(&world);
        test.watch(move |probe: &Probe, event| {
            let how = if probe.wants_page { "get" } else { "head" };
            here.borrow_mut().note(how, &probe.address, event);
        });

        let here = at(&world);
        test.reply::<NextDocument>(move |_| here.borrow_mut().walk());
        let here = at(&world);
        test.reply::<Read>(move |read| {
            here.borrow_mut()
                .unless_walking(|world| world.read(&read.0))
        });
        let here = at(&world);
        test.reply::<Look>(move |look| {
            here.borrow_mut()
                .unless_walking(|world| world.look(&look.0))
        });
        let here = at(&world);
        test.reply::<Probe>(move |probe| {
            here.borrow_mut().unless_walking(|world| world.ask(probe))
        });

        let (spawner, shell) = (test.spawner(), test.shell());
        let held = probe.token("what checks");
        let checking = spawner.clone().spawn(async move {
            let _held = held;
            check(spawner, shell, settings).await
        });
        Self {
            test,
            checking,
            world,
            probe,
        }
    }

    fn found(self, found: Found) -> Self {
        self.world.borrow_mut().found.push_back(found);
        self
    }

    /// A file that the walk brings.
    pub fn document(self, path: &str, text: &str) -> Self {
        let found = Found::Document {
            resource: Resource::local(path),
            root: ".".to_owned(),
        };
        self.found(found).file(path, text)
    }

    /// A web page that the walk brings.
    pub fn start(self, address: &str) -> Self {
        let (resource, _) = Resource::web(address).expect("an address");
        self.found(Found::Document {
            resource,
            root: String::new(),
        })
    }

    /// Something that the walk cannot read.
    pub fn lost(self, document: &str, reason: &str) -> Self {
        self.found(Found::Unread(Unread {
            document: document.to_owned(),
            reason: reason.to_owned(),
        }))
    }

    /// A file that is there, and that the walk does not bring.
    pub fn file(self, path: &str, text: &str) -> Self {
        let bytes = Ok(text.into());
        self.world.borrow_mut().files.insert(path.to_owned(), bytes);
        self
    }

    /// A file that cannot be read.
    pub fn sealed(self, path: &str) -> Self {
        let reason = Absence::Unreadable("permission denied".to_owned());
        self.world
            .borrow_mut()
            .files
            .insert(path.to_owned(), Err(reason));
        self
    }

    /// What an address does, each time that it is asked; the last reply stays.
    pub fn web(self, address: &str, replies: impl IntoIterator<Item = Web>) -> Self {
        let replies = replies.into_iter().collect();
        self.world
            .borrow_mut()
            .web
            .insert(address.to_owned(), replies);
        self
    }

    /// Plays to the end, and checks that the executor comes to rest with nothing out.
    pub fn play(mut self) -> (Report, Vec<String>) {
        while self.step() {}
        let (report, trace) = self.end();
        (report.expect("a report"), trace)
    }

    /// Lets the walk go on for as long as the core asks it to, with nothing else answered, and says how many of its
    /// documents are left.
    pub fn only_walk(&mut self) -> usize {
        self.world.borrow_mut().only_walk = true;
        self.test.run();
        let mut world = self.world.borrow_mut();
        world.only_walk = false;
        world.found.len()
    }

    /// Plays until a line of the trace says this.
    pub fn play_until(&mut self, line: &str) {
        while !self
            .world
            .borrow()
            .trace
            .iter()
            .any(|traced| traced == line)
        {
            assert!(self.step(), "the end came before `{line}`");
        }
    }

    /// Tells the core to stop.
    pub fn interrupt(&mut self) {
        self.world.borrow_mut().is_interrupted = true;
    }

    /// Answers one request; where there is none that can be, time passes. `false` at the end.
    pub fn step(&mut self) -> bool {
        let is_on = self.test.step() || self.test.advance_to_next().is_some();
        assert!(
            is_on || self.checking.is_finished(),
            "a core that waits for something"
        );
        !self.checking.is_finished()
    }

    /// Tears all down, wherever it stands, and checks that nothing is left.
    pub fn end(mut self) -> (Option<Report>, Vec<String>) {
        self.test.run();
        let report = self.checking.now_or_never().and_then(Result::ok);
        let teardown = self.test.teardown();
        self.probe.assert_back_after(teardown);
        assert!(teardown.is_unloadable(), "{teardown:?}");
        self.test.finish();
        (report, self.world.take().trace)
    }

    /// The most that was open at once.
    pub fn peak(&self) -> usize {
        self.world.borrow().peak
    }

    /// How often progress was told.
    pub fn told(&self) -> usize {
        self.world.borrow().told
    }

    /// What was asked and cancelled, in order, with the time in milliseconds.
    pub fn trace(&self) -> Vec<String> {
        self.world.borrow().trace.clone()
    }
}

impl World {
    fn count(&mut self, what: What) {
        match what {
            What::Emitted => self.open += 1,
            _ => self.open -= 1,
        }
        self.peak = self.peak.max(self.open);
    }

    fn note(&mut self, how: &str, name: &str, event: Event) {
        self.count(event.what);
        self.trace.push(match event.what {
            What::Emitted => format!("{} {how} {name}", event.now.as_millis()),
            _ => format!("cancel {how} {name}"),
        });
    }

    fn unless_walking<T>(&mut self, answer: impl FnOnce(&mut Self) -> Reply<T>) -> Reply<T> {
        if self.only_walk {
            return Reply::Later;
        }
        let reply = answer(self);
        self.open -= usize::from(!matches!(reply, Reply::Later));
        reply
    }

    fn walk(&mut self) -> Reply<Option<Found>> {
        self.open -= 1;
        Reply::Resolve(self.found.pop_front())
    }

    fn read(&self, path: &str) -> Reply<Result<Vec<u8>, Absence>> {
        let missing = Err(Absence::Missing);
        Reply::Resolve(self.files.get(path).cloned().unwrap_or(missing))
    }

    fn look(&self, path: &str) -> Reply<Result<Standing, Absence>> {
        let inside = format!("{path}/");
        Reply::Resolve(if self.files.contains_key(path) {
            Ok(Standing::File)
        } else if self.files.keys().any(|file| file.starts_with(&inside)) {
            Ok(Standing::Directory)
        } else {
            Err(Absence::Missing)
        })
    }

    fn ask(&mut self, probe: &Probe) -> Reply<Result<Answer, Failure>> {
        let web = match self.web.get_mut(&probe.address) {
            None => status(404),
            Some(replies) if replies.len() > 1 => replies.pop_front().expect("a reply"),
            Some(replies) => replies[0].clone(),
        };
        match web {
            Web::Answer(mut answer) => {
                if answer.final_url.is_empty() {
                    answer.final_url.clone_from(&probe.address);
                }
                if !probe.wants_page {
                    answer.page = None;
                }
                Reply::Resolve(Ok(answer))
            }
            Web::Fail(failure) => Reply::Resolve(Err(failure)),
            Web::Hang => Reply::Later,
            Web::Abandon => Reply::Abandon,
        }
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
