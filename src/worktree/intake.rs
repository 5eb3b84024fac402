//! Takes a git directory of the user's, gives what lies in it: objects, tags, where its history ends. What reads it runs
//! as its owner.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use super::error::WorktreeError;
use super::git::{Git, Owner};
use super::plain;
use super::tree;
use crate::git::{Oid, RawOid, RefName};

/// A git directory of the user's that objects are taken out of.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) git_dir: PathBuf,
    pub(super) owner: Option<Owner>,
}

impl Source {
    /// Prepares a git command in it.
    pub(super) fn git(&self, name: &str) -> Git {
        self.git_with(&[], name)
    }

    /// The same with settings for this call.
    pub(super) fn git_with(&self, settings: &[&str], name: &str) -> Git {
        Git::with(&self.git_dir, settings, name).git_dir(&self.git_dir).owned_by(self.owner)
    }

    /// Reads objects by their ids, in that order.
    pub(super) fn blobs(&self, ids: &[RawOid]) -> Result<Vec<Vec<u8>>, WorktreeError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let asked = ids.iter().flat_map(|id| format!("{id}\n").into_bytes()).collect();
        tree::parse_batch(&self.git("cat-file").arg("--batch").feed(asked)?)
    }

    /// Reads objects by their ids, in that order; nothing of those that have more than so many bytes.
    pub(super) fn small_blobs(
        &self,
        ids: &[RawOid],
        most: u64,
    ) -> Result<Vec<Option<Vec<u8>>>, WorktreeError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let asked = ids.iter().flat_map(|id| format!("{id}\n").into_bytes()).collect();
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

    /// Returns the commits where the history of a shallow clone ends.
    pub(super) fn boundaries(&self) -> Result<Vec<Oid>, WorktreeError> {
        let listed = plain::read(&self.git_dir.join("shallow"), self.owner)?.unwrap_or_default();
        String::from_utf8_lossy(&listed).lines().map(|line| Ok(Oid::parse(line)?)).collect()
    }
}

/// Makes refs in a git directory of a run's: name and object.
pub(super) fn make_refs(git_dir: &Path, refs: &[(RefName, Oid)]) -> Result<(), WorktreeError> {
    let commands: String = refs.iter().map(|(name, id)| format!("update {name} {id}\n")).collect();
    let update = Git::new(git_dir, "update-ref").git_dir(git_dir).arg("--stdin");
    update.feed(commands.into_bytes()).map(drop)
}
