//! What the result must be: one event after the other, on one thread, without a bus.

use super::events::FlightEvent;
use super::state::Books;
use super::timeline::Timeline;

/// Computes the books of events that come in the order of time.
pub(crate) fn sequential(events: impl IntoIterator<Item = FlightEvent>) -> Books {
    let mut books = Books::default();
    for event in events {
        books.apply(&event);
    }
    books
}

/// What the books of a run must be, whatever goes wrong meanwhile.
pub(crate) fn expected(timeline: &Timeline) -> Books {
    sequential(timeline.events())
}
