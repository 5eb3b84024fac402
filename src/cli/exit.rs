//! Why a command was not carried out: cause, message and what to do about it, made of the errors of the use cases.

use std::fmt;
use std::io;
use std::process::ExitCode;

pub(crate) use super::cause::{Cause, Exit};
use super::shape::Wrong;
use crate::app::{self, Verdict};
use crate::evidence::RunName;
use crate::github;
use crate::plan::Faults;
use crate::run::{Changed, Refusal, RunError};
use crate::worktree::{LockError, WorktreeError};

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
    /// Why, in a word; the exit code follows from it.
    pub(crate) cause: Cause,
    /// What happened, and where.
    pub(crate) message: String,
    /// What to do, a line each.
    pub(crate) hints: Vec<String>,
    /// What is wrong with the plan, if that is it.
    faults: Option<Faults>,
}

impl Failure {
    /// Makes a failure without hints.
    pub(crate) fn new(cause: Cause, message: impl Into<String>) -> Self {
        Self { cause, message: message.into(), hints: Vec::new(), faults: None }
    }

    /// Returns the exit code.
    pub(crate) fn exit(&self) -> Exit {
        self.cause.exit()
    }

    /// Returns it for programs: the `error` of every command with `--json`.
    pub(crate) fn told(&self) -> Wrong {
        Wrong {
            cause: self.cause.word(),
            message: self.message.clone(),
            hints: self.hints.clone(),
            faults: self.faults.clone(),
        }
    }

    /// Makes a failure of an error of the system, with what helps against the common ones.
    pub(crate) fn system(error: &io::Error) -> Self {
        use io::ErrorKind;
        let failure = Self::new(Cause::System, error.to_string());
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                failure.hint("make space, then run again: what this run left is picked up first")
            }
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                failure.hint("autopilot writes to .ai/logs and the git directory of the checkout, and to its state directory (AUTOPILOT_STATE_DIR)")
            }
            ErrorKind::IsADirectory => failure.hint(
                "a folder stands where autopilot writes a file: move it away, then run again: what this run left is picked up first",
            ),
            // Somebody put something else where evidence goes.
            ErrorKind::NotADirectory => Self::new(Cause::Usage, error.to_string())
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
        Self::new(Cause::Internal, format!("{error:#}"))
    }
}

/// One exhaustive match over why an order cannot be carried out: the cause, and what to do about it.
impl From<app::Error> for Failure {
    fn from(error: app::Error) -> Self {
        use app::Error;
        let message = error.to_string();
        let of = |cause: Cause, hint: &str| Self::new(cause, &message).hint(hint);
        match &error {
            Error::NotRoot => {
                Self::new(Cause::Usage, "--run-as needs root: nobody else can become another user")
            }
            Error::Plan(faults) => Self { faults: Some(faults.clone()), ..Self::new(Cause::Plan, &message) },
            Error::NoPlan { issue, known, near, path } => match near {
                Some(near) => of(
                    Cause::NoPlan,
                    &format!("{} is there: rename it to {}", near.display(), path.display()),
                ),
                None => no_plan(message, *issue, known),
            },
            Error::Bare { .. } => of(
                Cause::Repository,
                "write it in a worktree and commit it there, since plans are read from HEAD here: \
                 git worktree add ../checkout \"$(git branch --show-current)\"",
            ),
            Error::Changed { issue, changed: Changed::Revision { .. } } => {
                of(Cause::NotSo, &format!("begin another: autopilot revise {issue}"))
            }
            Error::Changed { issue, .. } => of(
                Cause::NotSo,
                &format!("`autopilot run {issue}` saves what that run left, and begins a new one"),
            ),
            Error::NewPlan { issue, .. } => {
                of(Cause::NotSo, &format!("begin a new run of it: autopilot run {issue}"))
            }
            Error::Broken { run, error } => broken(message, run.issue(), error),
            Error::NotBegun { run } | Error::NotEnded { run } => {
                of(Cause::NotEnded, &format!("autopilot run {} picks it up first", run.issue()))
            }
            Error::NotOwn { run, .. } => of(
                Cause::Usage,
                &format!(
                    "look at it (autopilot audit {run}; autopilot checkout {run}), then: autopilot publish --trust {run}"
                ),
            ),
            Error::NothingLeft { run } => of(Cause::NotSo, &format!("see what it did: autopilot logs {run}")),
            Error::Unreplayable { hint, .. } | Error::Unrevisable { hint, .. } => {
                of(Cause::Unreplayable, hint)
            }
            Error::NoPullRequest { issue, .. } => of(
                Cause::NotSo,
                &format!(
                    "have one opened: `publish: {{pull_request: draft}}` in its plan, then autopilot run {issue}"
                ),
            ),
            Error::PullRequestOver { .. } => {
                of(Cause::NotSo, "what is to change by now is work for another issue")
            }
            Error::Overtaken { .. } => of(Cause::Locked, "call it again: it looks at what is new since"),
            Error::Unfetched { hint, .. } => of(Cause::Issue, hint),
            Error::NoRemote { .. } => of(Cause::Issue, "name the repository: GH_REPO=owner/name"),
            Error::Issue { failure, .. } | Error::PullRequest { failure, .. } => {
                of(of_github(failure), failure.hint())
            }
            Error::NoTime { .. } => of(Cause::Usage, "write it as 30s or 2m"),
            Error::NoRun { plan, has_runs, .. } => of(Cause::NoRun, &no_run(*plan, *has_runs)),
            Error::Unasked { .. } => of(Cause::NoRun, "`autopilot status` lists the runs here"),
            Error::Busy { .. } => of(
                Cause::Locked,
                "it was started with another state directory (AUTOPILOT_STATE_DIR): wait for it",
            ),
            Error::OtherState { .. } => {
                of(Cause::Locked, "ask it with the AUTOPILOT_STATE_DIR that it was started with")
            }
            Error::PickUp { error: RunError::Worktree(WorktreeError::Refused { hint, .. }), .. } => {
                of(Cause::Internal, hint)
            }
            Error::PickUp { .. } => {
                of(Cause::Internal, "mend that and run again: nothing of it is lost until then")
            }
            Error::NotReady { .. } => of(
                Cause::Failed,
                "give the run more time, `limits: {timeout: 2h}`: later runs take only what is new",
            ),
            Error::Endless { .. } | Error::Runtime(_) => Self::new(Cause::Internal, message),
            Error::Above(above) => {
                let mut hints: Vec<String> = above.iter().map(|above| above.reason.hint.clone()).collect();
                hints.dedup();
                Self { hints, ..Self::new(Cause::Ceiling, message) }
            }
            Error::Refusal(refusal) => refusal.into(),
            Error::Worktree(error) => error.into(),
            Error::Lock(error) => error.into(),
            Error::Run(error) => error.into(),
            Error::System(error) => Self::system(error),
        }
    }
}

