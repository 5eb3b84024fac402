//! Takes a proof that holds, puts changed lines back, some at a time, and runs the tests: which lines does no test prove? It is
//! for the reader, and changes no verdict: it is done as long as the step has time and output left for it.

use std::time::Instant;

use autopilot_proof::verdict::{Ran, Runs, Undone, Verdict};

use super::kinds::{Common, Ends, Of};
use crate::evidence::event::ProofRun;
use crate::plan::HUNKS;
use crate::proof::{Change, Report};
use crate::run::outcome::Attempt;
use crate::run::{RunError, Runner};

/// A run is begun if there is so many times the longest one's time left: what comes behind the proof needs some, too.
const TIMES: u32 = 2;

impl Runner<'_> {
    /// Makes the runs; the signal that told the run to end, if one did.
    pub(super) async fn undo(
        &mut self,
        this: &mut Attempt<'_>,
        common: &mut Common<'_>,
        change: &Change,
        (runs, verdict): (&Runs, &Verdict),
    ) -> Result<Option<i32>, RunError> {
        let proves = common.asked.proves;
        if !verdict.is_accepted() || proves.refactor || proves.mutants == 0 {
            return Ok(None);
        }
        let made = u32::try_from(runs.mutants.len()).unwrap_or(u32::MAX);
        let count = proves.mutants.saturating_add(HUNKS).saturating_sub(made);
        let only = change.test_files(false);
        let undos = change.undos(verdict, usize::try_from(count).unwrap_or(usize::MAX));
        common.planned = common.count.saturating_add(u32::try_from(undos.len()).unwrap_or(u32::MAX));
        for undo in undos {
            let left = common.asked.deadline.at.saturating_duration_since(Instant::now());
            if left < common.longest.saturating_mul(TIMES) || this.output_left == 0 {
                break;
            }
            let of = |ran: &Ran| Undone { ran: ran.clone(), ..undo.undone() };
            let report = |ran: &Ran| Report::undone(&of(ran), &runs.base);
            let laid = change.result_but(&undo.laid);
            let of = Of { run: ProofRun::Hunk, laid: &laid, only: only.as_deref(), report: &report };
            match self.noticed_by_some(this, common, of, runs).await? {
                // One that did not build, or was cut off, says nothing.
                Ok(_) | Err(Ends::Refused(_)) => {}
                Err(Ends::Interrupted(signal)) => return Ok(Some(signal)),
            }
        }
        Ok(None)
    }
}
