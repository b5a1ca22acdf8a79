//! A table in plain text.

use std::fmt;

/// Rows of cells: the first column stands to the left, the others to the right.
pub(super) struct Table<const N: usize> {
    title: &'static str,
    headings: Option<[String; N]>,
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    /// A table without headings.
    pub(super) const fn new(title: &'static str) -> Self {
        Self { title, headings: None, rows: Vec::new() }
    }

    /// Sets a heading over each column.
    pub(super) fn with_headings(self, headings: [&str; N]) -> Self {
        Self { headings: Some(headings.map(str::to_owned)), ..self }
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells);
    }

    fn widths(&self) -> [usize; N] {
        let lines = || self.headings.iter().chain(&self.rows);
        std::array::from_fn(|column| lines().map(|line| line[column].chars().count()).max().unwrap_or(0))
    }
}

impl<const N: usize> fmt::Display for Table<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        writeln!(f, "{}", self.title)?;
        if let Some(headings) = &self.headings {
            line(f, headings, widths)?;
        }
        line(f, &widths.map(|width| "─".repeat(width)), widths)?;
        self.rows.iter().try_for_each(|row| line(f, row, widths))
    }
}

fn line<const N: usize>(f: &mut fmt::Formatter<'_>, cells: &[String; N], widths: [usize; N]) -> fmt::Result {
    for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
        match column {
            0 => write!(f, "  {cell:<width$}")?,
            _ => write!(f, "  {cell:>width$}")?,
        }
    }
    writeln!(f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new("Carriers").with_headings(["carrier", "n"]);
        table.row(["UA".to_owned(), "1,045".to_owned()]);
        table.row(["é".to_owned(), "7".to_owned()]);
        let expected = "Carriers\n  carrier      n\n  ───────  ─────\n  UA       1,045\n  é            7\n";
        assert_eq!(table.to_string(), expected);
    }
}
