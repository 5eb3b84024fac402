//! What can go wrong around a worktree, in words for a person.

use std::io;
use std::path::Path;

use crate::policy;
use crate::sandbox::SandboxError;

/// Why something around a worktree did not work.
#[derive(Debug, thiserror::Error)]
pub enum WorktreeError {
    /// The repository cannot be run in as it is; nothing was done.
    #[error("{what}")]
    Refused {
        /// What is in the way.
        what: String,
        /// What to do about it.
        hint: String,
    },
    /// A git of the runner failed.
    #[error("git {command}: {stderr}")]
    Git {
        /// Its subcommand.
        command: String,
        /// What it said.
        stderr: String,
    },
    /// The worktree holds something that cannot be committed.
    #[error("{0}")]
    Uncommittable(String),
    /// The system refused something.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The runner's own git could not be confined.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// This host cannot enforce what the runner's own git asks for.
    #[error(transparent)]
    Denied(#[from] policy::Reason),
}

impl WorktreeError {
    pub(super) fn refused(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Refused { what: what.into(), hint: hint.into() }
    }
}

/// Adds the path to an error of the system.
pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> WorktreeError + '_ {
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display())).into()
}
