//! Steps: their order, their needs, their attempts, how they end, and how the worktree goes back between them.

use super::at::At;
use super::state::Story;
use super::tried::{Named, Over, Try};
use crate::audit::code::Code;
use crate::audit::plan::RecordedStep;
use crate::evidence::event::{AttemptResult, Reason, StepResult};
use crate::plan::RetryFrom;

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

    pub(super) fn planned(&self, step: usize) -> Option<&RecordedStep> {
        self.plan.as_ref()?.steps.get(step)
    }

    /// Checks that a step may have events now: those before it are over, it is not.
    pub(super) fn expect_turn(&mut self, step: usize, id: &str) {
        self.pass_over(step);
        if step != self.next {
            let turn = self.planned(self.next).map_or("no step", |step| step.id.as_str()).to_owned();
            self.wrong(Code::OutOfOrder, format!("`{turn}` next"), format!("step `{id}`"));
        }
    }

    /// Passes over steps that were over before the run went on.
    pub(super) fn pass_over(&mut self, until: usize) {
        while self.next < until {
            let Some(step) = self.steps.get_mut(self.next) else { return };
            step.result = step.result.or((step.had_failed && step.spent).then_some(StepResult::Failed));
            if step.result.is_none() {
                return;
            }
            self.next += 1;
        }
    }

    /// Checks that something is done to the attempt that ended last. Whoever took over names what was found.
    fn expect_of(&mut self, over: Over, id: &str, number: u32, what: &str) {
        if self.by_id.get(id).map(|step| Try { step: *step, number }) != Some(over.of) {
            let found = format!("{what} of attempt {number} of `{id}`");
            self.wrong(Code::OutOfOrder, "between attempts, and of the last one", found);
        }
    }

    pub(super) fn salvaged(&mut self, id: &str, number: u32, reference: &str, commit: &str) {
        if let Some(over) = self.at.over() {
            self.expect_of(over, id, number, "salvage");
        }
        if let At::Waiting(over) = self.at {
            self.at = At::Over(over);
        }
        let expected = format!("refs/salvage/{id}-{number}");
        let again = self.saved.insert(reference.to_owned(), commit.to_owned()).is_some();
        if (reference != expected || again) && !self.taken_over {
            self.wrong(Code::OutOfOrder, format!("{expected}, once"), reference);
        }
    }

    pub(super) fn reset_started(&mut self, id: &str, number: u32) {
        self.at = match self.at.leave() {
            At::Idle => At::Settling((id.to_owned(), number)),
            At::PickedUp => At::Clearing((id.to_owned(), number)),
            at => match at.over() {
                Some(over) => {
                    self.expect_of(over, id, number, "reset");
                    self.expect_rolled_back(over, id);
                    At::Resetting(over)
                }
                // There is a finding already.
                None => at,
            },
        };
    }

    /// Demands that a failed attempt is rolled back whole before the worktree goes back; one that nothing goes on
    /// from since somebody told the run to end is not.
    fn expect_rolled_back(&mut self, over: Over, id: &str) {
        let Some(step) = self.planned(over.of.step) else { return };
        let all = step.rollback.len();
        let not_at_all = step.retry_from == RetryFrom::Attempt && over.rolled_back == 0;
        if over.result == AttemptResult::Failed && over.rolled_back != all && !not_at_all {
            let found = format!("{} of `{id}`", over.rolled_back);
            self.wrong(Code::PlanNotFollowed, format!("{all} rollback commands before the reset"), found);
        }
    }

    pub(super) fn reset_done(&mut self, id: &str, number: u32) {
        let expect_same = |story: &mut Self, own: &Named| {
            if (own.0.as_str(), own.1) != (id, number) {
                story.wrong(Code::OutOfOrder, format!("the reset of `{}`", own.0), format!("one of `{id}`"));
            }
        };
        self.at = match self.at.leave() {
            At::Settling(own) => {
                expect_same(self, &own);
                At::Idle
            }
            At::Clearing(own) => {
                expect_same(self, &own);
                At::PickedUp
            }
            At::Resetting(over) => {
                self.expect_of(over, id, number, "reset");
                At::Back(over)
            }
            // There is a finding already.
            At::Over(over) | At::RollingBack(over) => At::Back(over),
            other => other,
        };
    }

    pub(super) fn retry_waiting(&mut self, id: &str, number: u32) {
        let Some(step) = self.step_of(id) else { return };
        self.expect_turn(step, id);
        let from = self.planned(step).map_or(RetryFrom::Checkpoint, |step| step.retry_from);
        let attempts = self.steps.get(step).map_or(0, |step| step.attempts);
        match self.at {
            At::Over(_) if from == RetryFrom::Checkpoint => {
                self.wrong(Code::OutOfOrder, "a reset before the next attempt", format!("none at `{id}`"));
            }
            At::Over(over) | At::Back(over) if over.result != AttemptResult::Failed => {
                let found = format!("one of `{id}`");
                self.wrong(Code::OutOfOrder, "one wait after a failed attempt", found);
            }
            At::Back(_) if from == RetryFrom::Attempt => {
                let found = format!("one at `{id}`");
                self.wrong(Code::OutOfOrder, "no reset before the next attempt", found);
            }
            _ => {}
        }
        if number != attempts + 1 {
            let expected = format!("a wait for attempt {} of `{id}`", attempts + 1);
            self.wrong(Code::OutOfOrder, expected, format!("attempt {number}"));
        }
        if let Some(over) = self.at.over() {
            self.at = At::Waiting(over);
        }
    }

    /// Checks that another attempt of a step may be made, and counts it.
    pub(super) fn count_attempt(&mut self, step: usize, id: &str, number: u32) {
        let retries = self.planned(step).map(|step| step.retries);
        let Some(story) = self.steps.get_mut(step) else { return };
        story.attempts += 1;
        story.had_failed = false;
        story.spending.cut_off();
        let (expected, failed) = (story.attempts, story.failed);
        if number != expected {
            let (expected, found) = (format!("attempt {expected} of `{id}`"), format!("attempt {number}"));
            self.wrong(Code::OutOfOrder, expected, found);
        }
        if retries.is_some_and(|retries| failed > retries) {
            let most = format!("no attempt at `{id}` after {failed} that failed");
            self.wrong(Code::PlanNotFollowed, most, format!("attempt {number}"));
        }
    }

    /// Notes how the attempt of a step ended.
    pub(super) fn note_result(&mut self, step: usize, result: AttemptResult, reason: Option<&Reason>) {
        let limit = self.plan.as_ref().map_or(u32::MAX, |plan| plan.limits.consecutive_failures);
        let retries = self.planned(step).map_or(u32::MAX, |step| step.retries);
        if let Some(step) = self.steps.get_mut(step) {
            step.last = Some(result);
            if result == AttemptResult::Failed {
                step.failed += 1;
                step.why = reason.cloned();
                step.spent = step.failed > retries || self.consecutive.0 >= limit;
            }
        }
    }

    pub(super) fn step_ended(&mut self, id: &str, result: StepResult, attempts: u32, because: bool) {
        let Some(at) = self.step_of(id) else { return };
        let lost = self.at.over().is_some_and(|over| over.lost && over.of.step == at);
        if !lost {
            self.expect_turn(at, id);
            self.next = at + 1;
        }
        let taken_over = self.taken_over;
        let over = self.at.over().map(|over| over.result);
        let waits = matches!(self.at, At::Waiting(_));
        self.at = At::Idle;
        let Some(step) = self.steps.get_mut(at) else { return };
        step.result = Some(result);
        let (made, last, spent) = (step.attempts, step.last, step.spent);
        let follows = match result {
            StepResult::Passed => over == Some(AttemptResult::Passed),
            // One that had nothing left to try before the run went on, and was not said to be over.
            StepResult::Failed if over.is_none() => taken_over && spent,
            StepResult::Failed => over == Some(AttemptResult::Failed),
            StepResult::Interrupted => over == Some(AttemptResult::Interrupted),
            StepResult::Skipped => over.is_none() && (made == 0 || taken_over) && because,
        };
        if !follows {
            let last = last.map_or("no attempt".to_owned(), |last| format!("the last attempt {last:?}"));
            let found = format!("`{id}` {result:?} after {last}");
            self.wrong(Code::ResultWrong, "a result that the last attempt had", found);
        }
        if waits && self.planned(at).is_some_and(|step| step.retry_from == RetryFrom::Attempt) {
            self.wrong(Code::OutOfOrder, "a reset before the end of the step", format!("none at `{id}`"));
        }
        // A step that had attempts before the run went on may be skipped after.
        let skipped_after = result == StepResult::Skipped && attempts == 0 && taken_over;
        if made != attempts && !skipped_after {
            self.wrong(Code::ResultWrong, format!("{made} attempts at `{id}`"), format!("{attempts}"));
        }
        self.check_needs(at, id, result);
    }

    /// A step runs only when all it needs have passed.
    fn check_needs(&mut self, at: usize, id: &str, result: StepResult) {
        let unmet = self.unmet_need(at).map(str::to_owned);
        if let (Some(need), true) = (unmet, result != StepResult::Skipped) {
            let expected = format!("`{id}` skipped: it needs `{need}`");
            self.wrong(Code::PlanNotFollowed, expected, format!("{result:?}"));
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
