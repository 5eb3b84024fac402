//! Taking objects out of the user's repository and into one of a run's: one pack through a pipe. No protocol,
//! no hook, no remote; what reads the user's repository runs as its owner.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use super::error::{WorktreeError, at};
use super::git::{Git, Owner};
use super::plain;
use super::tree;
use crate::git::{Oid, RefName};

/// A git directory of the user's that objects are taken out of.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) git_dir: PathBuf,
    pub(super) owner: Option<Owner>,
}

/// How much of the history is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth<'a> {
    /// All there is; of a shallow clone, as far as it goes.
    All,
    /// Down to this commit and no further.
    To(&'a Oid),
    /// None: the objects stay where they are and are borrowed.
    Borrowed,
}

impl Source {
    /// Prepares a git command in it.
    pub(super) fn git(&self, name: &str) -> Git {
        Git::new(&self.git_dir, name).git_dir(&self.git_dir).owned_by(self.owner)
    }

    /// Reads objects by their ids, in that order.
    pub(super) fn blobs(&self, ids: &[&Oid]) -> Result<Vec<Vec<u8>>, WorktreeError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let asked = ids.iter().flat_map(|id| [id.as_str().as_bytes(), b"\n"].concat()).collect();
        tree::parse_batch(&self.git("cat-file").arg("--batch").feed(asked)?)
    }

    /// Reads objects by their ids, in that order; nothing of those that have more than so many bytes.
    pub(super) fn small_blobs(&self, ids: &[&Oid], most: u64) -> Result<Vec<Option<Vec<u8>>>, WorktreeError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let asked = ids.iter().flat_map(|id| [id.as_str().as_bytes(), b"\n"].concat()).collect();
        let take = |printed: &mut dyn BufRead| tree::take_batch(printed, ids.len(), most);
        self.git("cat-file").arg("--batch").feed_and_read(asked, take)?
    }

    /// Returns every tag with its object.
    pub(super) fn tags(&self) -> Result<Vec<(RefName, Oid)>, WorktreeError> {
        let listed =
            self.git("for-each-ref").args(["--format=%(refname) %(objectname)", "refs/tags/"]).run()?;
        let text = String::from_utf8_lossy(&listed);
        let tag = |line: &str| {
            let (name, id) = line.split_once(' ')?;
            Some((RefName::parse(name).ok()?, Oid::parse(id).ok()?))
        };
        text.lines().map(|line| tag(line).ok_or_else(|| WorktreeError::garbled("for-each-ref"))).collect()
    }

    /// Brings the objects of `wanted` and everything they need into the git directory `into`.
    pub(super) fn bring(&self, into: &Path, wanted: &[&Oid], depth: Depth<'_>) -> Result<(), WorktreeError> {
        let cut = match depth {
            Depth::To(commit) => vec![commit.clone()],
            Depth::All | Depth::Borrowed => self.boundaries()?,
        };
        if depth == Depth::Borrowed {
            self.lend(into)?;
        } else {
            let lines = cut.iter().map(|id| format!("--shallow {id}\n"));
            let asked: String = lines.chain(wanted.iter().map(|id| format!("{id}\n"))).collect();
            let pack = self.git("pack-objects").args(["--revs", "--stdout", "-q", "--delta-base-offset"]);
            let index = Git::new(into, "index-pack").git_dir(into).args(["--stdin", "--fix-thin"]);
            pack.feed_through(asked.into_bytes(), index)?;
        }
        if cut.is_empty() {
            return Ok(());
        }
        let file = into.join("shallow");
        let lines: String = cut.iter().map(|id| format!("{id}\n")).collect();
        std::fs::write(&file, lines).map_err(at(&file))
    }

    /// Returns the folders that its objects lie in: its own and those it borrows from.
    pub(super) fn object_folders(&self) -> Result<Vec<PathBuf>, WorktreeError> {
        let counted = self.git("count-objects").arg("-v").run()?;
        let text = String::from_utf8_lossy(&counted);
        let borrowed = text.lines().filter_map(|line| line.strip_prefix("alternate: ")).map(PathBuf::from);
        Ok(std::iter::once(self.git_dir.join("objects")).chain(borrowed).collect())
    }

    fn lend(&self, into: &Path) -> Result<(), WorktreeError> {
        let objects = self.git_dir.join("objects");
        let text = objects.to_string_lossy();
        if text.contains('\n') || text.starts_with(['"', '#']) {
            return Err(WorktreeError::refused(
                format!("objects cannot be shared from a folder of this name: {text:?}"),
                "leave `share_objects` out, or move the repository",
            ));
        }
        let file = into.join("objects/info/alternates");
        let folder = into.join("objects/info");
        std::fs::create_dir_all(&folder).map_err(at(&folder))?;
        std::fs::write(&file, format!("{text}\n")).map_err(at(&file))
    }

    /// Returns the commits where the history of a shallow clone ends.
    pub(super) fn boundaries(&self) -> Result<Vec<Oid>, WorktreeError> {
        let listed = plain::read(&self.git_dir.join("shallow"))?.unwrap_or_default();
        String::from_utf8_lossy(&listed).lines().map(|line| Ok(Oid::parse(line)?)).collect()
    }
}

/// Makes refs in a git directory of a run's: name and object.
pub(super) fn make_refs(git_dir: &Path, refs: &[(RefName, Oid)]) -> Result<(), WorktreeError> {
    let commands: String = refs.iter().map(|(name, id)| format!("update {name} {id}\n")).collect();
    let update = Git::new(git_dir, "update-ref").git_dir(git_dir).arg("--stdin");
    update.feed(commands.into_bytes()).map(drop)
}
