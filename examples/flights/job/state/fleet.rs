//! The state of all aircraft.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use thiserror::Error;

use super::aircraft::Aircraft;
use crate::job::code::Code;
use crate::job::events::FlightEvent;

/// Every aircraft that was heard of. Needs the events of each aircraft in order; of different ones in any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fleet {
    /// The aircraft by tail number.
    pub(crate) aircraft: HashMap<Code, Aircraft>,
    /// Events of no known aircraft.
    pub(crate) unassigned: u64,
}

/// Two tables that were to be merged know the same aircraft, so that neither had all of its events in order.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("the events of aircraft {0} went into two tables")]
pub(crate) struct SplitAircraft(pub(crate) Code);

impl Fleet {
    /// Applies an event; false where it was applied before.
    pub(crate) fn apply(&mut self, event: &FlightEvent) -> bool {
        match event.place {
            Some(place) => self.aircraft.entry(place.aircraft).or_default().apply(place, &event.step),
            None => {
                self.unassigned += 1;
                true
            }
        }
    }

    /// Takes over the aircraft of another table.
    ///
    /// # Errors
    /// [`SplitAircraft`] where both know one.
    pub(crate) fn merge(&mut self, other: Self) -> Result<(), SplitAircraft> {
        self.unassigned += other.unassigned;
        for (code, aircraft) in other.aircraft {
            match self.aircraft.entry(code) {
                Entry::Vacant(free) => free.insert(aircraft),
                Entry::Occupied(_) => return Err(SplitAircraft(code)),
            };
        }
        Ok(())
    }

    /// The aircraft with the longest knock-on chains; among equals, first the one that was later in all.
    pub(crate) fn longest_chains(&self, count: usize) -> Vec<(Code, &Aircraft)> {
        let mut aircraft: Vec<_> = self.aircraft.iter().map(|(code, aircraft)| (*code, aircraft)).collect();
        aircraft.sort_by_key(|(code, a)| (std::cmp::Reverse((a.longest_chain, a.minutes_late)), *code));
        aircraft.truncate(count);
        aircraft
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::events::Step;
    use crate::job::testing::{code, event};

    fn fleet(events: &[FlightEvent]) -> Fleet {
        let mut fleet = Fleet::default();
        events.iter().for_each(|event| assert!(fleet.apply(event)));
        fleet
    }

    #[test]
    fn tables_of_different_aircraft_merge_into_the_table_of_all() {
        let one = event("N1", 1, Step::Departed { delay: 3 });
        let two = event("N2", 1, Step::Cancelled);
        let nobody = FlightEvent { place: None, ..two };
        let mut merged = fleet(&[one, nobody]);
        merged.merge(fleet(&[nobody, two])).unwrap();
        assert_eq!(merged, fleet(&[one, two, nobody, nobody]));
    }

    #[test]
    fn tables_that_split_an_aircraft_do_not_merge() {
        let mut first = fleet(&[event("N1", 1, Step::Cancelled)]);
        let second = fleet(&[event("N1", 2, Step::Cancelled)]);
        assert_eq!(first.merge(second), Err(SplitAircraft(code("N1"))));
    }

    #[test]
    fn events_out_of_order_show() {
        let (first, second) = (event("N1", 1, Step::Cancelled), event("N1", 2, Step::Cancelled));
        let mut disordered = fleet(&[second]);
        assert!(!disordered.apply(&first));
        assert_ne!(disordered, fleet(&[first, second]));
    }

    #[test]
    fn the_longest_chain_comes_first_and_minutes_decide_among_equals() {
        let late = |aircraft, minutes| {
            let came = Step::Arrived { delay: Some(minutes) };
            [event(aircraft, 1, came), event(aircraft, 2, Step::Departed { delay: 20 })]
        };
        let fleet = fleet(&[late("N1", 20), late("N2", 60), late("N3", 5)].concat());
        let names: Vec<_> = fleet.longest_chains(2).iter().map(|(code, _)| code.to_string()).collect();
        assert_eq!(names, ["N2", "N1"]);
    }
}
