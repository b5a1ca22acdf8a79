//! Flight events in envelopes, and out of them.

use bytes::Bytes;
use laneway::domain::{AggregateId, AggregateVersion, Envelope, EventId, EventType, Timestamp, TopicName};
use thiserror::Error;
use uuid::{Builder, Uuid};

use super::error::RunError;
use crate::job::events::{FlightEvent, PayloadError, Step};

/// The bits of a UUID of version 8 behind its version and its variant.
const NUMBER: u64 = (1 << 62) - 1;

/// What is in an envelope is no flight event, or none of ours.
#[derive(Debug, Error)]
pub(super) enum ContentError {
    /// The payload does not decode.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// The envelope does not say the type that the payload says.
    #[error("the payload is a {payload}, and its envelope does not say so")]
    Type {
        /// The type that the payload says.
        payload: &'static str,
    },
}

/// Puts an event into its envelope: its aircraft is the aggregate, its number the id.
///
/// # Errors
/// None that is known of: an aircraft whose name is no aggregate id, an event that does not become JSON.
pub(super) fn seal(topic: &TopicName, number: u64, event: &FlightEvent) -> Result<Envelope, RunError> {
    let at = Timestamp::from_unix_millis(i64::from(event.at.number()) * 60_000);
    let envelope =
        raw(topic, number, event.encode()?).with_event_type(type_of(&event.step)).with_occurred_at(at);
    Ok(match event.place {
        Some(place) => envelope
            .with_aggregate(AggregateId::new(place.aircraft.as_str())?)
            .with_version(AggregateVersion::from(place.sequence)),
        None => envelope,
    })
}

/// Puts bytes that are no event into an envelope, as they are: without an aggregate, without a type.
pub(super) fn raw(topic: &TopicName, number: u64, payload: impl Into<Bytes>) -> Envelope {
    let envelope = Envelope::new(topic.clone(), payload);
    match EventId::new(id(number)) {
        Some(id) => envelope.with_id(id),
        None => envelope,
    }
}

/// Takes the event out.
///
/// # Errors
/// [`ContentError`] where the bytes are anything else, or happen to be an event that nobody put there.
pub(super) fn open(envelope: &Envelope) -> Result<FlightEvent, ContentError> {
    let event = FlightEvent::decode(envelope.payload())?;
    let payload = event.step.name();
    match envelope.event_type() {
        Some(said) if said.as_str() == payload => Ok(event),
        _ => Err(ContentError::Type { payload }),
    }
}

/// The number of what is in an envelope; one that no event has, where the id is not of ours.
pub(super) fn number(envelope: &Envelope) -> u64 {
    envelope.id().map_or(u64::MAX, |id| id.uuid().as_u64_pair().1 & NUMBER)
}

/// An id that is the same whenever the same table is published: a UUID of version 8 (RFC 9562, section 5.8).
fn id(number: u64) -> Uuid {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&(number & NUMBER).to_be_bytes());
    Builder::from_custom_bytes(bytes).into_uuid()
}

fn type_of(step: &Step) -> EventType {
    const SCHEDULED: EventType = EventType::from_static("FlightScheduled");
    const DEPARTED: EventType = EventType::from_static("FlightDeparted");
    const ARRIVED: EventType = EventType::from_static("FlightArrived");
    const CANCELLED: EventType = EventType::from_static("FlightCancelled");
    match step {
        Step::Scheduled { .. } => SCHEDULED,
        Step::Departed { .. } => DEPARTED,
        Step::Arrived { .. } => ARRIVED,
        Step::Cancelled => CANCELLED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::testing::{code, event};

    fn topic() -> TopicName {
        TopicName::new("flights").unwrap()
    }

    fn sealed(event: &FlightEvent) -> Envelope {
        seal(&topic(), 7, event).unwrap()
    }

    #[test]
    fn an_envelope_says_what_its_event_says() {
        let steps =
            [Step::Scheduled { from: code("EWR"), to: code("IAH") }, Step::Departed { delay: 1 }].into_iter();
        for step in steps.chain([Step::Arrived { delay: None }, Step::Cancelled]) {
            let event = event("N14228", 3, step);
            let envelope = sealed(&event);
            assert_eq!(open(&envelope).unwrap(), event);
            assert_eq!(envelope.event_type().unwrap().as_str(), step.name());
            assert_eq!(envelope.aggregate().unwrap().as_str(), "N14228");
            assert_eq!(envelope.version().unwrap().get(), 3);
            assert_eq!(envelope.occurred_at().unwrap().unix_millis(), 1_356_998_400_000);
        }
    }

    #[test]
    fn an_event_without_an_aircraft_has_no_aggregate() {
        let nobody = FlightEvent { place: None, ..event("N1", 1, Step::Cancelled) };
        assert_eq!((sealed(&nobody).aggregate(), open(&sealed(&nobody)).unwrap()), (None, nobody));
    }

    #[test]
    fn ids_are_numbers_of_version_8() {
        for n in [0, 1, 1_001_615, NUMBER] {
            let envelope = raw(&topic(), n, "x");
            assert_eq!((number(&envelope), envelope.id().unwrap().uuid().get_version_num()), (n, 8));
        }
        assert_eq!(number(&Envelope::new(topic(), "x")), u64::MAX);
    }

    #[test]
    fn a_malformed_row_that_looks_like_an_event_is_none() {
        let payload = event("N1", 1, Step::Cancelled).encode().unwrap();
        let error = open(&raw(&topic(), 1, payload)).unwrap_err();
        assert!(matches!(error, ContentError::Type { payload: "FlightCancelled" }), "{error}");
        assert!(matches!(open(&raw(&topic(), 1, "2013,1,1")), Err(ContentError::Payload(_))));
    }
}
