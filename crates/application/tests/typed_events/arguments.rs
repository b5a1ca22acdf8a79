//! One async function with arguments.

use laneway_application::route::{Attempt, State, Typed, typed, typed_with};
use laneway_domain::{
    AggregateId, CorrelationId, DeathCause, Envelope, Event, EventType, GroupId, HandlerError, Headers,
    TenantId, TraceContext,
};

use super::scene::{Notes, OrderEvent, PLACED, Placed, TOPIC, placed, run, shipped};

#[tokio::test]
async fn every_argument_is_what_the_event_says() {
    let trace = TraceContext::new("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None).unwrap();
    let event = placed(42)
        .with_tenant(TenantId::new("acme").unwrap())
        .with_correlation(CorrelationId::new("c1").unwrap())
        .with_trace(trace.clone())
        .with_header("source", Some("web".into()));
    let notes = Notes::default();
    let handler = typed_with(
        notes.clone(),
        move |Typed(placed): Typed<Placed>,
              State(notes): State<Notes>,
              aggregate: AggregateId,
              tenant: TenantId,
              correlation: Option<CorrelationId>,
              trace: Option<TraceContext>,
              headers: Headers,
              Attempt(attempt): Attempt| async move {
            let source = headers.first("source").flatten().map(<[u8]>::len);
            let trace = trace.map(|trace| trace.parent().len());
            notes.add(format!(
                "{placed:?} {aggregate} {tenant} {correlation:?} {trace:?} {source:?} {attempt}"
            ));
            Ok(())
        },
    );
    assert_eq!(run(handler, [event]).await.ended(), (1, 0, 0));
    let said = r#"Placed { order: 42, total: 5 } 42 acme Some("c1") Some(55) Some(3) 1"#;
    assert_eq!(notes.all(), [said]);
}

#[tokio::test]
async fn a_payload_that_does_not_decode_is_a_dead_letter_as_it_came() {
    let event = Envelope::new(TOPIC, r#"{"order":"x"}"#)
        .with_aggregate(AggregateId::new("x").unwrap())
        .with_event_type(PLACED)
        .with_schema_version(2);
    async fn handler(_: GroupId, _: Typed<Placed>) -> Result<(), HandlerError> {
        Ok(())
    }
    let outcome = run(typed(handler), [event.clone()]).await;
    let letter = outcome.letter_of(&event);
    assert_eq!((letter.death.cause, letter.death.attempts), (DeathCause::Fatal, 1));
    assert_eq!(letter.death.errors[0], "argument 2, Typed<Placed>, cannot be taken from the event");
    assert_eq!(letter.death.errors[1], "the payload is no order.placed v2");
    assert!(letter.death.errors[2].contains("invalid type: string"), "{:?}", letter.death.errors);
}

#[tokio::test]
async fn an_argument_that_is_missing_is_named_and_an_optional_one_is_none() {
    async fn needs(_: Typed<Placed>, _: TenantId) -> Result<(), HandlerError> {
        Ok(())
    }
    let outcome = run(typed(needs), [placed(1)]).await;
    let errors = ["argument 2, TenantId, cannot be taken from the event", "the event has no tenant"];
    assert_eq!(outcome.letter_of(&placed(1)).death.errors, errors);
    async fn likes(_: Typed<Placed>, tenant: Option<TenantId>) -> Result<(), HandlerError> {
        tenant.is_none().then_some(()).ok_or_else(|| HandlerError::fatal("a tenant from nowhere"))
    }
    assert_eq!(run(typed(likes), [placed(1)]).await.ended(), (1, 0, 0));
}

#[tokio::test]
async fn an_event_of_another_type_is_a_dead_letter_for_a_typed_handler() {
    async fn handler(_: Typed<Placed>) -> Result<(), HandlerError> {
        Ok(())
    }
    let outcome = run(typed(handler), [placed(1), shipped(2)]).await;
    assert_eq!(outcome.ended(), (1, 0, 1));
    assert_eq!(
        outcome.letter_of(&shipped(2)).death.errors,
        ["no handler takes events of type order.shipped"]
    );
    let untyped = Envelope::new(TOPIC, "{}");
    let outcome = run(typed(handler), [untyped.clone()]).await;
    assert_eq!(outcome.letter_of(&untyped).death.errors, ["no handler takes events that name no type"]);
}

#[tokio::test]
async fn an_enum_takes_each_of_its_events() {
    let notes = Notes::default();
    let noted = notes.clone();
    let handler = typed(move |Typed(event): Typed<OrderEvent>| {
        let notes = noted.clone();
        async move {
            notes.add(match event {
                OrderEvent::Placed(placed) => format!("placed {}", placed.order),
                OrderEvent::Shipped(shipped) => format!("shipped {}", shipped.order),
            });
            Ok(())
        }
    });
    assert_eq!(run(handler, [placed(1), shipped(1)]).await.ended(), (2, 0, 0));
    assert_eq!(notes.all(), ["placed 1", "shipped 1"]);
}

#[tokio::test]
async fn a_function_without_a_payload_takes_every_event() {
    async fn handler(event: Event, event_type: Option<EventType>) -> Result<(), HandlerError> {
        let same = event.event_type() == event_type.as_ref();
        same.then_some(()).ok_or_else(|| HandlerError::fatal("another type"))
    }
    assert_eq!(
        run(typed(handler), [placed(1), shipped(2), Envelope::new(TOPIC, "")]).await.ended(),
        (3, 0, 0)
    );
}
