//! The workspace this program belongs to.

use std::path::Path;

use anyhow::Context;
use cargo_metadata::{Metadata, MetadataCommand, Package};

/// The folder of the workspace.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// What cargo knows of the workspace's own packages.
pub(crate) fn members() -> anyhow::Result<Metadata> {
    MetadataCommand::new().current_dir(root()).no_deps().exec().context("cargo metadata failed")
}

/// What cargo knows of the packages and of everything they depend on.
pub(crate) fn everything() -> anyhow::Result<Metadata> {
    MetadataCommand::new().current_dir(root()).exec().context("cargo metadata failed")
}

/// A package's folder, relative to the workspace and with `/`; empty for the root package.
pub(crate) fn folder(metadata: &Metadata, package: &Package) -> String {
    let folder = package.manifest_path.parent().unwrap_or(&metadata.workspace_root);
    folder.strip_prefix(&metadata.workspace_root).unwrap_or(folder).as_str().replace('\\', "/")
}
