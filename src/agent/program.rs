//! Looks for a program of an agent, asks it what it is, and compares versions. Knows no agent by name.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::helper;
use crate::time::exact;

/// How long an agent may take to tell about itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why there is no agent to work with, or no way to its model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Unavailable {
    /// What was looked for and what was found.
    pub what: String,
    /// What to do about it.
    pub hint: String,
}

impl Unavailable {
    pub(super) fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { what: what.into(), hint: hint.into() }
    }
}

/// Returns the first file of this name in the folders of a PATH.
pub(super) fn on_path(path: &[PathBuf], name: &str) -> Option<PathBuf> {
    path.iter().map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Runs a command that has to end, and returns what it printed.
pub(super) fn output(command: &mut Command) -> io::Result<String> {
    let mut printed: File = tempfile::tempfile()?;
    command.stdin(Stdio::null()).stdout(printed.try_clone()?).stderr(Stdio::null());
    let mut child = helper::start(|| command.spawn())?;
    if !ends(&child)? {
        child.kill()?;
        child.wait()?;
        return Err(io::Error::other(format!("did not answer within {}", exact(PATIENCE))));
    }
    let status = child.wait()?;
    printed.rewind()?;
    let mut text = String::new();
    printed.take(1 << 20).read_to_string(&mut text)?;
    if status.success() { Ok(text) } else { Err(io::Error::other(format!("ended with {status}"))) }
}

fn ends(child: &Child) -> io::Result<bool> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| io::Error::other("a child without a pid"))?;
    let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
    let patience = PollTimeout::try_from(PATIENCE).unwrap_or(PollTimeout::MAX);
    Ok(poll(&mut [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)], patience)? > 0)
}

/// Says what is to be said of a version that was not tested.
pub(super) fn untested(name: &str, version: &str, tested: &[&str]) -> Option<String> {
    let newest = tested.last().copied().unwrap_or_default();
    is_newer(version, newest)
        .then(|| format!("{name} {version} is newer than what autopilot was tested with (up to {newest})"))
}

/// Says why a version is refused that is older than any that was tested: what keeps a checkout out may be missing in it,
/// and not all of that can be asked for.
pub(super) fn too_old(name: &str, version: &str, tested: &[&str]) -> Option<String> {
    let oldest = tested.first().copied().unwrap_or_default();
    is_newer(oldest, version)
        .then(|| format!("{name} {version} is older than what autopilot was tested with (from {oldest} on)"))
}

/// Reads the three numbers of a version.
pub(super) fn numbers(version: &str) -> Option<[u64; 3]> {
    let release = version.split(['-', '+']).next()?;
    let mut parts = release.split('.').map(|part| part.parse().ok());
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}

/// Tells whether a version comes after another one.
pub(super) fn is_newer(version: &str, than: &str) -> bool {
    numbers(version) > numbers(than)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert!(is_newer("0.170.0", "0.169.0"));
        assert!(is_newer("0.169.10", "0.169.9-alpha.1"));
        assert!(!is_newer("0.169.0", "0.169.0"));
        assert_eq!(numbers("agent"), None);
    }
}
