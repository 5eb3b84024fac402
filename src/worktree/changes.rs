//! What differs between a worktree and its last checkpoint, found without git.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::layout::MOST;
use super::part::Part;
use super::root::Root;
use super::rules::Rules;
use super::tree::{self, Difference, Entry, Held, ObjectFormat};
use super::unfit::Unheld;
use super::walk::{Found, Identity, Tracked, Walk};
use crate::git::Oid;

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
    pub(super) now: Now,
}

/// What is at a path now that is not as at the last checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Now {
    /// Something that a commit can hold.
    Written(Written),
    /// Nothing.
    Deleted,
}

/// What was written to a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    /// Its mode as git has it, and the id of its raw bytes.
    pub(super) held: Held,
    /// Its bytes.
    pub(super) size: u64,
    /// The last checkpoint has nothing there.
    pub(super) is_new: bool,
}

impl Changed {
    /// Returns the path, relative to the repository's top.
    pub fn path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.path))
    }

    /// Says what happened to it.
    pub fn kind(&self) -> Kind {
        match &self.now {
            Now::Written(Written { is_new: true, .. }) => Kind::Added,
            Now::Written(_) => Kind::Modified,
            Now::Deleted => Kind::Deleted,
        }
    }

    /// Returns what was written there; nothing if it is gone.
    pub(super) fn written(&self) -> Option<&Written> {
        match &self.now {
            Now::Written(written) => Some(written),
            Now::Deleted => None,
        }
    }
}

/// Everything that differs from the last checkpoint.
#[derive(Debug, Default)]
pub struct Changes {
    /// What a commit can hold, by path.
    pub paths: Vec<Changed>,
    /// What it cannot, by path.
    pub unheld: Vec<(Vec<u8>, Unheld)>,
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
    held: Held,
    /// Id of its raw bytes on disk, where attributes (line ends, keywords, encodings, LFS) make it another one.
    raw: Option<Oid>,
    /// How the file looked when it was known to hold these bytes.
    seen: Option<Identity>,
}

impl Known {
    fn new(held: Held) -> Self {
        Self { held, raw: None, seen: None }
    }

    fn is(&self, mode: u32, oid: &Oid) -> bool {
        self.held.mode == mode && self.raw.as_ref().unwrap_or(&self.held.oid) == oid
    }
}

/// The state of a worktree at its last checkpoint.
#[derive(Debug)]
pub(super) struct Snapshot {
    known: HashMap<Vec<u8>, Known>,
    tracked: Tracked,
    /// Folders with a repository of the step's own making: the worktree's top and submodules.
    tops: Vec<Vec<u8>>,
    /// Largest file that is looked into where it is not known to be of the checkpoint: a sparse one of a
    /// tebibyte would be read for an hour.
    largest: u64,
    format: ObjectFormat,
}

/// What a look at a file tells.
enum Verdict {
    Same,
    Changed(Changed),
    Big,
}

impl Snapshot {
    /// Starts from the files of a commit and of the submodules in it, nothing of them seen yet.
    pub(super) fn of(
        entries: impl Iterator<Item = Entry>,
        parts: &[Part],
        largest: u64,
        format: ObjectFormat,
    ) -> Self {
        let known: HashMap<_, _> = entries.map(|entry| (entry.path, Known::new(entry.held))).collect();
        let tops: Vec<Vec<u8>> = parts.iter().map(|part| part.path.clone()).collect();
        let tracked = Tracked::of(known.keys().map(Vec::as_slice), &tops);
        Self { known, tracked, tops, largest, format }
    }

    /// Believes what is there now to be the checkpoint: git itself has just written it. Where attributes
    /// `convert`, what it wrote are other bytes than the blobs hold, and which ones is looked up.
    pub(super) fn believe(&mut self, root: &Root, rules: &Rules, convert: bool) -> io::Result<()> {
        let now = SystemTime::now();
        let walk = root.walk(rules, &self.tracked)?;
        for found in &walk.found {
            if let Some(known) = self.known.get_mut(&found.path) {
                known.seen = settled(found.identity, now);
                if convert && found.mode != tree::LINK {
                    known.raw = Some(root.blob(&found.path, found.mode, self.format)?);
                }
            }
        }
        Ok(())
    }

    /// Believes these paths to be as in the checkpoint: git itself has just written them again.
    pub(super) fn believe_paths(&mut self, root: &Root, paths: &[&[u8]]) -> io::Result<()> {
        for path in paths {
            if let Some(known) = self.known.get_mut(*path) {
                known.raw = Some(root.blob(path, known.held.mode, self.format)?);
                known.seen = None;
            }
        }
        Ok(())
    }

