//! What can go wrong around a worktree, in words for a person, and in classes for who has to go on.

use std::fmt;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;

use nix::sys::signal::Signal;

use super::halt::{Halted, is_halt};
use super::unfit::{Unfit, Unproved};
use crate::git::Unnamed;
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
    #[error("git {command}: {said}")]
    Git {
        /// Its subcommand, or what its script is for.
        command: String,
        /// How it ended.
        end: GitEnd,
        /// What it complained of; if it did not, how it ended, in words.
        said: String,
    },
    /// A step left what cannot be committed: its attempt fails.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// The worktree cannot go, or not go back.
    #[error(transparent)]
    Unproved(#[from] Unproved),
    /// Git, or a file of git's, names something by what is no name.
    #[error(transparent)]
    Unnamed(#[from] Unnamed),
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

/// How a git ended that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GitEnd {
    /// With this code; of a script, that of the command which failed.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// Over a limit.
    Limit,
    /// Not in time.
    Late,
    /// Well, but with an answer of another shape.
    Garbled,
}

impl From<ExitStatus> for GitEnd {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Code(code),
            (None, signal) => Self::Signal(signal.unwrap_or_default()),
        }
    }
}

impl fmt::Display for GitEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "ended with code {code}"),
            Self::Signal(number) => match Signal::try_from(*number) {
                Ok(signal) => write!(f, "ended by {signal}"),
                Err(_) => write!(f, "ended by signal {number}"),
            },
            Self::Limit => f.write_str("went over a limit"),
            Self::Late => f.write_str("did not end in time"),
            Self::Garbled => f.write_str("its output was not understood"),
        }
    }
}

impl WorktreeError {
    /// Tells whether it only says that something was broken off, as asked.
    pub fn is_halt(&self) -> bool {
        matches!(self, Self::Io(error) if is_halt(error))
    }

    pub(super) fn refused(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Refused { what: what.into(), hint: hint.into() }
    }

    /// Tells of a git that failed, by what it complained of.
    pub(super) fn git(command: &str, end: GitEnd, stderr: &[u8]) -> Self {
        let said = String::from_utf8_lossy(stderr).trim().to_owned();
        let said = if said.is_empty() { end.to_string() } else { said };
        Self::Git { command: command.to_owned(), end, said }
    }

    /// Tells of a git whose answer has another shape than git's.
    pub(super) fn garbled(command: &str) -> Self {
        Self::git(command, GitEnd::Garbled, b"")
    }
}

/// Adds the path to an error of the system.
pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> WorktreeError + '_ {
    move |error| {
        if is_halt(&error) {
            return io::Error::other(Halted).into();
        }
        named(path, error).into()
    }
}

/// The same as an error of the system.
pub(super) fn named(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
