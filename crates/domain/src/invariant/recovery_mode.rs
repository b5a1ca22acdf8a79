//! I16: allowed edges only, and at most one switch per hysteresis window.

use std::collections::HashMap;

use super::happening::Happening;
use super::history::History;
use super::id::Invariant;
use super::limits::Limits;
use super::terms::RecoveryMode;
use super::violation::{Findings, Violation};

/// `Normal -> Recovering -> Draining -> Normal`, and back from `Draining` to `Recovering` where the backlog returns.
/// That I1, I3 and I4 hold through each switch is theirs to say.
pub(super) fn check(history: &History, limits: &Limits) -> Vec<Violation> {
    let mut last = HashMap::new();
    let mut findings = Findings::of(Invariant::I16);
    for (index, at, what) in history.iter() {
        let Happening::RecoverySwitched { group, from, to } = what else { continue };
        if !is_allowed(*from, *to) {
            findings.add(index, || format!("group {group} switched from {from:?} to {to:?}"));
        }
        if let Some((before, mode)) = last.insert(group, (at, *to)) {
            if mode != *from {
                findings.add(index, || format!("group {group} left {from:?} and was in {mode:?}"));
            }
            // Draining ends when it is empty: only what follows a switch into or out of it is counted by its start.
            if *from != RecoveryMode::Draining && at.since(before) < limits.hysteresis {
                findings.add(index, || format!("group {group} switched again after {:?}", at.since(before)));
            }
        }
    }
    findings.done()
}

fn is_allowed(from: RecoveryMode, to: RecoveryMode) -> bool {
    use RecoveryMode::{Draining, Normal, Recovering};
    matches!((from, to), (Normal, Recovering) | (Recovering, Draining) | (Draining, Normal | Recovering))
}
