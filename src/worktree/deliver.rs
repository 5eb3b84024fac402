//! Taking the work out, proving that it is out, and only then removing the worktree.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::bundle;
use super::checkout::Worktree;
use super::error::{WorktreeError, at};
use super::layout::shown;
use super::root::Root;
use super::rules::Rules;
use super::rundir;
use super::scripts::{BUNDLE, UNLOCK};
use super::tree::{self, Held};
use super::unfit::Unproved;
use super::walk::{Beside, Found, Tracked};
use crate::git::{Oid, RefName};

/// What is delivered: the last checkpoint, wherever a commit that was not finished may have left [`RESULT`].
///
/// [`RESULT`]: super::layout::RESULT
pub(super) const DELIVERED: &str = "refs/autopilot/delivered";

/// The result branch in the user's repository.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// Full ref name.
    pub reference: RefName,
    /// The commit.
    pub commit: Oid,
    /// Commits on top of the base.
    pub commits: u64,
    /// They are in a bundle beside the evidence as well.
    pub bundled: bool,
}

/// Bytes of the bundle that is kept beside the evidence; what is larger is on the branch alone.
const KEPT: u64 = 256 << 20;

/// That every byte of a worktree is in the user's repository.
#[derive(Debug)]
#[must_use = "a worktree is removed only with a proof"]
pub struct Proof {
    /// What was compared, as it looked then, by path.
    compared: Vec<Found>,
    /// So many of them are not on the branch.
    hidden: usize,
    ignored: Vec<Vec<u8>>,
}

/// What went with a worktree.
#[derive(Debug, Clone)]
pub struct Removed {
    /// Files compared before.
    pub proved: u64,
    /// Ignored files.
    pub ignored_files: u64,
    /// Their bytes.
    pub ignored_bytes: u64,
    /// Where what no bundle can hold was moved to, and stays.
    pub left: Option<PathBuf>,
}

impl Worktree {
    /// Fetches the checkpoints into the user's repository as a branch, and keeps the bundle that they came in, which no
    /// branch that is deleted takes along; nothing if there are none.
    pub async fn deliver(&self, beside: &Path) -> Result<Option<Delivered>, WorktreeError> {
        if self.ledger.last == self.ledger.base {
            return Ok(None);
        }
        self.bundle(DELIVERED, Some(&self.ledger.last)).await?;
        let reference = RefName::branch(&self.record.branch)?;
        let packed = self.dir.checkpoints().join("out.bundle");
        self.repository.fetch(bundle::open(&packed)?, DELIVERED, &reference)?;
        let commit = self.repository.git("rev-parse").args(["--verify", reference.as_str()]).line()?;
        let commit = Oid::parse(&commit)?;
        if commit == self.ledger.last {
            self.unshare()?;
            let bundled = keep(&packed, beside)?;
            Ok(Some(Delivered { reference, commit, commits: self.ledger.commits, bundled }))
        } else {
            let last = self.ledger.last.clone();
            Err(Unproved::Elsewhere { reference, found: commit, last }.into())
        }
    }

    /// Writes everything salvaged into one bundle, mode 0600; nothing if there is nothing.
    pub async fn write_salvage(&self, to: &Path) -> Result<bool, WorktreeError> {
        if self.ledger.salvaged.is_empty() {
            return Ok(false);
        }
        let refs: Vec<&str> = self.ledger.salvaged.iter().map(RefName::as_str).collect();
        self.bundle(&refs.join(" "), None).await?;
        copy(&mut bundle::open(&self.dir.checkpoints().join("out.bundle"))?, to)?;
        Ok(true)
    }

