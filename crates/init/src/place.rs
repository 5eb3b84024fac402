//! Where a command runs: the directories of a run, as the host names them and as the command sees them.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::granted::Isolation;

/// Where a command with a root of its own sees its worktree.
pub const WORKTREE: &str = "/work/tree";
/// Where it sees its HOME. Not below TMPDIR: there are agents that refuse that.
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
    /// What is seen through HOME where nothing of it was written there, the nearest first. Nothing: HOME is all there is.
    /// Only with namespaces, and where an overlay can be mounted.
    pub below_home: Vec<PathBuf>,
    /// The same of the worktree: what a proof runs on lies there, and stays as it is.
    pub below_worktree: Vec<PathBuf>,
    /// Private TMPDIR of the attempt: writable.
    pub tmp: PathBuf,
    /// What the runner itself needs writable here (its own git directory), hidden from steps.
    pub also_write: Vec<PathBuf>,
    /// What the runner itself needs readable here.
    pub also_read: Vec<PathBuf>,
}

impl Place {
    /// Returns where a command sees the directories of this place: with a root of its own at stable
    /// paths, so that build caches stay valid from run to run; without, where the host has them.
    pub fn seen(&self, isolation: Isolation) -> Seen {
        match isolation {
            Isolation::Namespaces { .. } => {
                Seen { worktree: WORKTREE.into(), home: HOME.into(), tmp: TMPDIR.into() }
            }
            Isolation::Bare => {
                Seen { worktree: self.worktree.clone(), home: self.home.clone(), tmp: self.tmp.clone() }
            }
        }
    }
}

/// Where the command sees the directories of its place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The worktree.
    pub worktree: PathBuf,
    /// HOME.
    pub home: PathBuf,
    /// TMPDIR.
    pub tmp: PathBuf,
}
