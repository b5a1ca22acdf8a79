//! What a figure was measured with.

use std::path::Path;
use std::process::Command;
use std::thread;

use anyhow::Context as _;
use cargo_metadata::Metadata;
use serde::{Deserialize, Serialize};

use crate::workspace;

/// What a figure was measured with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Context {
    /// The command that measured it.
    pub(crate) command: String,
    /// The commit, with `+` behind it where files differed from it.
    pub(crate) commit: String,
    /// The version of the compiler.
    pub(crate) rustc: String,
    /// The version of Laneway.
    pub(crate) laneway: String,
    /// The version of tokio.
    pub(crate) tokio: String,
    /// How many processors the machine offered.
    pub(crate) cpus: usize,
}

impl Context {
    /// The context of a measurement here and now.
    pub(crate) fn here(command: &str) -> anyhow::Result<Self> {
        let metadata = workspace::everything()?;
        Ok(Self {
            command: command.to_owned(),
            commit: commit(workspace::root()),
            rustc: rustc()?,
            laneway: version(&metadata, "laneway"),
            tokio: version(&metadata, "tokio"),
            cpus: thread::available_parallelism().map_or(1, usize::from),
        })
    }
}

fn rustc() -> anyhow::Result<String> {
    let program = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let said = said(Command::new(program).arg("--version")).context("rustc does not tell its version")?;
    Ok(said.split_whitespace().nth(1).unwrap_or(&said).to_owned())
}

fn version(metadata: &Metadata, package: &str) -> String {
    let found = metadata.packages.iter().find(|found| *found.name == package);
    found.map_or_else(|| "none".to_owned(), |found| found.version.to_string())
}

/// The results themselves are left out: a second run in a row would otherwise differ from its commit by the first.
fn commit(root: &Path) -> String {
    let git = |args: &[&str]| {
        said(Command::new("git").args(["-c", "safe.directory=*"]).args(args).current_dir(root))
    };
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else {
        return "unknown".to_owned();
    };
    let changed = git(&["status", "--porcelain", "--", ".", ":!bench"]).is_none_or(|files| !files.is_empty());
    if changed { commit + "+" } else { commit }
}

fn said(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_context_names_the_compiler_the_crate_and_the_processors() {
        let context = Context::here("cargo xtask bench").unwrap();
        assert!(context.rustc.starts_with("1."), "{context:?}");
        assert_eq!(context.laneway, env!("CARGO_PKG_VERSION"));
        assert!(context.cpus > 0 && !context.commit.is_empty());
    }

    #[test]
    fn a_folder_that_is_no_repository_has_no_commit() {
        assert_eq!(commit(Path::new("/")), "unknown");
    }
}