fn broken(message: String, issue: u64, error: &io::Error) -> Failure {
    let hint = if error.kind() == io::ErrorKind::Unsupported {
        format!("go on with the autopilot that wrote it; or begin a new run: autopilot run {issue}")
    } else {
        format!(
            "`autopilot audit {issue}` says what is wrong with it; begin a new run: autopilot run {issue}"
        )
    };
    Failure::new(Cause::Journal, message).hint(hint)
}

/// Says how to get a run where there is none, or none of that name.
fn no_run(plan: Option<u64>, has_runs: bool) -> String {
    match (plan, has_runs) {
        (Some(issue), _) => format!("begin one: autopilot {issue}"),
        (None, true) => "`autopilot status` lists the runs; name one, or an issue that has one".to_owned(),
        (None, false) => {
            "no plan was run here yet; `autopilot init 1 --title 'What is to be done'` writes one".to_owned()
        }
    }
}

/// Tells whether it is this host that lacks something, where GitHub does not give an issue.
fn of_github(failure: &github::Failure) -> Cause {
    match failure {
        github::Failure::Missing | github::Failure::LoggedOut { .. } => Cause::Missing,
        _ => Cause::Issue,
    }
}

fn no_plan(message: String, issue: u64, known: &[u64]) -> Failure {
    let known: Vec<String> = known.iter().map(ToString::to_string).collect();
    let failure = Failure::new(Cause::NoPlan, message);
    let failure = if known.is_empty() {
        failure
    } else {
        failure.hint(format!("there are plans for {}", known.join(", ")))
    };
    failure
        .hint(format!("`autopilot init {issue}` writes one to begin with; `autopilot schema` is the format"))
}

impl From<&Refusal> for Failure {
    fn from(refusal: &Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::Plan { hint, .. } => Self::new(Cause::Plan, message).hint(hint),
            Refusal::Missing { hint, .. } => Self::new(Cause::Missing, message).hint(hint),
            Refusal::Policy { reason, .. } => Self::new(Cause::Policy, message).hint(&reason.hint),
        }
    }
}

impl From<&RunError> for Failure {
    fn from(error: &RunError) -> Self {
        match error {
            RunError::Worktree(error) => error.into(),
            RunError::Io(error) => Self::system(error),
            RunError::Json(_) | RunError::Unprepared(_) => Self::new(Cause::Internal, error.to_string()),
        }
    }
}

impl From<&LockError> for Failure {
    fn from(error: &LockError) -> Self {
        let failure = Self::new(Cause::Locked, error.to_string());
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
            LockError::Held { holder, .. } => {
                let run = holder.run.parse::<RunName>();
                let stop = run.map(|run| format!(", or end it: autopilot stop {}", run.issue())).unwrap_or_default();
                failure.hint(format!("wait for it (`autopilot status` shows how far it is){stop}"))
            }
        }
    }
}

impl From<&WorktreeError> for Failure {
    fn from(error: &WorktreeError) -> Self {
        let message = error.to_string();
        match error {
            WorktreeError::Refused { hint, .. } => Self::new(Cause::Repository, message).hint(hint),
            WorktreeError::Denied(reason) => Self::new(Cause::Policy, message).hint(&reason.hint),
            WorktreeError::Sandbox(error) => Self::new(Cause::Policy, message).hint(&error.hint),
            WorktreeError::Io(error) => Self::system(error),
            WorktreeError::Git { .. }
            | WorktreeError::Unfit(_)
            | WorktreeError::Unproved(_)
            | WorktreeError::Unnamed(_) => Self::new(Cause::Internal, message),
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
