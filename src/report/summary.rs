//! The summary for people. Never says success for a run that was not one: every word follows from the fold.

use std::fmt::Write as _;

use super::markdown::{clip, inline, table_cell};
use super::spoken::{plural, spoken};
use super::{beside, cached, check, egress, gantt, proof};
use crate::evidence::event::{Change, ChangeKind, RunResult, StepResult};
use crate::evidence::state::{AttemptState, RunState, StepState, WorktreeState};
use crate::evidence::{Files, LOGS_OF_STEPS, RunName};
use crate::plan::units;

/// Files listed in the summary.
const FILES: usize = 50;
/// Characters of an agent's final message in the summary.
const MESSAGE: usize = 1000;

/// Writes the summary of a run that has ended.
pub(super) fn write(state: &RunState, files: &Files) -> String {
    let mut text = headline(state);
    let _ = writeln!(text, "**{}** · {}\n", table_cell(state.start.title.as_str()), subject(state));
    if let Some(why) = reason(state) {
        let _ = writeln!(text, "**Why:** {}\n", inline(&why));
    }
    text.push_str(&steps(state));
    let check = check::items(state);
    if !check.is_empty() {
        let _ = writeln!(text, "\n**Check before merging:** {}", check.join("; "));
    }
    for verdict in proof::verdicts(state) {
        let _ = writeln!(text, "\n**Proof:** {verdict}");
    }
    text.push_str(&messages(state));
    for (step, refused) in egress::refused(state) {
        let _ =
            writeln!(text, "\n**Refused by policy** in `{step}`: {}", inline(&egress::in_words(&refused)));
    }
    for (step, refused) in state.refused() {
        let _ = writeln!(text, "\n**Refused by policy**, probably, in `{step}`: {}", inline(refused));
    }
    let drawn = gantt::draw(state);
    if !drawn.is_empty() {
        let _ = write!(text, "\n{drawn}");
    }
    text.push_str(&changed_files(state));
    let _ = writeln!(text, "\n**Policy:** {}", policy(state));
    if let Some(beside) = beside::line(state) {
        let _ = writeln!(text, "**Not on the branch:** {beside}");
    }
    let _ = writeln!(text, "**Worktree:** {}", worktree(state));
    if let Some(cache) = cached::line(state) {
        let _ = writeln!(text, "**Cache:** {cache}");
    }
    if let Some(publishing) = publishing(state) {
        let _ = writeln!(text, "**To publish:** {publishing}");
    }
    text.push_str(&evidence(state, files));
    text
}

/// Returns the first line: what became of which issue, and how long it took.
pub(super) fn headline(state: &RunState) -> String {
    let issue = state.start.issue;
    let Some(end) = &state.end else { return format!("# … #{issue} has not ended\n") };
    let took = spoken(end.took);
    match end.result {
        RunResult::Done => format!("# ✅ #{issue} done in {took}\n"),
        RunResult::Failed => format!("# ❌ #{issue} failed{} after {took}\n", at_step(state)),
        RunResult::Interrupted => format!("# ⏹ #{issue} interrupted after {took}\n"),
        RunResult::Crashed => format!("# 💥 #{issue} crashed{} after {took}\n", at_step(state)),
    }
}

fn at_step(state: &RunState) -> String {
    let step = state.end.as_ref().and_then(|end| end.step.as_ref());
    step.map(|step| format!(" at `{step}`")).unwrap_or_default()
}

fn subject(state: &RunState) -> String {
    match range(state) {
        Some(range) => format!("{} · {}", inline(&range), extent(state)),
        None => extent(state),
    }
}

/// Returns the range of commits that the run made, as `git diff` takes it.
pub(super) fn range(state: &RunState) -> Option<String> {
    Some(format!("{}...{}", state.start.base, state.branch.as_ref()?.name()))
}

/// Returns how much it changed.
pub(super) fn extent(state: &RunState) -> String {
    let changes = state.changes();
    let files = plural(changes.len() as u64, "file");
    let base = inline(state.start.base.as_str());
    let extent = match (&state.branch, changes.len()) {
        (Some(made), _) => {
            let (added, removed) = totals(&changes);
            format!("{}, {files}, +{added} −{removed}", plural(made.commits, "commit"))
        }
        (None, 0) => format!("nothing changed since {base}: no branch"),
        (None, _) => format!("{files} changed since {base}, but there is no branch"),
    };
    let cost = state.cost().filter(|cost| *cost > 0).map(|cost| format!(", {}", units::dollars(cost)));
    extent + &cost.unwrap_or_default()
}

pub(super) fn reason(state: &RunState) -> Option<String> {
    Some(state.end.as_ref()?.reason.as_ref()?.text.to_string())
}

fn steps(state: &RunState) -> String {
    let agents = has_agents(state);
    steps_head(agents) + &state.steps.iter().map(|step| step_row(step, agents)).collect::<String>()
}

/// Tells whether an agent worked: a run without one has no use of a column of dashes.
pub(super) fn has_agents(state: &RunState) -> bool {
    state.steps.iter().any(|step| step.attempts.iter().any(AttemptState::is_agents))
}

/// Returns the head of the table of steps.
pub(super) fn steps_head(agents: bool) -> String {
    let (name, line) = if agents { (" tokens, cost |", "---|") } else { ("", "") };
    format!("| step | result | tries | time |{name}\n|---|---|---|---|{line}\n")
}

