//! What the tests of the job share.

use std::num::NonZeroU32;

use super::calendar::{ClockTime, Day, Minute};
use super::code::Code;
use super::events::{FlightEvent, Place, Step};
use super::rows::{Flight, Landing, Row};

/// A code from text that is one.
pub(crate) fn code(text: &str) -> Code {
    Code::new(text.as_bytes()).unwrap()
}

/// Minutes after midnight of 2013-01-01.
pub(crate) fn minute(minutes: i32) -> Minute {
    Minute::on(Day::new(2013, 1, 1).unwrap(), ClockTime::from_hhmm(0).unwrap()).plus(minutes)
}

/// An event of United 1545.
pub(crate) fn event(aircraft: &str, sequence: u32, step: Step) -> FlightEvent {
    let place = Place { aircraft: code(aircraft), sequence: NonZeroU32::new(sequence).unwrap() };
    FlightEvent { place: Some(place), at: minute(0), carrier: code("UA"), number: 1545, step }
}

/// A flight of `aircraft` that was due at `scheduled`, left `delay` minutes late and came in at `landed`, or did not.
pub(crate) fn flown(aircraft: &str, scheduled: i32, delay: i32, landed: Option<i32>) -> Row {
    let landing = landed.map(|at| Landing { at: minute(at), delay: Some(delay) });
    Row { flight: Flight::Departed { delay, landing }, ..cancelled(aircraft, scheduled) }
}

/// A flight of `aircraft` that was due at `scheduled` and never left.
pub(crate) fn cancelled(aircraft: &str, scheduled: i32) -> Row {
    Row {
        carrier: code("UA"),
        number: 1545,
        aircraft: (aircraft != "NA").then(|| code(aircraft)),
        origin: code("EWR"),
        destination: code("IAH"),
        scheduled: minute(scheduled),
        flight: Flight::Cancelled,
    }
}
