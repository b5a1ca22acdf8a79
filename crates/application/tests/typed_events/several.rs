//! Several handlers for one event: what succeeded is not repeated.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use laneway_application::route::{Attempt, EventRouter, State, Typed};
use laneway_domain::{
    DeathCause, DomainEvents, Envelope, ErrorClass, Event, GroupId, Handler, HandlerContext, HandlerError,
    HandlerMask, PartitionNumber, Position, Received, Run, Timestamp,
};

use super::scene::{Notes, PLACED, Placed, placed, run};

type Answer = Result<(), HandlerError>;

async fn well(_: Typed<Placed>, notes: State<Notes>) -> Answer {
    notes.0.add("well");
    Ok(())
}

/// Fails at the first two attempts.
async fn later(_: Typed<Placed>, attempt: Attempt, notes: State<Notes>) -> Answer {
    notes.0.add("later");
    if attempt.0 > 2 { Ok(()) } else { Err(HandlerError::retryable("not yet")) }
}

/// Panics at the first attempt.
async fn shaky(_: Typed<Placed>, attempt: Attempt, notes: State<Notes>) -> Answer {
    notes.0.add("shaky");
    assert!(attempt.0 > 1, "a panic");
    Ok(())
}

async fn never(_: Event, notes: State<Notes>) -> Answer {
    notes.0.add("never");
    Err(HandlerError::fatal("no"))
}

#[tokio::test]
async fn another_attempt_is_for_those_alone_that_failed() {
    let notes = Notes::default();
    let router = EventRouter::with_state(notes.clone());
    let router = router.on("a", well).on("b", later).on("c", shaky).on("d", well).build().unwrap();
    let outcome = run(router, [placed(1)]).await;
    assert_eq!(outcome.ended(), (1, 2, 0));
    assert_eq!(notes.all(), ["well", "later", "shaky", "well", "later", "shaky", "later"]);
    let first = "`b` failed: not yet; `c` failed: panic: a panic: not yet";
    assert_eq!(outcome.failures, [first, "`b` failed: not yet"]);
}

#[tokio::test]
async fn a_retry_that_panics_or_fails_otherwise_leaves_those_due_that_were() {
    let notes = Notes::default();
    async fn breaks(_: Typed<Placed>, attempt: Attempt, notes: State<Notes>) -> Answer {
        notes.0.add("breaks");
        match attempt.0 {
            1 => Err(HandlerError::retryable("first")),
            2 => panic!("second"),
            3 => Err(std::fmt::Error.into()),
            _ => Ok(()),
        }
    }
    let router = EventRouter::with_state(notes.clone()).on("a", well).on("b", breaks).build().unwrap();
    assert_eq!(run(router, [placed(1)]).await.ended(), (1, 3, 0));
    assert_eq!((notes.count("well"), notes.count("breaks")), (1, 4));
}

#[tokio::test]
async fn one_that_never_can_waits_for_one_that_may_and_then_the_event_dies() {
    let notes = Notes::default();
    let router = EventRouter::with_state(notes.clone());
    let router = router.on_type(PLACED, "n", never).on("l", later).on("w", well).build().unwrap();
    let outcome = run(router, [placed(1)]).await;
    let letter = outcome.letter_of(&placed(1));
    assert_eq!((letter.death.cause, letter.death.attempts), (DeathCause::Fatal, 3));
    assert_eq!(letter.death.errors, ["`n` failed", "no"]);
    assert_eq!((notes.count("well"), notes.count("later"), notes.count("never")), (1, 3, 3));
}

#[tokio::test]
async fn an_attempt_that_fails_before_any_handler_leaves_those_due_that_were() {
    let (notes, asked) = (Notes::default(), AtomicU32::new(0));
    let second = move |_: &Envelope| {
        assert_ne!(asked.fetch_add(1, Ordering::Relaxed), 1, "at the second attempt");
        true
    };
    let router = EventRouter::with_state(notes.clone()).on("a", well).on("b", later).filter("second", second);
    assert_eq!(run(router.build().unwrap(), [placed(1)]).await.ended(), (1, 2, 0));
    assert_eq!(notes.all(), ["well", "later", "later"]);
}

#[tokio::test]
async fn the_next_event_of_an_aggregate_is_due_for_all() {
    let notes = Notes::default();
    async fn fails_on_nine(placed: Typed<Placed>, attempt: Attempt, notes: State<Notes>) -> Answer {
        notes.0.add(format!("total {}", placed.0.total));
        if placed.0.total == 9 && attempt.0 == 1 { Err(HandlerError::retryable("nine")) } else { Ok(()) }
    }
    let router = EventRouter::with_state(notes.clone()).on("b", later).on("a", fails_on_nine);
    let nine = Placed { order: 1, total: 9 }.envelope().unwrap();
    assert_eq!(run(router.build().unwrap(), [placed(1), nine]).await.ended(), (2, 4, 0));
    assert_eq!((notes.count("later"), notes.count("total 5"), notes.count("total 9")), (6, 1, 2));
}

fn event() -> Event {
    let body = laneway_domain::Body::Event(placed(1));
    let received = Received { position: Position::new(1), appended: Timestamp::default(), body };
    Event::new(
        Arc::new(Run { rows: vec![received].into(), partition: PartitionNumber(0), redriven: false }),
        0,
    )
}

#[tokio::test]
async fn the_mask_of_the_context_says_who_runs_and_that_of_the_error_who_is_left() {
    let notes = Notes::default();
    let router = EventRouter::with_state(notes.clone());
    let router = router.on("a", well).on_type(PLACED, "n", never).on("l", later).build().unwrap();
    let (event, group) = (event(), GroupId::new("g").unwrap());
    let answer = |due| {
        let context = HandlerContext { group: &group, attempt: 1, due };
        futures_util::FutureExt::now_or_never(router.handle(&event, &context)).unwrap()
    };
    let error = answer(HandlerMask::of([0, 2])).unwrap_err();
    assert_eq!((error.due(), error.class()), (HandlerMask::of([2]), Some(ErrorClass::Retryable)));
    assert_eq!(notes.all(), ["well", "later"]);
    // A mask that names none of them is that of another program: nobody is left out.
    assert_eq!(answer(HandlerMask::of([9])).unwrap_err().due(), HandlerMask::of([1, 2]));
}
