//! Takes a checkout, tells whether it has changes of the user. Nothing that its settings name is started for that.

use super::base::Base;
use super::error::WorktreeError;
use super::lacking::lacking;
use super::repository::Repository;

impl Repository {
    /// Tells whether the checkout has changes of the user, which are not part of a run. Plans need not be committed.
    /// No filter looks at a file for it, nor does anybody at the checkout of a submodule, which has settings of its own.
    pub fn is_dirty(&self, base: &Base) -> Result<bool, WorktreeError> {
        if self.is_bare() {
            return Ok(false);
        }
        let status = self.git("status").without_filters(&base.filters);
        let all = ["--porcelain", "-z", "--no-renames", "--ignore-submodules=dirty", "--"];
        let told = status.args(all).args([":/", ":(top,exclude).ai/plans"]).run();
        Ok(!told.map_err(|error| lacking("HEAD", error))?.is_empty())
    }
}
