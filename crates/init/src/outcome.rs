//! What was enforced for a command, how it ended, or why it could not be confined.

use serde::{Deserialize, Serialize};

use crate::place::Seen;

/// What was enforced for one command, as the kernel confirmed it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enforced {
    /// Namespaces of its own: `net`, `pid`, `ipc`, `mount`, `user`.
    pub namespaces: Vec<String>,
    /// What it sees of /proc: `own`, or `machine`, which is nothing of any process; empty in older journals.
    #[serde(default)]
    pub proc: String,
    /// Controllers of a control group of its own, which hold what the whole tree uses: `memory`, `pids`.
    #[serde(default)]
    pub cgroup: Vec<String>,
    /// Landlock ABI in force; 0: none.
    pub landlock: u32,
    /// System call filter in force.
    pub seccomp: bool,
    /// Real uid of the command, as the host numbers it.
    pub uid: u32,
    /// Real gid of the command, as the host numbers it.
    pub gid: u32,
    /// Capabilities left to it: 0.
    pub capabilities: u64,
    /// No `execve` can give it more.
    pub no_new_privs: bool,
    /// Where it sees worktree, HOME and TMPDIR.
    pub seen: Seen,
    /// What the caller gave up by `--allow-degraded`.
    pub waived: Vec<String>,
}

/// How a command ended, and what became of its process tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// How the command itself ended.
    pub status: Status,
    /// Processes of the tree that were still there when it ended, and were killed.
    pub killed: u32,
    /// Processes that are left in spite of that: 0, or the audit finds it.
    pub survivors: u32,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Exited with this code.
    Exited(i32),
    /// Ended by this signal.
    Signaled(i32),
    /// The tree was killed for going over a limit; the text names the limit and what was seen.
    Limit(String),
}

/// Why a command could not be confined, or was lost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("sandbox: {layer}: {what}")]
pub struct SandboxError {
    /// The layer that failed, such as `landlock`.
    pub layer: String,
    /// What was tried, and the system's answer.
    pub what: String,
    /// What would help.
    pub hint: String,
}

impl SandboxError {
    /// Makes an error of a layer from what was tried and the system's answer.
    pub fn of(layer: &str, tried: &str, error: &std::io::Error) -> Self {
        Self { layer: layer.into(), what: format!("{tried}: {error}"), hint: "run `autopilot doctor`".into() }
    }
}
