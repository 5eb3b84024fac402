//! The steps of a run: order, needs, retries, and what a failure means for the rest.

use std::collections::HashMap;
use std::time::Duration;

use super::outcome::{Attempt, Outcome, millis};
use super::{RunError, Runner, undo};
use crate::evidence::event::{Event, Reason, ReasonKind, RunResult, StepResult};
use crate::evidence::state::StepState;
use crate::evidence::{AttemptId, StepId, Text};
use crate::plan::{OnFailure, RetryFrom, Step};

/// Wait before the second attempt; it doubles with each further one.
const BACKOFF: Duration = Duration::from_secs(1);
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);

/// Why the steps after some point are not run.
#[derive(Debug, Clone)]
struct Stop {
    result: RunResult,
    reason: Reason,
    step: Option<StepId>,
}

/// Runs every step that is to be run; the last event is `run.ended`.
pub(super) async fn execute(mut runner: Runner<'_>, is_left: bool) -> Result<(), RunError> {
    let runner = &mut runner;
    runner.is_left = is_left;
    runner.reconcile(is_left).await?;
    runner.take_cache(is_left).await?;
    let mut results: HashMap<&str, StepResult> = HashMap::new();
    let mut stop: Option<Stop> = None;
    let mut failed: Option<Stop> = None;
    for step in &runner.plan.steps {
        if stop.is_none() {
            stop = runner.reason_to_stop();
        }
        let because = match &stop {
            _ if runner.is_over(step) => None,
            Some(stop) => Some(runner.ended_before(stop)),
            None => runner.unmet_need(step, &results),
        };
        if let Some(because) = because {
            runner.skip(step, because)?;
            results.insert(&step.id, StepResult::Skipped);
            continue;
        }
        let (result, verdict) = match runner.known(step)? {
            Some(known) => known,
            None => runner.step(step).await?,
        };
        results.insert(&step.id, result);
        match verdict {
            Verdict::Go => {}
            Verdict::GoOnFailed(why) => failed = failed.or(Some(why)),
            Verdict::Stop(why) => stop = Some(why),
        }
    }
    // A signal that came when everything had passed changes nothing.
    let complete = results.values().all(|result| *result == StepResult::Passed);
    let interrupted = runner.interrupted().filter(|_| !complete);
    if complete {
        runner.hold_cache().await?;
    }
    runner.worktree.forget_secrets()?;
    runner.end(interrupted.or(stop).or(failed))
}

/// What a step means for the rest of the run.
#[derive(Debug)]
enum Verdict {
    Go,
    GoOnFailed(Stop),
    Stop(Stop),
}

