//! A checker of order that knows nothing of the engine: it sees handlers start and finish, and counts.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use super::code::Code;
use super::events::Place;

/// How many violations are kept to be shown; all are counted.
const SHOWN: usize = 10;

/// Checks that the events of each aircraft are handled one at a time and in order.
///
/// Every event carries its number among those of its aircraft, so the rules need no more than that:
/// one handler at a time for an aircraft; an event starts only after the one before it is done for good. An event may
/// be handled again, and then those behind it in their order.
///
/// One word per aircraft, no lock: a check costs a lookup and two atomic operations.
pub(crate) struct OrderChecker {
    lanes: HashMap<Code, Lane>,
    violations: AtomicU64,
    rewinds: AtomicU64,
    shown: Mutex<Vec<Violation>>,
}

/// What broke a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Violation {
    /// A handler started while another one of the same aircraft ran.
    Overlap(Place),
    /// An event started before the one before it was done; the last one that was done.
    Early(Place, u32),
    /// An event came of an aircraft that nobody announced.
    Stranger(Place),
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overlap(Place { aircraft, sequence }) => {
                write!(f, "aircraft {aircraft}: event {sequence} started while another one ran")
            }
            Self::Early(Place { aircraft, sequence }, done) => {
                write!(f, "aircraft {aircraft}: event {sequence} started when {done} was the last one done")
            }
            Self::Stranger(Place { aircraft, sequence }) => {
                write!(f, "aircraft {aircraft}: event {sequence} of an aircraft that was never published")
            }
        }
    }
}

/// The last event that is done in the upper half, the number of handlers that run in the lower.
#[derive(Default)]
struct Lane(AtomicU64);

const RUNNING: u64 = 1;
const DONE: u32 = 32;

/// A handler at work on one event. Dropping it means that the event is not done and comes again.
#[must_use = "a run that is dropped is a failed attempt"]
pub(crate) struct Running<'a> {
    lane: Option<&'a Lane>,
    sequence: NonZeroU32,
}

impl OrderChecker {
    /// Expects the events of these aircraft, each numbered from 1.
    pub(crate) fn new(aircraft: &[Code]) -> Self {
        Self {
            lanes: aircraft.iter().map(|code| (*code, Lane::default())).collect(),
            violations: AtomicU64::new(0),
            rewinds: AtomicU64::new(0),
            shown: Mutex::new(Vec::new()),
        }
    }

    /// Notes that a handler starts on an event. Keep what it returns for as long as the handler runs.
    pub(crate) fn start(&self, place: Place) -> Running<'_> {
        let lane = self.lanes.get(&place.aircraft);
        if let Some(lane) = lane {
            self.check(place, lane.0.fetch_add(RUNNING, Ordering::AcqRel));
        } else {
            self.note(Violation::Stranger(place));
        }
        Running { lane, sequence: place.sequence }
    }

    fn check(&self, place: Place, before: u64) {
        let done = last_done(before);
        if before != u64::from(done) << DONE {
            self.note(Violation::Overlap(place));
        }
        match place.sequence.get() {
            sequence if sequence > done.saturating_add(1) => self.note(Violation::Early(place, done)),
            sequence if sequence <= done => _ = self.rewinds.fetch_add(1, Ordering::Relaxed),
            _ => {}
        }
    }

    #[cold]
    fn note(&self, violation: Violation) {
        self.violations.fetch_add(1, Ordering::Relaxed);
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.len() < SHOWN {
            shown.push(violation);
        }
    }

    /// How many rules were broken so far.
    pub(crate) fn violations(&self) -> u64 {
        self.violations.load(Ordering::Relaxed)
    }

    /// How often an aircraft was taken back to an event that had been done; that is allowed.
    pub(crate) fn rewinds(&self) -> u64 {
        self.rewinds.load(Ordering::Relaxed)
    }

    /// The first violations.
    pub(crate) fn shown(&self) -> Vec<Violation> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn last_done(word: u64) -> u32 {
    u32::try_from(word >> DONE).unwrap_or(u32::MAX)
}

