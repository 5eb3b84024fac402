//! What became of an order.

use super::Error;
use crate::evidence::RunState;
use crate::evidence::event::{ReasonKind, RunResult};
use crate::evidence::{Files, Head, Recorder};
use crate::run::Interrupt;

/// What became of an order.
#[derive(Debug)]
pub enum Outcome {
    /// A run was begun or gone on with, and has ended.
    Ended(Box<Ended>),
    /// The last run has come to its own end, which stands.
    Stands(Box<Ended>),
    /// A signal came while it was asked whether the last run goes on: nothing was done. Or what follows the steps was
    /// broken off, and is done by the next call.
    Interrupted(i32),
}

/// A run that has ended.
#[derive(Debug)]
pub struct Ended {
    /// Its evidence.
    pub files: Files,
    /// The run, with what was published of it.
    pub state: RunState,
    /// The line that closed its evidence.
    pub head: Head,
    /// What it came to.
    pub verdict: Verdict,
}

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Every step that counts passed.
    Done,
    /// One did not, or its runner had died.
    Failed,
    /// The runner itself was at fault.
    Faulted,
    /// This signal ended it.
    Interrupted(i32),
}

/// SIGTERM: what being asked to stop counts as.
pub(super) const ASKED: i32 = 15;

impl Ended {
    /// Tells what became of a run whose evidence is closed.
    pub(super) fn of(recorder: &Recorder, interrupt: &Interrupt) -> Result<Self, Error> {
        Self::new(recorder.files().clone(), recorder.state().clone(), interrupt)
    }

    pub(super) fn new(files: Files, state: RunState, interrupt: &Interrupt) -> Result<Self, Error> {
        let verdict = Verdict::of(&state, interrupt.heard());
        match state.head.clone() {
            Some(head) => Ok(Self { files, state, head, verdict }),
            None => Err(Error::Endless { journal: files.journal() }),
        }
    }
}

impl Verdict {
    fn of(state: &RunState, signal: Option<i32>) -> Self {
        let Some(end) = &state.end else { return Self::Failed };
        let kind = end.reason.as_ref().map(|reason| reason.kind);
        match end.result {
            RunResult::Done => Self::Done,
            RunResult::Interrupted => Self::Interrupted(signal.unwrap_or(ASKED)),
            RunResult::Failed if kind == Some(ReasonKind::Internal) => Self::Faulted,
            RunResult::Failed | RunResult::Crashed => Self::Failed,
        }
    }
}
