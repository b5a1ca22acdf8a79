//! What waits in the dead-letter store, behind a dead letter or for its time.

use std::time::Duration;

use bytes::Bytes;
use laneway_application::policy::{CommitPolicy, RetryPolicy};
use laneway_domain::{Act, Answer, Body, DeathCause, DeskError, Filter, Record};

use super::super::adapter::Needs;
use super::super::journal::{What, number_of};
use super::super::lab::Lab;
use super::super::said::{braid, event, failure, given, names, series, sure};
use super::super::shelf::{Illness, REDRIVE};

pub(crate) async fn what_follows_a_dead_letter_is_parked_and_redriven_in_order(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal, illness) = (world.bus(), world.journal(), Illness::of(2));
    let subscription = world.subscribe(&bus, world.parking_options(), illness.handler(&journal, 0)).await;
    world.publish(&bus, braid(&world.topic(), &names(5), 5)).await;
    world.until("the followers are parked", || subscription.stats().parked == 3).await;
    world.until_done(&journal, 21).await;
    assert!(!journal.has(What::Started, "aggregate-0", 3));
    illness.heal();
    let asked = sure("a wish", world.ask(&world.all_of_it(), REDRIVE, false).await);
    assert_eq!((asked.targets, asked.events), (1, 4));
    world.publish(&bus, vec![event(&world.topic(), "aggregate-0", 6)]).await;
    world.until_done(&journal, 26).await;
    world.close(&bus).await;
    journal.must_be_in_order();
    journal.must_hold_nothing_twice();
    assert_eq!(world.entries().await, [], "all has left");
}

pub(crate) async fn a_second_failure_returns_to_the_store_and_keeps_its_order(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal, illness) = (world.bus(), world.journal(), Illness::of(2));
    world.subscribe(&bus, world.parking_options(), illness.handler(&journal, 0)).await;
    world.publish(&bus, series(&world.topic(), "aggregate-0", 6)).await;
    world.until_stored(5).await;
    illness.becomes(4);
    assert_eq!(world.answers(&world.all_of_it(), REDRIVE).await, [Answer::FailedAgain(2)]);
    assert_eq!(world.waiting().await, [(4, true), (5, false), (6, false)]);
    world.publish(&bus, vec![event(&world.topic(), "aggregate-0", 7)]).await;
    world.until_stored(4).await;
    assert_eq!(world.answers(&world.all_of_it(), REDRIVE).await, [Answer::FailedAgain(0)]);
    illness.heal();
    assert_eq!(world.answers(&world.all_of_it(), REDRIVE).await, [Answer::Done(4)]);
    world.close(&bus).await;
    journal.must_be_in_order();
    journal.must_hold_nothing_twice();
    journal.must_hold_all(&names(1), 7);
}

pub(crate) async fn who_restarts_knows_what_is_parked_before_the_first_event(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal, illness) = (world.bus(), world.journal(), Illness::of(2));
    world.subscribe(&bus, world.parking_options(), illness.handler(&journal, 0)).await;
    world.publish(&bus, braid(&world.topic(), &names(3), 4)).await;
    world.until_stored(3).await;
    world.until_done(&journal, 9).await;
    world.close(&bus).await;
    let bus = world.bus();
    let more = names(3).into_iter().map(|name| event(&world.topic(), &name, 5));
    world.publish(&bus, more.collect()).await;
    let next = world.subscribe(&bus, world.parking_options(), illness.handler(&journal, 1)).await;
    world.until_stored(4).await;
    world.until_done(&journal, 11).await;
    assert_eq!(next.stats().lanes.parked, 1);
    assert!(!journal.has(What::Started, "aggregate-0", 3), "what comes waits behind what was parked before");
    illness.heal();
    assert_eq!(world.answers(&world.all_of_it(), REDRIVE).await, [Answer::Done(4)]);
    world.close(&bus).await;
    journal.must_be_in_order();
    journal.must_hold_all(&names(3), 5);
}

