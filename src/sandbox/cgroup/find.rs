//! Finds where control groups can be made on this host.
//!
//! Version 2 lets no group have both processes and groups with a controller. So they are made beside the one that this
//! process is in, or below it where nobody else is in it and this process can step aside. Version 1 knows no such rule.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use autopilot_init::group::PROCESSES;
use autopilot_init::{reading, unescape};
use rustix::fs::{Access, AtFlags, CWD};

use super::group;
use super::names::PREFIX;
use crate::policy::{Cgroup, Fact};

/// What controllers a group hands on to those below it.
const HANDED_ON: &str = "cgroup.subtree_control";

/// What this process is in, and where it is seen, in the kernel's words.
struct Host {
    own: String,
    mounts: String,
}

/// Returns where groups can be made, found once a process: finding it may make room for them.
pub(in crate::sandbox) fn find() -> Fact<Cgroup> {
    static FOUND: OnceLock<Fact<Cgroup>> = OnceLock::new();
    FOUND
        .get_or_init(|| {
            let found = look().map_or_else(no, Fact::Yes);
            if let Fact::Yes(place) = &found {
                group::sweep(&place.memory);
                place.processes.iter().filter(|folder| **folder != place.memory).for_each(|folder| {
                    group::sweep(folder);
                });
            }
            found
        })
        .clone()
}

/// Says that no group is to be had, and what would help.
pub(in crate::sandbox) fn no(why: String) -> Fact<Cgroup> {
    let hint = "start it where the control group is its own: `systemd-run --user --scope -p Delegate=yes \
                autopilot …`, `Delegate=yes` in a unit, or as root";
    Fact::No { why, hint: hint.into() }
}

fn look() -> Result<Cgroup, String> {
    let read = |name: &str| reading::text(name).map_err(|error| format!("read {name}: {error}"));
    let host = Host { own: read("/proc/self/cgroup")?, mounts: read("/proc/self/mountinfo")? };
    match host.folder("memory") {
        Some(own) => version_1(&host, own),
        None => version_2(&host.folder("").ok_or("no control groups are mounted")?),
    }
}

fn version_1(host: &Host, memory: PathBuf) -> Result<Cgroup, String> {
    if !is_ours(&memory) {
        return Err(format!("{} is not this user's to divide", memory.display()));
    }
    let processes = host.folder("pids").filter(|folder| is_ours(folder));
    Ok(Cgroup { memory, processes, unified: false })
}

fn version_2(own: &Path) -> Result<Cgroup, String> {
    let below = has_memory(own) || (is_ours(own) && is_alone(own) && divide(own));
    let place = if below { own } else { beside(own)? };
    let processes = lists(place, HANDED_ON, "pids").then(|| place.to_owned());
    Ok(Cgroup { memory: place.to_owned(), processes, unified: true })
}

/// Returns the group around this process's own, if others may be made there: not where the own one has bounds, which
/// would not hold for those beside it.
fn beside(own: &Path) -> Result<&Path, String> {
    let around = own.parent().filter(|around| lists(around, HANDED_ON, "memory"));
    let around =
        around.ok_or_else(|| format!("what is around {} hands no memory controller on", own.display()))?;
    if !is_ours(around) || !is_ours(&around.join(PROCESSES)) {
        return Err(format!("{} is not this user's to divide", around.display()));
    }
    let bounded = |name: &str| fs::read_to_string(own.join(name)).is_ok_and(|most| most.trim() != "max");
    if ["memory.max", "memory.high"].into_iter().any(bounded) {
        return Err(format!("{} has bounds of its own, and others are in it", own.display()));
    }
    Ok(around)
}

/// Steps aside, into a group below its own, so that others can be made there; undone if that does not help.
fn divide(own: &Path) -> bool {
    if !lists(own, "cgroup.controllers", "memory") {
        return false;
    }
    let aside = own.join(format!("{PREFIX}runner-{}", std::process::id()));
    let moved = fs::create_dir(&aside).is_ok() && fs::write(aside.join(PROCESSES), "0").is_ok();
    let divided = moved && fs::write(own.join(HANDED_ON), "+memory").is_ok();
    if divided {
        // Without it processes are counted as before.
        drop(fs::write(own.join(HANDED_ON), "+pids"));
    } else {
        drop(fs::write(own.join(PROCESSES), "0"));
        drop(fs::remove_dir(&aside));
    }
    divided
}

/// Tells whether this process alone is in a group.
fn is_alone(group: &Path) -> bool {
    let own = std::process::id().to_string();
    fs::read_to_string(group.join(PROCESSES)).is_ok_and(|all| all.lines().eq([own.as_str()]))
}

