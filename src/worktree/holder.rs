//! Who holds a lock or a claim: a process, on a machine, since it was started; and why somebody else was not given it.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::error::WorktreeError;
use super::node::{Node, boot_id, host_name, pid_space, start_of};

/// Who holds a lock, or ran a run: enough to tell whether it is still alive. What a later version says besides is
/// passed over: its lock counts like any other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Version of this record.
    pub v: u32,
    /// Host name.
    pub host: String,
    /// Boot id of the host: another one means that every process of that time is gone.
    pub boot: String,
    /// Process id of the runner.
    pub pid: u32,
    /// The namespace in which it is so numbered, by its inode; 0 in what earlier versions wrote, and where it is not shown.
    #[serde(default)]
    pub space: u64,
    /// Its start time in clock ticks since boot, since process ids are used again.
    pub start: u64,
    /// Since when, RFC 3339.
    pub since: String,
    /// Name of the run, once it has one.
    pub run: String,
}

/// Why a lock was not given.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run holds it.
    #[error("{}", describe(holder))]
    Held {
        /// Who.
        holder: Box<Holder>,
        /// The lock's file.
        path: PathBuf,
    },
    /// Somebody holds it who does not say who.
    #[error("somebody whose name cannot be read holds the lock {}", path.display())]
    Nameless {
        /// The lock's file.
        path: PathBuf,
    },
    /// A run that knows nothing of this lock has claimed the issue: on another machine, or with another state directory.
    #[error("{}", describe_claim(holder.as_deref(), path))]
    Claimed {
        /// Who, if the claim says so.
        holder: Option<Box<Holder>>,
        /// The claim's file.
        path: PathBuf,
    },
    /// The system refused something.
    #[error(transparent)]
    Worktree(#[from] WorktreeError),
}

impl Holder {
    /// Describes this process.
    pub(super) fn this(run: &str) -> Self {
        let pid = std::process::id();
        Self {
            v: 1,
            host: host_name(),
            boot: boot_id(),
            pid,
            space: pid_space(),
            start: start_of(pid).unwrap_or(0),
            since: crate::time::moment(chrono::Utc::now()),
            run: run.to_owned(),
        }
    }

    /// Reads who a lock names; nothing if that cannot be told.
    pub(super) fn read(lock: &Path) -> Option<Self> {
        read_holder(&mut File::open(lock).ok()?)
    }

    /// Says of which run it is.
    pub fn whose(&self) -> String {
        if self.run.is_empty() { "a run that is starting".to_owned() } else { format!("run {}", self.run) }
    }

    /// Tells whether it and another are of one process. The name of its run may have come in between.
    pub fn is_same_process(&self, other: &Self) -> bool {
        (&self.host, &self.boot, self.pid, self.start) == (&other.host, &other.boot, other.pid, other.start)
    }

    /// Tells whether it is of this very kernel: then what that says of it is certain.
    pub(super) fn is_of(&self, node: &Node) -> bool {
        !node.boot.is_empty() && node.boot == self.boot
    }

    /// Tells whether its number is one of another namespace: a container's of its own.
    pub(super) fn is_numbered_elsewhere(&self, node: &Node) -> bool {
        ![self.space, node.space].contains(&0) && self.space != node.space
    }

    /// Tells whether it is of another host than this, by its name.
    pub fn is_of_another_host(&self) -> bool {
        self.host != host_name()
    }

    /// Tells whether it is of this very kernel, under another name: of another container.
    pub(super) fn is_of_another_name(&self) -> bool {
        self.is_of_another_host() && self.boot == boot_id()
    }

    /// Tells whether the process may still be there: certain for this host, assumed for any other.
    pub fn may_be_alive(&self) -> bool {
        self.is_of_another_host() || (self.boot == boot_id() && start_of(self.pid) == Some(self.start))
    }
}

fn describe(holder: &Holder) -> String {
    let Holder { pid, host, since, .. } = holder;
    format!("{} holds the lock: process {pid} on {host}, since {since}", holder.whose())
}

fn describe_claim(holder: Option<&Holder>, path: &Path) -> String {
    let path = path.display();
    let Some(holder) = holder else {
        return format!("somebody whose name cannot be read has the claim {path}");
    };
    let Holder { pid, host, since, .. } = holder;
    let place = if holder.is_of_another_host() || holder.boot != boot_id() {
        format!("on {host}")
    } else {
        "with another state directory".to_owned()
    };
    format!("{} is running {place}: process {pid}, since {since}; it has the claim {path}", holder.whose())
}

/// Tells whether somebody has locked a file.
pub(super) fn is_held(file: &File) -> bool {
    let shared = flock(file, FlockOperation::NonBlockingLockShared);
    if shared.is_ok() {
        // Nobody is to find it locked because somebody has looked.
        let _ = flock(file, FlockOperation::Unlock);
    }
    shared == Err(Errno::WOULDBLOCK)
}

pub(super) fn read_holder(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(64 * 1024).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}
