//! Scenarios as tests.

use std::io::Write;
use std::sync::Arc;

use super::factory::Factory;
use super::scenario::Verdict;
use super::table::scenarios;

/// Conducts the scenario of that name. One that the adapter cannot run is skipped, and says so on standard error.
///
/// # Panics
/// Where it fails, or there is none of that name.
pub fn test(factory: Arc<dyn Factory>, name: &str) {
    let Some(scenario) = scenarios().iter().find(|scenario| scenario.name == name) else {
        panic!("there is no scenario `{name}`");
    };
    match scenario.conduct(factory) {
        Verdict::Passed => {}
        Verdict::Skipped(feature) => say(&format!("SKIPPED {name}: it needs an adapter that {feature}")),
        Verdict::Failed(why) => panic!("{why}"),
    }
}

/// Sees that exactly `skipped` scenarios need what the adapter lacks, and says how many run.
///
/// # Panics
/// Where it is another number.
pub fn expect_skipped(factory: &dyn Factory, skipped: usize) {
    let lacking = scenarios().iter().filter_map(|scenario| Some((scenario.name, scenario.lacking(factory)?)));
    let lacking: Vec<_> = lacking.map(|(name, feature)| format!("{name}: {feature}")).collect();
    let all = scenarios().len();
    say(&format!("conformance: {} of {all} scenarios run, {} SKIPPED", all - lacking.len(), lacking.len()));
    assert_eq!(lacking.len(), skipped, "other scenarios are skipped than expected: {lacking:#?}");
}

/// Says something past the test runner's capture.
fn say(line: &str) {
    // A closed standard error changes nothing about the verdict.
    let _ = writeln!(std::io::stderr(), "{line}");
}
