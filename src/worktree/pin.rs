//! Refs that pin the base of a run. Versions before 0.2 made them, for runs that borrowed objects of the repository itself;
//! they are taken away.

use super::error::WorktreeError;
use super::repository::Repository;
use super::rundir::RunDir;
use super::state::State;

const PINS: &str = "refs/autopilot/base/";

/// Names the pin of a run.
pub(super) fn of(run: &str) -> String {
    format!("{PINS}{run}")
}

impl Repository {
    /// Takes a pin away.
    pub fn unpin(&self, run: &str) -> Result<(), WorktreeError> {
        self.git("update-ref").args(["-d", &of(run)]).run().map(drop)
    }

    /// Lists the runs of which there is a pin and no directory: their runners died, or know another state.
    pub fn pinned_without_directory(&self, state: &State) -> Result<Vec<String>, WorktreeError> {
        self.listed_without_directory(state, PINS)
    }

    /// Lists the runs that have a ref below this and no directory.
    pub(super) fn listed_without_directory(
        &self,
        state: &State,
        below: &str,
    ) -> Result<Vec<String>, WorktreeError> {
        let listed = self.git("for-each-ref").args(["--format=%(refname)", below]).line()?;
        let mut runs = Vec::new();
        for run in listed.lines().filter_map(|name| name.strip_prefix(below)) {
            if !RunDir::is_there(state, &self.common_dir, run)? {
                runs.push(run.to_owned());
            }
        }
        Ok(runs)
    }
}
