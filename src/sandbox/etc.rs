//! `/etc` of the command's own: the named files that programs need, and who it is.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use nix::mount::MsFlags;

use super::mounts::{below, folder_at, mount_at, seal};
use super::spec::{Launch, Setting};

/// Larger files are bound, smaller ones copied: as fast, and without the host's mount behind them.
const COPIED: u64 = 16 << 10;

/// What names the network's hosts: brought in last, and only with the host's network.
const NAMES: [&str; 2] = ["/etc/hosts", "/etc/resolv.conf"];

/// Writes it.
pub(super) fn write(setting: &Setting, host: &Path) -> io::Result<()> {
    let is_name = |path: &Path| NAMES.iter().any(|name| path == Path::new(name));
    for path in setting.system.iter().filter(|path| path.starts_with("/etc") && !is_name(path)) {
        bring(path, &below(host, path))?;
    }
    if !setting.shares_network {
        fs::write(Path::new("/etc/hosts"), b"127.0.0.1 localhost\n::1 localhost\n")?;
    }
    symlink("/proc/self/mounts", "/etc/mtab")
}

/// Writes who there is: root, the command, and nobody.
pub(super) fn people(launch: &Launch) -> io::Result<()> {
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
pub(super) fn names(host: &Path) -> io::Result<()> {
    let mut there = NAMES.iter().map(Path::new).filter(|name| below(host, name).symlink_metadata().is_ok());
    there.try_for_each(|name| bring(name, &below(host, name)))
}

/// Brings a file or folder in. Links are resolved against the host's root, where they were made.
fn bring(path: &Path, host: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        folder_at(parent)?;
    }
    if let Ok(link) = fs::read_link(host) {
        // Into the system, it holds inside as well; elsewhere (/run, /etc/static) its content is meant.
        if link.starts_with("/usr") || link.starts_with("../usr") {
            return symlink(link, path);
        }
    }
    let Ok(real) = resolved(host) else { return Ok(()) };
    let kind = fs::metadata(&real)?;
    if kind.is_file() && kind.len() <= COPIED {
        return match fs::read(&real) {
            Ok(content) => fs::write(path, content),
            // Not ours to read outside, so not inside either.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
            Err(error) => Err(error),
        };
    }
    if kind.is_dir() {
        folder_at(path)?;
    } else {
        fs::write(path, "")?;
    }
    let mounted = mount_at(&real, path, "", MsFlags::MS_BIND | MsFlags::MS_REC, "");
    mounted.and_then(|()| seal(path, false)).map_err(|error| io::Error::other(error.to_string()))
}

/// Follows links as the host would, below where its root is now.
fn resolved(host: &Path) -> io::Result<std::path::PathBuf> {
    let mut path = host.to_owned();
    for _ in 0..16 {
        let Ok(link) = fs::read_link(&path) else { break };
        path = if link.is_absolute() {
            below(Path::new("/.host"), &link)
        } else {
            path.parent().unwrap_or(host).join(link)
        };
    }
    fs::symlink_metadata(&path)?;
    Ok(path)
}