pub(crate) async fn a_partition_that_moves_takes_what_is_parked_along(lab: Lab) {
    let world = lab.world(Needs::partitions(4)).await;
    let (first, second, journal, illness) = (world.bus(), world.bus(), world.journal(), Illness::of(1));
    world.subscribe(&first, world.parking_options(), illness.handler(&journal, 1)).await;
    world.publish(&first, braid(&world.topic(), &names(12), 3)).await;
    world.until_stored(3).await;
    world.until_done(&journal, 33).await;
    let two = world.subscribe(&second, world.parking_options(), illness.handler(&journal, 2)).await;
    world.until("the second has its share", || two.stats().partitions == 2).await;
    world.close(&first).await;
    world.until("the second has all", || two.stats().partitions == 4).await;
    illness.heal();
    world.publish(&second, vec![event(&world.topic(), "aggregate-0", 4)]).await;
    let answers = world.answers(&world.all_of_it(), REDRIVE).await;
    assert!(matches!(answers[..], [Answer::Done(3 | 4)]), "{answers:?}");
    world.until_done(&journal, 37).await;
    world.close(&second).await;
    journal.must_be_in_order();
    assert_eq!(world.entries().await, []);
}

pub(crate) async fn what_is_delivered_again_behind_a_new_claim_is_settled_and_not_parked_again(lab: Lab) {
    let world = lab.world(Needs::partitions(1)).await;
    let (process, journal, illness) = (world.process(), world.journal(), Illness::of(1));
    let publisher = world.bus();
    // Nothing is committed before the crash, so all of it comes again.
    let mut options = world.parking_options();
    options.commit = CommitPolicy { interval: Duration::from_secs(5), ..CommitPolicy::default() };
    world.watch(process.subscribe(options, illness.handler(&journal, 0)).await);
    world.publish(&publisher, series(&world.topic(), "aggregate-0", 4)).await;
    world.until_stored(4).await;
    let before = world.entries().await;
    process.crash().await;
    let bus = world.bus();
    let next = world.subscribe(&bus, world.parking_options(), illness.handler(&journal, 1)).await;
    world.publish(&bus, vec![event(&world.topic(), "aggregate-0", 5)]).await;
    world.until_stored(5).await;
    world.until("all is settled", || next.stats().open == 0).await;
    assert_eq!(world.entries().await[..4], before, "the entries are what they were");
    assert_eq!(journal.times(What::Started, "aggregate-0", 1), 2, "both attempts were of the first owner");
    illness.heal();
    assert_eq!(world.answers(&world.all_of_it(), REDRIVE).await, [Answer::Done(5)]);
    world.close(&bus).await;
    journal.must_be_in_order();
    journal.must_hold_nothing_twice();
}

pub(crate) async fn an_event_whose_next_attempt_is_far_away_waits_in_the_store_with_its_followers(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal) = (world.bus(), world.journal());
    let handler = journal.handler(|event, attempt| async move {
        if number_of(&event) == 1 && attempt < 3 { Err(failure()) } else { Ok(()) }
    });
    let mut options = world.parking_options();
    let wait = Duration::from_millis(300);
    options.hold = Duration::from_millis(20);
    options.retry = RetryPolicy {
        max_retries: 4,
        initial_interval: wait,
        max_interval: wait,
        jitter: 0.0,
        ..options.retry
    };
    let began = world.now();
    let subscription = world.subscribe(&bus, options, handler).await;
    world.publish(&bus, series(&world.topic(), "a", 3)).await;
    world.until_stored(3).await;
    assert!(world.entries().await.iter().all(|letter| letter.death().is_none()), "nothing is dead");
    world.until_done(&journal, 3).await;
    assert!(world.now().since(began) >= wait * 2, "both waits were kept");
    world.until_stored(0).await;
    world.close(&bus).await;
    journal.must_be_in_order();
    let attempts = journal.lines().into_iter().filter(|line| line.number == 1 && line.what == What::Started);
    assert_eq!(attempts.map(|line| line.attempt).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!((subscription.stats().dead_letters, subscription.stats().redriven), (0, 3));
}

