//! What something that is to run asks for, and why it may not have it.

use std::path::PathBuf;

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
    /// What its agent needs to run at all, to read and execute: no plan asks for that.
    pub of_agent: Vec<PathBuf>,
    /// Paths to write beyond worktree, HOME and TMPDIR.
    pub write: Vec<PathBuf>,
    /// Bounds of the process tree.
    pub resources: Resources,
    /// Whether it builds on what is already downloaded. The runner's own git work does not: a few milliseconds less.
    pub caches: bool,
}

impl Request {
    /// Returns what a step's action asks for.
    pub fn action(step: &Step) -> Self {
        Self {
            network: step.network.clone(),
            env: step.env.clone(),
            secrets: step.secrets.clone(),
            read: step.filesystem.read.clone(),
            of_agent: Vec::new(),
            write: step.filesystem.write.clone(),
            resources: step.resources.clone(),
            caches: true,
        }
    }

    /// Returns what a step's `post` and `rollback` commands ask for: the same, never a network.
    pub fn follow_up(step: &Step) -> Self {
        Self { network: Network::None, ..Self::action(step) }
    }

    /// Returns what the runs of a step's proof ask for: no network, no secret, and nothing to write in which one run could
    /// leave word for another.
    pub fn proof(step: &Step, is_secret: impl Fn(&str) -> bool) -> Self {
        let all = Self::follow_up(step);
        let env = all.env.into_iter().filter(|entry| !is_secret(entry.name())).collect();
        let read = all.read.into_iter().chain(all.write).collect();
        Self {
            env,
            read,
            secrets: Vec::new(),
            write: Vec::new(),
            network: Network::None,
            ..Self::follow_up(step)
        }
    }

    /// Returns what the runner's own git work on a worktree asks for.
    pub fn git() -> Self {
        Self {
            network: Network::None,
            env: Vec::new(),
            secrets: Vec::new(),
            read: Vec::new(),
            of_agent: Vec::new(),
            write: Vec::new(),
            resources: Resources::of_runner(),
            caches: false,
        }
    }
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
