//! Walks a worktree as the hostile data it is: no link followed, no mount crossed, no git asked.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat};

use super::rules::Rules;
use super::tree::{EXECUTABLE, FILE, LINK, ObjectFormat};

/// What tells a file apart from one that was written since: the kernel sets the change time, no step can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    inode: u64,
    size: u64,
    modified: (i64, u64),
    changed: (i64, u64),
}

impl Identity {
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

/// Why a commit cannot hold what is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unheld {
    /// The git directory of another repository.
    Repository,
    /// A name that git takes for `.git` on some system, and passes over without a word.
    Name,
    /// A named pipe.
    Pipe,
    /// A socket.
    Socket,
    /// A device.
    Device,
}

impl Unheld {
    /// Tells whether bytes are lost if it goes: there are none in what only connects processes.
    pub(super) fn holds_bytes(self) -> bool {
        !matches!(self, Self::Pipe | Self::Socket)
    }
}

impl std::fmt::Display for Unheld {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Repository => "an embedded repository",
            Self::Name => "a name that git takes for its own",
            Self::Pipe => "a named pipe",
            Self::Socket => "a socket",
            Self::Device => "a device",
        })
    }
}

/// A worktree's top, opened once: everything else is reached from here and not beyond.
#[derive(Debug)]
pub(super) struct Root(OwnedFd);

