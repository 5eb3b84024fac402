//! Takes a plan, gives events in the order they happen: the step state machine, timeouts, retries. Prints
//! nothing; the rules are those of `docs/plan.md`, each with a test of its name in `tests/it/rules.rs`.

mod action;
mod attach;
mod attempt;
mod checkpoint;
mod command;
mod deadline;
mod egress;
mod equip;
mod expect;
mod finish;
mod hearing;
mod home;
mod interrupt;
mod judge;
mod memory;
mod output;
mod preflight;
mod reconcile;
mod recover;
mod resume;
mod start;
mod steps;
mod undo;
mod whole;
mod work;

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

pub use equip::{Applier, Assignment, Equipment, Found, equip};
pub use expect::signal_name as name_of_signal;
pub use finish::Ending;
pub use interrupt::Interrupt;
use preflight::enforcement;
pub use preflight::{Grants, Refusal, There, preflight};
pub use recover::{Known, Recovered, recover, restore_journal};
pub use resume::{Changed, Refused, branch_unchanged, can_go_on, resumed, unchanged};
pub use start::begin;
use steps::execute;
pub use whole::{Checkout, carry_out};

use crate::evidence::{Recorder, RunState};
use crate::plan::{Plan, Step};
use crate::worktree::{Worktree, WorktreeError};
use deadline::{Bound, Deadline};
use memory::Failed;

/// Why a run could not go on. What a step does wrong is no error but an event.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The worktree could not be handled.
    #[error(transparent)]
    Worktree(#[from] WorktreeError),
    /// Evidence could not be written, or another file not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Evidence could not be composed.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A step came through the preflight without what it needs.
    #[error("step `{0}` was not prepared")]
    Unprepared(String),
}

/// Everything one run works with. How far it is, the recorder's state tells.
#[derive(Debug)]
pub struct Runner<'a> {
    plan: &'a Plan,
    grants: &'a BTreeMap<String, Grants>,
    recorder: &'a mut Recorder,
    worktree: &'a mut Worktree,
    interrupt: Interrupt,
    started: Instant,
    /// Active time before this part of the run.
    used_before: Duration,
    /// Why the attempt before failed, for an agent that tries again.
    before: Option<Failed>,
}

impl<'a> Runner<'a> {
    /// Puts a run together. Its time begins now, or goes on.
    fn new(
        plan: &'a Plan,
        grants: &'a BTreeMap<String, Grants>,
        recorder: &'a mut Recorder,
        worktree: &'a mut Worktree,
        interrupt: Interrupt,
    ) -> Self {
        // What was under way when a runner died was counted when the run went on.
        let used_before = recorder.state().active(|_| Duration::ZERO);
        let (started, before) = (Instant::now(), None);
        Self { plan, grants, recorder, worktree, interrupt, started, used_before, before }
    }

    fn grants(&self, step: &Step) -> &'a Grants {
        // The preflight decided on every step of the plan.
        &self.grants[&step.id]
    }

    fn state(&self) -> &RunState {
        self.recorder.state()
    }

    /// Returns when something with a timeout has to end: by its own bound or the run's.
    fn deadline(&self, from: Instant, timeout: Duration) -> Deadline {
        let run = self.started + self.plan.limits.timeout.saturating_sub(self.used_before);
        let own = from + timeout;
        if run < own {
            Deadline { at: run, bound: Bound::Run }
        } else {
            Deadline { at: own, bound: Bound::Step }
        }
    }

    /// Returns the active time so far.
    fn used(&self) -> Duration {
        self.used_before + self.started.elapsed()
    }

    fn out_of_time(&self) -> bool {
        self.used() >= self.plan.limits.timeout
    }
}
