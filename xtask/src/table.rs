//! Text tables with aligned columns.

/// Where the cells of a column stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// At the left: names and text.
    Left,
    /// At the right: figures.
    Right,
}

/// A table: a head, and rows of as many cells.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table with these columns.
    pub(crate) fn new(columns: &[(&'static str, Align)]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row, one cell a column.
    pub(crate) fn push(&mut self, row: Vec<String>) {
        debug_assert_eq!(row.len(), self.columns.len(), "one cell a column");
        self.rows.push(row);
    }

    /// The table for a terminal.
    pub(crate) fn plain(&self) -> String {
        let widths = self.widths();
        let head = self.columns.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>();
        let line = |cells: &[String]| self.padded(cells, &widths).join("  ").trim_end().to_owned() + "\n";
        std::iter::once(&head).chain(&self.rows).map(|row| line(row)).collect()
    }

    /// The table for a Markdown page.
    pub(crate) fn markdown(&self) -> String {
        let name = |(name, _): &(&'static str, Align)| (*name).to_owned();
        let rule = |(_, align): &(&'static str, Align)| match align {
            Align::Left => "---".to_owned(),
            Align::Right => "---:".to_owned(),
        };
        let head = self.columns.iter().map(name).collect::<Vec<_>>();
        let rule = self.columns.iter().map(rule).collect::<Vec<_>>();
        let line = |cells: &Vec<String>| {
            let cells = cells.iter().map(|cell| cell.replace('|', "\\|")).collect::<Vec<_>>();
            format!("| {} |\n", cells.join(" | "))
        };
        [&head, &rule].into_iter().chain(&self.rows).map(line).collect()
    }

    fn widths(&self) -> Vec<usize> {
        let wide = |(column, (name, _)): (usize, &(&str, Align))| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).chain([name.chars().count()]).max().unwrap_or(0)
        };
        self.columns.iter().enumerate().map(wide).collect()
    }

    fn padded(&self, cells: &[String], widths: &[usize]) -> Vec<String> {
        let pad = |((cell, (_, align)), width): ((&String, &(&str, Align)), &usize)| match align {
            Align::Left => format!("{cell:<width$}"),
            Align::Right => format!("{cell:>width$}"),
        };
        cells.iter().zip(&self.columns).zip(widths).map(pad).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&[("name", Align::Left), ("n", Align::Right)]);
        table.push(vec!["lanes".into(), "7".into()]);
        table.push(vec!["a|b".into(), "1,200".into()]);
        table
    }

    #[test]
    fn columns_stand_under_each_other() {
        assert_eq!(table().plain(), "name       n\nlanes      7\na|b    1,200\n");
    }

    #[test]
    fn markdown_keeps_a_bar_inside_its_cell() {
        assert_eq!(table().markdown(), "| name | n |\n| --- | ---: |\n| lanes | 7 |\n| a\\|b | 1,200 |\n");
    }
}
