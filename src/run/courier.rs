//! What a run needs of whoever sends its evidence away while it is under way, which is beyond it.

use std::fmt;
use std::io;
use std::pin::Pin;

use crate::evidence::Recorder;
use crate::worktree::Worktree;

/// Evidence that is being sent.
pub type Sending<'a> = Pin<Box<dyn Future<Output = io::Result<()>> + 'a>>;

/// Somebody who sends the evidence of a run away, and records what came of it. Only that it cannot be recorded is an error.
pub trait Courier: fmt::Debug {
    /// Sends it, between two steps. A call that is dropped leaves nothing running.
    fn send<'a>(&'a self, recorder: &'a mut Recorder, worktree: &'a Worktree) -> Sending<'a>;
}
