//! Takes a run whose directory lies on another disk than its repository, keeps its last checkpoint in the repository, too: what
//! goes with a node's own disk is not lost, and another node goes on from there.

use std::os::unix::fs::MetadataExt;

use super::bundle;
use super::checkout::Worktree;
use super::deliver::DELIVERED;
use super::error::WorktreeError;
use super::repository::Repository;
use crate::git::{Oid, RefName};

/// Where the last checkpoints of such runs are, while they have no end.
pub(super) const SHARED: &str = "refs/autopilot/checkpoints/";

impl Worktree {
    /// Keeps the last checkpoint in the repository, if that lies on another disk than this.
    pub async fn share(&self) -> Result<(), WorktreeError> {
        if !self.is_apart() || self.ledger.last == self.ledger.base {
            return Ok(());
        }
        self.bundle(DELIVERED, Some(&self.ledger.last)).await?;
        let bundle = bundle::open(&self.dir.checkpoints().join("out.bundle"))?;
        // What was made and then taken back is no ancestor of what comes instead.
        self.repository.fetch(bundle, &format!("+{DELIVERED}"), &shared(&self.record.run)?)
    }

    /// Removes what was kept so, once the result branch is there.
    pub(super) fn unshare(&self) -> Result<(), WorktreeError> {
        // Also what another machine had left of it, where that is so.
        self.repository.unshare(&self.record.run)
    }

    fn is_apart(&self) -> bool {
        let device = |path| std::fs::metadata(path).map(|found| found.dev()).ok();
        device(self.dir.path()) != device(&self.repository.common_dir)
    }
}

impl Repository {
    /// Tells whether a checkpoint of a run is kept here.
    pub fn shares(&self, run: &str, checkpoint: &Oid) -> Result<bool, WorktreeError> {
        let reference = shared(run)?;
        let is_there = self.has_ref(reference.as_str())?;
        let of_it = ["--is-ancestor", checkpoint.as_str(), reference.as_str()];
        Ok(is_there && self.git("merge-base").args(of_it).succeeds()?)
    }

    /// Makes the result branch of a run of a checkpoint that is kept here: so many commits, or nothing if there is such a
    /// branch, or no such checkpoint.
    pub fn branch_of_shared(
        &self,
        run: &str,
        branch: &str,
        (base, checkpoint): (&Oid, &Oid),
    ) -> Result<Option<(RefName, u64)>, WorktreeError> {
        let reference = RefName::branch(branch)?;
        if !self.shares(run, checkpoint)? || self.has_ref(reference.as_str())? {
            return Ok(None);
        }
        let none = "0".repeat(checkpoint.as_str().len());
        self.git("update-ref").args([reference.as_str(), checkpoint.as_str(), &none]).run()?;
        self.unshare(run)?;
        let count = self.git("rev-list").args(["--count", &format!("{base}..{checkpoint}")]).line()?;
        Ok(Some((reference, count.parse().map_err(|_| WorktreeError::garbled("rev-list"))?)))
    }

    /// Removes what is kept of a run.
    pub fn unshare(&self, run: &str) -> Result<(), WorktreeError> {
        self.git("update-ref").args(["-d", shared(run)?.as_str()]).run().map(drop)
    }
}

pub(super) fn shared(run: &str) -> Result<RefName, WorktreeError> {
    Ok(RefName::parse(&format!("{SHARED}{run}"))?)
}
