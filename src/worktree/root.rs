//! Reaches what lies in a worktree, the hostile data it is: no link followed, no mount crossed, no path too long.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, RenameFlags, ResolveFlags, Stat, Timespec, Timestamps, UTIME_OMIT,
};
use rustix::io::Errno;

use super::halt::{Halt, Halted, is_halt};
use super::tree::{LINK, ObjectFormat};
use crate::git::RawOid;

/// What one system call takes of a path; a longer one is walked in pieces.
const PIECE: usize = 2048;

/// How often a file that changes while it is read is read again.
const READS: usize = 3;

/// A worktree's top, opened once: everything else is reached from here and not beyond.
#[derive(Debug)]
pub(super) struct Root {
    top: OwnedFd,
    /// Heard between two files, and within a long one.
    halt: Halt,
}

impl Root {
    /// Opens the top of a worktree.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Self { top: rustix::fs::open(path, flags, Mode::empty())?, halt: Halt::never() })
    }

    /// Breaks off what takes long, once this says so.
    pub(super) fn heed(&mut self, halt: Halt) {
        self.halt = halt;
    }

    /// Returns when it breaks off.
    pub(super) fn halt(&self) -> &Halt {
        &self.halt
    }

    /// Returns a second handle on it.
    pub(super) fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { top: self.top.try_clone()?, halt: self.halt.clone() })
    }

    /// Opens a folder below as a top of its own.
    pub(super) fn folder(&self, path: &[u8]) -> io::Result<Self> {
        let top = self.below(path, OFlags::PATH | OFlags::DIRECTORY)?;
        Ok(Self { top, halt: self.halt.clone() })
    }

    /// Lets the owner into the top, which a step may have shut: nothing else is reached through a shut one.
    pub(super) fn open_top(&self) -> io::Result<()> {
        let mode = Mode::from_raw_mode(rustix::fs::fstat(&self.top)?.st_mode);
        if mode.contains(Mode::RWXU) { Ok(()) } else { Ok(permit(&self.top, mode | Mode::RWXU)?) }
    }

    /// Opens a path below, through no link.
    pub(super) fn below(&self, path: &[u8], flags: OFlags) -> io::Result<OwnedFd> {
        let mut rest = path;
        let mut reached: Option<OwnedFd> = None;
        while let Some(end) = piece(rest) {
            let from = reached.as_ref().map_or(self.top.as_fd(), AsFd::as_fd);
            reached = Some(open_beneath(from, &rest[..end], OFlags::PATH | OFlags::DIRECTORY)?);
            rest = &rest[end + 1..];
        }
        let from = reached.as_ref().map_or(self.top.as_fd(), AsFd::as_fd);
        Ok(open_beneath(from, rest, flags)?)
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
    pub(super) fn blob(&self, path: &[u8], mode: u32, format: ObjectFormat) -> io::Result<RawOid> {
        if mode == LINK {
            let target = self.link(path)?;
            return format.blob(target.len() as u64, &mut target.as_slice(), &self.halt);
        }
        let read = || self.file(path).and_then(|(mut file, size)| format.blob(size, &mut file, &self.halt));
        let mut result = read();
        for _ in 1..READS {
            if result.is_ok() || result.as_ref().is_err_and(is_halt) {
                return result;
            }
            result = read();
        }
        result.map_err(|error| at(path, &error))
    }

    /// Removes a file or link, never what a link points to; whether there was one.
    pub(super) fn unlink(&self, path: &[u8]) -> io::Result<()> {
        self.in_folder(path, |folder, name| rustix::fs::unlinkat(folder, name, AtFlags::empty()))
    }

    /// Makes a folder, its owner's who makes it and whose it is around it.
    pub(super) fn make_folder(&self, path: &[u8]) -> io::Result<()> {
        self.in_folder(path, |folder, name| {
            rustix::fs::mkdirat(folder, name, Mode::from_raw_mode(0o755))?;
            let around = rustix::fs::fstat(folder)?;
            let (uid, gid) =
                (rustix::fs::Uid::from_raw(around.st_uid), rustix::fs::Gid::from_raw(around.st_gid));
            if nix::unistd::geteuid().is_root() {
                rustix::fs::chownat(folder, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
            }
            Ok(())
        })
    }

    /// Removes a folder if it is empty.
    pub(super) fn remove_folder(&self, path: &[u8]) -> io::Result<()> {
        self.in_folder(path, |folder, name| rustix::fs::unlinkat(folder, name, AtFlags::REMOVEDIR))
    }

    /// Changes an entry of a folder; a folder that its owner may not write to is opened up.
    fn in_folder(
        &self,
        path: &[u8],
        change: impl Fn(&OwnedFd, &OsStr) -> rustix::io::Result<()>,
    ) -> io::Result<()> {
        let (parent, name) = split(path);
        let name = OsStr::from_bytes(name);
        let folder = self.below(parent, OFlags::PATH | OFlags::DIRECTORY)?;
        match change(&folder, name) {
            Err(Errno::ACCESS) => {
                permit(&folder, Mode::RWXU)?;
                Ok(change(&folder, name)?)
            }
            changed => Ok(changed?),
        }
    }

    /// Gives a file or folder, never what a link points to, these permissions.
    pub(super) fn permit(&self, path: &[u8], mode: Mode) -> io::Result<()> {
        Ok(permit(&self.below(path, OFlags::PATH)?, mode)?)
    }

    /// Sets when a path was last written, never that of what a link points to.
    pub(super) fn set_modified(&self, path: &[u8], time: Timespec) -> io::Result<()> {
        let (folder, name) = split(path);
        let folder = self.below(folder, OFlags::PATH | OFlags::DIRECTORY)?;
        let as_it_is = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
        let times = Timestamps { last_access: as_it_is, last_modification: time };
        Ok(rustix::fs::utimensat(&folder, OsStr::from_bytes(name), &times, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// Lets the owner into a folder.
    pub(super) fn open_up(&self, path: &[u8]) -> io::Result<()> {
        self.permit(path, Mode::RWXU)
    }

    /// Moves what is at a path, whatever it is, to a new name in another folder of the same file system.
    pub(super) fn move_to(&self, path: &[u8], folder: &Self, name: &str) -> io::Result<()> {
        let is_shut = |stat: Stat| {
            let is_folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
            is_folder && !Mode::from_raw_mode(stat.st_mode).contains(Mode::RWXU)
        };
        if self.stat(path)?.is_some_and(is_shut) {
            // Moving a folder writes to it, too.
            self.open_up(path)?;
        }
        self.in_folder(path, |parent, own| {
            rustix::fs::renameat_with(parent, own, &folder.top, name, RenameFlags::NOREPLACE)
        })
    }

    /// Moves what has a name in another folder of the same file system here, where nothing is.
    pub(super) fn take_from(&self, path: &[u8], folder: &Self, name: &str) -> io::Result<()> {
        self.in_folder(path, |parent, own| {
            rustix::fs::renameat_with(&folder.top, name, parent, own, RenameFlags::NOREPLACE)
        })
    }

    /// Moves a file of another folder of the same file system here, in the place of the file at a path.
    pub(super) fn put(&self, path: &[u8], folder: &Self, name: &str) -> io::Result<()> {
        self.in_folder(path, |parent, own| rustix::fs::renameat(&folder.top, name, parent, own))
    }

    /// Lists a folder: names and what they are, each when it is asked for.
    pub(super) fn list(&self, path: &[u8]) -> io::Result<Listing<'_>> {
        let folder = self.below(path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        Ok(Listing { entries: Dir::read_from(&folder)?, folder, halt: &self.halt })
    }
}

/// A folder that is being listed.
pub(super) struct Listing<'r> {
    folder: OwnedFd,
    entries: Dir,
    halt: &'r Halt,
}

impl Iterator for Listing<'_> {
    type Item = io::Result<(Vec<u8>, Stat)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let entry = match self.entries.read()? {
                Ok(entry) => entry,
                Err(errno) => return Some(Err(errno.into())),
            };
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            if let Err(halted) = self.halt.check() {
                return Some(Err(halted));
            }
            match rustix::fs::statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                // Gone since: somebody outside of the run has it open, an editor, say.
                Err(Errno::NOENT) => {}
                Err(errno) => return Some(Err(errno.into())),
                Ok(stat) => return Some(Ok((name.to_bytes().to_vec(), stat))),
            }
        }
    }
}

