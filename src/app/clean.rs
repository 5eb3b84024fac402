//! Cleans: what dead runners of a repository left is saved, and then removed; or only told.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::earlier::{self, Earlier, Journal, Left};
use super::recover::{Kept, Picking, recover};
use super::{Aside, Error, Note, Site, runs};
use crate::evidence::mask::Secrets;
use crate::evidence::{Files, RunName};
use crate::worktree::{
    AtWork, Halt, Holder, KeptCache, LockError, Outdated, RunDir, Stale, StoredCache, Watched,
};

/// How it is cleaned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cleaning {
    /// Nothing is touched, only told.
    pub dry_run: bool,
    /// What is to become of worktrees that were kept.
    pub kept: Kept,
    /// All that plans of the repository keep from run to run goes.
    pub caches: bool,
}

/// Something that was found, and what becomes of it.
#[derive(Debug)]
pub enum Found {
    /// Somebody runs an issue, which is left alone.
    Running {
        /// The issue.
        issue: u64,
        /// Who.
        holder: Box<Holder>,
    },
    /// A run of another machine has claimed an issue, which is left alone: whether it lives, one look does not tell.
    Claimed {
        /// The issue.
        issue: u64,
        /// The claim.
        watched: Watched,
    },
    /// The lock of a process that is gone is removed.
    LockRemoved {
        /// Of this issue.
        issue: u64,
        /// The process.
        pid: u32,
    },
    /// What became of a run.
    Done(Note),
    /// A worktree that was kept stays.
    KeptStays(RunName),
    /// What no bundle can hold stays.
    AsideStays(Aside),
    /// What would be done.
    Would(Todo),
    /// A run cannot be picked up.
    Broken {
        /// The run.
        run: RunName,
        /// What is wrong with its journal.
        error: io::Error,
    },
    /// A file that is half written is removed.
    HalfWritten(PathBuf),
    /// An object cache is removed.
    ObjectCacheRemoved(StoredCache, Stale),
    /// An object cache is in use just now, and stays.
    ObjectCacheInUse(StoredCache),
    /// Object caches stay, for runs to come.
    ObjectCaches {
        /// So many.
        count: usize,
        /// What they take together.
        bytes: u64,
    },
    /// What plans keep from run to run is removed.
    CacheRemoved(KeptCache, Outdated),
    /// That is in use just now, and stays.
    CacheInUse(KeptCache),
    /// That stays, for runs to come.
    Caches {
        /// So many.
        count: usize,
        /// What they take together.
        bytes: u64,
    },
    /// A directory is of a repository that is not where it was.
    OfNobody {
        /// The directory.
        path: PathBuf,
        /// Where the repository was.
        common_dir: PathBuf,
    },
}

/// What would be done.
#[derive(Debug)]
pub enum Todo {
    /// Remove the lock of a process that is gone.
    RemoveLock {
        /// Of this issue.
        issue: u64,
    },
    /// Remove a directory without a record.
    RemoveAbandoned(PathBuf),
    /// Save what a run left, record its end and remove its directory.
    PickUp {
        /// The run.
        run: RunName,
        /// The directory, if there is one.
        dir: Option<PathBuf>,
    },
    /// Save what is in a worktree that was kept, and remove it.
    SaveKept {
        /// The run.
        run: RunName,
        /// Its directory.
        dir: Option<PathBuf>,
    },
    /// Remove what no bundle can hold.
    RemoveAside(Aside),
    /// Pin the base of a run no longer.
    Unpin(RunName),
    /// Keep the last checkpoint of a run no longer: its branch is made.
    Unshare(RunName),
    /// Remove a file that is half written.
    RemoveHalfWritten(PathBuf),
    /// Remove an object cache.
    RemoveObjectCache(StoredCache, Stale),
    /// Remove what plans keep from run to run.
    RemoveCache(KeptCache, Outdated),
}

/// Cleans up after all runs of a repository. What is found is told as it is found, and so is what fails: an error of
/// one issue does not keep the others from being cleaned.
pub async fn clean(
    site: Site<'_>,
    cleaning: Cleaning,
    tell: &dyn Fn(Result<Found, Error>),
) -> Result<(), Error> {
    let found = |found| tell(Ok(found));
    let mut alive = false;
    for issue in issues(site)? {
        let holder = site.state.at_work(&site.repository.common_dir, issue);
        alive |= !matches!(holder, Ok(None));
        let done = match holder {
            Ok(None) if cleaning.dry_run => would(site, issue, cleaning.kept, &found),
            Ok(None) => Box::pin(pick_up(site, issue, cleaning.kept, &found)).await,
            Ok(Some(AtWork::Holder(holder))) => {
                found(Found::Running { issue, holder });
                Ok(())
            }
            Ok(Some(AtWork::Elsewhere(watched))) => {
                found(Found::Claimed { issue, watched });
                Ok(())
            }
            Err(nameless) => Err(nameless.into()),
        };
        if let Err(error) = done {
            tell(Err(error));
        }
    }
    // Whoever runs may be writing one just now.
    if !alive {
        half_written(&site.repository.toplevel, cleaning.dry_run, &found)?;
    }
    object_caches(site, cleaning.dry_run, &found)?;
    caches(site, cleaning, &found)?;
    for (dir, record) in RunDir::of_nobody(site.state)? {
        found(Found::OfNobody { path: dir.path().to_owned(), common_dir: record.common_dir });
    }
    Ok(())
}

