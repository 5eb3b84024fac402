//! Control groups: the kernel's own count of what a whole tree holds, in whatever form: pages, files in memory, buffers
//! of sockets and pipes, the kernel's tables. One is made per confined side, and goes with it.
//!
//! ```text
//! find  ─ where groups may be made here, as a fact for the policy; sweeps what dead runners left
//! Group ─ the runner's: made, limited once the launch is known, removed
//! enter ─ the confined side's: it moves itself in, and all it starts is born there
//! Meter ─ the supervisor's: whether the kernel stopped something
//! ```

mod find;
mod group;
mod meter;
mod names;

use std::io;

pub(super) use find::{find, no};
pub(super) use group::Group;
pub(super) use meter::Meter;

use super::SandboxError;
use names::PROCESSES;

/// The layer that errors name.
pub(super) const LAYER: &str = "cgroup";

/// Moves this process into groups. Before it leaves the host's namespaces: afterwards they are out of its sight.
pub(super) fn enter(groups: &[&str]) -> Result<(), SandboxError> {
    groups.iter().try_for_each(|group| {
        // 0: whoever writes.
        std::fs::write(format!("{group}/{PROCESSES}"), "0")
            .map_err(|error| failed(&format!("move into {group}"), &error))
    })
}

/// Makes an error of the layer.
pub(super) fn failed(tried: &str, error: &io::Error) -> SandboxError {
    SandboxError {
        layer: LAYER.into(),
        what: format!("{tried}: {error}"),
        hint: "look whether somebody else looks after this control group; `autopilot doctor` names it".into(),
    }
}
