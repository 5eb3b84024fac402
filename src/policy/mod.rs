//! Takes what a step asks for and what the host can do, gives a decision. Pure; the only place where a
//! [`Grant`] is made, and only a [`Grant`] runs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::plan::{EnvEntry, Network, Resources, Step};

/// What something that is to run asks for.
#[derive(Debug, Clone)]
pub struct Request {
    /// What it reaches.
    pub network: Network,
    /// What it gets of the environment.
    pub env: Vec<EnvEntry>,
    /// Names whose values it gets; they must be set.
    pub secrets: Vec<String>,
    /// Paths to read and execute beyond the system and the toolchains.
    pub read: Vec<PathBuf>,
    /// Paths to write beyond worktree, HOME and TMPDIR.
    pub write: Vec<PathBuf>,
    /// Bounds of the process tree.
    pub resources: Resources,
}

impl Request {
    /// Returns what a step's action asks for.
    pub fn action(step: &Step) -> Self {
        Self {
            network: step.network.clone(),
            env: step.env.clone(),
            secrets: step.secrets.clone(),
            read: step.filesystem.read.clone(),
            write: step.filesystem.write.clone(),
            resources: step.resources.clone(),
        }
    }

    /// Returns what a step's `post` and `rollback` commands ask for: the same, never a network.
    pub fn follow_up(step: &Step) -> Self {
        Self { network: Network::None, ..Self::action(step) }
    }

    /// Returns what the runner's own git work on a worktree asks for.
    pub fn git() -> Self {
        Self {
            network: Network::None,
            env: Vec::new(),
            secrets: Vec::new(),
            read: Vec::new(),
            write: Vec::new(),
            resources: Resources::of_runner(),
        }
    }
}

/// What this host can enforce, and what it has; probed once a run by `sandbox::probe`.
#[derive(Debug, Clone, Default)]
pub struct HostFacts {
    /// The caller's environment: what `env` entries and `secrets` name is taken from here.
    pub environment: BTreeMap<String, String>,
}

/// What the caller gives up by `--allow-degraded`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waivers {
    /// Names as given, such as `network`.
    pub names: Vec<String>,
}

/// What the host will really enforce for one attempt. Made by [`decide`] alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    env: Vec<(String, String)>,
    limits: Limits,
}

/// Bounds of a process tree; sizes in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Resident memory of the tree.
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
    /// Returns the whole environment but for HOME and TMPDIR, which depend on the place.
    pub fn env(&self) -> &[(String, String)] {
        &self.env
    }

    /// Returns the bounds of the process tree.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }
}

/// May it run?
#[derive(Debug, Clone)]
#[must_use]
pub enum Decision {
    /// Under this grant.
    Allow(Grant),
    /// Not on this host, or not like this.
    Deny(Reason),
}

/// Why something may not run: what was asked, why not, and what would help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {why}")]
pub struct Reason {
    /// What was asked for.
    pub what: String,
    /// Why this host cannot enforce or give it.
    pub why: String,
    /// What to do about it.
    pub hint: String,
}

/// Decides on a request.
pub fn decide(request: &Request, host: &HostFacts, _waivers: &Waivers) -> Decision {
    let mut env = Vec::new();
    for entry in &request.env {
        match entry {
            EnvEntry::Set(name, value) => env.push((name.clone(), value.clone())),
            EnvEntry::Inherit(name) => {
                env.extend(host.environment.get(name).map(|value| (name.clone(), value.clone())));
            }
        }
    }
    for name in ["PATH", "LANG"] {
        env.extend(host.environment.get(name).map(|value| (name.to_owned(), value.clone())));
    }
    Decision::Allow(Grant { env, limits: Limits::from(&request.resources) })
}
