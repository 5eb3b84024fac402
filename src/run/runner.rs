//! Everything one run works with, and why it could not go on.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use super::courier::Courier;
use super::deadline::{Bound, Deadline};
use super::interrupt::Interrupt;
use super::preflight::Grants;
use crate::evidence::{Recorder, RunState};
use crate::plan::{Plan, Step};
use crate::worktree::{Worktree, WorktreeError};

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

impl RunError {
    /// Tells whether it only says that something was broken off, as asked.
    pub fn is_halt(&self) -> bool {
        matches!(self, Self::Worktree(error) if error.is_halt())
    }
}

/// Why an attempt failed, and the end of what its last command printed.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) reason: String,
    pub(super) tail: Vec<String>,
    /// What it did is still in the files.
    pub(super) kept: bool,
}

/// Everything one run works with. How far it is, the recorder's state tells.
#[derive(Debug)]
pub struct Runner<'a> {
    pub(super) plan: &'a Plan,
    pub(super) grants: &'a BTreeMap<String, Grants>,
    pub(super) recorder: &'a mut Recorder,
    pub(super) worktree: &'a mut Worktree,
    pub(super) interrupt: Interrupt,
    pub(super) started: Instant,
    /// Active time before this part of the run.
    pub(super) used_before: Duration,
    /// Why the attempt before failed, for an agent that tries again.
    pub(super) before: Option<Failed>,
    /// It goes on in the worktree that a dead runner left.
    pub(super) is_left: bool,
    /// Sends its evidence away behind each step that passed.
    pub(super) courier: Option<&'a dyn Courier>,
}

impl<'a> Runner<'a> {
    /// Puts a run together. Its time begins now, or goes on.
    pub(super) fn new(
        plan: &'a Plan,
        grants: &'a BTreeMap<String, Grants>,
        recorder: &'a mut Recorder,
        worktree: &'a mut Worktree,
        interrupt: Interrupt,
    ) -> Self {
        // What was under way when a runner died was counted when the run went on.
        let used_before = recorder.state().active(|_| Duration::ZERO);
        let (started, before) = (Instant::now(), None);
        Self {
            plan,
            grants,
            recorder,
            worktree,
            interrupt,
            started,
            used_before,
            before,
            is_left: false,
            courier: None,
        }
    }

    /// Counts what was done for it before.
    pub(super) fn since(mut self, took: Duration) -> Self {
        self.started = self.started.checked_sub(took).unwrap_or(self.started);
        self
    }

    /// Has somebody send its evidence away while it is under way.
    pub(super) fn with(mut self, courier: &'a dyn Courier) -> Self {
        self.courier = Some(courier);
        self
    }

    /// Sends the evidence away, unless the run is asked to stop.
    pub(super) async fn send(&mut self) -> Result<(), RunError> {
        let Some(courier) = self.courier else { return Ok(()) };
        let sending = courier.send(self.recorder, self.worktree);
        tokio::select! {
            biased;
            _ = self.interrupt.wait() => Ok(()),
            sent = sending => Ok(sent?),
        }
    }

    pub(super) fn grants(&self, step: &Step) -> &'a Grants {
        // The preflight decided on every step of the plan.
        &self.grants[&step.id]
    }

    pub(super) fn state(&self) -> &RunState {
        self.recorder.state()
    }

    /// Returns when something with a timeout has to end: by its own bound or the run's.
    pub(super) fn deadline(&self, from: Instant, timeout: Duration) -> Deadline {
        let run = self.started + self.plan.limits.timeout.saturating_sub(self.used_before);
        let own = from + timeout;
        if run < own {
            Deadline { at: run, bound: Bound::Run }
        } else {
            Deadline { at: own, bound: Bound::Step }
        }
    }

    /// Returns the active time so far.
    pub(super) fn used(&self) -> Duration {
        self.used_before + self.started.elapsed()
    }

    pub(super) fn out_of_time(&self) -> bool {
        self.used() >= self.plan.limits.timeout
    }
}
