//! What threads do from outside, each time to one thing out of the stock.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use stillpoint::{Feed, Reason, Request};

use crate::below;
use crate::core::Core;
use crate::world::{Answer, Ask, Deed, Held, Mark, Sleeper, Tick, Ticks, Token, Word, World};

/// Does any one thing, if there is something to do it to. `number` counts what this thread does.
pub fn act(core: &Core, from: usize, number: usize) {
    let world = &core.world;
    match below(13) {
        0..3 => spawn(core),
        3..5 => {
            if let Some(sleeper) = world.any(|stock| &mut stock.sleepers) {
                wake(world, sleeper, below(4));
            }
        }
        5..7 => {
            if let Some(request) = world.any(|stock| &mut stock.asked) {
                answer(world, request);
            }
        }
        7 => {
            if let Some(held) = world.any(|stock| &mut stock.tasks) {
                abort(world, &held);
                if below(2) == 0 {
                    world.stock(|stock| stock.tasks.push(held));
                }
            }
        }
        8 => {
            if let Some(held) = world.any(|stock| &mut stock.tasks) {
                let_go(world, held);
            }
        }
        9 => drop(world.any(|stock| &mut stock.parked)),
        10..12 => feed(world, (from, number)),
        _ => say(core, (from, number)),
    }
}

pub fn spawn(core: &Core) {
    let Some(held) = core.spawn() else { return };
    match below(4) {
        0 => let_go(&core.world, held),
        _ => core.world.stock(|stock| stock.tasks.push(held)),
    }
}

fn wake(world: &World, sleeper: Sleeper, way: usize) {
    if way == 0 {
        // For nothing: it polls again, and sleeps on.
        sleeper.waker.wake_by_ref();
        world.stock(|stock| stock.sleepers.push(sleeper));
        return;
    }
    let Sleeper { may_go, waker } = sleeper;
    may_go.store(true, SeqCst);
    match way {
        1 => waker.wake(),
        2 => waker.wake_by_ref(),
        _ => {
            let clone = waker.clone();
            drop(waker);
            clone.wake();
        }
    }
}

fn answer(world: &Arc<World>, request: Request<Ask>) {
    let number = request.operation.number;
    let refused = |reason| {
        assert_eq!(reason, Reason::TornDown);
        Deed::Refused
    };
    let deed = match below(4) {
        0 => match request.fail(number.to_string()) {
            Ok(()) => Deed::Failed,
            Err(error) => refused(error.reason()),
        },
        1 => {
            drop(request);
            Deed::Abandoned
        }
        _ => {
            let (_token, fate) = Token::new(world);
            match request.resolve(Answer { number, _token }) {
                Ok(()) => {
                    world.accepted("an answer", fate);
                    Deed::Resolved
                }
                Err(error) => {
                    fate.refused();
                    refused(error.reason())
                }
            }
        }
    };
    let before = world.books(|books| books.asks[number].deed.replace(deed));
    assert_eq!(before, None);
}

fn abort(world: &World, held: &Held) {
    world.books(|books| books.tasks[held.number].is_aborted = true);
    held.handle.abort();
}

fn let_go(world: &World, held: Held) {
    if held.hangs {
        abort(world, &held);
    }
    drop(held);
}

fn feed(world: &Arc<World>, mark: Mark) {
    let Some((stream, feed)) = world.any(|stock| &mut stock.feeds) else {
        return;
    };
    let way = below(6);
    match way {
        0 => drop(feed),
        1 | 2 => {
            world.books(|books| {
                let book = &mut books.streams[stream];
                book.before_its_end.get_or_insert(book.accepted.len());
            });
            let ended = match way {
                1 => feed.end(),
                _ => feed.fail(stream.to_string()),
            };
            if let Err(error) = ended {
                assert_eq!(error.reason(), Reason::TornDown);
            }
        }
        _ => {
            send(world, stream, &feed, mark);
            let clone = (way == 3).then(|| (stream, feed.clone()));
            world.stock(|stock| {
                stock.feeds.push((stream, feed));
                stock.feeds.extend(clone);
            });
        }
    }
}

fn send(world: &Arc<World>, stream: usize, feed: &Feed<Ticks>, mark: Mark) {
    let got = world.books(|books| {
        let book = &mut books.streams[stream];
        book.begun += 1;
        book.got.len()
    });
    let (_token, fate) = Token::new(world);
    match feed.send(Tick { mark, _token }) {
        Ok(()) => {
            world.books(|books| {
                let book = &mut books.streams[stream];
                book.accepted.push(mark);
                let held = book.accepted.len().saturating_sub(book.got.len());
                book.most = book.most.max(held);
            });
            world.accepted("an item", fate);
        }
        Err(error) => {
            fate.refused();
            let others = world.books(|books| books.streams[stream].begun - 1);
            match error.reason() {
                Reason::TornDown => {}
                // Another's item had the room, then or meanwhile.
                Reason::Full => assert!(others > got, "nothing fills it"),
                other => panic!("{other:?}"),
            }
        }
    }
}

fn say(core: &Core, mark: Mark) {
    let (_token, fate) = Token::new(&core.world);
    match core.shell.notify(Word { mark, _token }) {
        Ok(()) => core.world.books(|books| books.said.push(mark)),
        Err(rejected) => {
            fate.refused();
            drop(rejected);
        }
    }
}

/// Answers, wakes, ends and aborts whatever is in stock, so that no task has anything to wait for.
pub fn settle(world: &Arc<World>) {
    while let Some(request) = world.any(|stock| &mut stock.asked) {
        answer(world, request);
    }
    while let Some(sleeper) = world.any(|stock| &mut stock.sleepers) {
        wake(world, sleeper, 1 + below(3));
    }
    while let Some(request) = world.any(|stock| &mut stock.parked) {
        drop(request);
    }
    while let Some((_, feed)) = world.any(|stock| &mut stock.feeds) {
        drop(feed);
    }
    while let Some(held) = world.stock(|stock| {
        let hangs = stock.tasks.iter().position(|held| held.hangs)?;
        Some(stock.tasks.swap_remove(hangs))
    }) {
        let_go(world, held);
    }
}
