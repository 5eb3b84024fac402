//! `/etc` of the command's own: the named files that programs need, and who it is.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::symlink;
use std::path::Path;

use nix::mount::MsFlags;
use rustix::buffer::spare_capacity;
use rustix::fs::{Mode, OFlags};

use crate::mounts::{below, empty, folder_at, mount_at, seal};
use crate::reading;
use crate::spec::{Launch, Setting};

/// Larger files are bound, smaller ones copied: as fast, and without the host's mount behind them.
const COPIED: u64 = 16 << 10;

/// Room for what is copied, and for the kernel to say that there is no more.
const BUFFER: usize = (16 << 10) + 1;

/// What names the network's hosts: brought in last, and only with the host's network.
const NAMES: [&str; 2] = ["/etc/hosts", "/etc/resolv.conf"];

/// Writes it.
pub(crate) fn write(setting: &Setting, host: &Path) -> io::Result<()> {
    let is_name = |path: &Path| NAMES.iter().any(|name| path == Path::new(name));
    let mut room = Vec::with_capacity(BUFFER);
    for path in setting.system.iter().filter(|path| path.starts_with("/etc") && !is_name(path)) {
        bring(path, &below(host, path), &mut room)?;
    }
    if !setting.shares_network {
        let hosts = format!("127.0.0.1 localhost\n::1 localhost\n{}", own_line(""));
        fs::write(Path::new("/etc/hosts"), hosts)?;
    }
    symlink("/proc/self/mounts", "/etc/mtab")
}

/// Writes who there is: root, the command, and nobody.
pub(crate) fn people(launch: &Launch) -> io::Result<()> {
    let identity = &launch.grant.identity;
    let (name, uid, gid) = (&identity.name, identity.uid, identity.gid);
    let home = launch.seen.home.display();
    let passwd = format!(
        "root:x:0:0::/:/bin/sh\n{name}:x:{uid}:{gid}::{home}:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"
    );
    fs::write(Path::new("/etc/passwd"), passwd.as_bytes())?;
    fs::write(Path::new("/etc/group"), format!("root:x:0:\n{name}:x:{gid}:\nnogroup:x:65534:\n").as_bytes())
}

/// Brings the host's name service in, as it is now.
pub(crate) fn names(host: &Path) -> io::Result<()> {
    let mut there = NAMES.iter().map(Path::new).filter(|name| below(host, name).symlink_metadata().is_ok());
    let mut room = Vec::with_capacity(BUFFER);
    there.try_for_each(|name| bring(name, &below(host, name), &mut room))?;
    let hosts = Path::new("/etc/hosts");
    // A large one, or one that is a link, is the host's own: nothing is written to it.
    let is_copy = fs::symlink_metadata(hosts).is_ok_and(|kind| kind.is_file() && kind.len() <= COPIED);
    match fs::read_to_string(hosts) {
        Ok(text) if is_copy => fs::write(hosts, format!("{text}{}", own_line(&text))),
        _ => Ok(()),
    }
}

/// Returns the line that names this host, unless it is named there: outside it may be known by other ways than a file
/// (`nss-myhostname`, a directory service), and programs look their own host up (Java, Erlang, MPI).
fn own_line(known: &str) -> String {
    let uname = rustix::system::uname();
    let name = uname.nodename().to_str().unwrap_or_default();
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let is_known = |line: &str| {
        line.split('#').next().unwrap_or_default().split_whitespace().skip(1).any(|each| each == name)
    };
    if name.is_empty() || !name.chars().all(is_name) || known.lines().any(is_known) {
        return String::new();
    }
    let start = if known.is_empty() || known.ends_with('\n') { "" } else { "\n" };
    let short = name.split('.').next().filter(|short| !short.is_empty() && *short != name);
    format!("{start}127.0.1.1 {name}{}\n", short.map(|short| format!(" {short}")).unwrap_or_default())
}

/// Brings a file or folder in. Links are resolved against the host's root, where they were made. `room` is for what is
/// copied: there are dozens of files.
fn bring(path: &Path, host: &Path, room: &mut Vec<u8>) -> io::Result<()> {
    let Ok(mut kind) = fs::symlink_metadata(host) else { return Ok(()) };
    let mut real = host.to_owned();
    if kind.is_symlink() {
        // Into the system, it holds inside as well; elsewhere (/run, /etc/static) its content is meant.
        if let Ok(link) = reading::link(host)
            && (link.starts_with("/usr") || link.starts_with("../usr"))
        {
            return within_folder(path, || symlink(&link, path));
        }
        let Ok(led) = resolved(host) else { return Ok(()) };
        let Ok(seen) = fs::metadata(&led) else { return Ok(()) };
        (real, kind) = (led, seen);
    }
    if kind.is_file() && kind.len() <= COPIED {
        return match content(&real, kind.len(), room) {
            Ok(()) => within_folder(path, || file(path, room)),
            // Not ours to read outside, so not inside either.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
            Err(error) => Err(error),
        };
    }
    if kind.is_dir() {
        folder_at(path)?;
    } else {
        within_folder(path, || empty(path))?;
    }
    let mounted = mount_at(&real, path, "", MsFlags::MS_BIND | MsFlags::MS_REC, "");
    mounted.and_then(|()| seal(path, false)).map_err(|error| io::Error::other(error.to_string()))
}

/// Makes something at a path; the folder for it first where there is none yet, which is seldom.
fn within_folder(path: &Path, make: impl Fn() -> io::Result<()>) -> io::Result<()> {
    match (make(), path.parent()) {
        (Err(error), Some(parent)) if error.kind() == io::ErrorKind::NotFound => {
            folder_at(parent)?;
            make()
        }
        (made, _) => made,
    }
}

/// Reads a small file, in as few calls as it takes: what is as long as the file was is all of it.
fn content(path: &Path, length: u64, all: &mut Vec<u8>) -> io::Result<()> {
    let file = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    all.clear();
    while rustix::io::read(&file, spare_capacity(all))? > 0 && all.len() as u64 != length {
        all.reserve(BUFFER / 2);
    }
    Ok(())
}

/// Writes one.
fn file(path: &Path, content: &[u8]) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::from_raw_mode(0o666))?;
    fs::File::from(file).write_all(content)
}

/// Follows links as the host would, below where its root is now.
fn resolved(host: &Path) -> io::Result<std::path::PathBuf> {
    let mut path = host.to_owned();
    for _ in 0..16 {
        let Ok(link) = reading::link(&path) else { break };
        path = if link.is_absolute() {
            below(Path::new("/.host"), &link)
        } else {
            path.parent().unwrap_or(host).join(link)
        };
    }
    fs::symlink_metadata(&path)?;
    Ok(path)
}
