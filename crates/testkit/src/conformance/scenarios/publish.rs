//! The path down: answers, limits, and a broker that is full.

use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;

use laneway_domain::{Envelope, EventId, PublishError, PublishFault};

use super::super::adapter::{Needs, WhenFull};
use super::super::journal::{What, number_of};
use super::super::lab::Lab;
use super::super::latch::Latch;
use super::super::member::Member;
use super::super::said::{braid, event, given, names, series, sure};

pub(crate) async fn a_batch_is_answered_per_event_and_in_its_order(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, all) = (world.bus(), names(10));
    assert!(bus.publish_batch(Vec::new()).await.is_empty());
    let receipts = world.publish(&bus, braid(&world.topic(), &all, 5)).await;
    assert_eq!(receipts.len(), 50);
    for (at, receipt) in receipts.iter().enumerate() {
        let first = &receipts[at % 10];
        assert_eq!(receipt.partition, first.partition, "an aggregate stays in its partition");
        let same = receipts[..at].iter().rfind(|before| before.partition == receipt.partition);
        assert!(same.is_none_or(|before| before.position <= receipt.position), "{same:?} {receipt:?}");
    }
    let ids: std::collections::BTreeSet<_> = receipts.iter().map(|receipt| receipt.id).collect();
    assert_eq!(ids.len(), 50, "each event has an id of its own");
    assert_eq!(bus.published(), (50, 0));
}

pub(crate) async fn an_event_id_may_be_published_again(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal) = (world.bus(), world.journal());
    let id = given("id", EventId::new(uuid::Uuid::from_u128(77)));
    let again = || event(&world.topic(), "a", 1).with_id(id);
    for _ in 0..2 {
        assert_eq!(world.publish(&bus, vec![again()]).await[0].id, id);
    }
    world.publish(&bus, vec![event(&world.topic(), "a", 2)]).await;
    world.subscribe(&bus, world.options("readers"), journal.plain()).await;
    world.until("the event behind them is handled", || journal.has(What::Done, "a", 2)).await;
    world.close(&bus).await;
    let stored = if lab.capabilities().publisher.deduplicates { 1 } else { 2 };
    assert_eq!(journal.times(What::Done, "a", 1), stored);
}

pub(crate) async fn an_event_of_the_greatest_size_passes_and_one_byte_more_is_rejected(lab: Lab) {
    let world = lab.world(Needs { max_event_bytes: Some(4_096), ..Needs::default() }).await;
    let (bus, journal) = (world.bus(), world.journal());
    let most = world.adapter().publisher.capabilities().max_bytes;
    let of_size = |size: usize| {
        let headers = "name".len() + "value".len();
        let event = Envelope::new(world.topic(), vec![b'7'; size - headers]);
        event.with_header("name", Some("value".into()))
    };
    assert_eq!(of_size(most).size(), most);
    let handler = journal.handler(move |event, _| async move {
        assert_eq!(event.size(), most);
        Ok(())
    });
    world.subscribe(&bus, world.options("readers"), handler).await;
    let refused = bus.publish(of_size(most + 1)).await;
    let error = given("refusal", refused.err());
    assert_eq!((error.fault(), error.is_retryable()), (PublishFault::Rejected, false));
    let words = error.to_string();
    assert!(words.contains(&most.to_string()) && words.contains(&(most + 1).to_string()), "{words}");
    world.publish(&bus, vec![of_size(most)]).await;
    world.until_done(&journal, 1).await;
    world.close(&bus).await;
    assert_eq!(journal.count(What::Started), 1);
}

pub(crate) async fn an_invalid_event_is_rejected_and_its_followers_stay_behind(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal, topic) = (world.bus(), world.journal(), world.topic());
    world.subscribe(&bus, world.options("readers"), journal.plain()).await;
    let batch = vec![
        event(&topic, "a", 1),
        event(&topic, "a", 2).with_schema_version(0),
        event(&topic, "b", 1),
        event(&topic, "a", 3),
        event(&topic, "b", 2),
    ];
    let answers = bus.publish_batch(batch).await;
    let faults: Vec<_> =
        answers.iter().map(|answer| answer.as_ref().err().map(PublishError::fault)).collect();
    let [rejected, behind] = [PublishFault::Rejected, PublishFault::Behind].map(Some);
    assert_eq!(faults, [None, rejected, None, behind, None]);
    assert!(answers[3].as_ref().is_err_and(PublishError::is_retryable));
    let words = answers[1].as_ref().map_or_else(ToString::to_string, |_| String::new());
    assert!(words.contains("schema_version") && words.contains("at least 1"), "{words}");
    world.until_done(&journal, 3).await;
    world.close(&bus).await;
    assert!(journal.has(What::Done, "a", 1) && journal.has(What::Done, "b", 2));
    assert_eq!(journal.count(What::Started), 3);
}

/// A broker of one partition that is soon full.
fn small(publish_wait: Duration) -> Needs {
    Needs { partitions: 1, keep: Some(20), when_full: WhenFull::Wait, publish_wait, ..Needs::default() }
}

