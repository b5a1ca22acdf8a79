//! The result in numbers.

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::job::input::Input;
use crate::job::run::{Figures, Outcome, Recovery};
use crate::job::state::Books;

/// The result in numbers: what `--json` prints, field by field.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Summary {
    /// Events that were published for the rows of the table.
    pub(crate) events: u64,
    /// Aircraft.
    pub(crate) aggregates: u64,
    /// Events that a handler finished.
    pub(crate) handled: u64,
    /// Rules of order that were broken.
    pub(crate) order_violations: u64,
    /// Events among the handled ones that had been parked behind a dead letter, or were one, and were redriven.
    pub(crate) parked_redriven: u64,
    /// Events and rows that were given up.
    pub(crate) dead_letters: u64,
    /// Attempts after a failed one.
    pub(crate) retries: u64,
    /// From the first publish to the last commit.
    pub(crate) seconds: f64,
    /// Events in a second.
    pub(crate) events_per_second: f64,
    /// From publishing an event to the end of its handler, in microseconds.
    pub(crate) latency_us: Percentiles,
    /// How the group worked its backlog off, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) recovery: Option<Recovery>,
    /// Rows that could not be read; they are among the dead letters, byte for byte.
    pub(crate) malformed_rows: u64,
    /// What the group did that counts per carrier; the figures above are those of the group that keeps the aircraft.
    pub(crate) carriers: Figures,
    /// Whether every event and every malformed row was handled or given up, by both groups.
    pub(crate) adds_up: bool,
    /// The digest of all tables, in hexadecimal.
    pub(crate) books_digest: String,
    /// Whether a plain sequential computation gives the same tables.
    pub(crate) matches_sequential: bool,
}

/// Points of a distribution, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Percentiles {
    /// Half of all values are at most this.
    pub(crate) p50: f64,
    /// All but one in a hundred are.
    pub(crate) p99: f64,
}

impl Percentiles {
    /// Takes them from a histogram of nanoseconds.
    #[expect(clippy::cast_precision_loss, reason = "a latency of 2^53 ns is 104 days")]
    pub(crate) fn of_nanos(histogram: &Histogram<u64>) -> Self {
        let micros = |quantile| histogram.value_at_quantile(quantile) as f64 / 1_000.0;
        Self { p50: micros(0.50), p99: micros(0.99) }
    }
}

impl Summary {
    /// Sums up a run, whose books must be the `expected` ones.
    #[expect(clippy::cast_precision_loss, reason = "counts of events are far below 2^53")]
    pub(crate) fn of(input: &Input, outcome: &Outcome, expected: &Books) -> Self {
        let malformed_rows = input.malformed.len() as u64;
        let events = input.timeline.len() as u64;
        let Outcome { aircraft, carriers, .. } = *outcome;
        let seconds = outcome.elapsed.as_secs_f64();
        Self {
            events,
            aggregates: input.timeline.aircraft().len() as u64,
            handled: aircraft.handled,
            order_violations: outcome.violations,
            parked_redriven: aircraft.redriven,
            dead_letters: aircraft.dead_letters,
            retries: aircraft.retries,
            seconds,
            events_per_second: if seconds > 0.0 { events as f64 / seconds } else { 0.0 },
            latency_us: Percentiles::of_nanos(&outcome.latency),
            recovery: outcome.recovery,
            malformed_rows,
            carriers,
            adds_up: [aircraft, carriers].iter().all(|group| group.add_up(events, malformed_rows)),
            books_digest: format!("{:016x}", outcome.books.digest()),
            matches_sequential: outcome.books == *expected,
        }
    }

    /// Whether everything adds up, in order, to the right result.
    pub(crate) fn is_good(&self) -> bool {
        self.adds_up && self.order_violations == 0 && self.matches_sequential
    }

    /// The summary as a JSON object on one line.
    ///
    /// # Errors
    /// None that is known of; the format's own.
    pub(crate) fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::job::report) fn summary() -> Summary {
        Summary {
            events: 18_259,
            aggregates: 2_048,
            handled: 18_250,
            order_violations: 0,
            parked_redriven: 3,
            dead_letters: 11,
            retries: 5,
            seconds: 0.25,
            events_per_second: 73_036.0,
            latency_us: Percentiles { p50: 12.5, p99: 1_250.0 },
            recovery: None,
            malformed_rows: 2,
            carriers: Figures::default(),
            adds_up: true,
            books_digest: "00ff".to_owned(),
            matches_sequential: true,
        }
    }

    #[test]
    fn json_is_one_line_with_the_promised_keys() {
        let json = summary().to_json().unwrap();
        assert_eq!(json.lines().count(), 1);
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        for key in [
            "events",
            "aggregates",
            "handled",
            "order_violations",
            "parked_redriven",
            "dead_letters",
            "seconds",
        ] {
            assert!(value[key].is_number(), "{key}");
        }
        assert_eq!(value["events_per_second"], 73_036.0);
        assert_eq!(
            (&value["latency_us"]["p50"], &value["latency_us"]["p99"]),
            (&12.5.into(), &1_250.0.into())
        );
    }

    #[test]
    fn a_result_is_good_only_where_everything_holds() {
        assert!(summary().is_good());
        assert!(!Summary { adds_up: false, ..summary() }.is_good());
        assert!(!Summary { order_violations: 1, ..summary() }.is_good());
        assert!(!Summary { matches_sequential: false, ..summary() }.is_good());
    }

    #[test]
    fn figures_add_up_only_where_nothing_is_missing_doubled_or_changed() {
        let figures = Figures { handled: 90, dead_letters: 12, malformed_rows: 2, ..Figures::default() };
        assert!(figures.add_up(100, 2));
        assert!(!Figures { handled: 89, ..figures }.add_up(100, 2));
        assert!(!Figures { handled: 91, ..figures }.add_up(100, 2));
        assert!(!Figures { malformed_rows: 1, ..figures }.add_up(100, 2));
    }

    #[test]
    fn percentiles_are_in_microseconds() {
        let mut histogram = Histogram::<u64>::new(3).unwrap();
        (1..=100).for_each(|micros| histogram.record(micros * 1_000).unwrap());
        let percentiles = Percentiles::of_nanos(&histogram);
        assert!((percentiles.p50 - 50.0).abs() < 0.1 && (percentiles.p99 - 99.0).abs() < 0.1);
    }
}
