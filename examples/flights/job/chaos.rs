//! Trouble on purpose: which attempt at which event goes wrong, decided by a seed alone.

use super::chance::mix;
use super::code::Code;
use super::events::FlightEvent;

/// From this attempt on nothing but poison fails, so that a retry policy with as many attempts loses nothing else.
pub(crate) const SAFE_ATTEMPT: u32 = 3;

/// Attempts that fail and that panic, of a thousand.
const FAIL: u64 = 20;
const PANIC: u64 = 2;

/// What happens to an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nothing: it is handled.
    Handled,
    /// It fails, and may succeed when tried again.
    Fail,
    /// The handler panics.
    Panic,
    /// The handler hangs until its time is up.
    Hang,
    /// It fails for good, as every event of its aircraft does.
    Poison,
}

/// A plan of trouble: one poison aircraft, one hang, and failures and panics at random.
///
/// Pure: a fate depends on the seed, the event and the number of the attempt, and not on who asks when.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    seed: u64,
    poison: Option<Code>,
    hang: Option<(Code, u32)>,
}

impl Plan {
    /// Chooses the victims among `aircraft`, which stand in the order of their names.
    pub(crate) fn new(seed: u64, aircraft: &[Code]) -> Self {
        let poison = choose(aircraft, mix([seed, 1]));
        let others: Vec<Code> = aircraft.iter().copied().filter(|code| Some(*code) != poison).collect();
        let hang = choose(&others, mix([seed, 2]));
        // Every aircraft has a first and a second event: a flight is announced, and then leaves or is cancelled.
        let sequence = if mix([seed, 3]).is_multiple_of(2) { 1 } else { 2 };
        Self { seed, poison, hang: hang.map(|code| (code, sequence)) }
    }

    /// The aircraft whose events all fail; none where there are no aircraft.
    pub(crate) fn poison(&self) -> Option<Code> {
        self.poison
    }

    /// Whether an event ends as a dead letter.
    pub(crate) fn is_dead(&self, event: &FlightEvent) -> bool {
        event.aircraft().is_some_and(|aircraft| Some(aircraft) == self.poison)
    }

    /// What happens to an attempt at an event; the first attempt is number 1.
    pub(crate) fn fate(&self, event: &FlightEvent, attempt: u32) -> Fate {
        if self.is_dead(event) {
            return Fate::Poison;
        }
        let place = event.place.map(|place| (place.aircraft, place.sequence.get()));
        if attempt == 1 && place.is_some() && place == self.hang {
            return Fate::Hang;
        }
        if attempt >= SAFE_ATTEMPT {
            return Fate::Handled;
        }
        match mix([self.seed, subject(event), u64::from(attempt)]) % 1_000 {
            draw if draw < FAIL => Fate::Fail,
            draw if draw < FAIL + PANIC => Fate::Panic,
            _ => Fate::Handled,
        }
    }
}

fn subject(event: &FlightEvent) -> u64 {
    match event.place {
        Some(place) => mix([place.aircraft.number(), u64::from(place.sequence.get())]),
        None => mix([
            event.carrier.number(),
            u64::from(event.number),
            u64::from(event.at.number().unsigned_abs()),
        ]),
    }
}

fn choose(aircraft: &[Code], draw: u64) -> Option<Code> {
    let index = draw.checked_rem(aircraft.len() as u64)?;
    aircraft.get(usize::try_from(index).ok()?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::events::Step;
    use crate::job::testing::{code, event};

    fn fleet() -> Vec<Code> {
        (1000..1100).map(|number| code(&format!("N{number}"))).collect()
    }

    fn life(aircraft: Code) -> impl Iterator<Item = FlightEvent> {
        (1..=100).map(move |sequence| event(aircraft.as_str(), sequence, Step::Cancelled))
    }

    fn fates(plan: &Plan, attempt: u32) -> Vec<Fate> {
        fleet().into_iter().flat_map(life).map(|event| plan.fate(&event, attempt)).collect()
    }

    fn count(fates: &[Fate], wanted: Fate) -> usize {
        fates.iter().filter(|fate| **fate == wanted).count()
    }

    #[test]
    fn one_seed_is_one_plan_and_another_seed_another() {
        assert_eq!(fates(&Plan::new(7, &fleet()), 1), fates(&Plan::new(7, &fleet()), 1));
        assert_ne!(fates(&Plan::new(7, &fleet()), 1), fates(&Plan::new(8, &fleet()), 1));
    }

    #[test]
    fn a_plan_holds_failures_panics_one_hang_and_one_poison_aircraft() {
        for seed in 0..50 {
            let first = fates(&Plan::new(seed, &fleet()), 1);
            assert_eq!((count(&first, Fate::Poison), count(&first, Fate::Hang)), (100, 1), "seed {seed}");
            assert!((120..280).contains(&count(&first, Fate::Fail)), "seed {seed}");
            assert!((4..50).contains(&count(&first, Fate::Panic)), "seed {seed}");
        }
    }

    #[test]
    fn only_poison_outlives_the_second_attempt() {
        let plan = Plan::new(7, &fleet());
        assert_eq!(count(&fates(&plan, 2), Fate::Hang), 0);
        assert_ne!(count(&fates(&plan, 2), Fate::Fail), 0);
        for attempt in SAFE_ATTEMPT..6 {
            let late = fates(&plan, attempt);
            assert_eq!((count(&late, Fate::Poison), count(&late, Fate::Handled)), (100, 9_900));
        }
    }

    #[test]
    fn the_dead_are_those_of_the_poison_aircraft() {
        let plan = Plan::new(7, &fleet());
        let dead = fleet().into_iter().flat_map(life).filter(|event| plan.is_dead(event));
        assert!(dead.map(|event| event.aircraft()).all(|aircraft| aircraft == plan.poison()));
    }

    #[test]
    fn events_without_an_aircraft_fail_and_panic_but_do_not_die() {
        let plan = Plan::new(7, &fleet());
        let nobody = |number| FlightEvent { place: None, number, ..event("N1", 1, Step::Cancelled) };
        let fates: Vec<_> = (1..5_000).map(|number| plan.fate(&nobody(number), 1)).collect();
        assert!(count(&fates, Fate::Fail) > 0 && count(&fates, Fate::Panic) > 0);
        assert_eq!((count(&fates, Fate::Poison), count(&fates, Fate::Hang)), (0, 0));
    }

    #[test]
    fn a_fleet_of_one_or_none_leaves_victims_out() {
        let plan = Plan::new(7, &[]);
        assert_eq!((plan.poison(), plan.hang), (None, None));
        let plan = Plan::new(7, &[code("N1")]);
        assert_eq!((plan.poison(), plan.hang), (Some(code("N1")), None));
    }
}
