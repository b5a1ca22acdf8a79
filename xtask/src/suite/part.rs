//! A part of the suite.

use std::borrow::Cow;
use std::path::Path;

use super::layout::Layout;
use super::tool::Tool;
use crate::cargo::Cargo;
use crate::services::Kind;

/// A part of the suite: a name, and the work it stands for.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// What to call it on the command line.
    pub(crate) name: Cow<'static, str>,
    /// What it shows, in a line.
    pub(crate) about: &'static str,
    /// The tool without which it cannot run.
    pub(crate) needs: Option<Tool>,
    /// The servers without which it cannot run; its commands learn from `LANEWAY_*` where they are.
    pub(crate) servers: &'static [Kind],
    /// Variables of its commands, where the caller has not set them.
    pub(crate) env: &'static [(&'static str, &'static str)],
    /// What it does.
    pub(crate) work: Work,
}

/// What a part does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Work {
    /// One check: cargo commands that all have to succeed.
    Check(&'static [&'static str]),
    /// One check whose commands depend on what the workspace holds.
    Found(fn(&Layout) -> anyhow::Result<Vec<Cargo>>),
    /// One check inside this program.
    Inside(fn(&Path) -> anyhow::Result<bool>),
    /// Tests, counted one by one, whose commands depend on what the workspace holds.
    Tests(fn(&Layout) -> anyhow::Result<Vec<Cargo>>),
    /// The tests of the program in the root package's `tests/` that has the part's name, in release.
    Program,
}

impl Part {
    /// Whether the part's tests are counted one by one.
    pub(crate) fn counts_tests(&self) -> bool {
        matches!(self.work, Work::Tests(_) | Work::Program)
    }

    /// The program of the part, with the features that its manifest asks for.
    fn program(&self, layout: &Layout) -> String {
        let own = layout.test_features.iter().filter(|(test, _)| *test == *self.name);
        let features = own.map(|(_, feature)| format!(" --features {feature}")).collect::<String>();
        format!("test --release --test {}{features}", self.name)
    }

    /// The cargo commands of the part.
    pub(crate) fn commands(&self, layout: &Layout) -> anyhow::Result<Vec<Cargo>> {
        let commands = match self.work {
            Work::Check(lines) => lines.iter().map(|line| Cargo::new(line)).collect(),
            Work::Found(find) | Work::Tests(find) => find(layout)?,
            Work::Inside(_) => Vec::new(),
            Work::Program => vec![Cargo::new(&self.program(layout))],
        };
        let with_env = |command: Cargo| {
            self.env.iter().fold(command, |command, (name, value)| command.with_default(name, value))
        };
        Ok(commands.into_iter().map(with_env).collect())
    }
}
