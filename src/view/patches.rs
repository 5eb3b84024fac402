//! What checkpoints changed, from the repository and, as long as a run has not ended, its runner's: masked, since nothing of
//! it went through the masker as text for people.

use std::collections::HashMap;

use crate::app::Error;
use crate::evidence::RunState;
use crate::evidence::mask::{self, Secrets};
use crate::worktree::{PatchBounds, Repository, RunDir, State};

/// Bytes of a patch on a page, and of all of them.
const BOUNDS: PatchBounds = PatchBounds { each: 128 << 10, all: 2 << 20 };

/// The patch of a checkpoint.
#[derive(Debug, Default)]
pub(super) struct Patch {
    pub(super) text: String,
    pub(super) is_cut: bool,
}

/// Reads the patches of the checkpoints that the repository has.
pub(super) fn of(
    repository: &Repository,
    host: &State,
    state: &RunState,
    secrets: &Secrets,
) -> Result<HashMap<String, Patch>, Error> {
    let ids: Vec<&str> =
        state.attempts().filter_map(|(_, a)| Some(a.checkpoint.as_ref()?.as_str())).collect();
    // What a run commits is with its runner until it ends.
    let own = RunDir::of(host, &repository.common_dir).unwrap_or_default();
    let own = own.iter().find(|(_, record)| record.run == state.start.run.as_str());
    let patches = match own {
        Some((dir, _)) => repository.with_checkpoints_of(dir).patches(&ids, BOUNDS)?,
        None => repository.patches(&ids, BOUNDS)?,
    };
    let masked = |patch: crate::worktree::Patch| Patch {
        text: mask::text(secrets, &String::from_utf8_lossy(&patch.bytes)),
        is_cut: patch.is_cut,
    };
    Ok(patches.into_iter().map(|(id, patch)| (id, masked(patch))).collect())
}
