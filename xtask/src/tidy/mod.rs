//! `cargo xtask tidy`: what a reviewer should never have to say twice.
//!
//! Each check is a function from the [`Tree`] to findings, in a file of its own, with a bad example that it must find.

mod arrows;
mod code_map;
mod decisions;
mod finding;
mod glossary;
mod ignored;
mod leftovers;
mod links;
mod machine;
mod manifest;
mod names;
mod pages;
mod sizes;
mod source;
mod tree;
mod waits;
mod words;

use std::path::Path;

use crate::workspace;
use finding::Finding;
use tree::Tree;

/// A check: what in the tree is against the rule.
type Check = fn(&Tree) -> Vec<Finding>;

const CHECKS: &[(&str, Check)] = &[
    ("sizes", sizes::check),
    ("names", names::check),
    ("glossary", glossary::check),
    ("pages", pages::check),
    ("links", links::check),
    ("decisions", decisions::check),
    ("code map", code_map::check),
    ("ignored", ignored::check),
    ("waits", waits::check),
    ("leftovers", leftovers::check),
    ("machine", machine::check),
];

/// Checks the workspace in `root`, prints figures and findings, and says whether there is no finding.
///
/// # Errors
/// Where the files cannot be read, or cargo cannot be asked for the crates.
pub(crate) fn run(root: &Path) -> anyhow::Result<bool> {
    let tree = Tree::read(root)?;
    let mut findings = tree.unreadable();
    findings.extend(arrows::check(&manifest::all(&workspace::members()?, &tree)));
    findings.extend(CHECKS.iter().flat_map(|(_, check)| check(&tree)));
    findings.sort();
    findings.dedup();
    println!("{}", sizes::figures(&tree));
    for finding in &findings {
        println!("{finding}");
    }
    let checks = CHECKS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    println!("tidy: {} found (arrows, {checks})", findings.len());
    Ok(findings.is_empty())
}
