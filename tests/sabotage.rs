//! Planted bugs: each one has to turn the simulation red, by the invariant that it breaks, or a struct that shows it.
//!
//! Built with `--features sabotage` only.

mod outage;
mod seeds;
mod unfenced;

use std::sync::Arc;

use async_trait::async_trait;
use laneway_application::lanes::{Admitted, Lanes, Ticket};
use laneway_application::ledger::{Ledger, Opening, Settled};
use laneway_application::sabotage::{Bug, plant};
use laneway_domain::invariant::Invariant;
use laneway_domain::{Assignment, Epoch, PartitionId, PartitionNumber, Position, Resume, TopicName};
use laneway_testkit::conformance::{Adapter, Capabilities, Factory, Needs};
use laneway_testkit::simulation::simulate;
use seeds::Memory;
use unfenced::open;

/// How many seeds a bug may hide from.
const SEEDS: u64 = 300;

/// Plants a bug and runs seeds until one of these invariants breaks.
fn assert_caught(bug: Bug, by: &[Invariant]) {
    let _planted = plant(bug);
    let broken = |seed| {
        let failure = simulate(seed, &Memory).err()?;
        by.iter().copied().find(|invariant| failure.breaks(*invariant))
    };
    let caught = (0..SEEDS).find_map(|seed| Some((seed, broken(seed)?)));
    println!("{bug:?}: {caught:?}");
    assert!(caught.is_some(), "{bug:?} breaks none of {by:?} in {SEEDS} seeds");
}

#[test]
fn without_a_bug_the_same_seeds_break_nothing() {
    for seed in 0..SEEDS {
        if let Err(failure) = simulate(seed, &Memory) {
            panic!("{failure}");
        }
    }
}

#[test]
fn a_commit_that_passes_unfinished_events_is_caught() {
    assert_caught(Bug::CommitPassesUnfinished, &[Invariant::I7]);
}

#[test]
fn a_lane_that_stays_open_during_a_retry_is_caught() {
    assert_caught(Bug::LaneOpenDuringRetry, &[Invariant::I6]);
}

#[test]
fn a_dead_letter_after_its_commit_is_caught() {
    assert_caught(Bug::DeadLetterAfterCommit, &[Invariant::I10]);
}

#[test]
fn a_panic_that_counts_as_done_is_caught() {
    assert_caught(Bug::PanicCountsAsDone, &[Invariant::I7]);
}

#[test]
fn credit_that_leaks_is_caught() {
    assert_caught(Bug::CreditLeaks, &[Invariant::I1]);
}

#[test]
fn a_redelivery_that_starts_twice_is_caught() {
    assert_caught(Bug::RedeliveryStartsTwice, &[Invariant::I4]);
}

#[test]
fn a_ghost_whose_lane_opens_early_is_caught() {
    assert_caught(Bug::GhostLaneOpensEarly, &[Invariant::I3]);
}

#[test]
fn a_shutdown_that_loses_what_is_in_flight_is_caught() {
    assert_caught(Bug::ShutdownLosesInFlight, &[Invariant::I7]);
}

#[test]
fn a_follower_that_starts_before_its_parked_head_is_caught() {
    assert_caught(Bug::FollowerBeforeParkedHead, &[Invariant::I4, Invariant::I15]);
}

#[test]
fn a_redelivered_event_that_is_parked_again_is_caught() {
    assert_caught(Bug::RedeliveredParksAgain, &[Invariant::I10]);
}

#[test]
fn an_aggregate_that_is_redriven_behind_live_events_is_caught() {
    assert_caught(Bug::UnparkRacesLive, &[Invariant::I4]);
}

/// The memory broker, with a dead-letter store that forgets whose claim is the newest.
struct Unfenced;

#[async_trait]
impl Factory for Unfenced {
    fn capabilities(&self) -> Capabilities {
        Memory.capabilities()
    }

    async fn adapter(&self, needs: Needs) -> Adapter {
        let adapter = Memory.adapter(needs).await;
        Adapter { dead_letters: Arc::new(open(adapter.dead_letters)), ..adapter }
    }
}

#[test]
fn a_late_write_of_an_old_owner_that_becomes_visible_is_caught() {
    let by = [Invariant::I4, Invariant::I10, Invariant::I15];
    let broken = |seed| {
        let failure = simulate(seed, &Unfenced).err()?;
        by.into_iter().find(|invariant| failure.breaks(*invariant))
    };
    let caught = (0..10 * SEEDS).find_map(|seed| Some((seed, broken(seed)?)));
    println!("a store without fences: {caught:?}");
    assert!(caught.is_some(), "a store without fences breaks none of {by:?}");
}

/// On one thread the last word of a worker is heard before the loss that ends its tenure, so the struct is asked itself.
#[test]
fn a_completion_of_an_old_epoch_that_settles_the_current_one_is_caught() {
    let settles = || {
        let mut ledger = Ledger::default();
        let mut begin = |epoch| {
            let tenure = ledger.assign(&assignment(epoch));
            let opening = ledger.book(tenure).map(|book| book.open(Position::new(1)));
            let Some(Opening::Fresh(slot, _)) = opening else { panic!("a new tenure opens what it reads") };
            (tenure, slot)
        };
        let (old, _) = (begin(1), begin(2));
        ledger.settle(old.0, old.1) != Settled::Stale
    };
    assert!(!settles());
    let _planted = plant(Bug::OldEpochSettles);
    assert!(settles());
}

fn assignment(epoch: u64) -> Assignment {
    Assignment {
        partition: PartitionId(0),
        epoch: Epoch(epoch),
        topic: TopicName::new("topic").unwrap_or_else(|error| panic!("{error}")),
        number: PartitionNumber(0),
        stored: None,
        initial: Resume::Start,
    }
}

/// No seed forces two keys to one hash of 64 bits, so the struct is asked itself.
#[test]
fn two_aggregates_that_share_a_lane_for_their_hash_are_caught() {
    let shares = || {
        let mut lanes = Lanes::new(8);
        let of = |run| Ticket { run, row: 0 };
        let same = |a: Ticket| move |b: Ticket| a == b;
        lanes.admit(7, None, of(0), same(of(0)));
        !matches!(lanes.admit(7, None, of(1), same(of(1))), Admitted::Ready(_))
    };
    assert!(!shares());
    let _planted = plant(Bug::LanesShareAHash);
    assert!(shares());
}

/// Handlers of the simulation fail by chance and not because something is down, so an outage is made.
#[test]
fn a_breaker_that_counts_attempts_is_caught() {
    assert_eq!(outage::dead_and_handled(), (0, 40));
    let _planted = plant(Bug::BreakerCountsAttempts);
    assert_ne!(outage::dead_and_handled(), (0, 40));
}

#[test]
fn every_bug_has_its_test() {
    let source = include_str!("sabotage.rs");
    for bug in Bug::ALL {
        assert!(source.contains(&format!("Bug::{bug:?}")), "nothing plants {bug:?}");
    }
}
