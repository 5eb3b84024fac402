//! Who may begin. Two autopilots with different state directories know nothing of each other's locks, but what they
//! record lies in one folder.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::disk::{named, open_plain};
use super::files::{Files, RunName};

/// The right to begin or go on with a run in a checkout. One at a time has it, for as long as it takes to open a
/// journal, which whoever comes next finds locked.
#[derive(Debug)]
pub(super) struct Turn {
    _folder: File,
}

impl Turn {
    /// Waits for the right. An error of the kind `WouldBlock` if a run of the issue is being recorded, other than
    /// the one to go on with.
    pub(super) fn take(top: &Path, issue: u64, own: Option<RunName>) -> io::Result<Self> {
        let path = Files::folder(top);
        let folder = File::open(&path).map_err(|error| named(error, &path))?;
        // Where the filesystem knows no locks, the issue's own lock has to do.
        while flock(&folder, FlockOperation::LockExclusive) == Err(Errno::INTR) {}
        for run in Files::runs(top)?.into_iter().filter(|run| run.issue() == issue && Some(*run) != own) {
            if Files::of(top, run).is_recorded() {
                let what = format!("run {run} is running");
                return Err(io::Error::new(io::ErrorKind::WouldBlock, what));
            }
        }
        Ok(Self { _folder: folder })
    }
}

impl Files {
    /// Tells whether somebody is recording the run. A journal that cannot be opened is nobody's.
    pub fn is_recorded(&self) -> bool {
        let shared = |file: File| flock(&file, FlockOperation::NonBlockingLockShared);
        open_plain(&self.journal()).is_ok_and(|file| shared(file) == Err(Errno::WOULDBLOCK))
    }
}
