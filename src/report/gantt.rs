//! The Gantt of a run, in the subset of Mermaid that every renderer draws the same.
//!
//! Tried with Mermaid 11 (`.ci/gantt.mjs`): ids only as labels, and behind the step's number, since a step
//! may be called `title` or `click`; whole seconds, at least one; full dates beyond 24 hours.

use std::fmt::Write as _;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};

use crate::evidence::RunState;
use crate::evidence::event::AttemptResult;
use crate::evidence::state::{AttemptState, StepState};

/// Seconds of a day.
const DAY: u64 = 24 * 3600;

/// Draws the attempts of a run, in the order they began. A line is at least a second long: what came one after the other
/// is moved so that it is drawn so.
pub(super) fn draw(state: &RunState) -> String {
    let steps = (1..).zip(&state.steps);
    let mut attempts: Vec<(usize, &StepState, &AttemptState)> =
        steps.flat_map(|(place, step)| step.attempts.iter().map(move |a| (place, step, a))).collect();
    if attempts.is_empty() {
        return String::new();
    }
    attempts.sort_by_key(|(.., attempt)| attempt.began);
    let spans: Vec<(Duration, Duration)> = attempts.iter().map(|(.., a)| (a.began, a.took)).collect();
    let spans = apart(&spans);
    let long = spans.last().is_some_and(|(begin, seconds)| begin + seconds >= DAY);
    let (date, axis) = if long { ("YYYY-MM-DD HH:mm:ss", "%d %H:%M:%S") } else { ("HH:mm:ss", "%H:%M:%S") };
    let mut text = format!("```mermaid\ngantt\n  dateFormat {date}\n  axisFormat {axis}\n");
    for ((place, step, attempt), (begin, seconds)) in attempts.iter().zip(spans) {
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
        let begin = start(begin, long);
        let _ = writeln!(text, "  {place} {}{number} :{class}, {begin}, {seconds}s", step.id);
    }
    text.push_str("```\n");
    text
}

/// Returns begin and length of each line in whole seconds. Of two, the later begins behind the earlier's end, unless they
/// were really under way together.
fn apart(spans: &[(Duration, Duration)]) -> Vec<(u64, u64)> {
    let (mut over, mut drawn) = (Duration::ZERO, 0);
    let mut lines = Vec::new();
    for (began, took) in spans {
        let seconds = took.as_secs().max(1);
        let begin = if *began >= over { began.as_secs().max(drawn) } else { began.as_secs() };
        over = over.max(*began + *took);
        drawn = drawn.max(begin + seconds);
        lines.push((begin, seconds));
    }
    lines
}

fn start(seconds: u64, long: bool) -> String {
    let day = DateTime::UNIX_EPOCH + TimeDelta::from_std(Duration::from_secs(seconds)).unwrap_or_default();
    day.format(if long { "%Y-%m-%d %H:%M:%S" } else { "%H:%M:%S" }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_one_after_the_other_is_never_drawn_side_by_side() {
        let ms = |begin, took| (Duration::from_millis(begin), Duration::from_millis(took));
        assert_eq!(apart(&[ms(0, 200), ms(250, 100), ms(1400, 100)]), [(0, 1), (1, 1), (2, 1)]);
        assert_eq!(
            apart(&[ms(0, 4900), ms(4950, 3000)]),
            [(0, 4), (4, 3)],
            "what has room stays where it was"
        );
        assert_eq!(
            apart(&[ms(0, 9000), ms(2000, 3000)]),
            [(0, 9), (2, 3)],
            "what was side by side is drawn so"
        );
    }
}
