//! What all benches measured last, as `bench/results.json` keeps it.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::context::Context;
use super::row::Row;

/// What all benches measured last, in the order of their numbers.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Results {
    entries: Vec<Entry>,
}

/// What one bench measured last, and with what.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// The bench.
    pub(crate) id: String,
    /// What it was measured with.
    pub(crate) context: Context,
    /// What it measured.
    pub(crate) rows: Vec<Row>,
}

impl Results {
    /// Reads what was kept; nothing, where there is no such file yet.
    pub(crate) fn read(file: &Path) -> anyhow::Result<Self> {
        let text = match fs::read_to_string(file) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            text => text.with_context(|| format!("could not read {}", file.display()))?,
        };
        let broken =
            || format!("{} is not what this program wrote; remove it to start afresh", file.display());
        serde_json::from_str(&text).with_context(broken)
    }

    /// Keeps the results for the next time.
    pub(crate) fn write(&self, file: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(file, text).with_context(|| format!("could not write {}", file.display()))
    }

    /// Puts new rows of a bench in the place of its old ones, and keeps the others.
    pub(crate) fn replace(&mut self, id: String, context: &Context, rows: Vec<Row>) {
        self.entries.retain(|entry| entry.id != id);
        self.entries.push(Entry { id, context: context.clone(), rows });
        // S2 stands before S12.
        self.entries.sort_by(|a, b| (a.id.len(), &a.id).cmp(&(b.id.len(), &b.id)));
    }

    /// The benches with rows, by number.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn context(command: &str) -> Context {
        Context {
            command: command.to_owned(),
            commit: "0123abc".to_owned(),
            rustc: "1.95.0".to_owned(),
            laneway: "0.1.0".to_owned(),
            tokio: "1.54.1".to_owned(),
            cpus: 2,
        }
    }

    pub(crate) fn row(id: &str, ours: f64) -> Row {
        Row {
            id: id.to_owned(),
            workload: "ordered lanes".to_owned(),
            ours,
            floor: Some(7_100_000.0),
            floor_name: Some("bare channel".to_owned()),
            unit: "events/s".to_owned(),
            ratio: Some(0.61),
            target: ">= 0.5".to_owned(),
            runs: 5,
        }
    }

    fn ids(results: &Results) -> Vec<&str> {
        results.entries().iter().map(|entry| &*entry.id).collect()
    }

    #[test]
    fn benches_that_did_not_run_keep_their_rows() {
        let mut results = Results::default();
        for id in ["S12", "S2", "S1"] {
            results.replace(id.to_owned(), &context("first"), vec![row(id, 1.0)]);
        }
        results.replace("S2".to_owned(), &context("second"), vec![row("S2", 2.0)]);
        assert_eq!(ids(&results), ["S1", "S2", "S12"]);
        let commands = results.entries().iter().map(|entry| &*entry.context.command).collect::<Vec<_>>();
        assert_eq!(commands, ["first", "second", "first"]);
    }

    #[test]
    fn results_come_back_as_they_were_written() {
        let folder = std::env::temp_dir().join(format!("xtask-results-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("results.json");
        assert_eq!(Results::read(&file).unwrap(), Results::default());
        let mut results = Results::default();
        results.replace("S1".to_owned(), &context("all"), vec![row("S1", 4.3e6)]);
        results.write(&file).unwrap();
        assert_eq!(Results::read(&file).unwrap(), results);
        fs::write(&file, "{").unwrap();
        assert!(Results::read(&file).unwrap_err().to_string().contains("remove it to start afresh"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
