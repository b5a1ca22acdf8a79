//! Tools that a part needs and a machine may lack.

use std::path::Path;
use std::process::Stdio;

use crate::cargo::Cargo;

/// A tool that a part needs and a machine may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    /// The formatter, a component of the toolchain.
    Rustfmt,
    /// The linter, a component of the toolchain.
    Clippy,
    /// The checker of dependencies, a program of its own.
    Deny,
}

impl Tool {
    /// Whether cargo finds it.
    pub(crate) fn is_here(self, root: &Path) -> bool {
        let asked = match self {
            Self::Rustfmt => "fmt --version",
            Self::Clippy => "clippy --version",
            Self::Deny => "deny --version",
        };
        let mut command = Cargo::new(asked).command(root);
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    /// Whether a run that demands everything fails without it. What the toolchain brings is demanded; what has to be
    /// compiled first, for longer than the suite itself, is not.
    pub(crate) fn is_demanded(self) -> bool {
        self != Self::Deny
    }

    /// What is missing, and how to get it.
    pub(crate) fn missing(self) -> &'static str {
        match self {
            Self::Rustfmt => "rustfmt is not installed: rustup component add rustfmt",
            Self::Clippy => "clippy is not installed: rustup component add clippy",
            Self::Deny => "cargo-deny is not installed: cargo install --locked cargo-deny",
        }
    }
}
