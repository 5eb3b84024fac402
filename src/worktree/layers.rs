//! What is known of the layers of a run: which HOME is in use, and how everything looked when it was last left.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use super::error::WorktreeError;
use super::ignored::Ignored;
use super::root::Root;
use super::rundir::RunDir;
use crate::layer::{self, Backend, Print};
use crate::plan::Tier;

/// What is known of the layers of a run.
#[derive(Debug, Default)]
pub(super) struct Layers {
    pub(super) backend: Option<Backend>,
    pub(super) known: Known,
    /// Whose HOME is in use.
    pub(super) home: Option<Tier>,
    pub(super) below: Vec<PathBuf>,
    /// Nobody worked in the worktree since it was last looked at.
    is_settled: AtomicBool,
}

/// The part of it that outlives a runner.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Known {
    pub(super) ignored: Ignored,
    /// The lowest tier that worked with the step's own git since that was stripped.
    pub(super) git: Option<Tier>,
    /// How the entries of each HOME looked when it was last left.
    pub(super) homes: BTreeMap<Tier, Entries>,
    /// How those of the HOME above looked when they were last cloned into the offline one.
    pub(super) cloned: BTreeMap<String, Entries>,
    /// What the run began with of an earlier one's folders.
    #[serde(default)]
    pub(super) taken: Option<Taken>,
}

/// What a run began with of an earlier one's folders.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Taken {
    /// Digest of the cache.
    pub(super) digest: String,
    /// How many versions of folders of the checkout there were.
    pub(super) versions: usize,
    /// How its folders of HOME looked then: whose HOME, and where in it.
    pub(super) homes: Vec<(Tier, String, Option<Print>)>,
}

/// Names in a HOME, in order, with their prints; one of which nothing is known counts as changed.
pub(super) type Entries = Vec<(Vec<u8>, Option<Print>)>;

/// Lists the entries that are not as they were; `gone`: those too that are not there any more.
pub(super) fn changed<'a>(
    before: &'a Entries,
    now: &'a Entries,
    gone: bool,
) -> impl Iterator<Item = &'a [u8]> {
    // Both are in order, and a step can make any number of entries.
    let find = |entries: &'a Entries, name: &[u8]| {
        entries.binary_search_by(|(own, _)| own.as_slice().cmp(name)).ok().map(|at| &entries[at].1)
    };
    let is_new =
        move |(name, print): &&(Vec<u8>, Option<Print>)| print.is_none() || find(before, name) != Some(print);
    let is_gone = move |(name, _): &&(Vec<u8>, Option<Print>)| gone && find(now, name).is_none();
    now.iter().filter(is_new).chain(before.iter().filter(is_gone)).map(|(name, _)| name.as_slice())
}

impl Layers {
    /// Reads what a runner before had written down; what cannot be read is not known.
    pub(super) fn of(dir: &RunDir) -> Self {
        let known = fs::read(dir.layers()).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Self { known: known.unwrap_or_default(), ..Self::default() }
    }

    /// Notes that somebody may write in the worktree from now on.
    pub(super) fn unsettle(&self) {
        self.is_settled.store(false, Ordering::Relaxed);
    }

    /// Notes that all that was written there is known.
    pub(super) fn settled(&self) {
        self.is_settled.store(true, Ordering::Relaxed);
    }

    /// Tells whether all that was written there is known.
    pub(super) fn is_settled(&self) -> bool {
        self.is_settled.load(Ordering::Relaxed)
    }
}

/// Takes prints of what a HOME holds; folders with no file in them are places for something to be mounted.
pub(super) fn entries(home: &Path) -> Result<Entries, WorktreeError> {
    let root = Root::open(home)?;
    root.open_top()?;
    let folder = root.below(b"", OFlags::PATH | OFlags::DIRECTORY)?;
    let mut entries = Entries::new();
    for entry in root.list(b"")? {
        let (name, _) = entry?;
        let print = layer::print_of(&folder, OsStr::from_bytes(&name))?;
        if print.is_none_or(|print| print.files > 0) {
            entries.push((name, print));
        }
    }
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(entries)
}
