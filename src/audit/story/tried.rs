//! Which attempt something is of, and what has been undone of one that is over.

use crate::evidence::event::AttemptResult;

/// An attempt at a step of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Try {
    pub(super) step: usize,
    pub(super) number: u32,
}

/// An attempt that is over, and what has been undone of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Over {
    pub(super) of: Try,
    pub(super) result: AttemptResult,
    /// Rollback commands begun.
    pub(super) rolled_back: usize,
    /// Its runner died: its step ends out of turn, before the run goes on.
    pub(super) lost: bool,
}

/// What a reset bears the name of: an attempt's, or what was found.
pub(super) type Named = (String, u32);
