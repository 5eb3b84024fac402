//! Takes a state directory, gives the caches of plans that are in it, what each takes, and which of them can go.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::record::Record;
use super::store::{Entry, RECORD, Store, all_of};
use crate::worktree::error::{WorktreeError, at};
pub(super) use crate::worktree::object_caches::measure;
use crate::worktree::remove::remove_tree;
use crate::worktree::state::{State, key};

/// For so long nobody has used a cache that goes.
const UNUSED: Duration = Duration::from_secs(30 * 24 * 3600);

/// Bytes that the caches of a repository and an identity may take together; beyond, those go first that were used least
/// lately.
const MOST: u64 = 20 << 30;

/// Caches of the same folders and lock files, one for each base, that a repository and an identity may have.
const BASES: usize = 4;

/// A cache of a plan.
#[derive(Debug, Clone)]
pub struct KeptCache {
    /// Its folder.
    pub path: PathBuf,
    /// What it takes on the disk.
    pub bytes: u64,
    /// What it says of itself; nothing if it is not whole.
    record: Option<Record>,
    /// When it was used last.
    used: SystemTime,
}

/// Why a cache can go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outdated {
    /// It never came to be whole.
    Unfinished,
    /// Its repository is not where it was.
    NoRepository,
    /// A later one is of the same folders, lock files and base.
    Replaced,
    /// Several that were used later are of the same folders and lock files.
    Many,
    /// Nobody has used it for long.
    Unused,
    /// All of them together take too much.
    Large,
    /// Somebody has asked for that.
    Unwanted,
}

impl State {
    /// Lists all caches of plans, those that were used last first; without those of runs that are not over.
    pub fn kept_caches(&self) -> Result<Vec<KeptCache>, WorktreeError> {
        let mut all = Vec::new();
        for store in stores(self)? {
            all.extend(listed(&store, &self.root().join("runs"))?);
        }
        all.sort_by_key(|cache| std::cmp::Reverse(cache.used));
        Ok(all)
    }

    /// Lists those that can go, and why: of this repository, and of those that are not where they were.
    pub fn outdated_caches(&self, common_dir: &Path) -> Result<Vec<(KeptCache, Outdated)>, WorktreeError> {
        let mut found = Vec::new();
        for store in stores(self)? {
            found.extend(outdated(&store, common_dir, &self.root().join("runs"))?);
        }
        Ok(found)
    }
}

impl KeptCache {
    /// Tells whether it is of a repository.
    pub fn is_of(&self, common_dir: &Path) -> bool {
        self.path.parent().is_some_and(|store| is_of(store, common_dir))
    }

    /// Removes it, unless somebody is at it; whether it is gone. Runs that have begun lose nothing.
    pub fn remove(&self) -> Result<bool, WorktreeError> {
        let Some(folder) = self.path.parent() else { return Ok(false) };
        let store = Store { folder: folder.to_owned() };
        let lock = store.try_lock()?;
        if lock.is_some() {
            remove_tree(&self.path)?;
            if store.listed()?.is_empty() {
                remove_tree(&store.folder)?;
            }
        }
        Ok(lock.is_some())
    }
}

/// Removes those of a store that can go. The caller holds its lock.
pub(super) fn prune(store: &Store, common_dir: &Path, runs: &Path) -> Result<(), WorktreeError> {
    for (cache, why) in outdated(store, common_dir, runs)? {
        tracing::debug!(path = %cache.path.display(), ?why, "a cache goes");
        remove_tree(&cache.path)?;
    }
    Ok(())
}

fn stores(state: &State) -> Result<Vec<Store>, WorktreeError> {
    let folder = all_of(state);
    let listed = match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed.map_err(at(&folder))?,
    };
    let mut stores = Vec::new();
    for entry in listed {
        stores.push(Store { folder: entry.map_err(at(&folder))?.path() });
    }
    Ok(stores)
}

fn is_of(store: &Path, common_dir: &Path) -> bool {
    let name = store.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with(&format!("{}-", key(common_dir)))
}

/// Lists what is in a store, what was used last first; what runs that are not over hold is theirs.
fn listed(store: &Store, runs: &Path) -> Result<Vec<KeptCache>, WorktreeError> {
    let of_repository = store.folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let of_repository = of_repository.split('-').next().unwrap_or_default();
    let is_in_use = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let run = name.strip_prefix("making-").or_else(|| name.strip_prefix("held-"));
        run.is_some_and(|run| runs.join(format!("{run}-{of_repository}")).is_dir())
    };
    let mut all: Vec<KeptCache> =
        store.listed()?.into_iter().filter(|path| !is_in_use(path)).map(KeptCache::at).collect();
    all.sort_by_key(|cache| std::cmp::Reverse(cache.used));
    Ok(all)
}

impl KeptCache {
    fn at(path: PathBuf) -> Self {
        let entry = Entry::read(&path);
        let file = path.join(RECORD);
        let modified = [&file, &path].into_iter().find_map(|path| path.metadata().ok()?.modified().ok());
        let used = modified.unwrap_or(SystemTime::UNIX_EPOCH);
        Self { bytes: measure(&path), record: entry.map(|entry| entry.record), used, path }
    }
}

fn outdated(
    store: &Store,
    common_dir: &Path,
    runs: &Path,
) -> Result<Vec<(KeptCache, Outdated)>, WorktreeError> {
    let is_ours = is_of(&store.folder, common_dir);
    let (mut found, mut later, mut sum) = (Vec::new(), Vec::new(), 0_u64);
    for cache in listed(store, runs)? {
        let why = why(&cache, is_ours, &later, sum);
        if let Some(why) = why {
            found.push((cache, why));
        } else {
            sum = sum.saturating_add(cache.bytes);
            later.push(cache);
        }
    }
    Ok(found)
}

/// Tells why a cache can go, where these were used later, and take so much.
fn why(cache: &KeptCache, is_ours: bool, later: &[KeptCache], sum: u64) -> Option<Outdated> {
    let Some(record) = &cache.record else { return is_ours.then_some(Outdated::Unfinished) };
    if !record.common_dir.is_dir() {
        return Some(Outdated::NoRepository);
    }
    let is_like = |other: &&Record| (&other.folders, &other.locks) == (&record.folders, &record.locks);
    let alike: Vec<&Record> =
        later.iter().filter_map(|cache| cache.record.as_ref()).filter(is_like).collect();
    let is_same = |other: &&Record| (&other.base, other.overlay) == (&record.base, record.overlay);
    if !is_ours {
        None
    } else if alike.iter().any(is_same) {
        Some(Outdated::Replaced)
    } else if alike.len() >= BASES {
        Some(Outdated::Many)
    } else if cache.used.elapsed().is_ok_and(|unused| unused > UNUSED) {
        Some(Outdated::Unused)
    } else {
        (sum.saturating_add(cache.bytes) > MOST).then_some(Outdated::Large)
    }
}
