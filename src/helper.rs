//! Programs that work for the runner: gits, gh, an agent that is asked for its version, the confined side's outer part.

pub use autopilot_init::helper::{POLITE, start};
