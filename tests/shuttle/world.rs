//! What all threads of a model share, and what must be so at its end. Its locks and counts are of std: nothing is
//! scheduled within them, and nobody holds one while he acts on the executor.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::Waker;

use stillpoint::{
    Emitted, Feed, JoinError, JoinHandle, Operation, Request, RequestError, RequestId,
    ShellRequest, Subscription, Totals, effects,
};

use crate::below;

/// A value that knows whether it was dropped, and whether the executor was at its end by then.
pub struct Token {
    fate: Fate,
    world: Arc<World>,
}

#[derive(Clone, Default)]
pub struct Fate(Arc<AtomicUsize>);

const ALIVE: usize = 0;
const IN_TIME: usize = 1;
const LATE: usize = 2;

impl Token {
    pub fn new(world: &Arc<World>) -> (Self, Fate) {
        world.alive.fetch_add(1, SeqCst);
        let (fate, world) = (Fate::default(), Arc::clone(world));
        let token = Self {
            fate: fate.clone(),
            world,
        };
        (token, fate)
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.world.alive.fetch_sub(1, SeqCst);
        let is_late = self.world.is_over.load(SeqCst);
        let fate = if is_late { LATE } else { IN_TIME };
        self.fate.0.store(fate, SeqCst);
    }
}

impl Fate {
    /// What is refused is given back, and so is alive.
    pub fn refused(&self) {
        assert_eq!(self.0.load(SeqCst), ALIVE, "refused, and not given back");
    }
}

// --- what is asked and told ---

pub struct Ask {
    pub number: usize,
    pub _token: Token,
}

pub struct Answer {
    pub number: usize,
    pub _token: Token,
}

impl Operation for Ask {
    type Output = Answer;
}

pub struct Ticks {
    pub number: usize,
    pub _token: Token,
}

/// The thread that sends it, and its number there.
pub type Mark = (usize, usize);

pub struct Tick {
    pub mark: Mark,
    pub _token: Token,
}

impl Operation for Ticks {
    type Output = Tick;
}

pub struct Word {
    pub mark: Mark,
    pub _token: Token,
}

/// There is one more in stock, for a shell that awaits emissions.
pub struct Asleep;

/// A task's future is dropped.
pub struct Gone(pub usize);

/// A thread has done all that it does.
pub struct Done;

effects! {
    pub enum Effect {
        Ask => request Ask,
        Ticks => stream Ticks,
        Word => notify Word,
        Asleep => notify Asleep,
        Gone => notify Gone,
        Done => notify Done,
    }
}

// --- the stock ---

/// A task that waits to be told that it may go.
pub struct Sleeper {
    pub may_go: Arc<AtomicBool>,
    pub waker: Waker,
}

pub struct Held {
    pub number: usize,
    /// Nothing ends it but an abort, which therefore comes before its handle goes.
    pub hangs: bool,
    pub handle: JoinHandle<usize>,
}

/// Who acts on one of these takes it out first.
#[derive(Default)]
pub struct Stock {
    pub sleepers: Vec<Sleeper>,
    pub asked: Vec<Request<Ask>>,
    pub feeds: Vec<(usize, Feed<Ticks>)>,
    pub tasks: Vec<Held>,
    /// Requests whose tasks are gone.
    pub parked: Vec<ShellRequest<Ask, Effect>>,
}

// --- the books ---

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Deed {
    Resolved,
    Failed,
    Abandoned,
    Refused,
}

#[derive(Default, Debug)]
pub struct AskBook {
    pub id: Option<RequestId>,
    pub deed: Option<Deed>,
    pub ends: Vec<Result<usize, RequestError>>,
    pub notices: usize,
}

#[derive(Default, Debug)]
pub struct StreamBook {
    pub id: Option<RequestId>,
    pub is_lossless: bool,
    /// It has room for one item at a time.
    pub is_narrow: bool,
    /// How many items somebody set out to send.
    pub begun: usize,
    pub accepted: Vec<Mark>,
    /// The most that were accepted and not yet taken.
    pub most: usize,
    /// How many were accepted when somebody first set out to end it.
    pub before_its_end: Option<usize>,
    pub got: Vec<Mark>,
    pub ends: Vec<Result<(), RequestError>>,
    pub notices: usize,
}

#[derive(Default, Debug)]
pub struct TaskBook {
    pub is_accepted: bool,
    pub is_aborted: bool,
    pub panics: bool,
    pub told_of_panic: usize,
    pub gone: usize,
    pub joined: Option<&'static str>,
}

