//! The directory of one run: everything of it that is not in the user's repository, and what is needed to
//! pick it up when its runner died.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::base::Base;
use super::error::{WorktreeError, at};
use super::halt::Halt;
use super::holder::Holder;
use super::layout::{DEFAULT_SALVAGE, RunOf};
use super::remove::{remove_tree, remove_tree_heeding};
use super::repository::Repository;
use super::state::{State, key};
use crate::git::Oid;
use crate::plan::Tier;

/// What a run directory says of itself, in `run.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Version of this record.
    pub v: u32,
    /// Name of the run.
    pub run: String,
    /// The issue.
    pub issue: u64,
    /// Toplevel of the checkout it was started in.
    pub toplevel: PathBuf,
    /// The repository's shared git directory.
    pub common_dir: PathBuf,
    /// Base commit.
    pub base: Oid,
    /// Name of the result branch.
    pub branch: String,
    /// Bytes that it may salvage, as its plan says.
    #[serde(default = "default_salvage")]
    pub salvage: u64,
    /// What its plan leaves out of the result.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// The runner.
    pub holder: Holder,
}

fn default_salvage() -> u64 {
    DEFAULT_SALVAGE
}

/// The directory of a run.
#[derive(Debug, Clone)]
pub struct RunDir {
    path: PathBuf,
}

impl RunDir {
    /// Makes the directory of a new run and writes down what it is.
    pub(super) fn create(
        state: &State,
        repository: &Repository,
        base: &Base,
        of: RunOf<'_>,
    ) -> Result<(Self, Record), WorktreeError> {
        let path = state.runs()?.join(format!("{}-{}", of.run, key(&repository.common_dir)));
        let dir = Self { path };
        dir.make_top()?;
        for folder in [dir.worktree(), dir.home(), dir.tmp(), dir.inbox()] {
            DirBuilder::new().mode(0o700).create(&folder).map_err(at(&folder))?;
        }
        let record = Record {
            v: 1,
            run: of.run.to_owned(),
            issue: of.issue,
            toplevel: repository.toplevel.clone(),
            common_dir: repository.common_dir.clone(),
            base: base.commit.clone(),
            branch: of.branch.to_owned(),
            salvage: of.salvage,
            exclude: base.rules.left_out(),
            holder: Holder::this(of.run),
        };
        let bytes = serde_json::to_vec_pretty(&record).map_err(io::Error::from)?;
        let file = dir.record();
        // Whole or not there: a crash in between leaves a directory that holds nothing of worth.
        let staged = dir.path.join("run.json.new");
        let write = || -> io::Result<()> {
            let mut staged_file = fs::File::create(&staged)?;
            staged_file.write_all(&bytes)?;
            staged_file.sync_all()?;
            fs::rename(&staged, &file)
        };
        write().map_err(at(&file))?;
        sync_folder_of(&file)?;
        sync_folder_of(&dir.path)?;
        tracing::debug!(path = %dir.path.display(), base = %record.base, "the directory of a run is made");
        Ok((dir, record))
    }

    /// Makes the directory itself, or clears the one in which an earlier part of the run had moved something aside:
    /// that stays where it is.
    fn make_top(&self) -> Result<(), WorktreeError> {
        let kept = if self.is_over() { self.remove()? } else { None };
        match kept {
            Some(_) => Ok(()),
            None => DirBuilder::new().mode(0o700).create(&self.path).map_err(at(&self.path)),
        }
    }

