//! What is to be launched, as it travels to the confined side: the setting ahead, the launch when it is there.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::granted::Granted;
use super::place::{Place, Seen};
use crate::policy::{Cgroup, Isolation};

/// What the confined side can make ready before it is known what it launches: the same for most commands of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Setting {
    pub(super) isolation: Isolation,
    pub(super) shares_network: bool,
    /// Where its control group is made.
    pub(super) cgroup: Option<Cgroup>,
    pub(super) landlock: u32,
    pub(super) seccomp: bool,
    pub(super) system: Vec<PathBuf>,
    pub(super) toolchains: Vec<PathBuf>,
    /// Without a network of its own: the TCP ports it may connect to. Known with the launch.
    pub(super) connect: Vec<u16>,
}

impl Setting {
    /// Takes out of a grant what most commands of a run have in common.
    pub(super) fn of(grant: &Granted) -> Self {
        Self {
            isolation: grant.isolation,
            shares_network: grant.shares_network,
            cgroup: grant.cgroup.clone(),
            landlock: grant.landlock,
            seccomp: grant.seccomp,
            system: grant.system.clone(),
            toolchains: grant.toolchains.clone(),
            connect: Vec::new(),
        }
    }
}

/// Everything else the confined side needs but the streams.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Launch {
    /// What may be done.
    pub(super) grant: Granted,
    /// Where, as the host names it.
    pub(super) place: Place,
    /// Where the command sees worktree, HOME and TMPDIR.
    pub(super) seen: Seen,
    /// Parts of the worktree that are not to be written all the same, such as the caller's own `.git`.
    pub(super) read_only: Vec<PathBuf>,
    /// The command.
    pub(super) argv: Vec<Bytes>,
    /// Relative to the worktree.
    pub(super) dir: PathBuf,
    /// On top of the grant's environment.
    pub(super) env: Vec<(Bytes, Bytes)>,
    /// Where on the loopback of its own to listen for the runner.
    pub(super) listen: Vec<SocketAddr>,
    /// Without a network of its own: the TCP ports it may connect to.
    pub(super) connect: Vec<u16>,
}

/// Bytes that need not be UTF-8.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Bytes(Vec<u8>);

impl From<OsString> for Bytes {
    fn from(text: OsString) -> Self {
        Self(text.into_vec())
    }
}

impl Bytes {
    /// Returns the bytes as the system's string.
    pub(super) fn as_os_str(&self) -> &std::ffi::OsStr {
        std::ffi::OsStr::from_bytes(&self.0)
    }
}
