//! What comes after an end: a run that is picked up or goes on, and publishing.

use super::{Fate, Phase, Story};
use crate::audit::code::Code;
use crate::evidence::event::{Effect, Resumed, RunResult, StepResult};

impl Story {
    /// What a dead runner left open is closed by whoever picked the run up.
    pub(super) fn recovered(&mut self) {
        self.cut_short = true;
        self.log.cut();
        // Its end is told if the run goes on.
        self.lost = self.attempt.take().or(self.lost.take());
        self.rolling_back = None;
        self.resetting = false;
        // After the head: what a run had left or kept goes, and it is sealed again.
        if matches!(self.phase, Phase::Sealed | Phase::Closed) {
            self.phase = Phase::Ended;
        }
        if self.worktree == Fate::Kept {
            self.worktree = Fate::There;
        }
    }

    /// A run goes on: what passed is over, what was cut short or interrupted is to be done again.
    pub(super) fn resumed(&mut self, resumed: &Resumed) {
        let base = self.start.as_ref().map(|start| start.commit.to_string()).unwrap_or_default();
        let last = self.checkpoints.last().map_or(base, |last| last.commit.clone());
        if resumed.checkpoint.as_str() != last || resumed.consecutive != self.consecutive.0 {
            let expected = format!("{last} and {} failed attempts in a row", self.consecutive.0);
            let found = format!("resumed at {} and {}", resumed.checkpoint, resumed.consecutive);
            self.wrong(Code::ResultWrong, expected, found);
        }
        self.cut_short = true;
        self.log.cut();
        self.rolling_back = None;
        self.resetting = false;
        self.phase = Phase::Steps;
        self.end = None;
        self.next = 0;
        self.may_make_worktree = true;
        if self.worktree != Fate::None {
            self.worktree = if self.worktree == Fate::Removed { Fate::None } else { Fate::There };
        }
        self.attempt = self.attempt.take().or(self.lost.take());
        if let Some(attempt) = &mut self.attempt {
            attempt.lose();
        }
        for step in &mut self.steps {
            step.resumed = true;
            step.before = step.result.or(step.before).filter(|result| *result == StepResult::Failed);
            step.result = step.result.filter(|result| *result == StepResult::Passed);
        }
    }

    /// Publishing follows the head, says which state of the run it is about, and does what was announced.
    pub(super) fn publish_started(&mut self, effect: Effect, key: &str) {
        let branch = self.branch.as_ref().map(|(_, commit, _)| commit.clone());
        let head = self.attested.as_ref().map(|attested| attested.head.to_string());
        let state = if effect == Effect::Comment { head } else { branch };
        if self.phase != Phase::Closed || state.as_deref() != Some(key) {
            let state = state.unwrap_or_else(|| "nothing".to_owned());
            self.wrong(Code::OutOfOrder, format!("{effect:?} of {state}, after the head"), key);
        }
        if effect != Effect::Comment && self.result() != Some(RunResult::Done) {
            self.wrong(Code::PlanNotFollowed, "no push and no pull request of a run that is not done", key);
        }
        // A publisher that died leaves its beginning; it is begun again.
        self.publishing = Some((effect, key.to_owned()));
    }

    pub(super) fn publish_ended(&mut self, effect: Effect, key: &str) {
        if self.publishing.take() != Some((effect, key.to_owned())) {
            self.wrong(Code::StartWithoutEnd, "`publish.started` before", format!("the end of {effect:?}"));
        }
    }
}
