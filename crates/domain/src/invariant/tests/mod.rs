//! For each invariant, histories that keep it and histories that break it.

mod block;
mod consuming;
mod handover;
mod operating;
mod outbox;
mod parking;
mod scene;

use std::collections::BTreeSet;

use super::{Happening, Invariant, Limits, MemberId};
use scene::{Scene, scene};

/// A history, what it shows, and the invariant that it breaks; none where it is one of a correct engine.
struct Case {
    breaks: Option<Invariant>,
    shows: &'static str,
    scene: Scene,
}

fn good(shows: &'static str, scene: Scene) -> Case {
    Case { breaks: None, shows, scene }
}

fn bad(breaks: Invariant, shows: &'static str, scene: Scene) -> Case {
    Case { breaks: Some(breaks), shows, scene }
}

fn cases() -> Vec<Case> {
    let all = [consuming::cases(), handover::cases(), operating::cases(), outbox::cases(), parking::cases()];
    all.into_iter().flatten().collect()
}

#[test]
fn what_a_correct_engine_may_do_keeps_every_invariant() {
    let mut found = Vec::new();
    for Case { shows, scene, .. } in cases().iter().filter(|case| case.breaks.is_none()) {
        for invariant in Invariant::all() {
            let violations = invariant.violations(&scene.history, &Limits::default());
            found.extend(violations.into_iter().map(|violation| format!("{shows}: {violation}")));
        }
    }
    assert_eq!(found, [""; 0]);
}

#[test]
fn what_breaks_an_invariant_is_found_under_its_number() {
    for Case { breaks, shows, scene } in cases() {
        let Some(invariant) = breaks else { continue };
        let found = invariant.violations(&scene.history, &Limits::default());
        assert!(!found.is_empty(), "{invariant} holds, although {shows}");
        assert!(found.iter().all(|violation| violation.invariant == invariant), "{found:?}");
        assert!(found.iter().all(|violation| violation.at <= scene.history.len()), "{found:?}");
    }
}

#[test]
fn every_invariant_can_fail() {
    let broken: BTreeSet<_> = cases().iter().filter_map(|case| case.breaks).collect();
    assert_eq!(broken, Invariant::all().iter().copied().collect());
}

#[test]
fn numbers_and_sentences_are_distinct() {
    let all = Invariant::all();
    assert_eq!(
        all.iter().map(|i| i.id()).collect::<Vec<_>>(),
        (1..=24).map(|n| format!("I{n}")).collect::<Vec<_>>()
    );
    assert_eq!(all.iter().map(|i| i.sentence()).collect::<BTreeSet<_>>().len(), all.len());
}

#[test]
fn a_flood_of_violations_is_cut_short() {
    let accepted = || Happening::PublishAfterClose { member: MemberId(1), accepted: true };
    let flood = (0..1_000).fold(scene(), |scene, _| scene.say(accepted()));
    assert_eq!(Invariant::I18.violations(&flood.history, &Limits::default()).len(), super::Violation::MOST);
}
