//! What the host will really enforce for one attempt.

use std::path::PathBuf;

use autopilot_init::granted::{Cache, Cgroup, Identity, Isolation, Limits};

use super::ceiling::Within;

use crate::plan::{Destination, Resources};

/// What the host will really enforce for one attempt. Made by [`decide`](super::decide) alone: it cannot be read into
/// being, either.
///
/// ```compile_fail,E0277
/// let _ = serde_json::from_str::<autopilot::policy::Grant>("{}");
/// ```
#[derive(Debug, Clone)]
pub struct Grant {
    pub(super) isolation: Isolation,
    pub(super) network: Reach,
    pub(super) cgroup: Option<Cgroup>,
    pub(super) landlock: u32,
    pub(super) seccomp: bool,
    pub(super) identity: Identity,
    pub(super) env: Vec<(String, String)>,
    pub(super) system: Vec<PathBuf>,
    pub(super) toolchains: Vec<PathBuf>,
    pub(super) read: Vec<PathBuf>,
    pub(super) write: Vec<PathBuf>,
    pub(super) caches: Vec<Cache>,
    pub(super) limits: Limits,
    pub(super) waived: Vec<String>,
    pub(super) warnings: Vec<String>,
    pub(super) own: Vec<PathBuf>,
    pub(super) within: Vec<Within>,
}

/// What a command reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Nothing but a loopback of its own; without namespaces, not even that.
    None,
    /// These, through the runner; besides, nothing but a loopback of its own.
    Allow(Vec<Destination>),
    /// Everything.
    Full,
}

impl From<&Resources> for Limits {
    fn from(from: &Resources) -> Self {
        Self {
            memory: from.memory,
            processes: from.processes,
            file_size: from.file_size,
            open_files: from.open_files,
            cpu: from.cpu,
        }
    }
}

impl Grant {
    /// Returns the whole environment but for HOME and TMPDIR and what lies below HOME.
    pub fn env(&self) -> &[(String, String)] {
        &self.env
    }

    /// Returns the bounds of the process tree.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Returns what stands between the command and the host.
    pub fn isolation(&self) -> Isolation {
        self.isolation
    }

    /// Returns what the command reaches.
    pub fn network(&self) -> &Reach {
        &self.network
    }

    /// Returns where its control group is made; without one the runner watches what the tree uses.
    pub fn cgroup(&self) -> Option<&Cgroup> {
        self.cgroup.as_ref()
    }

    /// Tells whether it shares the host's network.
    pub fn shares_network(&self) -> bool {
        self.network == Reach::Full
    }

    /// Returns the Landlock ABI that must be in force; 0 only if that was given up.
    pub fn landlock(&self) -> u32 {
        self.landlock
    }

    /// Tells whether system calls are filtered; `false` only if that was given up.
    pub fn seccomp(&self) -> bool {
        self.seccomp
    }

    /// Returns who the command runs as.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns the parts of the system it reads and executes.
    pub fn system(&self) -> &[PathBuf] {
        &self.system
    }

    /// Returns the toolchains behind its PATH, which it reads and executes.
    pub fn toolchains(&self) -> &[PathBuf] {
        &self.toolchains
    }

    /// Returns what it reads and executes besides: the plan's own paths.
    pub fn read(&self) -> &[PathBuf] {
        &self.read
    }

    /// Returns what it writes beyond worktree, HOME and TMPDIR.
    pub fn write(&self) -> &[PathBuf] {
        &self.write
    }

    /// Returns what is already downloaded and seen below HOME.
    pub fn caches(&self) -> &[Cache] {
        &self.caches
    }

    /// Returns what the caller gave up by `--allow-degraded`, and what was in fact missing.
    pub fn waived(&self) -> &[String] {
        &self.waived
    }

    /// Returns autopilot's own places, which nothing of it may show.
    pub fn own(&self) -> &[PathBuf] {
        &self.own
    }

    /// Returns the folders in which what it reads and writes has to lie, wherever that leads by then.
    pub fn within(&self) -> &[Within] {
        &self.within
    }

    /// Returns what is legal and should be seen, such as entries of PATH that were left out.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Returns a line for people: what it reaches, writes, reads, and runs as.
    pub fn describe(&self) -> String {
        let network = match (&self.network, self.isolation) {
            (Reach::None, Isolation::Namespaces { .. }) => "none (own loopback)".to_owned(),
            (Reach::None, Isolation::Bare) => "none (no loopback either)".to_owned(),
            (Reach::Allow(hosts), _) => {
                let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
                format!("{} (through the runner)", hosts.join(", "))
            }
            (Reach::Full, _) => "full".to_owned(),
        };
        let Self { write, read, toolchains, identity, waived, .. } = self;
        let (write, read, name) = (list(write), list(read) + &list(toolchains), &identity.name);
        // Another one each time.
        let uid = if identity.own { "a uid of its own".to_owned() } else { identity.uid.to_string() };
        let without =
            if waived.is_empty() { String::new() } else { format!("; WITHOUT {}", waived.join(", ")) };
        let sum = if self.cgroup.is_some() { "held by a control group" } else { "watched" };
        format!(
            "network {network}; write worktree, HOME, TMPDIR{write}; read system{read}; as {name} ({uid}); memory {sum}{without}"
        )
    }
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().fold(String::new(), |all, path| all + ", " + &path.to_string_lossy())
}
