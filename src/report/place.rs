//! Where in a run something is.

use crate::evidence::RunState;

/// Says which step of how many it is, and which attempt at it where there may be several: `3/7 test 2/3`.
pub fn place(state: &RunState, step: &str, attempt: usize) -> String {
    let at = state.steps.iter().position(|own| own.id.as_str() == step);
    let allowed = at.map_or(1, |at| state.steps[at].allowed);
    let place = format!("{}/{} {step}", at.map_or(0, |at| at + 1), state.steps.len());
    if allowed > 1 { format!("{place} {attempt}/{allowed}") } else { place }
}
