//! The comment on the issue, and the body of a pull request: the summary for people elsewhere. Whatever a step
//! printed or named is code in them, and no run makes them too long.

use std::fmt::Write as _;

use super::failure::take_over;
use super::markdown::{block, clip, fitted, inline, title};
use super::publishing::name_of;
use super::summary::{
    changed_file, extent, has_agents, headline, policy, range, reason, step_row, steps_head,
};
use super::tail::log_of;
use super::{check, egress, gantt, proof};
use crate::evidence::event::{Effect, RunResult};
use crate::evidence::state::PublishState;
use crate::evidence::{Files, RunName, RunState};

/// Bytes of a comment at most; GitHub takes 65,536 characters.
const MOST: usize = 60_000;
/// What of them each part may take; together they leave room for the last lines.
const TABLE: usize = 12_000;
const ITEMS: usize = 6_000;
const FILES: usize = 8_000;
const GANTT: usize = 6_000;
const MENTIONS: usize = 1_000;
/// Lines of a failed attempt, and characters of each.
const LINES: usize = 40;
const WIDTH: usize = 300;

/// Returns what the comment of a run begins with, and by which it is found again.
pub fn marker(run: RunName) -> String {
    format!("<!-- autopilot:run={run} -->")
}

/// Composes the comment of a run that is closed, as it is now.
pub fn comment(state: &RunState, files: &Files) -> String {
    let mut text = format!("{}\n{}", marker(files.run()), outcome(state));
    let rest = format!("{}{}{}", details(state), audit(state, files), mentions(state));
    let room = MOST.saturating_sub(text.len() + rest.len());
    text.push_str(&take_over_part(state, files, room));
    text + &rest
}

/// Composes the body of the pull request of a run that is done.
pub fn pull_request(state: &RunState, files: &Files) -> String {
    let issue = state.start.issue;
    format!("For #{issue}.\n\n{}{}{}", outcome(state), details(state), audit(state, files))
}

fn outcome(state: &RunState) -> String {
    let mut text = headline(state);
    let _ = writeln!(text, "**{}** · {}\n", title(&clip(state.start.title.as_str(), WIDTH)), subject(state));
    if let Some(why) = reason(state) {
        let _ = writeln!(text, "**Why:** {}\n", inline(&clip(&why, 500)));
    }
    let agents = has_agents(state);
    let rows: Vec<String> = state.steps.iter().map(|step| step_row(step, agents)).collect();
    let _ = writeln!(text, "{}{}", steps_head(agents), fitted(&rows, "", TABLE).trim_end());
    part(&mut text, "Check before merging", &fitted(&check::items(state), "; ", ITEMS));
    part(&mut text, "Proof", &fitted(&proof::verdicts(state), "; ", ITEMS));
    let in_step = |step: &str, what: &str| format!("{} in `{step}`", inline(&clip(what, WIDTH)));
    let refused = egress::refused(state);
    let refused: Vec<String> =
        refused.iter().map(|(step, what)| in_step(step, &egress::in_words(what))).collect();
    part(&mut text, "Refused by policy", &fitted(&refused, "; ", ITEMS));
    let guessed: Vec<String> = state.refused().iter().map(|(step, what)| in_step(step, what)).collect();
    part(&mut text, "Refused by policy, probably", &fitted(&guessed, "; ", ITEMS));
    text
}

fn details(state: &RunState) -> String {
    let mut text = String::new();
    let changes: Vec<String> = state.changes().iter().map(changed_file).collect();
    part(&mut text, "Files", &fitted(&changes, " · ", FILES));
    part(&mut text, "Policy", &policy(state));
    let drawn = gantt::draw(state);
    if !drawn.is_empty() && drawn.len() <= GANTT {
        let _ = write!(text, "\n<details><summary>When</summary>\n\n{drawn}</details>\n");
    }
    text
}

fn part(text: &mut String, name: &str, what: &str) {
    if !what.is_empty() {
        let _ = writeln!(text, "\n**{name}:** {what}");
    }
}

/// Returns the branch, with a link where it can be looked at, and how much it changes.
fn subject(state: &RunState) -> String {
    let Some(range) = range(state) else { return extent(state) };
    let named = inline(&clip(&range, WIDTH));
    let open: Vec<String> =
        [Effect::Push, Effect::PullRequest].into_iter().filter_map(|e| published(state, e)).collect();
    let linked = compare(state, &range).map_or_else(|| named.clone(), |url| format!("[{named}]({url})"));
    [vec![linked, extent(state)], open].concat().join(" · ")
}

/// Returns the address of the comparison, if the branch is there and its name is one that a link can hold.
fn compare(state: &RunState, range: &str) -> Option<String> {
    let repository = state.start.publish.as_ref()?.repository.as_ref()?;
    let plain = range.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._/-".contains(&byte));
    (state.is_pushed() && plain).then(|| format!("https://{repository}/compare/{range}"))
}

/// Says what became of an effect that readers would look for.
fn published(state: &RunState, effect: Effect) -> Option<String> {
    match &state.last_try(effect)?.state {
        PublishState::Done { url: Some(url), .. } if effect == Effect::PullRequest => Some(url.clone()),
        PublishState::Failed { why, .. } => {
            Some(format!("**no {}:** {}", name_of(effect), inline(&clip(why, WIDTH))))
        }
        PublishState::Done { .. } | PublishState::Begun => None,
    }
}

/// Shows what a person needs to go on with a run that is not done.
fn take_over_part(state: &RunState, files: &Files, room: usize) -> String {
    if state.end.as_ref().is_none_or(|end| end.result == RunResult::Done) {
        return String::new();
    }
    let commands = format!("\n**Take over**\n\n{}", block("sh", &take_over(state, files)));
    last_lines(state, files, room.saturating_sub(commands.len())) + &commands
}

fn last_lines(state: &RunState, files: &Files, room: usize) -> String {
    let Some((step, attempt)) = state.failed_attempt() else { return String::new() };
    let Ok((lines, total)) = log_of(attempt, files, LINES) else { return String::new() };
    let lines: Vec<String> = lines.iter().map(|line| clip(line, WIDTH)).collect();
    let shown = |lines: &[String]| {
        let (count, number) = (lines.len(), attempt.number);
        let what = format!("Last {count} of {total} lines of {}, attempt {number}", step.id);
        format!("\n<details><summary>{what}</summary>\n\n{}</details>\n", block("text", lines))
    };
    // The last ones matter.
    (0..lines.len()).map(|from| shown(&lines[from..])).find(|text| text.len() <= room).unwrap_or_default()
}

fn audit(state: &RunState, files: &Files) -> String {
    let head = state.head.as_ref().map_or_else(String::new, |head| format!(" · head `{head}`"));
    format!("\n**Audit:** `autopilot audit {} --online`{head}\n", files.run())
}

/// Whom the plan wants to know of a failure. The only mentions of a comment.
fn mentions(state: &RunState) -> String {
    let failed = |result| matches!(result, RunResult::Failed | RunResult::Crashed);
    let escalate = state.start.plan.value().pointer("/publish/escalate").and_then(|list| list.as_array());
    let fits = |c: char| c.is_ascii_alphanumeric() || "@/_-".contains(c);
    let names = escalate.into_iter().flatten().filter_map(|name| name.as_str());
    let names: Vec<String> = names.filter(|name| name.chars().all(fits)).map(str::to_owned).collect();
    match &state.end {
        Some(end) if failed(end.result) && !names.is_empty() => {
            format!("\n{}\n", fitted(&names, " ", MENTIONS))
        }
        _ => String::new(),
    }
}
