//! Refs that pin the base of a run. Versions before 0.2 made them, for runs that borrowed objects of the repository itself;
//! they are taken away.

use super::error::WorktreeError;
use super::repository::Repository;
use super::rundir::RunDir;
use super::shared::SHARED;
use super::state::State;

const PINS: &str = "refs/autopilot/base/";

/// Names of runs that have a ref of ours, by its kind.
#[derive(Debug)]
pub struct LeftRefs {
    /// Their base is pinned.
    pub pinned: Vec<String>,
    /// Their last checkpoint is kept.
    pub shared: Vec<String>,
}

/// Names the pin of a run.
pub(super) fn of(run: &str) -> String {
    format!("{PINS}{run}")
}

impl Repository {
    /// Takes a pin away.
    pub fn unpin(&self, run: &str) -> Result<(), WorktreeError> {
        self.git("update-ref").args(["-d", &of(run)]).run().map(drop)
    }

    /// Lists the runs that have a ref of ours and no directory: their runners died, or know another state.
    pub fn refs_without_directory(&self, state: &State) -> Result<LeftRefs, WorktreeError> {
        let listed = self.git("for-each-ref").args(["--format=%(refname)", PINS, SHARED]).line()?;
        let of = |below: &str| {
            let mut runs = Vec::new();
            for run in listed.lines().filter_map(|name| name.strip_prefix(below)) {
                if !RunDir::is_there(state, &self.common_dir, run)? {
                    runs.push(run.to_owned());
                }
            }
            Ok::<_, WorktreeError>(runs)
        };
        Ok(LeftRefs { pinned: of(PINS)?, shared: of(SHARED)? })
    }
}
