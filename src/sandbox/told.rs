//! What the confined side does, step by step: logged there, sent to the runner line by line, logged by the runner.
//!
//! Its standard error leads nowhere and its environment is empty, so that nothing of the runner's is near a step. The
//! level comes as an argument instead, and lines go the way of every report. Nothing of this is there once the command
//! runs: the descriptor is closed on execution.

use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::Level;

use super::outcome::SandboxError;
use super::wire;

/// Whose lines these are in the log; `AUTOPILOT_LOG=autopilot::sandbox::confined=debug` picks them.
const TARGET: &str = "autopilot::sandbox::confined";

/// Bytes that are kept for a runner that does not listen yet; what is over it is lost.
const KEPT: usize = 16 << 10;

/// Returns the argument that tells a confined side how much to say.
pub(super) fn argument() -> &'static str {
    if tracing::enabled!(target: TARGET, Level::TRACE) {
        "log=trace"
    } else if tracing::enabled!(target: TARGET, Level::DEBUG) {
        "log=debug"
    } else {
        "log=off"
    }
}

/// Lets this confined side tell what it does, as much as the argument says.
pub(super) fn begin(argument: &str, socket: &OwnedFd) -> io::Result<()> {
    let level = match argument {
        "log=trace" => Level::TRACE,
        "log=debug" => Level::DEBUG,
        _ => return Ok(()),
    };
    let lines = Lines { socket: Arc::new(socket.try_clone()?), waiting: Arc::default() };
    let format = tracing_subscriber::fmt().without_time().with_target(false).with_level(false);
    format.with_max_level(level).with_writer(move || lines.clone()).try_init().map_err(io::Error::other)
}

/// Logs what a confined side told.
pub(super) fn log(lines: &str) {
    for line in lines.lines() {
        tracing::debug!(target: TARGET, "{line}");
    }
}

/// Does one step of confinement, in a span of its name: the log shows how far it came.
pub(super) fn step<T>(
    name: &'static str,
    does: impl FnOnce() -> Result<T, SandboxError>,
) -> Result<T, SandboxError> {
    let span = tracing::debug_span!("confine", step = name);
    let _inside = span.enter();
    tracing::trace!("begins");
    match does() {
        Ok(done) => {
            tracing::debug!("done");
            Ok(done)
        }
        Err(error) => {
            tracing::debug!(%error, "failed");
            Err(error)
        }
    }
}

/// Sends lines to the runner, and never waits for it.
#[derive(Clone)]
struct Lines {
    socket: Arc<OwnedFd>,
    /// What there was no room for yet.
    waiting: Arc<Mutex<Vec<u8>>>,
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() + line.len() <= KEPT {
            waiting.extend_from_slice(line);
        }
        if wire::tell(&*self.socket, &String::from_utf8_lossy(&waiting)).is_ok() {
            waiting.clear();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
