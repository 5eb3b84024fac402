//! The comment on the issue, and the body of a pull request: the summary for people elsewhere. Whatever a step
//! printed or named is code in them, and no run makes them too long.

use std::fmt::Write as _;

use super::extent::extent;
use super::failure::from_remote;
use super::markdown::{clip, fitted, inline};
use super::publishing::name_of;
use super::review::{Review, Today};
use super::{details, gantt, revised, screen};
use crate::evidence::event::{Effect, RunResult};
use crate::evidence::state::PublishState;
use crate::evidence::{Files, RunName, RunState};

/// Bytes of a comment at most; GitHub takes 65,536 characters.
const MOST: usize = 60_000;
/// What of them the first screen, the table and the Gantt may take.
const SCREEN: usize = 24_000;
const TABLE: usize = 12_000;
const GANTT: usize = 6_000;
const MENTIONS: usize = 1_000;
/// Lines of a failed attempt, behind the first screen.
const LINES: usize = 40;
/// Characters of a name or a reason.
const WIDTH: usize = 300;

/// Returns what the comment of a run begins with, and by which it is found again.
pub fn marker(run: RunName) -> String {
    format!("<!-- autopilot:run={run} -->")
}

/// Composes the comment of a run that is closed, as it and its base are now.
pub fn comment(state: &RunState, files: &Files, today: Option<&Today>) -> String {
    let review = Review::of(state, files, today);
    let revised = revised::section(state);
    let said = if revised.is_empty() { revised } else { revised + &details::messages(state) };
    let mut text = format!("{}\n{}{said}", marker(files.run()), outcome(state, &review));
    let rest = format!("{}{}{}", folded(state, &review), audit(state, files), mentions(state));
    let room = MOST.saturating_sub(text.len() + rest.len());
    text.push_str(&take_over(state, files, &review, room));
    text + &rest
}

/// Composes the body of the pull request of a run that is done. What it closes, the plan says.
pub fn pull_request(state: &RunState, files: &Files, today: Option<&Today>) -> String {
    let review = Review::of(state, files, today);
    let closes =
        state.start.plan.value().pointer("/publish/pull_request/closes").and_then(serde_json::Value::as_bool);
    let word = if closes == Some(true) { "Closes" } else { "For" };
    let (issue, outcome) = (state.start.issue, outcome(state, &review));
    let show =
        review.command.as_ref().map(|command| format!("\n**Review:** {}\n", inline(&clip(command, WIDTH))));
    let rest = folded(state, &review) + &audit(state, files);
    format!("{word} #{issue}.\n\n{outcome}{}{rest}", show.unwrap_or_default())
}

/// Composes the first screen. What it says, it says in bounds: what is cut off is not Markdown's business.
fn outcome(state: &RunState, review: &Review) -> String {
    let text = screen::first(review, &subject(state, review));
    if text.len() <= SCREEN {
        text
    } else {
        screen::headline(review) + "\nToo much for a comment: see the summary.\n"
    }
}

fn folded(state: &RunState, review: &Review) -> String {
    let mut inside = details::steps(state, TABLE);
    let drawn = gantt::draw(state);
    if !drawn.is_empty() && drawn.len() <= GANTT {
        let _ = write!(inside, "\n{drawn}");
    }
    let _ = writeln!(inside, "\n**Policy:** {}", details::policy(review));
    details::files(review) + &details::folded("Steps, policy, when", &inside)
}

/// Returns the branch, with a link where it can be looked at, and how much it changes.
fn subject(state: &RunState, review: &Review) -> String {
    let Some(range) = review.range() else { return extent(review) };
    let named = inline(&clip(&range, WIDTH));
    let open: Vec<String> =
        [Effect::Push, Effect::PullRequest].into_iter().filter_map(|e| published(state, e)).collect();
    let linked = compare(state, &range).map_or_else(|| named.clone(), |url| format!("[{named}]({url})"));
    [vec![linked, extent(review)], open].concat().join(" · ")
}

/// Returns the address of the comparison, if the branch is there and its name is one that a link can hold.
fn compare(state: &RunState, range: &str) -> Option<String> {
    let repository = state.start.publish.as_ref()?.repository.as_ref()?;
    let plain = range.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._/-".contains(&byte));
    let is_there = state.is_pushed() && state.start.revises.is_none();
    (is_there && plain).then(|| format!("https://{repository}/compare/{range}"))
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

/// Shows what a person needs to go on with a run that is not done: anywhere, by its evidence, or where that lies.
fn take_over(state: &RunState, files: &Files, review: &Review, room: usize) -> String {
    if review.take_over.is_empty() {
        return String::new();
    }
    let commands = if state.is_evidence_there() {
        details::commands("**Take over**", &from_remote(state, files))
    } else {
        let (host, top) = (state.start.host.name.as_str(), state.start.repository.as_str());
        let [host, top] = [host, top].map(|text| inline(&clip(text, WIDTH)));
        details::commands(&format!("**Take over** on {host}, in {top}"), &review.take_over)
    };
    last_lines(review, room.saturating_sub(commands.len())) + &commands
}

/// Shows more of the end of what the failed attempt printed, as much as there is room for: the last lines matter.
fn last_lines(review: &Review, room: usize) -> String {
    let Some(last) = review.last.as_ref().filter(|last| last.total > screen::LINES as u64) else {
        return String::new();
    };
    let shown = |most: usize| details::folded("More of its last lines", &screen::last_lines(review, most));
    let most = last.lines.len().min(LINES);
    (screen::LINES + 1..=most).rev().map(shown).find(|text| text.len() <= room).unwrap_or_default()
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
