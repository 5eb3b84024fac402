//! The root of the command's own: a fresh tmpfs with what is granted bound into it, and nothing else.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::pivot_root;

use crate::binds::{Bind, Host};
use crate::caches;
use crate::etc;
use crate::granted::Isolation;
use crate::held;
use crate::mounts::{HARMLESS, HOST, SHM, empty, failed, folder_at, mount_at};
use crate::outcome::SandboxError;
use crate::place::TMPDIR;
use crate::spec::{Launch, Setting};
use crate::{own, procfs, refused};

/// Where the new root is mounted before it becomes the root: any directory that every host has.
const STAGE: &str = "/tmp";

/// Devices that programs need; the host's own, since making new ones takes more than a user namespace gives.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

const LINKS: [(&str, &str); 5] = [
    ("/proc/self/fd", "/dev/fd"),
    ("/proc/self/fd/0", "/dev/stdin"),
    ("/proc/self/fd/1", "/dev/stdout"),
    ("/proc/self/fd/2", "/dev/stderr"),
    ("pts/ptmx", "/dev/ptmx"),
];

type Done = Result<(), SandboxError>;

/// This process is in a root of its own. What [`build`] writes, `/etc/passwd` among it, must never meet the
/// host's: only [`stage`] makes one.
#[derive(Debug)]
pub(crate) struct Staged {
    host: Host,
    made: Vec<Bind>,
}

/// Moves into a root of its own that holds what every command of this setting needs; the host's stays at [`HOST`]
/// for now. Needs no launch: a confined side that waits for one has this behind it.
pub(crate) fn stage(setting: &Setting) -> Result<Staged, SandboxError> {
    let user = matches!(setting.isolation, Isolation::Namespaces { user: true, .. });
    enter_stage(user)?;
    system_folders(setting)?;
    etc::write(setting, Path::new(HOST)).map_err(|error| failed("make /etc", error))?;
    let host = Host::open()?;
    let made = host.of_setting(setting)?;
    made.iter().try_for_each(Bind::make)?;
    // Taking a mount away again is what only `build` does: tried here, so that whoever waits for this knows.
    mount_at("tmpfs", Path::new(SHM), "tmpfs", HARMLESS, "size=4k,nr_inodes=16")?;
    umount2(SHM, MntFlags::MNT_DETACH).map_err(|error| called(user, "umount2", error))?;
    Ok(Staged { host, made })
}

/// Brings in what is granted. From here on the host's files are out of reach.
pub(crate) fn build(staged: Staged, launch: &Launch) -> Done {
    let Staged { host, made } = staged;
    let memory = launch.grant.limits.memory;
    let size = format!("mode=1777,size={memory},nr_inodes={}", held::inodes(memory));
    mount_at("tmpfs", Path::new(SHM), "tmpfs", HARMLESS, &size)?;
    etc::people(launch).map_err(|error| failed("make /etc", error))?;
    if launch.grant.shares_network {
        etc::names(Path::new(HOST)).map_err(|error| failed("make /etc", error))?;
    }
    host.of_launch(launch, made)?.iter().try_for_each(Bind::make)?;
    caches::mount_own(launch, Path::new(HOST))?;
    caches::mount(launch, Path::new(HOST))?;
    own::held(launch)?;
    if !launch.grant.isolation.has_own_proc() {
        let of_machine = host.of_machine()?;
        procfs::keep()?;
        of_machine.iter().try_for_each(Bind::make)?;
    }
    drop(host);
    umount2(HOST, MntFlags::MNT_DETACH).map_err(|error| failed("detach the host's root", error.into()))?;
    fs::remove_dir(HOST).map_err(|error| failed("remove the host's root", error))?;
    let sealed = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | HARMLESS;
    mount_at("", Path::new("/"), "", sealed, "")
}

fn enter_stage(user: bool) -> Done {
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>)
        .map_err(|error| called(user, "mount", error))?;
    mount_at("tmpfs", Path::new(STAGE), "tmpfs", HARMLESS, "mode=755,size=16m,nr_inodes=16k")?;
    let host = format!("{STAGE}{HOST}");
    fs::create_dir(&host).map_err(|error| failed("make the new root", error))?;
    pivot_root(STAGE, host.as_str()).map_err(|error| called(user, "pivot_root", error))?;
    std::env::set_current_dir("/").map_err(|error| failed("chdir", error))
}

/// A call that whoever has these namespaces may make.
fn called(user: bool, call: &str, error: nix::errno::Errno) -> SandboxError {
    refused::refused("root", call, &error.into(), user, "`autopilot doctor` tells what this host allows")
}

fn system_folders(setting: &Setting) -> Done {
    let made = |error| failed("make the system's folders", error);
    for folder in [TMPDIR, "/dev", "/dev/pts", SHM, "/proc", "/sys", "/etc", "/run", "/var", "/root", "/home"]
    {
        folder_at(Path::new(folder)).map_err(made)?;
    }
    symlink(TMPDIR, "/var/tmp").map_err(made)?;
    for (target, link) in LINKS {
        symlink(target, link).map_err(made)?;
    }
    procfs::mount(setting.isolation)?;
    // A terminal is its owner's, whatever the group. All instances share the kernel's few thousand.
    mount_at(
        "devpts",
        Path::new("/dev/pts"),
        "devpts",
        MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC,
        "newinstance,ptmxmode=0666,mode=620,max=256",
    )?;
    for device in DEVICES {
        let path = Path::new("/dev").join(device);
        empty(&path).map_err(made)?;
        let host = Path::new(HOST).join("dev").join(device);
        mount_at(&host, &path, "", MsFlags::MS_BIND, "")?;
    }
    Ok(())
}
