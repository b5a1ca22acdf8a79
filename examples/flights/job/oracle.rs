//! What the result must be: one event after the other, on one thread, without a bus.

use super::events::FlightEvent;
use super::state::Books;

/// Computes the books of events that come in the order of time.
pub(crate) fn sequential(events: impl IntoIterator<Item = FlightEvent>) -> Books {
    let mut books = Books::default();
    for event in events {
        books.apply(&event);
    }
    books
}
