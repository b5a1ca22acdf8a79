//! Values that a scenario takes for granted.

use std::fmt::Debug;

use laneway_domain::{AggregateId, Envelope, EventType, HandlerError, TopicName};

/// The value, or the end of the scenario with what was to be had.
#[track_caller]
pub(crate) fn sure<T, E: Debug>(what: &str, result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{what}: {error:?}"),
    }
}

/// The value, or the end of the scenario with what was to be had.
#[track_caller]
pub(crate) fn given<T>(what: &str, value: Option<T>) -> T {
    match value {
        Some(value) => value,
        None => panic!("there is no {what}"),
    }
}

/// The `number`th event of an aggregate, from 1; its payload is the number.
pub(crate) fn event(topic: &TopicName, aggregate: &str, number: u64) -> Envelope {
    let id = sure("an aggregate's id", AggregateId::new(aggregate));
    loose(topic, number).with_aggregate(id)
}

/// An event without an aggregate; its payload is the number.
pub(crate) fn loose(topic: &TopicName, number: u64) -> Envelope {
    Envelope::new(topic.clone(), number.to_string()).with_event_type(EventType::from_static("Counted"))
}

/// Events 1 to `last` of an aggregate.
pub(crate) fn series(topic: &TopicName, aggregate: &str, last: u64) -> Vec<Envelope> {
    (1..=last).map(|number| event(topic, aggregate, number)).collect()
}

/// Events 1 to `last` of each aggregate, in turns: all first ones, all second ones, and so on.
pub(crate) fn braid(topic: &TopicName, aggregates: &[String], last: u64) -> Vec<Envelope> {
    let turn = |number| aggregates.iter().map(move |aggregate| event(topic, aggregate, number));
    (1..=last).flat_map(turn).collect()
}

/// Names for so many aggregates.
pub(crate) fn names(count: usize) -> Vec<String> {
    (0..count).map(|at| format!("aggregate-{at}")).collect()
}

/// A handler's failure without a class.
#[derive(Debug, thiserror::Error)]
#[error("not today")]
pub(crate) struct NotToday;

/// A failure whose class the classifier decides.
pub(crate) fn failure() -> HandlerError {
    NotToday.into()
}