/// Lists the issues of which there is a run, a directory or a lock.
fn issues(site: Site<'_>) -> Result<BTreeSet<u64>, Error> {
    let (state, repository) = (site.state, site.repository);
    let mut issues: BTreeSet<u64> = state.locked(&repository.common_dir).into_iter().collect();
    issues.extend(runs::of(repository, None)?.iter().map(RunName::issue));
    issues.extend(RunDir::issues(state, &repository.common_dir)?);
    issues.extend(earlier::pinned(state, repository)?.iter().map(RunName::issue));
    Ok(issues)
}

/// Picks up what is left of an issue; its lock, of somebody dead, goes with that.
async fn pick_up(site: Site<'_>, issue: u64, kept: Kept, found: &dyn Fn(Found)) -> Result<(), Error> {
    let lock = match site.state.hold(site.repository, issue, None) {
        Ok(lock) => lock,
        Err(LockError::Held { holder, .. }) => {
            found(Found::Running { issue, holder });
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(dead) = &lock.taken_over {
        found(Found::LockRemoved { issue, pid: dead.pid });
    }
    let earlier = earlier::all(site, issue, None)?;
    if kept == Kept::Stays {
        earlier.iter().filter_map(stays).for_each(found);
    }
    let (halt, secrets) = (&Halt::never(), &Secrets::default());
    let picking = Picking { kept, publishing: None, halt, secrets, lock: &lock };
    recover(site, issue, earlier, picking, &|note| found(Found::Done(note))).await.map(drop)
}

/// Tells what there is to do about an issue.
fn would(site: Site<'_>, issue: u64, kept: Kept, found: &dyn Fn(Found)) -> Result<(), Error> {
    let would = |todo| found(Found::Would(todo));
    if site.state.locked(&site.repository.common_dir).contains(&issue) {
        would(Todo::RemoveLock { issue });
    }
    for dir in RunDir::abandoned(site.state, &site.repository.common_dir, issue)? {
        would(Todo::RemoveAbandoned(dir.path().to_owned()));
    }
    for earlier in earlier::listed(site, issue, None)? {
        let run = earlier.run;
        let dir = || earlier.dir.as_ref().map(|(dir, _)| dir.path().to_owned());
        match earlier.left() {
            Left::Nothing => {}
            Left::Unfinished => would(Todo::PickUp { run, dir: dir() }),
            Left::KeptWorktree if kept == Kept::Goes => would(Todo::SaveKept { run, dir: dir() }),
            Left::MovedAside if kept == Kept::Goes => would(Todo::RemoveAside(earlier.aside())),
            Left::KeptWorktree | Left::MovedAside => stays(&earlier).into_iter().for_each(found),
            Left::Broken => {
                if let Journal::Broken(error) = earlier.journal {
                    found(Found::Broken { run, error });
                }
            }
        }
    }
    let stale = earlier::stale(site, issue)?;
    stale.pins.into_iter().map(Todo::Unpin).for_each(would);
    stale.shared.into_iter().map(Todo::Unshare).for_each(would);
    Ok(())
}

/// Tells what stays, if it is not asked for that it goes.
fn stays(earlier: &Earlier) -> Option<Found> {
    match earlier.left() {
        Left::KeptWorktree => Some(Found::KeptStays(earlier.run)),
        Left::MovedAside => Some(Found::AsideStays(earlier.aside())),
        Left::Nothing | Left::Unfinished | Left::Broken => None,
    }
}

/// Removes the object caches that nobody will use any more, and tells what stays.
fn object_caches(site: Site<'_>, dry_run: bool, found: &dyn Fn(Found)) -> Result<(), Error> {
    for (cache, why) in site.state.stale_object_caches(site.repository)? {
        found(if dry_run {
            Found::Would(Todo::RemoveObjectCache(cache, why))
        } else if cache.remove()? {
            Found::ObjectCacheRemoved(cache, why)
        } else {
            Found::ObjectCacheInUse(cache)
        });
    }
    let stay = site.state.object_caches()?;
    let bytes = stay.iter().map(|cache| cache.bytes).fold(0, u64::saturating_add);
    if !stay.is_empty() {
        found(Found::ObjectCaches { count: stay.len(), bytes });
    }
    Ok(())
}

/// Removes what no run will take any more of what plans keep from run to run, or all of it, and tells what stays.
fn caches(site: Site<'_>, cleaning: Cleaning, found: &dyn Fn(Found)) -> Result<(), Error> {
    let common_dir = &site.repository.common_dir;
    let mut gone = site.state.outdated_caches(common_dir)?;
    if cleaning.caches {
        let ours = site.state.kept_caches()?.into_iter().filter(|cache| cache.is_of(common_dir));
        gone = ours.map(|cache| (cache, Outdated::Unwanted)).collect();
    }
    for (cache, why) in gone {
        found(if cleaning.dry_run {
            Found::Would(Todo::RemoveCache(cache, why))
        } else if cache.remove()? {
            Found::CacheRemoved(cache, why)
        } else {
            Found::CacheInUse(cache)
        });
    }
    let stay = site.state.kept_caches()?;
    let bytes = stay.iter().map(|cache| cache.bytes).fold(0, u64::saturating_add);
    if !stay.is_empty() {
        found(Found::Caches { count: stay.len(), bytes });
    }
    Ok(())
}

/// Removes the files that a runner was writing when it died: they have another name until they are whole.
fn half_written(top: &Path, dry_run: bool, found: &dyn Fn(Found)) -> Result<(), Error> {
    for path in Files::half_written(top)? {
        if dry_run {
            found(Found::Would(Todo::RemoveHalfWritten(path)));
        } else {
            std::fs::remove_file(&path)?;
            found(Found::HalfWritten(path));
        }
    }
    Ok(())
}
