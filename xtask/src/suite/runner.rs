//! Runs one part.

use std::io;

use anyhow::Context;

use super::Demand;
use super::count::Count;
use super::layout::Layout;
use super::outcome::Outcome;
use super::part::{Part, Work};
use super::servers::{Provision, Servers};
use super::stream::stream;
use super::tally::Tally;
use crate::cargo::Cargo;
use crate::stopwatch::{Stopwatch, spoken};
use crate::workspace;

/// Runs a part to its end, whatever fails in it, and prints its name and time.
pub(crate) fn run(part: &Part, layout: &Layout, demand: Demand, servers: &mut Servers) -> Outcome {
    println!("\n==> {}: {}", part.name, part.about);
    let watch = Stopwatch::start();
    let (count, failures, skipped) = match provision(part, demand, servers) {
        Provision::Failed(why) => (FAILED, vec![why], None),
        Provision::Skipped(why) => (SKIPPED, Vec::new(), Some(why)),
        Provision::Ready(variables) => {
            let (count, failures) = attempt(part, layout, &variables);
            let (count, failures) = judge(part.counts_tests(), demand, count, failures);
            (count, failures, None)
        }
    };
    let outcome = Outcome { name: part.name.to_string(), count, failures, skipped, elapsed: watch.elapsed() };
    let why =
        outcome.skipped.iter().chain(&outcome.failures).map(|why| format!(" ({why})")).collect::<String>();
    println!("<== {}: {} in {}{why}", outcome.name, outcome.word(), spoken(outcome.elapsed));
    outcome
}

const PASSED: Count = Count { passed: 1, failed: 0, skipped: 0 };
const FAILED: Count = Count { passed: 0, failed: 1, skipped: 0 };
const SKIPPED: Count = Count { passed: 0, failed: 0, skipped: 1 };

/// The tool and the servers that the part needs.
fn provision(part: &Part, demand: Demand, servers: &mut Servers) -> Provision {
    let missing = part.needs.filter(|tool| !tool.is_here(workspace::root()));
    match missing.map(|tool| (tool, tool.missing().to_owned())) {
        Some((tool, why)) if demand == Demand::Everything && tool.is_demanded() => Provision::Failed(why),
        Some((_, why)) => Provision::Skipped(why),
        None => servers.provide(part, demand),
    }
}

/// Does the part's work: what its tests counted, and what failed.
fn attempt(part: &Part, layout: &Layout, variables: &[(&'static str, String)]) -> (Count, Vec<String>) {
    if let Work::Inside(check) = part.work {
        return (Count::default(), failure(check(workspace::root()), &part.name));
    }
    let commands = match part.commands(layout) {
        Ok(commands) => commands,
        Err(error) => return (Count::default(), vec![format!("{error:#}")]),
    };
    let (mut count, mut failures) = (Count::default(), Vec::new());
    let with = |command, (name, value): &(&'static str, String)| Cargo::with(command, name, value.clone());
    for command in commands {
        let command = &variables.iter().fold(command, with);
        let mut tally = Tally::default();
        let done = execute(command, &mut tally);
        count += tally.finish();
        failures.extend(failure(done, &command.to_string()));
    }
    (count, failures)
}

fn execute(command: &Cargo, tally: &mut Tally) -> anyhow::Result<bool> {
    println!("$ {command}");
    let status = stream(&mut command.command(workspace::root()), &mut io::stdout().lock(), tally);
    Ok(status.with_context(|| format!("could not run `{command}`"))?.success())
}

fn failure(done: anyhow::Result<bool>, what: &str) -> Vec<String> {
    match done {
        Ok(true) => Vec::new(),
        Ok(false) => vec![format!("`{what}` failed")],
        Err(error) => vec![format!("{error:#}")],
    }
}

/// Turns what was seen into the part's count. A part that is one check counts 1; a part of tests that ran none, or broke
/// before it could count, has failed.
fn judge(
    counts_tests: bool,
    demand: Demand,
    mut count: Count,
    mut failures: Vec<String>,
) -> (Count, Vec<String>) {
    if !counts_tests {
        return (if failures.is_empty() { PASSED } else { FAILED }, failures);
    }
    if failures.is_empty() && count.total() == 0 {
        failures.push("no test ran".to_owned());
    }
    if demand == Demand::Everything && count.skipped > 0 {
        failures.push(format!("{} skipped, where everything is demanded", count.skipped));
        count = Count { failed: count.failed + count.skipped, skipped: 0, ..count };
    }
    if !failures.is_empty() && count.failed == 0 {
        count.failed = 1;
    }
    (count, failures)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(passed: u64, failed: u64, skipped: u64) -> Count {
        Count { passed, failed, skipped }
    }

    #[test]
    fn a_check_counts_one() {
        let broken = vec!["`cargo clippy` failed".to_owned()];
        assert_eq!(judge(false, Demand::Whatever, Count::default(), Vec::new()).0, PASSED);
        assert_eq!(judge(false, Demand::Whatever, Count::default(), broken).0, FAILED);
    }

    #[test]
    fn tests_that_do_not_compile_are_a_failure() {
        let broken = vec!["`cargo test` failed".to_owned()];
        assert_eq!(judge(true, Demand::Whatever, Count::default(), broken).0, FAILED);
    }

    #[test]
    fn tests_that_never_ran_are_a_failure() {
        let (seen, failures) = judge(true, Demand::Whatever, Count::default(), Vec::new());
        assert_eq!((seen, failures), (FAILED, vec!["no test ran".to_owned()]));
    }

    #[test]
    fn a_skipped_test_fails_only_where_everything_is_demanded() {
        assert_eq!(judge(true, Demand::Whatever, count(3, 0, 2), Vec::new()), (count(3, 0, 2), Vec::new()));
        let (seen, failures) = judge(true, Demand::Everything, count(3, 0, 2), Vec::new());
        assert_eq!((seen, failures.len()), (count(3, 2, 0), 1));
    }

    #[test]
    fn failures_that_the_tests_counted_are_not_counted_twice() {
        let broken = vec!["`cargo test` failed".to_owned()];
        assert_eq!(judge(true, Demand::Whatever, count(3, 2, 0), broken).0, count(3, 2, 0));
    }
}
