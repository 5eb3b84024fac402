//! The Gantt of a run, in the subset of Mermaid that every renderer draws the same.
//!
//! Tried with Mermaid 11 (`.ci/gantt.mjs`): ids only as labels, and behind the step's number, since a step
//! may be called `title` or `click`; whole seconds, at least one; full dates beyond 24 hours.

use std::fmt::Write as _;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};

use crate::evidence::RunState;
use crate::evidence::event::AttemptResult;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Draws the attempts of a run.
pub(super) fn draw(state: &RunState) -> String {
    let steps = || (1..).zip(&state.steps);
    let attempts = || steps().flat_map(|(place, step)| step.attempts.iter().map(move |a| (place, step, a)));
    if attempts().next().is_none() {
        return String::new();
    }
    let long = attempts().any(|(_, _, attempt)| attempt.began + attempt.took >= DAY);
    let (date, axis) = if long { ("YYYY-MM-DD HH:mm:ss", "%d %H:%M:%S") } else { ("HH:mm:ss", "%H:%M:%S") };
    let mut text = format!("```mermaid\ngantt\n  dateFormat {date}\n  axisFormat {axis}\n");
    for (place, step, attempt) in attempts() {
        let number = if step.attempts.len() > 1 {
            format!(" {}/{}", attempt.number, step.allowed)
        } else {
            String::new()
        };
        let class = match attempt.result {
            Some(AttemptResult::Passed) => "done",
            Some(AttemptResult::Failed) => "crit",
            Some(AttemptResult::Interrupted | AttemptResult::Superseded) | None => "active",
        };
        let seconds = attempt.took.as_secs().max(1);
        let _ = writeln!(
            text,
            "  {place} {}{number} :{class}, {}, {seconds}s",
            step.id,
            start(attempt.began, long)
        );
    }
    text.push_str("```\n");
    text
}

fn start(began: Duration, long: bool) -> String {
    let day = DateTime::UNIX_EPOCH + TimeDelta::from_std(began).unwrap_or_default();
    day.format(if long { "%Y-%m-%d %H:%M:%S" } else { "%H:%M:%S" }).to_string()
}
