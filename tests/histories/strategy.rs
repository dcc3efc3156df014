//! Where random histories come from, and how they shrink.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof};

use crate::machine::ops::{Act, Destructor, History, How, Limits, Op, Place, Policy, Step, Way};

/// How deep spawns and destructors nest.
const DEPTH: usize = 3;

/// Small, so that two picks often mean the same thing.
fn pick() -> impl Strategy<Value = u8> + Clone {
    0..4_u8
}

pub fn history(most: usize) -> BoxedStrategy<History> {
    (any::<bool>(), limits(), vec(op(), 1..most))
        .prop_map(|(local, limits, ops)| History { local, limits, ops })
        .boxed()
}

/// Most histories have none.
fn limits() -> impl Strategy<Value = Limits> {
    let some = (
        option::of(2..7_u8),
        option::of(1..5_u8),
        option::of(1..5_u8),
        any::<bool>(),
    )
        .prop_map(|(tasks, requests, outbox, fails)| Limits {
            tasks,
            requests,
            outbox,
            fails,
        });
    prop_oneof![6 => Just(Limits::default()), 4 => some]
}

fn op() -> BoxedStrategy<Op> {
    prop_oneof![
        16 => act(DEPTH).prop_map(Op::Act),
        12 => (script(DEPTH), how()).prop_map(|(script, how)| Op::Act(Act::Spawn(script, how))),
        16 => Just(Op::Run),
        4 => (0..4_u8).prop_map(Op::RunFor),
        14 => (0..6_u8).prop_map(Op::Drain),
        3 => Just(Op::Next),
        3 => pick().prop_map(Op::Join),
        5 => pick().prop_map(Op::Resolve),
        2 => pick().prop_map(Op::Fail),
        9 => pick().prop_map(Op::Send),
        2 => pick().prop_map(Op::End),
        6 => (0..8_u8, way()).prop_map(|(pick, way)| Op::ById(pick, way)),
        1 => (0..6_u8, way()).prop_map(|(pick, way)| Op::Stranger(pick, way)),
        1 => any::<bool>().prop_map(Op::Foreign),
        6 => (script(DEPTH), any::<bool>()).prop_map(|(script, kept)| Op::SpawnHere(script, kept)),
        2 => script(DEPTH).prop_map(Op::SpawnLocal),
        1 => pick().prop_map(Op::AbortLocal),
        1 => pick().prop_map(Op::DropLocal),
        1 => pick().prop_map(Op::JoinLocal),
        1 => Just(Op::Teardown),
        1 => Just(Op::DropExecutor),
    ]
    .boxed()
}

fn way() -> impl Strategy<Value = Way> + Clone {
    prop_oneof![
        Just(Way::Ask),
        Just(Way::Other),
        Just(Way::Item),
        Just(Way::Fail),
        Just(Way::End),
    ]
}

fn how() -> impl Strategy<Value = How> + Clone {
    prop_oneof![
        Just(How::Plain),
        Just(How::Named),
        Just(How::Try),
        Just(How::Detached),
    ]
}

fn place() -> impl Strategy<Value = Place> + Clone {
    prop_oneof![9 => Just(Place::Nested), 1 => Just(Place::Thread)]
}

fn policy() -> impl Strategy<Value = Policy> + Clone {
    prop_oneof![
        Just(Policy::Unbounded),
        (0..4_u8).prop_map(Policy::Reject),
        (0..4_u8).prop_map(Policy::DropOldest),
        Just(Policy::Latest),
    ]
}

fn script(depth: usize) -> BoxedStrategy<Vec<Step>> {
    prop_oneof![
        3 => vec(step(depth), 0..6),
        1 => (policy(), vec(stream_step(), 1..8)).prop_map(|(policy, mut steps)| {
            steps.insert(0, Step::Subscribe(policy));
            steps
        }),
    ]
    .boxed()
}

/// Of a task that lives for its stream.
fn stream_step() -> impl Strategy<Value = Step> + Clone {
    prop_oneof![
        6 => Just(Step::Next),
        1 => Just(Step::Ask),
        1 => Just(Step::Yield),
        1 => pick().prop_map(|pick| Step::Act(Act::Send(pick))),
        1 => policy().prop_map(Step::Subscribe),
    ]
}

fn destructor(depth: usize) -> BoxedStrategy<Destructor> {
    (vec(act(depth), 0..3), proptest::bool::weighted(0.3))
        .prop_map(|(acts, panics)| Destructor { acts, panics })
        .boxed()
}

fn step(depth: usize) -> BoxedStrategy<Step> {
    let within = depth.saturating_sub(1);
    prop_oneof![
        8 => Just(Step::Ask),
        3 => Just(Step::Relayed),
        3 => Just(Step::Join),
        4 => Just(Step::Select),
        6 => policy().prop_map(Step::Subscribe),
        9 => Just(Step::Next),
        2 => Just(Step::DropStream),
        4 => Just(Step::Yield),
        4 => Just(Step::Stash),
        3 => Just(Step::Hang),
        5 => pick().prop_map(Step::Await),
        2 => Just(Step::Panic),
        6 => destructor(within).prop_map(Step::Guard),
        2 => destructor(within).prop_map(Step::Returns),
        4 => Just(Step::Park),
        4 => pick().prop_map(Step::Adopt),
        5 => pick().prop_map(Step::Closing),
        12 => act(within).prop_map(Step::Act),
    ]
    .boxed()
}

fn act(depth: usize) -> BoxedStrategy<Act> {
    let flat = prop_oneof![
        4 => Just(Act::Notify),
        4 => pick().prop_map(Act::Wake),
        2 => pick().prop_map(Act::WakeByValue),
        2 => pick().prop_map(Act::DropWaker),
        4 => pick().prop_map(Act::Abort),
        3 => pick().prop_map(Act::DropHandle),
        1 => pick().prop_map(Act::IsFinished),
        6 => pick().prop_map(Act::Resolve),
        2 => pick().prop_map(Act::Fail),
        2 => pick().prop_map(Act::Abandon),
        1 => pick().prop_map(Act::Forget),
        8 => pick().prop_map(Act::Send),
        2 => pick().prop_map(Act::EndFeed),
        1 => pick().prop_map(Act::FailFeed),
        2 => pick().prop_map(Act::DropFeed),
        2 => pick().prop_map(Act::CloneFeed),
        2 => pick().prop_map(Act::PollParked),
        2 => pick().prop_map(Act::DropParked),
        1 => Just(Act::KeepSpawner),
        1 => Just(Act::DropSpawner),
        1 => Just(Act::KeepShell),
        1 => Just(Act::DropShell),
        5 => pick().prop_map(Act::OpenScope),
        3 => pick().prop_map(Act::DropScope),
        3 => pick().prop_map(Act::CloseScope),
        3 => pick().prop_map(Act::PollClosing),
        1 => pick().prop_map(Act::DropClosing),
        1 => pick().prop_map(Act::DropScopeSpawner),
    ];
    if depth == 0 {
        return flat.boxed();
    }
    prop_oneof![
        20 => flat,
        4 => (script(depth - 1), how()).prop_map(|(script, how)| Act::Spawn(script, how)),
        6 => (pick(), option::of(0..2_u8), script(depth - 1), how())
            .prop_map(|(pick, key, script, how)| Act::SpawnIn(pick, key, script, how)),
        4 => (place(), act(depth - 1)).prop_map(|(place, act)| Act::Away(place, Box::new(act))),
    ]
    .boxed()
}
