//! The right to work on an issue of a repository: the lock in the state directory, for those who share that, and the claim in
//! the checkout, for everybody else. Nobody begins, goes on with, or picks up a run without both.

use std::path::Path;

use super::error::WorktreeError;
use super::holder::LockError;
use super::lease::{self, AtWork, Guard, Lease, Place, Watching};
use super::repository::Repository;
use super::state::{Lock, State};

impl State {
    /// Takes the right to work on an issue. A claim of another machine stands, unless somebody watches for as long as it
    /// says that nobody has renewed it.
    pub fn hold(
        &self,
        repository: &Repository,
        issue: u64,
        watching: Option<Watching<'_>>,
    ) -> Result<Lock, LockError> {
        let common_dir = &repository.common_dir;
        let place = Place { common_dir: common_dir.clone(), issue, owner: repository.owner() };
        let take = || Lease::take(place, &self.node, self.lease, watching);
        match self.lock(common_dir, issue) {
            // Whose lock it is, of a state directory that machines share, cannot be told by the lock.
            Err(LockError::Held { holder, path })
                if holder.is_of_another_host() && !holder.is_of(&self.node) =>
            {
                let (lease, before) = take()?;
                if !before.is_some_and(|before| before.is_same_process(&holder)) {
                    return Err(LockError::Held { holder, path });
                }
                let mut lock = self.lock_after(common_dir, issue, Some(&holder))?;
                lock.lease = Some(lease);
                Ok(lock)
            }
            lock => {
                let mut lock = lock?;
                let (lease, before) = take()?;
                lock.taken_over = lock.taken_over.take().or(before);
                lock.lease = Some(lease);
                Ok(lock)
            }
        }
    }

    /// Tells who works on an issue.
    pub fn at_work(&self, common_dir: &Path, issue: u64) -> Result<Option<AtWork>, LockError> {
        if let Some(holder) = self.holder(common_dir, issue)? {
            return Ok(Some(AtWork::Holder(Box::new(holder))));
        }
        let place = Place { common_dir: common_dir.to_owned(), issue, owner: None };
        Ok(lease::whose(&place, &self.node).map_err(WorktreeError::from)?)
    }
}

impl Lock {
    /// Returns what tells whether this process still is the one that may write; nothing says otherwise of a bare lock.
    pub fn guard(&self) -> Option<Guard> {
        self.lease.as_ref().map(Lease::guard)
    }
}
