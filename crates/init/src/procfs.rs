//! /proc as a confined side has it: its own, or, where the kernel gives a user namespace none, the one of before, lent until
//! the command's root is built, and from then on held open by the supervisor alone.
//!
//! The kernel mounts no /proc in a user namespace if something is mounted below the one that is there, as containers and
//! `ProtectKernelTunables=yes` have it: it would show what that hides. The old one, in its place, would show more still: of every
//! process of the same user the environment, and behind `/proc/PID/root` and `/proc/PID/fd` all its files. So a command gets
//! none, but the few files that tell of the machine alone.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use nix::mount::{MntFlags, MsFlags, umount2};
use rustix::fs::{Dir, Mode, OFlags};

use crate::granted::Isolation;
use crate::mountinfo::Mounts;
use crate::mounts::{HARMLESS, HOST, failed, mount_at};
use crate::outcome::SandboxError;
use crate::reading;

/// The layer of an error that says that there is none to be had: the rest may be.
pub const LAYER: &str = "proc";

/// What is readable of a /proc that is the host's: nothing about anybody's processes.
pub(crate) const OF_THE_MACHINE: [&str; 7] = [
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/version",
    "/proc/loadavg",
    "/proc/filesystems",
    "/proc/sys",
];

/// Where something is always mounted, on a folder that is empty for good: it hides nothing.
const USUAL: &str = "/proc/sys/fs/binfmt_misc";

const PROC: &str = "/proc";

/// The one of before, and this process's number in it.
#[derive(Debug)]
struct Lent {
    root: OwnedFd,
    own: i32,
}

static LENT: OnceLock<Lent> = OnceLock::new();

/// Gives the new root a /proc: its own, or until [`keep`] the host's.
pub(crate) fn mount(isolation: Isolation) -> Result<(), SandboxError> {
    if isolation.has_own_proc() {
        let options = MsFlags::MS_NOEXEC | HARMLESS;
        return nix::mount::mount(Some("proc"), PROC, Some("proc"), options, None::<&str>).map_err(|error| {
            let hint = "`autopilot doctor` tells what this host allows".into();
            SandboxError { layer: LAYER.into(), what: format!("mount /proc: {}", error.desc()), hint }
        });
    }
    let host = Path::new(HOST).join("proc");
    mount_at(&host, Path::new(PROC), "", MsFlags::MS_BIND | MsFlags::MS_REC, "")?;
    // The supervisor would not see all that it has to count.
    let hides = Mounts::read().map_err(|error| failed("read mountinfo", error))?.hides_processes(&host);
    if hides {
        return Err(SandboxError {
            layer: LAYER.into(),
            what: "/proc hides processes (`hidepid`), and no other can be mounted here".into(),
            hint: "leave `ProtectProc=` and `hidepid=` away, or have nothing mounted below /proc".into(),
        });
    }
    Ok(())
}

/// Takes the lent one away, and holds it open for the supervisor.
pub(crate) fn keep() -> Result<(), SandboxError> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::open(PROC, flags, Mode::empty())
        .map_err(|error| failed("open the host's /proc", error.into()))?;
    let own = fs::read_link("/proc/self").map_err(|error| failed("read /proc/self", error))?;
    let own = own.to_str().and_then(|own| own.parse().ok());
    let own = own.ok_or_else(|| failed("read /proc/self", io::Error::other("it is no process of there")))?;
    umount2(PROC, MntFlags::MNT_DETACH)
        .map_err(|error| failed("take the host's /proc away", error.into()))?;
    LENT.set(Lent { root, own }).map_err(|_| failed("keep /proc", io::Error::other("there is one")))
}

/// Tells whether a /proc is mounted where programs look for it.
pub(crate) fn is_mounted() -> bool {
    rustix::fs::statfs(PROC).is_ok_and(|found| found.f_type == rustix::fs::PROC_SUPER_MAGIC)
}

/// Tells whether what is read here is the one of before, where this process is not pid 1.
pub(crate) fn is_lent() -> bool {
    LENT.get().is_some()
}

/// Returns this process's number, as the others are numbered there.
pub(crate) fn own() -> i32 {
    LENT.get().map_or_else(|| i32::try_from(std::process::id()).unwrap_or(1), |lent| lent.own)
}

/// Returns a process's number as this process has it, of the number there.
pub(crate) fn inner(pid: i32) -> Option<i32> {
    if !is_lent() {
        return Some(pid);
    }
    let status = text(&format!("{pid}/status"))?;
    field(&status, "NSpid:")?.split_ascii_whitespace().next_back()?.parse().ok()
}

/// Returns what stands behind a name in a text of /proc that has one a line.
pub(crate) fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

/// Reads a file below /proc.
pub(crate) fn text(path: &str) -> Option<String> {
    let read = || -> io::Result<Vec<u8>> {
        let Some(lent) = LENT.get() else { return reading::whole(Path::new(PROC).join(path)) };
        let file = rustix::fs::openat(&lent.root, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        reading::rest(fs::File::from(file))
    };
    // A process chooses its own name.
    read().ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// Opens a file below /proc for writing.
pub(crate) fn open_to_write(path: &str) -> io::Result<fs::File> {
    let Some(lent) = LENT.get() else {
        return fs::OpenOptions::new().write(true).open(Path::new(PROC).join(path));
    };
    Ok(rustix::fs::openat(&lent.root, path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?.into())
}

/// Lists the numbers of the processes.
pub(crate) fn pids() -> io::Result<Vec<i32>> {
    let number = |name: &[u8]| std::str::from_utf8(name).ok().and_then(|name| name.parse::<i32>().ok());
    let mut all = Vec::new();
    let Some(lent) = LENT.get() else {
        for entry in fs::read_dir(PROC)? {
            all.extend(number(entry?.file_name().as_encoded_bytes()));
        }
        return Ok(all);
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    for entry in Dir::new(rustix::fs::openat(&lent.root, ".", flags, Mode::empty())?)? {
        all.extend(number(entry?.file_name().to_bytes()));
    }
    Ok(all)
}

/// Lists what is mounted below the /proc of this process.
fn covered() -> Vec<PathBuf> {
    let Ok(mounts) = Mounts::read() else { return Vec::new() };
    let below = mounts.iter().map(|mount| &mount.point);
    let mut below: Vec<PathBuf> = below
        .filter(|point| point.starts_with(PROC) && *point != Path::new(PROC) && *point != Path::new(USUAL))
        .cloned()
        .collect();
    below.sort();
    below.dedup();
    below
}

/// Says why there is none of its own, and what would help.
pub fn without(error: &SandboxError) -> (String, String) {
    let covered: Vec<String> = covered().iter().map(|path| path.display().to_string()).collect();
    if covered.is_empty() {
        return (error.to_string(), error.hint.clone());
    }
    let why = format!("{}, since other things are mounted below ({})", error.what, listed(&covered));
    let hint = "have nothing mounted below /proc: no `ProtectKernelTunables=`, `ProtectKernelLogs=`, `InaccessiblePaths=/proc/…` in a \
        systemd unit; `--security-opt systempaths=unconfined` for Docker; `procMount: Unmasked` in a pod";
    (why, hint.to_owned())
}

fn listed(all: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown = all.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if all.len() > SHOWN { format!("{shown} and {} more", all.len() - SHOWN) } else { shown }
}
