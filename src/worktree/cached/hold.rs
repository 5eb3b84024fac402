//! Takes a worktree before its first agent, patch or secret step, holds what is in the folders that are kept until the run
//! has passed: only then it is a cache.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, OFlags};

use super::lock_files;
use super::record::{Record, Tree, digest, in_order, names};
use super::stale;
use super::store::{Entry, RECORD, Store, TIMES, TREES};
use super::take::{print_below, stat_below};
use super::times;
use crate::layer::{self, Bound, Heir};
use crate::plan::{Cached, Tier};
use crate::worktree::checkout::Worktree;
use crate::worktree::error::{WorktreeError, at};
use crate::worktree::halt::Halt;
use crate::worktree::init::lay;
use crate::worktree::remove::remove_tree;
use crate::worktree::root::{Root, split};
use crate::worktree::rundir::sync_folder_of;

/// Files, links and folders of a cache.
const ENTRIES: u64 = 500_000;

/// Bytes that have to be copied for a cache, where the plan says nothing.
const BYTES: u64 = 4 << 30;

/// Where it says that nothing has changed since a cache was taken: which; or why nothing is held.
const SAME: &str = "same";
const WHY: &str = "why";

/// What a run that passed adds to the caches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// The digest of the cache that is there now, or why there is none.
    pub kept: Result<String, String>,
    /// What it takes on the disk; nothing if it was there already.
    pub bytes: u64,
}

/// What a run holds until it has passed.
#[derive(Debug, Clone)]
pub struct Keeping {
    store: Store,
    run: String,
    common_dir: PathBuf,
    /// Where the directories of runs are.
    runs: PathBuf,
}

/// A folder to be held: which of those that are named, of which tier, and where it is.
struct Source {
    folder: usize,
    tier: Tier,
    at: (OwnedFd, OsString),
}

impl Worktree {
    /// Holds what is in these folders now. What cannot be held is no fault of the run: it is written down why.
    pub async fn hold_cache(&mut self, folders: &[Cached], most: Option<u64>) -> Result<(), WorktreeError> {
        let (store, run) = (self.cache_store(), self.record.run.clone());
        let making = store.making(&run);
        let held = async {
            remove_tree(&making)?;
            DirBuilder::new().recursive(true).mode(0o700).create(&making).map_err(at(&making))?;
            self.fill_held(&making, &in_order(folders), most).await
        };
        match held.await {
            Err(error) if error.is_halt() => return Err(error),
            Err(error) => {
                tracing::debug!(%error, "nothing is held for a cache");
                remove_tree(&making)?;
                lay(&making.join(WHY), error.to_string().as_bytes())?;
            }
            Ok(()) => {}
        }
        let held = store.held(&run);
        remove_tree(&held)?;
        fs::rename(&making, &held).map_err(at(&held))?;
        sync_folder_of(&held)
    }

    /// Returns what is held, to be kept or dropped when the worktree is gone.
    pub fn keeping(&self) -> Keeping {
        Keeping {
            store: self.cache_store(),
            run: self.record.run.clone(),
            common_dir: self.record.common_dir.clone(),
            runs: self.dir.path().parent().unwrap_or(self.dir.path()).to_owned(),
        }
    }

    async fn fill_held(
        &mut self,
        making: &Path,
        folders: &[Cached],
        most: Option<u64>,
    ) -> Result<(), WorktreeError> {
        if !self.layers.is_settled() {
            self.settle()?;
            self.write_layers()?;
        }
        if let Some(digest) = self.unchanged(folders) {
            return lay(&making.join(SAME), digest.as_bytes());
        }
        let overlay = self.overlays(folders).await?.unwrap_or_default();
        let sources = self.sources(folders)?;
        if sources.is_empty() {
            return Err(io::Error::other("there was nothing in them").into());
        }
        let trees = making.join(TREES);
        DirBuilder::new().mode(0o700).create(&trees).map_err(at(&trees))?;
        let to = File::open(&trees).map_err(at(&trees))?;
        let mut left = Bound { entries: ENTRIES, bytes: most.unwrap_or(BYTES) };
        let mut made = Vec::new();
        for (number, source) in sources.iter().enumerate() {
            self.check_halt()?;
            let name = OsString::from(number.to_string());
            let cloned = layer::clone_tree_for(Heir::ROOT, (&source.at.0, &source.at.1), (&to, &name), left)?;
            left.entries = left.entries.saturating_sub(cloned.entries);
            left.bytes = left.bytes.saturating_sub(cloned.bytes);
            let print = layer::print_of(&to, &name)?.filter(|_| cloned.shut == 0);
            let print =
                print.ok_or_else(|| io::Error::other("a step has shut what is in them for itself"))?;
            made.push(Tree { folder: source.folder, tier: source.tier, print });
        }
        let times = times::write(&self.root, &self.snapshot)?;
        lay(&making.join(TIMES), &times)?;
        let record = Record {
            v: 1,
            common_dir: self.record.common_dir.clone(),
            uid: self.git.identity().lasting_uid(),
            folders: names(folders),
            locks: lock_files::digest(&self.base.parts),
            base: self.record.base.clone(),
            run: self.record.run.clone(),
            overlay,
            trees: made,
            times: digest(&times),
        };
        lay(&making.join(RECORD), &serde_json::to_vec(&record).map_err(io::Error::from)?)
    }

