//! Takes a worktree, gives everything in it: what can be committed, what cannot, what is ignored. No git is asked.

use std::collections::HashSet;
use std::io;

use rustix::fs::{FileType, Mode, Stat};

use super::names::{is_below_gitmodules, is_git, is_gitmodules};
use super::root::{Listing, Root, at, join};
use super::rules::Rules;
use super::tree::{EXECUTABLE, FILE, LINK};
use super::unfit::Unheld;

/// Longest path that is walked: git hands paths to the system whole, which takes 4096 bytes.
const LONGEST: usize = 3900;

/// Where git looks for attributes, in every folder.
const ATTRIBUTES: &[u8] = b".gitattributes";

/// What tells a file apart from one that was written since: the kernel sets the change time, no step can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    inode: u64,
    size: u64,
    modified: (i64, u32),
    changed: (i64, u32),
}

impl Identity {
    /// Bytes of the file.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Seconds and nanoseconds of the last change of content or attributes.
    pub(super) fn changed(&self) -> (i64, u32) {
        self.changed
    }
}

/// A file or link that can be committed.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) path: Vec<u8>,
    pub(super) mode: u32,
    pub(super) identity: Identity,
}

/// What else there is in a worktree.
#[derive(Debug, Default)]
pub(super) struct Beside {
    /// Folders, parents before children.
    pub(super) folders: Vec<Vec<u8>>,
    /// Topmost ignored paths; what lies below is not looked at, but for tracked files.
    pub(super) ignored: Vec<Vec<u8>>,
    /// What a commit cannot hold.
    pub(super) unheld: Vec<(Vec<u8>, Unheld)>,
}

/// What lies below a path.
#[derive(Debug, Default)]
pub(super) struct Below {
    /// Files and links, in no order.
    pub(super) found: Vec<Found>,
    /// What a commit cannot hold.
    pub(super) unheld: Vec<(Vec<u8>, Unheld)>,
}

/// The paths that count whatever the rules say.
pub(super) trait Tracked {
    fn has(&self, path: &[u8]) -> bool;

    /// Tells whether one lies below a folder.
    fn has_below(&self, folder: &[u8]) -> bool;

    /// Tells whether a `.git` directly below a folder is the step's own, and nobody's business.
    fn is_top(&self, folder: &[u8]) -> bool;
}

/// A walk through everything that the rules do not ignore, and everything tracked whatever they say: each file when it
/// is asked for, since all of them are a lot of memory.
pub(super) struct Walk<'r> {
    root: &'r Root,
    rules: &'r Rules,
    /// Folders that are still to be listed, and whether an ignored one is above: there only tracked paths count.
    open: Vec<(Vec<u8>, bool)>,
    listed: Option<Listed<'r>>,
    beside: Beside,
}

/// A folder that is being listed.
struct Listed<'r> {
    folder: Vec<u8>,
    in_ignored: bool,
    entries: Listing<'r>,
}

impl Walk<'_> {
    /// Returns the next file or link that can be committed, in no order.
    pub(super) fn next(&mut self, tracked: &impl Tracked) -> io::Result<Option<Found>> {
        loop {
            let Some(listed) = &mut self.listed else {
                let Some((folder, in_ignored)) = self.open.pop() else { return Ok(None) };
                self.root.halt().check()?;
                let entries = self.root.list(&folder).map_err(|error| at(&folder, &error))?;
                self.listed = Some(Listed { folder, in_ignored, entries });
                continue;
            };
            let Some(entry) = listed.entries.next() else {
                self.listed = None;
                continue;
            };
            let (name, stat) = entry.map_err(|error| at(&listed.folder, &error))?;
            let path = join(&listed.folder, &name);
            if name == b".git" && tracked.is_top(&listed.folder) {
                continue;
            }
            let is_folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
            let ignored = listed.in_ignored || self.rules.ignore(&path, is_folder);
            let counts = || if is_folder { tracked.has_below(&path) } else { tracked.has(&path) };
            if name == ATTRIBUTES && waits(&stat) {
                // Git reads it, ignored or not.
                self.beside.unheld.push((path, Unheld::Attributes));
            } else if ignored && !counts() {
                self.beside.ignored.push(path);
            } else if path.len() > LONGEST {
                self.beside.unheld.push((path, Unheld::Deep));
            } else if is_folder && !is_git(&name) {
                self.root.let_in(&path, &stat, Mode::RUSR | Mode::XUSR)?;
                if !counts() && self.root.is_a_tools(&path)? {
                    self.beside.ignored.push(path);
                    continue;
                }
                self.beside.folders.push(path.clone());
                self.open.push((path, ignored));
            } else {
                let stat = self.root.let_in(&path, &stat, Mode::RUSR)?;
                match kind(&name, &stat, || is_below_gitmodules(&listed.folder)) {
                    Ok(mode) => return Ok(Some(Found { path, mode, identity: Identity::of(&stat) })),
                    Err(why) => self.beside.unheld.push((path, why)),
                }
            }
        }
    }

    /// Returns what else it met so far.
    pub(super) fn end(self) -> Beside {
        self.beside
    }
}

impl Root {
    /// Begins a walk.
    pub(super) fn walk<'r>(&'r self, rules: &'r Rules) -> io::Result<Walk<'r>> {
        self.open_top()?;
        let open = vec![(Vec::new(), false)];
        Ok(Walk { root: self, rules, open, listed: None, beside: Beside::default() })
    }

