//! Takes a repository and a run id, gives an isolated checkout; checkpoint, reset, salvage, proof, teardown.
//! Trusts not a byte that a step wrote (`docs/adr/0005-worktree.md`).
//!
//! A run has two git directories. The step's own, in its checkout, is a private repository with which the
//! step may do what it likes; nothing here ever reads it. The other, `checkpoints.git`, is out of its sight:
//! there the runner commits what its own walk found, through git under the sandbox.

mod aside;
mod bundle;
mod changes;
mod checkpoint;
mod confined;
mod create;
mod deliver;
mod earlier;
mod error;
mod filters;
mod git;
mod gitdirs;
mod intake;
mod lfs;
mod look;
mod names;
mod outgoing;
mod part;
mod pin;
mod pointer;
mod remove;
mod repository;
mod reset;
mod root;
mod rules;
mod rundir;
mod salvage;
mod state;
mod strict;
mod tree;
mod walk;

pub use aside::NotHeld;
pub use changes::{Changed, Changes, Kind};
pub use checkpoint::{Checkpoint, Counted};
pub use create::RunOf;
pub use deliver::{Delivered, Proof, Removed};
pub use earlier::Earlier;
pub use error::WorktreeError;
pub use lfs::LfsFiles;
pub use look::{Commit, CommitChanges, Found, Left};
pub use outgoing::{Outgoing, Remote};
pub(crate) use remove::remove_tree;
pub use repository::{Base, Repository};
pub use rundir::{Record, RunDir};
pub use salvage::Salvage;
pub use state::{Holder, Lock, LockError, State};
pub(crate) use state::{host_name, kernel};
pub use walk::Unheld;

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use changes::Snapshot;
use confined::ConfinedGit;
use part::Part;
use repository::Person;
use root::Root;
use rules::Rules;

use crate::sandbox::Place;

/// The isolated checkout of a run.
#[derive(Debug)]
pub struct Worktree {
    dir: RunDir,
    root: Root,
    git: ConfinedGit,
    rules: Rules,
    snapshot: Snapshot,
    person: Person,
    repository: Repository,
    parts: Vec<Part>,
    /// Where borrowed objects lie; nothing if the run has copies.
    borrowed: Vec<PathBuf>,
    /// Some attributes name a filter.
    filters: bool,
    /// Some name that of LFS.
    lfs: bool,
    /// How many files of LFS there were at first.
    lfs_files: LfsFiles,
    /// Pointers by what was found or put in their place: both by their ids as blobs.
    contents: HashMap<String, String>,
    /// Bytes that may still be salvaged.
    salvage_left: u64,
    run: String,
    branch: String,
    base: String,
    /// The last checkpoint; the base until there is one.
    last: String,
    /// A commit that a runner made, and died before it was recorded.
    unrecorded: Option<String>,
    /// Commits on top of the base.
    commits: u64,
    /// Refs of what was salvaged.
    salvaged: Vec<String>,
    /// Mode and id, by path, of what was salvaged last; nothing once a rollback writes.
    safe: Option<HashMap<Vec<u8>, (u32, String)>>,
    made_in: Duration,
}

impl Worktree {
    /// Returns the directory of the run.
    pub fn dir(&self) -> &RunDir {
        &self.dir
    }

    /// Returns where a step runs, with an empty TMPDIR.
    pub fn place(&self) -> Result<Place, WorktreeError> {
        self.git.fresh_tmp(&self.dir)?;
        // A step before may have shut them.
        self.root.open_top()?;
        Root::open(&self.dir.home())?.open_top()?;
        Ok(Place {
            worktree: self.dir.worktree(),
            home: self.dir.home(),
            tmp: self.dir.tmp(),
            also_write: Vec::new(),
            also_read: self.borrowed.clone(),
        })
    }

    /// Returns the ref that pins the base in the user's repository, if objects are borrowed from there.
    pub fn pinned(&self) -> Option<String> {
        (!self.borrowed.is_empty()).then(|| pin::of(&self.run))
    }

    /// Returns how long it took to make.
    pub fn made_in(&self) -> Duration {
        self.made_in
    }

    /// Tells whether the last checkpoint holds a path.
    pub fn holds(&self, path: &Path) -> bool {
        self.snapshot.holds(path.as_os_str().as_bytes())
    }

    /// Returns the number of files of the last checkpoint.
    pub fn files(&self) -> u64 {
        self.snapshot.len()
    }

    /// Finds what differs from the last checkpoint.
    pub fn changes(&mut self) -> Result<Changes, WorktreeError> {
        Ok(self.snapshot.compare(&self.root, &self.rules)?)
    }

    /// Tells what is at a path of the worktree, without following links.
    pub fn look(&self, path: &Path) -> std::io::Result<Look> {
        use std::os::unix::ffi::OsStrExt;
        let Some(stat) = self.root.stat(path.as_os_str().as_bytes())? else { return Ok(Look::Nothing) };
        Ok(match rustix::fs::FileType::from_raw_mode(stat.st_mode) {
            rustix::fs::FileType::RegularFile => Look::File,
            rustix::fs::FileType::Directory => Look::Folder,
            _ => Look::Other,
        })
    }

    /// Reads where a link of the worktree points.
    pub fn link(&self, path: &Path) -> std::io::Result<PathBuf> {
        use std::os::unix::ffi::{OsStrExt, OsStringExt};
        let target = self.root.link(path.as_os_str().as_bytes())?;
        Ok(std::ffi::OsString::from_vec(target).into())
    }

    /// Opens a regular file of the worktree through no link, and returns its size.
    pub fn open(&self, path: &Path) -> std::io::Result<(std::fs::File, u64)> {
        use std::os::unix::ffi::OsStrExt;
        self.root.file(path.as_os_str().as_bytes())
    }
}

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Nothing.
    Nothing,
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A link or something special.
    Other,
}
