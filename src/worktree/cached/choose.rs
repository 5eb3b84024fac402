//! Takes what a run asks for, gives the cache that it gets, or why there is none.
//!
//! The rule: the same folders, the same lock files, and a base that this one has in its history; the nearest, by commits.
//! So nothing comes from code that the base does not hold: a branch that an agent wrote, say.

use std::ffi::OsStr;
use std::fs;
use std::fs::File;

use rustix::fs::OFlags;

use super::lock_files;
use super::record::{self, Record, digest};
use super::store::{Entry, Store, TIMES, TREES};
use crate::git::Oid;
use crate::layer;
use crate::plan::Cached;
use crate::worktree::base::Base;
use crate::worktree::error::WorktreeError;
use crate::worktree::repository::Repository;
use crate::worktree::state::State;

/// Caches that git is asked about, those that were used last first.
const ASKED: usize = 16;

/// What a run asks for.
#[derive(Debug)]
pub(super) struct Want<'a> {
    pub(super) folders: &'a [Cached],
    /// Digest of the base's lock files.
    pub(super) locks: &'a str,
    pub(super) base: &'a Oid,
    /// How the layers of HOME are made now; nothing where that makes no difference.
    pub(super) overlay: Option<bool>,
    /// The one that the run began with, which goes on.
    pub(super) again: Option<&'a str>,
}

/// Which cache a run would get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// One of another run.
    Hit {
        /// The run.
        run: String,
        /// The commit that was its base.
        base: Oid,
        /// It is this run's base, too.
        is_exact: bool,
    },
    /// None, for this reason.
    Miss(String),
}

/// Tells which cache a run of a base would get.
pub fn preview(
    state: &State,
    repository: &Repository,
    base: &Base,
    uid: u32,
    folders: &[Cached],
) -> Result<Choice, WorktreeError> {
    let store = Store::of(state, &repository.common_dir, uid);
    let locks = lock_files::digest(&base.parts);
    let want = Want { folders, locks: &locks, base: &base.commit, overlay: None, again: None };
    Ok(match choose(&store, repository, &want)? {
        Ok(entry) => Choice::Hit {
            run: entry.record.run,
            is_exact: entry.record.base == base.commit,
            base: entry.record.base,
        },
        Err(why) => Choice::Miss(why),
    })
}

/// Finds it, or says why there is none.
pub(super) fn choose(
    store: &Store,
    repository: &Repository,
    want: &Want<'_>,
) -> Result<Result<Entry, String>, WorktreeError> {
    let names = record::names(want.folders);
    let mut left = store.entries()?;
    if let Some(again) = want.again {
        left.retain(|entry| entry.digest == again);
        let is_whole = |entry: &Entry| is_as_made(entry);
        return Ok(left
            .into_iter()
            .find(is_whole)
            .ok_or_else(|| "what the run began with is gone".to_owned()));
    }
    let mut why = None;
    let mut narrow = |left: &mut Vec<Entry>, fits: &dyn Fn(&Record) -> bool, otherwise: &'static str| {
        let had = !left.is_empty();
        left.retain(|entry| fits(&entry.record));
        if had && left.is_empty() {
            why = Some(otherwise);
        }
    };
    let (common_dir, overlay) = (&repository.common_dir, want.overlay);
    let none_yet = if left.is_empty() {
        "no run that passed has left one yet"
    } else {
        "the base has none of theirs in its history"
    };
    narrow(&mut left, &|own| own.common_dir == *common_dir, "those there are of another repository");
    narrow(&mut left, &|own| own.folders == names, "those there are of other folders");
    narrow(&mut left, &|own| own.locks == want.locks, "the lock files are others");
    let same_layers = |own: &Record| overlay.is_none_or(|overlay| overlay == own.overlay);
    narrow(&mut left, &same_layers, "layers of HOME are made otherwise by now");
    let near = nearest(left, repository, want.base)?;
    if near.is_empty() {
        return Ok(Err(why.unwrap_or(none_yet).to_owned()));
    }
    // One that somebody changed is nobody's.
    Ok(near.into_iter().find(is_as_made).ok_or_else(|| "it is not as it was made".to_owned()))
}

/// Orders them by the commits between their base and this one; those of others go.
fn nearest(entries: Vec<Entry>, repository: &Repository, base: &Oid) -> Result<Vec<Entry>, WorktreeError> {
    let mut near: Vec<(u64, Entry)> = Vec::new();
    for entry in entries.into_iter().take(ASKED) {
        let own = &entry.record.base;
        if own == base {
            near.push((0, entry));
            continue;
        }
        let is_ancestor = repository.git("merge-base").args(["--is-ancestor", own.as_str(), base.as_str()]);
        if is_ancestor.succeeds()? {
            let range = format!("{own}..{base}");
            let count = repository.git("rev-list").args(["--count", &range]).line()?;
            near.push((count.parse().unwrap_or(u64::MAX), entry));
        }
    }
    // Of those that are as near, the one that was used last comes first as it did.
    near.sort_by_key(|(commits, _)| *commits);
    Ok(near.into_iter().map(|(_, entry)| entry).collect())
}

/// Tells whether nobody has written to it since.
fn is_as_made(entry: &Entry) -> bool {
    let times = fs::read(entry.path.join(TIMES)).is_ok_and(|bytes| digest(&bytes) == entry.record.times);
    let flags = i32::try_from((OFlags::DIRECTORY | OFlags::NOFOLLOW).bits()).unwrap_or_default();
    let trees = std::os::unix::fs::OpenOptionsExt::custom_flags(File::options().read(true), flags)
        .open(entry.path.join(TREES));
    let Ok(trees) = trees else { return false };
    let print = |at: usize| layer::print_of(&trees, OsStr::new(&at.to_string())).ok().flatten();
    times && entry.record.trees.iter().enumerate().all(|(at, tree)| print(at) == Some(tree.print))
}
