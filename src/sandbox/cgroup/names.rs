//! Names in cgroup file systems.

/// The file that lists a group's processes, and takes one in.
pub(super) const PROCESSES: &str = "cgroup.procs";

/// First word of the names of groups.
pub(super) const PREFIX: &str = "autopilot-";
