//! I9: with the inbox, one effect per group and event.

use std::collections::HashMap;

use super::happening::Happening;
use super::history::History;
use super::id::Invariant;
use super::limits::Limits;
use super::violation::{Findings, Violation};

/// Looks at effects only: a history without an inbox records none.
pub(super) fn check(history: &History, _limits: &Limits) -> Vec<Violation> {
    let mut first = HashMap::new();
    let mut findings = Findings::of(Invariant::I9);
    for (index, _, what) in history.iter() {
        let Happening::EffectApplied { place, id, key } = what else { continue };
        if let Some(before) = first.insert((&place.scope.group, id), index) {
            findings.add(index, || format!("event {id} of {key} took effect again, first at #{before}"));
        }
    }
    findings.done()
}
