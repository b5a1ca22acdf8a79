//! Planted bugs: each one has to turn the simulation red, by the invariant that it breaks, or a struct that shows it.
//!
//! Built with `--features sabotage` only.

mod outage;
mod seeds;
mod unfenced;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use async_trait::async_trait;
use laneway::testing::{TestBus, each_seed};
use laneway_application::consume::SubscriptionOptions;
use laneway_application::lanes::{Admitted, Lanes, Ticket};
use laneway_application::layers::{Idempotent, IdempotentOptions, LoopGuard};
use laneway_application::ledger::{Ledger, Opening, Settled};
use laneway_application::route::{BatchOptions, EventBatch, batch_fn};
use laneway_application::sabotage::{Bug, plant};
use laneway_domain::invariant::Invariant;
use laneway_domain::{
    AggregateId, Assignment, Envelope, Epoch, Event, GroupId, HandlerError, PartitionId, PartitionNumber,
    Position, Resume, TopicName, handler_fn,
};
use laneway_memory::MemoryIdempotency;
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

#[test]
fn an_innocent_that_is_blamed_for_a_crash_is_caught() {
    assert_caught(Bug::ProbationBlamesAnInnocent, &[Invariant::I10]);
}

#[test]
fn a_recovery_that_gives_up_order_is_caught() {
    assert_caught(Bug::RecoverySwitchReorders, &[Invariant::I4]);
}

#[test]
fn a_read_that_is_handed_out_backwards_is_caught() {
    assert_caught(Bug::BatchReorders, &[Invariant::I4]);
}

#[test]
fn a_parked_event_that_is_finished_before_the_store_has_it_is_caught() {
    assert_caught(Bug::SettledBeforeParked, &[Invariant::I7, Invariant::I10]);
}

#[test]
fn a_dead_letter_without_its_bytes_is_caught() {
    assert_caught(Bug::DeadLetterLosesBytes, &[Invariant::I10]);
}

#[test]
fn a_redrive_that_names_events_anew_is_caught() {
    assert_caught(Bug::RedriveChangesIdentity, &[Invariant::I2]);
}

#[test]
fn a_permit_that_leaks_is_caught() {
    assert_caught(Bug::PermitLeaks, &[Invariant::I1, Invariant::I8]);
}

#[test]
fn a_rate_that_gives_twice_its_burst_is_caught() {
    assert_caught(Bug::BurstIsTwice, &[Invariant::I24]);
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

/// Sees that something holds, and no longer does where a bug is planted. Layers and styles stand in front of the engine,
/// where no simulation comes: a service is asked itself.
fn assert_needed<F: Future<Output = bool>>(bug: Bug, holds: impl Fn() -> F) {
    each_seed([0], |_| async { assert!(holds().await, "it does not hold without {bug:?}") });
    let _planted = plant(bug);
    each_seed([0], |_| async { assert!(!holds().await, "{bug:?} goes unnoticed") });
}

fn orders() -> TopicName {
    TopicName::from_static("orders")
}

fn billing() -> SubscriptionOptions {
    SubscriptionOptions::new(group(), [orders()])
}

fn group() -> GroupId {
    GroupId::new("billing").unwrap_or_else(|error| panic!("{error}"))
}

fn order(number: u8) -> Envelope {
    let id = AggregateId::new(format!("order:{number}")).unwrap_or_else(|error| panic!("{error}"));
    Envelope::new(orders(), number.to_string()).with_aggregate(id)
}

#[test]
fn hops_that_are_not_carried_are_caught() {
    /// A circle that nobody stops ends here.
    const ENOUGH: usize = 100;
    let ends = || async {
        let (bus, count) = (TestBus::new(), AtomicUsize::new(0));
        let publisher = bus.bus().clone();
        let forwards = LoopGuard::new(handler_fn(move |event: Event| {
            let goes_on = count.fetch_add(1, Ordering::SeqCst) < ENOUGH;
            let next = goes_on.then(|| Envelope::new(orders(), event.payload().clone()));
            let bus = publisher.clone();
            async move {
                if let Some(next) = next {
                    bus.publish(next).await?;
                }
                Ok(())
            }
        }));
        drop((bus.subscribe(billing(), forwards.with_limit(8)).await, bus.publish(order(1)).await));
        bus.await_quiet().await.is_ok() && bus.published().len() == 10
    };
    assert_needed(Bug::HopsNotCarried, ends);
}

#[test]
fn an_event_that_is_recorded_before_it_is_handled_is_caught() {
    let handled = || async {
        let (bus, handled) = (TestBus::new(), Arc::new(AtomicU64::new(0)));
        let (first, count) = (AtomicBool::new(true), handled.clone());
        let handler = handler_fn(move |_: Event| {
            let fails = first.swap(false, Ordering::SeqCst);
            count.fetch_add(u64::from(!fails), Ordering::SeqCst);
            std::future::ready(if fails { Err(HandlerError::retryable("at first")) } else { Ok(()) })
        });
        let store = Arc::new(MemoryIdempotency::new(100).unwrap_or_else(|error| panic!("{error}")));
        let once = Idempotent::new(IdempotentOptions::default(), store, handler);
        let once = once.unwrap_or_else(|error| panic!("{error}"));
        drop((bus.subscribe(billing(), once).await, bus.publish(order(1)).await));
        bus.await_quiet().await.is_ok() && handled.load(Ordering::SeqCst) == 1
    };
    assert_needed(Bug::RecordedBeforeHandled, handled);
}

#[test]
fn batch_answers_that_go_to_neighbours_are_caught() {
    let right_one = || async {
        let bus = TestBus::new();
        let handler = batch_fn(|batch: EventBatch| async move {
            let answer =
                |event: &Event| if event.payload() == "1" { Err(HandlerError::fatal("one")) } else { Ok(()) };
            Ok(batch.events().map(answer).collect())
        });
        let batches = BatchOptions { size: 3, ..BatchOptions::default() };
        drop(bus.subscribe_batches(billing(), batches, handler).await);
        drop(bus.publish_batch([1, 2, 3].map(order).into()).await);
        let quiet = bus.await_quiet().await.is_ok();
        let dead = bus.dead(&group()).await;
        quiet
            && matches!(&dead[..], [one] if one.key.as_ref().is_some_and(|key| key.id.as_str() == "order:1"))
    };
    assert_needed(Bug::BatchAnswersShift, right_one);
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
