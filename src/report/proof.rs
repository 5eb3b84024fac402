//! Takes a run, gives the verdicts of its proofs, one for each step that has one.

use super::markdown::{clip, inline};
use crate::evidence::RunState;
use crate::evidence::event::Expected;

/// Characters of a verdict.
const WIDTH: usize = 600;

/// Tells the verdict on the last attempt of each step that was to be proved.
pub(super) fn verdicts(state: &RunState) -> Vec<String> {
    let verdict = |step: &crate::evidence::state::StepState| {
        let attempt = step.attempts.last()?;
        let own = attempt.judged.iter().find(|judged| judged.kind == Expected::Proves)?;
        let saw = inline(&clip(own.saw.as_ref()?.as_str(), WIDTH));
        Some(format!("`{}` {}{saw}", step.id, if own.held { "" } else { "refused: " }))
    };
    state.steps.iter().filter_map(verdict).collect()
}
