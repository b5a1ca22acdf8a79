//! Paths of the machine somebody worked on.

use super::finding::Finding;
use super::tree::Tree;

/// Folders that exist on one machine and not on the next.
const FOLDERS: [&str; 3] = ["Users", "root", "home"];

/// Finds absolute paths of a machine.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.files() {
        for (at, line) in text.lines().enumerate() {
            let folder = FOLDERS.into_iter().find(|folder| has_path(line, folder));
            findings.extend(folder.map(|folder| {
                Finding::new(path, at + 1, format!("a path of one machine, /{folder}/..: make it relative"))
            }));
        }
    }
    findings
}

/// Whether a path starts with the folder; in the middle of an address or of a relative path it does not count.
fn has_path(line: &str, folder: &str) -> bool {
    let folder = format!("/{folder}/");
    line.match_indices(&folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|letter| letter.is_whitespace() || "\"'`(=:<[,;|>!".contains(letter))
            || line[..at].ends_with("file://")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> usize {
        check(&Tree::of([("bench/notes.txt", line)])).len()
    }

    #[test]
    fn paths_of_a_machine_are_found_wherever_they_start() {
        for line in ["/*/me/x", "open(\"/*/.cargo\")", "DATA=/*/data", "see `/*/x`", "file:///*/x"] {
            for folder in FOLDERS {
                let line = line.replace('*', folder);
                assert_eq!(found(&line), 1, "{line}");
            }
        }
    }

    #[test]
    fn addresses_and_relative_paths_are_not() {
        for line in ["https://example.com/*/a", "./*/a", "../*/a", "$HOME/*/a", "*work/a", "/*s/a"] {
            for folder in FOLDERS {
                let line = line.replace('*', folder);
                assert_eq!(found(&line), 0, "{line}");
            }
        }
    }
}
