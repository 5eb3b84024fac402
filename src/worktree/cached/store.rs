//! Takes a state directory, a repository and an identity, gives the caches of plans that lie there. Each has a folder of
//! the name of its digest; `making-RUN` and `held-RUN` are those of runs that have not passed yet.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nix::fcntl::Flock;

use super::record::{Record, digest};
use crate::worktree::error::{WorktreeError, at};
use crate::worktree::halt::Halt;
use crate::worktree::object_cache;
use crate::worktree::state::{State, key};

/// How often it is looked whether somebody else has done with the caches.
const LOOK: Duration = Duration::from_millis(100);

/// What a record may be at most.
const LARGEST: u64 = 16 << 20;

/// Where the record is, and the times.
pub(super) const RECORD: &str = "cache.json";
pub(super) const TIMES: &str = "times";
/// Where the folders are.
pub(super) const TREES: &str = "trees";

/// The caches of a repository and an identity.
#[derive(Debug, Clone)]
pub(super) struct Store {
    pub(super) folder: PathBuf,
}

/// A cache that is whole.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) path: PathBuf,
    pub(super) digest: String,
    pub(super) record: Record,
    /// When it was used last.
    pub(super) used: SystemTime,
}

impl Store {
    /// Names the place, which need not be there.
    pub(super) fn of(state: &State, common_dir: &Path, uid: u32) -> Self {
        Self { folder: all_of(state).join(format!("{}-{uid}", key(common_dir))) }
    }

    /// Takes its lock, and waits for whoever is at it.
    pub(super) fn lock(&self, halt: &Halt) -> Result<Flock<File>, WorktreeError> {
        let lock = object_cache::lock(&self.folder, || {
            halt.check()?;
            std::thread::sleep(LOOK);
            Ok(true)
        })?;
        lock.ok_or_else(|| at(&self.folder)(io::ErrorKind::WouldBlock.into()))
    }

    /// Takes its lock unless somebody is at it.
    pub(super) fn try_lock(&self) -> Result<Option<Flock<File>>, WorktreeError> {
        object_cache::lock(&self.folder, || Ok(false))
    }

    /// Returns where a run makes one.
    pub(super) fn making(&self, run: &str) -> PathBuf {
        self.folder.join(format!("making-{run}"))
    }

    /// Returns where one lies until its run has passed.
    pub(super) fn held(&self, run: &str) -> PathBuf {
        self.folder.join(format!("held-{run}"))
    }

    /// Returns where one of this digest lies.
    pub(super) fn place(&self, digest: &str) -> PathBuf {
        self.folder.join(digest.get(..16).unwrap_or(digest))
    }

    /// Lists the folders that are there, whatever they are.
    pub(super) fn listed(&self) -> Result<Vec<PathBuf>, WorktreeError> {
        let listed = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            listed => listed.map_err(at(&self.folder))?,
        };
        let mut paths = Vec::new();
        for entry in listed {
            let path = entry.map_err(at(&self.folder))?.path();
            if path.is_dir() {
                paths.push(path);
            }
        }
        paths.sort();
        Ok(paths)
    }

    /// Lists the caches that are whole, those that were used last first.
    pub(super) fn entries(&self) -> Result<Vec<Entry>, WorktreeError> {
        let mut entries: Vec<Entry> = self.listed()?.iter().filter_map(|path| Entry::read(path)).collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.used));
        Ok(entries)
    }
}

impl Entry {
    /// Reads one; nothing of what is not whole, or not as it was written.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let file = path.join(RECORD);
        let stat = fs::symlink_metadata(&file).ok()?;
        if !stat.is_file() || stat.len() > LARGEST {
            return None;
        }
        let bytes = fs::read(&file).ok()?;
        let (digest, record) = (digest(&bytes), serde_json::from_slice(&bytes).ok()?);
        let name = path.file_name()?.to_str()?;
        let entry = Self { path: path.to_owned(), record, used: stat.modified().ok()?, digest };
        (entry.digest.get(..16) == Some(name) && entry.record.v == 1).then_some(entry)
    }

    /// Remembers that it was used.
    pub(super) fn touch(&self) -> Result<(), WorktreeError> {
        let file = self.path.join(RECORD);
        let touched = File::options().write(true).open(&file);
        touched.and_then(|file| file.set_modified(SystemTime::now())).map_err(at(&file))
    }
}

/// Returns where the caches of all repositories lie.
pub(super) fn all_of(state: &State) -> PathBuf {
    state.root().join("caches")
}
