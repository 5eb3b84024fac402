//! The first thing a resumed run does: what the dead runner was at gets its end. A checkpoint that it made
//! counts, recorded or not; anything else is salvaged, and costs no retry.

use super::attempt::{Try, millis};
use super::standing::{CameTo, Open};
use super::{RunError, Runner, undo};
use crate::evidence::Token;
use crate::evidence::event::{AttemptResult, Event, Reason, ReasonKind, StepResult};

impl Runner<'_> {
    /// Brings the run to a checkpoint, from where it can go on.
    pub(super) async fn settle(&mut self) -> Result<(), RunError> {
        let open = self.standing.open.take();
        let mut at = (Token::new("resumed"), 1);
        if let Some(open) = open {
            at = (open.step.clone(), open.attempt);
            self.settle_attempt(&open).await?;
        }
        if !self.standing.in_place {
            return Ok(());
        }
        // No rollback: as after an interruption, nobody knows what of the attempt had come about.
        undo::save(self.worktree, self.recorder, &at.0, at.1).await?;
        undo::reset(self.worktree, self.recorder, &at.0, at.1, false).await
    }

    async fn settle_attempt(&mut self, open: &Open) -> Result<(), RunError> {
        let Some(step) = self.plan.steps.iter().find(|step| step.id == open.step.as_str()) else {
            return Ok(());
        };
        let this = Try { step, number: open.attempt, lost: 0 };
        let passed = match open.came_to {
            CameTo::Begin => self.standing.in_place && self.adopt(this).await?,
            CameTo::Checkpoint | CameTo::End => true,
        };
        if open.came_to != CameTo::End {
            let (result, reason) = if passed {
                (AttemptResult::Passed, None)
            } else {
                let text = self.recorder.text("ended by the crash");
                (AttemptResult::Interrupted, Some(Reason { kind: ReasonKind::Crash, text }))
            };
            let (step, attempt, ms) = (open.step.clone(), open.attempt, millis(open.ran));
            let log = self.recorder.log_position();
            self.recorder.defer(Event::AttemptEnded {
                step,
                attempt,
                result,
                reason,
                ms,
                log,
                refused: None,
            });
        }
        if passed {
            self.step_ended(step, StepResult::Passed, open.attempt)?;
            self.standing.pass(step);
            self.consecutive = 0;
        }
        Ok(())
    }
}