impl Root {
    /// Opens the top of a worktree.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::open(path, flags, Mode::empty())?))
    }

    /// Opens a path below, through no link.
    pub(super) fn below(&self, path: &[u8], flags: OFlags) -> io::Result<OwnedFd> {
        let path = if path.is_empty() { b".".as_slice() } else { path };
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
        let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        Ok(rustix::fs::openat2(&self.0, OsStr::from_bytes(path), flags, Mode::empty(), resolve)?)
    }

    /// Opens a regular file for reading; a FIFO or device in its place is an error and is not waited for.
    pub(super) fn file(&self, path: &[u8]) -> io::Result<(File, u64)> {
        let file = File::from(self.below(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?);
        let metadata = file.metadata()?;
        if metadata.is_file() {
            Ok((file, metadata.len()))
        } else {
            Err(io::Error::other("not a regular file"))
        }
    }

    /// Returns what is at a path, without following it; nothing if nothing is.
    pub(super) fn stat(&self, path: &[u8]) -> io::Result<Option<Stat>> {
        let (folder, name) = split(path);
        let looked = self.below(folder, OFlags::PATH | OFlags::DIRECTORY).and_then(|folder| {
            Ok(rustix::fs::statat(folder, OsStr::from_bytes(name), AtFlags::SYMLINK_NOFOLLOW)?)
        });
        match looked {
            Ok(stat) => Ok(Some(stat)),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads where a link points.
    pub(super) fn link(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        let (folder, name) = split(path);
        let folder = self.below(folder, OFlags::PATH | OFlags::DIRECTORY)?;
        Ok(rustix::fs::readlinkat(folder, OsStr::from_bytes(name), Vec::new())?.into_bytes())
    }

    /// Computes the id that a path's bytes have as a blob, raw: no attribute, no filter.
    pub(super) fn blob(&self, path: &[u8], mode: u32, format: ObjectFormat) -> io::Result<String> {
        if mode == LINK {
            let target = self.link(path)?;
            return format.blob(target.len() as u64, &mut target.as_slice());
        }
        let (mut file, size) = self.file(path)?;
        format.blob(size, &mut file)
    }

    /// Removes a file or link, never what a link points to; whether there was one.
    pub(super) fn unlink(&self, path: &[u8]) -> io::Result<()> {
        let (folder, name) = split(path);
        let folder = self.below(folder, OFlags::PATH | OFlags::DIRECTORY)?;
        Ok(rustix::fs::unlinkat(folder, OsStr::from_bytes(name), AtFlags::empty())?)
    }

    /// Removes a folder if it is empty.
    pub(super) fn remove_folder(&self, path: &[u8]) -> io::Result<()> {
        let (parent, name) = split(path);
        let parent = self.below(parent, OFlags::PATH | OFlags::DIRECTORY)?;
        Ok(rustix::fs::unlinkat(parent, OsStr::from_bytes(name), AtFlags::REMOVEDIR)?)
    }

    /// Lets the owner into a folder.
    pub(super) fn open_up(&self, path: &[u8]) -> io::Result<()> {
        let (parent, name) = split(path);
        let parent = self.below(parent, OFlags::PATH | OFlags::DIRECTORY)?;
        let mode = Mode::RUSR | Mode::WUSR | Mode::XUSR;
        Ok(rustix::fs::chmodat(parent, OsStr::from_bytes(name), mode, AtFlags::empty())?)
    }

    /// Lists a folder: names and what they are.
    fn list(&self, path: &[u8]) -> io::Result<Vec<(Vec<u8>, Stat)>> {
        let folder = self.below(path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut listed = Vec::new();
        for entry in Dir::read_from(&folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if name.to_bytes() != b"." && name.to_bytes() != b".." {
                listed.push((
                    name.to_bytes().to_vec(),
                    rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?,
                ));
            }
        }
        Ok(listed)
    }

    /// Walks everything that the rules do not ignore, and everything tracked whatever they say.
    pub(super) fn walk(&self, rules: &Rules, tracked: &Tracked) -> io::Result<Walk> {
        let mut walk = Walk::default();
        // A folder and whether an ignored one is above it: there only tracked paths count.
        let mut open = vec![(Vec::new(), false)];
        while let Some((folder, in_ignored)) = open.pop() {
            for (name, stat) in self.list(&folder).map_err(|error| at(&folder, &error))? {
                let path = join(&folder, &name);
                if folder.is_empty() && name == b".git" {
                    continue;
                }
                let is_folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
                let ignored = in_ignored || rules.ignore(&path, is_folder);
                let counts = if is_folder { tracked.has_below(&path) } else { tracked.has(&path) };
                if ignored && !counts {
                    walk.ignored.push(path);
                } else if is_folder && !is_gits(&name) {
                    walk.folders.push(path.clone());
                    open.push((path, ignored));
                } else {
                    walk.take(path, &name, &stat);
                }
            }
        }
        Ok(walk)
    }

    /// Counts files and bytes below paths, for the record of what goes with a removal.
    pub(super) fn measure(&self, paths: &[Vec<u8>]) -> io::Result<(u64, u64)> {
        let (mut files, mut bytes) = (0, 0);
        let mut open: Vec<Vec<u8>> = Vec::new();
        let mut count = |stat: &Stat, path: Vec<u8>, open: &mut Vec<Vec<u8>>| {
            if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
                open.push(path);
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
            for (name, stat) in self.list(&folder)? {
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
            _ if is_gits(name) => return self.unheld.push((path, Unheld::Name)),
            FileType::Symlink if name.eq_ignore_ascii_case(b".gitmodules") => {
                return self.unheld.push((path, Unheld::Name));
            }
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

impl Identity {
    fn of(stat: &Stat) -> Self {
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
}

impl Tracked {
    /// Indexes paths.
    pub(super) fn of<'a>(paths: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut tracked = Self::default();
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

/// Tells whether git takes a name for `.git`: as it is, or on HFS+ or NTFS (`is_hfs_dotgit`, `is_ntfs_dotgit`).
fn is_gits(name: &[u8]) -> bool {
    let short = [b".git", b"git~1".as_slice()];
    let ntfs = short.iter().any(|own| {
        let (start, rest) = name.split_at(own.len().min(name.len()));
        let end = rest.iter().find(|byte| !matches!(byte, b'.' | b' '));
        start.eq_ignore_ascii_case(own) && end.is_none_or(|byte| matches!(byte, b':' | b'\\'))
    });
    // HFS+ does not see these characters.
    let unseen = |c: &char| matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}');
    let hfs = || String::from_utf8_lossy(name).chars().filter(|c| !unseen(c)).collect::<String>();
    ntfs || (!name.is_ascii() && hfs().eq_ignore_ascii_case(".git"))
}

/// Splits a path into its folder and its last name.
pub(super) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (&path[..0], path),
    }
}

fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, b"/", name].concat() }
}

/// Tells whether an error means that nothing is there: no such path, or something else where its folder was.
pub(super) fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        || error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

fn at(path: &[u8], error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("worktree/{}: {error}", String::from_utf8_lossy(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_gits_own_somewhere_are_known() {
        for name in
            [".git", ".GIT", "git~1", "GIT~1", ".git.", ".git . ", ".git::$INDEX", ".git\\x", ".g\u{200c}it"]
        {
            assert!(is_gits(name.as_bytes()), "{name}");
        }
        for name in [".gitignore", "git", ".gi", "git~2", ".git-x", "", "a.git", ".github", "\u{200c}"] {
            assert!(!is_gits(name.as_bytes()), "{name}");
        }
    }
}
