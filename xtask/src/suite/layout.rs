//! What of the workspace decides which commands a part runs.

use cargo_metadata::{Metadata, Package, Target, TargetKind};

use crate::workspace;

/// What of the workspace decides which commands a part runs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layout {
    /// The name of the root package.
    pub(crate) root: String,
    /// The programs in the root package's `tests/`.
    pub(crate) root_tests: Vec<String>,
    /// A program in the root package's `tests/`, and a feature that it asks for in the manifest.
    pub(crate) test_features: Vec<(String, String)>,
    /// Whether another package has programs in a `tests/` of its own that ask for nothing.
    pub(crate) crates_have_tests: bool,
    /// Other packages whose programs in `tests/` ask for a feature: each has a part of its own.
    pub(crate) asking: Vec<String>,
    /// Package and feature, for every feature but `default`.
    pub(crate) features: Vec<(String, String)>,
}

impl Layout {
    /// The layout that cargo sees.
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let is_root = |package: &&Package| workspace::folder(metadata, package).is_empty();
        let (root, others): (Vec<_>, Vec<_>) = metadata.workspace_packages().into_iter().partition(is_root);
        let mut features =
            root.iter().chain(&others).flat_map(|package| features(package)).collect::<Vec<_>>();
        features.sort();
        let asks = |package: &&Package| test_features(package).next().is_some();
        let (asking, plain): (Vec<_>, Vec<_>) = others.iter().copied().partition(asks);
        Self {
            root: root.first().map(|package| package.name.to_string()).unwrap_or_default(),
            root_tests: root.iter().flat_map(|package| tests(package)).collect(),
            test_features: root.iter().flat_map(|package| test_features(package)).collect(),
            crates_have_tests: plain.iter().any(|package| tests(package).next().is_some()),
            asking: asking.iter().map(|package| package.name.to_string()).collect(),
            features,
        }
    }
}

fn tests(package: &Package) -> impl Iterator<Item = String> {
    let is_test = |target: &&Target| target.is_kind(TargetKind::Test);
    package.targets.iter().filter(is_test).map(|target| target.name.clone())
}

fn test_features(package: &Package) -> impl Iterator<Item = (String, String)> {
    let is_test = |target: &&Target| target.is_kind(TargetKind::Test);
    package.targets.iter().filter(is_test).flat_map(|target| {
        target.required_features.iter().map(|feature| (target.name.clone(), feature.clone()))
    })
}

fn features(package: &Package) -> impl Iterator<Item = (String, String)> {
    let named = package.features.keys().filter(|feature| *feature != "default");
    named.map(|feature| (package.name.to_string(), feature.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_package_is_the_one_in_the_workspaces_own_folder() {
        let layout = Layout::of(&workspace::members().unwrap());
        assert_eq!(layout.root, "laneway");
        assert_eq!(layout.asking, ["laneway-kafka"]);
    }
}