impl Running<'_> {
    /// The event is done for good: handled, or given up as a dead letter.
    pub(crate) fn done(mut self) {
        if let Some(Lane(word)) = self.lane.take() {
            let done = u64::from(self.sequence.get()) << DONE;
            let set = |word: u64| Some(done | (word & u64::from(u32::MAX)).saturating_sub(RUNNING));
            // The closure always has a next value.
            let _ = word.fetch_update(Ordering::AcqRel, Ordering::Acquire, set);
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(Lane(word)) = self.lane {
            word.fetch_sub(RUNNING, Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::testing::code;

    fn checker() -> OrderChecker {
        OrderChecker::new(&[code("N1"), code("N2")])
    }

    fn place(aircraft: &str, sequence: u32) -> Place {
        Place { aircraft: code(aircraft), sequence: NonZeroU32::new(sequence).unwrap() }
    }

    fn handle(checker: &OrderChecker, aircraft: &str, sequences: impl IntoIterator<Item = u32>) {
        sequences.into_iter().for_each(|sequence| checker.start(place(aircraft, sequence)).done());
    }

    #[test]
    fn order_within_an_aircraft_and_any_order_between_them_is_fine() {
        let checker = checker();
        let other = checker.start(place("N2", 1));
        handle(&checker, "N1", 1..=5);
        other.done();
        assert_eq!((checker.violations(), checker.rewinds()), (0, 0));
    }

    #[test]
    fn a_failed_attempt_comes_again() {
        let checker = checker();
        drop(checker.start(place("N1", 1)));
        handle(&checker, "N1", [1, 2]);
        assert_eq!((checker.violations(), checker.rewinds()), (0, 0));
    }

    #[test]
    fn an_event_that_starts_after_a_failed_attempt_of_the_one_before_is_early() {
        let checker = checker();
        drop(checker.start(place("N1", 1)));
        handle(&checker, "N1", [2]);
        assert_eq!(checker.shown(), [Violation::Early(place("N1", 2), 0)]);
    }

    #[test]
    fn two_handlers_of_one_aircraft_overlap() {
        let checker = checker();
        let first = checker.start(place("N1", 1));
        let again = checker.start(place("N1", 1));
        assert_eq!(checker.shown(), [Violation::Overlap(place("N1", 1))]);
        again.done();
        first.done();
        handle(&checker, "N1", [2]);
        assert_eq!(checker.violations(), 1);
    }

    #[test]
    fn an_event_that_is_left_out_is_seen_at_the_next_one() {
        let checker = checker();
        handle(&checker, "N1", [1, 3]);
        assert_eq!(checker.shown(), [Violation::Early(place("N1", 3), 1)]);
    }

    #[test]
    fn a_swap_of_two_events_is_seen() {
        let checker = checker();
        handle(&checker, "N1", [2, 1]);
        assert_eq!(checker.shown(), [Violation::Early(place("N1", 2), 0)]);
    }

    #[test]
    fn a_replay_goes_back_and_then_on_in_order() {
        let checker = checker();
        handle(&checker, "N1", [1, 2, 3, 4, 2, 3, 4, 5]);
        assert_eq!((checker.violations(), checker.rewinds()), (0, 1));
        handle(&checker, "N1", [2, 4]);
        assert_eq!(checker.shown(), [Violation::Early(place("N1", 4), 2)]);
    }

    #[test]
    fn an_aircraft_that_nobody_published_is_a_stranger() {
        let checker = checker();
        handle(&checker, "N3", [1]);
        assert_eq!(checker.shown(), [Violation::Stranger(place("N3", 1))]);
    }

    #[test]
    fn all_violations_are_counted_and_the_first_are_shown() {
        let checker = checker();
        (0..50).for_each(|_| handle(&checker, "N3", [1]));
        assert_eq!((checker.violations(), checker.shown().len()), (50, SHOWN));
        assert!(checker.shown()[0].to_string().starts_with("aircraft N3: event 1"));
    }

    #[test]
    fn threads_that_keep_to_their_own_aircraft_break_no_rule() {
        let checker = checker();
        std::thread::scope(|scope| {
            for aircraft in ["N1", "N2"] {
                scope.spawn(|| handle(&checker, aircraft, 1..=10_000));
            }
        });
        assert_eq!(checker.violations(), 0);
    }
}
