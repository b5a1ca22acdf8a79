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
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    name: String,
}

impl Program {
    /// The programs in a folder, by name; S2 stands before S12.
    pub(crate) fn all(folder: &Path) -> anyhow::Result<Vec<Self>> {
        let entries = fs::read_dir(folder).with_context(|| format!("could not read {}", folder.display()))?;
        let mut programs = Vec::new();
        for entry in entries {
            let name = entry.with_context(|| format!("could not read {}", folder.display()))?.file_name();
            programs.extend(name.to_str().and_then(|name| name.strip_suffix(".rs")).and_then(Self::named));
        }
        programs.sort_by(|a, b| (a.name.len(), &a.name).cmp(&(b.name.len(), &b.name)));
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

    /// The name on the scorecard: `S1` for `s1.rs`.
    pub(crate) fn id(&self) -> String {
        self.name.to_uppercase()
    }

    /// Runs the program and reads its rows.
    ///
    /// # Errors
    /// Where it does not start, fails, or prints something else than rows of its own on standard output.
    pub(crate) fn measure(&self, root: &Path, runs: Option<u32>) -> anyhow::Result<Vec<Row>> {
        let mut command = Cargo::new(&format!("bench --bench {}", self.name));
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
        let legal = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        legal.then(|| Self { name: name.to_lowercase() })
    }
}

fn list(programs: &[Program]) -> String {
    programs.iter().map(Program::id).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = r#"{"id":"S1","workload":"bounded","ours":4.3e6,"floor":7.1e6,"unit":"events/s","ratio":0.6,"target":">= 0.5","runs":5}"#;

    fn known() -> Vec<Program> {
        ["s1", "s12", "typed"].map(|name| Program::named(name).unwrap()).into()
    }

    fn s1() -> Program {
        known().remove(0)
    }

    #[test]
    fn names_choose_in_either_case_and_none_chooses_all() {
        let chosen = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            Program::choose(known(), &names).unwrap().iter().map(Program::id).collect::<Vec<_>>()
        };
        assert_eq!(chosen(&["Typed", "s12"]), ["S12", "TYPED"]);
        assert_eq!(chosen(&[]), ["S1", "S12", "TYPED"]);
    }

    #[test]
    fn an_unknown_name_is_an_error_that_lists_the_known_ones() {
        for name in ["S2", "support", "S1x", "S", ""] {
            let error = Program::choose(known(), &[name.to_owned()]).unwrap_err().to_string();
            assert_eq!(error, format!("no bench is named `{name}`; there are: S1, S12, TYPED"));
        }
    }

    #[test]
    fn a_row_is_read_from_a_line() {
        let rows = s1().rows(format!("{ROW}\n\n{ROW}\n").as_bytes(), Some(5)).unwrap();
        assert_eq!((rows.len(), rows[0].ours, rows[0].floor), (2, 4.3e6, Some(7.1e6)));
    }

    #[test]
    fn output_that_is_no_row_of_this_bench_is_an_error() {
        let unknown = ROW.replace("\"runs\"", "\"tries\"");
        for output in ["", "warming up", ROW.replace("S1", "S2").as_str(), unknown.as_str()] {
            assert!(s1().rows(output.as_bytes(), None).is_err(), "{output}");
        }
    }
}
