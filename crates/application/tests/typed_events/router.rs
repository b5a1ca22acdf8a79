//! Types, filters, and the rule for what is unknown.

use std::sync::atomic::{AtomicU32, Ordering};

use laneway_application::route::{EventRouter, EventRouterBuilder, State, Typed, Unknown};
use laneway_domain::{DeathCause, Envelope, Event, EventType, HandlerError};

use super::scene::{Notes, PLACED, Placed, Shipped, TOPIC, placed, run, shipped};

async fn note_placed(placed: Typed<Placed>, notes: State<Notes>) -> Result<(), HandlerError> {
    notes.0.add(format!("placed {}", placed.0.order));
    Ok(())
}

async fn note_shipped(shipped: Typed<Shipped>, notes: State<Notes>) -> Result<(), HandlerError> {
    notes.0.add(format!("shipped {}", shipped.0.order));
    Ok(())
}

async fn note_any(event: Event, notes: State<Notes>) -> Result<(), HandlerError> {
    notes.0.add(format!("any v{}", event.schema_version()));
    Ok(())
}

fn notes() -> (Notes, EventRouterBuilder<Notes>) {
    let notes = Notes::default();
    (notes.clone(), EventRouter::with_state(notes).on("placed", note_placed))
}

fn cancelled() -> Envelope {
    Envelope::new(TOPIC, "{}").with_event_type(EventType::from_static("order.cancelled"))
}

#[tokio::test]
async fn an_event_goes_to_the_handlers_of_its_type() {
    let (notes, router) = notes();
    let router = router.on("shipped", note_shipped).on_type(PLACED, "audit", note_any).build().unwrap();
    assert_eq!(router.names().collect::<Vec<_>>(), ["placed", "shipped", "audit"]);
    assert_eq!(run(router, [placed(1), shipped(1)]).await.ended(), (2, 0, 0));
    let mut noted = notes.all();
    noted.sort();
    assert_eq!(noted, ["any v2", "placed 1", "shipped 1"]);
}

#[tokio::test]
async fn a_raw_handler_takes_every_version_or_exactly_one() {
    let notes = Notes::default();
    let every = EventRouter::with_state(notes.clone()).on_type(PLACED, "every", note_any).build().unwrap();
    let versions = || [1, 2, 7].map(|version| placed(1).with_schema_version(version));
    assert_eq!(run(every, versions()).await.ended(), (3, 0, 0));
    assert_eq!(notes.all(), ["any v1", "any v2", "any v7"]);
    let one = EventRouter::with_state(notes).on_version((PLACED, 7), "one", note_any).build().unwrap();
    let outcome = run(one, versions()).await;
    assert_eq!(outcome.ended(), (1, 0, 2));
    assert_eq!(outcome.letters[0].death.errors, ["order.placed v1 is of an unknown version; known are [7]"]);
}

#[tokio::test]
async fn an_unknown_type_is_a_dead_letter_unless_it_is_skipped_or_repeated() {
    let rule = |unknown| notes().1.unknown(unknown).build().unwrap();
    let dead = run(notes().1.build().unwrap(), [cancelled(), placed(1)]).await;
    assert_eq!(dead.ended(), (1, 0, 1));
    let letter = dead.letter_of(&cancelled());
    assert_eq!((letter.death.cause, letter.death.attempts), (DeathCause::Fatal, 1));
    assert_eq!(letter.death.errors, ["no handler takes events of type order.cancelled"]);

    assert_eq!(run(rule(Unknown::Skip), [cancelled(), placed(1)]).await.ended(), (2, 0, 0));

    let failed = run(rule(Unknown::Fail), [cancelled(), placed(1)]).await;
    assert_eq!(failed.ended(), (1, 3, 1));
    let letter = failed.letter_of(&cancelled());
    assert_eq!((letter.death.cause, letter.death.attempts), (DeathCause::Exhausted, 4));
}

#[tokio::test]
async fn an_event_without_a_type_is_of_unknown_type() {
    let bare = Envelope::new(TOPIC, "{}");
    let outcome = run(notes().1.build().unwrap(), [bare.clone()]).await;
    assert_eq!(outcome.letter_of(&bare).death.errors, ["no handler takes events that name no type"]);
}

#[tokio::test]
async fn an_unknown_version_is_a_dead_letter_whatever_the_rule_and_no_handler_runs() {
    let (notes, router) = notes();
    let router = router.on_type(PLACED, "audit", note_any).unknown(Unknown::Skip).build().unwrap();
    let newer = placed(1).with_schema_version(3);
    let outcome = run(router, [newer.clone()]).await;
    let letter = outcome.letter_of(&newer);
    assert_eq!(letter.death.cause, DeathCause::Fatal);
    assert_eq!(letter.death.errors, ["order.placed v3 is of an unknown version; known are [2]"]);
    assert_eq!(notes.all(), [""; 0]);
}

#[tokio::test]
async fn a_filtered_event_is_acknowledged_and_not_handled() {
    let (notes, router) = notes();
    let live = |event: &Envelope| event.headers().first("test").is_none();
    let router = router.filter("live", live).build().unwrap();
    let test = |event: Envelope| event.with_header("test", None);
    assert_eq!(run(router, [placed(1), test(placed(2)), test(cancelled())]).await.ended(), (3, 0, 0));
    assert_eq!(notes.all(), ["placed 1"]);
}

#[tokio::test]
async fn a_filter_that_panics_is_a_failed_attempt_that_names_it() {
    let (notes, router) = notes();
    let asked = AtomicU32::new(0);
    let twice = move |_: &Envelope| {
        assert!(asked.fetch_add(1, Ordering::Relaxed) >= 2, "not now");
        true
    };
    let outcome = run(router.filter("twice", twice).build().unwrap(), [placed(1)]).await;
    assert_eq!((outcome.ended(), notes.all()), ((1, 2, 0), vec!["placed 1".to_owned()]));
    assert_eq!(outcome.failures, ["the filter `twice` panicked: not now"; 2]);
}
