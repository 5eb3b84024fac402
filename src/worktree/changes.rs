//! What differs between a worktree and its last checkpoint, found without git.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::error::WorktreeError;
use super::layout::MOST;
use super::part::Part;
use super::root::Root;
use super::rules::Rules;
use super::tree::{self, Difference, Entry, GITLINK, Held, ObjectFormat};
use super::unfit::Unheld;
use super::walk::{Beside, Folders, Found, Identity, Tracked};
use crate::git::RawOid;

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
    /// What rules of steps keep off the checkpoints, and is as an attempt found it, with its bytes.
    pub(super) still_off: Vec<(Vec<u8>, u64)>,
}

/// Which rules that steps wrote count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WrittenRules {
    /// Those that lie in the worktree.
    Now,
    /// Those of the last checkpoint.
    Before,
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
    raw: Option<Box<RawOid>>,
    /// How the file looked when it was known to hold these bytes.
    seen: Option<Identity>,
    /// It was met by who goes through all paths.
    is_met: bool,
}

impl Known {
    fn new(held: Held) -> Self {
        Self { held, raw: None, seen: None, is_met: false }
    }

    fn is(&self, mode: u32, oid: RawOid) -> bool {
        self.held.mode == mode && self.raw.as_deref().copied().unwrap_or(self.held.oid) == oid
    }
}

/// The state of a worktree at its last checkpoint. There can be a hundred thousand files in it: nothing is there twice.
#[derive(Debug)]
pub(super) struct Snapshot {
    known: HashMap<Box<[u8]>, Known>,
    /// Files that rules of steps keep off the checkpoints, as an attempt found them.
    off: HashMap<Box<[u8]>, Known>,
    /// The rules of the last checkpoint, where steps wrote some of them.
    pub(super) hides: Option<Rules>,
    /// Those above a path that is known.
    folders: Folders,
    /// Folders with a repository of the step's own making: the worktree's top and submodules.
    tops: Vec<Vec<u8>>,
    /// Largest file that is looked into where it is not known to be of the checkpoint: a sparse one of a
    /// tebibyte would be read for an hour.
    largest: u64,
    format: ObjectFormat,
}

impl Tracked for Snapshot {
    fn has(&self, path: &[u8]) -> bool {
        self.holds(path)
    }

    fn has_below(&self, folder: &[u8]) -> bool {
        self.folders.has(folder)
    }

    fn is_top(&self, folder: &[u8]) -> bool {
        self.tops.iter().any(|top| top == folder)
    }
}

