//! Binds: which of the host's paths are seen where, outer ones first, harmless and read-only unless granted.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::{Path, PathBuf};

use nix::mount::MsFlags;
use rustix::fs::{Mode, OFlags, ResolveFlags};

use crate::mounts::{HARMLESS, HOST, below, empty, failed, folder_at, mount_at, seal, seal_with};
use crate::outcome::SandboxError;
use crate::place::TMPDIR;
use crate::procfs;
use crate::reading;
use crate::spec::{Launch, Setting};

/// The host's root while it can still be bound from.
#[derive(Debug)]
pub(crate) struct Host {
    root: OwnedFd,
    /// Where the host has mounts.
    mounts: Vec<PathBuf>,
}

/// A path of the host's, and where it is to be seen.
#[derive(Debug)]
pub(crate) struct Bind {
    /// As the host names it; no links in it.
    source: PathBuf,
    target: PathBuf,
    writable: bool,
    /// Where the host has further mounts below the source, relative to it.
    submounts: Vec<PathBuf>,
}

impl Host {
    /// Opens it where it lies while the new root is built.
    pub(crate) fn open() -> Result<Self, SandboxError> {
        let mounts = mount_points().map_err(|error| failed("read mountinfo", error))?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(HOST, flags, Mode::empty())
            .map_err(|error| failed("open the host's root", error.into()))?;
        Ok(Self { root, mounts })
    }

    /// Returns the binds that all commands of a setting have: the system and the toolchains.
    pub(crate) fn of_setting(&self, setting: &Setting) -> Result<Vec<Bind>, SandboxError> {
        let system = setting.system.iter().filter(|path| !path.starts_with("/etc"));
        self.all(system.chain(&setting.toolchains).map(|path| (path, path, false)))
    }

    /// Returns the binds of what tells of the machine, for a command that has no /proc of its own.
    pub(crate) fn of_machine(&self) -> Result<Vec<Bind>, SandboxError> {
        let there = |path: &&PathBuf| below(Path::new(HOST), path).exists();
        let all: Vec<PathBuf> = procfs::OF_THE_MACHINE.iter().map(PathBuf::from).collect();
        self.all(all.iter().filter(there).map(|path| (path, path, false)))
    }

    /// Returns the binds of one command. What was made before and lies below one of them would be hidden by it:
    /// that is made again.
    pub(crate) fn of_launch(&self, launch: &Launch, made: Vec<Bind>) -> Result<Vec<Bind>, SandboxError> {
        let Launch { grant, place, seen, read_only, .. } = launch;
        let reads = grant.read.iter().chain(&place.also_read).map(|path| (path, path, false));
        let writes = grant.write.iter().chain(&place.also_write).map(|path| (path, path, true));
        let own = [
            (&place.worktree, &seen.worktree, true),
            (&place.home, &seen.home, true),
            (&place.tmp, &seen.tmp, true),
        ];
        let kept = read_only.iter().map(|path| (path, path, false));
        let mut binds = self.all(reads.chain(writes).chain(own).chain(kept))?;
        let hides =
            |over: &Bind, under: &Bind| under.target != over.target && under.target.starts_with(&over.target);
        let hidden: Vec<Bind> =
            made.into_iter().filter(|under| binds.iter().any(|over| hides(over, under))).collect();
        binds.extend(hidden);
        outer_first(&mut binds);
        Ok(binds)
    }

    fn all<'a>(
        &self,
        wanted: impl Iterator<Item = (&'a PathBuf, &'a PathBuf, bool)>,
    ) -> Result<Vec<Bind>, SandboxError> {
        let binds: Result<Vec<Bind>, SandboxError> =
            wanted.map(|(source, target, writable)| self.bind(source, target, writable)).collect();
        let mut binds = binds?;
        outer_first(&mut binds);
        Ok(binds)
    }

    /// Resolves a path as the host would.
    fn bind(&self, source: &Path, target: &Path, writable: bool) -> Result<Bind, SandboxError> {
        let real =
            self.real(source).map_err(|error| failed(&format!("grant {}", source.display()), error))?;
        let below = self.mounts.iter().filter(|mount| mount.starts_with(&real) && **mount != real);
        let submounts =
            below.filter_map(|mount| mount.strip_prefix(&real).ok()).map(Path::to_owned).collect();
        Ok(Bind { source: real, target: plain(target), writable, submounts })
    }

    /// Returns a path of the host without links in it. Links are followed as if the host's root were the root still.
    fn real(&self, path: &Path) -> io::Result<PathBuf> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let relative = path.strip_prefix("/").unwrap_or(path);
        let relative = if relative.as_os_str().is_empty() { Path::new(".") } else { relative };
        let fd = rustix::fs::openat2(&self.root, relative, flags, Mode::empty(), ResolveFlags::IN_ROOT)?;
        let name = reading::link(Path::new(&format!("/proc/self/fd/{}", fd.as_raw_fd())))?;
        Ok(of_host(&name).unwrap_or(name))
    }
}

/// Returns where a path really lies in the new root: `/var/tmp` is a link there.
pub(crate) fn plain(target: &Path) -> PathBuf {
    target.strip_prefix("/var/tmp").map_or_else(|_| target.to_owned(), |rest| Path::new(TMPDIR).join(rest))
}

/// Outer ones first, or they would hide the inner ones.
fn outer_first(binds: &mut [Bind]) {
    binds.sort_by_key(|bind| bind.target.components().count());
}

impl Bind {
    /// Makes it, sealed.
    pub(crate) fn make(&self) -> Result<(), SandboxError> {
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
                empty(&self.target).map_err(made)?;
            }
        }
        mount_at(&host, &self.target, "", MsFlags::MS_BIND | MsFlags::MS_REC, "")?;
        let devices = if self.is_of_devices(&host) { MsFlags::MS_NOSUID } else { HARMLESS };
        seal_with(&self.target, self.writable, devices)?;
        for submount in &self.submounts {
            seal(&self.target.join(submount), self.writable)?;
        }
        Ok(())
    }

    /// Tells whether it is a device that is granted by its own name, or a folder of such (`/dev/dri`): it is to work. In any
    /// other folder devices stay dead, whoever made them.
    fn is_of_devices(&self, host: &Path) -> bool {
        let is_one =
            || fs::metadata(host).is_ok_and(|kind| kind.is_dir() || kind.file_type().is_char_device());
        self.source.components().count() > 2 && self.source.starts_with("/dev") && is_one()
    }

    /// `/bin` → `usr/bin` and its kin: made as links, so that both names are one.
    fn is_a_link_to_the_system(&self) -> bool {
        let host = below(Path::new(HOST), &self.target);
        // Of a longer path it would not be asked.
        let is_short = self.target.components().count() == 2;
        is_short && reading::link(&host).is_ok_and(|link| symlink(link, &self.target).is_ok())
    }
}

/// Returns how the host names a path, if it is one of the host's.
fn of_host(path: &Path) -> Option<PathBuf> {
    path.strip_prefix(HOST).ok().map(|path| Path::new("/").join(path))
}

/// Returns where the host's mounts are.
fn mount_points() -> io::Result<Vec<PathBuf>> {
    let text = reading::text("/proc/self/mountinfo")?;
    let points = text.lines().filter_map(|line| line.split(' ').nth(4)).map(unescape);
    Ok(points.filter_map(|path| of_host(Path::new(&path))).collect())
}

/// Undoes the octal escapes of mountinfo.
pub fn unescape(path: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(path.to_owned(), |path, (code, letter)| path.replace(code, letter))
}
