//! What publishing needs of whoever replays runs, which is beyond it.

use std::pin::Pin;

use crate::evidence::event::RebasedCommit;
use crate::evidence::{Files, RunState};
use crate::git::Oid;

/// What a replay of a run on another base came to.
#[derive(Debug)]
pub enum Replayed {
    /// Everything held: its commits there, none where nothing is left to change.
    Held(Vec<RebasedCommit>),
    /// Something did not: the first of it, in words.
    Differs(String),
    /// It cannot be replayed.
    Impossible {
        /// Why.
        why: String,
        /// What to do about it.
        hint: String,
    },
    /// Somebody asked it to stop.
    BrokenOff,
}

/// A replay that is under way.
pub type Replaying<'a> = Pin<Box<dyn Future<Output = Replayed> + 'a>>;

/// Somebody who replays runs.
pub trait Replayer {
    /// Replays a run on another commit, and brings what it comes to there into the repository.
    fn onto<'a>(&'a self, files: &'a Files, state: &'a RunState, onto: &'a Oid) -> Replaying<'a>;
}
