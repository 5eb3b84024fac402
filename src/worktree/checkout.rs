//! The isolated checkout of a run, and what can be asked of it. What is done to it stands in the files of each deed.

use std::collections::HashMap;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::base::Base;
use super::changes::{Changed, Changes, Snapshot};
use super::confined::ConfinedGit;
use super::error::WorktreeError;
use super::halt::Halt;
use super::layers::Layers;
use super::layout::MOST;
use super::own::Whole;
use super::part::{self, Part};
use super::pointer::LfsFiles;
use super::repository::Repository;
use super::root::Root;
use super::rules::Rules;
use super::rundir::{Record, RunDir};
use super::tree::Held;
use crate::git::{Oid, RawOid, RefName};
use crate::plan::Person;
use crate::sandbox::Place;

/// The isolated checkout of a run.
#[derive(Debug)]
pub struct Worktree {
    pub(super) dir: RunDir,
    /// What the directory says of itself.
    pub(super) record: Record,
    pub(super) root: Root,
    pub(super) git: ConfinedGit,
    pub(super) repository: Repository,
    pub(super) base: BaseFacts,
    /// Its files as at the last checkpoint.
    pub(super) snapshot: Snapshot,
    pub(super) ledger: Ledger,
    pub(super) saving: Saving,
    /// How the step's own git of each part looked when it was whole.
    pub(super) own: Vec<Option<Whole>>,
    /// Where borrowed objects lie; nothing if the run has copies.
    pub(super) borrowed: Vec<PathBuf>,
    /// How many files of LFS there were at first.
    pub(super) lfs_files: LfsFiles,
    /// Pointers by what was found or put in their place: both by their ids as blobs.
    pub(super) contents: HashMap<RawOid, RawOid>,
    /// What flows between steps beside the result.
    pub(super) layers: Layers,
    pub(super) made_in: Duration,
}

/// What its base tells of a worktree, once and for all.
#[derive(Debug)]
pub(super) struct BaseFacts {
    pub(super) parts: Vec<Part>,
    pub(super) rules: Rules,
    /// Some attributes name a filter.
    pub(super) filters: bool,
    /// Some name that of LFS.
    pub(super) lfs: bool,
    /// Whose the commits are.
    pub(super) person: Person,
    /// Who makes them.
    pub(super) committer: Person,
    /// What the step's own repository has beside the result branch.
    pub(super) refs: Vec<(RefName, Oid)>,
}

impl BaseFacts {
    /// Takes what a base tells, and reads its attributes.
    pub(super) fn of(base: &Base) -> Result<Self, WorktreeError> {
        let Base { parts, rules, person, committer, refs, .. } = base.clone();
        let (filters, lfs) = (part::filter(&parts)?, part::lfs(&parts)?);
        Ok(Self { parts, rules, filters, lfs, person, committer, refs })
    }
}

/// The commits of a run: where it began, how far it is, what lies beside.
#[derive(Debug, Clone)]
pub(super) struct Ledger {
    pub(super) base: Oid,
    /// The last checkpoint; the base until there is one.
    pub(super) last: Oid,
    /// Commits on top of the base.
    pub(super) commits: u64,
    /// Bytes that this part of the run has committed.
    pub(super) bytes: u64,
    /// A commit that a runner made, and died before it was recorded.
    pub(super) unrecorded: Option<Oid>,
    /// Refs of what was salvaged.
    pub(super) salvaged: Vec<RefName>,
}

impl Ledger {
    /// Begins at a base.
    pub(super) fn at(base: &Oid) -> Self {
        let (base, last) = (base.clone(), base.clone());
        Self { base, last, commits: 0, bytes: 0, unrecorded: None, salvaged: Vec::new() }
    }
}

/// What may be saved, and what is.
#[derive(Debug)]
pub(super) struct Saving {
    /// Bytes that may still be salvaged.
    pub(super) left: u64,
    /// By path, what was salvaged last; nothing once a rollback writes.
    pub(super) safe: Option<HashMap<Vec<u8>, Held>>,
    /// What rules of steps kept off the last checkpoint, and is to be saved.
    pub(super) hidden: Vec<Changed>,
}

/// What a worktree stands on, before anything in it is looked at.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) dir: RunDir,
    pub(super) record: Record,
    pub(super) git: ConfinedGit,
    pub(super) borrowed: Vec<PathBuf>,
}

impl Worktree {
    /// Puts a worktree together whose files are known. There is no other place where one is.
    pub(super) fn on(
        ground: Ground,
        repository: &Repository,
        base: BaseFacts,
        snapshot: Snapshot,
        ledger: Ledger,
    ) -> Result<Self, WorktreeError> {
        let Ground { dir, record, git, borrowed } = ground;
        Ok(Self {
            root: Root::open(&dir.worktree())?,
            saving: Saving { left: record.salvage.min(MOST), safe: Some(HashMap::new()), hidden: Vec::new() },
            own: vec![None; base.parts.len()],
            layers: Layers::of(&dir),
            dir,
            record,
            git,
            repository: repository.clone(),
            base,
            snapshot,
            ledger,
            borrowed,
            lfs_files: LfsFiles::default(),
            contents: HashMap::new(),
            made_in: Duration::ZERO,
        })
    }

    /// Breaks off whatever takes long, once this says so: an error that says no more than that.
    pub fn heed(&mut self, halt: &Halt) {
        self.root.heed(halt.clone());
        self.git.heed(halt.clone());
    }

    /// Fails if it is time to break off.
    pub fn check_halt(&self) -> Result<(), WorktreeError> {
        Ok(self.root.halt().check()?)
    }

    /// Returns the directory of the run.
    pub fn dir(&self) -> &RunDir {
        &self.dir
    }

    /// Returns where a step runs, with an empty TMPDIR.
    pub fn place(&self) -> Result<Place, WorktreeError> {
        self.git.fresh_tmp(&self.dir)?;
        // A step before may have shut them.
        self.root.open_top()?;
        // Whoever is placed here may write.
        self.layers.unsettle();
        let (home, below_home) = self.home();
        Root::open(&home)?.open_top()?;
        Ok(Place {
            worktree: self.dir.worktree(),
            home,
            below_home,
            below_worktree: Vec::new(),
            tmp: self.dir.tmp(),
            also_write: Vec::new(),
            also_read: self.borrowed.clone(),
        })
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
        let mut changes = self.snapshot.compare(&self.root, &self.base.rules)?;
        self.snapshot.add_uncovered(&mut changes, &self.root, &self.base.rules)?;
        Ok(changes)
    }

    /// Tells what is at a path of the worktree, without following links.
    pub fn look(&self, path: &Path) -> std::io::Result<Look> {
        let Some(stat) = self.root.stat(path.as_os_str().as_bytes())? else { return Ok(Look::Nothing) };
        Ok(match rustix::fs::FileType::from_raw_mode(stat.st_mode) {
            rustix::fs::FileType::RegularFile => Look::File,
            rustix::fs::FileType::Directory => Look::Folder,
            _ => Look::Other,
        })
    }

    /// Reads where a link of the worktree points.
    pub fn link(&self, path: &Path) -> std::io::Result<PathBuf> {
        let target = self.root.link(path.as_os_str().as_bytes())?;
        Ok(std::ffi::OsString::from_vec(target).into())
    }

    /// Opens a regular file of the worktree through no link, and returns its size.
    pub fn open(&self, path: &Path) -> std::io::Result<(std::fs::File, u64)> {
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
