//! Counts per carrier and per hour.

use std::collections::BTreeMap;

use super::LATE;
use crate::job::code::Code;
use crate::job::events::{FlightEvent, Step};

/// Counts that do not depend on the order of events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    /// The airlines.
    pub(crate) carriers: BTreeMap<Code, Carrier>,
    /// The hours of the day, by scheduled departure on New York's clock.
    pub(crate) hours: [Hour; 24],
}

/// The flights of one airline.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Carrier {
    /// Flights that were scheduled.
    pub(crate) flights: u64,
    /// Flights that never left.
    pub(crate) cancelled: u64,
    /// Flights that left late.
    pub(crate) departed_late: u64,
    /// Minutes late at arrival, in all.
    pub(crate) minutes_late: u64,
}

/// The departures that were due in one hour of the day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Hour {
    /// How many there were.
    pub(crate) departures: u64,
    /// Their delays, in minutes; those who left early count against it.
    pub(crate) delay: i64,
}

impl Hour {
    /// The average delay in minutes; none where nothing departed.
    #[expect(clippy::cast_precision_loss, reason = "counts of flights are far below 2^53")]
    pub(crate) fn average_delay(&self) -> Option<f64> {
        (self.departures > 0).then(|| self.delay as f64 / self.departures as f64)
    }
}

impl Traffic {
    /// Counts an event.
    pub(crate) fn apply(&mut self, event: &FlightEvent) {
        let carrier = self.carriers.entry(event.carrier).or_default();
        match event.step {
            Step::Scheduled { .. } => carrier.flights += 1,
            Step::Cancelled => carrier.cancelled += 1,
            Step::Arrived { delay } => {
                carrier.minutes_late += delay.and_then(|delay| u64::try_from(delay).ok()).unwrap_or(0);
            }
            Step::Departed { delay } => {
                carrier.departed_late += u64::from(delay >= LATE);
                let hour = &mut self.hours[event.at.plus(-delay).hour()];
                hour.departures += 1;
                hour.delay += i64::from(delay);
            }
        }
    }

    /// Adds the counts of another table.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (code, theirs) in &other.carriers {
            let ours = self.carriers.entry(*code).or_default();
            ours.flights += theirs.flights;
            ours.cancelled += theirs.cancelled;
            ours.departed_late += theirs.departed_late;
            ours.minutes_late += theirs.minutes_late;
        }
        for (ours, theirs) in self.hours.iter_mut().zip(&other.hours) {
            ours.departures += theirs.departures;
            ours.delay += theirs.delay;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::testing::{code, event, minute};

    fn events() -> Vec<FlightEvent> {
        let at = |minutes, step| FlightEvent { at: minute(minutes), ..event("N1", 1, step) };
        vec![
            at(600, Step::Scheduled { from: code("EWR"), to: code("IAH") }),
            at(630, Step::Departed { delay: 31 }),
            at(605, Step::Departed { delay: -5 }),
            at(800, Step::Arrived { delay: Some(40) }),
            at(800, Step::Arrived { delay: Some(-40) }),
            at(800, Step::Arrived { delay: None }),
            FlightEvent { carrier: code("B6"), ..at(700, Step::Cancelled) },
        ]
    }

    fn counted<'a>(events: impl IntoIterator<Item = &'a FlightEvent>) -> Traffic {
        let mut traffic = Traffic::default();
        events.into_iter().for_each(|event| traffic.apply(event));
        traffic
    }

    #[test]
    fn flights_are_counted_by_carrier() {
        let traffic = counted(&events());
        let expected = Carrier { flights: 1, cancelled: 0, departed_late: 1, minutes_late: 40 };
        assert_eq!(traffic.carriers[&code("UA")], expected);
        assert_eq!(traffic.carriers[&code("B6")], Carrier { cancelled: 1, ..Carrier::default() });
    }

    #[test]
    fn departures_are_counted_in_the_hour_when_they_were_due() {
        let hours = counted(&events()).hours;
        assert_eq!((hours[9].departures, hours[9].average_delay()), (1, Some(31.0)));
        assert_eq!((hours[10].departures, hours[10].average_delay()), (1, Some(-5.0)));
        assert_eq!(hours[11].average_delay(), None);
    }

    #[test]
    fn parts_merge_into_the_whole_in_any_order() {
        let events = events();
        let (even, odd): (Vec<_>, Vec<_>) = (0..).zip(&events).partition(|(i, _)| i % 2 == 0);
        let part = |part: &[(usize, &FlightEvent)]| counted(part.iter().map(|(_, event)| *event));
        let mut merged = part(&odd);
        merged.merge(&part(&even));
        assert_eq!(merged, counted(&events));
    }
}
