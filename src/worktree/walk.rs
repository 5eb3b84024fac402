//! Takes a worktree, gives everything in it: what can be committed, what cannot, what is ignored. No git is asked.

use std::collections::HashSet;
use std::io;

use rustix::fs::{FileType, Mode, Stat};

use super::names::{is_git, is_gitmodules};
use super::root::{Root, at, join};
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
    modified: (i64, u64),
    changed: (i64, u64),
}

impl Identity {
    /// Bytes of the file.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Seconds and nanoseconds of the last change of content or attributes.
    pub(super) fn changed(&self) -> (i64, u64) {
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

/// Everything in a worktree.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// Files and links, in no order.
    pub(super) found: Vec<Found>,
    /// Folders, parents before children.
    pub(super) folders: Vec<Vec<u8>>,
    /// Topmost ignored paths; what lies below is not looked at, but for tracked files.
    pub(super) ignored: Vec<Vec<u8>>,
    /// What a commit cannot hold.
    pub(super) unheld: Vec<(Vec<u8>, Unheld)>,
}

impl Root {
    /// Walks everything that the rules do not ignore, and everything tracked whatever they say.
    pub(super) fn walk(&self, rules: &Rules, tracked: &Tracked) -> io::Result<Walk> {
        let mut walk = Walk::default();
        self.open_top()?;
        // A folder and whether an ignored one is above it: there only tracked paths count.
        let mut open = vec![(Vec::new(), false)];
        while let Some((folder, in_ignored)) = open.pop() {
            self.halt().check()?;
            for (name, stat) in self.list(&folder).map_err(|error| at(&folder, &error))? {
                let path = join(&folder, &name);
                if name == b".git" && tracked.tops.contains(&folder) {
                    continue;
                }
                let is_folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
                let ignored = in_ignored || rules.ignore(&path, is_folder);
                let counts = if is_folder { tracked.has_below(&path) } else { tracked.has(&path) };
                if name == ATTRIBUTES && waits(&stat) {
                    // Git reads it, ignored or not.
                    walk.unheld.push((path, Unheld::Attributes));
                } else if ignored && !counts {
                    walk.ignored.push(path);
                } else if path.len() > LONGEST {
                    walk.unheld.push((path, Unheld::Deep));
                } else if is_folder && !is_git(&name) {
                    self.let_in(&path, &stat, Mode::RUSR | Mode::XUSR)?;
                    walk.folders.push(path.clone());
                    open.push((path, ignored));
                } else {
                    let stat = self.let_in(&path, &stat, Mode::RUSR)?;
                    walk.take(path, &name, &stat);
                }
            }
        }
        Ok(walk)
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
    pub(super) fn below_anyhow(&self, path: &[u8]) -> io::Result<Walk> {
        Ok(self.below_within(path, usize::MAX)?.unwrap_or_default())
    }

    /// The same of no more than so many; nothing if there are more.
    pub(super) fn below_within(&self, path: &[u8], most: usize) -> io::Result<Option<Walk>> {
        let mut walk = Walk::default();
        let mut open = vec![path.to_vec()];
        while let Some(path) = open.pop() {
            self.halt().check()?;
            if walk.found.len() + open.len() > most {
                return Ok(None);
            }
            let Some(stat) = self.stat(&path)? else { continue };
            if path.len() > LONGEST {
                walk.unheld.push((path, Unheld::Deep));
            } else if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
                self.let_in(&path, &stat, Mode::RUSR | Mode::XUSR)?;
                open.extend(self.list(&path)?.into_iter().map(|(name, _)| join(&path, &name)));
            } else {
                let stat = self.let_in(&path, &stat, Mode::RUSR)?;
                walk.take(path, b"", &stat);
            }
        }
        Ok(Some(walk))
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
            for (name, stat) in self.list(&folder).unwrap_or_default() {
                count(&stat, join(&folder, &name), &mut open);
            }
        }
        Ok((files, bytes))
    }
}

impl Walk {
    fn take(&mut self, path: Vec<u8>, name: &[u8], stat: &Stat) {
        let mode = match FileType::from_raw_mode(stat.st_mode) {
            _ if name == b".git" => return self.unheld.push((path, Unheld::Repository)),
            _ if is_git(name) => return self.unheld.push((path, Unheld::Name)),
            FileType::Symlink if is_gitmodules(name) => return self.unheld.push((path, Unheld::Name)),
            FileType::RegularFile if stat.st_mode & 0o100 != 0 => EXECUTABLE,
            FileType::RegularFile => FILE,
            FileType::Symlink => LINK,
            FileType::Fifo => return self.unheld.push((path, Unheld::Pipe)),
            FileType::Socket => return self.unheld.push((path, Unheld::Socket)),
            _ => return self.unheld.push((path, Unheld::Device)),
        };
        self.found.push(Found { path, mode, identity: Identity::of(stat) });
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
            modified: (stat.st_mtime, stat.st_mtime_nsec),
            changed: (stat.st_ctime, stat.st_ctime_nsec),
        }
    }
}

/// The tracked paths and the folders above them.
#[derive(Debug, Default)]
pub(super) struct Tracked {
    paths: HashSet<Vec<u8>>,
    folders: HashSet<Vec<u8>>,
    tops: HashSet<Vec<u8>>,
}

impl Tracked {
    /// Indexes paths; a `.git` directly below one of the `tops` is the step's own, and nobody's business.
    pub(super) fn of<'a>(paths: impl Iterator<Item = &'a [u8]>, tops: &[Vec<u8>]) -> Self {
        let mut tracked = Self { tops: tops.iter().cloned().collect(), ..Self::default() };
        for top in tops.iter().filter(|top| !top.is_empty()) {
            // Submodules are walked, even where all that was in them is gone.
            let ends = top.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
            tracked.folders.extend(ends.chain([top.len()]).map(|end| top[..end].to_vec()));
        }
        for path in paths {
            let ends = path.iter().enumerate().rev().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
            for end in ends {
                // The folders above one that is known are known.
                if !tracked.folders.insert(path[..end].to_vec()) {
                    break;
                }
            }
            tracked.paths.insert(path.to_vec());
        }
        tracked
    }

    fn has(&self, path: &[u8]) -> bool {
        self.paths.contains(path)
    }

    /// Tells whether something tracked lies below a folder.
    pub(super) fn has_below(&self, folder: &[u8]) -> bool {
        self.folders.contains(folder)
    }
}
