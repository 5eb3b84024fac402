//! How HOME, downloads and caches are kept apart between steps: tried where runs have theirs.

use crate::app::jobs;
use crate::layer::Backend;
use crate::policy::Decision;
use crate::sandbox;
use crate::worktree::State;

/// Whether nothing is copied, and in words.
pub(super) type Tried = (bool, String);

/// Tries how layers are made on this host, in the directory of the state of runs.
pub(super) fn tried(decision: &Decision) -> Tried {
    let Decision::Allow(grant) = decision else { return (false, "not tried: no step runs here".to_owned()) };
    let tried = || -> anyhow::Result<Backend> {
        let state = State::find()?;
        // Where nothing ran yet there is no such folder: the file system that it will be on is asked.
        let there = state.root().ancestors().find(|folder| folder.is_dir()).unwrap_or(state.root());
        let folder = tempfile::Builder::new().prefix(".autopilot-doctor-").tempdir_in(there)?;
        Ok(jobs::runtime()?.block_on(sandbox::try_overlay(grant, &folder.path().join("trial")))?)
    };
    match tried() {
        Ok(Backend::Overlay) => (true, "overlays: what steps share is never copied".to_owned()),
        Ok(Backend::Clone(why)) => (false, format!("clones, which cost time and space: {why}")),
        Err(error) => (false, format!("not tried: {error:#}")),
    }
}
