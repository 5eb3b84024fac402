//! What the confined side tells, in the runner's log.

use autopilot_init::told::Level;

/// Whose lines these are in the log; `AUTOPILOT_LOG=autopilot::sandbox::confined=debug` picks them.
const TARGET: &str = "autopilot::sandbox::confined";

/// Returns how much a confined side is to say.
pub(super) fn level() -> Level {
    if tracing::enabled!(target: TARGET, tracing::Level::TRACE) {
        Level::Trace
    } else if tracing::enabled!(target: TARGET, tracing::Level::DEBUG) {
        Level::Debug
    } else {
        Level::Off
    }
}

/// Logs what a confined side told.
pub(super) fn log(lines: &str) {
    for line in lines.lines() {
        tracing::debug!(target: TARGET, "{line}");
    }
}
