//! Takes a [`Grant`](crate::policy::Grant), a place and a command, gives a confined child, and returns what was *enforced* as a fact.
//!
//! The runner executes a small program that was built into it (`autopilot-init`), or itself, with the grant on a socket;
//! that child confines itself, supervises the command's whole process tree and ends with the runner. Decides nothing.

mod behind;
mod carrier;
mod cgroup;
mod confined;
mod distribution;
mod elf;
mod filter;
mod granted;
mod launch;
mod launcher;
mod lookup;
mod mapped;
mod own;
mod probe;
mod programs;
mod shebang;
mod signals;
mod start;
mod streams;
mod told;
mod toolchains;
mod trial;

pub use autopilot_init::make_over;
pub use autopilot_init::outcome::{Ended, Enforced, SandboxError, Status};
pub use autopilot_init::place::{HOME, Place, Seen, TMPDIR, WORKTREE};
pub use carrier::carrier;
pub use confined::Confined;
pub use distribution::holds_no_secret;
pub(crate) use launch::spawn_seen;
pub use launch::{Command, spawn};
pub use own::{demand_apart, demand_worktree_apart, leads, own_of_user, state_dir, with_real};
pub use probe::{probe, user};
pub use programs::{Program, look};
pub use signals::{ignored, keep_ends_of_children};
pub use trial::try_overlay;

/// Runs the confined side if this process was started as one. Called first in `main`, before any thread
/// is started; returns only in an ordinary invocation.
pub fn enter_if_confined() {
    if let Some(code) = autopilot_init::enter::enter_if_confined() {
        std::process::exit(code);
    }
}

/// Takes away what waits for a next command, and the control groups of those that ended. Called last; what is left
/// then, the next runner removes.
pub fn tidy() {
    launcher::tidy();
}
