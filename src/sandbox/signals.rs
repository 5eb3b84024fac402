//! Signals that this process was started to ignore.

pub use autopilot_init::signals::ignored;

/// Has the ends of children told, whatever this process was started with.
pub fn keep_ends_of_children() {
    if let Err(error) = autopilot_init::signals::keep_ends_of_children() {
        tracing::debug!(%error, "the ends of children may be lost: SIGCHLD is ignored");
    }
}
