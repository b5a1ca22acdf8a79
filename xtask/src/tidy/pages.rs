//! Pages that a stranger looks for.

use super::finding::Finding;
use super::tree::Tree;

const PAGES: [(&str, &str); 4] = [
    ("README.md", "what it is, a quick start, where next"),
    ("ARCHITECTURE.md", "the code map, the arrows, what is absent"),
    ("CONTRIBUTING.md", "how to build, test and propose a change"),
    ("CHANGELOG.md", "what changed, in sentences"),
];

/// Finds pages that are missing or empty.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let missing = PAGES.iter().filter(|(page, _)| tree.text(page).is_none_or(|text| text.trim().is_empty()));
    missing.map(|(page, what)| Finding::new(*page, 1, format!("is missing: write {what}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_and_empty_pages_are_found() {
        let tree =
            Tree::of([("README.md", "# Laneway"), ("ARCHITECTURE.md", " \n"), ("CHANGELOG.md", "# Changes")]);
        let found = check(&tree).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert!(found[0].starts_with("ARCHITECTURE.md:1:") && found[1].starts_with("CONTRIBUTING.md:1:"));
        assert_eq!(found.len(), 2);
    }
}
