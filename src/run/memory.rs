//! What an agent is told of the attempt before.

use super::outcome::Attempt;
use super::runner::{Failed, RunError, Runner};
use crate::evidence::event::{Reason, ReasonKind};
use crate::plan::{RetryFrom, Step};

/// Lines of a failed command that the next attempt is told.
const TAIL: usize = 60;

impl Runner<'_> {
    /// Begins a step, whose last attempt failed for some reason if the run was resumed after one.
    pub(super) fn remember_last(&mut self, step: &Step) {
        let reason = self.state().step(&step.id).and_then(|own| own.reason.as_ref());
        // A run that goes on begins at a checkpoint.
        let failed =
            |reason: &Reason| Failed { reason: reason.text.to_string(), tail: Vec::new(), kept: false };
        self.before = reason.map(failed);
    }

    /// Keeps why an attempt failed for the next one, with the end of what its last command printed.
    pub(super) fn remember(&mut self, this: &Attempt<'_>, reason: &Reason) -> Result<(), RunError> {
        let of_command = matches!(reason.kind, ReasonKind::Post | ReasonKind::Exit);
        let (from, to) = (this.last_output.start, this.last_output.end);
        let tail =
            if of_command { self.recorder.part(&this.at)?.tail(from, to, TAIL)?.0 } else { Vec::new() };
        let kept = this.step.retry_from == RetryFrom::Attempt;
        self.before = Some(Failed { reason: reason.text.to_string(), tail, kept });
        Ok(())
    }
}
