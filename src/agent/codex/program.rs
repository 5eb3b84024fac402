//! A Codex on this host: the program, its version, what it needs beside itself.

use std::path::PathBuf;

/// The versions that autopilot was tested with, oldest first; `docs/codex.md` has the same.
pub(super) const TESTED: [&str; 3] = ["0.157.1", "0.169.0", "0.171.0"];

/// A Codex on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Codex {
    /// The program itself, not a script that starts it.
    pub(super) program: PathBuf,
    pub(super) version: String,
    /// What it needs beside itself.
    pub(super) files: Vec<PathBuf>,
    /// Features this version knows.
    pub(super) features: Vec<String>,
}