#[derive(Default)]
pub struct Books {
    pub asks: Vec<AskBook>,
    pub streams: Vec<StreamBook>,
    pub tasks: Vec<TaskBook>,
    pub said: Vec<Mark>,
    heard: Vec<Mark>,
    /// What the executor took over, and has to let go of before it is at its end.
    pub accepted: Vec<(&'static str, Fate)>,
    effects: u64,
    /// A task has emitted since somebody last asked.
    pub has_emitted: bool,
    /// Requests that waited for a place at the end of the last turn.
    pub waiting: usize,
    pub turns: usize,
    pub rings: usize,
    pub rang_too_often: bool,
    /// Every task was let run to its end.
    pub is_at_rest: bool,
}

#[derive(Default)]
pub struct World {
    stock: Mutex<Stock>,
    books: Mutex<Books>,
    alive: AtomicUsize,
    /// The executor is torn down or dropped.
    pub is_over: AtomicBool,
}

impl World {
    pub fn stock<R>(&self, act: impl FnOnce(&mut Stock) -> R) -> R {
        act(&mut self.stock.lock().unwrap())
    }

    pub fn books<R>(&self, act: impl FnOnce(&mut Books) -> R) -> R {
        act(&mut self.books.lock().unwrap())
    }

    /// Any one of a kind, out of the stock.
    pub fn any<T>(&self, of: impl FnOnce(&mut Stock) -> &mut Vec<T>) -> Option<T> {
        self.stock(|stock| {
            let all = of(stock);
            (!all.is_empty()).then(|| all.swap_remove(below(all.len())))
        })
    }

    pub fn accepted(&self, what: &'static str, fate: Fate) {
        self.books(|books| books.accepted.push((what, fate)));
    }

    /// Whether a task's future is there.
    pub fn is_busy(&self) -> bool {
        self.books(|books| {
            let mut tasks = books.tasks.iter();
            tasks.any(|task| task.is_accepted && task.gone == 0)
        })
    }

    /// Notes how a task ended for who joins it.
    pub fn joined(&self, task: usize, end: &Result<usize, JoinError>) {
        let end = match end {
            Ok(number) if *number == task => "done",
            Err(JoinError::Aborted) => "aborted",
            Err(JoinError::Panicked(_)) => "panicked",
            Err(JoinError::TornDown) => "torn down",
            other => panic!("the end of {task} is {other:?}"),
        };
        self.books(|books| {
            let book = &mut books.tasks[task];
            assert_eq!(book.joined.replace(end), None);
            book.told_of_panic += usize::from(end == "panicked");
        });
    }

    /// Takes one emission in, from the executor or from its report.
    pub fn take_in(&self, emitted: Emitted<Effect>, is_taken: bool) {
        if is_taken && matches!(emitted, Emitted::Effect(_)) {
            self.books(|books| books.effects += 1);
        }
        match emitted {
            Emitted::Cancelled(id) => self.books(|books| {
                let asks = books.asks.iter_mut();
                let asks = asks.map(|book| (book.id, &mut book.notices));
                let streams = books.streams.iter_mut();
                let streams = streams.map(|book| (book.id, &mut book.notices));
                let of = asks.chain(streams).find(|(known, _)| *known == Some(id));
                *of.expect("a notice comes after its effect").1 += 1;
            }),
            Emitted::Effect(Effect::Ask(request)) => {
                assert!(is_taken, "it was cancelled, and is seen now");
                let number = request.operation.number;
                self.books(|books| books.asks[number].id = Some(request.id()));
                self.stock(|stock| stock.asked.push(request));
            }
            Emitted::Effect(Effect::Ticks(Subscription { operation, feed })) => {
                assert!(is_taken, "it was cancelled, and is seen now");
                let number = operation.number;
                self.books(|books| books.streams[number].id = Some(feed.id()));
                // Two, for two threads at a time.
                let feeds = [(number, feed.clone()), (number, feed)];
                self.stock(|stock| stock.feeds.extend(feeds));
            }
            Emitted::Effect(Effect::Word(word)) => {
                self.books(|books| books.heard.push(word.operation.mark));
            }
            Emitted::Effect(Effect::Gone(gone)) => {
                self.books(|books| books.tasks[gone.operation.0].gone += 1);
            }
            Emitted::Effect(Effect::Asleep(_) | Effect::Done(_)) => {}
        }
    }