    /// Returns the digest of the cache that was taken, if nothing was written to any of its folders since.
    fn unchanged(&self, folders: &[Cached]) -> Option<String> {
        let taken = self.layers.known.taken.as_ref()?;
        let mut versions = 0;
        for folder in folders {
            match folder {
                Cached::Checkout(path) => {
                    let own = self.layers.known.ignored.versions_of(path.as_os_str().as_bytes());
                    if own.iter().any(|version| !version.is_taken) {
                        return None;
                    }
                    versions += own.len();
                }
                Cached::Home(path) => {
                    for tier in [Tier::WayOut, Tier::Offline] {
                        let now = print_below(&self.dir.home_of(tier), path);
                        let is_it =
                            |(of, name, _): &&(Tier, String, _)| *of == tier && Path::new(name) == path;
                        if taken.homes.iter().find(is_it).and_then(|(.., print)| *print) != now {
                            return None;
                        }
                    }
                }
            }
        }
        (versions == taken.versions).then(|| taken.digest.clone())
    }

    /// Finds what there is of the folders: of each what steps of every tier left, but for those that hold a secret.
    fn sources(&self, folders: &[Cached]) -> Result<Vec<Source>, WorktreeError> {
        let aside = self.aside()?;
        let mut sources = Vec::new();
        for (folder, cached) in folders.iter().enumerate() {
            match cached {
                Cached::Checkout(path) => {
                    let path = path.as_os_str().as_bytes();
                    for version in self.layers.known.ignored.versions_of(path) {
                        let name = version.aside.map(|name| name.to_string().into_bytes());
                        let (root, at) =
                            name.as_ref().map_or((&self.root, path), |name| (&aside, name.as_slice()));
                        let is_folder = root.stat(at)?.is_some_and(|stat| is_folder(stat.st_mode));
                        if version.owner < Tier::Secret && is_folder {
                            sources.push(Source { folder, tier: version.owner, at: open(root, at)? });
                        }
                    }
                }
                Cached::Home(path) => {
                    for tier in [Tier::WayOut, Tier::Offline] {
                        let home = self.dir.home_of(tier);
                        if stat_below(&home, path)?.is_some_and(|stat| is_folder(stat.st_mode)) {
                            let at = open(&Root::open(&home)?, path.as_os_str().as_bytes())?;
                            sources.push(Source { folder, tier, at });
                        }
                    }
                }
            }
        }
        Ok(sources)
    }
}

fn is_folder(mode: u32) -> bool {
    FileType::from_raw_mode(mode) == FileType::Directory
}

fn open(root: &Root, path: &[u8]) -> io::Result<(OwnedFd, OsString)> {
    let (folder, name) = split(path);
    Ok((root.below(folder, OFlags::PATH | OFlags::DIRECTORY)?, OsString::from_vec(name.to_vec())))
}

impl Keeping {
    /// Makes a cache of what is held: the run has passed. What is out of date goes. That it cannot be kept is no fault of the
    /// run.
    pub fn keep(&self, halt: &Halt) -> Added {
        self.promote(halt).unwrap_or_else(|error| Added { kept: Err(error.to_string()), bytes: 0 })
    }

    fn promote(&self, halt: &Halt) -> Result<Added, WorktreeError> {
        let held = self.store.held(&self.run);
        let not = |why: &str| Ok(Added { kept: Err(why.to_owned()), bytes: 0 });
        if !held.is_dir() {
            return not("nothing was held before the run went on");
        }
        let _lock = self.store.lock(halt)?;
        if let Ok(why) = fs::read_to_string(held.join(WHY)) {
            remove_tree(&held)?;
            return not(&why);
        }
        if let Ok(same) = fs::read_to_string(held.join(SAME)) {
            remove_tree(&held)?;
            return match Entry::read(&self.store.place(&same)).filter(|entry| entry.digest == same) {
                Some(entry) => entry.touch().map(|()| Added { kept: Ok(same), bytes: 0 }),
                None => not("nothing has changed since it was taken, and it is gone"),
            };
        }
        let record = held.join(RECORD);
        let digest = digest(&fs::read(&record).map_err(at(&record))?);
        let place = self.store.place(&digest);
        remove_tree(&place)?;
        fs::rename(&held, &place).map_err(at(&place))?;
        sync_folder_of(&place)?;
        let bytes = stale::measure(&place);
        stale::prune(&self.store, &self.common_dir, &self.runs)?;
        Ok(Added { kept: Ok(digest), bytes })
    }

    /// Removes what is held: the run has not passed, and does not go on.
    pub fn let_go(&self) -> Result<(), WorktreeError> {
        remove_tree(&self.store.making(&self.run))?;
        remove_tree(&self.store.held(&self.run))
    }
}
