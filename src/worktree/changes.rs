//! What differs between a worktree and its last checkpoint, found without git.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::part::Part;
use super::root::Root;
use super::rules::Rules;
use super::tree::{Entry, ObjectFormat};
use super::walk::{Found, Identity, Tracked, Unheld, Walk};

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
    /// Its mode as git has it; 0 if it is gone.
    pub(super) mode: u32,
    /// Its bytes.
    pub(super) size: u64,
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
    mode: u32,
    oid: String,
    /// Id of its raw bytes on disk, where attributes (line ends, keywords, encodings, LFS) make it another one.
    raw: Option<String>,
    /// How the file looked when it was known to hold these bytes.
    seen: Option<Identity>,
}

impl Known {
    fn new(mode: u32, oid: &str) -> Self {
        Self { mode, oid: oid.to_owned(), raw: None, seen: None }
    }

    fn is(&self, mode: u32, oid: &str) -> bool {
        self.mode == mode && self.raw.as_deref().unwrap_or(&self.oid) == oid
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
        let known: HashMap<_, _> =
            entries.map(|entry| (entry.path, Known::new(entry.mode, &entry.oid))).collect();
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
                if convert && found.mode != super::tree::LINK {
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
                known.raw = Some(root.blob(path, known.mode, self.format)?);
                known.seen = None;
            }
        }
        Ok(())
    }

    /// Takes these bytes, by their id as a blob, for what a path of the checkpoint has on disk.
    pub(super) fn converted(&mut self, path: &[u8], raw: String) {
        if let Some(known) = self.known.get_mut(path) {
            (known.raw, known.seen) = (Some(raw), None);
        }
    }

    /// Tells whether a file's mode and raw bytes are those of the checkpoint, and of this commit's entry.
    pub(super) fn proves(&self, found: &Found, raw: &str, committed: &(u32, String)) -> bool {
        let known = self.known.get(&found.path);
        known.is_some_and(|known| {
            known.is(found.mode, raw) && (known.mode, &known.oid) == (committed.0, &committed.1)
        })
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
            match self.judge(root, found, now)? {
                Verdict::Same => {}
                Verdict::Changed(changed) => changes.paths.push(changed),
                Verdict::Big => changes.unheld.push((found.path.clone(), Unheld::Big)),
            }
        }
        let gone = self.known.keys().filter(|path| !there.contains(path.as_slice()));
        changes.paths.extend(gone.map(|path| Changed {
            path: path.clone(),
            kind: Kind::Deleted,
            oid: String::new(),
            mode: 0,
            size: 0,
        }));
        changes.paths.sort_by(|a, b| a.path.cmp(&b.path));
        changes.unheld.extend(unheld);
        changes.unheld.sort();
        Ok(changes)
    }

    fn judge(&mut self, root: &Root, found: &Found, now: SystemTime) -> io::Result<Verdict> {
        let known = self.known.get_mut(&found.path);
        if known.as_ref().is_some_and(|known| known.mode == found.mode && known.seen == Some(found.identity))
        {
            return Ok(Verdict::Same);
        }
        let size = found.identity.size();
        if size > self.largest && known.is_none_or(|known| known.seen.is_some()) {
            return Ok(Verdict::Big);
        }
        let known = self.known.get_mut(&found.path);
        let oid = root.blob(&found.path, found.mode, self.format)?;
        let kind = match known {
            Some(known) if known.is(found.mode, &oid) => {
                known.seen = settled(found.identity, now);
                return Ok(Verdict::Same);
            }
            Some(_) => Kind::Modified,
            None => Kind::Added,
        };
        Ok(Verdict::Changed(Changed { path: found.path.clone(), kind, oid, mode: found.mode, size }))
    }

    /// Takes a checkpoint's differences over; the files are looked at afresh next time.
    pub(super) fn advance(&mut self, changes: &Changes, new: &HashMap<Vec<u8>, (u32, String)>) {
        for changed in &changes.paths {
            match new.get(&changed.path) {
                Some((mode, oid)) => {
                    let raw = (changed.oid != *oid).then(|| changed.oid.clone());
                    self.known.insert(changed.path.clone(), Known { raw, ..Known::new(*mode, oid) });
                }
                None if changed.kind == Kind::Deleted => {
                    self.known.remove(&changed.path);
                }
                // Other bytes on disk, but nothing that the commit shows: line ends, say.
                None => {
                    if let Some(known) = self.known.get_mut(&changed.path) {
                        known.raw = Some(changed.oid.clone());
                    }
                }
            }
        }
        self.tracked = Tracked::of(self.known.keys().map(Vec::as_slice), &self.tops);
    }

    /// Returns mode and id of a path of the checkpoint.
    pub(super) fn committed(&self, path: &[u8]) -> Option<(u32, &str)> {
        self.known.get(path).map(|known| (known.mode, known.oid.as_str()))
    }

    /// Lists the files of the checkpoint, links left out.
    pub(super) fn files(&self) -> Vec<Vec<u8>> {
        let files = self.known.iter().filter(|(_, known)| known.mode != super::tree::LINK);
        files.map(|(path, _)| path.clone()).collect()
    }

    /// Finds a path of the checkpoint by the id of its blob.
    pub(super) fn path_of(&self, is_it: impl Fn(&str) -> bool) -> Option<&[u8]> {
        self.known.iter().find(|(_, known)| is_it(&known.oid)).map(|(path, _)| path.as_slice())
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
