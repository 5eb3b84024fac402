//! The exit codes: one table, here and in `docs/exit-codes.md`.

use std::fmt;
use std::process::ExitCode;

/// How an invocation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// Done.
    Done,
    /// The run failed.
    Failed,
    /// Wrong usage, or an invalid plan.
    Usage,
    /// The policy cannot be enforced here.
    Refused,
    /// The audit found something.
    AuditFail,
    /// Another run of this issue holds the lock.
    Locked,
    /// A fault of autopilot itself.
    Internal,
    /// Ended by this signal.
    Signal(i32),
    /// The exit code of the command that was run (`autopilot sandbox`).
    Passed(u8),
}

impl Exit {
    /// Returns the number that the caller sees.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::AuditFail => 4,
            Self::Locked => 5,
            Self::Internal => 70,
            Self::Signal(number) => u8::try_from(128 + number).unwrap_or(70),
            Self::Passed(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why an invocation ends with something other than [`Exit::Done`]: what happened and what to do.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) exit: Exit,
    /// What happened, and where.
    pub(crate) message: String,
    /// What to do, a line each.
    pub(crate) hints: Vec<String>,
}

impl Failure {
    /// Makes a failure without hints.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hints: Vec::new() }
    }

    /// Makes a failure of a plan's faults; each says itself where it is and what to write.
    pub(crate) fn plan(faults: &crate::plan::Faults) -> Self {
        Self { exit: Exit::Usage, message: faults.to_string(), hints: Vec::new() }
    }

    /// Makes a failure of an error of the system, with what helps against the common ones.
    pub(crate) fn system(error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        let failure = Self::new(Exit::Internal, error.to_string());
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                failure.hint("make space, then run again: what this run left is picked up first")
            }
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                failure.hint("autopilot writes to .ai/logs and the git directory of the checkout, and to its state directory (AUTOPILOT_STATE_DIR)")
            }
            _ => failure,
        }
    }

    /// Adds what to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        for hint in &self.hints {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(Exit::Internal, format!("{error:#}"))
    }
}
