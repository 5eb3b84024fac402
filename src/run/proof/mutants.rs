//! Takes the values of a change that may be altered, runs the tests with one after another; where none is noticed in a function,
//! with some more of that function.

use autopilot_proof::guarded::Stack;
use autopilot_proof::verdict::{Ran, Runs, unheard};

use super::kinds::{Common, Ends, Of};
use crate::evidence::event::ProofRun;
use crate::plan::HUNKS;
use crate::proof::{Change, Mutated, Report};
use crate::run::outcome::Attempt;
use crate::run::{RunError, Runner};

/// Values that are altered, and more of them, which are if it helps.
pub(super) struct Values {
    pub(super) chosen: Vec<Mutated>,
    more: Vec<Mutated>,
}

impl Values {
    pub(super) fn of(change: &Change, stack: Option<Stack>, count: u32) -> Self {
        let mut chosen = if count == 0 { Vec::new() } else { change.mutants(stack) };
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(chosen.len());
        let more = chosen.split_off(count);
        Self { chosen, more }
    }
}

impl Runner<'_> {
    /// Makes the runs; why no further one is made, if none is.
    pub(super) async fn mutate(
        &mut self,
        this: &mut Attempt<'_>,
        common: &mut Common<'_>,
        (change, values): (&Change, &Values),
        runs: &mut Runs,
    ) -> Result<Result<(), Ends>, RunError> {
        for value in &values.chosen {
            if let Err(ends) = self.mutant(this, common, (change, value), runs).await? {
                return Ok(Err(ends));
            }
        }
        let mut left = HUNKS;
        for function in unheard(runs) {
            for value in values.more.iter().filter(|value| value.is_of(&function)) {
                if left == 0 || !unheard(runs).contains(&function) {
                    break;
                }
                left -= 1;
                common.planned = common.planned.saturating_add(1);
                if let Err(ends) = self.mutant(this, common, (change, value), runs).await? {
                    return Ok(Err(ends));
                }
            }
        }
        Ok(Ok(()))
    }

    async fn mutant(
        &mut self,
        this: &mut Attempt<'_>,
        common: &mut Common<'_>,
        (change, value): (&Change, &Mutated),
        runs: &mut Runs,
    ) -> Result<Result<(), Ends>, RunError> {
        let base = runs.base.clone();
        let (laid, only) = (change.result_but(&value.laid), change.test_files(false));
        let report = |ran: &Ran| Report::mutant(&value.tried(ran), &base);
        let own = Of { run: ProofRun::Mutant, laid: &laid, only: only.as_deref(), report: &report };
        let ran = self.noticed_by_some(this, common, own, runs).await?;
        Ok(ran.map(|ran| runs.mutants.push(value.tried(&ran))))
    }
}
