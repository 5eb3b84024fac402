//! What stands behind the first screen, folded: the table of steps, what agents said, files, policy, when.

use std::fmt::Write as _;

use super::extent::{changed_file, lines};
use super::markdown::{block, clip, fitted, inline, table_cell};
use super::review::Review;
use super::screen::mark;
use super::spoken::plural;
use super::{beside, cached, gantt, tree};
use crate::evidence::RunState;
use crate::evidence::event::StepResult;
use crate::evidence::state::{AttemptState, StepState, WorktreeState};
use crate::plan::units;
use crate::replay;
use crate::time::spoken;

/// As many files are named in a line; more of them are a tree, folded.
const FILES: usize = 8;
/// Characters of an agent's final message, and of other texts.
const MESSAGE: usize = 1000;
const WIDTH: usize = 500;
/// Bytes of the names of files in a line.
const NAMED: usize = 6_000;
/// Bytes of the messages of all agents together.
const MESSAGES: usize = 20_000;

/// Composes all of it, for the summary.
pub(super) fn all(state: &RunState, review: &Review) -> String {
    let mut inside = steps(state, usize::MAX);
    inside.push_str(&messages(state));
    let _ = write!(inside, "\n{}", gantt::draw(state));
    let _ = writeln!(inside, "\n**Policy:** {}", policy(review));
    if let Some(beside) = beside::line(state) {
        let _ = writeln!(inside, "\n**Not on the branch:** {beside}");
    }
    let _ = writeln!(inside, "\n**Worktree:** {}", worktree(state));
    let _ = writeln!(inside, "\n**Replay:** {}", replayed(state));
    if let Some(cache) = cached::line(state) {
        let _ = writeln!(inside, "\n**Cache:** {cache}");
    }
    if let Some(publishing) = publishing(state) {
        let _ = writeln!(inside, "\n**To publish:** {publishing}");
    }
    files(review) + &folded("Steps, policy, when", &inside)
}

/// Says how the run is done again from its record, or why it cannot be.
fn replayed(state: &RunState) -> String {
    match replay::hindered(state) {
        None => format!("`autopilot replay {}`", state.start.run),
        Some(why) => inline(&format!("not possible: {why}")),
    }
}

/// Folds a part away behind a few words of the runner's own.
pub(super) fn folded(name: &str, inside: &str) -> String {
    format!("\n<details><summary>{name}</summary>\n\n{}\n\n</details>\n", inside.trim_end())
}

/// Shows the commands by which a person goes on; nothing of a run that needs none.
pub(super) fn take_over(review: &Review) -> Option<String> {
    let commands = &review.take_over;
    (!commands.is_empty()).then(|| self::commands("**Take over**", commands))
}

/// Shows commands behind a few words.
pub(super) fn commands(head: &str, commands: &[String]) -> String {
    format!("\n{head}\n\n{}", block("sh", commands))
}

/// Lists the files that changed: each, or a tree of them.
pub(super) fn files(review: &Review) -> String {
    let count = review.files.len();
    if count == 0 {
        return String::new();
    }
    if count <= FILES {
        let list: Vec<String> = review.files.iter().map(changed_file).collect();
        return format!("\n**Files:** {}\n", fitted(&list, " · ", NAMED));
    }
    let sum = format!("{}, {}", plural(count as u64, "file"), lines(review.added, review.removed));
    folded(&sum, &block("text", &tree::draw(&review.files)))
}

/// Draws the table of steps, no more of it than so many bytes. The audit compares it with the events.
pub(super) fn steps(state: &RunState, room: usize) -> String {
    let agents = state.steps.iter().any(|step| step.attempts.iter().any(AttemptState::is_agents));
    let rows: Vec<String> = state.steps.iter().map(|step| row(step, agents)).collect();
    let (name, line) = if agents { (" tokens, cost |", "---|") } else { ("", "") };
    format!(
        "| step | result | tries | time |{name}\n|---|---|---|---|{line}\n{}\n",
        fitted(&rows, "", room).trim_end()
    )
}

/// Returns the row of a step.
fn row(step: &StepState, agents: bool) -> String {
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
    format!("| {} | {} | {tries} | {time} |{tokens}\n", step.id, result(step))
}

/// Quotes what the agents said last: their words, not findings.
pub(super) fn messages(state: &RunState) -> String {
    let said = state.steps.iter().filter_map(|step| {
        let message = step.attempts.last()?.message.as_deref()?;
        Some(format!("\n**`{}` says:** {}\n", step.id, inline(&cut(message))))
    });
    fitted(&said.collect::<Vec<_>>(), "", MESSAGES)
}

fn cut(message: &str) -> String {
    let short: String = message.trim().chars().take(MESSAGE).collect();
    if short.len() < message.trim().len() { short + "…" } else { short }
}

/// Says how a step ended; what speaks for itself needs no word.
fn result(step: &StepState) -> String {
    let mark = mark(step.result, step.attempts.len());
    match step.result {
        Some(StepResult::Passed | StepResult::Failed) => mark.to_owned(),
        Some(StepResult::Skipped) => {
            let why = step.because.as_ref().map(|why| table_cell(&format!(": {why}"))).unwrap_or_default();
            format!("{mark} skipped{why}")
        }
        Some(StepResult::Interrupted) => format!("{mark} interrupted"),
        None if step.attempts.is_empty() => format!("{mark} not begun"),
        None => format!("{mark} not ended"),
    }
}

/// Says what held the steps.
pub(super) fn policy(review: &Review) -> String {
    let held = &review.enforced;
    let confined = match held.never_started {
        0 => held.sandbox.clone(),
        some => format!("{}; {some} commands never started", held.sandbox),
    };
    let reached = held.reached.as_ref().map(|hosts| format!("; network: {}", inline(&clip(hosts, WIDTH))));
    let left = held.survivors;
    format!("{}{}; {left} processes left", inline(&clip(&confined, WIDTH)), reached.unwrap_or_default())
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
