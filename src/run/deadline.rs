//! Until when something may run.

use std::time::Instant;

/// When a command is ended, and by which bound.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    pub(super) at: Instant,
    pub(super) bound: Bound,
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