    /// Compares every file's raw bytes with what the user's repository holds.
    ///
    /// Git's word is no proof: a walk without git is. The error names what differs.
    pub fn prove(&mut self) -> Result<Proof, WorktreeError> {
        let others = self.arrived()?;
        let mut compared = Vec::with_capacity(usize::try_from(self.snapshot.len()).unwrap_or(0));
        // What rules of steps kept off it was salvaged, and is as it was then.
        let mut hidden = Vec::new();
        let mut walk = self.root.walk(&self.base.rules)?;
        while let Some(found) = walk.next(&self.snapshot)? {
            let differs = || Unproved::Differs { path: shown(&found.path).into_owned() };
            // What is not there at all is not read: it may be as long as it likes.
            let known = self.snapshot.committed(&found.path);
            let committed = others.get(&found.path).copied().or(known);
            let off = self.snapshot.held_off(&found.path).filter(|_| committed.is_none());
            let committed = committed.or(off).ok_or_else(differs)?;
            let oid = self.root.blob(&found.path, found.mode, self.repository.format)?;
            let is_same = committed == Held { mode: found.mode, oid };
            let is_proved = is_same || known == Some(committed) && self.snapshot.proves(&found, oid);
            if !is_proved {
                return Err(differs().into());
            }
            hidden.extend(off.map(|_| found.path.clone()));
            compared.push(found);
        }
        let Beside { unheld, mut ignored, .. } = walk.end();
        let hidden_files = hidden.len();
        ignored.append(&mut hidden);
        match unheld.into_iter().find(|(_, kind)| kind.holds_bytes()) {
            None => Ok(Proof { hidden: hidden_files, ..Proof::of(compared, ignored) }),
            Some((path, kind)) => Err(Unproved::Nowhere { path: shown(&path).into_owned(), kind }.into()),
        }
    }

    /// Demands that the commit in the user's repository holds the paths of the last checkpoint; returns those that are not
    /// known to be as they are there.
    fn arrived(&mut self) -> Result<HashMap<Vec<u8>, Held>, WorktreeError> {
        let last = self.ledger.last.as_str();
        let listing = self.repository.git("ls-tree").args(["-r", "-z", "--full-tree", last]);
        let of_submodules = self.base.parts[1..].iter().map(|part| part.files().count()).sum();
        let arrived =
            listing.read(|printed| self.snapshot.arrived(tree::entries(printed), of_submodules))??;
        arrived.ok_or_else(|| Unproved::Differs { path: "a file".to_owned() }.into())
    }

    /// Removes the run's directory with everything in it.
    pub fn remove(self, proof: &Proof) -> Result<Removed, WorktreeError> {
        let (ignored_files, ignored_bytes) = self.root.measure(&proof.ignored)?;
        self.withdraw(proof)?;
        let left = self.dir.remove_heeding(self.root.halt())?;
        let proved = (proof.compared.len() - proof.hidden) as u64;
        Ok(Removed { proved, ignored_files, ignored_bytes, left })
    }

    /// Takes the worktree away from where others know it, and looks once more: somebody who is no step of the run
    /// may have gone on writing. By its path nobody does from here on.
    fn withdraw(&self, proof: &Proof) -> Result<(), WorktreeError> {
        self.dir.withdraw_worktree()?;
        match proof.written_since(&self.root, &self.base.rules, &self.snapshot) {
            Ok(None) => Ok(()),
            Ok(Some(path)) => {
                self.dir.put_back_worktree()?;
                Err(Unproved::Meanwhile { path: shown(&path).into_owned() }.into())
            }
            Err(error) => {
                self.dir.put_back_worktree()?;
                Err(WorktreeError::from(error))
            }
        }
    }

    /// Bundles refs; one that is to be at a commit first is alone.
    pub(super) async fn bundle(&self, refs: &str, commit: Option<&Oid>) -> Result<(), WorktreeError> {
        let variables: [(&str, OsString); 3] = [
            ("REFS", refs.into()),
            ("LAST", commit.map(OsString::from).unwrap_or_default()),
            ("BASE", (&self.ledger.base).into()),
        ];
        self.git.script("bundle", &[UNLOCK, BUNDLE].concat(), &variables).await.map(drop)
    }
}

/// Keeps a bundle that is not too large; whether it is there. One of an earlier part of the run holds no more than that.
fn keep(packed: &Path, to: &Path) -> Result<bool, WorktreeError> {
    let mut from = bundle::open(packed)?;
    if from.metadata().map_err(at(packed))?.len() <= KEPT {
        copy(&mut from, to)?;
        return Ok(true);
    }
    match fs::remove_file(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(to)(error)),
        _ => Ok(false),
    }
}

