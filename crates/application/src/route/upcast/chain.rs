//! The rules of chains.

use std::collections::{BTreeMap, BTreeSet};

use laneway_domain::{EventKind, EventType};

use super::error::ChainError;
use super::step::Step;

/// Finds the first rule that steps break.
pub(super) fn check(steps: &[Step]) -> Result<(), ChainError> {
    steps.iter().try_for_each(single)?;
    let ways = ways(steps)?;
    ways.keys().try_for_each(|start| circle(start, &ways))?;
    versions(steps).into_iter().try_for_each(|(event_type, versions)| hole(event_type, &versions))
}

/// What a step breaks alone.
fn single(step: &Step) -> Result<(), ChainError> {
    let (from, to) = (step.from.clone(), step.to.clone());
    if let Some(kind) = [&from, &to].into_iter().find(|kind| kind.version == 0) {
        return Err(ChainError::Zero { kind: kind.clone() });
    }
    if from.event_type != to.event_type {
        return Ok(());
    }
    match to.version.checked_sub(from.version) {
        None => Err(ChainError::Downwards { from, to }),
        Some(0) => Err(ChainError::Cycle { start: from }),
        Some(1) => Ok(()),
        Some(_) => Err(ChainError::Hole { event_type: from.event_type, missing: from.version + 1 }),
    }
}

type Ways<'a> = BTreeMap<&'a EventKind, &'a EventKind>;

fn ways(steps: &[Step]) -> Result<Ways<'_>, ChainError> {
    let mut ways = Ways::new();
    for Step { from, to, .. } in steps {
        if let Some(first) = ways.insert(from, to) {
            let (first, second) = (first.clone(), to.clone());
            return Err(ChainError::Twice { from: from.clone(), first, second });
        }
    }
    Ok(ways)
}

fn circle(start: &EventKind, ways: &Ways<'_>) -> Result<(), ChainError> {
    let mut at = start;
    for _ in 0..ways.len() {
        match ways.get(at) {
            None => return Ok(()),
            Some(next) if *next == start => return Err(ChainError::Cycle { start: start.clone() }),
            Some(next) => at = next,
        }
    }
    // Not back to the start, and no end: the circle lies behind it, and is found from there.
    Ok(())
}

/// The versions of each type from which a step leads.
fn versions(steps: &[Step]) -> BTreeMap<&EventType, BTreeSet<u32>> {
    let mut versions: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for Step { from, .. } in steps {
        versions.entry(&from.event_type).or_default().insert(from.version);
    }
    versions
}

fn hole(event_type: &EventType, versions: &BTreeSet<u32>) -> Result<(), ChainError> {
    let behind = |(low, high): (&u32, &u32)| (high - low > 1).then_some(low + 1);
    match versions.iter().zip(versions.iter().skip(1)).find_map(behind) {
        None => Ok(()),
        Some(missing) => Err(ChainError::Hole { event_type: event_type.clone(), missing }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> EventKind {
        let (name, version) = text.split_once(' ').unwrap();
        EventKind::new(EventType::new(name).unwrap(), version.parse().unwrap())
    }

    fn said(steps: &[(&str, &str)]) -> String {
        let steps: Vec<_> = steps.iter().map(|(from, to)| Step::new(kind(from), kind(to), Ok)).collect();
        check(&steps).map_or_else(|error| error.to_string(), |()| "fine".to_owned())
    }

    #[test]
    fn each_fault_names_its_type_and_versions() {
        for (steps, expected) in [
            (&[("a 1", "a 2"), ("a 2", "a 3"), ("b 4", "b 5")][..], "fine"),
            (&[("old 1", "old 2"), ("old 2", "new 1"), ("new 1", "new 2")], "fine"),
            (&[("a 1", "a 2"), ("a 1", "b 2")], "two steps lead from a v1: to a v2 and to b v2"),
            (&[("a 2", "a 1")], "the step from a v2 to a v1 leads downwards"),
            (&[("a 1", "a 3")], "a has a hole: no step leads from version 2, but steps lead around it"),
            (
                &[("a 1", "a 2"), ("a 3", "a 4")],
                "a has a hole: no step leads from version 2, but steps lead around it",
            ),
            (&[("a 2", "a 2")], "the steps from a v2 lead back to it"),
            (&[("a 1", "b 1"), ("b 1", "c 1"), ("c 1", "b 1")], "the steps from b v1 lead back to it"),
            (&[("a 0", "a 1")], "a v0: versions count from 1"),
        ] {
            assert_eq!(said(steps), expected, "{steps:?}");
        }
    }
}
