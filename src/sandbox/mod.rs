//! Takes a [`Grant`](crate::policy::Grant), a place and a command, gives a confined child, and returns what was *enforced* as a fact.
//!
//! The runner executes itself (`/proc/self/exe`) with the grant on a socket; that child confines itself,
//! supervises the command's whole process tree and ends with the runner. Decides nothing.

mod behind;
mod binds;
mod caches;
mod cgroup;
mod command;
mod confine;
mod confined;
mod distribution;
mod elf;
mod enter;
mod etc;
mod filter;
mod granted;
mod handover;
mod held;
mod identity;
mod launch;
mod launcher;
mod limits;
mod lock;
mod mapped;
mod mountinfo;
mod mounts;
mod namespaces;
mod outcome;
mod own;
mod place;
mod probe;
mod procfs;
mod programs;
mod refused;
mod root;
mod shares;
mod shebang;
mod signals;
mod spec;
mod streams;
mod supervise;
mod told;
mod toolchains;
mod tree;
mod trial;
mod victim;
mod watch;
mod wire;

pub use confined::Confined;
pub use distribution::holds_no_secret;
pub use handover::make_over;
pub(crate) use launch::spawn_seen;
pub use launch::{Command, spawn};
pub use outcome::{Ended, Enforced, SandboxError, Status};
pub use own::{demand_apart, demand_worktree_apart, leads, own_of_user, state_dir, with_real};
pub use place::{HOME, Place, Seen, TMPDIR, WORKTREE};
pub use probe::{probe, user};
pub use programs::{Program, look};
pub use signals::{ignored, keep_ends_of_children};
pub use trial::try_overlay;

/// Runs the confined side if this process was started as one. Called first in `main`, before any thread
/// is started; returns only in an ordinary invocation.
pub fn enter_if_confined() {
    if let Some(code) = enter::enter_if_confined() {
        std::process::exit(code);
    }
}

/// Takes away what waits for a next command, and the control groups of those that ended. Called last; what is left
/// then, the next runner removes.
pub fn tidy() {
    launcher::tidy();
}