pub(crate) async fn a_full_broker_makes_publishing_wait_and_then_says_busy(lab: Lab) {
    let wait = Duration::from_millis(200);
    let world = lab.world(small(wait)).await;
    let (bus, journal, latch, topic) = (world.bus(), world.journal(), Latch::shut(), world.topic());
    world.subscribe(&bus, world.options("workers"), journal.behind(&latch)).await;
    world.publish(&bus, vec![event(&topic, "a", 1)]).await;
    world.until("its handler runs", || journal.count(What::Started) == 1).await;
    let mut last = 1;
    let (busy, took) = loop {
        let began = world.now();
        match bus.publish(event(&topic, "a", last + 1)).await {
            Ok(_) => last += 1,
            Err(error) => break (error, world.now().since(began)),
        }
        assert!(last <= 100, "a broker that keeps 20 events takes more than 100");
    };
    assert_eq!((busy.fault(), busy.is_retryable()), (PublishFault::Busy, true));
    assert!(took >= wait, "it waited only {took:?}");
    latch.open();
    world.until_done(&journal, usize::try_from(last).unwrap_or(usize::MAX)).await;
    world.publish(&bus, vec![event(&topic, "a", last + 1)]).await;
    world.until_done(&journal, usize::try_from(last + 1).unwrap_or(usize::MAX)).await;
    world.close(&bus).await;
    journal.must_be_in_order();
    journal.must_hold_nothing_twice();
}

pub(crate) async fn publishing_that_waits_for_room_goes_on_when_there_is_some(lab: Lab) {
    let world = lab.world(small(Duration::from_secs(20))).await;
    let (bus, journal, latch) = (world.bus(), world.journal(), Latch::shut());
    world.subscribe(&bus, world.options("workers"), journal.behind(&latch)).await;
    let publishing = tokio::spawn({
        let (world, bus) = (world.clone(), bus.clone());
        async move { world.publish(&bus, series(&world.topic(), "a", 100)).await }
    });
    world.until("a handler runs", || journal.count(What::Started) == 1).await;
    assert!(!publishing.is_finished(), "a hundred events do not fit");
    latch.open();
    assert_eq!(sure("publishing", publishing.await).len(), 100);
    world.until_done(&journal, 100).await;
    world.close(&bus).await;
    journal.must_be_in_order();
    journal.must_hold_all(&["a".to_owned()], 100);
}

pub(crate) async fn a_handler_that_publishes_into_its_own_full_topic_does_not_stop_it(lab: Lab) {
    const LAST: u64 = 200;
    let world = lab.world(small(Duration::from_secs(2))).await;
    let (bus, journal) = (world.bus(), world.journal());
    // Set once the bus exists: a handler cannot own the bus that owns it.
    let own: Arc<OnceLock<Member>> = Arc::default();
    sure("the bus", own.set(bus.clone()).map_err(drop));
    let handler = journal.handler(move |handled, _| {
        let own = own.clone();
        async move {
            let Some(bus) =
                own.get().filter(|_| handled.aggregate().is_some_and(|id| id.as_str() == "cause"))
            else {
                return Ok(());
            };
            bus.publish(event(handled.topic(), "effect", number_of(&handled))).await?;
            Ok(())
        }
    });
    let mut options = world.options("workers");
    options.retry.max_retries = 1_000;
    world.subscribe(&bus, options, handler).await;
    for number in 1..=LAST {
        while let Err(error) = bus.publish(event(&world.topic(), "cause", number)).await {
            assert_eq!(error.fault(), PublishFault::Busy, "{error}");
        }
    }
    world.until("every effect is handled", || journal.has(What::Done, "effect", LAST)).await;
    world.close(&bus).await;
    journal.must_be_in_order();
    journal.must_hold_all(&["cause".to_owned(), "effect".to_owned()], LAST);
}

pub(crate) async fn publishing_that_is_given_up_while_it_waits_stands_in_nobodys_way(lab: Lab) {
    let world = lab.world(small(Duration::from_secs(20))).await;
    let (bus, journal, latch, topic) = (world.bus(), world.journal(), Latch::shut(), world.topic());
    world.subscribe(&bus, world.options("workers"), journal.behind(&latch)).await;
    let giving_up = names(10).into_iter().map(|name| {
        let (bus, events) = (bus.clone(), series(&topic, &name, 50));
        tokio::spawn(async move { bus.publish_batch(events).await })
    });
    let giving_up: Vec<_> = giving_up.collect();
    world.until("a handler runs", || journal.count(What::Started) > 0).await;
    for publishing in giving_up {
        publishing.abort();
        assert!(publishing.await.is_err(), "fifty events do not fit");
    }
    let publishing = tokio::spawn({
        let (world, bus) = (world.clone(), bus.clone());
        async move { world.publish(&bus, series(&world.topic(), "patient", 50)).await }
    });
    latch.open();
    sure("publishing", publishing.await);
    world.until("all of the patient one is handled", || journal.has(What::Done, "patient", 50)).await;
    world.close(&bus).await;
    journal.must_be_in_order();
}
