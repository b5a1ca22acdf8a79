//! The progress bar.

use std::fmt::Write;
use std::io::{IsTerminal, stderr, stdout};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::report::{grouped, rounded};

/// A bar on standard error while somebody watches: where both outputs are a terminal.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A bar of `len` events.
    pub(crate) fn events(len: u64) -> Self {
        let watched = stdout().is_terminal() && stderr().is_terminal();
        let target = if watched { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self(ProgressBar::with_draw_target(Some(len), target).with_style(style()))
    }

    /// Says that `done` events are done in all. Takes a look at the bar: call it now and then, not for every event.
    pub(crate) fn at(&self, done: u64) {
        self.0.set_position(done);
    }

    /// Takes the bar away.
    pub(crate) fn clear(self) {
        self.0.finish_and_clear();
    }
}

fn style() -> ProgressStyle {
    let template = "{bar:40} {human_pos}/{human_len} events  {rate}/s  {eta} left";
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).with_key(
        "rate",
        |state: &ProgressState, text: &mut dyn Write| {
            // A bar that cannot be drawn is not worth an error.
            let _ = text.write_str(&grouped(rounded(state.per_sec())));
        },
    )
}
