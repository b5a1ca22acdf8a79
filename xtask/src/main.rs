//! The project's own tasks: `cargo xtask --help` lists them.

mod bench;
mod cargo;
mod services;
mod stopwatch;
mod suite;
mod table;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's own tasks.
#[derive(Parser)]
#[command(name = "xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Test everything, or only the parts that are named
    #[command(after_help = suite::help())]
    Test {
        /// Parts to run, in the order of the list below; all of them when none is named
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
    /// Measure ours beside its floor or peer, and write bench/RESULTS.md
    #[command(after_help = "Programs: benches/s*.rs, one row of JSON per line on standard output.\n\
                      Benches that are not run keep their rows of the last time.")]
    Bench {
        /// Benches to run, S1 for example; all of them when none is named
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// Print the new rows as JSON, one a line, in place of the table
        #[arg(long)]
        json: bool,
        /// Runs of each side; every program has its own default [env for programs: LANEWAY_BENCH_RUNS]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        runs: Option<u32>,
    },
    /// Check arrows, sizes, names, docs and leftovers
    Tidy,
    /// Real servers as plain processes: kafka, nats, postgres, mariadb
    Services {
        #[command(subcommand)]
        action: services::Action,
    },
    /// Test everything as CI does: what would be skipped fails
    Ci,
}

fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Test { names } => suite::run(&names, suite::Demand::from_environment()),
        Task::Ci => suite::run(&[], suite::Demand::Everything),
        Task::Bench { names, json, runs } => bench::run(&names, json, runs),
        Task::Services { action } => services::run(action),
        Task::Tidy => tidy::run(workspace::root()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
