//! Resource limits that the kernel holds by itself; what it cannot hold over a tree is watched (`watch`).

use std::io;

use nix::sys::resource::{Resource, setrlimit};

use super::SandboxError;
use crate::policy::{Isolation, Limits};

/// Processes above the limit that the kernel still lets be born: the watch sees the limit crossed and can name
/// it, and the kernel stops what outruns the watch.
const SLACK: u64 = 48;

/// Sets what this process and all its children keep to. Never RLIMIT_AS: reserved is not used, and node,
/// Go and Java reserve a lot.
pub(super) fn set(limits: &Limits, isolation: Isolation, as_root: bool) -> Result<(), SandboxError> {
    let both = |resource, value: u64| {
        setrlimit(resource, value, value).map_err(|error| {
            SandboxError::of("limits", &format!("{resource:?} = {value}"), &io::Error::from(error))
        })
    };
    both(Resource::RLIMIT_CORE, 0)?;
    both(Resource::RLIMIT_FSIZE, limits.file_size)?;
    both(Resource::RLIMIT_NOFILE, limits.open_files)?;
    both(Resource::RLIMIT_MSGQUEUE, 0)?;
    // Counts per uid and user namespace: only where one of these is the command's own.
    if as_root || isolation != Isolation::Bare {
        both(Resource::RLIMIT_NPROC, limits.processes.saturating_add(SLACK))?;
    }
    if let Some(cpu) = limits.cpu {
        both(Resource::RLIMIT_CPU, cpu.as_secs().saturating_add(2))?;
    }
    Ok(())
}
