//! `cargo xtask test`: the parts of the suite, one after the other, and a closing line.

mod count;
mod layout;
mod outcome;
mod part;
mod parts;
mod readme;
mod report;
mod runner;
mod servers;
mod stream;
mod tally;
mod tool;

use anyhow::bail;

use crate::stopwatch::Stopwatch;
use crate::workspace;
use layout::Layout;
use part::Part;
use servers::Servers;

/// What a run does about a tool or a server that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Demand {
    /// Runs what it can, and says what it skipped.
    Whatever,
    /// Fails: a check that did not run has not passed.
    Everything,
}

impl Demand {
    /// Everything where `CI=true`, whatever is there elsewhere.
    pub(crate) fn from_environment() -> Self {
        if std::env::var("CI").is_ok_and(|ci| ci == "true") { Self::Everything } else { Self::Whatever }
    }
}

/// The list of parts, for `--help`.
pub(crate) fn help() -> String {
    let lines = parts::PARTS.iter().map(|part| format!("  {:<12} {}\n", part.name, part.about));
    format!(
        "Parts:\n{}Any other tests/NAME.rs is the part NAME.\n\n\
         With CI=true in the environment, what would be skipped fails; LANEWAY_REQUIRE=kafka,nats or =all demands servers.",
        lines.collect::<String>()
    )
}

/// Runs the parts of these names, or all of them, and says whether every one passed.
///
/// # Errors
/// Where a name is unknown, or cargo cannot be asked what the workspace holds.
pub(crate) fn run(names: &[String], demand: Demand) -> anyhow::Result<bool> {
    let watch = Stopwatch::start();
    let layout = Layout::of(&workspace::members()?);
    let parts = chosen(parts::all(&layout), names)?;
    let mut servers = Servers::of_this_machine();
    let run = |part| runner::run(part, &layout, demand, &mut servers);
    let outcomes = parts.iter().map(run).collect::<Vec<_>>();
    servers.give_back();
    println!("\n{}", report::report(&outcomes, watch.elapsed()));
    Ok(outcomes.iter().all(|outcome| outcome.failures.is_empty()))
}

fn chosen(parts: Vec<Part>, names: &[String]) -> anyhow::Result<Vec<Part>> {
    if let Some(unknown) = names.iter().find(|name| !parts.iter().any(|part| part.name == **name)) {
        let known = parts.iter().map(|part| &*part.name).collect::<Vec<_>>();
        bail!("no part is named `{unknown}`; there are: {}", known.join(", "));
    }
    Ok(parts.into_iter().filter(|part| names.is_empty() || names.contains(&part.name.to_string())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn no_name_chooses_every_part() {
        let all = parts::all(&Layout::default());
        assert_eq!(chosen(all, &[]).unwrap().len(), parts::PARTS.len());
    }

    #[test]
    fn a_name_chooses_its_part_only() {
        let chosen = chosen(parts::all(&Layout::default()), &names(&["tidy"])).unwrap();
        assert_eq!(chosen.iter().map(|part| &*part.name).collect::<Vec<_>>(), ["tidy"]);
    }

    #[test]
    fn an_unknown_name_is_an_error_that_lists_the_known_ones() {
        let error = chosen(parts::all(&Layout::default()), &names(&["tdiy"])).unwrap_err().to_string();
        assert!(error.contains("`tdiy`") && error.contains("fmt, tidy, clippy"), "{error}");
    }
}
