//! What comes after an end: a run that is picked up or goes on.

use super::at::{At, Runner};
use super::state::Story;
use super::tried::Over;
use crate::audit::code::Code;
use crate::evidence::event::{AttemptResult, Resumed, StepResult};

impl Story {
    /// What a dead runner left open is closed by whoever picked the run up.
    pub(super) fn recovered(&mut self) {
        self.taken_over = true;
        self.log.cut();
        self.runner_gone();
        self.at = At::PickedUp;
    }

    /// Keeps where the runner was. Whoever closes what it left may be gone, too: that does not change it.
    pub(super) fn runner_gone(&mut self) {
        if matches!(self.runner, Runner::Alive) {
            self.runner = Runner::Gone(Box::new(self.at.leave()));
        }
    }

    /// A run goes on: what passed is over, what was cut short or interrupted is to be done again.
    pub(super) fn resumed(&mut self, resumed: &Resumed) {
        let last = self.position();
        if resumed.checkpoint.as_str() != last || resumed.consecutive != self.consecutive.0 {
            let expected = format!("{last} and {} failed attempts in a row", self.consecutive.0);
            let found = format!("resumed at {} and {}", resumed.checkpoint, resumed.consecutive);
            self.wrong(Code::ResultWrong, expected, found);
        }
        self.taken_over = true;
        self.log.cut();
        self.policy.goes_on();
        self.end = None;
        (self.has_looked, self.has_kept) = (false, false);
        self.next = 0;
        self.runner_gone();
        let Runner::Gone(was) = std::mem::replace(&mut self.runner, Runner::Alive) else { return };
        self.at = match *was {
            At::Attempt(attempt) | At::Command(attempt, _) => At::Attempt(attempt.lost()),
            At::Over(over) if over.result == AttemptResult::Passed => At::Over(Over { lost: true, ..over }),
            _ => At::Idle,
        };
        for step in &mut self.steps {
            step.had_failed = step.result.map_or(step.had_failed, |result| result == StepResult::Failed);
            step.result = step.result.filter(|result| *result == StepResult::Passed);
        }
    }
}
