//! The failure report: which step, why, the last lines, where the salvage is, how to take over.

use std::fmt::Write as _;
use std::io;

use super::egress;
use super::markdown::is_hidden;
use super::tail::log_of;
use crate::evidence::Files;
use crate::evidence::event::{RunResult, StepResult};
use crate::evidence::state::{AttemptState, End, RunState, StepState, WorktreeState};
use crate::time::spoken;

/// Places of secrets in the result that are named.
const SECRETS: usize = 20;
/// Lines of the log shown in the report.
const LINES: usize = 60;

/// Writes the failure report; nothing for a run that is done or has not ended.
pub(super) fn write(state: &RunState, files: &Files) -> io::Result<Option<String>> {
    let Some(end) = state.end.as_ref().filter(|end| end.result != RunResult::Done) else { return Ok(None) };
    let how = end.result.word().to_uppercase();
    let mut text = format!("{how}: run {} of issue {}\n\n", files.run(), state.start.issue);
    let row = |text: &mut String, name: &str, value: &str| {
        let _ = writeln!(text, "{name:<9} {}", printable(value));
    };
    row(&mut text, "title", state.start.title.as_str());
    if let Some(step) = &end.step {
        row(&mut text, "step", step.as_str());
    }
    row(&mut text, "why", end.reason.as_ref().map_or("not recorded", |reason| reason.text.as_str()));
    row(&mut text, "after", &spoken(end.took));
    row(&mut text, "passed", &listed(state, StepResult::Passed));
    row(&mut text, "failed", &listed(state, StepResult::Failed));
    row(&mut text, "skipped", &listed(state, StepResult::Skipped));
    if let Some(made) = &state.branch {
        row(&mut text, "branch", &format!("{} at {}", made.reference, made.commit));
    }
    if let WorktreeState::Kept(path, why) = &state.worktree {
        row(&mut text, "worktree", &format!("kept at {path}: {why}"));
    }
    let decided = state.failed_attempt();
    let failed = |step: &&StepState| step.result == Some(StepResult::Failed);
    let others =
        state.steps.iter().filter(failed).filter(|step| decided.is_none_or(|(own, _)| own.id != step.id));
    others.for_each(|step| text.push_str(&attempts(step)));
    if let Some((step, attempt)) = decided {
        text.push_str(&attempts(step));
        text.push_str(&last_lines(step, attempt, files)?);
    }
    for (step, refused) in egress::refused(state) {
        let _ =
            writeln!(text, "\nRefused by the policy of {step}\n  {}", printable(&egress::in_words(&refused)));
    }
    for (step, failed) in egress::failed(state) {
        let _ = writeln!(text, "\nNot reached from {step}\n  {}", printable(&egress::in_words(&failed)));
    }
    for (step, refused) in state.refused() {
        let _ = writeln!(text, "\nProbably refused by the policy of {step}\n  {}", printable(refused));
    }
    for (at, salvage) in state.salvages() {
        for what in &salvage.not_held {
            let _ = writeln!(text, "\nNot in the salvage of {at} as it was: {}", printable(what));
        }
        for what in &salvage.secrets {
            let _ = writeln!(text, "\nA secret, it seems, in the salvage: {}", printable(what));
        }
    }
    for what in state.searched.iter().flat_map(|searched| searched.to_check(SECRETS)) {
        let _ = writeln!(text, "\nCheck: {}", printable(&what));
    }
    text.push_str("\nTake over\n");
    for command in take_over(state, files) {
        let _ = writeln!(text, "  {command}");
    }
    Ok(Some(text))
}

fn listed(state: &RunState, result: StepResult) -> String {
    let ids: Vec<&str> =
        state.steps.iter().filter(|s| s.result == Some(result)).map(|s| s.id.as_str()).collect();
    if ids.is_empty() { "–".to_owned() } else { ids.join(" ") }
}

fn attempts(step: &StepState) -> String {
    let mut text = format!("\nAttempts at {}\n", step.id);
    for attempt in &step.attempts {
        let reason = attempt.reason.as_ref().map_or("ended by the crash", |reason| reason.text.as_str());
        let time = spoken(attempt.took);
        let _ = writeln!(text, "  {}/{}  {time:>6}  {}", attempt.number, step.allowed, printable(reason));
    }
    text
}

fn last_lines(step: &StepState, attempt: &AttemptState, files: &Files) -> io::Result<String> {
    let (lines, total) = log_of(attempt, files, LINES)?;
    let mut text =
        format!("\nLast {} of {total} lines of {}, attempt {}\n", lines.len(), step.id, attempt.number);
    for line in lines {
        // Nothing else in the report begins so.
        let _ = writeln!(text, "  │ {}", printable(&line));
    }
    Ok(text)
}

/// Keeps what a step wrote from doing, or seeming, more than text in a report that people `cat`, jobs of GitHub Actions
/// among them: escapes, what nobody sees, and what such a job obeys wherever in a line it stands.
fn printable(line: &str) -> String {
    let plain = console::strip_ansi_codes(line);
    let seen: String = plain.chars().filter(|c| !is_hidden(*c) || *c == '\t').collect();
    seen.replace("##[", "# #[")
}

/// Returns the commands by which a person goes on who has a clone, and the run's evidence on its remote.
pub(super) fn from_remote(state: &RunState, files: &Files) -> Vec<String> {
    let run = files.run();
    let mut commands = vec![format!("git fetch origin {}", run.evidence())];
    let is_cut_short = |end: &End| matches!(end.result, RunResult::Interrupted | RunResult::Crashed);
    if state.end.as_ref().is_some_and(is_cut_short) {
        commands.push(format!("autopilot run {} --resume", state.start.issue));
    }
    if state.failed_attempt().is_some_and(|(_, attempt)| !attempt.salvage.references.is_empty())
        || state.branch.is_some()
    {
        commands.push(format!("autopilot checkout {run}"));
    }
    commands.push(format!("autopilot logs {run} --failed"));
    commands
}

/// Returns the commands by which a person goes on.
pub(super) fn take_over(state: &RunState, files: &Files) -> Vec<String> {
    let mut commands = Vec::new();
    let end = state.end.as_ref();
    if end.is_some_and(|end| matches!(end.result, RunResult::Interrupted | RunResult::Crashed)) {
        commands.push(state.start.taken_further_by(&state.start.issue.to_string()));
    }
    // What the step left that ended the run stands on everything that passed; what others left need not.
    let left = state.failed_attempt().and_then(|(_, attempt)| attempt.salvage.references.last());
    if let Some(last) = left {
        let (bundle, run) = (files.relative(&files.salvage()), files.run());
        let last = last.strip_prefix("refs/salvage/").unwrap_or(last);
        // A name of the run in front: what runs of others salvaged is called the same.
        commands.push(format!("autopilot checkout {run}"));
        commands.push(format!("git fetch {bundle} 'refs/salvage/*:refs/salvage/{run}/*'"));
        commands.push(format!("git switch -c fix-{run} refs/salvage/{run}/{last}"));
    } else if state.branch.is_some() {
        commands.push(format!("autopilot checkout {}", files.run()));
    }
    commands.push(format!("autopilot logs {} --failed", files.run()));
    commands
}