/// Copies a bundle to where it stays: for its owner alone, since it holds files as they were.
fn copy(from: &mut File, to: &Path) -> Result<(), WorktreeError> {
    let open = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(to);
    let mut file = open.map_err(at(to))?;
    io::copy(from, &mut file).and_then(|_| file.sync_all()).map_err(at(to))?;
    rundir::sync_folder_of(to)
}

impl Proof {
    fn of(mut compared: Vec<Found>, ignored: Vec<Vec<u8>>) -> Self {
        compared.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Self { compared, hidden: 0, ignored }
    }

    /// Finds a file that is not as it was when it was compared, or was not there.
    fn written_since(
        &self,
        root: &Root,
        rules: &Rules,
        tracked: &impl Tracked,
    ) -> io::Result<Option<Vec<u8>>> {
        let is_as_then = |now: &Found| {
            let at = self.compared.binary_search_by(|then| then.path.cmp(&now.path));
            let then = at.ok().and_then(|at| self.compared.get(at));
            then.is_some_and(|then| (then.mode, then.identity) == (now.mode, now.identity))
        };
        let mut walk = root.walk(rules)?;
        while let Some(now) = walk.next(tracked)? {
            if !is_as_then(&now) {
                return Ok(Some(now.path));
            }
        }
        Ok(walk.end().unheld.into_iter().find(|(_, kind)| kind.holds_bytes()).map(|(path, _)| path))
    }
}

impl rundir::RunDir {
    /// Removes a run directory in which no step ever ran, or that is over; returns where what no bundle can hold
    /// is, which stays.
    pub fn discard(&self) -> Result<Option<PathBuf>, WorktreeError> {
        self.remove()
    }

    /// Removes the directory of a run without a journal: if it has no copy of one, which is there before any step.
    pub fn discard_unbegun(&self) -> Result<(), WorktreeError> {
        if fs::symlink_metadata(self.mirror()).is_ok() {
            let place = self.path().display();
            return Err(WorktreeError::refused(
                format!("its journal is lost, and what is in {place} may be saved nowhere"),
                format!("look through it, remove {place}, and run again"),
            ));
        }
        self.discard().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::super::changes::Snapshot;
    use super::*;

    /// A folder with one file, and a proof of it.
    fn proved() -> (tempfile::TempDir, Root, Proof, Snapshot) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "saved").unwrap();
        let root = Root::open(folder.path()).unwrap();
        let tracked = Snapshot::of(std::iter::empty(), &[], 1 << 20, tree::ObjectFormat::Sha1);
        let rules = Rules::default();
        let mut walk = root.walk(&rules).unwrap();
        let compared = std::iter::from_fn(|| walk.next(&tracked).unwrap()).collect();
        (folder, root, Proof::of(compared, Vec::new()), tracked)
    }

    #[test]
    fn whatever_is_written_after_the_proof_is_found() {
        type Change = fn(&Path);
        let changes: [(&str, Change); 5] = [
            ("new", |folder| fs::write(folder.join("new"), "x").unwrap()),
            ("deep/er/new", |folder| {
                fs::create_dir_all(folder.join("deep/er")).unwrap();
                fs::write(folder.join("deep/er/new"), "x").unwrap();
            }),
            ("file", |folder| fs::write(folder.join("file"), "saved, and more").unwrap()),
            ("file", |folder| {
                fs::write(folder.join("other"), "taken").unwrap();
                fs::rename(folder.join("other"), folder.join("file")).unwrap();
            }),
            (".git", |folder| fs::create_dir(folder.join(".git")).unwrap()),
        ];
        for (path, change) in changes {
            let (folder, root, proof, tracked) = proved();
            let written = || proof.written_since(&root, &Rules::default(), &tracked).unwrap();
            assert_eq!(written(), None);
            change(folder.path());
            assert_eq!(written(), Some(path.as_bytes().to_vec()));
        }
    }

    #[test]
    fn what_holds_no_bytes_or_is_gone_is_in_nobodys_way() {
        let (folder, root, proof, tracked) = proved();
        nix::unistd::mkfifo(&folder.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        fs::create_dir(folder.path().join("empty")).unwrap();
        fs::remove_file(folder.path().join("file")).unwrap();
        assert_eq!(proof.written_since(&root, &Rules::default(), &tracked).unwrap(), None);
    }
}
