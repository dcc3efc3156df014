//! Random histories of every public operation against a model. A failing seed is printed, with the shrunk history;
//! `STILLPOINT_SEED=<seed> cargo test --test histories replay` plays it again. `STILLPOINT_HISTORIES=<number>` says how many
//! there are.

mod machine;
mod races;
mod strategy;

use machine::ops::History;
use machine::run::run;
use proptest::prelude::BoxedStrategy;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

/// The most ops of a history.
const LENGTH: usize = 60;

/// Plays the history of this seed; shrinks it where the crate and the model differ.
fn play(histories: &BoxedStrategy<History>, seed: u64) {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        failure_persistence: None,
        max_shrink_iters: 100_000,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let tree = histories.new_tree(&mut runner).unwrap();
    let result = runner.run_one(tree, |history| run(&history).map_err(TestCaseError::fail));
    match result {
        Ok(_) => {}
        Err(TestError::Fail(why, history)) => {
            panic!("STILLPOINT_SEED={seed}\n{why}\n{history:?}")
        }
        Err(other) => panic!("STILLPOINT_SEED={seed}\n{other}"),
    }
}

fn play_all(first: u64, count: u64) {
    let histories = strategy::history(LENGTH);
    for seed in first..first + count {
        play(&histories, seed);
    }
}

/// How many histories, unless the environment says another number.
fn count(usual: u64) -> u64 {
    std::env::var("STILLPOINT_HISTORIES").map_or(usual, |count| {
        count.parse().expect("STILLPOINT_HISTORIES is a number")
    })
}

#[test]
#[cfg_attr(miri, ignore = "making the strategies alone takes miri minutes")]
fn random_histories_agree_with_the_model() {
    let usual = if cfg!(debug_assertions) {
        2_000
    } else {
        10_000
    };
    play_all(0, count(usual));
}

/// For miri; elsewhere the strategies make better ones.
#[test]
fn histories_of_random_bytes_agree_with_the_model() {
    for seed in 0..if cfg!(miri) { 12 } else { 500 } {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed + 1) | 1;
        let bytes: Vec<u8> = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 56) as u8
        })
        .take(120)
        .collect();
        let history = machine::decode::history(&bytes);
        if let Err(why) = run(&history) {
            panic!("seed {seed}: {why}\n{history:?}");
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "too many for miri")]
fn what_the_fuzzer_found_agrees_with_the_model() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/histories");
    for file in std::fs::read_dir(corpus).expect("the corpus is kept") {
        let history = machine::decode::history(&std::fs::read(file.unwrap().path()).unwrap());
        if let Err(why) = run(&history) {
            panic!("{why}\n{history:?}");
        }
    }
}

#[test]
fn each_request_ends_once_when_answers_from_threads_race_with_the_turns() {
    let bursts = if cfg!(miri) {
        3
    } else if cfg!(debug_assertions) {
        300
    } else {
        2_000
    };
    for seed in 0..bursts {
        let threads = 2 + usize::from(seed % 2 == 1);
        races::burst(seed, threads, if cfg!(miri) { 6 } else { 40 });
    }
}

#[test]
#[ignore = "soak"]
fn a_million_random_histories_agree_with_the_model() {
    play_all(1_000_000, count(1_000_000));
}

#[test]
fn replay() {
    if let Ok(seed) = std::env::var("STILLPOINT_SEED") {
        play_all(seed.parse().expect("a seed is a number"), 1);
    }
}
