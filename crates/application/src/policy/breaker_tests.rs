//! The breaker against what its states mean.

use super::*;
use proptest::prelude::*;

fn policy() -> BreakerPolicy {
    BreakerPolicy { least: 10, events: 100, ..BreakerPolicy::default() }
}

fn at(millis: u64) -> Monotonic {
    Monotonic::ZERO + Duration::from_millis(millis)
}

/// A breaker that is half open, and the time.
fn half_open() -> (Breaker, Monotonic) {
    let mut breaker = Breaker::new(policy());
    let Some(BreakerState::Open { until }) = breaker.observe(0, 10, at(0)) else { panic!("not open") };
    assert_eq!(breaker.wake(until), Some(BreakerState::HalfOpen));
    (breaker, until)
}

#[test]
fn it_opens_when_most_outcomes_are_retryable_failures_and_there_are_enough() {
    let mut breaker = Breaker::new(policy());
    assert_eq!(breaker.observe(0, 9, at(0)), None, "too few to judge");
    assert_eq!(breaker.observe(20, 0, at(1)), None);
    assert_eq!(breaker.observe(0, 10, at(2)), None, "19 of 39");
    assert_eq!(breaker.observe(0, 1, at(3)), Some(BreakerState::Open { until: at(1_003) }));
    assert_eq!(breaker.observe(0, 50, at(4)), None, "said once");
}

#[test]
fn failures_of_an_hour_ago_open_nothing() {
    let mut breaker = Breaker::new(policy());
    breaker.observe(0, 9, at(0));
    assert_eq!(breaker.observe(0, 9, at(3_600_000)), None);
}

#[test]
fn probes_have_answers_from_the_first_one_on_until_it_opens_or_closes() {
    let (mut breaker, now) = half_open();
    assert!(!breaker.has_answers() && breaker.may_probe());
    breaker.probed(Probe::Answered, now);
    assert!(breaker.has_answers() && breaker.may_probe());
    breaker.probed(Probe::Failed, now);
    assert!(!breaker.has_answers());
}

#[test]
fn one_lane_probes_and_a_lost_probe_makes_room_for_another() {
    let (mut breaker, now) = half_open();
    assert!(breaker.may_probe() && !breaker.may_probe());
    assert_eq!(breaker.probed(Probe::Lost, now), None);
    assert!(breaker.may_probe());
    assert_eq!(breaker.probed(Probe::Answered, now), None);
    assert_eq!(breaker.probed(Probe::Answered, now), None, "nobody was probing");
}

#[test]
fn what_started_before_it_opened_neither_closes_nor_opens_it() {
    let (mut breaker, now) = half_open();
    assert_eq!(breaker.observe(1_000, 0, now), None);
    assert_eq!(breaker.observe(0, 1_000, now), None);
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
}

#[test]
fn waits_grow_while_probes_fail_and_also_when_it_opens_again_soon() {
    let (mut breaker, mut now) = half_open();
    let mut waits = Vec::new();
    for _ in 0..6 {
        assert!(breaker.may_probe());
        let Some(BreakerState::Open { until }) = breaker.probed(Probe::Failed, now) else { panic!() };
        waits.push(until.since(now).as_secs());
        now = until;
        breaker.wake(now);
    }
    assert_eq!(waits, [2, 4, 8, 16, 30, 30]);
    for _ in 0..3 {
        breaker.may_probe();
        breaker.probed(Probe::Answered, now);
    }
    assert_eq!(
        breaker.observe(0, 10, now),
        Some(BreakerState::Open { until: now + Duration::from_secs(30) })
    );
}

#[test]
fn a_calm_time_makes_the_next_wait_short_again() {
    let (mut breaker, now) = half_open();
    for _ in 0..3 {
        breaker.may_probe();
        breaker.probed(Probe::Answered, now);
    }
    let later = now + Duration::from_secs(31);
    assert_eq!(
        breaker.observe(0, 10, later),
        Some(BreakerState::Open { until: later + Duration::from_secs(1) })
    );
}

#[test]
fn absurd_settings_are_named_all_at_once() {
    let absurd = BreakerPolicy {
        share: f64::NAN,
        least: 0,
        events: 2_000_000,
        window: Duration::ZERO,
        first_wait: Duration::ZERO,
        longest_wait: Duration::from_secs(7_200),
        multiplier: 0.9,
        probes: 0,
    };
    assert_eq!(absurd.faults().len(), 8);
    assert_eq!(BreakerPolicy::default().faults(), []);
}

#[derive(Debug, Clone)]
enum Step {
    Report(usize, usize),
    Probe(Probe),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let probe = prop_oneof![Just(Probe::Answered), Just(Probe::Failed), Just(Probe::Lost)];
    let step = prop_oneof![
        3 => (0usize..20, 0usize..20).prop_map(|(a, f)| Step::Report(a, f)),
        3 => probe.prop_map(Step::Probe),
        2 => (0u64..40_000).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..200)
}

proptest! {
    #[test]
    fn edges_are_allowed_waits_are_bounded_and_it_never_stays_open(steps in steps()) {
        let mut breaker = Breaker::new(policy());
        let mut now = at(0);
        for step in steps {
            let before = breaker.state();
            let said = match step {
                Step::Report(answered, failed) => breaker.observe(answered, failed, now),
                Step::Probe(probe) => {
                    let may = breaker.may_probe();
                    prop_assert_eq!(may, before == BreakerState::HalfOpen);
                    breaker.probed(probe, now)
                }
                Step::Wait(millis) => {
                    now = now + Duration::from_millis(millis);
                    breaker.wake(now)
                }
            };
            prop_assert_eq!(said.is_some(), breaker.state() != before, "said once a transition");
            let allowed = match (before, breaker.state()) {
                (BreakerState::Closed, BreakerState::HalfOpen) => false,
                (BreakerState::Open { until }, BreakerState::HalfOpen) => until <= now,
                (BreakerState::Open { .. }, BreakerState::Closed) => false,
                (BreakerState::Open { until }, BreakerState::Open { until: again }) => until == again,
                _ => true,
            };
            prop_assert!(allowed, "{:?} to {:?}", before, breaker.state());
            if let BreakerState::Open { until } = breaker.state() {
                prop_assert!(until.since(now) <= policy().longest_wait);
            }
        }
        prop_assert!(breaker.due() == Monotonic::NEVER || breaker.wake(breaker.due()).is_some());
    }

    #[test]
    fn a_share_below_the_threshold_never_opens_it(calls in prop::collection::vec(0usize..50, 0..300)) {
        let mut breaker = Breaker::new(policy());
        for (step, failed) in calls.into_iter().enumerate() {
            prop_assert_eq!(breaker.observe(failed + 1, failed, at(step as u64 * 17)), None);
        }
    }
}
