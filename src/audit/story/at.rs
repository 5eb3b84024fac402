//! Where a run is: one value, of which each has at hand what only it needs. How one follows from another is in
//! [`moves`](super::moves).

use super::attempt::Attempt;
use super::tried::{Named, Over};
use crate::evidence::event::{Effect, Role};

/// Where a run is.
#[derive(Debug)]
pub(super) enum At {
    /// Its first event is to come.
    Beginning,
    /// Between steps.
    Idle,
    /// In an attempt, between its commands.
    Attempt(Attempt),
    /// In a command of an attempt.
    Command(Attempt, Role),
    /// After an attempt.
    Over(Over),
    /// In a rollback command after a failed attempt.
    RollingBack(Over),
    /// On the way back to the last checkpoint after an attempt.
    Resetting(Over),
    /// Back at the last checkpoint after an attempt.
    Back(Over),
    /// Before a further attempt.
    Waiting(Over),
    /// Going on: on the way back to the last checkpoint from what a dead runner left.
    Settling(Named),
    /// Picked up: another invocation closes what a dead runner left.
    PickedUp,
    /// Picked up, and on the way back to the last checkpoint.
    Clearing(Named),
    /// `run.ended` was there.
    Closing,
    /// `sealed` was there.
    Sealed,
    /// `attested` was there: the head.
    Closed,
    /// Something is being published: what, which state of the run, and where to.
    Publishing(Effect, String, String),
}

impl At {
    /// Leaves it, for another one to be put there.
    pub(super) fn leave(&mut self) -> Self {
        std::mem::replace(self, Self::Idle)
    }

    /// Returns the attempt that it is in.
    pub(super) fn attempt(&self) -> Option<&Attempt> {
        if let Self::Attempt(attempt) | Self::Command(attempt, _) = self { Some(attempt) } else { None }
    }

    /// Returns the attempt that it is in, to change it.
    pub(super) fn attempt_mut(&mut self) -> Option<&mut Attempt> {
        if let Self::Attempt(attempt) | Self::Command(attempt, _) = self { Some(attempt) } else { None }
    }

    /// Returns the attempt that is over and not gone on from.
    pub(super) fn over(&self) -> Option<Over> {
        match self {
            Self::Over(over)
            | Self::RollingBack(over)
            | Self::Resetting(over)
            | Self::Back(over)
            | Self::Waiting(over) => Some(*over),
            _ => None,
        }
    }
}

/// Whether the runner of a run lives.
#[derive(Debug)]
pub(super) enum Runner {
    /// It does, as far as the journal tells.
    Alive,
    /// It died, or fell over a fault of its own: it was here.
    Gone(Box<At>),
}

/// What became of the worktree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worktree {
    /// There is none, and one is to be made.
    Missing,
    /// It was made.
    There,
    /// Somebody goes on: in what is left of it, or in a new one.
    Left,
    /// The branch with its checkpoints is in the repository.
    Delivered,
    /// It was removed.
    Removed,
    /// It was kept.
    Kept,
}

impl Worktree {
    /// Lists all there are.
    #[cfg(test)]
    pub(super) const ALL: [Self; 6] =
        [Self::Missing, Self::There, Self::Left, Self::Delivered, Self::Removed, Self::Kept];
}