/// What a look at a file tells.
enum Verdict {
    Same,
    Changed(Written),
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
        let known = entries.map(|entry| (entry.path.into(), Known::new(entry.held)));
        let tops = parts.iter().map(|part| part.path.clone()).collect();
        let folders = Folders::default();
        let (known, off) = (known.collect(), HashMap::new());
        let mut snapshot = Self { known, off, hides: None, folders, tops, largest, format };
        snapshot.find_folders();
        snapshot
    }

    /// Believes what is there now to be the checkpoint: git itself has just written it. Where attributes
    /// `convert`, what it wrote are other bytes than the blobs hold, and which ones is looked up.
    pub(super) fn believe(&mut self, root: &Root, rules: &Rules, convert: bool) -> io::Result<()> {
        let now = SystemTime::now();
        let mut walk = root.walk(rules)?;
        while let Some(found) = walk.next(self)? {
            if let Some(known) = self.known.get_mut(&*found.path) {
                known.seen = settled(found.identity, now);
                if convert && found.mode != tree::LINK {
                    known.raw = Some(Box::new(root.blob(&found.path, found.mode, self.format)?));
                }
            }
        }
        Ok(())
    }

    /// Believes these paths to be as in the checkpoint: git itself has just written them again.
    pub(super) fn believe_paths(&mut self, root: &Root, paths: &[&[u8]]) -> io::Result<()> {
        for path in paths {
            if let Some(known) = self.known.get_mut(*path) {
                known.raw = Some(Box::new(root.blob(path, known.held.mode, self.format)?));
                known.seen = None;
            }
        }
        Ok(())
    }

    /// Takes these bytes, by their id as a blob, for what a path of the checkpoint has on disk.
    pub(super) fn converted(&mut self, path: &[u8], raw: RawOid) {
        if let Some(known) = self.known.get_mut(path) {
            (known.raw, known.seen) = (Some(Box::new(raw)), None);
        }
    }

    /// Tells whether a file's mode and raw bytes are those of the checkpoint.
    pub(super) fn proves(&self, found: &Found, raw: RawOid) -> bool {
        self.known.get(&*found.path).is_some_and(|known| known.is(found.mode, raw))
    }

    /// Lists the paths of the checkpoint, with their modes and the ids that their bytes on disk have as blobs.
    pub(super) fn on_disk(&self) -> impl Iterator<Item = (&[u8], u32, RawOid)> {
        self.known.iter().map(|(path, known)| {
            (&**path, known.held.mode, known.raw.as_deref().copied().unwrap_or(known.held.oid))
        })
    }

    /// Lists the topmost ignored paths that are there now.
    pub(super) fn ignored(&self, root: &Root, rules: &Rules) -> io::Result<Vec<Vec<u8>>> {
        let mut walk = root.walk(rules)?;
        while walk.next(self)?.is_some() {}
        Ok(walk.end().ignored)
    }

    /// Compares; what only looks different (touched, not changed) is remembered as seen.
    pub(super) fn compare(&mut self, root: &Root, rules: &Rules) -> io::Result<Changes> {
        let now = SystemTime::now();
        let mut changes = Changes::default();
        let mut left = MOST;
        self.meet_anew();
        let mut walk = root.walk(rules)?;
        while let Some(found) = walk.next(self)? {
            match self.judge(root, &found, now, &mut left)? {
                Verdict::Same if !self.off.is_empty() && !self.holds(&found.path) => {
                    changes.still_off.push((found.path, found.identity.size()));
                }
                Verdict::Same => {}
                Verdict::Changed(written) => {
                    changes.paths.push(Changed { path: found.path, now: Now::Written(written) });
                }
                Verdict::Big => changes.unheld.push((found.path, Unheld::Big)),
            }
        }
        let gone = self.known.iter().filter(|(_, known)| !known.is_met);
        changes.paths.extend(gone.map(|(path, _)| Changed { path: path.to_vec(), now: Now::Deleted }));
        changes.paths.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        // What is gone, or lies below something that is ignored by now, is not kept off any more.
        self.off.retain(|_, known| known.is_met);
        let Beside { folders, ignored, unheld } = walk.end();
        (changes.folders, changes.ignored) = (folders, ignored);
        changes.unheld.extend(unheld);
        changes.unheld.sort();
        Ok(changes)
    }

    /// Takes what is hidden for what an attempt finds, beside what was kept off before and is still there.
    pub(super) fn keep_off(&mut self, hidden: &[Changed]) {
        for changed in hidden {
            if let Some(written) = changed.written() {
                self.off.insert(changed.path.as_slice().into(), Known::new(written.held));
            }
        }
    }

    /// Returns what a path that is kept off holds, as it was found.
    pub(super) fn held_off(&self, path: &[u8]) -> Option<Held> {
        self.off.get(path).map(|known| known.held)
    }

    /// Lists the paths that are kept off.
    pub(super) fn off(&self) -> impl Iterator<Item = &[u8]> {
        self.off.keys().map(|path| &**path)
    }

    /// Lists the files of rules of the checkpoint, and what they are.
    pub(super) fn rule_files(&self) -> impl Iterator<Item = (&[u8], RawOid)> {
        let is_one = |path: &[u8], known: &Known| {
            known.held.mode != tree::LINK && super::root::split(path).1 == b".gitignore"
        };
        let files = self.known.iter().filter(move |(path, known)| is_one(path, known));
        files.map(|(path, known)| (&**path, known.held.oid))
    }

    fn meet_anew(&mut self) {
        self.known.values_mut().chain(self.off.values_mut()).for_each(|known| known.is_met = false);
    }

    fn judge(&mut self, root: &Root, found: &Found, now: SystemTime, left: &mut u64) -> io::Result<Verdict> {
        let (mut known, is_new) = match self.known.get_mut(&*found.path) {
            Some(known) => (Some(known), false),
            None => (self.off.get_mut(&*found.path), true),
        };
        if let Some(known) = &mut known {
            known.is_met = true;
            if known.held.mode == found.mode && known.seen == Some(found.identity) {
                return Ok(Verdict::Same);
            }
        }
        let size = found.identity.size();
        if size > self.largest.min(*left) && known.as_ref().is_none_or(|known| known.seen.is_some()) {
            return Ok(Verdict::Big);
        }
        *left = left.saturating_sub(size);
        let oid = root.blob(&found.path, found.mode, self.format)?;
        match known {
            Some(known) if known.is(found.mode, oid) => {
                known.seen = settled(found.identity, now);
                Ok(Verdict::Same)
            }
            _ => Ok(Verdict::Changed(Written { held: Held { mode: found.mode, oid }, size, is_new })),
        }
    }

    /// Takes over what a checkpoint differs in at each changed path; the files are looked at afresh next time.
    pub(super) fn advance(&mut self, changes: &Changes, differences: &[Option<Difference>]) {
        let new = changes.paths.iter().filter(|changed| changed.kind() == Kind::Added).count();
        self.known.reserve(new);
        for (changed, difference) in changes.paths.iter().zip(differences) {
            let written = changed.written().map(|written| written.held.oid);
            match (difference.and_then(|difference| difference.new), written) {
                (Some(held), raw) => {
                    let raw = raw.filter(|raw| *raw != held.oid).map(Box::new);
                    self.off.remove(&*changed.path);
                    self.known.insert(changed.path.as_slice().into(), Known { raw, ..Known::new(held) });
                }
                (None, None) => {
                    self.known.remove(&*changed.path);
                }
                // Other bytes on disk, but nothing that the commit shows: line ends, say.
                (None, Some(raw)) => {
                    if let Some(known) = self.known.get_mut(&*changed.path) {
                        known.raw = Some(Box::new(raw));
                    }
                }
            }
        }
        self.find_folders();
    }

    fn find_folders(&mut self) {
        self.folders = Folders::above(self.known.keys().map(|path| &**path), &self.tops);
    }

    /// Takes what a commit holds, for the last checkpoint as it arrived somewhere: what is otherwise there, by path. Trees
    /// that git once wrote hold some names twice, of which git takes another than we do when it writes them anew.
    /// Nothing, if there are not as many files as in the checkpoint, those of submodules aside.
    pub(super) fn arrived(
        &mut self,
        entries: impl Iterator<Item = Result<Entry, WorktreeError>>,
        of_submodules: usize,
    ) -> Result<Option<HashMap<Vec<u8>, Held>>, WorktreeError> {
        self.meet_anew();
        let (mut others, mut count) = (HashMap::new(), of_submodules);
        for entry in entries {
            let Entry { path, held } = entry?;
            if held.mode == GITLINK {
                continue;
            }
            let known = self.known.get_mut(&*path);
            let is_as_known = known.as_ref().is_some_and(|known| known.held == held);
            count += usize::from(known.is_some_and(|known| !std::mem::replace(&mut known.is_met, true)));
            if is_as_known {
                others.remove(&path);
            } else {
                others.insert(path, held);
            }
        }
        let unknown = others.keys().filter(|path: &&Vec<u8>| !self.holds(path)).count();
        Ok((count + unknown == self.known.len()).then_some(others))
    }

    /// Returns what the checkpoint holds at a path.
    pub(super) fn committed(&self, path: &[u8]) -> Option<Held> {
        self.known.get(path).map(|known| known.held)
    }

    /// Lists the files of the checkpoint, links left out.
    pub(super) fn files(&self) -> Vec<Vec<u8>> {
        let files = self.known.iter().filter(|(_, known)| known.held.mode != tree::LINK);
        files.map(|(path, _)| path.to_vec()).collect()
    }

    /// Finds a path of the checkpoint by the id of its blob.
    pub(super) fn path_of(&self, is_it: impl Fn(RawOid) -> bool) -> Option<&[u8]> {
        self.known.iter().find(|(_, known)| is_it(known.held.oid)).map(|(path, _)| &**path)
    }

    /// Tells whether the checkpoint holds a path.
    pub(super) fn holds(&self, path: &[u8]) -> bool {
        self.known.contains_key(path)
    }

    /// Tells whether the checkpoint holds something below a folder.
    pub(super) fn holds_below(&self, folder: &[u8]) -> bool {
        self.folders.has(folder)
    }

    /// Returns the number of paths of the checkpoint.
    pub(super) fn len(&self) -> u64 {
        self.known.len() as u64
    }
}

/// Returns the identity if the file was last changed long enough ago for it to tell a later change.
fn settled(identity: Identity, now: SystemTime) -> Option<Identity> {
    let (seconds, nanoseconds) = identity.changed();
    let changed = UNIX_EPOCH + Duration::new(u64::try_from(seconds).unwrap_or(0), nanoseconds);
    now.duration_since(changed).is_ok_and(|age| age > RACY).then_some(identity)
}
