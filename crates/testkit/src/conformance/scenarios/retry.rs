//! Failures: tried again in order, classified, told.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use laneway_application::consume::Hooks;
use laneway_application::policy::{Classifier, FailureKind, Next, RetryPolicy};
use laneway_domain::{ErrorClass, HandlerError};

use super::super::adapter::Needs;
use super::super::journal::{What, number_of};
use super::super::lab::Lab;
use super::super::said::{NotToday, braid, failure, names, series};

pub(crate) async fn a_failed_event_is_handled_again_before_its_followers(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal) = (world.bus(), world.journal());
    let handler = journal.handler(|event, attempt| async move {
        if number_of(&event) == 2 && attempt < 3 { Err(failure()) } else { Ok(()) }
    });
    let subscription = world.subscribe(&bus, world.options("workers"), handler).await;
    world.publish(&bus, series(&world.topic(), "a", 3)).await;
    world.until_done(&journal, 3).await;
    world.close(&bus).await;
    journal.must_be_in_order();
    let attempts: Vec<_> =
        journal.lines().iter().filter(|line| line.number == 2).map(|l| l.attempt).collect();
    assert_eq!(attempts, [1, 1, 2, 2, 3, 3], "start and end of three attempts");
    assert_eq!((subscription.stats().retries, subscription.stats().handled), (2, 3));
}

pub(crate) async fn others_go_on_while_a_failed_event_waits(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal, all) = (world.bus(), world.journal(), names(20));
    let handler = journal.handler(|event, attempt| async move {
        let sick = event.aggregate().is_some_and(|id| id.as_str() == "aggregate-0") && number_of(&event) == 1;
        if sick && attempt == 1 { Err(failure()) } else { Ok(()) }
    });
    let mut options = world.options("workers");
    let wait = Duration::from_millis(500);
    options.retry = RetryPolicy { initial_interval: wait, max_interval: wait, jitter: 0.0, ..options.retry };
    let began = world.now();
    world.subscribe(&bus, options, handler).await;
    world.publish(&bus, braid(&world.topic(), &all, 10)).await;
    world.until_done(&journal, 19 * 10).await;
    assert_eq!(journal.count(What::Failed), 1);
    assert!(!journal.has(What::Started, "aggregate-0", 2), "followers wait behind their head");
    world.until_done(&journal, 200).await;
    assert!(world.now().since(began) >= wait, "the wait was kept");
    world.close(&bus).await;
    journal.must_be_in_order();
    journal.must_hold_all(&all, 10);
}

pub(crate) async fn a_panic_is_a_failed_attempt(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal, all) = (world.bus(), world.journal(), names(5));
    let handler = journal.handler(|event, attempt| async move {
        assert!(number_of(&event) != 2 || attempt > 1, "a handler panics, as the scenario wants");
        Ok(())
    });
    let subscription = world.subscribe(&bus, world.options("workers"), handler).await;
    world.publish(&bus, braid(&world.topic(), &all, 4)).await;
    world.until_done(&journal, 20).await;
    world.close(&bus).await;
    journal.must_be_in_order();
    journal.must_hold_all(&all, 4);
    assert_eq!((journal.count(What::Panicked), subscription.stats().retries), (5, 5));
}

pub(crate) async fn hooks_hear_of_every_failure_and_what_comes_next(lab: Lab) {
    type Heard = (u64, u32, FailureKind, bool);
    let world = lab.world(Needs::default()).await;
    let (bus, journal) = (world.bus(), world.journal());
    let heard: Arc<Mutex<Vec<Heard>>> = Arc::default();
    let [again, never] = [heard.clone(), heard.clone()];
    let note = |heard: &Mutex<Vec<Heard>>, number, attempt, kind, goes_on| {
        heard.lock().unwrap_or_else(PoisonError::into_inner).push((number, attempt, kind, goes_on));
    };
    let number = |payload: Option<&[u8]>| payload.map_or(0, |bytes| u64::from(bytes[0] - b'0'));
    let mut options = world.options("workers");
    options.retry.max_retries = 1;
    options.hooks = Hooks::default()
        .on_retryable(move |failed| {
            let payload = failed.event.map(|event| &**event.payload());
            let goes_on = matches!(failed.next, Next::After(_));
            note(&again, number(payload), failed.attempt, failed.failure.kind, goes_on);
        })
        .on_fatal(move |failed| {
            let payload = failed.event.map(|event| &**event.payload());
            note(&never, number(payload), failed.attempt, failed.failure.kind, false);
        });
    let handler = journal.handler(|event, _| async move {
        match number_of(&event) {
            1 => Err(failure()),
            2 => Err(HandlerError::fatal(NotToday)),
            _ => Ok(()),
        }
    });
    world.subscribe(&bus, options, handler).await;
    world.publish(&bus, series(&world.topic(), "a", 3)).await;
    world.until_done(&journal, 1).await;
    world.close(&bus).await;
    let kind = FailureKind::Error;
    let heard = heard.lock().unwrap_or_else(PoisonError::into_inner).clone();
    assert_eq!(heard, [(1, 1, kind, true), (1, 2, kind, false), (2, 1, kind, false)]);
}

pub(crate) async fn an_error_that_its_handler_calls_fatal_is_not_tried_again(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal) = (world.bus(), world.journal());
    let handler = journal.handler(|event, _| async move {
        if number_of(&event) == 1 { Err(HandlerError::fatal(NotToday)) } else { Ok(()) }
    });
    world.subscribe(&bus, world.options("workers"), handler).await;
    world.publish(&bus, series(&world.topic(), "a", 2)).await;
    world.until_done(&journal, 1).await;
    world.close(&bus).await;
    assert_eq!(journal.of("a"), [(What::Started, 1), (What::Failed, 1), (What::Started, 2), (What::Done, 2)]);
}

pub(crate) async fn the_classifier_decides_by_type(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal) = (world.bus(), world.journal());
    let mut options = world.options("workers");
    options.classifier = Classifier::new().on::<NotToday>(|_| ErrorClass::Fatal);
    let handler = journal.handler(|event, attempt| async move {
        match (number_of(&event), attempt) {
            (1, _) => Err(failure()),
            (2, 1) => Err(std::io::Error::other("of another type").into()),
            _ => Ok(()),
        }
    });
    let subscription = world.subscribe(&bus, options, handler).await;
    world.publish(&bus, series(&world.topic(), "a", 2)).await;
    world.until_done(&journal, 1).await;
    world.close(&bus).await;
    let stats = subscription.stats();
    assert_eq!((stats.retries, stats.dead_letters, stats.handled), (1, 1, 1));
    assert_eq!(journal.times(What::Started, "a", 1), 1, "fatal by its type");
    assert_eq!(journal.times(What::Started, "a", 2), 2, "of another type, and tried again");
}
