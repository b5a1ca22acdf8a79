//! Dead letters: what is in them, and what becomes of those behind.

use bytes::Bytes;
use laneway_application::consume::Hooks;
use laneway_domain::{AfterDeadLetter, Body, DeadLetter, Death, DeathCause, HandlerError};

use super::super::adapter::Needs;
use super::super::journal::{Journal, What, Witness, number_of};
use super::super::lab::Lab;
use super::super::latch::Latch;
use super::super::letters::Moody;
use super::super::said::{NotToday, braid, event, failure, given, names, series};
use super::super::world::World;

/// A handler that fails on event 2 of `aggregate-0`.
fn poisoned(journal: &Journal) -> Witness<impl Fn(laneway_domain::Event, u32) -> PoisonedRun + use<>> {
    journal.handler(|event, _| {
        let sick = event.aggregate().is_some_and(|id| id.as_str() == "aggregate-0") && number_of(&event) == 2;
        std::future::ready(if sick { Err(failure()) } else { Ok(()) })
    })
}

type PoisonedRun = std::future::Ready<Result<(), HandlerError>>;

fn options(world: &World, after: AfterDeadLetter) -> laneway_application::consume::SubscriptionOptions {
    let mut options = world.options("workers");
    options.retry.max_retries = 2;
    options.after_dead_letter = Some(after);
    options
}

pub(crate) async fn poison_is_skipped_behind_its_dead_letter(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal, all) = (world.bus(), world.journal(), names(10));
    let subscription =
        world.subscribe(&bus, options(&world, AfterDeadLetter::Skip), poisoned(&journal)).await;
    world.publish(&bus, braid(&world.topic(), &all, 5)).await;
    world.until_done(&journal, 49).await;
    let letters = world.letters("workers").await;
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].death.attempts, letters[0].death.cause), (3, DeathCause::Exhausted));
    world.close(&bus).await;
    assert_eq!(journal.times(What::Started, "aggregate-0", 2), 3);
    let stats = subscription.stats();
    assert_eq!((stats.handled, stats.dead_letters, stats.retries), (49, 1, 2));
}

pub(crate) async fn the_committed_position_passes_skipped_poison(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal) = (world.bus(), world.journal());
    world.subscribe(&bus, options(&world, AfterDeadLetter::Skip), poisoned(&journal)).await;
    world.publish(&bus, braid(&world.topic(), &names(3), 4)).await;
    world.until_done(&journal, 11).await;
    world.until_lag("workers", 0).await;
    world.close(&bus).await;
}

pub(crate) async fn poison_blocks_its_aggregate_and_the_committed_position(lab: Lab) {
    let world = lab.world(Needs::partitions(1)).await;
    world.record().blocks();
    let (bus, journal, all) = (world.bus(), world.journal(), names(5));
    let subscription =
        world.subscribe(&bus, options(&world, AfterDeadLetter::Block), poisoned(&journal)).await;
    world.publish(&bus, braid(&world.topic(), &all, 5)).await;
    world.until_done(&journal, 4 * 5 + 1).await;
    world.until("the lane is closed for good", || subscription.stats().lanes.dead == 1).await;
    assert_eq!(world.letters("workers").await.len(), 1);
    world.close(&bus).await;
    assert_eq!(journal.done(), 21, "what is behind the dead letter waits");
    assert!(!journal.has(What::Started, "aggregate-0", 3));
    if world.adapter().backlog.is_some() {
        // In turns of five: event 2 of the first aggregate stands at place 6 of 25.
        assert_eq!(world.lag("workers").await.iter().map(|lag| lag.events).sum::<u64>(), 20);
    }
}

pub(crate) async fn a_restart_tries_a_blocked_event_again(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    world.record().blocks();
    let (bus, journal, all) = (world.bus(), world.journal(), names(5));
    let subscription =
        world.subscribe(&bus, options(&world, AfterDeadLetter::Block), poisoned(&journal)).await;
    world.publish(&bus, braid(&world.topic(), &all, 5)).await;
    world.until_done(&journal, 21).await;
    world.until("the lane is closed for good", || subscription.stats().lanes.dead == 1).await;
    world.close(&bus).await;
    let bus = world.bus();
    world.subscribe(&bus, options(&world, AfterDeadLetter::Block), journal.of_bus(1)).await;
    world.until("all is handled", || journal.has(What::Done, "aggregate-0", 5)).await;
    world.close(&bus).await;
    journal.must_be_in_order();
    journal.must_hold_all(&all, 5);
    assert_eq!(world.letters("workers").await.len(), 1, "the entry stays what it was: one");
}

