//! Where the claim of an issue lies: a file in the git directory that all checkouts of a repository share, which no step
//! reaches. It is made and taken away by calls that succeed for one alone, on a network's disk, too: `link` and `rename`.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::Duration;

use rustix::fs::{
    AtFlags, CWD, FlockOperation, Mode, OFlags, RawDir, RenameFlags, flock, linkat, mkdirat, openat,
    renameat, renameat_with, unlinkat,
};
use rustix::io::Errno;

use super::super::error::named;
use super::super::git::Owner;
use super::super::holder::is_held;
use super::said::{Said, USUAL, nonce};

/// The folder of claims in the git directory.
const FOLDER: &str = "autopilot-claims";
/// No claim is longer.
const LONGEST: usize = 8 * 1024;
/// How often a folder that somebody takes away just then is made again.
const TRIES: u32 = 50;

/// How often a claim is read that says nothing, and how long it is waited in between.
const LOOKS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(5);

/// The place of one claim.
#[derive(Debug, Clone)]
pub(in super::super) struct Place {
    /// The shared git directory.
    pub(in super::super) common_dir: PathBuf,
    /// The issue.
    pub(in super::super) issue: u64,
    /// Whose the repository is, where that is not the caller.
    pub(in super::super) owner: Option<Owner>,
}

/// A claim as somebody saw it.
#[derive(Debug)]
pub(super) struct Seen {
    file: File,
    pub(super) bytes: Vec<u8>,
    pub(super) said: Option<Said>,
}

impl Seen {
    /// Tells whether somebody of this kernel has it locked.
    pub(super) fn is_locked(&self) -> bool {
        is_held(&self.file)
    }

    pub(super) fn is_of(&self, nonce: &str) -> bool {
        self.said.as_ref().is_some_and(|said| said.nonce == nonce)
    }

    /// Writes over it, in place: whoever watches sees another text.
    pub(super) fn write(&self, said: &Said) -> io::Result<()> {
        self.file.write_all_at(&said.bytes()?, 0)?;
        self.file.sync_data()
    }
}

impl Place {
    /// Returns the file.
    pub(super) fn path(&self) -> PathBuf {
        self.common_dir.join(FOLDER).join(self.issue.to_string())
    }

    /// Looks at the claim; nothing if there is none.
    pub(super) fn look(&self) -> io::Result<Option<Seen>> {
        self.look_for(OFlags::RDONLY)
    }

    /// The same, to be written over.
    pub(super) fn look_to_write(&self) -> io::Result<Option<Seen>> {
        self.look_for(OFlags::RDWR)
    }

    fn look_for(&self, how: OFlags) -> io::Result<Option<Seen>> {
        match self.folder()? {
            Some(folder) => self.look_at(&folder, &self.issue.to_string(), how),
            None => Ok(None),
        }
    }

    fn look_at(&self, folder: &OwnedFd, name: &str, how: OFlags) -> io::Result<Option<Seen>> {
        // Through no link, and waiting for nobody who might write to a pipe.
        let flags = how | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = match openat(folder, name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            // On a network's disk somebody may have taken it away between two calls.
            Err(Errno::NOENT | Errno::STALE) => return Ok(None),
            Err(error) => return Err(self.named(error.into())),
        };
        let mut looks = 0..LOOKS;
        loop {
            let bytes = match read(&file) {
                Ok(bytes) => bytes,
                Err(error) if error.raw_os_error() == Some(Errno::STALE.raw_os_error()) => return Ok(None),
                Err(error) => return Err(self.named(error)),
            };
            let said = Said::parse(&bytes);
            // It may be written over just now.
            if said.is_none() && looks.next().is_some() {
                std::thread::sleep(PAUSE);
                continue;
            }
            return Ok(Some(Seen { file, bytes, said }));
        }
    }

