//! Takes a run's base and result, gives where that branch is by now and in which files both could not be brought together. The merge
//! is a bare one, in a git directory of its own: no setting and no attribute names a program.

use std::fs;
use std::path::Path;

use super::checkout::Worktree;
use super::error::{WorktreeError, at};
use super::git::Git;
use super::init::{self, Use};
use super::repository::Repository;
use crate::git::Oid;

/// A base that is another by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The commit that the branch is at.
    pub to: Oid,
    /// The files in which it conflicts with the result, as people read them.
    pub conflicts: Vec<String>,
}

impl Worktree {
    /// Tells where the branch that the run began from is by now, if it is elsewhere, and where it conflicts with the result.
    pub fn moved(&self, base: &str, result: &Oid) -> Result<Option<Moved>, WorktreeError> {
        self.repository.moved(base, &self.ledger.base, result)
    }
}

impl Repository {
    /// Tells whether the branch that a run began from is elsewhere by now, and conflicts with the result; nothing of one that is where it
    /// was, is no branch, or holds the result already.
    pub fn moved(&self, base: &str, from: &Oid, result: &Oid) -> Result<Option<Moved>, WorktreeError> {
        let Some((to, _)) = self.branch(base)?.filter(|(now, _)| now != from) else { return Ok(None) };
        let is_merged = self.git("merge-base").args(["--is-ancestor", result.as_str(), to.as_str()]);
        if is_merged.succeeds()? {
            return Ok(None);
        }
        let conflicts = self.conflicts(&to, result)?;
        Ok(Some(Moved { to, conflicts }))
    }

    /// Merges two commits into nothing, and lists the files that git asks about.
    fn conflicts(&self, one: &Oid, other: &Oid) -> Result<Vec<String>, WorktreeError> {
        let scratch = tempfile::tempdir()?;
        let git_dir = scratch.path().join("git");
        init::init(&git_dir, self.format, Use::Work, "ref: refs/heads/none", &[])?;
        let objects = self.common_dir.join("objects");
        self.give_to_owner(scratch.path())?;
        let merge = Git::new(&git_dir, "merge-tree").git_dir(&git_dir).owned_by(self.source().owner);
        let merge = merge.without_settings().stored_in(&git_dir.join("objects"), &objects);
        let merge = merge.args(["--write-tree", "--name-only", "--no-messages", "-z"]);
        let printed = merge.args([one.as_str(), other.as_str()]).printed_with(1)?;
        // The first is the tree.
        let paths = printed.split(|&byte| byte == 0).skip(1).filter(|path| !path.is_empty());
        Ok(paths.map(|path| String::from_utf8_lossy(path).into_owned()).collect())
    }

    /// Gives a folder of ours, with what is in it, to the repository's owner, whose git is to write there.
    fn give_to_owner(&self, folder: &Path) -> Result<(), WorktreeError> {
        let mut open = vec![folder.to_owned()];
        while let Some(path) = open.pop() {
            self.hand_over(std::slice::from_ref(&path))?;
            if path.is_dir() {
                for entry in fs::read_dir(&path).map_err(at(&path))? {
                    open.push(entry?.path());
                }
            }
        }
        Ok(())
    }
}
