//! Takes the bundle of a run's commits, gives what each of them changed: in a repository of its own that goes again, since a record
//! may be anybody's, and nothing of it is to come into the user's.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::bundle;
use super::checkout::Worktree;
use super::deliver::DELIVERED;
use super::error::{WorktreeError, at};
use super::layout::shown;
use super::repository::Repository;
use crate::git::{Oid, RefName};

/// Bytes of a change that is laid on: what is larger is no work of a step.
const LARGEST: u64 = 1 << 30;

/// A bare repository that borrows the objects of the user's, and takes those of bundles.
#[derive(Debug)]
pub struct Aside {
    repository: Repository,
    _folder: TempDir,
}

/// A commit of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedCommit {
    /// Its tree.
    pub tree: Oid,
    /// What it is on top of.
    pub parents: Vec<Oid>,
}

impl Repository {
    /// Makes one, in which these commits of this one count as known.
    pub fn aside(&self, known: &[&Oid]) -> Result<Aside, WorktreeError> {
        let folder = tempfile::Builder::new().prefix("autopilot-aside-").tempdir()?;
        let path = folder.path().canonicalize().map_err(at(folder.path()))?;
        self.hand_over(std::slice::from_ref(&path))?;
        let repository = self.bare_at(&path);
        let format = format!("--object-format={}", self.format.name());
        repository.git("init").args(["--quiet", "--bare", &format, "."]).run()?;
        let alternates = path.join("objects/info/alternates");
        let line = |objects: PathBuf| [objects.as_os_str().as_encoded_bytes(), b"\n"].concat();
        let lines: Vec<u8> = self.object_folders().flat_map(line).collect();
        fs::write(&alternates, lines).map_err(at(&alternates))?;
        let shallow = self.common_dir.join("shallow");
        if shallow.is_file() {
            fs::copy(&shallow, path.join("shallow")).map_err(at(&shallow))?;
        }
        for (number, commit) in known.iter().enumerate() {
            let name = format!("refs/heads/known-{number}");
            repository.git("update-ref").args([name.as_str(), commit.as_str()]).run()?;
        }
        Ok(Aside { repository, _folder: folder })
    }
}

impl Aside {
    pub(super) fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Takes the commits of a bundle; nothing of it that git would not take from a stranger.
    pub fn take(&self, bundle: &Path) -> Result<(), WorktreeError> {
        self.repository.fetch(bundle::open(bundle)?, DELIVERED, &RefName::branch("record")?)
    }

    /// Takes the commits of one ref of a bundle; returns what it is at.
    pub fn take_from(&self, bundle: &Path, reference: &str) -> Result<Oid, WorktreeError> {
        let taken = RefName::branch("taken")?;
        self.repository.fetch(bundle::open(bundle)?, &format!("+{reference}"), &taken)?;
        let commit = self.repository.git("rev-parse").args(["--verify", taken.as_str()]).line()?;
        Ok(Oid::parse(&commit)?)
    }

    /// Says what a commit is; nothing if it is not there.
    pub fn commit(&self, commit: &Oid) -> Result<Option<RecordedCommit>, WorktreeError> {
        let name = format!("{commit}^{{commit}}");
        if !self.repository.git("cat-file").args(["-e", &name]).succeeds()? {
            return Ok(None);
        }
        let printed =
            self.repository.git("rev-parse").args([&format!("{commit}^{{tree}}"), &format!("{commit}^@")]);
        let printed = printed.line()?;
        let mut ids = printed.lines().map(Oid::parse);
        let tree = ids.next().ok_or_else(|| WorktreeError::garbled("rev-parse"))??;
        Ok(Some(RecordedCommit { tree, parents: ids.collect::<Result<_, _>>()? }))
    }

    /// Writes what one commit changes of another as a patch, binary files, modes and links as well; whether that is anything.
    pub fn write_patch(&self, from: &Oid, to: &Oid, file: &Path) -> Result<bool, WorktreeError> {
        let diff = self.repository.git("diff-tree").args(PATCH).args([from.as_str(), to.as_str(), "--"]);
        let mut patch = fs::File::create(file).map_err(at(file))?;
        let copied = diff.read(|printed| io::copy(&mut printed.take(LARGEST + 1), &mut patch));
        match copied {
            Ok(Ok(bytes)) if bytes <= LARGEST => Ok(bytes > 0),
            Ok(Err(error)) => Err(at(file)(error)),
            Ok(Ok(_)) | Err(_) if patch.metadata().is_ok_and(|written| written.len() > LARGEST) => {
                Err(WorktreeError::refused(
                    format!("what the commit {to} changes is larger than {LARGEST} bytes"),
                    "look at it by hand: no step of a run makes such a change",
                ))
            }
            Ok(Ok(_)) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Lists the paths in which two trees differ.
    pub fn differing(&self, one: &Oid, other: &Oid) -> Result<Vec<String>, WorktreeError> {
        let names = ["-r", "-z", "--name-only", "--no-renames", one.as_str(), other.as_str(), "--"];
        let printed = self.repository.git("diff-tree").args(names).run()?;
        let paths = printed.split(|&byte| byte == 0).filter(|path| !path.is_empty());
        Ok(paths.map(|path| shown(path).into_owned()).collect())
    }
}

/// A patch that holds all there is of a change, and nothing of anybody's settings.
const PATCH: [&str; 11] = [
    "-r",
    "-p",
    "--binary",
    "--full-index",
    "--no-renames",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "--ignore-submodules=none",
];

impl Worktree {
    /// Hands the checkpoints to a repository of that kind, if there are any.
    pub async fn hand_aside(&self, aside: &Aside) -> Result<(), WorktreeError> {
        if self.ledger.last == self.ledger.base {
            return Ok(());
        }
        self.bundle(DELIVERED, Some(&self.ledger.last)).await?;
        let packed: PathBuf = self.dir.checkpoints().join("out.bundle");
        aside.repository.fetch(bundle::open(&packed)?, DELIVERED, &RefName::branch("replay")?)
    }
}
