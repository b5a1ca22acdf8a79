//! The events of a flight's life, and their bytes.

use std::num::NonZeroU32;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::calendar::Minute;
use super::code::Code;

/// Something that happened to a flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FlightEvent {
    /// Its place in its aircraft's life; none where the aircraft is not known.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub(crate) place: Option<Place>,
    /// When it happened, on the clock of the airport where it happened.
    #[serde(rename = "t")]
    pub(crate) at: Minute,
    /// The airline.
    #[serde(rename = "c")]
    pub(crate) carrier: Code,
    /// The flight's number.
    #[serde(rename = "f")]
    pub(crate) number: u16,
    /// What happened.
    #[serde(rename = "e")]
    pub(crate) step: Step,
}

/// A place in the life of an aircraft.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The aircraft: the aggregate.
    #[serde(rename = "id")]
    pub(crate) aircraft: Code,
    /// The number of the event among those of its aircraft, consecutive from 1.
    #[serde(rename = "n")]
    pub(crate) sequence: NonZeroU32,
}

/// What happened to a flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Step {
    /// It was due.
    #[serde(rename = "FlightScheduled")]
    Scheduled {
        /// Where it leaves from.
        from: Code,
        /// Where it goes to.
        to: Code,
    },
    /// It left.
    #[serde(rename = "FlightDeparted")]
    Departed {
        /// Minutes after schedule; negative where it left early.
        #[serde(rename = "d")]
        delay: i32,
    },
    /// It came in.
    #[serde(rename = "FlightArrived")]
    Arrived {
        /// Minutes after schedule; none where it was diverted.
        #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
        delay: Option<i32>,
    },
    /// It never left.
    #[serde(rename = "FlightCancelled")]
    Cancelled,
}

impl Step {
    /// The type of the event.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Scheduled { .. } => "FlightScheduled",
            Self::Departed { .. } => "FlightDeparted",
            Self::Arrived { .. } => "FlightArrived",
            Self::Cancelled => "FlightCancelled",
        }
    }
}

/// A payload that is no flight event.
#[derive(Debug, Error)]
#[error("the payload is not a flight event")]
pub(crate) struct PayloadError(#[from] serde_json::Error);

impl FlightEvent {
    /// The aircraft, where it is known.
    pub(crate) fn aircraft(&self) -> Option<Code> {
        self.place.map(|place| place.aircraft)
    }

    /// The event as JSON with short names.
    ///
    /// # Errors
    /// None that is known of; the format's own.
    pub(crate) fn encode(&self) -> Result<Bytes, PayloadError> {
        let mut payload = Vec::with_capacity(128);
        serde_json::to_writer(&mut payload, self)?;
        Ok(payload.into())
    }

    /// Reads what [`encode`](FlightEvent::encode) wrote.
    ///
    /// # Errors
    /// [`PayloadError`] where the bytes are anything else.
    pub(crate) fn decode(payload: &[u8]) -> Result<Self, PayloadError> {
        Ok(serde_json::from_slice(payload)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::testing::{code, event, minute};

    fn round_trip(event: FlightEvent) -> String {
        let payload = event.encode().unwrap();
        assert_eq!(FlightEvent::decode(&payload).unwrap(), event);
        String::from_utf8(payload.to_vec()).unwrap()
    }

    #[test]
    fn every_step_survives_its_bytes() {
        for step in [
            Step::Scheduled { from: code("EWR"), to: code("IAH") },
            Step::Departed { delay: -5 },
            Step::Arrived { delay: Some(-12) },
            Step::Arrived { delay: None },
            Step::Cancelled,
        ] {
            assert!(round_trip(event("N14228", 3, step)).contains(step.name()));
        }
    }

    #[test]
    fn an_event_without_an_aircraft_says_nothing_of_one() {
        let nobody = FlightEvent { place: None, ..event("N14228", 1, Step::Cancelled) };
        let expected = format!(r#"{{"t":{},"c":"UA","f":1545,"e":"FlightCancelled"}}"#, minute(0).number());
        assert_eq!(round_trip(nobody), expected);
    }

    #[test]
    fn bytes_that_are_no_flight_event_are_an_error_with_a_cause() {
        let no_zero = r#"{"a":{"id":"N1","n":0},"t":1,"c":"UA","f":1,"e":"FlightCancelled"}"#;
        for payload in [&b""[..], b"2013,1,1,517", b"{}", b"\xff\xfe", no_zero.as_bytes()] {
            let error = FlightEvent::decode(payload).unwrap_err();
            assert!(std::error::Error::source(&error).is_some(), "{payload:?}");
        }
    }
}
