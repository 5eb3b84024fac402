//! Takes the events of a run, gives the last lines: how it ended, and where everything is.

use std::time::Duration;

use console::style;

use crate::evidence::RunName;
use crate::evidence::event::{Event, RunResult};
use crate::plan::units;
use crate::report::RunView;

/// Where evidence lies in a checkout.
const EVIDENCE: &str = ".ai/logs/autopilot";

/// What the last lines tell.
#[derive(Debug, Default)]
pub(super) struct Ending {
    run: Option<RunName>,
    base: String,
    result: Option<(RunResult, Duration, String)>,
    branch: Option<(String, u64)>,
    worktree: Option<String>,
    salvaged: bool,
    changed: bool,
    /// Processes that could not be ended.
    left: u32,
}

impl Ending {
    /// Learns what went before, of a run that goes on.
    pub(super) fn catch_up(&mut self, view: &RunView) {
        self.run = view.start.run.as_str().parse().ok();
        self.base = view.start.base.to_string();
        self.salvaged = !view.salvaged().is_empty();
        self.changed = !view.changes().is_empty();
    }

    /// Returns the run, once it has begun.
    pub(super) fn run(&self) -> Option<RunName> {
        self.run
    }

    /// Takes an event.
    pub(super) fn take(&mut self, event: &Event) {
        match event {
            Event::RunStarted(start) => {
                self.run = start.run.as_str().parse().ok();
                self.base = start.base.to_string();
            }
            Event::CommandEnded(ended) => self.left += ended.survivors,
            Event::CheckpointMade { .. } => self.changed = true,
            Event::Salvaged { .. } => self.salvaged = true,
            Event::RunEnded { result, reason, step, ms } => {
                let step = step.as_ref().map(|step| format!("{step}: ")).unwrap_or_default();
                let reason = reason.as_ref().map_or("", |reason| reason.text.as_str());
                // The steps may be done and the work not arrive: the first end that is not good is the run's.
                let before = self.result.take().filter(|(result, ..)| *result != RunResult::Done);
                self.result = before.or_else(|| Some((*result, Duration::from_millis(*ms), step + reason)));
            }
            Event::BranchMade { reference, commits, .. } => {
                let branch = reference.as_str().trim_start_matches("refs/heads/").to_owned();
                self.branch = Some((branch, *commits));
            }
            Event::WorktreeRemoved { .. } => self.worktree = Some("worktree removed".to_owned()),
            Event::WorktreeKept { path, why } => {
                self.worktree = Some(format!("worktree kept at {path}: {why}"));
            }
            _ => {}
        }
    }

    /// Returns the lines; none of a run that has no end.
    pub(super) fn lines(&self) -> Vec<String> {
        let (Some(run), Some((result, took, why))) = (self.run, &self.result) else { return Vec::new() };
        let commits = match self.branch.as_ref().map_or(0, |(_, commits)| *commits) {
            1 => "1 commit".to_owned(),
            commits => format!("{commits} commits"),
        };
        let took = units::clock(*took);
        let headline = match result {
            RunResult::Done => style(format!("done in {took}")).green(),
            RunResult::Failed => style(format!("failed after {took}: {why}")).red(),
            RunResult::Interrupted => style(why.clone()).yellow(),
            RunResult::Crashed => style(why.clone()).red(),
        };
        let worktree = self.worktree.as_deref().unwrap_or("no worktree");
        let mut lines = vec![format!("{headline}   {commits}, {} processes left, {worktree}", self.left)];
        match &self.branch {
            Some((branch, _)) => {
                lines.push(format!("  branch   {branch}"));
                lines.push(format!("  review   git diff {}...{branch}", self.base));
            }
            None if self.changed => lines.push("  the changes are on no branch".to_owned()),
            None => lines.push("  nothing changed: no branch".to_owned()),
        }
        lines.push(format!("  summary  {EVIDENCE}/summary-{run}.md"));
        if *result != RunResult::Done {
            lines.push(format!("  report   {EVIDENCE}/FAILED-{run}.log"));
        }
        if self.salvaged {
            lines.push(format!("  salvage  {EVIDENCE}/salvage-{run}.bundle"));
        }
        if matches!(result, RunResult::Interrupted | RunResult::Crashed) {
            lines.push(format!("  go on    autopilot run {} --resume", run.issue()));
        }
        lines
    }
}
