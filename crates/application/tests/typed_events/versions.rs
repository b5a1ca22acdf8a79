//! Events of older versions, on their way up.

use laneway_application::route::{EventRouter, State, Typed, Upcasters, typed};
use laneway_derive::DomainEvent;
use laneway_domain::{DeathCause, DomainEvents, Envelope, Event, EventKind, EventType, HandlerError};
use serde::{Deserialize, Serialize};

use super::scene::{Notes, PLACED, Placed, TOPIC, placed, run};

#[derive(Serialize, Deserialize, DomainEvent)]
#[event(type = "order.placed", version = 1, aggregate = "id", topic = "orders", crate = laneway_domain)]
struct First {
    id: u64,
}

#[derive(Serialize, Deserialize, DomainEvent)]
#[event(type = "order.placed", version = 3, aggregate = "order", crate = laneway_domain)]
struct Third {
    order: u64,
    cents: u64,
}

fn first(id: u64) -> Envelope {
    First { id }.envelope().unwrap()
}

/// From the first version to the second by types, to the third by JSON.
fn upcasters() -> Upcasters {
    Upcasters::builder()
        .typed(|First { id }| if id == 13 { Err("unlucky")? } else { Ok(Placed { order: id, total: 7 }) })
        .step((PLACED, 2), (PLACED, 3), |mut json| {
            assert_ne!(json["order"], 666, "a devil");
            json["cents"] = (json["total"].as_u64().ok_or("no total")? * 100).into();
            Ok(json)
        })
        .build()
        .unwrap()
}

async fn third(placed: Typed<Third>) -> Result<(), HandlerError> {
    match placed.0.cents {
        700 | 500 => Ok(()),
        cents => Err(HandlerError::fatal(format!("{cents} cents of order {}", placed.0.order))),
    }
}

#[tokio::test]
async fn an_older_event_is_brought_up_and_a_current_one_is_left_alone() {
    let current = Third { order: 3, cents: 500 }.envelope_for(TOPIC).unwrap();
    let outcome = run(typed(third).upcasters(upcasters()), [first(1), placed(2), current]).await;
    assert_eq!(outcome.ended(), (3, 0, 0), "{:?}", outcome.failures);
}

#[tokio::test]
async fn an_upcaster_that_fails_panics_or_meets_nonsense_makes_a_dead_letter_as_it_came() {
    let nonsense = first(1);
    let nonsense = Envelope::new(TOPIC, "{").with_event_type(nonsense.event_type().unwrap().clone());
    for (event, errors) in [
        (first(13), &["the upcaster from order.placed v1 to order.placed v2 failed", "unlucky"][..]),
        (first(666), &["the upcaster from order.placed v2 to order.placed v3 panicked: assertion"]),
        (nonsense, &["the payload of a order.placed v1 is no JSON", "EOF while parsing"]),
    ] {
        let outcome = run(typed(third).upcasters(upcasters()), [event.clone()]).await;
        let letter = outcome.letter_of(&event);
        assert_eq!((letter.death.cause, letter.death.attempts), (DeathCause::Fatal, 1));
        assert_eq!(letter.death.errors.len(), errors.len());
        for (said, expected) in letter.death.errors.iter().zip(errors) {
            assert!(said.starts_with(expected), "{:?}", letter.death.errors);
        }
    }
}

#[tokio::test]
async fn a_version_that_nothing_leads_up_from_is_a_dead_letter() {
    for version in [4, u32::MAX] {
        let newer = placed(1).with_schema_version(version);
        let outcome = run(typed(third).upcasters(upcasters()), [newer.clone()]).await;
        let said = format!("order.placed v{version} is of an unknown version; known are [3]");
        assert_eq!(outcome.letter_of(&newer).death.errors, [said]);
    }
}

async fn note_first(event: Event, notes: State<Notes>) -> Result<(), HandlerError> {
    notes.0.add(format!("raw v{}", event.schema_version()));
    Ok(())
}

async fn note_second(placed: Typed<Placed>, notes: State<Notes>) -> Result<(), HandlerError> {
    notes.0.add(format!("second {}", placed.0.total));
    Ok(())
}

async fn note_third(third: Typed<Third>, notes: State<Notes>) -> Result<(), HandlerError> {
    notes.0.add(format!("third {}", third.0.cents));
    Ok(())
}

#[tokio::test]
async fn each_handler_takes_its_version_on_the_way_up() {
    for (event, expected) in [
        (first(1), &["raw v1", "second 7", "third 700"][..]),
        (placed(2), &["second 5", "third 500"]),
        (Third { order: 3, cents: 9 }.envelope_for(TOPIC).unwrap(), &["third 9"]),
    ] {
        let notes = Notes::default();
        let router = EventRouter::with_state(notes.clone())
            .on("third", note_third)
            .on_version((PLACED, 1), "raw", note_first)
            .on("second", note_second)
            .upcasters(upcasters());
        assert_eq!(run(router.build().unwrap(), [event]).await.ended(), (1, 0, 0));
        assert_eq!(notes.all(), expected);
    }
}

#[tokio::test]
async fn a_failing_upcaster_stops_only_those_above_it() {
    let notes = Notes::default();
    let router = EventRouter::with_state(notes.clone())
        .on("third", note_third)
        .on_version((PLACED, 1), "raw", note_first)
        .on("second", note_second)
        .upcasters(upcasters());
    let outcome = run(router.build().unwrap(), [first(666)]).await;
    let letter = outcome.letter_of(&first(666));
    assert_eq!((letter.death.cause, &*letter.death.errors[0]), (DeathCause::Fatal, "`third` failed"));
    assert_eq!(notes.all(), ["raw v1", "second 7"]);
}

#[tokio::test]
async fn an_event_that_was_renamed_is_handled_under_its_new_name() {
    const OLD: EventType = EventType::from_static("order.accepted");
    let renamed = Upcasters::builder().step((OLD, 9), EventKind::of::<Placed>(), Ok).build().unwrap();
    let notes = Notes::default();
    let router = EventRouter::with_state(notes.clone()).on("second", note_second).upcasters(renamed);
    let old = placed(1).with_event_type(OLD).with_schema_version(9);
    assert_eq!(run(router.build().unwrap(), [old]).await.ended(), (1, 0, 0));
    assert_eq!(notes.all(), ["second 5"]);
}
