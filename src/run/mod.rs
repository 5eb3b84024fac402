//! Takes a plan, gives events in the order they happen: the step state machine, timeouts, retries. Prints
//! nothing; the rules are those of `docs/plan.md`, each with a test of its name in `tests/it/rules.rs`.

mod action;
mod attach;
mod attempt;
mod checkpoint;
mod command;
mod egress;
mod equip;
mod expect;
mod finish;
mod hearing;
mod home;
mod interrupt;
mod memory;
mod preflight;
mod recover;
mod resume;
mod settle;
mod standing;
mod steps;
mod undo;
mod whole;
mod work;

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::time::{Duration, Instant};

pub use equip::{Applier, Assignment, Equipment, Found, equip};
pub use expect::signal_name as name_of_signal;
pub use finish::Ending;
pub use interrupt::Interrupt;
use preflight::enforcement;
pub use preflight::{Grants, Refusal, There, preflight};
pub use recover::{Known, Recovered, recover, restore_journal};
pub use resume::{Changed, Refused, branch_unchanged, can_go_on, resumed, unchanged};
pub use standing::Standing;
use steps::execute;
pub use whole::{begin, carry_out};

use crate::evidence::Recorder;
use crate::plan::{Plan, Step};
use crate::worktree::{Worktree, WorktreeError};
use command::Cut;
use memory::Memory;

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

/// Everything one run works with.
#[derive(Debug)]
pub struct Runner<'a> {
    plan: &'a Plan,
    grants: &'a BTreeMap<String, Grants>,
    recorder: &'a mut Recorder,
    worktree: &'a mut Worktree,
    interrupt: Interrupt,
    started: Instant,
    /// Failed attempts in a row.
    consecutive: u32,
    memory: Memory,
    /// What the last command printed: its part of the log.
    last_output: Range<u64>,
    /// Bytes that the attempt may still print, all its commands together.
    output_left: u64,
    /// What was over before, if the run was resumed.
    standing: Standing,
}

impl<'a> Runner<'a> {
    /// Puts a run together. Its time begins now, or goes on.
    pub fn new(
        plan: &'a Plan,
        grants: &'a BTreeMap<String, Grants>,
        recorder: &'a mut Recorder,
        worktree: &'a mut Worktree,
        interrupt: Interrupt,
        mut standing: Standing,
    ) -> Self {
        let (started, consecutive) = (Instant::now(), standing.consecutive);
        let (memory, last_output) = (std::mem::take(&mut standing.memory), 0..0);
        Self {
            plan,
            grants,
            recorder,
            worktree,
            interrupt,
            started,
            consecutive,
            memory,
            last_output,
            output_left: 0,
            standing,
        }
    }

    fn grants(&self, step: &Step) -> &'a Grants {
        // The preflight decided on every step of the plan.
        &self.grants[&step.id]
    }

    /// Returns when something with a timeout has to end, and which bound that is: its own or the run's.
    fn deadline(&self, from: Instant, timeout: Duration) -> (Instant, Cut) {
        let run = self.started + self.plan.limits.timeout.saturating_sub(self.standing.used);
        let own = from + timeout;
        if run < own { (run, Cut::RunTimeout) } else { (own, Cut::StepTimeout) }
    }

    /// Returns the active time so far.
    fn used(&self) -> Duration {
        self.standing.used + self.started.elapsed()
    }

    fn out_of_time(&self) -> bool {
        self.used() >= self.plan.limits.timeout
    }
}
