//! Opens files of the evidence as the hostile data they are: through no link, regular files only, never waiting.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path};

use rustix::fs::{FileType, Mode, OFlags};

use super::code::Code;
use super::finding::Finding;

/// A file of the evidence, open.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) file: File,
    pub(super) size: u64,
    /// Permission bits.
    pub(super) mode: u32,
}

/// The top of a checkout, opened once: what is read is below it.
#[derive(Debug)]
pub(super) struct Top(OwnedFd);

impl Top {
    /// Opens the top.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let top = rustix::fs::open(path, flags, Mode::empty());
        top.map(Self).map_err(|error| {
            let error = io::Error::from(error);
            io::Error::new(error.kind(), format!("{}: {error}", path.display()))
        })
    }

    /// Opens a file below; nothing if there is none. A finding if it cannot be taken as what it should be.
    pub(super) fn file(&self, relative: &str) -> Result<Option<Opened>, Finding> {
        let wrong =
            |code, found: String| Finding::new(code, "a regular file", format!("{relative}: {found}"));
        match self.try_file(relative) {
            Ok(opened) => Ok(Some(opened)),
            Err(Refused::NotFound) => Ok(None),
            Err(Refused::NotRegular(what)) => Err(wrong(Code::NotRegular, what)),
            Err(Refused::Io(error)) => Err(wrong(Code::FileUnreadable, error.to_string())),
        }
    }

    fn try_file(&self, relative: &str) -> Result<Opened, Refused> {
        let mut folder: Option<OwnedFd> = None;
        let mut names = Path::new(relative).components().peekable();
        while let Some(component) = names.next() {
            let Component::Normal(name) = component else {
                return Err(Refused::NotRegular("a path that leads elsewhere".to_owned()));
            };
            let last = names.peek().is_none();
            let kind =
                if last { OFlags::NONBLOCK | OFlags::NOCTTY } else { OFlags::PATH | OFlags::DIRECTORY };
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | kind;
            let at = folder.as_ref().unwrap_or(&self.0);
            let opened = rustix::fs::openat(at, name, flags, Mode::empty());
            let fd = opened.map_err(|error| Refused::of(error, at, Path::new(name)))?;
            if last {
                return Opened::of(File::from(fd));
            }
            folder = Some(fd);
        }
        Err(Refused::NotFound)
    }
}

impl Opened {
    fn of(file: File) -> Result<Self, Refused> {
        let metadata = file.metadata().map_err(Refused::Io)?;
        if !metadata.is_file() {
            return Err(Refused::NotRegular(named(FileType::from_raw_mode(metadata.mode())).to_owned()));
        }
        Ok(Self { file, size: metadata.len(), mode: metadata.mode() & 0o7777 })
    }
}

enum Refused {
    NotFound,
    NotRegular(String),
    Io(io::Error),
}

impl Refused {
    fn of(error: rustix::io::Errno, at: &OwnedFd, name: &Path) -> Self {
        use rustix::io::Errno;
        if error == Errno::NOENT {
            return Self::NotFound;
        }
        // What stands there says more than the error: a link is ELOOP or ENOTDIR, a socket ENXIO.
        let there = rustix::fs::statat(at, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW);
        match there.map(|stat| FileType::from_raw_mode(stat.st_mode)) {
            Ok(FileType::RegularFile | FileType::Directory) | Err(_) if error != Errno::NOTDIR => {
                Self::Io(error.into())
            }
            Ok(kind) => Self::NotRegular(format!("{} is {}", name.display(), named(kind))),
            Err(_) => Self::Io(error.into()),
        }
    }
}

fn named(kind: FileType) -> &'static str {
    match kind {
        FileType::RegularFile => "a file",
        FileType::Directory => "a folder",
        FileType::Symlink => "a symbolic link",
        FileType::Fifo => "a named pipe",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        FileType::Unknown => "something unknown",
    }
}
