//! A year of flights: every aircraft in order, on the memory bus.
//!
//! `cargo run --release --example flights -- --help` tells how to run it.

mod job;

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::ensure;
use clap::Parser;

use job::arguments::Arguments;
use job::chaos::Plan;
use job::input::Input;
use job::oracle::sequential;
use job::rehearsal::{Outcome, rehearse};
use job::report::{Summary, Tables, grouped};
use job::rows::Source;
use job::state::Books;

/// How many lines of one complaint are shown.
const SHOWN: usize = 20;

fn main() -> ExitCode {
    run(&Arguments::parse()).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let idle = arguments.workers.is_none() && arguments.handler_ms.is_none();
    ensure!(idle, "--workers and --handler-ms need the bus, and this build runs the job without it");
    let source = arguments.data.as_deref().map_or_else(Source::sample, Source::open)?;
    let input = Input::read(source)?;
    complain("malformed rows", &input.malformed);
    let plan = arguments.chaos.map(|seed| Plan::new(seed, input.timeline.aircraft()));
    let outcome = rehearse(&input.timeline, plan.as_ref(), usize::try_from(arguments.partitions)?)?;
    complain("order violations", &outcome.shown);
    let expected = expect(&input, plan.as_ref());
    complain("entries that differ from the sequential computation", &outcome.books.diff(&expected));
    let summary = Summary::of(&input, &outcome, &expected);
    if arguments.json {
        print(&summary.to_json()?)?;
    } else {
        let facts = facts(&input, plan.as_ref(), &outcome);
        print(&Tables { summary: &summary, books: &outcome.books, facts: &facts })?;
    }
    Ok(if summary.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn complain<T: Display>(about: &str, lines: &[T]) {
    for line in lines.iter().take(SHOWN) {
        eprintln!("{line}");
    }
    if lines.len() > SHOWN {
        eprintln!("and so on: {} {about}", lines.len());
    }
}

/// What the tables must be: those of all events but the ones that the plan kills.
fn expect(input: &Input, plan: Option<&Plan>) -> Books {
    sequential(input.timeline.events().filter(|event| plan.is_none_or(|plan| !plan.is_dead(event))))
}

/// What the tables say beside the summary.
fn facts(input: &Input, plan: Option<&Plan>, outcome: &Outcome) -> Vec<(&'static str, String)> {
    let mut facts = vec![("lanes", "none, no bus".to_owned()), ("rewinds", grouped(outcome.rewinds))];
    facts.extend(plan.and_then(Plan::poison).map(|aircraft| ("poison aircraft", aircraft.to_string())));
    facts.extend(input.timeline.types().into_iter().map(|(name, count)| (name, grouped(count))));
    facts
}

fn print(text: &dyn Display) -> io::Result<()> {
    match writeln!(io::stdout().lock(), "{text}") {
        // Who reads the first lines and closes the pipe has what it wanted.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
