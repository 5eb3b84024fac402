//! Takes a run and its repository, gives the base as it is today and whether the result merges with it.

use crate::evidence::RunState;
use crate::report::review::{Merges, Today};
use crate::worktree::{Merging, Repository};

/// Looks; nothing of a run without a result, or whose base is not to be found any more.
pub fn today(repository: &Repository, state: &RunState) -> Option<Today> {
    let made = state.branch.as_ref()?;
    let looked = repository.merging(state.start.base.as_str(), &made.commit);
    let (commit, merging) =
        looked.inspect_err(|error| tracing::debug!(%error, "the base of today is not known")).ok()?;
    let merges = match merging {
        Merging::Clean => Merges::Clean,
        Merging::Conflicts(paths) => Merges::Conflicts(paths),
        Merging::Unknown(why) => Merges::Unknown(why),
    };
    Some(Today { commit: commit.to_string(), merges })
}
