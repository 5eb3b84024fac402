//! The control groups of a confined side, which the runner made: it moves itself in, and all it starts is born there.

use std::io;

use crate::outcome::SandboxError;

/// The layer that errors name.
pub const LAYER: &str = "cgroup";

/// The file that lists a group's processes, and takes one in.
pub const PROCESSES: &str = "cgroup.procs";

/// Moves this process into groups. Before it leaves the host's namespaces: afterwards they are out of its sight.
pub(crate) fn enter(groups: &[&str]) -> Result<(), SandboxError> {
    groups.iter().try_for_each(|group| {
        // 0: whoever writes.
        std::fs::write(format!("{group}/{PROCESSES}"), "0")
            .map_err(|error| failed(&format!("move into {group}"), &error))
    })
}

/// Makes an error of the layer.
pub fn failed(tried: &str, error: &io::Error) -> SandboxError {
    SandboxError {
        layer: LAYER.into(),
        what: format!("{tried}: {error}"),
        hint: "look whether somebody else looks after this control group; `autopilot doctor` names it".into(),
    }
}
