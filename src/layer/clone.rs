//! Clones a tree that a step wrote: folders, regular files and links, with their modes, times and owners; no set-uid
//! bits, nothing special, no link followed.

use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, Timespec, Timestamps};
use rustix::io::Errno;

use super::{DEPTH, FOLDER};

/// How much is cloned at most.
#[derive(Debug, Clone, Copy)]
pub struct Bound {
    /// Files, links and folders.
    pub entries: u64,
    /// Bytes that have to be copied; what is shared costs none.
    pub bytes: u64,
}

/// What was cloned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cloned {
    /// Files, links and folders.
    pub entries: u64,
    /// Bytes that were copied.
    pub bytes: u64,
    /// Files whose bytes are shared with the original.
    pub shared: u64,
    /// Files and folders that their owner had shut for itself.
    pub shut: u64,
}

/// That a tree is larger or deeper than it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("larger or deeper than what is cloned")]
pub struct TooMuch;

/// Whose a clone is, where root makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heir {
    /// Its uid.
    pub uid: u32,
    /// Its gid.
    pub gid: u32,
}

impl Heir {
    /// The runner alone.
    pub const ROOT: Self = Self { uid: 0, gid: 0 };
}

/// Clones what has this name in a folder to another name in another folder, where nothing is yet, on whatever file
/// system.
///
/// Errors: the system's; [`TooMuch`] within an [`io::Error`] where the bound is reached. What was made by then stays, for
/// the caller to remove.
pub fn clone_tree(from: (impl AsFd, &OsStr), to: (impl AsFd, &OsStr), bound: Bound) -> io::Result<Cloned> {
    clone_with(None, from, to, bound)
}

/// The same, with all of it somebody's. Who is not root makes what is its own.
pub fn clone_tree_for(
    heir: Heir,
    from: (impl AsFd, &OsStr),
    to: (impl AsFd, &OsStr),
    bound: Bound,
) -> io::Result<Cloned> {
    clone_with(Some(heir), from, to, bound)
}

fn clone_with(
    heir: Option<Heir>,
    from: (impl AsFd, &OsStr),
    to: (impl AsFd, &OsStr),
    bound: Bound,
) -> io::Result<Cloned> {
    let as_root = nix::unistd::geteuid().is_root();
    let mut clone = Clone { bound, done: Cloned::default(), as_root, heir };
    let (name, new) = (CString::new(from.1.as_bytes())?, CString::new(to.1.as_bytes())?);
    clone.entry((from.0.as_fd(), &name), (to.0.as_fd(), &new), 0)?;
    Ok(clone.done)
}

struct Clone {
    bound: Bound,
    done: Cloned,
    as_root: bool,
    /// Whose it is; nothing if it is whose the original is.
    heir: Option<Heir>,
}

/// A name in a folder.
type Named<'a> = (BorrowedFd<'a>, &'a CStr);

