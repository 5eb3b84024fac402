//! The exit codes: one table, here and in `docs/exit-codes.md`.

use std::fmt;
use std::io;
use std::process::ExitCode;

use crate::app::{self, Verdict};
use crate::run::{Refusal, RunError};
use crate::worktree::{LockError, WorktreeError};

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

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Done => Self::Done,
            Verdict::Failed => Self::Failed,
            Verdict::Faulted => Self::Internal,
            Verdict::Interrupted(signal) => Self::Signal(signal),
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

    /// Makes a failure of an error of the system, with what helps against the common ones.
    pub(crate) fn system(error: &io::Error) -> Self {
        use io::ErrorKind;
        let failure = Self::new(Exit::Internal, error.to_string());
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                failure.hint("make space, then run again: what this run left is picked up first")
            }
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                failure.hint("autopilot writes to .ai/logs and the git directory of the checkout, and to its state directory (AUTOPILOT_STATE_DIR)")
            }
            // Somebody put something else where evidence goes.
            ErrorKind::NotADirectory => Self::new(Exit::Usage, error.to_string())
                .hint("autopilot writes its evidence there, and follows no link: move it away, then run again"),
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

/// One exhaustive match over why an order cannot be carried out: the exit code, and what to do about it.
impl From<app::Error> for Failure {
    fn from(error: app::Error) -> Self {
        use app::Error;
        let message = error.to_string();
        let usage = |hint: String| Self::new(Exit::Usage, &message).hint(hint);
        match &error {
            Error::NotRoot => {
                Self::new(Exit::Usage, "--run-as needs root: nobody else can become another user")
            }
            Error::Plan(_) => Self::new(Exit::Usage, message),
            Error::NoPlan { known, near, path, .. } => match near {
                Some(near) => Self::new(Exit::Usage, message).hint(format!(
                    "{} is there: rename it to {}",
                    near.display(),
                    path.display()
                )),
                None => no_plan(message, known),
            },
            Error::Bare { .. } => usage(
                "write it in a worktree and commit it there, since plans are read from HEAD here: \
                 git worktree add ../checkout \"$(git branch --show-current)\""
                    .to_owned(),
            ),
            Error::Changed { issue, .. } => {
                usage(format!("`autopilot run {issue}` saves what that run left, and begins a new one"))
            }
            Error::NewPlan { issue, .. } => usage(format!("begin a new run of it: autopilot run {issue}")),
            Error::Broken { run, error } if error.kind() == io::ErrorKind::Unsupported => usage(format!(
                "go on with the autopilot that wrote it; or begin a new run: autopilot run {}",
                run.issue()
            )),
            Error::Broken { run, .. } => {
                usage(format!("its journal was changed; begin a new run: autopilot run {}", run.issue()))
            }
            Error::NotEnded { run } => usage(format!("autopilot run {} picks it up first", run.issue())),
            Error::NothingLeft { run } => usage(format!("see what it did: autopilot logs {run}")),
            Error::Unreplayable { hint, .. } => Self::new(Exit::Refused, message).hint(hint),
            Error::NoRemote { .. } => usage("name the repository: GH_REPO=owner/name".to_owned()),
            Error::Issue { failure, .. } => usage(failure.hint().to_owned()),
            Error::NoTime { .. } => usage("write it as 30s or 2m".to_owned()),
            Error::NoRun { .. } => {
                usage("`autopilot status` lists the runs; name one, or an issue that has one".to_owned())
            }
            Error::Busy { .. } => Self::new(Exit::Locked, message)
                .hint("it was started with another state directory (AUTOPILOT_STATE_DIR): wait for it"),
            Error::OtherState { .. } => Self::new(Exit::Locked, message)
                .hint("ask it with the AUTOPILOT_STATE_DIR that it was started with"),
            Error::PickUp { error: RunError::Worktree(WorktreeError::Refused { hint, .. }), .. } => {
                Self::new(Exit::Internal, message).hint(hint)
            }
            Error::PickUp { .. } => Self::new(Exit::Internal, message)
                .hint("mend that and run again: nothing of it is lost until then"),
            Error::NotReady { .. } => Self::new(Exit::Failed, message)
                .hint("give the run more time, `limits: {timeout: 2h}`: later runs take only what is new"),
            Error::Endless { .. } | Error::Runtime(_) => Self::new(Exit::Internal, message),
            Error::Above(above) => {
                let mut hints: Vec<String> = above.iter().map(|above| above.reason.hint.clone()).collect();
                hints.dedup();
                Self { hints, ..Self::new(Exit::Refused, message) }
            }
            Error::Refusal(refusal) => refusal.into(),
            Error::Worktree(error) => error.into(),
            Error::Lock(error) => error.into(),
            Error::Run(error) => error.into(),
            Error::System(error) => Self::system(error),
        }
    }
}

