//! Where progress goes, and how.

use std::io::{IsTerminal, Write};

use tracing::level_filters::LevelFilter;

use crate::cli::output;

/// Where progress goes, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Mode {
    /// A terminal: one line moves.
    Terminal,
    /// Plain lines on standard output.
    Plain,
    /// Plain lines on standard error, since standard output is for JSON.
    Aside,
    /// No progress: only how a run failed, on standard error.
    Silent,
}

impl Mode {
    /// Tells whether a sign of life is a line now and then.
    pub(super) fn beats(self) -> bool {
        matches!(self, Self::Plain | Self::Aside)
    }

    /// Chooses by what standard output is: on a terminal that cannot move a line, or is a CI's, plain lines tell.
    pub(in crate::cli) fn choose(json: bool) -> Self {
        if output::is_quiet() {
            Self::Silent
        } else if json {
            Self::Aside
        } else if can_move() {
            Self::Terminal
        } else {
            Self::Plain
        }
    }
}

/// Tells whether a line can move on standard output; what the rooms say (`-v`) would stand in the middle of it.
fn can_move() -> bool {
    let is_told_more = LevelFilter::current() >= LevelFilter::DEBUG;
    std::io::stdout().is_terminal() && !console::is_dumb() && !output::is_ci() && !is_told_more
}

/// Says a line where progress goes.
pub(in crate::cli) fn say(mode: Mode, line: &str) {
    // What GitHub Actions obeys wherever in a line it stands.
    let line = line.replace("##[", "# #[");
    // A reader that has gone away must not end the run.
    let _ = match mode {
        Mode::Aside | Mode::Silent => writeln!(std::io::stderr().lock(), "{line}"),
        Mode::Plain | Mode::Terminal => writeln!(std::io::stdout().lock(), "{line}"),
    };
}
