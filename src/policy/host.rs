//! What a host can enforce and what it has, as `sandbox::probe` found it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use autopilot_init::granted::{Cache, Cgroup, Identity};
use serde::{Deserialize, Serialize};

use super::ceiling::Within;
use super::confinement::Demand;

/// What this host can enforce, and what it has; probed once a run by `sandbox::probe`.
#[derive(Debug, Clone, Default)]
pub struct HostFacts {
    /// The caller's environment: what `env` entries and `secrets` name is taken from here.
    pub environment: BTreeMap<String, String>,
    /// The caller's effective uid.
    pub uid: u32,
    /// Who steps run as, or why nobody unprivileged is to be had.
    pub identity: Fact<Identity>,
    /// Whether namespaces with a root of its own are to be had, tried and not guessed.
    pub namespaces: Fact<Namespaces>,
    /// Whether namespaces come with a /proc of a step's own.
    pub proc: Fact<()>,
    /// Where control groups can be made, which hold what a tree uses in all.
    pub cgroup: Fact<Cgroup>,
    /// Whether autopilot was started under a system call filter: it may refuse what the kernel has.
    pub filtered: bool,
    /// The kernel's Landlock ABI; 0: none.
    pub landlock: u32,
    /// Whether system call filters are to be had.
    pub seccomp: bool,
    /// The caller's home.
    pub home: Option<PathBuf>,
    /// The directories of PATH that exist and may be used, in order.
    pub path: Vec<PathBuf>,
    /// The entries of PATH that may not, and why.
    pub path_refused: Vec<(String, String)>,
    /// Those of PATH that lie below a folder closed to others, and the uid of who owns that folder; looked for where
    /// steps have no root of their own.
    pub path_closed: Vec<(PathBuf, u32)>,
    /// The parts of the system that programs need: folders, and the named files of `/etc`.
    pub system: Vec<PathBuf>,
    /// Where the toolchains behind PATH really are.
    pub toolchains: Vec<PathBuf>,
    /// Variables that toolchains need to find themselves.
    pub toolchain_env: Vec<(String, String)>,
    /// What is already downloaded, and may be built on.
    pub caches: Vec<Cache>,
    /// Where autopilot's own configuration, keys and state are, or would be: as it is named, and where that leads.
    pub own: Vec<PathBuf>,
    /// Folders in which the paths of a plan have to lie, where they lead by then.
    pub within: Vec<Within>,
    /// What is demanded of the confinement.
    pub demands: Vec<Demand>,
    /// Bounds that whoever started this process set, and that it cannot raise: `ulimit -H`.
    pub bounds: Bounds,
    /// Where runs live, if the file system there lets nothing be executed.
    pub state_noexec: Option<PathBuf>,
}

/// Bounds of every process that a command starts; nothing where there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Files that are open at once.
    pub open_files: Option<u64>,
    /// Bytes of a file.
    pub file_size: Option<u64>,
}

/// Something a host has, or why it has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact<T> {
    /// It is to be had.
    Yes(T),
    /// It is not.
    No {
        /// What was tried, and the system's answer.
        why: String,
        /// What would help.
        hint: String,
    },
}

impl<T> Default for Fact<T> {
    fn default() -> Self {
        Self::No { why: "not probed".into(), hint: "run `autopilot doctor`".into() }
    }
}

/// How namespaces are to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespaces {
    /// By a user namespace; as root there is no need of one.
    pub user: bool,
    /// With a /proc of its own.
    pub own_proc: bool,
}
