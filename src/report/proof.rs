//! Takes a run, gives the verdicts of its proofs, one for each step that has one, which tests prove which lines, and which lines
//! none does.

use std::collections::BTreeSet;

use autopilot_proof::verdict::{Lines, lines};

use super::markdown::{clip, inline};
use super::spoken::plural;
use crate::evidence::RunState;
use crate::evidence::event::{Expected, ProofRun};
use crate::evidence::state::{AttemptState, StepState};
use crate::proof;

/// Characters of a verdict, of a place, and of a test's name.
const WIDTH: usize = 600;
const PLACE: usize = 120;
const NAME: usize = 120;
/// Places that are named.
const NAMED: usize = 8;

/// Tells the verdict on the last attempt of each step that was to be proved.
pub(super) fn verdicts(state: &RunState) -> Vec<String> {
    let verdict = |step: &StepState| {
        let attempt = step.attempts.last()?;
        let own = attempt.judged.iter().find(|judged| judged.kind == Expected::Proves)?;
        let saw = inline(&clip(own.saw.as_ref()?.as_str(), WIDTH));
        if !own.held {
            return Some(format!("`{}` refused: {saw}", step.id));
        }
        Some(format!("`{}` {saw}{}", step.id, proved(&known(attempt))))
    };
    state.steps.iter().filter_map(verdict).collect()
}

/// Names the lines whose absence no test noticed.
pub(super) fn unproved(state: &RunState) -> Vec<String> {
    let attempts = state.steps.iter().filter_map(|step| step.attempts.last());
    let places = attempts.flat_map(|attempt| known(attempt).unproved);
    places.map(|place| format!("no test proves {}", inline(&clip(&place, PLACE)))).collect()
}

/// Reads what the runs of a proof that held say of lines.
fn known(attempt: &AttemptState) -> Lines {
    let held = attempt.judged.iter().any(|judged| judged.kind == Expected::Proves && judged.held);
    let says = |run| matches!(run, ProofRun::Mutant | ProofRun::Hunk);
    if !held || !attempt.proofs.iter().any(|ran| says(ran.run)) {
        return Lines::default();
    }
    proof::runs(&attempt.proofs).map(|own| lines(&own.runs, &own.undone)).unwrap_or_default()
}

fn proved(lines: &Lines) -> String {
    let named = lines.proved.iter().take(NAMED);
    let shown = named.map(|own| format!("; {} by {}", inline(&clip(&own.at, PLACE)), tests(&own.by)));
    let more = lines.proved.len().saturating_sub(NAMED);
    let more = if more == 0 { String::new() } else { format!("; and {more} more") };
    shown.collect::<String>() + &more
}

fn tests(by: &BTreeSet<String>) -> String {
    let first = by.first().map(|id| inline(&clip(id, NAME))).unwrap_or_default();
    match by.len().saturating_sub(1) {
        0 => first,
        more => format!("{first} and {}", plural(more as u64, "other")),
    }
}