pub(crate) async fn a_dead_letter_holds_the_original_and_its_story(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal) = (world.bus(), world.journal());
    let handler = journal.handler(|_, _| async {
        let io = std::io::Error::other(NotToday);
        Err(HandlerError::new(None, io))
    });
    world.subscribe(&bus, options(&world, AfterDeadLetter::Skip), handler).await;
    let before = world.clock().wall();
    let sick = event(&world.topic(), "a", 1)
        .with_header("null", None)
        .with_header("bytes", Some(Bytes::from_static(&[0xff, 0x00])));
    let receipt = world.publish(&bus, vec![sick.clone()]).await.remove(0);
    world.until("it has failed three times", || journal.count(What::Failed) == 3).await;
    world.close(&bus).await;
    let DeadLetter { id, key, original, death, .. } =
        given("dead letter", world.letters("workers").await.pop());
    let Death { cause, errors, attempts, first_failed, last_failed, .. } = death;
    assert_eq!((&id.group, &id.topic), (&world.group("workers"), &world.topic()));
    assert_eq!(
        (id.partition, Some(id.position)),
        (receipt.partition, receipt.position.or(Some(id.position)))
    );
    assert_eq!((key, attempts, cause), (sick.key(), 3, DeathCause::Exhausted));
    if let Body::Event(original) = original {
        assert_eq!((original.id(), original.payload()), (Some(receipt.id), sick.payload()));
        assert_eq!(original.headers(), sick.headers());
    }
    assert_eq!(
        errors.last().map(String::as_str),
        Some("not today"),
        "the chain goes down to its end: {errors:?}"
    );
    assert!(before <= first_failed && first_failed < last_failed, "{first_failed:?} {last_failed:?}");
    assert!(last_failed <= world.clock().wall());
}

pub(crate) async fn a_fatal_error_and_a_panic_end_in_the_dead_letters(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal) = (world.bus(), world.journal());
    let handler = journal.handler(|event, _| async move {
        match number_of(&event) {
            1 => Err(HandlerError::fatal(NotToday)),
            2 => panic!("a handler panics, as the scenario wants"),
            _ => Ok(()),
        }
    });
    world.subscribe(&bus, options(&world, AfterDeadLetter::Skip), handler).await;
    world.publish(&bus, series(&world.topic(), "a", 3)).await;
    world.until_done(&journal, 1).await;
    world.close(&bus).await;
    let letters = world.letters("workers").await;
    let told: Vec<_> = letters.iter().map(|letter| (letter.death.cause, letter.death.attempts)).collect();
    assert_eq!(told, [(DeathCause::Fatal, 1), (DeathCause::Exhausted, 3)]);
    assert!(letters[1].death.errors[0].contains("as the scenario wants"), "{:?}", letters[1].death.errors);
}

pub(crate) async fn each_group_has_dead_letters_of_its_own(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journals) = (world.bus(), [world.journal(), world.journal()]);
    for (group, journal) in ["one", "two"].into_iter().zip(&journals) {
        let handler = journal.handler(move |_, _| async move {
            if group == "one" { Err(HandlerError::fatal(NotToday)) } else { Ok(()) }
        });
        world.subscribe(&bus, world.options(group), handler).await;
    }
    world.publish(&bus, series(&world.topic(), "a", 3)).await;
    world.until_done(&journals[1], 3).await;
    world.until("three have failed", || journals[0].count(What::Failed) == 3).await;
    world.close(&bus).await;
    assert_eq!((world.letters("one").await.len(), world.letters("two").await.len()), (3, 0));
}

pub(crate) async fn a_store_that_refuses_holds_its_lane_and_says_so_until_it_relents(lab: Lab) {
    let world = lab.world(Needs::partitions(1)).await;
    let store = Moody::refusing(world.adapter().dead_letters.clone());
    let (bus, journal, all) = (world.bus_with(std::sync::Arc::new(store.clone())), world.journal(), names(5));
    let latch = Latch::shut();
    let told = latch.clone();
    let mut options = options(&world, AfterDeadLetter::Skip);
    options.hooks = Hooks::default().on_store_refusal(move |_| told.open());
    let subscription = world.subscribe(&bus, options, poisoned(&journal)).await;
    world.publish(&bus, braid(&world.topic(), &all, 5)).await;
    world.until_done(&journal, 21).await;
    latch.pass().await;
    let words = || subscription.health().dead_letter_store.unwrap_or_default();
    world.until("health says so", || words().contains(Moody::WORDS)).await;
    assert!(!subscription.health().is_good() && store.refused() > 0);
    assert!(!journal.has(What::Started, "aggregate-0", 3), "the lane waits");
    if world.adapter().backlog.is_some() {
        world.until_lag("workers", 20).await;
    }
    store.relent();
    world.until_done(&journal, 24).await;
    world.until("health is good again", || subscription.health().is_good()).await;
    assert_eq!(world.letters("workers").await.len(), 1);
    world.close(&bus).await;
    assert_eq!(journal.times(What::Failed, "aggregate-0", 2), 3, "the refusal is no attempt of the handler");
}
