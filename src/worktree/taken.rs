//! Takes what a run left, its result or a salvage, gives a checkout of it for a person to go on in. What is in it is
//! hostile: no hook runs, no filter, no submodule is touched, and nothing that a fetch would not check is taken.

use std::path::{Path, PathBuf};

use super::bundle;
use super::error::{GitEnd, WorktreeError};
use super::git::LONG;
use super::lacking::lacking;
use super::repository::Repository;
use crate::git::RefName;

impl Repository {
    /// Makes a branch of what a salvage bundle holds under a name; one that is there already stays as it is.
    pub fn branch_of_salvage(&self, salvage: &Path, from: &str, branch: &str) -> Result<(), WorktreeError> {
        let branch = &RefName::branch(branch)?;
        if self.has_ref(branch.as_str())? {
            return Ok(());
        }
        self.fetch(bundle::open(salvage)?, from, branch)
    }

    /// Returns where a checkout goes if nobody says: beside this one, called like it and the issue.
    pub fn beside(&self, issue: u64) -> PathBuf {
        let name = self.toplevel.file_name().unwrap_or_default().to_string_lossy();
        let name = name.strip_suffix(".git").unwrap_or(&name);
        let parent = self.toplevel.parent().unwrap_or(&self.toplevel);
        parent.join(format!("{name}-{issue}"))
    }

    /// Checks a branch out into a new worktree.
    pub fn check_out_to(&self, branch: &str, folder: &Path) -> Result<(), WorktreeError> {
        if folder.symlink_metadata().is_ok() {
            return Err(WorktreeError::refused(
                format!("{} is there already", folder.display()),
                "name another folder behind the run: autopilot checkout RUN DIR",
            ));
        }
        self.refuse_checked_out(branch)?;
        let git = self.git("worktree").within(LONG).without_filters(&self.settings()?.filters());
        let git = git.args(["add", "--quiet", "--no-guess-remote", "--"]).arg(folder).arg(branch);
        git.run().map(drop)
    }

    /// Checks a branch out here, where nothing of the user's own can be lost by it.
    pub fn check_out_here(&self, branch: &str) -> Result<(), WorktreeError> {
        if self.is_bare() {
            return Err(WorktreeError::refused(
                "this is a bare repository: there is no checkout to put it into",
                "leave --here out: then it goes into a worktree of its own",
            ));
        }
        self.refuse_checked_out(branch)?;
        let filters = self.settings()?.filters();
        let status = self.git("status").without_filters(&filters);
        let all = ["--porcelain", "-z", "--no-renames", "--ignore-submodules=dirty"];
        let told = status.args(all).run().map_err(|error| lacking("HEAD", error))?;
        if !told.is_empty() {
            return Err(WorktreeError::refused(
                "this checkout has changes that are not committed, or files that git does not know",
                "commit or stash them; or leave --here out: then it goes into a worktree of its own",
            ));
        }
        let git = self.git("checkout").without_filters(&filters);
        // Ignored files are the user's as well: none is overwritten.
        let out = git.args([
            "--quiet",
            "--no-guess",
            "--no-overwrite-ignore",
            "--no-recurse-submodules",
            branch,
            "--",
        ]);
        out.run().map(drop).map_err(|error| match error {
            WorktreeError::Git { end: GitEnd::Code(1), said, .. } => {
                WorktreeError::refused(said, "leave --here out: then it goes into a worktree of its own")
            }
            error => error,
        })
    }

    fn refuse_checked_out(&self, branch: &str) -> Result<(), WorktreeError> {
        match self.branch(branch)? {
            Some((_, Some(place))) => Err(WorktreeError::refused(
                format!("{branch} is checked out already, at {}", place.display()),
                format!("go on there, or take that worktree away: git worktree remove {}", place.display()),
            )),
            Some((_, None)) => Ok(()),
            None => Err(WorktreeError::refused(
                format!("the branch {branch} is not here any more"),
                "`git fetch` brings it, if it was pushed",
            )),
        }
    }
}
