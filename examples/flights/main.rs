//! A year of flights: every aircraft in order, on the memory bus.
//!
//! `cargo run --release --example flights -- --help` tells how to run it.

// The job is tested by tests/flights.rs, which includes the same parts: nothing is tested twice.
#![cfg(not(test))]

mod job;

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use job::arguments::Arguments;
use job::input::Input;
use job::oracle::expected;
use job::report::{Summary, Tables, facts};
use job::rows::Source;
use job::run::Settings;

/// How many lines of one complaint are shown.
const SHOWN: usize = 20;

fn main() -> ExitCode {
    run(&Arguments::parse()).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let source = arguments.data.as_deref().map_or_else(Source::sample, Source::open)?;
    let input = Input::read(source)?;
    complain("malformed rows", &input.malformed);
    let settings = Settings::new(arguments, input.timeline.aircraft());
    let outcome = job::run::run(&input, &settings)?;
    complain("order violations", &outcome.shown);
    let expected = expected(&input.timeline);
    complain("entries that differ from the sequential computation", &outcome.books.diff(&expected));
    let summary = Summary::of(&input, &outcome, &expected);
    if arguments.json {
        print(&summary.to_json()?)?;
    } else {
        let facts = facts(&input, &settings, &outcome);
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

fn print(text: &dyn Display) -> io::Result<()> {
    match writeln!(io::stdout().lock(), "{text}") {
        // Who reads the first lines and closes the pipe has what it wanted.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
