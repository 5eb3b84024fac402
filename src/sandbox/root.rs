//! The root of the command's own: a fresh tmpfs with what is granted bound into it, and nothing else.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::pivot_root;

use super::binds::{Bind, Host};
use super::caches;
use super::etc;
use super::spec::{Launch, Setting};
use super::{SandboxError, TMPDIR};

/// Where the new root is mounted before it becomes the root: any directory that every host has.
const STAGE: &str = "/tmp";

/// Where the host's root is while the new one is built.
pub(super) const HOST: &str = "/.host";

/// Devices that programs need; the host's own, since making new ones takes more than a user namespace gives.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

const LINKS: [(&str, &str); 5] = [
    ("/proc/self/fd", "/dev/fd"),
    ("/proc/self/fd/0", "/dev/stdin"),
    ("/proc/self/fd/1", "/dev/stdout"),
    ("/proc/self/fd/2", "/dev/stderr"),
    ("pts/ptmx", "/dev/ptmx"),
];

/// A memory file system of the command's own: what it keeps there counts as memory.
pub(super) const SHM: &str = "/dev/shm";

type Done = Result<(), SandboxError>;

/// This process is in a root of its own. What [`build`] writes, `/etc/passwd` among it, must never meet the
/// host's: only [`stage`] makes one.
#[derive(Debug)]
pub(super) struct Staged {
    host: Host,
    made: Vec<Bind>,
}

/// Moves into a root of its own that holds what every command of this setting needs; the host's stays at [`HOST`]
/// for now. Needs no launch: a confined side that waits for one has this behind it.
pub(super) fn stage(setting: &Setting) -> Result<Staged, SandboxError> {
    enter_stage()?;
    system_folders()?;
    etc::write(setting, Path::new(HOST)).map_err(|error| failed("make /etc", error))?;
    let host = Host::open()?;
    let made = host.of_setting(setting)?;
    made.iter().try_for_each(Bind::make)?;
    // Taking a mount away again is what only `build` does: tried here, so that whoever waits for this knows.
    mount_at("tmpfs", Path::new(SHM), "tmpfs", HARMLESS, "size=4k")?;
    umount2(SHM, MntFlags::MNT_DETACH).map_err(|error| failed("take a mount away", error.into()))?;
    Ok(Staged { host, made })
}

/// Brings in what is granted. From here on the host's files are out of reach.
pub(super) fn build(staged: Staged, launch: &Launch) -> Done {
    let Staged { host, made } = staged;
    let size = format!("mode=1777,size={}", launch.grant.limits().memory);
    mount_at("tmpfs", Path::new(SHM), "tmpfs", HARMLESS, &size)?;
    etc::people(launch).map_err(|error| failed("make /etc", error))?;
    if launch.grant.shares_network() {
        etc::names(Path::new(HOST)).map_err(|error| failed("make /etc", error))?;
    }
    host.of_launch(launch, made)?.iter().try_for_each(Bind::make)?;
    caches::mount(launch, Path::new(HOST))?;
    drop(host);
    umount2(HOST, MntFlags::MNT_DETACH).map_err(|error| failed("detach the host's root", error.into()))?;
    fs::remove_dir(HOST).map_err(|error| failed("remove the host's root", error))?;
    let sealed = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | HARMLESS;
    mount_at("", Path::new("/"), "", sealed, "")
}

/// No set-uid, no devices: whatever a mount holds.
const HARMLESS: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV);

fn enter_stage() -> Done {
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount_at("", Path::new("/"), "", private, "")?;
    mount_at("tmpfs", Path::new(STAGE), "tmpfs", HARMLESS, "mode=755,size=16m")?;
    let host = format!("{STAGE}{HOST}");
    fs::create_dir(&host).map_err(|error| failed("make the new root", error))?;
    pivot_root(STAGE, host.as_str()).map_err(|error| failed("pivot_root", error.into()))?;
    std::env::set_current_dir("/").map_err(|error| failed("chdir", error))
}

fn system_folders() -> Done {
    let made = |error| failed("make the system's folders", error);
    for folder in [TMPDIR, "/dev", "/dev/pts", SHM, "/proc", "/sys", "/etc", "/run", "/var", "/root", "/home"]
    {
        folder_at(Path::new(folder)).map_err(made)?;
    }
    symlink(TMPDIR, "/var/tmp").map_err(made)?;
    for (target, link) in LINKS {
        symlink(target, link).map_err(made)?;
    }
    let none = MsFlags::MS_NOEXEC | HARMLESS;
    mount_at("proc", Path::new("/proc"), "proc", none, "")?;
    // A terminal is its owner's, whatever the group.
    mount_at(
        "devpts",
        Path::new("/dev/pts"),
        "devpts",
        MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC,
        "newinstance,ptmxmode=0666,mode=620",
    )?;
    for device in DEVICES {
        let path = Path::new("/dev").join(device);
        fs::write(&path, "").map_err(made)?;
        let host = Path::new(HOST).join("dev").join(device);
        mount_at(&host, &path, "", MsFlags::MS_BIND, "")?;
    }
    Ok(())
}

/// Makes a bind harmless, and read-only unless it is to be written. A bind takes flags only when it is mounted
/// again, and each mount below it by itself. What the host locked must stay as it is, or a user namespace refuses.
pub(super) fn seal(target: &Path, writable: bool) -> Done {
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
    ];
    let mut flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | HARMLESS;
    for (seen, flag) in kept {
        flags.set(flag, now.f_flag.contains(seen));
    }
    if !writable {
        flags |= MsFlags::MS_RDONLY;
    }
    mount_at("", target, "", flags, "")
}

/// Returns a path as it is named below another root.
pub(super) fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// Makes a folder and those above it, for everybody to enter whatever the umask.
pub(super) fn folder_at(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o755).create(path)
}

/// Mounts; an empty source, type or text of options is none.
pub(super) fn mount_at(
    source: impl AsRef<Path>,
    target: &Path,
    kind: &str,
    flags: MsFlags,
    options: &str,
) -> Done {
    let source = Some(source.as_ref()).filter(|path| !path.as_os_str().is_empty());
    let kind = Some(kind).filter(|text| !text.is_empty());
    let options = Some(options).filter(|text| !text.is_empty());
    mount(source, target, kind, flags, options)
        .map_err(|error| failed(&format!("mount {} ({flags:?})", target.display()), error.into()))
}

pub(super) fn failed(tried: &str, error: io::Error) -> SandboxError {
    SandboxError {
        layer: "root".into(),
        what: format!("{tried}: {error}"),
        hint: "check that the paths of `filesystem` exist; `autopilot doctor` tells what this host allows"
            .into(),
    }
}
