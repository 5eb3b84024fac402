//! A run from its worktree to its last event but for the reports: whatever goes wrong, it gets an end.

use std::collections::BTreeMap;
use std::time::Duration;

use super::cached;
use super::courier::Courier;
use super::expect::signal_name as name_of_signal;
use super::finish::{Ending, finish};
use super::outcome::millis;
use super::steps::execute;
use super::{Grants, Interrupt, RunError, Runner};
use crate::evidence::event::{Event, Reason, ReasonKind, RunResult, StepResult};
use crate::evidence::state::StepState;
use crate::evidence::{Recorder, StepId};
use crate::plan::{Plan, units};
use crate::worktree::{Worktree, WorktreeError};

/// Where the steps of a run work.
#[derive(Debug)]
pub enum Checkout {
    /// In a worktree that is as at the run's last checkpoint, or its base.
    Fresh(Worktree),
    /// In the one that a dead runner left, with what it was at.
    Left(Worktree),
}

impl Checkout {
    /// Returns the worktree.
    pub fn worktree(&self) -> &Worktree {
        match self {
            Self::Fresh(worktree) | Self::Left(worktree) => worktree,
        }
    }
}

/// Runs the steps in a worktree, but for those that are over already, takes the work out and removes it. What fails in
/// the runner itself is recorded as the end of the run; an error means that not even that could be recorded.
pub async fn carry_out(
    made: Result<Checkout, WorktreeError>,
    plan: &Plan,
    grants: &BTreeMap<String, Grants>,
    recorder: &mut Recorder,
    interrupt: &Interrupt,
    (ending, courier): (Ending, &dyn Courier),
) -> Result<(), RunError> {
    let (mut worktree, is_left) = match made {
        Ok(Checkout::Fresh(worktree)) => (worktree, false),
        Ok(Checkout::Left(worktree)) => (worktree, true),
        Err(error) if error.is_halt() => return end_early(recorder, plan, interrupt),
        Err(error) => return end_by_fault(recorder, &error.to_string()),
    };
    worktree.heed(&interrupt.halt());
    recorder.mirror(&worktree.dir().mirror())?;
    if !is_left {
        let (files, ms) = (worktree.files(), millis(worktree.made_in()));
        recorder.record(Event::WorktreeReady { files, ms, pin: None })?;
    }
    let made_in = if is_left { Duration::ZERO } else { worktree.made_in() };
    let runner = Runner::new(plan, grants, recorder, &mut worktree, interrupt.clone());
    let runner = runner.since(made_in).with(courier);
    if let Err(error) = execute(runner, is_left).await {
        // Nothing is ended by that: whoever goes on finds it as after a crash.
        if error.is_halt() {
            return Err(error);
        }
        end_by_fault(recorder, &error.to_string())?;
    }
    let keeping = (!plan.cache.is_empty()).then(|| worktree.keeping());
    Box::pin(finish(worktree, recorder, ending)).await?;
    keeping.map_or(Ok(()), |keeping| cached::keep(&keeping, recorder, &interrupt.halt()))
}

/// Runs the steps in a fresh worktree, for what they come to alone: nothing is taken out, nothing of it is kept where another invocation
/// would look, and whoever called removes it.
pub async fn act_out(
    worktree: &mut Worktree,
    plan: &Plan,
    grants: &BTreeMap<String, Grants>,
    recorder: &mut Recorder,
    interrupt: &Interrupt,
) -> Result<(), RunError> {
    worktree.heed(&interrupt.halt());
    let (files, made_in) = (worktree.files(), worktree.made_in());
    recorder.record(Event::WorktreeReady { files, ms: millis(made_in), pin: None })?;
    let runner = Runner::new(plan, grants, recorder, worktree, interrupt.clone()).since(made_in);
    match execute(runner, false).await {
        Err(error) if error.is_halt() => Err(error),
        Err(error) => end_by_fault(recorder, &error.to_string()),
        Ok(()) => Ok(()),
    }
}

/// Ends a run whose worktree was not made: it was asked to stop, or its time was over first.
fn end_early(recorder: &mut Recorder, plan: &Plan, interrupt: &Interrupt) -> Result<(), RunError> {
    let (result, kind, text) = if let Some(signal) = interrupt.heard() {
        (RunResult::Interrupted, ReasonKind::Signal, format!("interrupted by {}", name_of_signal(signal)))
    } else {
        let limit = units::duration(plan.limits.timeout);
        (RunResult::Failed, ReasonKind::RunTimeout, format!("the run's timeout of {limit}"))
    };
    let text = recorder.line(text);
    recorder.append_left_parts()?;
    for step in &plan.steps {
        let known = recorder.state().step(&step.id);
        if known.is_some_and(|own| matches!(own.result, Some(StepResult::Passed | StepResult::Failed))) {
            continue;
        }
        let (attempts, because) = (known.map_or(0, StepState::begun), Some(text.clone()));
        let (step, result) = (StepId::new(&step.id), StepResult::Skipped);
        recorder.record(Event::StepEnded { step, result, attempts, because })?;
    }
    let reason = Some(Reason { kind, text });
    let ms = millis(recorder.state().active(|_| Duration::ZERO));
    Ok(recorder.record(Event::RunEnded { result, reason, step: None, ms })?)
}

fn end_by_fault(recorder: &mut Recorder, what: &str) -> Result<(), RunError> {
    let reason = Some(Reason { kind: ReasonKind::Internal, text: recorder.line(what) });
    recorder.append_left_parts()?;
    Ok(recorder.record(Event::RunEnded { result: RunResult::Failed, reason, step: None, ms: 0 })?)
}