fn has_memory(group: &Path) -> bool {
    is_ours(group) && lists(group, HANDED_ON, "memory")
}

fn lists(group: &Path, file: &str, controller: &str) -> bool {
    let words = fs::read_to_string(group.join(file)).unwrap_or_default();
    words.split_whitespace().any(|word| word == controller)
}

/// Tells whether this process may write there, a mount that is read-only included.
fn is_ours(path: &Path) -> bool {
    rustix::fs::accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS).is_ok()
}

impl Host {
    /// Returns the folder of this process's own group in the hierarchy of a controller, or in that of version 2.
    fn folder(&self, controller: &str) -> Option<PathBuf> {
        let own = self.own.lines().find_map(|line| {
            let (_, rest) = line.split_once(':')?;
            let (controllers, path) = rest.split_once(':')?;
            controllers.split(',').any(|each| each == controller).then_some(path)
        })?;
        self.mounts.lines().find_map(|line| seen(line, controller, Path::new(own)))
    }
}

/// Returns where a group is seen through a mount, if the mount is of that hierarchy and shows that part of it.
fn seen(mount: &str, controller: &str, own: &Path) -> Option<PathBuf> {
    let (place, kind) = mount.split_once(" - ")?;
    let mut kind = kind.split(' ');
    let is_it = match (kind.next()?, controller) {
        ("cgroup2", "") => true,
        ("cgroup", controller) if !controller.is_empty() => {
            kind.nth(1)?.split(',').any(|each| each == controller)
        }
        _ => false,
    };
    let mut place = place.split(' ').skip(3).filter(|_| is_it).map(unescape);
    let (root, point) = (place.next()?, place.next()?);
    let rest = own.strip_prefix(&root).ok()?;
    let folder = Path::new(&point).join(rest);
    // Joined with nothing it would end in a slash, and two names of one folder would differ.
    Some(if rest.as_os_str().is_empty() { point.into() } else { folder })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(own: &str, mounts: &str) -> Host {
        Host { own: own.into(), mounts: mounts.into() }
    }

    const MEMORY: &str = "30 24 0:26 / /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory\n";
    const UNIFIED: &str = "31 24 0:27 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

    #[test]
    fn a_group_is_found_where_its_hierarchy_is_mounted() {
        let old = host("4:memory:/user/x\n3:cpu,cpuacct:/\n0::/\n", MEMORY);
        assert_eq!(old.folder("memory"), Some("/sys/fs/cgroup/memory/user/x".into()));
        assert_eq!((old.folder("pids"), old.folder("")), (None, None));
        let new = host("0::/user.slice/user-1000.slice/x.scope\n", UNIFIED);
        assert_eq!(new.folder(""), Some("/sys/fs/cgroup/user.slice/user-1000.slice/x.scope".into()));
        assert_eq!(new.folder("memory"), None);
    }

    #[test]
    fn a_mount_shows_what_is_below_its_root() {
        let part = UNIFIED.replacen(" / ", " /docker/1 ", 1);
        assert_eq!(host("0::/docker/1\n", &part).folder(""), Some("/sys/fs/cgroup".into()));
        assert_eq!(host("0::/docker/1/a\n", &part).folder(""), Some("/sys/fs/cgroup/a".into()));
        assert_eq!(host("0::/docker/2\n", &part).folder(""), None);
        assert_eq!(host("0::/\n", UNIFIED).folder(""), Some("/sys/fs/cgroup".into()));
    }

    /// A group as files show it.
    fn group(path: &Path, files: &[(&str, &str)]) {
        fs::create_dir_all(path).unwrap();
        for (name, text) in files {
            fs::write(path.join(name), text).unwrap();
        }
    }

    #[test]
    fn beside_its_own_unless_that_has_bounds() {
        let folder = tempfile::tempdir().unwrap();
        let (around, own) = (folder.path().join("around"), folder.path().join("around/own"));
        group(&around, &[(HANDED_ON, "cpu memory pids"), (PROCESSES, "")]);
        group(
            &own,
            &[(HANDED_ON, ""), (PROCESSES, "1\n2\n"), ("memory.max", "max\n"), ("memory.high", "max\n")],
        );
        let found = version_2(&own).unwrap();
        assert_eq!(found, Cgroup { memory: around.clone(), processes: Some(around.clone()), unified: true });
        fs::write(own.join("memory.max"), "1048576\n").unwrap();
        assert!(version_2(&own).unwrap_err().contains("bounds of its own"));
        fs::write(around.join(HANDED_ON), "cpu").unwrap();
        assert!(version_2(&own).unwrap_err().contains("hands no memory controller on"));
    }
}
