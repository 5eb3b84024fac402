//! A Claude Code on this host: the program, its version, what it needs beside itself.

use std::path::PathBuf;

/// The versions that autopilot was tested with, oldest first; `docs/claude.md` has the same.
pub(super) const TESTED: [&str; 1] = ["2.1.332"];

/// A Claude Code on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claude {
    /// The program itself, not a script that starts it.
    pub(super) program: PathBuf,
    pub(super) version: String,
    /// What it needs beside itself: the program alone.
    pub(super) files: Vec<PathBuf>,
}
