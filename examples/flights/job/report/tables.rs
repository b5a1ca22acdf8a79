//! The result for people.

use std::fmt;

use super::chart::Chart;
use super::number::{grouped, rounded, share};
use super::summary::Summary;
use super::table::Table;
use crate::job::state::Books;

/// The result as tables and a chart, for a terminal or a pipe.
pub(crate) struct Tables<'a> {
    /// The numbers.
    pub(crate) summary: &'a Summary,
    /// The tables of the job.
    pub(crate) books: &'a Books,
    /// What else there is to say about the run: a name and a value each.
    pub(crate) facts: &'a [(&'static str, String)],
}

impl Tables<'_> {
    fn result(&self) -> Table<2> {
        let s = self.summary;
        let mut table = Table::new("Result");
        let mut row = |name: &str, value: String| table.row([name.to_owned(), value]);
        row("events", grouped(s.events));
        row("aircraft", grouped(s.aggregates));
        row("events without an aircraft", grouped(self.books.fleet.unassigned));
        row("handled", grouped(s.handled));
        row("  of them parked and redriven", grouped(s.parked_redriven));
        row("retries", grouped(s.retries));
        row("dead letters", grouped(s.dead_letters));
        row("  of them malformed rows", grouped(s.malformed_rows));
        row("order violations", grouped(s.order_violations));
        row("seconds", format!("{:.3}", s.seconds));
        row("events/s", grouped(rounded(s.events_per_second)));
        row("latency p50", format!("{:.1} µs", s.latency_us.p50));
        row("latency p99", format!("{:.1} µs", s.latency_us.p99));
        for (name, value) in self.facts {
            row(name, value.clone());
        }
        row("adds up", yes(s.adds_up));
        row("equals the sequential computation", yes(s.matches_sequential));
        row("digest of the tables", s.books_digest.clone());
        table
    }

    fn chains(&self) -> Table<6> {
        let headings = ["aircraft", "chain", "legs", "cancelled", "minutes late", "per leg"];
        let mut table =
            Table::new("The ten aircraft with the longest knock-on chains").with_headings(headings);
        for (code, aircraft) in self.books.fleet.longest_chains(10) {
            let [chain, legs, cancelled, late] =
                [aircraft.longest_chain, aircraft.legs, aircraft.cancelled, aircraft.minutes_late]
                    .map(u64::from);
            let per_leg = late.checked_div(legs).map_or_else(|| "-".to_owned(), grouped);
            let [chain, legs, cancelled, late] = [chain, legs, cancelled, late].map(grouped);
            table.row([code.to_string(), chain, legs, cancelled, late, per_leg]);
        }
        table
    }

    fn carriers(&self) -> Table<6> {
        let headings = ["carrier", "flights", "cancelled", "departed late", "share", "minutes late"];
        let mut table = Table::new("Flights by carrier").with_headings(headings);
        let mut carriers: Vec<_> = self.books.traffic.carriers.iter().collect();
        carriers.sort_by_key(|(_, carrier)| std::cmp::Reverse(carrier.flights));
        for (code, c) in carriers {
            let [flights, cancelled, departed_late, minutes] =
                [c.flights, c.cancelled, c.departed_late, c.minutes_late].map(grouped);
            let late = share(c.departed_late, c.flights);
            table.row([code.to_string(), flights, cancelled, departed_late, late, minutes]);
        }
        table
    }
}

impl fmt::Display for Tables<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.result())?;
        writeln!(f, "{}", self.chains())?;
        writeln!(f, "{}", self.carriers())?;
        write!(f, "{}", Chart(&self.books.traffic.hours).to_string().trim_end())
    }
}

fn yes(holds: bool) -> String {
    if holds { "yes" } else { "NO" }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::events::Step;
    use crate::job::report::summary::tests::summary;
    use crate::job::testing::event;

    fn text(summary: &Summary) -> String {
        let mut books = Books::default();
        let steps =
            [Step::Departed { delay: 20 }, Step::Arrived { delay: Some(20) }, Step::Departed { delay: 30 }];
        for (sequence, step) in (1..).zip(steps) {
            books.apply(&event("N14228", sequence, step));
        }
        Tables { summary, books: &books, facts: &[("lanes", "3".to_owned())] }.to_string()
    }

    #[test]
    fn the_tables_show_every_number_of_the_summary() {
        let text = text(&summary());
        for shown in ["18,259", "2,048", "18,250", "0.250", "73,036", "12.5 µs", "1250.0 µs", "00ff", "lanes"]
        {
            assert!(text.contains(shown), "{shown} in\n{text}");
        }
        assert!(
            text.lines().any(|line| line.split_whitespace().eq(["N14228", "1", "2", "0", "20", "10"])),
            "{text}"
        );
    }

    #[test]
    fn what_does_not_hold_catches_the_eye() {
        assert!(!text(&summary()).contains("NO"));
        assert!(text(&Summary { adds_up: false, ..summary() }).contains("NO"));
    }

    #[test]
    fn no_line_is_wider_than_a_terminal() {
        let text = text(&summary());
        assert!(
            text.lines().all(|line| line.chars().count() <= 100 && line.trim_end().len() <= 300),
            "{text}"
        );
    }
}
