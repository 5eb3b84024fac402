//! Steps: their order, their needs, their attempts, how they end.

use super::{Phase, Story};
use crate::audit::code::Code;
use crate::audit::plan::RecordedStep;
use crate::evidence::event::{AttemptResult, Spending, StepResult};
use crate::plan::RetryFrom;

/// What the journal tells of a step.
#[derive(Debug, Default)]
pub(super) struct StepStory {
    pub(super) attempts: u32,
    /// Of those, the ones that failed: only they count against the retries.
    failed: u32,
    pub(super) last: Option<AttemptResult>,
    /// The worktree went back after the last attempt.
    pub(super) reset: bool,
    /// A further attempt was announced.
    waited: bool,
    /// The run went on since its last attempt began.
    pub(super) resumed: bool,
    /// How it had ended before the run went on, if that may be for good.
    pub(super) before: Option<StepResult>,
    pub(super) result: Option<StepResult>,
    /// What its agents used of the model.
    pub(super) spending: Spending,
}

impl Story {
    /// Finds the step that an event is about; a finding if the plan has none of that name.
    pub(super) fn step_of(&mut self, id: &str) -> Option<usize> {
        let at = self.by_id.get(id).copied();
        // Without a plan there is a finding already.
        if at.is_none() && self.plan.is_some() {
            self.wrong(Code::PlanNotFollowed, "a step of the plan", format!("`{id}`"));
        }
        at
    }

    pub(super) fn planned(&self, at: usize) -> Option<&RecordedStep> {
        self.plan.as_ref()?.steps.get(at)
    }

    /// Checks that a step may have events now: those before it are over, it is not, and the run goes on.
    pub(super) fn expect_turn(&mut self, at: usize, id: &str) {
        self.pass_over(at);
        if self.phase != Phase::Steps {
            self.wrong(Code::OutOfOrder, "no step after the end of the run", format!("step `{id}`"));
        } else if at != self.next {
            let turn = self.planned(self.next).map_or("no step", |step| step.id.as_str()).to_owned();
            self.wrong(Code::OutOfOrder, format!("`{turn}` next"), format!("step `{id}`"));
        }
    }

    /// Passes over steps that were over before the run went on.
    pub(super) fn pass_over(&mut self, until: usize) {
        while self.next < until {
            let Some(step) = self.steps.get_mut(self.next) else { return };
            step.result = step.result.or(step.before);
            if step.result.is_none() {
                return;
            }
            self.next += 1;
        }
    }

    /// Checks that something is done to the attempt that ended last. What is done after a crash bears the name of
    /// what was found.
    fn expect_after(&mut self, id: &str, number: u32, what: &str) {
        let between = self.attempt.is_none() && !self.resetting;
        let last = self.by_id.get(id).and_then(|at| self.steps.get(*at)).map(|step| step.attempts);
        if !between || (last != Some(number) && !self.cut_short) {
            let found = format!("{what} of attempt {number} of `{id}`");
            self.wrong(Code::OutOfOrder, "between attempts, and of the last one", found);
        }
    }

    pub(super) fn salvaged(&mut self, id: &str, number: u32, reference: &str, commit: &str) {
        self.expect_after(id, number, "salvage");
        let expected = format!("refs/salvage/{id}-{number}");
        let again = self.saved.insert(reference.to_owned(), commit.to_owned()).is_some();
        if (reference != expected || again) && !self.cut_short {
            self.wrong(Code::OutOfOrder, format!("{expected}, once"), reference);
        }
    }

    pub(super) fn reset_started(&mut self, id: &str, number: u32) {
        self.expect_after(id, number, "reset");
        if self.rolling_back.take().is_some() {
            self.wrong(Code::StartWithoutEnd, "`command.ended` of the rollback first", "a reset");
        }
        self.resetting = true;
    }

    pub(super) fn reset_done(&mut self, id: &str, number: u32) {
        if !std::mem::replace(&mut self.resetting, false) {
            self.wrong(Code::StartWithoutEnd, "`reset.started` before", "`reset.done`");
        }
        self.expect_after(id, number, "reset");
        if let Some(step) = self.by_id.get(id).and_then(|at| self.steps.get_mut(*at)) {
            step.reset = true;
        }
    }

    pub(super) fn retry_waiting(&mut self, id: &str, number: u32) {
        let Some(at) = self.step_of(id) else { return };
        self.expect_turn(at, id);
        let resetting = self.resetting;
        let Some(step) = self.steps.get_mut(at) else { return };
        let again = std::mem::replace(&mut step.waited, true);
        let (last, attempts) = (step.last, step.attempts);
        if again || resetting || last != Some(AttemptResult::Failed) || number != attempts + 1 {
            self.wrong(Code::OutOfOrder, "one wait after a failed attempt", format!("one of `{id}`"));
        }
    }