/// Returns where the first piece of a path ends that is too long for one call.
fn piece(path: &[u8]) -> Option<usize> {
    let head = path.get(..PIECE)?;
    head.iter().rposition(|&byte| byte == b'/')
}

/// Gives what was opened, whatever is at its path by now, these permissions.
fn permit(there: &OwnedFd, mode: Mode) -> rustix::io::Result<()> {
    rustix::fs::chmod(format!("/proc/self/fd/{}", there.as_raw_fd()), mode)
}

fn open_beneath(from: impl AsFd, path: &[u8], flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let path = if path.is_empty() { b".".as_slice() } else { path };
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    rustix::fs::openat2(from, OsStr::from_bytes(path), flags, Mode::empty(), resolve)
}

/// Splits a path into its folder and its last name.
pub(super) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (&path[..0], path),
    }
}

/// Lists the folders that a path lies in, from the top.
pub(super) fn above(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(move |(at, _)| &path[..at])
}

pub(super) fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, b"/", name].concat() }
}

/// Tells whether an error means that nothing is there: no such path, or something else where its folder was.
pub(super) fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        || error.raw_os_error() == Some(Errno::LOOP.raw_os_error())
}

pub(super) fn at(path: &[u8], error: &io::Error) -> io::Error {
    if is_halt(error) {
        return io::Error::other(Halted);
    }
    io::Error::new(error.kind(), format!("worktree/{}: {error}", String::from_utf8_lossy(path)))
}
