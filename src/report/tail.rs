//! The end of what an attempt printed.

use std::io;

use crate::evidence::state::{AttemptState, Part};
use crate::evidence::{Files, log};

/// Returns the last lines of an attempt, and how many it printed.
pub(super) fn log_of(attempt: &AttemptState, files: &Files, lines: usize) -> io::Result<(Vec<String>, u64)> {
    match attempt.log {
        Part::At(from, to) => log::tail(&files.log(), from, to, lines),
        Part::From(from) => log::tail(&files.log(), from, u64::MAX, lines),
        // What a runner that died left of it is lost.
        Part::Spool => Ok((Vec::new(), 0)),
    }
}
