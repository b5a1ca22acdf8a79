//! What the two groups keep.

use std::sync::Arc;

use hdrhistogram::Histogram;
use hdrhistogram::errors::CreationError;

use super::clerk::Register;
use super::departures::Departures;
use crate::job::events::FlightEvent;
use crate::job::order::{OrderChecker, Running};
use crate::job::state::{Fleet, Shards, Traffic};

/// The parts of a table: more than there are cores, so that two workers seldom meet at one.
const PARTS: usize = 16;

/// The group `aircraft`: the state of each aircraft, whether its events come in order, and how long they take.
pub(super) struct Hangar {
    pub(super) checker: OrderChecker,
    pub(super) bays: Shards<Bay>,
    departures: Arc<Departures>,
}

/// An empty histogram of latencies in nanoseconds, up to an hour, to two digits.
///
/// # Errors
/// None that is known of; the histogram's own.
pub(super) fn histogram() -> Result<Histogram<u64>, CreationError> {
    Histogram::new_with_bounds(1, 3_600_000_000_000, 2)
}

/// A part of the fleet.
pub(super) struct Bay {
    pub(super) fleet: Fleet,
    /// From publishing an event to the end of its handler, in nanoseconds.
    pub(super) latency: Histogram<u64>,
}

impl Hangar {
    /// An empty hangar whose order `checker` checks; `departures` tells when events were published.
    ///
    /// # Errors
    /// None that is known of; the histogram's own.
    pub(super) fn new(checker: OrderChecker, departures: Arc<Departures>) -> Result<Self, CreationError> {
        let latency = histogram()?;
        let empty = || Bay { fleet: Fleet::default(), latency: latency.clone() };
        Ok(Self { checker, bays: Shards::new(PARTS, empty), departures })
    }
}

impl Register for Hangar {
    fn start(&self, event: &FlightEvent) -> Option<Running<'_>> {
        event.place.map(|place| self.checker.start(place))
    }

    fn enter(&self, number: u64, event: &FlightEvent) {
        let nanos = self.departures.nanos_since(number);
        self.bays.with(event, |bay| {
            bay.fleet.apply(event);
            bay.latency.saturating_record(nanos);
        });
    }
}

/// The group `carriers`: counts, whose order does not matter.
pub(super) struct Counters(pub(super) Shards<Traffic>);

impl Counters {
    /// Nothing is counted yet.
    pub(super) fn new() -> Self {
        Self(Shards::new(PARTS, Traffic::default))
    }
}

impl Register for Counters {
    fn start(&self, _event: &FlightEvent) -> Option<Running<'_>> {
        None
    }

    fn enter(&self, _number: u64, event: &FlightEvent) {
        self.0.with(event, |traffic| traffic.apply(event));
    }
}
