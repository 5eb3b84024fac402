//! Names in cgroup file systems.

/// First word of the names of groups.
pub(super) const PREFIX: &str = "autopilot-";
