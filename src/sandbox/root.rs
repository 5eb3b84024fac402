//! The root of the command's own: a fresh tmpfs with what is granted bound into it, and nothing else.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::pivot_root;
use rustix::fs::{Mode, OFlags, ResolveFlags};

use super::SandboxError;
use super::caches;
use super::etc;
use super::spec::Launch;
use crate::policy::Reach;

/// Where the new root is mounted before it becomes the root: any directory that every host has.
const STAGE: &str = "/tmp";

/// Where the host's root is while the new one is built.
const HOST: &str = "/.host";

/// Devices that programs need; the host's own, since making new ones takes more than a user namespace gives.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

const LINKS: [(&str, &str); 5] = [
    ("/proc/self/fd", "/dev/fd"),
    ("/proc/self/fd/0", "/dev/stdin"),
    ("/proc/self/fd/1", "/dev/stdout"),
    ("/proc/self/fd/2", "/dev/stderr"),
    ("pts/ptmx", "/dev/ptmx"),
];

/// Largest sum of what a command keeps in /dev/shm, which counts as memory.
const SHM: &str = "/dev/shm";

/// The mounts whose content is memory.
pub(super) const IN_MEMORY: &[&str] = &[SHM];

type Done = Result<(), SandboxError>;

/// This process is in a root of its own. What [`build`] writes, `/etc/passwd` among it, must never meet the
/// host's: only [`stage`] makes one.
#[derive(Debug)]
pub(super) struct Staged(());

/// Moves into a root of its own that holds what every command needs; the host's stays at [`HOST`] for now. Needs no
/// launch: a confined side that waits for one has this behind it.
pub(super) fn stage() -> Result<Staged, SandboxError> {
    enter_stage()?;
    system_folders()?;
    Ok(Staged(()))
}

/// Brings in what is granted. From here on the host's files are out of reach.
pub(super) fn build(_: Staged, launch: &Launch) -> Done {
    let size = format!("mode=1777,size={}", launch.grant.limits().memory);
    mount_at("tmpfs", Path::new(SHM), "tmpfs", HARMLESS, &size)?;
    etc::write(launch, Path::new(HOST), *launch.grant.network() == Reach::Full)
        .map_err(|error| failed("make /etc", error))?;
    for bind in Binds::of(launch)?.all {
        bind.make()?;
    }
    caches::mount(launch, Path::new(HOST))?;
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
    for folder in ["/dev", "/dev/pts", SHM, "/proc", "/sys", "/etc", "/run", "/var", "/root", "/home"] {
        folder_at(Path::new(folder)).map_err(made)?;
    }
    symlink("/tmp", "/var/tmp").map_err(made)?;
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

/// What is bound where.
struct Binds {
    all: Vec<Bind>,
}

struct Bind {
    /// As the host names it; no links in it.
    source: PathBuf,
    target: PathBuf,
    writable: bool,
    /// Where the host has further mounts below the source, relative to it.
    submounts: Vec<PathBuf>,
}

impl Binds {
    /// Resolves everything as the host would.
    fn of(launch: &Launch) -> Result<Self, SandboxError> {
        let mounts = mount_points().map_err(|error| failed("read mountinfo", error))?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let host = rustix::fs::open(HOST, flags, Mode::empty())
            .map_err(|error| failed("open the host's root", error.into()))?;
        let grant = &launch.grant;
        let place = &launch.place;
        let same = |path: &PathBuf, writable| (path.clone(), path.clone(), writable);
        let system = grant.system().iter().filter(|path| !path.starts_with("/etc"));
        let mut wanted: Vec<(PathBuf, PathBuf, bool)> =
            system.chain(grant.read()).chain(&place.also_read).map(|path| same(path, false)).collect();
        wanted.extend(grant.write().iter().chain(&place.also_write).map(|path| same(path, true)));
        wanted.push((place.worktree.clone(), launch.seen.worktree.clone(), true));
        wanted.push((place.home.clone(), launch.seen.home.clone(), true));
        wanted.push((place.tmp.clone(), launch.seen.tmp.clone(), true));
        wanted.extend(launch.read_only.iter().map(|path| same(path, false)));
        let all: Result<Vec<Bind>, SandboxError> = wanted
            .into_iter()
            .map(|(source, target, writable)| Bind::of(&host, source, target, writable, &mounts))
            .collect();
        let mut all = all?;
        // Outer ones first, or they would hide the inner ones.
        all.sort_by_key(|bind| bind.target.components().count());
        Ok(Self { all })
    }
}

impl Bind {
    fn of(
        host: &OwnedFd,
        source: PathBuf,
        target: PathBuf,
        writable: bool,
        mounts: &[PathBuf],
    ) -> Result<Self, SandboxError> {
        let real =
            real(host, &source).map_err(|error| failed(&format!("grant {}", source.display()), error))?;
        let below = mounts.iter().filter(|mount| mount.starts_with(&real) && **mount != real);
        let submounts =
            below.filter_map(|mount| mount.strip_prefix(&real).ok()).map(Path::to_owned).collect();
        Ok(Self { source: real, target, writable, submounts })
    }

    fn make(&self) -> Done {
        let host = below(Path::new(HOST), &self.source);
        let made = |error| failed(&format!("make {}", self.target.display()), error);
        if host.is_dir() {
            // The system's own links, such as /bin, stay links.
            if self.is_a_link_to_the_system() {
                return Ok(());
            }
            folder_at(&self.target).map_err(made)?;
        } else {
            folder_at(self.target.parent().unwrap_or(Path::new("/"))).map_err(made)?;
            if !self.target.exists() {
                fs::write(&self.target, "").map_err(made)?;
            }
        }
        mount_at(&host, &self.target, "", MsFlags::MS_BIND | MsFlags::MS_REC, "")?;
        seal(&self.target, self.writable)?;
        for submount in &self.submounts {
            seal(&self.target.join(submount), self.writable)?;
        }
        Ok(())
    }

    /// `/bin` → `usr/bin` and its kin: made as links, so that both names are one.
    fn is_a_link_to_the_system(&self) -> bool {
        let host = below(Path::new(HOST), &self.target);
        match fs::read_link(&host) {
            Ok(link) if self.target.components().count() == 2 => symlink(link, &self.target).is_ok(),
            _ => false,
        }
    }
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

/// Returns a path of the host without links in it. Links are followed as if the host's root were the root still.
fn real(host: &OwnedFd, path: &Path) -> io::Result<PathBuf> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let relative = path.strip_prefix("/").unwrap_or(path);
    let relative = if relative.as_os_str().is_empty() { Path::new(".") } else { relative };
    let fd = rustix::fs::openat2(host, relative, flags, Mode::empty(), ResolveFlags::IN_ROOT)?;
    let name = fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd()))?;
    Ok(of_host(&name).unwrap_or(name))
}

/// Returns how the host names a path, if it is one of the host's.
fn of_host(path: &Path) -> Option<PathBuf> {
    path.strip_prefix(HOST).ok().map(|path| Path::new("/").join(path))
}

/// Returns where the host's mounts are.
fn mount_points() -> io::Result<Vec<PathBuf>> {
    let text = fs::read_to_string("/proc/self/mountinfo")?;
    let points = text.lines().filter_map(|line| line.split(' ').nth(4)).map(unescape);
    Ok(points.filter_map(|path| of_host(Path::new(&path))).collect())
}

/// Undoes the octal escapes of mountinfo.
fn unescape(path: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(path.to_owned(), |path, (code, letter)| path.replace(code, letter))
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
