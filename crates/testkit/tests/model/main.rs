//! The checkers against a model: what a correct engine does passes, and each way to break it is found.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod engine;
mod sabotage;

use laneway_domain::invariant::{History, Invariant, Limits};
use laneway_testkit::checkers::{assert_holds, check};
use proptest::prelude::*;

use engine::Engine;
use sabotage::Sabotage;

const JUDGED: [Invariant; 13] = [
    Invariant::I1,
    Invariant::I2,
    Invariant::I3,
    Invariant::I4,
    Invariant::I5,
    Invariant::I6,
    Invariant::I7,
    Invariant::I8,
    Invariant::I10,
    Invariant::I17,
    Invariant::I18,
    Invariant::I22,
    Invariant::I23,
];

fn history(choices: impl IntoIterator<Item = u32>) -> History {
    let mut engine = Engine::new();
    for choice in choices {
        engine.step(choice);
    }
    engine.finish()
}

/// Choices from a seed: splitmix64.
fn choices(seed: u64, count: usize) -> impl Iterator<Item = u32> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u32::try_from(mixed >> 32).unwrap()
    })
    .take(count)
}

proptest! {
    #[test]
    fn a_correct_engine_keeps_the_invariants(choices in prop::collection::vec(any::<u32>(), 1..400)) {
        assert_holds(&history(choices), &JUDGED, &Limits::default());
    }
}

#[test]
fn each_sabotage_is_found_under_the_right_number() {
    for sabotage in Sabotage::ALL {
        let mut applied = 0;
        for seed in 0..200 {
            let Some(broken) = sabotage.apply(&history(choices(seed, 300)), seed) else { continue };
            applied += 1;
            let found = check(&broken, &[sabotage.breaks()], &Limits::default());
            assert!(!found.is_empty(), "{sabotage:?} with seed {seed} goes unnoticed");
        }
        assert!(applied >= 50, "{sabotage:?} found only {applied} places to strike");
    }
}

#[test]
fn a_long_history_is_judged_in_proportion_to_its_length() {
    let long = history(choices(1, 100_000));
    assert!(long.len() > 50_000, "{}", long.len());
    assert_holds(&long, Invariant::all(), &Limits::default());
}
