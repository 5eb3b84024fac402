//! What stood before a step, as it is held.

use std::fs;
use std::io;
use std::path::PathBuf;

use rustix::fs::FileType;

use super::listing::{Differing, Listing};
use crate::worktree::changes::WrittenRules;
use crate::worktree::checkout::Worktree;
use crate::worktree::error::{WorktreeError, at};
use crate::worktree::root::Root;

/// The worktree's files, in the folder of what stood.
pub(super) const TREE: &str = "tree";
/// What git knew of them.
pub(super) const LISTING: &str = "listing";
/// Why nothing is held.
pub(super) const WHY: &str = "why";
/// HOMEs, the nearest first.
pub(super) const HOMES: [&str; 2] = ["home-0", "home-1"];

/// What stood before a step.
#[derive(Debug)]
pub struct Stood {
    pub(super) dir: PathBuf,
    pub(super) root: Root,
    listing: Listing,
}

impl Worktree {
    /// Returns what stood before a step, or in words why that is not known.
    pub fn stood(&self, step: &str) -> Result<Result<Stood, String>, WorktreeError> {
        let dir = self.stood_in(step);
        match fs::read_to_string(dir.join(WHY)) {
            Ok(why) => return Ok(Err(why)),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(&dir)(error)),
            Err(_) => {}
        }
        if !dir.is_dir() {
            let why = format!("what stood before `{step}` is not there any more: begin the run anew");
            return Ok(Err(why));
        }
        let listing = Listing::read(&dir.join(LISTING))?;
        Ok(Ok(Stood { root: Root::open(&dir.join(TREE))?, listing, dir }))
    }

    /// Tells whether what stood before a step is held, or why it is not.
    pub fn has_stood(&self, step: &str) -> bool {
        self.stood_in(step).is_dir()
    }

    /// Lists the paths that are not as they stood then, by path.
    pub fn differing(&mut self, stood: &Stood) -> Result<Vec<Differing>, WorktreeError> {
        let mut changes = self.changes()?;
        // What is not on the branch proves nothing.
        self.take_hidden(&mut changes, WrittenRules::Now)?;
        Ok(stood.listing.differing(Listing::now(&self.snapshot, &changes)))
    }

    /// Reads a regular file of the worktree, up to so many bytes; nothing if it is something else, or larger.
    pub fn read(&self, path: &[u8], most: u64) -> io::Result<Option<Vec<u8>>> {
        read(&self.root, path, most)
    }

    pub(super) fn stood_in(&self, step: &str) -> PathBuf {
        self.dir.stood().join(step)
    }
}

impl Stood {
    /// Reads a regular file that stood there, up to so many bytes; nothing if there was none, or a larger one.
    pub fn read(&self, path: &[u8], most: u64) -> io::Result<Option<Vec<u8>>> {
        read(&self.root, path, most)
    }

    /// Lists the paths that git knew, and which of them can be executed.
    pub fn paths(&self) -> impl Iterator<Item = (&[u8], bool)> {
        self.listing.paths()
    }

    pub(super) fn homes(&self) -> Vec<PathBuf> {
        HOMES.iter().map(|name| self.dir.join(name)).filter(|home| home.is_dir()).collect()
    }
}

pub(super) fn read(root: &Root, path: &[u8], most: u64) -> io::Result<Option<Vec<u8>>> {
    let is_file = |stat: rustix::fs::Stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    if !root.stat(path)?.is_some_and(is_file) {
        return Ok(None);
    }
    let (file, size) = root.file(path)?;
    if size > most {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(file, most + 1), &mut bytes)?;
    Ok((bytes.len() as u64 <= most).then_some(bytes))
}
