//! Takes a state directory, gives the object caches that are in it, what each takes, and which of them can go.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::error::{WorktreeError, at};
use super::object_cache::{self, Known};
use super::remove::remove_tree;
use super::repository::Repository;
use super::state::{State, key};

/// For so long nobody has used an object cache that goes.
const UNUSED: Duration = Duration::from_secs(30 * 24 * 3600);

/// Bytes that the object caches of a repository may take together; beyond, those go first that were used least lately.
const MOST: u64 = 20 << 30;

/// An object cache.
#[derive(Debug, Clone)]
pub struct StoredCache {
    /// Its folder.
    pub path: PathBuf,
    /// What it takes on the disk.
    pub bytes: u64,
    /// What it is for; nothing if it does not say.
    known: Option<Known>,
    /// When it was used last.
    used: SystemTime,
}

/// Why an object cache can go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stale {
    /// It never came to be whole.
    Unfinished,
    /// Its repository is not where it was.
    NoRepository,
    /// Its branch is gone.
    NoBranch,
    /// Nobody has used it for long.
    Unused,
    /// All of them together take too much.
    Large,
}

impl State {
    /// Lists all object caches, those that were used last first.
    pub fn object_caches(&self) -> Result<Vec<StoredCache>, WorktreeError> {
        let folder = self.root().join("objects");
        let listed = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            listed => listed.map_err(at(&folder))?,
        };
        let mut all = Vec::new();
        for entry in listed {
            all.push(StoredCache::at(entry.map_err(at(&folder))?.path()));
        }
        all.sort_by_key(|cache| std::cmp::Reverse(cache.used));
        Ok(all)
    }

    /// Lists the object caches that can go, and why: of this repository, and of those that are not where they were.
    pub fn stale_object_caches(
        &self,
        repository: &Repository,
    ) -> Result<Vec<(StoredCache, Stale)>, WorktreeError> {
        let (mut stale, mut sum) = (Vec::new(), 0_u64);
        for cache in self.object_caches()? {
            let why = cache.stale(repository, sum)?;
            if why.is_none() && cache.is_of(&repository.common_dir) {
                sum = sum.saturating_add(cache.bytes);
            }
            stale.extend(why.map(|why| (cache, why)));
        }
        Ok(stale)
    }
}

impl StoredCache {
    fn at(path: PathBuf) -> Self {
        let record = path.join(object_cache::RECORD);
        let used = [&record, &path].into_iter().find_map(|path| path.metadata().ok()?.modified().ok());
        let bytes = fs::read(&record).ok();
        let known = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Self { bytes: measure(&path), known, used: used.unwrap_or(SystemTime::UNIX_EPOCH), path }
    }

    fn is_of(&self, common_dir: &Path) -> bool {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(&format!("{}-", key(common_dir)))
    }

    /// Tells why it can go, where those of this repository that were used later take so much.
    fn stale(&self, repository: &Repository, later: u64) -> Result<Option<Stale>, WorktreeError> {
        let is_ours = self.is_of(&repository.common_dir);
        let Some(known) = &self.known else { return Ok(is_ours.then_some(Stale::Unfinished)) };
        if !known.common_dir.is_dir() {
            return Ok(Some(Stale::NoRepository));
        }
        Ok(if !is_ours {
            None
        } else if !known.branch.is_empty() && !repository.has_ref(&known.branch)? {
            Some(Stale::NoBranch)
        } else if self.used.elapsed().is_ok_and(|unused| unused > UNUSED) {
            Some(Stale::Unused)
        } else {
            (later.saturating_add(self.bytes) > MOST).then_some(Stale::Large)
        })
    }

    /// Removes it, unless somebody is at it; whether it is gone. Runs that have begun lose nothing.
    pub fn remove(&self) -> Result<bool, WorktreeError> {
        let lock = object_cache::lock(&self.path, || Ok(false))?;
        if lock.is_some() {
            remove_tree(&self.path)?;
        }
        Ok(lock.is_some())
    }
}

/// Adds up what the files below a folder take.
pub(super) fn measure(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => measure(&entry.path()),
        Ok(metadata) => metadata.blocks() * 512,
        Err(_) => 0,
    });
    sizes.fold(0, u64::saturating_add)
}