    /// Opens up what its owner may not read: neither git nor a runner that is nobody special could look at it.
    fn let_in(&self, path: &[u8], stat: &Stat, needed: Mode) -> io::Result<Stat> {
        let mode = Mode::from_raw_mode(stat.st_mode);
        let kind = FileType::from_raw_mode(stat.st_mode);
        let has_content = matches!(kind, FileType::Directory | FileType::RegularFile);
        if mode.contains(needed) || !has_content {
            return Ok(*stat);
        }
        self.permit(path, mode | needed).map_err(|error| at(path, &error))?;
        self.stat(path)?.ok_or_else(|| at(path, &io::ErrorKind::NotFound.into()))
    }

    /// Lists the files and links below a path, ignore rules or not, with their sizes; it can be one itself.
    pub(super) fn below_anyhow(&self, path: &[u8]) -> io::Result<Below> {
        Ok(self.below_within(path, usize::MAX)?.unwrap_or_default())
    }

    /// The same of no more than so many; nothing if there are more.
    pub(super) fn below_within(&self, path: &[u8], most: usize) -> io::Result<Option<Below>> {
        let mut below = Below::default();
        let mut open = vec![path.to_vec()];
        while let Some(path) = open.pop() {
            self.halt().check()?;
            if below.found.len() + open.len() > most {
                return Ok(None);
            }
            let Some(stat) = self.stat(&path)? else { continue };
            if path.len() > LONGEST {
                below.unheld.push((path, Unheld::Deep));
            } else if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
                self.let_in(&path, &stat, Mode::RUSR | Mode::XUSR)?;
                for entry in self.list(&path)? {
                    open.push(join(&path, &entry?.0));
                }
            } else {
                let stat = self.let_in(&path, &stat, Mode::RUSR)?;
                match kind(b"", &stat, || false) {
                    Ok(mode) => below.found.push(Found { path, mode, identity: Identity::of(&stat) }),
                    Err(why) => below.unheld.push((path, why)),
                }
            }
        }
        Ok(Some(below))
    }

    /// Counts files and bytes below paths, for the record of what goes with a removal.
    pub(super) fn measure(&self, paths: &[Vec<u8>]) -> io::Result<(u64, u64)> {
        let (mut files, mut bytes) = (0, 0);
        let mut open: Vec<Vec<u8>> = Vec::new();
        let mut count = |stat: &Stat, path: Vec<u8>, open: &mut Vec<Vec<u8>>| {
            if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
                // Deeper down a look costs more than the figure is worth.
                open.extend((path.len() <= LONGEST).then_some(path));
            } else {
                files += 1;
                bytes += u64::try_from(stat.st_size).unwrap_or(0);
            }
        };
        for path in paths {
            if let Some(stat) = self.stat(path)? {
                count(&stat, path.clone(), &mut open);
            }
        }
        while let Some(folder) = open.pop() {
            self.halt().check()?;
            let Ok(entries) = self.list(&folder) else { continue };
            for (name, stat) in entries.map_while(Result::ok) {
                count(&stat, join(&folder, &name), &mut open);
            }
        }
        Ok((files, bytes))
    }
}

/// Returns the mode that git has for what is there; why there is none, if so.
fn kind(name: &[u8], stat: &Stat, is_below_gitmodules: impl Fn() -> bool) -> Result<u32, Unheld> {
    match FileType::from_raw_mode(stat.st_mode) {
        _ if name == b".git" => Err(Unheld::Repository),
        _ if is_git(name) => Err(Unheld::Name),
        FileType::Symlink if is_gitmodules(name) || is_below_gitmodules() => Err(Unheld::Name),
        FileType::RegularFile if stat.st_mode & 0o100 != 0 => Ok(EXECUTABLE),
        FileType::RegularFile => Ok(FILE),
        FileType::Symlink => Ok(LINK),
        FileType::Fifo => Err(Unheld::Pipe),
        FileType::Socket => Err(Unheld::Socket),
        _ => Err(Unheld::Device),
    }
}

/// Tells whether what is there can keep a reader waiting: no file, folder or link.
fn waits(stat: &Stat) -> bool {
    let kind = FileType::from_raw_mode(stat.st_mode);
    !matches!(kind, FileType::RegularFile | FileType::Directory | FileType::Symlink)
}

impl Identity {
    /// Takes it from what the system says of a file.
    pub(super) fn of(stat: &Stat) -> Self {
        Self {
            inode: stat.st_ino,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified: (stat.st_mtime, nanoseconds(stat.st_mtime_nsec)),
            changed: (stat.st_ctime, nanoseconds(stat.st_ctime_nsec)),
        }
    }
}

/// A thousand million of them are a second.
fn nanoseconds(of: u64) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

/// The folders above some paths.
#[derive(Debug, Default)]
pub(super) struct Folders(HashSet<Box<[u8]>>);

impl Folders {
    /// Finds them; those of submodules are walked, even where all that was in them is gone.
    pub(super) fn above<'a>(paths: impl Iterator<Item = &'a [u8]>, tops: &'a [Vec<u8>]) -> Self {
        let mut above = HashSet::new();
        above.extend(tops.iter().filter(|top| !top.is_empty()).map(|top| top.as_slice().into()));
        for path in tops.iter().map(Vec::as_slice).chain(paths) {
            let ends = path.iter().enumerate().rev().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
            for folder in ends.map(|end| &path[..end]) {
                // The folders above one that is known are known.
                if above.contains(folder) {
                    break;
                }
                above.insert(folder.into());
            }
        }
        Self(above)
    }

    pub(super) fn has(&self, folder: &[u8]) -> bool {
        self.0.contains(folder)
    }
}
