//! What comes after an end: a run that is picked up or goes on, and publishing.

use super::at::{At, Runner};
use super::state::Story;
use super::tried::Over;
use crate::audit::code::Code;
use crate::evidence::event::{AttemptResult, Effect, Resumed, RunResult, StepResult};

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
        self.end = None;
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

    /// Publishing follows the head, says which state of the run it is about, and does what was announced.
    pub(super) fn publish_started(&mut self, effect: Effect, key: &str) {
        let branch = self.branch.as_ref().map(|(_, commit, _)| commit.clone());
        let head = self.attested.as_ref().map(|attested| attested.head.to_string());
        let state = if effect == Effect::Comment { head } else { branch };
        if state.as_deref() != Some(key) {
            let state = state.unwrap_or_else(|| "nothing".to_owned());
            self.wrong(Code::OutOfOrder, format!("{effect:?} of {state}, after the head"), key);
        }
        if effect != Effect::Comment && self.result() != Some(RunResult::Done) {
            self.wrong(Code::PlanNotFollowed, "no push and no pull request of a run that is not done", key);
        }
        // A publisher that died leaves its beginning; it is begun again.
        if matches!(self.at, At::Closed | At::Publishing(..)) {
            self.at = At::Publishing(effect, key.to_owned());
        }
    }

    pub(super) fn publish_ended(&mut self, effect: Effect, key: &str) {
        let At::Publishing(own, of) = &self.at else { return };
        let same = (*own, of.as_str()) == (effect, key);
        self.at = At::Closed;
        if !same {
            self.wrong(Code::StartWithoutEnd, "`publish.started` before", format!("the end of {effect:?}"));
        }
    }
}
