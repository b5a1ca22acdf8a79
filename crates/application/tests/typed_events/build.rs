//! What a router is refused for.

use laneway_application::route::{EventRouter, EventRouterError, Typed, Upcasters};
use laneway_domain::{Event, EventType, HandlerError, HandlerMask};

use super::scene::{PLACED, Placed};

async fn any(_: Event) -> Result<(), HandlerError> {
    Ok(())
}

async fn second(_: Typed<Placed>) -> Result<(), HandlerError> {
    Ok(())
}

#[test]
fn a_router_needs_a_handler_and_takes_64() {
    assert_eq!(EventRouter::builder().build().unwrap_err(), EventRouterError::NoHandlers);
    let of = |handlers: usize| {
        let all = (0..handlers).map(|number| number.to_string());
        all.fold(EventRouter::builder(), |router, name| router.on_type(PLACED, name, any)).build()
    };
    assert!(of(HandlerMask::WIDTH).is_ok());
    assert_eq!(of(65).unwrap_err(), EventRouterError::TooMany { found: 65 });
}

#[test]
fn handlers_have_names_of_their_own() {
    let nameless = EventRouter::builder().on("a", second).on_type(PLACED, "", any).build();
    assert_eq!(nameless.unwrap_err(), EventRouterError::Nameless { number: 2 });
    let other = EventType::from_static("other");
    let twice = EventRouter::builder().on("a", second).on_type(other, "a", any).build();
    assert_eq!(twice.unwrap_err(), EventRouterError::Twice { name: "a".to_owned() });
}

#[test]
fn upcasters_lead_to_a_version_that_is_handled() {
    let up_to = |end: u32| {
        let steps =
            (1..end).fold(Upcasters::builder(), |steps, v| steps.step((PLACED, v), (PLACED, v + 1), Ok));
        EventRouter::builder().on("a", second).upcasters(steps.build().unwrap()).build()
    };
    assert!(up_to(2).is_ok());
    let error = up_to(3).unwrap_err();
    assert_eq!(error, EventRouterError::ChainEnd { end: (PLACED, 3).into(), known: vec![2] });
    let words = "the upcasters lead to order.placed v3, which no handler takes; taken are versions [2]";
    assert_eq!(error.to_string(), words);
    let other = EventType::from_static("other");
    let elsewhere = Upcasters::builder().step((other.clone(), 1), (other, 2), Ok).build().unwrap();
    assert!(EventRouter::builder().on("a", second).upcasters(elsewhere).build().is_ok());
}
