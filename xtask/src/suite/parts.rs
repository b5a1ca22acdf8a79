//! The table of the parts: from a name to the commands it runs.
//!
//! An empty `target` folder is filled twice only: the checks and `unit` share the dev profile, the programs in `tests/`,
//! the benches and the README's commands share release.

use std::borrow::Cow;

use super::layout::Layout;
use super::part::{Part, Work};
use super::readme;
use super::tool::Tool;
use crate::cargo::Cargo;
use crate::services::Kind;
use crate::tidy;

/// The parts, quick ones first.
pub(crate) const PARTS: &[Part] = &[
    part("fmt", "the code is formatted", Work::Check(&["fmt --all --check"])).needs(Tool::Rustfmt),
    part("tidy", "arrows, sizes, names, docs, leftovers: `cargo xtask tidy`", Work::Inside(tidy::run)),
    part("clippy", "no lint speaks up", Work::Check(&["clippy --workspace --all-targets -- -D warnings"]))
        .needs(Tool::Clippy),
    part("features", "each feature of each crate compiles alone", Work::Found(features)),
    part(
        "docs",
        "the documentation builds without a warning",
        Work::Check(&["doc --workspace --no-deps --lib"]),
    )
    .env(&[("RUSTDOCFLAGS", "-D warnings")]),
    part(
        "deny",
        "licences, bans and sources of dependencies",
        Work::Check(&["deny check bans licenses sources"]),
    )
    .needs(Tool::Deny),
    part(
        "unit",
        "tests of libraries, programs, examples and docs; the crates' own tests/",
        Work::Tests(unit),
    ),
    part("conformance", "the memory broker keeps every port's contract", Work::Program),
    part("kafka", "Kafka keeps every port's contract, on a real broker", Work::Tests(kafka))
        .servers(&[Kind::Kafka]),
    part("simulation", "10,000 seeds break no invariant (LANEWAY_SEEDS changes how many)", Work::Program)
        .env(&[("LANEWAY_SEEDS", "10000")]),
    part("sabotage", "every planted bug turns a suite red", Work::Program),
    part("flights", "the main job equals a plain sequential computation", Work::Program),
    part("readme", "the `cargo run` commands of README.md work as written", Work::Found(readme::commands)),
];

/// The table, and every program in the root package's `tests/` that has no row in it.
pub(crate) fn all(layout: &Layout) -> Vec<Part> {
    let unlisted = layout.root_tests.iter().filter(|test| !PARTS.iter().any(|part| part.name == ***test));
    let unlisted = unlisted.map(|test| Part {
        name: Cow::Owned(test.clone()),
        ..part("", "a program in tests/ of its own", Work::Program)
    });
    PARTS.iter().cloned().chain(unlisted).collect()
}

/// Together with the programs in the root's `tests/`, these run each test of the workspace once.
fn unit(layout: &Layout) -> anyhow::Result<Vec<Cargo>> {
    let mut commands = vec![
        Cargo::new("test --workspace --no-fail-fast --lib --bins --examples"),
        Cargo::new("test --workspace --no-fail-fast --doc"),
    ];
    // Cargo takes a pattern that matches nothing for a mistake.
    if layout.crates_have_tests {
        let excluded =
            layout.asking.iter().map(|package| format!(" --exclude {package}")).collect::<String>();
        let others = format!("test --workspace --exclude {}{excluded} --no-fail-fast --test *", layout.root);
        commands.push(Cargo::new(&others));
    }
    Ok(commands)
}

/// Sessions wait for the broker more than they compute: more of them at once than there are cores.
fn kafka(_: &Layout) -> anyhow::Result<Vec<Cargo>> {
    let suite =
        "test --package laneway-kafka --features server-tests --no-fail-fast --test * -- --test-threads 6";
    Ok(vec![Cargo::new(suite)])
}

fn features(layout: &Layout) -> anyhow::Result<Vec<Cargo>> {
    let alone = |(package, feature): &(String, String)| {
        Cargo::new(&format!("check --package {package} --no-default-features --features {feature}"))
    };
    Ok(layout.features.iter().map(alone).collect())
}

const fn part(name: &'static str, about: &'static str, work: Work) -> Part {
    Part { name: Cow::Borrowed(name), about, needs: None, servers: &[], env: &[], work }
}

impl Part {
    const fn needs(mut self, tool: Tool) -> Self {
        self.needs = Some(tool);
        self
    }

    const fn servers(mut self, servers: &'static [Kind]) -> Self {
        self.servers = servers;
        self
    }

    const fn env(mut self, env: &'static [(&'static str, &'static str)]) -> Self {
        self.env = env;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(name: &str, layout: &Layout) -> Vec<String> {
        let part = all(layout).into_iter().find(|part| part.name == name).unwrap();
        part.commands(layout).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_program_in_tests_without_a_row_becomes_a_part() {
        let layout = Layout { root_tests: vec!["flights".into(), "tenants".into()], ..Layout::default() };
        assert_eq!(lines("tenants", &layout), ["cargo test --release --test tenants"]);
        assert_eq!(all(&layout).iter().filter(|part| part.name == "flights").count(), 1);
    }

    #[test]
    fn a_program_gets_the_features_that_its_manifest_asks_for() {
        let test_features = vec![("sabotage".into(), "sabotage".into()), ("other".into(), "x".into())];
        let layout = Layout { root_tests: vec!["sabotage".into()], test_features, ..Layout::default() };
        let command = "cargo test --release --test sabotage --features sabotage";
        assert_eq!(lines("sabotage", &layout), [command]);
        assert_eq!(
            lines("simulation", &layout),
            ["LANEWAY_SEEDS=10000 cargo test --release --test simulation"]
        );
    }

    #[test]
    fn unit_runs_the_crates_own_tests_only_where_there_are_some() {
        let mut layout = Layout { root: "laneway".into(), ..Layout::default() };
        assert_eq!(lines("unit", &layout).len(), 2);
        layout.crates_have_tests = true;
        let last = "cargo test --workspace --exclude laneway --no-fail-fast --test *";
        assert_eq!(lines("unit", &layout).last().unwrap(), last);
    }

    #[test]
    fn each_feature_is_checked_alone() {
        let layout = Layout { features: vec![("laneway".into(), "kafka".into())], ..Layout::default() };
        let alone = "cargo check --package laneway --no-default-features --features kafka";
        assert_eq!(lines("features", &layout), [alone]);
    }

    #[test]
    fn no_two_rows_share_a_name() {
        let mut names = PARTS.iter().map(|part| &part.name).collect::<Vec<_>>();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), PARTS.len());
    }
}
