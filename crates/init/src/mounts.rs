//! Mounts and folders of a root that is being built: what its parts share.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};
use rustix::fs::{CWD, FileType, Mode};

use crate::outcome::SandboxError;

/// Where the host's root is while the new one is built.
pub(crate) const HOST: &str = "/.host";

/// A memory file system of the command's own: what it keeps there counts as memory.
pub(crate) const SHM: &str = "/dev/shm";

/// No set-uid, no devices: whatever a mount holds.
pub(crate) const HARMLESS: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV);

/// Makes a bind harmless, and read-only unless it is to be written. A bind takes flags only when it is mounted
/// again, and each mount below it by itself. What the host locked must stay as it is, or a user namespace refuses.
pub(crate) fn seal(target: &Path, writable: bool) -> Result<(), SandboxError> {
    seal_with(target, writable, HARMLESS)
}

/// The same with other flags than [`HARMLESS`], for what is a device by name.
pub(crate) fn seal_with(target: &Path, writable: bool, always: MsFlags) -> Result<(), SandboxError> {
    let Ok(now) = rustix::fs::statvfs(target) else {
        // A mount that this identity cannot even look at is no use to it, and no danger.
        return Ok(());
    };
    let kept = [
        (rustix::fs::StatVfsMountFlags::NOEXEC, MsFlags::MS_NOEXEC),
        (rustix::fs::StatVfsMountFlags::NOATIME, MsFlags::MS_NOATIME),
        (rustix::fs::StatVfsMountFlags::NODIRATIME, MsFlags::MS_NODIRATIME),
        (rustix::fs::StatVfsMountFlags::RELATIME, MsFlags::MS_RELATIME),
        (rustix::fs::StatVfsMountFlags::RDONLY, MsFlags::MS_RDONLY),
        (rustix::fs::StatVfsMountFlags::NODEV, MsFlags::MS_NODEV),
    ];
    let mut flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | always;
    for (seen, flag) in kept {
        flags.set(flag, now.f_flag.contains(seen));
    }
    if !writable {
        flags |= MsFlags::MS_RDONLY;
    }
    mount_at("", target, "", flags, "")
}

/// Returns a path as it is named below another root.
pub(crate) fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// Makes a folder and those above it, for everybody to enter whatever the umask.
pub(crate) fn folder_at(path: &Path) -> io::Result<()> {
    // There is none yet, mostly: no call is spent on asking.
    DirBuilder::new().recursive(true).mode(0o755).create(path)
}

/// Makes an empty file for something to be mounted on, by one call.
pub(crate) fn empty(path: &Path) -> io::Result<()> {
    let mode = Mode::from_raw_mode(0o644);
    Ok(rustix::fs::mknodat(CWD, path, FileType::RegularFile, mode, 0)?)
}

/// Mounts; an empty source, type or text of options is none.
pub(crate) fn mount_at(
    source: impl AsRef<Path>,
    target: &Path,
    kind: &str,
    flags: MsFlags,
    options: &str,
) -> Result<(), SandboxError> {
    let source = Some(source.as_ref()).filter(|path| !path.as_os_str().is_empty());
    let kind = Some(kind).filter(|text| !text.is_empty());
    let options = Some(options).filter(|text| !text.is_empty());
    mount(source, target, kind, flags, options)
        .map_err(|error| failed(&format!("mount {} ({flags:?})", target.display()), error.into()))
}

pub(crate) fn failed(tried: &str, error: io::Error) -> SandboxError {
    SandboxError {
        layer: "root".into(),
        what: format!("{tried}: {error}"),
        hint: "check that the paths of `filesystem` exist; `autopilot doctor` tells what this host allows"
            .into(),
    }
}
