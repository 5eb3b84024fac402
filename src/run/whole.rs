//! A run from its worktree to its last event but for the reports: whatever goes wrong, it gets an end.

use std::collections::BTreeMap;

use super::finish::{Ending, finish};
use super::outcome::millis;
use super::steps::execute;
use super::{Grants, Interrupt, RunError, Runner};
use crate::evidence::Recorder;
use crate::evidence::event::{Event, Reason, ReasonKind, RunResult};
use crate::plan::Plan;
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
    ending: Ending,
) -> Result<(), RunError> {
    let (mut worktree, is_left) = match made {
        Ok(Checkout::Fresh(worktree)) => (worktree, false),
        Ok(Checkout::Left(worktree)) => (worktree, true),
        Err(error) => return end_by_fault(recorder, &error.to_string()),
    };
    worktree.heed(&interrupt.halt());
    recorder.mirror(&worktree.dir().mirror())?;
    if !is_left {
        let (files, ms) = (worktree.files(), millis(worktree.made_in()));
        recorder.record(Event::WorktreeReady { files, ms, pin: None })?;
    }
    let runner = Runner::new(plan, grants, recorder, &mut worktree, interrupt.clone());
    if let Err(error) = execute(runner, is_left).await {
        // Nothing is ended by that: whoever goes on finds it as after a crash.
        if error.is_halt() {
            return Err(error);
        }
        end_by_fault(recorder, &error.to_string())?;
    }
    finish(worktree, recorder, ending).await
}

fn end_by_fault(recorder: &mut Recorder, what: &str) -> Result<(), RunError> {
    let reason = Some(Reason { kind: ReasonKind::Internal, text: recorder.line(what) });
    recorder.append_left_parts()?;
    Ok(recorder.record(Event::RunEnded { result: RunResult::Failed, reason, step: None, ms: 0 })?)
}
