//! Takes what runs say that they found in folders that are kept, the runs at hand and their repository, gives what does not
//! fit: a cache of another history or of other lock files, or one that its run did not leave.

use std::collections::HashMap;

use super::code::Code;
use super::finding::Finding;
use super::story::Story;
use crate::evidence::RunName;
use crate::evidence::event::{CacheKept, CacheLooked};
use crate::git::Oid;
use crate::worktree::{Found, Repository, WorktreeError};

/// What a run at hand has left of the folders of its plan's `cache`.
#[derive(Debug)]
struct Left {
    base: Oid,
    looked: Option<CacheLooked>,
    kept: Option<CacheKept>,
}

/// What runs at hand have left, by their names.
#[derive(Debug)]
pub(super) struct Caches(HashMap<RunName, Left>);

impl Caches {
    /// Takes those of all runs whose journals hold.
    pub(super) fn of<'a>(stories: impl Iterator<Item = (RunName, &'a Story)>) -> Self {
        let left = |(run, story): (RunName, &Story)| {
            let base = story.start.as_ref()?.commit.clone();
            Some((run, Left { base, looked: story.looked.first().cloned(), kept: story.kept.clone() }))
        };
        Self(stories.filter_map(left).collect())
    }

    /// Compares what a run took with what the one that left it says. Of one that is not at hand nothing is known; nor of what
    /// a runner left that was killed before it came to say so.
    pub(super) fn check(&self, story: &Story) -> Vec<Finding> {
        story.looked.iter().filter_map(|looked| self.differs(looked)).collect()
    }

    fn differs(&self, looked: &CacheLooked) -> Option<Finding> {
        let run = String::from(looked.run.clone()?);
        let left = self.0.get(&run.parse().ok()?)?;
        let (digest, base) = (looked.sha256.as_ref()?, looked.base.as_ref()?);
        let differs = |expected: String, found: String| {
            Some(Finding::new(Code::CacheForeign, format!("what run {run} left, {expected}"), found))
        };
        if left.base != *base {
            return differs(format!("of its base {}", left.base), base.to_string());
        }
        let Some(own) = &left.looked else {
            return differs("which looked for none".to_owned(), digest.to_string());
        };
        if own.locks != looked.locks {
            return differs(format!("with lock files {}", own.locks), looked.locks.to_string());
        }
        if named(own) != named(looked) {
            return differs(named(own).join(" "), named(looked).join(" "));
        }
        let kept = left.kept.as_ref()?;
        match &kept.sha256 {
            Some(own) if own == digest => None,
            Some(own) => differs(own.to_string(), digest.to_string()),
            None => differs("nothing".to_owned(), digest.to_string()),
        }
    }
}

/// The folders, in whatever order a plan names them.
fn named(looked: &CacheLooked) -> Vec<String> {
    let mut folders: Vec<String> = looked.folders.iter().map(ToString::to_string).collect();
    folders.sort();
    folders
}

/// Compares what a run says of its base's lock files, and of the base of what it took, with the repository.
pub(super) fn check(
    repository: &Repository,
    story: &Story,
    notes: &mut Vec<String>,
) -> Result<Vec<Finding>, WorktreeError> {
    let Some(start) = &story.start else { return Ok(Vec::new()) };
    let mut findings = Vec::new();
    for looked in &story.looked {
        findings.extend(locks_differ(repository, &start.commit, looked)?);
        let Some(base) = looked.base.as_ref().filter(|base| **base != start.commit) else { continue };
        if !matches!(repository.commits(&[base.as_str()])?.first(), Some(Found::Commit(_))) {
            notes.push(format!("commit {base}, at which the cache was left, is not here"));
        } else if repository.is_ancestor(base.as_str(), start.commit.as_str())? {
            findings.extend(locks_differ(repository, base, looked)?);
        } else {
            let expected = format!("a cache of the history of {}", start.commit);
            findings.push(Finding::new(Code::CacheForeign, expected, format!("one left at {base}")));
        }
    }
    Ok(findings)
}

/// Compares the digest of lock files with those of a commit that is here. Where it has submodules, they may be elsewhere by
/// now.
fn locks_differ(
    repository: &Repository,
    commit: &Oid,
    looked: &CacheLooked,
) -> Result<Option<Finding>, WorktreeError> {
    let own = repository.lock_files(commit)?.filter(|own| own != looked.locks.as_str());
    Ok(own.map(|own| {
        let expected = format!("lock files of {commit}: {own}");
        Finding::new(Code::CacheForeign, expected, looked.locks.to_string())
    }))
}
