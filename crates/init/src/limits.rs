//! Resource limits that the kernel holds by itself; what it cannot hold over a tree is watched (`watch`).

use std::io;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::granted::{Isolation, Limits};
use crate::outcome::SandboxError;
use crate::procfs::field;

/// Processes above the limit that the kernel still lets be born: the watch sees the limit crossed and can name
/// it, and the kernel stops what outruns the watch.
pub const SLACK: u64 = 48;

/// No core, anywhere: a file is smaller than any core, and at exactly 1 the kernel starts no handler of `core_pattern`
/// either. At 0 it would, as root, with a memory image of the step's making.
const NO_CORE: u64 = 1;

/// Signals that wait, and timers.
const SIGNALS: u64 = 4096;

/// Sets what this process and all its children keep to. Never RLIMIT_AS: reserved is not used, and node,
/// Go and Java reserve a lot.
pub(crate) fn set(limits: &Limits, isolation: Isolation, as_root: bool) -> Result<(), SandboxError> {
    let both = |resource, value: u64| {
        setrlimit(resource, value, value).map_err(|error| {
            SandboxError::of("limits", &format!("{resource:?} = {value}"), &io::Error::from(error))
        })
    };
    // A host's own 0 cannot be raised.
    let (_, allowed) = getrlimit(Resource::RLIMIT_CORE)
        .map_err(|error| SandboxError::of("limits", "read RLIMIT_CORE", &io::Error::from(error)))?;
    both(Resource::RLIMIT_CORE, NO_CORE.min(allowed))?;
    both(Resource::RLIMIT_FSIZE, limits.file_size)?;
    both(Resource::RLIMIT_NOFILE, limits.open_files)?;
    both(Resource::RLIMIT_MSGQUEUE, 0)?;
    // Counts with all of the user's, and where that is full their programs get no timers.
    let (_, signals) = getrlimit(Resource::RLIMIT_SIGPENDING)
        .map_err(|error| SandboxError::of("limits", "read RLIMIT_SIGPENDING", &io::Error::from(error)))?;
    both(Resource::RLIMIT_SIGPENDING, SIGNALS.min(signals))?;
    // A caller that may (an audio group) hands it on: a step in real time starves whoever watches it.
    both(Resource::RLIMIT_RTPRIO, 0)?;
    both(Resource::RLIMIT_NICE, 0)?;
    // Counts per uid and user namespace. Where neither is the command's own, what the user runs already comes on
    // top: less exact, but without any bound a fork bomb outruns the watch and takes the host with it.
    let others = if as_root || isolation != Isolation::Bare { 0 } else { threads_of(nix::unistd::getuid()) };
    both(Resource::RLIMIT_NPROC, limits.processes.saturating_add(SLACK).saturating_add(others))?;
    if let Some(cpu) = limits.cpu {
        both(Resource::RLIMIT_CPU, cpu.as_secs().saturating_add(2))?;
    }
    Ok(())
}

/// Counts the threads of a user's processes.
fn threads_of(uid: nix::unistd::Uid) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let Ok(entries) = std::fs::read_dir("/proc") else { return 0 };
    let own = entries.flatten().filter(|entry| entry.metadata().is_ok_and(|seen| seen.uid() == uid.as_raw()));
    own.filter_map(|entry| {
        let status = std::fs::read_to_string(entry.path().join("status")).ok()?;
        field(&status, "Threads:")?.parse::<u64>().ok()
    })
    .sum()
}
