//! When a step was, in words, and what the time axis of a page is marked with.

use std::time::Duration;

use autopilot_view::{Attempt, Step, Words};

use crate::report::plural;
use crate::time::spoken;

/// Parts that the axis is marked in.
const PARTS: u64 = 4;

/// Says from when to when the attempts of a step were, counted from the beginning of the run.
pub(super) fn when(attempts: &[Attempt]) -> Words {
    let first = attempts.first().map_or(0, |attempt| attempt.span.from);
    let count = plural(attempts.len() as u64, "attempt");
    format!("{count} from {} to {}", at(first), at(end(attempts))).into()
}

/// Returns the marks of an axis that holds these steps.
pub(super) fn ticks(steps: &[Step]) -> Vec<Words> {
    let end = steps.iter().map(|step| end(&step.attempts)).max().unwrap_or(0);
    (0..=PARTS).map(|part| at(end.saturating_mul(part) / PARTS).into()).collect()
}

fn end(attempts: &[Attempt]) -> u64 {
    attempts.iter().map(|attempt| attempt.span.end()).max().unwrap_or(0)
}

fn at(ms: u64) -> String {
    if ms == 0 { "0s".to_owned() } else { spoken(Duration::from_millis(ms)) }
}

#[cfg(test)]
mod tests {
    use autopilot_view::Span;

    use super::*;

    #[test]
    fn an_axis_is_marked_from_its_beginning_to_the_end_of_the_last_attempt() {
        let attempt = |from, took| Attempt { span: Span { from, took }, ..Attempt::default() };
        let step = Step { attempts: vec![attempt(0, 1000), attempt(3000, 357_000)], ..Step::default() };
        assert_eq!(when(&step.attempts).to_string(), "2 attempts from 0s to 6m");
        let ticks: Vec<String> = ticks(&[step]).iter().map(ToString::to_string).collect();
        assert_eq!(ticks, ["0s", "1m30s", "3m", "4m30s", "6m"]);
    }
}
