//! How a run stands and what to do next about it: values, of which the words are made last.

use std::path::Path;

use crate::app;
use crate::cli::target;
use crate::evidence::RunName;
use crate::evidence::RunState;
use crate::evidence::event::RunResult;
use crate::evidence::state::WorktreeState;

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// It has no first event yet.
    Starting,
    /// Somebody runs it.
    Running,
    /// It has ended, or its runner has died.
    Ended(RunResult),
    /// Whether somebody runs it cannot be told.
    Unknown,
    /// Its journal cannot be read.
    Unreadable,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing.
    Nothing,
    /// Follow its log.
    Follow,
    /// Go on with it, the latest run of the issue.
    GoOn,
    /// Go on with this very run, which is not the latest.
    GoOnWith,
    /// Begin another revision of the pull request.
    Revise,
    /// Look at what failed in the latest run of the issue.
    LookAtFailed,
    /// Look at what failed in this very run, which is not the latest.
    LookAtFailedOf,
    /// Look at the worktree that was kept.
    LookAt(String),
    /// Mend what is the matter.
    Mend(String),
}

impl How {
    /// Every word for how a run stands.
    pub(super) const WORDS: [&str; 8] =
        ["starting", "running", "done", "failed", "interrupted", "crashed", "unknown", "unreadable"];

    /// Tells how a run stands of which the journal is known.
    pub(super) fn of(view: &RunState, alive: bool) -> Self {
        match &view.end {
            _ if alive => Self::Running,
            Some(end) if view.closed => Self::Ended(end.result),
            Some(_) | None => Self::Ended(RunResult::Crashed),
        }
    }

    /// Returns the word for it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Ended(result) => result.word(),
            Self::Unknown => "unknown",
            Self::Unreadable => "unreadable",
        }
    }
}

impl Next {
    /// Decides what to do about a run that stands so.
    pub(super) fn of(view: &RunState, how: How) -> Self {
        match how {
            How::Running => Self::Follow,
            How::Ended(RunResult::Failed | RunResult::Crashed | RunResult::Interrupted)
                if app::can_go_on(view) =>
            {
                if view.start.revises.is_some() {
                    Self::Revise
                } else {
                    Self::GoOn
                }
            }
            How::Ended(RunResult::Failed) => Self::LookAtFailed,
            How::Starting | How::Ended(_) | How::Unknown | How::Unreadable => match &view.worktree {
                WorktreeState::Kept(path, _) if Path::new(path).exists() => Self::LookAt(path.clone()),
                _ => Self::Nothing,
            },
        }
    }

    /// Decides what to do about a run that is not the latest of its issue: only that one is meant where the issue is named.
    pub(super) fn of_older(self) -> Self {
        match self {
            Self::GoOn => Self::GoOnWith,
            Self::LookAtFailed => Self::LookAtFailedOf,
            other => other,
        }
    }

    /// Says it; nothing if there is nothing to do.
    pub(super) fn text(&self, run: RunName) -> Option<String> {
        let issue = run.issue();
        match self {
            Self::Nothing => None,
            Self::Follow => Some(format!("autopilot logs {issue} -f")),
            Self::GoOn => Some(format!("autopilot run {issue} --resume")),
            Self::Revise => Some(format!("autopilot revise {issue}")),
            Self::GoOnWith => Some(format!("autopilot run {run} --resume")),
            Self::LookAtFailed => Some(format!("autopilot logs {issue} --failed")),
            Self::LookAtFailedOf => Some(format!("autopilot logs {run} --failed")),
            Self::LookAt(path) => Some(format!("look at {}", target::from_here(Path::new(path)))),
            Self::Mend(what) => Some(what.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_latest_run_of_an_issue_is_meant_by_its_number() {
        let run: RunName = "20261003T101500Z-7".parse().unwrap();
        let said = |next: Next| next.text(run).unwrap_or_default();
        assert_eq!(said(Next::GoOn), "autopilot run 7 --resume");
        assert_eq!(said(Next::GoOn.of_older()), "autopilot run 20261003T101500Z-7 --resume");
        assert_eq!(said(Next::LookAtFailed.of_older()), "autopilot logs 20261003T101500Z-7 --failed");
        for next in
            [Next::Nothing, Next::Follow, Next::LookAt("there".into()), Next::Mend("it --resume".into())]
        {
            assert_eq!(next.clone().of_older(), next);
        }
    }
}
