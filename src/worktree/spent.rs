//! Takes a result branch, tells whether what is on it is anywhere else, and takes away the branch that is.

use std::path::PathBuf;

use super::error::WorktreeError;
use super::repository::Repository;
use crate::git::Oid;

/// What becomes of a branch that nobody needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spent {
    /// It is gone already.
    Gone,
    /// All that is on it is on this ref, too: a branch of the user's, a tag, a remote's.
    On {
        /// The ref.
        reference: String,
        /// Where it is.
        commit: Oid,
    },
    /// It is checked out here.
    CheckedOut(PathBuf),
    /// It is nowhere else.
    Nowhere,
}

impl Repository {
    /// Looks whether what is on a result branch by now is merged or pushed. Branches of other runs do not count.
    pub fn spent(&self, branch: &str) -> Result<Spent, WorktreeError> {
        let commit = match self.branch(branch)? {
            None => return Ok(Spent::Gone),
            Some((_, Some(place))) => return Ok(Spent::CheckedOut(place)),
            Some((commit, None)) => commit,
        };
        let contains = format!("--contains={commit}");
        let git = self.git("for-each-ref").args([&*contains, "--format=%(refname)"]);
        let told = git.args(["refs/heads/", "refs/remotes/", "refs/tags/"]).run()?;
        let told = String::from_utf8_lossy(&told);
        let other = told.lines().find(|name| !name.starts_with("refs/heads/autopilot/"));
        Ok(match other {
            Some(reference) => Spent::On { reference: reference.to_owned(), commit },
            None => Spent::Nowhere,
        })
    }

    /// Removes a branch, if it is still at that commit.
    pub fn remove_branch(&self, branch: &str, commit: &Oid) -> Result<(), WorktreeError> {
        let reference = format!("refs/heads/{branch}");
        self.git("update-ref").args(["--no-deref", "-d", &reference, commit.as_str()]).run().map(drop)
    }
}
