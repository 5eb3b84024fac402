//! What several files of the room go by: the names of a run's refs, what a run is for, how a path is shown.

use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

/// The runner's ref for the last checkpoint.
pub(super) const RESULT: &str = "refs/autopilot/result";

/// What git is to bring to the disk before it goes on.
pub(super) const DURABLE: &str = "objects,derived-metadata,reference";

/// What a run may salvage whose record does not say: one of before it did.
pub(super) const DEFAULT_SALVAGE: u64 = 1 << 30;

/// Bytes that a run looks into at once, commits, or salvages: what goes out goes in one file, and no git of a run's may
/// write one over 4 GiB. Some of that is for what files are wrapped in.
pub(super) const MOST: u64 = 4_000_000_000;

/// Bytes of a path that are shown.
const SHOWN: usize = 300;

/// What the worktree of a run is for.
#[derive(Debug, Clone, Copy)]
pub struct RunOf<'a> {
    /// The run.
    pub run: &'a str,
    /// The issue.
    pub issue: u64,
    /// The result branch, without `refs/heads/`.
    pub branch: &'a str,
    /// Bytes that it may salvage.
    pub salvage: u64,
    /// How long it took to make ready what it borrows.
    pub prepared: Duration,
    /// Where it goes on, if an earlier part of it has made checkpoints already.
    pub earlier: Option<Earlier<'a>>,
}

/// What an earlier part of a run left in the user's repository.
#[derive(Debug, Clone, Copy)]
pub struct Earlier<'a> {
    /// Its last checkpoint.
    pub checkpoint: &'a str,
    /// Its salvage bundle, which goes on to hold all that is salvaged.
    pub salvage: Option<&'a Path>,
}

/// Writes a path for people; of one that nobody would read, its ends.
pub(super) fn shown(path: &[u8]) -> Cow<'_, str> {
    if path.len() <= SHOWN {
        return String::from_utf8_lossy(path);
    }
    let end = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Cow::Owned(end(&path[..SHOWN / 2]) + "…" + &end(&path[path.len() - SHOWN / 2..]))
}

/// Writes a count with its noun.
pub(super) fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
