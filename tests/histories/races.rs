//! Answers that race with the turns that take them in. What they race for is left open, and so the checks are weaker:
//! each request ends once, with its own answer or its own refusal, nothing is lost, and everything comes to rest.

use std::sync::{Arc, Mutex};
use std::thread;

use stillpoint::{
    Emitted, Executor, JoinHandle, Operation, Request, RequestError, RequestId, Resolver,
};

struct Ask {
    number: usize,
    _count: Arc<()>,
}

struct Answer {
    number: usize,
    _count: Arc<()>,
}

impl Operation for Ask {
    type Output = Answer;
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Deed {
    Resolve,
    Fail,
    Abandon,
    AbortFirst,
    AbortAfter,
}

const DEEDS: [Deed; 8] = [
    Deed::Resolve,
    Deed::Resolve,
    Deed::Resolve,
    Deed::Resolve,
    Deed::Fail,
    Deed::Abandon,
    Deed::AbortFirst,
    Deed::AbortAfter,
];

type Ends = Arc<Mutex<Vec<(usize, Result<usize, RequestError>)>>>;

struct Errand {
    number: usize,
    deed: Deed,
    resolver: Resolver<Ask>,
    task: Arc<JoinHandle<()>>,
}

impl Errand {
    fn run(self, probe: &Arc<()>) {
        let answer = Answer {
            number: self.number,
            _count: Arc::clone(probe),
        };
        match self.deed {
            Deed::Resolve => self.resolver.resolve(answer).unwrap(),
            Deed::Fail => self.resolver.fail(self.number.to_string()).unwrap(),
            Deed::Abandon => drop(self.resolver),
            Deed::AbortFirst => {
                self.task.abort();
                self.resolver.resolve(answer).unwrap();
            }
            Deed::AbortAfter => {
                self.resolver.resolve(answer).unwrap();
                self.task.abort();
            }
        }
    }
}

/// One burst: `count` requests, whose errands `threads` threads run while the host drives.
pub fn burst(seed: u64, threads: usize, count: usize) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) as usize % below
    };

    let (probe, ends) = (Arc::new(()), Ends::default());
    let mut executor = Executor::<Request<Ask>>::new();
    let shell = executor.shell();
    let spawner = executor.spawner();
    let mut tasks: Vec<_> = (0..count)
        .map(|number| {
            let (shell, ends, probe) = (shell.clone(), Arc::clone(&ends), Arc::clone(&probe));
            Some(Arc::new(spawner.spawn(async move {
                let ask = Ask {
                    number,
                    _count: probe,
                };
                let end = shell.request(ask).await.map(|answer| answer.number);
                ends.lock().unwrap().push((number, end));
            })))
        })
        .collect();
    let _ = executor.run_until_stalled();

    let mut shares: Vec<Vec<Errand>> = (0..threads).map(|_| Vec::new()).collect();
    let mut deeds = vec![Deed::Resolve; count];
    let mut ids: Vec<Option<RequestId>> = vec![None; count];
    for emitted in executor.drain() {
        let Emitted::Effect(request) = emitted else {
            panic!("nothing was cancelled yet")
        };
        let number = request.operation.number;
        deeds[number] = DEEDS[random(DEEDS.len())];
        ids[number] = Some(request.id());
        shares[random(threads)].push(Errand {
            number,
            deed: deeds[number],
            resolver: request.resolver,
            task: tasks[number].take().unwrap(),
        });
    }

    let mut cancelled = vec![0; count];
    thread::scope(|scope| {
        for share in shares {
            let probe = &probe;
            scope.spawn(move || share.into_iter().for_each(|errand| errand.run(probe)));
        }
        // While they are at it, and once more when they are done.
        for _ in 0..4 {
            let _ = executor.run_for(count / 3);
            note(&mut executor, &ids, &mut cancelled);
            thread::yield_now();
        }
    });
    let settled = executor.run_until_stalled();
    assert_eq!(settled.pending, 0, "seed {seed}: a task was lost");
    note(&mut executor, &ids, &mut cancelled);

    let mut ended = vec![None; count];
    for (number, end) in ends.lock().unwrap().drain(..) {
        assert!(
            ended[number].replace(end).is_none(),
            "seed {seed}: {number} ended twice"
        );
    }
    for number in 0..count {
        let (end, notices) = (&ended[number], cancelled[number]);
        let what = format!(
            "seed {seed}: {number} {:?}: {end:?}, {notices} notices",
            deeds[number]
        );
        let own = Some(Ok(number));
        match deeds[number] {
            Deed::Resolve => assert!(*end == own && notices == 0, "{what}"),
            Deed::Fail => {
                let failed = Some(Err(RequestError::Failed(number.to_string())));
                assert!(*end == failed && notices == 0, "{what}");
            }
            Deed::Abandon => {
                let abandoned = Some(Err(RequestError::Abandoned));
                assert!(*end == abandoned && notices == 0, "{what}");
            }
            // Either it had its answer, or the shell has its notice, and never both.
            Deed::AbortFirst => assert!(end.is_none() && notices == 1, "{what}"),
            Deed::AbortAfter => {
                assert!(
                    (*end == own && notices == 0) || (end.is_none() && notices == 1),
                    "{what}"
                );
            }
        }
    }
    drop((shell, spawner));
    let report = executor.teardown();
    report.assert_baseline();
    assert!(report.is_unloadable(), "seed {seed}: something is out");
    assert_eq!(Arc::strong_count(&probe), 1, "seed {seed}: a value is left");
}

fn note(executor: &mut Executor<Request<Ask>>, ids: &[Option<RequestId>], cancelled: &mut [usize]) {
    for emitted in executor.drain() {
        let Emitted::Cancelled(id) = emitted else {
            panic!("nothing more was asked")
        };
        let number = ids.iter().position(|known| *known == Some(id)).unwrap();
        cancelled[number] += 1;
    }
}
