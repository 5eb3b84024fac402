//! Takes a run that is closed, gives the last lines: how it ended, and where everything is.

use std::path::PathBuf;

use console::style;

use crate::cli::target;
use crate::evidence::event::RunResult;
use crate::evidence::state::{End, WorktreeState};
use crate::evidence::{Files, RunState};
use crate::time::spoken;

/// Returns the lines; none of a run that has no end.
pub(super) fn lines(state: &RunState, files: Option<&Files>) -> Vec<String> {
    let Some(end) = &state.end else { return Vec::new() };
    let commits = match state.branch.as_ref().map_or(0, |made| made.commits) {
        1 => "1 commit".to_owned(),
        commits => format!("{commits} commits"),
    };
    let (headline, left, worktree) = (headline(end), state.survivors(), worktree(state));
    let mut lines = vec![format!("{headline}   {commits}, {left} processes left, {worktree}")];
    match &state.branch {
        Some(made) => {
            lines.push(format!("  branch   {}", made.name()));
            lines.push(format!("  review   git diff {}...{}", state.start.base, made.name()));
        }
        None if state.checkpoint.is_some() => lines.push("  the changes are on no branch".to_owned()),
        None => lines.push("  nothing changed: no branch".to_owned()),
    }
    if let Some(files) = files {
        let shown = |path: PathBuf| target::from_here(&path);
        lines.push(format!("  summary  {}", shown(files.summary())));
        if end.result != RunResult::Done {
            lines.push(format!("  report   {}", shown(files.failed())));
        }
        if !state.salvaged().is_empty() {
            lines.push(format!("  salvage  {}", shown(files.salvage())));
        }
    }
    for left in &state.left_in_git {
        let saved = if left.reference.is_some() { "in the salvage" } else { "not saved" };
        lines.push(format!("  in .git  {}: not on the branch, {saved}", left.what));
    }
    if state.more_in_git > 0 {
        lines.push(format!("  in .git  and {} more", state.more_in_git));
    }
    if matches!(end.result, RunResult::Interrupted | RunResult::Crashed) {
        lines.push(format!("  go on    {}", state.start.taken_further_by(&state.start.issue.to_string())));
    }
    lines
}

fn headline(end: &End) -> console::StyledObject<String> {
    let took = spoken(end.took);
    let step = end.step.as_ref().map(|step| format!("{step}: ")).unwrap_or_default();
    let reason = end.reason.as_ref().map_or("", |reason| reason.text.as_str());
    match end.result {
        RunResult::Done => style(format!("done in {took}")).green(),
        RunResult::Failed => style(format!("failed after {took}: {step}{reason}")).red(),
        RunResult::Interrupted => style(step + reason).yellow(),
        RunResult::Crashed => style(step + reason).red(),
    }
}

fn worktree(state: &RunState) -> String {
    match &state.worktree {
        WorktreeState::There => "no worktree".to_owned(),
        WorktreeState::Removed { .. } => "worktree removed".to_owned(),
        WorktreeState::Kept(path, why) => format!("worktree kept at {path}: {why}"),
    }
}
