//! Until when something may run.

use std::time::{Duration, Instant};

/// What a rollback command may take.
const ROLLBACK: Duration = Duration::from_secs(60);

/// When a command is ended, and by which bound.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    pub(super) at: Instant,
    pub(super) bound: Bound,
}

impl Deadline {
    /// Returns the deadline of a rollback command that begins now.
    pub(super) fn of_rollback(now: Instant) -> Self {
        Self { at: now + ROLLBACK, bound: Bound::Rollback }
    }

    /// Returns the deadline of a command that begins now: what was recorded before took nothing of the time that a rollback has.
    pub(super) fn begun(self, now: Instant) -> Self {
        match self.bound {
            Bound::Rollback => Self::of_rollback(now),
            Bound::Step | Bound::Run => self,
        }
    }
}

/// Bounds of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    /// The step's timeout.
    Step,
    /// The run's timeout.
    Run,
    /// The time that a rollback command has.
    Rollback,
}

/// Why the runner ended a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// It ran for too long.
    Time(Bound),
    /// It printed too much.
    Output,
    /// What its model's server answered, or did not: there is nothing to wait for.
    Answer,
    /// The runner was told to end by this signal.
    Signal(i32),
}
