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
mod names;

pub(super) use autopilot_init::group::{LAYER, failed};
pub(super) use find::{find, no};
pub(super) use group::Group;