    /// Checks that another attempt of a step may begin, and counts it.
    pub(super) fn count_attempt(&mut self, at: usize, id: &str, number: u32) {
        let Some((retries, from)) = self.planned(at).map(|step| (step.retries, step.retry_from)) else {
            return;
        };
        let Some(step) = self.steps.get_mut(at) else { return };
        let before = std::mem::take(step);
        let expected = before.attempts + 1;
        (step.attempts, step.failed, step.spending) = (expected, before.failed, before.spending);
        if number != expected {
            self.wrong(
                Code::OutOfOrder,
                format!("attempt {expected} of `{id}`"),
                format!("attempt {number}"),
            );
        }
        if before.failed > retries {
            let most = format!("no attempt at `{id}` after {} that failed", before.failed);
            self.wrong(Code::PlanNotFollowed, most, format!("attempt {number}"));
        }
        if before.resumed && before.last != Some(AttemptResult::Passed) {
            return;
        }
        match before.last {
            None if expected == 1 => {}
            Some(AttemptResult::Failed) => {
                if !before.reset && from == RetryFrom::Checkpoint {
                    self.wrong(
                        Code::OutOfOrder,
                        "a reset before the next attempt",
                        format!("none at `{id}`"),
                    );
                }
                if !before.waited {
                    self.wrong(
                        Code::OutOfOrder,
                        "`retry.waiting` first",
                        format!("attempt {number} of `{id}`"),
                    );
                }
            }
            last => {
                let found = format!("attempt {number} of `{id}` after {last:?}");
                self.wrong(Code::OutOfOrder, "a further attempt after a failed one", found);
            }
        }
    }

    /// Notes how the attempt of a step ended.
    pub(super) fn note_result(&mut self, at: usize, result: AttemptResult) {
        if let Some(step) = self.steps.get_mut(at) {
            step.last = Some(result);
            step.failed += u32::from(result == AttemptResult::Failed);
        }
    }

    pub(super) fn step_ended(&mut self, id: &str, result: StepResult, attempts: u32, because: bool) {
        let Some(at) = self.step_of(id) else { return };
        self.expect_turn(at, id);
        if self.attempt.is_some() || self.resetting {
            self.wrong(Code::StartWithoutEnd, "an end of the attempt first", format!("the end of `{id}`"));
        }
        let Some(step) = self.steps.get_mut(at) else { return };
        step.result = Some(result);
        self.next = at + 1;
        let (made, last, reset) = (step.attempts, step.last, step.reset);
        let follows = match result {
            StepResult::Passed => last == Some(AttemptResult::Passed),
            StepResult::Failed => last == Some(AttemptResult::Failed),
            StepResult::Interrupted => last == Some(AttemptResult::Interrupted),
            StepResult::Skipped => (made == 0 || self.cut_short) && because,
        };
        if !follows {
            let last = last.map_or("no attempt".to_owned(), |last| format!("the last attempt {last:?}"));
            let found = format!("`{id}` {result:?} after {last}");
            self.wrong(Code::ResultWrong, "a result that the last attempt had", found);
        }
        let undone = matches!(result, StepResult::Failed | StepResult::Interrupted);
        let from_checkpoint = self.planned(at).is_some_and(|step| step.retry_from == RetryFrom::Checkpoint);
        if undone && from_checkpoint && !reset && !self.cut_short {
            self.wrong(Code::OutOfOrder, "a reset before the end of the step", format!("none at `{id}`"));
        }
        // A step that had attempts before the run went on may be skipped after.
        let skipped_after = result == StepResult::Skipped && attempts == 0 && self.cut_short;
        if made != attempts && !skipped_after {
            self.wrong(Code::ResultWrong, format!("{made} attempts at `{id}`"), format!("{attempts}"));
        }
        self.check_needs(at, id, result);
    }

    /// A step runs only when all it needs have passed.
    fn check_needs(&mut self, at: usize, id: &str, result: StepResult) {
        let unmet = self.unmet_need(at).map(str::to_owned);
        if let (Some(need), true) = (unmet, result != StepResult::Skipped) {
            self.wrong(
                Code::PlanNotFollowed,
                format!("`{id}` skipped: it needs `{need}`"),
                format!("{result:?}"),
            );
        }
    }

    /// Returns a step that this one needs and that has not passed.
    pub(super) fn unmet_need(&self, at: usize) -> Option<&str> {
        let needs = &self.planned(at)?.needs;
        let passed = |id: &String| {
            let step = self.by_id.get(id).and_then(|at| self.steps.get(*at));
            step.is_some_and(|step| step.result == Some(StepResult::Passed))
        };
        needs.iter().find(|id| !passed(id)).map(String::as_str)
    }
}
