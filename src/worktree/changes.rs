//! What differs between a worktree and its last checkpoint, found without git.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::rules::Rules;
use super::tree::{Entry, ObjectFormat};
use super::walk::{Found, Identity, Root, Tracked, Walk};

/// A change time younger than this, seen from the look at it, proves nothing: the clock behind it is coarse.
const RACY: Duration = Duration::from_millis(50);

/// What happened to a path since the last checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It is new.
    Added,
    /// Its content, mode or kind is another.
    Modified,
    /// It is gone.
    Deleted,
}

/// One path that differs from the last checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    pub(super) path: Vec<u8>,
    /// What happened to it.
    pub kind: Kind,
    /// Id of its raw bytes; empty if it is gone.
    pub(super) oid: String,
}

impl Changed {
    /// Returns the path, relative to the repository's top.
    pub fn path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.path))
    }
}

/// Everything that differs from the last checkpoint.
#[derive(Debug, Default)]
pub struct Changes {
    /// What a commit can hold, by path.
    pub paths: Vec<Changed>,
    /// What it cannot, with its kind, by path.
    pub unheld: Vec<(String, &'static str)>,
    pub(super) folders: Vec<Vec<u8>>,
    pub(super) ignored: Vec<Vec<u8>>,
}

impl Changes {
    /// Tells whether the worktree is as at the last checkpoint.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }
}

/// What is known of a path of the last checkpoint.
#[derive(Debug, Clone)]
struct Known {
    mode: u32,
    oid: String,
    /// How the file looked when it was known to hold these bytes.
    seen: Option<Identity>,
}

/// The state of a worktree at its last checkpoint.
#[derive(Debug)]
pub(super) struct Snapshot {
    known: HashMap<Vec<u8>, Known>,
    tracked: Tracked,
    format: ObjectFormat,
}

impl Snapshot {
    /// Starts from a commit's entries, nothing of the files seen yet.
    pub(super) fn of(entries: &[Entry], format: ObjectFormat) -> Self {
        let known = entries.iter().map(|entry| {
            (entry.path.clone(), Known { mode: entry.mode, oid: entry.oid.clone(), seen: None })
        });
        let tracked = Tracked::of(entries.iter().map(|entry| entry.path.as_slice()));
        Self { known: known.collect(), tracked, format }
    }

    /// Believes what is there now to be the checkpoint: git itself has just written it.
    pub(super) fn believe(&mut self, root: &Root, rules: &Rules) -> io::Result<u64> {
        let now = SystemTime::now();
        let walk = root.walk(rules, &self.tracked)?;
        for found in &walk.found {
            if let Some(known) = self.known.get_mut(&found.path) {
                known.seen = settled(found.identity, now);
            }
        }
        Ok(walk.found.len() as u64)
    }

    /// Compares; what only looks different (touched, not changed) is remembered as seen.
    pub(super) fn compare(&mut self, root: &Root, rules: &Rules) -> io::Result<Changes> {
        let now = SystemTime::now();
        let Walk { found, folders, ignored, unheld } = root.walk(rules, &self.tracked)?;
        let mut changes = Changes { folders, ignored, ..Changes::default() };
        let mut there: std::collections::HashSet<&[u8]> =
            std::collections::HashSet::with_capacity(found.len());
        for found in &found {
            there.insert(&found.path);
            changes.paths.extend(self.judge(root, found, now)?);
        }
        let gone = self.known.keys().filter(|path| !there.contains(path.as_slice()));
        changes.paths.extend(gone.map(|path| Changed {
            path: path.clone(),
            kind: Kind::Deleted,
            oid: String::new(),
        }));
        changes.paths.sort_by(|a, b| a.path.cmp(&b.path));
        let shown = |path: Vec<u8>| String::from_utf8_lossy(&path).into_owned();
        changes.unheld = unheld.into_iter().map(|(path, kind)| (shown(path), kind)).collect();
        changes.unheld.sort();
        Ok(changes)
    }

    fn judge(&mut self, root: &Root, found: &Found, now: SystemTime) -> io::Result<Option<Changed>> {
        let known = self.known.get_mut(&found.path);
        if known.as_ref().is_some_and(|known| known.mode == found.mode && known.seen == Some(found.identity))
        {
            return Ok(None);
        }
        let oid = root.blob(&found.path, found.mode, self.format)?;
        let kind = match known {
            Some(known) if known.mode == found.mode && known.oid == oid => {
                known.seen = settled(found.identity, now);
                return Ok(None);
            }
            Some(_) => Kind::Modified,
            None => Kind::Added,
        };
        Ok(Some(Changed { path: found.path.clone(), kind, oid }))
    }

    /// Takes a checkpoint's differences over; the files are looked at afresh next time.
    pub(super) fn advance(&mut self, changes: &Changes, new: &HashMap<Vec<u8>, (u32, String)>) {
        for changed in &changes.paths {
            match new.get(&changed.path) {
                Some((mode, oid)) => {
                    let known = Known { mode: *mode, oid: oid.clone(), seen: None };
                    self.known.insert(changed.path.clone(), known);
                }
                None => {
                    self.known.remove(&changed.path);
                }
            }
        }
        self.tracked = Tracked::of(self.known.keys().map(Vec::as_slice));
    }

    /// Tells whether the checkpoint holds a path.
    pub(super) fn holds(&self, path: &[u8]) -> bool {
        self.known.contains_key(path)
    }

    /// Tells whether the checkpoint holds something below a folder.
    pub(super) fn holds_below(&self, folder: &[u8]) -> bool {
        self.tracked.has_below(folder)
    }

    /// Returns the number of paths of the checkpoint.
    pub(super) fn len(&self) -> u64 {
        self.known.len() as u64
    }
}

/// Returns the identity if the file was last changed long enough ago for it to tell a later change.
fn settled(identity: Identity, now: SystemTime) -> Option<Identity> {
    let (seconds, nanoseconds) = identity.changed();
    let changed = UNIX_EPOCH
        + Duration::new(u64::try_from(seconds).unwrap_or(0), u32::try_from(nanoseconds).unwrap_or(0));
    now.duration_since(changed).is_ok_and(|age| age > RACY).then_some(identity)
}
