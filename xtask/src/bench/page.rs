//! The results for people: a table, and the page `bench/RESULTS.md`.

use super::context::Context;
use super::results::Results;
use super::row::Row;
use crate::table::{Align, Table};

const HEAD: &str = "# Bench results

Each row sets our figure beside its floor or peer, measured in the same run; both are medians. Absolute figures drift
with the machine, ratios less. `cargo xtask bench` writes this page; a bench that is not run keeps its rows.
";

/// Rows as a table.
pub(crate) fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(&[
        ("bench", Align::Left),
        ("workload", Align::Left),
        ("ours", Align::Right),
        ("floor or peer", Align::Right),
        ("unit", Align::Left),
        ("against", Align::Left),
        ("ratio", Align::Right),
        ("target", Align::Left),
        ("runs", Align::Right),
    ]);
    for row in rows {
        table.push(vec![
            row.id.clone(),
            row.workload.clone(),
            figure(row.ours),
            row.floor.map_or_else(|| "-".to_owned(), figure),
            row.unit.clone(),
            row.floor_name.clone().unwrap_or_else(|| "-".to_owned()),
            row.ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.3}")),
            row.target.clone(),
            row.runs.to_string(),
        ]);
    }
    table
}

/// The whole page.
pub(crate) fn page(results: &Results) -> String {
    let rows = results.entries().iter().flat_map(|entry| entry.rows.iter().cloned()).collect::<Vec<_>>();
    let how = provenance(results).markdown();
    format!(
        "{HEAD}\n{}\n## Measured with\n\n{how}\nA `+` behind a commit: with changes on top of it.\n",
        table(&rows).markdown()
    )
}

/// Benches of one context share a row.
fn provenance(results: &Results) -> Table {
    let mut contexts: Vec<(&Context, Vec<&str>)> = Vec::new();
    for entry in results.entries() {
        match contexts.iter_mut().find(|(context, _)| **context == entry.context) {
            Some((_, ids)) => ids.push(&entry.id),
            None => contexts.push((&entry.context, vec![&entry.id])),
        }
    }
    let mut table = Table::new(&[
        ("benches", Align::Left),
        ("command", Align::Left),
        ("commit", Align::Left),
        ("rustc", Align::Left),
        ("laneway", Align::Left),
        ("tokio", Align::Left),
        ("CPUs", Align::Right),
    ]);
    for (context, ids) in contexts {
        let Context { command, commit, rustc, laneway, tokio, cpus } = context.clone();
        table.push(vec![
            ids.join(" "),
            format!("`{command}`"),
            commit,
            rustc,
            laneway,
            tokio,
            cpus.to_string(),
        ]);
    }
    table
}

/// Three digits at least, and thousands apart: `4,300,000`, `97.1`, `0.0123`.
fn figure(value: f64) -> String {
    let size = value.abs();
    if size >= 1000.0 {
        return thousands(&format!("{value:.0}"));
    }
    let places = match size {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        0.1.. => 3,
        _ => 4,
    };
    format!("{value:.places$}")
}

fn thousands(digits: &str) -> String {
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::results::tests::{context, row};
    use super::*;

    #[test]
    fn figures_keep_three_digits_and_part_thousands() {
        let figures = [4_300_000.0, 999_999.6, 1000.0, 999.4, 97.12, 1.234, 0.0123, 0.0].map(figure);
        assert_eq!(figures, ["4,300,000", "1,000,000", "1,000", "999", "97.1", "1.23", "0.0123", "0.0000"]);
    }

    #[test]
    fn the_page_shows_every_row_and_what_it_was_measured_with() {
        let mut results = Results::default();
        results.replace("S1".to_owned(), &context("cargo xtask bench"), vec![row("S1", 4.3e6)]);
        results.replace("S2".to_owned(), &context("cargo xtask bench"), vec![row("S2", 88.0)]);
        results.replace("S5".to_owned(), &context("cargo xtask bench S5"), vec![row("S5", 1.0)]);
        let page = page(&results);
        assert!(page.contains(
            "| S1 | ordered lanes | 4,300,000 | 7,100,000 | events/s | bare channel | 0.610 | >= 0.5 | 5 |"
        ));
        assert!(
            page.contains("| S1 S2 | `cargo xtask bench` | 0123abc | 1.95.0 | 0.1.0 | 1.54.1 | 2 |"),
            "{page}"
        );
        assert!(page.contains("| S5 | `cargo xtask bench S5` |"));
    }

    #[test]
    fn a_row_without_floor_and_ratio_shows_dashes() {
        let alone = Row { floor: None, floor_name: None, ratio: None, ..row("S12", 212.0) };
        assert!(table(&[alone]).markdown().contains("| 212 | - | events/s | - | - |"));
    }
}