/// Returns the row of a step.
pub(super) fn step_row(step: &StepState, agents: bool) -> String {
    let (mark, note) = result(step);
    let (tries, time) = match step.attempts.len() {
        0 => ("–".to_owned(), "–".to_owned()),
        tries => (tries.to_string(), spoken(step.took())),
    };
    let cost = step
        .cost()
        .filter(|cost| *cost > 0)
        .map(|cost| format!(", {}", units::dollars(cost)))
        .unwrap_or_default();
    let tokens = step.tokens().map_or_else(|| "–".to_owned(), |tokens| units::count(tokens) + &cost);
    let tokens = if agents { format!(" {tokens} |") } else { String::new() };
    format!("| {} | {mark}{} | {tries} | {time} |{tokens}\n", step.id, table_cell(&note))
}

/// Quotes what the agents said last: their words, not findings.
fn messages(state: &RunState) -> String {
    let mut text = String::new();
    for step in &state.steps {
        let Some(message) = step.attempts.last().and_then(|attempt| attempt.message.as_deref()) else {
            continue;
        };
        let _ = writeln!(text, "\n**`{}` says:** {}", step.id, inline(&cut(message)));
    }
    text
}

fn cut(message: &str) -> String {
    let short: String = message.trim().chars().take(MESSAGE).collect();
    if short.len() < message.trim().len() { short + "…" } else { short }
}

fn result(step: &StepState) -> (&'static str, String) {
    match step.result {
        Some(StepResult::Passed) => ("✅", String::new()),
        Some(StepResult::Failed) => ("❌", String::new()),
        Some(StepResult::Skipped) => {
            ("⏭ skipped", step.because.as_ref().map(|why| format!(": {why}")).unwrap_or_default())
        }
        Some(StepResult::Interrupted) => ("⏹ interrupted", String::new()),
        None if step.attempts.is_empty() => ("– not begun", String::new()),
        None => ("💥 not ended", String::new()),
    }
}

fn changed_files(state: &RunState) -> String {
    let changes = state.changes();
    if changes.is_empty() {
        return String::new();
    }
    let shown: Vec<String> = changes.iter().take(FILES).map(changed_file).collect();
    let more = match changes.len().saturating_sub(FILES) {
        0 => String::new(),
        more => format!(" · and {more} more"),
    };
    format!("\n**Files:** {}{more}\n", shown.join(" · "))
}

pub(super) fn changed_file(change: &Change) -> String {
    let counts = match (change.added, change.removed) {
        (Some(added), Some(0)) => format!("+{added}"),
        (Some(added), Some(removed)) => format!("+{added} −{removed}"),
        _ => "binary".to_owned(),
    };
    let gone = if change.kind == ChangeKind::Deleted { " deleted" } else { "" };
    format!("{} {counts}{gone}", inline(change.path.as_str()))
}

pub(super) fn policy(state: &RunState) -> String {
    let commands: Vec<_> =
        state.steps.iter().flat_map(|step| &step.attempts).flat_map(|a| &a.commands).collect();
    let left = state.survivors();
    let unconfined = commands.iter().filter(|command| command.enforced.is_none()).count();
    let confined = match unconfined {
        0 => state.start.sandbox.to_string(),
        some => format!("{}; {some} commands never started", state.start.sandbox),
    };
    let network = egress::reached(state).map(|hosts| format!("; network: {}", inline(&clip(&hosts, 500))));
    format!("{}{}; {left} processes left", inline(&clip(&confined, 500)), network.unwrap_or_default())
}

fn worktree(state: &RunState) -> String {
    match &state.worktree {
        WorktreeState::Removed { proved, ignored } => {
            format!(
                "removed, {proved} files compared with the branch first; {ignored} ignored files went with it"
            )
        }
        WorktreeState::Kept(path, why) => format!("**kept** at {}: {}", inline(path), inline(why)),
        WorktreeState::There => "removed with the run directory".to_owned(),
    }
}

/// Returns what is going to be published, as far as that was known before the first step: what became of it
/// is not of the evidence, `autopilot status` tells it.
fn publishing(state: &RunState) -> Option<String> {
    let publish = state.start.publish.as_ref()?;
    let effects: Vec<&str> = state.to_publish_at_the_end().into_iter().map(super::name_of).collect();
    let to = publish.repository.as_ref().map(|to| format!(" on {}", inline(to.as_str()))).unwrap_or_default();
    let what = if effects.is_empty() { "nothing".to_owned() } else { effects.join(", ") + &to };
    Some(match &publish.hindered {
        Some(why) => format!("{what}; {}", inline(why.as_str())),
        None => what,
    })
}

fn evidence(state: &RunState, files: &Files) -> String {
    let run: RunName = files.run();
    let folder = LOGS_OF_STEPS.trim_start_matches(".ai/logs/");
    let mut text = format!("**Log:** [autopilot-{run}.log](../{folder}/autopilot-{run}.log)");
    if !state.salvaged().is_empty() {
        let _ = write!(text, " · **Salvage:** [salvage-{run}.bundle](salvage-{run}.bundle)");
    }
    if state.end.as_ref().is_some_and(|end| end.result != RunResult::Done) {
        let _ = write!(text, " · **Failure report:** [FAILED-{run}.log](FAILED-{run}.log)");
    }
    text.push('\n');
    text
}

/// Returns lines added and removed over all of some changes.
pub(super) fn totals(changes: &[Change]) -> (u64, u64) {
    let sum =
        |count: fn(&Change) -> Option<u64>| changes.iter().filter_map(count).fold(0, u64::saturating_add);
    (sum(|change| change.added), sum(|change| change.removed))
}