    /// Takes these bytes, by their id as a blob, for what a path of the checkpoint has on disk.
    pub(super) fn converted(&mut self, path: &[u8], raw: Oid) {
        if let Some(known) = self.known.get_mut(path) {
            (known.raw, known.seen) = (Some(raw), None);
        }
    }

    /// Tells whether a file's mode and raw bytes are those of the checkpoint.
    pub(super) fn proves(&self, found: &Found, raw: &Oid) -> bool {
        self.known.get(&found.path).is_some_and(|known| known.is(found.mode, raw))
    }

    /// Returns the paths of the checkpoint and the folders above them.
    pub(super) fn tracked(&self) -> &Tracked {
        &self.tracked
    }

    /// Compares; what only looks different (touched, not changed) is remembered as seen.
    pub(super) fn compare(&mut self, root: &Root, rules: &Rules) -> io::Result<Changes> {
        let now = SystemTime::now();
        let Walk { found, folders, ignored, unheld } = root.walk(rules, &self.tracked)?;
        let mut changes = Changes { folders, ignored, ..Changes::default() };
        let mut there: std::collections::HashSet<&[u8]> =
            std::collections::HashSet::with_capacity(found.len());
        let mut left = MOST;
        for found in &found {
            there.insert(&found.path);
            match self.judge(root, found, now, &mut left)? {
                Verdict::Same => {}
                Verdict::Changed(changed) => changes.paths.push(changed),
                Verdict::Big => changes.unheld.push((found.path.clone(), Unheld::Big)),
            }
        }
        let gone = self.known.keys().filter(|path| !there.contains(path.as_slice()));
        changes.paths.extend(gone.map(|path| Changed { path: path.clone(), now: Now::Deleted }));
        changes.paths.sort_by(|a, b| a.path.cmp(&b.path));
        changes.unheld.extend(unheld);
        changes.unheld.sort();
        Ok(changes)
    }

    fn judge(&mut self, root: &Root, found: &Found, now: SystemTime, left: &mut u64) -> io::Result<Verdict> {
        let known = self.known.get_mut(&found.path);
        if known
            .as_ref()
            .is_some_and(|known| known.held.mode == found.mode && known.seen == Some(found.identity))
        {
            return Ok(Verdict::Same);
        }
        let size = found.identity.size();
        if size > self.largest.min(*left) && known.is_none_or(|known| known.seen.is_some()) {
            return Ok(Verdict::Big);
        }
        *left = left.saturating_sub(size);
        let known = self.known.get_mut(&found.path);
        let oid = root.blob(&found.path, found.mode, self.format)?;
        let is_new = known.is_none();
        match known {
            Some(known) if known.is(found.mode, &oid) => {
                known.seen = settled(found.identity, now);
                Ok(Verdict::Same)
            }
            _ => {
                let written = Written { held: Held { mode: found.mode, oid }, size, is_new };
                Ok(Verdict::Changed(Changed { path: found.path.clone(), now: Now::Written(written) }))
            }
        }
    }

    /// Takes a checkpoint's differences over; the files are looked at afresh next time.
    /// Both are sorted by path.
    pub(super) fn advance(&mut self, changes: &Changes, differences: &[Difference]) {
        // There are two of it otherwise, while the new one is made.
        self.tracked = Tracked::default();
        for changed in &changes.paths {
            let written = changed.written().map(|written| &written.held.oid);
            let new = tree::find(differences, &changed.path).and_then(|difference| difference.new.as_ref());
            match (new, written) {
                (Some(held), raw) => {
                    let raw = raw.filter(|raw| **raw != held.oid).cloned();
                    self.known.insert(changed.path.clone(), Known { raw, ..Known::new(held.clone()) });
                }
                (None, None) => {
                    self.known.remove(&changed.path);
                }
                // Other bytes on disk, but nothing that the commit shows: line ends, say.
                (None, Some(raw)) => {
                    if let Some(known) = self.known.get_mut(&changed.path) {
                        known.raw = Some(raw.clone());
                    }
                }
            }
        }
        self.tracked = Tracked::of(self.known.keys().map(Vec::as_slice), &self.tops);
    }

    /// Returns what the checkpoint holds at a path.
    pub(super) fn committed(&self, path: &[u8]) -> Option<&Held> {
        self.known.get(path).map(|known| &known.held)
    }

    /// Lists the files of the checkpoint, links left out.
    pub(super) fn files(&self) -> Vec<Vec<u8>> {
        let files = self.known.iter().filter(|(_, known)| known.held.mode != tree::LINK);
        files.map(|(path, _)| path.clone()).collect()
    }

    /// Finds a path of the checkpoint by the id of its blob.
    pub(super) fn path_of(&self, is_it: impl Fn(&Oid) -> bool) -> Option<&[u8]> {
        self.known.iter().find(|(_, known)| is_it(&known.held.oid)).map(|(path, _)| path.as_slice())
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