    /// What must be so when everybody has let go of everything. A dropped executor has no totals, and its shell hears no
    /// more of it.
    pub fn check(&self, totals: Option<Totals>) {
        self.books(|books| {
            for (what, fate) in &books.accepted {
                let fate = fate.0.load(SeqCst);
                assert_eq!(
                    fate, IN_TIME,
                    "{what} was accepted, and not let go of in time"
                );
            }
            assert_eq!(self.alive.load(SeqCst), 0, "a value is left");
            assert!(!books.rang_too_often, "one idle time, and more rings");
            let is_heard = totals.is_some();
            for (number, task) in books.tasks.iter().enumerate() {
                check_task(task, books.is_at_rest, is_heard)
                    .unwrap_or_else(|why| panic!("task {number}: {why}: {task:?}"));
            }
            for (number, ask) in books.asks.iter().enumerate() {
                check_ask(number, ask, is_heard)
                    .unwrap_or_else(|why| panic!("ask {number}: {why}: {ask:?}"));
            }
            for (number, stream) in books.streams.iter().enumerate() {
                check_stream(number, stream)
                    .unwrap_or_else(|why| panic!("stream {number}: {why}: {stream:?}"));
            }
            let (said, heard) = (by_thread(&books.said), by_thread(&books.heard));
            for (from, said) in &said {
                let heard = heard.get(from).map_or(&[][..], Vec::as_slice);
                assert!(said.starts_with(heard), "said {said:?}, heard {heard:?}");
                assert!(!is_heard || said.len() == heard.len(), "a word was lost");
            }
            if let Some(totals) = totals {
                let count =
                    |all: &mut dyn Iterator<Item = bool>| all.filter(|is| *is).count() as u64;
                let tasks = count(&mut books.tasks.iter().map(|task| task.is_accepted));
                let asks = count(&mut books.asks.iter().map(|ask| ask.ends.is_empty()));
                let streams = count(&mut books.streams.iter().map(|stream| stream.ends.is_empty()));
                let requests = (books.asks.len() + books.streams.len()) as u64;
                assert_eq!(totals.tasks, tasks);
                assert_eq!(totals.requests, requests);
                assert_eq!(totals.cancelled, asks + streams);
                assert_eq!(totals.effects, books.effects);
            }
        });
    }
}

fn must(is_so: bool, what: &'static str) -> Result<(), &'static str> {
    is_so.then_some(()).ok_or(what)
}

fn check_task(task: &TaskBook, is_at_rest: bool, is_heard: bool) -> Result<(), &'static str> {
    let ended = task.joined.unwrap_or("unjoined");
    must(task.is_accepted || task.gone == 0, "it never was")?;
    must(task.gone <= 1, "its future was dropped twice")?;
    must(
        !is_heard || task.gone == usize::from(task.is_accepted),
        "its future's destructor is not heard",
    )?;
    must(ended != "aborted" || task.is_aborted, "nobody aborted it")?;
    must(ended != "panicked" || task.panics, "it has no panic in it")?;
    must(ended != "done" || !task.panics, "it panicked")?;
    must(
        task.told_of_panic <= usize::from(task.panics),
        "a panic was told too often",
    )?;
    if is_at_rest && task.is_accepted {
        must(ended != "torn down", "it was at rest before")?;
        must(
            task.is_aborted || task.told_of_panic == usize::from(task.panics),
            "nobody was told of a panic",
        )?;
    }
    Ok(())
}

fn check_ask(number: usize, ask: &AskBook, is_heard: bool) -> Result<(), &'static str> {
    must(ask.ends.len() <= 1, "it ended twice")?;
    let Some(end) = ask.ends.first() else {
        must(ask.notices <= 1, "it was cancelled twice")?;
        let by_core = !matches!(ask.deed, Some(Deed::Failed | Deed::Abandoned));
        let is_told = ask.notices == usize::from(ask.id.is_some());
        return must(
            !is_heard || !by_core || is_told,
            "the shell must hear of its end",
        );
    };
    must(ask.notices == 0, "it had its end, and was cancelled")?;
    let as_done = match ask.deed {
        Some(Deed::Resolved) => *end == Ok(number),
        Some(Deed::Failed) => *end == Err(RequestError::Failed(number.to_string())),
        Some(Deed::Abandoned) => *end == Err(RequestError::Abandoned),
        Some(Deed::Refused) | None => false,
    };
    must(as_done, "its end is another's")
}

fn check_stream(number: usize, stream: &StreamBook) -> Result<(), &'static str> {
    must(stream.ends.len() <= 1, "it ended twice")?;
    must(
        stream.notices + stream.ends.len() <= 1,
        "it had its end, and was cancelled",
    )?;
    let (sent, got) = (by_thread(&stream.accepted), by_thread(&stream.got));
    for (from, got) in &got {
        let mut sent = sent.get(from).into_iter().flatten();
        let in_order = got.iter().all(|number| sent.any(|sent| sent == number));
        must(in_order, "an item is out of its order, or was never sent")?;
    }
    let Some(end) = stream.ends.first() else {
        return Ok(());
    };
    let certain = stream.before_its_end.unwrap_or(stream.accepted.len());
    let mut certain = stream.accepted[..certain].iter();
    let all = certain.all(|mark| stream.got.contains(mark));
    must(all || !stream.is_lossless, "an item was lost")?;
    // What is sent to an ended stream is accepted, and takes no room.
    let is_bounded = stream.is_narrow && stream.before_its_end.is_none();
    must(
        !is_bounded || stream.most <= 1,
        "there was room for more than it may hold",
    )?;
    let as_done = match end {
        Ok(()) => stream.before_its_end.is_some(),
        Err(RequestError::Failed(why)) => {
            stream.before_its_end.is_some() && *why == number.to_string()
        }
        Err(RequestError::Abandoned) => stream.before_its_end.is_none(),
        Err(_) => false,
    };
    must(as_done, "its end is another's")
}

fn by_thread(marks: &[Mark]) -> BTreeMap<usize, Vec<usize>> {
    let mut sorted = BTreeMap::<_, Vec<_>>::new();
    for (from, number) in marks {
        sorted.entry(*from).or_default().push(*number);
    }
    sorted
}