    /// Lists the directories of an issue without a record: not begun, or proved and half removed, when their
    /// runner died. They hold nothing of worth. The caller holds the issue's lock.
    pub fn abandoned(state: &State, common_dir: &Path, issue: u64) -> Result<Vec<Self>, WorktreeError> {
        let runs = state.runs()?;
        let suffix = format!("-{issue}-{}", key(common_dir));
        let mut found = Vec::new();
        for entry in fs::read_dir(&runs).map_err(at(&runs))? {
            let dir = Self { path: entry?.path() };
            let named = dir.path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(&suffix));
            if named && fs::symlink_metadata(dir.record()).is_err_and(|e| e.kind() == io::ErrorKind::NotFound)
            {
                found.push(dir);
            }
        }
        Ok(found)
    }

    /// Lists the issues of a repository of which there is a directory, with a record or without.
    pub fn issues(state: &State, common_dir: &Path) -> Result<Vec<u64>, WorktreeError> {
        let runs = state.runs()?;
        let suffix = format!("-{}", key(common_dir));
        let mut issues = Vec::new();
        for entry in fs::read_dir(&runs).map_err(at(&runs))? {
            let name = entry?.file_name();
            let name = name.to_str().and_then(|name| name.strip_suffix(&suffix));
            issues.extend(name.and_then(|name| name.rsplit_once('-')?.1.parse::<u64>().ok()));
        }
        Ok(issues)
    }

    /// Lists the directories whose repository is not where it was.
    pub fn of_nobody(state: &State) -> Result<Vec<(Self, Record)>, WorktreeError> {
        let runs = state.runs()?;
        let mut found = Vec::new();
        for entry in fs::read_dir(&runs).map_err(at(&runs))? {
            let dir = Self { path: entry?.path() };
            let record = dir.read();
            found.extend(record.filter(|record| !record.common_dir.is_dir()).map(|record| (dir, record)));
        }
        Ok(found)
    }

    fn read(&self) -> Option<Record> {
        serde_json::from_slice(&fs::read(self.record()).ok()?).ok()
    }

    /// Lists what runs of a repository left, with their records; unreadable ones are of nobody.
    pub fn of(state: &State, common_dir: &Path) -> Result<Vec<(Self, Record)>, WorktreeError> {
        let runs = state.runs()?;
        let suffix = format!("-{}", key(common_dir));
        let mut found = Vec::new();
        for entry in fs::read_dir(&runs).map_err(at(&runs))? {
            let entry = entry?;
            if !entry.file_name().to_string_lossy().ends_with(&suffix) {
                continue;
            }
            let dir = Self { path: entry.path() };
            let record = dir.read();
            found.extend(record.map(|record| (dir, record)));
        }
        found.sort_by(|a, b| a.1.run.cmp(&b.1.run));
        Ok(found)
    }

    /// Tells whether a run of a repository has a directory.
    pub(super) fn is_there(state: &State, common_dir: &Path, run: &str) -> Result<bool, WorktreeError> {
        Ok(state.runs()?.join(format!("{run}-{}", key(common_dir))).is_dir())
    }

    /// Empties the worktree and what belongs to it, before any step: to be made once more.
    pub(super) fn empty(&self) -> Result<(), WorktreeError> {
        remove_tree(&self.checkpoints())?;
        remove_tree(&self.worktree())?;
        DirBuilder::new().mode(0o700).create(self.worktree()).map_err(at(&self.worktree()))
    }

    /// The state directory that it is in.
    pub(super) fn state(&self) -> State {
        State::at(self.path.ancestors().nth(2).unwrap_or(&self.path).to_owned())
    }

    /// Where folders of an earlier run's HOME wait to be put in their place.
    pub(super) fn brought(&self) -> PathBuf {
        self.path.join("brought")
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The step's checkout.
    pub(super) fn worktree(&self) -> PathBuf {
        self.path.join("worktree")
    }

    /// The second git directory, which no step sees.
    pub(super) fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints.git")
    }

    /// The second git directory of a part of the base: the repository itself, or the nth submodule.
    pub(super) fn checkpoints_of(&self, part: usize) -> PathBuf {
        let own = self.checkpoints();
        if part == 0 { own } else { own.join("submodules").join(part.to_string()) }
    }

    /// The packs that both git directories of the repository itself borrow from. No step can write there.
    pub(super) fn objects(&self) -> PathBuf {
        self.path.join("objects")
    }

    /// Points the runner's git at a part of the base: its second git directory, and where it lies in the worktree.
    pub(super) fn part_at(&self, number: usize, path: &[u8]) -> [(&'static str, OsString); 2] {
        let path = if path.is_empty() { ".".into() } else { OsString::from_vec(path.to_vec()) };
        [("GIT_DIR", self.checkpoints_of(number).into()), ("GIT_WORK_TREE", path)]
    }

    /// Where the worktree waits to be removed: nobody else knows it.
    fn withdrawn(&self) -> PathBuf {
        self.path.join("withdrawn")
    }

    /// Takes the worktree away from its path.
    pub(super) fn withdraw_worktree(&self) -> Result<(), WorktreeError> {
        fs::rename(self.worktree(), self.withdrawn()).map_err(at(&self.worktree()))
    }

    /// Puts a worktree back that was to go and stays.
    pub(super) fn put_back_worktree(&self) -> Result<(), WorktreeError> {
        match fs::rename(self.withdrawn(), self.worktree()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(&self.worktree())(error)),
            _ => Ok(()),
        }
    }

    /// Tells whether there is no worktree to go on in, nor to save: it was proved and removed, but for what no
    /// bundle can hold. One that was made since was not whole: from then on there is a copy of the journal.
    pub fn is_over(&self) -> bool {
        let is_absent = |path: &Path| {
            fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        };
        let parts = [self.worktree(), self.withdrawn(), self.checkpoints()];
        is_absent(&self.mirror()) && (self.left().is_dir() || parts.iter().all(|path| is_absent(path)))
    }

    /// HOME of the steps of a tier.
    pub(super) fn home_of(&self, tier: Tier) -> PathBuf {
        self.path.join(match tier {
            Tier::Offline => "home".to_owned(),
            Tier::WayOut | Tier::Secret => format!("home.{tier}"),
        })
    }

    /// HOME of the runner's confined git: nobody writes there.
    pub(super) fn home(&self) -> PathBuf {
        self.home_of(Tier::Offline)
    }

    /// What is known of the layers of the run.
    pub(super) fn layers(&self) -> PathBuf {
        self.path.join("layers.json")
    }

    /// Versions of ignored paths that are kept from who works now.
    pub(super) fn aside(&self) -> PathBuf {
        self.path.join("aside")
    }

    /// What stood before steps, for proofs.
    pub(super) fn stood(&self) -> PathBuf {
        self.path.join("stood")
    }

    /// Where the runs of a proof work.
    pub(super) fn beds(&self) -> PathBuf {
        self.path.join("beds")
    }

    /// TMPDIR of the attempt.
    pub(super) fn tmp(&self) -> PathBuf {
        self.path.join("tmp")
    }

    /// TMPDIR of the runner's confined git.
    pub(super) fn scratch(&self) -> PathBuf {
        self.path.join("scratch")
    }

    /// Where the runner lays lists for its confined git.
    pub(super) fn inbox(&self) -> PathBuf {
        self.path.join("inbox")
    }

    /// The journal's second copy.
    pub fn mirror(&self) -> PathBuf {
        self.path.join("journal")
    }

    fn record(&self) -> PathBuf {
        self.path.join("run.json")
    }

    /// Removes the directory with all that is in it but what no bundle can hold; returns where that is.
    pub(super) fn remove(&self) -> Result<Option<PathBuf>, WorktreeError> {
        self.remove_heeding(&Halt::never())
    }

    /// The same; what is broken off is finished by whoever comes next.
    pub(super) fn remove_heeding(&self, halt: &Halt) -> Result<Option<PathBuf>, WorktreeError> {
        if !self.path.exists() {
            return Ok(None);
        }
        let left = self.left();
        let kept = if left.exists() { vec![left.clone(), self.record()] } else { Vec::new() };
        // This goes first: a half removed worktree must not be taken for one to be saved.
        let sign = if kept.is_empty() { self.record() } else { self.mirror() };
        match fs::remove_file(&sign) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(&sign)(error)),
            _ => {}
        }
        let mut result = Ok(());
        // One after the other: what does not go keeps nothing else from going.
        for entry in fs::read_dir(&self.path).map_err(at(&self.path))? {
            let path = entry?.path();
            if !kept.contains(&path) {
                result = result.and(remove_tree_heeding(&path, halt));
            }
        }
        halt.check()?;
        result?;
        if kept.is_empty() {
            fs::remove_dir(&self.path).map_err(at(&self.path))?;
        }
        Ok(kept.into_iter().next())
    }

    /// Removes the directory with what no bundle can hold: only on a person's word.
    pub fn discard_with_left(&self) -> Result<(), WorktreeError> {
        remove_tree(&self.left())?;
        self.remove().map(drop)
    }

    /// What no bundle can hold, moved aside and never removed by a run.
    pub fn left(&self) -> PathBuf {
        self.path.join("left")
    }
}

/// Makes the names in a file's folder durable.
pub(super) fn sync_folder_of(path: &Path) -> Result<(), WorktreeError> {
    let folder = path.parent().unwrap_or(path);
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(at(folder))
}
