//! What the journal tells of a step, as far as it has been read.

use crate::evidence::event::{AttemptResult, Reason, Spending, StepResult};

/// What the journal tells of a step.
#[derive(Debug, Default)]
pub(super) struct StepStory {
    pub(super) attempts: u32,
    /// Of those, the ones that failed: only they count against the retries.
    pub(super) failed: u32,
    pub(super) last: Option<AttemptResult>,
    /// Why its last attempt that failed did.
    pub(super) why: Option<Reason>,
    /// Nothing is left to try: too many attempts failed, of it or in a row.
    pub(super) spent: bool,
    /// It had failed before the run went on.
    pub(super) had_failed: bool,
    pub(super) result: Option<StepResult>,
    /// What its agents used of the model.
    pub(super) spending: Spending,
}