impl Runner<'_> {
    /// Tells whether nothing was left to do of a step before the run was resumed.
    fn is_over(&self, step: &Step) -> bool {
        self.state_of(step).is_some_and(|own| own.result == Some(StepResult::Passed)) || self.is_spent(step)
    }

    /// Tells whether nothing is left to try of a step.
    fn is_spent(&self, step: &Step) -> bool {
        let limit = self.plan.limits.consecutive_failures;
        self.state_of(step)
            .is_some_and(|own| own.failed > step.retries || (own.failed > 0 && own.consecutive >= limit))
    }

    fn state_of(&self, step: &Step) -> Option<&StepState> {
        self.state().step(&step.id)
    }

    /// Returns how a step had ended before the run was resumed; one that had nothing left to try has failed,
    /// even if its runner did not come to say so.
    fn known(&mut self, step: &Step) -> Result<Option<(StepResult, Verdict)>, RunError> {
        let Some(own) = self.state_of(step) else { return Ok(None) };
        if own.result == Some(StepResult::Passed) {
            return Ok(Some((StepResult::Passed, Verdict::Go)));
        }
        let (result, begun, consecutive) = (own.result, own.begun(), own.consecutive);
        let Some(reason) = own.reason.clone().filter(|_| self.is_spent(step)) else { return Ok(None) };
        if result != Some(StepResult::Failed) {
            self.step_ended(step, StepResult::Failed, begun)?;
        }
        Ok(Some((StepResult::Failed, self.verdict(step, reason, consecutive))))
    }

    /// Makes attempts until one passes or none is left.
    async fn step(&mut self, step: &Step) -> Result<(StepResult, Verdict), RunError> {
        self.remember_last(step);
        self.hold_cache_before(step).await?;
        self.hold_stood_before(step)?;
        loop {
            let mut this = self.next_attempt(step);
            let result = match self.attempt(&mut this).await? {
                Outcome::Passed => {
                    undo::save_hidden(self.worktree, self.recorder, &this.at).await?;
                    StepResult::Passed
                }
                Outcome::Interrupted(_) => {
                    self.go_back(&mut this, Rollback::No).await?;
                    StepResult::Interrupted
                }
                Outcome::Failed(reason) => {
                    self.remember(&this, &reason)?;
                    if self.tries_again(&mut this).await? {
                        self.recorder.append_part(&this.at)?;
                        continue;
                    }
                    self.recorder.append_part(&this.at)?;
                    self.step_ended(step, StepResult::Failed, this.at.attempt)?;
                    let consecutive = self.state().consecutive;
                    return Ok((StepResult::Failed, self.verdict(step, reason, consecutive)));
                }
            };
            self.recorder.append_part(&this.at)?;
            self.step_ended(step, result, this.at.attempt)?;
            if result == StepResult::Passed {
                self.send().await?;
            }
            return Ok((result, Verdict::Go));
        }
    }

    /// Names the attempt that follows. Those that were cut short cost no retry.
    fn next_attempt<'s>(&self, step: &'s Step) -> Attempt<'s> {
        let (begun, failed) = self.state_of(step).map_or((0, 0), |own| (own.begun(), own.failed));
        let at = AttemptId { step: StepId::new(&step.id), attempt: begun + 1 };
        Attempt::after(step, at, begun - failed)
    }

    /// Clears up behind an attempt that failed, as far as its next one needs it; whether there is to be a next one.
    async fn tries_again(&mut self, this: &mut Attempt<'_>) -> Result<bool, RunError> {
        let step = this.step;
        let failed = self.state_of(step).map_or(0, |own| own.failed);
        let last = failed > step.retries || self.must_stop() || self.out_of_tokens(step);
        let goes_on_from_here = !last && step.retry_from == RetryFrom::Attempt;
        if !goes_on_from_here {
            self.go_back(this, Rollback::Yes).await?;
        }
        if !last && self.wait_before(step, this.at.attempt + 1, failed).await? {
            return Ok(true);
        }
        if goes_on_from_here {
            // There is no next attempt that would.
            let is_failure = self.interrupt.heard().is_none();
            self.go_back(this, if is_failure { Rollback::Yes } else { Rollback::No }).await?;
        }
        Ok(false)
    }

    /// Says what a failed step means, when so many attempts in a row had failed.
    fn verdict(&self, step: &Step, reason: Reason, consecutive: u32) -> Verdict {
        let limit = self.plan.limits.consecutive_failures;
        if consecutive >= limit {
            let text =
                format!("{consecutive} failed attempts in a row (limit {limit}); the last: {}", reason.text);
            let reason = self.reason(ReasonKind::ConsecutiveFailures, &text);
            return Verdict::Stop(Stop {
                result: RunResult::Failed,
                reason,
                step: Some(StepId::new(&step.id)),
            });
        }
        let stop = Stop { result: RunResult::Failed, reason, step: Some(StepId::new(&step.id)) };
        match step.on_failure {
            OnFailure::Abort => Verdict::Stop(stop),
            OnFailure::Continue => Verdict::GoOnFailed(stop),
            OnFailure::Ignore => Verdict::Go,
        }
    }

    fn must_stop(&self) -> bool {
        self.state().consecutive >= self.plan.limits.consecutive_failures
            || self.out_of_time()
            || self.interrupt.heard().is_some()
    }

    /// Salvages, lets the step undo what it can, and goes back to the last checkpoint.
    async fn go_back(&mut self, this: &mut Attempt<'_>, rollback: Rollback) -> Result<(), RunError> {
        undo::save(self.worktree, self.recorder, &this.at).await?;
        if rollback == Rollback::Yes {
            self.roll_back(this).await?;
        }
        undo::reset(self.worktree, self.recorder, &this.at, this.step.clean_ignored).await
    }

    /// Waits before a further attempt, longer after each failed one; whether there is to be one.
    async fn wait_before(&mut self, step: &Step, attempt: u32, failed: u32) -> Result<bool, RunError> {
        let doubled = BACKOFF.saturating_mul(1 << (failed - 1).min(16)).min(LONGEST_BACKOFF);
        let wait = doubled.min(self.plan.limits.timeout.saturating_sub(self.used()));
        let at = AttemptId { step: StepId::new(&step.id), attempt };
        let event = Event::RetryWaiting { at, ms: millis(wait) };
        self.recorder.record(event)?;
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = self.interrupt.wait() => {}
        }
        Ok(!self.must_stop())
    }

    fn reason_to_stop(&self) -> Option<Stop> {
        if self.out_of_time() {
            let limit = crate::plan::units::duration(self.plan.limits.timeout);
            let reason = self.reason(ReasonKind::RunTimeout, &format!("the run's timeout of {limit}"));
            return Some(Stop { result: RunResult::Failed, reason, step: None });
        }
        self.interrupted()
    }

    fn interrupted(&self) -> Option<Stop> {
        let signal = super::name_of_signal(self.interrupt.heard()?);
        let reason = self.reason(ReasonKind::Signal, &format!("interrupted by {signal}"));
        Some(Stop { result: RunResult::Interrupted, reason, step: None })
    }

    fn unmet_need(&self, step: &Step, results: &HashMap<&str, StepResult>) -> Option<Text> {
        let unmet = |id: &&String| results.get(id.as_str()) != Some(&StepResult::Passed);
        let need = step.needs.iter().find(unmet)?;
        let how = match results.get(need.as_str()) {
            Some(StepResult::Skipped) => "was skipped",
            _ => "failed",
        };
        Some(self.recorder.line(format!("needs {need}, which {how}")))
    }

    /// Says why a step is not begun any more.
    fn ended_before(&self, stop: &Stop) -> Text {
        match &stop.step {
            Some(step) => self.recorder.line(format!("the run ended at {step}")),
            None => stop.reason.text.clone(),
        }
    }

    fn skip(&mut self, step: &Step, because: Text) -> Result<(), RunError> {
        // It may have been begun before the run went on.
        let attempts = self.state_of(step).map_or(0, StepState::begun);
        let (step, because) = (StepId::new(&step.id), Some(because));
        let event = Event::StepEnded { step, result: StepResult::Skipped, attempts, because };
        Ok(self.recorder.record(event)?)
    }

    pub(super) fn step_ended(
        &mut self,
        step: &Step,
        result: StepResult,
        attempts: u32,
    ) -> Result<(), RunError> {
        let step = StepId::new(&step.id);
        Ok(self.recorder.record(Event::StepEnded { step, result, attempts, because: None })?)
    }

    fn end(&mut self, stop: Option<Stop>) -> Result<(), RunError> {
        let ms = millis(self.used());
        let (result, reason, step) = match stop {
            None => (RunResult::Done, None, None),
            Some(stop) => (stop.result, Some(stop.reason), stop.step),
        };
        Ok(self.recorder.record(Event::RunEnded { result, reason, step, ms })?)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rollback {
    Yes,
    No,
}
