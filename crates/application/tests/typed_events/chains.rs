//! Chains of upcasters, whatever their steps.

use std::collections::{BTreeMap, BTreeSet};

use laneway_application::route::{ChainError, Upcasters};
use laneway_domain::{EventKind, EventType};
use proptest::prelude::*;

const TYPES: [EventType; 3] =
    [EventType::from_static("a"), EventType::from_static("b"), EventType::from_static("c")];

type Steps = Vec<(EventKind, EventKind)>;

fn built(steps: &Steps) -> Result<Upcasters, ChainError> {
    let builder = steps.iter().cloned().fold(Upcasters::builder(), |builder, (from, to)| {
        let name = to.to_string();
        builder.step(from, to, move |mut json| {
            json.as_array_mut().ok_or("no array")?.push(name.clone().into());
            Ok(json)
        })
    });
    builder.build()
}

fn any_steps() -> impl Strategy<Value = Steps> {
    let kind = (0..3usize, 0..5u32).prop_map(|(at, version)| EventKind::new(TYPES[at].clone(), version));
    // Most steps are good ones, so that long chains come up.
    let good = (0..3usize, 1..5u32).prop_map(|(at, version)| {
        (EventKind::new(TYPES[at].clone(), version), EventKind::new(TYPES[at].clone(), version + 1))
    });
    prop::collection::vec(prop_oneof![4 => good, 1 => (kind.clone(), kind)], 0..8)
}

/// Whether what the error says is so.
fn holds(error: &ChainError, steps: &Steps) -> bool {
    let step = |from: &EventKind, to: &EventKind| steps.contains(&(from.clone(), to.clone()));
    match error {
        ChainError::Zero { kind } => {
            kind.version == 0 && steps.iter().any(|(from, to)| from == kind || to == kind)
        }
        ChainError::Twice { from, first, second } => {
            step(from, first) && step(from, second) && steps.iter().filter(|step| step.0 == *from).count() > 1
        }
        ChainError::Downwards { from, to } => {
            step(from, to) && from.event_type == to.event_type && to.version < from.version
        }
        ChainError::Hole { event_type, missing } => {
            let of = |kind: &EventKind| (kind.event_type == *event_type).then_some(kind.version);
            let above = steps.iter().any(|(from, to)| of(from).max(of(to)) > Some(*missing));
            let below = steps.iter().any(|(from, _)| of(from).is_some_and(|version| version < *missing));
            let leads = steps.iter().any(|(from, to)| of(from) == Some(*missing) && from != to);
            above && below && !leads
                || steps.iter().any(|(from, to)| {
                    of(from) == missing.checked_sub(1) && of(to).is_some_and(|to| to > *missing)
                })
        }
        ChainError::Cycle { start } => {
            let ways: BTreeMap<_, _> = steps.iter().map(|(from, to)| (from, to)).collect();
            let way = std::iter::successors(ways.get(start), |at| ways.get(**at));
            step(start, start) || way.take(steps.len() + 1).any(|at| *at == start)
        }
        _ => false,
    }
}

/// Whether the steps keep every rule of chains.
fn are_sound(steps: &Steps) -> bool {
    let starts: BTreeSet<_> = steps.iter().map(|(from, _)| from).collect();
    let next = steps.iter().all(|(from, to)| {
        from.version > 0
            && to.version > 0
            && (from.event_type != to.event_type || to.version == from.version + 1)
    });
    let contiguous = starts.iter().all(|start| {
        let above = starts.iter().any(|s| s.event_type == start.event_type && s.version > start.version);
        !above || starts.contains(&EventKind::new(start.event_type.clone(), start.version + 1))
    });
    let ways: BTreeMap<_, _> = steps.iter().map(|(from, to)| (from, to)).collect();
    let ends = starts.iter().all(|start| {
        let way = std::iter::successors(ways.get(*start), |at| ways.get(**at));
        way.take(steps.len() + 1).count() <= steps.len()
    });
    starts.len() == steps.len() && next && contiguous && ends
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_chain_is_built_exactly_when_it_is_sound_and_the_error_is_true(steps in any_steps()) {
        match built(&steps) {
            Ok(_) => prop_assert!(are_sound(&steps), "{steps:?}"),
            Err(error) => {
                prop_assert!(!are_sound(&steps), "{error}: {steps:?}");
                prop_assert!(holds(&error, &steps), "{error}: {steps:?}");
            }
        }
    }

    #[test]
    fn every_step_from_a_version_to_the_end_is_taken_once_in_order(first in 1..6u32, length in 0..6u32, at in 0..8u32) {
        let kind = |version| EventKind::new(TYPES[0].clone(), version);
        let mut steps: Steps = (first..first + length).map(|v| (kind(v), kind(v + 1))).collect();
        steps.reverse();
        let start = first + at;
        let (end, taken) = built(&steps).unwrap().lift(kind(start), b"[]").unwrap();
        let expected: Vec<String> = (start..first + length).map(|v| kind(v + 1).to_string()).collect();
        prop_assert_eq!(end, kind(start.max(if at < length { first + length } else { start })));
        prop_assert_eq!(taken, serde_json::json!(expected));
    }
}
