//! Making a failing scenario smaller.

use laneway_application::policy::FlowLimits;
use laneway_application::route::OrderingMode;

use super::failure::Failure;
use super::run::simulate_scenario;
use super::scenario::Scenario;
use crate::conformance::Factory;
use crate::faults::FaultPlan;

/// Tries smaller variations of a failing scenario, and goes on with each that still breaks the first invariant it
/// broke; at most `tries` runs. The smallest failure that was found.
#[must_use]
pub fn shrink(failure: Box<Failure>, factory: &dyn Factory, tries: usize) -> Box<Failure> {
    let (mut smallest, mut left) = (failure, tries);
    'again: loop {
        for smaller in variations(&smallest.scenario) {
            if left == 0 {
                return smallest;
            }
            left -= 1;
            let broken = smallest.violations.first().map(|violation| violation.invariant);
            let failed = simulate_scenario(smaller, factory).err();
            if let Some(failed) = failed.filter(|failed| broken.is_none_or(|broken| failed.breaks(broken))) {
                smallest = failed;
                continue 'again;
            }
        }
        return smallest;
    }
}

/// Scenarios with less in them, the boldest cuts first.
fn variations(scenario: &Scenario) -> Vec<Scenario> {
    let mut all = Vec::new();
    let mut cut = |change: &dyn Fn(&mut Scenario)| {
        let mut smaller = scenario.clone();
        change(&mut smaller);
        if smaller != *scenario {
            all.push(smaller);
        }
    };
    cut(&|s| s.faults = FaultPlan::quiet(s.faults.seed));
    cut(&|s| s.script.clear());
    cut(&|s| s.groups.truncate(1.max(s.groups.len() / 2)));
    cut(&|s| s.groups.iter_mut().for_each(|group| group.members = 1));
    cut(&|s| s.keep = None);
    cut(&|s| s.state_bytes = None);
    cut(&|s| s.groups.iter_mut().for_each(|group| group.merges = None));
    cut(&|s| s.groups.iter_mut().for_each(|group| group.flow = FlowLimits::default()));
    cut(&|s| s.groups.iter_mut().for_each(|group| group.modes = None));
    cut(&|s| s.groups.iter_mut().for_each(|group| group.ordering = OrderingMode::PerAggregate));
    cut(&|s| {
        s.groups.retain(|group| !group.reads_side);
        s.groups.iter_mut().for_each(|group| group.temper.publishes = 0);
    });
    for fault in scenario.faults.rates.keys() {
        cut(&|s| s.faults.rates.retain(|known, _| known != fault));
    }
    for at in 0..scenario.script.len() {
        cut(&|s| s.script = [&s.script[..at], &s.script[at + 1..]].concat());
    }
    let aggregates: std::collections::BTreeSet<_> =
        scenario.events.iter().map(|event| event.aggregate).collect();
    for aggregate in aggregates {
        cut(&|s| s.events.retain(|event| event.aggregate != aggregate));
    }
    let half = scenario.events.len() / 2;
    cut(&|s| s.events.truncate(half));
    cut(&|s| s.events.truncate(s.events.len().saturating_sub(1)));
    all.retain(|smaller| {
        !smaller.events.is_empty() && smaller.script.iter().all(|s| s.group < smaller.groups.len())
    });
    all
}
