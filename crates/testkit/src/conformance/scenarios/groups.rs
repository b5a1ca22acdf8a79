//! Groups: members share, groups do not; where a group starts.

use laneway_application::consume::SubscriptionError;
use laneway_domain::StartFrom;

use super::super::adapter::Needs;
use super::super::journal::What;
use super::super::lab::Lab;
use super::super::latch::Latch;
use super::super::said::{braid, event, names, series};

pub(crate) async fn members_of_one_group_handle_each_event_once(lab: Lab) {
    let world = lab.world(Needs::partitions(6)).await;
    let (journal, all) = (world.journal(), names(60));
    let buses = [world.bus(), world.bus(), world.bus()];
    let mut members = Vec::new();
    for (number, bus) in (0..).zip(&buses) {
        members.push(world.subscribe(bus, world.options("workers"), journal.of_bus(number)).await);
    }
    let each_has_two = || members.iter().all(|member| member.stats().partitions == 2);
    world.until("each member has two of six partitions", each_has_two).await;
    world.publish(&buses[0], braid(&world.topic(), &all, 20)).await;
    world.until_done(&journal, 60 * 20).await;
    for bus in &buses {
        world.close(bus).await;
    }
    journal.must_be_in_order();
    journal.must_hold_all(&all, 20);
    journal.must_hold_nothing_twice();
    let busy: std::collections::BTreeSet<_> = journal.lines().into_iter().map(|line| line.bus).collect();
    assert_eq!(busy.len(), 3, "every member took part");
}

pub(crate) async fn two_groups_each_handle_every_event(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, all) = (world.bus(), names(20));
    let journals = [world.journal(), world.journal()];
    for (group, journal) in ["billing", "shipping"].into_iter().zip(&journals) {
        world.subscribe(&bus, world.options(group), journal.plain()).await;
    }
    world.publish(&bus, braid(&world.topic(), &all, 10)).await;
    for journal in &journals {
        world.until_done(journal, 200).await;
    }
    world.close(&bus).await;
    for journal in &journals {
        journal.must_be_in_order();
        journal.must_hold_all(&all, 10);
        journal.must_hold_nothing_twice();
    }
}

pub(crate) async fn one_subscription_reads_several_topics(lab: Lab) {
    let world = lab.world(Needs { topics: 3, ..Needs::default() }).await;
    let (bus, journal) = (world.bus(), world.journal());
    let mut options = world.options("workers");
    options.topics = (0..3).map(|at| world.topic_at(at)).collect();
    world.subscribe(&bus, options, journal.plain()).await;
    for at in 0..3 {
        let names = [format!("aggregate-{at}")];
        world.publish(&bus, braid(&world.topic_at(at), &names, 10)).await;
    }
    world.until_done(&journal, 30).await;
    world.close(&bus).await;
    journal.must_be_in_order();
    journal.must_hold_all(&names(3), 10);
}

pub(crate) async fn a_subscription_before_the_first_publish_misses_nothing(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal) = (world.bus(), world.journal());
    let subscription = world.subscribe(&bus, world.options("early"), journal.plain()).await;
    world.until("it has its partitions", || subscription.stats().partitions > 0).await;
    world.publish(&bus, series(&world.topic(), "a", 10)).await;
    world.until_done(&journal, 10).await;
    world.close(&bus).await;
    journal.must_be_in_order();
    journal.must_hold_nothing_twice();
}

pub(crate) async fn a_new_group_starts_with_the_oldest_event(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, all) = (world.bus(), names(10));
    world.publish(&bus, braid(&world.topic(), &all, 5)).await;
    for group in ["first", "second"] {
        let journal = world.journal();
        world.subscribe(&bus, world.options(group), journal.plain()).await;
        world.until_done(&journal, 50).await;
        journal.must_be_in_order();
        journal.must_hold_all(&all, 5);
    }
    world.close(&bus).await;
}

pub(crate) async fn a_group_that_starts_latest_handles_what_comes_and_nothing_before(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal, topic) = (world.bus(), world.journal(), world.topic());
    world.publish(&bus, series(&topic, "before", 10)).await;
    let mut options = world.options("late");
    options.start = StartFrom::Latest;
    let subscription = world.subscribe(&bus, options.clone(), journal.plain()).await;
    world.until("it has its partitions", || subscription.stats().partitions > 0).await;
    world.publish(&bus, series(&topic, "after", 10)).await;
    world.until_done(&journal, 10).await;
    // The start was committed: a second membership goes on, and does not start latest again.
    world.close(&bus).await;
    let bus = world.bus();
    world.publish(&bus, vec![event(&topic, "after", 11)]).await;
    world.subscribe(&bus, options, journal.plain()).await;
    world.until_done(&journal, 11).await;
    world.close(&bus).await;
    journal.must_be_in_order();
    journal.must_hold_all(&["after".to_owned()], 11);
}

pub(crate) async fn a_group_that_starts_at_a_time_handles_what_was_appended_since(lab: Lab) {
    let world = lab.world(Needs::partitions(1)).await;
    let (bus, journal, topic) = (world.bus(), world.journal(), world.topic());
    world.publish(&bus, series(&topic, "before", 10)).await;
    let before = world.clock().wall();
    // Some brokers take the time in milliseconds.
    world
        .until("a few milliseconds have passed", || world.clock().wall().since(before).as_millis() > 4)
        .await;
    let mut options = world.options("since");
    options.start = StartFrom::At(world.clock().wall());
    world.until("a few more have passed", || world.clock().wall().since(before).as_millis() > 8).await;
    world.publish(&bus, series(&topic, "after", 10)).await;
    world.subscribe(&bus, options, journal.plain()).await;
    world.until_done(&journal, 10).await;
    world.close(&bus).await;
    journal.must_be_in_order();
    journal.must_hold_all(&["after".to_owned()], 10);
}

pub(crate) async fn a_slow_group_does_not_hold_a_fast_one_back(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, all, latch) = (world.bus(), names(20), Latch::shut());
    let (fast, slow) = (world.journal(), world.journal());
    world.subscribe(&bus, world.options("slow"), slow.behind(&latch)).await;
    world.subscribe(&bus, world.options("fast"), fast.plain()).await;
    world.publish(&bus, braid(&world.topic(), &all, 50)).await;
    world.until_done(&fast, 1_000).await;
    assert_eq!(slow.count(What::Done), 0);
    latch.open();
    world.until_done(&slow, 1_000).await;
    world.close(&bus).await;
    [fast, slow].iter().for_each(super::super::journal::Journal::must_be_in_order);
}

pub(crate) async fn a_second_subscription_of_one_group_and_topic_is_refused(lab: Lab) {
    let world = lab.world(Needs { topics: 2, ..Needs::default() }).await;
    let (bus, journal) = (world.bus(), world.journal());
    let first = world.subscribe(&bus, world.options("workers"), journal.plain()).await;
    let mut both = world.options("workers");
    both.topics = vec![world.topic_at(1), world.topic()];
    let refused = bus.subscribe(both, journal.plain()).await;
    assert!(
        matches!(&refused, Err(SubscriptionError::Twice { topic, .. }) if *topic == world.topic()),
        "{refused:?}"
    );
    let mut other = world.options("workers");
    other.topics = vec![world.topic_at(1)];
    world.subscribe(&bus, other, journal.plain()).await;
    first.close(std::time::Duration::from_secs(5)).await;
    world.subscribe(&bus, world.options("workers"), journal.plain()).await;
    world.publish(&bus, series(&world.topic(), "a", 5)).await;
    world.until_done(&journal, 5).await;
    world.close(&bus).await;
}
