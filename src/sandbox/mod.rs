//! Takes a [`Grant`], a place and a command, gives a confined child, and returns what was *enforced* as a fact.
//!
//! The runner executes itself (`/proc/self/exe`) with the grant on a socket; that child confines itself,
//! supervises the command's whole process tree and ends with the runner. Decides nothing.

mod binds;
mod caches;
mod calls;
mod command;
mod confine;
mod enter;
mod etc;
mod filter;
mod handover;
mod held;
mod identity;
mod launch;
mod launcher;
mod limits;
mod lock;
mod namespaces;
mod probe;
mod root;
mod spec;
mod supervise;
mod toolchains;
mod tree;
mod watch;
mod wire;

pub use handover::make_over;
pub(crate) use launch::spawn_seen;
pub use launch::{Confined, spawn};
pub use probe::{probe, user};
pub use spec::Seen;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::policy::{Grant, Isolation};

/// Where a command with a root of its own sees its worktree.
pub const WORKTREE: &str = "/work/tree";
/// Where it sees its HOME. Not below TMPDIR: Codex refuses that.
pub const HOME: &str = "/home/step";
/// Where it sees its TMPDIR.
pub const TMPDIR: &str = "/tmp";

/// Where a command runs: the directories of a run, as the host names them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Place {
    /// The step's checkout: writable.
    pub worktree: PathBuf,
    /// Private HOME of the run: writable.
    pub home: PathBuf,
    /// Private TMPDIR of the attempt: writable.
    pub tmp: PathBuf,
    /// What the runner itself needs writable here (its own git directory), hidden from steps.
    pub also_write: Vec<PathBuf>,
    /// What the runner itself needs readable here.
    pub also_read: Vec<PathBuf>,
}

/// What to run.
#[derive(Debug)]
pub struct Command {
    /// The command; its first word is looked up in the grant's PATH.
    pub argv: Vec<OsString>,
    /// Relative to the worktree; must be a folder in it, with no link on the way.
    pub dir: PathBuf,
    /// On top of the grant's environment: what the runner sets for its own purposes.
    pub env: Vec<(OsString, OsString)>,
    /// Where on the command's own loopback the runner listens; the listeners come with [`Confined`].
    pub listen: Vec<SocketAddr>,
    /// Without a loopback of its own: the TCP ports it may connect to, of any host.
    pub connect: Vec<u16>,
    /// `/dev/null` unless given.
    pub stdin: Option<OwnedFd>,
    /// Where standard output goes.
    pub stdout: OwnedFd,
    /// Where standard error goes.
    pub stderr: OwnedFd,
}

/// What was enforced for one command, as the kernel confirmed it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enforced {
    /// Namespaces of its own: `net`, `pid`, `ipc`, `mount`, `user`.
    pub namespaces: Vec<String>,
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
    pub(crate) fn of(layer: &str, tried: &str, error: &std::io::Error) -> Self {
        Self { layer: layer.into(), what: format!("{tried}: {error}"), hint: "run `autopilot doctor`".into() }
    }
}

impl Place {
    /// Returns where a command sees the directories of this place under this grant: with a root of its own at
    /// stable paths, so that build caches stay valid from run to run; without, where the host has them.
    pub fn seen(&self, grant: &Grant) -> Seen {
        match grant.isolation() {
            Isolation::Namespaces { .. } => {
                Seen { worktree: WORKTREE.into(), home: HOME.into(), tmp: TMPDIR.into() }
            }
            Isolation::Bare => {
                Seen { worktree: self.worktree.clone(), home: self.home.clone(), tmp: self.tmp.clone() }
            }
        }
    }
}

/// Runs the confined side if this process was started as one. Called first in `main`, before any thread
/// is started; returns only in an ordinary invocation.
pub fn enter_if_confined() {
    if let Some(code) = enter::enter_if_confined() {
        std::process::exit(code);
    }
}