fn no_plan(message: String, known: &[u64]) -> Failure {
    let known: Vec<String> = known.iter().map(ToString::to_string).collect();
    let failure = Failure::new(Exit::Usage, message);
    let failure = if known.is_empty() {
        failure
    } else {
        failure.hint(format!("there are plans for {}", known.join(", ")))
    };
    failure.hint("`autopilot init ISSUE` writes one to begin with; `autopilot schema` is the format")
}

impl From<&Refusal> for Failure {
    fn from(refusal: &Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::Plan { hint, .. } => Self::new(Exit::Usage, message).hint(hint),
            Refusal::Policy { reason, .. } => Self::new(Exit::Refused, message).hint(&reason.hint),
        }
    }
}

impl From<&RunError> for Failure {
    fn from(error: &RunError) -> Self {
        match error {
            RunError::Worktree(error) => error.into(),
            RunError::Io(error) => Self::system(error),
            RunError::Json(_) | RunError::Unprepared(_) => Self::new(Exit::Internal, error.to_string()),
        }
    }
}

impl From<&LockError> for Failure {
    fn from(error: &LockError) -> Self {
        let failure = Self::new(Exit::Locked, error.to_string());
        match error {
            LockError::Worktree(error) => error.into(),
            LockError::Nameless { path } => failure.hint(format!(
                "`fuser -v {}` tells which process that is: wait for it, or end it",
                path.display()
            )),
            LockError::Claimed { holder: Some(holder), .. } if !holder.is_of_another_host() => {
                failure.hint("it was started with another state directory (AUTOPILOT_STATE_DIR): wait for it")
            }
            LockError::Claimed { .. } => failure.hint(
                "what runs there cannot be seen from here; while it lives it renews that file: wait for it, or stop it there",
            ),
            LockError::Held { holder, path } if holder.is_of_another_host() => failure.hint(format!(
                "what runs on that host cannot be seen from here; if it is gone for good, remove {}",
                path.display()
            )),
            LockError::Held { .. } => failure.hint(
                "wait for it (`autopilot status` shows how far it is), or end it: autopilot stop ISSUE",
            ),
        }
    }
}

impl From<&WorktreeError> for Failure {
    fn from(error: &WorktreeError) -> Self {
        let message = error.to_string();
        match error {
            WorktreeError::Refused { hint, .. } => Self::new(Exit::Usage, message).hint(hint),
            WorktreeError::Denied(reason) => Self::new(Exit::Refused, message).hint(&reason.hint),
            WorktreeError::Sandbox(error) => Self::new(Exit::Refused, message).hint(&error.hint),
            WorktreeError::Io(error) => Self::system(error),
            WorktreeError::Git { .. }
            | WorktreeError::Unfit(_)
            | WorktreeError::Unproved(_)
            | WorktreeError::Unnamed(_) => Self::new(Exit::Internal, message),
        }
    }
}

impl From<WorktreeError> for Failure {
    fn from(error: WorktreeError) -> Self {
        (&error).into()
    }
}

impl From<LockError> for Failure {
    fn from(error: LockError) -> Self {
        (&error).into()
    }
}
