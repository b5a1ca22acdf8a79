//! Who may depend on whom.

use super::finding::Finding;
use super::manifest::{Arrow, Manifest};

const DOMAIN: &str = "laneway-domain";
const DERIVE: &str = "laneway-derive";
const APPLICATION: &str = "laneway-application";
const CODECS: &str = "laneway-codecs";
const MEMORY: &str = "laneway-memory";
const KAFKA: &str = "laneway-kafka";
const NATS: &str = "laneway-nats";
const OUTBOX: &str = "laneway-outbox";
const TESTKIT: &str = "laneway-testkit";
const ROOT: &str = "laneway";

/// The crates of ours that a crate may see, always and in its tests.
struct Sight {
    package: &'static str,
    always: &'static [&'static str],
    in_tests: &'static [&'static str],
}

/// The figure of ARCHITECTURE.md, row by row. Change both, or neither.
const SIGHTS: &[Sight] = &[
    sight(DOMAIN, &[], &[]),
    sight(DERIVE, &[], &[DOMAIN]),
    sight(APPLICATION, &[DOMAIN], &[DERIVE, MEMORY, TESTKIT]),
    sight(CODECS, &[DOMAIN], &[]),
    sight(MEMORY, &[DOMAIN], &[TESTKIT]),
    sight(KAFKA, &[DOMAIN], &[APPLICATION, CODECS, MEMORY, TESTKIT]),
    sight(NATS, &[DOMAIN], &[TESTKIT]),
    sight(OUTBOX, &[DOMAIN], &[TESTKIT]),
    sight(TESTKIT, &[DOMAIN, APPLICATION], &[]),
    sight(ROOT, &[DOMAIN, DERIVE, APPLICATION, CODECS, MEMORY, KAFKA, NATS, OUTBOX, TESTKIT], &[ROOT]),
    sight("laneway-cli", &[ROOT], &[]),
    sight("laneway-console", &[ROOT], &[]),
    sight("xtask", &[], &[]),
];

/// Clients of brokers and databases, and the one crate that may see each.
const CLIENTS: &[(&str, &str)] = &[
    ("rdkafka", KAFKA),
    ("rdkafka-sys", KAFKA),
    ("async-nats", NATS),
    ("sea-orm", OUTBOX),
    ("sea-orm-migration", OUTBOX),
];

const fn sight(
    package: &'static str,
    always: &'static [&'static str],
    in_tests: &'static [&'static str],
) -> Sight {
    Sight { package, always, in_tests }
}

/// Finds dependencies that point where they must not.
pub(crate) fn check(manifests: &[Manifest]) -> Vec<Finding> {
    let findings = manifests.iter().flat_map(|manifest| {
        let Some(sight) = SIGHTS.iter().find(|sight| sight.package == manifest.package) else {
            let what = format!("`{}` has no row in the table of arrows: give it one", manifest.package);
            return vec![Finding::new(&manifest.path, 1, what)];
        };
        let wrong = manifest.arrows.iter().filter_map(|arrow| Some((arrow.line, objection(sight, arrow)?)));
        wrong.map(|(line, what)| Finding::new(&manifest.path, line, what)).collect()
    });
    findings.collect()
}

fn objection(sight: &Sight, arrow: &Arrow) -> Option<String> {
    let (from, to) = (sight.package, &*arrow.to);
    let client = CLIENTS.iter().find(|(client, _)| *client == to);
    if let Some((_, owner)) = client.filter(|(_, owner)| *owner != from) {
        return Some(format!("only {owner} sees {to}: go through a port"));
    }
    let seen = sight.always.contains(&to) || (arrow.dev && sight.in_tests.contains(&to));
    if !arrow.ours || seen {
        return None;
    }
    if sight.in_tests.contains(&to) {
        return Some(format!("{from} sees {to} in tests only: move it to dev-dependencies"));
    }
    Some(format!("{from} must not see {to}: the arrow points the other way, or not at all"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(package: &str, to: &str, dev: bool) -> Manifest {
        let arrow = Arrow { to: to.to_owned(), dev, ours: to.starts_with("laneway"), line: 7 };
        Manifest { package: package.to_owned(), path: "Cargo.toml".to_owned(), arrows: vec![arrow] }
    }

    fn found(package: &str, to: &str, dev: bool) -> String {
        check(&[manifest(package, to, dev)]).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn arrows_of_the_figure_are_allowed() {
        assert_eq!(found(APPLICATION, DOMAIN, false), "");
        assert_eq!(found(APPLICATION, MEMORY, true), "");
        assert_eq!(found(DERIVE, DOMAIN, true), "");
        assert_eq!(found(ROOT, KAFKA, false), "");
        assert_eq!(found(ROOT, TESTKIT, false), "");
        assert_eq!(found(ROOT, ROOT, true), "");
        assert_eq!(found(KAFKA, "rdkafka", false), "");
        assert_eq!(found(DOMAIN, "bytes", false), "");
    }

    #[test]
    fn an_arrow_against_the_figure_is_found() {
        assert!(found(DOMAIN, APPLICATION, false).starts_with("Cargo.toml:7: laneway-domain must not see"));
        assert!(found(MEMORY, KAFKA, true).contains("must not see"));
        assert!(found("xtask", DOMAIN, true).contains("must not see"));
    }

    #[test]
    fn an_arrow_for_tests_is_found_where_production_uses_it() {
        assert!(found(APPLICATION, MEMORY, false).contains("move it to dev-dependencies"));
        assert!(found(DERIVE, DOMAIN, false).contains("move it to dev-dependencies"));
    }

    #[test]
    fn a_client_is_found_in_any_crate_but_its_own() {
        assert!(found(OUTBOX, "rdkafka", false).contains("only laneway-kafka sees rdkafka"));
        assert!(found(TESTKIT, "async-nats", true).contains("only laneway-nats sees async-nats"));
        assert!(found(APPLICATION, "sea-orm", false).contains("only laneway-outbox sees sea-orm"));
    }

    #[test]
    fn a_crate_without_a_row_is_found() {
        assert!(found("laneway-redis", DOMAIN, false).contains("give it one"));
    }
}
