//! What the tables say of a run beside its summary.

use super::number::grouped;
use crate::job::chaos::Plan;
use crate::job::input::Input;
use crate::job::run::{Outcome, Recovery, Settings};

/// A name and a value each: the lanes, the other group, the plan, and the events by type.
pub(crate) fn facts(input: &Input, settings: &Settings, outcome: &Outcome) -> Vec<(&'static str, String)> {
    let Outcome { aircraft, carriers, peaks, rewinds, .. } = outcome;
    let [lanes, active, waiting] =
        [peaks.lanes, peaks.active, peaks.waiting].map(|count| grouped(count as u64));
    let mut facts = vec![
        ("partitions", grouped(settings.partitions.into())),
        ("lanes, most at a time", lanes),
        ("  of them at work", active),
        ("  of them waiting for a retry", waiting),
        ("carriers: handled", grouped(carriers.handled)),
        ("carriers: parked and redriven", grouped(carriers.redriven)),
        ("carriers: retries", grouped(carriers.retries)),
        ("carriers: dead letters", grouped(carriers.dead_letters)),
        ("commits", grouped(aircraft.commits + carriers.commits)),
        ("rewinds", grouped(*rewinds)),
    ];
    facts.extend(outcome.recovery.iter().flat_map(worked_off));
    let poison = settings.plan.as_ref().and_then(Plan::poison);
    facts.extend(poison.map(|aircraft| ("poison aircraft", aircraft.to_string())));
    facts.extend(input.timeline.types().into_iter().map(|(name, count)| (name, grouped(count))));
    facts
}

/// How a backlog was worked off, in seconds.
fn worked_off(recovery: &Recovery) -> [(&'static str, String); 6] {
    let told = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
    [
        ("backlog", grouped(recovery.backlog)),
        ("  recovery began after, s", told(recovery.entered)),
        ("  everything handled after, s", told(Some(recovery.drained))),
        ("  estimated after a tenth, s", told(recovery.estimated)),
        ("  off by, %", told(recovery.eta_error_percent)),
        ("  as before after, s", told(recovery.left)),
    ]
}
