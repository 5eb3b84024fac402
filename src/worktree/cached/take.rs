//! Takes a fresh worktree, puts into it what an earlier run left in the folders that are kept: as clones of the run's own,
//! each version for the tiers that may have it.

use std::ffi::OsStr;
use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use rustix::fs::{OFlags, Stat};

use super::choose::{Want, choose};
use super::lock_files;
use super::record::{Tree, in_order};
use super::store::{Entry, Store, TIMES, TREES};
use super::times;
use crate::git::Oid;
use crate::layer::{self, Backend, Bound, Heir};
use crate::plan::{Cached, Tier};
use crate::worktree::checkout::Worktree;
use crate::worktree::error::{WorktreeError, at};
use crate::worktree::layers::{Taken, entries};
use crate::worktree::remove::{remove_in, remove_tree};
use crate::worktree::root::{Root, split};

/// What is in a cache was bounded when it was made.
const ALL: Bound = Bound { entries: u64::MAX, bytes: u64::MAX };

/// What a look for a cache came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taking {
    /// Digest of the base's lock files.
    pub locks: String,
    /// What was taken, or why nothing was.
    pub found: Result<Found, String>,
}

/// A cache that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its digest.
    pub digest: String,
    /// The base of the run that left it.
    pub base: Oid,
    /// That run.
    pub run: String,
}

impl Worktree {
    /// Takes what an earlier run has left of these folders, before any step; `again`: what the run began with before it went
    /// on. That nothing can be had is no fault of the run.
    pub async fn take_cache(
        &mut self,
        folders: &[Cached],
        again: Option<&str>,
    ) -> Result<Taking, WorktreeError> {
        let locks = lock_files::digest(&self.base.parts);
        let found = match self.look_for(folders, &locks, again).await {
            Err(error) if error.is_halt() => return Err(error),
            Err(error) => Err(error.to_string()),
            Ok(found) => found,
        };
        if let Err(why) = &found {
            tracing::debug!(why, "no cache is taken");
            self.drop_taken(folders)?;
        }
        Ok(Taking { locks, found })
    }

    async fn look_for(
        &mut self,
        folders: &[Cached],
        locks: &str,
        again: Option<&str>,
    ) -> Result<Result<Found, String>, WorktreeError> {
        let overlay = self.overlays(folders).await?;
        let store = self.cache_store();
        let _lock = store.lock(self.root.halt())?;
        let base = self.record.base.clone();
        let want = Want { folders, locks, base: &base, overlay, again };
        let entry = match choose(&store, &self.repository, &want)? {
            Ok(entry) => entry,
            Err(why) => return Ok(Err(why)),
        };
        self.drop_taken(folders)?;
        self.put_times_back(&entry)?;
        self.bring(&entry, &in_order(folders))?;
        // Their change times are others now, and nobody has worked here yet.
        self.snapshot.believe(&self.root, &self.base.rules, false)?;
        entry.touch()?;
        let Entry { digest, record, .. } = entry;
        Ok(Ok(Found { digest, base: record.base, run: record.run }))
    }

    /// Returns where the caches of this repository and these steps lie.
    pub(super) fn cache_store(&self) -> Store {
        Store::of(&self.dir.state(), &self.record.common_dir, self.git.identity().lasting_uid())
    }

    /// Returns whose the clones are: a run of root's has a uid of its own.
    pub(in crate::worktree) fn heir(&self) -> Heir {
        let identity = self.git.identity();
        Heir { uid: identity.uid, gid: identity.gid }
    }

    /// Tells whether layers of HOME are overlays; nothing where no folder of HOME is kept.
    pub(super) async fn overlays(&mut self, folders: &[Cached]) -> Result<Option<bool>, WorktreeError> {
        if !folders.iter().any(|folder| matches!(folder, Cached::Home(_))) {
            return Ok(None);
        }
        self.make_home(Tier::WayOut)?;
        self.make_home(Tier::Offline)?;
        Ok(Some(*self.tried_backend().await? == Backend::Overlay))
    }

    fn put_times_back(&self, entry: &Entry) -> Result<(), WorktreeError> {
        let file = entry.path.join(TIMES);
        let text = std::fs::read(&file).map_err(at(&file))?;
        Ok(times::put_back(&self.root, &self.snapshot, &text)?)
    }

    /// Removes what a look that was broken off has put there.
    fn drop_taken(&mut self, folders: &[Cached]) -> Result<(), WorktreeError> {
        remove_tree(&self.dir.brought())?;
        let aside = self.aside()?;
        for folder in folders {
            match folder {
                Cached::Checkout(path) => {
                    self.layers.known.ignored.forget(path.as_os_str().as_bytes(), &aside)?;
                }
                Cached::Home(path) => {
                    for tier in [Tier::WayOut, Tier::Offline] {
                        remove_below(&self.dir.home_of(tier), path)?;
                    }
                }
            }
        }
        self.layers.known.taken = None;
        self.write_layers()
    }

