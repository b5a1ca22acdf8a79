//! The paths that ARCHITECTURE.md shows its reader.

use super::finding::Finding;
use super::tree::Tree;

const PAGE: &str = "ARCHITECTURE.md";

/// Folders at the root in which code and docs live.
const ROOMS: [&str; 9] =
    ["crates/", "src/", "tests/", "examples/", "benches/", "bench/", "docs/", "xtask/", ".ci/"];

/// Finds paths in backticks in ARCHITECTURE.md that do not exist.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let text = tree.text(PAGE).unwrap_or_default();
    let mut findings = Vec::new();
    for (at, line) in text.lines().enumerate() {
        for path in paths(line).filter(|path| !tree.has(path)) {
            let what = format!("shows `{path}`, which is not there: show where it went");
            findings.push(Finding::new(PAGE, at + 1, what));
        }
    }
    findings
}

/// What in backticks looks like a path from the root; one with a placeholder in it stands for many.
fn paths(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split('`').skip(1).step_by(2);
    let paths = code.filter(|code| ROOMS.iter().any(|room| code.starts_with(room)));
    let paths = paths.filter(|path| !path.contains([' ', '*', '<', '{', '…']) && !path.contains("..."));
    paths.map(|path| path.split(':').next().unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(page: &str) -> Vec<usize> {
        let files = [(PAGE, page), ("crates/domain/src/session.rs", ""), ("src/bus/mod.rs", "")];
        check(&Tree::of(files)).iter().map(Finding::line).collect()
    }

    #[test]
    fn paths_that_exist_or_stand_for_many_are_in_order() {
        let page = "`crates/domain/src/session.rs:12`, `src/bus/`, `crates/domain`\n`crates/*/src/error.rs` `bus/mod.rs`\n\
                    src/gone.rs `src/ is a folder`\n";
        assert_eq!(found(page), Vec::<usize>::new());
    }

    #[test]
    fn a_path_that_is_gone_is_found() {
        assert_eq!(
            found("See\n`crates/domain/src/sessions.rs` and `src/bus/mod.rs`,\n`docs/adr`.\n"),
            [2, 3]
        );
    }
}
