//! Rows become events, in the order in which they happened.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;

use super::calendar::Minute;
use super::code::Code;
use super::events::{FlightEvent, Place, Step};
use super::rows::{Flight, Landing, Row};

/// All events of a table in order of time; at the same minute in order of rows, and of a flight's life.
///
/// Keeps the rows and a short note per event; the events are made as they are asked for.
pub(crate) struct Timeline {
    rows: Vec<Row>,
    moments: Vec<Moment>,
    aircraft: Vec<Code>,
}

/// One event: which step of which row, and its number among the events of its aircraft.
struct Moment {
    at: Minute,
    row: u32,
    kind: Kind,
    sequence: Option<NonZeroU32>,
}

/// The steps in the order of a flight's life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Scheduled,
    Departed,
    Arrived,
    Cancelled,
}

impl Timeline {
    /// Puts the events of `rows` in order and numbers those of each aircraft.
    ///
    /// A flight is announced when it is due, or when it leaves where that is earlier, so that its life is told in order.
    pub(crate) fn new(rows: Vec<Row>) -> Self {
        let mut moments = Vec::with_capacity(rows.len() * 3);
        for (index, row) in (0..).zip(&rows) {
            let mut push = |at, kind| moments.push(Moment { at, row: index, kind, sequence: None });
            let departed = row.departed();
            push(departed.map_or(row.scheduled, |at| at.min(row.scheduled)), Kind::Scheduled);
            match departed {
                Some(at) => push(at, Kind::Departed),
                None => push(row.scheduled, Kind::Cancelled),
            }
            if let Some(landing) = landing(row) {
                push(landing.at, Kind::Arrived);
            }
        }
        moments.sort_by_key(|moment| (moment.at, moment.row, moment.kind));
        let aircraft = number(&rows, &mut moments);
        Self { rows, moments, aircraft }
    }

    /// How many events there are.
    pub(crate) fn len(&self) -> usize {
        self.moments.len()
    }

    /// The aircraft, in the order of their names.
    pub(crate) fn aircraft(&self) -> &[Code] {
        &self.aircraft
    }

    /// The events, from the first on.
    pub(crate) fn events(&self) -> impl ExactSizeIterator<Item = FlightEvent> + Clone + '_ {
        self.moments.iter().map(|moment| self.event(moment))
    }

    /// How many events of each type there are.
    pub(crate) fn types(&self) -> BTreeMap<&'static str, u64> {
        let mut types = BTreeMap::new();
        for event in self.events() {
            *types.entry(event.step.name()).or_default() += 1;
        }
        types
    }

    fn event(&self, moment: &Moment) -> FlightEvent {
        let row = &self.rows[moment.row as usize];
        let place = row.aircraft.zip(moment.sequence);
        FlightEvent {
            place: place.map(|(aircraft, sequence)| Place { aircraft, sequence }),
            at: moment.at,
            carrier: row.carrier,
            number: row.number,
            step: step(row, moment.kind),
        }
    }
}

fn landing(row: &Row) -> Option<Landing> {
    match row.flight {
        Flight::Departed { landing, .. } => landing,
        Flight::Cancelled => None,
    }
}

fn step(row: &Row, kind: Kind) -> Step {
    match (kind, row.flight) {
        (Kind::Scheduled, _) => Step::Scheduled { from: row.origin, to: row.destination },
        (Kind::Departed, Flight::Departed { delay, .. }) => Step::Departed { delay },
        (Kind::Arrived, _) => Step::Arrived { delay: landing(row).and_then(|landing| landing.delay) },
        (Kind::Cancelled | Kind::Departed, _) => Step::Cancelled,
    }
}

fn number(rows: &[Row], moments: &mut [Moment]) -> Vec<Code> {
    let mut last: HashMap<Code, u32> = HashMap::new();
    for moment in moments {
        if let Some(aircraft) = rows[moment.row as usize].aircraft {
            let sequence = last.entry(aircraft).or_default();
            *sequence += 1;
            moment.sequence = NonZeroU32::new(*sequence);
        }
    }
    let mut aircraft: Vec<Code> = last.into_keys().collect();
    aircraft.sort_unstable();
    aircraft
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::testing::{cancelled, flown};

    fn told(rows: Vec<Row>) -> Vec<(String, u32, &'static str)> {
        let timeline = Timeline::new(rows);
        assert_eq!(timeline.len(), timeline.events().len());
        let tell = |event: FlightEvent| {
            let place = event.place;
            let name = place.map_or("nobody".to_owned(), |place| place.aircraft.to_string());
            (name, place.map_or(0, |place| place.sequence.get()), event.step.name())
        };
        timeline.events().map(tell).collect()
    }

    fn line(aircraft: &str, sequence: u32, name: &'static str) -> (String, u32, &'static str) {
        (aircraft.to_owned(), sequence, name)
    }

    #[test]
    fn events_of_two_aircraft_interleave_and_each_counts_its_own() {
        let told =
            told(vec![flown("N1", 100, 10, Some(300)), flown("N2", 105, 0, None), cancelled("N1", 400)]);
        assert_eq!(
            told,
            [
                line("N1", 1, "FlightScheduled"),
                line("N2", 1, "FlightScheduled"),
                line("N2", 2, "FlightDeparted"),
                line("N1", 2, "FlightDeparted"),
                line("N1", 3, "FlightArrived"),
                line("N1", 4, "FlightScheduled"),
                line("N1", 5, "FlightCancelled"),
            ]
        );
    }

    #[test]
    fn a_flight_that_leaves_early_is_announced_first() {
        let told = told(vec![flown("N1", 100, -10, None), flown("N2", 95, 0, None)]);
        let names: Vec<_> = told.iter().map(|(aircraft, _, name)| (aircraft.as_str(), *name)).collect();
        assert_eq!(names[..2], [("N1", "FlightScheduled"), ("N1", "FlightDeparted")]);
    }

    #[test]
    fn a_late_arrival_stands_behind_the_next_schedule_of_its_aircraft() {
        let told = told(vec![flown("N1", 100, 60, Some(300)), flown("N1", 250, 90, None)]);
        let names: Vec<_> = told.iter().map(|(_, sequence, name)| (*sequence, *name)).collect();
        assert_eq!(names[2..4], [(3, "FlightScheduled"), (4, "FlightArrived")]);
    }

    #[test]
    fn at_the_same_minute_the_row_and_then_the_life_decide() {
        let told = told(vec![cancelled("N2", 100), flown("N1", 100, 0, Some(100))]);
        let names: Vec<_> = told.iter().map(|(_, _, name)| *name).collect();
        assert_eq!(
            names,
            ["FlightScheduled", "FlightCancelled", "FlightScheduled", "FlightDeparted", "FlightArrived"]
        );
    }

    #[test]
    fn events_without_an_aircraft_have_no_place() {
        assert_eq!(told(vec![cancelled("NA", 1)])[1], line("nobody", 0, "FlightCancelled"));
    }
}