pub(crate) async fn what_is_skipped_and_purged_goes_without_being_handled(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal, illness) = (world.bus(), world.journal(), Illness::of(1));
    let subscription = world.subscribe(&bus, world.parking_options(), illness.handler(&journal, 0)).await;
    world.publish(&bus, series(&world.topic(), "aggregate-0", 4)).await;
    world.until_stored(4).await;
    assert_eq!(world.answers(&world.all_of_it(), Act::Skip).await, [Answer::Done(1)]);
    assert_eq!(world.waiting().await, [(2, false), (3, false), (4, false)], "the head has gone");
    assert_eq!(world.answers(&world.all_of_it(), Act::Purge).await, [Answer::Done(3)]);
    world.until("the lane is open", || subscription.stats().lanes.parked == 0).await;
    assert_eq!((world.entries().await, journal.done()), (Vec::new(), 0));
    world.publish(&bus, vec![event(&world.topic(), "aggregate-0", 5)]).await;
    world.until("what comes is handled", || journal.has(What::Done, "aggregate-0", 5)).await;
    world.close(&bus).await;
}

pub(crate) async fn an_edit_changes_the_content_and_not_the_place(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal, illness) = (world.bus(), world.journal(), Illness::of(1));
    world.subscribe(&bus, world.parking_options(), illness.handler(&journal, 0)).await;
    world.publish(&bus, series(&world.topic(), "aggregate-0", 2)).await;
    world.until_stored(2).await;
    let head = world.entries().await.remove(0);
    let id = given("id", world.read(&head.original).id());
    let edited = world.body(&event(&world.topic(), "aggregate-0", 100).with_id(id));
    let of_head = Filter::entry(head.id.clone());
    assert_eq!(world.answers(&of_head, Act::Edit(edited)).await, [Answer::Done(1)]);
    assert_eq!(world.entries().await[0].id, head.id);
    assert_eq!(world.waiting().await, [(100, true), (2, false)]);
    assert_eq!(world.answers(&world.all_of_it(), REDRIVE).await, [Answer::Done(2)]);
    world.close(&bus).await;
    let done = journal.lines().into_iter().filter(|line| line.what == What::Done);
    let done: Vec<_> = done.map(|line| (line.number, line.position)).collect();
    assert_eq!((done[0], done[1].0), ((100, head.id.position), 2));
}

pub(crate) async fn an_edit_that_does_not_decode_is_dead_again_and_can_be_edited_anew(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal, illness) = (world.bus(), world.journal(), Illness::of(1));
    world.subscribe(&bus, world.parking_options(), illness.handler(&journal, 0)).await;
    world.publish(&bus, series(&world.topic(), "aggregate-0", 2)).await;
    world.until_stored(2).await;
    illness.heal();
    let head = world.entries().await.remove(0);
    let of_head = Filter::entry(head.id.clone());
    match &head.original {
        Body::Record(record) => {
            let value = Some(Bytes::from_static(&[0xff]));
            let garbage = Record { key: record.key.clone(), value, ..Record::default() };
            assert_eq!(world.answers(&of_head, Act::Edit(Body::Record(garbage))).await, [Answer::Done(1)]);
            assert_eq!(world.answers(&world.all_of_it(), REDRIVE).await, [Answer::FailedAgain(0)]);
            let letters = world.letters("workers").await;
            let causes: Vec<_> = letters.iter().map(|letter| letter.death.cause).collect();
            assert_eq!(causes, [DeathCause::Undecodable]);
        }
        // Where nothing is decoded, a record is no edit of an event.
        Body::Event(_) => {
            let refused = world.ask(&of_head, Act::Edit(Body::Record(Record::default())), false).await;
            assert!(
                matches!(&refused, Err(DeskError::Invalid(said)) if said.field() == "edit"),
                "{refused:?}"
            );
        }
    }
    assert_eq!(journal.done(), 0, "its follower waits");
    let good = head.original;
    assert_eq!(world.answers(&of_head, Act::Edit(good)).await, [Answer::Done(1)]);
    assert_eq!(world.answers(&world.all_of_it(), REDRIVE).await, [Answer::Done(2)]);
    world.close(&bus).await;
    journal.must_be_in_order();
}
