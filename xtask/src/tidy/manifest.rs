//! The crates of the workspace and what they name as dependencies.

use cargo_metadata::{DependencyKind, Metadata, Package};

use super::tree::Tree;
use crate::workspace;

/// A crate of the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// The package's name.
    pub(crate) package: String,
    /// The path of its `Cargo.toml` from the root.
    pub(crate) path: String,
    /// What it names as dependencies.
    pub(crate) arrows: Vec<Arrow>,
}

/// A dependency that a crate names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arrow {
    /// The package it points to.
    pub(crate) to: String,
    /// Whether only tests, examples and benches see it.
    pub(crate) dev: bool,
    /// Whether the package is one of the workspace.
    pub(crate) ours: bool,
    /// The line in the manifest.
    pub(crate) line: usize,
}

/// The crates of the workspace.
pub(crate) fn all(metadata: &Metadata, tree: &Tree) -> Vec<Manifest> {
    let names =
        metadata.workspace_packages().iter().map(|package| package.name.to_string()).collect::<Vec<_>>();
    metadata
        .workspace_packages()
        .into_iter()
        .map(|package| manifest(metadata, package, &names, tree))
        .collect()
}

fn manifest(metadata: &Metadata, package: &Package, names: &[String], tree: &Tree) -> Manifest {
    let folder = workspace::folder(metadata, package);
    let path = if folder.is_empty() { "Cargo.toml".to_owned() } else { format!("{folder}/Cargo.toml") };
    let text = tree.text(&path).unwrap_or_default();
    let arrows = package.dependencies.iter().map(|dependency| Arrow {
        to: dependency.name.clone(),
        dev: dependency.kind == DependencyKind::Development,
        ours: names.contains(&dependency.name),
        line: line(text, dependency.rename.as_ref().unwrap_or(&dependency.name)),
    });
    Manifest { package: package.name.to_string(), arrows: arrows.collect(), path }
}

/// The last line that starts with the name: in the root's manifest the dependency table comes before.
fn line(text: &str, name: &str) -> usize {
    let starts = |line: &str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['.', ' ', '=']));
    let lines = text.lines().enumerate().filter(|(_, line)| starts(line));
    lines.last().map_or(1, |(at, _)| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrow_points_to_its_line_under_dependencies() {
        let text = "[workspace.dependencies]\ntokio = \"1\"\n[dependencies]\ntokio-util = \"1\"\ntokio.workspace = true\n";
        assert_eq!((line(text, "tokio"), line(text, "anyhow")), (5, 1));
    }

    #[test]
    fn this_workspace_has_a_domain_that_points_nowhere() {
        let manifests = all(&workspace::members().unwrap(), &Tree::default());
        let domain = manifests.iter().find(|manifest| manifest.package == "laneway-domain").unwrap();
        assert_eq!(domain.path, "crates/domain/Cargo.toml");
        assert!(!domain.arrows.is_empty() && domain.arrows.iter().all(|arrow| !arrow.ours));
    }
}
