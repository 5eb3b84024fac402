//! The right to work on an issue of a repository: the lock in the state directory, for those who share that, and the claim in
//! the checkout, for everybody else. Nobody begins, goes on with, or picks up a run without both.

use std::path::Path;

use super::error::WorktreeError;
use super::holder::{Holder, LockError};
use super::lease::{self, Claimed, Guard, Lease, Place, Watched, Watching};
use super::repository::Repository;
use super::state::{Lock, State};

/// Who works on an issue, as far as one look tells.
#[derive(Debug)]
pub enum AtWork {
    /// A process of this machine, or whoever holds the lock.
    Holder(Box<Holder>),
    /// One of another machine had claimed it when its claim was last written.
    Elsewhere(Watched),
}

impl AtWork {
    /// Returns who it is, if they say so.
    pub fn holder(&self) -> Option<&Holder> {
        match self {
            Self::Holder(holder) => Some(holder),
            Self::Elsewhere(watched) => watched.holder.as_deref(),
        }
    }

    /// Tells whether it is at the run of this name.
    pub fn is_at(&self, run: &str) -> bool {
        self.holder().is_some_and(|holder| holder.run == run)
    }
}

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
        let claimed = lease::whose(&place, &self.node).map_err(WorktreeError::from)?;
        Ok(claimed.map(|claimed| match claimed {
            Claimed::Here(holder) => AtWork::Holder(holder),
            Claimed::Elsewhere(watched) => AtWork::Elsewhere(watched),
        }))
    }
}

impl Lock {
    /// Returns what tells whether this process still is the one that may write; nothing says otherwise of a bare lock.
    pub fn guard(&self) -> Option<Guard> {
        self.lease.as_ref().map(Lease::guard)
    }
}
