//! The first thing a resumed run does: what the dead runner was at gets its end. A checkpoint that it made
//! counts, recorded or not; anything else is salvaged, and costs no retry.

use super::outcome::{Attempt, millis};
use super::{RunError, Runner, undo};
use crate::evidence::event::{AttemptResult, Event, Reason, ReasonKind, StepResult};
use crate::evidence::state::{AttemptState, CameTo};
use crate::evidence::{AttemptId, StepId};
use crate::plan::Step;

impl Runner<'_> {
    /// Brings the run to a checkpoint, from where it can go on. In what a dead runner left is what it was at.
    pub(super) async fn reconcile(&mut self, is_left: bool) -> Result<(), RunError> {
        let open = self.state().under_way();
        let beside = AttemptId { step: StepId::new("resumed"), attempt: 1 };
        let last = open.last().map_or(beside, |(at, _)| at.clone());
        for (at, attempt) in open {
            // One that no step of the plan made is the audit's business.
            if let Some(step) = self.plan.steps.iter().find(|step| at.step == step.id) {
                self.end_open(step, &at, &attempt, is_left).await?;
            }
        }
        if !is_left {
            return Ok(());
        }
        // No rollback: as after an interruption, nobody knows what of the attempt had come about.
        undo::save(self.worktree, self.recorder, &last).await?;
        undo::reset(self.worktree, self.recorder, &last, false).await
    }

    async fn end_open(
        &mut self,
        step: &Step,
        at: &AttemptId,
        open: &AttemptState,
        is_left: bool,
    ) -> Result<(), RunError> {
        let passed = match open.came_to() {
            CameTo::Begin => is_left && self.adopt(&Attempt::named(step, at.clone())).await?,
            CameTo::Checkpoint | CameTo::End => true,
        };
        if open.came_to() != CameTo::End {
            let (result, reason) = if passed {
                (AttemptResult::Passed, None)
            } else {
                let text = self.recorder.text("ended by the crash");
                (AttemptResult::Interrupted, Some(Reason { kind: ReasonKind::Crash, text }))
            };
            // The time of its own runner: it has none of this one's.
            let ms = millis(open.ran(self.state().last, step.timeout));
            let (at, log, refused, wrote) = (at.clone(), None, None, None);
            self.recorder.defer(Event::AttemptEnded { at, result, reason, ms, log, refused, wrote });
        }
        if passed {
            undo::save_hidden(self.worktree, self.recorder, at).await?;
            self.step_ended(step, StepResult::Passed, at.attempt)?;
        }
        Ok(())
    }
}
