//! The summary for people: the first screen, and behind it what a closer look needs. Never says success for a run that was
//! not one: every word follows from the fold.

use std::fmt::Write as _;

use super::extent::extent;
use super::markdown::inline;
use super::review::{Review, Today};
use super::{details, revised, screen};
use crate::evidence::event::RunResult;
use crate::evidence::{Files, LOGS_OF_STEPS, RunName, RunState};

/// Writes the summary of a run that has ended, with the base as it is today if somebody looked.
pub(super) fn write(state: &RunState, files: &Files, today: Option<&Today>) -> String {
    let review = Review::of(state, files, today);
    let mut text = screen::first(&review, &subject(&review));
    text.push_str(&revised::section(state));
    text.push_str(&go_on(&review));
    text.push_str(&details::all(state, &review));
    text.push_str(&evidence(state, files));
    text
}

fn subject(review: &Review) -> String {
    match review.range() {
        Some(range) => format!("{} · {}", inline(&range), extent(review)),
        None => extent(review),
    }
}

/// Names the commands that come next.
fn go_on(review: &Review) -> String {
    if let Some(commands) = details::take_over(review) {
        return commands;
    }
    let show = review.command.as_ref().map(|command| format!("{} · ", inline(command))).unwrap_or_default();
    format!("\n**Review:** {show}{}\n", inline(&format!("autopilot audit {}", review.run)))
}

fn evidence(state: &RunState, files: &Files) -> String {
    let run: RunName = files.run();
    let folder = LOGS_OF_STEPS.trim_start_matches(".ai/logs/");
    let mut text = format!("\n**Log:** [autopilot-{run}.log](../{folder}/autopilot-{run}.log)");
    if !state.salvaged().is_empty() {
        let _ = write!(text, " · **Salvage:** [salvage-{run}.bundle](salvage-{run}.bundle)");
    }
    if state.end.as_ref().is_some_and(|end| end.result != RunResult::Done) {
        let _ = write!(text, " · **Failure report:** [FAILED-{run}.log](FAILED-{run}.log)");
    }
    text.push('\n');
    text
}
