//! What is to be launched, as it travels to the confined side: the setting ahead, the launch when it is there.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::filter::Filter;
use crate::granted::{Cgroup, Granted, Isolation};
use crate::place::{Place, Seen};

/// What the confined side can make ready before it is known what it launches: the same for most commands of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// What stands between the command and the host.
    pub isolation: Isolation,
    /// Whether the host's network is shared.
    pub shares_network: bool,
    /// Where its control group is made.
    pub cgroup: Option<Cgroup>,
    /// The Landlock ABI that must be in force; 0: none.
    pub landlock: u32,
    /// The parts of the system that commands read and execute.
    pub system: Vec<PathBuf>,
    /// The toolchains that they read and execute.
    pub toolchains: Vec<PathBuf>,
    /// Without a network of its own: the TCP ports it may connect to. Known with the launch.
    pub connect: Vec<u16>,
}

impl Setting {
    /// Takes out of a grant what most commands of a run have in common.
    pub fn of(grant: &Granted) -> Self {
        Self {
            isolation: grant.isolation,
            shares_network: grant.shares_network,
            cgroup: grant.cgroup.clone(),
            landlock: grant.landlock,
            system: grant.system.clone(),
            toolchains: grant.toolchains.clone(),
            connect: Vec::new(),
        }
    }
}

/// Everything else the confined side needs but the streams.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Launch {
    /// What may be done.
    pub grant: Granted,
    /// What of system calls is refused; none if that was given up.
    pub filter: Option<Filter>,
    /// Where, as the host names it.
    pub place: Place,
    /// Where the command sees worktree, HOME and TMPDIR.
    pub seen: Seen,
    /// Parts of the worktree that are not to be written all the same, such as the caller's own `.git`.
    pub read_only: Vec<PathBuf>,
    /// The command.
    pub argv: Vec<Bytes>,
    /// Relative to the worktree.
    pub dir: PathBuf,
    /// On top of the grant's environment.
    pub env: Vec<(Bytes, Bytes)>,
    /// Where on the loopback of its own to listen for the runner.
    pub listen: Vec<SocketAddr>,
    /// Without a network of its own: the TCP ports it may connect to.
    pub connect: Vec<u16>,
}

/// Bytes that need not be UTF-8.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(Vec<u8>);

impl From<OsString> for Bytes {
    fn from(text: OsString) -> Self {
        Self(text.into_vec())
    }
}

impl Bytes {
    /// Returns the bytes as the system's string.
    pub fn as_os_str(&self) -> &std::ffi::OsStr {
        std::ffi::OsStr::from_bytes(&self.0)
    }
}
