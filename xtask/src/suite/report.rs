//! What a run of the suite prints at its end.

use std::time::Duration;

use super::count::Count;
use super::outcome::Outcome;
use crate::stopwatch::spoken;
use crate::table::{Align, Table};

/// The table of the parts, what failed and what was skipped, and the closing line.
pub(crate) fn report(outcomes: &[Outcome], elapsed: Duration) -> String {
    let sum = outcomes.iter().map(|outcome| outcome.count).sum::<Count>();
    let mut table = Table::new(&[
        ("part", Align::Left),
        ("result", Align::Left),
        ("passed", Align::Right),
        ("failed", Align::Right),
        ("skipped", Align::Right),
        ("time", Align::Right),
    ]);
    for outcome in outcomes {
        table.push(row(&outcome.name, outcome.word(), outcome.count, outcome.elapsed));
    }
    table.push(row("all", "", sum, elapsed));
    let skipped = outcomes.iter().filter_map(|outcome| {
        let tests = || format!("{} of its tests, which say why above", outcome.count.skipped);
        let why = outcome.skipped.clone().or_else(|| (outcome.count.skipped > 0).then(tests))?;
        Some(format!("SKIPPED {}: {why}\n", outcome.name))
    });
    let failed = outcomes
        .iter()
        .flat_map(|outcome| outcome.failures.iter().map(|what| format!("FAILED {}: {what}\n", outcome.name)));
    format!("{}\n{}{sum}", table.plain(), skipped.chain(failed).collect::<String>())
}

fn row(name: &str, word: &str, count: Count, elapsed: Duration) -> Vec<String> {
    let counted = [count.passed, count.failed, count.skipped].map(|number| number.to_string());
    let [passed, failed, skipped] = counted;
    vec![name.to_owned(), word.to_owned(), passed, failed, skipped, spoken(elapsed)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(name: &str, count: Count, failures: &[&str], skipped: Option<&str>) -> Outcome {
        Outcome {
            name: name.to_owned(),
            count,
            failures: failures.iter().map(ToString::to_string).collect(),
            skipped: skipped.map(str::to_owned),
            elapsed: Duration::from_secs(2),
        }
    }

    #[test]
    fn the_last_line_sums_up_and_stands_alone() {
        let outcomes = [
            outcome("unit", Count { passed: 40, failed: 2, skipped: 0 }, &["`cargo test` failed"], None),
            outcome("deny", Count { passed: 0, failed: 0, skipped: 1 }, &[], Some("no cargo-deny")),
        ];
        let report = report(&outcomes, Duration::from_secs(5));
        assert_eq!(report.lines().last(), Some("40 passed, 2 failed, 1 skipped"));
        assert_eq!(report.matches(" passed, ").count(), 1);
    }

    #[test]
    fn every_failure_and_every_skip_is_named() {
        let outcomes = [
            outcome("unit", Count::default(), &["first", "second"], None),
            outcome("deny", Count::default(), &[], Some("no cargo-deny")),
            outcome("kafka", Count { passed: 3, failed: 0, skipped: 2 }, &[], None),
        ];
        let report = report(&outcomes, Duration::ZERO);
        let lines = report.lines().filter(|line| line.starts_with("FAILED") || line.starts_with("SKIPPED"));
        let expected = [
            "SKIPPED deny: no cargo-deny",
            "SKIPPED kafka: 2 of its tests, which say why above",
            "FAILED unit: first",
            "FAILED unit: second",
        ];
        assert_eq!(lines.collect::<Vec<_>>(), expected);
    }
}
