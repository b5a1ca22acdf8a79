//! One cargo command.

use std::env;
use std::fmt;
use std::path::Path;
use std::process::Command;

/// A cargo command, as a person would type it in the workspace's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cargo {
    args: Vec<String>,
    env: Vec<(&'static str, String)>,
}

impl Cargo {
    /// The command of `line`, whose words have no blanks in them.
    pub(crate) fn new(line: &str) -> Self {
        Self { args: line.split_whitespace().map(str::to_owned).collect(), env: Vec::new() }
    }

    /// Sets a variable for the command.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.env.push((name, value.into()));
        self
    }

    /// Sets a variable for the command, unless the caller of this program has set it.
    pub(crate) fn with_default(self, name: &'static str, value: &str) -> Self {
        if env::var_os(name).is_some() { self } else { self.with(name, value) }
    }

    /// The process to start, in the folder `root`.
    pub(crate) fn command(&self, root: &Path) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        // `cargo xtask` describes xtask itself in these; build scripts that watch them would run again for nothing.
        for (name, _) in env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&*name);
            }
        }
        let variables = self.env.iter().map(|(name, value)| (*name, value.as_str()));
        command.args(&self.args).envs(variables).current_dir(root);
        command
    }
}

impl fmt::Display for Cargo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.env {
            if value.contains(' ') {
                write!(f, "{name}='{value}' ")?;
            } else {
                write!(f, "{name}={value} ")?;
            }
        }
        write!(f, "cargo {}", self.args.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_prints_as_a_person_would_type_it() {
        let command = Cargo::new("doc --no-deps").with("RUSTDOCFLAGS", "-D warnings").with("SEEDS", "7");
        assert_eq!(command.to_string(), "RUSTDOCFLAGS='-D warnings' SEEDS=7 cargo doc --no-deps");
    }

    #[test]
    fn a_default_yields_to_the_callers_environment() {
        let kept = Cargo::new("test").with_default("PATH", "elsewhere");
        assert_eq!(kept, Cargo::new("test"));
        let set = Cargo::new("test").with_default("LANEWAY_NOT_SET_ANYWHERE", "1");
        assert_eq!(set.to_string(), "LANEWAY_NOT_SET_ANYWHERE=1 cargo test");
    }
}
