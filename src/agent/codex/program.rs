//! A Codex on this host: the program, its version, what it needs beside itself.

use std::path::{Path, PathBuf};

/// The versions that autopilot was tested with, oldest first; `docs/codex.md` has the same.
pub const TESTED: [&str; 2] = ["0.157.1", "0.169.0"];

/// A Codex on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Codex {
    /// The program itself, not a script that starts it.
    pub(super) program: PathBuf,
    pub(super) version: String,
    /// What it needs beside itself.
    pub(super) files: Vec<PathBuf>,
    /// Features this version knows.
    pub(super) features: Vec<String>,
}

impl Codex {
    /// Returns its version, such as `0.169.0`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Returns the program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Says what is to be said of a version that was not tested.
    pub fn warning(&self) -> Option<String> {
        let newest = TESTED.last().copied().unwrap_or_default();
        is_newer(&self.version, newest).then(|| {
            format!("codex {} is newer than what autopilot was tested with (up to {newest})", self.version)
        })
    }

    /// Returns what it needs beside the system.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }
}

pub(super) fn numbers(version: &str) -> Option<[u64; 3]> {
    let release = version.split(['-', '+']).next()?;
    let mut parts = release.split('.').map(|part| part.parse().ok());
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}

/// Tells whether a version comes after another one.
pub(super) fn is_newer(version: &str, than: &str) -> bool {
    numbers(version) > numbers(than)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert!(is_newer("0.170.0", "0.169.0"));
        assert!(is_newer("0.169.10", "0.169.9-alpha.1"));
        assert!(!is_newer("0.169.0", "0.169.0"));
        assert_eq!(numbers("codex"), None);
    }
}