impl Clone {
    fn entry(&mut self, from: Named<'_>, to: Named<'_>, depth: usize) -> io::Result<()> {
        let stat = rustix::fs::statat(from.0, from.1, AtFlags::SYMLINK_NOFOLLOW)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        if matches!(kind, FileType::Directory | FileType::RegularFile | FileType::Symlink) {
            self.done.entries += 1;
        }
        if self.done.entries > self.bound.entries || depth > DEPTH {
            return Err(io::Error::other(TooMuch));
        }
        match kind {
            FileType::Directory => self.folder(from, to, &stat, depth),
            FileType::RegularFile => self.file(from, to, &stat),
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(from.0, from.1, Vec::new())?;
                rustix::fs::symlinkat(target, to.0, to.1)?;
                self.own(to, &stat)
            }
            _ => Ok(()),
        }
    }

    fn folder(&mut self, from: Named<'_>, to: Named<'_>, stat: &Stat, depth: usize) -> io::Result<()> {
        let (source, was_shut) = opened(from, FOLDER, stat, Mode::RUSR | Mode::XUSR)?;
        self.done.shut += u64::from(was_shut);
        rustix::fs::mkdirat(to.0, to.1, Mode::RWXU)?;
        let target = rustix::fs::openat(to.0, to.1, FOLDER, Mode::empty())?;
        let below = self.below(&source, &target, depth + 1);
        if was_shut {
            rustix::fs::fchmod(&source, Mode::from_raw_mode(stat.st_mode & 0o777))?;
        }
        below?;
        self.finish(&target, to, stat)
    }

    fn below(&mut self, source: &OwnedFd, target: &OwnedFd, depth: usize) -> io::Result<()> {
        for entry in Dir::read_from(source)? {
            let entry = entry?;
            let name = entry.file_name();
            if !matches!(name.to_bytes(), b"." | b"..") {
                self.entry((source.as_fd(), name), (target.as_fd(), name), depth)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, from: Named<'_>, to: Named<'_>, stat: &Stat) -> io::Result<()> {
        let read = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let (source, was_shut) = opened(from, read, stat, Mode::RUSR)?;
        self.done.shut += u64::from(was_shut);
        if was_shut {
            // What is open stays open.
            rustix::fs::fchmod(&source, Mode::from_raw_mode(stat.st_mode & 0o777))?;
        }
        let write = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let target = rustix::fs::openat(to.0, to.1, write, Mode::RUSR | Mode::WUSR)?;
        if rustix::fs::ioctl_ficlone(&target, &source).is_ok() {
            self.done.shared += 1;
        } else {
            // What was not there when it was asked how large it is does not count, and is not copied.
            let size = u64::try_from(stat.st_size).unwrap_or(0);
            if self.done.bytes.saturating_add(size) > self.bound.bytes {
                return Err(io::Error::other(TooMuch));
            }
            let mut target = File::from(target.try_clone()?);
            self.done.bytes += io::copy(&mut io::Read::take(File::from(source), size), &mut target)?;
        }
        self.finish(&target, to, stat)
    }

    /// Gives what was made owner, mode and times of the original.
    fn finish(&self, made: &OwnedFd, to: Named<'_>, stat: &Stat) -> io::Result<()> {
        self.own(to, stat)?;
        rustix::fs::fchmod(made.as_fd(), Mode::from_raw_mode(stat.st_mode & 0o777))?;
        let time = |tv_sec, tv_nsec: u64| Timespec { tv_sec, tv_nsec: i64::try_from(tv_nsec).unwrap_or(0) };
        let times = Timestamps {
            last_access: time(stat.st_atime, stat.st_atime_nsec),
            last_modification: time(stat.st_mtime, stat.st_mtime_nsec),
        };
        Ok(rustix::fs::futimens(made, &times)?)
    }

    fn own(&self, to: Named<'_>, stat: &Stat) -> io::Result<()> {
        if self.as_root {
            let Heir { uid, gid } = self.heir.unwrap_or(Heir { uid: stat.st_uid, gid: stat.st_gid });
            let (uid, gid) = (rustix::fs::Uid::from_raw(uid), rustix::fs::Gid::from_raw(gid));
            rustix::fs::chownat(to.0, to.1, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
        }
        Ok(())
    }
}

/// Opens what its owner may have shut for itself; whether it was, and is to be shut again.
fn opened(
    (folder, name): Named<'_>,
    flags: OFlags,
    stat: &Stat,
    needed: Mode,
) -> io::Result<(OwnedFd, bool)> {
    match rustix::fs::openat(folder, name, flags, Mode::empty()) {
        Err(Errno::ACCESS) => {
            let mode = Mode::from_raw_mode(stat.st_mode & 0o777);
            rustix::fs::chmodat(folder, name, mode | needed, AtFlags::empty())?;
            Ok((rustix::fs::openat(folder, name, flags, Mode::empty())?, true))
        }
        opened => Ok((opened?, false)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};
    use std::path::Path;

    use super::*;

    const ALL: Bound = Bound { entries: 1000, bytes: 1 << 20 };

    #[test]
    fn a_clone_is_a_tree_of_its_own_with_modes_times_and_links() {
        let top = tempfile::tempdir().unwrap();
        let (from, to) = (top.path().join("from"), top.path().join("to"));
        fs::create_dir_all(from.join("a/shut")).unwrap();
        fs::write(from.join("a/run"), "text").unwrap();
        let mode = Mode::RWXU | Mode::RGRP | Mode::XGRP;
        // Nix's build sandbox lets nobody set the bit.
        rustix::fs::chmod(from.join("a/run"), Mode::SUID | mode)
            .or_else(|_| rustix::fs::chmod(from.join("a/run"), mode))
            .unwrap();
        fs::write(from.join("a/shut/file"), "inner").unwrap();
        rustix::fs::chmod(from.join("a/shut"), Mode::empty()).unwrap();
        symlink("/etc/shadow", from.join("link")).unwrap();
        nix::unistd::mkfifo(&from.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let folder = File::open(top.path()).unwrap();
        let cloned = clone_tree((&folder, "from".as_ref()), (&folder, "to".as_ref()), ALL).unwrap();
        assert_eq!(cloned.entries, 6);
        let of = |top: &Path, name: &str| fs::symlink_metadata(top.join(name)).unwrap();
        assert_eq!(of(&to, "a/run").mode() & 0o7777, 0o750, "no set-uid bit");
        assert_eq!(of(&to, "a/run").mtime_nsec(), of(&from, "a/run").mtime_nsec());
        assert_ne!(of(&to, "a/run").ino(), of(&from, "a/run").ino());
        assert_eq!(of(&to, "a/shut").mode() & 0o777, 0o000);
        assert_eq!(fs::read_link(to.join("link")).unwrap(), Path::new("/etc/shadow"));
        assert!(!to.join("pipe").exists(), "nothing special is cloned");
        for tree in [&from, &to] {
            rustix::fs::chmod(tree.join("a/shut"), Mode::RWXU).unwrap();
        }
        fs::write(to.join("a/shut/file"), "changed").unwrap();
        assert_eq!(fs::read_to_string(from.join("a/shut/file")).unwrap(), "inner");
    }

    #[test]
    fn what_is_too_large_too_many_or_too_deep_is_refused() {
        let top = tempfile::tempdir().unwrap();
        let from = top.path().join("from");
        fs::create_dir(&from).unwrap();
        let folder = File::open(top.path()).unwrap();
        // Holes are bytes to whoever reads them.
        File::create(from.join("sparse")).unwrap().set_len(1 << 40).unwrap();
        let refused = |bound: Bound, to: &str| {
            let error = clone_tree((&folder, "from".as_ref()), (&folder, to.as_ref()), bound).unwrap_err();
            assert!(error.to_string().contains("larger or deeper"), "{error}");
        };
        refused(ALL, "size");
        fs::write(from.join("sparse"), "x").unwrap();
        refused(Bound { entries: 1, ..ALL }, "count");
        let mut deep = from.clone();
        for _ in 0..=DEPTH {
            deep.push("d");
        }
        fs::create_dir_all(deep).unwrap();
        refused(ALL, "depth");
    }
}
