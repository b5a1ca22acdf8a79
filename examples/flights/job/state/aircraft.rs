//! The state of one aircraft.

use super::LATE;
use crate::job::events::{Place, Step};

/// What is known of one aircraft. The order of its events matters: a disorder shows in the numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Aircraft {
    /// The number of the last event.
    pub(crate) sequence: u32,
    /// How many events were applied.
    pub(crate) events: u32,
    /// Departures.
    pub(crate) legs: u32,
    /// Flights that never left.
    pub(crate) cancelled: u32,
    /// Minutes late at arrival, in all; early arrivals do not make up for late ones.
    pub(crate) minutes_late: u32,
    /// The most late departures in a row of which each followed a late arrival.
    pub(crate) longest_chain: u32,
    chain: u32,
    came_late: bool,
}

impl Aircraft {
    /// Applies the next event; false where it, or a later one, was applied before.
    pub(crate) fn apply(&mut self, place: Place, step: &Step) -> bool {
        let sequence = place.sequence.get();
        if sequence <= self.sequence {
            return false;
        }
        self.sequence = sequence;
        self.events += 1;
        match *step {
            Step::Scheduled { .. } => {}
            Step::Departed { delay } => self.depart(delay >= LATE),
            Step::Arrived { delay } => {
                self.came_late = delay.is_some_and(|delay| delay >= LATE);
                self.minutes_late += delay.and_then(|delay| u32::try_from(delay).ok()).unwrap_or(0);
            }
            Step::Cancelled => {
                self.cancelled += 1;
                self.chain = 0;
                self.came_late = false;
            }
        }
        true
    }

    fn depart(&mut self, late: bool) {
        self.legs += 1;
        self.chain = if late && self.came_late { self.chain + 1 } else { 0 };
        self.longest_chain = self.longest_chain.max(self.chain);
        self.came_late = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::testing::{code, event};

    fn after(steps: &[Step]) -> Aircraft {
        let mut aircraft = Aircraft::default();
        for (sequence, step) in (1..).zip(steps) {
            assert!(aircraft.apply(event("N1", sequence, *step).place.unwrap(), step));
        }
        aircraft
    }

    const fn left(delay: i32) -> Step {
        Step::Departed { delay }
    }

    const fn came(delay: i32) -> Step {
        Step::Arrived { delay: Some(delay) }
    }

    #[test]
    fn a_late_arrival_before_each_late_departure_makes_the_chain_grow() {
        let aircraft = after(&[left(20), came(20), left(15), came(40), left(60), came(0), left(0)]);
        assert_eq!((aircraft.legs, aircraft.longest_chain, aircraft.minutes_late), (4, 2, 60));
    }

    #[test]
    fn a_departure_on_time_breaks_the_chain() {
        let aircraft = after(&[left(0), came(20), left(20), came(20), left(14), came(20), left(20)]);
        assert_eq!(aircraft.longest_chain, 1);
    }

    #[test]
    fn an_arrival_on_time_a_diversion_and_a_cancellation_break_the_chain() {
        for breaks in [came(14), Step::Arrived { delay: None }, Step::Cancelled] {
            let aircraft =
                after(&[left(0), came(20), left(20), came(20), breaks, left(20), came(20), left(20)]);
            assert_eq!(aircraft.longest_chain, 1, "{breaks:?}");
        }
    }

    #[test]
    fn one_late_arrival_explains_one_late_departure() {
        assert_eq!(after(&[left(0), came(20), left(20), left(20)]).longest_chain, 1);
    }

    #[test]
    fn early_arrivals_do_not_make_up_for_late_ones() {
        assert_eq!(after(&[left(0), came(30), left(0), came(-30)]).minutes_late, 30);
    }

    #[test]
    fn schedules_and_cancellations_are_counted() {
        let scheduled = Step::Scheduled { from: code("EWR"), to: code("IAH") };
        let aircraft = after(&[scheduled, Step::Cancelled, scheduled, left(0)]);
        assert_eq!((aircraft.events, aircraft.cancelled, aircraft.legs), (4, 1, 1));
    }

    #[test]
    fn a_replay_changes_nothing() {
        let mut aircraft = after(&[left(0), came(30)]);
        let before = aircraft.clone();
        for (sequence, step) in [(1, left(0)), (2, came(30))] {
            assert!(!aircraft.apply(event("N1", sequence, step).place.unwrap(), &step));
        }
        assert_eq!(aircraft, before);
    }
}
