//! Takes an attempt that met its expectations, makes the runs of its proof, gives the verdict: before the checkpoint, without
//! network and secrets, each on a layer above what stood before the change.

mod kinds;
mod mutants;
mod one;
mod runs;
mod undo;

use self::kinds::{Asked, Proof};
use super::deadline::Deadline;
use super::expect::Verdict;
use super::outcome::{Attempt, Outcome};
use super::preflight::Grants;
use super::{RunError, Runner};
use crate::evidence::event::{Expected, ReasonKind};
use crate::plan::Step;
use crate::proof::Told;

impl Runner<'_> {
    /// Holds what stands before a step that is the base of a proof.
    pub(super) fn hold_stood_before(&mut self, step: &Step) -> Result<(), RunError> {
        let begun = self.state().step(&step.id).is_some_and(|own| own.begun() > 0);
        let is_as_before = !begun || !self.is_left;
        if is_as_before && self.plan.is_proof_base(step) && !self.worktree.has_stood(&step.id) {
            self.worktree.hold_stood(&step.id)?;
        }
        Ok(())
    }

    /// Proves that the tests of a change fail without it, if the plan asks for that; what decides the attempt, if it does.
    pub(super) async fn prove(
        &mut self,
        this: &mut Attempt<'_>,
        grants: &Grants,
        deadline: Deadline,
    ) -> Result<Option<Outcome>, RunError> {
        let step = this.step;
        let Some((proves, base)) = step.expectation.proves.as_ref().zip(self.plan.proof_base(step)) else {
            return Ok(None);
        };
        let grant = grants.proof.as_ref().ok_or_else(|| RunError::Unprepared(step.id.clone()))?;
        let asked = Asked { proves, base, grant, deadline };
        let came_out = self.make_proof(this, &asked).await;
        self.worktree.clear_beds()?;
        let told = match came_out? {
            Proof::Interrupted(signal) => return Ok(Some(Outcome::Interrupted(signal))),
            Proof::Refused(line) => Told { held: false, line },
            Proof::Told(told) => told,
        };
        let text = format!("proof: {}", told.line);
        self.recorder.banner_of(&this.at, &format!("step {}, {text}", step.id))?;
        let saw = Some(told.line);
        self.record_verdict(this, Verdict { kind: Expected::Proves, index: 0, held: told.held, saw });
        Ok((!told.held).then(|| self.failed(ReasonKind::Proof, &text)))
    }
}
