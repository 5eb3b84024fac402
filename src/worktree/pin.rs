//! The base of a run that borrows objects is pinned by a ref: without it, a `gc` of the user's could take away
//! what the run stands on.

use std::path::PathBuf;

use super::error::WorktreeError;
use super::repository::Repository;
use super::rundir::RunDir;
use super::state::State;
use crate::git::Oid;

const PINS: &str = "refs/autopilot/base/";

/// Names the pin of a run.
pub(super) fn of(run: &str) -> String {
    format!("{PINS}{run}")
}

impl Repository {
    /// Pins the base of a run, and returns the folders that its objects are borrowed from.
    pub(super) fn pin(&self, run: &str, commit: &Oid) -> Result<Vec<PathBuf>, WorktreeError> {
        self.git("update-ref").args([of(run).as_str(), commit.as_str()]).run()?;
        self.source().object_folders()
    }

    /// Takes a pin away.
    pub fn unpin(&self, run: &str) -> Result<(), WorktreeError> {
        self.git("update-ref").args(["-d", &of(run)]).run().map(drop)
    }

    /// Lists the runs of which there is a pin and no directory: their runners died, or know another state.
    pub fn pinned_without_directory(&self, state: &State) -> Result<Vec<String>, WorktreeError> {
        let listed = self.git("for-each-ref").args(["--format=%(refname)", PINS]).line()?;
        let mut runs = Vec::new();
        for run in listed.lines().filter_map(|name| name.strip_prefix(PINS)) {
            if !RunDir::is_there(state, &self.common_dir, run)? {
                runs.push(run.to_owned());
            }
        }
        Ok(runs)
    }
}
