//! What a host can enforce and what it has, as `sandbox::probe` found it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

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

/// Where control groups can be made: folders of cgroup file systems.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cgroup {
    /// Of those that hold memory.
    pub memory: PathBuf,
    /// Of those that hold the number of processes, if there is such a controller: the same one in version 2.
    pub processes: Option<PathBuf>,
    /// Version 2, and not 1.
    pub unified: bool,
}

impl Cgroup {
    /// Returns the names of the controllers that are to be had.
    pub fn controllers(&self) -> Vec<&'static str> {
        let processes = self.processes.as_ref().map(|_| "pids");
        ["memory"].into_iter().chain(processes).collect()
    }
}

/// Who a step runs as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Its uid, as the host numbers it. Never 0.
    pub uid: u32,
    /// Its gid, as the host numbers it. Never 0.
    pub gid: u32,
    /// Its name inside.
    pub name: String,
    /// It is the run's own, made up for it: no user's, whatever its number.
    pub own: bool,
}

impl Identity {
    /// Ids that nobody has. First those above what systemd, useradd and containers give out; then, where a container has but the
    /// usual 65,536, those of systemd's dynamic users, of whom a container has none.
    pub const RANGES: [Range<u32>; 2] = [0x7000_0000..0x7ff0_0000, 61_184..65_520];

    /// Returns the unprivileged identity of a run's own, always the same for the same run.
    pub fn of_run(run: &str, among: &Range<u32>) -> Self {
        // FNV-1a: the number only has to differ between runs that live side by side.
        let hash = run
            .bytes()
            .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        let uid = among.start + (hash & 0x0fff_ffff) % (among.end - among.start);
        Self { uid, gid: uid, name: "step".into(), own: true }
    }

    /// Returns the uid by which later runs know it; 0 of those that are a run's own, and no other's.
    pub fn lasting_uid(&self) -> u32 {
        if self.own { 0 } else { self.uid }
    }
}

/// Something downloaded that a step sees below its HOME and may add to, never changing the host's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cache {
    /// A name for the layer that holds what a run adds.
    pub name: String,
    /// Where the host has it.
    pub host: PathBuf,
    /// Where the step sees it, relative to its HOME.
    pub seen: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_of_a_runs_own_is_stable_and_unprivileged() {
        for range in Identity::RANGES {
            let one = Identity::of_run("20261122T142619Z-646", &range);
            assert_eq!(one, Identity::of_run("20261122T142619Z-646", &range));
            assert_ne!(one.uid, Identity::of_run("20261122T142619Z-647", &range).uid);
            assert!(range.contains(&one.uid));
            assert_eq!(one.lasting_uid(), 0);
            // A service with a dynamic user, or somebody of a large directory, has a number of these.
            assert_eq!(Identity { own: false, ..one.clone() }.lasting_uid(), one.uid);
        }
    }
}
