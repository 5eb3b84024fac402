//! What plans keep from run to run on this host, and what of it can go.

use std::path::Path;

use crate::cli::clean::outdated;
use crate::cli::target;
use crate::plan::units::size;
use crate::worktree::State;

/// Tells how much there is and where, and what of it can go: whether that is good, a name, and in words.
pub(super) fn lines() -> Vec<(bool, &'static str, String)> {
    let Ok(state) = State::find() else { return Vec::new() };
    let all = state.kept_caches().unwrap_or_default();
    if all.is_empty() {
        return Vec::new();
    }
    let bytes = all.iter().map(|cache| cache.bytes).fold(0, u64::saturating_add);
    let place = state.root().join("caches");
    let bounds = "at most 20 GiB a repository, 30 days unused";
    let mut lines =
        vec![(true, "caches", format!("{}, {} in {}; {bounds}", all.len(), size(bytes), place.display()))];
    // Out of a repository only what is of none can go.
    let common_dir = target::repository().map(|repository| repository.common_dir).unwrap_or_default();
    for (cache, why) in state.outdated_caches(Path::new(&common_dir)).unwrap_or_default() {
        let what = format!("{}: {}; `autopilot clean` removes it", cache.path.display(), outdated(why));
        lines.push((false, "can go", what));
    }
    lines
}
