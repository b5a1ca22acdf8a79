//! Tests that sleep.

use super::finding::Finding;
use super::tree::Tree;
use super::words::words;

/// Files that may sleep in tests, each with its reason.
const ALLOWED: &[(&str, &str)] =
    &[("crates/testkit/src/clock.rs", "here the clock port meets tokio's timers, which a test can pause")];

/// Finds sleeps in tests, and exceptions that nothing needs.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    check_but(tree, ALLOWED)
}

fn check_but(tree: &Tree, allowed: &[(&str, &str)]) -> Vec<Finding> {
    let (excused, mut findings): (Vec<_>, Vec<_>) =
        sleeps(tree).into_iter().partition(|(path, _)| allowed.iter().any(|(file, _)| file == path));
    let unused = allowed.iter().filter(|(file, _)| !excused.iter().any(|(path, _)| path == file));
    findings.extend(unused.map(|(file, _)| {
        let what = "has no sleep left: take it off the list in tidy/waits.rs";
        ((*file).to_owned(), Finding::new(*file, 1, what))
    }));
    findings.into_iter().map(|(_, finding)| finding).collect()
}

fn sleeps(tree: &Tree) -> Vec<(String, Finding)> {
    let mut found = Vec::new();
    for source in tree.sources() {
        let sleeps = words(&source.tokens).into_iter().filter(|word| {
            let name = ["sleep", "sleep_ms", "sleep_until"].contains(&&*word.text);
            name && word.under.as_deref().is_some_and(|under| under == "thread" || under == "time")
        });
        for word in sleeps.filter(|word| source.is_test(word.line)) {
            let what = "a test sleeps: use the virtual clock, or await a condition with a deadline";
            found.push((source.path.clone(), Finding::new(&source.path, word.line, what)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without exceptions.
    fn check(tree: &Tree) -> Vec<Finding> {
        check_but(tree, &[])
    }

    const SLEEPS: &str = "fn a() {\n    std::thread::sleep(x);\n    tokio::time::sleep(x).await;\n}\nuse tokio::time::{sleep};\n";

    fn tree(path: &str, text: &str) -> Tree {
        Tree::of([(path, text)])
    }

    #[test]
    fn sleeps_in_tests_are_found_in_calls_and_imports() {
        let lines = check(&tree("tests/a.rs", SLEEPS)).iter().map(Finding::line).collect::<Vec<_>>();
        assert_eq!(lines, [2, 3, 5]);
    }

    #[test]
    fn sleeps_under_cfg_test_are_found_and_others_are_clippys_matter() {
        let inside = format!("#[cfg(test)]\nmod tests {{\n{SLEEPS}}}\n");
        assert_eq!(check(&tree("src/a.rs", &inside)).len(), 3);
        assert_eq!(check(&tree("src/a.rs", SLEEPS)), []);
    }

    #[test]
    fn a_clocks_own_methods_are_no_sleeps() {
        assert_eq!(check(&tree("tests/a.rs", "fn a() { clock.sleep(x); self.time.sleep(); }")), []);
    }

    #[test]
    fn an_exception_holds_for_its_file_and_is_found_when_nothing_needs_it() {
        let allowed = [("tests/a.rs", "measures the wall clock itself")];
        assert_eq!(check_but(&tree("tests/a.rs", SLEEPS), &allowed), []);
        assert_eq!(check_but(&tree("tests/a.rs", "fn a() {}"), &allowed).len(), 1);
    }
}
