//! What the confined side does, step by step: sent to the runner line by line, logged by the runner.
//!
//! Its standard error leads nowhere and its environment is empty, so that nothing of the runner's is near a step. The
//! level comes as an argument instead, and lines go the way of every report. Nothing of this is there once the command
//! runs: the descriptor is closed on execution.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::outcome::SandboxError;
use crate::wire;

/// Bytes that are kept for a runner that does not listen yet; what is over it is lost.
const KEPT: usize = 16 << 10;

/// How much a confined side tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub enum Level {
    /// Nothing.
    Off,
    /// What was done.
    Debug,
    /// What begins, too.
    Trace,
}

impl Level {
    /// Returns the argument that says so.
    pub fn argument(self) -> &'static str {
        match self {
            Self::Off => "log=off",
            Self::Debug => "log=debug",
            Self::Trace => "log=trace",
        }
    }
}

/// Who listens to this process.
struct Listener {
    level: Level,
    socket: OwnedFd,
    /// What there was no room for yet.
    waiting: Mutex<String>,
}

static LISTENER: OnceLock<Listener> = OnceLock::new();

/// Lets this confined side tell what it does, as much as the argument says.
pub(crate) fn begin(argument: &str, socket: &OwnedFd) -> io::Result<()> {
    let known = [Level::Debug, Level::Trace].into_iter().find(|level| level.argument() == argument);
    if let Some(level) = known {
        let listener = Listener { level, socket: socket.try_clone()?, waiting: Mutex::default() };
        LISTENER.set(listener).map_err(|_| io::Error::other("somebody listens already"))?;
    }
    Ok(())
}

/// Returns how much is told here, for whom this process starts.
pub(crate) fn level() -> Level {
    LISTENER.get().map_or(Level::Off, |listener| listener.level)
}

/// Does one step of confinement, and tells of it by its name: the log shows how far it came.
pub(crate) fn step<T>(
    name: &'static str,
    does: impl FnOnce() -> Result<T, SandboxError>,
) -> Result<T, SandboxError> {
    tell(Level::Trace, || format!("confine{{step=\"{name}\"}}: begins"));
    let done = does();
    tell(Level::Debug, || match &done {
        Ok(_) => format!("confine{{step=\"{name}\"}}: done"),
        Err(error) => format!("confine{{step=\"{name}\"}}: failed error={error}"),
    });
    done
}

/// Tells something besides.
pub(crate) fn debug(line: &str) {
    tell(Level::Debug, || line.to_owned());
}

/// Hands on the lines of a process that this one started.
pub(crate) fn pass_on(lines: &str) {
    for line in lines.lines() {
        debug(line);
    }
}

/// Sends a line to the runner, and never waits for it.
fn tell(level: Level, line: impl FnOnce() -> String) {
    let Some(listener) = LISTENER.get().filter(|listener| level <= listener.level) else { return };
    let line = line();
    let mut waiting = listener.waiting.lock().unwrap_or_else(PoisonError::into_inner);
    if waiting.len() + line.len() < KEPT {
        waiting.push_str(&line);
        waiting.push('\n');
    }
    if wire::tell(&listener.socket, &waiting).is_ok() {
        waiting.clear();
    }
}
