//! Violations as people read them.

use std::collections::BTreeSet;
use std::fmt::Write;

use laneway_domain::invariant::{History, Moment, Violation};

/// How many happenings are shown before and behind a violation.
const AROUND: usize = 8;
/// How many violations are shown with what happened around them.
const SHOWN: usize = 5;

/// A text that names each violation, and shows the history around the first few.
#[must_use]
pub fn report(history: &History, violations: &[Violation]) -> String {
    let invariants: BTreeSet<_> = violations.iter().map(|violation| violation.invariant).collect();
    let mut text = format!("{} violations among {} happenings\n", violations.len(), history.len());
    for invariant in invariants {
        line(&mut text, &format!("{invariant}  {}", invariant.sentence()));
    }
    for violation in violations {
        line(&mut text, &violation.to_string());
    }
    for violation in violations.iter().take(SHOWN) {
        line(&mut text, &format!("around {violation}"));
        window(&mut text, history, violation.at);
    }
    text
}

fn window(text: &mut String, history: &History, at: usize) {
    let from = at.saturating_sub(AROUND);
    let moments = history.moments().iter().enumerate().skip(from).take(at - from + AROUND + 1);
    for (index, Moment { at: time, what }) in moments {
        let mark = if index == at { ">" } else { " " };
        line(text, &format!("{mark} #{index} {time:?} {what:?}"));
    }
    if at >= history.len() {
        line(text, &format!("> #{at} {:?} the end", history.end()));
    }
}

fn line(text: &mut String, line: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{line}");
}

#[cfg(test)]
mod tests {
    use laneway_domain::Monotonic;
    use laneway_domain::invariant::{Happening, Invariant, Limits, MemberId};

    use super::*;
    use crate::checkers::check;

    #[test]
    fn a_report_names_the_invariant_and_marks_the_moment() {
        let mut history = History::new();
        for accepted in [false, true, false] {
            let what = Happening::PublishAfterClose { member: MemberId(1), accepted };
            history.push(Monotonic::ZERO, what);
        }
        let text = report(&history, &check(&history, Invariant::all(), &Limits::default()));
        assert!(text.starts_with("1 violations among 3 happenings\nI18  Shutdown:"), "{text}");
        assert!(text.contains("\n> #1 ") && text.contains("\n  #2 "), "{text}");
    }
}