    /// Puts a claim there: its file, locked for as long as that is open; nothing if one is there.
    pub(super) fn put(&self, said: &Said) -> io::Result<Option<File>> {
        let bytes = said.bytes()?;
        for _ in 0..TRIES {
            // Its last claim went, and the folder with it: here, or before the claim is in it.
            let Some(folder) = self.made_folder()? else { continue };
            match self.put_in(&folder, &said.nonce, &bytes) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                put => return put.map_err(|error| self.named(error)),
            }
        }
        Err(self.named(io::Error::other("the folder is taken away again and again")))
    }

    fn put_in(&self, folder: &OwnedFd, nonce: &str, bytes: &[u8]) -> io::Result<Option<File>> {
        let (name, staged) = (self.issue.to_string(), format!("{}.{nonce}.new", self.issue));
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(openat(folder, staged.as_str(), flags, Mode::from_raw_mode(0o644))?);
        let place = || -> io::Result<bool> {
            (&file).write_all(bytes)?;
            file.sync_all()?;
            if let Some(owner) = self.owner {
                std::os::unix::fs::fchown(&file, Some(owner.uid), Some(owner.gid))?;
            }
            // Before anybody sees it. Where there are no locks, number and start have to do.
            let _ = flock(&file, FlockOperation::NonBlockingLockExclusive);
            link(folder, &staged, &name, &file)
        };
        let placed = place();
        let _ = unlinkat(folder, staged.as_str(), AtFlags::empty());
        if !placed? {
            return Ok(None);
        }
        self.sweep(folder, &file);
        let _ = rustix::fs::fsync(folder);
        Ok(Some(file))
    }

    /// Tells whether a lock on a file here keeps another off it, at least of this kernel. One of its own is tried: whoever looks at
    /// a claim meanwhile is not to find that locked.
    pub(super) fn do_locks_hold(&self) -> bool {
        let tried = || -> io::Result<bool> {
            let Some(folder) = self.folder()? else { return Ok(false) };
            let name = format!("{}.{}.new", self.issue, nonce());
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let open = || openat(&folder, name.as_str(), flags, Mode::from_raw_mode(0o600));
            let both = open().and_then(|one| Ok((one, open()?)));
            let _ = unlinkat(&folder, name.as_str(), AtFlags::empty());
            let (one, other) = both?;
            flock(&one, FlockOperation::NonBlockingLockExclusive)?;
            Ok(flock(&other, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK))
        };
        tried().unwrap_or(false)
    }

    /// Takes a claim away, if it still is what this says of it: whether it was.
    pub(super) fn take_away(&self, is_it: impl Fn(&Seen) -> bool) -> io::Result<bool> {
        let Some(folder) = self.folder()? else { return Ok(false) };
        let name = self.issue.to_string();
        // Looked at once more: what is moved away to be looked at is missed by its holder.
        if !self.look_at(&folder, &name, OFlags::RDONLY)?.is_some_and(|seen| is_it(&seen)) {
            return Ok(false);
        }
        let aside = format!("{name}.{}.gone", nonce());
        match renameat(&folder, name.as_str(), &folder, aside.as_str()) {
            Ok(()) => {}
            Err(Errno::NOENT) => return Ok(false),
            Err(error) => return Err(self.named(error.into())),
        }
        let was_it = self.look_at(&folder, &aside, OFlags::RDONLY)?.is_none_or(|seen| is_it(&seen));
        if !was_it {
            // Somebody was faster, and this is theirs.
            let _ = linkat(&folder, aside.as_str(), &folder, name.as_str(), AtFlags::empty()).or_else(|_| {
                renameat_with(&folder, aside.as_str(), &folder, name.as_str(), RenameFlags::NOREPLACE)
            });
        }
        let _ = unlinkat(&folder, aside.as_str(), AtFlags::empty());
        Ok(was_it)
    }

    /// Removes the folder, if nothing is in it.
    pub(super) fn tidy(&self) {
        let _ = unlinkat(CWD, self.common_dir.join(FOLDER), AtFlags::REMOVEDIR);
    }

    /// Removes what is left of those who died between two names of a claim of this issue: what was written so long before
    /// this claim, by the clock of their disk, that it stands no more. What is younger may be a claim that somebody has
    /// aside just now, and is about to put back; it may be this one.
    fn sweep(&self, folder: &OwnedFd, own: &File) {
        let Ok(now) = own.metadata().and_then(|own| own.modified()) else { return };
        let prefix = format!("{}.", self.issue);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let Ok(listed) = openat(folder, ".", flags, Mode::empty()) else { return };
        let mut room = [std::mem::MaybeUninit::uninit(); 4096];
        let mut entries = RawDir::new(listed, &mut room);
        while let Some(Ok(entry)) = entries.next() {
            let Some(name) = entry.file_name().to_str().ok().filter(|name| name.starts_with(&prefix)) else {
                continue;
            };
            let Ok(Some(left)) = self.look_at(folder, name, OFlags::RDONLY) else { continue };
            let stands = left.said.as_ref().map_or(USUAL, Said::lease);
            let written = left.file.metadata().and_then(|left| left.modified());
            if written.is_ok_and(|written| now.duration_since(written).is_ok_and(|since| since > stands)) {
                let _ = unlinkat(folder, name, AtFlags::empty());
            }
        }
    }

    /// Opens the folder; nothing if there is none.
    fn folder(&self) -> io::Result<Option<OwnedFd>> {
        let path = self.common_dir.join(FOLDER);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(CWD, &path, flags, Mode::empty()) {
            Ok(folder) => Ok(Some(folder)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(named(&path, error.into())),
        }
    }

    /// Opens the folder, made if need be; nothing if somebody took it away just then.
    fn made_folder(&self) -> io::Result<Option<OwnedFd>> {
        let path = self.common_dir.join(FOLDER);
        let made = match mkdirat(CWD, &path, Mode::from_raw_mode(0o777)) {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(error) => return Err(named(&path, error.into())),
        };
        let folder = self.folder()?;
        if let (Some(folder), Some(owner), true) = (&folder, self.owner, made) {
            std::os::unix::fs::fchown(folder, Some(owner.uid), Some(owner.gid))?;
        }
        Ok(folder)
    }

    fn named(&self, error: io::Error) -> io::Error {
        named(&self.path(), error)
    }
}

fn read(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; LONGEST];
    let mut length = 0;
    while length < LONGEST {
        match file.read_at(&mut bytes[length..], length as u64)? {
            0 => break,
            read => length += read,
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

/// Gives a staged file its name, unless something has that: whether it did.
fn link(folder: &OwnedFd, staged: &str, name: &str, file: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    match linkat(folder, staged, folder, name, AtFlags::empty()) {
        Ok(()) => Ok(true),
        // Over a network the answer may be lost, and the call be made twice: the count of names tells.
        Err(Errno::EXIST) => Ok(file.metadata()?.nlink() == 2),
        // Not every disk has files of two names.
        Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::MLINK) => {
            match renameat_with(folder, staged, folder, name, RenameFlags::NOREPLACE) {
                Ok(()) => Ok(true),
                Err(Errno::EXIST) => Ok(false),
                Err(error) => Err(error.into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}
