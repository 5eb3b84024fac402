//! What a command is granted, as it travels to the confined side: plain values, which nothing here decides on.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a grant says, but for what the runner alone needs of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Granted {
    /// What stands between the command and the host.
    pub isolation: Isolation,
    /// Whether the host's network is shared.
    pub shares_network: bool,
    /// Where its control group is made.
    pub cgroup: Option<Cgroup>,
    /// The Landlock ABI that must be in force; 0: none.
    pub landlock: u32,
    /// Whether a system call filter must be in force.
    pub seccomp: bool,
    /// Who the command runs as.
    pub identity: Identity,
    /// The whole environment but for HOME and TMPDIR and what lies below HOME.
    pub env: Vec<(String, String)>,
    /// The parts of the system that it reads and executes.
    pub system: Vec<PathBuf>,
    /// The toolchains that it reads and executes.
    pub toolchains: Vec<PathBuf>,
    /// What it reads and executes besides.
    pub read: Vec<PathBuf>,
    /// What it writes besides.
    pub write: Vec<PathBuf>,
    /// What is already downloaded and seen below HOME.
    pub caches: Vec<Cache>,
    /// Bounds of the process tree.
    pub limits: Limits,
    /// What the caller gave up.
    pub waived: Vec<String>,
    /// What none of it may show.
    pub own: Vec<PathBuf>,
    /// Where what it reads and writes has to lie.
    pub within: Vec<Within>,
}

/// Folders in which paths have to lie, as the host resolves them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Within {
    /// What is read lies in one of these.
    pub read: Vec<PathBuf>,
    /// What is written lies in one of these.
    pub write: Vec<PathBuf>,
}

/// What stands between the command and the host, below Landlock and seccomp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// Mount, pid, ipc, uts and (unless the network is full) network namespaces, and a root of its own.
    Namespaces {
        /// Inside a user namespace.
        user: bool,
        /// With a /proc of its own; else with none but the few files that tell of the machine.
        own_proc: bool,
    },
    /// None of these: Landlock and seccomp stand alone.
    Bare,
}

impl Isolation {
    /// Tells whether the command has a /proc of its own.
    pub fn has_own_proc(self) -> bool {
        matches!(self, Self::Namespaces { own_proc: true, .. })
    }
}

/// Bounds of a process tree; sizes in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Memory of the tree: all it holds in a control group, else what is resident.
    pub memory: u64,
    /// Processes and threads of the tree.
    pub processes: u64,
    /// Largest file it can write.
    pub file_size: u64,
    /// Open files of one process.
    pub open_files: u64,
    /// CPU time of the tree.
    pub cpu: Option<Duration>,
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

    #[test]
    fn it_survives_its_journey() {
        let granted = Granted {
            isolation: Isolation::Namespaces { user: true, own_proc: true },
            shares_network: false,
            cgroup: Some(Cgroup { memory: "/m".into(), processes: None, unified: true }),
            landlock: 7,
            seccomp: true,
            identity: Identity { uid: 1000, gid: 100, name: "step".into(), own: false },
            env: vec![("PATH".into(), "/usr/bin".into())],
            system: vec!["/usr".into()],
            toolchains: vec!["/opt/rust".into()],
            read: vec!["/srv/data".into()],
            write: vec!["/srv/out".into()],
            caches: vec![Cache { name: "cargo".into(), host: "/c".into(), seen: ".cargo".into() }],
            limits: Limits {
                memory: 1,
                processes: 2,
                file_size: 3,
                open_files: 4,
                cpu: Some(Duration::from_millis(1500)),
            },
            waived: vec!["landlock: none".into()],
            own: vec!["/etc/autopilot".into()],
            within: vec![Within { read: vec!["/srv".into()], write: Vec::new() }],
        };
        let text = serde_json::to_string(&granted).unwrap();
        let back: Granted = serde_json::from_str(&text).unwrap();
        assert_eq!(format!("{back:?}"), format!("{granted:?}"));
    }
}
