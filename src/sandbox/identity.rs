//! Who the command is: groups, gid and uid for good, no capability left, nothing to gain by an `execve`.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use nix::unistd::{Gid, Uid, getegid, geteuid, getresgid, getresuid, setgroups, setresgid, setresuid};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::thread::{CapabilitySet, CapabilitySets};

use super::SandboxError;
use crate::policy::Identity;

/// Becomes this identity, irreversibly. Bounding set first, while that is still allowed; then groups, then
/// gid, then uid: the other way round, the right to change the rest is gone with the uid.
pub(super) fn assume(identity: &Identity) -> Result<(), SandboxError> {
    empty_bounding_set().map_err(|error| failed("empty the bounding set", &error.into()))?;
    let (uid, gid) = (Uid::from_raw(identity.uid), Gid::from_raw(identity.gid));
    if geteuid() != uid || getegid() != gid {
        setgroups(&[gid]).map_err(|error| failed("setgroups", &error.into()))?;
        setresgid(gid, gid, gid).map_err(|error| failed("setresgid", &error.into()))?;
        setresuid(uid, uid, uid).map_err(|error| failed("setresuid", &error.into()))?;
    }
    drop_capabilities().map_err(|error| failed("drop capabilities", &error.into()))?;
    prove(uid, gid)
}

/// Nobody can come back: the system says so when asked for it.
fn prove(uid: Uid, gid: Gid) -> Result<(), SandboxError> {
    let wrong = |what: &str| SandboxError {
        layer: "identity".into(),
        what: format!("{what} after dropping privileges"),
        hint: "this is a fault of autopilot or of this kernel: report it".into(),
    };
    let root = Uid::from_raw(0);
    if setresuid(root, root, root).is_ok() || nix::unistd::setuid(root).is_ok() {
        return Err(wrong("uid 0 could be had back"));
    }
    if setresgid(Gid::from_raw(0), Gid::from_raw(0), Gid::from_raw(0)).is_ok() {
        return Err(wrong("gid 0 could be had back"));
    }
    let users = getresuid().map_err(|error| failed("getresuid", &error.into()))?;
    let groups = getresgid().map_err(|error| failed("getresgid", &error.into()))?;
    if [users.real, users.effective, users.saved] != [uid; 3]
        || [groups.real, groups.effective, groups.saved] != [gid; 3]
    {
        return Err(wrong("another uid or gid was in force"));
    }
    Ok(())
}

fn empty_bounding_set() -> rustix::io::Result<()> {
    for capability in CapabilitySet::all().iter() {
        match rustix::thread::remove_capability_from_bounding_set(capability) {
            // Newer than this kernel; or an ordinary user outside a user namespace, who has none to gain: no_new_privs.
            Err(rustix::io::Errno::INVAL) => {}
            Err(rustix::io::Errno::PERM) => return Ok(()),
            result => result?,
        }
    }
    Ok(())
}

fn drop_capabilities() -> rustix::io::Result<()> {
    rustix::thread::clear_ambient_capability_set()?;
    let none = CapabilitySet::empty();
    rustix::thread::set_capabilities(
        None,
        CapabilitySets { effective: none, permitted: none, inheritable: none },
    )
}

fn failed(tried: &str, error: &io::Error) -> SandboxError {
    SandboxError {
        layer: "identity".into(),
        what: format!("{tried}: {error}"),
        hint: "as root, autopilot needs CAP_SETUID, CAP_SETGID and CAP_SETPCAP".into(),
    }
}

/// Makes a directory and everything below it over to an identity, without following links and without leaving
/// its file system. Does nothing when the caller is not root: then it is the owner already.
pub fn make_over(path: &Path, identity: &Identity) -> io::Result<()> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let folder = rustix::fs::open(
        path,
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let device = rustix::fs::fstat(&folder)?.st_dev;
    make_over_below(folder.as_fd(), device, identity)
}

fn make_over_below(folder: std::os::fd::BorrowedFd<'_>, device: u64, identity: &Identity) -> io::Result<()> {
    let (uid, gid) = (rustix::fs::Uid::from_raw(identity.uid), rustix::fs::Gid::from_raw(identity.gid));
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        if entry.file_type() != FileType::Directory {
            rustix::fs::chownat(folder, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
            continue;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let below = rustix::fs::openat(folder, name, flags, Mode::empty())?;
        if rustix::fs::fstat(&below)?.st_dev == device {
            make_over_below(below.as_fd(), device, identity)?;
        }
    }
    rustix::fs::fchown(folder, Some(uid), Some(gid))?;
    Ok(())
}
