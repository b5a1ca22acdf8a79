//! The commands that README.md tells a reader to type.

use anyhow::{Context, bail};

use super::layout::Layout;
use crate::cargo::Cargo;
use crate::workspace;

/// Languages of a fenced block whose lines are typed into a shell.
const SHELLS: [&str; 4] = ["sh", "bash", "shell", "console"];

/// The `cargo run` commands of README.md, in its order. The other commands there are parts of this suite themselves.
pub(crate) fn commands(_: &Layout) -> anyhow::Result<Vec<Cargo>> {
    let page = std::fs::read_to_string(workspace::root().join("README.md")).context("README.md")?;
    let commands = typed(&page);
    if commands.is_empty() {
        bail!("README.md shows no `cargo run` command in a block of sh: its quick start is not tested");
    }
    Ok(commands)
}

fn typed(page: &str) -> Vec<Cargo> {
    let mut in_shell = false;
    let mut commands = Vec::new();
    for line in page.lines().map(str::trim) {
        if let Some(language) = line.strip_prefix("```") {
            in_shell = !in_shell && SHELLS.contains(&language);
        } else if in_shell {
            let line = line.strip_prefix("$ ").unwrap_or(line);
            let line = line.split(" #").next().unwrap_or(line);
            let command = line.strip_prefix("cargo ").filter(|rest| rest.starts_with("run "));
            commands.extend(command.map(Cargo::new));
        }
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_taken_from_shell_blocks_only() {
        let page = "`cargo run a`\n```sh\n$ cargo run --example flights   # a minute\ncargo xtask test\n```\n\
                    cargo run b\n```text\ncargo run c\n```\n```console\ncargo run d\n```\n";
        let typed = typed(page).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(typed, ["cargo run --example flights", "cargo run d"]);
    }
}
