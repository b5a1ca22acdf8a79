//! The programs in `benches/`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, bail, ensure};

use super::row::Row;
use crate::cargo::Cargo;

/// A bench: a program `benches/s1.rs` that prints one row of JSON per line on standard output, and anything else on
/// standard error.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Program {
    number: u32,
}

impl Program {
    /// The programs in a folder, by number.
    pub(crate) fn all(folder: &Path) -> anyhow::Result<Vec<Self>> {
        let entries = fs::read_dir(folder).with_context(|| format!("could not read {}", folder.display()))?;
        let mut programs = Vec::new();
        for entry in entries {
            let name = entry.with_context(|| format!("could not read {}", folder.display()))?.file_name();
            programs.extend(name.to_str().and_then(|name| name.strip_suffix(".rs")).and_then(Self::named));
        }
        programs.sort();
        Ok(programs)
    }

    /// Those of `known` that are named, or all of them; case does not matter.
    pub(crate) fn choose(known: Vec<Self>, names: &[String]) -> anyhow::Result<Vec<Self>> {
        ensure!(!known.is_empty(), "there is no bench in benches/");
        let mut wanted = Vec::new();
        for name in names {
            match Self::named(name).filter(|program| known.contains(program)) {
                Some(program) => wanted.push(program),
                None => bail!("no bench is named `{name}`; there are: {}", list(&known)),
            }
        }
        Ok(known.into_iter().filter(|program| names.is_empty() || wanted.contains(program)).collect())
    }

    /// The name on the scorecard: `S1`.
    pub(crate) fn id(&self) -> String {
        format!("S{}", self.number)
    }

    /// Runs the program and reads its rows.
    ///
    /// # Errors
    /// Where it does not start, fails, or prints something else than rows of its own on standard output.
    pub(crate) fn measure(&self, root: &Path, runs: Option<u32>) -> anyhow::Result<Vec<Row>> {
        let mut command = Cargo::new(&format!("bench --bench s{}", self.number));
        if let Some(runs) = runs {
            command = command.with("LANEWAY_BENCH_RUNS", runs.to_string());
        }
        eprintln!("$ {command}");
        let mut child = command.command(root).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().context("its output is gone")?;
        let rows = self.rows(BufReader::new(output), runs);
        let status = child.wait()?;
        ensure!(status.success(), "`{command}` failed: {status}");
        rows
    }

    /// Reads to the end even after a bad line, so that the program never waits for a reader.
    fn rows(&self, output: impl BufRead, runs: Option<u32>) -> anyhow::Result<Vec<Row>> {
        let lines = output.lines().collect::<Result<Vec<_>, _>>().context("could not read its output")?;
        let lines = lines.iter().filter(|line| !line.trim().is_empty());
        let rows = lines.map(|line| self.row(line, runs)).collect::<anyhow::Result<Vec<_>>>()?;
        ensure!(!rows.is_empty(), "it printed no row");
        Ok(rows)
    }

    fn row(&self, line: &str, runs: Option<u32>) -> anyhow::Result<Row> {
        let row = serde_json::from_str::<Row>(line);
        let row = row.with_context(|| format!("a line on standard output is no row: {line}"))?;
        ensure!(row.id == self.id(), "a row says that it belongs to {}: {line}", row.id);
        if let Some(runs) = runs.filter(|runs| *runs != row.runs) {
            eprintln!("note: {}, {}: {} runs were asked for, {} done", row.id, row.workload, runs, row.runs);
        }
        Ok(row)
    }

    fn named(name: &str) -> Option<Self> {
        let number = name.strip_prefix(['s', 'S'])?;
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        number.parse().ok().map(|number| Self { number })
    }
}

fn list(programs: &[Program]) -> String {
    programs.iter().map(Program::id).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const S1: Program = Program { number: 1 };
    const S12: Program = Program { number: 12 };
    const ROW: &str = r#"{"id":"S1","workload":"bounded","ours":4.3e6,"floor":7.1e6,"unit":"events/s","ratio":0.6,"target":">= 0.5","runs":5}"#;

    #[test]
    fn names_choose_in_either_case_and_none_chooses_all() {
        assert_eq!(Program::choose(vec![S1, S12], &["s12".to_owned()]).unwrap(), [S12]);
        assert_eq!(Program::choose(vec![S1, S12], &[]).unwrap(), [S1, S12]);
    }

    #[test]
    fn an_unknown_name_is_an_error_that_lists_the_known_ones() {
        for name in ["S2", "support", "S1x", "S"] {
            let error = Program::choose(vec![S1, S12], &[name.to_owned()]).unwrap_err().to_string();
            assert_eq!(error, format!("no bench is named `{name}`; there are: S1, S12"));
        }
    }

    #[test]
    fn a_row_is_read_from_a_line() {
        let rows = S1.rows(format!("{ROW}\n\n{ROW}\n").as_bytes(), Some(5)).unwrap();
        assert_eq!((rows.len(), rows[0].ours, rows[0].floor), (2, 4.3e6, Some(7.1e6)));
    }

    #[test]
    fn output_that_is_no_row_of_this_bench_is_an_error() {
        let unknown = ROW.replace("\"runs\"", "\"tries\"");
        for output in ["", "warming up", ROW.replace("S1", "S2").as_str(), unknown.as_str()] {
            assert!(S1.rows(output.as_bytes(), None).is_err(), "{output}");
        }
    }
}
