//! Which machine this is, and which of its times of being up: what tells a process of here from one of elsewhere.

use std::fs;
use std::os::unix::fs::MetadataExt;

/// A kernel that runs: a machine, from one start of it to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    /// Host name.
    pub(super) host: String,
    /// Boot id; empty where that is not shown, which is then the same as no other.
    pub(super) boot: String,
    /// The namespace in which its processes are numbered, by its inode; 0 where that is not shown.
    pub(super) space: u64,
}

impl Node {
    /// Describes this one.
    pub(super) fn this() -> Self {
        Self { host: host_name(), boot: boot_id(), space: pid_space() }
    }
}

/// Returns the host's name.
pub(crate) fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Returns the kernel's release.
pub(crate) fn kernel() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

/// Returns the inode of the namespace in which this process is numbered.
pub(super) fn pid_space() -> u64 {
    fs::metadata("/proc/self/ns/pid").map_or(0, |space| space.ino())
}

pub(super) fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// Reads the start time of a process: field 22 of `/proc/PID/stat`, counted after the name in parentheses.
pub(super) fn start_of(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}
