//! Takes a worktree before a step, clones what is there where no step sees it: files without git, and HOME.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use rustix::fs::OFlags;

use super::held::{HOMES, LISTING, TREE, WHY};
use super::listing::Listing;

use crate::layer::{self, Bound};
use crate::plan::Tier;
use crate::worktree::checkout::Worktree;
use crate::worktree::error::{WorktreeError, at};
use crate::worktree::init::lay;
use crate::worktree::remove::remove_tree;

/// Files, links and folders that are held, and bytes that have to be copied for it.
const BOUND: Bound = Bound { entries: 500_000, bytes: 4 << 30 };

impl Worktree {
    /// Holds what is there now, before a step. What cannot be held is no fault of the step's: it is written down why.
    pub fn hold_stood(&mut self, step: &str) -> Result<(), WorktreeError> {
        let (held, making) = (self.stood_in(step), self.dir.stood().join(format!(".{step}")));
        remove_tree(&making)?;
        DirBuilder::new().recursive(true).mode(0o700).create(&making).map_err(at(&making))?;
        match self.fill_stood(&making) {
            Err(error) if error.is_halt() => return Err(error),
            Err(error) => {
                tracing::debug!(%error, "what stands is not held for a proof");
                remove_tree(&making)?;
                let why = format!("what stood before `{step}` could not be held: {error}");
                lay(&making.join(WHY), why.as_bytes())?;
            }
            Ok(()) => {}
        }
        remove_tree(&held)?;
        fs::rename(&making, &held).map_err(at(&held))
    }

    fn fill_stood(&mut self, making: &Path) -> Result<(), WorktreeError> {
        let mut left = BOUND;
        let tree = making.join(TREE);
        self.make_held(&tree)?;
        let from = self.root.below(b"", OFlags::PATH | OFlags::DIRECTORY)?;
        let mut names: Vec<Vec<u8>> = Vec::new();
        for entry in self.root.list(b"")? {
            names.push(entry?.0);
        }
        for name in names.into_iter().filter(|name| name != b".git") {
            self.clone_held((&from, &OsString::from_vec(name)), &tree, &mut left)?;
        }
        for part in self.base.parts.iter().filter(|part| !part.path.is_empty()) {
            remove_tree(&tree.join(OsString::from_vec(part.path.clone())).join(".git"))?;
        }
        for (name, tier) in HOMES.iter().zip([Tier::Offline, Tier::WayOut]) {
            let home = self.dir.home_of(tier);
            for (from, to) in
                [(home.clone(), making.join(name)), (layer::beside(&home), layer::beside(&making.join(name)))]
            {
                if let (Some(folder), Some(own), true) = (from.parent(), from.file_name(), from.is_dir()) {
                    let folder = File::open(folder).map_err(at(folder))?;
                    self.clone_named((&folder, own), &to, &mut left)?;
                }
            }
        }
        let changes = self.changes()?;
        Listing::now(&self.snapshot, &changes).write(&making.join(LISTING))
    }

    fn make_held(&self, folder: &Path) -> Result<(), WorktreeError> {
        DirBuilder::new().mode(0o700).create(folder).map_err(at(folder))?;
        self.git.make_over(folder)
    }

    fn clone_held(
        &self,
        (from, name): (impl std::os::fd::AsFd, &OsStr),
        to: &Path,
        left: &mut Bound,
    ) -> Result<(), WorktreeError> {
        self.clone_named((from, name), &to.join(name), left)
    }

    /// Clones what has a name in a folder to a path, where nothing is.
    pub(super) fn clone_named(
        &self,
        from: (impl std::os::fd::AsFd, &OsStr),
        to: &Path,
        left: &mut Bound,
    ) -> Result<(), WorktreeError> {
        self.check_halt()?;
        let (Some(folder), Some(name)) = (to.parent(), to.file_name()) else {
            return Err(io::Error::from(io::ErrorKind::InvalidInput).into());
        };
        let folder = File::open(folder).map_err(at(folder))?;
        let cloned = layer::clone_tree_for(self.heir(), from, (&folder, name), *left)?;
        left.entries = left.entries.saturating_sub(cloned.entries);
        left.bytes = left.bytes.saturating_sub(cloned.bytes);
        Ok(())
    }
}
