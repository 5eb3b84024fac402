//! Signals that this process was started to ignore, as `nohup` has SIGHUP ignored, and a shell without job control
//! SIGINT and SIGQUIT of what it runs in its background. Who ignores a signal passes that on to all it starts.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use nix::sys::signal::Signal;

use crate::procfs::field;
use crate::reading;

/// Those that a program is ended, stopped or told by. Rust's own runtime ignores SIGPIPE, and undoes that for each child.
const ASKED_ABOUT: [Signal; 11] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGALRM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGCHLD,
    Signal::SIGTSTP,
    Signal::SIGTTIN,
    Signal::SIGTTOU,
];

/// Lists the signals that this process ignores.
pub fn ignored() -> Vec<Signal> {
    let status = reading::text("/proc/self/status").unwrap_or_default();
    let bits = field(&status, "SigIgn:").and_then(|bits| u64::from_str_radix(bits, 16).ok()).unwrap_or(0);
    ASKED_ABOUT.into_iter().filter(|signal| bits >> (*signal as i32 - 1) & 1 == 1).collect()
}

/// Sees to it that what this process executes from here on is ended and told by signals as any program is: a signal that is
/// caught is not ignored after an execution. This process passes over them still.
pub(crate) fn ignore_alone() -> io::Result<()> {
    for signal in ignored() {
        signal_hook::flag::register(signal as i32, Arc::new(AtomicBool::new(false)))?;
    }
    Ok(())
}

/// Has the ends of children told, whatever this process was started with: where SIGCHLD is ignored, the kernel keeps none.
pub fn keep_ends_of_children() -> io::Result<()> {
    if ignored().contains(&Signal::SIGCHLD) {
        signal_hook::flag::register(Signal::SIGCHLD as i32, Arc::new(AtomicBool::new(false)))?;
    }
    Ok(())
}
