//! Why an order cannot be carried out: the source as a value, for whoever says what to do about it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::evidence::{RunName, Token};
use crate::github;
use crate::plan::{Faults, units};
use crate::policy::Above;
use crate::run::{Changed, Refusal, Refused, RunError};
use crate::worktree::{LockError, WorktreeError};

/// What to say where a record says what autopilot writes in none.
pub(super) const FORGED: &str = "a record that says so was not written by autopilot: autopilot audit";

/// Why an order cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The plan is none.
    #[error(transparent)]
    Plan(#[from] Faults),
    /// There is no plan.
    #[error("there is no plan for issue {issue}: {} is missing", path.display())]
    NoPlan {
        /// Of this issue.
        issue: u64,
        /// Where it would be.
        path: PathBuf,
        /// Issues that have one.
        known: Vec<u64>,
        /// A file beside it that is called almost so.
        near: Option<PathBuf>,
    },
    /// A plan cannot be written.
    #[error("{} is a bare repository: there is no checkout to write a plan into", top.display())]
    Bare {
        /// The repository.
        top: PathBuf,
    },
    /// The steps are to run as another user.
    #[error("nobody but root can become another user")]
    NotRoot,
    /// This run cannot be right, and is not begun.
    #[error(transparent)]
    Refusal(#[from] Refusal),
    /// The plan, or how it is to be run, is above a ceiling of this host.
    #[error("above a ceiling of this host: {}", listed(.0))]
    Above(Vec<Above>),
    /// Repository, worktree or state directory.
    #[error(transparent)]
    Worktree(#[from] WorktreeError),
    /// The lock of the issue was not given.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A run of the issue is being recorded by somebody who does not hold this lock.
    #[error("issue {issue}: {error}")]
    Busy {
        /// The issue.
        issue: u64,
        /// What the evidence says.
        error: io::Error,
    },
    /// A run is running whose lock is in another state directory.
    #[error("run {run} is running with another state directory")]
    OtherState {
        /// The run.
        run: RunName,
    },
    /// The runner failed, and could not even record it.
    #[error(transparent)]
    Run(#[from] RunError),
    /// What is left of a run cannot be picked up.
    #[error("run {run}, which had crashed, cannot be picked up: {error}")]
    PickUp {
        /// The run.
        run: RunName,
        /// Why.
        error: RunError,
    },
    /// Going on would not be the same run.
    #[error("it cannot go on: {changed}")]
    Changed {
        /// Its issue.
        issue: u64,
        /// What is not as it was.
        changed: Changed,
    },
    /// The last run has ended, and there is another plan now.
    #[error("run {run} has ended, and the plan was changed since")]
    NewPlan {
        /// Its issue.
        issue: u64,
        /// The run.
        run: Token,
    },
    /// The journal of a run was changed, or cannot be read.
    #[error("the journal of run {run}: {error}")]
    Broken {
        /// The run.
        run: RunName,
        /// What is wrong with it.
        error: io::Error,
    },
    /// The time of a run was over before it began.
    #[error("issue {issue}: the objects of the base were not ready within the run's timeout of {}", units::duration(*limit))]
    NotReady {
        /// The issue.
        issue: u64,
        /// Its `limits.timeout`.
        limit: Duration,
    },
    /// The evidence of a run has no end.
    #[error("{}: without an end", journal.display())]
    Endless {
        /// Its journal.
        journal: PathBuf,
    },
    /// A run left nothing that could be checked out.
    #[error("run {run} left nothing: no branch, and nothing in a salvage")]
    NothingLeft {
        /// The run.
        run: RunName,
    },
    /// A run that is to be looked at has not even begun.
    #[error("run {run} has not begun")]
    NotBegun {
        /// The run.
        run: RunName,
    },
    /// A run that is to be published, or checked out, has no end yet.
    #[error("run {run} has no end yet")]
    NotEnded {
        /// The run.
        run: RunName,
    },
    /// A run that is to be published is known from a remote alone.
    #[error(
        "run {run} is not of this machine: what would be published, and where, is what {remote} has of it"
    )]
    NotOwn {
        /// The run.
        run: RunName,
        /// The remote that has its evidence.
        remote: String,
    },
    /// A run cannot be replayed.
    #[error("run {run} cannot be replayed: {why}")]
    Unreplayable {
        /// The run.
        run: RunName,
        /// Why.
        why: String,
        /// What to do about it.
        hint: String,
    },
    /// The work of a run cannot be revised.
    #[error("run {run} cannot be revised: {why}")]
    Unrevisable {
        /// The run.
        run: RunName,
        /// Why.
        why: String,
        /// What to do about it.
        hint: String,
    },
    /// No run that is meant has a pull request.
    #[error("`{named}` has no pull request that autopilot opened from here")]
    NoPullRequest {
        /// What was named.
        named: String,
        /// The issue of it.
        issue: u64,
    },
    /// A pull request is closed.
    #[error("pull request #{number} is {}", if *is_merged { "merged" } else { "closed" })]
    PullRequestOver {
        /// Its number.
        number: u64,
        /// By a merge.
        is_merged: bool,
    },
    /// Somebody else has revised a pull request meanwhile.
    #[error("pull request #{number} was revised by another run just now")]
    Overtaken {
        /// Its number.
        number: u64,
    },
    /// GitHub does not give a pull request.
    #[error("pull request #{number} cannot be read: {failure}")]
    PullRequest {
        /// Its number.
        number: u64,
        /// Why.
        failure: github::Failure,
    },
    /// A branch of a remote cannot be brought here.
    #[error("{branch}: {why}")]
    Unfetched {
        /// The branch.
        branch: String,
        /// Why.
        why: String,
        /// What to do about it.
        hint: String,
    },
    /// Nobody knows where the issue is.
    #[error("issue {issue} cannot be read: no remote of this checkout is on GitHub")]
    NoRemote {
        /// The issue.
        issue: u64,
    },
    /// GitHub does not give the issue.
    #[error("issue {issue} cannot be read: {failure}")]
    Issue {
        /// The issue.
        issue: u64,
        /// Why.
        failure: github::Failure,
    },
    /// A variable of the environment that is to be a time is none.
    #[error("{name}: `{text}` is no time")]
    NoTime {
        /// The variable.
        name: &'static str,
        /// Its value.
        text: String,
    },
    /// No run is the one that is meant.
    #[error("{} in {}", name.as_ref().map_or_else(|| "no run".to_owned(), |name| format!("no run `{name}`")), top.display())]
    NoRun {
        /// What was named.
        name: Option<String>,
        /// The checkout.
        top: PathBuf,
        /// An issue whose plan could be run instead: the one that was named, or the first if there is no run at all.
        plan: Option<u64>,
        /// There are runs of another name.
        has_runs: bool,
    },
    /// No run here is the one that is meant, and the remote, which may have its evidence, does not answer.
    #[error("no run `{name}` in {}, and {remote} could not be asked for its evidence: {why}", top.display())]
    Unasked {
        /// What was named.
        name: String,
        /// The checkout.
        top: PathBuf,
        /// The remote.
        remote: String,
        /// What git said.
        why: String,
    },
    /// The asynchronous runtime could not be had.
    #[error("runtime: {0}")]
    Runtime(io::Error),
    /// The system refused something.
    #[error(transparent)]
    System(#[from] io::Error),
}

fn listed(above: &[Above]) -> String {
    let said = |above: &Above| {
        let step = above.step.as_ref().map(|step| format!("step `{step}`: ")).unwrap_or_default();
        format!("{step}{}", above.reason)
    };
    above.iter().map(said).collect::<Vec<_>>().join("\n  ")
}

impl Error {
    /// The evidence of an issue's run cannot be opened.
    pub(super) fn unopened(issue: u64, error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::WouldBlock { Self::Busy { issue, error } } else { error.into() }
    }

    /// Tells whether it only says that something was broken off, as asked.
    pub(super) fn is_halt(&self) -> bool {
        match self {
            Self::Run(error) | Self::PickUp { error, .. } => error.is_halt(),
            Self::Worktree(error) | Self::Lock(LockError::Worktree(error)) => error.is_halt(),
            _ => false,
        }
    }

    /// What is left of a run cannot be picked up.
    pub(super) fn pick_up(run: RunName, error: impl Into<RunError>) -> Self {
        match error.into() {
            RunError::Io(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Self::Busy { issue: run.issue(), error }
            }
            error => Self::PickUp { run, error },
        }
    }

    /// A run of an issue cannot go on.
    pub(super) fn refused(issue: u64, refused: Refused) -> Self {
        match refused {
            Refused::Worktree(error) => error.into(),
            Refused::Changed(changed) => Self::Changed { issue, changed },
        }
    }
}
