//! `cargo xtask bench`: ours beside its floor or peer, in a table and in `bench/RESULTS.md`.

mod context;
mod page;
mod program;
mod results;
mod row;

use std::fs;

use anyhow::Context as _;

use crate::workspace;
use context::Context;
use program::Program;
use results::Results;

/// Runs the benches of these names, or all of them, and says whether every one ran to its end.
///
/// Prints the rows as a table, or as JSON, and writes `bench/results.json` and `bench/RESULTS.md` after each bench, so
/// that a run that is broken off keeps what it has measured.
///
/// # Errors
/// Where a name is unknown, or the earlier results cannot be read or the new ones written.
pub(crate) fn run(names: &[String], json: bool, runs: Option<u32>) -> anyhow::Result<bool> {
    let root = workspace::root();
    let programs = Program::choose(Program::all(&root.join("benches"))?, names)?;
    let context = Context::here(&command_line(names, runs))?;
    let folder = root.join("bench");
    fs::create_dir_all(&folder).with_context(|| format!("could not make {}", folder.display()))?;
    let mut results = Results::read(&folder.join("results.json"))?;
    let mut rows = Vec::new();
    let mut well = true;
    for program in &programs {
        match program.measure(root, runs) {
            Ok(measured) => {
                results.replace(program.id(), &context, measured.clone());
                results.write(&folder.join("results.json"))?;
                fs::write(folder.join("RESULTS.md"), page::page(&results))
                    .context("could not write RESULTS.md")?;
                rows.extend(measured);
            }
            Err(error) => {
                well = false;
                eprintln!("error: {}: {error:#}", program.id());
            }
        }
    }
    if json {
        for row in &rows {
            println!("{}", serde_json::to_string(row)?);
        }
    } else {
        print!("{}", page::table(&rows).plain());
    }
    Ok(well)
}

fn command_line(names: &[String], runs: Option<u32>) -> String {
    let names = names.iter().map(|name| format!(" {}", name.to_uppercase())).collect::<String>();
    let runs = runs.map(|runs| format!(" --runs {runs}")).unwrap_or_default();
    format!("cargo xtask bench{names}{runs}")
}