    fn bring(&mut self, entry: &Entry, folders: &[Cached]) -> Result<(), WorktreeError> {
        let trees = File::open(entry.path.join(TREES)).map_err(at(&entry.path))?;
        let aside = self.aside()?;
        let all = || {
            entry
                .record
                .trees
                .iter()
                .enumerate()
                .filter_map(|(number, tree)| Some((number, tree, folders.get(tree.folder)?)))
        };
        let mut versions = 0;
        for (number, tree, folder) in all() {
            let Cached::Checkout(path) = folder else { continue };
            self.check_halt()?;
            let name = self.layers.known.ignored.next_name();
            let to = aside.below(b"", OFlags::PATH | OFlags::DIRECTORY)?;
            layer::clone_tree_for(
                self.heir(),
                (&trees, number.to_string().as_ref()),
                (&to, name.to_string().as_ref()),
                ALL,
            )?;
            make_folders_above(&self.root, path)?;
            self.layers.known.ignored.take_in(path.as_os_str().as_bytes(), tree.tier, name);
            versions += 1;
        }
        let mut homes = Vec::new();
        // What is of a higher tier comes first: it is seen through what is of a lower one.
        for tier in [Tier::WayOut, Tier::Offline] {
            let of_tier: Vec<_> = all().filter(|(_, tree, _)| tree.tier == tier).collect();
            homes.extend(self.bring_home(entry.record.overlay, tier, &trees, &of_tier)?);
        }
        remove_tree(&self.dir.brought())?;
        self.layers.known.taken = Some(Taken { digest: entry.digest.clone(), versions, homes });
        self.write_layers()
    }

    /// Puts folders of HOME in their place, all of them of one tier.
    fn bring_home(
        &mut self,
        overlay: bool,
        tier: Tier,
        trees: &File,
        of_tier: &[(usize, &Tree, &Cached)],
    ) -> Result<Vec<(Tier, String, Option<layer::Print>)>, WorktreeError> {
        let (home, brought) = (self.dir.home_of(tier), self.dir.brought());
        let mut placed = Vec::new();
        for (number, _, folder) in of_tier {
            let Cached::Home(path) = folder else { continue };
            self.check_halt()?;
            let name = number.to_string();
            DirBuilder::new().recursive(true).mode(0o700).create(&brought).map_err(at(&brought))?;
            let waiting = Root::open(&brought)?;
            let to = waiting.below(b"", OFlags::PATH | OFlags::DIRECTORY)?;
            layer::clone_tree_for(self.heir(), (trees, name.as_ref()), (&to, name.as_ref()), ALL)?;
            remove_below(&home, path)?;
            let root = Root::open(&home)?;
            make_folders_above(&root, path)?;
            root.take_from(path.as_os_str().as_bytes(), &waiting, &name)?;
            placed.push((tier, path.to_string_lossy().into_owned(), print_below(&home, path)));
        }
        if !placed.is_empty() {
            self.layers.known.homes.insert(tier, entries(&home)?);
            if tier == Tier::WayOut && !overlay {
                // Else the first offline step would get it in the place of what is brought next.
                self.clone_homes(Tier::Offline, std::slice::from_ref(&home))?;
                self.layers.known.homes.insert(Tier::Offline, entries(&self.dir.home_of(Tier::Offline))?);
            }
        }
        Ok(placed)
    }
}

/// Takes the print of a folder of HOME; nothing where none is there.
pub(super) fn print_below(home: &Path, path: &Path) -> Option<layer::Print> {
    let bytes = path.as_os_str().as_bytes();
    let (folder, name) = split(bytes);
    let folder = Root::open(home).ok()?.below(folder, OFlags::PATH | OFlags::DIRECTORY).ok()?;
    layer::print_of(&folder, OsStr::from_bytes(name)).ok()?
}

/// Returns what is at a path of a folder that steps wrote, which need not be there.
pub(super) fn stat_below(top: &Path, path: &Path) -> io::Result<Option<Stat>> {
    if !top.exists() {
        return Ok(None);
    }
    Root::open(top)?.stat(path.as_os_str().as_bytes())
}

fn remove_below(top: &Path, path: &Path) -> Result<(), WorktreeError> {
    if stat_below(top, path)?.is_none() {
        return Ok(());
    }
    let (folder, name) = split(path.as_os_str().as_bytes());
    let root = Root::open(top)?;
    let folder = root.below(folder, OFlags::PATH | OFlags::DIRECTORY)?;
    remove_in(folder, name, root.halt()).map_err(|left| io::Error::other(left).into())
}

/// Makes the folders that a path lies in, as far as they are not there.
fn make_folders_above(root: &Root, path: &Path) -> io::Result<()> {
    let above: Vec<&Path> = path.ancestors().skip(1).filter(|path| !path.as_os_str().is_empty()).collect();
    for folder in above.iter().rev() {
        match root.make_folder(folder.as_os_str().as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made?,
        }
    }
    Ok(())
}
