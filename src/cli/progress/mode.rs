//! Where progress goes, and how.

use std::io::Write;

use indicatif::ProgressDrawTarget;

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
        } else if !ProgressDrawTarget::stdout().is_hidden() && !output::is_ci() {
            Self::Terminal
        } else {
            Self::Plain
        }
    }
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
